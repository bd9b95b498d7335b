//! How a call to ServiceNow ends, and how a chat does.

use super::{
    super::fact::{EndReason, Fact, Notice, ToAgent},
    Call, Phase, Policy, State,
    hearing::heard_in_answer,
};
use crate::{
    domain::{MASKED, Timestamp},
    ledger::{CallId, Outcome, Queued, Settled, Settlement, Why},
    session::{Answered, ChatCall},
};

/// What a call came to: its settlement, and what follows from it.
///
/// What nobody waits for any more is not tried again: the opening of a chat that is over, and words for one
/// that the other side has ended. What stands before our own END still goes out.
pub fn settle(
    state: &State,
    queued: &Queued<ChatCall>,
    settled: Settled,
    outcome: &Outcome<Answered>,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Fact> {
    let dropped = |settled: Settled| Fact::Settled(Settled { outcome: Settlement::Dropped, ..settled });
    match outcome {
        Outcome::Done(None) => vec![Fact::Settled(settled)],
        Outcome::Done(Some(answer)) => {
            let mut facts = vec![Fact::Settled(settled)];
            facts.extend(heard_in_answer(state, queued, answer, policy, now));
            facts
        }
        Outcome::Retry { uncertain, .. } => match is_pointless(state, queued) {
            false => vec![Fact::Settled(settled)],
            true => {
                let mut facts = vec![dropped(settled)];
                if let Call::Say(message) = &queued.call.what {
                    facts.push(unserved(message, *uncertain || queued.may_have_arrived(), now));
                }
                facts
            }
        },
        Outcome::GivenUp(why) => {
            let mut facts = vec![dropped(settled)];
            facts.extend(given_up(state, queued, *why, policy, now));
            facts
        }
    }
}

fn is_pointless(state: &State, queued: &Queued<ChatCall>) -> bool {
    let ChatCall { chat, what } = &queued.call;
    let awaited = state.is_live() && *chat == state.chat;
    let is_end = |other: &Queued<ChatCall>| other.call.chat == *chat && matches!(other.call.what, Call::End);
    let to_be_told = state.outbox.iter().any(is_end);
    let unheard = matches!(what, Call::Say(_)) && !awaited && !to_be_told;
    queued.passing || (what.is_opening() && !awaited) || unheard
}

/// What is said of a call that is not made again.
fn given_up(
    state: &State,
    queued: &Queued<ChatCall>,
    why: Why,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Fact> {
    let ChatCall { chat, what } = &queued.call;
    let is_waiting = matches!(state.phase, Phase::Waiting { .. });
    match what {
        Call::Say(message) => {
            let live = state.is_live() && *chat == state.chat;
            if message.whisper.is_some() && live {
                return vec![Fact::Noticed { notice: Notice::EnterAgain, at: now }];
            }
            vec![unserved(message, why == Why::MayHaveArrived || queued.may_have_arrived(), now)]
        }
        // With a person there, an earlier try has opened the chat.
        opening if opening.is_opening() && is_waiting && *chat == state.chat => {
            // A try that was put off, or cut short by a crash, may have opened it all the same.
            let created = matches!(opening, Call::StartCreated(_)) || queued.attempts > 1;
            end_without(state, Some(queued.id), EndReason::NotOpened, created, policy, now)
        }
        _ => vec![],
    }
}

/// Says that nobody got these words, or that nobody knows; a masked answer's are not said.
pub(super) fn unserved(message: &ToAgent, doubtful: bool, now: Timestamp) -> Fact {
    let text = if message.whisper.is_some() { MASKED.to_owned() } else { message.text.clone() };
    let notice = if doubtful { Notice::MayNotHaveArrived { text } } else { Notice::NotDelivered { text } };
    Fact::Noticed { notice, at: now }
}

pub(super) fn end(state: &State, why: EndReason, tell: bool, policy: &Policy, now: Timestamp) -> Vec<Fact> {
    end_without(state, None, why, tell, policy, now)
}

/// Ends the live chat. What still waits for ServiceNow goes out first when the user leaves, and can't
/// go out at all when the other side has left; then the user is told. `settled`: settled in the same commit.
pub(super) fn end_without(
    state: &State,
    settled: Option<CallId>,
    why: EndReason,
    tell: bool,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Fact> {
    let mut facts = vec![];
    // A call that was taken, and whose answer ends the chat, has opened it.
    let taken = settled.filter(|_| why != EndReason::NotOpened);
    let is_opening =
        |q: &&Queued<ChatCall>| q.call.what.is_opening() && q.call.chat == state.chat && Some(q.id) != taken;
    let opening = state.outbox.iter().find(is_opening);
    let opened = opening.is_none();
    let begun = |q: &Queued<ChatCall>| q.attempts > 0 || matches!(q.call.what, Call::StartCreated(_));
    let begun = opened || opening.is_some_and(begun);
    let flush = opened && matches!(why, EndReason::ByUser);
    for queued in state.outbox.iter() {
        let other = Some(queued.id) == settled || queued.call.chat != state.chat;
        if flush || other || queued.is_under_way(now) {
            continue;
        }
        let attempt = queued.lease.as_ref().map(|lease| lease.attempt);
        let outcome = Settlement::Dropped;
        facts.push(Fact::Settled(Settled { call: queued.id, attempt, outcome, at: now }));
        if let Call::Say(message) = &queued.call.what {
            // A lease that has ended was its maker's, who died or hangs.
            facts.push(unserved(message, attempt.is_some() || queued.may_have_arrived(), now));
        }
    }
    facts.push(Fact::ChatEnded { why, tell: tell && begun, at: now });
    facts.push(Fact::Noticed { notice: Notice::Ended { why }, at: now });
    if !policy.back_to_bot {
        facts.push(Fact::ConversationOver { at: now });
    }
    facts
}
