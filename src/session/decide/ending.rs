//! How a call to ServiceNow ends, and how a chat does.

use super::{
    super::fact::{EndReason, Fact, Notice, ToAgent},
    Call, Moment, Phase,
};
use crate::{
    domain::MASKED,
    ledger::{CallId, Outcome, Queued, Settled, Settlement, Why},
    session::{Answered, ChatCall},
};

impl Moment<'_> {
    /// What a call came to: its settlement, and what follows from it.
    pub fn settle(
        self,
        queued: &Queued<ChatCall>,
        settled: Settled,
        outcome: &Outcome<Answered>,
    ) -> Vec<Fact> {
        let (dropped, behind) = match outcome {
            Outcome::Done(None) => (false, vec![]),
            Outcome::Done(Some(answer)) => (false, self.heard(queued.call.chat, answer, Some(queued))),
            Outcome::Retry { .. } if !self.is_pointless(queued) => (false, vec![]),
            Outcome::Retry { uncertain, .. } => (true, self.given_up(queued, *uncertain)),
            Outcome::GivenUp(why) => (true, self.given_up(queued, *why == Why::MayHaveArrived)),
        };
        let outcome = if dropped { Settlement::Dropped } else { settled.outcome.clone() };
        let mut facts = vec![Fact::Settled(Settled { outcome, ..settled })];
        facts.extend(behind);
        facts
    }

    /// What nobody waits for any more is not tried again: the opening of a chat that is over, and words for one
    /// that the other side has ended. What stands before our own END still goes out.
    fn is_pointless(self, queued: &Queued<ChatCall>) -> bool {
        let (ChatCall { chat, what }, state) = (&queued.call, self.state);
        let awaited = state.is_live() && *chat == state.chat;
        let is_end =
            |other: &Queued<ChatCall>| other.call.chat == *chat && matches!(other.call.what, Call::End);
        let to_be_told = state.outbox.iter().any(is_end);
        let unheard = matches!(what, Call::Say(_)) && !awaited && !to_be_told;
        queued.passing || (what.is_opening() && !awaited) || unheard
    }

    /// What is said of a call that is not made again; `doubtful`: this making of it may have arrived.
    fn given_up(self, queued: &Queued<ChatCall>, doubtful: bool) -> Vec<Fact> {
        let (ChatCall { chat, what }, state) = (&queued.call, self.state);
        let awaited = state.is_live() && *chat == state.chat;
        match what {
            Call::Say(_) if state.questions.is_corrected(queued.id) && awaited => vec![],
            Call::Say(message) if message.whisper.is_some() && awaited => {
                vec![Fact::Noticed { notice: Notice::EnterAgain, at: self.now }]
            }
            Call::Say(message) => vec![self.unserved(message, doubtful || queued.may_have_arrived())],
            // With a person there, an earlier try has opened the chat.
            opening if opening.is_opening() && awaited && matches!(state.phase, Phase::Waiting { .. }) => {
                // A try that was put off, or cut short by a crash, may have opened it all the same.
                let created = matches!(opening, Call::StartCreated(_)) || queued.attempts > 1;
                self.end(EndReason::NotOpened, created, Some(queued.id))
            }
            _ => vec![],
        }
    }

    /// Says that nobody got these words, or that nobody knows; a masked answer's are not said.
    pub(super) fn unserved(self, message: &ToAgent, doubtful: bool) -> Fact {
        let text = if message.whisper.is_some() { MASKED.to_owned() } else { message.text.clone() };
        let notice =
            if doubtful { Notice::MayNotHaveArrived { text } } else { Notice::NotDelivered { text } };
        Fact::Noticed { notice, at: self.now }
    }

    /// Ends the live chat. What still waits for ServiceNow goes out first when the user leaves, and can't
    /// go out at all when the other side has left; then the user is told. `settled`: settled in the same commit.
    pub(super) fn end(self, why: EndReason, tell: bool, settled: Option<CallId>) -> Vec<Fact> {
        let Self { state, chat, now } = self;
        let mut facts = vec![];
        // A call that was taken, and whose answer ends the chat, has opened it.
        let taken = settled.filter(|_| why != EndReason::NotOpened);
        let is_opening = |q: &&Queued<ChatCall>| {
            q.call.what.is_opening() && q.call.chat == state.chat && Some(q.id) != taken
        };
        let opening = state.outbox.iter().find(is_opening);
        let begun = |q: &Queued<ChatCall>| q.attempts > 0 || matches!(q.call.what, Call::StartCreated(_));
        let flush = opening.is_none() && why == EndReason::ByUser;
        for queued in state.outbox.iter() {
            let other = Some(queued.id) == settled || queued.call.chat != state.chat;
            if flush || other || queued.is_under_way(now) {
                continue;
            }
            let attempt = queued.lease.as_ref().map(|lease| lease.attempt);
            let outcome = Settlement::Dropped;
            facts.push(Fact::Settled(Settled { call: queued.id, attempt, outcome, at: now }));
            // A lease that has ended was its maker's, who died or hangs.
            if let Call::Say(message) = &queued.call.what {
                facts.push(self.unserved(message, attempt.is_some() || queued.may_have_arrived()));
            }
        }
        facts.push(Fact::ChatEnded { why, tell: tell && opening.is_none_or(begun), at: now });
        facts.push(Fact::Noticed { notice: Notice::Ended { why }, at: now });
        if !chat.back_to_bot {
            facts.push(Fact::ConversationOver { at: now });
        }
        facts
    }
}
