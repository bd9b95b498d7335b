//! Holds what the program answers against the API page, as `docs/openapi.yaml` writes it down.

use std::sync::OnceLock;

use serde_json::Value;

/// What is said of an operation's answer: `docs/openapi.yaml` has that status, and the body has its shape.
pub fn holds(path: &str, method: &str, status: u16, body: &Value) {
    let operation = &page()["paths"][path][method];
    assert!(operation.is_object(), "{method} {path} is not described");
    let responses = &operation["responses"];
    let described = responses.get(status.to_string()).or_else(|| responses.get("default"));
    let described = described.unwrap_or_else(|| panic!("{method} {path}: {status} is not described: {body}"));
    let content = &described["content"];
    let schema = match body {
        Value::String(_) => &content["text/plain"]["schema"],
        _ => &content["application/json"]["schema"],
    };
    assert!(schema.is_object(), "{method} {path} {status}: such a body is not described: {body}");
    fits(schema, body, &format!("{method} {path} {status}"));
}

/// An answer that was sent to the response address.
pub fn answers(body: &Value) {
    fits(&page()["components"]["schemas"]["Answer"], body, "an answer");
}

/// What a request says of itself stands in its answer as it came.
pub fn echoes(request: &Value, answer: &Value) {
    if answer.get("body").is_none() {
        return;
    }
    for key in
        ["requestId", "clientSessionId", "nowSessionId", "enterpriseId", "nowBotId", "appInboundId", "userId"]
    {
        assert_eq!(answer.get(key), request.get(key), "{key} of {request}");
    }
    for (name, value) in request["clientVariables"].as_object().into_iter().flatten() {
        assert_eq!(&answer["clientVariables"][name], value, "{name} of {request}");
    }
    let sent = &request["message"];
    for key in ["typed", "clientMessageId"] {
        assert_eq!(answer["message"].get(key), sent.get(key), "message.{key} of {request}");
    }
    let text = answer["message"].get("text");
    assert!(text.is_none() || text == sent.get("text"), "{answer}");
    assert!(!answer["message"].to_string().contains("\"headers\""), "an attachment's credentials: {answer}");
    if let Some(id) = answer.get("interactionId") {
        assert!(answer["body"].as_array().unwrap().iter().any(|one| one["interactionId"] == *id), "{answer}");
    }
}

/// `docs/openapi.yaml`.
pub fn page() -> &'static Value {
    static PAGE: OnceLock<Value> = OnceLock::new();
    PAGE.get_or_init(|| serde_saphyr::from_str(include_str!("../../../docs/openapi.yaml")).unwrap())
}

fn fits(schema: &Value, value: &Value, place: &str) {
    let wrong = faults(schema, value, "");
    assert!(wrong.is_empty(), "{place}: {wrong:#?} in {value:#}");
}

/// As much of JSON Schema as the page needs.
fn faults(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').expect("one of the same file");
        let target = page().pointer(pointer).unwrap_or_else(|| panic!("{name} is not there"));
        return faults(target, value, at);
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        return of_one(variants, value, at);
    }
    let mut wrong = Vec::new();
    if let Some(kind) = schema["type"].as_str()
        && !is(kind, value)
    {
        return vec![format!("{at} is no {kind}: {value}")];
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        wrong.push(format!("{at} is {value}, not one of {allowed:?}"));
    }
    if let (Some(least), Some(text)) = (schema["minLength"].as_u64(), value.as_str())
        && (text.chars().count() as u64) < least
    {
        wrong.push(format!("{at} is too short: {value}"));
    }
    if let Some(items) = value.as_array() {
        if schema["minItems"].as_u64().is_some_and(|least| (items.len() as u64) < least) {
            wrong.push(format!("{at} has too few entries"));
        }
        for (n, item) in items.iter().enumerate() {
            wrong.extend(faults(&schema["items"], item, &format!("{at}/{n}")));
        }
    }
    if let Some(object) = value.as_object() {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        wrong.extend(
            required.filter(|key| !object.contains_key(*key)).map(|key| format!("{at}/{key} is missing")),
        );
        for (key, value) in object {
            match schema["properties"].get(key) {
                Some(schema) => wrong.extend(faults(schema, value, &format!("{at}/{key}"))),
                None if schema["additionalProperties"] == false => {
                    wrong.push(format!("{at}/{key} is not on the page"))
                }
                None => {}
            }
        }
    }
    wrong
}

/// The variant that names the value's `uiType` tells most.
fn of_one(variants: &[Value], value: &Value, at: &str) -> Vec<String> {
    let tried: Vec<_> = variants.iter().map(|variant| faults(variant, value, at)).collect();
    let fitting = tried.iter().filter(|wrong| wrong.is_empty()).count();
    match fitting {
        1 => Vec::new(),
        0 => {
            let other = |wrong: &&Vec<String>| !wrong.iter().any(|one| one.contains("/uiType is"));
            tried.iter().find(other).or(tried.first()).cloned().unwrap_or_default()
        }
        several => vec![format!("{at} fits {several} of the page's shapes: {value}")],
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("no type {other}"),
    }
}

#[test]
fn what_is_not_on_the_page_is_found() {
    use serde_json::json;
    let element = json!({"uiType": "OutputImage", "group": "DefaultPicture", "value": "https://example.com/a.png", "altText": "", "messageId": "1"});
    let element_of =
        |schema: &str, value: &Value| faults(&page()["components"]["schemas"][schema], value, "");
    let wrong = element_of("Element", &element);
    assert!(wrong.len() == 1 && wrong[0].starts_with("/group is \"DefaultPicture\""), "{wrong:?}");
    assert_eq!(element_of("Answer", &json!({"body": [], "completed": false})).len(), 1);
    assert_eq!(element_of("Answer", &json!({"body": [], "score": "0.9"})).len(), 1);
    assert_eq!(element_of("Answer", &json!({"body": [], "other": 1})).len(), 1);
    assert_eq!(element_of("Failure", &json!({"status": "failure", "error": {"message": "m"}})).len(), 1);
    assert!(
        element_of(
            "Answer",
            &json!({"body": [{"uiType": "ActionMsg", "actionType": "StartTypingIndicator"}]})
        )
        .is_empty()
    );
}

/// The routes of both roles are described, with their methods, and nothing else is.
#[test]
fn what_is_described_is_what_is_served() {
    let described: std::collections::BTreeSet<(String, String)> = page()["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| (path.trim_start_matches('/').to_owned(), method.clone()))
        })
        .collect();
    let served = ["relayToDirectLine", "secondary-bot", "secondary-bot-media"].map(|folder| {
        let file = format!("{}/{folder}/function.json", env!("CARGO_MANIFEST_DIR"));
        let function: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let trigger = &function["bindings"][0];
        let text = |value: &Value| value.as_str().unwrap().to_lowercase();
        let route = trigger["route"].as_str().map_or_else(|| format!("api/{folder}"), str::to_owned);
        (route, text(&trigger["methods"][0]))
    });
    assert_eq!(described, served.into());
    for action in ["AGENT", "SWITCH", "TYPING/VIEWING"] {
        let actions = &page()["components"]["schemas"]["Request"]["properties"]["action"]["enum"];
        assert!(actions.as_array().unwrap().contains(&action.into()), "{action}");
    }
}
