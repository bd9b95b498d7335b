//! What the user answers, as the activity the agent waits for.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::{
    Form, Pending, Reply, Step, StepKind, choose,
    rules::{self, Complaint},
};
use crate::translate::texts::Words;

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// Fields of the message to post; its sender is added by whoever posts it.
    Post(Map<String, Value>),
    /// The card asks for more, or for the same again, before anything is posted.
    Ask(Form),
}

/// What the user said.
#[derive(Clone, Copy)]
pub struct Typed<'a> {
    pub text: &'a str,
    /// Under which it is in memory, when it must not be stored.
    pub name: Option<&'a str>,
    /// The secrets entered before it into the same card.
    pub held: &'a [SecretString],
}

impl<'a> From<&'a str> for Typed<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, name: None, held: &[] }
    }
}

/// What the primary bot sends when the user passes over an optional question.
pub const SKIPPED: &str = "_skip_";

/// Reads what the user said against what they were asked. What is no choice is said to the agent as it is; what breaks
/// a card's rules is asked for again, as a Virtual Agent does.
pub fn answer<'a>(pending: &Pending, typed: impl Into<Typed<'a>>, in_words: &Words<'_>) -> Answered {
    let typed = typed.into();
    let text = typed.text;
    match pending {
        Pending::Nothing | Pending::Closed => Answered::Post(words(text)),
        Pending::Choices { choices } => {
            let chosen = choose(choices, text, in_words);
            let post = || Answered::Post(chosen.map_or_else(|| words(text), |choice| post(&choice.reply)));
            let opens = chosen.and_then(|choice| choice.opens.as_deref());
            opens.map_or_else(post, |card| Answered::Ask(card.clone()))
        }
        Pending::Form(form) => {
            if let Some((choice, standing)) = form.standing_beside(text) {
                let post = || Answered::Post(post(&choice.reply));
                let beside_secret = standing.is_secret();
                let card = |card: &Form| Form { beside_secret, ..card.clone() };
                let ask = |opened: &Form| Answered::Ask(card(opened).followed_by(standing));
                return choice.opens.as_deref().map_or_else(post, ask);
            }
            fill(form, typed, in_words)
                .unwrap_or_else(|complaint| Answered::Ask(form.again(&complaint, in_words)))
        }
    }
}

fn fill(form: &Form, typed: Typed<'_>, in_words: &Words<'_>) -> Result<Answered, Complaint> {
    let text = typed.text;
    if let Some(way_out) = form.way_out(text) {
        return Ok(Answered::Post(post(way_out)));
    }
    // A file alone, say, which answers nothing: it is named as left out.
    if rules::is_blank(text) {
        return Ok(Answered::Ask(form.asked()));
    }
    let Some((step, rest)) = form.steps.split_first().filter(|_| !form.asks_how()) else {
        let submit = choose(&form.submits, text, in_words).ok_or(Complaint::NoChoice)?;
        let post = || Answered::Post(submitted(&submit.reply, &form.answers));
        return Ok(form.submitted_by(submit).map_or_else(post, Answered::Ask));
    };
    let value = if text.trim() == SKIPPED {
        passed_over(step, in_words)?
    } else {
        rules::value(step, text, in_words)?
    };
    let next = Form { steps: rest.to_vec(), ..form.asked() };
    if let (true, false, Some(name)) = (form.is_secret(), rest.is_empty(), typed.name) {
        let held = [form.held.as_slice(), &[(step.clone(), name.to_owned())]].concat();
        return Ok(Answered::Ask(Form { held, ..next }));
    }
    let mut answers = form.answers.clone();
    answers.extend(value.map(|value| (step.id.clone(), value)));
    let Some(reply) = form.sends().filter(|_| rest.is_empty()) else {
        return Ok(Answered::Ask(Form { answers, ..next }));
    };
    for ((step, _), words) in form.held.iter().zip(typed.held) {
        let value = rules::value(step, words.expose_secret(), in_words)?;
        answers.extend(value.map(|value| (step.id.clone(), value)));
    }
    Ok(Answered::Post(submitted(&reply, &answers)))
}

/// What the card would submit for an input that nobody touched; what stands in it may be no answer.
fn passed_over(step: &Step, in_words: &Words<'_>) -> Result<Option<Value>, Complaint> {
    match (&step.kind, step.given.as_deref()) {
        (StepKind::Toggle { on, off }, given) => match rules::as_it_stands(on, off, given) {
            value if step.required && value != on => Err(Complaint::Required),
            value => Ok(Some(value.into())),
        },
        (_, Some(given)) => {
            rules::value(step, given, in_words).or_else(|why| if step.required { Err(why) } else { Ok(None) })
        }
        (_, None) if step.required => Err(Complaint::Required),
        (_, None) => Ok(None),
    }
}

/// Plain words.
fn words(text: &str) -> Map<String, Value> {
    Map::from_iter([("text".to_owned(), text.into())])
}

fn post(reply: &Reply) -> Map<String, Value> {
    match reply {
        Reply::Text { text } => words(text),
        Reply::Bare { value } => post(&Reply::Value { text: None, value: value.clone() }),
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
        Reply::Bare { .. } => return post(reply),
        Reply::Text { .. } if answers.is_empty() => return post(reply),
        Reply::Value { text: _, value: Value::Object(data) } => data.clone(),
        Reply::Value { .. } | Reply::Text { .. } => Map::new(),
    };
    let value = Value::Object(data);
    post(&Reply::Value { text: None, value }.with(answers))
}
