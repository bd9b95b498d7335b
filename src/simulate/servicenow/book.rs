//! All chats and requests of an instance.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::{
    chat::Chat,
    request::{Request, text},
    view::{ChatView, Fetched, Mark, Recorded},
};
use crate::domain::Timestamp;

#[derive(Default)]
pub(super) struct Book {
    chats: HashMap<String, Chat>,
    /// Chats that were closed, oldest first; the ones to forget when there are too many.
    closed: VecDeque<(String, u64)>,
    opened: u64,
    requests: VecDeque<Recorded>,
    ignored: VecDeque<Recorded>,
}

impl Book {
    pub(super) fn chat(&mut self, session: &str) -> Option<&mut Chat> {
        self.chats.get_mut(session)
    }

    pub(super) fn open_chat(&mut self, session: &str) -> Option<&mut Chat> {
        self.chats.get_mut(session).filter(|chat| chat.is_open())
    }

    /// The session of the chat with this conversation id.
    pub(super) fn session_of(&self, conversation_id: &str) -> Option<String> {
        self.chats
            .values()
            .find(|chat| chat.conversation_id == conversation_id)
            .map(|chat| chat.session.clone())
    }

    /// The number the next chat gets.
    pub(super) fn next_number(&mut self) -> u64 {
        self.opened += 1;
        self.opened
    }

    /// Keeps a new chat; forgets the oldest closed ones when there are more than `keep`.
    pub(super) fn insert(&mut self, chat: Chat, keep: usize) -> &mut Chat {
        let session = chat.session.clone();
        while self.chats.len() >= keep.max(1) {
            let Some((session, number)) = self.closed.pop_front() else { break };
            if self.chats.get(&session).is_some_and(|chat| chat.number == number) {
                self.chats.remove(&session);
            }
        }
        self.chats.entry(session).insert_entry(chat).into_mut()
    }

    /// To be called once a chat is closed.
    pub(super) fn note_closed(&mut self, session: &str) {
        let Some(chat) = self.chats.get(session).filter(|chat| !chat.is_open()) else { return };
        let entry = (chat.session.clone(), chat.number);
        if self.closed.back() != Some(&entry) {
            self.closed.push_back(entry);
        }
    }

    pub(super) fn views(&self) -> Vec<ChatView> {
        let mut chats: Vec<&Chat> = self.chats.values().collect();
        chats.sort_by_key(|chat| chat.number);
        chats.into_iter().map(Chat::view).collect()
    }

    pub(super) fn record(&mut self, request: &Request, traceparent: Option<String>, keep: usize) {
        remember(&mut self.requests, request, traceparent, keep);
    }

    pub(super) fn record_ignored(&mut self, request: &Request, traceparent: Option<String>, keep: usize) {
        remember(&mut self.ignored, request, traceparent, keep);
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &Recorded> {
        self.requests.iter()
    }

    pub(super) fn ignored(&self) -> impl Iterator<Item = &Recorded> {
        self.ignored.iter()
    }

    pub(super) fn clear(&mut self) {
        *self = Self { opened: self.opened, ..Self::default() };
    }

    /// What UPDATE_MESSAGES says about lines of a chat.
    pub(super) fn mark(&mut self, session: &str, updates: &Value) {
        let Some(chat) = self.chats.get_mut(session) else { return };
        for update in updates.as_array().into_iter().flatten() {
            let id = text(update, "id");
            for line in chat.lines_mut().filter(|line| line.message_id == id) {
                let failed = text(update, "status").eq_ignore_ascii_case("external_error");
                line.mark = if failed { Mark::Failed } else { Mark::Delivered };
                if !text(update, "text").is_empty() {
                    line.updated_text = Some(text(update, "text").to_owned());
                }
            }
        }
    }

    /// What came of downloading a file of the user.
    pub(super) fn note_fetched(&mut self, session: &str, url: &str, fetched: &Fetched) {
        let Some(chat) = self.chats.get_mut(session) else { return };
        for file in
            chat.lines_mut().flat_map(|line| line.attachments.iter_mut()).filter(|file| file.url == url)
        {
            file.fetched = Some(fetched.clone());
        }
    }
}

fn remember(list: &mut VecDeque<Recorded>, request: &Request, traceparent: Option<String>, keep: usize) {
    if keep == 0 {
        return;
    }
    if list.len() >= keep {
        list.pop_front();
    }
    let message = request.raw.get("message").unwrap_or(&Value::Null);
    list.push_back(Recorded {
        at: Timestamp::now(),
        session: request.session().to_owned(),
        action: request.text("action").to_owned(),
        request_id: request.text("requestId").to_owned(),
        client_message_id: text(message, "clientMessageId").to_owned(),
        text: request.message_text().to_owned(),
        body: request.raw.clone(),
        traceparent,
    });
}
