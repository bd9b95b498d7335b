//! The scripted agent: what it answers to an activity. Pure; when and how it is shown is the channel's business.

use std::time::Duration;

use serde_json::{Map, Value, json};

mod cards;
mod diagnostics;
pub mod handoff;
pub mod sign_in;
mod topics;

/// What the agent does about one activity.
#[derive(Debug, Default)]
pub struct Turn {
    /// Said within the turn, in order; the turn ends with the last.
    pub steps: Vec<Step>,
    /// Said unasked after the turn has ended.
    pub later: Vec<Step>,
    /// The turn ends in an error of the bot.
    pub fails: bool,
    /// An `invoke` is turned down, with 412.
    pub refuses: bool,
}

/// Something the agent says, counted from the start of the turn (or, for later ones, from its end).
#[derive(Debug)]
pub struct Step {
    pub at: Duration,
    pub says: Says,
}

#[derive(Debug, PartialEq)]
pub enum Says {
    Activity(Value),
    /// Escalates. The channel adds what only it knows: the transcript and the ids.
    HandOff(handoff::Form),
    /// Asks the user to sign in. The channel adds where.
    SignIn,
}

/// What the agent remembers of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Global variables, as `pvaSetContext` set them.
    pub variables: Map<String, Value>,
    /// What the user said, oldest first.
    pub phrases: Vec<String>,
    /// Topics that were visited, oldest first.
    pub topics: Vec<String>,
    /// BCP 47, as the client said it last.
    pub locale: Option<String>,
    pub sign_in: sign_in::SignIn,
    ended: bool,
}

/// Reads an activity, remembers what it says, and decides on the answer.
pub fn answer(memory: &mut Memory, activity: &Value) -> Turn {
    if let Some(locale) = activity["locale"].as_str() {
        memory.locale = Some(locale.to_owned());
    }
    if memory.ended {
        return Turn::default();
    }
    match activity["type"].as_str() {
        Some("message") => answer_message(memory, activity),
        Some("event") => answer_event(memory, activity),
        Some("invoke") => {
            sign_in::invoked(memory, activity["name"].as_str().unwrap_or_default(), &activity["value"])
        }
        Some("endOfConversation") => {
            memory.ended = true;
            Turn::default()
        }
        _ => Turn::default(),
    }
}

fn answer_event(memory: &mut Memory, activity: &Value) -> Turn {
    match (activity["name"].as_str(), &activity["value"]) {
        (Some("startConversation" | "webchat/join"), _) => memory.visit(&topics::GREETING, ""),
        (Some("pvaSetContext"), Value::Object(variables)) => {
            memory.variables.extend(variables.clone());
            Turn::default()
        }
        _ => Turn::default(),
    }
}

fn answer_message(memory: &mut Memory, activity: &Value) -> Turn {
    let text = activity["text"].as_str().or(activity["value"].as_str()).unwrap_or_default().trim();
    if let Some(turn) = sign_in::typed(memory, text) {
        return turn;
    }
    if !text.is_empty() {
        memory.phrases.push(text.to_owned());
        return memory.visit(topics::find(text), text);
    }
    if let Value::Object(inputs) = &activity["value"] {
        return Turn::of([topics::form_received(inputs)]);
    }
    match activity["attachments"].as_array() {
        Some(files) if !files.is_empty() => Turn::of([topics::files_received(files)]),
        _ => Turn::default(),
    }
}

impl Memory {
    fn visit(&mut self, topic: &topics::Topic, text: &str) -> Turn {
        self.topics.push(topic.name.to_owned());
        let mut turn = match topic.name {
            topics::SIGN_IN => sign_in::ask(self),
            _ => (topic.answer)(self, text),
        };
        let typing = Step { at: Duration::ZERO, says: Says::Activity(json!({"type": "typing"})) };
        let dialog = Step { at: Duration::ZERO, says: Says::Activity(diagnostics::dialog(topic.name)) };
        turn.steps.splice(0..0, [typing, dialog]);
        self.ended = turn.steps.iter().any(|step| step.says.ends_conversation());
        turn
    }
}

impl Turn {
    fn of(activities: impl IntoIterator<Item = Value>) -> Self {
        let steps = activities.into_iter().map(|activity| Step::at(0, activity)).collect();
        Self { steps, ..Self::default() }
    }

    /// Whether the turn takes no time.
    pub fn is_instant(&self) -> bool {
        self.steps.iter().all(|step| step.at.is_zero())
    }
}

impl Step {
    fn at(millis: u64, activity: Value) -> Self {
        Self { at: Duration::from_millis(millis), says: Says::Activity(activity) }
    }
}

impl Says {
    fn ends_conversation(&self) -> bool {
        matches!(self, Self::Activity(activity) if activity["type"] == "endOfConversation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_remembered_without_an_answer() {
        let mut memory = Memory::default();
        let context =
            json!({"type": "event", "name": "pvaSetContext", "value": {"ServiceNowOutcome": "completed"}});
        assert!(answer(&mut memory, &context).steps.is_empty());
        let told = texts(&answer(&mut memory, &says("What happened?")));
        assert!(told.iter().any(|text| text.contains("completed")), "{told:?}");
    }

    #[test]
    fn people_are_called_by_several_words() {
        for text in ["agent", "Person", "talk to a human", "I want a real person!"] {
            let turn = answer(&mut Memory::default(), &says(text));
            let last = turn.steps.last().map(|step| &step.says);
            assert_eq!(last, Some(&Says::HandOff(handoff::Form::Event)), "{text}");
        }
    }

    #[test]
    fn an_escalation_that_is_not_set_up_only_traces() {
        let turn = answer(&mut Memory::default(), &says("supervisor"));
        assert!(turn.steps.iter().all(|step| matches!(step.says, Says::Activity(_))));
        let traced = |name: &str| {
            turn.steps.iter().any(
                |step| matches!(&step.says, Says::Activity(a) if a["type"] == "trace" && a["name"] == name),
            )
        };
        assert!(traced("EscalationRequested") && traced("HandOff"));
    }

    #[test]
    fn after_goodbye_the_agent_is_silent() {
        let mut memory = Memory::default();
        assert!(answer(&mut memory, &says("bye")).steps.iter().any(|step| step.says.ends_conversation()));
        assert!(answer(&mut memory, &says("hello?")).steps.is_empty());
    }

    #[test]
    fn the_inputs_of_a_card_are_told_back() {
        let reply = json!({"type": "message", "value": {"color": "blue", "express": "true"}});
        let told = texts(&answer(&mut Memory::default(), &reply));
        assert_eq!(told, ["Thank you. I noted: color = blue, express = true."]);
    }

    fn says(text: &str) -> Value {
        json!({"type": "message", "text": text})
    }

    fn texts(turn: &Turn) -> Vec<String> {
        let activities = turn.steps.iter().filter_map(|step| match &step.says {
            Says::Activity(activity) => activity["text"].as_str().map(str::to_owned),
            Says::HandOff(_) | Says::SignIn => None,
        });
        activities.collect()
    }
}
