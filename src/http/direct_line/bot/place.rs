//! Where a client stands while the bot speaks, and what of Direct Line's answer it is given from there: an answer of Direct Line's
//! may be much larger than one that is to wait in memory until the client has read it.

use std::{borrow::Cow, collections::BTreeMap};

use actix_web::web::Bytes;
use serde::Deserialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    translate::watermark::{Cursor, Inside, LARGEST_PAGE, Part, Piece, Upstream, is_ours},
    wire::json,
};

/// A client's place in a conversation that the store does not know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Place {
    /// The watermark to ask Direct Line with.
    pub from: Option<String>,
    inside: Option<Inside>,
    /// The client has a watermark of ours that says nothing here.
    lost: bool,
}

/// What of a batch is given to the client.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Shown {
    /// All of it, as it came.
    Whole,
    /// Activities of it, byte for byte as they came, and a watermark of ours.
    Part { bytes: Bytes, is_last: bool },
    /// The place is none in this batch.
    Elsewhere,
}

impl Place {
    /// A watermark of ours from a live chat means nothing to Direct Line, and the store has forgotten it, or it belongs to another
    /// conversation: then it is read from the start, and whatever stands there is found again.
    pub fn read(given: Option<&str>) -> Self {
        match given {
            Some(given) if is_ours(given) => match Cursor::read(Some(given)) {
                Cursor { local: 0, segment: 0, upstream: Upstream::Inside(inside), .. } => {
                    Self { from: inside.from.clone(), inside: Some(inside), lost: false }
                }
                _ => Self { lost: true, ..Self::default() },
            },
            given => Self { from: given.map(str::to_owned), ..Self::default() },
        }
    }

    /// The client's watermark, if it says something here.
    pub fn known<'a>(&self, given: Option<&'a str>) -> Option<&'a str> {
        given.filter(|_| !self.lost)
    }

    /// What is shown of Direct Line's answer. `handed_over`: what follows it is not Direct Line's to tell.
    pub fn part(&self, body: &[u8], handed_over: bool) -> Shown {
        if body.len() <= LARGEST_PAGE && self.inside.is_none() && !handed_over {
            return Shown::Whole;
        }
        let text = json::text(body);
        let Some((mut fields, activities)) = taken_apart(&text) else { return Shown::Whole };
        let skip = match &self.inside {
            Some(inside) => match inside.skip(&activities) {
                Some(skip) => skip,
                None => return Shown::Elsewhere,
            },
            None => 0,
        };
        let part = Part::of(&activities, self.from.as_deref(), skip, LARGEST_PAGE);
        let is_last = part.next.is_none();
        let upstream = match part.next {
            Some(next) => Some(Upstream::Inside(next)),
            None => handed_over.then_some(Upstream::End),
        };
        if upstream.is_none() && part.shown == (0..activities.len()) {
            return Shown::Whole;
        }
        let watermark = upstream.map(|upstream| Cursor { local: 0, segment: 0, upstream, typed: 0 }.write());
        let watermark = watermark.and_then(|watermark| to_raw_value(&watermark).ok());
        let Ok(shown) = to_raw_value(&activities[part.shown]) else { return Shown::Whole };
        fields.insert("activities".to_owned(), &shown);
        fields.extend(watermark.as_deref().map(|watermark| ("watermark".to_owned(), watermark)));
        serde_json::to_vec(&fields).map_or(Shown::Whole, |bytes| Shown::Part { bytes: bytes.into(), is_last })
    }
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

fn taken_apart(text: &str) -> Option<(Fields<'_>, Vec<&RawValue>)> {
    let fields: Fields<'_> = serde_json::from_str(text).ok()?;
    let activities = match fields.get("activities") {
        Some(activities) => serde_json::from_str(activities.get()).ok()?,
        None => vec![],
    };
    Some((fields, activities))
}

impl Piece for &RawValue {
    fn id(&self) -> Cow<'_, str> {
        #[derive(Deserialize)]
        struct Named {
            id: Value,
        }
        match serde_json::from_str(self.get()).map(|Named { id }| id) {
            Ok(Value::String(id)) => id.into(),
            Ok(Value::Number(id)) => id.to_string().into(),
            _ => Cow::default(),
        }
    }

    fn size(&self) -> usize {
        self.get().len() + 1
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn batch(texts: &[String]) -> Vec<u8> {
        let activity = |(at, text): (usize, &String)| json!({"id": format!("c|{at}"), "text": text});
        let activities: Vec<Value> = texts.iter().enumerate().map(activity).collect();
        json!({"activities": activities, "watermark": "9", "unknown": 1.50}).to_string().into_bytes()
    }

    #[test]
    fn a_large_batch_is_given_in_parts_that_are_the_whole() {
        let texts: Vec<String> = (0..9).map(|at| "x".repeat(150_000 * at)).collect();
        let body = batch(&texts);
        for handed_over in [false, true] {
            let (mut seen, mut given) = (vec![], Some("7".to_owned()));
            loop {
                let place = Place::read(given.as_deref());
                assert_eq!(place.from.as_deref(), Some("7"), "Direct Line is asked the same");
                let Shown::Part { bytes, is_last } = place.part(&body, handed_over) else {
                    panic!("{given:?}")
                };
                let set: Value = serde_json::from_slice(&bytes).expect("JSON");
                let activities = set["activities"].as_array().expect("activities");
                assert!(bytes.len() < LARGEST_PAGE + 200 || activities.len() == 1);
                assert_eq!(set["unknown"], 1.5);
                seen.extend(
                    activities.iter().map(|activity| activity["text"].as_str().expect("words").to_owned()),
                );
                given = set["watermark"].as_str().map(str::to_owned);
                if is_last {
                    break;
                }
            }
            assert_eq!(seen, texts);
            let end = if handed_over { "h1.0.0.e" } else { "9" };
            assert_eq!(given.as_deref(), Some(end));
        }
    }

    #[test]
    fn a_large_batch_is_given_in_parts_whatever_its_ids_are() {
        for id in [json!(7), json!(null), json!({"a": 1})] {
            let texts: Vec<String> = (0..9).map(|at| format!("{at}{}", "x".repeat(300_000))).collect();
            let activities: Vec<Value> = texts.iter().map(|text| json!({"id": id, "text": text})).collect();
            let body = json!({"activities": activities, "watermark": "9"}).to_string();
            let (mut seen, mut given) = (vec![], None::<String>);
            while let Shown::Part { bytes, is_last } =
                Place::read(given.as_deref()).part(body.as_bytes(), false)
            {
                assert!(bytes.len() < LARGEST_PAGE + 200, "{id}");
                let set: Value = serde_json::from_slice(&bytes).expect("JSON");
                seen.extend(set["activities"].as_array().expect("activities").clone());
                given = set["watermark"].as_str().map(str::to_owned);
                if is_last {
                    break;
                }
            }
            assert_eq!(seen, activities, "{id}");
        }
    }

    #[test]
    fn a_watermark_that_says_nothing_here_is_read_from_the_start() {
        for given in ["h1.7.1.e", "h1.0.0.s", "h1.0.0.aNw", "h1.7.1.i1~s~YQ", "h1.", "h1.garbled"] {
            let place = Place::read(Some(given));
            assert_eq!((place.from.as_deref(), place.known(Some(given))), (None, None), "{given}");
        }
        for given in [None, Some(""), Some("7"), Some("H1.0.0.e")] {
            let place = Place::read(given);
            assert_eq!((place.from.as_deref(), place.known(given)), (given, given));
        }
        let inside = Inside { from: Some("7".to_owned()), shown: 2, last: "other|1".to_owned() };
        let other = Cursor { local: 0, segment: 0, upstream: Upstream::Inside(inside), typed: 0 }.write();
        let body = batch(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(Place::read(Some(&other)).part(&body, false), Shown::Elsewhere);
    }

    #[test]
    fn what_is_no_batch_goes_on_as_it_is() {
        let large = vec![b'x'; LARGEST_PAGE + 1];
        assert_eq!(Place::default().part(&large, false), Shown::Whole);
        assert_eq!(Place::default().part(b"{\"activities\":[]}", false), Shown::Whole);
    }
}
