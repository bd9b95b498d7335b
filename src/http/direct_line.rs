//! The Direct Line surface: a pipe while the bot speaks, our own answers once a person was asked for.

use std::{borrow::Cow, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::Method,
    web::{Data, Payload},
};
use futures_util::TryStreamExt as _;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tracing::{Instrument as _, warn};

use self::answer::{collect, from_far_end, posted, start_answer, turned_down};
use super::{ACTIVITY_LIMIT, Served, cors, error::ApiError, header, is_read, read_body, span};
use crate::{
    direct_line::proxy::{Pipe, Sent, failed},
    domain::ConversationId,
    far_end::CallError,
    handoff::{Caller, Conversation, Handoff},
    journal::JournalError,
    telemetry::{TRACEPARENT, on_behalf},
};

mod answer;
mod bot;
mod escalated;
mod upload;

/// Answers up to this size are passed on in one piece, larger ones as they come.
const SMALL: u64 = 64 * 1_024;

/// `/v3/directline/{path}`, all methods.
pub async fn surface(
    request: HttpRequest,
    payload: Payload,
    served: Data<Served>,
    pipe: Data<Pipe>,
) -> HttpResponse {
    if let Some(answer) = cors::preflight(&request, &served.allowed_origins) {
        let mut answer = answer.unwrap_or_else(|error| actix_web::ResponseError::error_response(&error));
        cors::mark(&request, &served.allowed_origins, answer.headers_mut());
        return answer;
    }
    let span = span(&request);
    let caller = header(&request, TRACEPARENT).map(str::to_owned);
    let answer = on_behalf(caller, route(&request, payload, &served, &pipe)).instrument(span).await;
    let mut answer = answer.unwrap_or_else(|error| actix_web::ResponseError::error_response(&error));
    cors::mark(&request, &served.allowed_origins, answer.headers_mut());
    answer
}

/// What a path of Direct Line's is about.
enum Asked {
    Activities(ConversationId),
    Upload(ConversationId),
    /// Reconnect: a new token for the conversation.
    Conversation(ConversationId),
    /// Start, generate, refresh: answers that hold a token.
    Token,
    Other,
}

async fn route(
    request: &HttpRequest,
    payload: Payload,
    served: &Served,
    pipe: &Pipe,
) -> Result<HttpResponse, ApiError> {
    let path = request.uri().path().strip_prefix("/v3/directline/").ok_or(ApiError::NotFound)?;
    let surface = Surface { request, served, pipe, path };
    // What is not a poll is boxed: a request's state is as large as the largest of its branches, and it is moved about.
    match (request.method(), asked(path)?) {
        (&Method::GET, Asked::Activities(id)) => surface.poll(&id).await,
        (&Method::POST, Asked::Activities(id)) => Box::pin(surface.post(&id, payload)).await,
        (&Method::POST, Asked::Upload(id)) => Box::pin(surface.upload(&id, payload)).await,
        (&Method::GET, Asked::Conversation(id)) => Box::pin(surface.reconnect(&id)).await,
        (&Method::POST, Asked::Token) => {
            let body = read_body(payload, request.headers(), ACTIVITY_LIMIT).await?;
            Box::pin(surface.token(Sent::Whole(body), request.query_string())).await
        }
        (method, _) if is_read(method) => surface.through(Sent::Nothing).await,
        _ => {
            let body = read_body(payload, request.headers(), ACTIVITY_LIMIT).await?;
            surface.through(Sent::Whole(body)).await
        }
    }
}

/// Takes a path apart without trusting it: dot segments would lead out of Direct Line's part of the far end.
fn asked(path: &str) -> Result<Asked, ApiError> {
    let segments: Vec<Cow<'_, str>> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8())
        .collect::<Result<_, _>>()
        .map_err(|_| ApiError::BadRequest("The path is not valid UTF-8 once decoded."))?;
    let trick = |segment: &str| {
        matches!(segment, "." | "..")
            || segment.contains(['/', '\\'])
            || segment.chars().any(char::is_control)
    };
    if segments.iter().any(|segment| trick(segment)) || path.contains('\\') {
        return Err(ApiError::NotFound);
    }
    let conversation = |id: &str| ConversationId::parse(id).ok_or(ApiError::NotFound);
    Ok(match segments.iter().map(AsRef::as_ref).collect::<Vec<&str>>().as_slice() {
        ["conversations", id, "activities"] => Asked::Activities(conversation(id)?),
        ["conversations", id, "upload"] => Asked::Upload(conversation(id)?),
        ["conversations"] | ["tokens", "generate" | "refresh"] => Asked::Token,
        ["conversations", id] if !id.is_empty() => Asked::Conversation(conversation(id)?),
        _ => Asked::Other,
    })
}

struct Surface<'a> {
    request: &'a HttpRequest,
    served: &'a Served,
    pipe: &'a Pipe,
    path: &'a str,
}

impl Surface<'_> {
    /// GET a conversation: Direct Line renews the token; a watermark of ours means nothing to it.
    async fn reconnect(&self, id: &ConversationId) -> Result<HttpResponse, ApiError> {
        let ours = self.find(id).await?.is_some();
        let query = if ours { "" } else { self.request.query_string() };
        self.token(Sent::Nothing, query).await
    }

    /// Passes on an answer that holds a token, without the address of a socket: that would go round us.
    async fn token(&self, sent: Sent, query: &str) -> Result<HttpResponse, ApiError> {
        let response = self.pipe.pass(self.request, self.path, query, sent).await.map_err(from_far_end)?;
        if !response.status().is_success() {
            return self.answer(Ok(response)).await;
        }
        let mut answer = start_answer(&response);
        let body = collect(response, ACTIVITY_LIMIT).await.map_err(from_far_end)?;
        let Ok(Value::Object(mut grant)) = serde_json::from_slice::<Value>(&body) else {
            return Ok(answer.body(body));
        };
        self.note_token(&grant).await;
        Ok(match grant.remove("streamUrl") {
            Some(_) => answer.body(Value::Object(grant).to_string()),
            None => answer.body(body),
        })
    }

    /// A token that Direct Line has just given out for an escalated conversation is good there.
    async fn note_token(&self, grant: &serde_json::Map<String, Value>) {
        let text = |name: &str| grant.get(name).and_then(Value::as_str);
        let (Some(id), Some(token)) = (text("conversationId"), text("token")) else { return };
        let (Some(id), Some(caller)) =
            (ConversationId::parse(id), Caller::read(Some(&format!("Bearer {token}"))))
        else {
            return;
        };
        if let Ok(Some((handoff, conversation))) = self.find(&id).await
            && let Err(failed) = handoff.accept(&conversation, &caller).await
        {
            warn!(conversation.id = %id, error = %failed, "A new token could not be noted; Direct Line will be asked about it");
        }
    }

    async fn through(&self, sent: Sent) -> Result<HttpResponse, ApiError> {
        self.answer(self.pass(sent).await).await
    }

    async fn pass(&self, sent: Sent) -> Result<reqwest::Response, CallError> {
        self.pipe.pass(self.request, self.path, self.request.query_string(), sent).await
    }

    /// Direct Line's answer as it is.
    async fn answer(&self, passed: Result<reqwest::Response, CallError>) -> Result<HttpResponse, ApiError> {
        let response = passed.map_err(from_far_end)?;
        let mut answer = start_answer(&response);
        match response.content_length() {
            Some(length) if length <= SMALL => {
                Ok(answer.body(response.bytes().await.map_err(|error| from_far_end(failed(error)))?))
            }
            Some(length) => {
                Ok(answer.body(SizedStream::new(length, response.bytes_stream().map_err(failed))))
            }
            None => Ok(answer.streaming(response.bytes_stream().map_err(failed))),
        }
    }

    /// The conversation, if a person was ever asked for in it.
    async fn find(
        &self,
        id: &ConversationId,
    ) -> Result<Option<(&Arc<Handoff>, Arc<Conversation>)>, JournalError> {
        let Some(handoff) = &self.served.handoff else { return Ok(None) };
        Ok(handoff.find(id).await?.map(|conversation| (handoff, conversation)))
    }

    fn caller(&self) -> Result<Caller, ApiError> {
        Caller::read(header(self.request, "authorization")).ok_or(ApiError::Unauthorized(
            "The Authorization header is missing. Send `Bearer` and the Direct Line token.",
        ))
    }

    fn query(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.request.query_string().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}
