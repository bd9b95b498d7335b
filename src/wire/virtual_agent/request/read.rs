//! JSON as a request, forgivingly.

use serde_json::{Map, Value};

use super::{
    Action, DeliveryStatus, HistoryItem, Message, MessageUpdate, Request, SwitchTo, attached::attachments,
};
use crate::wire::json::{self, NotJson, number};

/// Why a body is no request at all.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    #[error("the body is not JSON")]
    NotJson(#[from] NotJson),
    #[error("the body is not a JSON object")]
    NotAnObject,
}

type Object = Map<String, Value>;

pub(super) fn request(mut body: Object) -> Request {
    let action = action(&mut body);
    Request {
        request_id: text(&body, "requestId").unwrap_or_default(),
        client_session_id: text(&body, "clientSessionId").unwrap_or_default(),
        user_id: text(&body, "userId").unwrap_or_default(),
        user_name: text(&body, "userName"),
        email_id: text(&body, "emailId"),
        timezone: match action {
            Action::SetUserTimezone(_) => None,
            _ => text(&body, "timezone"),
        },
        timestamp: millis(&body, "timestamp"),
        app_inbound_id: text(&body, "appInboundId"),
        bot_to_bot: flag(&body, "botToBot"),
        context_variables: variables(&mut body, "contextVariables"),
        client_variables: variables(&mut body, "clientVariables"),
        history: objects(unpacked(&mut body, "history")).map(history_item).collect(),
        sync_response: flag(&body, "syncResponse").unwrap_or(false),
        silent_message: flag(&body, "silentMessage"),
        action,
    }
}

fn action(body: &mut Object) -> Action {
    // Whatever stands there that is no text is no action of the page's either.
    let odd = || body.get("action").filter(|action| action.is_object() || action.is_array());
    let name = text(body, "action").or_else(|| odd().map(Value::to_string)).unwrap_or_default();
    let said = body.remove("message");
    match name.trim().to_ascii_uppercase().as_str() {
        // The page's name for no action.
        "" | "NULL" => Action::Message(message(said)),
        "AGENT" => Action::Agent(message(said)),
        "CREATE_CONVERSATION" => Action::CreateConversation,
        "START_CREATED_CONVERSATION" => Action::StartCreatedConversation(message(said)),
        "START_CONVERSATION" => Action::StartConversation(message(said)),
        "END_CONVERSATION" => Action::EndConversation,
        "FAULT_CONVERSATION" => Action::FaultConversation { cause: text(body, "cause").unwrap_or_default() },
        "SEND_HISTORY" => Action::SendHistory,
        // As the page of features spells it once.
        "SET_USER_TIMEZONE" | "SET_TIMEZONE" => match text(body, "timezone") {
            Some(zone) => Action::SetUserTimezone(zone),
            None => Action::Unknown { name, message: message(said) },
        },
        "SWITCH" => match switch(body) {
            Some(target) => Action::Switch(target, message(said)),
            None => Action::Unknown { name, message: message(said) },
        },
        "TYPING" => Action::Typing,
        // The page names the pair with a stroke between: typing, and then the end of it.
        "VIEWING" | "TYPING/VIEWING" => Action::Viewing,
        "UPDATE_MESSAGES" => Action::UpdateMessages(objects(said).filter_map(update).collect()),
        _ => Action::Unknown { name, message: message(said) },
    }
}

/// Topic before intent. A bare string is an id when it looks like a `sys_id`; an id and a name of one thing are none, as the page
/// has it.
fn switch(body: &Object) -> Option<SwitchTo> {
    let one = |named: &Object| match (text(named, "id"), text(named, "name")) {
        (Some(_), Some(_)) => Err(()),
        (id, name) => Ok((id, name)),
    };
    let topic = match body.get("topic") {
        Some(Value::Object(topic)) => {
            let (id, name) = one(topic).ok()?;
            id.map(SwitchTo::TopicId).or_else(|| name.map(SwitchTo::TopicName))
        }
        _ => text(body, "topic").map(|topic| {
            let is_sys_id = topic.len() == 32 && topic.bytes().all(|b| b.is_ascii_hexdigit());
            if is_sys_id { SwitchTo::TopicId(topic) } else { SwitchTo::TopicName(topic) }
        }),
    };
    let intent = match body.get("intent") {
        Some(Value::Object(intent)) => {
            let (id, name) = one(intent).ok()?;
            id.or(name)
        }
        _ => text(body, "intent"),
    };
    topic.or_else(|| intent.map(SwitchTo::IntentId))
}

/// A bare string is taken as typed text.
fn message(said: Option<Value>) -> Message {
    if let Some(Value::String(text)) = said {
        return Message::typed(text);
    }
    let mut all = objects(said).map(|mut said| Message {
        text: text(&said, "text").unwrap_or_default(),
        typed: flag(&said, "typed").unwrap_or(true),
        client_message_id: text(&said, "clientMessageId"),
        attachments: ["attachment", "attachments"]
            .iter()
            .flat_map(|name| attachments(said.remove(*name)))
            .collect(),
    });
    let first = all.next().unwrap_or_default();
    all.fold(first, |mut whole, more| {
        let texts = [whole.text, more.text];
        whole.text = texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        whole.attachments.extend(more.attachments);
        whole
    })
}

/// An update that names no message says nothing.
fn update(update: Object) -> Option<MessageUpdate> {
    let status = text(&update, "status").unwrap_or_default();
    let status = match status.to_ascii_lowercase().as_str() {
        "sent_to_user" => DeliveryStatus::SentToUser,
        "external_error" => DeliveryStatus::ExternalError,
        _ => DeliveryStatus::Unknown(status),
    };
    Some(MessageUpdate { id: text(&update, "id")?, status, text: text(&update, "text") })
}

fn history_item(item: Object) -> HistoryItem {
    HistoryItem {
        is_bot_message: flag(&item, "isBotMessage").unwrap_or(false),
        value: text(&item, "value").unwrap_or_default(),
        display_name: text(&item, "displayName").unwrap_or_default(),
        timestamp: millis(&item, "timestamp"),
    }
}

/// The objects of an array, or the one object; nothing of anything else.
pub(super) fn objects(value: Option<Value>) -> impl Iterator<Item = Object> {
    let items = match value {
        Some(Value::Array(items)) => items,
        other => other.into_iter().collect(),
    };
    items.into_iter().filter_map(|item| match item {
        Value::Object(object) => Some(object),
        _ => None,
    })
}

/// Variables as whoever reads JSON without care takes them.
fn variables(map: &mut Object, key: &str) -> Object {
    let mut variables = unpacked(map, key);
    variables.iter_mut().for_each(number::loosen);
    match variables {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    }
}

/// What stands there, perhaps as JSON in a string.
fn unpacked(map: &mut Object, key: &str) -> Option<Value> {
    let value = map.remove(key)?;
    let json = value.as_str().and_then(|text| json::read(text.as_bytes()).ok());
    Some(json.map_or(value, |json| json.value))
}

/// A string that is not empty, or a number as it came, or a flag as text.
pub(super) fn text(map: &Object, key: &str) -> Option<String> {
    match map.get(key)? {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        value => Some(number::plain(value).into_owned()).filter(|text| !text.is_empty()),
    }
}

fn flag(map: &Object, key: &str) -> Option<bool> {
    match map.get(key)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The page says milliseconds, most of its examples are seconds: what would lie before March 1973 is seconds.
fn millis(map: &Object, key: &str) -> Option<i64> {
    let given = text(map, key)?;
    let whole = || given.trim().parse::<f64>().ok().filter(|at| at.is_finite()).map(|at| at as i64);
    let at = given.trim().parse().ok().or_else(whole)?;
    Some(if at.unsigned_abs() < 100_000_000_000 { at * 1000 } else { at })
}
