//! ServiceNow's own bot, which speaks until a person is asked for: a tiny script, and pure.

use serde_json::Value;

use super::items::{self, Answer};

/// After so many misses in a row the bot hands control back to the primary.
const PATIENCE: u32 = 2;

/// What the bot does with what it heard.
pub(super) enum Turn {
    /// Answers; the misses so far go with it.
    Say(Answer, u32),
    /// Asks for a person.
    Queue,
    /// Answers and closes the conversation.
    Close(Answer, &'static str),
    /// Closes it without a word, as for a topic that doesn't exist.
    Vanish,
}

pub(super) fn greeting() -> Answer {
    Answer::new(vec![items::text("Hello, I'm the virtual agent. How can I help?"), items::topic_picker()])
}

pub(super) fn hear(said: &str, misses: u32) -> Turn {
    match said.trim().to_lowercase().as_str() {
        "" | "hi" | "hello" | "hola" => Turn::Say(greeting(), 0),
        "live agent support." | items::LIVE_AGENT_TOPIC => Turn::Queue,
        items::PASSWORD_TOPIC | "reset a password" => Turn::Say(password(), 0),
        "agent" | "live agent" | "switch to live agent" => Turn::Say(Answer::new(vec![offer()]), 0),
        "bye" | "end" => {
            let choice = items::picker("Shall I end this?", &[("End conversation", "1"), ("Cancel", "0")]);
            Turn::Say(Answer::new(vec![choice]), 0)
        }
        "1" => Turn::Close(Answer::new(vec![items::text(items::ENDED)]).completed(), "user"),
        "0" => Turn::Say(greeting(), 0),
        _ if misses + 1 >= PATIENCE => {
            let words = vec![items::text("I still don't understand, so I hand you back.")];
            Turn::Close(Answer::new(words).take_control().score(Some(0)), "take control")
        }
        _ => Turn::Say(lost(), misses + 1),
    }
}

/// SWITCH to a topic by name or id. One that is unknown closes the conversation without a word.
pub(super) fn switch(topic: Option<&Value>) -> Turn {
    let field = |key| topic.and_then(|topic| topic.get(key)).and_then(Value::as_str);
    match (field("id"), field("name")) {
        (Some(one), None) | (None, Some(one)) => match one.to_lowercase().as_str() {
            "live agent support." | items::LIVE_AGENT_TOPIC => Turn::Queue,
            "reset a password" | items::PASSWORD_TOPIC => Turn::Say(password(), 0),
            _ => Turn::Vanish,
        },
        _ => Turn::Vanish,
    }
}

/// The answer of a bot that understood nothing.
pub(super) fn lost() -> Answer {
    let words = items::text("I'm sorry, I didn't understand your request.");
    Answer::new(vec![words, items::topic_picker()]).score(Some(0))
}

fn password() -> Answer {
    Answer::new(vec![items::input("Which account is it about?", "NONE")])
}

fn offer() -> Value {
    items::picker(
        "What describes it best?",
        &[("Live Agent Support.", "Live Agent Support."), ("I want something else", "-1")],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_miss_hands_control_back() {
        let Turn::Say(answer, misses) = hear("blue giraffes", 0) else { panic!("answers first") };
        assert_eq!((answer.score, answer.take_control, misses), (Some(0), false, 1));
        let Turn::Close(answer, why) = hear("green giraffes", misses) else { panic!("closes then") };
        assert_eq!((answer.take_control, why), (true, "take control"));
    }

    #[test]
    fn asking_for_an_agent_offers_a_choice_that_leads_to_the_queue() {
        assert!(matches!(hear("agent", 0), Turn::Say(..)));
        assert!(matches!(hear("Live Agent Support.", 0), Turn::Queue));
    }

    #[test]
    fn a_topic_named_twice_or_unknown_closes_the_conversation() {
        let known = serde_json::json!({"name": "Reset a password"});
        assert!(matches!(switch(Some(&known)), Turn::Say(..)));
        let twice = serde_json::json!({"name": "Reset a password", "id": items::PASSWORD_TOPIC});
        assert!(matches!(switch(Some(&twice)), Turn::Vanish));
        assert!(matches!(switch(None), Turn::Vanish));
    }
}
