//! What a client uploads: one file as the body, or several as `multipart/form-data` with an activity.
//! Read part by part, never holding more than a few pieces.

use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::StreamExt as _;

use super::{
    Allowance, TakeError,
    name::{self, UNKNOWN_TYPE},
};
use crate::{
    session::Quota,
    wire::{
        activity::posted::{self, NotPosted},
        multipart::{Cut, FormError, Multipart, Pieces},
    },
};

/// Bytes of an activity; the same as for one that is posted.
const LONGEST_ACTIVITY: usize = 256 * 1_024;
/// Bytes of a form around its files.
const FORM: u64 = LONGEST_ACTIVITY as u64 + 128 * 1_024;
/// Bytes, and time, for which a refused upload is still read.
const DRAINED: usize = 16 << 20;
const DRAINING: Duration = Duration::from_secs(1);
const ACTIVITY: &str = "application/vnd.microsoft.activity";
const NOTHING: TakeError = TakeError::Broken("There is no file in this upload.");
const TWICE: TakeError = TakeError::Broken("There are two activities in this upload. Send one.");

/// A body as it comes in; an error means that it broke off.
pub type Source = Pieces;

/// An upload that is being read.
pub struct Incoming {
    shape: Shape,
    /// What the headers show to be wrong.
    fault: Option<TakeError>,
    /// An activity has been given out.
    has_activity: bool,
    /// So has anything at all.
    has_part: bool,
    /// Bytes of files that may still come.
    left: u64,
    limit: u64,
    /// The client has said how long it is.
    measured: bool,
    /// Bytes that may still come of the current file, and how many might at first.
    file: Option<(u64, u64)>,
    /// What its conversation has room for.
    allowance: Option<Allowance>,
    /// Bytes that have come of the current file.
    came: u64,
}

enum Shape {
    /// The body is the file. `None`: it has been given out.
    Raw(Option<FileHead>, Source),
    Form(Box<Multipart>),
}

/// A part of an upload.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// As it was understood, see [`posted`].
    Activity(Vec<u8>),
    /// Its bytes are read with [`Incoming::chunk`].
    File(FileHead),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHead {
    pub name: String,
    pub media_type: String,
    /// When the client said it.
    pub length: Option<u64>,
}

/// What the headers of an upload say.
#[derive(Clone, Copy, Default)]
pub struct Described<'a> {
    pub content_type: Option<&'a str>,
    pub disposition: Option<&'a str>,
    pub length: Option<u64>,
}

impl Incoming {
    /// `limit`: bytes of all files together. What is wrong with the headers, [`next`](Self::next) tells.
    pub fn new(described: Described<'_>, source: Source, limit: u64) -> Self {
        let (shape, fault) = match head_of(described, limit) {
            Ok(None) => match Multipart::new(described.content_type.unwrap_or_default(), source) {
                Some(form) => (Shape::Form(Box::new(form)), None),
                None => (nothing(), Some(TakeError::Broken("The Content-Type names no boundary."))),
            },
            Ok(Some(file)) => (Shape::Raw(Some(file), source), None),
            Err(fault) => (Shape::Raw(None, source), Some(fault)),
        };
        let measured = described.length.is_some();
        let (has_activity, has_part) = (false, false);
        let (file, allowance, came) = (None, None, 0);
        Self { shape, fault, has_activity, has_part, left: limit, limit, measured, file, allowance, came }
    }

    pub fn is_form(&self) -> bool {
        matches!(self.shape, Shape::Form(_))
    }

    /// Whether its length was said, and so is known to be allowed.
    pub fn is_measured(&self) -> bool {
        self.measured
    }

    /// What the headers show to be wrong, unless [`next`](Self::next) has told already.
    pub fn fault(&mut self) -> Option<TakeError> {
        self.fault.take()
    }

    /// The file that is the body, until it is given out.
    pub fn file(&self) -> Option<&FileHead> {
        match &self.shape {
            Shape::Raw(file, _) => file.as_ref(),
            Shape::Form(_) => None,
        }
    }

    /// Reads on for a moment without looking, so that a client that is still sending gets to read the answer.
    /// False when there is more: the connection is of no further use then.
    pub async fn drain(&mut self) -> bool {
        let drained = async {
            let mut left = DRAINED;
            let (file, limit) = (self.file.take(), std::mem::replace(&mut self.left, u64::MAX));
            let mut whole = false;
            while left > 0 {
                match self.skip().await {
                    Some(bytes) => left = left.saturating_sub(bytes),
                    None => {
                        whole = true;
                        break;
                    }
                }
            }
            (self.file, self.left) = (file, limit);
            whole
        };
        tokio::time::timeout(DRAINING, drained).await.unwrap_or(false)
    }

    /// Reads a piece of whatever comes next; `None` at the end, and where reading on is of no use.
    async fn skip(&mut self) -> Option<usize> {
        match &mut self.shape {
            Shape::Raw(_, source) => source.next().await?.ok().map(|piece| piece.len()),
            Shape::Form(form) => match form.chunk().await.ok()? {
                Some(piece) => Some(piece.len()),
                None => form.next().await.ok()?.map(|_| 0),
            },
        }
    }

    /// The next part, skipping what is left of the one before. `None` after the last.
    ///
    /// # Errors
    /// When the body broke off, is malformed or too large, holds nothing, or two activities.
    pub async fn next(&mut self) -> Result<Option<Part>, TakeError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let part = self.part().await?;
        if let Some(Part::Activity(_)) = &part
            && std::mem::replace(&mut self.has_activity, true)
        {
            return Err(TWICE);
        }
        let had_part = std::mem::replace(&mut self.has_part, true);
        if part.is_none() && !had_part { Err(NOTHING) } else { Ok(part) }
    }

    async fn part(&mut self) -> Result<Option<Part>, TakeError> {
        self.file = None;
        self.came = 0;
        loop {
            // What is skipped counts, too: a client can't send for ever.
            if self.is_form() {
                while self.chunk().await?.is_some() {}
            }
            let part = match &mut self.shape {
                Shape::Raw(file, _) => return Ok(file.take().map(Part::File)),
                Shape::Form(form) => form.next().await.map_err(not_read)?,
            };
            let Some(part) = part else { return Ok(None) };
            let is_file = part.file_name.is_some() || part.name == "file";
            let mut media_type =
                part.content_type.as_deref().map_or(UNKNOWN_TYPE.to_owned(), name::media_type);
            if media_type == ACTIVITY || part.name.eq_ignore_ascii_case("activity") {
                return self.activity().await.map(|activity| Some(Part::Activity(activity)));
            }
            if is_file {
                if may_hold_activity(&media_type) {
                    UNKNOWN_TYPE.clone_into(&mut media_type);
                }
                let name = name::file_name(&part.file_name.unwrap_or_default());
                return Ok(Some(Part::File(FileHead { name, media_type, length: None })));
            }
        }
    }

    /// Sets how many bytes the current file may have, besides the limit for all.
    pub fn limit_file(&mut self, limit: Option<u64>) {
        self.file = limit.map(|limit| (limit, limit));
    }

    /// No more of its files may come than this; see [`TakeError::Full`].
    pub fn allow(&mut self, allowance: Allowance) {
        self.allowance = Some(allowance);
    }

    /// Bytes that have come of the current file.
    pub fn came(&self) -> u64 {
        self.came
    }

    /// The next piece of the current file. `None` at its end.
    ///
    /// # Errors
    /// When the body broke off, or more than allowed has come.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TakeError> {
        let chunk = self.piece().await?;
        let bytes = chunk.as_ref().map_or(0, Bytes::len) as u64;
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(TakeError::TooLarge { limit: self.limit })?;
        if let Some((left, limit)) = &mut self.file {
            *left = left.checked_sub(bytes).ok_or(TakeError::TooLarge { limit: *limit })?;
        }
        if self.allowance.as_mut().is_some_and(|allowance| !allowance.take(bytes)) {
            return Err(TakeError::Full(Quota::Files));
        }
        self.came += bytes;
        Ok(chunk)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, TakeError> {
        match &mut self.shape {
            Shape::Raw(_, source) => source.next().await.transpose().map_err(|cut| not_read(cut.into())),
            Shape::Form(form) => form.chunk().await.map_err(not_read),
        }
    }

    async fn activity(&mut self) -> Result<Vec<u8>, TakeError> {
        let mut bytes = vec![];
        while let Some(chunk) = self.piece().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST_ACTIVITY {
                return Err(TakeError::TooLarge { limit: LONGEST_ACTIVITY as u64 });
            }
        }
        let activity = posted::read(&bytes).map_err(|wrong: NotPosted| TakeError::Broken(wrong.told()))?;
        Ok(serde_json::to_vec(&activity).unwrap_or_default())
    }
}

fn not_read(error: FormError) -> TakeError {
    match error {
        FormError::Cut(Cut::Slow) => TakeError::Slow,
        FormError::Cut(Cut::Broken) => TakeError::Broken("The body ended before it was complete."),
        FormError::Malformed => TakeError::Broken("The body is not well-formed multipart/form-data."),
    }
}

fn nothing() -> Shape {
    Shape::Raw(None, futures_util::stream::empty().boxed())
}

/// Whether Direct Line might look for an activity in a file of this type.
fn may_hold_activity(media_type: &str) -> bool {
    media_type.starts_with("multipart/") || media_type.starts_with(ACTIVITY)
}

/// The file that is the body; `None` when the body is a form.
fn head_of(described: Described<'_>, limit: u64) -> Result<Option<FileHead>, TakeError> {
    let Described { content_type, disposition, length } = described;
    let media_type = content_type.map_or(UNKNOWN_TYPE.to_owned(), name::media_type);
    let is_form = media_type == "multipart/form-data";
    if length.is_some_and(|length| length > limit.saturating_add(if is_form { FORM } else { 0 })) {
        return Err(TakeError::TooLarge { limit });
    }
    if is_form {
        return Ok(None);
    }
    if may_hold_activity(&media_type) {
        return Err(TakeError::Broken(
            "Files come as multipart/form-data, or one by itself with its own type.",
        ));
    }
    if length == Some(0) {
        return Err(NOTHING);
    }
    let name = disposition.and_then(name::name_in).unwrap_or_default();
    Ok(Some(FileHead { name: name::file_name(&name), media_type, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "multipart/form-data; boundary=\"x\"";
    const BODY: &str = "preamble\r\n--x\r\nContent-Disposition: form-data; name=\"activity\"; filename=\"blob\"\r\n\
        Content-Type: application/vnd.microsoft.activity\r\n\r\n{\"type\":\"message\"}\r\n--x\r\n\
        content-disposition: form-data; name=\"note\"\r\n\r\nnot a file\r\n--x\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"../a.txt\"\r\ncontent-type: Text/Plain; a=b\r\n\r\n\
        one\r\n--y\r\n\r\n--x\r\n\
        content-disposition: form-data; name=\"file\"\r\n\r\n\r\n--x--\r\n";

    #[tokio::test]
    async fn a_form_comes_apart_however_it_is_cut() {
        for size in [1, 2, 3, 7, 64, 10_000] {
            let mut upload = form(BODY, size, 1_000);
            let activity = Part::Activity(br#"{"from":{"role":"user"},"type":"message"}"#.to_vec());
            assert_eq!(upload.next().await.expect("a part"), Some(activity), "in pieces of {size}");
            let file = FileHead { name: "a.txt".into(), media_type: "text/plain".into(), length: None };
            assert_eq!(upload.next().await.expect("a part"), Some(Part::File(file)));
            assert_eq!(rest(&mut upload).await.expect("the file"), "one\r\n--y\r\n");
            let nameless = FileHead { name: "file".into(), media_type: UNKNOWN_TYPE.into(), length: None };
            assert_eq!(upload.next().await.expect("a part"), Some(Part::File(nameless)));
            assert_eq!(rest(&mut upload).await.expect("an empty file"), "");
            assert_eq!(upload.next().await.expect("the end"), None);
        }
    }

    #[tokio::test]
    async fn no_file_goes_on_as_something_with_an_activity_in_it() {
        for media_type in
            ["multipart/mixed; boundary=y", "Multipart/Form-Data", "application/vnd.microsoft.activity+json"]
        {
            let head =
                format!("--x\r\ncontent-disposition: form-data; name=file\r\ncontent-type: {media_type}");
            let mut upload = form(&format!("{head}\r\n\r\none\r\n--x--\r\n"), 64, 1_000);
            let file = FileHead { name: "file".into(), media_type: UNKNOWN_TYPE.into(), length: None };
            assert_eq!(upload.next().await.expect("a part"), Some(Part::File(file)), "{media_type}");
            assert_eq!(rest(&mut upload).await.expect("the file"), "one");
        }
    }

    #[tokio::test]
    async fn a_form_of_nothing_and_one_with_two_activities_are_refused() {
        let activity =
            "--x\r\ncontent-disposition: form-data; name=activity\r\n\r\n{\"type\":\"message\"}\r\n";
        let file = "--x\r\ncontent-disposition: form-data; name=file\r\n\r\none\r\n";
        for (parts, refused) in [
            (vec![], true),
            (vec![activity], false),
            (vec![activity, file, activity], true),
            (vec![file, file, activity], false),
        ] {
            let mut upload = form(&format!("{}--x--\r\n", parts.concat()), 64, 1_000);
            let outcome = async {
                while upload.next().await?.is_some() {}
                Ok::<_, TakeError>(())
            };
            assert_eq!(outcome.await.is_err(), refused, "{parts:?}");
        }
    }

    #[tokio::test]
    async fn a_broken_form_is_an_error_wherever_it_breaks() {
        for end in 0..BODY.len() - 4 {
            let mut upload = form(&BODY[..end], 16, 1_000);
            let outcome = async {
                while upload.next().await?.is_some() {
                    rest(&mut upload).await?;
                }
                Ok::<_, TakeError>(())
            };
            assert!(matches!(outcome.await, Err(TakeError::Broken(_))), "cut at {end}");
        }
    }

    #[tokio::test]
    async fn more_than_the_limit_is_cut_off_while_it_comes() {
        let big = format!("--x\r\ncontent-disposition: form-data; name=file\r\n\r\n{}", "a".repeat(5_000));
        let described = Described { content_type: Some(FORM), ..Described::default() };
        let goes_on = pieces(&big, 100).chain(futures_util::stream::pending()).boxed();
        let mut upload = Incoming::new(described, goes_on, 1_000);
        upload.next().await.expect("a part");
        assert!(matches!(rest(&mut upload).await, Err(TakeError::TooLarge { limit: 1_000 })));
        let described = Described { length: Some(1_001), ..Described::default() };
        let mut declared = Incoming::new(described, pieces("", 1), 1_000);
        assert!(matches!(declared.next().await, Err(TakeError::TooLarge { .. })));
        let junk = form(&"junk".repeat(1_000), 100, 1_000).next().await;
        assert!(matches!(junk, Err(TakeError::Broken(_))));
    }

    #[tokio::test]
    async fn a_body_that_is_the_file_is_described_by_its_headers() {
        let described = Described {
            content_type: Some("image/png"),
            disposition: Some("name=\"file\"; filename=\"x.png\""),
            length: Some(3),
        };
        let mut upload = Incoming::new(described, pieces("abc", 2), 10);
        let file = FileHead { name: "x.png".into(), media_type: "image/png".into(), length: Some(3) };
        assert_eq!(upload.next().await.expect("the file"), Some(Part::File(file)));
        assert_eq!(rest(&mut upload).await.expect("the file"), "abc");
        assert_eq!(upload.next().await.expect("the end"), None);
    }

    async fn rest(upload: &mut Incoming) -> Result<String, TakeError> {
        let mut all = vec![];
        while let Some(chunk) = upload.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&all).into_owned())
    }

    fn form(body: &str, size: usize, limit: u64) -> Incoming {
        let described = Described { content_type: Some(FORM), ..Described::default() };
        Incoming::new(described, pieces(body, size), limit)
    }

    fn pieces(body: &str, size: usize) -> Source {
        let pieces: Vec<_> =
            body.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        futures_util::stream::iter(pieces).boxed()
    }
}
