use super::*;

#[test]
fn no_language_lacks_a_text_or_a_variable() {
    for (language, json) in LANGUAGES {
        let wordings: Wordings = serde_json::from_str(json).expect("JSON");
        for text in Text::ALL {
            let wording = wordings.get(text.id()).unwrap_or_else(|| panic!("{language} lacks {}", text.id()));
            let mut found = variables(wording).collect::<Vec<_>>();
            found.sort_unstable();
            assert_eq!(found, text.variables(), "{language}: {wording}");
            assert!(!wording.trim().is_empty(), "{language}: {}", text.id());
        }
        assert_eq!(wordings.len(), Text::ALL.len(), "{language} has a text that nobody says");
    }
}

#[test]
fn the_page_about_texts_lists_each_with_its_variables() {
    let page = include_str!("../../../docs/texts.md");
    for text in Text::ALL {
        let variables =
            text.variables().iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(" ");
        let english = Words::default().get(*text);
        let row = format!("| `{}` | {english} | {variables} |", text.id());
        assert!(page.contains(&row), "docs/texts.md lacks: {row}");
    }
}

#[test]
fn the_most_specific_language_is_read_first() {
    let given = r#"{"de": {"skip": "Weiter"}, "de-AT": {"send": "Abschicken"}, "en": {"open": "Open it"}}"#;
    let texts = Texts::parse(given).expect("right");
    for (locale, text, wording) in [
        (None, Text::Skip, "Skip"),
        (Some("de"), Text::Skip, "Weiter"),
        (Some("de-AT"), Text::Skip, "Weiter"),
        (Some("de_at"), Text::Send, "Abschicken"),
        (Some("de-DE"), Text::Send, "Senden"),
        (Some("pt-BR"), Text::Skip, "Pular"),
        (Some("pt-PT"), Text::Skip, "Pular"),
        (Some("zh-Hant-TW"), Text::Skip, "跳过"),
        (Some("zh-CN"), Text::Skip, "跳过"),
        (Some("ja-JP"), Text::Skip, "スキップ"),
        (Some("ja-JP-u-ca-japanese"), Text::Skip, "スキップ"),
        (Some("de-DE-u-co-phonebk"), Text::Skip, "Weiter"),
        (Some("fr-CA-x-a"), Text::Skip, "Passer"),
        (Some("zh-Hant-TW-u-co-stroke"), Text::Skip, "跳过"),
        (Some("sv-SE-u-co-search"), Text::Open, "Open it"),
        (Some("sv-SE"), Text::Open, "Open it"),
        (Some(""), Text::Open, "Open it"),
    ] {
        assert_eq!(texts.of(locale).get(text), wording, "{locale:?}");
    }
}

#[test]
fn the_clients_language_comes_before_the_agents() {
    let texts = Texts::default();
    for (locale, language, wording) in [
        (Some("de-AT"), Some("fr-FR"), "Überspringen"),
        (Some("sv-SE"), Some("fr-CA"), "Passer"),
        (None, Some("nl"), "Overslaan"),
        (Some("sv"), Some("fi"), "Skip"),
    ] {
        let user = User {
            locale: locale.map(str::to_owned),
            language: language.map(str::to_owned),
            ..User::default()
        };
        assert_eq!(texts.of_user(&user).get(Text::Skip), wording, "{locale:?} {language:?}");
    }
}

#[test]
fn a_browser_says_which_languages_it_wants() {
    let texts = Texts::parse(r#"{"sv": {"skip": "Hoppa över"}}"#).expect("texts");
    for (header, wording) in [
        ("de-AT,de;q=0.9,en;q=0.8", "Überspringen"),
        ("fi, nl;q=0.4, fr-CA;q=0.7", "Passer"),
        ("fr;q=0, it", "Salta"),
        ("de; q=0.9", "Überspringen"),
        ("nl;Q=0.4, de ; q = 0.5", "Überspringen"),
        ("nl;level=1;q=0.4, de;\tq=0.5", "Überspringen"),
        ("de;level=1", "Überspringen"),
        ("de; q=0, nl;q=0.1", "Overslaan"),
        ("sv-SE", "Hoppa över"),
        ("*", "Skip"),
        ("", "Skip"),
        (";q=;,,q=1,de;q=x", "Skip"),
    ] {
        assert_eq!(texts.accepted(header).get(Text::Skip), wording, "{header}");
    }
}

#[test]
fn variables_are_filled_in_and_their_braces_are_not_read_again() {
    let words = Words::default();
    assert_eq!(
        words.with(Text::NotDelivered, &[("text", "{name} {")]),
        "This message could not be delivered: {name} {"
    );
    assert_eq!(words.rows_of(2, 9), "2 of 9");
    assert_eq!(
        words.upload_limits(true, Some(1), Some(5)).as_deref(),
        Some("(pictures only, number of files: 1 at most, 5 MB each at most)")
    );
    assert_eq!(words.upload_limits(false, None, None), None);
}

#[test]
fn wordings_that_can_not_be_said_are_refused() {
    for (json, part) in [
        ("{", "is not JSON"),
        (r#"{"de": "x"}"#, "is not JSON"),
        (r#"{"de": {"skp": "x"}}"#, "no text `skp` (in `de`)"),
        (r#"{"de": {"joined": "{who} ist da"}}"#, "{who}"),
        (r#"{"de": {"joined": "{name} ist da. {name"}}"#, "in `joined` (in `de`) that is never closed"),
        (r#"{"de": {"joined": "} {name"}}"#, "never closed"),
        (r#"{"de": {"skip": " "}}"#, "no words for `skip` (in `de`)"),
    ] {
        let what = Texts::parse(json).expect_err("wrong");
        assert!(what.contains(part), "{what}");
    }
}

#[test]
fn a_text_is_told_in_every_wording_that_it_has() {
    let texts = Texts::parse(r#"{"pl": {"skip": "Pomiń"}, "de": {"skip": "Weiter"}}"#).expect("right");
    let all = texts.of(Some("fr")).every(Text::Skip).collect::<Vec<_>>();
    for wording in ["Pomiń", "Weiter", "Überspringen", "Passer", "Skip"] {
        assert!(all.contains(&wording), "{wording}");
    }
}
