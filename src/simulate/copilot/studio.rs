//! The simulated service: its conversations, its tokens, and how an activity takes its way through a turn.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::web::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    CopilotOptions,
    conversation::{Conversation, Received},
    refusal::Refusal,
    tokens::{Claims, Mint},
};
use crate::simulate::faults::Faults;

/// The user's own words stand behind the answers to them; when those come token by token, they can't wait for the last.
const ECHO_TRAILS: Duration = Duration::from_millis(300);

/// All a server knows. Its locks are held for moments only.
pub struct Studio {
    pub options: CopilotOptions,
    /// In seconds, of conversations that begin.
    pub clock_ahead: AtomicU64,
    /// Own root, with a slash at its end.
    pub url: String,
    pub faults: Faults,
    mint: Mint,
    conversations: RwLock<Conversations>,
    files: RwLock<HashMap<String, File>>,
}

#[derive(Default)]
struct Conversations {
    by_id: HashMap<String, Arc<Conversation>>,
    /// Oldest first.
    order: Vec<String>,
}

/// A file a client uploaded.
#[derive(Clone)]
pub struct File {
    pub name: String,
    pub media_type: String,
    pub bytes: Bytes,
}

/// What a caller may do.
pub enum Bearer {
    Secret,
    Token(Claims),
}

impl Bearer {
    /// The user id embedded in the token.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Secret => None,
            Self::Token(claims) => claims.user.as_deref(),
        }
    }
}

impl Studio {
    pub fn new(options: CopilotOptions, url: String, faults: Faults) -> std::io::Result<Self> {
        let mint = Mint::new()?;
        let clock_ahead = AtomicU64::new(options.clock_ahead.as_secs());
        let (conversations, files) = Default::default();
        Ok(Self { options, clock_ahead, url, faults, mint, conversations, files })
    }

    /// Reads what stands behind `Bearer `.
    pub fn check(&self, credential: &str) -> Result<Bearer, Refusal> {
        if credential == self.options.secret {
            return Ok(Bearer::Secret);
        }
        let now = if self.options.tokens_outlive_their_end { 0 } else { now() };
        let claims = self.mint.check(credential, now)?;
        if claims.aud == "stream" {
            return Err(Refusal::BadToken);
        }
        match self.find(&claims.conv) {
            Some(conversation) if !conversation.honours(claims.jti) => Err(Refusal::TokenExpired),
            _ => Ok(Bearer::Token(claims)),
        }
    }

    /// A token for a conversation, and the seconds it lives.
    pub fn token(&self, conversation: &str, user: Option<&str>) -> (String, u64) {
        let lifetime = self.options.token_lifetime.as_secs();
        (self.token_for(conversation, user, lifetime), lifetime)
    }

    /// A token for a conversation that lives so many seconds.
    pub fn token_for(&self, conversation: &str, user: Option<&str>, lifetime: u64) -> String {
        let from = now();
        let claims = Claims {
            bot: self.options.bot_id.clone(),
            conv: conversation.to_owned(),
            user: user.map(str::to_owned),
            nbf: from,
            exp: from.saturating_add(i64::try_from(lifetime).unwrap_or(i64::MAX)),
            iss: self.url.clone(),
            aud: self.url.clone(),
            jti: self.mint.next_serial(),
        };
        self.mint.sign(&claims)
    }

    /// A `streamUrl`'s own token, which is good for a moment.
    pub fn stream_token(&self, conversation: &str) -> String {
        let lifetime = self.options.stream_lifetime.as_secs();
        let from = now();
        let claims = Claims {
            bot: self.options.bot_id.clone(),
            conv: conversation.to_owned(),
            user: None,
            nbf: from,
            exp: from.saturating_add(i64::try_from(lifetime).unwrap_or(i64::MAX)),
            iss: self.url.clone(),
            aud: "stream".to_owned(),
            jti: self.mint.next_serial(),
        };
        self.mint.sign(&claims)
    }

    /// The conversation whose socket a `streamUrl`'s token opens.
    pub fn check_stream(&self, conversation: &str, token: &str) -> Result<Arc<Conversation>, Refusal> {
        let claims = self.mint.check(token, now())?;
        if claims.aud != "stream" {
            return Err(Refusal::BadToken);
        }
        if claims.conv != conversation {
            return Err(Refusal::OtherConversation);
        }
        self.find(conversation).ok_or(Refusal::UnknownConversation)
    }

    /// Closes the sockets of all conversations; how many there were.
    pub fn drop_sockets(&self) -> usize {
        let all = self.conversations.read().unwrap_or_else(PoisonError::into_inner);
        all.by_id.values().map(|conversation| conversation.drop_sockets()).sum()
    }

    pub fn silence_socket(&self, id: &str) {
        if let Some(conversation) = self.find(id) {
            conversation.silence_socket();
        }
    }

    pub fn garble_frame(&self, id: &str) {
        if let Some(conversation) = self.find(id) {
            conversation.garble_frame();
        }
    }

    pub fn open_sockets(&self) -> usize {
        let all = self.conversations.read().unwrap_or_else(PoisonError::into_inner);
        all.by_id.values().map(|conversation| conversation.open_sockets()).sum()
    }

    /// From now on, every token given so far for this conversation is expired.
    pub fn expire_tokens(&self, id: &str) {
        if let Some(conversation) = self.find(id) {
            conversation.call_in_below(self.mint.next_serial());
        }
    }

    /// From now on, this token and those given before it for its conversation are expired.
    pub fn expire_token(&self, token: &str) {
        if let Ok(claims) = self.mint.check(token, 0)
            && let Some(conversation) = self.find(&claims.conv)
        {
            conversation.call_in_below(claims.jti + 1);
        }
    }

    /// Starts a conversation; `true` when it is new.
    pub fn open(&self, id: &str, locale: Option<String>) -> bool {
        let mut all = self.conversations.write().unwrap_or_else(PoisonError::into_inner);
        if all.by_id.contains_key(id) {
            return false;
        }
        let bot = json!({"id": self.options.bot_id, "name": self.options.bot_name, "role": "bot"});
        let ahead = Duration::from_secs(self.clock_ahead.load(Ordering::Relaxed));
        let conversation = Conversation::new(id.to_owned(), &self.url, bot, locale, ahead);
        all.by_id.insert(id.to_owned(), Arc::new(conversation));
        all.order.push(id.to_owned());
        true
    }

    pub fn find(&self, id: &str) -> Option<Arc<Conversation>> {
        let all = self.conversations.read().unwrap_or_else(PoisonError::into_inner);
        all.by_id.get(id).map(Arc::clone)
    }

    /// Ids of all conversations, oldest first.
    pub fn conversations(&self) -> Vec<String> {
        self.conversations.read().unwrap_or_else(PoisonError::into_inner).order.clone()
    }

    pub fn forget(&self, id: &str) {
        let mut all = self.conversations.write().unwrap_or_else(PoisonError::into_inner);
        all.by_id.remove(id);
        all.order.retain(|other| other != id);
    }

    /// Takes an activity in and waits for the end of the bot's turn; answers the activity's id.
    ///
    /// When the bot fails or is too slow the activity was processed nevertheless, and the turn goes on.
    pub async fn take(
        &self,
        conversation: Arc<Conversation>,
        activity: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let received = conversation.receive(activity);
        let (id, fails, refuses) = (received.id.clone(), received.turn.fails, received.turn.refuses);
        if received.turn.is_instant() {
            play(conversation, received).await;
        } else {
            let turn = tokio::spawn(play(conversation, received));
            if timeout(self.options.bot_time_limit, turn).await.is_err() {
                return Err(Refusal::BotTimedOut);
            }
        }
        match (fails, refuses) {
            (true, _) => Err(Refusal::BotFailed),
            (_, true) => Err(Refusal::InvokeFailed),
            (false, false) => Ok(id),
        }
    }

    /// Keeps a file; answers where it is to be had.
    pub fn keep(&self, file: File) -> String {
        let id = random_id();
        let name = percent_encoding::utf8_percent_encode(&file.name, percent_encoding::NON_ALPHANUMERIC);
        let url = format!("{}v3/attachments/{id}/{name}", self.url);
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(id, file);
        url
    }

    pub fn file(&self, id: &str) -> Option<File> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

/// An id as Direct Line's look: 22 characters and the region.
pub fn new_conversation_id() -> String {
    format!("{}-eu", random_id())
}

fn random_id() -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("an operating system without random numbers can't run a server");
    URL_SAFE_NO_PAD.encode(bytes).replace(['-', '_'], "A")
}

async fn play(conversation: Arc<Conversation>, mut received: Received) {
    let start = Instant::now();
    let steps = std::mem::take(&mut received.turn.steps);
    for step in &steps {
        if received.streams && step.at > ECHO_TRAILS {
            pause_until(start, ECHO_TRAILS).await;
            conversation.echo(&mut received);
        }
        pause_until(start, step.at).await;
        conversation.say(&step.says, Some(&received.id));
    }
    conversation.echo(&mut received);
    if received.turn.later.is_empty() {
        return;
    }
    tokio::spawn(async move {
        let end = Instant::now();
        for step in &received.turn.later {
            pause_until(end, step.at).await;
            conversation.say(&step.says, None);
        }
    });
}

async fn pause_until(start: Instant, after: Duration) {
    if !after.is_zero() {
        sleep_until(start + after).await;
    }
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
