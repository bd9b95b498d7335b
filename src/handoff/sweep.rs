//! Goes over the conversations that wait for something: resumes deliveries, ends what took too long.

use std::sync::Arc;

use tracing::warn;

use super::Handoff;
use crate::{
    domain::Timestamp,
    journal::{Journal, JournalError},
    session::{Event, Phase},
};

impl Handoff {
    /// Looks at every open conversation once; how many there were.
    ///
    /// # Errors
    /// When the open conversations can't be listed. One that fails by itself is logged and passed over.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, JournalError> {
        self.files.sweep(Timestamp::now()).await;
        let open = self.journal.open().await?;
        for id in &open {
            let looked = async {
                if let Some(conversation) = self.find(id).await? {
                    self.record(&conversation, Event::Tick).await?;
                    let returning = {
                        let state = conversation.state.lock().await;
                        matches!(state.phase, Phase::Returning { .. })
                    };
                    if returning {
                        self.return_soon(&conversation);
                    }
                    self.deliver_soon(&conversation, None);
                }
                Ok::<_, JournalError>(())
            };
            if let Err(error) = looked.await {
                warn!(conversation.id = %id, %error, "A conversation could not be looked after; the next sweep tries again");
            }
        }
        Ok(open.len())
    }
}
