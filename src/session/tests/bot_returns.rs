//! What follows a live chat: the bot in a conversation of ours, with a token of its own, or nothing.

use super::chat::*;
use crate::session::{Command, Phase};

#[test]
fn the_bot_returns_only_when_it_is_expected() {
    let returned = |instead_of| Command::BotReturned {
        conversation: "fresh".to_owned(),
        token: Some(("Bearer fresh".to_owned(), START.plus_millis(1_800_000))),
        instead_of,
    };
    let mut chat = Chat::new();
    assert_eq!(chat.on(returned(None)), Vec::<String>::new(), "the bot is there");
    chat.on(escalation(0));
    assert_eq!(chat.on(returned(None)), Vec::<String>::new(), "a person was asked for");
    assert_eq!(chat.on(returned(Some(0))), Vec::<String>::new(), "a person was asked for");
    chat.on(Command::UserEnded);
    assert_eq!(chat.on(returned(Some(0))), Vec::<String>::new(), "no conversation is to be replaced");
    assert_eq!(chat.on(returned(None)), ["bot returned in fresh"]);
    assert_eq!(chat.on(returned(None)), Vec::<String>::new(), "another instance was faster");
    assert_eq!(chat.on(returned(Some(0))), Vec::<String>::new(), "a stretch that is over");
    assert_eq!(chat.on(returned(Some(1))), ["bot returned in fresh"], "its conversation was gone");
    assert_eq!(chat.on(returned(Some(1))), Vec::<String>::new(), "replaced already");
    assert_eq!(chat.state.segments.len(), 3);
}

#[test]
fn a_bots_token_is_renewed_while_it_speaks() {
    let renewed = |name: &str, until| Command::BotTokenRenewed {
        conversation: "fresh".to_owned(),
        token: (format!("Bearer {name}"), START.plus_millis(until)),
    };
    let mut chat = Chat::with_ana();
    assert_eq!(chat.on(renewed("a", 1)), Vec::<String>::new());
    chat.hears(completed());
    assert_eq!(chat.on(renewed("b", 2)), Vec::<String>::new());
    chat.on(bot_returned());
    assert_eq!(chat.on(renewed("c", 3)), ["bot token renewed"]);
    let segment = chat.state.segment().expect("the fresh one");
    assert_eq!(segment.token, Some(("Bearer c".to_owned(), START.plus_millis(3))));
    assert_eq!(chat.state.segments[0].token, None);
}

#[test]
fn a_token_of_a_conversation_that_was_replaced_meanwhile_is_not_taken_for_its_successors() {
    let mut chat = Chat::with_ana();
    chat.hears(completed());
    chat.on(bot_returned());
    let renewed = |conversation: &str| Command::BotTokenRenewed {
        conversation: conversation.to_owned(),
        token: ("Bearer late".to_owned(), START.plus_millis(9)),
    };
    let replaced =
        Command::BotReturned { conversation: "successor".to_owned(), token: None, instead_of: Some(1) };
    chat.on(replaced);
    assert_eq!(chat.on(renewed("fresh")), Vec::<String>::new());
    assert_eq!(chat.state.segment().and_then(|segment| segment.token.clone()), None);
    assert_eq!(chat.on(renewed("successor")), ["bot token renewed"]);
}

#[test]
fn after_a_chat_the_conversation_is_over_where_the_settings_say_so() {
    let mut chat = Chat::with_ana();
    chat.policy.back_to_bot = false;
    assert_eq!(chat.hears(completed()), ["ended ByAgent", "notice: ByAgent", "over"]);
    assert_eq!(chat.state.phase, Phase::Over);
    assert!(!chat.state.is_open());
    for event in [
        says("hello?"),
        escalation(0),
        bot_returned(),
        Command::UserEnded,
        Command::UserTyping,
        Command::Tick { typed: None },
        heard(1, completed()),
    ] {
        assert_eq!(chat.on(event.clone()), Vec::<String>::new(), "{event:?}");
    }
}
