//! The bot behind the client: which Direct Line conversation it speaks in, and how we speak there.

use std::{borrow::Cow, sync::Arc};

use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use super::{Caller, Conversation, Refusal, machine::Chat};
use crate::{
    config::Settings,
    credential::{Credential, Seal},
    direct_line::DirectLine,
    domain::{ConversationId, Timestamp},
    far_end::CallError,
    ledger::{Ledger, journal::JournalError},
    session::{Command, Segment},
    telemetry::of_caller,
    wire::activity::{Activity, ActivitySet},
};

mod returning;

/// Milliseconds before its end at which a token is renewed: half of the shortest life documented.
const HALF_LIFE: i64 = 15 * 60_000;
/// Pages read at most in one go; a bot that talks without end must not hold a poll.
const PAGES: usize = 50;

/// Which Direct Line conversation a batch came from, and how to read on there.
pub struct Source<'a> {
    pub segment: usize,
    pub conversation: &'a str,
    pub authorization: Cow<'a, str>,
}

impl<'a> Source<'a> {
    /// The client's own conversation, before anybody was asked for.
    pub fn own(id: &'a ConversationId, authorization: &'a str) -> Self {
        Self { segment: 0, conversation: id.as_str(), authorization: authorization.into() }
    }
}

/// Why the bot can't be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    #[error("Direct Line: {0}")]
    DirectLine(#[from] CallError),
    #[error(transparent)]
    Store(#[from] JournalError),
}

impl BotError {
    /// What a client is told of it.
    ///
    /// # Errors
    /// The store's.
    pub fn refusal(self) -> Result<Refusal, JournalError> {
        match self {
            Self::DirectLine(error) => Ok(Refusal::FarEnd(error)),
            Self::Store(error) => Err(error),
        }
    }
}

/// The agent in Copilot Studio.
pub struct Bot {
    ledger: Arc<Ledger<Chat>>,
    direct_line: DirectLine,
    secret: Option<Credential>,
    /// For tokens that must be stored.
    seal: Seal,
}

impl Bot {
    pub fn new(settings: &Settings, ledger: Arc<Ledger<Chat>>, direct_line: DirectLine) -> Self {
        let secret = settings.direct_line.secret.clone();
        Self { ledger, direct_line, secret, seal: Seal::new(settings) }
    }

    /// Where the bot speaks in a stretch: the client's own conversation with the client's own token, or one of ours.
    pub async fn source<'a>(
        &self,
        conversation: &'a Arc<Conversation>,
        (number, segment): (usize, &'a Segment),
        caller: &'a Caller,
    ) -> Result<Source<'a>, BotError> {
        let (upstream, authorization) = match &segment.conversation {
            None => (conversation.id.as_str(), caller.authorization.as_str().into()),
            Some(ours) => (ours.as_str(), self.authorization(conversation, segment).await?.into()),
        };
        Ok(Source { segment: number, conversation: upstream, authorization })
    }

    /// A batch of the bot's, from a watermark on.
    pub async fn read(&self, source: &Source<'_>, at: Option<&str>) -> Result<ActivitySet, CallError> {
        let Source { conversation, authorization, .. } = source;
        self.direct_line.activities(conversation, authorization, at, of_caller().as_deref()).await
    }

    /// Reads on from a watermark, page by page, until there is nothing more.
    pub async fn read_on(
        &self,
        source: &Source<'_>,
        watermark: Option<&str>,
    ) -> Result<Vec<Activity>, CallError> {
        let mut watermark = watermark.map(str::to_owned);
        let mut all = vec![];
        for _ in 0..PAGES {
            let page = self.read(source, watermark.as_deref()).await?;
            let next = watermark_text(&page);
            let ended = page.activities.is_empty() || next.is_none() || next == watermark;
            all.extend(page.activities);
            if ended {
                break;
            }
            watermark = next;
        }
        Ok(all)
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
        self.direct_line.post(source.conversation, &source.authorization, &body, trace).await
    }

    /// How to speak for ourselves in a segment of ours, renewing its token when half its life is over.
    async fn authorization(
        &self,
        conversation: &Arc<Conversation>,
        segment: &Segment,
    ) -> Result<String, BotError> {
        let (Some(held), Some(until)) = (&segment.authorization, segment.until) else {
            let secret =
                self.secret.as_ref().map(|secret| format!("Bearer {}", secret.value().expose_secret()));
            return Ok(secret.unwrap_or_default());
        };
        // Sealed while the settings had other secrets: as good as over, and the conversation is replaced.
        let held = self.seal.open(held, conversation.id.as_str()).ok_or_else(over)?;
        if until.millis_since(Timestamp::now()) > HALF_LIFE {
            return Ok(held);
        }
        let renewed = self.direct_line.refresh(&held).await?;
        let authorization = renewed.authorization.expose_secret().to_owned();
        let lasts = i64::try_from(renewed.expires_in.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp::now().plus_millis(lasts);
        let sealed = self.seal.seal(&authorization, conversation.id.as_str());
        let command = Command::BotTokenRenewed { authorization: sealed, until };
        self.ledger.commit(conversation, command).await.map_err(JournalError::from)?;
        Ok(authorization)
    }
}

fn over() -> CallError {
    CallError::Rejected { status: 403, code: Some("TokenExpired".to_owned()) }
}

/// A watermark as text; some servers send numbers.
pub fn watermark_text(set: &ActivitySet) -> Option<String> {
    match set.watermark.as_ref()? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
