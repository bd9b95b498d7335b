//! Requests as facts. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    fact::{Asked, File, What},
    hide::{hide_in, is_told_by, tellings, tellings_in, without_words},
    state::State,
};
use crate::{
    domain::{ConversationId, Timestamp, zone},
    ledger::{Marks, Whisper},
    translate::{
        context::locale_of,
        secondary_bot::{answer::SKIPPED, context},
        texts::Texts,
    },
    wire::virtual_agent::request::{
        Action, Attachment, AttachmentHeaders, Message, Request, json_in, without_credential,
    },
};

/// A request as it was read, before it is held against its session.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// As it is when nothing of it is secret.
    pub(super) asked: Asked,
    /// What it attaches, as it came until it is taken in.
    pub(super) attached: Vec<Attachment>,
    /// What a repeat has in common with it when its words must not tell.
    bare_key: Option<String>,
    /// What a repeat has in common with it when what it tells must not: made with a key that is in no store.
    marked_key: Option<String>,
    /// What stands for its words, should they be secret.
    whisper: Option<Whisper>,
    /// Knows again what was said in secret.
    marks: Option<Marks>,
    /// What was said before, each by itself.
    history: Vec<String>,
    /// What is told of it while a secret is asked for, where that differs.
    history_in_secret: Option<String>,
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
/// Ids that can't name a journal, and whoever may be named by them or by an e-mail address, are told apart by a digest: the name
/// stands in logs.
pub fn session(request: &Request) -> ConversationId {
    let Request { client_session_id: session, user_id: user, .. } = request;
    let of = if user.is_empty() { String::new() } else { format!("~{}", &digest(&[user])[..12]) };
    let named = if session.is_empty() {
        format!("u:{}", digest(&[user]))
    } else if names_nobody(session, user) && ConversationId::parse(session).is_some() && session.len() <= 180
    {
        format!("s:{session}{of}")
    } else {
        format!("d:{}{of}", digest(&[session]))
    };
    ConversationId::parse(&named).expect("short, and without a slash")
}

/// Whether a session's id is neither a person's nor an address.
fn names_nobody(session: &str, user: &str) -> bool {
    session != user && !session.contains(|sign: char| sign == '@' || sign.is_whitespace())
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
        let zone = if let Action::SetUserTimezone(zone) = &request.action {
            Some(zone::known(zone).to_owned())
        } else {
            None
        };
        let (what, message) = what(request.action, has_message(body));
        let Message { text, typed: _, client_message_id, attachments } = message;
        let (locale, mut variables) = (language(&request.context_variables), request.context_variables);
        let words = texts.of(locale.as_deref());
        let history = context::history(&request.history, &words);
        let unanswered = context::without_answer(&request.history);
        let history_in_secret = unanswered.and_then(|items| context::history(&items, &words));
        let told = [(context::HISTORY, history), (context::TIMEZONE, zone.clone())];
        variables.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        let id = client_message_id.unwrap_or_default();
        // An id names the message, whatever is told beside it.
        let told = if id.is_empty() { variables.clone() } else { Map::new() };
        let told = serde_json::to_string(&told).unwrap_or_default();
        let asks = format!("{what:?}{:?}", request.silent_message.filter(|_| id.is_empty()));
        let files: Vec<&str> = attachments.iter().flat_map(names).collect();
        let key = |said: &str, id: &str, told: &str| {
            key(&request.request_id, &request.user_id, &[&[&*asks, said, id, told], &*files].concat())
        };
        let bare_id = if is_told_by(&id, text.trim()) { "" } else { &id };
        let bare_key = key("", bare_id, "");
        let asked = Asked {
            key: key(&text, &id, &told),
            what,
            user: if request.user_id.is_empty() { "guest".to_owned() } else { request.user_id.clone() },
            text,
            whisper: None,
            files: Vec::new(),
            locale,
            context: variables,
            timezone: zone.or(request.timezone.map(|zone| zone::known(&zone).to_owned())),
            silent: request.silent_message,
            echo: echo(body),
            asynchronous,
            trace,
            at: Timestamp::default(),
        };
        let history = request.history.into_iter().map(|item| item.value).collect();
        Self {
            asked,
            attached: attachments,
            bare_key,
            marked_key: None,
            whisper: None,
            marks: None,
            history,
            history_in_secret,
        }
    }

    /// Its words, if it has any that could be secret.
    pub fn words(&self) -> Option<&str> {
        let text = self.asked.text.as_str();
        (!matches!(text.trim(), "" | SKIPPED)).then_some(text)
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
        asked.files = self.attached.iter().map(file).collect();
        let mut secrets = self.secrets(state);
        if !secrets.is_empty() {
            asked.key.clone_from(&self.marked_key);
        }
        if state.is_secret() {
            let words = self.asked.text.trim();
            without_words(&mut asked.echo, words);
            if let Some(history) = &self.history_in_secret {
                asked.context.insert(context::HISTORY.to_owned(), history.as_str().into());
                asked.key.clone_from(&self.marked_key);
            }
            if let Some(whisper) = &self.whisper {
                secrets.insert(words.to_owned());
                asked.key.clone_from(&self.bare_key);
                asked.whisper = Some(whisper.clone());
                asked.text.clear();
            }
        }
        hide_in(&mut asked, &secrets);
        Accepted::New(asked)
    }

    /// What it tells of what was said in secret.
    fn secrets(&self, state: &State) -> BTreeSet<String> {
        let mut secrets = BTreeSet::new();
        if let Some(marks) = self.marks.as_ref().filter(|_| state.has_secrets()) {
            let mut look = |words: &str| {
                if state.heard_in_secret(&marks.mark(words)) {
                    secrets.insert(words.trim().to_owned());
                }
            };
            self.history.iter().for_each(|said| look(said));
            tellings_in(&self.asked.context, &mut look);
            self.asked.echo.get("clientVariables").into_iter().for_each(|value| tellings(value, &mut look));
        }
        secrets
    }
}

/// What a repeat has in common with its request; `None` when the request names itself by nothing of its own.
fn key(request: &str, user: &str, asks: &[&str]) -> Option<String> {
    let named = !request.is_empty() && request != user;
    named.then(|| digest(&[&[request], asks].concat()))
}

/// The user's language, BCP 47, by the names that context variables are seen to have for it.
fn language(variables: &Map<String, Value>) -> Option<String> {
    const NAMES: [&str; 4] =
        ["requester_session_language", "liveagent_requester_session_language", "language", "locale"];
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
        Action::StartCreatedConversation(message) => (What::StartCreated, message),
        Action::StartConversation(message) => (What::Start, message),
        Action::EndConversation => bare(What::End),
        Action::FaultConversation { cause: _ } => bare(What::Fault),
        Action::Switch(to, message) => (What::Switch { to: context::target(&to) }, message),
        Action::SendHistory
        | Action::SetUserTimezone(_)
        | Action::Typing
        | Action::Viewing
        | Action::UpdateMessages(_) => bare(What::Note),
    }
}

/// What a file is told from others by.
fn names(attachment: &Attachment) -> [&str; 3] {
    let Attachment { client_attachment_id, content_type: _, file_name, url, headers: _ } = attachment;
    [client_attachment_id.as_deref().unwrap_or_default(), file_name, url]
}

/// A file whose headers are still there was not fetched: its address opens it to nobody, so it has none.
fn file(attachment: &Attachment) -> File {
    let Attachment { client_attachment_id: _, content_type, file_name, url, headers } = attachment;
    let url = if headers.are_empty() { url.clone() } else { String::new() };
    File { name: file_name.clone(), media_type: content_type.clone(), url }
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
    echo.get_mut("message").into_iter().for_each(|message| drop_headers(message, false));
    echo
}

/// `attached`: it is a part of an attachment, where a text may have them, too.
fn drop_headers(value: &mut Value, attached: bool) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| drop_headers(value, attached)),
        Value::Object(fields) => {
            fields.retain(|name, _| !AttachmentHeaders::are_named(name));
            for (name, value) in fields {
                drop_headers(value, attached || matches!(name.as_str(), "attachment" | "attachments"));
            }
        }
        Value::String(text) if attached => {
            if let Some((bare, _)) = without_credential(text) {
                *text = bare;
            } else if let Some(mut packed) = json_in(text) {
                drop_headers(&mut packed, attached);
                *value = packed;
            }
        }
        _ => {}
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
