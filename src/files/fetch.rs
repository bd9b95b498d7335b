//! What a signed link gives out: a file of the instance, or one of ours.

use std::pin::Pin;

use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use reqwest::{Response, header::HeaderMap};
use tokio::time::timeout;
use tracing::{error, warn};
use url::Url;

use super::{Cut, Files, IDLE, LinkError, Target, name};
use crate::{domain::Timestamp, far_end::CallError};

/// Redirects of the instance's that are followed, all of them on the instance.
const HOPS: usize = 3;

/// A file on its way out.
pub struct Given {
    /// Harmless already.
    pub name: String,
    pub media_type: String,
    /// How the instance packed it although we did not ask for that.
    pub encoding: Option<String>,
    pub length: Option<u64>,
    /// `Content-Range`: this is a part of the file.
    pub range: Option<String>,
    pub takes_ranges: bool,
    /// When the link ends.
    pub until: Timestamp,
    pub bytes: Pin<Box<dyn Stream<Item = Result<Bytes, Cut>>>>,
}

/// Why a link gives nothing out.
#[derive(Debug, PartialEq, Eq)]
pub enum GiveError {
    Link(LinkError),
    Gone,
    /// The range that was asked for is not in the file.
    NoSuchRange,
    /// The instance or the disk fails, or the instance does not let us.
    Unavailable,
}

impl Files {
    /// What the link with this path below `api/files/` gives out.
    ///
    /// # Errors
    /// See [`GiveError`].
    pub async fn give(&self, path: &str, range: Option<&str>, now: Timestamp) -> Result<Given, GiveError> {
        let (target, until) = self.signer.read(path, now).map_err(GiveError::Link)?;
        match target {
            Target::Stored(key) => self.stored(&key, until).await,
            Target::Instance(path) => {
                let response = self.ask_instance(path, range).await?;
                Ok(passed_on(response, until))
            }
        }
    }

    async fn stored(&self, key: &str, until: Timestamp) -> Result<Given, GiveError> {
        let store = self.store.as_ref().ok_or(GiveError::Gone)?;
        let opened = store.open(key).await.map_err(|failed| {
            error!(error = %failed, "A user's file can't be read");
            GiveError::Unavailable
        })?;
        let opened = opened.ok_or(GiveError::Gone)?;
        Ok(Given {
            name: opened.label.name.clone(),
            media_type: opened.label.media_type.clone(),
            encoding: None,
            length: Some(opened.length),
            range: None,
            takes_ranges: false,
            until,
            bytes: opened.into_bytes().map_err(|_| Cut).boxed_local(),
        })
    }

    /// The instance's answer with the file in it.
    async fn ask_instance(&self, mut path: String, range: Option<&str>) -> Result<Response, GiveError> {
        for _ in 0..=HOPS {
            let response = match self.servicenow.download(&path, range).await {
                Ok(response) => response,
                Err(failed) => {
                    warn!(error = %failed, "ServiceNow did not answer for a file");
                    return Err(GiveError::Unavailable);
                }
            };
            match response.status().as_u16() {
                200 | 206 => return Ok(response),
                404 | 410 => return Err(GiveError::Gone),
                416 => return Err(GiveError::NoSuchRange),
                301 | 302 | 303 | 307 | 308 => path = self.next(&response)?,
                status => {
                    warn!(status, "ServiceNow does not give out a file; check the roles of our user");
                    return Err(GiveError::Unavailable);
                }
            }
        }
        warn!("ServiceNow redirects in circles for a file");
        Err(GiveError::Unavailable)
    }

    /// Where a redirect leads; our login goes to files of the instance and nowhere else.
    fn next(&self, response: &Response) -> Result<String, GiveError> {
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        let url = location.and_then(|location| response.url().join(location).ok());
        let Some(url) = url.filter(|url| is_file(url, &self.instance)) else {
            warn!("ServiceNow redirects away from a file; that is not followed");
            return Err(GiveError::Unavailable);
        };
        Ok(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
    }
}

/// Whether an address is one of the instance's files: an attachment, media of a chat, or a picture. Not all of
/// `/api/now/`, because what a user writes can come back to us in a message of the bot's.
pub(super) fn is_file(url: &Url, instance: &Url) -> bool {
    let path = url.path().trim_start_matches('/');
    let hidden = ["%2f", "%5c", "%2e", "\\"].iter().any(|trick| path.to_ascii_lowercase().contains(trick));
    let own = url.origin() == instance.origin() && url.username().is_empty() && url.password().is_none();
    if hidden || !own {
        return false;
    }
    let segments: Vec<&str> = path.split('/').collect();
    let api = match segments.as_slice() {
        ["api", "now", rest @ ..] => match rest {
            [version, rest @ ..] if is_version(version) => rest,
            rest => rest,
        },
        ["sys_attachment.do"] => return url.query().is_some_and(|query| query.contains("sys_id=")),
        [.., picture] => return picture.len() > 4 && picture.ends_with(".iix") && segments.len() <= 2,
        [] => return false,
    };
    matches!(api, ["cs", "media", id] | ["attachment", id, "file"] if !id.is_empty())
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Takes from the instance's answer what describes the file, and nothing else of its headers.
fn passed_on(response: Response, until: Timestamp) -> Given {
    let headers = response.headers();
    let name = header(headers, "content-disposition").and_then(|value| name::name_in(&value));
    let media_type = header(headers, "content-type").unwrap_or_default();
    let range = header(headers, "content-range").filter(|_| response.status().as_u16() == 206);
    let takes_ranges =
        range.is_some() || header(headers, "accept-ranges").is_some_and(|unit| unit == "bytes");
    let encoding =
        header(headers, "content-encoding").filter(|e| matches!(e.as_str(), "gzip" | "deflate" | "br"));
    let length = response.content_length();
    Given {
        name: name::file_name(&name.unwrap_or_default()),
        media_type,
        encoding,
        length,
        range,
        takes_ranges,
        until,
        bytes: patient(response).boxed_local(),
    }
}

/// The body, given up when nothing comes for a while.
fn patient(response: Response) -> impl Stream<Item = Result<Bytes, Cut>> {
    futures_util::stream::try_unfold(response, |mut response| async move {
        let piece = timeout(IDLE, response.chunk()).await.map_err(|_| Cut)?.map_err(|failed| {
            warn!(error = %CallError::Uncertain(Some(failed.without_url())), "A file of ServiceNow's broke off");
            Cut
        })?;
        Ok(piece.map(|piece| (piece, response)))
    })
}

/// Header values are bytes; names of files are sent as UTF-8 in them.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_instance_are_files() {
        let instance = Url::parse("https://acme.service-now.com/").expect("a URL");
        let rows = [
            ("https://acme.service-now.com/sys_attachment.do?sys_id=1", true),
            ("https://acme.service-now.com/sys_attachment.do", false),
            ("https://acme.service-now.com/api/now/v1/cs/media/abc", true),
            ("https://acme.service-now.com//api/now/v1/cs/media/abc", true),
            ("https://acme.service-now.com/api/now/cs/media/abc", true),
            ("https://acme.service-now.com/api/now/attachment/abc/file", true),
            ("https://acme.service-now.com/api/now/v2/attachment/abc/file", true),
            ("https://acme.service-now.com/abc.iix?t=small", true),
            ("https://acme.service-now.com/api/now/table/sys_user", false),
            ("https://acme.service-now.com/api/now/table/sys_user/x.iix", false),
            ("https://acme.service-now.com/api/now/v1/cs/media/../../../table/sys_user", false),
            ("https://acme.service-now.com/api/now/v1/cs/media/..%2f..%2ftable", false),
            ("https://acme.service-now.com/api/now/v1/cs/media/%252e%252e", true),
            ("https://acme.service-now.com:8443/abc.iix", false),
            ("http://acme.service-now.com/abc.iix", false),
            ("https://evil.example/abc.iix", false),
            ("https://u:p@acme.service-now.com/abc.iix", false),
            ("https://acme.service-now.com.evil.example/abc.iix", false),
            ("file:///abc.iix", false),
            ("https://169.254.169.254/abc.iix", false),
        ];
        for (address, expected) in rows {
            let url = Url::parse(address).expect("a URL");
            assert_eq!(is_file(&url, &instance), expected, "{address}");
        }
    }
}
