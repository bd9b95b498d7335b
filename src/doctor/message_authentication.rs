//! Message authentication towards ServiceNow, which can't be judged by a status: a wrong token gets 200 `success` too,
//! because it is checked only afterwards, in the background.
//!
//! What tells is an answer in full. CREATE_CONVERSATION with `syncResponse` brings the new conversation's id in the HTTP
//! response itself; with a wrong token there is only `success`. The conversation is never started, so that it
//! is offered to no agent, and ended at once, also when it may have been made and no answer says so.

use std::time::Duration;

use serde_json::Value;

use super::{
    Depth,
    answer::{in_time, unanswered, within},
    finding::Finding,
};
use crate::{
    config::{ServiceNowSettings, Settings},
    domain::Timestamp,
    far_end::CallError,
    servicenow::ServiceNow,
    session::Opening,
    wire::{
        json,
        virtual_agent::request::{Action, Request},
    },
};

const CODE: &str = "servicenow.message_authentication";
/// ServiceNow keeps a channel user of this name; always the same one.
const USER: &str = "handler-doctor";
/// As long as the connector itself waits for it.
const CREATING: Duration = Duration::from_secs(60);

pub(super) async fn check(
    settings: &Settings,
    far: &ServiceNowSettings,
    client: &ServiceNow,
    depth: Depth,
) -> Finding {
    if far.token.is_none() && far.hash_secret.is_none() {
        return Finding::off(CODE, "Neither SERVICENOW_TOKEN nor SERVICENOW_HASH_SECRET is set.")
            .fix("Set one, if users shall be more than guests.");
    }
    if depth == Depth::Harmless {
        return Finding::off(
            CODE,
            "Not checked: ServiceNow answers 200 `success` to a wrong token or signature, too, and then stays silent.",
        )
        .fix("Run `handler doctor --deep`: it opens a conversation that no agent is offered, and ends it.");
    }
    opened(settings, client).await
}

/// For an API that can't be called.
pub(super) fn not_checked() -> Finding {
    Finding::off(CODE, "Not checked, because the API can't be called.")
        .fix("Look first at what is said of ServiceNow above.")
}

async fn opened(settings: &Settings, client: &ServiceNow) -> Finding {
    let session = format!("handler-doctor-{}", Timestamp::now().0);
    let request = |step, action| Request::new(format!("{session}-{step}"), &session, USER, action);
    let create = Request { sync_response: true, ..request("create", Action::CreateConversation) };
    let created = within(CREATING, client.send(&create, None)).await;
    if let Err(error @ (CallError::NotSent(_) | CallError::Rejected { .. } | CallError::Throttled { .. })) =
        &created
    {
        return not_created(settings, error);
    }
    let ended = in_time(client.send(&request("end", Action::EndConversation), None)).await;
    match created {
        Err(error) => return not_created(settings, &error),
        Ok(answer) if !answer.synchronous.as_deref().is_some_and(names_a_conversation) => {
            return silent(settings);
        }
        Ok(_) => {}
    }
    match ended {
        Ok(_) => Finding::good(
            CODE,
            "It is good: ServiceNow opened a conversation (never offered to an agent) and ended it.",
        ),
        Err(error) => Finding::caution(
            CODE,
            format!(
                "It is good, but the conversation {session} opened for this could not be ended: {error}."
            ),
        )
        .fix("Nothing to do: ServiceNow ends it by itself after its idle time-out."),
    }
}

fn not_created(settings: &Settings, error: &CallError) -> Finding {
    let has_token = settings.servicenow.as_ref().is_some_and(|far| far.token.is_some());
    let setting = match error {
        CallError::Rejected { .. } if has_token => "SERVICENOW_TOKEN",
        CallError::Rejected { .. } => "SERVICENOW_HASH_SECRET",
        _ => "SERVICENOW_URL",
    };
    unanswered(CODE, "ServiceNow, asked for a conversation,", setting, error)
}

/// Any item with an id: the action's name is not relied on.
fn names_a_conversation(body: &[u8]) -> bool {
    let answer = json::read(body).unwrap_or_default().value;
    let items = answer.get("body").and_then(Value::as_array).into_iter().flatten();
    items
        .into_iter()
        .any(|item| item.get("conversationId").and_then(Value::as_str).is_some_and(|id| !id.is_empty()))
}

/// `success` and no more. Where chats are not opened by CREATE_CONVERSATION, an old API may be the cause.
fn silent(settings: &Settings) -> Finding {
    let text = "ServiceNow answers 200 and nothing else where a conversation was asked for: the message token or \
                signature is most likely wrong, and every chat would be met with this silence.";
    let fix = "Compare SERVICENOW_TOKEN with the provider's record in token_verification (SERVICENOW_HASH_SECRET: \
               hash_message_verification), and SERVICENOW_APP_INBOUND_ID with the provider application's inbound id; \
               look for `sn_va_as_service` in the instance's system log.";
    if settings.handoff.start == Opening::CreateThenStart {
        return Finding::wrong(CODE, text).fix(fix);
    }
    Finding::caution(
        CODE,
        format!("{text} Or its API is too old for CREATE_CONVERSATION, which SERVICENOW_START spares."),
    )
    .fix(fix)
}
