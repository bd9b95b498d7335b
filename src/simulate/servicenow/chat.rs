//! One conversation as the instance keeps it.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{
    ids,
    items::Answer,
    request::{Request, text},
    view::{ChatView, Delivery, FileView, Line, Mark, Speaker, Standing},
    webhook::Outgoing,
};
use crate::domain::Timestamp;

/// Where the chat stands, with what is true there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Created,
    /// With the virtual agent, which didn't understand so many times in a row.
    Bot {
        misses: u32,
    },
    Queued,
    Live {
        agent: String,
    },
    Ended {
        why: &'static str,
    },
    Abandoned,
}

pub(super) struct Chat {
    pub session: String,
    pub conversation_id: String,
    pub interaction_id: String,
    /// The order in which chats were opened.
    pub number: u64,
    pub stage: Stage,
    /// The virtual agent still works on the last request; what comes meanwhile is ignored.
    pub busy: bool,
    pub user_typing: bool,
    silent: bool,
    waiting_since: Option<Timestamp>,
    opened_at: Timestamp,
    last_agent: Option<String>,
    /// The last request's own fields, which come back with each answer.
    echo: Map<String, Value>,
    user_id: String,
    user_name: String,
    email: String,
    timezone: String,
    context: Map<String, Value>,
    history: VecDeque<Value>,
    lines: VecDeque<Line>,
    deliveries: VecDeque<Delivery>,
    agent_messages: u32,
    keep: usize,
    lane: mpsc::UnboundedSender<Outgoing>,
}

/// Request fields that an answer repeats.
const ECHOED: [&str; 7] =
    ["requestId", "clientSessionId", "nowSessionId", "userId", "appInboundId", "clientVariables", "message"];

impl Chat {
    pub(super) fn open(
        number: u64,
        request: &Request,
        keep: usize,
        lane: mpsc::UnboundedSender<Outgoing>,
    ) -> Self {
        let mut chat = Self {
            session: request.session().to_owned(),
            conversation_id: ids::sys_id(),
            interaction_id: ids::sys_id(),
            number,
            stage: Stage::Bot { misses: 0 },
            busy: false,
            user_typing: false,
            silent: false,
            waiting_since: None,
            opened_at: Timestamp::now(),
            last_agent: None,
            echo: Map::new(),
            user_id: request.text("userId").to_owned(),
            user_name: String::new(),
            email: String::new(),
            timezone: String::new(),
            context: Map::new(),
            history: VecDeque::new(),
            lines: VecDeque::new(),
            deliveries: VecDeque::new(),
            agent_messages: 0,
            keep,
            lane,
        };
        chat.add_history(request);
        chat
    }

    /// Takes over what the request says about the user and what answers will repeat.
    pub(super) fn note(&mut self, request: &Request) {
        for key in ECHOED {
            if let Some(value) = request.raw.get(key).filter(|value| !value.is_null()) {
                self.echo.insert(key.to_owned(), value.clone());
            }
        }
        for (field, key) in [
            (&mut self.user_name, "userName"),
            (&mut self.email, "emailId"),
            (&mut self.timezone, "timezone"),
        ] {
            if !request.text(key).is_empty() {
                request.text(key).clone_into(field);
            }
        }
        if let Some(context) = request.raw.get("contextVariables").and_then(Value::as_object) {
            self.context.extend(context.clone());
        }
        self.silent = request.silent().unwrap_or(self.silent);
    }

    /// History is taken from a chat's first request and from SEND_HISTORY.
    pub(super) fn add_history(&mut self, request: &Request) {
        let items = request.raw.get("history").and_then(Value::as_array);
        self.history.extend(items.into_iter().flatten().cloned());
        trim(&mut self.history, self.keep);
    }

    /// Only the string counts; a boolean is not what the platform reads.
    pub(super) fn live_agent_only(&self) -> bool {
        self.context.get("live_agent_only").and_then(Value::as_str) == Some("true")
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Ended { .. } | Stage::Abandoned)
    }

    pub(super) fn is_with_people(&self) -> bool {
        matches!(self.stage, Stage::Queued | Stage::Live { .. })
    }

    pub(super) fn queue(&mut self) {
        self.stage = Stage::Queued;
        self.waiting_since = Some(Timestamp::now());
    }

    /// Makes `agent` the one who answers.
    pub(super) fn seat(&mut self, agent: &str) {
        self.stage = Stage::Live { agent: agent.to_owned() };
        self.last_agent = Some(agent.to_owned());
    }

    pub(super) fn agent_or<'a>(&'a self, fallback: &'a str) -> &'a str {
        self.last_agent.as_deref().unwrap_or(fallback)
    }

    pub(super) fn close(&mut self, why: &'static str) {
        self.stage = Stage::Ended { why };
        self.user_typing = false;
    }

    /// Some of an agent's messages have no score: every third.
    pub(super) fn agent_score(&mut self) -> Option<u8> {
        self.agent_messages += 1;
        (!self.agent_messages.is_multiple_of(3)).then_some(1)
    }

    pub(super) fn add_user_line(&mut self, request: &Request) {
        let attachments: Vec<FileView> = request.attachments().into_iter().map(file_view).collect();
        if request.message_text().is_empty() && attachments.is_empty() {
            return;
        }
        let message = request.raw.get("message").unwrap_or(&Value::Null);
        let name = if self.user_name.is_empty() { &self.user_id } else { &self.user_name };
        self.user_typing = false;
        self.push(Line {
            at: Timestamp::now(),
            from: Speaker::User,
            name: name.clone(),
            text: request.message_text().to_owned(),
            message_id: text(message, "clientMessageId").to_owned(),
            mark: Mark::Delivered,
            updated_text: None,
            attachments,
        });
    }

    pub(super) fn add_line(&mut self, from: Speaker, name: &str, text: &str, message_id: &str) {
        self.push(Line {
            at: Timestamp::now(),
            from,
            name: name.to_owned(),
            text: text.to_owned(),
            message_id: message_id.to_owned(),
            mark: Mark::Pending,
            updated_text: None,
            attachments: Vec::new(),
        });
    }

    fn push(&mut self, line: Line) {
        self.lines.push_back(line);
        trim(&mut self.lines, self.keep);
    }

    pub(super) fn lines_mut(&mut self) -> impl Iterator<Item = &mut Line> {
        self.lines.iter_mut()
    }

    /// Marks what a webhook carried, unless the user's side has already said more.
    pub(super) fn note_delivery(&mut self, delivery: Delivery) {
        let taken = delivery.status.is_some_and(|status| (200..300).contains(&status));
        let carried = |line: &&mut Line| delivery.message_ids.contains(&line.message_id);
        for line in self.lines.iter_mut().filter(|line| line.mark == Mark::Pending).filter(carried) {
            line.mark = if taken { Mark::Sent } else { Mark::Failed };
        }
        self.deliveries.push_back(delivery);
        trim(&mut self.deliveries, self.keep);
    }

    /// The whole body of an answer: what is echoed, the ids, the items and the flags.
    pub(super) fn envelope(&self, answer: Answer) -> Value {
        let mut body = self.echo.clone();
        body.insert("interactionId".to_owned(), json!(self.interaction_id));
        answer.write_to(&mut body);
        Value::Object(body)
    }

    /// Puts a webhook behind the chat's others. A bot that was told to be silent sends none.
    pub(super) fn send(&mut self, outgoing: Outgoing) {
        if self.silent && matches!(self.stage, Stage::Bot { .. }) {
            self.busy = false;
        } else if self.lane.send(outgoing).is_err() {
            tracing::debug!(session = %self.session, "Stopped; a webhook is dropped");
        }
    }

    pub(super) fn view(&self) -> ChatView {
        let language = ["requester_session_language", "language"];
        let language = language.iter().find_map(|key| self.context.get(*key).and_then(Value::as_str));
        ChatView {
            id: self.conversation_id.clone(),
            interaction_id: self.interaction_id.clone(),
            session: self.session.clone(),
            user_id: self.user_id.clone(),
            user_name: self.user_name.clone(),
            email: self.email.clone(),
            standing: self.standing(),
            agent: self.last_agent.clone(),
            ended_because: if let Stage::Ended { why } = self.stage { Some(why) } else { None },
            opened_at: self.opened_at,
            waiting_since: self.waiting_since,
            language: language.unwrap_or_default().to_owned(),
            timezone: self.timezone.clone(),
            user_typing: self.user_typing,
            context: self.context.clone(),
            history: self.history.iter().cloned().collect(),
            lines: self.lines.iter().cloned().collect(),
            line_count: self.lines.len(),
            deliveries: self.deliveries.iter().cloned().collect(),
        }
    }

    fn standing(&self) -> Standing {
        match self.stage {
            Stage::Created => Standing::Created,
            Stage::Bot { .. } => Standing::Bot,
            Stage::Queued => Standing::Queued,
            Stage::Live { .. } => Standing::Live,
            Stage::Ended { .. } => Standing::Ended,
            Stage::Abandoned => Standing::ClosedAbandoned,
        }
    }
}

fn file_view(attachment: &Value) -> FileView {
    FileView {
        name: text(attachment, "fileName").to_owned(),
        media_type: text(attachment, "contentType").to_owned(),
        url: text(attachment, "url").to_owned(),
        fetched: None,
    }
}

fn trim<T>(list: &mut VecDeque<T>, keep: usize) {
    let over = list.len().saturating_sub(keep);
    list.drain(..over);
}
