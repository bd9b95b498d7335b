//! What Direct Line answers, read forgivingly.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    far_end::{Answered, CallError},
    wire::activity::{Activity, ActivitySet},
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
        let grant: Value = serde_json::from_slice(&answered.body)
            .map_err(|_| CallError::Failed { status: answered.status })?;
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

pub(super) fn activity_set(answered: &Answered) -> Result<ActivitySet, CallError> {
    if answered.body.is_empty() {
        return Ok(ActivitySet::default());
    }
    let Ok(Value::Object(mut set)) = serde_json::from_slice(&answered.body) else {
        return Err(CallError::Failed { status: answered.status });
    };
    let activities = match set.remove("activities") {
        Some(Value::Array(activities)) => activities.into_iter().filter_map(activity).collect(),
        _ => Vec::new(),
    };
    Ok(ActivitySet { activities, watermark: set.remove("watermark").filter(|mark| !mark.is_null()) })
}

fn activity(raw: Value) -> Option<Activity> {
    if let Ok(activity) = Activity::deserialize(&raw) {
        return Some(activity);
    }
    let Value::Object(mut rest) = raw else { return None };
    let mut text = |key| match rest.get(key) {
        Some(Value::String(_)) => rest.remove(key).and_then(|text| text.as_str().map(str::to_owned)),
        _ => None,
    };
    let (kind, id) = (text("type").unwrap_or_default(), text("id"));
    Some(Activity { kind, id, rest, ..Activity::default() })
}
