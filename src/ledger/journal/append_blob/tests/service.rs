//! A blob service in memory that can be told to fail, for tests of what is made of its answers.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{AsyncRawResponse, Body, HttpClient, Method, Request, StatusCode, Transport, headers::Headers},
};
use percent_encoding::percent_decode_str;

const CONTAINER: &str = "/account/container";

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// It is refused, with this status and code.
    Refused(u16, &'static str),
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// It never arrives.
    RequestLost,
    /// Nothing is heard of it.
    Silence,
}

#[derive(Debug, Default)]
pub struct Service(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    there: bool,
    blobs: BTreeMap<String, (Vec<u8>, u32)>,
    etags: u32,
    troubles: VecDeque<(&'static str, Trouble)>,
    asked: Vec<String>,
    /// Bytes of blobs given out.
    given: usize,
}

impl Service {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn transport(self: &Arc<Self>) -> Transport {
        Transport::new(self.clone())
    }

    /// The next request of this kind meets with trouble. Kinds: `make`, `list`, `read`, `create`, `append`, `put`,
    /// `head`, `delete`.
    pub fn next(&self, kind: &'static str, trouble: Trouble) {
        self.inside().troubles.push_back((kind, trouble));
    }

    /// The kinds of the requests since this was asked last, in order.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inside().asked)
    }

    /// How many bytes of blobs were given out since this was asked last.
    pub fn given(&self) -> usize {
        std::mem::take(&mut self.inside().given)
    }

    pub fn names(&self) -> Vec<String> {
        self.inside().blobs.keys().cloned().collect()
    }

    pub fn delete(&self, name: &str) {
        self.inside().blobs.remove(name);
    }

    /// Puts an empty blob, as another instance would.
    pub fn put(&self, name: &str) {
        let mut inside = self.inside();
        inside.etags += 1;
        let etag = inside.etags;
        inside.blobs.insert(name.to_owned(), (vec![], etag));
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("no test panicked in here")
    }

    fn answer(&self, request: &Request) -> Option<Result<AsyncRawResponse>> {
        let asked = Asked::read(request);
        let mut inside = self.inside();
        inside.asked.push(asked.kind.to_owned());
        let trouble = inside.troubles.iter().position(|(kind, _)| *kind == asked.kind);
        let trouble = trouble.and_then(|at| inside.troubles.remove(at)).map(|(_, trouble)| trouble);
        match trouble {
            Some(Trouble::Refused(status, code)) => Some(Ok(Answer::refused(status, code).send())),
            Some(Trouble::Silence) => None,
            Some(Trouble::RequestLost) => Some(Err(lost())),
            Some(Trouble::AnswerLost) => {
                inside.carry_out(&asked);
                Some(Err(lost()))
            }
            None => Some(Ok(inside.carry_out(&asked).send())),
        }
    }
}

fn lost() -> Error {
    Error::with_message(ErrorKind::Io, "the connection was reset")
}

impl HttpClient for Service {
    fn execute_request<'a, 'b, 'c>(
        &'a self,
        request: &'b Request,
    ) -> Pin<Box<dyn Future<Output = Result<AsyncRawResponse>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let answer = self.answer(request);
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

struct Asked {
    kind: &'static str,
    /// Of the blob; of a listing, the prefix.
    name: String,
    body: Vec<u8>,
    /// Byte offset of a read or an append.
    offset: usize,
    if_match: Option<String>,
    /// At most so many in a listing, from the one after this on.
    page: (usize, String),
}

impl Asked {
    fn read(request: &Request) -> Self {
        let header = |wanted: &str| {
            let found = request.headers().iter().find(|(name, _)| name.as_str().eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str().to_owned())
        };
        let query = |wanted: &str| {
            request.url().query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let path = request.url().path().strip_prefix(CONTAINER).expect("the container's URL");
        let name =
            percent_decode_str(path.trim_start_matches('/')).decode_utf8().expect("UTF-8").into_owned();
        let kind = match (request.method(), query("comp").as_deref()) {
            (Method::Put, Some("appendblock")) => "append",
            (Method::Put, _) if query("restype").is_some() => "make",
            (Method::Put, _) if header("x-ms-blob-type").as_deref() == Some("AppendBlob") => "create",
            (Method::Put, _) => "put",
            (Method::Get, Some("list")) => "list",
            (Method::Get, _) => "read",
            (Method::Head, _) => "head",
            (Method::Delete, _) => "delete",
            (method, comp) => panic!("not played: {method} {comp:?}"),
        };
        let range = header("x-ms-range").or_else(|| header("range"));
        let range = range.map(|range| range["bytes=".len()..].split('-').next().unwrap_or("0").to_owned());
        let offset = range.or_else(|| header("x-ms-blob-condition-appendpos"));
        let most = query("maxresults").and_then(|most| most.parse().ok()).unwrap_or(2);
        Self {
            kind,
            name: query("prefix").unwrap_or(name),
            body: match request.body() {
                Body::Bytes(bytes) => bytes.to_vec(),
                Body::SeekableStream(_) => vec![],
            },
            offset: offset.and_then(|offset| offset.parse().ok()).unwrap_or_default(),
            if_match: header("if-match"),
            page: (most, query("marker").unwrap_or_default()),
        }
    }
}

impl Inside {
    fn carry_out(&mut self, asked: &Asked) -> Answer {
        if asked.kind == "make" {
            let before = std::mem::replace(&mut self.there, true);
            return if before { Answer::refused(409, "ContainerAlreadyExists") } else { Answer::ok(201) };
        }
        if !self.there {
            return Answer::refused(404, "ContainerNotFound");
        }
        match asked.kind {
            "list" => self.list(asked),
            "put" => self.store(asked),
            "create" if self.blobs.contains_key(&asked.name) => Answer::refused(409, "BlobAlreadyExists"),
            "create" => self.store(asked),
            _ => self.one(asked),
        }
    }

    fn store(&mut self, asked: &Asked) -> Answer {
        self.etags += 1;
        self.blobs.insert(asked.name.clone(), (asked.body.clone(), self.etags));
        Answer::ok(201).etag(self.etags)
    }

    fn one(&mut self, asked: &Asked) -> Answer {
        let Some((bytes, etag)) = self.blobs.get_mut(&asked.name) else {
            return Answer::refused(404, "BlobNotFound");
        };
        match asked.kind {
            "append" if asked.offset != bytes.len() => Answer::refused(412, "AppendPositionConditionNotMet"),
            "append" => {
                bytes.extend_from_slice(&asked.body);
                Answer::ok(201)
            }
            "read" if asked.offset >= bytes.len() && asked.offset > 0 => Answer::refused(416, "InvalidRange"),
            "read" => {
                let body = bytes[asked.offset..].to_vec();
                self.given += body.len();
                Answer { body, ..Answer::ok(200) }
            }
            "head" => Answer::ok(200).etag(*etag),
            _ if asked.if_match.as_ref().is_some_and(|wanted| *wanted != quoted(*etag)) => {
                Answer::refused(412, "ConditionNotMet")
            }
            _ => {
                self.blobs.remove(&asked.name);
                Answer::ok(202)
            }
        }
    }

    fn list(&self, asked: &Asked) -> Answer {
        let (most, after) = &asked.page;
        let mut names = self.blobs.keys().filter(|name| name.starts_with(&asked.name) && *name > after);
        let page: Vec<&String> = names.by_ref().take(*most).collect();
        let next = names.next().and(page.last()).map_or("", |last| last.as_str());
        let blobs: String = page.iter().map(|name| format!("<Blob><Name>{name}</Name></Blob>")).collect();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"x\" \
             ContainerName=\"container\"><Blobs>{blobs}</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"
        );
        Answer { body: body.into_bytes(), ..Answer::ok(200) }
    }
}

fn quoted(etag: u32) -> String {
    format!("\"0x{etag:X}\"")
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn ok(status: u16) -> Self {
        Self { status, headers: vec![], body: vec![] }
    }

    fn refused(status: u16, code: &str) -> Self {
        Self { status, headers: vec![("x-ms-error-code", code.to_owned())], body: vec![] }
    }

    fn etag(mut self, etag: u32) -> Self {
        self.headers.push(("etag", quoted(etag)));
        self
    }

    fn send(self) -> AsyncRawResponse {
        let mut headers = Headers::new();
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        AsyncRawResponse::from_bytes(StatusCode::from(self.status), headers, self.body)
    }
}
