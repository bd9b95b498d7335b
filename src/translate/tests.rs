//! What holds for every message and every answer, whatever is in them.

use std::time::Duration;

use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use url::Url;

use self::generated::{ACTIONS, KINDS, any_json, choice, element};
use super::{
    activity::{RenderContext, Rendered, render},
    answer::answer,
    markdown,
    virtual_agent::{Inbound, What, inbound},
};
use crate::{
    domain::control::{Choice, ChoiceLook, Control, Item, Mask, Moment, MomentKind, MultiPart, TextInput},
    wire::{activity::Activity, virtual_agent::response::Response},
};

mod answers;
mod generated;

/// What this thread has had; what a machine that is busy lets it wait does not count.
pub fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn every_readable_text_reaches_the_user_in_order(elements in prop::collection::vec(element(), 0..6)) {
        let mut expected = Vec::new();
        let body = elements.iter().enumerate().map(|(at, element)| element.build(at, &mut expected));
        let body = body.collect::<Vec<_>>();
        let seen = each_shown(&read(&json!({"body": body})));
        let mut from = 0;
        for (element, words) in body.iter().zip(&expected) {
            // Each element is a message of its own: all its words stand in one, behind those before it.
            let whole = |item: &String| words.iter().all(|word| item.contains(word.as_str()));
            let found = seen[from..].iter().position(whole);
            prop_assert!(words.is_empty() || found.is_some(), "{:?} of {} is not in {:?}", words, element, seen);
            from += if words.is_empty() { 0 } else { found.unwrap_or(0) + 1 };
        }
    }

    #[test]
    fn words_of_every_action_message_reach_the_user(
        action in prop::sample::select(ACTIONS.to_vec()), suffix: bool, wrapped: bool, steps in 0_usize..4,
    ) {
        let kind = if suffix { format!("{action}ActionMsg") } else { action.to_owned() };
        let progress = (0..steps).map(|step| json!({"message": format!("qstep{step}z")})).collect::<Vec<_>>();
        let mut message = json!({"uiType": "ActionMsg", "actionType": kind, "message": "qwordz",
            "progressMessages": progress});
        if wrapped {
            message = json!({"uiType": "ActionRichControl", "actionMsg": message});
        }
        let shown = all_shown(&read(&json!({"body": [message]})));
        // A loader shows its steps.
        prop_assert!(action == "DynamicLoader" || shown.contains("qwordz"), "{} {}", action, shown);
        for step in 0..steps {
            let there = shown.find(&format!("qstep{step}z"));
            prop_assert!(there.is_some(), "step {} of {} in {}", step, action, shown);
        }
    }

    #[test]
    fn json_of_any_shape_is_translated_and_shown_without_panic(json in any_json()) {
        all_shown(&read(&json));
        all_shown(&read(&json!({"body": json})));
        for kind in KINDS {
            let mut element = json.as_object().cloned().unwrap_or_default();
            element.insert("uiType".to_owned(), kind.into());
            for action in ACTIONS {
                element.insert("actionType".to_owned(), action.into());
                all_shown(&read(&json!({"body": [element]})));
            }
        }
    }

    #[test]
    fn any_choice_that_is_clicked_or_said_is_answered_with_its_value(choice in choice(), several: bool) {
        let control = Control::Choice(Choice { several, ..choice.clone() });
        let rendered = shown(&control);
        let clicked = clicks(&rendered);
        for Item { label, value, description: _, image: _ } in &choice.items {
            let found = clicked.iter().find(|click| click.label == *label);
            prop_assert!(found.is_some(), "{} can't be chosen", label);
            let meant = found.map(|click| answer(&click.activity, Some(&control))).unwrap_or_default();
            prop_assert_eq!((&meant.text, meant.typed, meant.secure), (value, false, false));
            let said = answer(&text(label), Some(&control));
            prop_assert_eq!((&said.text, said.typed), (value, false));
        }
        let skip = clicked.iter().find(|click| click.label == "Skip");
        prop_assert_eq!(skip.is_some(), choice.optional);
        if let Some(click) = skip {
            prop_assert_eq!(&answer(&click.activity, Some(&control)).text, "_skip_");
        }
    }

    #[test]
    fn any_date_and_time_is_answered_in_service_nows_form(
        year in 1900..2200, month in 1..=12, day in 1..=28, hour in 0..24, minute in 0..60, optional: bool,
    ) {
        let (date, time) = (format!("{year}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}"));
        for (kind, expected) in [
            (MomentKind::Date, date.clone()),
            (MomentKind::Time, format!("{time}:00")),
            (MomentKind::DateTime, format!("{date} {time}:00")),
        ] {
            let control = Control::Moment(Moment { kind, prompt: None, optional });
            let card = &shown(&control).attachments[0]["content"];
            let mut value = card["actions"][0]["data"].clone();
            for input in card["body"].as_array().expect("inputs") {
                let filled = if input["type"] == "Input.Date" { &date } else { &time };
                value[input["id"].as_str().expect("an id")] = json!(filled);
            }
            prop_assert_eq!(answer(&submit(&value), Some(&control)).text, expected);
        }
    }

    #[test]
    fn any_secret_is_taken_whole_and_kept_secret(secret in ".{1,30}", sensitive: bool) {
        prop_assume!(!secret.trim().is_empty() && secret != "_skip_");
        let mask = if sensitive { Mask::Sensitive } else { Mask::Secure };
        let control = Control::TextInput(TextInput { mask, ..TextInput::default() });
        let mut value = shown(&control).attachments[0]["content"]["actions"][0]["data"].clone();
        value["answer"] = json!(secret);
        let meant = answer(&submit(&value), Some(&control));
        prop_assert_eq!((&meant.text, meant.secure, meant.nothing), (&secret, true, false));
    }

    #[test]
    fn the_next_of_several_parts_is_always_asked_for_by_the_documented_word(label in "[A-Za-z ]{1,12}") {
        prop_assume!(!label.trim().is_empty());
        let part = Box::new(Control::Text { text: "one".to_owned() });
        let control = Control::MultiPart(MultiPart { heading: None, part, more_label: Some(label), last: false });
        for click in clicks(&shown(&control)) {
            prop_assert_eq!(answer(&click.activity, Some(&control)).text, "click_for_more");
            prop_assert_eq!(answer(&text(&click.label), Some(&control)).text, "click_for_more");
        }
    }
}

/// What a field is that should be a string.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Text,
    Object,
    List,
}

/// Something the user can press, and what their client posts then.
struct Click {
    label: String,
    activity: Activity,
}

/// Everything that can be pressed in what is shown; a list counts as one click for each of its choices.
fn clicks(rendered: &Rendered) -> Vec<Click> {
    let mut found = Vec::new();
    let mut actions = Vec::new();
    for attachment in &rendered.attachments {
        actions.extend(list(&attachment["content"]["buttons"]));
        let submits = list(&attachment["content"]["actions"]);
        for input in list(&attachment["content"]["body"]) {
            let title = if input["isMultiSelect"] == true { ticked } else { words };
            for choice in list(&input["choices"]) {
                let mut value = submits[0]["data"].clone();
                value["answer"] = choice["value"].clone();
                found.push(Click { label: title(&choice["title"]), activity: submit(&value) });
            }
        }
        let fixed = submits.iter().filter(|action| action["associatedInputs"] == "none");
        found.extend(
            fixed.map(|action| Click { label: words(&action["title"]), activity: submit(&action["data"]) }),
        );
    }
    found.extend(actions.iter().map(|action| {
        let posted = json!({"type": "message", "text": action["text"], "value": action["value"]});
        Click {
            label: words(&action["title"]),
            activity: serde_json::from_value(posted).expect("an activity"),
        }
    }));
    found
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A title as it is read where it is ticked.
fn ticked(value: &Value) -> String {
    markdown::to_plain(&words(value))
}

fn submit(value: &Value) -> Activity {
    let posted = json!({"type": "message", "value": value, "channelData": {"postBack": true}});
    serde_json::from_value(posted).expect("an activity")
}

fn text(text: &str) -> Activity {
    Activity { kind: "message".to_owned(), text: Some(text.to_owned()), ..Activity::default() }
}

fn read(value: &Value) -> Inbound {
    inbound(Response::parse(value.to_string().as_bytes()).expect("JSON"))
}

fn shown(control: &Control) -> Rendered {
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    render(control, &RenderContext::unlinked(&instance))
}

fn all_shown(inbound: &Inbound) -> String {
    each_shown(inbound).join("\n")
}

/// All that people see of a message, item by item.
fn each_shown(inbound: &Inbound) -> Vec<String> {
    let shown = inbound.items.iter().map(|item| match &item.what {
        What::Said(control) => {
            let Rendered { text, attachments, .. } = shown(control);
            format!("{text:?} {}", Value::from(attachments))
        }
        What::System(text) | What::Waiting(text) => text.clone(),
        What::Progress { key: _, header, steps } => {
            let steps = steps.iter().map(|step| step.text.as_str());
            header.iter().map(|header| header.text.as_str()).chain(steps).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    });
    shown.collect()
}
