//! The way to what the bot says: Direct Line's socket, or polls while there is none.

use std::time::Duration;

use tokio::time::Instant;

use crate::direct_line::stream::Stream;

/// After a socket that did not last, or could not be opened, the bot is polled for so long.
const NEXT_TRY: Duration = Duration::from_secs(30);
/// A conversation that has another socket somewhere: the two would close each other.
const AFTER_COLLISION: Duration = Duration::from_secs(120);
/// A socket that has lasted so long is opened again at once.
const LASTED: Duration = Duration::from_secs(30);
/// Polls while there is no socket: as often as a client polls.
const BETWEEN_POLLS: Duration = Duration::from_secs(1);
/// And at most so seldom, while Direct Line fails.
const SELDOM: Duration = Duration::from_secs(8);

pub enum Line {
    Open {
        stream: Box<Stream>,
        since: Instant,
    },
    /// Polled, and when next; and when a socket is tried again.
    Polled {
        next: Instant,
        every: Duration,
        open: Instant,
    },
}

/// What there is to do next.
pub enum Event {
    /// A batch came over the socket.
    Frame(String),
    /// The socket is over. What came on it is not lost: it is polled for at once.
    Lost,
    Poll,
    Open,
}

impl Line {
    /// No socket yet: one is tried at once.
    pub fn new() -> Self {
        let now = Instant::now();
        Self::Polled { next: now, every: BETWEEN_POLLS, open: now }
    }

    pub fn opened(stream: Stream) -> Self {
        Self::Open { stream: Box::new(stream), since: Instant::now() }
    }

    /// Polled from now on, because a socket could not be opened.
    pub fn polled() -> Self {
        let now = Instant::now();
        Self::Polled { next: now, every: BETWEEN_POLLS, open: now + NEXT_TRY }
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Waits for the next event. May be called again after it was cancelled.
    pub async fn event(&mut self) -> Event {
        match self {
            Self::Open { stream, since } => {
                if let Some(frame) = stream.next().await {
                    return Event::Frame(frame);
                }
                let now = Instant::now();
                let wait = match (stream.collided(), since.elapsed() >= LASTED) {
                    (true, _) => AFTER_COLLISION,
                    (false, true) => Duration::ZERO,
                    (false, false) => NEXT_TRY,
                };
                *self = Self::Polled { next: now, every: BETWEEN_POLLS, open: now + wait };
                Event::Lost
            }
            Self::Polled { next, open, .. } if *open <= *next => {
                tokio::time::sleep_until(*open).await;
                Event::Open
            }
            Self::Polled { next, .. } => {
                tokio::time::sleep_until(*next).await;
                Event::Poll
            }
        }
    }

    /// A poll was answered, or not.
    pub fn after_poll(&mut self, answered: bool) {
        if let Self::Polled { next, every, .. } = self {
            *every = if answered { BETWEEN_POLLS } else { (*every * 2).min(SELDOM) };
            *next = Instant::now() + *every;
        }
    }

    /// What came last must be read again.
    pub fn drop_socket(&mut self) {
        if self.is_open() {
            *self = Self::polled();
        }
    }
}
