//! What an action or a card of ours carries when it is pressed.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{ANSWER, ASKED, CONTINUE, IN, QUESTION, Question, SKIP, moment};
use crate::{
    domain::{
        ConversationId,
        control::{Card, Choice, Control, Missing, Moment, MomentKind, MultiPart, TextInput, Upload},
    },
    wire::{activity::Activity, json},
};

/// An answer given by pressing something.
pub(super) struct Click {
    pub fields: Map<String, Value>,
    /// Position of the question that it says to answer.
    pub question: Option<u64>,
}

/// The click that an activity is, if it is one; some clients send a value as text.
pub(super) fn read(activity: &Activity) -> Option<Click> {
    let fields = ours(activity.value.as_ref()?, 0)?;
    let question = fields.get(ASKED).and_then(Value::as_u64);
    Some(Click { fields, question })
}

/// Clients that wrap what a button carries wrap it once or twice (`{"action":{"data":…}}`).
const MAX_WRAPS: usize = 2;

fn ours(value: &Value, wraps: usize) -> Option<Map<String, Value>> {
    let within = |value| if wraps < MAX_WRAPS { ours(value, wraps + 1) } else { None };
    match value {
        Value::Object(fields) => named(fields).or_else(|| fields.values().find_map(within)),
        Value::Array(list) => list.iter().find_map(within),
        Value::String(text) => match json::packed(text) {
            Some(packed) => within(&packed.value),
            None => unread(text),
        },
        _ => None,
    }
}

/// A card of ours that can't be read: what was entered into it may be a secret.
fn unread(text: &str) -> Option<Map<String, Value>> {
    text.contains(QUESTION).then(|| Map::from_iter([(QUESTION.to_owned(), json!(Question::Secret))]))
}

/// Fields that hold names of ours, under our spelling: what frameworks make of JSON may begin with a capital, and the bot reads
/// names in any case.
fn named(fields: &Map<String, Value>) -> Option<Map<String, Value>> {
    let given = |name: &str| fields.keys().find(|key| key.eq_ignore_ascii_case(name));
    if [ANSWER, QUESTION, ASKED].iter().all(|name| given(name).is_none()) {
        return None;
    }
    let mut named = fields.clone();
    for name in [ANSWER, QUESTION, ASKED, IN, Question::INPUT, Question::DATE, Question::TIME] {
        if let Some(value) = given(name).filter(|key| *key != name).and_then(|key| named.remove(key)) {
            named.entry(name).or_insert(value);
        }
    }
    Some(named)
}

impl Click {
    /// False for what was shown in another conversation.
    pub fn is_of(&self, conversation: &ConversationId) -> bool {
        self.text(IN).is_none_or(|shown_in| shown_in == conversation.as_str())
    }

    pub fn is_secret(&self) -> bool {
        self.form() == Some(Question::Secret)
    }

    /// What it lacks to be an answer to this that ServiceNow understands.
    pub fn lacks(&self, control: &Control) -> Option<Missing> {
        let chosen = self.text(ANSWER);
        let right = match control {
            Control::MultiPart(MultiPart { part, .. }) => {
                return if chosen == Some(CONTINUE) { None } else { self.lacks(part) };
            }
            control if chosen == Some(SKIP) && is_optional(control) => true,
            control if chosen.is_none() && !self.is_form_of(control) => false,
            Control::Choice(choice) => self.chooses(choice),
            Control::Card(Card { actions, .. }) => {
                chosen.is_some_and(|value| actions.iter().any(|item| item.value == value))
            }
            Control::TextInput(_) => chosen.is_none() && !self.input(Question::INPUT).trim().is_empty(),
            Control::Moment(Moment { kind, .. }) if chosen.is_none() => return self.lacks_moment(*kind),
            _ => false,
        };
        (!right).then(|| missing(control))
    }

    /// Whether it comes from a card of the kind that this is shown as.
    pub fn is_form_of(&self, control: &Control) -> bool {
        let form = self.form();
        match control {
            Control::MultiPart(MultiPart { part, .. }) => self.is_form_of(part),
            Control::Choice(_) => matches!(form, Some(Question::One | Question::Several)),
            Control::TextInput(_) => form == Some(Question::Secret),
            Control::Moment(Moment { kind, .. }) => form == Some(Question::Moment(*kind)),
            _ => false,
        }
    }

    fn form(&self) -> Option<Question> {
        Question::named(self.text(QUESTION)?)
    }

    fn chooses(&self, choice: &Choice) -> bool {
        let (items, several) = (choice.offered(), choice.several);
        let offered = items.iter().map(|item| item.value.as_str()).collect::<HashSet<_>>();
        match self.text(ANSWER) {
            Some(value) => offered.contains(value),
            None => {
                let values =
                    self.input(Question::INPUT).split(',').map(Question::unpacked).collect::<Vec<_>>();
                (several || values.len() == 1) && values.iter().all(|value| offered.contains(&**value))
            }
        }
    }

    fn lacks_moment(&self, kind: MomentKind) -> Option<Missing> {
        let date = || moment::read(self.input(Question::DATE), MomentKind::Date).is_some();
        let time = || moment::read(self.input(Question::TIME), MomentKind::Time).is_some();
        match kind {
            MomentKind::Date => (!date()).then_some(Missing::Date),
            MomentKind::Time => (!time()).then_some(Missing::Time),
            MomentKind::DateTime => match (date(), time()) {
                (true, true) => None,
                (true, false) => Some(Missing::Time),
                (false, true) => Some(Missing::Date),
                (false, false) => Some(Missing::DateTime),
            },
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    fn input(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }
}

/// What an answer to this must have.
pub(super) fn missing(control: &Control) -> Missing {
    match control {
        Control::MultiPart(MultiPart { part, .. }) if part.asks() => missing(part),
        Control::TextInput(_) => Missing::Words,
        Control::Moment(Moment { kind, .. }) => missing_moment(*kind),
        Control::Upload(_) => Missing::File,
        _ => Missing::Choice,
    }
}

fn missing_moment(kind: MomentKind) -> Missing {
    match kind {
        MomentKind::Date => Missing::Date,
        MomentKind::Time => Missing::Time,
        MomentKind::DateTime => Missing::DateTime,
    }
}

fn is_optional(control: &Control) -> bool {
    match control {
        Control::Choice(Choice { optional, .. })
        | Control::TextInput(TextInput { optional, .. })
        | Control::Moment(Moment { optional, .. })
        | Control::Upload(Upload { optional, .. }) => *optional,
        _ => false,
    }
}
