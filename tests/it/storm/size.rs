//! How big a storm is.

use std::env;

#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    pub conversations: usize,
    /// Each way, of each conversation.
    pub messages: usize,
    /// Milliseconds from one message of somebody's to the next, on average.
    pub pause: u64,
    /// Milliseconds from one poll of a client's to its next, on average.
    pub poll: u64,
    /// Milliseconds from one kill to the next.
    pub kill_every: u64,
}

impl Size {
    /// As the environment says, this where it says nothing.
    pub fn or_as_told(self) -> Self {
        Self {
            conversations: told("STORM_CONVERSATIONS", self.conversations),
            messages: told("STORM_MESSAGES", self.messages),
            pause: told("STORM_PAUSE", self.pause),
            poll: told("STORM_POLL", self.poll),
            kill_every: told("STORM_KILL", self.kill_every),
        }
    }
}

fn told<T: std::str::FromStr>(name: &str, unless: T) -> T {
    let Ok(value) = env::var(name) else { return unless };
    value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}"))
}
