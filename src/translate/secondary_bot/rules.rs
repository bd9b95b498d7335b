//! What a card allows as an answer, and how an answer reads in the card's own terms.
//!
//! Followed: the adaptive card schema 1.5 and what its JavaScript renderer checks before it submits.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::{
    Step, StepKind,
    form::{NO, YES, sent},
};
use crate::{
    domain::control::MomentKind,
    translate::{
        answer::{
            meant::{Names, is_around, plain, says},
            moment,
        },
        markdown::is_unseen,
        texts::{Text, Words},
    },
};

/// The rules of one input; each holds only where the card gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// A number, a date or a time, as the card writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// In characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<u64>,
}

/// Why something is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    Required,
    NoNumber,
    NoDate,
    NoTime,
    /// It is none of the choices.
    NoChoice,
    TooSmall(String),
    TooLarge(String),
    TooLong(u64),
    /// It has not the form that the card asks for.
    OtherForm,
}

impl Complaint {
    pub fn said(&self, words: &Words<'_>) -> String {
        let (text, name, value) = match self {
            Self::Required => (Text::Required, "", String::new()),
            Self::NoNumber => (Text::NoNumber, "", String::new()),
            Self::NoDate => (Text::NoDate, "", String::new()),
            Self::NoTime => (Text::NoTime, "", String::new()),
            Self::NoChoice => (Text::MissingChoice, "", String::new()),
            Self::TooSmall(least) => (Text::TooSmall, "least", least.clone()),
            Self::TooLarge(most) => (Text::TooLarge, "most", most.clone()),
            Self::TooLong(longest) => (Text::TooLong, "longest", longest.to_string()),
            Self::OtherForm => (Text::OtherForm, "", String::new()),
        };
        words.with(text, &[(name, &value)])
    }
}

impl Rules {
    pub fn read(node: &Value) -> Self {
        let bound = |key: &str| match node.get(key)? {
            Value::String(text) => (!text.trim().is_empty()).then(|| text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let regex = node.get("regex").and_then(Value::as_str).filter(|regex| !regex.is_empty());
        Self {
            min: bound("min"),
            max: bound("max"),
            regex: regex.map(str::to_owned),
            longest: node.get("maxLength").and_then(Value::as_u64).filter(|longest| *longest > 0),
        }
    }

    /// Anything goes.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    fn within<T: PartialOrd>(&self, value: &T, read: impl Fn(&str) -> Option<T>) -> Result<(), Complaint> {
        let bound = |bound: &Option<String>| bound.as_deref().and_then(&read);
        if let (Some(least), Some(written)) = (bound(&self.min), &self.min)
            && *value < least
        {
            return Err(Complaint::TooSmall(written.clone()));
        }
        match (bound(&self.max), &self.max) {
            (Some(most), Some(written)) if *value > most => Err(Complaint::TooLarge(written.clone())),
            _ => Ok(()),
        }
    }

    /// A pattern that this program can't read (one that looks ahead, say) is left to the agent.
    fn fits(&self, text: &str) -> Result<(), Complaint> {
        if let Some(longest) = self.longest.filter(|longest| text.chars().count() as u64 > *longest) {
            return Err(Complaint::TooLong(longest));
        }
        let pattern = self.regex.as_deref().and_then(|regex| regex_lite::Regex::new(regex).ok());
        if pattern.is_some_and(|pattern| !pattern.is_match(text)) {
            Err(Complaint::OtherForm)
        } else {
            Ok(())
        }
    }
}

/// Whether a text has nothing in it that is seen.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|char| char.is_whitespace() || char.is_control() || is_unseen(char))
}

/// An answer in the card's own terms; `None` when it may be passed over and was.
pub fn value(step: &Step, text: &str, words: &Words<'_>) -> Result<Option<Value>, Complaint> {
    let text = step.in_own_values(text.trim());
    let (text, rules) = (&*text, &step.rules);
    if step.required && is_blank(text) {
        return Err(Complaint::Required);
    }
    Ok(Some(match &step.kind {
        StepKind::Text { .. } => {
            rules.fits(text)?;
            text.into()
        }
        StepKind::Number => {
            let number = number(text).ok_or(Complaint::NoNumber)?;
            rules.within(&number.as_f64().unwrap_or_default(), |bound| bound.parse().ok())?;
            number.into()
        }
        // A time of day may follow when the primary bot has one control for both.
        StepKind::Date => {
            let date = moment::read(text, MomentKind::Date).and_then(|date| date.parse().ok());
            let date: jiff::civil::Date = date.ok_or(Complaint::NoDate)?;
            rules.within(&date, |bound| bound.parse().ok())?;
            date.to_string().into()
        }
        StepKind::Time => {
            let time = moment::read(text, MomentKind::Time).or_else(|| moment::behind_date(text));
            let time = time.and_then(|time| time.parse().ok());
            let time: jiff::civil::Time = time.ok_or(Complaint::NoTime)?;
            rules.within(&time, |bound| bound.parse().ok())?;
            format!("{:02}:{:02}", time.hour(), time.minute()).into()
        }
        StepKind::Toggle { on, off } => {
            let value = toggled(on, off, text, words).ok_or(Complaint::NoChoice)?;
            if step.required && value != on {
                return Err(Complaint::Required);
            }
            value.into()
        }
        // Choices that the card would look up as somebody types: any words will do.
        StepKind::Choice { options, several: _ } if options.is_empty() => text.into(),
        StepKind::Choice { options, several } => {
            chosen(options, *several, text).ok_or(Complaint::NoChoice)?.into()
        }
    }))
}

/// With all its digits, where it is typed as JSON writes it. A whole number stays one.
fn number(text: &str) -> Option<Number> {
    let text = pointed(plain(text).trim_end_matches(is_around));
    let typed = text.parse::<Number>().ok().filter(|number| number.as_f64().is_some());
    let whole = || text.parse::<i64>().map(Number::from).ok();
    typed.or_else(whole).or_else(|| Number::from_f64(text.parse::<f64>().ok()?))
}

/// A number as programs write it: what groups its digits is gone, and a point is its decimal sign.
///
/// One comma before three digits groups them, any other is decimal; one point always is.
fn pointed(text: &str) -> String {
    let text = text.replace(char::is_whitespace, "");
    let groups = |sign: char| {
        let mut parts = text.trim_start_matches(['+', '-']).split(sign);
        let first = parts.next().unwrap_or_default();
        let whole = parts.map(|part| part.split(['.', ',']).next().unwrap_or_default());
        let is_first = (1..=3).contains(&first.len()) && !first.starts_with('0');
        is_first && whole.into_iter().all(|part| part.len() == 3) && text.contains(sign)
    };
    let (commas, points) = (text.matches(',').count(), text.matches('.').count());
    let comma_is_last = text.rfind(',') > text.rfind('.');
    if groups('.') && (points > 1 || (commas == 1 && comma_is_last)) {
        text.replace('.', "").replace(',', ".")
    } else if groups(',') && !(points > 0 && comma_is_last) {
        text.replace(',', "")
    } else {
        text.replacen(',', ".", 1)
    }
}

/// As our own question has it, then as the card does, then as people say it.
fn toggled<'a>(on: &'a str, off: &'a str, text: &str, words: &Words<'_>) -> Option<&'a str> {
    let is = |value: &str| value.to_lowercase() == text.to_lowercase();
    let pressed = |value, label| text == value || is(words.get(label));
    let is_on = if pressed(YES, Text::Yes) {
        true
    } else if pressed(NO, Text::No) {
        false
    } else if is(on) || is(off) {
        is(on)
    } else {
        match text {
            "1" => true,
            "0" => false,
            text => says(text, words)?,
        }
    };
    Some(if is_on { on } else { off })
}

/// What a card submits for a toggle that nobody touched.
pub fn as_it_stands<'a>(on: &'a str, off: &'a str, given: Option<&str>) -> &'a str {
    if given == Some(on) { on } else { off }
}

/// The value of what is pressed, or else of what a text names, as people name a choice; several with commas.
fn chosen(options: &[(String, String)], several: bool, text: &str) -> Option<String> {
    pressed(options, several, text).or_else(|| {
        let names = Names::of(options.iter().map(|(label, value)| (label.as_str(), value.as_str())));
        let one = names.find(text).map(|at| options[at].1.clone());
        one.or_else(|| several.then(|| names.many(text))?)
    })
}

/// The value of what is sent back when options are pressed: their very values, though other labels may read the same.
fn pressed(options: &[(String, String)], several: bool, text: &str) -> Option<String> {
    let values: HashMap<&str, &str> =
        options.iter().rev().map(|option| (sent(option), option.1.as_str())).collect();
    let one = values.get(text).map(|value| (*value).to_owned());
    let all = || {
        let all: Option<Vec<&str>> = text.split(',').map(|one| values.get(one.trim()).copied()).collect();
        let mut seen = HashSet::new();
        Some(all?.into_iter().filter(|value| seen.insert(*value)).collect::<Vec<_>>().join(","))
    };
    one.or_else(|| several.then(all)?)
}
