//! Whatever is asked and whatever the user does about it, ServiceNow gets something it documents.

use super::*;
use crate::{
    domain::{
        ConversationId, SessionId, Timestamp, User,
        control::{Card, Upload},
    },
    ledger::{CallId, Queued},
    session::{Call, ChatCall, ToAgent},
    translate::{answer::Answer, request},
    wire::virtual_agent::request::{Action, Message, Request},
};

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn any_press_on_any_control_is_a_documented_answer(element in element(), said in ".{0,20}") {
        let inbound = read(&json!({"body": [element.build(0, &mut Vec::new())]}));
        for control in inbound.items.iter().filter_map(|item| match &item.what {
            What::Said(control) => Some(control),
            _ => None,
        }) {
            for click in clicks(&shown(control)) {
                let meant = answer(&click.activity, Some(control));
                // A card with an input that was left empty says nothing.
                if !meant.nothing {
                    prop_assert!(may_be_said(control, &meant), "{} means {}", click.label, meant.text);
                    documented(&meant)?;
                }
            }
            let meant = answer(&text(&said), Some(control));
            prop_assert_eq!(meant.nothing, said.trim().is_empty(), "{}", said);
            if !meant.nothing {
                prop_assert!(meant.typed || may_be_said(control, &meant), "{} means {}", said, meant.text);
                documented(&meant)?;
            }
        }
    }

    #[test]
    fn several_choices_are_told_by_their_values_and_commas(choice in choice(), mask in any::<u32>()) {
        let items: Vec<Item> = choice.items.iter().enumerate().map(|(at, item)| Item { value: format!("v{at}"), ..item.clone() }).collect();
        let control = Control::Choice(Choice { several: true, items: items.clone(), ..choice });
        let chosen: Vec<&Item> = items.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, item)| item).collect();
        prop_assume!(!chosen.is_empty());
        let values = chosen.iter().map(|item| item.value.as_str()).collect::<Vec<_>>().join(",");
        let rendered = shown(&control);
        let card = &rendered.attachments.last().expect("a card")["content"];
        let mut value = card["actions"][0]["data"].clone();
        value["answer"] = json!(values);
        let labels = chosen.iter().map(|item| item.label.as_str()).collect::<Vec<_>>().join(", ");
        for activity in [submit(&value), text(&labels)] {
            let meant = answer(&activity, Some(&control));
            prop_assert_eq!((meant.text.as_str(), meant.typed), (values.as_str(), false));
        }
    }

    #[test]
    fn free_words_go_out_as_they_are_and_what_is_optional_is_skipped(words in "[ -~äöü]{1,40}", optional: bool) {
        prop_assume!(!words.trim().is_empty() && !words.trim().eq_ignore_ascii_case("skip"));
        for control in [
            Control::TextInput(TextInput { prompt: None, mask: Mask::None, optional, hides: None }),
            Control::Upload(Upload { optional, ..Upload::default() }),
            Control::Card(Card::default()),
        ] {
            let meant = answer(&text(&words), Some(&control));
            prop_assert_eq!((&meant.text, meant.typed, meant.secure), (&words, true, false));
            let skip = clicks(&shown(&control)).into_iter().find(|click| click.label == "Skip");
            let asks = control.asks();
            prop_assert_eq!(skip.is_some(), asks && optional);
            if let Some(click) = skip {
                for activity in [&click.activity, &text("skip")] {
                    let meant = answer(activity, Some(&control));
                    prop_assert_eq!((meant.text.as_str(), meant.typed), ("_skip_", false));
                }
            }
        }
    }
}

/// Whether a chosen answer is one that the control can have.
fn may_be_said(control: &Control, meant: &Answer) -> bool {
    let item = |items: &[Item], text: &str| items.iter().any(|item| item.value == text);
    let said = meant.text.as_str();
    match control {
        Control::Choice(choice) => {
            let Choice { several, optional, .. } = choice;
            let items = choice.offered();
            item(&items, said)
                || *optional && said == "_skip_"
                || *several && said.split(',').all(|part| items.iter().any(|item| item.value.contains(part)))
        }
        Control::Card(card) => item(&card.actions, said),
        Control::MultiPart(multi) => said == "click_for_more" || may_be_said(&multi.part, meant),
        Control::TextInput(TextInput { optional, .. }) | Control::Upload(Upload { optional, .. }) => {
            *optional && said == "_skip_"
        }
        Control::Moment(Moment { optional, .. }) => {
            *optional && said == "_skip_" || said.bytes().all(|b| b.is_ascii_digit() || b"-: ".contains(&b))
        }
        _ => false,
    }
}

/// The message as ServiceNow gets it has the documented keys and types, and reads back as it was meant.
fn documented(meant: &Answer) -> Result<(), TestCaseError> {
    let message =
        ToAgent { text: meant.text.clone(), typed: meant.typed, attachments: vec![], whisper: None };
    let conversation = ConversationId::parse("c").expect("an id");
    let session = SessionId { conversation, chat: 1 };
    let id = request::request_id(&session, CallId(1, 0));
    let user = User { id: "u".to_owned(), ..User::default() };
    let (text, typed) = (message.text.clone(), message.typed);
    let call = ChatCall { chat: 1, what: Call::Say(Box::new(message)) };
    let queued = Queued::new(CallId(1, 0), call, Timestamp(1_790_000_000_000));
    let made = request::request(&queued, &session, &user);
    let bytes = made.to_bytes();
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    prop_assert_eq!(&body["message"], &json!({"text": text, "typed": typed, "clientMessageId": id}));
    let read = Request::parse(&bytes).expect("a request");
    let message = Message { text, typed, client_message_id: Some(id), attachments: vec![] };
    prop_assert_eq!(read.action, Action::Message(message));
    Ok(())
}
