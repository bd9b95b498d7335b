//! What is known of one conversation outside the engines: the truth of the store, and what came through where.

use std::{collections::BTreeSet, sync::Arc};

use servicenow_handoff::{
    domain::{ActivityId, ConversationId},
    ledger::{CallId, Lane, Lease, Settlement},
    session::{Fact, Notice, Phase, State},
};

use super::{engine::Life, weather::Clocks, world::World};

pub struct Record {
    /// The facts as they are stored, and what they add up to.
    pub facts: Vec<Fact>,
    pub state: State,
    /// What ServiceNow got, in order.
    pub arrivals: Vec<Arrival>,
    /// Calls that somebody makes now.
    pub under_way: Vec<(CallId, u32, Arc<Life>)>,
    /// What the client posted and was answered, with the id of the answer.
    pub posted: Vec<(String, ActivityId)>,
    /// Messages of the person that were answered 200: id, when first sent, when answered.
    pub heard: Vec<(String, i64, i64)>,
    /// What the user typed: only when it answers a masked question, it may be nowhere but in memory and at ServiceNow.
    pub typed: Vec<String>,
    /// Makings of calls that surely did not arrive.
    pub not_taken: BTreeSet<(CallId, u32)>,
    /// Facts that the client has read.
    pub read: u64,
}

#[derive(Clone, Debug)]
pub struct Arrival {
    pub call: CallId,
    pub number: u32,
    pub name: &'static str,
    pub chat: u32,
    /// Of words.
    pub text: Option<String>,
}

impl Record {
    pub fn new(id: &ConversationId) -> Self {
        Self {
            facts: vec![],
            state: State::new(id.clone()),
            arrivals: vec![],
            under_way: vec![],
            posted: vec![],
            heard: vec![],
            typed: vec![],
            not_taken: BTreeSet::new(),
            read: 0,
        }
    }

    /// Folds in what was stored, step by step, and checks each.
    pub fn catch_up(&mut self, world: &World, facts: Vec<Fact>) {
        for fact in facts {
            match &fact {
                Fact::Leased(lease) => self.check_lease(world, lease),
                Fact::Settled(settled) => {
                    let known = self.state.outbox.get(settled.call).is_some();
                    let retried = matches!(settled.outcome, Settlement::Retry { .. });
                    world.check(known || !retried, "a settled call stays settled", || {
                        format!("{} {settled:?}", self.state.conversation)
                    });
                }
                Fact::AgentSaid(said) => {
                    let again = said.keys().any(|key| {
                        self.facts.iter().any(|fact| match fact {
                            Fact::AgentSaid(other) => other.keys().any(|other| other == key),
                            _ => false,
                        })
                    });
                    world.check(!again, "each message of the person is shown once", || {
                        format!("{} {said:?}", self.state.conversation)
                    });
                }
                Fact::UserSaid(said) => {
                    let plain = said.answers.is_none() && said.message.as_ref().is_some_and(|m| m.typed);
                    let secret = self.state.is_live() && self.state.questions.corrected().is_some();
                    world.check(!plain || !secret, "what may correct a masked answer is masked", || {
                        format!("{} {said:?}", self.state.conversation)
                    });
                }
                Fact::HandoffRequested(_) => {
                    world.check(self.state.phase == Phase::Bot, "one brain at a time", || {
                        format!("{} was escalated in {:?}", self.state.conversation, self.state.phase)
                    });
                }
                _ => {}
            }
            self.state.apply(&fact);
            if matches!(fact, Fact::Noticed { notice: Notice::EnterAgain, .. }) {
                let open = self.state.questions.open().iter().any(|(_, control)| control.is_secure());
                world.check(open || !self.state.is_live(), "a masked answer can be given again", || {
                    format!("{} is asked to, and nothing is open", self.state.conversation)
                });
            }
            self.facts.push(fact);
        }
    }

    fn check_lease(&self, world: &World, lease: &Lease) {
        let id = &self.state.conversation;
        let head = Lane::ALL
            .iter()
            .any(|lane| self.state.outbox.lane(*lane).next().is_some_and(|head| head.id == lease.call));
        world.check(head, "a lane is strictly in order", || format!("{id} leased behind another {lease:?}"));
        let Some(queued) = self.state.outbox.get(lease.call) else { return };
        match &queued.lease {
            Some(held) if held.attempt == lease.attempt => {
                world.count("lease renewed");
                world.check(held.by == lease.by, "an attempt has one maker", || {
                    format!("{id} {held:?} {lease:?}")
                });
            }
            Some(held) => {
                world.count("call taken over from the dead");
                world.check(!held.holds(lease.at), "one unexpired lease a lane", || {
                    format!("{id} {lease:?} while {held:?}")
                });
            }
            None => {}
        }
        let renews = queued.lease.as_ref().is_some_and(|held| held.attempt == lease.attempt);
        world.check(renews || lease.attempt == queued.attempts + 1, "attempts are counted", || {
            format!("{id} {lease:?} after {} attempts", queued.attempts)
        });
    }

    /// What the answer to a call tells is stored with its settlement.
    pub fn check_answer(&self, world: &World, call: CallId) {
        let chat_of = |at: u64| {
            let before = self.facts.iter().take(usize::try_from(at).unwrap());
            before.filter(|fact| matches!(fact, Fact::HandoffRequested(_))).count()
        };
        let words = matches!(&self.facts[usize::try_from(call.0).unwrap()], Fact::UserSaid(_));
        let awaited = self.state.is_live() && chat_of(call.0) == self.state.chat as usize;
        if words && awaited && call.0.is_multiple_of(5) {
            let name = format!("answer-{}", call.0);
            let told = |fact: &Fact| matches!(fact, Fact::AgentSaid(said) if said.message_id.as_ref() == Some(&name));
            world.check(
                self.facts.iter().any(told),
                "what an answer tells is stored with its settlement",
                || format!("{} {call:?}", self.state.conversation),
            );
        }
    }

    /// Somebody begins to make a call.
    pub fn begins(&mut self, world: &World, call: CallId, number: u32, life: &Arc<Life>) {
        self.under_way.retain(|(_, _, life)| !life.is_over());
        let id = &self.state.conversation;
        world.check(
            self.under_way.is_empty() || world.weather.clocks != Clocks::Right,
            "one call of a lane is under way",
            || {
                format!(
                    "{id} {call:?} attempt {number} beside {:?}",
                    self.under_way.iter().map(|(c, n, _)| (c, n)).collect::<Vec<_>>()
                )
            },
        );
        let lease = self.state.outbox.get(call).and_then(|queued| queued.lease.as_ref());
        let holds = lease.is_some_and(|lease| lease.attempt == number && lease.holds(world.now()));
        world.check(
            holds || world.weather.clocks != Clocks::Right,
            "a call is begun under a lease that holds",
            || format!("{id} {call:?} attempt {number}: {lease:?} at {:?}", world.now()),
        );
        self.under_way.push((call, number, life.clone()));
    }

    pub fn ends(&mut self, call: CallId, number: u32) {
        self.under_way.retain(|(other, n, _)| (*other, *n) != (call, number));
    }

    /// ServiceNow gets a call.
    pub fn arrives(&mut self, world: &World, arrival: Arrival) {
        let id = &self.state.conversation;
        let twice =
            self.arrivals.iter().any(|other| (other.call, other.number) == (arrival.call, arrival.number));
        world.check(!twice, "an attempt is made once", || format!("{id} {arrival:?}"));
        if let Some(last) = self.arrivals.last().filter(|last| last.call != arrival.call) {
            let before = self.arrivals.iter().any(|other| other.call == arrival.call);
            let set_back = world.weather.clocks == Clocks::SetBack;
            world.check(!before || set_back, "repeats are adjacent", || {
                format!("{id} {arrival:?} after {last:?}")
            });
            world.check(
                before || set_back || last.call < arrival.call,
                "in the order they were said",
                || format!("{id} {arrival:?} after {last:?}"),
            );
        } else if self.arrivals.last().is_some() {
            world.count("call repeated");
        }
        let ended = |other: &Arrival| other.chat == arrival.chat && other.name == "END_CONVERSATION";
        let late = arrival.text.is_some() && self.arrivals.iter().any(ended);
        world.check(
            !late || world.weather.clocks == Clocks::SetBack,
            "nothing is said in a chat that is over",
            || format!("{id} {arrival:?}"),
        );
        self.arrivals.push(arrival);
    }
}
