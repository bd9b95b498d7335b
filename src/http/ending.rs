//! The process is told to end: whoever waits for what may not come is answered in time.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};

/// How long it may still be waited for: whatever is under way has ten seconds.
const WAITING: Duration = Duration::from_secs(8);

/// That the process ends, which is told once.
#[derive(Clone, Debug)]
pub struct Ending(watch::Sender<bool>);

impl Default for Ending {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Ending {
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it has begun.
    pub async fn begun(&self) {
        // The sender is ours: it can't be gone.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }

    /// Waits until there is hardly any time left.
    pub async fn near(&self) {
        self.begun().await;
        sleep(WAITING).await;
    }
}
