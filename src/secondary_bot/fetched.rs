//! Attachments that only a credential opens: fetched by us, so that it stays here, and kept as uploads are.

use std::{error::Error, io, iter::successors, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE},
    redirect,
};
use serde_json::Value;
use tokio::time::timeout;
use tracing::warn;
use url::{Host, Url};

use super::media::{Media, PATH};
use crate::{
    config::Settings,
    domain::Timestamp,
    far_end::tls,
    files::{Label, StoreError, is_public},
    wire::virtual_agent::request::{Action, Attachment, Request},
};

/// For the whole of a file.
const TIME_OUT: Duration = Duration::from_secs(60);
/// A server that sends nothing for so long has gone.
const IDLE: Duration = Duration::from_secs(15);

/// Why an attachment was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum NoFile {
    #[error("its address must be public and https, or under SERVICENOW_URL")]
    NotAllowed,
    #[error("its server refused it with status {0}")]
    Refused(u16),
    #[error("its server answered with a page instead, as it does when its credential is wrong")]
    APage,
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    #[error("it can't be fetched at the moment")]
    NotNow,
}

impl From<StoreError> for NoFile {
    fn from(error: StoreError) -> Self {
        warn!(%error, "An attachment can't be kept");
        Self::NotNow
    }
}

/// A name that leads inside is no passing fault.
impl From<reqwest::Error> for NoFile {
    fn from(error: reqwest::Error) -> Self {
        let mut causes = successors(Some(&error as &(dyn Error + 'static)), |cause| (*cause).source());
        let inside = causes.any(|cause| {
            let cause = cause.downcast_ref::<io::Error>();
            cause.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        });
        if inside { Self::NotAllowed } else { Self::NotNow }
    }
}

/// Fetches from public places, and from the primary bot's instance.
pub struct Fetcher {
    public: Option<reqwest::Client>,
    instance: reqwest::Client,
    /// The instance's root.
    own: Option<Url>,
    /// Bytes.
    limit: u64,
    media: Media,
}

impl Fetcher {
    pub fn new(settings: &Settings, http: &reqwest::Client, media: Media) -> Self {
        let public = tls::config().ok().and_then(|trusted| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(trusted)
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never().max_retries_per_request(0))
                .connect_timeout(Duration::from_secs(3))
                // A proxy would look names up where we can't see what they lead to.
                .no_proxy()
                .dns_resolver(Arc::new(PublicOnly))
                .build()
                .ok()
        });
        Self {
            public,
            instance: http.clone(),
            own: settings.servicenow.as_ref().map(|far| far.url.clone()),
            limit: settings.files.max_upload,
            media,
        }
    }

    /// Fetches what the request attaches with a credential; from then on it is one of our uploads.
    ///
    /// # Errors
    /// See [`NoFile`]; of a request with several nothing is kept that anybody could name.
    pub async fn take_in(&self, request: &mut Request, now: Timestamp) -> Result<(), NoFile> {
        for attachment in attachments(&mut request.action) {
            let Some(authorization) = authorization(attachment) else { continue };
            if !attachment.url.contains(PATH) {
                attachment.url = self.fetch(attachment, &authorization, now).await?;
            }
            attachment.headers = Default::default();
        }
        Ok(())
    }

    async fn fetch(
        &self,
        attachment: &Attachment,
        authorization: &str,
        now: Timestamp,
    ) -> Result<String, NoFile> {
        let (url, http) = self.way(&attachment.url)?;
        let get = http.get(url).timeout(TIME_OUT).header(AUTHORIZATION, authorization);
        let mut response = get.header(ACCEPT_ENCODING, "identity").send().await?;
        match response.status().as_u16() {
            200..300 => {}
            408 | 429 | 500.. => return Err(NoFile::NotNow),
            status => return Err(NoFile::Refused(status)),
        }
        if is_page(response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()))
            && !is_page(Some(&attachment.content_type))
        {
            return Err(NoFile::APage);
        }
        let too_large = || NoFile::TooLarge(self.limit);
        if response.content_length().is_some_and(|length| length > self.limit) {
            return Err(too_large());
        }
        let mut file =
            self.media.begin(&Label::new(&attachment.file_name, &attachment.content_type), now).await?;
        let mut written = 0;
        while let Some(chunk) = timeout(IDLE, response.chunk()).await.map_err(|_| NoFile::NotNow)?? {
            written += chunk.len() as u64;
            if written > self.limit {
                return Err(too_large());
            }
            file.write(chunk).await?;
        }
        Ok(format!("{PATH}{}", file.finish().await?))
    }

    /// Where the file is, and the client that may go there.
    fn way(&self, url: &str) -> Result<(Url, &reqwest::Client), NoFile> {
        let url = Url::parse(url).map_err(|_| NoFile::NotAllowed)?;
        if self.own.as_ref().is_some_and(|own| own.origin() == url.origin()) {
            return Ok((url, &self.instance));
        }
        let bare = url.username().is_empty() && url.password().is_none();
        let allowed = url.scheme() == "https" && bare && url.host().is_some_and(|host| is_public(&host));
        let public = self.public.as_ref().ok_or(NoFile::NotNow)?;
        if allowed { Ok((url, public)) } else { Err(NoFile::NotAllowed) }
    }
}

/// Whether something of the request's has to be fetched.
pub fn is_needed(request: &mut Request) -> bool {
    attachments(&mut request.action).iter().any(|attachment| authorization(attachment).is_some())
}

fn attachments(action: &mut Action) -> &mut [Attachment] {
    match action {
        Action::Message(message) | Action::Agent(message) | Action::StartConversation(message) => {
            &mut message.attachments
        }
        _ => &mut [],
    }
}

fn is_page(media_type: Option<&str>) -> bool {
    let kind = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

/// What opens an attachment, unless that is nothing.
fn authorization(attachment: &Attachment) -> Option<String> {
    let named = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case("authorization");
    let (_, value) = attachment.headers.0.iter().find(named)?;
    value.as_str().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Names that lead to a place inside lead nowhere.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let is_public = |address: &SocketAddr| match address {
                SocketAddr::V4(address) => is_public(&Host::Ipv4(*address.ip())),
                SocketAddr::V6(address) => is_public(&Host::Ipv6(*address.ip())),
            };
            if found.iter().all(is_public) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name leads inside").into())
        })
    }
}
