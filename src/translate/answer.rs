//! What a user's activity says to ServiceNow.

use std::{borrow::Cow, fmt};

use serde_json::Value;

mod attached;
mod click;
mod form;
pub(super) mod meant;
pub(super) mod moment;

pub use self::attached::{called, files, inline, name};
pub(super) use self::form::Question;
use self::{click::Click, form::ours, meant::meant};
use super::{readable, texts::Words};
use crate::{
    domain::{
        Attachment, ConversationId,
        control::{Control, Missing},
    },
    session::Questions,
    wire::activity::Activity,
};

/// Told to ServiceNow to skip an optional question.
pub const SKIP: &str = "_skip_";
/// Asks for the next part of several.
pub const CONTINUE: &str = "click_for_more";
/// Tells ServiceNow that a table has been shown.
pub const DONE: &str = "DONE";

/// Where our actions carry what they mean.
pub(super) const ANSWER: &str = "serviceNowAnswer";
/// Where our cards say how their inputs are to be read.
const QUESTION: &str = "serviceNowQuestion";

/// Where both say which question they answer: its position in the journal, and the conversation that the journal is of.
const ASKED: &str = "serviceNowAsked";
const IN: &str = "serviceNowIn";

/// A message of the user as ServiceNow expects it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Empty when only files were sent, or nothing.
    pub text: String,
    /// `true` for free text, `false` for something chosen.
    pub typed: bool,
    /// Never to be stored, logged or echoed.
    pub secure: bool,
    pub attachments: Vec<Attachment>,
    /// Neither text nor anything attached.
    pub nothing: bool,
    /// Position of the question that it answers.
    pub question: Option<u64>,
    /// Why it is told to nobody.
    pub amiss: Option<Amiss>,
}

/// Why an activity is no answer that ServiceNow could be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amiss {
    /// It answers a question that is not open.
    Closed,
    Missing(Missing),
}

impl Answer {
    /// Words that may be the answer to a masked question which is closed.
    pub fn closed_in_secret() -> Self {
        Self { amiss: Some(Amiss::Closed), secure: true, nothing: true, ..Self::default() }
    }
}

/// Never shows the text: it may be a secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("typed", &self.typed)
            .field("secure", &self.secure)
            .field("attachments", &self.attachments.len())
            .field("nothing", &self.nothing)
            .finish_non_exhaustive()
    }
}

/// Reads a message activity as an answer, to the control that is pending if one is, of somebody who reads our own words.
///
/// A click on one of our actions means what it carries, whatever is pending. Anything else is taken for a choice
/// only when it names one of the pending control's.
pub fn answer(activity: &Activity, pending: Option<&Control>) -> Answer {
    answer_in(&Words::default(), activity, pending)
}

fn answer_in(words: &Words<'_>, activity: &Activity, pending: Option<&Control>) -> Answer {
    let attachments = files(activity);
    let said = said(activity, pending, words).unwrap_or_else(|| Said::typed(""));
    let masked = said.secret || pending.is_some_and(Control::is_secure);
    let is_bare = attachments.is_empty() && inline(activity).next().is_none();
    let nothing = said.text.trim().is_empty() && is_bare;
    Answer {
        secure: masked && said.text != SKIP && !nothing,
        nothing,
        text: said.text,
        typed: said.typed,
        attachments,
        question: None,
        amiss: None,
    }
}

/// Reads a message activity as [`answer_one`] does. Words that answer nothing are as secret as the masked answer that they may
/// correct: one that is still on its way. Behind a person's words only a name of what was offered before them answers it.
pub fn answer_to(
    activity: &Activity,
    conversation: &ConversationId,
    questions: &Questions,
    words: &Words<'_>,
) -> Answer {
    let names = |control: &Control| match control {
        Control::Upload(_) => !files(activity).is_empty(),
        control => activity.text.as_deref().is_some_and(|text| meant::names(text, control, words)),
    };
    let open =
        if is_click(activity) { questions.open().into() } else { Cow::Owned(questions.open_to_words(names)) };
    let answer = answer_one(activity, conversation, &open, words);
    let aside = answer.typed && answer.question.is_none() && answer.amiss.is_none();
    match questions.corrected().filter(|_| aside) {
        Some(question) => Answer { secure: true, question: Some(question), ..answer },
        None => answer,
    }
}

/// Reads a message activity as the answer to one of the open questions, each given with where it stands, oldest first.
///
/// A click says which. Words in the box answer a masked question while one is open, unless they name a choice of a later one; else
/// the newest question that they fit, and with none they are only words. What is no answer says why ([`Answer::amiss`]).
/// `words`: as our buttons read in this conversation.
pub fn answer_one(
    activity: &Activity,
    conversation: &ConversationId,
    open: &[(u64, Control)],
    words: &Words<'_>,
) -> Answer {
    match click::read(activity) {
        Some(click) => clicked(activity, &click, conversation, open, words),
        None => worded(activity, open, words),
    }
}

/// Whether an activity answers a question of ServiceNow's by an action or a card of ours, whatever chat that is of.
pub fn is_click(activity: &Activity) -> bool {
    click::read(activity).is_some()
}

fn clicked(
    activity: &Activity,
    click: &Click,
    conversation: &ConversationId,
    open: &[(u64, Control)],
    words: &Words<'_>,
) -> Answer {
    let closed = |question| Answer {
        amiss: Some(Amiss::Closed),
        question,
        secure: click.is_secret(),
        nothing: true,
        ..Answer::default()
    };
    if !click.is_of(conversation) {
        return closed(None);
    }
    let found = match click.question {
        Some(position) => open.iter().find(|(at, _)| *at == position),
        None => newest(click, open),
    };
    let Some((position, control)) = found else { return closed(click.question) };
    let read = answer_in(words, activity, Some(control));
    let amiss = click.lacks(control).map(Amiss::Missing);
    Answer { question: Some(*position), amiss, secure: read.secure || click.is_secret(), ..read }
}

/// The question that a click may mean which does not say: the newest that it answers, else the newest of its form.
fn newest<'a>(click: &Click, open: &'a [(u64, Control)]) -> Option<&'a (u64, Control)> {
    let answered = open.iter().rev().find(|(_, control)| click.lacks(control).is_none());
    answered.or_else(|| open.iter().rev().find(|(_, control)| click.is_form_of(control)))
}

fn worded(activity: &Activity, open: &[(u64, Control)], words: &Words<'_>) -> Answer {
    let masked = open.iter().rposition(|(_, control)| control.is_secure());
    let later = open.get(masked.map_or(0, |at| at + 1)..).unwrap_or_default();
    let to = |(position, control): &(u64, Control)| {
        let answer = answer_in(words, activity, Some(control));
        (fits(&answer, control)).then_some(Answer { question: Some(*position), ..answer })
    };
    // A secret may look like any text or moment that was asked for behind it.
    let is_plain = |answer: &Answer| masked.is_none() || !answer.typed || answer.text.is_empty();
    let secret = || masked.and_then(|at| open.get(at)).and_then(to);
    let found = later.iter().rev().filter_map(to).find(is_plain).or_else(secret);
    // What has no words may have them where nobody looks.
    let found = found.unwrap_or_else(|| Answer { secure: masked.is_some(), ..answer(activity, None) });
    let asked = || open.iter().rev().find(|(_, control)| control.asks());
    let missing = || asked().map_or(Missing::Anything, |(_, control)| click::missing(control));
    let amiss = found.nothing.then(|| Amiss::Missing(missing()));
    Answer { amiss, ..found }
}

/// Whether an activity answers this question: it chooses, or it is what was asked for.
fn fits(answer: &Answer, control: &Control) -> bool {
    if answer.nothing {
        return false;
    }
    match control {
        Control::TextInput(_) => !answer.text.is_empty(),
        Control::Upload(_) => !answer.attachments.is_empty() || !answer.typed,
        Control::Moment(moment) => moment::read(&answer.text, moment.kind).is_some() || !answer.typed,
        Control::MultiPart(multi) => !answer.typed || fits(answer, &multi.part),
        _ => !answer.typed,
    }
}

/// Lets whatever answers this activity, an action or a card of ours, say which question it answers.
pub(super) fn mark(activity: &mut Value, position: u64, conversation: &ConversationId) {
    match activity {
        Value::Array(list) => list.iter_mut().for_each(|entry| mark(entry, position, conversation)),
        Value::Object(map) => {
            map.values_mut().for_each(|entry| mark(entry, position, conversation));
            if map.contains_key(ANSWER) || map.contains_key(QUESTION) {
                map.insert(ASKED.to_owned(), position.into());
                map.insert(IN.to_owned(), conversation.as_str().into());
            }
        }
        _ => {}
    }
}

struct Said {
    text: String,
    typed: bool,
    secret: bool,
}

impl Said {
    fn chosen(text: impl Into<String>) -> Self {
        Self { text: text.into(), typed: false, secret: false }
    }

    fn typed(text: impl Into<String>) -> Self {
        Self { text: text.into(), typed: true, secret: false }
    }
}

fn said(activity: &Activity, pending: Option<&Control>, words: &Words<'_>) -> Option<Said> {
    let value = activity.value.as_ref().filter(|value| !value.is_null());
    if let Some(said) = click::read(activity).and_then(|click| ours(&click.fields)) {
        let hidden = || pending.filter(|_| said.secret).and_then(|hidden| meant(&said.text, hidden, words));
        return Some(hidden().map(|meant| Said { secret: true, ..meant }).unwrap_or(said));
    }
    let scalar = match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(scalar @ (Value::Bool(_) | Value::Number(_))) => Some(scalar.to_string()),
        _ => None,
    };
    if let Some(chosen) = scalar.as_deref().and_then(|value| meant(value, pending?, words)) {
        return Some(chosen);
    }
    let text = activity.text.clone().filter(|text| !text.trim().is_empty());
    if let Some(text) = text {
        return Some(pending.and_then(|pending| meant(&text, pending, words)).unwrap_or(Said::typed(text)));
    }
    let aside = |text| Said { text, typed: pending.is_some(), secret: false };
    scalar.map(aside).or_else(|| foreign(value?).map(Said::typed))
}

/// What can be read in a value that is none of ours, the answers to somebody else's card: each with its name, unless all words in
/// it have names of what is read.
fn foreign(value: &Value) -> Option<String> {
    let fields = || value.as_object().into_iter().flatten();
    let is_read = |key: &str, value: &Value| match key {
        QUESTION | ANSWER | ASKED | IN => true,
        // What is filled in is a text.
        "id" => value.is_number(),
        key => readable::KEYS.contains(&key) && value.is_string(),
    };
    let is_form = fields().any(|(key, value)| !is_read(key, value) && plain(value, 0).is_some());
    let named = || {
        let named = fields().filter_map(|(key, value)| Some(format!("{key}: {}", plain(value, 0)?)));
        Some(named.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
    };
    readable::joined(value).filter(|_| !is_form).or_else(named)
}

/// A value in words; of what stands in a list or an object, what is no such thing itself.
fn plain(value: &Value, depth: usize) -> Option<String> {
    let joined = |values: &mut dyn Iterator<Item = &Value>| {
        let plain = values.filter_map(|value| plain(value, depth + 1)).collect::<Vec<_>>().join(", ");
        (!plain.is_empty()).then_some(plain)
    };
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(list) if depth == 0 => joined(&mut list.iter()),
        Value::Object(map) if depth == 0 => joined(&mut map.values()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
