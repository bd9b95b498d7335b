//! What the journal shows, as activities.

use std::{borrow::Cow, cell::Cell, sync::PoisonError};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{
    super::{Conversation, named::is_named},
    Making, Reached, Reading,
};
use crate::{
    domain::{Timestamp, control::Control},
    files::Carried,
    ledger::{is_recent, journal::Position},
    session::{AgentTypes, Fact, Speaker, State, UserSaid},
    translate::{
        activity::RenderContext,
        client_view::{self, Scene},
        picture,
        text::Voice,
        watermark::{Cursor, LARGEST_PAGE, Piece, Upstream},
    },
};

/// Milliseconds after which a sign that somebody types is shown again: Web Chat takes it for over after 5 s.
const RENEWED: i64 = 4_000;

impl Reading {
    /// The journal from the cursor on, as far as the answer has room. `state`: no older than the facts.
    pub(super) fn show(
        &self,
        conversation: &Conversation,
        state: &State,
        facts: &[Fact],
        catching_up: bool,
        making: &mut Making,
    ) -> Reached {
        let number = making.cursor.segment;
        let Some(stretch) = state.segments.get(number) else { return Reached::Head(None) };
        if stretch.cut.is_some() && making.cursor.upstream != Upstream::End {
            return Reached::Bots(stretch.clone());
        }
        let is_last = stretch.cut.is_none() && number + 1 == state.segments.len();
        let bot = Some(number).filter(|_| is_last && !state.outbox.is_frozen());
        if facts.is_empty() && state.agent_types(Timestamp::now()).is_none() {
            making.cursor.typed = 0;
            return Reached::Head(bot);
        }
        let ended = self.show_facts(conversation, state, facts, catching_up, making);
        ended.unwrap_or(Reached::Head(bot))
    }

    /// `None` when all are shown.
    fn show_facts(
        &self,
        conversation: &Conversation,
        state: &State,
        facts: &[Fact],
        catching_up: bool,
        making: &mut Making,
    ) -> Option<Reached> {
        let (now, at) = (Timestamp::now(), Cell::new(None));
        let picture_link = |url: &str| {
            let (id, mark) = (conversation.id.clone(), picture::mark(url));
            self.files.link_carried(Carried { conversation: id, position: at.get()?, mark }, now)
        };
        let context = RenderContext {
            instance: &self.instance,
            file_link: &|address| self.files.link(address, now),
            picture_link: &picture_link,
            by: Voice::Bot,
            words: self.texts.of_user(&state.user),
        };
        let scene = Scene::of(state, state.agent_types(now), context);
        for (position, fact) in (making.cursor.local..).zip(facts) {
            let segment = making.cursor.segment + 1;
            if matches!(fact, Fact::BotReturned { .. }) && segment < state.segments.len() {
                making.cursor = Cursor { local: position + 1, segment, ..Cursor::read(None) };
                return Some(Reached::More);
            }
            if matches!(fact, Fact::AgentTyping { .. }) && catching_up {
                continue;
            }
            if self.waits_for_words(state, fact, position, now, making.waits) {
                making.cursor.local = position;
                return Some(Reached::Full);
            }
            let shown = self.show_fact(conversation, fact, position, &at, &scene);
            if shown.is_some_and(|shown| !making.takes(shown)) {
                making.cursor.local = position;
                return Some(Reached::Full);
            }
        }
        making.cursor.local += facts.len() as u64;
        making.activities.extend(still_types(&scene, &mut making.cursor, now));
        None
    }

    fn show_fact(
        &self,
        conversation: &Conversation,
        fact: &Fact,
        position: Position,
        linked: &Cell<Option<Position>>,
        scene: &Scene<'_>,
    ) -> Option<Value> {
        let once = self.in_clear(conversation, fact, position);
        // What is not stored can't be linked to.
        linked.set(once.is_none().then_some(position));
        let mut shown = client_view::shown(once.as_ref().unwrap_or(fact), position, scene)?;
        if let Fact::UserSaid(said) = fact {
            self.show_files(said, &mut shown, Timestamp::now());
        }
        Some(shown)
    }

    /// Whether another process may still show a masked text with its words: it alone knows them, and is asked as often as this one.
    /// Once a client has them, there is nothing to be waited for.
    fn waits_for_words(
        &self,
        state: &State,
        fact: &Fact,
        position: Position,
        now: Timestamp,
        waits: i64,
    ) -> bool {
        let Fact::AgentSaid(said) = fact else { return false };
        let young = is_recent(said.at, waits, now);
        let is_receipted = said.message_id.is_some() && matches!(said.by, Speaker::Agent(_));
        let has_been_shown = is_receipted && state.is_fetched(position);
        young
            && !has_been_shown
            && said
                .control
                .hidden()
                .is_some_and(|hidden| !hidden.by.is_empty() && hidden.by != self.calls.ledger.name())
    }

    /// A masked text with its words, while this process knows them: until the client has read past it.
    fn in_clear(&self, conversation: &Conversation, fact: &Fact, position: Position) -> Option<Fact> {
        let Fact::AgentSaid(said) = fact else { return None };
        let hidden = said.control.hidden()?;
        let words = self.calls.ledger.whispers().get(&hidden.whisper)?;
        let mut shown = conversation.local.shown_once.lock().unwrap_or_else(PoisonError::into_inner);
        if !shown.iter().any(|(at, _)| *at == position) {
            shown.push((position, hidden.whisper.clone()));
        }
        let mut said = said.clone();
        *said.control.masked()? = Control::Text { text: words.expose_secret().to_owned() };
        Some(Fact::AgentSaid(said))
    }

    /// Forgets the words of masked texts that the client has by now.
    pub fn forget_read(&self, conversation: &Conversation, read: Position) {
        let mut shown = conversation.local.shown_once.lock().unwrap_or_else(PoisonError::into_inner);
        shown.retain(|(position, whisper)| {
            let unread = *position >= read;
            if !unread {
                self.calls.ledger.whispers().forget(whisper);
            }
            unread
        });
    }

    /// Adds the files a client sent to what it is shown of its own message; where its message names them already, as
    /// DirectLineJS does, they get their address there.
    fn show_files(&self, said: &UserSaid, activity: &mut Value, now: Timestamp) {
        if said.files.is_empty() {
            return;
        }
        let mut attachments = match activity["attachments"].take() {
            Value::Array(attachments) => attachments,
            _ => vec![],
        };
        for file in &said.files {
            let at = attachments.iter().position(|named| is_named(named, file)).unwrap_or(attachments.len());
            if at == attachments.len() {
                attachments.push(json!({"name": file.name}));
            }
            let shown = &mut attachments[at];
            shown["contentType"] = file.media_type.clone().into();
            if let Some(address) = self.files.shown(file, now) {
                shown["contentUrl"] = address.into();
            }
        }
        activity["attachments"] = Value::Array(attachments);
    }
}

impl Making {
    /// Adds an activity if there is room for it; there is for a first one.
    fn takes(&mut self, shown: Value) -> bool {
        let size = self.size + size_of(&shown);
        if size > LARGEST_PAGE && !self.activities.is_empty() {
            return false;
        }
        self.size = size;
        self.activities.push(shown);
        true
    }
}

/// The sign that somebody still types, when it is due again.
fn still_types(scene: &Scene<'_>, cursor: &mut Cursor, now: Timestamp) -> Option<Value> {
    let typed = scene.types.map_or(0, |types| renewals(types, now));
    let is_due = typed > std::mem::replace(&mut cursor.typed, typed);
    let types = scene.types.filter(|types| is_due && types.position < cursor.local)?;
    Some(client_view::still_types(types, typed, cursor.local, scene, now))
}

/// How often the sign that somebody types has been due again by now.
fn renewals(types: &AgentTypes, now: Timestamp) -> u32 {
    u32::try_from(now.millis_since(types.since) / RENEWED).unwrap_or(0)
}

impl Piece for Value {
    fn id(&self) -> Option<Cow<'_, str>> {
        self.get("id")?.as_str().map(Cow::Borrowed)
    }

    fn size(&self) -> usize {
        size_of(self)
    }
}

/// Bytes of an activity as it is sent, near enough: texts are what makes one large, and what is escaped in them.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => 2 + text.bytes().map(escaped).sum::<usize>(),
        Value::Array(list) => 2 + list.iter().map(|value| size_of(value) + 1).sum::<usize>(),
        Value::Object(map) => {
            2 + map.iter().map(|(name, value)| name.len() + 4 + size_of(value)).sum::<usize>()
        }
    }
}

/// Bytes of a byte within a JSON text (RFC 8259, section 7).
fn escaped(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activity_counts_as_long_as_it_is_sent() {
        let signs: String = (0..0x80).map(char::from).chain(['é', '😀']).collect();
        for value in
            [json!(signs), json!({"text": signs, "list": [signs, "", null, true]}), json!("\n".repeat(900))]
        {
            let sent = value.to_string().len();
            assert!((sent..sent + 40).contains(&size_of(&value)), "{sent}, not {}", size_of(&value));
        }
    }
}
