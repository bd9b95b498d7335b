//! What Direct Line answers, read forgivingly.

use std::time::Duration;

use serde_json::Value;
use tracing::warn;

use crate::{
    far_end::{self, Answered, CallError},
    wire::{
        activity::{ActivitySet, SetRead},
        json::{self, number::plain},
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
        let life = far_end::life(&grant).filter(|life| !life.is_zero());
        Ok(Self {
            conversation_id: scalar(grant.get("conversationId")),
            token: scalar(grant.get("token")),
            expires_in: life.unwrap_or(LIFE_UNTOLD),
        })
    }

    /// The token of an answer that is of no use without one.
    pub fn token(answered: &Answered) -> Result<String, CallError> {
        Self::read(answered)?.token.ok_or(CallError::Failed { status: answered.status })
    }
}

/// The id that a post was given, when that was told.
pub fn id(body: &[u8]) -> Option<String> {
    scalar(json::read(body).ok()?.value.get("id"))
}

/// A number for a text is taken as its text, as in activities.
fn scalar(value: Option<&Value>) -> Option<String> {
    value.filter(|value| value.is_string() || value.is_number()).map(|value| plain(value).into_owned())
}

pub(super) fn activity_set(answered: &Answered) -> Result<ActivitySet, CallError> {
    let SetRead { set, lost } = ActivitySet::read(&answered.body).map_err(|why| {
        warn!(%why, "Direct Line's answer can't be looked into");
        CallError::Failed { status: answered.status }
    })?;
    if lost > 0 {
        warn!(lost, "Parts of what Direct Line answered can't be read; the others are used");
    }
    Ok(set)
}
