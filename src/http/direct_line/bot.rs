//! While the bot speaks: Direct Line answers, and a hand-off in its answer is stored before the client sees it.

use actix_web::{HttpResponse, web::Bytes};
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::{
    Surface,
    answer::{collect, empty, from_far_end, read_activity, start_answer},
};
use crate::{
    direct_line::proxy::Sent,
    domain::ConversationId,
    far_end::CallError,
    handoff::{Handoff, Source},
    http::{ACTIVITY_LIMIT, error::ApiError, header, trace},
    translate::watermark::{Cursor, Upstream},
    wire::activity::{Activity, ActivitySet},
};

/// Largest answer that is looked into, in bytes: about a hundred activities of the largest size.
const LONGEST_SET: usize = 32 << 20;

impl Surface<'_> {
    /// A poll while the bot speaks. The answer is held back until it is known to hold no hand-off, or until
    /// that is stored; it is parsed only when it may hold one. Where Direct Line gives none, or one that another
    /// instance has acted on, the journal is asked.
    pub(super) async fn poll_bot(
        &self,
        id: &ConversationId,
        given: Option<&str>,
    ) -> Result<HttpResponse, ApiError> {
        if given.is_some_and(|given| Cursor::read(Some(given)).upstream != Upstream::At(given.to_owned())) {
            // A watermark of ours for a conversation the store has forgotten: Direct Line can't know it.
            return self.answer(self.pipe.pass(self.request, self.path, "", Sent::Nothing).await).await;
        }
        let response = match self.pass(Sent::Nothing).await {
            Ok(response) => response,
            Err(error) => {
                debug!(conversation.id = %id, %error, "Direct Line does not answer; unless a person was asked for, the client's poll is answered empty");
                return Ok(Box::pin(self.poll_escalated(id, given)).await?.unwrap_or_else(|| empty(given)));
            }
        };
        if !response.status().is_success() {
            return match Box::pin(self.poll_escalated(id, given)).await? {
                Some(answer) => Ok(answer),
                None => self.answer(Ok(response)).await,
            };
        }
        let mut answer = start_answer(&response);
        let Ok(body) = collect(response, LONGEST_SET).await else { return Ok(empty(given)) };
        if !self.may_hold_event(&body) {
            return Ok(answer.body(body));
        }
        let Some(handoff) = &self.served.handoff else { return Ok(answer.body(body)) };
        let Some((set, event)) = find_event(handoff, &body) else { return Ok(answer.body(body)) };
        let caller = self.caller()?;
        let source = Source { segment: 0, conversation: id.as_str(), authorization: &caller.authorization };
        let trace = trace(self.request);
        let escalated = Box::pin(handoff.escalate(id, &set, event, &source, Some(&caller), trace)).await;
        match escalated {
            Ok(true) => Ok(answer.body(with_our_watermark(&body).unwrap_or(body))),
            // The batch is younger than the hand-off: the bot may have said more, which the user is not to see.
            Ok(false) => Ok(Box::pin(self.poll_escalated(id, given)).await?.unwrap_or_else(|| empty(given))),
            Err(failed) => {
                warn!(conversation.id = %id, error = %failed, "The hand-off can't be stored; the client's poll is answered empty, and the next one sees the hand-off again");
                Ok(empty(given))
            }
        }
    }

    /// A quick look for what a hand-off is known by; where that stands, the answer is parsed.
    pub(super) fn may_hold_event(&self, body: &[u8]) -> bool {
        self.served.handoff.as_ref().is_some_and(|handoff| handoff.may_hold_event(body))
    }

    /// Only the agent may ask for a person: its event says who the user is. Direct Line's copy of a client's
    /// activity looks much like one of the agent's.
    pub(super) fn is_forged(&self, body: &[u8]) -> bool {
        let Ok(mut activity) = serde_json::from_slice::<Activity>(body) else { return false };
        activity.from = None;
        let set = ActivitySet { activities: vec![activity], watermark: None };
        self.served.handoff.as_ref().is_some_and(|handoff| handoff.find_event(&set).is_some())
    }

    /// The bot's answer to a post, unless the bot was cut off meanwhile: then the words are the live chat's.
    pub(super) async fn post_overtaken(
        &self,
        id: &ConversationId,
        body: &Bytes,
        passed: Result<reqwest::Response, CallError>,
    ) -> Result<HttpResponse, ApiError> {
        let Some((handoff, _)) = self.find(id).await? else { return self.answer(passed).await };
        let (arrived, answer, upstream_id) = match passed {
            Ok(response) if !escalates_uncertainly(response.status().as_u16()) => {
                let status = response.status();
                let mut answer = start_answer(&response);
                let body = collect(response, ACTIVITY_LIMIT).await.map_err(from_far_end)?;
                let told: Value = serde_json::from_slice(&body).unwrap_or_default();
                let id = told.get("id").and_then(Value::as_str).map(str::to_owned);
                if !status.is_success() {
                    return Ok(answer.body(body));
                }
                (true, Ok(answer.body(body)), id)
            }
            Ok(response) => (false, self.answer(Ok(response)).await, None),
            Err(error) => (false, self.answer(Err(error)).await, None),
        };
        let Ok(activity) = read_activity(body) else { return answer };
        let authorization = header(self.request, "authorization").unwrap_or_default();
        let source = Source { segment: 0, conversation: id.as_str(), authorization };
        match handoff.overtaken(id, &activity, upstream_id, arrived, &source).await? {
            Some(id) if !id.0.is_empty() => Ok(HttpResponse::Ok().json(json!({"id": id}))),
            _ => answer,
        }
    }
}

fn escalates_uncertainly(status: u16) -> bool {
    matches!(status, 502 | 504)
}

fn find_event(handoff: &Handoff, body: &[u8]) -> Option<(ActivitySet, usize)> {
    let set: ActivitySet = serde_json::from_slice(body).ok()?;
    let event = handoff.find_event(&set)?;
    Some((set, event))
}

/// The batch with every activity byte for byte as it came, and the watermark of a client whose bot was cut off.
fn with_our_watermark(body: &[u8]) -> Option<Bytes> {
    let mut fields: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_slice(body).ok()?;
    let watermark = Cursor { local: 0, segment: 0, upstream: Upstream::End }.write();
    fields.insert("watermark".to_owned(), serde_json::value::to_raw_value(&watermark).ok()?);
    serde_json::to_vec(&fields).ok().map(Bytes::from)
}
