//! What a turn came to, before it is stored. Pure.

use super::{
    collect::Heard,
    envelope::Contents,
    fact::Asked,
    plan::{End, InSecret, Listen, Plan, plan},
    state::State,
};
use crate::{
    ledger::{Whisper, Why},
    translate::{
        secondary_bot::{Pending, number, said},
        texts::{Text, Words},
    },
    wire::virtual_agent::body,
};

/// An answer in the making.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub contents: Contents,
    pub watermark: Option<String>,
    /// What the user is asked from now on; `None`: what they were asked before.
    pub pending: Option<Pending>,
    pub over: bool,
    /// Names of words in memory that nothing waits for any more.
    pub spent: Vec<String>,
}

impl Answer {
    /// What we answer ourselves.
    pub fn of(source: &str, plan: Plan) -> Self {
        let Plan { mut elements, asks, end, .. } = plan;
        number(&mut elements, source);
        let contents = Contents {
            elements,
            completed: end == Some(End::Completed),
            take_control: end == Some(End::TakeControl),
            ..Contents::default()
        };
        let pending = asks.unwrap_or_default();
        Self { contents, pending: Some(pending), over: end.is_some(), ..Self::default() }
    }

    /// What the agent said, behind what we say ourselves. What was asked before stays asked when the answer to it may not have
    /// arrived, or when nothing was said to something else.
    pub fn heard(source: &str, plan: Plan, heard: Heard, events: &[String], words: &Words<'_>) -> Self {
        let Heard { activities, watermark, echoed: _, lost, doubtful, cut: _ } = heard;
        let said = said(&activities, events, &format!("{source}.said"), words);
        let is_silent = plan.elements.is_empty() && said.elements.is_empty() && !said.completed && !lost;
        let unanswered = plan.unanswered.filter(|_| is_silent && said.handoff.is_none());
        // Nobody here has a person to offer: the primary bot goes on looking.
        let take_control = said.handoff.is_some() || unanswered == Some(Text::NoPerson);
        let over = lost || take_control || said.completed;
        let unheard = doubtful || (plan.listen == Listen::Briefly && said.elements.is_empty());
        let keeps = unheard && !over && said.pending == Pending::Nothing;
        let mut elements = plan.elements;
        elements.extend(unanswered.map(|text| body::output_text(words.get(text))));
        number(&mut elements, source);
        elements.extend(said.elements);
        let contents = Contents {
            elements,
            completed: said.completed && !take_control,
            take_control,
            handoff: said.handoff,
            score: said.score,
        };
        Self { contents, watermark, pending: (!keeps).then_some(said.pending), over, spent: Vec::new() }
    }

    /// What is said when the work on a request was given up. Something to know or an end is answered all the same.
    pub fn given_up(state: &State, request: u64, asked: &Asked, why: Why, words: &Words<'_>) -> Self {
        let source = &state.source(request);
        let plan = plan(state, request, asked, &InSecret::default(), words);
        match why {
            Why::WordsGone => {
                let mut answer = Self::text(source, words.get(Text::EnterAgain));
                if let Pending::Form(form) = &state.pending {
                    let form = form.without_secrets();
                    let mut question: Vec<_> = form.question(words).into_iter().collect();
                    number(&mut question, &format!("{source}.again"));
                    answer.contents.elements.append(&mut question);
                    answer.pending = Some(Pending::Form(form));
                }
                answer
            }
            _ if plan.open.is_none() => Self::of(source, plan),
            Why::MayHaveArrived => Self::text(source, words.get(Text::MayBeLost)),
            Why::Refused | Why::Unreachable => Self::out_of_reach(source, words),
        }
    }

    /// The primary bot has to go on without us.
    pub fn out_of_reach(source: &str, words: &Words<'_>) -> Self {
        let mut answer = Self::text(source, words.get(Text::OutOfReach));
        answer.contents.take_control = true;
        answer.over = true;
        answer
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
        Self { contents: Contents { elements, ..Contents::default() }, ..Self::default() }
    }
}
