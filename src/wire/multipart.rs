//! `multipart/form-data` as it comes in, part by part, never holding more than a few pieces.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use actix_web::web::{Bytes, Payload};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream, Stream},
};
use multer::{Constraints, Field, Multipart as Form};
use tokio::{sync::mpsc, time::timeout};

/// Bytes that may come between two parts; a part's headers are far smaller, but what has come is read in one go.
const LONGEST_HEAD: usize = 1 << 20;

/// A sender that sends nothing for so long has gone.
pub const IDLE: Duration = Duration::from_secs(30);
/// Pieces between connection and reader.
const PIECES: usize = 4;

/// A body as it comes in.
pub type Pieces = BoxStream<'static, Result<Bytes, Cut>>;

/// A body ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    #[error("the body ended before it was complete")]
    Broken,
    #[error("the body did not move")]
    Slow,
}

/// Why a form can't be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error(transparent)]
    Cut(#[from] Cut),
    #[error("the body is not well-formed multipart/form-data")]
    Malformed,
}

/// The body as it comes, for readers on any thread.
pub fn pieces(mut payload: Payload) -> Pieces {
    let (sender, mut receiver) = mpsc::channel(PIECES);
    actix_web::rt::spawn(async move {
        loop {
            let piece = match timeout(IDLE, payload.next()).await {
                Ok(None) => return,
                Ok(Some(piece)) => piece.map_err(|_| Cut::Broken),
                Err(_) => Err(Cut::Slow),
            };
            let cut = piece.is_err();
            if sender.send(piece).await.is_err() || cut {
                return;
            }
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context)).boxed()
}

/// A form that is being read.
pub struct Multipart {
    form: Form<'static>,
    part: Option<Field<'static>>,
    /// Bytes that may still come before a part begins; counted there alone.
    head: Arc<AtomicUsize>,
}

/// What a part says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Empty when it has none.
    pub name: String,
    pub file_name: Option<String>,
    pub content_type: Option<String>,
}

impl Multipart {
    /// `None` when the `Content-Type` is no form's.
    pub fn new(content_type: &str, pieces: Pieces) -> Option<Self> {
        let (media_type, _) = content_type.split_once(';')?;
        let is_form = media_type.trim().eq_ignore_ascii_case("multipart/form-data");
        let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())?;
        let head = Arc::new(AtomicUsize::new(LONGEST_HEAD));
        let counted =
            Counted { pieces: Mutex::new(pieces), head: Arc::clone(&head), given: AtomicBool::new(false) };
        let form = Form::with_constraints(counted, boundary, Constraints::new());
        is_form.then_some(Self { form, part: None, head })
    }

    /// The next part; what is left of the one before is skipped. `None` after the last.
    ///
    /// # Errors
    /// When the body broke off or is malformed.
    pub async fn next(&mut self) -> Result<Option<Part>, FormError> {
        while self.chunk().await?.is_some() {}
        self.part = None;
        self.head.store(LONGEST_HEAD, Ordering::Relaxed);
        self.part = self.form.next_field().await.map_err(fault)?;
        self.head.store(usize::MAX, Ordering::Relaxed);
        Ok(self.part.as_ref().map(described))
    }

    /// The next piece of the current part. `None` at its end.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        match &mut self.part {
            Some(part) => part.chunk().await.map_err(fault),
            None => Ok(None),
        }
    }
}

fn described(part: &Field<'_>) -> Part {
    let header = |name: &str| {
        let value = part.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let disposition = header("content-disposition").unwrap_or_default();
    Part {
        name: parameter(&disposition, "name").unwrap_or_default(),
        file_name: file_name(&disposition),
        content_type: header("content-type"),
    }
}

/// The file name in a `Content-Disposition`; Direct Line's own examples have no disposition type.
pub fn file_name(disposition: &str) -> Option<String> {
    let extended = parameter(disposition, "filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_, encoded) = rest.split_once('\'')?;
        let utf8 = charset.eq_ignore_ascii_case("utf-8");
        let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy();
        utf8.then(|| decoded.into_owned())
    });
    extended.or_else(|| parameter(disposition, "filename")).filter(|name| !name.trim().is_empty())
}

/// A header's parameter. A semicolon inside quotes ends nothing; a backslash there takes what follows as it is,
/// unless that is what browsers write for a Windows path.
pub fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    while !rest.is_empty() {
        let name_end = rest.find(['=', ';']).unwrap_or(rest.len());
        let name = rest[..name_end].trim();
        let Some(value) = rest[name_end..].strip_prefix('=') else {
            rest = rest[name_end..].strip_prefix(';').unwrap_or_default();
            continue;
        };
        let (value, after) = match value.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after.find(';').map_or("", |at| &after[at + 1..]);
    }
    None
}

fn unquoted(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' if quoted[at + 1..].starts_with(['"', '\\']) => {
                value.extend(characters.next().map(|(_, escaped)| escaped));
            }
            c => value.push(c),
        }
    }
    (value, "")
}

/// Pieces, of which only so many may come while a part's headers are looked for: they are held until they are whole.
struct Counted {
    /// Never contended; the reader wants its source to be shareable.
    pieces: Mutex<Pieces>,
    head: Arc<AtomicUsize>,
    /// A piece was given with the last poll. The reader takes all that is ready before it looks at any of it, so it is
    /// given one at a time.
    given: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
#[error("the headers of a part have no end")]
struct Endless;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl Stream for Counted {
    type Item = Result<Bytes, AnyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.given.swap(false, Ordering::Relaxed) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let Poll::Ready(piece) = pieces.as_mut().poll_next(context) else { return Poll::Pending };
        let counted = |piece: Bytes| match self.head.load(Ordering::Relaxed) {
            usize::MAX => Ok(piece),
            left => {
                let left = left.checked_sub(piece.len()).ok_or(Endless)?;
                self.head.store(left, Ordering::Relaxed);
                Ok(piece)
            }
        };
        self.given.store(piece.is_some(), Ordering::Relaxed);
        Poll::Ready(piece.map(|piece| piece.map_err(AnyError::from).and_then(counted)))
    }
}

fn fault(error: multer::Error) -> FormError {
    match error {
        multer::Error::StreamReadFailed(source) => {
            source.downcast_ref::<Cut>().map_or(FormError::Malformed, |cut| FormError::Cut(*cut))
        }
        _ => FormError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_forms_names_are_read_with_their_semicolons_and_quotes() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b \\\"c\\\".png\"\r\n\
                    Content-Type: image/png\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\n\
                    dana\r\n--x\r\ncontent-disposition: form-data; name=file; filename*=UTF-8''b%C3%A4r.txt\r\n\r\n\r\n--x--";
        let mut form = form(body);
        let part = |name: &str, file: Option<&str>, content_type: Option<&str>| Part {
            name: name.to_owned(),
            file_name: file.map(str::to_owned),
            content_type: content_type.map(str::to_owned),
        };
        for expected in [
            part("file", Some("a;b \"c\".png"), Some("image/png")),
            part("user_id", None, None),
            part("file", Some("bär.txt"), None),
        ] {
            assert_eq!(form.next().await, Ok(Some(expected)));
        }
        assert_eq!(form.next().await, Ok(None));
    }

    #[tokio::test]
    async fn headers_without_end_are_not_held() {
        let pieces = futures_util::stream::repeat_with(|| Ok(Bytes::from_static(&[b'a'; 1_024])));
        let begun = futures_util::stream::iter([Ok(Bytes::from_static(b"--x\r\nX-Endless: "))]).chain(pieces);
        let form = Multipart::new("multipart/form-data; boundary=x", begun.boxed());
        assert_eq!(form.expect("a form").next().await, Err(FormError::Malformed));
    }

    #[test]
    fn what_is_no_form_is_none() {
        let none = || futures_util::stream::empty().boxed();
        for content_type in
            ["", "multipart/form-data", "multipart/form-data; boundary=\"\"", "multipart/mixed; boundary=x"]
        {
            assert!(Multipart::new(content_type, none()).is_none(), "{content_type}");
        }
        assert!(Multipart::new("Multipart/Form-Data;BOUNDARY=x", none()).is_some());
    }

    fn form(body: &'static str) -> Multipart {
        let pieces = body.as_bytes().chunks(3).map(|piece| Ok(Bytes::from_static(piece)));
        let pieces = futures_util::stream::iter(pieces).boxed();
        Multipart::new("multipart/form-data; boundary=\"x\"", pieces).expect("a form")
    }
}
