//! Who may read and write an escalated conversation: whoever holds a token that Direct Line accepted for it.

use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use memchr::{memchr_iter, memmem};
use serde_json::Value;

use super::Conversation;
use crate::{
    auth::{TokenHash, token_hash},
    direct_line::DirectLine,
    domain::{ConversationId, Timestamp},
    far_end::CallError,
    ledger::{Ledger, journal::JournalError},
    session::{Chat, Command},
    telemetry::of_caller,
};

/// Milliseconds that a token without a readable end counts as good before Direct Line is asked again.
const UNREADABLE: i64 = 30 * 60_000;

/// The `Authorization` header of a Direct Line client.
pub struct Caller {
    pub authorization: String,
    pub hash: TokenHash,
}

/// A caller in a conversation of theirs.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    pub conversation: &'a Arc<Conversation>,
    pub caller: &'a Caller,
}

/// Whether a caller may use a conversation.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// Direct Line's own answer.
    Refused {
        status: u16,
        code: Option<String>,
    },
    /// Never seen, and Direct Line can't be asked now.
    Unknown,
}

impl Caller {
    /// `None` without a bearer token.
    pub fn read(authorization: Option<&str>) -> Option<Self> {
        let authorization = authorization?.trim();
        let (scheme, token) = authorization.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
            .then(|| Self { authorization: authorization.to_owned(), hash: token_hash(authorization) })
    }

    /// When the token ends: the JWT's own `exp`, else half an hour from now.
    pub fn until(&self, now: Timestamp) -> Timestamp {
        expiry(&self.authorization).unwrap_or(now.plus_millis(UNREADABLE))
    }
}

/// The tokens that Direct Line accepted.
pub struct Tokens {
    pub ledger: Arc<Ledger<Chat>>,
    pub direct_line: DirectLine,
}

impl Tokens {
    /// Whether the caller may use the conversation; asks Direct Line about a token it has not seen.
    pub async fn standing(
        &self,
        conversation: &Arc<Conversation>,
        caller: &Caller,
    ) -> Result<Standing, JournalError> {
        let (known, watermark) = {
            let state = conversation.state().await;
            let cut = state.segments.first().and_then(|first| first.cut.as_ref());
            let known = state.knows_token(caller.hash.as_str(), Timestamp::now());
            (known, cut.and_then(|cut| cut.watermark.clone()))
        };
        if known {
            return Ok(Standing::Good);
        }
        let id = conversation.id.as_str();
        match self
            .direct_line
            .activities(id, &caller.authorization, watermark.as_deref(), of_caller().as_deref())
            .await
        {
            Ok(_) => {
                self.accept(conversation, caller).await?;
                Ok(Standing::Good)
            }
            // Any other refusal is not about the token: a proxy's page, say.
            Err(CallError::Rejected { status: status @ (401 | 403 | 404), code }) => {
                Ok(Standing::Refused { status, code })
            }
            Err(_) => Ok(Standing::Unknown),
        }
    }

    /// Whether a credential is a token that some instance knows to be of this conversation.
    pub async fn is_token_of(
        &self,
        conversation: &Arc<Conversation>,
        credential: &str,
    ) -> Result<bool, JournalError> {
        self.ledger.refresh(conversation).await?;
        let state = conversation.state().await;
        Ok(state.knows_token(token_hash(credential).as_str(), Timestamp::now()))
    }

    /// Remembers a token that Direct Line gave out or accepted for the conversation.
    pub async fn accept(
        &self,
        conversation: &Arc<Conversation>,
        caller: &Caller,
    ) -> Result<(), JournalError> {
        let until = caller.until(Timestamp::now());
        let hash = caller.hash.as_str().to_owned();
        self.ledger.commit(conversation, Command::TokenAccepted { hash, until }).await?;
        Ok(())
    }
}

fn expiry(authorization: &str) -> Option<Timestamp> {
    let payload: Value = serde_json::from_slice(&claims(authorization)?).ok()?;
    let seconds = payload.get("exp")?.as_i64()?;
    Some(Timestamp(seconds.checked_mul(1_000)?))
}

/// Whether a token names this conversation with other capitals: a Direct Line to which they are one must not be asked about the
/// one while the journal knows the other.
pub fn misspells(authorization: &str, id: &ConversationId) -> bool {
    static NAMED: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(r#""conv":""#));
    let Some(claims) = claims(authorization) else { return false };
    let named = NAMED.find(&claims).map(|at| &claims[at + NAMED.needle().len()..]);
    if named.is_some_and(|named| named.starts_with(id.as_str().as_bytes())) {
        return false;
    }
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    claims["conv"]
        .as_str()
        .is_some_and(|named| named != id.as_str() && named.eq_ignore_ascii_case(id.as_str()))
}

/// What a JWT claims, as it stands in it; nobody has looked at its signature.
fn claims(authorization: &str) -> Option<Vec<u8>> {
    let mut dots = memchr_iter(b'.', authorization.as_bytes());
    let (begin, end) = (dots.next()? + 1, dots.next().unwrap_or(authorization.len()));
    URL_SAFE_NO_PAD.decode(&authorization[begin..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_another_spelling_of_its_conversation() {
        let id = |raw| ConversationId::parse(raw).expect("an id");
        let of = |claims: &str| format!("Bearer e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        for (claims, asked, expected) in [
            (r#"{"conv":"aBc-eu"}"#, "aBc-eu", false),
            (r#"{"conv":"aBc-eu"}"#, "ABC-eu", true),
            (r#"{"conv":"aBc-eu"}"#, "other-eu", false),
            (r#"{"conv":"a\u0042c-eu"}"#, "aBc-eu", false),
            (r#"{"conv":7}"#, "7a", false),
            ("no claims", "aBc-eu", false),
        ] {
            assert_eq!(misspells(&of(claims), &id(asked)), expected, "{claims} {asked}");
        }
        assert!(!misspells("Bearer a.secret", &id("aBc-eu")));
    }

    #[test]
    fn a_jwt_ends_when_it_says_and_another_token_in_half_an_hour() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":1700000000}"#);
        let jwt = Caller::read(Some(&format!("Bearer e30.{payload}.sig"))).expect("a token");
        assert_eq!(jwt.until(Timestamp(0)), Timestamp(1_700_000_000_000));
        let opaque = Caller::read(Some("bearer abc.def")).expect("a token");
        assert_eq!(opaque.until(Timestamp(5)), Timestamp(5 + UNREADABLE));
    }

    #[test]
    fn only_a_bearer_token_makes_a_caller() {
        for header in [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Basic abc"), Some("abc")] {
            assert!(Caller::read(header).is_none(), "{header:?}");
        }
    }
}
