//! Sends answers to the response address: in order, one at a time, each claimed before it is sent.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, error, warn};

use super::{
    SecondaryBot, Session,
    envelope::{Contents, envelope},
    fact::{Fact, Outcome, What},
    state::{Outgoing, Queued},
};
use crate::{
    config::SecondaryResponse,
    credential::{mark, renewed},
    delivery::{Next, after_attempt},
    domain::Timestamp,
    far_end::{self, CallError},
    journal::JournalError,
    telemetry::{Count, TRACEPARENT, trace_id},
    translate::secondary_bot::number,
    wire::virtual_agent::body,
};

const TIME_OUT: Duration = Duration::from_secs(9);
/// A sign that the agent types is worth nothing later.
const TYPING_TIME_OUT: Duration = Duration::from_secs(2);
/// Whatever the primary bot answers is not read.
const LONGEST_ANSWER: usize = 1 << 20;

/// Calls the response address.
#[derive(Clone)]
pub struct Responder {
    http: reqwest::Client,
    address: SecondaryResponse,
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Responder {
    pub fn new(address: &SecondaryResponse, http: reqwest::Client) -> Self {
        Self { http, address: address.clone() }
    }

    /// Sends one answer, once; again only when our credential was refused and a vault has a new one.
    async fn send(&self, body: &Value, trace: Option<&str>, time_out: Duration) -> Result<(), CallError> {
        let SecondaryResponse { url: _, basic, token } = &self.address;
        let credentials = || basic.iter().chain(token);
        let (deadline, before) = (Instant::now() + time_out, mark(credentials()));
        let outcome = self.attempt(body, trace, time_out).await;
        if outcome.as_ref().is_err_and(CallError::refuses_credential)
            && timeout_at(deadline, renewed(credentials(), &before)).await.unwrap_or(false)
        {
            return self.attempt(body, trace, deadline.saturating_duration_since(Instant::now())).await;
        }
        outcome
    }

    async fn attempt(&self, body: &Value, trace: Option<&str>, time_out: Duration) -> Result<(), CallError> {
        let SecondaryResponse { url, basic, token } = &self.address;
        let mut call = self.http.post(url.clone()).timeout(time_out).header(CONTENT_TYPE, "application/json");
        if let Some(basic) = basic {
            let pair = basic.value();
            let (user, password) = pair.expose_secret().split_once(':').unwrap_or((pair.expose_secret(), ""));
            call = call.basic_auth(user, Some(password));
        }
        if let Some(token) = token {
            call = call.header("token", token.value().expose_secret());
        }
        if let Some(trace) = trace {
            call = call.header(TRACEPARENT, trace);
        }
        far_end::call(call.body(body.to_string()), LONGEST_ANSWER).await.map(drop)
    }
}

/// What there is to send.
enum Due {
    Send(Outgoing),
    At(Timestamp),
    Nothing,
}

impl SecondaryBot {
    /// Sees to it that somebody sends this session's answers; returns at once.
    pub(super) fn deliver_soon(self: &Arc<Self>, session: &Arc<Session>) {
        let (bot, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            loop {
                let Ok(turn) = session.delivering.clone().try_lock_owned() else { return };
                if let Err(failed) = bot.deliver(&session).await {
                    error!(session.id = %session.id, error = %failed, "Delivery stopped; the next request or sweep goes on");
                    return;
                }
                drop(turn);
                if session.state.lock().await.outbox.is_empty() {
                    return;
                }
            }
        });
    }

    async fn deliver(&self, session: &Session) -> Result<(), JournalError> {
        let Some(responder) = &self.responder else { return self.give_up(session).await };
        loop {
            match self.claim(session).await? {
                Due::Nothing => return Ok(()),
                Due::At(at) => session.sleep_until(at).await,
                Due::Send(outgoing) => {
                    let outcome = responder.send(&outgoing.body, outgoing.trace.as_deref(), TIME_OUT).await;
                    let error = outcome.err();
                    let now = Timestamp::now();
                    let first = outgoing.first_try.unwrap_or(now);
                    let next = after_attempt(first, outgoing.attempts, error.as_ref(), now);
                    report(session, &outgoing, error.as_ref(), next);
                    self.counters.one(match next {
                        Next::Done => Count::ToPrimaryBot,
                        Next::RetryAt(_) => Count::RetriesPrimaryBot,
                        Next::GiveUp => Count::GivenUp,
                    });
                    let outcome = match next {
                        Next::Done => Outcome::Done,
                        Next::RetryAt(until) => Outcome::PutOff { until },
                        Next::GiveUp => Outcome::GaveUp,
                    };
                    let answer = outgoing.position;
                    self.record(session, |_, at| (vec![Fact::Sent { answer, outcome, at }], ())).await?;
                }
            }
        }
    }

    /// Claims the oldest answer, if it is due.
    async fn claim(&self, session: &Session) -> Result<Due, JournalError> {
        self.record(session, |state, now| {
            let Some(oldest) = state.outbox.front() else { return (Vec::new(), Due::Nothing) };
            let kept_out = oldest.claim.as_ref().and_then(|claim| claim.keeps_out(&self.name, now));
            let not_yet = (oldest.not_before > now).then_some(oldest.not_before);
            if let Some(at) = kept_out.or(not_yet) {
                return (Vec::new(), Due::At(at));
            }
            let attempt = oldest.attempts + 1;
            let sending = Fact::Sending { answer: oldest.position, attempt, by: self.name.clone(), at: now };
            let mut claimed = oldest.clone();
            claimed.attempts = attempt;
            claimed.first_try = claimed.first_try.or(Some(now));
            (vec![sending], Due::Send(claimed))
        })
        .await
    }

    /// The response address was taken out of the settings: nobody will ever take these answers.
    async fn give_up(&self, session: &Session) -> Result<(), JournalError> {
        let lost = self
            .record(session, |state, at| {
                let lost = state.outbox.iter().map(|outgoing| outgoing.position);
                let facts = lost.map(|answer| Fact::Sent { answer, outcome: Outcome::GaveUp, at });
                (facts.collect(), state.outbox.len())
            })
            .await?;
        self.counters.add(Count::GivenUp, lost);
        Ok(())
    }

    /// Whether the primary bot is shown that the agent types while the request is worked on.
    pub(super) fn shows_typing(&self, queued: &Queued) -> bool {
        let quick = matches!(queued.asked.what, What::Create | What::End | What::Fault | What::Note);
        self.responder.is_some() && queued.asked.asynchronous && !quick
    }

    /// Shows it, when nothing older is still on its way.
    pub(super) async fn typing_soon(
        &self,
        session: &Session,
        queued: &Queued,
    ) -> Option<tokio::task::JoinHandle<()>> {
        let state = session.state.lock().await;
        if !self.shows_typing(queued) || state.silent || !state.outbox.is_empty() {
            return None;
        }
        let mut elements = vec![body::action("StartTypingIndicator")];
        number(&mut elements, &format!("{}|{}.types", session.id, queued.position));
        let body = envelope(&queued.asked.echo, Contents { elements, ..Contents::default() });
        let (responder, trace) = (self.responder.clone()?, queued.asked.trace.clone());
        Some(tokio::spawn(async move {
            // A passing sign: nothing follows from its loss.
            let _ = responder.send(&body, trace.as_deref(), TYPING_TIME_OUT).await;
        }))
    }
}

fn report(session: &Session, outgoing: &Outgoing, error: Option<&CallError>, next: Next) {
    let (id, attempt) = (&session.id, outgoing.attempts);
    let trace = outgoing.trace.as_deref().and_then(trace_id);
    match (error, next) {
        (None, _) => {
            debug!(session.id = %id, trace.id = trace, attempt, "Delivered an answer to the primary bot")
        }
        (Some(error), Next::RetryAt(_)) => {
            warn!(session.id = %id, trace.id = trace, attempt, %error, "The primary bot did not take an answer; will try again");
        }
        (Some(error), _) => {
            error!(session.id = %id, trace.id = trace, attempt, %error, "The primary bot did not take an answer; gave up");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        credential::testing::Vault,
        far_end::testing::{FarEnd, Reply},
    };

    #[tokio::test]
    async fn a_refused_credential_is_read_again_and_the_answer_sent_once_more() {
        let far_end = FarEnd::start(|heard, _| match heard.header("token") {
            Some("new") => Reply::text(200, ""),
            _ => Reply::text(401, ""),
        });
        let vault = Vault::default();
        let token = Some(vault.credential("old"));
        let address = SecondaryResponse { url: far_end.url.clone(), basic: None, token };
        let responder = Responder::new(&address, far_end::client().expect("a client"));
        vault.put(Some("new"));
        for _ in 0..2 {
            responder.send(&json!({"text": "hi"}), None, TIME_OUT).await.expect("taken");
        }
        let heard = far_end.heard();
        assert_eq!((heard.len(), vault.asked()), (3, 1));
        assert_eq!(heard[0].body, heard[1].body);
    }
}
