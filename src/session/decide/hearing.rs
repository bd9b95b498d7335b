//! What a message of ServiceNow's adds.

mod item;
mod streams;

use self::item::Hearing;
use super::{super::fact::Speaker, EndReason, Fact, Moment};
use crate::{
    domain::{
        control::Control,
        inbound::{Item, What},
    },
    ledger::Queued,
    session::{Answered, ChatCall},
};

impl Moment<'_> {
    /// As [`Moment::decide`] says it.
    pub(super) fn told(self, chat: u32, told: &Answered) -> (Vec<Fact>, bool) {
        let facts = self.heard(chat, told, None);
        let known = || told.inbound.items.iter().all(|item| self.state.has_heard(item));
        let for_good = facts.is_empty() && chat == self.state.chat && known();
        (facts, for_good)
    }

    /// What one message from ServiceNow adds, item by item, each judged by the state before it. `answers`: the call in whose
    /// answer it stands, which is settled with it.
    pub(super) fn heard(self, chat: u32, told: &Answered, answers: Option<&Queued<ChatCall>>) -> Vec<Fact> {
        let state = self.state;
        let Answered { inbound, meanings } = told.clone();
        if inbound.notifies && (chat != state.chat || !state.is_live()) {
            return self.notified(chat, inbound.items);
        }
        if chat != state.chat {
            return vec![];
        }
        let mut hearing = Hearing::new(self, answers);
        hearing.stream_ends = inbound.stream_ends;
        let named = self.names(&inbound.items, inbound.interaction_id);
        hearing.facts.extend(named.filter(|_| !inbound.notifies));
        if inbound.agent_chat {
            hearing.queued();
        }
        // What repeats an end says nothing of a stream that has begun since.
        let has_words = |item: &Item| {
            state.has_heard(item) || matches!(&item.what, What::Said(control) if control.is_words())
        };
        let wordless = inbound.stream_ends && state.is_live() && !inbound.items.iter().any(has_words);
        let has_pieces = inbound.items.iter().any(|item| matches!(item.what, What::StreamChunk { .. }));
        // What came stands before what is asked with its end.
        if wordless && !has_pieces {
            hearing.ends_without_words();
        }
        hearing.items(inbound.items, meanings);
        if wordless && has_pieces {
            hearing.ends_without_words();
        }
        if inbound.streaming {
            hearing.more_is_coming();
        }
        if inbound.take_control {
            hearing.end = Some((EndReason::ControlReturned, false));
        } else if inbound.completed && !inbound.notifies {
            // What a notification completes is its own conversation.
            hearing.end = None;
            hearing.end_if_live(EndReason::ByAgent, false);
        }
        let Hearing { mut facts, end, .. } = hearing;
        if let Some((why, tell)) = end
            && state.is_live()
        {
            facts.iter_mut().for_each(tell_only);
            facts.extend(self.end(why, tell, answers.map(|queued| queued.id)));
        }
        facts
    }

    /// ServiceNow's own ids of the chat, as far as this message is the first to tell them.
    fn names(self, items: &[Item], interaction: Option<String>) -> Option<Fact> {
        let news = |id: &String| !self.state.names.contains(id);
        let (mut conversation, mut interaction) = (None, interaction);
        for item in items {
            if let What::Created { conversation: theirs, interaction: own } = &item.what {
                conversation = conversation.or(theirs.clone());
                interaction = own.clone().or(interaction);
            }
        }
        let (conversation, interaction) = (conversation.filter(news), interaction.filter(news));
        let told = conversation.is_some() || interaction.is_some();
        told.then_some(Fact::ChatNamed { conversation, interaction, at: self.now })
    }

    /// A notification while no live chat is on, for the user of one that was: it is shown, and opens nothing.
    fn notified(self, chat: u32, items: Vec<Item>) -> Vec<Fact> {
        let mut hearing = Hearing::new(self, None);
        let known = (1..=self.state.chat).contains(&chat);
        for Item { message_id, agent: _, what } in items.into_iter().filter(|_| known) {
            let (by, control) = match what {
                What::Said(control) => (Speaker::VirtualAgent, control.only_told()),
                What::System(text) => (Speaker::System, Control::Text { text }),
                _ => continue,
            };
            let key = hearing.key(message_id);
            hearing.said(key, by, control);
        }
        hearing.facts
    }
}

/// Nobody would hear an answer to what comes with the end of its chat.
fn tell_only(fact: &mut Fact) {
    if let Fact::AgentSaid(said) = fact
        && (said.control.takes_answers() || said.control.waits_for_done())
    {
        let nothing = Control::Text { text: String::new() };
        said.control = std::mem::replace(&mut said.control, nothing).only_told();
    }
}
