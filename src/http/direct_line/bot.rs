//! While the bot speaks: Direct Line answers, and a hand-off in its answer is stored before the client sees it.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::header::AUTHORIZATION, web::Bytes};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, debug, info, warn};

use self::place::{Place, Shown};
use super::{
    Surface,
    answer::{empty, live, not_posted, start_answer, whole},
    socket::shown::{latest_of, not_before},
};
use crate::{
    agent_turn::time_of,
    direct_line::proxy::{Onward, Reply, Sent},
    domain::ConversationId,
    far_end::CallError,
    handoff::{Caller, Escalations, Handoff, LONGEST_POLL, Source},
    http::{Served, error::ApiError, header, held::Answer, trace},
    wire::{
        activity::{Activity, ActivitySet, SetRead},
        json as far_json,
    },
};

pub(super) mod place;

const FORGED: &str = "Only the agent may send this event. Ask the agent for a person instead.";
/// Bytes from which on an answer is looked into piece by piece first.
const LARGE: usize = 256 * 1_024;
/// Largest answer that is looked into, in bytes: about a hundred activities of the largest size.
pub(super) const LONGEST_SET: usize = 32 << 20;

impl Surface<'_> {
    /// A poll while the bot speaks. The answer is held back until it is known to hold no hand-off, or until
    /// that is stored; it is parsed only when it may hold one. Where Direct Line gives none, or one that another
    /// instance has acted on, the journal is asked.
    pub(super) async fn poll_bot(
        &self,
        id: &ConversationId,
        given: Option<&str>,
    ) -> Result<HttpResponse, ApiError> {
        let place = Place::read(given);
        let query = place.from.as_deref().map(|watermark| ("watermark", watermark));
        let onward = Onward { query, ..self.onward(Sent::Nothing) };
        let asked = Instant::now();
        let response = match self.pipe.pass(onward).await {
            Ok(response) if response.status().is_success() => response,
            passed => {
                return Box::pin(self.poll_unanswered(id, place.known(given), given, passed, asked)).await;
            }
        };
        let answer = start_answer(&response);
        let packed = response.headers().contains_key("content-encoding");
        let Some(held) = self.taken_in(id, response).await else { return Ok(empty(given)) };
        let body = held.bytes.clone();
        let handed_over = match self.looked(id, &body, packed, asked).await? {
            Looked::Bots => false,
            Looked::HandedOver => true,
            Looked::Overtaken => {
                let page = Box::pin(self.poll_behind(id, place.known(given), given, asked)).await?;
                return Ok(page.unwrap_or_else(|| empty(given)));
            }
            Looked::NotStored => return Ok(empty(given)),
        };
        let shown = match place.part(&body, handed_over) {
            Shown::Whole => body,
            Shown::Part { bytes, .. } => bytes,
            // It is another conversation's.
            Shown::Elsewhere => return Box::pin(self.poll_bot(id, None)).await,
        };
        Ok(held.with(self.with_asides(id, shown)).send(answer))
    }

    /// What a poll is answered, with what stands in no journal behind it.
    fn with_asides(&self, id: &ConversationId, shown: Bytes) -> Bytes {
        let asides =
            self.served.handoff.as_ref().map(|handoff| handoff.asides.polled(id)).unwrap_or_default();
        let more = if asides.is_empty() { None } else { with_asides(&shown, asides) };
        more.unwrap_or(shown)
    }

    async fn taken_in(&self, id: &ConversationId, response: Reply) -> Option<Answer> {
        let held = self.served.held.collect(response, LONGEST_SET).await;
        held.inspect_err(|why| {
            self.span().in_scope(|| {
                debug!(conversation.id = %id, %why, "Direct Line's answer is not taken in; the client's poll is answered empty");
            });
        })
        .ok()
    }

    /// The answer to a poll when Direct Line gave no batch: the journal's, if a person was asked for.
    async fn poll_unanswered(
        &self,
        id: &ConversationId,
        known: Option<&str>,
        given: Option<&str>,
        passed: Result<Reply, CallError>,
        asked: Instant,
    ) -> Result<HttpResponse, ApiError> {
        if let Err(error) = &passed {
            self.span().in_scope(|| {
                debug!(conversation.id = %id, %error, "Direct Line does not answer; unless a person was asked for, the client's poll is answered empty");
            });
        }
        match (self.poll_behind(id, known, given, asked).await?, passed) {
            (Some(page), _) => Ok(page),
            (None, Ok(refused)) => self.answer(Ok(refused)).await,
            (None, Err(_)) => Ok(empty(given)),
        }
    }

    /// What the journal says to a client that was made to wait since it asked; it asks again sooner than it gives up.
    async fn poll_behind(
        &self,
        id: &ConversationId,
        known: Option<&str>,
        given: Option<&str>,
        asked: Instant,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let page = timeout_at(asked + LONGEST_POLL, self.poll_escalated(id, known)).await;
        page.unwrap_or_else(|_| Ok(Some(empty(given))))
    }

    /// Looks into a batch; a hand-off in it is then stored.
    async fn looked(
        &self,
        id: &ConversationId,
        body: &[u8],
        packed: bool,
        asked: Instant,
    ) -> Result<Looked, ApiError> {
        let Some(found) = self.found(id, body, packed) else { return Ok(Looked::Bots) };
        let caller = self.caller()?;
        let source = Source { asked, ..Source::own(id, &caller.authorization) };
        let handing = hand_over(self.served, id, &caller, source, trace(self.request), found);
        Ok(Box::pin(handing.instrument(self.span())).await)
    }

    /// As [`found`], with what is logged of it in the request's span.
    fn found(&self, id: &ConversationId, body: &[u8], packed: bool) -> Option<(ActivitySet, usize)> {
        if may_hold(self.served, body, packed) {
            return self.span().in_scope(|| found(self.served, id, body, packed));
        }
        None
    }

    /// The bot's answer to a post, unless the bot was cut off meanwhile: then the words are the live chat's.
    pub(super) async fn post_overtaken(
        &self,
        id: &ConversationId,
        activity: &Activity,
        passed: Result<Reply, CallError>,
        asked: Instant,
    ) -> Result<HttpResponse, ApiError> {
        let answered = whole(passed).await;
        let Some((handoff, _)) = self.find(id).await? else {
            return answered.map(|(answer, _)| answer).map_err(not_posted);
        };
        let (arrived, answer, upstream_id) = match answered {
            Ok((answer, id)) if answer.status().is_success() => (true, Ok(answer), id),
            Ok((answer, _)) if escalates_uncertainly(answer.status().as_u16()) => (false, Ok(answer), None),
            Ok((refused, _)) => return Ok(refused),
            Err(error) => (false, Err(not_posted(error)), None),
        };
        let authorization = header(self.request, AUTHORIZATION).unwrap_or_default();
        let source = Source { asked, ..Source::own(id, authorization) };
        match handoff.posting.overtaken(id, activity, upstream_id, arrived, &source).await? {
            Some(id) if !id.0.is_empty() => Ok(live(&json!({"id": id}))),
            _ => answer,
        }
    }
}

/// What became of a batch that may be shown to a client whose bot speaks.
pub(super) enum Looked {
    /// The bot's words and no more.
    Bots,
    /// A hand-off in it has been stored; what follows is the journal's to tell.
    HandedOver,
    /// The bot was cut off before: the batch is younger than the hand-off, and may hold what the user is not to see.
    Overtaken,
    /// The hand-off can't be stored. The batch must not be shown, so that it is read again.
    NotStored,
}

/// The hand-off in a batch, if there may be one and is.
pub(super) fn found(
    served: &Served,
    id: &ConversationId,
    body: &[u8],
    packed: bool,
) -> Option<(ActivitySet, usize)> {
    let escalations = &served.handoff.as_ref()?.escalations;
    if may_hold(served, body, packed) { find_event(escalations, id, body) } else { None }
}

fn may_hold(served: &Served, body: &[u8], packed: bool) -> bool {
    let Some(handoff) = &served.handoff else { return false };
    packed || (may_hold_event(&handoff.escalations, body) && any_may_be_one(&handoff.escalations, body))
}

/// Stores the hand-off that was [`found`] in a batch of `source`.
pub(super) async fn hand_over(
    served: &Served,
    id: &ConversationId,
    caller: &Caller,
    mut source: Source<'_>,
    trace: Option<String>,
    (mut set, mut event): (ActivitySet, usize),
) -> Looked {
    let Some(handoff) = &served.handoff else { return Looked::Bots };
    if let Some(tombstones) = &served.erased
        && let Some(erased) = tombstones.erased_at(id).await.unwrap_or_default()
    {
        // Direct Line remembers the event for a day; who was forgotten is not to come back with it.
        let undated = time_of(&set.activities[event]).is_none();
        set.activities.retain(|activity| time_of(activity).is_some_and(|at| at > erased));
        let Some(younger) = handoff.escalations.find(&set.activities) else {
            if undated && tombstones.is_first_undated() {
                info!(conversation.id = %id, "An event that asks for a person does not say when it was: it opens no chat, because its conversation was erased");
            }
            return Looked::Bots;
        };
        (source.since, event) = (Some(erased), younger);
    }
    match handoff.escalations.escalate(id, &set, event, &source, Some(caller), trace).await {
        Ok(true) => Looked::HandedOver,
        Ok(false) => Looked::Overtaken,
        Err(failed) => {
            warn!(conversation.id = %id, error = %failed, "The hand-off can't be stored; the client is shown nothing, and the next look sees the hand-off again");
            Looked::NotStored
        }
    }
}

fn escalates_uncertainly(status: u16) -> bool {
    matches!(status, 502 | 504)
}

/// Only the agent may ask for a person: its event says who the user is. Direct Line's copy of a client's activity looks much
/// like one of the agent's.
///
/// # Errors
/// When an activity of a client's would be a hand-off to any reader if the agent had sent it.
pub(super) fn refuse_forged(handoff: Option<&Handoff>, activity: &Activity) -> Result<(), ApiError> {
    match handoff.is_some_and(|handoff| handoff.escalations.is_claimed_by(activity)) {
        true => Err(ApiError::Forbidden(FORGED)),
        false => Ok(()),
    }
}

/// A quick look for what a hand-off is known by; where that may stand, the answer is parsed. It may be in an encoding in which a name
/// has no such bytes.
fn may_hold_event(escalations: &Escalations, body: &[u8]) -> bool {
    let plain =
        matches!(body.first(), None | Some(b'{' | b' ' | b'\t' | b'\r' | b'\n')) && body.get(1) != Some(&0);
    !plain || escalations.may_stand_in(body)
}

/// Looks into a large answer one activity after the other: read as a whole it takes several times the memory, and most such
/// answers hold no hand-off but words that look like one.
fn any_may_be_one(escalations: &Escalations, body: &[u8]) -> bool {
    if body.len() <= LARGE {
        return true;
    }
    let text = far_json::text(body);
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(&text) else { return true };
    let Some(activities) = fields.get("activities") else { return true };
    let Ok(activities) = serde_json::from_str::<Vec<&RawValue>>(activities.get()) else { return true };
    activities.into_iter().map(|activity| activity.get()).any(|activity| {
        let alone = || ActivitySet::read(format!(r#"{{"activities":[{activity}]}}"#).as_bytes());
        may_hold_event(escalations, activity.as_bytes())
            && alone().map_or(true, |read| escalations.find(&read.set.activities).is_some())
    })
}

/// The hand-off in an answer, if there is one. One that can't be looked into is passed on, and said.
fn find_event(escalations: &Escalations, id: &ConversationId, body: &[u8]) -> Option<(ActivitySet, usize)> {
    if body.is_empty() {
        return None;
    }
    let SetRead { set, lost } = ActivitySet::read(body)
        .inspect_err(|why| {
            warn!(conversation.id = %id, %why, "Direct Line's answer can't be looked into: a hand-off in it would be missed");
        })
        .ok()?;
    if lost > 0 {
        warn!(conversation.id = %id, lost, "Parts of what Direct Line answered can't be read; the others are used");
    }
    let event = escalations.find(&set.activities)?;
    Some((set, event))
}

/// The batch with these activities behind its own, which stay byte for byte as they came.
fn with_asides(body: &[u8], mut asides: Vec<Value>) -> Option<Bytes> {
    let text = far_json::text(body);
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).ok()?;
    let mut activities: Vec<Box<RawValue>> = match fields.get("activities") {
        Some(raw) => serde_json::from_str(raw.get()).ok()?,
        None => vec![],
    };
    not_before(&mut asides, latest_of(&activities));
    for aside in asides {
        activities.push(to_raw_value(&aside).ok()?);
    }
    fields.insert("activities".to_owned(), to_raw_value(&activities).ok()?);
    serde_json::to_vec(&fields).ok().map(Bytes::from)
}
