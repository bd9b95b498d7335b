//! Which choices words name.

use std::time::Duration;

use super::*;
use crate::translate::tests::processor_time;

fn labels(labels: &[&str]) -> Vec<Item> {
    labels.iter().map(|label| item(label, &format!("={label}"))).collect()
}

fn one_of(items: Vec<Item>) -> Control {
    Control::Choice(Choice { items, ..Choice::default() })
}

fn several_of(items: Vec<Item>) -> Control {
    Control::Choice(Choice { items, several: true, ..Choice::default() })
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
        item("🍕 Pizza", "g"),
        item("-- None --", "h"),
        item("\u{200f}تقنية", "i"),
        item("👨\u{200d}💻", "j"),
    ];
    let one = one_of(items);
    for (said, value) in [
        ("creme brulee.", "a"),
        ("CRÈME BRU\u{302}LE\u{301}E", "a"),
        ("- Crème brûlée", "a"),
        ("• crème brûlée;", "a"),
        ("grosser saal", "b"),
        ("quoted!", "c"),
        ("«Quoted»", "c"),
        ("?", "d"),
        ("3", "e"),
        ("4", "d"),
        ("#4", "d"),
        ("4)", "d"),
        ("(2)", "b"),
        ("２", "b"),
        ("（２）", "b"),
        ("2。", "b"),
        ("٢", "b"),
        ("option six", "f"),
        ("5.", "e"),
        ("pizza", "g"),
        ("none", "h"),
        ("تقنية؟", "i"),
        ("\u{200f}٢", "b"),
        ("\u{feff}Quoted", "c"),
        ("quoted\u{200b}", "c"),
        ("\u{2068}pizza\u{2069}.", "g"),
        ("👨💻", "j"),
        ("👨\u{200d}💻", "j"),
    ] {
        assert_eq!(read(&text(said), Some(&one)), chosen(value), "{said}");
    }
    for said in
        ["-1", "+1", "−2", "!", "0", "99", "creme", "1.5", "2 %", "$3", "1€", "#2.", "2!", "~2", "no. 2", ""]
    {
        let (_, typed, ..) = read(&text(said), Some(&one));
        assert!(typed || said.is_empty(), "{said}");
    }
}

#[test]
fn a_choice_is_known_by_its_picture_and_without_it() {
    for (offered, said, meant) in [
        (&["1️⃣ Red", "2️⃣ Green"][..], "Green", Some("2️⃣ Green")),
        (&["1️⃣ Red", "2️⃣ Green"], "2️⃣", Some("2️⃣ Green")),
        (&["1️⃣0️⃣ Red", "2️⃣ Green"], "red", Some("1️⃣0️⃣ Red")),
        (&["Red", "Green"], "2️⃣", Some("Green")),
        (&["🍎 Apple", "🍌 Banana"], "🍌", Some("🍌 Banana")),
        (&["😀", "☹️"], "☹", Some("☹️")),
        (&["👍", "👎"], "👍🏽", Some("👍")),
        (&["👍🏽 Yes", "👎🏿 No"], "👎", Some("👎🏿 No")),
        (&["👍🏽", "👍🏿"], "👍🏿", Some("👍🏿")),
        (&["👍🏽", "👍🏿"], "👍", None),
        (&["🇩🇪 Deutsch", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 English"], "english", Some("🏴󠁧󠁢󠁥󠁮󠁧󠁿 English")),
        (&["🇩🇪 Deutsch", "🇫🇷 Français"], "🇫🇷", Some("🇫🇷 Français")),
        (&["👨\u{200d}💻 Dev", "⏰ Clock"], "clock", Some("⏰ Clock")),
        (&["✅ One", "✅ Two"], "✅", None),
    ] {
        let expected = meant.map_or_else(|| typed(said), |label| chosen(&format!("={label}")));
        assert_eq!(read(&text(said), Some(&one_of(labels(offered)))), expected, "{offered:?} {said}");
    }
}

#[test]
fn a_sign_that_tells_two_choices_apart_is_never_left_out() {
    for (offered, said, meant) in [
        (&["C", "Java"][..], "C++", None),
        (&["C", "Java"], "C#", None),
        (&["C++", "Java"], "C", None),
        (&["C", "C++", "C#"], "c++", Some("C++")),
        (&["C", "C++", "C#"], "c.", Some("C")),
        (&["A+", "A-"], "A -", None),
        (&["A+", "A-"], "A", None),
        (&["A+", "A-"], "a-", Some("A-")),
        (&["A+", "A-"], "A−", Some("A-")),
        (&["5 °C", "-5 °C"], "−5 °C", Some("-5 °C")),
        (&["5 °C", "-5 °C"], "–5 °c", Some("-5 °C")),
        (&["5 °C", "-5 °C"], "5 °C.", Some("5 °C")),
        (&["5 °C", "10 °C"], "-5 °C", None),
        (&["5 °C", "10 °C"], "- 5 °C", None),
        (&["-5 °C", "10 °C"], "5 °C", None),
        (&["5 €", "5 $"], "5 £", None),
        (&["<5", ">10"], "10", None),
        (&["=", "+"], "≠", None),
        (&["Bar", "Bär"], "bar!", None),
        (&["Bar", "Bär"], "BÄR", Some("Bär")),
        (&["😀 Yes", "😡 Yes"], "yes", None),
    ] {
        let expected = meant.map_or_else(|| typed(said), |label| chosen(&format!("={label}")));
        assert_eq!(read(&text(said), Some(&one_of(labels(offered)))), expected, "{offered:?} {said}");
    }
    let crossed = one_of(vec![item("0", "1"), item("1", "2"), item("Red", "blue"), item("Blue", "red")]);
    for (said, value) in [("1", "2"), ("2", "2"), ("blue", "red"), ("RED", "blue")] {
        assert_eq!(read(&text(said), Some(&crossed)), chosen(value), "people see labels: {said}");
    }
}

#[test]
fn beside_labels_that_are_numbers_a_number_is_no_place() {
    for (offered, said, meant) in [
        (&["1", "2", "5", "10"][..], "3", None),
        (&["1", "2", "5", "10"], "5", Some("5")),
        (&["1", "5"], "2", None),
        (&["1 month", "3 months", "12 months"], "3", Some("3 months")),
        (&["1 month", "3 months", "12 months"], "2", None),
        (&["1 month", "3 months", "Never"], "3.", Some("3 months")),
        (&["3 months", "3 years"], "3", None),
        (&["5GB", "10GB"], "2", None),
        (&["1.5 hours", "2,5 hours"], "2", None),
        (&["$5", "$10"], "2", None),
        (&["-5 °C", "10 °C"], "1", None),
        (&["1. Red", "2. Blue"], "2", Some("2. Blue")),
        (&["2FA token", "VPN", "Password"], "2", Some("VPN")),
        (&["(1) Red", "(2) Blue"], "2", Some("(2) Blue")),
        (&["#1 Red", "#2 Blue"], "2", Some("#2 Blue")),
        (&["[2] Red", "[1] Blue"], "2", Some("[2] Red")),
        (&["- 1 Red", "- 2 Blue"], "2", Some("- 2 Blue")),
        (&["•1 Red", "•2 Blue"], "2", Some("•2 Blue")),
        (&["**1.** Red", "**2.** Blue"], "2", Some("**2.** Blue")),
        (&["1Password", "LastPass"], "2", Some("LastPass")),
        (&["2 GB", "Another"], "2", Some("2 GB")),
    ] {
        for control in [one_of(labels(offered)), several_of(labels(offered))] {
            let expected = meant.map_or_else(|| typed(said), |label| chosen(&format!("={label}")));
            assert_eq!(read(&text(said), Some(&control)), expected, "{offered:?} {said}");
        }
    }
    let months = several_of(labels(&["1 month", "3 months", "12 months"]));
    assert_eq!(read(&text("1, 3"), Some(&months)), chosen("=1 month,=3 months"));
    assert_eq!(read(&text("1, 2"), Some(&months)), typed("1, 2"));
}

#[test]
fn several_choices_are_known_however_people_write_a_list() {
    let colours = several_of(vec![item("Red", "o1"), item("Blue", "o2"), item("Green", "o3")]);
    for said in [
        "1; 2",
        "1、2",
        "1，2",
        "1، 2",
        "\u{200f}Red؛ Blue\u{200f}",
        "red\nBlue",
        "- red\n- blue",
        "1 and 2",
        "1 und 2,",
        "1, et 2",
        "1と2",
        "RED AND BLUE",
        "Red And Blue",
        "Red&Blue",
        "Red & Blue",
        "Red/Blue",
        "red / blue",
        "rouge, blue, 1",
        "1 2",
        "1/2",
        "1. 2.",
        "#1 #2",
        "(1)  (2)",
        "１　２",
        "Red, Red and Blue, red",
        "1, 1 2",
    ] {
        let expected = if said.starts_with("rouge") { typed(said) } else { chosen("o1,o2") };
        assert_eq!(read(&text(said), Some(&colours)), expected, "{said}");
    }
    assert_eq!(read(&text("Red, Red"), Some(&colours)), chosen("o1"));
    assert_eq!(read(&text("1 2 and 3"), Some(&colours)), chosen("o1,o2,o3"));
    for said in ["1 4", "1-2", "1 %2", ", 1", "Red Blue", "Red, not Blue", "1.2", "/"] {
        assert_eq!(read(&text(said), Some(&colours)), typed(said), "{said}");
    }
    let named = several_of(labels(&["R&D", "24/7", "Salt AND vinegar", "1 2", "Salt"]));
    for (said, values) in [
        ("r&d, 24/7", "=R&D,=24/7"),
        ("R&D/24/7", "=R&D,=24/7"),
        ("salt and vinegar and salt", "=Salt AND vinegar,=Salt"),
        ("1 2", "=1 2"),
        ("1 2, 3", "=1 2,=Salt AND vinegar"),
    ] {
        assert_eq!(read(&text(said), Some(&named)), chosen(values), "{said}");
    }
}

#[test]
fn a_cards_action_is_named_and_never_numbered() {
    let actions = vec![item("Approve", "approve"), item("Reject", "reject")];
    for look in [CardLook::Plain, CardLook::Notification] {
        let card = Control::Card(Card { look, actions: actions.clone(), ..Card::default() });
        for said in ["2", "2.", "#1", "(2)"] {
            assert_eq!(read(&text(said), Some(&card)), typed(said), "{said}");
        }
        assert_eq!(read(&text("reject."), Some(&card)), chosen("reject"));
    }
}

/// Each option and each sign costs something, and not each option for each sign.
#[test]
fn a_long_text_costs_no_more_beside_many_options() {
    let cost = |several, options: usize, said: &str| {
        let long = "Chairs, tables, lamps, rugs, beds and shelves, new, used and old";
        let items = (0..options).map(|nth| item(&format!("{long} {nth}"), &nth.to_string())).collect();
        let asked = Control::Choice(Choice { items, several, ..Choice::default() });
        let began = processor_time();
        read(&text(said), Some(&asked));
        processor_time().saturating_sub(began)
    };
    for (several, said) in [(false, "é".repeat(60_000)), (true, "7, ".repeat(190))] {
        let (long, many, both) =
            (cost(several, 5, &said), cost(several, 2000, "x"), cost(several, 2000, &said));
        assert!(
            both < (long + many) * 4 + Duration::from_millis(500),
            "{long:?} and {many:?} become {both:?}"
        );
    }
}
