//! The token that a socket is held under. It is renewed for as long as the socket lives: the client renews its own over HTTP,
//! where another instance may answer, and tells no socket.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    rc::Rc,
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tracing::debug;

use crate::{
    direct_line::{DirectLine, token},
    domain::{ConversationId, Timestamp},
    far_end::CallError,
    handoff::Caller,
};

/// Milliseconds between two tries at least.
const AT_LEAST: i64 = 1_000;

pub struct Token {
    caller: RefCell<Rc<Caller>>,
    until: Cell<Timestamp>,
}

impl Token {
    pub fn new(caller: Caller) -> Self {
        let until = Cell::new(caller.until(Timestamp::now()));
        Self { caller: RefCell::new(Rc::new(caller)), until }
    }

    /// Who the socket is, by the newest token.
    pub fn caller(&self) -> Rc<Caller> {
        self.caller.borrow().clone()
    }

    /// Renews the token again and again. Does not end: what becomes of a socket whose token is over is found out by its use.
    pub async fn renew(&self, direct_line: &DirectLine, id: &ConversationId) -> Infallible {
        loop {
            tokio::time::sleep(wait(self.until.get(), Timestamp::now())).await;
            match direct_line.refresh(&self.caller().authorization).await {
                Ok(token::Token { authorization, expires_in }) => {
                    let Some(caller) = Caller::read(Some(authorization.expose_secret())) else { continue };
                    self.until.set(Timestamp::now().plus(expires_in));
                    *self.caller.borrow_mut() = Rc::new(caller);
                }
                Err(error @ CallError::Rejected { .. }) => {
                    debug!(conversation.id = %id, %error, "The token of a web socket can't be renewed; it is used as long as it is good");
                    return std::future::pending().await;
                }
                Err(error) => {
                    debug!(conversation.id = %id, %error, "The token of a web socket is not renewed now; it is tried again");
                }
            }
        }
    }
}

/// How long a token that is good until then is used as it is.
fn wait(until: Timestamp, now: Timestamp) -> Duration {
    let millis = token::used_for(until.millis_since(now)).max(AT_LEAST);
    Duration::from_millis(millis.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_while_before_its_end_and_tried_again_ever_sooner() {
        let minutes = |minutes: i64| Timestamp(minutes * 60_000);
        for (left, expected) in [(60, 45), (30, 15), (20, 10), (10, 5), (2, 1)] {
            assert_eq!(wait(minutes(left), minutes(0)), Duration::from_secs(expected * 60), "{left} minutes");
        }
        for over in [Timestamp(500), Timestamp(0), minutes(-7)] {
            assert_eq!(wait(over, Timestamp(0)), Duration::from_secs(1), "{over:?}");
        }
    }
}
