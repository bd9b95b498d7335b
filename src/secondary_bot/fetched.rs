//! Attachments that only a credential opens: fetched by us, so that it stays here, and kept as uploads are.

use std::{error::Error, io, iter::successors, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
};
use tokio::time::timeout;
use tracing::warn;
use url::{Host, Url};

use super::media::{Media, NOWHERE, PATH, located, named};
use crate::{
    config::Settings,
    domain::Timestamp,
    far_end,
    files::{Label, StoreError, is_public},
    wire::virtual_agent::request::Attachment,
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
    #[error("its credential is none that a header can hold")]
    NoHeader,
    #[error("its server sent it compressed, though asked not to")]
    Compressed,
    #[error("its server sent nothing")]
    Empty,
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
    /// Ours, as seen from outside.
    public_url: Option<Url>,
    /// Bytes.
    limit: u64,
    media: Media,
}

impl Fetcher {
    pub fn new(settings: &Settings, http: &reqwest::Client, media: Media) -> Self {
        // A proxy would look names up where we can't see what they lead to.
        let public = far_end::builder_with(|_| None).ok();
        Self {
            public: public.and_then(|public| public.dns_resolver(Arc::new(PublicOnly)).build().ok()),
            instance: http.clone(),
            own: settings.servicenow.as_ref().map(|far| far.url.clone()),
            public_url: settings.public_url.clone(),
            limit: settings.files.max_upload,
            media,
        }
    }

    /// Fetches what comes with a credential; from then on it is one of our uploads. What is an upload needs none, and one that is
    /// gone has no address any more.
    ///
    /// # Errors
    /// See [`NoFile`]; of several files nothing is kept that anybody could name.
    pub async fn take_in(&self, attached: &mut [Attachment], now: Timestamp) -> Result<(), NoFile> {
        for attachment in attached {
            if self.media.find(&attachment.url).await?.is_some() {
                attachment.headers = Default::default();
            } else if self.is_gone(attachment) {
                attachment.url.clear();
            } else if let Some(credential) = attachment.headers.authorization() {
                // One that was written in several lines is one all the same.
                let credential: String = credential.lines().map(str::trim).collect();
                let credential = HeaderValue::from_str(&credential).map_err(|_| NoFile::NoHeader)?;
                attachment.url = self.fetch(attachment, credential, now).await?;
                attachment.headers = Default::default();
            }
        }
        Ok(())
    }

    /// Whether an address that names no upload can only be that of one. Without `PUBLIC_URL` uploads are named by whatever host
    /// their request saw; then what comes with headers, or is the instance's, may be there.
    fn is_gone(&self, attachment: &Attachment) -> bool {
        let Some(url) = located(&attachment.url).filter(|url| named(url).is_some()) else { return false };
        let is_at = |root: &Url| root.host() == url.host();
        let is_ours = match &self.public_url {
            Some(root) => is_at(root),
            None => attachment.headers.are_empty() && !self.own.as_ref().is_some_and(is_at),
        };
        is_ours || url.as_str().starts_with(NOWHERE)
    }

    async fn fetch(
        &self,
        attachment: &Attachment,
        credential: HeaderValue,
        now: Timestamp,
    ) -> Result<String, NoFile> {
        let (url, http) = self.way(&attachment.url)?;
        let get = http.get(url).timeout(TIME_OUT).header(AUTHORIZATION, credential);
        let mut response = get.header(ACCEPT_ENCODING, "identity").send().await?;
        match response.status().as_u16() {
            200..300 => {}
            408 | 429 | 500.. => return Err(NoFile::NotNow),
            status => return Err(NoFile::Refused(status)),
        }
        let encoding = response.headers().get(CONTENT_ENCODING).map(|encoding| encoding.as_bytes());
        if !matches!(encoding, None | Some(b"" | b"identity")) {
            return Err(NoFile::Compressed);
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
        if written == 0 {
            return Err(NoFile::Empty);
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

fn is_page(media_type: Option<&str>) -> bool {
    let kind = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
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
