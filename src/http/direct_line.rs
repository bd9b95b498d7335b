//! The Direct Line surface: a pipe while the bot speaks, our own answers once a person was asked for.

use std::{borrow::Cow, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        Method, StatusCode,
        header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    },
    web::{Bytes, Payload},
};
use serde_json::Value;
use tracing::{Instrument as _, Span, warn};

use self::{
    answer::{NO_ANSWER, from_far_end, live, posted, refused, start_answer, turned_down},
    operation::Operation,
};
use super::{
    ACTIVITY_LIMIT, Served, body::read_body, cors, error::ApiError, header, of_unknown_length, span,
};
use crate::{
    direct_line::proxy::{Onward, Pipe, Reply, Sent},
    domain::{ConversationId, Timestamp},
    far_end::CallError,
    handoff::{Caller, Conversation, Handoff, Standing, misspells},
    ledger::journal::JournalError,
    telemetry::{TRACEPARENT, on_behalf},
    translate::watermark::is_ours,
    wire::json,
};

mod answer;
mod bot;
mod escalated;
mod form;
pub(super) mod operation;
mod session;
pub(super) mod socket;
mod upload;

/// Answers up to this size are passed on in one piece, larger ones as they come.
const SMALL: u64 = 64 * 1_024;

/// `/v3/directline/{below}`, all methods.
pub async fn surface(
    request: &HttpRequest,
    below: &str,
    payload: Payload,
    served: &Served,
    pipe: &Pipe,
) -> HttpResponse {
    if let Some(answer) = cors::preflight(request, &served.allowed_origins) {
        let mut answer = answer.unwrap_or_else(|error| actix_web::ResponseError::error_response(&error));
        cors::mark(request, &served.allowed_origins, answer.headers_mut());
        return answer;
    }
    static TRACE: HeaderName = HeaderName::from_static(TRACEPARENT);
    let caller = header(request, &TRACE).map(str::to_owned);
    let answer = on_behalf(caller, route(request, below, payload, served, pipe)).await;
    let mut answer = answer.unwrap_or_else(|error| actix_web::ResponseError::error_response(&error));
    cors::mark(request, &served.allowed_origins, answer.headers_mut());
    answer
}

async fn route(
    request: &HttpRequest,
    below: &str,
    payload: Payload,
    served: &Served,
    pipe: &Pipe,
) -> Result<HttpResponse, ApiError> {
    let operation = Operation::read(request.method(), below).ok_or(ApiError::NotFound)?;
    let path = operation.path();
    let query = operation.parameter().and_then(|name| query(request, name));
    let surface = Surface { request, served, pipe, operation: &operation, path, query };
    let authorization = header(request, AUTHORIZATION);
    if operation.needs_credential() && authorization.is_none() {
        return Err(NO_CREDENTIAL);
    }
    if let Some(id) = operation.conversation()
        && authorization.is_some_and(|given| misspells(given, id))
    {
        return Err(refused(403, Some("BadArgument".to_owned())));
    }
    // What is not a poll is boxed: a request's state is as large as the largest of its branches, and it is moved about.
    match &operation {
        // There are so many of these that a span is made only where a line is written.
        Operation::Read(id) => surface.poll(id).await,
        Operation::Post(id) => Box::pin(surface.post(id, payload)).instrument(surface.span()).await,
        _ => Box::pin(surface.rest(payload)).instrument(surface.span()).await,
    }
}

const NO_CREDENTIAL: ApiError =
    ApiError::Unauthorized("The Authorization header is missing. Send `Bearer` and the Direct Line token.");

struct Surface<'a> {
    request: &'a HttpRequest,
    served: &'a Served,
    pipe: &'a Pipe,
    operation: &'a Operation,
    /// Where Direct Line is asked for the operation, and its parameter.
    path: Cow<'static, str>,
    query: Option<String>,
}

impl Surface<'_> {
    /// What is neither a poll nor a post.
    async fn rest(&self, payload: Payload) -> Result<HttpResponse, ApiError> {
        match self.operation {
            Operation::Read(_) | Operation::Post(_) => Err(ApiError::NotFound),
            Operation::Upload(id) => self.upload(id, payload).await,
            Operation::Reconnect(id) => self.reconnect(id).await,
            Operation::Start | Operation::Generate => self.grant(payload).await,
            Operation::Refresh => self.token(self.onward(Sent::Nothing)).await,
            Operation::SessionId => self.session_id().await,
            Operation::Attachment(_) => self.attachment().await,
            Operation::Stream(id) => self.stream(id, payload).await,
        }
    }

    /// What the lines of this request stand in.
    fn span(&self) -> Span {
        span(self.request)
    }

    /// POST conversations and tokens/generate.
    async fn grant(&self, payload: Payload) -> Result<HttpResponse, ApiError> {
        let body = read_body(payload, self.request.headers(), ACTIVITY_LIMIT).await?;
        let sent = if body.is_empty() { Sent::Nothing } else { Sent::Json(parameters(&body)?) };
        self.token(self.onward(sent)).await
    }

    /// GET a conversation: Direct Line renews the token; a watermark of ours means nothing to it.
    async fn reconnect(&self, id: &ConversationId) -> Result<HttpResponse, ApiError> {
        let ours = self.find(id).await?;
        let mut onward = self.onward(Sent::Nothing);
        onward.query = onward.query.filter(|(_, watermark)| ours.is_none() && !is_ours(watermark));
        let answer = self.token(onward).await;
        let failed = match &answer {
            Ok(answer) => {
                answer.status().is_server_error() || answer.status() == StatusCode::TOO_MANY_REQUESTS
            }
            Err(_) => true,
        };
        match ours {
            Some((handoff, conversation)) if failed => {
                self.reconnect_alone(id, handoff, &conversation).await.map_or(answer, Ok)
            }
            _ => answer,
        }
    }

    /// While Direct Line fails: a token that is known to be good stays what it is, so that a live chat goes on.
    async fn reconnect_alone(
        &self,
        id: &ConversationId,
        handoff: &Handoff,
        conversation: &Arc<Conversation>,
    ) -> Option<HttpResponse> {
        let caller = self.caller().ok()?;
        let Ok(Standing::Good) = handoff.tokens.standing(conversation, &caller).await else { return None };
        let (_, token) = caller.authorization.split_once(' ')?;
        let now = Timestamp::now();
        let mut grant = serde_json::Map::new();
        grant.insert("conversationId".to_owned(), id.as_str().into());
        grant.insert("token".to_owned(), token.trim().into());
        grant.insert("expires_in".to_owned(), (caller.until(now).millis_since(now) / 1_000).into());
        self.offer_stream(&mut grant);
        Some(live(&Value::Object(grant)))
    }

    /// Passes on an answer that holds a token. The address of Direct Line's socket would go round us: ours takes its place, or
    /// none.
    async fn token(&self, onward: Onward<'_>) -> Result<HttpResponse, ApiError> {
        let response = self.pipe.pass(onward).await.map_err(from_far_end)?;
        if !response.status().is_success() {
            return self.answer(Ok(response)).await;
        }
        let mut answer = start_answer(&response);
        let body = response.collect(ACTIVITY_LIMIT).await.map_err(from_far_end)?;
        let Ok(json::Read { value: Value::Object(mut grant), .. }) = json::read(&body) else {
            warn!(
                "Direct Line's answer with a token is no JSON object, so a socket's address might be in it; it is not passed on"
            );
            return Err(ApiError::Unavailable(NO_ANSWER));
        };
        self.note_token(&grant).await;
        let fields = grant.len();
        grant.retain(|name, _| !name.eq_ignore_ascii_case("streamUrl"));
        let offered = self.offer_stream(&mut grant);
        Ok(match grant.len() == fields && !offered {
            true => answer.body(body),
            false => answer.body(Value::Object(grant).to_string()),
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
            && let Err(failed @ JournalError::Unavailable { .. }) =
                handoff.tokens.accept(&conversation, &caller).await
        {
            warn!(conversation.id = %id, error = %failed, "A new token could not be noted; Direct Line will be asked about it");
        }
    }

    /// The operation as it is asked of Direct Line, with its one parameter if the client has given it.
    fn onward(&self, sent: Sent) -> Onward<'_> {
        Onward {
            method: method(self.request),
            path: &self.path,
            query: self.query.as_ref().and_then(|value| Some((self.operation.parameter()?, value.as_str()))),
            headers: self.request.headers(),
            is_file: matches!(self.operation, Operation::Attachment(_)),
            authorization: None,
            cookies: None,
            sent,
        }
    }

    /// An attachment: other people's bytes, under our origin.
    async fn attachment(&self) -> Result<HttpResponse, ApiError> {
        let mut answer = self.answer(self.pipe.pass(self.onward(Sent::Nothing)).await).await?;
        let headers = answer.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        Ok(answer)
    }

    /// Direct Line's answer as it is.
    async fn answer(&self, passed: Result<Reply, CallError>) -> Result<HttpResponse, ApiError> {
        let reply = passed.map_err(from_far_end)?;
        let mut answer = start_answer(&reply);
        let is_head = self.request.method() == Method::HEAD;
        // The answer to HEAD tells the length of what GET would get.
        let told = || reply.headers().get("content-length")?.to_str().ok()?.parse().ok();
        let length = if is_head { told() } else { reply.content_length() };
        Ok(match length {
            Some(length) if length <= SMALL && !is_head => {
                answer.body(reply.collect(usize::MAX).await.map_err(from_far_end)?)
            }
            Some(length) => answer.body(SizedStream::new(length, reply.pieces())),
            None => of_unknown_length(self.request, answer, reply.pieces()),
        })
    }

    /// The conversation, if a person was ever asked for in it.
    async fn find(
        &self,
        id: &ConversationId,
    ) -> Result<Option<(&Arc<Handoff>, Arc<Conversation>)>, JournalError> {
        let Some(handoff) = &self.served.handoff else { return Ok(None) };
        Ok(handoff.ledger.find(id).await?.map(|conversation| (handoff, conversation)))
    }

    fn caller(&self) -> Result<Caller, ApiError> {
        Caller::read(header(self.request, AUTHORIZATION)).ok_or(NO_CREDENTIAL)
    }
}

/// The client's value of a query parameter; names are known in any case, as Direct Line knows them.
fn query(request: &HttpRequest, name: &str) -> Option<String> {
    url::form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.into_owned())
}

fn method(request: &HttpRequest) -> reqwest::Method {
    reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or_default()
}

/// Token parameters: one JSON object.
fn parameters(body: &[u8]) -> Result<Bytes, ApiError> {
    match json::strict(body) {
        Ok(parameters @ Value::Object(_)) => Ok(parameters.to_string().into()),
        _ => Err(ApiError::BadRequest(
            "The body is not one JSON object in UTF-8 with each name once. Send token parameters, or nothing.",
        )),
    }
}
