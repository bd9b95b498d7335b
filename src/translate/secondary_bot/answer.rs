//! What the user answers, as the activity the agent waits for.

use serde_json::{Map, Value, json};

use super::{Form, Pending, Reply, Step, StepKind, choose};

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// Fields of the message to post; its sender is added by whoever posts it.
    Post(Map<String, Value>),
    /// The card asks for more before anything is posted.
    Ask(Form),
}

/// What the primary bot sends when the user passes over an optional question.
pub const SKIPPED: &str = "_skip_";

/// Reads what the user said against what they were asked. What is no answer to that is said to the agent as it is.
pub fn answer(pending: &Pending, text: &str) -> Answered {
    match pending {
        Pending::Nothing => Answered::Post(words(text)),
        Pending::Choices { choices } => {
            Answered::Post(choose(choices, text).map_or_else(|| words(text), |choice| post(&choice.reply)))
        }
        Pending::Form(form) => fill(form, text).unwrap_or_else(|| Answered::Post(words(text))),
    }
}

/// `None` when the text does not fit the question.
fn fill(form: &Form, text: &str) -> Option<Answered> {
    let Some((step, rest)) = form.steps.split_first() else {
        let submit = choose(&form.submits, text)?;
        return Some(Answered::Post(submitted(&submit.reply, &form.answers)));
    };
    let value = value(step, text)?;
    let mut answers = form.answers.clone();
    answers.extend(value.map(|value| (step.id.clone(), value.into())));
    match (rest, form.submits.as_slice()) {
        ([], []) => Some(Answered::Post(submitted(&Reply::Value { text: None, value: json!({}) }, &answers))),
        ([], [only]) => Some(Answered::Post(submitted(&only.reply, &answers))),
        _ => Some(Answered::Ask(Form { steps: rest.to_vec(), answers, submits: form.submits.clone() })),
    }
}

/// An answer in the card's own terms: `Some(None)` for one passed over, `None` for no answer to this question.
fn value(step: &Step, text: &str) -> Option<Option<String>> {
    let text = text.trim();
    if text == SKIPPED {
        return (!step.required).then_some(None);
    }
    let value = match &step.kind {
        StepKind::Text { .. } => text.to_owned(),
        // A time of day may follow when the primary bot has one control for both.
        StepKind::Date => text.get(..10)?.parse::<jiff::civil::Date>().ok()?.to_string(),
        StepKind::Time => {
            let time = text.rsplit([' ', 'T']).next().unwrap_or(text);
            let time = time.parse::<jiff::civil::Time>().ok()?;
            format!("{:02}:{:02}", time.hour(), time.minute())
        }
        StepKind::Toggle { on, off } => match text.to_lowercase().as_str() {
            "yes" | "true" | "1" => on.clone(),
            "no" | "false" | "0" => off.clone(),
            other if other == on.to_lowercase() => on.clone(),
            other if other == off.to_lowercase() => off.clone(),
            _ => return None,
        },
        StepKind::Choice { options, several } => chosen(options, *several, text)?,
    };
    Some(Some(value))
}

fn chosen(options: &[(String, String)], several: bool, text: &str) -> Option<String> {
    let one = |text: &str| {
        let text = text.trim();
        let folded = text.to_lowercase();
        let exact = options.iter().find(|(_, value)| value == text);
        exact
            .or_else(|| {
                options
                    .iter()
                    .find(|(label, value)| label.to_lowercase() == folded || value.to_lowercase() == folded)
            })
            .map(|(_, value)| value.clone())
    };
    if !several {
        return one(text);
    }
    let all = text.split(',').map(one).collect::<Option<Vec<_>>>()?;
    Some(all.join(","))
}

/// Plain words.
fn words(text: &str) -> Map<String, Value> {
    Map::from_iter([("text".to_owned(), text.into())])
}

fn post(reply: &Reply) -> Map<String, Value> {
    match reply {
        Reply::Text { text } => words(text),
        Reply::Value { text, value } => {
            let mut fields = Map::new();
            fields.extend(text.as_ref().map(|text| ("text".to_owned(), text.as_str().into())));
            if !value.is_null() {
                fields.insert("value".to_owned(), value.clone());
            }
            fields.insert("channelData".to_owned(), json!({"postBack": true}));
            fields
        }
    }
}

/// The button's own data with the inputs' answers over it. Without inputs a text is only said.
fn submitted(reply: &Reply, answers: &Map<String, Value>) -> Map<String, Value> {
    let data = match reply {
        Reply::Value { text: _, value: Value::Object(data) } => data.clone(),
        Reply::Value { .. } => Map::new(),
        Reply::Text { .. } if answers.is_empty() => return post(reply),
        Reply::Text { .. } => Map::new(),
    };
    let mut value = data;
    value.extend(answers.clone());
    post(&Reply::Value { text: None, value: value.into() })
}
