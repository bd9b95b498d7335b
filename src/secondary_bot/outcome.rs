//! What a turn came to, before it is stored.

use super::{
    collect::Heard,
    envelope::Contents,
    plan::{End, Plan},
};
use crate::{
    translate::{
        secondary_bot::{Pending, number, said},
        texts,
    },
    wire::virtual_agent::body,
};

/// An answer in the making.
#[derive(Default)]
pub struct Outcome {
    pub contents: Contents,
    pub watermark: Option<String>,
    pub pending: Pending,
    pub over: bool,
}

impl Outcome {
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
        let pending = asks.map_or(Pending::Nothing, Pending::Form);
        Self { contents, pending, over: end.is_some(), watermark: None }
    }

    /// What the agent said, behind what we say ourselves.
    pub fn heard(source: &str, plan: Plan, heard: Heard, events: &[String]) -> Self {
        let Heard { activities, watermark, echoed: _, lost } = heard;
        let said = said(&activities, events, &format!("{source}.said"));
        let take_control = said.handoff.is_some();
        let over = lost || take_control || said.completed;
        let mut elements = plan.elements;
        number(&mut elements, source);
        elements.extend(said.elements);
        let contents = Contents {
            elements,
            completed: said.completed && !take_control,
            take_control,
            handoff: said.handoff,
            score: said.score,
        };
        Self { contents, watermark, pending: said.pending, over }
    }

    pub fn text(source: &str, text: &str) -> Self {
        let mut elements = vec![body::output_text(text)];
        number(&mut elements, source);
        Self { contents: Contents { elements, ..Contents::default() }, ..Self::default() }
    }

    /// The primary bot has to go on without us.
    pub fn out_of_reach(source: &str) -> Self {
        let mut outcome = Self::text(source, texts::AGENT_OUT_OF_REACH);
        outcome.contents.take_control = true;
        outcome.over = true;
        outcome
    }
}
