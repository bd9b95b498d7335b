//! What every journal promises, however it came about.

use std::collections::{HashMap, HashSet};

use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};

use super::chat::conversation;
use crate::{
    domain::{ActivityId, SessionId},
    ledger::{CallId, Lease, Settled, Settlement},
    session::{Fact, Notice, Phase, State},
    translate::request::request_id,
};

/// Folds the facts and looks at each step.
pub fn hold(facts: &[Fact]) -> Result<(), TestCaseError> {
    let mut state = State::new(conversation());
    let mut last_leased = CallId(0, 0);
    for fact in facts {
        if let Fact::Leased(Lease { call, at, .. }) = fact {
            let first = state.outbox.iter().next().expect("something is due").id;
            prop_assert_eq!(*call, first, "the oldest call goes out first");
            prop_assert!(call.0 >= last_leased.0, "calls go out in the order of their facts: {call:?}");
            last_leased = *call;
            let under_way = state.outbox.iter().filter(|queued| queued.is_under_way(*at)).count();
            prop_assert_eq!(under_way, 0, "one call at a time");
            let queued = state.outbox.get(*call).expect("what is leased is in the outbox");
            let unopened =
                state.outbox.iter().any(|q| q.call.chat == queued.call.chat && q.call.what.is_opening());
            prop_assert!(
                queued.call.what.is_opening() || !unopened,
                "nothing is due before its chat is open"
            );
        }
        if let Fact::HandoffRequested(_) = fact {
            prop_assert!(state.phase == Phase::Bot, "only the bot asks for a person");
        }
        if matches!(fact, Fact::ChatEnded { .. } | Fact::AgentJoined { .. } | Fact::UserTyping { .. }) {
            prop_assert!(state.is_live(), "{fact:?} belongs to a live chat");
        }
        let chat = state.chat;
        let ended = !state.is_live() && !matches!(fact, Fact::HandoffRequested(_));
        let waiting = state.outbox.iter().count();
        state.apply(fact);
        prop_assert!(
            !ended || state.outbox.iter().count() <= waiting,
            "chat {chat} is over, ServiceNow is told nothing more: {fact:?}"
        );
        prop_assert!(state.is_open() || state.outbox.is_empty(), "the sweep finds what is owed");
    }
    prop_assert_eq!(state.position, facts.len() as u64);
    nothing_is_doubled(facts)?;
    nothing_vanishes(facts, &state)?;
    ids_are_unique(facts)
}

fn nothing_is_doubled(facts: &[Fact]) -> Result<(), TestCaseError> {
    let mut ids = HashSet::new();
    for fact in facts {
        match fact {
            Fact::UserSaid(said) => {
                let direct_line = said.id.as_ref().map(|id| format!("direct line {}", id.0));
                let client = said.client_id.as_ref().map(|id| format!("client {id}"));
                for id in direct_line.into_iter().chain(client) {
                    prop_assert!(ids.insert(id.clone()), "{id} is in the journal twice");
                }
            }
            Fact::AgentSaid(said) => {
                for key in said.keys() {
                    prop_assert!(ids.insert(format!("servicenow {key}")), "{fact:?} is in the journal twice");
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the user said is delivered, said to be undelivered, or still to be delivered.
fn nothing_vanishes(facts: &[Fact], end: &State) -> Result<(), TestCaseError> {
    let mut notices: HashMap<&str, usize> = HashMap::new();
    for fact in facts {
        if let Fact::Noticed {
            notice: Notice::NotDelivered { text } | Notice::MayNotHaveArrived { text },
            ..
        } = fact
        {
            *notices.entry(text).or_default() += 1;
        }
    }
    for (position, fact) in (0..).zip(facts) {
        let Fact::UserSaid(said) = fact else { continue };
        let Some(message) = &said.message else {
            given_back(facts.get(position as usize + 1), &mut notices);
            continue;
        };
        let id = CallId(position, 0);
        let ending = facts.iter().find_map(|fact| match fact {
            Fact::Settled(Settled { call, outcome, .. }) if *call == id => match outcome {
                Settlement::Done | Settlement::Dropped => Some(outcome),
                Settlement::Retry { .. } => None,
            },
            _ => None,
        });
        let waits = end.outbox.get(id).is_some();
        match ending {
            Some(Settlement::Dropped) => {
                let left = notices.get_mut(message.text.as_str());
                prop_assert!(left.is_some_and(|left| std::mem::replace(left, left.saturating_sub(1)) > 0));
                prop_assert!(!waits);
            }
            Some(_) => prop_assert!(!waits),
            None => prop_assert!(waits, "{id:?} is gone without a word"),
        }
    }
    prop_assert!(notices.values().all(|left| *left == 0), "a notice for what was not dropped: {notices:?}");
    Ok(())
}

/// What came to light when the chat was over is shown, and the next line says that nobody got it.
fn given_back<'a>(next: Option<&'a Fact>, notices: &mut HashMap<&'a str, usize>) {
    if let Some(Fact::Noticed { notice: Notice::NotDelivered { text }, .. }) = next
        && let Some(left) = notices.get_mut(text.as_str())
    {
        *left = left.saturating_sub(1);
    }
}

/// Every id that follows from a position names one thing.
fn ids_are_unique(facts: &[Fact]) -> Result<(), TestCaseError> {
    let mut state = State::new(conversation());
    let mut requests = HashMap::new();
    let mut activities = HashSet::new();
    for fact in facts {
        activities.insert(ActivityId::local(&conversation(), state.position));
        state.apply(fact);
        for queued in state.outbox.iter() {
            let session = SessionId { conversation: conversation(), chat: queued.call.chat };
            let call = (queued.id, queued.call.what.name());
            let known = *requests.entry(request_id(&session, queued.id)).or_insert(call);
            prop_assert_eq!(known, call, "two calls under one request id");
        }
    }
    let calls: HashSet<_> = requests.values().map(|(id, _)| id).collect();
    prop_assert_eq!(calls.len(), requests.len());
    prop_assert_eq!(activities.len(), facts.len());
    Ok(())
}
