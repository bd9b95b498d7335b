//! What signed links give out: files, and pictures that ServiceNow sent in a message, which are kept where the message is.

use tracing::error;

use super::Reading;
use crate::{
    domain::Timestamp,
    files::{Address, Carried, GiveError, Given, Target, Wanted},
    ledger::journal::JournalError,
    session::Fact,
    translate::picture,
};

impl Reading {
    /// What the link with this path below `api/files/` gives out.
    pub async fn give(&self, path: &str, wanted: Wanted, now: Timestamp) -> Result<Given, GiveError> {
        match self.files.target(path, now)? {
            (Target::Carried(carried), until) => self.picture(&carried, until).await,
            (target, until) => self.files.give(target, until, wanted).await,
        }
    }

    async fn picture(&self, carried: &Carried, until: Timestamp) -> Result<Given, GiveError> {
        let Carried { conversation: id, position, mark } = carried;
        let failed = |error| {
            // Erased since this process looked at it.
            if matches!(error, JournalError::Shorter { .. }) {
                return GiveError::Gone;
            }
            error!(conversation.id = %id, %error, "A picture of a message can't be read");
            GiveError::Unavailable
        };
        let conversation = self.calls.ledger.find(id).await.map_err(failed)?.ok_or(GiveError::Gone)?;
        let (facts, state) = self.calls.ledger.look(&conversation, *position).await.map_err(failed)?;
        let first = state.position - facts.len() as u64;
        drop(state);
        let place = position.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        let Some(Fact::AgentSaid(said)) = place.and_then(|place| facts.get(place)) else {
            return Err(GiveError::Gone);
        };
        let said = serde_json::to_value(said).unwrap_or_default();
        match picture::find_marked(&said, mark).map(|url| Address::read(&url, None)) {
            Some(Address::Data { media_type, bytes }) => {
                // Not a type, but what many write.
                let media_type = media_type.replace("image/jpg", "image/jpeg");
                let kind = media_type.rsplit('/').next().unwrap_or_default();
                let name = format!("{mark}.{kind}");
                Ok(Given::whole(name, media_type, bytes, until))
            }
            _ => Err(GiveError::Gone),
        }
    }
}
