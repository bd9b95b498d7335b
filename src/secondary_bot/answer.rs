//! What a turn came to, before it is stored. Pure.

use serde_json::{Map, Value};

use super::{
    converse::Heard,
    fact::Asked,
    plan::{Listen, Plan, plan, unheard},
    state::State,
};
use crate::{
    ledger::{Whisper, Why},
    translate::{
        secondary_bot::{Pending, Said, Variables, number},
        texts::{Text, Words},
    },
    wire::virtual_agent::body,
};

/// An answer in the making.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub elements: Vec<Value>,
    pub completed: bool,
    pub take_control: bool,
    pub handoff: Option<Variables>,
    pub score: Option<Value>,
    pub watermark: Option<String>,
    /// What the user is asked from now on; `None`: what they were asked before.
    pub pending: Option<Pending>,
    /// The agent's conversation is over; the next request opens another.
    pub over: bool,
    /// Names of words in memory that nothing waits for any more.
    pub spent: Vec<String>,
}

impl Answer {
    /// What the agent said, behind what we say ourselves. What was asked before stays asked when the answer to it may be said
    /// once more, or when nothing was said to something else.
    pub fn of(source: &str, plan: Plan, heard: Heard, events: &[String], words: &Words<'_>) -> Self {
        let Plan { listen, answer, unanswered, next, stays, beside, open: _, posts: _ } = plan;
        let (turn, may_be_lost) = (format!("{source}.said"), heard.may_be_lost(listen));
        let next = next.filter(|_| !may_be_lost && !heard.lost);
        let said = Said::behind(stays, next.as_ref()).unlike(&beside);
        let mut said = said.hearing(&heard.activities, events, &turn, words);
        said.completed = heard.is_over();
        if let Some(next) = next {
            said.goes_on(next, &format!("{turn}.next"), words);
        }
        let Said { elements: theirs, pending, handoff, completed, score, .. } = said;
        let wants_person = unanswered == Some(Text::NoPerson);
        let is_unmet = heard.only_answers_words() || may_be_lost && !heard.answers_action();
        let is_silent = !may_be_lost && (theirs.is_empty() || heard.is_late());
        let unanswered = unanswered.filter(|_| wants_person && is_unmet || is_silent);
        let unanswered = unanswered.filter(|_| !heard.ends() && handoff.is_none());
        // Nobody here has a person to offer: the primary bot goes on looking.
        let take_control = answer.take_control || handoff.is_some() || unanswered == Some(Text::NoPerson);
        // As a Virtual Agent's conversation that can't switch, it is closed.
        let closes = unanswered == Some(Text::NoTopic);
        let completed = (answer.completed || completed || closes) && !take_control;
        let over = take_control || completed;
        let unasked = listen != Listen::Fully && theirs.is_empty();
        let keeps = (may_be_lost || unasked) && !over && pending == Pending::Nothing;
        let pending = if over { pending } else { pending.behind(&beside) };
        let mut elements = answer.elements;
        number(&mut elements, source);
        elements.extend(theirs);
        // Who only wishes for a person has said nothing that could be said again.
        let lost = may_be_lost && !(wants_person && listen == Listen::Briefly);
        let lost = ("lost", lost.then_some(Text::MayBeLost));
        let closed = ("closed", closes.then_some(Text::ConversationOver));
        for (name, text) in [lost, ("unanswered", unanswered), closed] {
            let ours = text.map(|text| Self::text(&format!("{turn}.{name}"), words.get(text)));
            elements.extend(ours.into_iter().flat_map(|ours| ours.elements));
        }
        Self {
            elements,
            completed,
            take_control,
            handoff,
            score,
            watermark: heard.watermark,
            pending: answer.pending.or((!keeps).then_some(pending)),
            over,
            spent: Vec::new(),
        }
    }

    /// What is said when the work on a request was given up. Something to know or an end is answered all the same.
    pub fn given_up(state: &State, request: u64, asked: &Asked, why: Why, words: &Words<'_>) -> Self {
        let source = &state.source(request);
        let plan = plan(state, asked, (&*asked.text).into(), words);
        let hearing = |heard, plan| Self::of(source, plan, heard, &[], words);
        let finds_nobody = plan.unanswered == Some(Text::NoPerson) && asked.whisper.is_none();
        match why {
            Why::WordsGone => hearing(Heard::default(), unheard(&state.pending, words)),
            // What was said in secret is not there to be planned with.
            _ if plan.open.is_none() && asked.whisper.is_none() => hearing(Heard::default(), plan),
            Why::MayHaveArrived if finds_nobody => hearing(Heard::in_doubt(), plan),
            Why::MayHaveArrived => Self::text(source, words.get(Text::MayBeLost)),
            Why::Refused | Why::Unreachable => Self::out_of_reach(source, words),
        }
    }

    /// The primary bot has to go on without us.
    pub fn out_of_reach(source: &str, words: &Words<'_>) -> Self {
        Self { take_control: true, over: true, ..Self::text(source, words.get(Text::OutOfReach)) }
    }

    /// Says which words in memory it leaves behind, of those that the request came with or found.
    pub fn spending(mut self, before: &Pending, whisper: Option<&Whisper>) -> Self {
        let kept: Vec<_> = self.pending.as_ref().unwrap_or(before).held().collect();
        let names = before.held().chain(whisper.map(|whisper| &*whisper.name));
        self.spent = names.filter(|name| !kept.contains(name)).map(str::to_owned).collect();
        self
    }

    fn text(source: &str, text: &str) -> Self {
        let mut elements = vec![body::output_text(text)];
        number(&mut elements, source);
        Self { elements, ..Self::default() }
    }

    /// Whether it is worth sending to somebody who does not wait for it.
    pub fn says_something(&self) -> bool {
        !self.elements.is_empty() || self.completed || self.take_control
    }

    /// As the primary bot gets it. Flags are there only when they are true, as the Virtual Agent has it.
    pub fn envelope(self, echo: &Map<String, Value>) -> Value {
        let mut answer = echo.clone();
        if let Some(handoff) = self.handoff {
            let variables = answer.entry("clientVariables").or_insert_with(|| Map::new().into());
            if !variables.is_object() {
                *variables = Map::new().into();
            }
            variables["handoff"] = handoff.into();
        }
        let interaction = self.elements.iter().find_map(|element| element.get("interactionId")).cloned();
        answer.extend(interaction.map(|id| ("interactionId".to_owned(), id)));
        answer.insert("body".to_owned(), self.elements.into());
        for (name, flag) in [("completed", self.completed), ("takeControl", self.take_control)] {
            if flag {
                answer.insert(name.to_owned(), true.into());
            }
        }
        answer.extend(self.score.map(|score| ("score".to_owned(), score)));
        answer.into()
    }
}
