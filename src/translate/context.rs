//! ServiceNow's context variables, from the agent's.
//!
//! A template is text with `{Name}` in it; `{{` is a brace. What stands for no variable stays as it is.

use serde_json::{Map, Value};

/// Fills the templates of `SERVICENOW_CONTEXT` from an escalation's variables, and adds what is not given.
///
/// A template that is only a missing variable leaves its entry out; a missing one inside text becomes empty.
pub fn context(
    templates: &[(String, String)],
    variables: &Map<String, Value>,
    locale: Option<&str>,
    timezone: Option<&str>,
) -> Map<String, Value> {
    let mut filled = Map::new();
    for (name, template) in templates {
        if let Some(text) = fill(template, variables) {
            filled.insert(name.clone(), Value::String(text));
        }
    }
    let added = [
        ("live_agent_only", Some("true".to_owned())),
        ("requester_session_language", locale.and_then(language)),
        ("deviceTimeZone", timezone.map(str::trim).filter(|zone| !zone.is_empty()).map(str::to_owned)),
    ];
    for (name, value) in added {
        let given = filled.keys().any(|key| key.eq_ignore_ascii_case(name));
        if let Some(value) = value.filter(|_| !given) {
            filled.insert(name.to_owned(), Value::String(value));
        }
    }
    filled
}

/// A variable as text: numbers and booleans written out, an option by its value, a list with commas, an object as compact JSON.
/// `None` when it is missing, which null is as well.
pub fn variable(variables: &Map<String, Value>, name: &str) -> Option<String> {
    variables.get(name).and_then(text_of)
}

/// See [`variable`].
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(list) => Some(list.iter().filter_map(text_of).collect::<Vec<_>>().join(",")),
        Value::Object(map) => match (map.get("$kind"), map.get("value")) {
            (Some(_), Some(option)) => text_of(option),
            _ => Some(value.to_string()),
        },
    }
}

enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

fn fill(template: &str, variables: &Map<String, Value>) -> Option<String> {
    let pieces = pieces(template);
    if let [Piece::Variable(name)] = pieces[..] {
        return variable(variables, name);
    }
    let texts = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Variable(name) => variable(variables, name).unwrap_or_default(),
    });
    Some(texts.collect())
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (head, tail) = rest.split_at(at);
        if !head.is_empty() {
            found.push(Piece::Text(head));
        }
        let name = tail[1..].split_once('}').map(|(name, _)| name).filter(|name| !name.contains('{'));
        (found, rest) = match name {
            _ if tail.starts_with("{{") => with(found, Piece::Text("{"), &tail[2..]),
            Some(name) if !name.trim().is_empty() => {
                with(found, Piece::Variable(name.trim()), &tail[name.len() + 2..])
            }
            _ => with(found, Piece::Text("{"), &tail[1..]),
        };
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    found
}

fn with<'a>(mut found: Vec<Piece<'a>>, piece: Piece<'a>, rest: &'a str) -> (Vec<Piece<'a>>, &'a str) {
    found.push(piece);
    (found, rest)
}

/// Whether a locale says a language at all.
pub fn names_language(locale: &str) -> bool {
    language(locale).is_some()
}

/// `en` of `en-US`, `en_US` or `en_US.UTF-8`; three languages have codes of ServiceNow's own.
fn language(locale: &str) -> Option<String> {
    let locale = locale.trim().to_ascii_lowercase();
    let mut tags = locale.split(['.', '@']).next()?.split(['-', '_']);
    let language = tags.next()?;
    let has = |tag: &str| tags.clone().any(|one| one == tag);
    let traditional = || has("hant") || !has("hans") && ["tw", "hk", "mo"].into_iter().any(has);
    let language = match language {
        "pt" if has("br") => "pb",
        "fr" if has("ca") => "fq",
        "zh" if traditional() => "zt",
        language => language,
    };
    let is_code = (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
    is_code.then(|| language.to_owned())
}

/// What a language code of ServiceNow's is elsewhere.
pub fn locale_of(code: &str) -> String {
    match code.trim().to_ascii_lowercase().as_str() {
        "pb" => "pt-BR".to_owned(),
        "fq" => "fr-CA".to_owned(),
        "zt" => "zh-TW".to_owned(),
        _ => code.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn filled(template: &str) -> Option<Value> {
        let variables = json!({
            "Queue": "it", "Count": 3, "Vip": true, "Nothing": null, "Empty": "",
            "Kind": {"$kind": "OptionDataValue", "type": {"a": 1}, "value": "Side Effects"},
            "Person": {"name": "Ana", "n": 1}, "List": ["a", 2],
        });
        let variables = variables.as_object().expect("an object").clone();
        let templates = [("x".to_owned(), template.to_owned())];
        context(&templates, &variables, None, None).get("x").cloned()
    }

    #[test]
    fn templates_are_filled_as_the_contract_says() {
        for (template, expected) in [
            ("{Queue}", Some("it")),
            ("plain", Some("plain")),
            ("", Some("")),
            ("{Count} of {Vip}", Some("3 of true")),
            ("{Kind}", Some("Side Effects")),
            ("{Person}", Some(r#"{"n":1,"name":"Ana"}"#)),
            ("{List}", Some("a,2")),
            ("{Missing}", None),
            ("{Nothing}", None),
            ("{Empty}", Some("")),
            ("q-{Missing}-{Queue}", Some("q--it")),
            ("{Missing}{Missing}", Some("")),
            ("{{Queue}", Some("{Queue}")),
            ("{{{Queue}}", Some("{it}")),
            ("open {Queue", Some("open {Queue")),
            ("{}", Some("{}")),
            ("{a{Queue}", Some("{ait")),
        ] {
            assert_eq!(filled(template), expected.map(Value::from), "{template}");
        }
    }

    #[test]
    fn language_zone_and_live_agent_are_added_unless_given() {
        let none = Map::new();
        assert_eq!(
            Value::Object(context(&[], &none, Some("De-AT"), Some("Europe/Vienna"))),
            json!({
                "live_agent_only": "true", "requester_session_language": "de", "deviceTimeZone": "Europe/Vienna",
            })
        );
        let own = [("live_agent_only", "false"), ("requester_session_language", "fr")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            Value::Object(context(&own, &none, Some("de"), None)),
            json!({"live_agent_only": "false", "requester_session_language": "fr"})
        );
    }

    #[test]
    fn languages_go_by_service_nows_codes() {
        for (locale, code) in [
            ("en-US", "en"),
            ("DE_at", "de"),
            ("pt-BR", "pb"),
            ("pt-PT", "pt"),
            ("fr-CA", "fq"),
            ("fr-FR", "fr"),
            ("zh-TW", "zt"),
            ("zh-Hant-HK", "zt"),
            ("zh-Hant", "zt"),
            ("zh-HK", "zt"),
            ("zh-Hans-CN", "zh"),
            ("zh-CN", "zh"),
            ("zh-Hans-HK", "zh"),
            ("zh-MO", "zt"),
            ("ZH_yue_HK", "zt"),
            ("pt_BR.UTF-8", "pb"),
            ("fr-CA-x-own", "fq"),
            ("es-419", "es"),
        ] {
            assert_eq!(language(locale).as_deref(), Some(code), "{locale}");
        }
        for odd in [" ", "x", "", "x-klingon", "7", "C.UTF-8", "-", "é", "<b>", &"a".repeat(5_000)] {
            assert_eq!(language(odd), None);
        }
        for (code, locale) in [("pb", "pt-BR"), ("FQ", "fr-CA"), ("zt", "zh-TW"), (" de-AT ", "de-AT")] {
            assert_eq!(locale_of(code), locale);
        }
    }

    proptest! {
        #![proptest_config(crate::cases(128))]

        #[test]
        fn any_template_is_filled_without_panic(template in "[a{}é ]{0,24}") {
            filled(&template);
        }

        #[test]
        fn a_template_without_braces_stays_as_it_is(template in "[^{}]{0,24}") {
            prop_assert_eq!(filled(&template), Some(Value::from(template)));
        }
    }
}
