//! What can happen next, and what it does.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use servicenow_handoff::{
    domain::Timestamp,
    ledger::{
        CallId, Decided, Failure, LEASE, Lease, MARGIN, Machine as _, Next, Outage, Outcome, Queued, RENEW,
        Settled, Settlement, after,
    },
    session::{Answered, Call, Chat, ChatCall, Command, Fact, LANE, Phase},
};

use super::{
    Act, All, Last, SENT, Small, TICKS,
    chat::{Session, carried, chat, hook, post, time},
    process::{Making, Process, Way},
};

const APPEND_UNHEARD: u32 = 1;
pub const ANSWER_LOST: u32 = 1 << 1;
const CALL_LOST: u32 = 1 << 2;
const POLL_LOST: u32 = 1 << 3;
const CLOCK_BACK: u32 = 1 << 4;
const CUT: u32 = 1 << 5;
const CONFLICT: u32 = 1 << 6;
const TAKEN_OVER: u32 = 1 << 7;
const REPEAT_KNOWN: u32 = 1 << 8;
const CRASH_IN_CALL: u32 = 1 << 9;
const RENEWED: u32 = 1 << 10;
const REORDERED: u32 = 1 << 11;
const DOUBLED: u32 = 1 << 12;
const SETTLED_BY_OTHER: u32 = 1 << 13;
const FETCHED: u32 = 1 << 14;

/// What must be met in some state, or the model proves little.
pub const MET: [(&str, u32); 15] = [
    ("an append's answer lost", APPEND_UNHEARD),
    ("a call's answer lost", ANSWER_LOST),
    ("a call lost", CALL_LOST),
    ("a poll's answer lost", POLL_LOST),
    ("a clock set back", CLOCK_BACK),
    ("a call cut off", CUT),
    ("somebody was faster", CONFLICT),
    ("a call taken over", TAKEN_OVER),
    ("a repeat known", REPEAT_KNOWN),
    ("an engine dead in a call", CRASH_IN_CALL),
    ("a lease renewed", RENEWED),
    ("webhooks in another order", REORDERED),
    ("a webhook doubled", DOUBLED),
    ("a call settled by another", SETTLED_BY_OTHER),
    ("messages fetched", FETCHED),
];

pub fn possible(model: &Small, all: &All, acts: &mut Vec<Act>) {
    if all.broken.is_none() {
        considered(model, all, acts);
        acts.retain(|act| loses(all, act).is_none_or(|kind| model.losses_of & kind != 0));
    }
}

/// What an act counts as, when it is one of the losses.
fn loses(all: &All, act: &Act) -> Option<u32> {
    match *act {
        Act::Hook { which, lost: true, .. } if all.hooks[which].1 => Some(DOUBLED),
        Act::Post { lost, .. }
        | Act::Hook { lost, .. }
        | Act::Take { lost, .. }
        | Act::Renew { lost, .. } => lost.then_some(APPEND_UNHEARD),
        Act::Poll { lost, .. } => lost.then_some(POLL_LOST),
        Act::Send { lost, .. } => lost.then_some(CALL_LOST),
        Act::Answer { unheard: true, .. } => Some(APPEND_UNHEARD),
        Act::Answer { by, lost: true, .. } => {
            let arrived = all.engines[by].making.as_ref().is_some_and(|making| making.way == Way::Arrived);
            arrived.then_some(ANSWER_LOST)
        }
        Act::ClockBack { .. } => Some(CLOCK_BACK),
        Act::Answer { .. } | Act::Return { .. } | Act::Crash { .. } | Act::Dies { .. } | Act::Tick => None,
    }
}

fn considered(model: &Small, all: &All, acts: &mut Vec<Act>) {
    let may_lose: &[bool] = if all.losses < model.losses { &[false, true] } else { &[false] };
    // Between a lease and the sending of its call nothing that others do makes a difference; a death does.
    let leased = |engine: &Process| engine.making.as_ref().is_some_and(|making| making.way == Way::Leased);
    if let Some(by) = all.engines.iter().position(leased) {
        acts.extend(may_lose.iter().map(|&lost| Act::Send { by, lost }));
        acts.extend((all.crashes < model.crashes).then_some(Act::Crash { by }));
        return;
    }
    let may_die = all.crashes < model.crashes;
    for by in 0..2 {
        for &lost in may_lose {
            for which in 0..model.posts {
                let (times, answered) = all.posts[which];
                let turn = which == 0 || all.posts[0].1 || all.posts[0].0 == SENT;
                // Engines are alike: the first words go to the first.
                let alike = which == 0 && times == 0 && by == 1;
                if turn && !answered && times < SENT && !alike {
                    acts.push(Act::Post { by, which, lost });
                    if !lost && may_die {
                        acts.push(Act::Dies { by, with: Last::Post(which) });
                    }
                }
            }
            for which in 0..model.hooks {
                // The second is sent before the first is answered, or after.
                let (times, answered) = all.hooks[which];
                // The engine without the first words is the harder one.
                if (times == 0 && by == 1) || (times > 0 && !answered && times < SENT) || (answered && lost) {
                    acts.push(Act::Hook { by, which, lost });
                    if !lost && !answered && may_die {
                        acts.push(Act::Dies { by, with: Last::Hook(which) });
                    }
                }
            }
            if all.polls < model.polls && all.truth.position > all.watermark {
                acts.push(Act::Poll { by, lost });
            }
        }
        deliveries(all, by, may_lose, acts);
        if may_die && all.engines[by].making.is_some() {
            acts.push(Act::Crash { by });
            if all.engines[by].making.as_ref().is_some_and(|making| making.way == Way::Arrived) {
                acts.push(Act::Dies { by, with: Last::Settle });
            }
        }
        if all.losses < model.losses && !all.truth.outbox.is_empty() {
            acts.push(Act::ClockBack { by });
        }
    }
    let owed =
        all.engines.iter().enumerate().any(|(by, engine)| {
            engine.making.as_ref().is_some_and(|making| must_renew(making, now(all, by)))
        });
    if all.tick < TICKS && !owed && !all.truth.outbox.is_empty() {
        acts.push(Act::Tick);
    }
}

fn deliveries(all: &All, by: usize, may_lose: &[bool], acts: &mut Vec<Act>) {
    let engine = &all.engines[by];
    if matches!(all.truth.phase, Phase::Returning { .. }) {
        acts.push(Act::Return { by });
    }
    for &lost in may_lose {
        match &engine.making {
            // Who has nothing to do looks what others have stored.
            None if engine.copy.iter().chain([&all.truth]).any(|copy| wants(all, by, copy).is_some()) => {
                acts.push(Act::Take { by, lost });
            }
            None => {}
            Some(making) if must_renew(making, now(all, by)) => {
                acts.push(Act::Renew { by, lost });
            }
            Some(Making { way: Way::Leased, .. }) => {}
            Some(Making { way: Way::Arrived, .. }) => {
                acts.push(Act::Answer { by, lost, unheard: false });
                if lost {
                    acts.push(Act::Answer { by, lost: false, unheard: true });
                }
            }
            Some(Making { way: Way::Lost, .. }) if !lost => {
                acts.push(Act::Answer { by, lost: true, unheard: false });
            }
            Some(_) => {}
        }
    }
}

impl Small {
    fn met(&self, what: u32) {
        self.met.fetch_or(what, Relaxed);
    }
}

fn must_renew(making: &Making, now: Timestamp) -> bool {
    making.until.plus_millis(-RENEW) <= now
}

pub fn now(all: &All, by: usize) -> Timestamp {
    time(all.tick).plus_millis(if all.engines[by].back { -3_600_000 } else { 0 })
}

fn name(by: usize) -> &'static str {
    ["a", "b"][by]
}

fn wants(all: &All, by: usize, copy: &Session) -> Option<Next> {
    let next = copy.outbox.next(LANE, now(all, by), name(by), &mut Outage::default(), 0);
    (!matches!(next, Next::Nothing | Next::At(_) | Next::PutOff(..))).then_some(next)
}

/// Does it; false when nothing comes of it.
pub fn happens(model: &Small, all: &mut All, act: Act) -> bool {
    match act {
        Act::Post { by, which, lost } => posted(model, all, by, which, lost),
        Act::Hook { by, which, lost } => {
            let times = all.hooks[which].0;
            if which == 0 && times == 0 && all.hooks[1].1 {
                model.met(REORDERED);
            }
            // Sent again though it was answered: the loss is that ServiceNow did not hear it.
            let doubled = all.hooks[which].1;
            if doubled {
                lose(model, all, DOUBLED);
            }
            all.hooks[which].0 += 1;
            let heard = commit(model, all, by, &hook(which), false, lost && !doubled).is_some();
            all.hooks[which].1 |= heard;
            true
        }
        Act::Poll { by, lost } => polled(model, all, by, lost),
        Act::Return { by } => {
            let returned =
                Command::BotReturned { conversation: "bot".to_owned(), token: None, instead_of: None };
            commit(model, all, by, &returned, false, false);
            true
        }
        Act::Take { by, lost } => take(model, all, by, lost),
        Act::Send { by, lost } => {
            let Some(making) = &mut all.engines[by].making else { return false };
            making.way = if lost { Way::Lost } else { Way::Arrived };
            let arrived = (making.queued.id, making.number);
            if lost {
                lose(model, all, CALL_LOST);
            } else {
                all.far.push(arrived);
            }
            true
        }
        Act::Answer { by, lost, unheard } => answered(model, all, by, lost, unheard),
        Act::Renew { by, lost } => renewed(model, all, by, lost),
        Act::Crash { by } => {
            all.crashes += 1;
            if all.engines[by].making.is_some() {
                model.met(CRASH_IN_CALL);
            }
            (all.engines[by].copy, all.engines[by].making) = (None, None);
            true
        }
        Act::Dies { by, with } => {
            let before = all.losses;
            let done = match with {
                Last::Post(which) => posted(model, all, by, which, true),
                Last::Hook(which) => {
                    all.hooks[which].0 += 1;
                    commit(model, all, by, &hook(which), false, true);
                    true
                }
                Last::Settle => answered(model, all, by, false, true),
            };
            // The store was heard by nobody, because nobody was there.
            (all.losses, all.crashes) = (before, all.crashes + 1);
            (all.engines[by].copy, all.engines[by].making) = (None, None);
            done
        }
        Act::ClockBack { by } => {
            lose(model, all, CLOCK_BACK);
            all.engines[by].back = true;
            true
        }
        Act::Tick => {
            all.tick += 1;
            true
        }
    }
}

fn lose(model: &Small, all: &mut All, what: u32) {
    all.losses += 1;
    model.met(what);
}

fn refresh(all: &mut All, by: usize) -> Arc<Session> {
    all.engines[by].copy = Some(all.truth.clone());
    all.truth.clone()
}

fn copy(all: &mut All, by: usize) -> Arc<Session> {
    match &all.engines[by].copy {
        Some(copy) => copy.clone(),
        None => refresh(all, by),
    }
}

/// As the ledger's: stores behind the copy, or reads on; `None` when the store's answer is lost.
fn append(model: &Small, all: &mut All, by: usize, facts: &[Fact], unheard: bool) -> Option<bool> {
    let held = copy(all, by);
    if held.position < all.truth.position {
        model.met(CONFLICT);
        if unheard {
            lose(model, all, APPEND_UNHEARD);
            return None;
        }
        refresh(all, by);
        return Some(false);
    }
    let mut truth = (*all.truth).clone();
    let mut hasher = DefaultHasher::new();
    all.hash.hash(&mut hasher);
    for fact in facts {
        all.broken = all.broken.or(super::property::breaks(&truth, fact));
        truth.apply(fact);
        essence(fact, &mut hasher);
        all.said.push(fact.clone());
    }
    (all.hash, all.truth) = (hasher.finish(), Arc::new(truth));
    if unheard {
        lose(model, all, APPEND_UNHEARD);
        return None;
    }
    refresh(all, by);
    Some(true)
}

/// What of a fact anything that follows depends on: not when it was said, as long as nothing gets old.
fn essence(fact: &Fact, hasher: &mut DefaultHasher) {
    std::mem::discriminant(fact).hash(hasher);
    match fact {
        // When they end is hashed with the outboxes, where it still matters.
        Fact::Leased(Lease { call, attempt, by, at: _, until: _ }) => (call, attempt, by).hash(hasher),
        Fact::Settled(Settled { call, attempt, outcome, at: _ }) => {
            (call, attempt).hash(hasher);
            match outcome {
                Settlement::Done => 0,
                Settlement::Dropped => 1,
                Settlement::Retry { at: _, uncertain } => 2 + u8::from(*uncertain),
            }
            .hash(hasher);
        }
        Fact::UserSaid(said) => said.client_id.hash(hasher),
        Fact::AgentSaid(said) => said.message_id.hash(hasher),
        Fact::Noticed { notice, .. } => format!("{notice:?}").hash(hasher),
        Fact::Fetched { up_to, .. } => up_to.hash(hasher),
        Fact::ChatEnded { why, tell, .. } => format!("{why:?} {tell}").hash(hasher),
        _ => {}
    }
}

/// As the ledger's: decides on the copy, and again on the journal's end when that is another; whether it was answered.
fn commit(
    model: &Small,
    all: &mut All,
    by: usize,
    command: &Command,
    deliver: bool,
    unheard: bool,
) -> Option<bool> {
    let mut current = false;
    loop {
        let (state, at) = (copy(all, by), now(all, by));
        let mut facts = match chat().decide(&state, command, at) {
            Decided::Facts(facts) => facts,
            Decided::Known(_) => {
                model.met(REPEAT_KNOWN);
                return Some(true);
            }
            Decided::Nothing => return Some(true),
            Decided::TooLate if !current => {
                refresh(all, by);
                current = true;
                continue;
            }
            Decided::TooLate => return Some(false),
        };
        let lease = deliver.then(|| first_lease(all, by, &state, &facts)).flatten();
        facts.extend(lease.clone().map(Fact::Leased));
        if append(model, all, by, &facts, unheard)? {
            if let Some(lease) = lease {
                begin(model, all, by, &lease);
            }
            return Some(true);
        }
        current = true;
    }
}

fn first_lease(all: &All, by: usize, state: &Session, facts: &[Fact]) -> Option<Lease> {
    let free = state.outbox.lane(LANE).next().is_none() && all.engines[by].making.is_none();
    let asks = |(at, fact): (u64, &Fact)| Chat::asks(state, at, fact);
    let call = (state.position..).zip(facts).filter_map(asks).next().filter(|_| free && facts.len() == 1)?;
    Some(lease(all, by, call, 1))
}

fn lease(all: &All, by: usize, call: CallId, attempt: u32) -> Lease {
    let at = now(all, by);
    Lease { call, attempt, by: name(by).to_owned(), at, until: at.plus_millis(LEASE) }
}

fn begin(model: &Small, all: &mut All, by: usize, lease: &Lease) {
    let Some(queued) = all.truth.outbox.get(lease.call).cloned() else { return };
    if queued.crashes > 0 {
        model.met(TAKEN_OVER);
    }
    let making = Making { queued, number: lease.attempt, until: lease.until, way: Way::Leased };
    all.engines[by].making = Some(making);
}

/// As the product routes what a client posts.
fn posted(model: &Small, all: &mut All, by: usize, which: usize, lost: bool) -> bool {
    all.posts[which].0 += 1;
    let mut state = copy(all, by);
    if !state.is_live() {
        state = refresh(all, by);
    }
    if state.posted_as(&super::chat::words(which)).is_some() {
        model.met(REPEAT_KNOWN);
        all.posts[which].1 = true;
        return !lost;
    }
    match state.phase {
        Phase::Bot => {
            all.bot += 1;
            if all.truth.phase != Phase::Bot {
                all.broken = Some("words went to the bot during a live chat");
            }
            all.posts[which].1 = true;
            !lost
        }
        _ if state.is_live() => {
            let done = commit(model, all, by, &post(which, now(all, by)), true, lost);
            all.posts[which].1 |= done == Some(true);
            true
        }
        _ => !lost,
    }
}

fn polled(model: &Small, all: &mut All, by: usize, lost: bool) -> bool {
    all.polls += 1;
    let state = refresh(all, by);
    let fetched = Command::Fetched { up_to: all.watermark };
    commit(model, all, by, &fetched, true, false);
    if all.truth.position > state.position {
        model.met(FETCHED);
    }
    if lost {
        lose(model, all, POLL_LOST);
    } else if state.position < all.watermark {
        all.broken = Some("the client's watermark is ahead of the journal");
    } else {
        all.watermark = state.position;
    }
    true
}

fn take(model: &Small, all: &mut All, by: usize, lost: bool) -> bool {
    loop {
        let mut state = copy(all, by);
        if wants(all, by, &state).is_none() {
            state = refresh(all, by);
        }
        match wants(all, by, &state) {
            Some(Next::Lease(call, attempt)) => {
                let lease = lease(all, by, call, attempt);
                match append(model, all, by, &[Fact::Leased(lease.clone())], lost) {
                    Some(true) => {
                        begin(model, all, by, &lease);
                        return true;
                    }
                    Some(false) => {}
                    None => return true,
                }
            }
            Some(Next::GiveUp(call, why)) => {
                let Some(queued) = state.outbox.get(call).cloned() else { return true };
                let number = queued.lease.as_ref().map_or(0, |lease| lease.attempt);
                settle(model, all, by, &queued, number, &Outcome::GivenUp(why), lost);
                return true;
            }
            Some(Next::Nothing | Next::At(_) | Next::PutOff(..)) | None => return true,
        }
    }
}

fn answered(model: &Small, all: &mut All, by: usize, lost: bool, unheard: bool) -> bool {
    let Some(Making { queued, number, way, .. }) = all.engines[by].making.take() else { return false };
    let outcome: Outcome<Answered> = if lost {
        if way == Way::Arrived {
            lose(model, all, ANSWER_LOST);
        }
        after(&queued, Failure::Uncertain, now(all, by), 0)
    } else {
        let first = matches!(&queued.call.what, Call::Say(message) if message.text == "one");
        Outcome::Done(first.then(carried))
    };
    settle(model, all, by, &queued, number, &outcome, unheard);
    true
}

/// As the ledger's: nothing when another attempt has the lease; what follows in the same append; the next call leased with it.
fn settle(
    model: &Small,
    all: &mut All,
    by: usize,
    of: &Queued<ChatCall>,
    number: u32,
    outcome: &Outcome<Answered>,
    unheard: bool,
) {
    loop {
        let (state, at) = (copy(all, by), now(all, by));
        let held =
            |queued: &&Queued<ChatCall>| queued.lease.as_ref().map_or(0, |lease| lease.attempt) == number;
        let Some(queued) = state.outbox.get(of.id).filter(held) else {
            model.met(SETTLED_BY_OTHER);
            return;
        };
        let settlement = match outcome {
            Outcome::Done(_) => Settlement::Done,
            Outcome::Retry { at, uncertain } => Settlement::Retry { at: *at, uncertain: *uncertain },
            Outcome::GivenUp(_) => Settlement::Dropped,
        };
        let settled =
            Settled { call: of.id, attempt: (number > 0).then_some(number), outcome: settlement, at };
        let mut facts = chat().settle(&state, queued, settled, outcome);
        let mut waiting = state.outbox.lane(LANE).skip(1);
        let next = waiting.next().filter(|next| {
            facts.len() == 1
                && matches!(outcome, Outcome::Done(_))
                && next.lease.is_none()
                && next.attempts == 0
        });
        let next = next.map(|next| lease(all, by, next.id, next.attempts + 1));
        facts.extend(next.clone().map(Fact::Leased));
        match append(model, all, by, &facts, unheard) {
            Some(true) => {
                if let Some(lease) = next {
                    begin(model, all, by, &lease);
                }
                return;
            }
            Some(false) => {}
            None => return,
        }
    }
}

/// The lease is renewed; or it can't be, and its owner cuts the call off.
fn renewed(model: &Small, all: &mut All, by: usize, lost: bool) -> bool {
    let Some(making) = all.engines[by].making.clone() else { return false };
    let (call, number) = (making.queued.id, making.number);
    loop {
        let state = copy(all, by);
        if !state.outbox.is_held(call, number) {
            all.engines[by].making = None;
            model.met(CUT);
            return true;
        }
        let lease = lease(all, by, call, number);
        match append(model, all, by, &[Fact::Leased(lease.clone())], lost) {
            Some(true) => {
                model.met(RENEWED);
                if let Some(making) = &mut all.engines[by].making {
                    making.until = lease.until;
                }
                return true;
            }
            Some(false) => {}
            None => {
                // The store does not answer until the margin is reached.
                let _ = MARGIN;
                all.engines[by].making = None;
                model.met(CUT);
                return true;
            }
        }
    }
}
