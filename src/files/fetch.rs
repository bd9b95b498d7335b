//! What a signed link gives out: a file of the instance, or one of ours.

use std::pin::Pin;

use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Response, header::HeaderMap};
use tokio::time::timeout;
use tracing::{error, warn};
use url::Url;

use super::{
    Cut, Files, LinkError, Target, name,
    range::{self, Part},
    taking::IDLE,
};
use crate::{domain::Timestamp, far_end::CallError};

/// Redirects of the instance's that are followed, all of them on the instance.
const HOPS: usize = 3;

/// How much of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What describes the file, without a byte of it.
    Nothing,
    Whole,
    Part(Part),
}

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
    /// The part that was asked for is not in the file, which has so many bytes, when that is known.
    NoSuchPart {
        length: Option<u64>,
    },
    /// The instance or the store fails, or the instance does not let us.
    Unavailable,
}

impl Given {
    /// A file that is in memory; all of it, whatever part was asked for.
    pub fn whole(name: String, media_type: String, bytes: Vec<u8>, until: Timestamp) -> Self {
        Self {
            name,
            media_type,
            encoding: None,
            length: Some(bytes.len() as u64),
            range: None,
            takes_ranges: false,
            until,
            bytes: stream::once(std::future::ready(Ok(Bytes::from(bytes)))).boxed_local(),
        }
    }
}

impl Files {
    /// Where the link with this path below `api/files/` leads, and when it ends.
    ///
    /// # Errors
    /// See [`GiveError`].
    pub fn target(&self, path: &str, now: Timestamp) -> Result<(Target, Timestamp), GiveError> {
        self.signer.read(path, now).map_err(GiveError::Link)
    }

    /// What a link gives out until then; of a picture that a message holds nothing, because messages are not kept here.
    ///
    /// # Errors
    /// See [`GiveError`].
    pub async fn give(&self, target: Target, until: Timestamp, wanted: Wanted) -> Result<Given, GiveError> {
        match target {
            Target::Carried(_) => Err(GiveError::Gone),
            Target::Stored(key) => self.stored(&key, wanted, until).await,
            Target::Instance(path) => {
                let part = match wanted {
                    Wanted::Part(part) => Some(part),
                    Wanted::Nothing | Wanted::Whole => None,
                };
                let response = self.ask_instance(path, part).await?;
                passed_on(response, wanted, until)
            }
        }
    }

    async fn stored(&self, key: &str, wanted: Wanted, until: Timestamp) -> Result<Given, GiveError> {
        let failed = |failed| {
            error!(error = %failed, "A user's file can't be read");
            GiveError::Unavailable
        };
        let opened = self.store.open(key).await.map_err(failed)?.ok_or(GiveError::Gone)?;
        let (label, length) = (opened.label.clone(), opened.length);
        let part = match wanted {
            Wanted::Nothing => 0..0,
            Wanted::Whole => 0..length,
            Wanted::Part(part) => {
                part.within(length).ok_or(GiveError::NoSuchPart { length: Some(length) })?
            }
        };
        let is_part = matches!(wanted, Wanted::Part(_));
        Ok(Given {
            name: label.name,
            media_type: label.media_type,
            encoding: None,
            length: Some(if is_part { part.end - part.start } else { length }),
            range: is_part.then(|| range::content_range(&part, length)),
            takes_ranges: true,
            until,
            bytes: opened.read(part).await.map_err(failed)?.map_err(broke_off).boxed_local(),
        })
    }

    /// The instance's answer with the file in it.
    async fn ask_instance(&self, mut path: String, part: Option<Part>) -> Result<Response, GiveError> {
        let range = part.map(|part| part.to_string());
        for _ in 0..=HOPS {
            let response = match self.servicenow.download(&path, range.as_deref()).await {
                Ok(response) => response,
                Err(failed) => {
                    warn!(error = %failed, "ServiceNow did not answer for a file");
                    return Err(GiveError::Unavailable);
                }
            };
            match response.status().as_u16() {
                200 => return Ok(response),
                206 if part.is_some() => return Ok(response),
                404 | 410 => return Err(GiveError::Gone),
                416 if part.is_some() => {
                    let told = header(response.headers(), "content-range");
                    let length = told.and_then(|told| range::length_told(&told));
                    return Err(GiveError::NoSuchPart { length });
                }
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

/// Takes from the instance's answer what describes the file, and nothing else of its headers. A part is passed on
/// as a part only when it is the one that was asked for.
fn passed_on(response: Response, wanted: Wanted, until: Timestamp) -> Result<Given, GiveError> {
    let headers = response.headers();
    let name = header(headers, "content-disposition").and_then(|value| name::name_in(&value));
    let media_type = header(headers, "content-type").unwrap_or_default();
    let range = match (wanted, response.status().as_u16()) {
        (Wanted::Part(part), 206) => {
            let told = header(headers, "content-range").unwrap_or_default();
            let Some(range) = range::relayed(&told, part) else {
                warn!("ServiceNow gives out another part of a file than the one asked for");
                return Err(GiveError::Unavailable);
            };
            Some(range)
        }
        _ => None,
    };
    let takes_ranges =
        range.is_some() || header(headers, "accept-ranges").is_some_and(|unit| unit == "bytes");
    let encoding =
        header(headers, "content-encoding").filter(|e| matches!(e.as_str(), "gzip" | "deflate" | "br"));
    let length = response.content_length();
    let bytes = match wanted {
        // The instance is not asked by HEAD, which it need not know; what it sends is left unread.
        Wanted::Nothing => futures_util::stream::empty().boxed_local(),
        Wanted::Whole | Wanted::Part(_) => patient(response).boxed_local(),
    };
    Ok(Given {
        name: name::file_name(&name.unwrap_or_default()),
        media_type,
        encoding,
        length,
        range,
        takes_ranges,
        until,
        bytes,
    })
}

fn broke_off(error: super::StoreError) -> Cut {
    warn!(%error, "A user's file broke off on its way out");
    Cut
}

/// The body, given up when nothing comes for a while.
fn patient(response: Response) -> impl Stream<Item = Result<Bytes, Cut>> {
    futures_util::stream::try_unfold(response, |mut response| async move {
        let piece = timeout(IDLE, response.chunk()).await.map_err(|_| Cut)?.map_err(|failed| {
            warn!(error = %CallError::Uncertain(Some(failed.without_url().into())), "A file of ServiceNow's broke off");
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
