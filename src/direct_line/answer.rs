//! What Direct Line answers, read forgivingly.

use std::time::Duration;

use serde_json::Value;
use tracing::warn;

use crate::{
    far_end::{Answered, CallError},
    wire::{
        activity::{ActivitySet, SetRead},
        json,
    },
};

/// What the documentation says when the answer doesn't.
pub(super) const LIFE_UNTOLD: Duration = Duration::from_secs(1800);

/// What start, generate, refresh and the token endpoint answer.
pub(super) struct Grant {
    pub conversation_id: Option<String>,
    pub token: Option<String>,
    pub expires_in: Duration,
}

impl Grant {
    pub fn read(answered: &Answered) -> Result<Self, CallError> {
        let grant =
            json::read(&answered.body).map_err(|_| CallError::Failed { status: answered.status })?.value;
        let text = |key| grant.get(key).and_then(Value::as_str).map(str::to_owned);
        let seconds = match grant.get("expires_in") {
            Some(Value::Number(seconds)) => seconds.as_u64(),
            Some(Value::String(seconds)) => seconds.parse().ok(),
            _ => None,
        };
        Ok(Self {
            conversation_id: text("conversationId"),
            token: text("token"),
            expires_in: seconds.map_or(LIFE_UNTOLD, Duration::from_secs),
        })
    }

    /// The token of an answer that is of no use without one.
    pub fn token(answered: &Answered) -> Result<String, CallError> {
        Self::read(answered)?.token.ok_or(CallError::Failed { status: answered.status })
    }
}

/// The id that a post was given, when that was told.
pub(super) fn id(answered: &Answered) -> Option<String> {
    let answer = json::read(&answered.body).unwrap_or_default().value;
    answer.get("id").and_then(Value::as_str).map(str::to_owned)
}

pub(super) fn activity_set(answered: &Answered) -> Result<ActivitySet, CallError> {
    if answered.body.is_empty() {
        return Ok(ActivitySet::default());
    }
    let SetRead { set, lost } = ActivitySet::read(&answered.body).map_err(|why| {
        warn!(%why, "Direct Line's answer can't be looked into");
        CallError::Failed { status: answered.status }
    })?;
    if lost > 0 {
        warn!(lost, "Parts of what Direct Line answered can't be read; the others are used");
    }
    Ok(set)
}
