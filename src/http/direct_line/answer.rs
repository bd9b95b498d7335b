//! Answers of the Direct Line surface: Direct Line's own, taken over, and ours in its manner.

use std::time::Duration;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ContentType, HeaderValue},
    },
    web::Bytes,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    direct_line::{
        posted_id,
        proxy::{Reply, comes_back},
    },
    far_end::CallError,
    handoff::{Posted, Refusal},
    http::{ACTIVITY_LIMIT, error::ApiError},
    session::{MOST_FILES, MOST_WORDS, Quota},
};

pub(super) const BOT_AWAY: &str = "The live chat is over and the agent can't be reached yet. Try again.";
const MOVED_ON: &str = "Somebody else is to hear this since it began to come in. Send it again.";
const UNREAD: &str = "What the agent asked can't be read yet, so this may hold a password. Send it again.";
const OF_A_NEWER_BUILD: &str = "A newer version of the connector has stored what this one can't read, so who is to hear this is not known. Try again; end the older version.";
pub(super) const NO_ANSWER: &str = "Direct Line does not answer. Try again.";

pub(super) fn posted(posted: Posted) -> Result<HttpResponse, ApiError> {
    match posted {
        Posted::Accepted(id) | Posted::Known(id) => Ok(live(&json!({"id": id}))),
        Posted::Refused(refusal) => Err(turned_down(refusal)),
    }
}

pub(super) fn turned_down(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Over => ApiError::ConversationOver,
        Refusal::BotAway => ApiError::Unavailable(BOT_AWAY),
        Refusal::MovedOn => ApiError::Unavailable(MOVED_ON),
        Refusal::Unread => ApiError::Unavailable(UNREAD),
        Refusal::OfANewerBuild => ApiError::Unavailable(OF_A_NEWER_BUILD),
        Refusal::FarEnd(error) => not_posted(error),
        Refusal::Full(quota) => full(quota),
        Refusal::File(error) => super::upload::not_taken(error),
    }
}

pub(super) fn full(quota: Quota) -> ApiError {
    match quota {
        Quota::Words => ApiError::ConversationFull { limit: MOST_WORDS, of: "words" },
        Quota::Files => ApiError::ConversationFull { limit: MOST_FILES, of: "files" },
    }
}

pub(super) fn refused(status: u16, code: Option<String>) -> ApiError {
    let code = code.unwrap_or_else(|| if status == 404 { "NotFound" } else { "Forbidden" }.to_owned());
    ApiError::AsDirectLine {
        status,
        code,
        message: "Direct Line does not accept this token for this conversation.",
    }
}

/// What became of words that Direct Line gave no whole answer to. Who is told to say them again says them twice.
pub(super) fn not_posted(error: CallError) -> ApiError {
    match error {
        CallError::Uncertain(_) => ApiError::AsDirectLine {
            status: 502,
            code: "BotError".to_owned(),
            message: "The agent did not answer. It may have read the message.",
        },
        error => from_far_end(error),
    }
}

/// Why a question of the client's has no answer.
pub(super) fn from_far_end(error: CallError) -> ApiError {
    match error {
        CallError::Rejected { status, code } => ApiError::AsDirectLine {
            status,
            code: code.unwrap_or_else(|| "BadRequest".to_owned()),
            message: "Direct Line refused this.",
        },
        CallError::Throttled { status, wait } => ApiError::Later { status, wait },
        CallError::Failed { status: status @ 500.. } => ApiError::Later { status, wait: Duration::ZERO },
        CallError::NotSent(_) | CallError::Uncertain(_) | CallError::Failed { .. } => {
            ApiError::Unavailable(NO_ANSWER)
        }
    }
}

/// An answer to a poll that has nothing to tell: DirectLineJS would stop polling for good on an error.
pub(super) fn empty(watermark: Option<&str>) -> HttpResponse {
    match watermark {
        Some(watermark) => live(&json!({"activities": [], "watermark": watermark})),
        None => live(&json!({"activities": []})),
    }
}

/// An answer of ours about a conversation, which nobody on the way may keep.
pub(super) fn live(body: &Value) -> HttpResponse {
    start_live().body(bytes(body))
}

/// JSON as it is sent: its text by `Display` takes twice as long.
pub(super) fn bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

pub(super) fn start_live() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-store")).insert_header(ContentType::json());
    answer
}

/// Direct Line's answer to a post, and the id in it. One that is taken is read whole: cut off it is none. Of a refusal the status
/// counts, whatever comes of its words.
pub(super) async fn whole(
    passed: Result<Reply, CallError>,
) -> Result<(HttpResponse, Option<String>), CallError> {
    let reply = passed?;
    let mut answer = start_answer(&reply);
    let is_taken = reply.status().is_success();
    let body = match reply.collect(ACTIVITY_LIMIT).await {
        Err(_) if !is_taken => Bytes::new(),
        body => body?,
    };
    let id = posted_id(&body);
    Ok((answer.body(body), id))
}

pub(super) fn start_answer(reply: &Reply) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(reply.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = HttpResponse::build(status);
    let mut typed = false;
    for (name, value) in reply.headers() {
        if let Some(name) = comes_back(name)
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            typed |= *name == CONTENT_TYPE;
            answer.append_header((name.clone(), value));
        }
    }
    if !typed {
        answer.insert_header((CONTENT_TYPE, "application/octet-stream"));
    }
    answer
}
