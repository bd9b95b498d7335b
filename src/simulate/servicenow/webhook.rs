//! Sending webhooks: in order within a chat, one at a time, and what becomes of a chat when one fails.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::header;
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    time,
};

use super::{
    chat::Stage,
    instance::Instance,
    request::text,
    view::{Delivery, WebhookResult},
};
use crate::domain::Timestamp;

/// How long a webhook waits to be overtaken when the order is to be wrong.
const OVERTAKE: Duration = Duration::from_millis(100);

/// A webhook on its way.
pub(super) struct Outgoing {
    pub body: Value,
    /// How long the instance works on it first.
    pub work: Duration,
    /// The virtual agent listens again once this is sent.
    pub releases: bool,
    pub reply: Option<oneshot::Sender<WebhookResult>>,
}

impl Outgoing {
    pub(super) fn new(body: Value) -> Self {
        Self { body, work: Duration::ZERO, releases: false, reply: None }
    }
}

/// Sends a chat's webhooks until the chat is forgotten.
pub(super) async fn run_lane(
    instance: Arc<Instance>,
    session: String,
    number: u64,
    mut lane: mpsc::UnboundedReceiver<Outgoing>,
) {
    while let Some(outgoing) = lane.recv().await {
        if instance.faults.webhooks().reorder
            && let Ok(Some(faster)) = time::timeout(OVERTAKE, lane.recv()).await
        {
            instance.deliver(&session, number, faster).await;
        }
        instance.deliver(&session, number, outgoing).await;
    }
}

impl Instance {
    async fn deliver(&self, session: &str, number: u64, outgoing: Outgoing) {
        let Outgoing { body, work, releases, reply } = outgoing;
        time::sleep(work).await;
        let abandoned = self.with_chat(session, number, |chat| chat.stage == Stage::Abandoned);
        let result = if abandoned == Some(true) { None } else { self.post_with_faults(&body).await };
        if let Some(result) = result {
            self.note_result(session, number, &body, result);
        }
        if releases {
            self.with_chat(session, number, |chat| chat.busy = false);
        }
        self.changed();
        if let Some(reply) = reply {
            let _ = reply.send(result.unwrap_or_default());
        }
    }

    /// Sends one body, as often as the faults say; the first failure is what counts.
    /// `None`: there is nowhere to send it.
    pub(super) async fn post_with_faults(&self, body: &Value) -> Option<WebhookResult> {
        let faults = self.faults.webhooks();
        time::sleep(Duration::from_millis(faults.delay_ms)).await;
        let mut result = self.post(body).await?;
        for _ in 0..faults.duplicate {
            let again = self.post(body).await?;
            if result.is_success() {
                result = again;
            }
        }
        Some(result)
    }

    async fn post(&self, body: &Value) -> Option<WebhookResult> {
        let url = self.response_url()?;
        let mut call = self.client.post(url).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.options.response_token {
            call = call.header("token", token);
        }
        if let Some((user, password)) =
            self.options.response_basic.as_deref().and_then(|pair| pair.split_once(':'))
        {
            call = call.basic_auth(user, Some(password));
        }
        let call = call.timeout(self.options.webhook_timeout).body(body.to_string()).send();
        let started = Instant::now();
        let answer = call.await;
        Some(WebhookResult {
            status: answer.ok().map(|answer| answer.status().as_u16()),
            elapsed: started.elapsed(),
        })
    }

    fn note_result(&self, session: &str, number: u64, body: &Value, result: WebhookResult) {
        let items = body.get("body").and_then(Value::as_array);
        let ids = items.into_iter().flatten().map(|item| text(item, "messageId").to_owned());
        let delivery = Delivery {
            at: Timestamp::now(),
            status: result.status,
            millis: u64::try_from(result.elapsed.as_millis()).unwrap_or(u64::MAX),
            message_ids: ids.filter(|id| !id.is_empty()).collect(),
        };
        let abandons = self.options.abandon_on_error && !result.is_success();
        let closed = self.with_chat(session, number, |chat| {
            chat.note_delivery(delivery);
            let closes = abandons && chat.is_open();
            if closes {
                chat.stage = Stage::Abandoned;
            }
            closes
        });
        if closed == Some(true) {
            tracing::warn!(
                session,
                status = result.status,
                "A webhook failed; the interaction is closed_abandoned"
            );
            self.book().note_closed(session);
        }
    }
}
