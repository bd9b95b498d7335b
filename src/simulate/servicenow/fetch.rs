//! Downloading what users send.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    instance::Instance,
    request::{Request, text},
    view::Fetched,
};

impl Instance {
    /// Downloads what the user sent, some time later, as the real one does; from loopback only.
    pub(super) fn fetch_attachments(self: &Arc<Self>, request: &Request) {
        for attachment in request.attachments() {
            let url = text(attachment, "url").to_owned();
            if !is_loopback(&url) {
                continue;
            }
            let (instance, session) = (Arc::clone(self), request.session().to_owned());
            let headers = attachment.get("headers").cloned().unwrap_or(Value::Null);
            self.runtime.spawn(async move {
                if let Some(fetched) = instance.fetch(&url, &headers).await {
                    instance.book().note_fetched(&session, &url, &fetched);
                    instance.changed();
                }
            });
        }
    }

    async fn fetch(&self, url: &str, headers: &Value) -> Option<Fetched> {
        let own = url.strip_prefix(&self.url).and_then(|path| path.strip_prefix("/api/now/v1/cs/media/"));
        if let Some(file) = own.and_then(|id| self.media.find_upload(id)) {
            return Some(Fetched { status: 200, bytes: file.bytes, sha256: file.sha256 });
        }
        let mut call = self.client.get(url).timeout(self.options.webhook_timeout);
        for (name, value) in headers.as_object().into_iter().flatten() {
            call = call.header(name, value.as_str().unwrap_or_default());
        }
        let answer = call.send().await.ok()?;
        let status = answer.status().as_u16();
        let (mut body, mut hash, mut bytes) = (answer.bytes_stream(), Sha256::new(), 0);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.ok()?;
            hash.update(&chunk);
            bytes += chunk.len() as u64;
        }
        Some(Fetched { status, bytes, sha256: hex::encode(hash.finalize()) })
    }
}

fn is_loopback(url: &str) -> bool {
    match url::Url::parse(url).ok().as_ref().and_then(url::Url::host) {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
