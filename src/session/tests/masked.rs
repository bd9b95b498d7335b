//! Questions whose answer is never stored.

use super::chat::*;
use crate::{
    domain::control::{Choice, Control, Mask, TextInput},
    ledger::{Outcome, Why},
    session::Command,
};

fn question() -> Control {
    Control::Choice(Choice { prompt: Some("Which one?".to_owned()), ..Choice::default() })
}

#[test]
fn a_masked_answer_is_a_call_like_any_other_and_its_words_are_in_no_fact() {
    let mut chat = Chat::with_ana();
    let at = chat.position();
    chat.hears(webhook([shows("m1", question())]));
    assert_eq!(chat.on(whispers("c1", Some(at), "x")), ["user: "]);
    assert_eq!(chat.state.questions.open(), []);
    assert_eq!(chat.on(whispers("c1", Some(at), "x")), NOTHING, "known by its id");
    assert_eq!(chat.deliver(), ["say "]);
    assert!(chat.state.whispered_as("x", chat.now, false).is_some(), "a double click is known by its words");
    chat.wait(10_000);
    assert_eq!(chat.state.whispered_as("x", chat.now, true), None, "it may be meant for another question");
    chat.wait(19_999);
    assert!(
        chat.state.whispered_as("x", chat.now, false).is_some(),
        "and so is one that is made again while the store fails"
    );
    chat.wait(1);
    assert_eq!(chat.state.whispered_as("x", chat.now, false), None, "not for ever");
    chat.wait(-3_600_000);
    assert!(
        chat.state.whispered_as("x", chat.now, false).is_some(),
        "a clock that was set back lets no second click be stored"
    );
}

#[test]
fn a_masked_answer_that_got_lost_leaves_its_question_open_and_is_asked_for_again() {
    for why in [Why::WordsGone, Why::Unreachable, Why::MayHaveArrived, Why::Refused] {
        let mut chat = Chat::with_ana();
        let at = chat.position();
        chat.hears(webhook([shows("m1", question())]));
        chat.on(whispers("c1", Some(at), "x"));
        let call = chat.lease().expect("due");
        let facts = chat.settles(call, Outcome::GivenUp(why));
        assert_eq!(facts[1..], ["notice: enter again"], "{why:?}");
        assert_eq!(chat.state.questions.open(), [(at, question())]);
        assert_eq!(chat.on(whispers("c2", Some(at), "x")), ["user: "], "the same words again");
        assert_eq!(chat.deliver(), ["say "]);
    }
}

#[test]
fn what_is_typed_right_behind_an_end_that_the_user_has_not_made_may_answer_a_masked_question() {
    enum Asked {
        Nothing,
        Unanswered,
        OnItsWay,
        Answered,
    }
    for (asked, end, may_answer) in [
        (Asked::Unanswered, heard(1, completed()), true),
        (Asked::OnItsWay, heard(1, completed()), false),
        (Asked::Answered, heard(1, completed()), false),
        (Asked::Nothing, heard(1, completed()), false),
        (Asked::Unanswered, Command::UserEnded, false),
        (Asked::OnItsWay, Command::UserEnded, false),
    ] {
        let mut chat = Chat::with_ana();
        let at = chat.position();
        if !matches!(asked, Asked::Nothing) {
            let masked = Control::TextInput(TextInput { mask: Mask::Secure, ..TextInput::default() });
            chat.hears(webhook([shows("m1", masked)]));
        }
        if matches!(asked, Asked::OnItsWay | Asked::Answered) {
            chat.on(whispers("c1", Some(at), "x"));
        }
        match asked {
            Asked::OnItsWay => drop(chat.lease()),
            Asked::Answered => drop(chat.deliver()),
            Asked::Nothing | Asked::Unanswered => {}
        }
        chat.on(end);
        chat.on(bot_returned());
        assert_eq!(chat.state.questions.closed_in_secret(chat.now).is_some(), may_answer);
        chat.wait(10_000);
        assert_eq!(chat.state.questions.closed_in_secret(chat.now), None, "by then the end has been shown");
    }
}

#[test]
fn a_masked_answer_may_be_corrected_while_it_is_on_its_way_and_nothing_else_is_asked() {
    let asked = || {
        let mut chat = Chat::with_ana();
        let at = chat.position();
        chat.hears(webhook([shows("m1", question())]));
        assert_eq!(chat.state.questions.corrected(), None, "it has no answer yet");
        chat.on(whispers("c1", Some(at), "x"));
        (chat, at)
    };
    let (mut chat, at) = asked();
    assert_eq!(chat.state.questions.corrected(), Some(at));
    assert_eq!(chat.on(whispers("c2", Some(at), "x")), NOTHING, "a double click is none");
    assert_eq!(chat.on(whispers("c3", Some(at), "y")), ["user: "]);
    assert_eq!(chat.deliver(), ["say ", "say "]);
    assert_eq!(chat.state.questions.corrected(), None);
    assert_eq!(chat.on(whispers("c4", Some(at), "z")), ["user: -", "notice: answered before"]);
    let (mut chat, _) = asked();
    chat.hears(webhook([agent("m2", "One moment.")]));
    assert!(chat.state.questions.corrected().is_some(), "words ask nothing");
    chat.hears(webhook([shows("m3", question())]));
    assert_eq!(chat.state.questions.corrected(), None, "words are for what is asked now");
}

#[test]
fn a_masked_question_is_open_again_when_its_last_answer_got_lost() {
    let (nothing, again): (&[&str], &[&str]) = (&[], &["notice: enter again"]);
    for (lost, told) in [([true, false], nothing), ([false, true], again), ([true; 2], again)] {
        let mut chat = Chat::with_ana();
        let at = chat.position();
        chat.hears(webhook([shows("m1", question())]));
        chat.on(whispers("c1", Some(at), "x"));
        chat.on(whispers("c2", Some(at), "y"));
        for (lost, told) in lost.into_iter().zip([nothing, told]) {
            let call = chat.lease().expect("due");
            let outcome = if lost { Outcome::GivenUp(Why::WordsGone) } else { Outcome::Done(None) };
            assert_eq!(chat.settles(call, outcome)[1..], *told, "corrected, nothing is lost");
        }
        let open = if lost[1] { vec![(at, question())] } else { vec![] };
        assert_eq!(chat.state.questions.open(), open);
        let same = chat.on(whispers("c3", Some(at), "y"));
        assert_eq!(same == ["user: "], lost[1], "{same:?}");
    }
}
