//! Which of the open questions is answered.

use super::*;
use crate::{
    session::tests::chat::{Chat, agent, shows, webhook, whispers},
    translate::texts::Texts,
};

/// What an activity is to these questions: the question's place and the text, or why it is no answer.
fn one(activity: &Activity, open: &[(u64, Control)]) -> Result<(Option<u64>, String), Amiss> {
    let here = ConversationId::parse("here").expect("an id");
    let Answer { text, question, amiss, .. } = answer_one(activity, &here, open, &Words::default());
    amiss.map_or(Ok((question, text)), Err)
}

#[test]
fn a_click_answers_its_own_question_while_that_is_open_and_nothing_else() {
    let here = json!("here");
    let open = [(3, picker(false, true)), (7, input(Mask::None, false))];
    let click = |question: u64, chat: &Value| {
        pressed(json!({"serviceNowAnswer": "hw-2", "serviceNowAsked": question, "serviceNowIn": chat}))
    };
    assert_eq!(one(&click(3, &here), &open), Ok((Some(3), "hw-2".to_owned())));
    for (activity, open) in [
        (click(2, &here), &open[..]),
        (click(3, &json!("elsewhere")), &open),
        (click(3, &here), &open[1..]),
        (pressed(json!({"serviceNowAnswer": "approve"})), &open),
        (pressed(json!({"serviceNowAnswer": "hw-2"})), &[]),
        (pressed(json!({"serviceNowQuestion": "secret", "answer": "x"})), &open[..1]),
        (pressed(json!({"serviceNowAsked": 9, "foreign": "x"})), &open),
        (pressed(json!("{\"serviceNowAnswer\":\"hw-2\",\"serviceNowAsked\":2}")), &open),
        (said(json!({"text": "Approve", "value": {"serviceNowAnswer": "approve"}})), &[]),
    ] {
        assert_eq!(one(&activity, open), Err(Amiss::Closed), "{activity:?}");
    }
    let unnamed = pressed(json!({"serviceNowAnswer": "hw-2"}));
    assert_eq!(
        one(&unnamed, &open),
        Ok((Some(3), "hw-2".to_owned())),
        "it says no question, and one takes it"
    );
    for packed in [
        r#"{"serviceNowAnswer":"hw-2","serviceNowAsked":3}"#,
        "\u{feff}{\"serviceNowAnswer\":\"hw-2\",\"serviceNowAsked\":3}",
        r#"{"serviceNowAnswer":"hw-2","serviceNowAsked":3,"note":"cut \ud83d","size":1e400}"#,
    ] {
        assert_eq!(one(&pressed(json!(packed)), &open), Ok((Some(3), "hw-2".to_owned())), "{packed}");
    }
}

#[test]
fn a_secret_that_comes_as_a_text_is_one_however_that_is_written() {
    let here = ConversationId::parse("here").expect("an id");
    let open = [(3, input(Mask::Secure, false))];
    for (written, told) in [
        ("{@,\"answer\":\"9471\"}", Ok("9471")),
        ("\u{feff}{@,\"answer\":\"9471\"}", Ok("9471")),
        (r#"{@,"answer":"9471 \ud83d"}"#, Ok("9471 \u{fffd}")),
        (r#"{@,"answer":"9471","size":1e400}"#, Ok("9471")),
        (r#"{@,"answer":"9471"#, Err(Amiss::Missing(Missing::Words))),
    ] {
        let mark = r#""serviceNowQuestion":"secret","serviceNowAsked":3,"serviceNowIn":"here""#;
        let activity = pressed(json!(written.replace('@', mark)));
        let answer = answer_one(&activity, &here, &open, &Words::default());
        assert!(answer.secure, "{written}");
        assert_eq!(answer.amiss.map_or(Ok(&*answer.text), Err), told, "{written}");
        let late = answer_one(&activity, &here, &[], &Words::default());
        assert_eq!((late.secure, late.amiss), (true, Some(Amiss::Closed)), "{written}");
    }
}

#[test]
fn a_click_that_lacks_what_was_asked_for_says_what() {
    let moment = |kind| Control::Moment(Moment { kind, ..Moment::default() });
    let part = |part| {
        Control::MultiPart(MultiPart { heading: None, part: Box::new(part), more_label: None, last: false })
    };
    for (control, value, missing) in [
        (picker(false, false), json!({"serviceNowQuestion": "one"}), Missing::Choice),
        (picker(false, false), json!({"serviceNowQuestion": "one", "answer": ""}), Missing::Choice),
        (picker(false, false), json!({"serviceNowQuestion": "one", "answer": "hw-1,hw-2"}), Missing::Choice),
        (
            picker(true, false),
            json!({"serviceNowQuestion": "several", "answer": "hw-1,boat"}),
            Missing::Choice,
        ),
        (picker(false, false), json!({"serviceNowAnswer": "o3"}), Missing::Choice),
        (picker(false, false), json!({"serviceNowAnswer": "_skip_"}), Missing::Choice),
        (part(picker(false, false)), json!({"serviceNowAnswer": "o3"}), Missing::Choice),
        (input(Mask::Secure, false), json!({"serviceNowQuestion": "secret", "answer": " "}), Missing::Words),
        (input(Mask::None, false), json!({"serviceNowAnswer": "o3"}), Missing::Words),
        (moment(MomentKind::Date), json!({"serviceNowQuestion": "date"}), Missing::Date),
        (moment(MomentKind::Date), json!({"serviceNowQuestion": "date", "date": "soon"}), Missing::Date),
        (moment(MomentKind::Time), json!({"serviceNowQuestion": "time", "time": ""}), Missing::Time),
        (moment(MomentKind::DateTime), json!({"serviceNowQuestion": "date_time"}), Missing::DateTime),
        (
            moment(MomentKind::DateTime),
            json!({"serviceNowQuestion": "date_time", "time": "9:05"}),
            Missing::Date,
        ),
        (
            moment(MomentKind::DateTime),
            json!({"serviceNowQuestion": "date_time", "date": "2026-03-05"}),
            Missing::Time,
        ),
        (Control::Upload(Upload::default()), json!({"serviceNowAnswer": "_skip_"}), Missing::File),
    ] {
        let mut value = value;
        value["serviceNowAsked"] = 3.into();
        assert_eq!(one(&pressed(value.clone()), &[(3, control)]), Err(Amiss::Missing(missing)), "{value}");
    }
    let blank = text(" \n");
    for (open, missing) in [
        (vec![], Missing::Anything),
        (vec![(1, picker(false, false)), (2, Control::Text { text: "x".to_owned() })], Missing::Choice),
        (vec![(1, picker(false, false)), (2, moment(MomentKind::Time))], Missing::Time),
        (vec![(1, Control::Upload(Upload::default()))], Missing::File),
    ] {
        assert_eq!(one(&blank, &open), Err(Amiss::Missing(missing)), "{open:?}");
    }
}

#[test]
fn words_answer_the_newest_question_they_fit_and_a_masked_one_first() {
    let older = Control::Choice(Choice {
        items: vec![item("Red wine", "w-1"), item("Beer", "b-1"), item("Water", "w-3")],
        ..Choice::default()
    });
    let open = [(3, older.clone()), (5, picker(false, false))];
    for (typed, question, told) in [
        ("red WINE ", Some(3), "w-1"),
        ("W-3", Some(3), "w-3"),
        ("2", Some(5), "hw-2"),
        ("3)", Some(5), "hw-3"),
        ("laptop", Some(5), "hw-3"),
        ("something else", None, "something else"),
    ] {
        assert_eq!(one(&text(typed), &open), Ok((question, told.to_owned())), "{typed}");
    }
    let masked = [(3, input(Mask::Secure, false)), (5, older)];
    assert_eq!(one(&text("4711"), &masked), Ok((Some(3), "4711".to_owned())));
    assert_eq!(one(&text("beer"), &masked), Ok((Some(5), "b-1".to_owned())), "a choice of a later question");
    let here = ConversationId::parse("here").expect("an id");
    let date = Control::Moment(Moment { kind: MomentKind::Date, ..Moment::default() });
    let within = |part| {
        let part = Box::new(part);
        Control::MultiPart(MultiPart { heading: None, part, more_label: None, last: false })
    };
    let alone = [(3, within(input(Mask::Secure, false)))];
    assert!(
        answer_one(&text("4711"), &here, &alone, &Words::default()).secure,
        "a part that asks for a secret"
    );
    for later in
        [input(Mask::None, false), within(input(Mask::None, false)), date, Control::Upload(Upload::default())]
    {
        let asked = [(3, input(Mask::Secure, false)), (5, later)];
        let answer = answer_one(&text("2026-11-26"), &here, &asked, &Words::default());
        assert!(answer.secure && answer.question == Some(3), "{asked:?}");
    }
    let card = Card { actions: vec![item("Approve", "approve")], ..Card::default() };
    assert_eq!(one(&text("approve"), &[(4, Control::Card(card))]), Ok((Some(4), "approve".to_owned())));
}

#[test]
fn what_may_correct_a_masked_answer_on_its_way_is_as_secret_and_nothing_else_is() {
    let mut chat = Chat::with_ana();
    let at = chat.position();
    chat.hears(webhook([shows("m1", input(Mask::Secure, false))]));
    let read = |chat: &Chat, activity: &Activity| {
        let answer = answer_to(activity, &chat.state.conversation, &chat.state.questions, &Words::default());
        (answer.secure, answer.question)
    };
    assert_eq!(read(&chat, &text("4711")), (true, Some(at)));
    chat.on(whispers("c1", Some(at), "x"));
    assert_eq!(read(&chat, &text("4712")), (true, Some(at)));
    let pressed = pressed(json!({"serviceNowAnswer": "hw-2", "serviceNowAsked": 1}));
    assert_eq!(read(&chat, &pressed), (false, Some(1)), "a click says what it is");
    chat.hears(webhook([shows("m2", picker(false, true))]));
    assert_eq!(read(&chat, &text("4712")), (false, None), "something else was asked");
    chat.deliver();
    assert_eq!(read(&chat, &text("thanks")), (false, None), "it has arrived");
}

#[test]
fn a_number_behind_a_persons_words_is_said_to_that_person() {
    let mut chat = Chat::with_ana();
    let read = |chat: &Chat, typed: &str| {
        let Answer { text, typed, question, .. } =
            answer_to(&text(typed), &chat.state.conversation, &chat.state.questions, &Words::default());
        (text, typed, question)
    };
    let at = chat.position();
    chat.hears(webhook([shows("m1", picker(false, false))]));
    assert_eq!(read(&chat, "2"), ("hw-2".to_owned(), false, Some(at)));
    chat.hears(webhook([agent("m2", "How many laptops do you need?")]));
    for number in ["2", "2.", "２"] {
        assert_eq!(read(&chat, number), (number.to_owned(), true, None));
    }
    assert_eq!(read(&chat, "phone, mobile"), ("hw-2".to_owned(), false, Some(at)), "its label is its own");
    let next = chat.position();
    chat.hears(webhook([shows("m3", picker(false, false))]));
    assert_eq!(read(&chat, "2"), ("hw-2".to_owned(), false, Some(next)));
    let pressed = pressed(json!({"serviceNowAnswer": "hw-2", "serviceNowAsked": at}));
    chat.hears(webhook([agent("m4", "So?")]));
    let answer = answer_to(&pressed, &chat.state.conversation, &chat.state.questions, &Words::default());
    assert_eq!(answer.question, Some(at), "a click is no number");
}

#[test]
fn what_is_typed_behind_a_persons_words_answers_only_what_it_names() {
    let moment = |kind| Control::Moment(Moment { kind, ..Moment::default() });
    let offer = |label: &str, value: &str| {
        let actions = vec![item(label, value)];
        Control::Card(Card { actions, ..Card::default() })
    };
    let boolean = || {
        let items = vec![item("Yes", "true"), item("No", "false")];
        Control::Choice(Choice { kind: ChoiceKind::Boolean, items, optional: true, ..Choice::default() })
    };
    for (asked, said, told) in [
        (boolean(), "ok", None),
        (boolean(), "Yes", None),
        (boolean(), "nope", None),
        (boolean(), "Skip", None),
        (Control::Choice(Choice { kind: ChoiceKind::Boolean, ..Choice::default() }), "nope", None),
        (offer("Yes", "confirm_123"), "Yes", None),
        (offer("Approve it", "approve"), "approve it.", Some("approve")),
        (moment(MomentKind::Time), "2 pm", None),
        (moment(MomentKind::DateTime), "5 March 2026", None),
        (input(Mask::None, true), "Skip", None),
        (input(Mask::Secure, false), "4711", Some("4711")),
        (picker(false, false), "laptop", Some("hw-3")),
    ] {
        let mut chat = Chat::with_ana();
        let at = chat.position();
        chat.hears(webhook([shows("m1", asked.clone())]));
        let read = |chat: &Chat| {
            let Answer { text, question, .. } =
                answer_to(&text(said), &chat.state.conversation, &chat.state.questions, &Words::default());
            (text, question)
        };
        assert_eq!(read(&chat).1, Some(at), "{asked:?}");
        chat.hears(webhook([agent("m2", "I call you at 2, right?")]));
        let expected = told.map_or((said, None), |told| (told, Some(at)));
        assert_eq!(read(&chat), (expected.0.to_owned(), expected.1), "{asked:?} {said}");
    }
}

#[test]
fn the_words_of_a_button_are_understood_however_they_were_given() {
    let given = r#"{"pl": {"skip": "Pomiń", "yes": "Tak", "no": "Nie!"},
        "en": {"yes": "Évidemment", "skip": "Pass on it", "more": "Show me more"}}"#;
    let texts = Texts::parse(given).expect("right");
    let here = ConversationId::parse("here").expect("an id");
    let boolean = Control::Choice(Choice { kind: ChoiceKind::Boolean, optional: true, ..Choice::default() });
    let several = |part: Control| {
        Control::MultiPart(MultiPart { heading: None, part: Box::new(part), more_label: None, last: false })
    };
    for (asked, said, told) in [
        (boolean.clone(), "tak", "yes"),
        (boolean.clone(), "NIE", "no"),
        (boolean.clone(), "Pomiń", "_skip_"),
        (boolean.clone(), "evidemment.", "yes"),
        (boolean.clone(), "pass on it", "_skip_"),
        (boolean.clone(), "ja", "yes"),
        (boolean.clone(), "Überspringen", "_skip_"),
        (input(Mask::None, true), "pomiń", "_skip_"),
        (several(boolean.clone()), "Show me more", "click_for_more"),
        (several(boolean.clone()), "afficher plus", "click_for_more"),
        (several(boolean), "Tak", "yes"),
    ] {
        for locale in ["pl-PL", "en"] {
            let words = texts.of(Some(locale));
            let Answer { text, typed, .. } = answer_one(&text(said), &here, &[(3, asked.clone())], &words);
            assert_eq!((text.as_str(), typed), (told, false), "{said} {asked:?}");
        }
    }
}
