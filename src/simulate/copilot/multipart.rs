//! `multipart/form-data`, as far as uploads need it: the whole body at once, parts in order.

use actix_web::web::Bytes;
use memchr::memmem;

/// One part of a body.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// Without parameters, in lower case; empty when the part doesn't say.
    pub media_type: String,
    pub filename: Option<String>,
    pub bytes: Bytes,
}

/// Takes a body apart. `None` when it isn't what its `Content-Type` says.
pub fn parts(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    let boundary = parameter(content_type, "boundary")?;
    let delimiter = format!("\r\n--{boundary}");
    let mut at = memmem::find(body, &delimiter.as_bytes()[2..])? + delimiter.len() - 2;
    let mut parts = Vec::new();
    while !body[at..].starts_with(b"--") {
        let head_end = at + memmem::find(&body[at..], b"\r\n\r\n")?;
        let start = head_end + 4;
        let length = memmem::find(&body[start..], delimiter.as_bytes())?;
        parts.push(part(std::str::from_utf8(&body[at..head_end]).ok()?, body.slice(start..start + length)));
        at = start + length + delimiter.len();
    }
    Some(parts)
}

/// The file name in a `Content-Disposition`.
pub fn filename(disposition: &str) -> Option<String> {
    let encoded = parameter(disposition, "filename*").and_then(|value| {
        let name = value.strip_prefix("UTF-8''").or_else(|| value.strip_prefix("utf-8''"))?;
        Some(percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned())
    });
    encoded.or_else(|| parameter(disposition, "filename")).filter(|name| !name.is_empty())
}

/// The media type without its parameters.
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn part(head: &str, bytes: Bytes) -> Part {
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    Part {
        media_type: header("Content-Type").map(media_type).unwrap_or_default(),
        filename: header("Content-Disposition").and_then(filename),
        bytes,
    }
}

/// A parameter of a header, quoted or not.
fn parameter(header: &str, name: &str) -> Option<String> {
    let lower = header.to_ascii_lowercase();
    let key = format!("{name}=");
    let at = lower.match_indices(&key).map(|(at, _)| at).find(|at| {
        let before = lower[..*at].chars().next_back();
        before.is_none_or(|c| c == ';' || c.is_whitespace())
    })?;
    let rest = &header[at + key.len()..];
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split(';').next()?.trim(),
    };
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_apart_with_their_types_and_names() {
        let body = Bytes::from_static(
            b"--xx\r\nContent-Disposition: form-data; name=\"activity\"; filename=\"blob\"\r\n\
              Content-Type: application/vnd.microsoft.activity\r\n\r\n{}\r\n--xx\r\n\
              content-disposition: form-data; name=\"file\"; filename*=UTF-8''b%C3%A4r.txt\r\n\
              content-type: Text/Plain; charset=utf-8\r\n\r\n--x\r\n\r\n--xx--\r\n",
        );
        let parts = parts("multipart/form-data; boundary=\"xx\"", &body).expect("well formed");
        let file = Part {
            media_type: "text/plain".into(),
            filename: Some("bär.txt".into()),
            bytes: Bytes::from_static(b"--x\r\n"),
        };
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].bytes, "{}");
        assert_eq!(parts[0].media_type, "application/vnd.microsoft.activity");
        assert_eq!(parts[1], file);
    }

    #[test]
    fn a_broken_body_is_none() {
        for body in ["", "--xx", "--xx\r\n\r\nno end", "other"] {
            assert_eq!(parts("multipart/form-data; boundary=xx", &Bytes::from(body)), None, "{body:?}");
        }
    }
}
