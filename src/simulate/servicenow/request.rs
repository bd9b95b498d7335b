//! Reading a call to the bot integration endpoint, as strictly as the real one and in two places stricter.

use std::fmt;

use serde_json::{Map, Value};

/// What the call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Message,
    Start,
    Create,
    StartCreated,
    Agent,
    Switch,
    End,
    Fault,
    UpdateMessages,
    SendHistory,
    SetUserTimezone,
    Typing,
    Viewing,
}

impl Action {
    fn parse(raw: &str) -> Option<Self> {
        Some(match raw {
            "" => Self::Message,
            "START_CONVERSATION" => Self::Start,
            "CREATE_CONVERSATION" => Self::Create,
            "START_CREATED_CONVERSATION" => Self::StartCreated,
            "AGENT" => Self::Agent,
            "SWITCH" => Self::Switch,
            "END_CONVERSATION" => Self::End,
            "FAULT_CONVERSATION" => Self::Fault,
            "UPDATE_MESSAGES" => Self::UpdateMessages,
            "SEND_HISTORY" => Self::SendHistory,
            "SET_USER_TIMEZONE" => Self::SetUserTimezone,
            "TYPING" => Self::Typing,
            "VIEWING" => Self::Viewing,
            _ => return None,
        })
    }
}

/// A call that is well formed.
pub(super) struct Request {
    pub action: Action,
    pub raw: Value,
}

/// Why a call is refused with 400.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub message: &'static str,
    pub detail: String,
}

impl Refusal {
    pub(super) fn new(message: &'static str, detail: impl fmt::Display) -> Self {
        Self { message, detail: detail.to_string() }
    }

    fn wrong_type(key: &str) -> Self {
        Self::new("Invalid parameter", format_args!("{key} has a wrong type"))
    }
}

impl Request {
    /// Takes the body apart. Stricter than the real one: an unknown action is refused, and so is
    /// `attachment: null`, which older releases answered with success while hiding the text from the agent.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let raw: Value = serde_json::from_slice(body).map_err(|error| Refusal::new("Invalid JSON", error))?;
        let fields = raw.as_object().ok_or_else(|| Refusal::wrong_type("the body"))?;
        check_types(fields)?;
        if text(&raw, "userId").is_empty() {
            return Err(Refusal::new("Missing parameter", "userId is mandatory"));
        }
        let named = text(&raw, "action");
        let action = Action::parse(named)
            .ok_or_else(|| Refusal::new("Invalid parameter", format_args!("no such action: {named}")))?;
        check_message(action, raw.get("message"))?;
        check_action(action, &raw)?;
        Ok(Self { action, raw })
    }

    pub(super) fn text(&self, key: &str) -> &str {
        text(&self.raw, key)
    }

    /// The key a chat is kept under: the session when there is one, else the user.
    pub(super) fn session(&self) -> &str {
        match self.text("clientSessionId") {
            "" => self.text("userId"),
            session => session,
        }
    }

    pub(super) fn message_text(&self) -> &str {
        self.raw.get("message").map_or("", |message| text(message, "text"))
    }

    pub(super) fn attachments(&self) -> Vec<&Value> {
        match self.raw.get("message").and_then(|message| message.get("attachment")) {
            Some(Value::Array(many)) => many.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }

    pub(super) fn wants_sync(&self) -> bool {
        self.raw.get("syncResponse") == Some(&Value::Bool(true))
    }

    /// `silentMessage`, which is a boolean in one document and a string in another.
    pub(super) fn silent(&self) -> Option<bool> {
        match self.raw.get("silentMessage") {
            Some(Value::Bool(on)) => Some(*on),
            Some(Value::String(on)) => Some(on.eq_ignore_ascii_case("true")),
            _ => None,
        }
    }
}

/// The string under `key`, or nothing.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn check_types(fields: &Map<String, Value>) -> Result<(), Refusal> {
    for (key, value) in fields {
        let fits = match key.as_str() {
            "requestId" | "clientSessionId" | "nowSessionId" | "appInboundId" | "action" | "token"
            | "userId" | "userName" | "emailId" | "timezone" | "cause" => {
                value.is_string() || value.is_null()
            }
            "contextVariables" | "clientVariables" | "topic" | "intent" => {
                value.is_object() || value.is_null()
            }
            "history" => value.is_array() || value.is_null(),
            "syncResponse" | "botToBot" => value.is_boolean() || value.is_null(),
            "silentMessage" => value.is_boolean() || value.is_string(),
            "timestamp" => value.is_number() || value.is_null(),
            _ => true,
        };
        if !fits {
            return Err(Refusal::wrong_type(key));
        }
    }
    Ok(())
}

fn check_message(action: Action, message: Option<&Value>) -> Result<(), Refusal> {
    let Some(message) = message.filter(|message| !message.is_null()) else { return Ok(()) };
    if action == Action::UpdateMessages {
        return message.as_array().map(|_| ()).ok_or_else(|| Refusal::wrong_type("message"));
    }
    let fields = message.as_object().ok_or_else(|| Refusal::wrong_type("message"))?;
    for (key, value) in fields {
        let fits = match key.as_str() {
            "text" | "clientMessageId" => value.is_string() || value.is_null(),
            "typed" => value.is_boolean(),
            "attachment" => value.is_object() || value.is_array(),
            _ => true,
        };
        if !fits {
            return Err(Refusal::wrong_type(&format!("message.{key}")));
        }
    }
    Ok(())
}

fn check_action(action: Action, raw: &Value) -> Result<(), Refusal> {
    let missing = |what: &str| Err(Refusal::new("Missing parameter", format_args!("{what} is mandatory")));
    let message = raw.get("message").unwrap_or(&Value::Null);
    let attachment = message.get("attachment");
    match action {
        Action::Message if raw.get("silentMessage").is_some() && message.is_null() => Ok(()),
        Action::Message if text(message, "text").is_empty() && attachment.is_none() => {
            missing("message.text")
        }
        Action::End if !text(message, "text").is_empty() => {
            Err(Refusal::new("Invalid parameter", "message.text must be empty at the end of a conversation"))
        }
        Action::Fault if text(raw, "cause").is_empty() => missing("cause"),
        Action::SetUserTimezone if text(raw, "timezone").is_empty() => missing("timezone"),
        Action::SendHistory if raw.get("history").is_none_or(|history| !history.is_array()) => {
            missing("history")
        }
        Action::Switch if raw.get("topic").is_none() && raw.get("intent").is_none() => missing("topic"),
        Action::UpdateMessages => check_updates(message),
        _ => check_attachments(attachment),
    }
}

fn check_updates(updates: &Value) -> Result<(), Refusal> {
    let wrong = |what: &str| Err(Refusal::new("Invalid parameter", what));
    let Some(updates) = updates.as_array() else { return wrong("message must be a list") };
    for update in updates {
        let status = text(update, "status").to_ascii_lowercase();
        if text(update, "id").is_empty() {
            return wrong("message.id is mandatory");
        }
        if !matches!(status.as_str(), "sent_to_user" | "external_error") {
            return wrong("message.status is neither sent_to_user nor external_error");
        }
    }
    Ok(())
}

fn check_attachments(attachment: Option<&Value>) -> Result<(), Refusal> {
    let list = match attachment {
        Some(Value::Array(many)) => many.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    for one in list {
        for key in ["contentType", "fileName", "url"] {
            if text(one, key).is_empty() {
                let what = format_args!("message.attachment.{key} is mandatory");
                return Err(Refusal::new("Missing parameter", what));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_refused() {
        for (body, why) in [
            ("{", "Invalid JSON"),
            ("[]", "Invalid parameter"),
            (r#"{"message":{"text":"hi"}}"#, "Missing parameter"),
            (r#"{"userId":7,"message":{"text":"hi"}}"#, "Invalid parameter"),
            (r#"{"userId":"u","message":"hi"}"#, "Invalid parameter"),
            (r#"{"userId":"u","message":{"text":5}}"#, "Invalid parameter"),
            (r#"{"userId":"u","message":{"text":"hi","typed":"yes"}}"#, "Invalid parameter"),
            (r#"{"userId":"u","message":{"text":"hi","attachment":null}}"#, "Invalid parameter"),
            (r#"{"userId":"u","message":{"attachment":{"url":"http://127.0.0.1/"}}}"#, "Missing parameter"),
            (r#"{"userId":"u"}"#, "Missing parameter"),
            (r#"{"userId":"u","action":"DANCE"}"#, "Invalid parameter"),
            (r#"{"userId":"u","action":"END_CONVERSATION","message":{"text":"bye"}}"#, "Invalid parameter"),
            (r#"{"userId":"u","action":"FAULT_CONVERSATION"}"#, "Missing parameter"),
            (r#"{"userId":"u","action":"UPDATE_MESSAGES","message":{"id":"m"}}"#, "Invalid parameter"),
            (
                r#"{"userId":"u","action":"UPDATE_MESSAGES","message":[{"id":"m","status":"read"}]}"#,
                "Invalid parameter",
            ),
        ] {
            assert_eq!(
                Request::parse(body.as_bytes()).err().map(|refusal| refusal.message),
                Some(why),
                "{body}"
            );
        }
    }

    #[test]
    fn the_documented_minimum_is_enough() {
        for body in [
            r#"{"userId":"u","message":{"text":"hi"}}"#,
            r#"{"userId":"u","action":"CREATE_CONVERSATION","message":{}}"#,
            r#"{"userId":"u","action":"TYPING"}"#,
            r#"{"userId":"u","silentMessage":"true"}"#,
            r#"{"userId":"u","action":"UPDATE_MESSAGES","message":[{"id":"m","status":"Sent_To_User"}]}"#,
        ] {
            assert!(Request::parse(body.as_bytes()).is_ok(), "{body}");
        }
    }
}
