//! Delivers a conversation's calls to ServiceNow: in order, one at a time, each claimed before it is made.

use std::{sync::Arc, time::Duration};

use tokio::sync::OwnedMutexGuard;
use tracing::{Instrument as _, debug, error, info, warn};

use super::{Conversation, Handoff, Recorded};
use crate::{
    delivery::{Next, after_attempt},
    domain::{SessionId, Timestamp},
    far_end::CallError,
    journal::JournalError,
    session::{Call, CallId, Due, Event, Fact, Queued, State, TYPING_MILLIS},
    telemetry::trace_id,
    translate::request::request,
};

/// Milliseconds a client's post may wait for its message to get through.
const PATIENCE: Duration = Duration::from_millis(1_000);

impl Handoff {
    /// Stores what an event adds, and sees to the delivery of what it calls for. A call that nothing stands
    /// before is claimed in the same commit.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn record_and_deliver(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        event: Event,
        trace: Option<String>,
    ) -> Result<Recorded, JournalError> {
        let turn = conversation.delivering.clone().try_lock_owned().ok();
        let claim = |state: &State, facts: &[Fact], now| {
            turn.as_ref().and_then(|_| self.claim_at_once(state, facts, now))
        };
        let recorded = self.record_and(conversation, event, claim).await?;
        let claimed = match recorded.facts.last() {
            Some(Fact::Claimed { call, .. }) => Some(*call),
            _ => None,
        };
        match turn {
            Some(turn) if !recorded.facts.is_empty() => {
                self.start_delivering(conversation, turn, claimed, trace);
            }
            turn => {
                drop(turn);
                self.deliver_soon(conversation, trace);
            }
        }
        Ok(recorded)
    }

    /// Sees to it that somebody delivers for this conversation; returns at once. Goes by our copy of the
    /// state: what another instance has stored since, it delivers itself.
    pub(super) fn deliver_soon(self: &Arc<Self>, conversation: &Arc<Conversation>, trace: Option<String>) {
        if conversation.state.try_lock().is_ok_and(|state| state.outbox.is_empty()) {
            return;
        }
        if let Ok(turn) = conversation.delivering.clone().try_lock_owned() {
            self.start_delivering(conversation, turn, None, trace);
        }
    }

    /// Goes on delivering with a call already claimed.
    pub(super) fn start_delivering(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        turn: OwnedMutexGuard<()>,
        claimed: Option<CallId>,
        trace: Option<String>,
    ) {
        let (handoff, conversation) = (self.clone(), conversation.clone());
        let deliver = async move {
            if let Err(failed) = handoff.deliver(&conversation, claimed, trace.as_deref()).await {
                error!(conversation.id = %conversation.id, error = %failed, "Delivery stopped; the next poll, event or sweep goes on");
                return;
            }
            drop(turn);
            // Whoever stored something since the last look found the turn taken, and left it to us.
            if !conversation.state.lock().await.outbox.is_empty() {
                handoff.deliver_soon(&conversation, trace);
            }
        };
        tokio::spawn(deliver.in_current_span());
    }

    /// Waits until the call is settled, put off, or has taken too long for a client to wait.
    pub(super) async fn wait_for(&self, conversation: &Conversation, call: CallId) {
        let mut moved = conversation.moved.subscribe();
        let settled = async {
            loop {
                let pending = {
                    let state = conversation.state.lock().await;
                    let now = Timestamp::now();
                    state.outbox.get(call).is_some_and(|q| q.attempts == 0 || q.is_claimed(now))
                };
                if !pending || moved.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, settled).await;
    }

    async fn deliver(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        mut claimed: Option<CallId>,
        trace: Option<&str>,
    ) -> Result<(), JournalError> {
        loop {
            let call = match claimed.take() {
                Some(call) => call,
                None => match self.claim(conversation).await? {
                    Due::Call(call) => call,
                    Due::Nothing => return Ok(()),
                    Due::At(at) => {
                        sleep_until(conversation, at).await;
                        continue;
                    }
                },
            };
            claimed = self.make(conversation, call, trace).await?;
        }
    }

    /// Claims the oldest call, if it is due.
    async fn claim(&self, conversation: &Conversation) -> Result<Due, JournalError> {
        if conversation.state.lock().await.outbox.is_empty() {
            return Ok(Due::Nothing);
        }
        let recorded =
            self.record_and(conversation, Event::Tick, |state, _, now| self.claim_next(state, now)).await?;
        if let Some(Fact::Claimed { call, .. }) = recorded.facts.last() {
            return Ok(Due::Call(*call));
        }
        let state = conversation.state.lock().await;
        Ok(match state.outbox.due(Timestamp::now()) {
            // It became due between the two looks.
            Due::Call(_) => Due::At(Timestamp::now()),
            later => later,
        })
    }

    fn claim_next(&self, state: &State, now: Timestamp) -> Option<Fact> {
        let Due::Call(call) = state.outbox.due(now) else { return None };
        let attempt = state.outbox.get(call)?.attempts + 1;
        Some(Fact::Claimed { call, attempt, by: self.name.clone(), at: now })
    }

    /// Claims a call that is stored in the same commit, when nothing stands before it.
    fn claim_at_once(&self, state: &State, facts: &[Fact], now: Timestamp) -> Option<Fact> {
        let calls = match facts {
            [Fact::UserSaid(said)] => said.message.is_some() && said.timezone.is_none(),
            [Fact::Fetched { .. }] => true,
            _ => false,
        };
        let call = CallId(state.position, 0);
        let first = state.outbox.is_empty() && calls;
        first.then(|| Fact::Claimed { call, attempt: 1, by: self.name.clone(), at: now })
    }

    /// Makes a claimed call and settles it; gives the next one, when that could be claimed with it.
    async fn make(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        call: CallId,
        trace: Option<&str>,
    ) -> Result<Option<CallId>, JournalError> {
        let Some((queued, session, user)) = self.look_up(conversation, call).await else { return Ok(None) };
        if is_stale(&queued) {
            self.record(conversation, Event::CallFailed(call)).await?;
            return Ok(None);
        }
        let trace = queued.trace.as_deref().or(trace);
        let outcome = self.servicenow.send(&request(&queued, &session, &user), trace).await;
        let error = outcome.as_ref().err();
        let first = queued.first_try.unwrap_or(queued.since);
        let next = after_attempt(first, queued.attempts, error, Timestamp::now());
        report(&session, &queued, error, next);
        let event = match next {
            Next::Done => Event::CallDone(call),
            Next::RetryAt(until) => Event::CallPutOff { call, until },
            Next::GiveUp => Event::CallFailed(call),
        };
        let done = next == Next::Done;
        let recorded = self
            .record_and(conversation, event, |state, facts, now| {
                if done && facts.len() == 1 { self.claim_after(state, call, now) } else { None }
            })
            .await?;
        if done && !recorded.facts.is_empty() {
            self.count_delivery(&queued);
        }
        if let Ok(answer) = outcome
            && let Some(body) = answer.synchronous
        {
            self.hear_answer(conversation, session.chat, &body).await?;
        }
        Ok(match recorded.facts.last() {
            Some(Fact::Claimed { call, .. }) => Some(*call),
            _ => None,
        })
    }

    async fn look_up(
        &self,
        conversation: &Conversation,
        call: CallId,
    ) -> Option<(Queued, SessionId, crate::domain::User)> {
        let state = conversation.state.lock().await;
        let queued = state.outbox.get(call)?.clone();
        let session = SessionId { conversation: conversation.id.clone(), chat: queued.chat };
        Some((queued, session, state.user.clone()))
    }

    /// The claim of the call behind `settled`, in the same commit, unless the answer to an opening call may
    /// change what is to be said next.
    fn claim_after(&self, state: &State, settled: CallId, now: Timestamp) -> Option<Fact> {
        let mut waiting = state.outbox.iter();
        let head = waiting.next().filter(|head| head.id == settled)?;
        let next = waiting.next().filter(|_| !head.call.is_opening())?;
        next.may_be_made(now).then(|| Fact::Claimed {
            call: next.id,
            attempt: next.attempts + 1,
            by: self.name.clone(),
            at: now,
        })
    }
}

/// A sign that the user types is worth nothing once they have stopped.
fn is_stale(queued: &Queued) -> bool {
    matches!(queued.call, Call::Typing) && Timestamp::now().millis_since(queued.since) > TYPING_MILLIS
}

async fn sleep_until(conversation: &Conversation, at: Timestamp) {
    let wait = at.millis_since(Timestamp::now()).clamp(1, 60_000);
    let mut moved = conversation.moved.subscribe();
    let wait = tokio::time::sleep(Duration::from_millis(wait.unsigned_abs()));
    tokio::pin!(wait);
    // Only the end of the chat can make the oldest call vanish; its facts wake this up.
    tokio::select! {
        () = &mut wait => {}
        _ = moved.changed() => {}
    }
}

fn report(session: &SessionId, queued: &Queued, error: Option<&CallError>, next: Next) {
    let (attempt, call) = (queued.attempts, queued.call.name());
    let trace = queued.trace.as_deref().and_then(trace_id);
    match (error, next) {
        (None, _) if queued.call.is_opening() => {
            info!(conversation.id = %session.conversation, chat = session.chat, trace.id = trace, call, attempt, "ServiceNow took the request for a live chat");
        }
        (None, _) => {
            debug!(conversation.id = %session.conversation, chat = session.chat, trace.id = trace, call, attempt, "Delivered to ServiceNow")
        }
        (Some(_), _) if queued.call.is_passing() => {
            debug!(conversation.id = %session.conversation, chat = session.chat, trace.id = trace, call, "A passing sign was lost on its way to ServiceNow");
        }
        (Some(error), Next::RetryAt(_)) => {
            warn!(conversation.id = %session.conversation, chat = session.chat, trace.id = trace, call, attempt, %error, "ServiceNow did not take it; will try again");
        }
        (Some(error), _) => {
            error!(conversation.id = %session.conversation, chat = session.chat, trace.id = trace, call, attempt, %error, "ServiceNow did not take it; gave up");
        }
    }
}
