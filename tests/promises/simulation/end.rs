//! What must hold of a conversation once everything has come to rest.

use std::collections::BTreeMap;

use servicenow_handoff::{
    ledger::{CallId, Settlement},
    session::{Fact, Notice, Phase, ToAgent},
};

use super::{
    record::{Arrival, Record},
    world::World,
};

pub fn check(world: &World, record: &Record, dump: &str) {
    let id = &record.state.conversation;
    world.check(record.state.outbox.is_empty(), "in the end every lane is empty", || {
        format!("{id} {:?}", record.state.outbox)
    });
    world.check(record.state.phase == Phase::Bot, "in the end the bot is back", || {
        format!("{id} {:?}", record.state.phase)
    });
    check_posts(world, record);
    check_person(world, record);
    let said = record.facts.iter().enumerate().filter_map(|(at, fact)| match fact {
        Fact::UserSaid(said) => Some((at, said.message.as_ref()?)),
        _ => None,
    });
    for (at, message) in said {
        check_words(world, record, CallId(at as u64, 0), message, dump);
    }
    check_repeats(world, record);
}

/// Whatever the client was told to be taken is there, once, under the id it was given.
fn check_posts(world: &World, record: &Record) {
    let id = &record.state.conversation;
    let mut stored = BTreeMap::new();
    for (at, fact) in record.facts.iter().enumerate() {
        if let Fact::UserSaid(said) = fact
            && let Some(client_id) = &said.client_id
        {
            let before = stored.insert(client_id.clone(), at);
            world.check(before.is_none(), "nothing is doubled that can be told apart", || {
                format!("{id} {client_id} stands at {before:?} and {at}")
            });
        }
    }
    for (client_id, answered) in &record.posted {
        let known = stored.contains_key(client_id);
        world.check(known, "acknowledged means stored", || format!("{id} {client_id} as {answered:?}"));
    }
}

/// The person's messages stand in the order in which they came.
fn check_person(world: &World, record: &Record) {
    let id = &record.state.conversation;
    let place = |name: &str| {
        record.facts.iter().position(
            |fact| matches!(fact, Fact::AgentSaid(said) if said.message_id.as_deref() == Some(name)),
        )
    };
    for (earlier, _, answered) in &record.heard {
        for (later, sent, _) in record.heard.iter().filter(|(_, sent, _)| sent > answered) {
            if let (Some(one), Some(other)) = (place(earlier), place(later)) {
                world.check(one < other, "the person's messages are in order", || {
                    format!("{id} {earlier} at {one}, {later} sent {sent} at {other}")
                });
            }
        }
    }
}

/// Each of the user's lines got through, or the user was told; once.
fn check_words(world: &World, record: &Record, call: CallId, message: &ToAgent, dump: &str) {
    let id = &record.state.conversation;
    let arrivals = record.arrivals.iter().filter(|arrival| arrival.call == call);
    let texts: Vec<_> = arrivals.map(|arrival| arrival.text.as_deref().unwrap_or_default()).collect();
    let settled = record.facts.iter().rev().find_map(|fact| match fact {
        Fact::Settled(settled) if settled.call == call => Some(&settled.outcome),
        _ => None,
    });
    if message.whisper.is_some() {
        let known = texts.iter().all(|text| record.typed.iter().any(|typed| typed == text));
        world.check(known, "a masked answer arrives as it was given", || format!("{id} {call:?} {texts:?}"));
        let kept = texts.iter().find(|text| dump.contains(&format!("\"{text}\"")));
        world.check(kept.is_none(), "a masked answer is never stored", || format!("{id} {call:?} {kept:?}"));
        let answers = |call: CallId| match record.facts.get(usize::try_from(call.0).unwrap()) {
            Some(Fact::UserSaid(said)) => said.answers,
            _ => None,
        };
        // Whoever is asked to enter it again may enter the same.
        let asked_between = |other: CallId| {
            let (first, last) = (call.0.min(other.0), call.0.max(other.0));
            let mut between = record.facts.iter().take(last as usize).skip(first as usize);
            between.any(|fact| matches!(fact, Fact::Noticed { notice: Notice::EnterAgain, .. }))
        };
        let other = |arrival: &&Arrival| {
            let same = texts.contains(&arrival.text.as_deref().unwrap_or_default());
            let one = answers(arrival.call).is_none_or(|to| Some(to) == answers(call));
            same && one && arrival.call != call && !asked_between(arrival.call)
        };
        let twice = record.arrivals.iter().find(other);
        world.check(twice.is_none(), "a double click is one masked answer", || {
            format!("{id} {call:?} {twice:?}")
        });
        return;
    }
    let same = texts.iter().all(|text| *text == message.text);
    world.check(same, "words arrive as they were said", || format!("{id} {message:?} {texts:?}"));
    let told = |sure: bool| {
        let about = |fact: &&Fact| match fact {
            Fact::Noticed { notice: Notice::NotDelivered { text }, .. } => sure && *text == message.text,
            Fact::Noticed { notice: Notice::MayNotHaveArrived { text }, .. } => {
                !sure && *text == message.text
            }
            _ => false,
        };
        record.facts.iter().filter(about).count()
    };
    let (not, maybe) = (told(true), told(false));
    let done = settled == Some(&Settlement::Done);
    let line =
        || format!("{id} {call:?} {:?}: {texts:?}, not {not}, maybe {maybe}, {settled:?}", message.text);
    world.check(not + maybe <= 1, "what did not get through is said once", line);
    world.check(!done || not + maybe == 0, "what got through is not said to be lost", line);
    world.check(!done || !texts.is_empty(), "what is settled as done arrived", line);
    world.check(!texts.is_empty() || not + maybe == 1, "nothing said is lost", line);
    let leased = record.facts.iter().filter_map(|fact| match fact {
        Fact::Leased(lease) if lease.call == call => Some((call, lease.attempt)),
        _ => None,
    });
    let sure =
        world.weather.is_plain() && leased.into_iter().all(|making| record.not_taken.contains(&making));
    world.check(maybe == 0 || !sure, "what surely did not arrive is not said to be doubtful", line);
    world.check(done || not + maybe == 1, "who is not served is told", line);
    world.check(not == 0 || texts.is_empty(), "what may have arrived is not said to be lost for sure", line);
}

/// A call that may have arrived is made again once for a crash and twice for time-outs.
fn check_repeats(world: &World, record: &Record) {
    let id = &record.state.conversation;
    let mut calls: BTreeMap<CallId, (u32, u32, Option<u32>)> = BTreeMap::new();
    for fact in &record.facts {
        match fact {
            Fact::Leased(lease) => {
                let (crashes, _, held) = calls.entry(lease.call).or_default();
                if held.is_some_and(|held| held != lease.attempt) {
                    *crashes += 1;
                }
                *held = Some(lease.attempt);
            }
            Fact::Settled(settled) => {
                let (_, timeouts, held) = calls.entry(settled.call).or_default();
                if settled.attempt.is_some() && settled.attempt == *held {
                    *held = None;
                    if matches!(settled.outcome, Settlement::Retry { uncertain: true, .. }) {
                        *timeouts += 1;
                    }
                }
            }
            _ => {}
        }
    }
    for (call, (crashes, timeouts, _)) in calls {
        world.check(
            crashes <= 1 && timeouts <= 2,
            "made again once for a crash, twice for time-outs",
            || format!("{id} {call:?} {crashes} crashes {timeouts} time-outs"),
        );
    }
}
