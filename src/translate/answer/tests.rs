use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::control::{
    Card, Choice, ChoiceKind, Generated, Item, Mask, Moment, MomentKind, MultiPart, TextInput, Upload,
};

fn said(value: Value) -> Activity {
    let mut activity = json!({"type": "message", "from": {"id": "u", "role": "user"}});
    for (key, field) in value.as_object().expect("an object") {
        activity[key] = field.clone();
    }
    serde_json::from_value(activity).expect("an activity")
}

fn text(text: &str) -> Activity {
    said(json!({"text": text}))
}

/// Text, typed, secure, nothing.
fn read(activity: &Activity, pending: Option<&Control>) -> (String, bool, bool, bool) {
    let Answer { text, typed, secure, attachments: _, nothing, question: _, amiss: _ } =
        answer(activity, pending);
    (text, typed, secure, nothing)
}

fn typed(text: &str) -> (String, bool, bool, bool) {
    (text.to_owned(), true, false, false)
}

fn chosen(text: &str) -> (String, bool, bool, bool) {
    (text.to_owned(), false, false, false)
}

fn item(label: &str, value: &str) -> Item {
    Item { label: label.to_owned(), value: value.to_owned(), ..Item::default() }
}

fn picker(several: bool, optional: bool) -> Control {
    let items =
        vec![item("Laptop", "hw-1"), item("Phone, mobile", "hw-2"), item("laptop", "hw-3"), item("No", "0")];
    Control::Choice(Choice { items, several, optional, ..Choice::default() })
}

fn input(mask: Mask, optional: bool) -> Control {
    Control::TextInput(TextInput { prompt: Some("?".to_owned()), mask, optional })
}

#[test]
fn text_is_typed_and_loses_only_citation_markers() {
    for pending in [None, Some(input(Mask::None, true)), Some(Control::Generated(Generated::default()))] {
        assert_eq!(read(&text(" hi *there* "), pending.as_ref()), typed(" hi *there* "));
        assert_eq!(read(&text("a [1]\n[1]: cite:1"), pending.as_ref()), typed("a"));
    }
    assert_eq!(read(&text("  "), None), (String::new(), false, false, true));
    assert_eq!(read(&said(json!({})), Some(&picker(false, false))), (String::new(), false, false, true));
}

#[test]
fn a_choice_is_known_by_its_label_its_value_or_the_click() {
    let pending = picker(false, false);
    for (activity, value) in [
        (text("Laptop"), "hw-1"),
        (text("laptop"), "hw-3"),
        (text("LAPTOP "), "hw-1"),
        (text("hw-2"), "hw-2"),
        (text("Phone, mobile"), "hw-2"),
        (said(json!({"value": "hw-3"})), "hw-3"),
        (said(json!({"value": "Phone, mobile", "text": "whatever"})), "hw-2"),
        (said(json!({"value": 0})), "0"),
        (said(json!({"value": {"serviceNowAnswer": "hw-2"}, "text": "Laptop"})), "hw-2"),
        (said(json!({"value": {"serviceNowQuestion": "one", "answer": "hw-1"}})), "hw-1"),
    ] {
        assert_eq!(read(&activity, Some(&pending)), chosen(value), "{activity:?}");
    }
    assert_eq!(read(&text("something else"), Some(&pending)), typed("something else"));
    assert_eq!(read(&text("Skip"), Some(&pending)), typed("Skip"));
    let boolean = Control::Choice(Choice {
        kind: ChoiceKind::Boolean,
        items: vec![item("Yes", "yes"), item("No", "No")],
        ..Choice::default()
    });
    assert_eq!(read(&text("yes"), Some(&boolean)), chosen("yes"));
    assert_eq!(read(&text("no"), Some(&boolean)), chosen("No"));
    for (said, value) in [
        ("ja", "yes"),
        (" Oui! ", "yes"),
        ("NEIN", "No"),
        ("いいえ", "No"),
        ("yep", "yes"),
        ("ok.", "yes"),
        ("si", "yes"),
        ("Sí, ", "yes"),
        ("d’accord", "yes"),
        ("nao", "No"),
        ("nee", "No"),
        ("Nö!", "No"),
        ("うん", "yes"),
        ("好的。", "yes"),
        ("不是", "No"),
        ("Ｙｅｓ", "yes"),
    ] {
        assert_eq!(read(&text(said), Some(&boolean)), chosen(value));
    }
    assert_eq!(read(&text("ja, but"), Some(&boolean)), typed("ja, but"));
    let items = vec![item("Richtig", "true"), item("Falsch", "false")];
    let boolean = Control::Choice(Choice { kind: ChoiceKind::Boolean, items, ..Choice::default() });
    assert_eq!(read(&text("nein"), Some(&boolean)), chosen("false"));
}

#[test]
fn several_choices_are_separated_by_commas() {
    let pending = picker(true, false);
    let submitted = json!({"serviceNowQuestion": "several", "answer": "hw-1,with%2C comma,100%25"});
    assert_eq!(read(&said(json!({"value": submitted})), Some(&pending)), chosen("hw-1,with, comma,100%"));
    assert_eq!(read(&text("Laptop, no"), Some(&pending)), chosen("hw-1,0"));
    assert_eq!(read(&text("Laptop, boat"), Some(&pending)), typed("Laptop, boat"));
}

#[test]
fn a_choice_is_known_however_people_write_it() {
    let items = vec![
        item("Crème brûlée", "a"),
        item("Großer Saal", "b"),
        item("“Quoted”", "c"),
        item("?", "d"),
        item("3", "e"),
        item("Option  six", "f"),
    ];
    let one = Control::Choice(Choice { items: items.clone(), ..Choice::default() });
    for (said, value) in [
        ("creme brulee.", "a"),
        ("CRÈME BRU\u{302}LE\u{301}E", "a"),
        ("grosser saal", "b"),
        ("quoted!", "c"),
        ("?", "d"),
        ("3", "e"),
        ("#4", "d"),
        ("(2)", "b"),
        ("２", "b"),
        ("٢", "b"),
        ("option six", "f"),
        ("5.", "e"),
    ] {
        assert_eq!(read(&text(said), Some(&one)), chosen(value), "{said}");
    }
    for said in ["-1", "!", "0", "99", "creme", "1.5"] {
        assert_eq!(read(&text(said), Some(&one)), typed(said), "{said}");
    }
    let many = Control::Choice(Choice { items, several: true, ..Choice::default() });
    for said in ["1; 2", "1、2", "1，2", "creme brulee\nGroßer Saal"] {
        assert_eq!(read(&text(said), Some(&many)), chosen("a,b"), "{said}");
    }
}

#[test]
fn a_click_is_known_however_a_client_wraps_it() {
    let click = json!({"serviceNowAnswer": "a", "serviceNowAsked": 7});
    for value in [
        json!({"data": click}),
        json!({"action": {"data": click}}),
        json!([click]),
        json!(click.to_string()),
        json!({"value": click.to_string()}),
    ] {
        assert!(is_click(&said(json!({"value": value}))), "{value}");
    }
    assert!(!is_click(&said(json!({"value": {"data": {"answer": "a"}}}))));
}

#[test]
fn what_is_optional_can_be_skipped() {
    let moment = |optional| Control::Moment(Moment { optional, ..Moment::default() });
    let upload = |optional| Control::Upload(Upload { optional, ..Upload::default() });
    for pending in
        [picker(false, true), picker(true, true), input(Mask::None, true), moment(true), upload(true)]
    {
        for activity in [text("Skip"), text("_skip_"), said(json!({"value": {"serviceNowAnswer": "_skip_"}}))]
        {
            assert_eq!(read(&activity, Some(&pending)), chosen("_skip_"), "{pending:?}");
        }
    }
    for pending in [picker(false, false), input(Mask::None, false), moment(false), upload(false)] {
        assert_eq!(read(&text("skip"), Some(&pending)), typed("skip"), "{pending:?}");
    }
}

#[test]
fn dates_and_times_are_written_as_service_now_writes_them() {
    let pending = |kind| Control::Moment(Moment { kind, ..Moment::default() });
    for (kind, value, written) in [
        (MomentKind::Date, json!({"serviceNowQuestion": "date", "date": "2026-03-05"}), "2026-03-05"),
        (MomentKind::Time, json!({"serviceNowQuestion": "time", "time": "14:30"}), "14:30:00"),
        (
            MomentKind::DateTime,
            json!({"serviceNowQuestion": "date_time", "date": "2026-03-05", "time": "14:30"}),
            "2026-03-05 14:30:00",
        ),
        (
            MomentKind::DateTime,
            json!({"serviceNowQuestion": "date_time", "date": "2026-03-05"}),
            "2026-03-05 00:00:00",
        ),
    ] {
        assert_eq!(read(&said(json!({"value": value})), Some(&pending(kind))), chosen(written));
        assert_eq!(read(&said(json!({"value": value})), None), chosen(written));
    }
    assert_eq!(
        read(&text("2026-3-5 9pm"), Some(&pending(MomentKind::DateTime))),
        typed("2026-03-05 21:00:00")
    );
    assert_eq!(read(&text("next week"), Some(&pending(MomentKind::Date))), typed("next week"));
}

#[test]
fn a_masked_answer_is_secure_however_it_comes() {
    let secret = |typed| ("hunter2".to_owned(), typed, true, false);
    let submitted = said(json!({"value": {"serviceNowQuestion": "secret", "answer": "hunter2"}}));
    for mask in [Mask::Secure, Mask::Sensitive] {
        assert_eq!(read(&submitted, Some(&input(mask, false))), secret(true));
        assert_eq!(read(&text("hunter2"), Some(&input(mask, false))), secret(true));
        assert_eq!(read(&text("_skip_"), Some(&input(mask, true))), chosen("_skip_"));
        assert_eq!(read(&text("Skip"), Some(&input(mask, true))), ("Skip".to_owned(), true, true, false));
    }
    assert_eq!(read(&submitted, None), secret(true));
    assert!(!format!("{:?}", answer(&submitted, None)).contains("hunter2"));
}

#[test]
fn the_next_part_is_asked_for_by_its_label_or_the_click() {
    let part = Box::new(picker(false, false));
    let pending = Control::MultiPart(MultiPart {
        heading: None,
        part,
        more_label: Some("Click for more".to_owned()),
        last: false,
    });
    for activity in [text("click for more"), said(json!({"value": {"serviceNowAnswer": "click_for_more"}}))] {
        assert_eq!(read(&activity, Some(&pending)), chosen("click_for_more"));
    }
    assert_eq!(read(&text("Laptop"), Some(&pending)), chosen("hw-1"));
    assert_eq!(read(&text("what?"), Some(&pending)), typed("what?"));
}

#[test]
fn a_value_of_somebody_else_is_shown_by_what_can_be_read_in_it() {
    for (value, shown) in [
        (json!({"label": "Red", "id": 7}), typed("Red")),
        (json!({"city": "Graz", "ok": true, "nested": {"a": 1}}), typed("city: Graz\nok: true")),
        (json!("clicked"), chosen("clicked")),
        (json!(["a", "b"]), typed("a\n\nb")),
        (json!({}), (String::new(), false, false, true)),
        (json!({"serviceNowQuestion": "unknown", "text": "x"}), typed("x")),
        (json!({"serviceNowAnswer": 5}), typed("serviceNowAnswer: 5")),
    ] {
        assert_eq!(read(&said(json!({"value": value})), None), shown, "{value}");
    }
    assert_eq!(read(&said(json!({"value": {"a": 1}, "text": "words"})), None), typed("words"));
}

#[test]
fn files_are_taken_and_cards_are_not() {
    let activity = said(json!({"attachments": [
        {"contentType": "image/png", "contentUrl": "https://dl.example.com/a/cat.png?t=1", "name": "my cat.png"},
        {"contentUrl": "https://dl.example.com/a/report.pdf?t=1"},
        {"contentType": "application/vnd.microsoft.card.hero", "content": {"title": "no"}},
        "odd",
    ]}));
    let file = |name: &str, media_type: &str, url: &str| Attachment {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        url: url.to_owned(),
        bytes: 0,
    };
    assert!(
        answer(&activity, None)
            == Answer {
                attachments: vec![
                    file("my cat.png", "image/png", "https://dl.example.com/a/cat.png?t=1"),
                    file("report.pdf", "application/octet-stream", "https://dl.example.com/a/report.pdf?t=1"),
                ],
                ..Answer::default()
            }
    );
}

/// What an activity is to these questions: the question's place and the text, or why it is no answer.
fn one(activity: &Activity, open: &[(u64, Control)]) -> Result<(Option<u64>, String), Amiss> {
    let here = ConversationId::parse("here").expect("an id");
    let Answer { text, question, amiss, .. } = answer_one(activity, &here, open);
    amiss.map_or(Ok((question, text)), Err)
}

fn pressed(value: Value) -> Activity {
    said(json!({"value": value}))
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
    let packed = pressed(json!("{\"serviceNowAnswer\":\"hw-2\",\"serviceNowAsked\":3}"));
    assert_eq!(one(&packed, &open), Ok((Some(3), "hw-2".to_owned())));
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
    assert!(answer_one(&text("4711"), &here, &alone).secure, "a part that asks for a secret");
    for later in
        [input(Mask::None, false), within(input(Mask::None, false)), date, Control::Upload(Upload::default())]
    {
        let asked = [(3, input(Mask::Secure, false)), (5, later)];
        let answer = answer_one(&text("2026-11-26"), &here, &asked);
        assert!(answer.secure && answer.question == Some(3), "{asked:?}");
    }
    let card = Card { actions: vec![item("Approve", "approve")], ..Card::default() };
    assert_eq!(one(&text("approve"), &[(4, Control::Card(card))]), Ok((Some(4), "approve".to_owned())));
}

/// Anything that can be asked.
fn questions() -> impl Strategy<Value = Control> {
    let kind = prop::sample::select(vec![MomentKind::Date, MomentKind::Time, MomentKind::DateTime]);
    let leaf = prop_oneof![
        (any::<bool>(), any::<bool>()).prop_map(|(several, optional)| picker(several, optional)),
        any::<bool>().prop_map(|optional| input(Mask::None, optional)),
        any::<bool>().prop_map(|optional| input(Mask::Secure, optional)),
        (kind, any::<bool>()).prop_map(|(kind, optional)| Control::Moment(Moment {
            kind,
            optional,
            prompt: None
        })),
        any::<bool>().prop_map(|optional| Control::Upload(Upload { optional, ..Upload::default() })),
        Just(Control::Card(Card { actions: vec![item("Laptop", "hw-1")], ..Card::default() })),
    ];
    leaf.prop_flat_map(|part| {
        let multi = MultiPart { heading: None, part: Box::new(part.clone()), more_label: None, last: false };
        prop_oneof![3 => Just(part), 1 => Just(Control::MultiPart(multi))]
    })
}

/// Anything that may be done with it.
fn reactions() -> impl Strategy<Value = Activity> {
    let word = prop::sample::select(vec![
        "hw-1",
        "hw-2",
        "0",
        "o3",
        "_skip_",
        "click_for_more",
        "Laptop",
        "laptop, no",
        "2",
        "9",
        "Skip",
        "2026-03-05",
        "9:05",
        "2026-03-05 9:05",
        "",
        " ",
        "hw-1,hw-2",
        "hello",
    ]);
    let form = prop::sample::select(vec!["one", "several", "secret", "date", "time", "date_time", "other"]);
    let asked = prop::option::of(0..5_u64);
    let place = (asked, prop::sample::select(vec![None, Some("here"), Some("elsewhere")]));
    let placed = |mut value: Value, (asked, place): (Option<u64>, Option<&str>), packed: bool| {
        let fields = value.as_object_mut().expect("an object");
        fields.extend(asked.map(|asked| ("serviceNowAsked".to_owned(), asked.into())));
        fields.extend(place.map(|place| ("serviceNowIn".to_owned(), place.into())));
        pressed(if packed { value.to_string().into() } else { value })
    };
    let button = (word.clone(), place.clone(), any::<bool>())
        .prop_map(move |(word, place, packed)| placed(json!({"serviceNowAnswer": word}), place, packed));
    let submit = (form, word.clone(), word.clone(), place, any::<bool>()).prop_map(
        move |(form, one, other, place, packed)| {
            let inputs = json!({"serviceNowQuestion": form, "answer": one, "date": one, "time": other});
            placed(inputs, place, packed)
        },
    );
    let own = prop_oneof![
        Just(json!(7)),
        Just(json!({"amount": "3"})),
        Just(json!("hw-1")),
        Just(json!({"serviceNowAsked": 1})),
        Just(json!({"serviceNowAnswer": 7})),
    ];
    prop_oneof![3 => word.prop_map(text), 3 => button, 3 => submit, 1 => own.prop_map(pressed)]
}

/// Whether ServiceNow's pages know this as an answer to the question.
fn is_documented(said: &str, control: &Control) -> bool {
    let among = |value: &str, items: &[Item]| items.iter().any(|item| item.value == value);
    match control {
        Control::MultiPart(multi) => said == CONTINUE || is_documented(said, &multi.part),
        Control::Choice(choice) if choice.several => said.split(',').all(|value| among(value, &choice.items)),
        Control::Choice(choice) => among(said, &choice.items),
        Control::Card(card) => among(said, &card.actions),
        Control::TextInput(_) => !said.trim().is_empty(),
        Control::Moment(moment) => moment::read(said, moment.kind).as_deref() == Some(said),
        _ => false,
    }
}

proptest! {
    #![proptest_config(crate::cases(2_000))]

    /// ServiceNow gets a documented answer to a question that is open, or what was typed, or nothing; then the user is told.
    #[test]
    fn any_reaction_to_any_questions_is_a_documented_answer_or_none(
        asked in prop::collection::vec(questions(), 0..4),
        reaction in reactions(),
    ) {
        let open = (0..).zip(asked).collect::<Vec<(u64, Control)>>();
        let here = ConversationId::parse("here").expect("an id");
        let answer = answer_one(&reaction, &here, &open);
        let elsewhere = reaction.value.as_ref().is_some_and(|value| value.to_string().contains("elsewhere"));
        prop_assert!(!elsewhere || answer.amiss == Some(Amiss::Closed), "of another chat");
        if answer.amiss.is_some() {
            return Ok(());
        }
        prop_assert!(!answer.nothing);
        let Some(question) = answer.question else {
            prop_assert!(click::read(&reaction).is_none(), "words, or a value, of one's own");
            return Ok(());
        };
        let (_, control) = open.iter().find(|(at, _)| *at == question).expect("an open question");
        let optional = format!("{control:?}").contains("optional: true");
        let skipped = answer.text == SKIP && (optional || answer.typed);
        prop_assert!(skipped || is_documented(&answer.text, control), "{answer:?} to {control:?}");
        prop_assert!(answer.secure || !control.is_secure() || answer.text == SKIP, "a masked answer is masked");
    }
}

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn packed_values_come_back_whole(values in prop::collection::vec("[a,%2C5é]{0,8}", 1..5)) {
        let packed = values.iter().map(|value| Question::packed(value)).collect::<Vec<_>>().join(",");
        let value = json!({"serviceNowQuestion": "several", "answer": packed});
        prop_assert_eq!(answer(&said(json!({"value": value})), None).text, values.join(","));
    }

    #[test]
    fn any_text_is_an_answer_to_anything(text in ".{0,30}", several: bool, optional: bool) {
        for pending in [picker(several, optional), Control::Moment(Moment::default())] {
            answer(&said(json!({"text": text})), Some(&pending));
        }
    }
}
