//! Answers as the primary bot gets them. Pure.

use serde_json::{Map, Value};

use crate::translate::secondary_bot::Variables;

/// What an answer says besides repeating its request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    pub elements: Vec<Value>,
    pub completed: bool,
    pub take_control: bool,
    pub handoff: Option<Variables>,
    pub score: Option<Value>,
}

impl Contents {
    /// Whether it is worth sending to somebody who does not wait for it.
    pub fn says_something(&self) -> bool {
        !self.elements.is_empty() || self.completed || self.take_control
    }
}

/// Flags are there only when they are true, as the Virtual Agent has it.
pub fn envelope(echo: &Map<String, Value>, contents: Contents) -> Value {
    let Contents { elements, completed, take_control, handoff, score } = contents;
    let mut answer = echo.clone();
    if let Some(handoff) = handoff {
        let variables = answer.entry("clientVariables").or_insert_with(|| Map::new().into());
        if !variables.is_object() {
            *variables = Map::new().into();
        }
        variables["handoff"] = handoff.into();
    }
    let interaction = elements.iter().find_map(|element| element.get("interactionId")).cloned();
    answer.extend(interaction.map(|id| ("interactionId".to_owned(), id)));
    answer.insert("body".to_owned(), elements.into());
    for (name, flag) in [("completed", completed), ("takeControl", take_control)] {
        if flag {
            answer.insert(name.to_owned(), true.into());
        }
    }
    answer.extend(score.map(|score| ("score".to_owned(), score)));
    answer.into()
}
