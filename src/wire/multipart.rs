//! Reading `multipart/form-data` part by part, never holding more than a chunk.

use actix_web::{
    http::header::HeaderMap,
    web::{Bytes, BytesMut, Payload},
};
use futures_util::StreamExt;
use memchr::memmem;

/// More than this before the end of a part's headers is no part.
const MAX_HEAD: usize = 16 * 1024;

/// A form that is being read.
pub struct Multipart {
    payload: Payload,
    /// `\r\n--boundary`
    delimiter: Vec<u8>,
    buffer: BytesMut,
}

/// What a part says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub media_type: Option<String>,
}

/// The body is not what it says it is, or broke off.
#[derive(Debug)]
pub struct Malformed;

impl Multipart {
    /// `None` when the headers speak of no form.
    pub fn new(headers: &HeaderMap, payload: Payload) -> Option<Self> {
        let content_type = headers.get("content-type")?.to_str().ok()?;
        let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())?;
        let is_form = content_type.trim_start().to_ascii_lowercase().starts_with("multipart/form-data");
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        is_form.then(|| Self { payload, delimiter, buffer: BytesMut::from(&b"\r\n"[..]) })
    }

    /// The next part, once the one before has been read to its end. `None` after the last.
    pub async fn next_part(&mut self) -> Result<Option<Part>, Malformed> {
        let after_delimiter = loop {
            match memmem::find(&self.buffer, &self.delimiter) {
                Some(at) if self.buffer.len() >= at + self.delimiter.len() + 2 => {
                    break at + self.delimiter.len();
                }
                _ if self.buffer.len() > 2 * MAX_HEAD => return Err(Malformed),
                _ => self.fill().await?,
            }
        };
        if &self.buffer[after_delimiter..after_delimiter + 2] == b"--" {
            while self.payload.next().await.is_some() {}
            return Ok(None);
        }
        let head_from = after_delimiter + 2;
        let head_to = loop {
            if let Some(length) = memmem::find(&self.buffer[head_from..], b"\r\n\r\n") {
                break head_from + length;
            }
            if self.buffer.len() > head_from + MAX_HEAD {
                return Err(Malformed);
            }
            self.fill().await?;
        };
        let part =
            std::str::from_utf8(&self.buffer[head_from..head_to]).map(read_head).map_err(|_| Malformed)?;
        let _ = self.buffer.split_to(head_to + 4);
        part.map(Some).ok_or(Malformed)
    }

    /// The next piece of the current part. `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Malformed> {
        loop {
            match memmem::find(&self.buffer, &self.delimiter) {
                Some(0) => return Ok(None),
                Some(at) => return Ok(Some(self.buffer.split_to(at).freeze())),
                None if self.buffer.len() > self.delimiter.len() => {
                    let safe = self.buffer.len() - self.delimiter.len();
                    return Ok(Some(self.buffer.split_to(safe).freeze()));
                }
                None => self.fill().await?,
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Malformed> {
        let more = self.payload.next().await.ok_or(Malformed)?.map_err(|_| Malformed)?;
        self.buffer.extend_from_slice(&more);
        Ok(())
    }
}

fn read_head(head: &str) -> Option<Part> {
    let mut part = Part::default();
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                part.name = parameter(value, "name")?;
                part.file_name = parameter(value, "filename");
            }
            "content-type" => part.media_type = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    (!part.name.is_empty()).then_some(part)
}

/// A parameter of a header value, quoted or not.
fn parameter(value: &str, name: &str) -> Option<String> {
    let found = value.split(';').skip(1).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(found.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_head_is_read() {
        let head =
            "Content-Disposition: form-data; name=\"file\"; filename=\"a b.png\"\r\nContent-Type: image/png";
        let part = Part {
            name: "file".to_owned(),
            file_name: Some("a b.png".to_owned()),
            media_type: Some("image/png".to_owned()),
        };
        assert_eq!(read_head(head), Some(part));
        assert_eq!(read_head("Content-Type: image/png"), None);
    }
}
