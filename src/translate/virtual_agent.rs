//! ServiceNow messages as what they mean to a conversation.

use serde_json::Value;

mod control;

pub use super::system::system_meaning;
use super::{readable, text::Voice};
pub use crate::domain::inbound::{Header, Inbound, Item, SystemMeaning, What};
use crate::{
    domain::{
        Agent,
        control::{Control, Mask, Step},
    },
    wire::virtual_agent::response::{
        Action, Element, Kind, Response, StreamState,
        action::{DynamicLoader, LoaderStep},
        element::AgentInfo,
    },
};

/// Reads a message. Every element answers, whatever its neighbours are.
pub fn inbound(response: Response) -> Inbound {
    let Response {
        request_id,
        client_session_id,
        user_id,
        interaction_id,
        now_session_id: _,
        app_inbound_id: _,
        client_variables,
        agent_chat,
        completed,
        take_control,
        score: _,
        stream_active,
        stream_state,
        failure: _,
        body,
        lost: _,
    } = response;
    let streaming = match stream_active {
        Some(active) => active,
        None => matches!(stream_state, Some(StreamState::Start | StreamState::InProgress)),
    };
    let stream_ends = stream_state == Some(StreamState::End) || stream_active == Some(false);
    let notifies = !agent_chat && body.iter().any(is_notification);
    Inbound {
        session: client_session_id,
        request_id,
        interaction_id,
        user_id,
        client_variables,
        agent_chat,
        completed,
        take_control,
        streaming,
        stream_ends,
        notifies,
        items: body.into_iter().flat_map(items).collect(),
    }
}

fn is_notification(element: &Element) -> bool {
    match &element.kind {
        Kind::OutputCard(card) => control::is_notification(card),
        Kind::Action { action, raw: _ } => *action == Action::SwitchConversation,
        _ => false,
    }
}

/// An element as items: mostly one; a life-cycle step with words is two.
fn items(element: Element) -> Vec<Item> {
    let Element { message_id, agent, texts, mask_type, kind } = element;
    let mask = control::mask(mask_type.as_deref());
    let shown = |text: String| if mask == Mask::None { text } else { String::new() };
    let agent = agent.and_then(person);
    let item = |what| Item { message_id: message_id.clone(), agent: agent.clone(), what };
    match kind {
        Kind::StreamStart { stream_id: stream } => {
            let hint = texts.value.map(shown).filter(|hint| !hint.trim().is_empty());
            vec![item(What::StreamStarted { stream, hint })]
        }
        Kind::StreamChunk { stream_id: stream, sequence, blank } => {
            let text = texts.value.or(blank).map(shown).unwrap_or_default();
            vec![item(What::StreamChunk { stream, sequence, text })]
        }
        Kind::Action { action, raw } if mask != Mask::None => {
            let words =
                readable::joined(&raw).map(|text| control::hidden(Control::Text { text }, mask, Voice::Bot));
            let what =
                if let Action::DynamicLoader(_) = action { What::Nothing } else { step(action, None).0 };
            let means =
                (what != What::Nothing || words.is_none()).then(|| Item { message_id: None, ..item(what) });
            means.into_iter().chain(words.map(|words| item(What::Said(words)))).collect()
        }
        Kind::Action { action: Action::DynamicLoader(loader), raw: _ } => {
            vec![Item { message_id: None, ..item(progress(loader)) }]
        }
        Kind::Action { action, raw } => match step(action, readable::joined(&raw)) {
            (what, None) => vec![item(what)],
            (what, Some(words)) => {
                vec![Item { message_id: None, ..item(what) }, item(What::System(words))]
            }
        },
        Kind::Unknown { ui_type, raw, why: _ } => vec![item(unknown(ui_type, &raw, mask))],
        kind => {
            let nothing = || What::Unreadable { ui_type: String::new() };
            let by = if agent.is_some() { Voice::Person } else { Voice::Bot };
            vec![item(control::control(kind, texts, mask, by).map_or_else(nothing, What::Said))]
        }
    }
}

fn person(info: AgentInfo) -> Option<Agent> {
    let AgentInfo { sent_from_agent, name, id, avatar } = info;
    sent_from_agent.then_some(Agent { name, id, avatar })
}

/// What an action message means, and the words that are still to be shown.
fn step(action: Action, words: Option<String>) -> (What, Option<String>) {
    let what = match action {
        Action::System { message: _ } | Action::ChatSubHeader => {
            return (words.map_or(What::Nothing, What::System), None);
        }
        Action::StartSpinner { spinner_type: _, message: _, wait_time } => {
            let what = match (words, wait_time) {
                (Some(words), Some(wait)) => What::Waiting(format!("{words} ({wait})")),
                (None, Some(wait)) => What::Waiting(wait),
                (Some(words), None) => What::System(words),
                (None, None) => What::Nothing,
            };
            return (what, None);
        }
        Action::CreateConversation { conversation_id: conversation, interaction_id: interaction }
        | Action::StartConversation { conversation_id: conversation, interaction_id: interaction } => {
            What::Created { conversation, interaction }
        }
        Action::SubscribeToSupportQueue => What::Queued,
        Action::SwitchToLiveAgent => What::AgentJoined,
        Action::SwitchToVirtualAgent => What::BackToVirtualAgent,
        Action::SwitchConversation => What::NewConversation,
        Action::StartTypingIndicator => What::TypingStarted,
        Action::EndTypingIndicator => What::TypingStopped,
        Action::DynamicLoader(loader) => progress(loader),
        Action::TopicFinished => What::TopicFinished,
        Action::SubscribeToChatPresence | Action::EndSpinner | Action::Separator => {
            return (words.map_or(What::Nothing, What::System), None);
        }
    };
    (what, words)
}

/// A task's steps, and what stands over them for now.
fn progress(loader: DynamicLoader) -> What {
    let DynamicLoader { header, default_header, parent_message_id: key, steps } = loader;
    let is_seen = |text: &String| !text.trim().is_empty();
    let steps: Vec<_> = steps.into_iter().filter(|step| is_seen(&step.text)).map(status_in_words).collect();
    let is_standing = header == default_header || header.is_none();
    let header = if steps.is_empty() { header.or(default_header) } else { header };
    let header = header.filter(is_seen).map(|text| Header { text, is_standing });
    if steps.is_empty() && header.is_none() { What::Nothing } else { What::Progress { key, header, steps } }
}

fn status_in_words(LoaderStep { text, status }: LoaderStep) -> Step {
    let status = status.map(|status| status.trim().replace('_', " ").to_lowercase());
    Step { text, status: status.filter(|status| !status.is_empty()) }
}

fn unknown(ui_type: String, raw: &Value, mask: Mask) -> What {
    match control::degraded(ui_type.clone(), raw, mask, Voice::Bot) {
        Some(control) => What::Said(control),
        None => What::Unreadable { ui_type },
    }
}

#[cfg(test)]
mod tests;
