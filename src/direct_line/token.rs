//! Tokens of conversations: how long they are used, and how they are kept.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    credential::Seal,
    domain::{ConversationId, Timestamp},
};

/// Milliseconds before its end at which a token is renewed: half of the shortest life documented.
const HALF_LIFE: i64 = 15 * 60_000;

/// What speaks in one conversation, until it ends.
#[derive(Clone, Debug)]
pub struct Token {
    /// The whole header value: `Bearer …`.
    pub authorization: SecretString,
    pub expires_in: Duration,
}

impl Token {
    /// As it may be stored for that conversation of ours, and when it ends if it was given `now`.
    pub fn sealed(&self, seal: &Seal, id: &ConversationId, now: Timestamp) -> (String, Timestamp) {
        (seal.seal(self.authorization.expose_secret(), id.as_str()), now.plus(self.expires_in))
    }
}

/// Whether a token that is good until then is to be renewed.
pub fn is_old(until: Timestamp, now: Timestamp) -> bool {
    until.millis_since(now) <= HALF_LIFE
}
