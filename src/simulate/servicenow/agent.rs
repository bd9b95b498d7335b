//! What the person at the desk does, and the one who does it by himself.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::{sync::oneshot, time};

use super::{
    chat::{Chat, Stage},
    ids,
    instance::Instance,
    items::{self, Answer},
    view::{Speaker, WebhookResult},
    webhook::Outgoing,
};

/// Who answers when nobody has accepted.
const SOMEBODY: &str = "Ana Agent";

impl Instance {
    /// Takes the chat. A closed chat can't be taken.
    pub(super) async fn accept(&self, session: &str, agent: &str) -> WebhookResult {
        self.tell(session, |chat| {
            let entered = format!("{agent} has entered the chat.");
            chat.seat(agent);
            chat.add_line(Speaker::System, agent, &entered, "");
            let items = vec![items::action("SwitchToLiveAgent"), items::system(&entered)];
            Some(Answer::new(items).agent_chat())
        })
        .await
    }

    /// Says something as the agent. Speaking in a chat nobody has accepted takes it.
    pub(super) async fn say(&self, session: &str, text: &str, message_id: &str) -> WebhookResult {
        self.tell(session, |chat| Some(speak(chat, text, message_id))).await
    }

    pub(super) async fn typing(&self, session: &str, on: bool) -> WebhookResult {
        let kind = if on { "StartTypingIndicator" } else { "EndTypingIndicator" };
        self.tell(session, |chat| {
            let live = matches!(chat.stage, Stage::Live { .. });
            live.then(|| Answer::new(vec![items::action(kind)]).agent_chat())
        })
        .await
    }

    /// The agent closes the chat.
    pub(super) async fn end(&self, session: &str) -> WebhookResult {
        let result = self.tell(session, |chat| chat.is_open().then(|| hang_up(chat))).await;
        self.book().note_closed(session);
        result
    }

    pub(super) async fn system(&self, session: &str, text: &str) -> WebhookResult {
        self.tell(session, |chat| {
            chat.add_line(Speaker::System, "", text, "");
            Some(Answer::new(vec![items::system(text)]).agent_chat())
        })
        .await
    }

    /// Sends a body as it is, in its chat's turn; at once when there is no such chat.
    pub(super) async fn send_raw(self: &Arc<Self>, session: &str, body: Value) -> WebhookResult {
        let waiting = self.book().chat(session).map(|chat| enqueue(chat, body.clone()));
        match waiting {
            Some(waiting) => waiting.await.unwrap_or_default(),
            None => {
                let instance = Arc::clone(self);
                let sent = self.runtime.spawn(async move { instance.post_with_faults(&body).await });
                sent.await.ok().flatten().unwrap_or_default()
            }
        }
    }

    /// Sends a body whose missing parts are filled in: what is echoed, the ids, and an empty `agentInfo`.
    pub(super) async fn send(&self, session: &str, partial: Value) -> WebhookResult {
        let waiting = self.book().open_chat(session).map(|chat| {
            let agent = chat.agent_or(SOMEBODY).to_owned();
            let mut body = chat.envelope(Answer::default());
            if let (Some(body), Value::Object(mut partial)) = (body.as_object_mut(), partial) {
                complete_items(&mut partial, &agent);
                body.extend(partial);
            }
            for (text, id) in readable(&body) {
                chat.add_line(Speaker::Agent, &agent, &text, &id);
            }
            enqueue(chat, body)
        });
        match waiting {
            Some(waiting) => waiting.await.unwrap_or_default(),
            None => WebhookResult::default(),
        }
    }

    async fn tell(&self, session: &str, act: impl FnOnce(&mut Chat) -> Option<Answer>) -> WebhookResult {
        let waiting = self.book().open_chat(session).and_then(|chat| {
            let answer = act(chat)?;
            let body = chat.envelope(answer);
            Some(enqueue(chat, body))
        });
        self.changed();
        match waiting {
            Some(waiting) => waiting.await.unwrap_or_default(),
            None => WebhookResult::default(),
        }
    }

    /// Lets the automatic agent, if there is one, take the chat in a moment.
    pub(super) fn send_auto_agent(self: &Arc<Self>, chat: &Chat) {
        let Some(agent) = self.options.auto_accept.clone() else { return };
        let (instance, session) = (Arc::clone(self), chat.session.clone());
        self.runtime.spawn(async move {
            time::sleep(instance.options.auto_accept_after).await;
            instance.accept(&session, &agent).await;
        });
    }

    /// The automatic agent repeats what was said, and goes at "bye".
    pub(super) fn auto_answer(&self, chat: &mut Chat, said: &str) {
        if self.options.auto_accept.is_none() {
            return;
        }
        let bye = said.trim().eq_ignore_ascii_case("bye");
        let words = if bye { "Goodbye!".to_owned() } else { format!("You said: {said}") };
        let answer = speak(chat, &words, &ids::sys_id());
        chat.send(Outgoing::new(chat.envelope(answer)));
        if bye {
            let answer = hang_up(chat);
            chat.send(Outgoing::new(chat.envelope(answer)));
        }
    }
}

fn speak(chat: &mut Chat, text: &str, message_id: &str) -> Answer {
    let agent = chat.agent_or(SOMEBODY).to_owned();
    chat.seat(&agent);
    chat.add_line(Speaker::Agent, &agent, text, message_id);
    Answer::new(vec![items::agent_text(&agent, text, message_id)]).agent_chat().score(chat.agent_score())
}

fn hang_up(chat: &mut Chat) -> Answer {
    let closed = format!("{} has closed the support session.", chat.agent_or(SOMEBODY));
    chat.add_line(Speaker::System, "", &closed, "");
    chat.close("agent");
    Answer::new(vec![items::system(&closed)]).agent_chat().completed()
}

fn enqueue(chat: &mut Chat, body: Value) -> oneshot::Receiver<WebhookResult> {
    let (reply, waiting) = oneshot::channel();
    chat.send(Outgoing { reply: Some(reply), ..Outgoing::new(body) });
    waiting
}

/// Gives each item its `messageId`, except the pieces of a stream, which have none, and `agentInfo` to those that ask for it with an empty one.
fn complete_items(partial: &mut Map<String, Value>, agent: &str) {
    let items = partial.get_mut("body").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
        if item.get("uiType").and_then(Value::as_str).is_none_or(|kind| !kind.starts_with("Stream")) {
            item.entry("messageId").or_insert_with(|| ids::sys_id().into());
        }
        if let Some(info) = item.get_mut("agentInfo") {
            *info = items::agent_info(agent);
        }
    }
}

/// What the desk shows of a prepared body: each item's text, or what kind it is.
fn readable(body: &Value) -> Vec<(String, String)> {
    let field = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let items = body.get("body").and_then(Value::as_array);
    let lines = items.into_iter().flatten().map(|item| {
        let kind = field(item, "actionType").or_else(|| field(item, "uiType")).unwrap_or_default();
        let said = ["value", "label", "message", "header"].into_iter().find_map(|key| field(item, key));
        let text = said.map_or_else(|| format!("[{kind}]"), |said| format!("[{kind}] {said}"));
        (text, field(item, "messageId").unwrap_or_default())
    });
    lines.collect()
}
