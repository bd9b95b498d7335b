//! What a client uploads: one file as the body, or several as `multipart/form-data` with an activity.
//! Read part by part, never holding more than a chunk.

use std::time::Duration;

use actix_web::web::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream::LocalBoxStream};
use memchr::memmem::Finder;

use super::{
    TakeError,
    name::{self, UNKNOWN_TYPE},
};

/// A client that sends nothing for so long has gone.
const IDLE: Duration = Duration::from_secs(30);
/// More than this before the end of a part's headers is no part.
const LONGEST_HEAD: usize = 16 * 1_024;
/// Bytes of an activity; the same as for one that is posted.
const LONGEST_ACTIVITY: usize = 256 * 1_024;
/// Bytes, and time, for which a refused upload is still read.
const DRAINED: usize = 16 << 20;
const DRAINING: Duration = Duration::from_secs(1);
const ACTIVITY: &str = "application/vnd.microsoft.activity";

/// A body as it comes in; an error means that it broke off.
pub type Source = LocalBoxStream<'static, Result<Bytes, ()>>;

/// An upload that is being read.
pub struct Incoming {
    source: Source,
    shape: Shape,
    /// What the headers show to be wrong.
    fault: Option<TakeError>,
    /// Bytes of files that may still come.
    left: u64,
    limit: u64,
    /// Bytes that may still come of the current file, and how many might at first.
    file: Option<(u64, u64)>,
}

enum Shape {
    /// The body is the file. `None`: it has been given out.
    Raw(Option<FileHead>),
    Form(Box<Form>),
}

struct Form {
    /// Finds `\r\n--boundary`.
    delimiter: Finder<'static>,
    buffer: BytesMut,
}

/// A part of an upload.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    Activity(Vec<u8>),
    /// Its bytes are read with [`Incoming::chunk`].
    File(FileHead),
}

#[derive(Clone, Debug, PartialEq, Eq)]
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
        let (shape, fault) = match shape(described, limit) {
            Ok(shape) => (shape, None),
            Err(fault) => (Shape::Raw(None), Some(fault)),
        };
        Self { source, shape, fault, left: limit, limit, file: None }
    }

    /// Reads on for a moment without looking, so that a client that is still sending gets to read the answer.
    /// False when there is more: the connection is of no further use then.
    pub async fn drain(&mut self) -> bool {
        let drained = async {
            let mut left = DRAINED;
            while let Some(Ok(piece)) = self.source.next().await {
                left = left.saturating_sub(piece.len());
                if left == 0 {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(DRAINING, drained).await.unwrap_or(false)
    }

    /// The next part, skipping what is left of the one before. `None` after the last.
    ///
    /// # Errors
    /// When the body broke off, is malformed or too large.
    pub async fn next(&mut self) -> Result<Option<Part>, TakeError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if let Shape::Raw(file) = &mut self.shape {
            return Ok(file.take().map(Part::File));
        }
        loop {
            let Some(headers) = self.next_head().await? else { return Ok(None) };
            let disposition = headers.disposition.as_deref().unwrap_or_default();
            let is_activity =
                headers.content_type.as_deref().is_some_and(|t| name::media_type(t) == ACTIVITY);
            if is_activity {
                return self.activity().await.map(|activity| Some(Part::Activity(activity)));
            }
            let field = name::parameter(disposition, "name");
            if name::name_in(disposition).is_some() || field.as_deref() == Some("file") {
                return Ok(Some(Part::File(head(Some(disposition), headers.content_type.as_deref(), None))));
            }
        }
    }

    /// Sets how many bytes the current file may have, besides the limit for all.
    pub fn limit_file(&mut self, limit: Option<u64>) {
        self.file = limit.map(|limit| (limit, limit));
    }

    /// The next piece of the current file. `None` at its end.
    ///
    /// # Errors
    /// When the body broke off, or more than allowed has come.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TakeError> {
        let chunk = self.piece().await?;
        let bytes = chunk.as_ref().map_or(0, Bytes::len);
        self.count(bytes)?;
        if let Some((left, limit)) = &mut self.file {
            *left = left.checked_sub(bytes as u64).ok_or(TakeError::TooLarge { limit: *limit })?;
        }
        Ok(chunk)
    }

    fn count(&mut self, bytes: usize) -> Result<(), TakeError> {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or(TakeError::TooLarge { limit: self.limit })?;
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, TakeError> {
        let Shape::Form(_) = self.shape else { return self.more().await };
        loop {
            let Shape::Form(form) = &mut self.shape else { return Ok(None) };
            let Form { delimiter, buffer } = &mut **form;
            match delimiter.find(buffer) {
                Some(0) => return Ok(None),
                Some(at) => return Ok(Some(buffer.split_to(at).freeze())),
                None if buffer.len() > delimiter.needle().len() => {
                    let safe = buffer.len() - delimiter.needle().len();
                    return Ok(Some(buffer.split_to(safe).freeze()));
                }
                None => self.fill().await?,
            }
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
        Ok(bytes)
    }

    /// Goes to the next delimiter and reads the headers behind it.
    async fn next_head(&mut self) -> Result<Option<PartHeaders>, TakeError> {
        self.file = None;
        // What is skipped counts, too: a client can't send for ever.
        while let Some(skipped) = self.chunk().await? {
            drop(skipped);
        }
        loop {
            let Shape::Form(form) = &mut self.shape else { return Ok(None) };
            let Form { delimiter, buffer } = &mut **form;
            let from = delimiter.needle().len();
            if buffer.get(from..from + 2) == Some(b"--") {
                while let Some(epilogue) = self.more().await? {
                    self.count(epilogue.len())?;
                }
                return Ok(None);
            }
            let end = memchr::memmem::find(buffer.get(from..).unwrap_or_default(), b"\r\n\r\n");
            if let Some(length) = end {
                let head = buffer.split_to(from + length + 4);
                return Ok(Some(PartHeaders::read(&head[from..])));
            }
            if buffer.len() > from + LONGEST_HEAD {
                return Err(MALFORMED);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), TakeError> {
        let more = self.more().await?.ok_or(MALFORMED)?;
        if let Shape::Form(form) = &mut self.shape {
            form.buffer.extend_from_slice(&more);
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<Option<Bytes>, TakeError> {
        let chunk = tokio::time::timeout(IDLE, self.source.next()).await.map_err(|_| CUT)?;
        chunk.transpose().map_err(|()| CUT)
    }
}

const MALFORMED: TakeError = TakeError::Broken("The body is not well-formed multipart/form-data.");
const CUT: TakeError = TakeError::Broken("The body ended before it was complete.");

fn shape(described: Described<'_>, limit: u64) -> Result<Shape, TakeError> {
    let Described { content_type, disposition, length } = described;
    let content_type = content_type.unwrap_or_default();
    let is_form = name::media_type(content_type) == "multipart/form-data";
    let overhead = if is_form { (LONGEST_ACTIVITY + 8 * LONGEST_HEAD) as u64 } else { 0 };
    if length.is_some_and(|length| length > limit + overhead) {
        return Err(TakeError::TooLarge { limit });
    }
    if is_form {
        let boundary = name::parameter(content_type, "boundary").filter(|b| !b.is_empty());
        let boundary = boundary.ok_or(TakeError::Broken("The Content-Type names no boundary."))?;
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        let form = Form { delimiter, buffer: BytesMut::from(&b"\r\n"[..]) };
        return Ok(Shape::Form(Box::new(form)));
    }
    if length == Some(0) {
        return Err(TakeError::Broken("There is no file in this upload."));
    }
    Ok(Shape::Raw(Some(head(disposition, Some(content_type), length))))
}

struct PartHeaders {
    disposition: Option<String>,
    content_type: Option<String>,
}

impl PartHeaders {
    fn read(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head);
        let header = |wanted: &str| {
            let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
            lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, v)| v.trim().to_owned())
        };
        Self { disposition: header("content-disposition"), content_type: header("content-type") }
    }
}

fn head(disposition: Option<&str>, content_type: Option<&str>, length: Option<u64>) -> FileHead {
    let name = disposition.and_then(name::name_in).unwrap_or_default();
    let media_type = content_type.map_or(UNKNOWN_TYPE.to_owned(), name::media_type);
    FileHead { name: name::file_name(&name), media_type, length }
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
            let activity = Part::Activity(b"{\"type\":\"message\"}".to_vec());
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
        let mut upload = form(&big, 100, 1_000);
        upload.next().await.expect("a part");
        assert!(matches!(rest(&mut upload).await, Err(TakeError::TooLarge { limit: 1_000 })));
        let described = Described { length: Some(1_001), ..Described::default() };
        let mut declared = Incoming::new(described, pieces("", 1), 1_000);
        assert!(matches!(declared.next().await, Err(TakeError::TooLarge { .. })));
        let endless = form(&"junk".repeat(1_000), 100, 1_000).next().await;
        assert!(matches!(endless, Err(TakeError::TooLarge { .. })));
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
        futures_util::stream::iter(pieces).boxed_local()
    }
}
