//! The client for Direct Line 3.0.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{sync::OnceCell, time::Instant};
use url::Url;

pub use self::open::Opened;
use self::{
    answer::{Grant, activity_set},
    root::Root,
    token::Token,
};
use crate::{
    config::DirectLineSettings,
    credential::{Credential, Mark, mark, renewed},
    domain::Timestamp,
    far_end::{
        self, Answered, CallError, Within,
        room::{Room, Taken},
    },
    ledger::Outage,
    wire::activity::ActivitySet,
};

mod answer;
pub use self::answer::id as posted_id;
mod open;
pub mod page;
pub(crate) mod probe;
pub mod proxy;
mod root;
pub mod stream;
pub mod token;
pub mod upload;

/// A GET waits this long; a POST longer, because it lasts as long as the bot's turn (15 s at most).
const READ_TIME_OUT: Duration = Duration::from_secs(10);
const POST_TIME_OUT: Duration = Duration::from_secs(20);
/// How long a token endpoint that could not tell the region is not asked again.
const BETWEEN_MISSES: Duration = Duration::from_secs(1);
/// About a hundred activities of the largest size.
const LONGEST_ANSWER: usize = 32 << 20;
/// Bytes of answers that are looked into at the same time.
pub(crate) const ROOM: usize = 48 << 20;

/// Calls Direct Line; cheap to clone, clones share the regional root once it is known.
#[derive(Clone, Debug)]
pub struct DirectLine {
    http: reqwest::Client,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: DirectLineSettings,
    /// Set from the start unless the token endpoint has to be asked.
    root: OnceCell<Root>,
    /// When the token endpoint was asked for the region, and could not tell.
    missed: Mutex<Option<Instant>>,
    /// Tokens may not be renewed while all else is well.
    renewals: Mutex<Outage>,
    room: Room,
}

/// One look at a conversation.
#[derive(Debug)]
pub struct Look {
    pub set: ActivitySet,
    /// Direct Line's clock, in whole seconds.
    pub date: Option<Timestamp>,
    /// How long the answer was.
    pub bytes: usize,
    /// What it takes of the room for large answers, as long as it is held.
    pub room: Taken,
}

impl DirectLine {
    pub fn new(settings: &DirectLineSettings, http: reqwest::Client) -> Self {
        let root = match (&settings.url, &settings.token_endpoint) {
            (Some(url), _) => OnceCell::new_with(Some(Root::new(root::normal(url)))),
            (None, Some(_)) => OnceCell::new(),
            (None, None) => OnceCell::new_with(Some(Root::new(root::global()))),
        };
        let (missed, renewals) = (Mutex::default(), Mutex::default());
        let shared = Shared { settings: settings.clone(), root, missed, renewals, room: Room::new(ROOM) };
        Self { http, shared: Arc::new(shared) }
    }

    #[cfg(test)]
    pub(crate) fn room(&self) -> &Room {
        &self.shared.room
    }

    /// Where Direct Line is; always ends in `/v3/directline/`.
    ///
    /// The setting wins; else the region that belongs to the token endpoint; else the global root.
    ///
    /// # Errors
    /// When the region could not be asked for; a call a second later asks again.
    pub async fn root(&self) -> Result<Url, CallError> {
        Ok(self.place().await?.url.clone())
    }

    /// As [`root`](Self::root), with its parts.
    async fn place(&self) -> Result<&Root, CallError> {
        let Shared { settings, root, missed, renewals: _, room: _ } = &*self.shared;
        if let Some(known) = root.get() {
            return Ok(known);
        }
        let ask = async || match &settings.token_endpoint {
            Some(_) if has_just_missed(missed) => Err(CallError::NotSent(None)),
            Some(endpoint) => {
                let asked = self.regional(endpoint).await.map(Root::new);
                *missed.lock().unwrap_or_else(PoisonError::into_inner) = asked.is_err().then(Instant::now);
                asked
            }
            None => Ok(Root::new(root::global())),
        };
        Box::pin(root.get_or_try_init(ask)).await
    }

    /// What speaks in every conversation that our secret has opened, the whole header value; `None` where each has a token.
    pub fn own_authorization(&self) -> Option<String> {
        let secret = self.shared.settings.secret.as_ref()?;
        Some(bearer(secret.value().expose_secret()).expose_secret().to_owned())
    }

    /// As [`look`](Self::look), for those to whom the time does not matter.
    ///
    /// # Errors
    /// As there.
    pub async fn activities(
        &self,
        conversation: &str,
        authorization: &str,
        watermark: Option<&str>,
        traceparent: Option<&str>,
    ) -> Result<ActivitySet, CallError> {
        Ok(self.look(conversation, authorization, watermark, traceparent).await?.set)
    }

    /// Reads what came after `watermark`, or everything Direct Line still has.
    ///
    /// An activity this program can't read is kept, in `rest`, beside its type and id.
    ///
    /// # Errors
    /// See [`CallError`]; reading again is always safe.
    pub async fn look(
        &self,
        conversation: &str,
        authorization: &str,
        watermark: Option<&str>,
        traceparent: Option<&str>,
    ) -> Result<Look, CallError> {
        let mut url = self.activities_url(conversation).await?;
        if let Some(watermark) = watermark.filter(|watermark| !watermark.is_empty()) {
            url.query_pairs_mut().append_pair("watermark", watermark);
        }
        let get = self.http.get(url).timeout(READ_TIME_OUT).header(ACCEPT, "application/json");
        let mut room = None;
        let within = Some((&self.shared.room, &mut room));
        let answered = self.call(with_trace(get, traceparent), authorization, within).await?;
        Ok(Look {
            set: activity_set(&answered)?,
            date: far_end::date(&answered.headers),
            bytes: answered.body.len(),
            room,
        })
    }

    /// Makes a call; once more when it was made with our own secret, that was refused, and a vault has a new one.
    async fn call(
        &self,
        request: RequestBuilder,
        authorization: &str,
        mut within: Within<'_>,
    ) -> Result<Answered, CallError> {
        let own = self.own(authorization);
        let again = own.as_ref().and_then(|_| request.try_clone());
        let request = request.header(AUTHORIZATION, authorization);
        let reborrowed = within.as_mut().map(|(room, taken)| (*room, &mut **taken));
        let outcome = far_end::call_within(request, LONGEST_ANSWER, reborrowed).await;
        match (outcome, own, again) {
            (Err(error), Some((secret, before)), Some(again))
                if error.refuses_credential() && renewed([secret], &before).await =>
            {
                let authorization = bearer(secret.value().expose_secret());
                let again = again.header(AUTHORIZATION, authorization.expose_secret());
                far_end::call_within(again, LONGEST_ANSWER, within).await
            }
            (outcome, ..) => outcome,
        }
    }

    /// The secret, if it can change and is what `authorization` presents.
    fn own(&self, authorization: &str) -> Option<(&Credential, Mark)> {
        let secret = self.shared.settings.secret.as_ref().filter(|secret| secret.can_change())?;
        let before = mark([secret]);
        let is_own = authorization.strip_prefix("Bearer ") == Some(secret.value().expose_secret());
        is_own.then_some((secret, before))
    }

    /// Posts one activity and gives its id, when Direct Line tells one.
    ///
    /// # Errors
    /// See [`CallError`]. After `Uncertain` look for the echo; never post the same activity again blindly.
    pub async fn post(
        &self,
        conversation: &str,
        authorization: &str,
        activity: &Value,
        traceparent: Option<&str>,
    ) -> Result<Option<String>, CallError> {
        let url = self.activities_url(conversation).await?;
        let post = self.http.post(url).timeout(POST_TIME_OUT).header(ACCEPT, "application/json");
        let post = with_json(with_trace(post, traceparent), activity);
        Ok(posted_id(&self.call(post, authorization, None).await?.body))
    }

    /// Exchanges a token that is still good for a new one.
    ///
    /// # Errors
    /// See [`CallError`]; `Rejected` when the token has expired.
    pub async fn refresh(&self, authorization: &str) -> Result<Token, CallError> {
        let url = self.root().await?.join("tokens/refresh").expect("plain segments join any http URL");
        let post = without_body(self.post_to(url, &SecretString::from(authorization), None));
        let answered = far_end::call(post, LONGEST_ANSWER).await?;
        let Grant { conversation_id: _, token, expires_in } = Grant::read(&answered)?;
        let token = token.ok_or(CallError::Failed { status: answered.status })?;
        Ok(Token { authorization: bearer(&token), expires_in })
    }

    /// Asks the token endpoint for a token; each one stands for one new conversation.
    async fn mint(&self, endpoint: &Url) -> Result<String, CallError> {
        let get = self.http.get(endpoint.clone()).timeout(READ_TIME_OUT).header(ACCEPT, "application/json");
        Grant::token(&far_end::call(get, LONGEST_ANSWER).await?)
    }

    /// Asked once; 404 and 501 mean that this host will never tell.
    async fn regional(&self, endpoint: &Url) -> Result<Url, CallError> {
        let settings = root::settings_of(endpoint);
        let get = self.http.get(settings).timeout(READ_TIME_OUT).header(ACCEPT, "application/json");
        match far_end::call(get, LONGEST_ANSWER).await {
            Ok(answered) => {
                if let Some(root) = root::from_settings(&answered.body) {
                    return Ok(root);
                }
            }
            Err(CallError::Rejected { status: 404, .. } | CallError::Failed { status: 501 }) => {}
            Err(transient) => return Err(transient),
        }
        Ok(root::from_token(&self.mint(endpoint).await?).unwrap_or_else(root::global))
    }

    async fn activities_url(&self, conversation: &str) -> Result<Url, CallError> {
        let mut url = self.root().await?;
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend([
            "conversations",
            conversation,
            "activities",
        ]);
        Ok(url)
    }

    fn post_to(&self, url: Url, authorization: &SecretString, traceparent: Option<&str>) -> RequestBuilder {
        let post = self.http.post(url).timeout(POST_TIME_OUT).header(ACCEPT, "application/json");
        with_trace(post.header(AUTHORIZATION, authorization.expose_secret()), traceparent)
    }
}

/// Everybody's poll and health check needs the region: while it can't be asked for, few of them ask.
fn has_just_missed(missed: &Mutex<Option<Instant>>) -> bool {
    let missed = *missed.lock().unwrap_or_else(PoisonError::into_inner);
    missed.is_some_and(|at| at.elapsed() < BETWEEN_MISSES)
}

fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json").body(body.to_string())
}

/// Says that nothing follows, which HTTP clients leave out and servers such as IIS ask for with 411.
fn without_body(request: RequestBuilder) -> RequestBuilder {
    request.header(CONTENT_LENGTH, "0")
}

fn with_trace(request: RequestBuilder, traceparent: Option<&str>) -> RequestBuilder {
    match traceparent {
        Some(traceparent) => request.header("traceparent", traceparent),
        None => request,
    }
}

fn bearer(token: &str) -> SecretString {
    format!("Bearer {token}").into()
}

#[cfg(test)]
mod tests;
