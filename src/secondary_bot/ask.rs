//! Requests as facts. Pure.

use std::{collections::BTreeSet, ops::Range};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    fact::{Asked, File, What},
    state::State,
};
use crate::{
    domain::{ConversationId, MASKED, Timestamp},
    ledger::{Marks, Whisper},
    translate::{
        context::locale_of,
        secondary_bot::{answer::SKIPPED, context},
        texts::Texts,
    },
    wire::virtual_agent::request::{Action, Attachment, Message, Request},
};

/// A request as it was read, before it is held against its session.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// As it is when nothing of it is secret.
    pub(super) asked: Asked,
    /// What a repeat has in common with it when its words must not tell.
    bare_key: Option<String>,
    /// What a repeat has in common with it when what it tells must not: made with a key that is in no store.
    marked_key: Option<String>,
    /// What stands for its words, should they be secret.
    whisper: Option<Whisper>,
    /// Knows again what was said in secret.
    marks: Option<Marks>,
    /// The texts it tells beside its words.
    told: Vec<String>,
}

/// What a request comes to.
#[derive(Debug)]
pub enum Accepted {
    New(Box<Asked>),
    /// It repeats this one.
    Repeat(u64),
}

/// The journal of a request's session.
///
/// A request that names no session belongs to its user's only one. Primary bots may give one name to the sessions of several users.
/// Ids that can't name a journal, and users, who may be named by their e-mail address, are told apart by a digest.
pub fn session(request: &Request) -> ConversationId {
    let Request { client_session_id: session, user_id: user, .. } = request;
    let of = if user.is_empty() { String::new() } else { format!("~{}", &digest(&[user])[..12]) };
    let named = if session.is_empty() {
        format!("u:{}", digest(&[user]))
    } else if ConversationId::parse(session).is_some() && session.len() <= 180 {
        format!("s:{session}{of}")
    } else {
        format!("d:{}{of}", digest(&[session]))
    };
    ConversationId::parse(&named).expect("short, and without a slash")
}

impl Incoming {
    /// Reads a request. `body` is the JSON it was read from.
    pub fn read(
        request: Request,
        body: &Map<String, Value>,
        asynchronous: bool,
        trace: Option<String>,
        texts: &Texts,
    ) -> Self {
        let zone =
            if let Action::SetUserTimezone(zone) = &request.action { Some(zone.clone()) } else { None };
        let (what, message) = what(request.action, has_message(body));
        let Message { text, typed: _, client_message_id, attachments } = message;
        let (locale, mut variables) = (language(&request.context_variables), request.context_variables);
        let history = context::history(&request.history, &texts.of(locale.as_deref()));
        let told = [(context::HISTORY, history), (context::TIMEZONE, zone.clone())];
        variables.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        let asks = format!("{what:?}{:?}", request.silent_message);
        let told = serde_json::to_string(&variables).unwrap_or_default();
        let id = client_message_id.unwrap_or_default();
        let key =
            |said: &str, told: &str| key(&request.request_id, &request.user_id, &[&asks, said, &id, told]);
        let asked = Asked {
            key: key(&text, &told),
            what,
            user: if request.user_id.is_empty() { "guest".to_owned() } else { request.user_id.clone() },
            text,
            whisper: None,
            files: attachments.into_iter().map(file).collect(),
            locale,
            context: variables,
            timezone: zone.or(request.timezone),
            silent: request.silent_message,
            echo: echo(body),
            asynchronous,
            trace,
            at: Timestamp::default(),
        };
        let mut told: Vec<_> = request.history.into_iter().map(|item| item.value).collect();
        let variables = asked.context.values().chain(asked.echo.get("clientVariables"));
        variables.for_each(|value| leaves(value, &mut told));
        Self { asked, bare_key: key("", ""), marked_key: None, whisper: None, marks: None, told }
    }

    /// Its words, if it has any that could be secret.
    pub fn words(&self) -> Option<&str> {
        let text = self.asked.text.as_str();
        (!text.is_empty() && text.trim() != SKIPPED).then_some(text)
    }

    /// With what stands for its words.
    pub fn whispered(self, whisper: Whisper) -> Self {
        Self { whisper: Some(whisper), ..self }
    }

    /// With what knows again the words that were said in secret.
    pub fn with_marks(self, marks: &Marks) -> Self {
        let marked_key = self.asked.key.as_deref().map(|key| marks.mark(key));
        Self { marked_key, marks: Some(marks.clone()), ..self }
    }

    /// Holds it against its session as the journal has it.
    ///
    /// A repeat has the same `requestId` and asks for the same: the documentation's own examples use one id for a
    /// whole session. An id that is the user's names no request.
    pub fn accept(&self, state: &State, now: Timestamp) -> Accepted {
        let whispered = || state.known_in_secret(self.bare_key.as_deref(), self.whisper.as_ref()?, now);
        let mut keys = [&self.asked.key, &self.marked_key].into_iter();
        if let Some(known) = keys.find_map(|key| state.known(key.as_deref())).or_else(whispered) {
            return Accepted::Repeat(known);
        }
        let mut asked = Box::new(self.asked.clone());
        asked.at = now;
        for words in self.secrets(state) {
            hide_in(&mut asked, words);
            asked.key.clone_from(&self.marked_key);
        }
        if state.is_secret() {
            without_words(&mut asked.echo);
            if let Some(whisper) = &self.whisper {
                hide_in(&mut asked, self.asked.text.trim());
                asked.key.clone_from(&self.bare_key);
                asked.whisper = Some(whisper.clone());
                asked.text.clear();
            }
        }
        Accepted::New(asked)
    }

    /// What it tells of what was said in secret.
    fn secrets(&self, state: &State) -> BTreeSet<&str> {
        let Some(marks) = self.marks.as_ref().filter(|_| state.has_secrets()) else { return BTreeSet::new() };
        let told: BTreeSet<_> = self.told.iter().flat_map(|text| tellings(text)).collect();
        told.into_iter().filter(|words| state.heard_in_secret(&marks.mark(words))).collect()
    }
}

/// What a repeat has in common with its request; `None` when the request names itself by nothing of its own.
fn key(request: &str, user: &str, asks: &[&str]) -> Option<String> {
    let named = !request.is_empty() && request != user;
    named.then(|| digest(&[&[request], asks].concat()))
}

/// The user's language, BCP 47, by the names that context variables are seen to have for it.
fn language(variables: &Map<String, Value>) -> Option<String> {
    const NAMES: [&str; 3] = ["requester_session_language", "language", "locale"];
    let named = |name: &&str| {
        let found = variables.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    };
    NAMES.iter().find_map(named).map(locale_of)
}

/// Whether a message is meant where there may be none: what only tells something has none.
fn has_message(body: &Map<String, Value>) -> bool {
    let tells = ["contextVariables", "history", "silentMessage"].iter().any(|key| body.contains_key(*key));
    !tells || body.get("message").is_some_and(|message| !message.is_null())
}

/// What is asked for, and what was said with it. An action we don't know is taken by its message.
fn what(action: Action, has_message: bool) -> (What, Message) {
    let bare = |what| (what, Message::default());
    match action {
        Action::Message(message) | Action::Unknown { name: _, message } => {
            let nothing = message.text.trim().is_empty() && message.attachments.is_empty();
            let what = match (nothing, has_message) {
                (false, _) => What::Say,
                (true, true) => What::Nothing,
                (true, false) => What::Note,
            };
            (what, message)
        }
        Action::Agent(message) => (What::Agent, message),
        Action::CreateConversation => bare(What::Create),
        Action::StartCreatedConversation => bare(What::StartCreated),
        Action::StartConversation(message) => (What::Start, message),
        Action::EndConversation => bare(What::End),
        Action::FaultConversation { cause: _ } => bare(What::Fault),
        Action::Switch(to) => bare(What::Switch { to: context::target(&to) }),
        Action::SendHistory
        | Action::SetUserTimezone(_)
        | Action::Typing
        | Action::Viewing
        | Action::UpdateMessages(_) => bare(What::Note),
    }
}

fn file(attachment: Attachment) -> File {
    let Attachment { client_attachment_id: _, content_type, file_name, url, headers: _ } = attachment;
    File { name: file_name, media_type: content_type, url }
}

/// What an answer repeats. Headers that open an attachment are left out: they are credentials.
fn echo(body: &Map<String, Value>) -> Map<String, Value> {
    const KEYS: [&str; 9] = [
        "requestId",
        "clientSessionId",
        "nowSessionId",
        "enterpriseId",
        "nowBotId",
        "appInboundId",
        "userId",
        "message",
        "clientVariables",
    ];
    let known = KEYS.iter().filter_map(|key| Some(((*key).to_owned(), body.get(*key)?.clone())));
    let mut echo: Map<String, Value> = known.collect();
    echo.get_mut("message").into_iter().for_each(drop_headers);
    echo
}

fn drop_headers(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(drop_headers),
        Value::Object(fields) => {
            fields.remove("headers");
            fields.values_mut().for_each(drop_headers);
        }
        _ => {}
    }
}

/// Words of a sentence that may be a secret of that many words.
const LONGEST: usize = 4;

/// A text and, of each of its lines, the words and runs of words that are looked for: with what stands around them and without.
fn tellings(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.lines().flat_map(|line| {
        let words: Vec<_> = line.split_whitespace().map(|word| place(line, word)).collect();
        let runs = (0..words.len()).flat_map(move |at| {
            let ends = words[at..].iter().take(LONGEST).map(|word| word.end);
            ends.map(|end| &line[words[at].start..end]).collect::<Vec<_>>()
        });
        runs.collect::<Vec<_>>()
    });
    let ways = runs.flat_map(|run| {
        let ends = |sign: char| ".,;:!?\"')]}>".contains(sign);
        let whole = run.trim_end_matches(ends);
        [run, whole, whole.trim_start_matches(|sign: char| "\"'([{<".contains(sign))]
    });
    ways.filter(|words| is_telling(words)).chain([text.trim()])
}

/// Where a piece of it stands in a text.
fn place(text: &str, piece: &str) -> Range<usize> {
    let start = piece.as_ptr().addr() - text.as_ptr().addr();
    start..start + piece.len()
}

/// Whether words can be looked for inside others: short ones stand everywhere, but for numbers.
fn is_telling(words: &str) -> bool {
    let least = if words.contains(|sign: char| sign.is_ascii_digit()) { 3 } else { 4 };
    words.chars().nth(least - 1).is_some()
}

/// The texts in a value.
fn leaves(value: &Value, told: &mut Vec<String>) {
    match value {
        Value::String(text) => told.push(text.clone()),
        Value::Number(number) => told.push(number.to_string()),
        Value::Array(list) => list.iter().for_each(|value| leaves(value, told)),
        Value::Object(map) => map.values().for_each(|value| leaves(value, told)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Puts dots where a secret's words stand: a primary bot may tell its history with them.
fn hide_in(asked: &mut Asked, words: &str) {
    let variables = asked.echo.get_mut("clientVariables");
    asked.context.values_mut().chain(variables).for_each(|value| hide(value, words));
}

fn hide(value: &mut Value, words: &str) {
    match value {
        Value::String(text) if text.trim() == words => MASKED.clone_into(text),
        Value::Number(number) if number.to_string() == words => *value = MASKED.into(),
        // A line of the history, however short.
        Value::String(text) if text.lines().any(|line| said(line).is_some_and(|(_, said)| said == words)) => {
            let hidden = text.lines().map(|line| match said(line) {
                Some((who, said)) if said == words => format!("{who}: {MASKED}"),
                _ => line.to_owned(),
            });
            *text = hidden.collect::<Vec<_>>().join("\n");
        }
        Value::String(text) if is_telling(words) && text.contains(words) => {
            *text = text.replace(words, MASKED);
        }
        Value::Array(list) => list.iter_mut().for_each(|value| hide(value, words)),
        Value::Object(map) => map.values_mut().for_each(|value| hide(value, words)),
        _ => {}
    }
}

/// Who said what, in a line of the history.
fn said(line: &str) -> Option<(&str, &str)> {
    line.split_once(": ").map(|(who, said)| (who, said.trim()))
}

/// Of the message nothing stays but what can't be words.
fn without_words(echo: &mut Map<String, Value>) {
    match echo.get_mut("message") {
        Some(Value::Object(message)) => {
            message.retain(|key, _| matches!(key.as_str(), "typed" | "clientMessageId" | "attachment"));
        }
        Some(message) => *message = Value::Null,
        None => {}
    }
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}
