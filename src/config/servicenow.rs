//! Settings of the live-agent role: the instance, its login, and what it must present to us.

use serde_json::Value;
use url::Url;

use super::{
    AfterChat, HandoffSettings, InboundCredential,
    reader::{Reader, shortened},
    surface,
};
use crate::{credential::Credential, session::Opening};

const CREDENTIALS: [&str; 6] = [
    "SERVICENOW_USERNAME",
    "SERVICENOW_PASSWORD",
    "SERVICENOW_CLIENT_ID",
    "SERVICENOW_CLIENT_SECRET",
    "SERVICENOW_TOKEN",
    "SERVICENOW_HASH_SECRET",
];

/// What is set for live chats and nothing else; other roles know an event of HANDOFF_EVENTS, too.
const FOR_CHATS: [&str; 6] = [
    "RESPONSES_TOKEN",
    "RESPONSES_BASIC",
    "SERVICENOW_APP_INBOUND_ID",
    "SERVICENOW_START",
    "SERVICENOW_CONTEXT",
    "USER_EMAIL_VARIABLE",
];

#[derive(Clone, Debug)]
pub struct ServiceNowSettings {
    /// Instance root, with a trailing slash.
    pub url: Url,
    pub login: ServiceNowLogin,
    /// Message authentication, static: header `token`.
    pub token: Option<Credential>,
    /// Message authentication, hash: header `x-b2b-signature`.
    pub hash_secret: Option<Credential>,
    pub app_inbound_id: Option<String>,
}

/// The platform's own login (layer 1); message authentication comes on top.
#[derive(Clone, Debug)]
pub enum ServiceNowLogin {
    /// Message authentication alone.
    None,
    Basic {
        username: String,
        password: Credential,
    },
    /// OAuth 2.0 password grant.
    Password {
        client_id: String,
        client_secret: Credential,
        username: String,
        password: Credential,
    },
    ClientCredentials {
        client_id: String,
        client_secret: Credential,
    },
}

impl ServiceNowLogin {
    /// The secrets among it.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> + Clone {
        let (password, client_secret) = match self {
            Self::None => (None, None),
            Self::Basic { username: _, password } => (Some(password), None),
            Self::Password { client_id: _, client_secret, username: _, password } => {
                (Some(password), Some(client_secret))
            }
            Self::ClientCredentials { client_id: _, client_secret } => (None, Some(client_secret)),
        };
        password.into_iter().chain(client_secret)
    }
}

/// The live-agent role's far end; `None` when nothing of it is set.
pub(super) fn servicenow(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<ServiceNowSettings> {
    note_half_set(reader);
    let url = reader.root("SERVICENOW_URL");
    if url.as_ref().is_some_and(|url| url.path() != "/") {
        reader.fault(
            "SERVICENOW_URL",
            "must be the instance's root, like `https://acme.service-now.com`; leave out the path.",
        );
    }
    let login = login(reader);
    let token = reader.header_secret("SERVICENOW_TOKEN");
    let hash_secret = reader.secret("SERVICENOW_HASH_SECRET");
    let app_inbound_id = reader.text("SERVICENOW_APP_INBOUND_ID");
    Some(ServiceNowSettings { url: url?, login, token, hash_secret, app_inbound_id })
}

/// A role is whole or absent: the instance, and credentials towards it. What the instance must present to us
/// may be missing: the response endpoint is then closed, which the start of the log says.
fn note_half_set(reader: &mut Reader<impl Fn(&str) -> Option<String>>) {
    let credential = reader.first_set(&CREDENTIALS);
    if !reader.is_set("SERVICENOW_URL") {
        if let Some(present) = credential.or_else(|| reader.first_said(&FOR_CHATS)) {
            reader.fault(
                "SERVICENOW_URL",
                format!("is missing: {present} is set; set the instance's root too."),
            );
        }
        return;
    }
    if credential.is_none() {
        reader.fault(
            "SERVICENOW_URL",
            "is set without credentials; set SERVICENOW_USERNAME and SERVICENOW_PASSWORD, or SERVICENOW_CLIENT_ID \
             and SERVICENOW_CLIENT_SECRET, or SERVICENOW_TOKEN, or SERVICENOW_HASH_SECRET.",
        );
    }
}

fn login(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> ServiceNowLogin {
    note_half_pair(reader, "SERVICENOW_USERNAME", "SERVICENOW_PASSWORD");
    note_half_pair(reader, "SERVICENOW_CLIENT_ID", "SERVICENOW_CLIENT_SECRET");
    let username = reader.text("SERVICENOW_USERNAME");
    if username.as_ref().is_some_and(|name| name.contains(':')) {
        reader.fault("SERVICENOW_USERNAME", "has a colon in it, which Basic can't carry; use another user.");
    }
    let password = reader.secret("SERVICENOW_PASSWORD");
    let client_id = reader.text("SERVICENOW_CLIENT_ID");
    let client_secret = reader.secret("SERVICENOW_CLIENT_SECRET");
    match (client_id.zip(client_secret), username.zip(password)) {
        (Some((client_id, client_secret)), Some((username, password))) => {
            ServiceNowLogin::Password { client_id, client_secret, username, password }
        }
        (Some((client_id, client_secret)), None) => {
            ServiceNowLogin::ClientCredentials { client_id, client_secret }
        }
        (None, Some((username, password))) => ServiceNowLogin::Basic { username, password },
        (None, None) => ServiceNowLogin::None,
    }
}

fn note_half_pair(
    reader: &mut Reader<impl Fn(&str) -> Option<String>>,
    first: &'static str,
    second: &'static str,
) {
    let (missing, present) = match (reader.is_set(first), reader.is_set(second)) {
        (true, false) => (second, first),
        (false, true) => (first, second),
        _ => return,
    };
    reader.fault(missing, format!("is missing: {present} is set; set both or neither."));
}

pub(super) fn responses(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> InboundCredential {
    InboundCredential {
        token: reader.header_secret("RESPONSES_TOKEN"),
        basic: reader.basic("RESPONSES_BASIC"),
    }
}

pub(super) fn handoff(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> HandoffSettings {
    let events = reader.list("HANDOFF_EVENTS");
    if events.is_empty() {
        reader.fault("HANDOFF_EVENTS", "names no event; write `handoff.initiate` or leave it out.");
    }
    if let Some(event) = events.iter().find(|event| event.contains([';', '"', '\''])) {
        let what = format!("has `{}`; write commas between events, and no quotes.", shortened(event));
        reader.fault("HANDOFF_EVENTS", what);
    }
    let start = [("create", Opening::CreateThenStart), ("start", Opening::Start), ("agent", Opening::Agent)];
    HandoffSettings {
        events,
        start: reader.choice("SERVICENOW_START", &start),
        context: context(reader),
        email_variable: email_variable(reader),
        timeout: reader.seconds("HANDOFF_TIMEOUT", 1..=86_400),
        after_chat: reader.choice("AFTER_CHAT", &[("bot", AfterChat::Bot), ("end", AfterChat::End)]),
        texts: surface::texts(reader),
    }
}

fn email_variable(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<String> {
    const NAME: &str = "USER_EMAIL_VARIABLE";
    let variable = reader.text(NAME)?;
    if variable.contains(['{', '}']) {
        reader.fault(NAME, format!("is `{}`; write the name alone, without braces.", shortened(&variable)));
        return None;
    }
    Some(variable)
}

fn context(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Vec<(String, String)> {
    let value = reader.text_or_default("SERVICENOW_CONTEXT");
    let Ok(Value::Object(entries)) = serde_json::from_str(&value) else {
        reader.fault(
            "SERVICENOW_CONTEXT",
            "is not a JSON object; write it like `{\"LiveAgent_queue\":\"{Queue}\"}`.",
        );
        return Vec::new();
    };
    let mut context = Vec::new();
    for (name, value) in entries {
        match template(value) {
            Ok(template) => context.push((name, template)),
            Err(what) => reader.fault("SERVICENOW_CONTEXT", format!("has the entry `{name}`, {what}")),
        }
    }
    context
}

fn template(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) if has_open_brace(&text) => {
            Err("whose `{` is never closed; close it, or write `{{` for a brace.")
        }
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err("which must be a text, a number, true or false.")
        }
    }
}

fn has_open_brace(template: &str) -> bool {
    template.replace("{{", "").split('{').skip(1).any(|part| !part.contains('}'))
}
