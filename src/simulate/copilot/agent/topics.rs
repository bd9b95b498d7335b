//! The table of topics: the words that call each, and what it answers.

use serde_json::{Map, Value, json};

use super::{Memory, Says, Step, Turn, cards, diagnostics, handoff::Form};

/// A topic: the phrases that call it (compared whole, without case and punctuation) and its answer.
pub struct Topic {
    pub name: &'static str,
    phrases: &'static [&'static str],
    pub answer: fn(&Memory, &str) -> Turn,
}

pub const GREETING: Topic = Topic { name: "Conversation Start", phrases: &[], answer: greeting };
const ESCALATE: Topic =
    Topic { name: "Escalate", phrases: &["talk to a person"], answer: |_, _| escalate(Form::Event) };
/// Answered by [`super::sign_in`], because it has to be remembered.
pub const SIGN_IN: &str = "Sign in";
const FALLBACK: Topic = Topic { name: "Conversational boosting", phrases: &[], answer: fallback };

const TOPICS: &[Topic] = &[
    Topic { name: "Help", phrases: &["help"], answer: help },
    Topic { name: "Store hours", phrases: &["store hours"], answer: store_hours },
    Topic { name: "Store hours", phrases: &["hamburg", "oslo"], answer: hours_of_store },
    Topic { name: "Reset password", phrases: &["password", "reset password"], answer: password },
    Topic { name: "Reset password", phrases: &["windows", "e-mail", "vpn"], answer: password_of },
    Topic { name: "Order a device", phrases: &["card"], answer: |_, _| Turn::of([cards::form()]) },
    Topic { name: "Show a device", phrases: &["hero"], answer: |_, _| Turn::of([cards::hero()]) },
    Topic { name: "Show devices", phrases: &["carousel"], answer: |_, _| Turn::of([cards::carousel()]) },
    Topic { name: "Show a picture", phrases: &["picture"], answer: |_, _| Turn::of([cards::picture()]) },
    Topic { name: "Formatting", phrases: &["markdown"], answer: markdown },
    Topic { name: "Leave policy", phrases: &["policy"], answer: policy },
    Topic { name: "Token by token", phrases: &["stream"], answer: streamed },
    Topic { name: "Slow flow", phrases: &["slow"], answer: slow },
    Topic { name: "Reminder", phrases: &["later"], answer: later },
    Topic { name: "Broken flow", phrases: &["fail"], answer: fail },
    Topic { name: SIGN_IN, phrases: &["sign in"], answer: |_, _| Turn::default() },
    Topic { name: "Silence", phrases: &["silence"], answer: |_, _| Turn::default() },
    Topic { name: "After the live chat", phrases: &["what happened"], answer: what_happened },
    Topic { name: "Escalate, not set up", phrases: &["supervisor"], answer: supervisor },
    Topic {
        name: "Escalate by activity",
        phrases: &["handoff-activity"],
        answer: |_, _| escalate(Form::Activity),
    },
    Topic { name: "Goodbye", phrases: &["bye", "goodbye"], answer: goodbye },
];

/// The topic for what the user said; people are asked for by any sentence that holds one of a few words.
pub fn find(text: &str) -> &'static Topic {
    let said = text.trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation()).to_lowercase();
    if let Some(topic) = TOPICS.iter().find(|topic| topic.phrases.contains(&said.as_str())) {
        return topic;
    }
    let mut words = said.split(|c: char| !c.is_alphanumeric());
    if words.any(|word| matches!(word, "agent" | "person" | "human")) { &ESCALATE } else { &FALLBACK }
}

/// What an adaptive card's inputs came back with.
pub fn form_received(inputs: &Map<String, Value>) -> Value {
    let told = inputs.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name} = {text}"),
        other => format!("{name} = {other}"),
    });
    message(&format!("Thank you. I noted: {}.", told.collect::<Vec<_>>().join(", ")))
}

pub fn files_received(files: &[Value]) -> Value {
    let names = files.iter().map(|file| file["name"].as_str().unwrap_or("a file without a name"));
    message(&format!("I received {}.", names.collect::<Vec<_>>().join(", ")))
}

fn greeting(_: &Memory, _: &str) -> Turn {
    let hello = "Hello, I'm the Service Guide, a virtual assistant. What can I do for you?";
    Turn::of([choices(hello, &["Store hours", "Reset password", "Talk to a person"])])
}

fn help(_: &Memory, _: &str) -> Turn {
    let words = TOPICS.iter().flat_map(|topic| topic.phrases).map(|phrase| format!("- {phrase}"));
    let list = words.collect::<Vec<_>>().join("\n");
    Turn::of([message(&format!("I know these words, and **agent** calls a person:\n\n{list}"))])
}

fn store_hours(_: &Memory, _: &str) -> Turn {
    Turn::of([
        message("I can look that up."),
        diagnostics::trace("VariableAssignment", json!({"name": "Store", "newValue": null})),
        choices("Which store do you mean?", &["Hamburg", "Oslo"]),
    ])
}

fn hours_of_store(_: &Memory, text: &str) -> Turn {
    Turn::of([
        message(&format!("The store in {} is open from 9:00 to 18:00, Monday to Saturday.", text.trim())),
        choices("Did that answer your question?", &["Yes", "No, talk to a person"]),
    ])
}

fn password(_: &Memory, _: &str) -> Turn {
    Turn::of([choices("Which password?", &["Windows", "E-mail", "VPN", "Something else, ask a person"])])
}

fn password_of(_: &Memory, text: &str) -> Turn {
    let steps = format!("To reset your {} password, open the self-service page and follow it.", text.trim());
    Turn::of([message(&steps), message("It takes about 2 minutes until the new password works everywhere.")])
}

fn markdown(_: &Memory, _: &str) -> Turn {
    let text = "**Before you start**, _please_ check:\n\n1. the cable\n2. the [status page](https://example.com/status)\n\n\
        - run `ping gateway`\n- note the time\n\n```\nping -c 3 gateway\n```";
    Turn::of([message(text)])
}

fn policy(_: &Memory, text: &str) -> Turn {
    let answer = "You have 30 days of leave a year [1].\n\n[1]: cite:1 \"Leave policy\"";
    let citation = json!({
        "type": "https://schema.org/Message", "@type": "Message", "@context": "https://schema.org",
        "citation": [{"@type": "Claim", "position": 1, "appearance": {
            "@type": "DigitalDocument", "name": "Leave policy", "url": "https://example.com/leave",
        }}],
    });
    let mut said = message(answer);
    said["entities"] = json!([citation]);
    said["channelData"] = json!({"feedbackLoop": {"type": "default"}});
    let mut activities = diagnostics::plan(text);
    activities.push(said);
    Turn::of(activities)
}

fn slow(_: &Memory, _: &str) -> Turn {
    let steps = vec![
        Step::at(0, message("One moment, I'm looking…")),
        Step::at(1500, message("Here is the first part.")),
        Step::at(1900, message("And here is the rest.")),
    ];
    Turn { steps, ..Turn::default() }
}

/// As Copilot Studio streams: first what it does, then the text so far, at last the whole message.
fn streamed(_: &Memory, _: &str) -> Turn {
    let words = "The printer on the second floor is ready again.";
    let chunk = |kind: &str, sequence: usize, text: &str| json!({"type": "typing", "text": text, "channelData": {"streamType": kind, "streamSequence": sequence}});
    let mut steps = vec![Step::at(0, chunk("informative", 1, "Looking for printers…"))];
    for (n, (end, _)) in words.match_indices(' ').enumerate() {
        let at = 120 * (n as u64 + 1);
        steps.push(Step::at(at, chunk("streaming", n + 2, &words[..end])));
    }
    let mut last = message(words);
    last["channelData"] = json!({"streamType": "final"});
    steps.push(Step::at(1_200, last));
    Turn { steps, ..Turn::default() }
}

fn later(_: &Memory, _: &str) -> Turn {
    let later = vec![
        Step::at(500, message("By the way, I'm still here.")),
        Step::at(900, message("Can I do anything else for you?")),
    ];
    Turn { later, ..Turn::of([message("I'll come back to you.")]) }
}

fn fail(_: &Memory, _: &str) -> Turn {
    Turn { fails: true, ..Turn::default() }
}

fn what_happened(memory: &Memory, _: &str) -> Turn {
    let variable = |name: &str| memory.variables.get(name).and_then(Value::as_str);
    let told = match (variable("ServiceNowOutcome"), variable("ServiceNowAgent")) {
        (Some(outcome), Some(agent)) => format!("You talked to {agent}; outcome: {outcome}."),
        (Some(outcome), None) => format!("You talked to nobody; outcome: {outcome}."),
        (None, _) => "Nothing that I was told of.".to_owned(),
    };
    Turn::of([message(&told)])
}

fn supervisor(_: &Memory, _: &str) -> Turn {
    Turn::of([
        diagnostics::trace("EscalationRequested", json!({"escalationRequestType": 1})),
        diagnostics::trace("HandOff", json!({})),
        message("Handing over to a person is not set up for this agent."),
    ])
}

fn goodbye(_: &Memory, _: &str) -> Turn {
    Turn::of([message("Goodbye, have a nice day."), json!({"type": "endOfConversation"})])
}

fn fallback(_: &Memory, text: &str) -> Turn {
    let mut activities = diagnostics::plan(text);
    activities.push(message(&format!("You said: {text}")));
    Turn::of(activities)
}

fn escalate(form: Form) -> Turn {
    let mut turn = Turn::of([
        diagnostics::trace("EscalationRequested", json!({"escalationRequestType": 1})),
        message("Connecting you to a person…"),
        diagnostics::trace("HandOff", json!({})),
        diagnostics::trace(
            "SessionInfo",
            json!({"outcome": "HandOff", "outcomeReason": "AgentTransferRequestedByUser"}),
        ),
    ]);
    turn.steps.push(Step { at: std::time::Duration::ZERO, says: Says::HandOff(form) });
    turn
}

pub(super) fn message(text: &str) -> Value {
    json!({"type": "message", "text": text, "textFormat": "markdown", "inputHint": "acceptingInput"})
}

fn choices(text: &str, titles: &[&str]) -> Value {
    let action = |title: &&str| json!({"type": "imBack", "title": title, "text": title, "value": title});
    let mut question = message(text);
    question["inputHint"] = "expectingInput".into();
    question["suggestedActions"] =
        json!({"to": [], "actions": titles.iter().map(action).collect::<Vec<_>>()});
    question
}
