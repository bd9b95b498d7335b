//! Speaking with the agent: one conversation a session, its token renewed, its end noticed.

use std::sync::Arc;

use reqwest::Body;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::{
    SecondaryBot, ask,
    fact::{Fact, File},
    machine::{Command, Session},
    plan::Post,
    state::{AgentConversation, State},
    work::Work,
};
use crate::{
    direct_line::{DirectLine, Look, token::is_old, upload::Upload},
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
    /// Nothing was processed; later it may be.
    #[error("Direct Line: {0}")]
    NotTaken(#[source] CallError),
    /// Nothing was processed, and trying again is of no use.
    #[error("Direct Line: {0}")]
    Refused(#[source] CallError),
    /// It may have been processed.
    #[error("Direct Line: {0}")]
    Uncertain(#[source] CallError),
    /// A step could not be stored, or somebody else works here now.
    #[error("the work was interrupted: {0:?}")]
    Stopped(Failure),
}

impl From<CallError> for Unreached {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Rejected { status: 401 | 403 | 404, .. } => Self::Lost,
            CallError::Rejected { .. } => Self::Refused(error),
            CallError::NotSent(_) | CallError::Throttled(_) => Self::NotTaken(error),
            CallError::Uncertain(_) | CallError::Failed { .. } => Self::Uncertain(error),
        }
    }
}

/// A session's conversation, and how to speak in it.
struct Line<'a> {
    direct_line: &'a DirectLine,
    conversation: AgentConversation,
    authorization: String,
}

impl Line<'_> {
    async fn post(&self, activity: &Value) -> Result<Option<String>, CallError> {
        let Self { direct_line, conversation, authorization } = self;
        direct_line.post(&conversation.id, authorization, activity, of_caller().as_deref()).await
    }

    async fn look(&self, watermark: Option<&str>) -> Result<Look, CallError> {
        let Self { direct_line, conversation, authorization } = self;
        direct_line.look(&conversation.id, authorization, watermark, of_caller().as_deref()).await
    }
}

impl SecondaryBot {
    /// Opens a conversation for the request, with the agent it chooses, and stores that.
    pub(super) async fn open(&self, work: &Work<'_>) -> Result<(), Unreached> {
        let (user, locale, held) = {
            let state = work.session.state().await;
            let held = state.agent.as_ref().and_then(|agent| agent.name.clone());
            (state.user.clone(), state.locale.clone(), held)
        };
        let (name, agent) = self.agents.choose(&work.asked.echo, held.as_deref());
        let opened = agent.open(Some(&user), locale.as_deref(), of_caller().as_deref()).await;
        let opened = opened.map_err(|error| match error {
            CallError::Rejected { .. } => Unreached::Refused(error),
            // A conversation opened in vain harms nobody.
            error => Unreached::NotTaken(error),
        })?;
        let (request, at) = (work.request(), self.ledger.now());
        let sealed = || opened.token.sealed(&self.seal, &work.session.id, at);
        let (authorization, until) = agent.own_authorization().is_none().then(sealed).unzip();
        let (conversation, named) = (opened.conversation_id, name.clone());
        let opened = Fact::Opened { request, conversation, agent: named, authorization, until, at };
        self.step(work, opened).await?;
        info!(session.id = %work.session.id, agent = name.as_deref(), "Opened a conversation with the agent");
        Ok(())
    }

    /// Makes one post, once; again only when a token had to be renewed. The id that it was given, when that was told.
    pub(super) async fn post(
        &self,
        work: &Work<'_>,
        post: &Post,
        name: &str,
    ) -> Result<Option<String>, Unreached> {
        let activity = activity(&*work.session.state().await, &post.fields, name);
        let mut line = self.line(work.session).await?;
        let mut outcome = self.post_in(&line, &post.files, &activity).await;
        if self.has_renewed(work.session, &mut line, &outcome).await? {
            outcome = self.post_in(&line, &post.files, &activity).await;
        }
        Ok(outcome?)
    }

    /// Posts an activity: files that were uploaded to us go along, others by their address.
    async fn post_in(
        &self,
        line: &Line<'_>,
        files: &[File],
        activity: &Value,
    ) -> Result<Option<String>, CallError> {
        let (mut uploads, mut links) = (Vec::new(), Vec::new());
        for File { name, media_type, url } in files {
            match self.kept(url).await? {
                Some((Label { name: kept_name, media_type: kept_type }, length, body)) => {
                    let given =
                        |given: &String, kept: String| if given.is_empty() { kept } else { given.clone() };
                    let Label { name, media_type } =
                        Label::new(&given(name, kept_name), &given(media_type, kept_type));
                    uploads.push(Upload { name, media_type, body, length });
                }
                None => links.push(json!({"contentType": media_type, "contentUrl": url, "name": name})),
            }
        }
        let mut activity = activity.clone();
        if !links.is_empty() {
            activity["attachments"] = links.into();
        }
        if uploads.is_empty() {
            return line.post(&activity).await;
        }
        let Line { direct_line, conversation, authorization } = line;
        let user = activity["from"]["id"].as_str().unwrap_or_default();
        direct_line.upload(&conversation.id, authorization, user, &activity, uploads).await
    }

    /// The upload that `url` names. Nothing is sent while it can't be read: a later attempt may.
    async fn kept(&self, url: &str) -> Result<Option<(Label, u64, Body)>, CallError> {
        let failed = |failed| {
            warn!(error = %failed, "An upload can't be read");
            CallError::NotSent(None)
        };
        let Some(file) = self.media.find(url).await.map_err(failed)? else { return Ok(None) };
        let (label, length) = (file.label.clone(), file.length);
        let bytes = file.read(0..length).await.map_err(failed)?;
        Ok(Some((label, length, Body::wrap_stream(bytes))))
    }

    /// Reads what came after the watermark.
    pub(super) async fn read(
        &self,
        session: &Arc<Session>,
        watermark: Option<&str>,
    ) -> Result<Look, Unreached> {
        let mut line = self.line(session).await?;
        let mut outcome = line.look(watermark).await;
        if self.has_renewed(session, &mut line, &outcome).await? {
            outcome = line.look(watermark).await;
        }
        Ok(outcome?)
    }

    /// Tells the agent that the user types; a passing sign, and lost when anything is in its way.
    pub(super) async fn show_typing(self: &Arc<Self>, request: &Request) -> Result<(), JournalError> {
        let Some(session) = self.ledger.find(&ask::session(request)).await? else { return Ok(()) };
        let Some(agent) = session.state().await.agent.clone() else { return Ok(()) };
        if matches!(request.action, Action::Typing) {
            let bot = self.clone();
            tokio::spawn(async move { bot.say_in_passing(&session, agent, "typing").await });
        }
        Ok(())
    }

    /// Posts a bare activity to a conversation; when it gets lost, nothing follows.
    pub(super) async fn say_in_passing(
        &self,
        session: &Arc<Session>,
        conversation: AgentConversation,
        kind: &str,
    ) {
        let Ok(line) = self.line_in(session, conversation).await else { return };
        let user = session.state().await.user.clone();
        let _ = line.post(&json!({"type": kind, "from": {"id": user, "role": "user"}})).await;
    }

    /// The session's conversation and how to speak in it, with a token that will last.
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
        let direct_line = self.agents.get(conversation.name.as_deref()).ok_or(Unreached::Lost)?;
        let held = self.held(session, &conversation).or_else(|| direct_line.own_authorization());
        let mut line = Line { direct_line, conversation, authorization: held.unwrap_or_default() };
        // When it can't be renewed, the one we hold may still be good.
        if line.conversation.until.is_some_and(|until| is_old(until, self.ledger.now()))
            && let Ok(renewed) = self.renew(session, &line).await
        {
            line.authorization = renewed;
        }
        Ok(line)
    }

    /// Whether a call is to be made once more: its token was refused, and the line has another now.
    async fn has_renewed<T>(
        &self,
        session: &Arc<Session>,
        line: &mut Line<'_>,
        outcome: &Result<T, CallError>,
    ) -> Result<bool, Unreached> {
        let refused = matches!(outcome, Err(CallError::Rejected { status: 401 | 403, .. }));
        if refused {
            line.authorization = self.renew(session, line).await?;
        }
        Ok(refused)
    }

    /// The conversation's own token; none where a secret serves, or when the settings have other secrets than when it was sealed.
    fn held(&self, session: &Session, conversation: &AgentConversation) -> Option<String> {
        self.seal.open(conversation.authorization.as_deref()?, session.id.as_str())
    }

    /// Gets another token for the conversation.
    async fn renew(&self, session: &Arc<Session>, line: &Line<'_>) -> Result<String, Unreached> {
        let held = self.held(session, &line.conversation).ok_or(Unreached::Lost)?;
        let renewed = line.direct_line.refresh(&held).await.map_err(|error| match error {
            CallError::Rejected { .. } => Unreached::Lost,
            error => Unreached::NotTaken(error),
        })?;
        let (authorization, until) = renewed.sealed(&self.seal, &session.id, self.ledger.now());
        let conversation = line.conversation.id.clone();
        if let Err(error) =
            self.ledger.commit(session, Command::Renewed { conversation, authorization, until }).await
        {
            warn!(session.id = %session.id, %error, "A new token could not be stored; the next call asks for another");
        }
        Ok(renewed.authorization.expose_secret().to_owned())
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
