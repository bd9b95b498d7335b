//! Tokens of conversations: how long they are used, and how they are kept.

use std::{sync::PoisonError, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::DirectLine;
use crate::{
    credential::Seal,
    domain::{ConversationId, Timestamp, millis},
    ledger::{Failure, Outage},
};

/// Milliseconds before its end at which a token is renewed: half of the shortest life documented.
const EARLY: i64 = 15 * 60_000;
/// Milliseconds in which a renewal that failed is followed by no other, at least: half of a token's life is left by then.
const BETWEEN_RENEWALS: i64 = 30_000;
/// How long one may take: whoever speaks waits for it, and the token is still good.
const RENEWAL: Duration = Duration::from_secs(3);

/// What speaks in one conversation, until it ends.
#[derive(Clone, Debug)]
pub struct Token {
    /// The whole header value: `Bearer …`.
    pub authorization: SecretString,
    pub expires_in: Duration,
}

impl Token {
    /// As it may be stored for that conversation of ours, and when it is to be renewed if it was given `now`.
    pub fn sealed(&self, seal: &Seal, id: &ConversationId, now: Timestamp) -> (String, Timestamp) {
        let renew_at = now.plus_millis(used_for(millis(self.expires_in)));
        (seal.seal(self.authorization.expose_secret(), id.as_str()), renew_at)
    }
}

impl DirectLine {
    /// A new token for one that is still good; `None` when there is none now. Meanwhile, and once it failed, nobody asks for a while:
    /// whatever it failed by, the next call would only wait for the same.
    pub async fn renew(&self, held: &str) -> Option<Token> {
        let fails = |wait| Some(Failure::NotTaken { wait });
        self.renewals(|outage| {
            outage.may_ask(Timestamp::now(), 0)?;
            outage.note(fails(BETWEEN_RENEWALS), Timestamp::now());
            Ok::<_, Timestamp>(())
        })
        .ok()?;
        let renewed = timeout(RENEWAL, self.refresh(held)).await.ok()?;
        let failure = match renewed.as_ref().err().map(Failure::from) {
            Some(Failure::NotTaken { wait }) => fails(wait.max(BETWEEN_RENEWALS)),
            Some(_) => fails(BETWEEN_RENEWALS),
            None => None,
        };
        self.renewals(|outage| outage.note(failure, Timestamp::now()));
        renewed.ok()
    }

    fn renewals<T>(&self, ask: impl FnOnce(&mut Outage) -> T) -> T {
        ask(&mut self.shared.renewals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Milliseconds that a token is used which is good for so many: it is renewed early, but not before half of them are over.
pub fn used_for(left: i64) -> i64 {
    left - EARLY.min(left / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_while_before_its_end_and_a_short_one_when_half_of_it_is_over() {
        let minutes = |minutes: i64| minutes * 60_000;
        for (life, used) in [(60, 45), (30, 15), (20, 10), (10, 5), (2, 1)] {
            assert_eq!(used_for(minutes(life)), minutes(used), "{life} minutes");
        }
    }
}
