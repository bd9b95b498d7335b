//! What a user's activity says to ServiceNow.

use std::fmt;

use serde_json::{Map, Value, json};

mod click;
mod moment;

use self::click::Click;
use super::{
    citation, readable,
    texts::{self, Text},
};
use crate::{
    domain::{
        Attachment, ConversationId,
        control::{Choice, Control, Item, Missing, Moment, MomentKind, MultiPart, TextInput, Upload},
    },
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
    /// Neither text nor files.
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

/// Reads a message activity as an answer, to the control that is pending if one is.
///
/// A click on one of our actions means what it carries, whatever is pending. Anything else is taken for a choice
/// only when it names one of the pending control's.
pub fn answer(activity: &Activity, pending: Option<&Control>) -> Answer {
    let attachments = files(activity);
    let said = said(activity, pending).unwrap_or_default();
    let masked = said.secret || pending.is_some_and(Control::is_secure);
    let nothing = said.text.trim().is_empty() && attachments.is_empty();
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

/// Reads a message activity as the answer to one of the open questions, each given with where it stands, oldest first.
///
/// A click says which. Words in the box answer a masked question while one is open, unless they name a choice of a later one; else
/// the newest question that they fit, and with none they are only words. What is no answer says why ([`Answer::amiss`]).
pub fn answer_one(activity: &Activity, conversation: &ConversationId, open: &[(u64, Control)]) -> Answer {
    match click::read(activity) {
        Some(click) => clicked(activity, &click, conversation, open),
        None => worded(activity, open),
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
    let read = answer(activity, Some(control));
    let amiss = click.lacks(control).map(Amiss::Missing);
    Answer { question: Some(*position), amiss, secure: read.secure || click.is_secret(), ..read }
}

/// The question that a click may mean which does not say: the newest that it answers, else the newest of its form.
fn newest<'a>(click: &Click, open: &'a [(u64, Control)]) -> Option<&'a (u64, Control)> {
    let answered = open.iter().rev().find(|(_, control)| click.lacks(control).is_none());
    answered.or_else(|| open.iter().rev().find(|(_, control)| click.is_form_of(control)))
}

fn worded(activity: &Activity, open: &[(u64, Control)]) -> Answer {
    let masked = open.iter().rposition(|(_, control)| control.is_secure());
    let later = open.get(masked.map_or(0, |at| at + 1)..).unwrap_or_default();
    let to = |(position, control): &(u64, Control)| {
        let answer = answer(activity, Some(control));
        (fits(&answer, control)).then_some(Answer { question: Some(*position), ..answer })
    };
    let masked = || masked.and_then(|at| open.get(at)).and_then(to);
    let found = later.iter().rev().find_map(to).or_else(masked).unwrap_or_else(|| answer(activity, None));
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

/// How the inputs of a card of ours are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    One,
    Several,
    Secret,
    Date,
    Time,
    DateTime,
}

impl Question {
    pub const INPUT: &'static str = "answer";
    pub const DATE: &'static str = "date";
    pub const TIME: &'static str = "time";

    const ALL: [(Self, &'static str); 6] = [
        (Self::One, "one"),
        (Self::Several, "several"),
        (Self::Secret, "secret"),
        (Self::Date, "date"),
        (Self::Time, "time"),
        (Self::DateTime, "dateTime"),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(question, _)| *question)
    }

    /// What the card's submit action carries.
    pub fn data(self) -> Value {
        let name = Self::ALL.iter().find(|(question, _)| *question == self).map(|(_, name)| *name);
        json!({QUESTION: name})
    }

    /// A choice's value as it can stand in a list that commas separate.
    pub fn packed(value: &str) -> String {
        value.replace('%', "%25").replace(',', "%2C")
    }

    fn unpacked(packed: &str) -> String {
        packed.replace("%2C", ",").replace("%25", "%")
    }

    fn read(self, inputs: &Map<String, Value>) -> Said {
        let input = |id: &str| inputs.get(id).and_then(Value::as_str).unwrap_or_default();
        let (date, time) = (input(Self::DATE), input(Self::TIME));
        let text = match self {
            Self::Secret => {
                return Said { text: input(Self::INPUT).to_owned(), typed: true, secret: true };
            }
            Self::One | Self::Several => {
                let chosen = input(Self::INPUT).split(',').map(Self::unpacked);
                chosen.collect::<Vec<_>>().join(",")
            }
            Self::Date => moment::read(date, MomentKind::Date).unwrap_or(date.to_owned()),
            Self::Time => moment::read(time, MomentKind::Time).unwrap_or(time.to_owned()),
            Self::DateTime => {
                let part = |text: &str, kind| moment::read(text, kind).unwrap_or_else(|| text.to_owned());
                let both = format!("{} {}", part(date, MomentKind::Date), part(time, MomentKind::Time));
                moment::read(&both, MomentKind::DateTime).unwrap_or(both.trim().to_owned())
            }
        };
        Said { text, typed: false, secret: false }
    }
}

#[derive(Default)]
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

fn said(activity: &Activity, pending: Option<&Control>) -> Option<Said> {
    let value = activity.value.as_ref().filter(|value| !value.is_null());
    if let Some(said) = click::read(activity).and_then(|click| ours(&click.fields)) {
        return Some(said);
    }
    let scalar = match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(scalar @ (Value::Bool(_) | Value::Number(_))) => Some(scalar.to_string()),
        _ => None,
    };
    if let Some(chosen) = scalar.as_deref().and_then(|value| meant(value, pending?)) {
        return Some(chosen);
    }
    let text = activity.text.as_deref().map(citation::strip).filter(|text| !text.trim().is_empty());
    if let Some(text) = text {
        return Some(pending.and_then(|pending| meant(&text, pending)).unwrap_or(Said::typed(text)));
    }
    let aside = |text| Said { text, typed: pending.is_some(), secret: false };
    scalar.map(aside).or_else(|| foreign(value?).map(Said::typed))
}

/// What an action or a card of ours carries.
fn ours(value: &Map<String, Value>) -> Option<Said> {
    if let Some(text) = value.get(ANSWER).and_then(Value::as_str) {
        return Some(Said::chosen(text));
    }
    Some(Question::named(value.get(QUESTION)?.as_str()?)?.read(value))
}

/// What a text means as an answer to a control; `None` when it is only text.
fn meant(text: &str, pending: &Control) -> Option<Said> {
    // What is typed into a hidden input may be the very word.
    let skips = |optional: bool| {
        let by_word = !pending.is_secure() && texts::is_said(Text::Skip, text);
        (optional && (by_word || text.trim() == SKIP)).then(|| Said::chosen(SKIP))
    };
    match pending {
        Control::MultiPart(MultiPart { heading: _, part, more_label, last: _ }) => {
            let named = match more_label {
                Some(label) => same(text, label),
                None => texts::is_said(Text::More, text),
            };
            let more = text.trim() == CONTINUE || named;
            more.then(|| Said::chosen(CONTINUE)).or_else(|| meant(text, part))
        }
        Control::Choice(choice) => {
            let Choice { kind: _, prompt: _, items, look: _, several, optional, card: _ } = choice;
            one(text, items).or_else(|| several.then(|| many(text, items))?).or_else(|| skips(*optional))
        }
        Control::Card(card) => one(text, &card.actions),
        Control::TextInput(TextInput { prompt: _, mask: _, optional }) => skips(*optional),
        Control::Moment(Moment { kind, prompt: _, optional }) => {
            moment::read(text, *kind).map(Said::typed).or_else(|| skips(*optional))
        }
        Control::Upload(Upload { prompt: _, max_count: _, max_megabytes: _, pictures_only: _, optional }) => {
            skips(*optional)
        }
        Control::Text { text: _ }
        | Control::Masked(_)
        | Control::Generated(_)
        | Control::Html(_)
        | Control::Link(_)
        | Control::Image(_)
        | Control::Table(_)
        | Control::GroupedParts(_)
        | Control::Progress(_)
        | Control::Degraded { ui_type: _, text: _ } => None,
    }
}

fn one(text: &str, items: &[Item]) -> Option<Said> {
    find(text, items).map(|item| Said::chosen(&item.value))
}

/// Several choices named in one text, separated by commas.
fn many(text: &str, items: &[Item]) -> Option<Said> {
    let values = text.split(',').map(|part| find(part, items).map(|item| item.value.as_str()));
    values.collect::<Option<Vec<_>>>().map(|values| Said::chosen(values.join(",")))
}

/// The choice a text names: exactly first, then as people write, then by its number.
fn find<'a>(text: &str, items: &'a [Item]) -> Option<&'a Item> {
    let exact = |item: &&Item| item.label == text || item.value == text;
    items
        .iter()
        .find(exact)
        .or_else(|| items.iter().find(|item| same(text, &item.label) || same(text, &item.value)))
        .or_else(|| items.get(number(text)?.checked_sub(1)?))
}

/// `2`, `2.` or `2)`.
fn number(text: &str) -> Option<usize> {
    text.trim().trim_end_matches(['.', ')']).parse().ok()
}

fn same(text: &str, other: &str) -> bool {
    let (text, other) = (text.trim(), other.trim());
    !other.is_empty() && (text == other || text.to_lowercase() == other.to_lowercase())
}

/// What can be read in a value that is none of ours: the answers to somebody else's card.
fn foreign(value: &Value) -> Option<String> {
    readable::joined(value).or_else(|| {
        let plain = |value: &Value| match value {
            Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            _ => None,
        };
        let named =
            value.as_object()?.iter().filter_map(|(key, value)| Some(format!("{key}: {}", plain(value)?)));
        Some(named.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
    })
}

/// The files of a message; cards are none.
pub fn files(activity: &Activity) -> Vec<Attachment> {
    let file = |attachment: &Value| {
        let field =
            |key: &str| attachment.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let url = field("contentUrl")?.to_owned();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let last = path.rsplit('/').next().filter(|last| !last.is_empty() && !url.starts_with("data:"));
        let name = field("name").or(last).unwrap_or("?").to_owned();
        let media_type = field("contentType").unwrap_or("application/octet-stream").to_owned();
        Some(Attachment { name, media_type, url, bytes: 0 })
    };
    activity.attachments.iter().flatten().filter_map(file).collect()
}

/// The attachments of a message that have no address: they stand in the message itself, or are only named there.
pub fn inline(activity: &Activity) -> impl Iterator<Item = &Value> {
    let has_address = |attachment: &&Value| {
        let url = attachment.get("contentUrl").and_then(Value::as_str);
        url.is_some_and(|url| !url.trim().is_empty())
    };
    activity.attachments.iter().flatten().filter(move |attachment| !has_address(attachment))
}

/// What an attachment is called: by its name, else a card by its title, else by its kind.
pub fn called(attachment: &Value) -> &str {
    let content = attachment.get("content");
    let of_content = |key: &str| content.and_then(|content| content.get(key));
    let named = text_of(attachment.get("name")).or_else(|| text_of(of_content("title")));
    named
        .or_else(|| text_of(of_content("text")))
        .or_else(|| text_of(attachment.get("contentType")))
        .unwrap_or("?")
}

fn text_of(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
