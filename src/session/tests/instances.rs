//! Two processes on one journal, each with a copy of the state that may be old: compare-and-swap, catch up,
//! decide again, as the shell does.

use std::collections::VecDeque;

use proptest::{collection::vec, prelude::*};

use super::{chat::*, moves::*, promises};
use crate::{
    domain::{SessionId, Timestamp},
    session::{CallId, Event, Fact, Policy, Queued, State, decide},
    translate::request::request_id,
};

/// What a process does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Takes what was sent to it. The sender may get no answer and send it again.
    Hear {
        again: bool,
    },
    Claim,
    /// The call under way arrives, and is settled.
    Arrive,
    /// The process dies with a call under way, before or after it has arrived.
    Die {
        arrived: bool,
    },
    /// Everybody waits for longer than a claim lasts.
    Stall,
}

struct World {
    journal: Vec<Fact>,
    now: Timestamp,
    /// What ServiceNow was told: request id and words.
    received: Vec<(String, String)>,
    processes: [Process; 2],
    mishaps: usize,
}

struct Process {
    state: State,
    inbox: VecDeque<Event>,
    under_way: Option<CallId>,
}

const PATIENT: Policy = Policy { timeout_millis: i64::MAX, back_to_bot: true };

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let act = prop_oneof![
        6 => prop::bool::weighted(0.2).prop_map(|again| Act::Hear { again }),
        6 => Just(Act::Claim),
        6 => Just(Act::Arrive),
        1 => any::<bool>().prop_map(|arrived| Act::Die { arrived }),
        1 => Just(Act::Stall),
    ];
    vec((0_usize..2, act), 0..60)
}

proptest! {
    #[test]
    fn of_two_processes_nothing_is_doubled_and_nothing_is_lost(
        to in vec(0_u8..3, 1..12),
        acts in acts(),
    ) {
        let mut world = World::new(&to);
        for (who, act) in acts {
            world.act(who, act);
        }
        world.settle();
        promises::hold(&world.journal)?;
        let said: Vec<String> = world.journal.iter().filter_map(user_said).collect();
        let heard = world.journal.iter().filter(|fact| matches!(fact, Fact::AgentSaid(_))).count();
        prop_assert_eq!(said.len() + heard, to.len(), "all that was sent is stored once");
        let mut first: Vec<&(String, String)> = vec![];
        world.received.iter().for_each(|call| if !first.contains(&call) { first.push(call) });
        let told: Vec<String> = first.iter().map(|(_, line)| line.clone()).collect();
        let opening = ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"].map(str::to_owned);
        prop_assert_eq!(told, [&opening[..], &said].concat(), "in order, each under one id");
        prop_assert!(world.received.len() - first.len() <= world.mishaps, "one repeat a mishap at most");
    }

    #[test]
    fn whatever_two_processes_store_the_promises_hold(
        moves in vec((0_usize..2, a_move()), 1..60),
    ) {
        let mut journal: Vec<Fact> = vec![];
        let mut processes = [Chat::new(), Chat::new()];
        let mut deliverers = [Deliverer::default(), Deliverer::default()];
        for (who, next) in moves {
            let now = processes[0].now.max(processes[1].now);
            let chat = &mut processes[who];
            chat.now = now;
            if matches!(next, Move::Claim | Move::Deliver) {
                // A claim that is stored was made at the journal's end.
                catch_up(&mut chat.state, &journal);
            }
            let before = chat.facts.len();
            let Some(event) = deliverers[who].event(chat, &next) else {
                journal.extend_from_slice(&chat.facts[before..]);
                continue;
            };
            journal.extend_from_slice(&chat.facts[before..]);
            record(&mut chat.state, &mut journal, &event, &POLICY, now, |_, _| None);
            chat.facts.truncate(0);
        }
        promises::hold(&journal)?;
    }
}

/// Stores what the event adds, and what is `and` to be stored with it.
fn record(
    state: &mut State,
    journal: &mut Vec<Fact>,
    event: &Event,
    policy: &Policy,
    now: Timestamp,
    and: impl Fn(&State, &[Fact]) -> Option<Fact>,
) -> Vec<Fact> {
    let mut current = false;
    loop {
        let mut facts = decide(state, event.clone(), policy, now);
        facts.extend(and(state, &facts));
        let stored = !facts.is_empty() && state.position == journal.len() as u64;
        if stored {
            facts.iter().for_each(|fact| state.apply(fact));
            journal.extend_from_slice(&facts);
        }
        if stored || (facts.is_empty() && current) {
            return facts;
        }
        catch_up(state, journal);
        current = true;
    }
}

fn catch_up(state: &mut State, journal: &[Fact]) {
    let from = usize::try_from(state.position).expect("a journal fits in memory");
    journal[from..].iter().for_each(|fact| state.apply(fact));
}

impl World {
    /// `to`: who is sent each message, the first process, the second or both; every third comes from ServiceNow.
    fn new(to: &[u8]) -> Self {
        let process = || Process {
            state: State::new(conversation()),
            inbox: VecDeque::from([escalation(0)]),
            under_way: None,
        };
        let mut processes = [process(), process()];
        for (n, to) in to.iter().enumerate() {
            let event = if n % 3 == 2 {
                heard(1, webhook([agent(&format!("m{n}"), "words")]))
            } else {
                says_as(&format!("c{n}"), &format!("message {n}"))
            };
            for (who, process) in processes.iter_mut().enumerate() {
                if *to == 2 || usize::from(*to) == who {
                    process.inbox.push_back(event.clone());
                }
            }
        }
        Self { journal: vec![], now: START, received: vec![], processes, mishaps: 0 }
    }

    /// True when something came of it.
    fn act(&mut self, who: usize, act: Act) -> bool {
        let process = &mut self.processes[who];
        match act {
            Act::Hear { again } => {
                let Some(event) = process.inbox.front().cloned() else { return false };
                record(&mut process.state, &mut self.journal, &event, &PATIENT, self.now, |_, _| None);
                if !again {
                    process.inbox.pop_front();
                }
            }
            Act::Claim if process.under_way.is_none() => {
                let now = self.now;
                let facts =
                    record(&mut process.state, &mut self.journal, &Event::Tick, &PATIENT, now, |state, _| {
                        claim(state, now)
                    });
                process.under_way = claimed(&facts);
                return process.under_way.is_some();
            }
            Act::Claim => return false,
            Act::Arrive => return self.arrive(who),
            Act::Die { arrived } => {
                let Some(call) = process.under_way.take() else { return false };
                if arrived {
                    self.receive(who, call);
                }
                self.mishaps += 1;
                let mut state = State::new(conversation());
                catch_up(&mut state, &self.journal);
                self.processes[who].state = state;
            }
            Act::Stall => {
                self.now = self.now.plus_millis(10_000);
                self.mishaps += self.processes.iter().filter(|process| process.under_way.is_some()).count();
            }
        }
        true
    }

    fn arrive(&mut self, who: usize) -> bool {
        let Some(call) = self.processes[who].under_way.take() else { return false };
        self.receive(who, call);
        let now = self.now;
        let process = &mut self.processes[who];
        let done = Event::CallDone(call);
        let facts = record(&mut process.state, &mut self.journal, &done, &PATIENT, now, |state, facts| {
            if facts.len() == 1 { claim_after(state, call, now) } else { None }
        });
        process.under_way = claimed(&facts);
        true
    }

    fn receive(&mut self, who: usize, call: CallId) {
        let session = SessionId { conversation: conversation(), chat: 1 };
        // A slow owner's call is made though another has settled it meanwhile.
        let fresh = self.processes[who].state.outbox.get(call).map(call_line);
        let line = fresh.or_else(|| {
            let id = request_id(&session, call);
            self.received.iter().find(|(known, _)| *known == id).map(|(_, line)| line.clone())
        });
        self.received.extend(line.map(|line| (request_id(&session, call), line)));
    }

    /// Goes on until nothing is left to do; no more mishaps.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            let acts = [Act::Hear { again: false }, Act::Arrive, Act::Claim];
            let moved = [0, 1].map(|who| acts.map(|act| self.act(who, act)).contains(&true)).contains(&true);
            let mut state = State::new(conversation());
            catch_up(&mut state, &self.journal);
            if !moved && state.outbox.is_empty() {
                return;
            }
            if !moved {
                self.now = self.now.plus_millis(10_000);
            }
        }
        panic!("there is always more to do");
    }
}

fn user_said(fact: &Fact) -> Option<String> {
    match fact {
        Fact::UserSaid(said) => said.message.as_ref().map(|message| format!("say {}", message.text)),
        _ => None,
    }
}

fn claimed(facts: &[Fact]) -> Option<CallId> {
    match facts.last() {
        Some(Fact::Claimed { call, .. }) => Some(*call),
        _ => None,
    }
}

/// The claim of the call behind the one that is settled in the same commit, as the shell makes it.
fn claim_after(state: &State, settled: CallId, now: Timestamp) -> Option<Fact> {
    let mut waiting = state.outbox.iter();
    let head = waiting.next().filter(|head| head.id == settled)?;
    let next: &Queued = waiting.next().filter(|_| !head.call.is_opening())?;
    let attempt = next.attempts + 1;
    next.may_be_made(now).then(|| Fact::Claimed { call: next.id, attempt, by: "me".to_owned(), at: now })
}
