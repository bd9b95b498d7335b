//! How a call to ServiceNow ends, and how a chat does.

use super::{
    super::fact::{CallId, CallOutcome, EndReason, Fact, Notice},
    Call, Phase, Policy, State,
};
use crate::domain::Timestamp;

pub(super) fn settled(state: &State, call: CallId, outcome: CallOutcome, now: Timestamp) -> Vec<Fact> {
    state.outbox.get(call).map(|_| Fact::Settled { call, outcome, at: now }).into_iter().collect()
}

/// What nobody waits for any more is not tried again: the opening of a chat that is over, and words for one
/// that the other side has ended. What stands before our own END still goes out.
pub(super) fn put_off(state: &State, call: CallId, until: Timestamp, now: Timestamp) -> Vec<Fact> {
    let Some(queued) = state.outbox.get(call) else { return vec![] };
    let awaited = state.is_live() && queued.chat == state.chat;
    let to_be_told =
        state.outbox.iter().any(|other| other.chat == queued.chat && matches!(other.call, Call::End));
    let unheard = matches!(queued.call, Call::Say(_)) && !awaited && !to_be_told;
    let pointless = queued.call.is_passing() || (queued.call.is_opening() && !awaited) || unheard;
    let outcome = if pointless { CallOutcome::Dropped } else { CallOutcome::Retry { at: until } };
    let mut facts = settled(state, call, outcome, now);
    if let (true, Call::Say(message)) = (unheard, &queued.call) {
        facts.push(not_delivered(&message.text, now));
    }
    facts
}

pub(super) fn call_failed(state: &State, call: CallId, policy: &Policy, now: Timestamp) -> Vec<Fact> {
    let Some(queued) = state.outbox.get(call) else { return vec![] };
    let mut facts = vec![Fact::Settled { call, outcome: CallOutcome::Dropped, at: now }];
    let is_waiting = matches!(state.phase, Phase::Waiting { .. });
    match &queued.call {
        Call::Say(message) => facts.push(not_delivered(&message.text, now)),
        // With a person there, an earlier try has opened the chat.
        opening if opening.is_opening() && is_waiting && queued.chat == state.chat => {
            // A try that was put off, or cut short by a crash, may have opened it all the same.
            let created = matches!(opening, Call::StartCreated(_)) || queued.attempts > 1;
            facts.extend(end_without(state, Some(call), EndReason::NotOpened, created, policy, now));
        }
        _ => {}
    }
    facts
}

pub(super) fn not_delivered(text: &str, now: Timestamp) -> Fact {
    Fact::Noticed { notice: Notice::NotDelivered { text: text.to_owned() }, at: now }
}

pub(super) fn end(state: &State, why: EndReason, tell: bool, policy: &Policy, now: Timestamp) -> Vec<Fact> {
    end_without(state, None, why, tell, policy, now)
}

/// Ends the live chat. What still waits for ServiceNow goes out first when the user leaves, and can't
/// go out at all when the other side has left; then the user is told. `settled`: already settled here.
fn end_without(
    state: &State,
    settled: Option<CallId>,
    why: EndReason,
    tell: bool,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Fact> {
    let mut facts = vec![];
    let opening = state.outbox.iter().find(|q| q.call.is_opening() && q.chat == state.chat);
    let opened = opening.is_none();
    let begun = opened || opening.is_some_and(|q| q.attempts > 0 || matches!(q.call, Call::StartCreated(_)));
    let flush = opened && matches!(why, EndReason::ByUser);
    for queued in state.outbox.iter() {
        if flush || Some(queued.id) == settled || queued.is_claimed(now) || queued.chat != state.chat {
            continue;
        }
        facts.push(Fact::Settled { call: queued.id, outcome: CallOutcome::Dropped, at: now });
        if let Call::Say(message) = &queued.call {
            facts.push(not_delivered(&message.text, now));
        }
    }
    facts.push(Fact::ChatEnded { why, tell: tell && begun, at: now });
    facts.push(Fact::Noticed { notice: Notice::Ended { why }, at: now });
    if !policy.back_to_bot {
        facts.push(Fact::ConversationOver { at: now });
    }
    facts
}
