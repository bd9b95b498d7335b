//! Speaking with the agent: one conversation a session, its token renewed, its end noticed.

use std::sync::Arc;

use reqwest::Body;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::{
    SecondaryBot,
    agents::Agent,
    ask,
    fact::{Fact, File},
    machine::{Command, Session},
    plan::Post,
    state::{AgentConversation, State},
    work::Work,
};
use crate::{
    direct_line::{Look, upload::Upload},
    far_end::CallError,
    files::Label,
    ledger::{Failure, journal::JournalError},
    telemetry::of_caller,
    wire::virtual_agent::request::{Action, Request},
};

/// Why something did not get through to the agent.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// The conversation is gone, or its token is; nothing was processed.
    #[error("the conversation with the agent is lost")]
    Lost,
    #[error("Direct Line: {0}")]
    Call(#[source] CallError),
    /// A step could not be stored, or somebody else works here now.
    #[error("the work was interrupted: {0:?}")]
    Stopped(Failure),
}

impl Unreached {
    /// Whether another try would come to the same.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Lost | Self::Call(CallError::Rejected { .. }))
    }
}

impl From<CallError> for Unreached {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Rejected { status: 401 | 403 | 404, .. } => Self::Lost,
            error => Self::Call(error),
        }
    }
}

/// A session's conversation, and how to speak in it.
struct Line<'a> {
    agent: &'a Agent,
    conversation: AgentConversation,
    authorization: String,
}

impl Line<'_> {
    async fn post(&self, activity: &Value) -> Result<Option<String>, CallError> {
        let Self { agent, conversation, authorization } = self;
        let trace = of_caller();
        agent.noted(agent.direct_line.post(&conversation.id, authorization, activity, trace.as_deref()).await)
    }

    async fn look(&self, watermark: Option<&str>) -> Result<Look, CallError> {
        let Self { agent, conversation, authorization } = self;
        let trace = of_caller();
        agent
            .noted(agent.direct_line.look(&conversation.id, authorization, watermark, trace.as_deref()).await)
    }
}

impl SecondaryBot {
    /// Opens a conversation for the request, with the agent it chooses, and stores that.
    pub(super) async fn open(&self, work: &Work<'_>) -> Result<(), Unreached> {
        let (user, locale, name) = {
            let state = work.session.state().await;
            let name = self.ledger.machine().agents.answering(work.asked, state.agent.as_ref());
            (state.user.clone(), state.locale.clone(), name.map(str::to_owned))
        };
        let agent = self.agents.get(name.as_deref()).ok_or(Unreached::Lost)?;
        let direct_line = &agent.direct_line;
        let opened = direct_line.open(Some(&user), locale.as_deref(), of_caller().as_deref()).await;
        let opened = agent.noted(opened).map_err(Unreached::Call)?;
        let (request, at) = (work.request(), self.ledger.now());
        let sealed = || opened.token.sealed(&self.seal, &work.session.id, at);
        let (authorization, renew_at) = direct_line.own_authorization().is_none().then(sealed).unzip();
        let (conversation, named) = (opened.conversation_id, name.clone());
        let opened = Fact::Opened { request, conversation, agent: named, authorization, renew_at, at };
        self.step(work, opened).await?;
        info!(session.id = %work.session.id, agent = name.as_deref(), "Opened a conversation with the agent");
        Ok(())
    }

    /// Makes one post, once: files that were uploaded to us go along, others by their address. The id that it was given, when
    /// that was told.
    pub(super) async fn post(
        &self,
        work: &Work<'_>,
        post: &Post,
        name: &str,
    ) -> Result<Option<String>, Unreached> {
        let mut activity = activity(&*work.session.state().await, &post.fields, name);
        let line = self.line(work.session).await?;
        let (mut uploads, mut links) = (Vec::new(), Vec::new());
        for file in &post.files {
            match self.upload(file).await? {
                Some(upload) => uploads.push(upload),
                None => {
                    let File { name, media_type, url } = file;
                    links.push(json!({"contentType": media_type, "contentUrl": url, "name": name}));
                }
            }
        }
        if !links.is_empty() {
            activity["attachments"] = links.into();
        }
        if uploads.is_empty() {
            return Ok(line.post(&activity).await?);
        }
        let Line { agent, conversation, authorization } = &line;
        let user = activity["from"]["id"].as_str().unwrap_or_default();
        let uploading = agent.direct_line.upload(&conversation.id, authorization, user, &activity, uploads);
        Ok(agent.noted(uploading.await)?)
    }

    /// The upload that a file's address names. Nothing is sent while it can't be read: a later attempt may.
    async fn upload(&self, File { name, media_type, url }: &File) -> Result<Option<Upload>, CallError> {
        let failed = |failed| {
            warn!(error = %failed, "An upload can't be read");
            CallError::NotSent(None)
        };
        let Some(kept) = self.media.find(url).await.map_err(failed)? else { return Ok(None) };
        let or = |given: &'_ str, kept: &'_ str| if given.is_empty() { kept } else { given }.to_owned();
        let (name, media_type) = (or(name, &kept.label.name), or(media_type, &kept.label.media_type));
        let Label { name, media_type } = Label::new(&name, &media_type);
        let length = kept.length;
        let body = Body::wrap_stream(kept.read(0..length).await.map_err(failed)?);
        Ok(Some(Upload { name, media_type, body, length }))
    }

    /// Reads what came after the watermark.
    pub(super) async fn read(
        &self,
        session: &Arc<Session>,
        watermark: Option<&str>,
    ) -> Result<Look, Unreached> {
        Ok(self.line(session).await?.look(watermark).await?)
    }

    /// Tells the agent that the user types; a passing sign, and lost when anything is in its way.
    pub(super) async fn show_typing(self: &Arc<Self>, request: &Request) -> Result<(), JournalError> {
        let Some(session) = self.ledger.find(&ask::session(request)).await? else { return Ok(()) };
        let agent = {
            let state = session.state().await;
            state.agent.clone().filter(|_| !state.outbox.is_frozen())
        };
        let Some(agent) = agent else { return Ok(()) };
        if matches!(request.action, Action::Typing) {
            let bot = self.clone();
            tokio::spawn(async move { bot.say_in_passing(&session, agent, "typing").await });
        }
        Ok(())
    }

    /// Whether the conversation's agent may be asked for what nobody waits for.
    pub(super) fn may_ask(&self, conversation: &AgentConversation) -> bool {
        self.agents.get(conversation.name.as_deref()).is_some_and(Agent::may_ask)
    }

    /// Posts a bare activity to a conversation, unless its agent is to be left alone; when it gets lost, nothing follows.
    pub(super) async fn say_in_passing(
        &self,
        session: &Arc<Session>,
        conversation: AgentConversation,
        kind: &str,
    ) {
        if !self.may_ask(&conversation) {
            return;
        }
        let Ok(line) = self.line_in(session, conversation).await else { return };
        let user = session.state().await.user.clone();
        let _ = line.post(&json!({"type": kind, "from": {"id": user, "role": "user"}})).await;
    }

    /// The session's conversation and how to speak in it.
    async fn line(&self, session: &Arc<Session>) -> Result<Line<'_>, Unreached> {
        let conversation = session.state().await.agent.clone().ok_or(Unreached::Lost)?;
        self.line_in(session, conversation).await
    }

    /// As [`line`](Self::line). Lost when the settings no longer have the conversation's agent.
    async fn line_in(
        &self,
        session: &Arc<Session>,
        conversation: AgentConversation,
    ) -> Result<Line<'_>, Unreached> {
        let agent = self.agents.get(conversation.name.as_deref()).ok_or(Unreached::Lost)?;
        // No token where a secret serves, or when the settings have other secrets than when it was sealed.
        let sealed = conversation.authorization.as_deref();
        let authorization = match sealed.and_then(|sealed| self.seal.open(sealed, session.id.as_str())) {
            Some(held) => self.renewed(session, agent, &conversation, held).await,
            None => agent.direct_line.own_authorization().unwrap_or_default(),
        };
        Ok(Line { agent, conversation, authorization })
    }

    /// The conversation's token, or a new one when half of its life is over.
    async fn renewed(
        &self,
        session: &Arc<Session>,
        agent: &Agent,
        conversation: &AgentConversation,
        held: String,
    ) -> String {
        if conversation.renew_at.is_none_or(|renew_at| self.ledger.now() < renew_at) {
            return held;
        }
        // When it can't be renewed, the one we hold may still be good.
        let Some(renewed) = agent.direct_line.renew(&held).await else { return held };
        let (authorization, renew_at) = renewed.sealed(&self.seal, &session.id, self.ledger.now());
        let command = Command::Renewed { conversation: conversation.id.clone(), authorization, renew_at };
        if let Err(error) = self.ledger.commit(session, command).await {
            warn!(session.id = %session.id, %error, "A new token could not be stored; the next call asks for another");
        }
        renewed.authorization.expose_secret().to_owned()
    }
}

/// An activity of the user's; `name` is how its echo is known.
fn activity(state: &State, fields: &Map<String, Value>, name: &str) -> Value {
    let mut activity = json!({"type": "message", "from": {"id": state.user, "role": "user"}});
    for (key, known) in [("locale", &state.locale), ("localTimezone", &state.timezone)] {
        if let Some(known) = known {
            activity[key] = known.as_str().into();
        }
    }
    for (key, field) in fields {
        activity[key] = field.clone();
    }
    activity["channelData"]["clientActivityID"] = name.into();
    activity
}
