//! Any reaction to any questions.

use proptest::prelude::*;

use super::*;

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
        let answer = answer_one(&reaction, &here, &open, &Words::default());
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
