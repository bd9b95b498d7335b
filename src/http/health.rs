//! `GET /api/health`: whether this process can work. Whether it is alive is what `GET /` says.

use std::time::Duration;

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use serde_json::json;

use super::Served;
use crate::direct_line::proxy::Pipe;

/// What asks is given an answer before it gives up by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Up when the store answers and it is known where Direct Line is; says nothing else, since anybody may ask.
pub async fn health(served: &Served, pipe: &Pipe) -> HttpResponse {
    let up = tokio::time::timeout(PATIENCE, is_ready(served, pipe)).await.unwrap_or(false);
    let body = json!({"status": if up { "up" } else { "not up" }, "version": env!("CARGO_PKG_VERSION")});
    let mut answer = if up { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.insert_header((CACHE_CONTROL, "no-store")).json(body)
}

async fn is_ready(served: &Served, pipe: &Pipe) -> bool {
    let store = match (&served.handoff, &served.secondary_bot) {
        (Some(handoff), _) => handoff.ledger.store_answers().await,
        (None, Some(secondary)) => secondary.bot.ledger.store_answers().await,
        (None, None) => true,
    };
    store && pipe.knows_root().await
}
