//! What the instance does with a call, action by action.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    book::Book,
    chat::{Chat, Stage},
    ids,
    instance::Instance,
    items::{self, Answer},
    request::{Action, Refusal, Request, text},
    view::Speaker,
    virtual_agent::{self, Turn},
    webhook::{self, Outgoing},
};

/// The HTTP answer to a call.
pub(super) enum Reply {
    /// `{"status":"success"}`; whatever else there is to say comes by webhook.
    Success,
    /// UPDATE_MESSAGES answers in plain text.
    Processed,
    /// The answer itself, in synchronous mode.
    Body(Value),
    Refused(Refusal),
}

impl Instance {
    /// Does what the call asks for. Calls are never recognised as repeated: the real one doesn't either.
    pub(super) fn process(self: &Arc<Self>, request: &Request, traceparent: Option<String>) -> Reply {
        let mut book = self.book();
        let keep = self.options.keep_requests;
        if ignores(&mut book, request) {
            book.record_ignored(request, traceparent, keep);
            return Reply::Success;
        }
        if request.action == Action::StartCreated && book.open_chat(request.session()).is_none() {
            return Reply::Refused(Refusal::new("Invalid request", "this conversation was not created"));
        }
        book.record(request, traceparent, keep);
        let reply = match request.action {
            Action::UpdateMessages => {
                book.mark(request.session(), request.raw.get("message").unwrap_or(&Value::Null));
                Reply::Processed
            }
            Action::Typing | Action::Viewing | Action::SendHistory | Action::SetUserTimezone => {
                aside(&mut book, request);
                Reply::Success
            }
            _ => self.converse(&mut book, request),
        };
        book.note_closed(request.session());
        drop(book);
        self.fetch_attachments(request);
        self.changed();
        reply
    }

    /// Everything that moves a conversation on.
    fn converse(self: &Arc<Self>, book: &mut Book, request: &Request) -> Reply {
        let chat = self.chat_for(book, request);
        chat.note(request);
        chat.add_user_line(request);
        let answer = match request.action {
            Action::Create => Some(create(chat)),
            Action::End => Some(end(chat)),
            Action::Fault => {
                chat.close("fault");
                Some(Answer::new(Vec::new()).take_control().score(Some(0)))
            }
            Action::StartCreated | Action::Start | Action::Agent => Some(self.start(chat, request)),
            Action::Switch if !chat.is_with_people() => {
                let topic = request.raw.get("topic").or_else(|| request.raw.get("intent"));
                self.turn(chat, virtual_agent::switch(topic))
            }
            _ => self.hear(chat, request),
        };
        match answer {
            Some(answer) => self.answer(chat, request, answer),
            None => Reply::Success,
        }
    }

    /// The open chat of the session, or a new one with a lane for its webhooks.
    fn chat_for<'a>(self: &Arc<Self>, book: &'a mut Book, request: &Request) -> &'a mut Chat {
        let session = request.session().to_owned();
        if book.open_chat(&session).is_none() {
            let number = book.next_number();
            let (lane, outgoing) = mpsc::unbounded_channel();
            let chat = Chat::open(number, request, self.options.keep_lines, lane);
            self.runtime.spawn(webhook::run_lane(Arc::clone(self), session.clone(), number, outgoing));
            return book.insert(chat, self.options.keep_chats);
        }
        book.chat(&session).expect("the chat was found open a line above")
    }

    /// START_CONVERSATION, START_CREATED_CONVERSATION and AGENT: to a person, or to the greeting.
    fn start(self: &Arc<Self>, chat: &mut Chat, request: &Request) -> Answer {
        let by_agent = request.action == Action::Agent;
        if by_agent && self.options.agent_falls_back && !chat.is_with_people() {
            return virtual_agent::lost();
        }
        if by_agent || chat.live_agent_only() || chat.is_with_people() {
            return self.queue(chat, request);
        }
        chat.stage = Stage::Bot { misses: 0 };
        virtual_agent::greeting()
    }

    /// Queues the chat, unless it is queued or served already; the answer is the same.
    fn queue(self: &Arc<Self>, chat: &mut Chat, request: &Request) -> Answer {
        if !chat.is_with_people() {
            if !self.agents_available() {
                chat.close("no agents");
                return Answer::new(vec![items::text(items::NO_AGENTS)]).completed();
            }
            chat.queue();
            self.send_auto_agent(chat);
        }
        let wait = &self.options.wait_text;
        let items = match request.action {
            Action::StartCreated => {
                items::queued_created(&chat.conversation_id, request.text("userId"), wait)
            }
            _ => items::queued(wait),
        };
        Answer::new(items).agent_chat()
    }

    /// An ordinary message: to the person, or to the virtual agent.
    fn hear(self: &Arc<Self>, chat: &mut Chat, request: &Request) -> Option<Answer> {
        let said = request.message_text();
        match chat.stage {
            Stage::Live { .. } => {
                self.auto_answer(chat, said);
                None
            }
            Stage::Bot { .. } if chat.live_agent_only() => Some(self.queue(chat, request)),
            Stage::Bot { .. } if said.is_empty() && request.attachments().is_empty() => None,
            Stage::Bot { misses } => self.turn(chat, virtual_agent::hear(said, misses)),
            _ => None,
        }
    }

    fn turn(self: &Arc<Self>, chat: &mut Chat, turn: Turn) -> Option<Answer> {
        match turn {
            Turn::Say(answer, misses) => {
                chat.stage = Stage::Bot { misses };
                Some(answer)
            }
            Turn::Queue if self.agents_available() => {
                chat.queue();
                self.send_auto_agent(chat);
                Some(Answer::new(items::queued(&self.options.wait_text)).agent_chat())
            }
            Turn::Queue => {
                chat.close("no agents");
                Some(Answer::new(vec![items::text(items::NO_AGENTS)]).completed())
            }
            Turn::Close(answer, why) => {
                chat.close(why);
                Some(answer)
            }
            Turn::Vanish => {
                chat.close("switch");
                None
            }
        }
    }

    /// An answer with a text.
    pub(super) fn quote(&self, request: &Request) -> Reply {
        let mut book = self.book();
        let Some(chat) = book.open_chat(request.session()) else { return Reply::Success };
        let message = request.raw.get("message").unwrap_or(&Value::Null);
        let message = text(message, "clientMessageId");
        let id = ids::sys_id_of(&format!("quote of {message}"));
        let mut quote = items::text(&format!("Taken: {message}"));
        quote["messageId"] = id.into();
        Reply::Body(chat.envelope(Answer { items: vec![quote], ..Answer::default() }))
    }

    /// Answers in the HTTP response or by webhook, as the channel and the request want it.
    fn answer(&self, chat: &mut Chat, request: &Request, answer: Answer) -> Reply {
        let starts = matches!(request.action, Action::Create | Action::StartCreated);
        let body = chat.envelope(answer);
        if self.options.synchronous || (starts && request.wants_sync()) {
            return Reply::Body(body);
        }
        let mut outgoing = Outgoing::new(body);
        if matches!(chat.stage, Stage::Bot { .. }) {
            let slow = request.action == Action::Start;
            outgoing.work = if slow { self.options.start_takes } else { Duration::ZERO };
            outgoing.releases = true;
        }
        chat.busy = outgoing.releases;
        chat.send(outgoing);
        Reply::Success
    }
}

/// Outside live chat one request runs at a time, and nothing is heard before a created chat is started.
fn ignores(book: &mut Book, request: &Request) -> bool {
    let Some(chat) = book.open_chat(request.session()) else { return false };
    match request.action {
        Action::Message => chat.busy || chat.stage == Stage::Created,
        Action::Agent | Action::Switch | Action::Start => chat.busy && !chat.is_with_people(),
        _ => false,
    }
}

fn create(chat: &mut Chat) -> Answer {
    if !chat.is_with_people() {
        chat.stage = Stage::Created;
    }
    Answer::new(items::created(&chat.conversation_id, &chat.interaction_id))
}

/// The end by the user: only a chat with people is told `completed`.
fn end(chat: &mut Chat) -> Answer {
    let answer = Answer::new(vec![items::text(items::ENDED)]);
    let answer = if chat.is_with_people() { answer.completed() } else { answer };
    chat.add_line(Speaker::System, "", "The user has left.", "");
    chat.close("user");
    answer
}

/// What changes something about a chat and is answered with `success` alone. Unknown chats stay unknown.
fn aside(book: &mut Book, request: &Request) {
    let Some(chat) = book.open_chat(request.session()) else { return };
    match request.action {
        Action::SendHistory => chat.add_history(request),
        Action::Typing => chat.user_typing = true,
        Action::Viewing => chat.user_typing = false,
        _ => {}
    }
    if request.action != Action::SendHistory {
        chat.note(request);
    }
}
