//! What the user enters into the password inputs of the agent's cards: it is for the agent, and for nobody else.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::Value;

use super::{answer::is_click, escalation::is_user, takeover::SET_BY_SERVER};
use crate::{
    domain::MASKED,
    wire::{activity::Activity, json},
};

/// The ids of password inputs.
pub type Inputs = BTreeSet<String>;

/// What was entered, without the blanks around it.
pub type Entered = BTreeSet<String>;

/// Whether an input of a card hides what is entered.
pub(super) fn is_password(input: &Value) -> bool {
    let style = input.get("style").and_then(Value::as_str);
    style.is_some_and(|style| style.eq_ignore_ascii_case("password"))
}

/// More inputs no agent has, and no longer names: they are kept with the conversation.
const MOST: usize = 1_000;
const LONGEST: usize = 256;
/// Words that are looked for within texts.
const SOUGHT: usize = 64;

/// The password inputs of the agent's cards, however deep they stand there.
pub fn inputs<'a>(shown: impl IntoIterator<Item = &'a Activity>) -> Inputs {
    let is_users = |activity: &Activity| activity.from.as_ref().is_some_and(is_user);
    let shown = shown.into_iter().filter(|activity| activity.kind == "message" && !is_users(activity));
    let mut found = Inputs::new();
    shown.flat_map(|activity| activity.attachments.iter().flatten()).for_each(|card| find(card, &mut found));
    found
}

fn find(part: &Value, found: &mut Inputs) {
    match part {
        Value::Array(parts) => parts.iter().for_each(|part| find(part, found)),
        Value::Object(fields) => {
            let id = part.get("id").and_then(Value::as_str).filter(|id| id.len() <= LONGEST);
            found.extend(id.filter(|_| is_password(part) && found.len() < MOST).map(str::to_owned));
            fields.values().for_each(|part| find(part, found));
        }
        Value::String(text) => {
            if let Some(card) = json::packed(text) {
                find(&card.value, found);
            }
        }
        _ => {}
    }
}

/// What was entered into these inputs. Cards of ours have inputs of their own.
pub fn entered<'a>(said: impl IntoIterator<Item = &'a Activity>, inputs: &Inputs) -> Entered {
    let mut words = Entered::new();
    let messages = said.into_iter().filter(|activity| !inputs.is_empty() && activity.kind == "message");
    for activity in messages.filter(|activity| !is_click(activity)) {
        let text = activity.text.as_deref().map(Value::from);
        activity.value.iter().chain(&text).for_each(|value| collect(value, inputs, false, &mut words));
    }
    words
}

/// All that a value says.
pub fn words(value: &Value) -> Entered {
    let mut words = Entered::new();
    collect(value, &Inputs::new(), true, &mut words);
    words
}

fn collect(value: &Value, inputs: &Inputs, within: bool, words: &mut Entered) {
    match value {
        Value::String(text) if within => {
            words.extend(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
        }
        Value::Number(number) if within => words.extend([number.to_string()]),
        Value::String(text) => {
            let read = json::packed(text);
            if let Some(read) = &read {
                collect(&read.value, inputs, false, words);
            }
            if read.is_none_or(|read| read.lost > 0) && may_hold(text, inputs) {
                words.insert(text.trim().to_owned());
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, inputs, within, words)),
        Value::Object(fields) => {
            fields.iter().for_each(|(id, value)| {
                collect(value, inputs, within || inputs.contains(id), words);
            });
        }
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Whether a text that can't be read whole looks like what was entered into one of these inputs: then all of it is.
fn may_hold(text: &str, inputs: &Inputs) -> bool {
    let is_object = text.trim_start_matches(|sign| sign == '[' || json::is_blank(sign)).starts_with('{');
    is_object && inputs.iter().any(|id| text.contains(&**id))
}

/// A message with dots where something was entered into one of these inputs.
pub fn hidden<'a>(activity: &'a Activity, inputs: &Inputs) -> Cow<'a, Activity> {
    let words = entered([activity], inputs);
    if words.is_empty() { Cow::Borrowed(activity) } else { Cow::Owned(without(activity, &words)) }
}

/// Activities without these words.
pub fn all_without<'a>(activities: &'a [Activity], words: &Entered) -> Cow<'a, [Activity]> {
    if words.is_empty() {
        return Cow::Borrowed(activities);
    }
    activities.iter().map(|activity| without(activity, words)).collect()
}

/// An activity with dots for these words in what it says, as a whole and within a text, and without what else repeats them.
pub fn without(activity: &Activity, words: &Entered) -> Activity {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(activity) else { return Activity::default() };
    fields.retain(|name, field| match name.as_str() {
        "text" | "value" | "speak" => {
            cover(field, words);
            true
        }
        name => SET_BY_SERVER.contains(&name) || forget(field, words),
    });
    fields.into()
}

fn cover(value: &mut Value, words: &Entered) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| cover(value, words)),
        Value::Object(fields) => fields.values_mut().for_each(|value| cover(value, words)),
        leaf if is_one(leaf, words) => *leaf = MASKED.into(),
        Value::String(text) => match json::packed(text) {
            Some(json::Read { mut value, .. }) => {
                cover(&mut value, words);
                *text = value.to_string();
            }
            None => {
                words.iter().filter(|word| is_telling(word)).take(SOUGHT).for_each(|word| blot(text, word))
            }
        },
        _ => {}
    }
}

/// Shorter words stand in many a text.
fn is_telling(word: &str) -> bool {
    word.chars().nth(2).is_some()
}

/// Puts dots where a word stands in a text by itself.
fn blot(text: &mut String, word: &str) {
    let joins = |one: Option<char>, other: Option<char>| {
        one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
    };
    let alone = |at: &usize| {
        let (before, behind) = (&text[..*at], &text[at + word.len()..]);
        !joins(before.chars().next_back(), word.chars().next())
            && !joins(word.chars().next_back(), behind.chars().next())
    };
    let found = text.match_indices(word).map(|(at, _)| at).filter(alone);
    let found: Vec<usize> = found.collect();
    if found.is_empty() {
        return;
    }
    let (mut blotted, mut from) = (String::with_capacity(text.len()), 0);
    for at in found {
        blotted.push_str(&text[from..at]);
        blotted.push_str(MASKED);
        from = at + word.len();
    }
    blotted.push_str(&text[from..]);
    *text = blotted;
}

/// Takes the words out of a value; whether any of it may stay.
fn forget(value: &mut Value, words: &Entered) -> bool {
    match value {
        Value::Array(list) => list.retain_mut(|value| forget(value, words)),
        Value::Object(fields) => fields.retain(|name, value| match name.as_str() {
            "content" => {
                cover(value, words);
                true
            }
            _ => forget(value, words),
        }),
        leaf => return !is_one(leaf, words),
    }
    true
}

fn is_one(leaf: &Value, words: &Entered) -> bool {
    match leaf {
        Value::String(text) => words.contains(text.trim()),
        Value::Number(number) => words.contains(&number.to_string()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(fields: Value) -> Activity {
        let activity = Activity::from_value(fields).expect("an activity");
        Activity { kind: "message".to_owned(), ..activity }
    }

    fn ids(ids: &[&str]) -> Inputs {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_password_input_is_found_wherever_it_stands_in_a_card_of_the_agents() {
        let input = json!({"type": "Input.Text", "id": "pin", "style": "Password"});
        let bot = json!({"id": "b", "role": "bot"});
        for content in [
            json!({"type": "AdaptiveCard", "body": [input]}),
            json!({"body": [{"type": "Container", "items": [{"type": "ColumnSet", "columns": [{"items": [input]}]}]}]}),
            json!({"actions": [{"type": "Action.ShowCard", "card": {"body": [input]}}]}),
            json!({"body": [{"type": "Unknown", "fallback": {"type": "Container", "items": [input]}}]}),
            json!({"type": "AdaptiveCard", "body": [input]}).to_string().into(),
            format!(r#" {{"body":[{input}],"fallbackText":"cut \ud83d","n":1e400}}"#).into(),
            format!("\u{feff}{}", json!({"body": [input]})).into(),
        ] {
            let attachments = json!([{"name": "x"}, {"content": content}]);
            let shown = message(json!({"from": bot, "attachments": attachments}));
            assert_eq!(inputs([&shown]), ids(&["pin"]), "{content}");
            let users = message(json!({"from": {"id": "u", "role": "user"}, "attachments": attachments}));
            assert_eq!(inputs([&users]), ids(&[]), "the user shows no cards");
        }
        let plain = json!([{"content": {"body": [{"type": "Input.Text", "id": "pin", "style": "tel"}]}}]);
        assert_eq!(inputs([&message(json!({"from": bot, "attachments": plain}))]), ids(&[]));
    }

    #[test]
    fn what_was_entered_is_dots_and_repeated_nowhere() {
        for said in [
            json!({"value": {"pin": "hunter2", "name": "Dana"}}),
            json!({"value": {"action": {"data": {"pin": " hunter2 ", "again": "hunter2"}}}}),
            json!({"value": {"pin": {"typed": ["hunter2"]}}}),
            json!({"value": "{\"pin\":\"hunter2\"}"}),
            json!({"text": "{\"pin\":\"hunter2\"}"}),
            json!({"text": r#"{"pin":"hunter2","note":"cut \ud83d"}"#}),
            json!({"value": r#"{"pin":"hunter2","note":"cut \ud83d"}"#}),
            json!({"value": "\u{feff}{\"pin\":\"hunter2\"}"}),
            json!({"value": r#"{"pin":"hunter2","note":1e400}"#, "text": "hunter2"}),
            json!({"value": json!(r#"{"pin":"hunter2"}"#).to_string()}),
            json!({"value": {"data": format!(r#"{{"pin":{}"hunter2"{}}}"#, "[".repeat(200), "]".repeat(200))}}),
            json!({"text": r#" [{"pin":"hunter2","note":"cut"#}),
            json!({"text": "hunter2", "value": {"pin": "hunter2"}, "locale": "hunter2"}),
            json!({"value": {"pin": "hunter2"}, "from": {"id": "u", "name": "hunter2"}, "summary": "hunter2"}),
            json!({"value": {"pin": "hunter2"}, "channelData": {"clientActivityID": "hunter2", "postBack": true}}),
            json!({"value": {"pin": 4711}, "text": "4711"}),
        ] {
            let (said, inputs) = (message(said), ids(&["pin"]));
            let shown = serde_json::to_string(&*hidden(&said, &inputs)).expect("JSON");
            assert!(
                shown.contains(MASKED) && !shown.contains("hunter2") && !shown.contains("4711"),
                "{shown}"
            );
        }
    }

    #[test]
    fn who_repeats_it_is_not_told_either_and_a_part_of_another_word_is_none() {
        let words = ["4711", "7"].map(str::to_owned).into();
        for (said, told) in [
            ("Noted: pin=4711, thanks. 4711", "Noted: pin=••••••••, thanks. ••••••••"),
            ("INC0047110 and 47111, 7 in all", "INC0047110 and 47111, 7 in all"),
            ("7", "••••••••"),
        ] {
            let card = json!([{"contentUrl": "https://a.example/4711", "content": {"text": said}}]);
            let told_card = json!([{"contentUrl": "https://a.example/4711", "content": {"text": told}}]);
            let activity = without(&message(json!({"text": said, "attachments": card})), &words);
            assert_eq!(activity, message(json!({"text": told, "attachments": told_card})));
        }
    }

    #[test]
    fn what_was_entered_elsewhere_stays_as_it_is() {
        for said in [
            json!({"value": {"name": "Dana"}, "text": "pin"}),
            json!({"value": "{\"name\":", "text": "[urgent] my pin {is} gone"}),
            json!({"value": {"pin": " "}, "text": " "}),
            json!({"value": {"serviceNowQuestion": "one", "pin": "hunter2"}}),
        ] {
            let said = message(said);
            assert!(matches!(hidden(&said, &ids(&["pin"])), Cow::Borrowed(_)), "{said:?}");
        }
    }
}
