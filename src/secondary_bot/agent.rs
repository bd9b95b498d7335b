//! Speaking with the agent: one conversation a session, its token renewed, its end noticed.

use std::sync::Arc;

use reqwest::Body;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::{
    SecondaryBot, ask,
    fact::File,
    machine::{Command, Held, Session, Step},
    plan::Post,
    state::AgentConversation,
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
        let trace = of_caller();
        direct_line.post(&conversation.id, authorization, activity, trace.as_deref()).await
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
        let sealed = || opened.token.sealed(&self.seal, &work.session.id, self.ledger.now());
        let (authorization, until) = agent.own_authorization().is_none().then(sealed).unzip();
        let conversation = opened.conversation_id;
        let step = Step::Opened { agent: name.clone(), conversation, authorization, until };
        self.step(work, step).await?;
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
        let Work { session, held, asked: _ } = work;
        let (user, locale, timezone) = {
            let state = session.state().await;
            (state.user.clone(), state.locale.clone(), state.timezone.clone())
        };
        let activity = activity(&post.fields, &user, locale.as_deref(), timezone.as_deref(), name);
        let activity = Value::Object(activity);
        let mut renewed = false;
        loop {
            let line = self.line(session, Some(*held)).await?;
            match self.post_in(&line, &user, &post.files, &activity).await {
                Err(CallError::Rejected { status: 401 | 403, .. }) if !renewed => {
                    renewed = true;
                    self.renew(session, Some(*held), &line.conversation).await?;
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// Posts an activity: files that were uploaded to us go along, others by their address.
    async fn post_in(
        &self,
        line: &Line<'_>,
        user: &str,
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

    /// Reads what came after the watermark. `by`: who works here, if anybody does.
    pub(super) async fn read(
        &self,
        session: &Arc<Session>,
        by: Option<Held>,
        watermark: Option<&str>,
    ) -> Result<Look, Unreached> {
        let mut renewed = false;
        loop {
            let line = self.line(session, by).await?;
            let Line { direct_line, conversation, authorization } = &line;
            let trace = of_caller();
            match direct_line.look(&conversation.id, authorization, watermark, trace.as_deref()).await {
                Err(CallError::Rejected { status: 401 | 403, .. }) if !renewed => {
                    renewed = true;
                    self.renew(session, by, conversation).await?;
                }
                outcome => return Ok(outcome?),
            }
        }
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
        let Ok(line) = self.line_in(session, None, conversation).await else { return };
        let user = session.state().await.user.clone();
        let _ = line.post(&json!({"type": kind, "from": {"id": user, "role": "user"}})).await;
    }

    /// The conversation and how to speak in it, with a token that will last.
    async fn line(&self, session: &Arc<Session>, by: Option<Held>) -> Result<Line<'_>, Unreached> {
        let conversation = session.state().await.agent.clone().ok_or(Unreached::Lost)?;
        self.line_in(session, by, conversation).await
    }

    async fn line_in(
        &self,
        session: &Arc<Session>,
        by: Option<Held>,
        conversation: AgentConversation,
    ) -> Result<Line<'_>, Unreached> {
        let direct_line = self.agent(&conversation)?;
        let renewed = match conversation.until {
            Some(until) if is_old(until, self.ledger.now()) => {
                self.renew(session, by, &conversation).await.ok()
            }
            _ => None,
        };
        // When it can't be renewed, the one we hold may still be good.
        let held = renewed.or_else(|| self.held(session, &conversation));
        let authorization = held.or_else(|| direct_line.own_authorization()).unwrap_or_default();
        Ok(Line { direct_line, conversation, authorization })
    }

    /// Who the conversation is with; lost when the settings no longer have this agent.
    fn agent(&self, conversation: &AgentConversation) -> Result<&DirectLine, Unreached> {
        self.agents.get(conversation.name.as_deref()).ok_or(Unreached::Lost)
    }

    /// The conversation's own token; none where a secret serves, or when the settings have other secrets than when it was sealed.
    fn held(&self, session: &Session, conversation: &AgentConversation) -> Option<String> {
        self.seal.open(conversation.authorization.as_deref()?, session.id.as_str())
    }

    /// Gets another token for the conversation.
    async fn renew(
        &self,
        session: &Arc<Session>,
        by: Option<Held>,
        conversation: &AgentConversation,
    ) -> Result<String, Unreached> {
        let held = self.held(session, conversation).ok_or(Unreached::Lost)?;
        let renewed = self.agent(conversation)?.refresh(&held).await;
        let renewed = renewed.map_err(|error| match error {
            CallError::Rejected { .. } => Unreached::Lost,
            error => Unreached::NotTaken(error),
        })?;
        let (authorization, until) = renewed.sealed(&self.seal, &session.id, self.ledger.now());
        let command = Command::Renewed { conversation: conversation.id.clone(), by, authorization, until };
        if let Err(error) = self.ledger.commit(session, command).await {
            warn!(session.id = %session.id, %error, "A new token could not be stored; the next call asks for another");
        }
        Ok(renewed.authorization.expose_secret().to_owned())
    }
}

/// An activity of the user's; `name` is how its echo is known.
fn activity(
    fields: &Map<String, Value>,
    user: &str,
    locale: Option<&str>,
    timezone: Option<&str>,
    name: &str,
) -> Map<String, Value> {
    let mut activity = Map::new();
    activity.insert("type".to_owned(), "message".into());
    activity.insert("from".to_owned(), json!({"id": user, "role": "user"}));
    activity.extend(locale.map(|locale| ("locale".to_owned(), locale.into())));
    activity.extend(timezone.map(|zone| ("localTimezone".to_owned(), zone.into())));
    activity.extend(fields.clone());
    let data = activity.entry("channelData").or_insert_with(|| json!({}));
    if !data.is_object() {
        *data = json!({});
    }
    data["clientActivityID"] = name.into();
    activity
}
