//! What our own cards bring back.

use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::Error},
};
use serde_json::{Map, Value, json};

use super::{ANSWER, QUESTION, Said, moment};
use crate::domain::control::MomentKind;

/// How the inputs of a card of ours are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::translate) enum Question {
    One,
    Several,
    Secret,
    #[serde(untagged)]
    Moment(MomentKind),
}

impl Question {
    pub const INPUT: &'static str = "answer";
    pub const DATE: &'static str = "date";
    pub const TIME: &'static str = "time";

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::deserialize(IntoDeserializer::<Error>::into_deserializer(name)).ok()
    }

    /// What the card's submit action carries.
    pub fn data(self) -> Value {
        json!({QUESTION: self})
    }

    /// A choice's value as it can stand in a list that commas separate.
    pub fn packed(value: &str) -> String {
        value.replace('%', "%25").replace(',', "%2C")
    }

    pub(super) fn unpacked(packed: &str) -> String {
        packed.replace("%2C", ",").replace("%25", "%")
    }

    fn read(self, inputs: &Map<String, Value>) -> Said {
        let input = |id: &str| inputs.get(id).and_then(Value::as_str).unwrap_or_default();
        let (date, time) = (input(Self::DATE), input(Self::TIME));
        match self {
            Self::Secret => Said { secret: true, ..Said::typed(input(Self::INPUT)) },
            Self::One | Self::Several => {
                let chosen = input(Self::INPUT).split(',').map(Self::unpacked);
                Said::chosen(chosen.collect::<Vec<_>>().join(","))
            }
            Self::Moment(kind) => {
                let raw = match kind {
                    MomentKind::Date => date.to_owned(),
                    MomentKind::Time => time.to_owned(),
                    MomentKind::DateTime => {
                        let date = moment::read(date, MomentKind::Date).unwrap_or_else(|| date.to_owned());
                        format!("{date} {time}")
                    }
                };
                Said::chosen(moment::read(&raw, kind).unwrap_or_else(|| raw.trim().to_owned()))
            }
        }
    }
}

/// What an action or a card of ours carries.
pub(super) fn ours(value: &Map<String, Value>) -> Option<Said> {
    if let Some(text) = value.get(ANSWER).and_then(Value::as_str) {
        return Some(Said::chosen(text));
    }
    Some(Question::named(value.get(QUESTION)?.as_str()?)?.read(value))
}
