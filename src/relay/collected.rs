//! The activities of a turn, as Direct Line wrote them, over as many polls as it took.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use super::speakers::Glimpse;
use crate::{
    agent_turn::{LARGEST_TURN, Seen},
    wire::{
        activity::{Activity, NoSet},
        json,
    },
};

/// An ActivitySet in the making. Holds JSON text, not values: many turns wait at the same time.
#[derive(Default)]
pub struct Collected {
    /// With commas between them.
    activities: String,
    pub count: usize,
    /// JSON: a string from Direct Line, a number from other implementations.
    watermark: Option<String>,
    seen: Seen,
    /// Activities left out because an earlier poll had brought them.
    pub repeated: usize,
    pub polls: u32,
    /// Polls that brought nothing.
    pub failures: usize,
}

/// Activities and watermark of a set; of a name that stands twice, the last, as the pipe reads it.
fn parts(body: &str) -> Result<(Vec<&RawValue>, Option<&RawValue>), NoSet> {
    let whole: &RawValue = serde_json::from_str(body).map_err(|_| NoSet::NotJson)?;
    let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(whole.get());
    let mut fields = fields.map_err(|_| NoSet::NotAnObject)?;
    if !["activities", "watermark"].iter().any(|name| fields.contains_key(*name)) {
        return Err(NoSet::NoList);
    }
    let mut given = |name: &str| fields.remove(name).filter(|value| value.get() != "null");
    let activities = given("activities").map(|list| serde_json::from_str(list.get()));
    let activities = activities.transpose().map_err(|_| NoSet::NoList)?;
    Ok((activities.unwrap_or_default(), given("watermark")))
}

impl Collected {
    /// Adds what a poll brought and says what of it is new. `hand_off`: event names that mean a hand-off.
    ///
    /// Left out is only what an earlier poll has brought already. An empty body is an empty set.
    ///
    /// # Errors
    /// When the body is no ActivitySet; nothing was added then.
    pub fn take(&mut self, body: &[u8], hand_off: &[String]) -> Result<Vec<Glimpse>, NoSet> {
        let body = json::text(body);
        if body.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        let (activities, watermark) = parts(&body)?;
        let mut news = Vec::new();
        for raw in activities {
            let read =
                json::read(raw.get().as_bytes()).ok().and_then(|read| Activity::from_value(read.value));
            let glimpse = Glimpse::read(&read.unwrap_or_default(), hand_off);
            if self.seen.knows(&glimpse.alone) {
                self.repeated += 1;
                continue;
            }
            if self.count > 0 {
                self.activities.push(',');
            }
            self.activities.push_str(raw.get());
            self.count += 1;
            news.push(glimpse);
        }
        self.seen.add(news.iter().map(|glimpse| &glimpse.alone));
        if let Some(watermark) = watermark {
            self.watermark = Some(watermark.get().to_owned());
        }
        Ok(news)
    }

    /// Whether no more is waited for.
    pub fn is_full(&self) -> bool {
        self.activities.len() >= LARGEST_TURN
    }

    /// Where the next poll goes on; `None`: where this one began.
    pub fn watermark(&self) -> Option<String> {
        let raw = self.watermark.as_deref()?;
        match serde_json::from_str(raw) {
            Ok(Value::String(text)) => Some(text),
            _ => Some(raw.to_owned()),
        }
    }

    /// The whole set; `given` is the watermark the turn began at. An empty one keeps it.
    pub fn into_set(self, given: &str) -> String {
        let watermark = self.watermark.filter(|_| self.count > 0);
        let watermark = watermark.unwrap_or_else(|| Value::from(given).to_string());
        format!(r#"{{"activities":[{}],"watermark":{watermark}}}"#, self.activities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::agent_turn::Sign;

    #[test]
    fn activities_stay_as_they_were_written() {
        let strange = r#"{ "type":"message", "text":"\u00e4 1.0 \/",
            "channelData":{"n":1.50,"big":12345678901234567890123,"a":1,"a":2}, "unknown":null }"#;
        let mut collected = Collected::default();
        let body = format!(r#"{{"watermark":"7","activities":[{strange},null,3]}}"#);
        assert_eq!(collected.take(body.as_bytes(), &[]).unwrap().len(), 3);
        assert_eq!(
            collected.into_set("0"),
            format!(r#"{{"activities":[{strange},null,3],"watermark":"7"}}"#)
        );
    }

    #[test]
    fn several_polls_make_one_set_with_the_last_watermark() {
        let mut collected = Collected::default();
        for body in [
            r#"{"activities":[{"id":"a"},{"id":"b"}],"watermark":"2"}"#,
            "",
            r#"{"activities":[],"watermark":null}"#,
            r#"{"activities":[{"id":"c"}],"watermark":"3"}"#,
        ] {
            collected.take(body.as_bytes(), &[]).unwrap();
        }
        assert_eq!(collected.count, 3);
        assert_eq!(collected.watermark().as_deref(), Some("3"));
        assert_eq!(
            collected.into_set("0"),
            r#"{"activities":[{"id":"a"},{"id":"b"},{"id":"c"}],"watermark":"3"}"#
        );
    }

    #[test]
    fn left_out_is_only_what_an_earlier_poll_brought() {
        let rows = [
            (
                r#"{"id":"a","timestamp":"2026-01-01T00:00:01Z"}"#,
                r#"{"id":"a","timestamp":"2026-01-01T00:00:01Z"}"#,
                1,
            ),
            (r#"{"id":"a"}"#, r#"{"id":"a"}"#, 1),
            (
                r#"{"id":"a","timestamp":"2026-01-01T00:00:01Z"}"#,
                r#"{"id":"a","timestamp":"2026-01-01T00:00:02Z"}"#,
                2,
            ),
            (r#"{"text":"yes"}"#, r#"{"text":"yes"}"#, 2),
        ];
        for (first, second, count) in rows {
            let mut collected = Collected::default();
            for activity in [first, second] {
                let body = format!(r#"{{"activities":[{activity}]}}"#);
                collected.take(body.as_bytes(), &[]).unwrap();
            }
            assert_eq!(collected.count, count, "{first} {second}");
        }
        let mut collected = Collected::default();
        collected.take(br#"{"activities":[{"id":"a"},{"id":"a"}]}"#, &[]).unwrap();
        assert_eq!(collected.count, 2, "one answer is passed on as it is");
    }

    #[test]
    fn a_number_is_a_watermark_too() {
        let mut collected = Collected::default();
        collected.take(br#"{"activities":[{}],"watermark":12}"#, &[]).unwrap();
        assert_eq!(collected.watermark().as_deref(), Some("12"));
        assert_eq!(collected.into_set("0"), r#"{"activities":[{}],"watermark":12}"#);
    }

    #[test]
    fn without_a_watermark_the_given_one_stands() {
        let mut collected = Collected::default();
        collected.take(br#"{"activities":[]}"#, &[]).unwrap();
        assert_eq!(collected.watermark(), None);
        assert_eq!(collected.into_set(r#"a"b"#), r#"{"activities":[],"watermark":"a\"b"}"#);
        let mut passed = Collected::default();
        passed.take(br#"{"activities":[],"watermark":"7"}"#, &[]).unwrap();
        assert_eq!(passed.into_set("0"), r#"{"activities":[],"watermark":"0"}"#, "nothing was seen");
    }

    #[test]
    fn bytes_that_are_no_text_hide_no_activity() {
        let mut collected = Collected::default();
        let body = b"\xef\xbb\xbf{\"activities\":[{\"type\":\"message\",\"text\":\"\\ud83d \xff\"},{\"type\":\"trace\"}]}";
        assert_eq!(collected.take(body, &[]).unwrap().len(), 2);
        assert!(collected.into_set("0").contains("\\ufffd \u{fffd}"));
        let wide: Vec<u8> =
            r#"{"activities":[{"type":"message","text":"é"}]}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut collected = Collected::default();
        assert_eq!(collected.take(&wide, &[]).unwrap().len(), 1);
    }

    #[test]
    fn a_turn_of_a_few_megabytes_waits_for_no_more() {
        let mut collected = Collected::default();
        let body =
            format!(r#"{{"activities":[{{"text":"{}"}}],"watermark":"1"}}"#, "x".repeat(LARGEST_TURN / 2));
        for full in [false, true] {
            collected.take(body.as_bytes(), &[]).unwrap();
            assert_eq!(collected.is_full(), full);
        }
    }

    #[test]
    fn what_is_no_set_adds_nothing() {
        let mut collected = Collected::default();
        for (body, why) in [
            ("<html>", NoSet::NotJson),
            (r#"{"activities":[{"id":"a"}"#, NoSet::NotJson),
            ("[1]", NoSet::NotAnObject),
            ("\"x\"", NoSet::NotAnObject),
            ("{}", NoSet::NoList),
            (r#"{"error":{"code":"BotError"}}"#, NoSet::NoList),
            (r#"{"activities":"none"}"#, NoSet::NoList),
            (r#"{"activities":{"0":{}}}"#, NoSet::NoList),
        ] {
            assert_eq!(collected.take(body.as_bytes(), &[]), Err(why), "{body}");
        }
        assert_eq!(collected.count, 0);
    }

    #[test]
    fn of_a_name_that_stands_twice_the_last_counts() {
        let mut collected = Collected::default();
        let body = br#"{"activities":[],"watermark":"1","activities":[{"id":"a"}],"watermark":"2"}"#;
        assert_eq!(collected.take(body, &[]).unwrap().len(), 1);
        assert_eq!(collected.into_set("0"), r#"{"activities":[{"id":"a"}],"watermark":"2"}"#);
    }

    #[test]
    fn the_news_are_told_in_order() {
        let mut collected = Collected::default();
        let body = br#"{"activities":[{"type":"message"},{"type":"trace"},{"type":"message","from":{"role":"user"}}]}"#;
        let signs: Vec<_> =
            collected.take(body, &[]).unwrap().into_iter().map(|one| one.alone.sign).collect();
        assert_eq!(signs, [Sign::Speech { asks: false }, Sign::Noise, Sign::Echo { words: true }]);
    }
}
