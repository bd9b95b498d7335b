//! The response address: where answers go that nobody waits for.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::timeout;

use super::{SecondaryBot, answer::Answer, state::RESPONSE, work::Work};
use crate::{
    config::SecondaryResponse,
    credential::{mark, renewed},
    far_end::{self, Answered, CallError},
    telemetry::TRACEPARENT,
    translate::secondary_bot::number,
    wire::{json::number, virtual_agent::body},
};

/// What a primary bot may take for an answer.
pub const TIME_OUT: Duration = Duration::from_secs(30);
/// A sign that the agent types is worth nothing later.
const TYPING_TIME_OUT: Duration = Duration::from_secs(2);
/// Whatever the primary bot answers is not read, but for a web page.
const LONGEST_ANSWER: usize = 1 << 20;

/// Calls the response address.
pub struct Responder {
    http: reqwest::Client,
    address: SecondaryResponse,
}

impl Responder {
    pub fn new(address: &SecondaryResponse, http: reqwest::Client) -> Self {
        Self { http, address: address.clone() }
    }

    /// Sends one answer, once; again only when our credential was refused and a vault has a new one.
    pub async fn send(&self, body: &Value, trace: Option<&str>) -> Result<(), CallError> {
        let credentials = || self.address.basic.iter().chain(&self.address.token);
        let before = mark(credentials());
        match self.attempt(body, trace).await {
            Err(error) if error.refuses_credential() && renewed(credentials(), &before).await => {
                self.attempt(body, trace).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(&self, body: &Value, trace: Option<&str>) -> Result<(), CallError> {
        let SecondaryResponse { url, basic, token } = &self.address;
        let mut call = self.http.post(url.clone()).timeout(TIME_OUT).header(CONTENT_TYPE, "application/json");
        if let Some(basic) = basic {
            let pair = basic.value();
            let (user, password) = pair.expose_secret().split_once(':').unwrap_or((pair.expose_secret(), ""));
            call = call.basic_auth(user, Some(password));
        }
        if let Some(token) = token {
            call = call.header("token", token.value().expose_secret());
        }
        if let Some(trace) = trace {
            call = call.header(TRACEPARENT, trace);
        }
        let Answered { status, body, .. } =
            far_end::call(call.body(number::written(body)), LONGEST_ANSWER).await?;
        // Whoever asks for a login, or is asleep, has taken nothing.
        if is_page(&body) { Err(CallError::Failed { status }) } else { Ok(()) }
    }
}

fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start().get(..14).unwrap_or(body).to_ascii_lowercase();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

impl SecondaryBot {
    /// Shows the primary bot that its request is worked on, when nothing older is still on its way. A passing sign: nothing follows
    /// from its loss.
    pub(super) async fn show_typing_back(&self, work: &Work<'_>) {
        let Work { session, held: (_, attempt), asked } = work;
        let source = {
            let state = session.state().await;
            let behind = state.silent || state.outbox.lane(RESPONSE).next().is_some();
            let sign = *attempt == 1 && asked.asynchronous && !asked.what.is_quick();
            if behind || !sign || !self.ledger.takes_signs(RESPONSE) {
                return;
            }
            state.source(work.request())
        };
        let Some(responder) = &self.responder else { return };
        let mut elements = vec![body::action("StartTypingIndicator")];
        number(&mut elements, &format!("{source}.types"));
        let body = Answer { elements, ..Answer::default() }.envelope(&asked.echo);
        let _ = timeout(TYPING_TIME_OUT, responder.send(&body, asked.trace.as_deref())).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        credential::testing::Vault,
        far_end::testing::{FarEnd, Reply},
    };

    #[tokio::test]
    async fn a_login_page_is_no_receipt_and_any_other_answer_is_one() {
        for (answer, taken) in
            [("", true), ("OK", true), ("<ok/>", true), (" <!DOCTYPE html><html>", false), ("<HTML>", false)]
        {
            let far_end = FarEnd::start(move |_, _| Reply::text(200, answer));
            let address = SecondaryResponse { url: far_end.url.clone(), basic: None, token: None };
            let responder = Responder::new(&address, far_end::client().expect("a client"));
            assert_eq!(responder.send(&json!({}), None).await.is_ok(), taken, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_refused_credential_is_read_again_and_the_answer_sent_once_more() {
        let far_end = FarEnd::start(|heard, _| match heard.header("token") {
            Some("new") => Reply::text(200, ""),
            _ => Reply::text(401, ""),
        });
        let vault = Vault::default();
        let token = Some(vault.credential("old"));
        let address = SecondaryResponse { url: far_end.url.clone(), basic: None, token };
        let responder = Responder::new(&address, far_end::client().expect("a client"));
        vault.put(Some("new"));
        for _ in 0..2 {
            responder.send(&json!({"text": "hi"}), None).await.expect("taken");
        }
        let heard = far_end.heard();
        assert_eq!((heard.len(), vault.asked()), (3, 1));
        assert_eq!(heard[0].body, heard[1].body);
    }
}
