//! What ServiceNow pushes to a user without being asked.

use super::chat::*;
use crate::{
    domain::{
        control::{Card, Control, Item as Choosable},
        inbound::{Inbound, Item, What},
    },
    session::Phase,
};

const NOTHING: [&str; 0] = [];

/// A notification as ServiceNow pushes it, with something to do about it.
fn notification(id: &str) -> Inbound {
    let approve = Choosable { label: "Approve".to_owned(), value: "yes".to_owned(), ..Choosable::default() };
    let card = Card { title: Some("News".to_owned()), actions: vec![approve], ..Card::default() };
    let item = Item { message_id: Some(id.to_owned()), ..step(What::Said(Control::Card(card))) };
    let interaction_id = Some("of the notification".to_owned());
    let whole = webhook([step(What::NewConversation), item]);
    Inbound { notifies: true, completed: true, interaction_id, ..whole }
}

#[test]
fn a_notification_is_shown_whether_or_not_a_chat_is_on_and_changes_nothing_about_it() {
    let card = |facts: &[String]| facts.len() == 1 && facts[0].starts_with("virtual agent: Card");
    let mut chat = Chat::with_ana();
    let live = chat.hears(notification("m1"));
    assert!(card(&live) && live[0].contains(r#"value: "yes""#), "{live:?}");
    assert_eq!(chat.agent(), Some("Ana"));
    chat.hears(completed());
    let after = chat.hears(notification("m2"));
    assert!(
        card(&after) && after[0].contains("Approve") && !after[0].contains(r#"value: "yes""#),
        "{after:?}"
    );
    chat.on(bot_returned());
    assert!(card(&chat.hears(notification("m3"))), "while the bot speaks");
    assert_eq!(chat.state.phase, Phase::Bot);
    assert!(!chat.state.is_open());
    chat.on(escalation(1));
    assert!(card(&chat.hears_for(1, notification("m4"))), "under the name of an older chat");
    assert_eq!(chat.hears_for(1, notification("m4")), NOTHING, "once");
    assert_eq!(chat.hears_for(3, notification("m5")), NOTHING, "of a chat that never was");
    assert_eq!(chat.hears_for(0, notification("m6")), NOTHING);
}
