//! What a call was about: who called whom, in which conversation, for what.

use serde_json::Value;

/// Who calls whom, as the time line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Side {
    Chat,
    Connector,
    #[serde(rename = "Copilot Studio")]
    CopilotStudio,
    ServiceNow,
    #[serde(rename = "Primary bot")]
    PrimaryBot,
}

/// From whom a call comes that the simulated Copilot Studio gets.
pub fn caller_of_copilot_studio(path: &str) -> Side {
    // The token endpoint is the chat's own business; all else comes through the connector.
    if path.starts_with("/powervirtualagents/") { Side::Chat } else { Side::Connector }
}

/// From whom a call comes that the connector gets; `None` is nobody's conversation.
pub fn caller_of_connector(path: &str) -> Option<Side> {
    let path = path.to_ascii_lowercase();
    if path.starts_with("/v3/directline/") || path.starts_with("/api/files/") {
        Some(Side::Chat)
    } else if path.starts_with("/api/servicenow/responses") || path.starts_with("/api/relaytodirectline") {
        Some(Side::ServiceNow)
    } else if path.starts_with("/api/sn_va_as_service/") || path.starts_with("/api/now/") {
        Some(Side::PrimaryBot)
    } else {
        None
    }
}

/// The conversation that a call belongs to, as its own words tell.
pub fn conversation(path: &str, body: &Value, answer: &Value) -> Option<String> {
    let in_path = path.split('?').next().and_then(|path| path.split_once("/conversations/"));
    let in_path = in_path.and_then(|(_, rest)| rest.split('/').next()).filter(|id| !id.is_empty());
    let decoded = |raw: &str| percent_encoding::percent_decode_str(raw).decode_utf8_lossy().into_owned();
    let session = || body["clientSessionId"].as_str().map(|session| chat_of(session).to_owned());
    let started = || answer["conversationId"].as_str().map(str::to_owned);
    in_path.map(decoded).or_else(session).or_else(started)
}

/// `<id>~2` is the second hand-off of the conversation `<id>`.
fn chat_of(session: &str) -> &str {
    match session.rsplit_once('~') {
        Some((id, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => id,
        _ => session,
    }
}

/// One or two words for what a call is for.
pub fn action(to: Side, method: &str, path: &str, body: &Value) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let last = path.rsplit('/').next().unwrap_or_default();
    match to {
        Side::ServiceNow => match path {
            "/oauth_token.do" => "OAuth token".to_owned(),
            "/api/now/v1/cccif/media/upload" => "upload a file".to_owned(),
            _ if method == "GET" => "fetch a file".to_owned(),
            _ => body["action"].as_str().filter(|action| !action.is_empty()).unwrap_or("message").to_owned(),
        },
        _ if last.eq_ignore_ascii_case("responses") => webhook(body),
        _ if last == "integration" => body["action"].as_str().unwrap_or("message").to_owned(),
        _ => direct_line(method, path, last, body),
    }
}

fn direct_line(method: &str, path: &str, last: &str, body: &Value) -> String {
    let said = match (method, last) {
        ("GET", "activities") => "read",
        ("POST", "activities") => {
            let kind = body["type"].as_str().unwrap_or("activity");
            return body["name"].as_str().map_or(kind.to_owned(), |name| format!("{kind} {name}"));
        }
        ("POST", "conversations") => "start",
        ("POST", "refresh") => "refresh the token",
        ("POST", "upload") => "upload",
        ("POST", "generate") | ("GET", "token") => "get a token",
        ("GET", _) if path.contains("/conversations/") => "reconnect",
        ("GET", _) if path.contains("/files/") || path.contains("/attachments/") => "fetch a file",
        ("GET", "relayToDirectLine") => "one turn",
        _ => last,
    };
    said.to_owned()
}

fn webhook(body: &Value) -> String {
    let kind = |item: &Value| {
        let kind = item["actionType"].as_str().or(item["uiType"].as_str()).unwrap_or("item");
        kind.to_owned()
    };
    let kinds: Vec<String> = body["body"].as_array().into_iter().flatten().map(kind).collect();
    if kinds.is_empty() { "webhook".to_owned() } else { kinds.join(", ") }
}

/// Whether nothing came of it: a read that found nothing new.
pub fn is_quiet(action: &str, answer: &Value) -> bool {
    action == "read" && answer["activities"].as_array().is_none_or(Vec::is_empty)
}

/// Whether somebody is asked here for something that must not be shown; what the question is known by.
pub fn masked_questions(value: &Value) -> Vec<String> {
    let mut found = vec![];
    look(value, "", &mut found);
    found
}

fn look(value: &Value, id: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
            // Of a card's parts each has an id; the question is known by its activity's.
            let activity = if fields.contains_key("attachments") { text("id") } else { "" };
            let id = [text("messageId"), activity].into_iter().find(|id| !id.is_empty()).unwrap_or(id);
            let asks = text("uiType") == "InputText" && text("maskType").eq_ignore_ascii_case("SECURE");
            let card = text("type") == "Input.Text" && text("style").eq_ignore_ascii_case("password");
            if asks || card {
                found.push(id.to_owned());
            }
            fields.values().for_each(|field| look(field, id, found));
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, id, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_names_its_conversation_in_path_body_or_answer() {
        let none = Value::Null;
        let path = "/v3/directline/conversations/Ab%2Dc/activities?watermark=3";
        assert_eq!(conversation(path, &none, &none).as_deref(), Some("Ab-c"));
        assert_eq!(conversation("/x", &json!({"clientSessionId": "Abc~2"}), &none).as_deref(), Some("Abc"));
        let started = json!({"conversationId": "Abc"});
        assert_eq!(conversation("/v3/directline/conversations", &none, &started).as_deref(), Some("Abc"));
        assert_eq!(conversation("/v3/directline/tokens/refresh", &none, &none), None);
    }

    #[test]
    fn actions_read_as_people_say_them() {
        let none = Value::Null;
        let integration = "/api/sn_va_as_service/bot/integration";
        let typing = json!({"action": "TYPING"});
        assert_eq!(action(Side::ServiceNow, "POST", integration, &typing), "TYPING");
        assert_eq!(action(Side::ServiceNow, "POST", integration, &none), "message");
        let event = json!({"type": "event", "name": "startConversation"});
        let activities = "/v3/directline/conversations/c/activities";
        assert_eq!(action(Side::Connector, "POST", activities, &event), "event startConversation");
        assert_eq!(action(Side::Connector, "GET", activities, &none), "read");
        let body =
            json!({"body": [{"uiType": "ActionMsg", "actionType": "System"}, {"uiType": "OutputText"}]});
        assert_eq!(action(Side::Connector, "POST", "/api/servicenow/responses", &body), "System, OutputText");
    }

    #[test]
    fn masked_questions_are_known_on_both_sides() {
        let webhook = json!({"body": [{"uiType": "InputText", "maskType": "SECURE", "messageId": "m1"}]});
        assert_eq!(masked_questions(&webhook), ["m1"]);
        let card = json!({"activities": [{"id": "c|7", "attachments": [{"content": {"body": [
            {"type": "Input.Text", "id": "answer", "style": "Password"}]}}]}]});
        assert_eq!(masked_questions(&card), ["c|7"]);
        assert!(masked_questions(&json!({"uiType": "InputText", "maskType": "NONE"})).is_empty());
    }
}
