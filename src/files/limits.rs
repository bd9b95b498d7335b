//! What a question for a file allows.

use super::{FileHead, TakeError};
use crate::domain::control::{Control, MultiPart, Upload};

/// Limits that come on top of `MAX_UPLOAD`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub files: Option<u64>,
    /// Of each file.
    pub bytes: Option<u64>,
    pub pictures_only: bool,
}

/// Files that come with one message, whatever is asked for: each may be a call to ServiceNow.
const MOST_FILES: u64 = 50;

impl Limits {
    /// Those of the newest open question that asks for a file; none when nothing does. `open`: oldest first.
    pub fn of<'a>(open: impl DoubleEndedIterator<Item = &'a Control>) -> Self {
        let upload = open.rev().find_map(asks_for);
        let Some(upload) = upload else { return Self::default() };
        let Upload { prompt: _, max_count, max_megabytes, pictures_only, optional: _, only_told: _ } = upload;
        Self {
            files: *max_count,
            bytes: max_megabytes.map(|megabytes| megabytes.saturating_mul(1_024 * 1_024)),
            pictures_only: *pictures_only,
        }
    }

    /// Whether one more file may come. A length the client did not say is counted while it comes.
    ///
    /// # Errors
    /// [`TakeError::TooMany`], [`TakeError::TooLarge`] or [`TakeError::NoPicture`].
    pub fn allow(&self, taken: usize, file: &FileHead) -> Result<(), TakeError> {
        let Self { files, bytes, pictures_only } = *self;
        let limit = files.unwrap_or(MOST_FILES).min(MOST_FILES);
        if taken as u64 >= limit {
            return Err(TakeError::TooMany { limit });
        }
        if let Some(limit) = bytes.filter(|limit| file.length.is_some_and(|length| length > *limit)) {
            return Err(TakeError::TooLarge { limit });
        }
        if pictures_only && !is_picture(file) {
            return Err(TakeError::NoPicture);
        }
        Ok(())
    }
}

fn asks_for(control: &Control) -> Option<&Upload> {
    match control {
        Control::Upload(upload) => Some(upload),
        Control::MultiPart(MultiPart { part, .. }) => asks_for(part),
        _ => None,
    }
}

/// By its type; by the end of its name where the client knows no type for that.
fn is_picture(file: &FileHead) -> bool {
    const PICTURES: [&str; 12] =
        ["avif", "bmp", "gif", "heic", "heif", "jfif", "jpeg", "jpg", "png", "tif", "tiff", "webp"];
    let kind = file.media_type.to_ascii_lowercase();
    let unknown = kind.is_empty() || kind.starts_with("application/octet-stream");
    let named = file.name.rsplit_once('.').map(|(_, end)| end);
    let by_name = || named.is_some_and(|end| PICTURES.iter().any(|known| known.eq_ignore_ascii_case(end)));
    kind.starts_with("image/") || unknown && by_name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_for_a_file_limits_and_without_one_their_number_alone() {
        let upload =
            Upload { max_count: Some(2), max_megabytes: Some(1), pictures_only: true, ..Upload::default() };
        let limits = Limits::of([&Control::Upload(upload)].into_iter());
        let file =
            |media_type: &str, length| FileHead { name: "f".into(), media_type: media_type.into(), length };
        assert!(limits.allow(1, &file("image/png", Some(1 << 20))).is_ok());
        assert!(matches!(limits.allow(2, &file("image/png", None)), Err(TakeError::TooMany { limit: 2 })));
        let big = limits.allow(0, &file("image/png", Some((1 << 20) + 1)));
        assert!(matches!(big, Err(TakeError::TooLarge { limit: 1_048_576 })));
        assert!(matches!(limits.allow(0, &file("text/plain", None)), Err(TakeError::NoPicture)));
        let nameless = |name: &str| FileHead {
            name: name.into(),
            media_type: "application/octet-stream".into(),
            length: None,
        };
        assert!(limits.allow(0, &file("IMAGE/PNG", None)).is_ok());
        assert!(limits.allow(0, &nameless("a.HEIC")).is_ok());
        assert!(matches!(limits.allow(0, &nameless("a.exe")), Err(TakeError::NoPicture)));
        let text = Control::Text { text: "Hello".into() };
        assert_eq!(Limits::of([&text].into_iter()), Limits::default());
        assert!(Limits::default().allow(49, &file("text/plain", None)).is_ok());
        let many = Limits::default().allow(50, &file("text/plain", None));
        assert!(matches!(many, Err(TakeError::TooMany { limit: 50 })));
    }
}
