//! Speaking with the agent: one conversation a session, its token renewed, its end noticed.

use std::sync::Arc;

use reqwest::Body;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::{
    SecondaryBot, Session,
    agents::Agent,
    ask,
    fact::{Fact, File},
    plan::Post,
    state::{AgentConversation, Queued},
};
use crate::{
    delivery::{Next, after_attempt},
    direct_line::{DirectLine, upload::Upload},
    domain::Timestamp,
    far_end::CallError,
    files::Label,
    journal::JournalError,
    telemetry::{Count, of_caller},
    wire::{
        activity::ActivitySet,
        virtual_agent::request::{Action, Request},
    },
};

/// Milliseconds before its end at which a token is renewed: half of the shortest life documented.
const HALF_LIFE: i64 = 15 * 60_000;
/// Milliseconds for which what surely did not reach Direct Line is tried again.
const PATIENCE: i64 = 8_000;

/// Why something did not get through to the agent.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// The conversation is gone, or its token is; nothing was processed.
    #[error("the conversation with the agent is lost")]
    Lost,
    /// Nothing was processed, and trying again is of no use now.
    #[error("Direct Line: {0}")]
    Refused(#[source] CallError),
    /// It may have been processed.
    #[error("Direct Line: {0}")]
    Uncertain(#[source] CallError),
    #[error(transparent)]
    Store(#[from] JournalError),
}

/// A session's conversation, and how to speak in it.
struct Line<'a> {
    direct_line: &'a DirectLine,
    conversation: AgentConversation,
    authorization: String,
}

impl Line<'_> {
    async fn post(&self, activity: &Value) -> Result<(), CallError> {
        let Self { direct_line, conversation, authorization } = self;
        let trace = of_caller();
        direct_line.post(&conversation.id, authorization, activity, trace.as_deref()).await.map(drop)
    }
}

impl SecondaryBot {
    /// Opens a conversation for the request, with the agent it chooses, and stores that.
    pub(super) async fn open(&self, session: &Session, queued: &Queued) -> Result<(), Unreached> {
        let (user, locale, held) = {
            let state = session.state.lock().await;
            let held = state.agent.as_ref().and_then(|agent| agent.name.clone());
            (state.user.clone(), state.locale.clone(), held)
        };
        let (name, agent) = self.agents.choose(&queued.asked.echo, held.as_deref());
        let began = Timestamp::now();
        let mut attempt = 0;
        let opened = loop {
            attempt += 1;
            match agent.direct_line.open(Some(&user), locale.as_deref(), of_caller().as_deref()).await {
                Ok(opened) => break opened,
                // A conversation opened in vain harms nobody.
                Err(error) => self.wait_or_give_up(began, attempt, error).await?,
            }
        };
        let now = Timestamp::now();
        let own_secret = agent.authorization().is_some();
        let millis = i64::try_from(opened.expires_in.as_millis()).unwrap_or(i64::MAX);
        self.record(session, |_, at| {
            let fact = Fact::Opened {
                request: queued.position,
                agent: name.clone(),
                conversation: opened.conversation_id.clone(),
                authorization: (!own_secret).then(|| opened.authorization.expose_secret().to_owned()),
                until: (!own_secret).then(|| now.plus_millis(millis)),
                at,
            };
            (vec![fact], ())
        })
        .await?;
        info!(session.id = %session.id, agent = name.as_deref(), "Opened a conversation with the agent");
        Ok(())
    }

    /// Makes one post. What surely did not arrive is tried again for a while, what may have arrived is not.
    pub(super) async fn post(&self, session: &Session, post: &Post, name: &str) -> Result<(), Unreached> {
        let (user, locale, timezone) = {
            let state = session.state.lock().await;
            (state.user.clone(), state.locale.clone(), state.timezone.clone())
        };
        let fields = match post {
            Post::Activity(fields) | Post::Files { fields, .. } => fields,
        };
        let activity = activity(fields, &user, locale.as_deref(), timezone.as_deref(), name);
        let activity = Value::Object(activity);
        let began = Timestamp::now();
        let mut attempt = 0;
        let mut renewed = false;
        loop {
            attempt += 1;
            let line = self.line(session).await?;
            let outcome = match post {
                Post::Activity(_) => line.post(&activity).await,
                Post::Files { files, .. } => self.post_files(&line, &user, files, &activity).await,
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err(CallError::Rejected { status: 401 | 403, .. }) if !renewed => {
                    renewed = true;
                    self.renew(session, &line.conversation).await?;
                }
                Err(CallError::Rejected { status: 401 | 403 | 404, .. }) => return Err(Unreached::Lost),
                Err(error @ CallError::Rejected { .. }) => return Err(Unreached::Refused(error)),
                Err(error @ (CallError::Uncertain(_) | CallError::Failed { .. })) => {
                    return Err(Unreached::Uncertain(error));
                }
                Err(error) => self.wait_or_give_up(began, attempt, error).await?,
            }
        }
    }

    /// Posts a message with files: those that were uploaded to us go along, others by their address.
    async fn post_files(
        &self,
        line: &Line<'_>,
        user: &str,
        files: &[File],
        activity: &Value,
    ) -> Result<(), CallError> {
        let (mut uploads, mut links) = (Vec::new(), Vec::new());
        for File { name, media_type, url } in files {
            match self.kept(url).await? {
                Some((Label { name: kept_name, media_type: kept_type }, length, body)) => {
                    let given =
                        |given: &String, kept: String| if given.is_empty() { kept } else { given.clone() };
                    let (name, media_type) = (given(name, kept_name), given(media_type, kept_type));
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

    /// Reads what came after the watermark.
    pub(super) async fn read(
        &self,
        session: &Session,
        watermark: Option<&str>,
    ) -> Result<ActivitySet, Unreached> {
        let mut renewed = false;
        loop {
            let line = self.line(session).await?;
            let Line { direct_line, conversation, authorization } = &line;
            let trace = of_caller();
            match direct_line.activities(&conversation.id, authorization, watermark, trace.as_deref()).await {
                Ok(set) => return Ok(set),
                Err(CallError::Rejected { status: 401 | 403, .. }) if !renewed => {
                    renewed = true;
                    self.renew(session, conversation).await?;
                }
                Err(CallError::Rejected { status: 401 | 403 | 404, .. }) => return Err(Unreached::Lost),
                Err(error) => return Err(Unreached::Refused(error)),
            }
        }
    }

    /// Tells the agent that the user types; a passing sign, and lost when anything is in its way.
    pub(super) async fn show_typing(self: &Arc<Self>, request: &Request) -> Result<(), JournalError> {
        let session = self.find(&ask::session(request)).await?;
        let is_typing = matches!(request.action, Action::Typing);
        if !is_typing || session.state.lock().await.agent.is_none() {
            return Ok(());
        }
        let bot = self.clone();
        tokio::spawn(async move {
            let Ok(line) = bot.line(&session).await else { return };
            let user = session.state.lock().await.user.clone();
            let typing = json!({"type": "typing", "from": {"id": user, "role": "user"}});
            let _ = line.post(&typing).await;
        });
        Ok(())
    }

    /// The conversation and how to speak in it, with a token that will last.
    async fn line(&self, session: &Session) -> Result<Line<'_>, Unreached> {
        let conversation = session.state.lock().await.agent.clone().ok_or(Unreached::Lost)?;
        let agent = self.agent(&conversation)?;
        let authorization = match (conversation.authorization.clone(), conversation.until) {
            (Some(held), Some(until)) if until.millis_since(Timestamp::now()) <= HALF_LIFE => {
                match self.refresh(session, agent, &held).await {
                    Ok(renewed) => renewed,
                    Err(Unreached::Store(error)) => return Err(error.into()),
                    // It may still be good.
                    Err(_) => held,
                }
            }
            (held, _) => held.or_else(|| agent.authorization()).unwrap_or_default(),
        };
        Ok(Line { direct_line: &agent.direct_line, conversation, authorization })
    }

    /// Who the conversation is with; lost when the settings no longer have this agent.
    fn agent(&self, conversation: &AgentConversation) -> Result<&Agent, Unreached> {
        self.agents.get(conversation.name.as_deref()).ok_or(Unreached::Lost)
    }

    /// Tries to get another token after a refusal.
    async fn renew(&self, session: &Session, conversation: &AgentConversation) -> Result<(), Unreached> {
        let held = conversation.authorization.as_deref().ok_or(Unreached::Lost)?;
        self.refresh(session, self.agent(conversation)?, held).await.map(drop)
    }

    async fn refresh(&self, session: &Session, agent: &Agent, held: &str) -> Result<String, Unreached> {
        let renewed = agent.direct_line.refresh(held).await.map_err(|error| match error {
            CallError::Rejected { .. } => Unreached::Lost,
            error => Unreached::Refused(error),
        })?;
        let authorization = renewed.authorization.expose_secret().to_owned();
        let millis = i64::try_from(renewed.expires_in.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp::now().plus_millis(millis);
        let fact = Fact::Renewed { authorization: authorization.clone(), until };
        self.record(session, |_, _| (vec![fact.clone()], ())).await?;
        Ok(authorization)
    }

    /// Sleeps as the retry table says, as long as patience lasts.
    async fn wait_or_give_up(
        &self,
        began: Timestamp,
        attempt: u32,
        error: CallError,
    ) -> Result<(), Unreached> {
        let now = Timestamp::now();
        match after_attempt(began, attempt, Some(&error), now) {
            Next::RetryAt(at) if at.millis_since(began) <= PATIENCE => {
                warn!(attempt, %error, "Direct Line did not take it; will try again");
                self.counters.one(Count::RetriesDirectLine);
                let wait = at.millis_since(now).max(0).unsigned_abs();
                tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
                Ok(())
            }
            _ => Err(Unreached::Refused(error)),
        }
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
