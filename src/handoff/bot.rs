//! The bot behind the client: which Direct Line conversation it speaks in, and how we speak there.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use url::Url;

use super::{Client, Conversation};
use crate::{
    config::Settings,
    credential::Seal,
    direct_line::{DirectLine, Look},
    domain::{ConversationId, Timestamp},
    far_end::{CallError, room::Taken},
    ledger::{Failure, Ledger, Outage, Outages},
    session::{Chat, Command, SealedToken},
    telemetry::of_caller,
    wire::activity::Activity,
};

mod returning;
#[cfg(test)]
mod tests;

pub use returning::{READERS_PATIENCE, tells_outcome};

/// Direct Line as it fails for all.
const ALL: &str = "";
/// Pages read at most in one go; a bot that talks without end must not hold a poll.
const PAGES: usize = 50;

/// Which Direct Line conversation a batch came from, and how to read on there.
pub struct Source<'a> {
    pub segment: usize,
    pub conversation: Cow<'a, str>,
    pub authorization: Cow<'a, str>,
    /// What is older was erased.
    pub since: Option<Timestamp>,
    /// When whoever waits for what is read there began to.
    pub asked: Instant,
}

impl<'a> Source<'a> {
    /// For a task of its own.
    pub fn owned(&self) -> Source<'static> {
        let Self { segment, conversation, authorization, since, asked } = self;
        let (conversation, authorization) =
            (conversation.to_string().into(), authorization.to_string().into());
        Source { segment: *segment, conversation, authorization, since: *since, asked: *asked }
    }

    /// The client's own conversation, before anybody was asked for.
    pub fn own(id: &'a ConversationId, authorization: &'a str) -> Self {
        Self {
            segment: 0,
            conversation: id.as_str().into(),
            authorization: authorization.into(),
            since: None,
            asked: Instant::now(),
        }
    }
}

/// What was said, read to its end.
#[derive(Default)]
pub struct ReadOut {
    pub activities: Vec<Activity>,
    /// What it takes of the room for large answers, as long as it is held.
    pub rooms: Vec<Taken>,
}

/// The agent in Copilot Studio.
pub struct Bot {
    ledger: Arc<Ledger<Chat>>,
    direct_line: DirectLine,
    /// For tokens that must be stored.
    seal: Seal,
    /// Direct Line fails to open conversations, for chats that end.
    opening: Mutex<Outage>,
    /// It fails to be read behind a hand-off: each conversation by itself, and all of them, who have no name.
    reading: Mutex<Outages>,
}

impl Bot {
    pub fn new(settings: &Settings, ledger: Arc<Ledger<Chat>>, direct_line: DirectLine) -> Self {
        Self {
            ledger,
            direct_line,
            seal: Seal::new(settings),
            opening: Mutex::default(),
            reading: Mutex::default(),
        }
    }

    /// Whether a conversation may be read again behind its hand-off; else not before the time given.
    pub fn may_read(&self, id: &ConversationId) -> Result<(), Timestamp> {
        let (mut reading, now) = (lock(&self.reading), Timestamp::now());
        reading.of(id.as_str(), |outage| outage.may_ask(now, 0))?;
        reading.of(ALL, |outage| outage.may_ask(now, 0))
    }

    /// What came of it. A Direct Line that is not there is so for all; what else keeps a conversation from being read, for how long
    /// it wants to be left alone say, is its own.
    pub fn note_read(&self, id: &ConversationId, error: Option<&CallError>) {
        let (mut reading, now) = (lock(&self.reading), Timestamp::now());
        let failure = error.map(Failure::from);
        if matches!(failure, None | Some(Failure::NotTaken { wait: 0 })) {
            reading.of(ALL, |outage| outage.note(failure, now));
        }
        let own = failure.map(|failure| match failure {
            Failure::NotTaken { .. } => failure,
            _ => Failure::NotTaken { wait: 0 },
        });
        reading.of(id.as_str(), |outage| outage.note(own, now));
    }

    /// Where the bot speaks in a stretch: the client's own conversation with the client's own token, or one of ours.
    pub async fn source<'a>(
        &self,
        Client { conversation, caller }: Client<'a>,
        segment: usize,
    ) -> Result<Source<'a>, CallError> {
        let (ours, token) = {
            let state = conversation.state().await;
            let stretch = state.segments.get(segment);
            stretch.map(|stretch| (stretch.conversation.clone(), stretch.token.clone())).unwrap_or_default()
        };
        let Some(ours) = ours else {
            return Ok(Source { segment, ..Source::own(&conversation.id, &caller.authorization) });
        };
        let authorization = match token {
            Some(token) => self.renewed(conversation, &ours, token).await?,
            None => self.direct_line.own_authorization().unwrap_or_default(),
        };
        let (conversation, authorization) = (ours.into(), authorization.into());
        Ok(Source { segment, conversation, authorization, since: None, asked: Instant::now() })
    }

    /// The stretch in which the bot speaks now, or spoke last.
    pub async fn last_stretch(&self, conversation: &Conversation) -> usize {
        conversation.state().await.segments.len().saturating_sub(1)
    }

    /// As [`source`](Self::source), in a conversation that lets us in now: for what can be sent only once.
    pub async fn surely<'a>(&self, client: Client<'a>, stretch: usize) -> Result<Source<'a>, CallError> {
        let source = self.source(client, stretch).await?;
        let Source { conversation, authorization, .. } = &source;
        match self.direct_line.stream_url(conversation, authorization, None, of_caller().as_deref()).await {
            Err(error) if shuts_out(&error) => Err(error),
            Ok(_) | Err(_) => Ok(source),
        }
    }

    /// A batch of the bot's, from a watermark on.
    pub async fn read(&self, source: &Source<'_>, at: Option<&str>) -> Result<Look, CallError> {
        let Source { conversation, authorization, .. } = source;
        self.direct_line.look(conversation, authorization, at, of_caller().as_deref()).await
    }

    /// Reads on from a watermark, page by page, until there is nothing more.
    pub async fn read_on(&self, source: &Source<'_>, watermark: Option<&str>) -> Result<ReadOut, CallError> {
        self.read_until(source, watermark, |_| false).await
    }

    /// As [`read_on`](Self::read_on), or until what was read is enough.
    pub async fn read_until(
        &self,
        source: &Source<'_>,
        watermark: Option<&str>,
        is_enough: impl Fn(&[Activity]) -> bool,
    ) -> Result<ReadOut, CallError> {
        let mut watermark = watermark.map(str::to_owned);
        let mut read = ReadOut::default();
        for _ in 0..PAGES {
            let Look { set: page, room, .. } = self.read(source, watermark.as_deref()).await?;
            read.rooms.push(room);
            let next = page.watermark();
            let ended = page.activities.is_empty() || next.is_none() || next == watermark;
            read.activities.extend(page.activities);
            if ended || is_enough(&read.activities) {
                break;
            }
            watermark = next;
        }
        Ok(read)
    }

    /// Where what the bot says is pushed. `None`: nowhere, it must be polled.
    pub async fn stream(&self, source: &Source<'_>, at: Option<&str>) -> Option<Url> {
        let Source { conversation, authorization, .. } = source;
        let trace = of_caller();
        self.direct_line.stream_url(conversation, authorization, at, trace.as_deref()).await.ok().flatten()
    }

    /// Says something to the bot; gives the id of its echo.
    pub async fn post(
        &self,
        source: &Source<'_>,
        activity: &Activity,
        trace: Option<&str>,
    ) -> Result<Option<String>, CallError> {
        let body = serde_json::to_value(activity).unwrap_or_default();
        self.direct_line.post(&source.conversation, &source.authorization, &body, trace).await
    }

    /// How to speak for ourselves in a conversation of ours, whose token is renewed when half its life is over.
    async fn renewed(
        &self,
        conversation: &Arc<Conversation>,
        ours: &str,
        (sealed, renew_at): SealedToken,
    ) -> Result<String, CallError> {
        // Sealed while the settings had other secrets: as good as over, and the conversation is replaced.
        let held = self.seal.open(&sealed, conversation.id.as_str()).ok_or_else(over)?;
        if Timestamp::now() < renew_at {
            return Ok(held);
        }
        // When it can't be renewed, the one we hold may still be good.
        let Some(renewed) = self.direct_line.renew(&held).await else { return Ok(held) };
        let token = renewed.sealed(&self.seal, &conversation.id, Timestamp::now());
        let command = Command::BotTokenRenewed { conversation: ours.to_owned(), token };
        // One that can't be stored now serves this call, and the next one asks anew.
        self.ledger.commit(conversation, command).await.ok();
        Ok(renewed.authorization.expose_secret().to_owned())
    }
}

/// Whether no call will be let in with the same token.
fn shuts_out(error: &CallError) -> bool {
    matches!(error, CallError::Rejected { status: 401 | 403 | 404, .. })
}

fn over() -> CallError {
    CallError::Rejected { status: 403, code: Some("TokenExpired".to_owned()) }
}

fn lock<T>(outage: &Mutex<T>) -> MutexGuard<'_, T> {
    outage.lock().unwrap_or_else(PoisonError::into_inner)
}
