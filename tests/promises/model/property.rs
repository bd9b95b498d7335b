//! What must hold in every state, and what must be met in some.

use servicenow_handoff::{
    ledger::{CallId, Outbox},
    session::{Call, ChatCall, Fact, Notice},
};
use stateright::Property;

use super::{
    Act, All, Small, TICKS, act,
    chat::{Session, shown, words},
};

/// What a fact breaks that is stored on this.
pub fn breaks(before: &Session, fact: &Fact) -> Option<&'static str> {
    match fact {
        Fact::Leased(lease) => {
            let queued = before.outbox.get(lease.call);
            let head = before.outbox.iter().next().is_some_and(|head| head.id == lease.call);
            let held = queued.and_then(|queued| queued.lease.as_ref());
            let free = held.is_none_or(|held| held.attempt == lease.attempt || !held.holds(lease.at));
            match (head, free) {
                // In the append that settles the head, the next may be leased behind it: then it is the head by now.
                (false, _) => Some("a call was leased that is not the first of its lane"),
                (_, false) => Some("a lane has two leases that have not ended"),
                _ => None,
            }
        }
        _ => None,
    }
}

pub fn all() -> Vec<Property<Small>> {
    let met = |name, holds| Property::<Small>::sometimes(name, holds);
    vec![
        Property::always("nothing is broken", |_, all: &All| all.broken.is_none()),
        Property::always("acknowledged means stored", acknowledged),
        Property::always("in order, repeats adjacent", in_order),
        Property::always("as often as may be", as_often),
        Property::always("each message of the person once", |_, all: &All| {
            shown(&all.said).values().all(|times| *times == 1)
        }),
        Property::always("one call of a lane is under way", |_, all: &All| {
            let calls = all.engines.iter().filter(|engine| engine.calls().is_some()).count();
            calls < 2 || was_set_back(all)
        }),
        Property::always("at rest everybody is served or told", served),
        Property::always("what got through is not said to be lost", not_denied),
        Property::always("one engine alone brings it to its end", comes_to_its_end),
        met("words were given up in doubt", |_, all| {
            told(all, |notice| matches!(notice, Notice::MayNotHaveArrived { .. }))
        }),
        met("words were too late", |_, all| {
            told(all, |notice| matches!(notice, Notice::NotDelivered { .. }))
        }),
        met("all is said and done", |_, all| {
            all.truth.outbox.is_empty() && lines(all).count() > 0 && all.hooks[0].1
        }),
    ]
}

fn was_set_back(all: &All) -> bool {
    all.engines.iter().any(|engine| engine.back)
}

fn told(all: &All, is: impl Fn(&Notice) -> bool) -> bool {
    all.said.iter().any(|fact| matches!(fact, Fact::Noticed { notice, .. } if is(notice)))
}

fn acknowledged(_: &Small, all: &All) -> bool {
    let posted = (0..2)
        .all(|which| !all.posts[which].1 || all.bot > 0 || all.truth.posted_as(&words(which)).is_some());
    let live = all.truth.is_live();
    let names = ["first", "last"];
    posted && (0..2).all(|which| !all.hooks[which].1 || !live || shown(&all.said).contains_key(names[which]))
}

fn in_order(_: &Small, all: &All) -> bool {
    let mut calls: Vec<CallId> = all.far.iter().map(|(call, _)| *call).collect();
    calls.dedup();
    let back = was_set_back(all);
    back || calls.windows(2).all(|pair| pair[0] < pair[1])
}

/// Once; once more for a crash, and for an answer or a store's word that was lost.
fn as_often(_: &Small, all: &All) -> bool {
    all.far.iter().all(|(call, number)| {
        let times = all.far.iter().filter(|(other, _)| other == call).count();
        let attempt = all.far.iter().filter(|other| *other == &(*call, *number)).count();
        attempt == 1 && times <= 1 + usize::from(all.crashes + all.losses)
    })
}

/// The user's words in the journal: where they stand, and their text.
fn lines(all: &All) -> impl Iterator<Item = (CallId, &str)> {
    let first = all.truth.position - all.said.len() as u64;
    (first..).zip(&all.said).filter_map(|(at, fact)| match fact {
        Fact::UserSaid(said) => Some((CallId(at, 0), said.message.as_ref()?.text.as_str())),
        _ => None,
    })
}

fn notices(all: &All, text: &str, sure: bool) -> usize {
    let about = |fact: &&Fact| match fact {
        Fact::Noticed { notice: Notice::NotDelivered { text: of }, .. } => sure && of == text,
        Fact::Noticed { notice: Notice::MayNotHaveArrived { text: of }, .. } => !sure && of == text,
        _ => false,
    };
    all.said.iter().filter(about).count()
}

fn served(_: &Small, all: &All) -> bool {
    lines(all).filter(|(call, _)| all.truth.outbox.get(*call).is_none()).all(|(call, text)| {
        let told = notices(all, text, true) + notices(all, text, false);
        let arrived = all.far.iter().any(|(other, _)| *other == call);
        told <= 1 && (arrived || told == 1)
    })
}

fn not_denied(_: &Small, all: &All) -> bool {
    lines(all)
        .all(|(call, text)| notices(all, text, true) == 0 || !all.far.iter().any(|(other, _)| *other == call))
}

/// Nothing more goes wrong, the other engine is gone, and time passes.
fn comes_to_its_end(model: &Small, all: &All) -> bool {
    let idle = all.engines.iter().all(|engine| engine.calls().is_none());
    // From a state in which somebody makes a call, it is his to end it, or to die.
    if !idle || all.tick + 1 < TICKS || owes(&all.truth.outbox) == 0 {
        return true;
    }
    let mut all = all.clone();
    for tick in 0..40 {
        for _ in 0..4 {
            let step = match &all.engines[0].making {
                None => Act::Take { by: 0, lost: false },
                Some(making) if making.way == super::process::Way::Leased => Act::Send { by: 0, lost: false },
                Some(_) => Act::Answer { by: 0, lost: false, unheard: false },
            };
            act::happens(model, &mut all, step);
        }
        if owes(&all.truth.outbox) == 0 {
            return true;
        }
        all.tick = all.tick.max(TICKS) + 1 + u8::from(tick > 100);
    }
    false
}

fn owes(outbox: &Outbox<ChatCall>) -> usize {
    outbox.iter().filter(|queued| matches!(queued.call.what, Call::Say(_))).count()
}
