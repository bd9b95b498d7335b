//! The way to what the bot says: Direct Line's socket, or polls while there is none.

use std::time::Duration;

use reqwest::Upgraded;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::direct_line::stream::Stream;

/// After a socket that could not be opened, or the second in a row that did not last, the bot is polled for so long.
const NEXT_TRY: Duration = Duration::from_secs(30);
/// A conversation that has another socket somewhere: the two would close each other.
const AFTER_COLLISION: Duration = Duration::from_secs(120);
/// A socket has lasted when it was open for so long, and said anything.
const LASTED: Duration = Duration::from_secs(30);
/// Polls while there is no socket: as often as a client polls.
const BETWEEN_POLLS: Duration = Duration::from_secs(1);
/// And at most so seldom, while Direct Line fails.
const SELDOM: Duration = Duration::from_secs(8);

/// A socket that is being opened, in a task of its own: it goes on whoever waits for what, so that no lock it has asked for is
/// given to somebody who sleeps.
pub struct Opening<S = Upgraded>(JoinHandle<Option<Stream<S>>>);

pub struct Line<S = Upgraded> {
    way: Way<S>,
    /// The last socket did not last, and was tried again at once.
    hasty: bool,
}

enum Way<S> {
    Open {
        stream: Box<Stream<S>>,
        since: Instant,
    },
    /// Polled, and when next. Meanwhile a socket is being opened, or when one is tried again.
    Polled {
        next: Instant,
        every: Duration,
        open: Instant,
        opening: Option<Opening<S>>,
    },
}

/// What there is to do next.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// A batch came over the socket.
    Frame(String),
    /// A socket is to be opened: see [`Line::open`].
    Open,
    /// It is open. What came before it was there is to be polled for.
    Opened,
    Poll,
}

impl<S: 'static> Opening<S> {
    /// `None`: it can't be opened.
    pub fn begin(open: impl Future<Output = Option<Stream<S>>> + 'static) -> Self {
        Self(actix_web::rt::spawn(open))
    }
}

impl<S> Drop for Opening<S> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// No socket yet: one is tried at once.
    pub fn new() -> Self {
        Self { way: Way::polled(Duration::ZERO), hasty: false }
    }

    /// Waits for the next event. May be called again after it was cancelled.
    pub async fn event(&mut self) -> Event {
        loop {
            match &mut self.way {
                Way::Open { stream, since } => {
                    if let Some(frame) = stream.next().await {
                        return Event::Frame(frame);
                    }
                    let lasted = stream.has_spoken() && since.elapsed() >= LASTED;
                    let collided = stream.collided();
                    self.ended(collided, lasted);
                }
                Way::Polled { next, opening: Some(opening), .. } => {
                    let opened = tokio::select! {
                        biased;
                        opened = &mut opening.0 => opened.ok().flatten(),
                        () = sleep_until(*next) => return Event::Poll,
                    };
                    match opened {
                        Some(stream) => {
                            self.way = Way::Open { stream: Box::new(stream), since: Instant::now() };
                            return Event::Opened;
                        }
                        None => self.way.try_later(),
                    }
                }
                Way::Polled { next, open, opening: None, .. } if *open <= *next => {
                    sleep_until(*open).await;
                    return Event::Open;
                }
                Way::Polled { next, opening: None, .. } => {
                    sleep_until(*next).await;
                    return Event::Poll;
                }
            }
        }
    }

    /// The socket is no more. What was on its way is not lost: it is polled for at once.
    fn ended(&mut self, collided: bool, lasted: bool) {
        let wait = match collided {
            true => AFTER_COLLISION,
            false if lasted || !self.hasty => Duration::ZERO,
            false => NEXT_TRY,
        };
        self.hasty = !lasted;
        self.way = Way::polled(wait);
    }

    /// Opens a socket; polls go on until it is there.
    pub fn open(&mut self, socket: Opening<S>) {
        if let Way::Polled { opening, .. } = &mut self.way {
            *opening = Some(socket);
        }
    }

    /// A poll was answered, or not.
    pub fn after_poll(&mut self, answered: bool) {
        if let Way::Polled { next, every, .. } = &mut self.way {
            *every = if answered { BETWEEN_POLLS } else { (*every * 2).min(SELDOM) };
            *next = Instant::now() + *every;
        }
    }

    /// What came last must be read again.
    pub fn drop_socket(&mut self) {
        if matches!(self.way, Way::Open { .. }) {
            self.way = Way::polled(NEXT_TRY);
        }
    }
}

impl<S> Way<S> {
    /// Polled from now on; a socket is tried after `wait`.
    fn polled(wait: Duration) -> Self {
        let now = Instant::now();
        Self::Polled { next: now, every: BETWEEN_POLLS, open: now + wait, opening: None }
    }

    fn try_later(&mut self) {
        if let Self::Polled { open, opening, .. } = self {
            (*open, *opening) = (Instant::now() + NEXT_TRY, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::{
        io::{DuplexStream, duplex},
        sync::Mutex,
        task::LocalSet,
    };
    use tokio_tungstenite::{
        WebSocketStream,
        tungstenite::{Message, protocol::Role},
    };

    use super::*;
    use crate::direct_line::stream::{ANSWER, SILENCE};

    type FarEnd = WebSocketStream<DuplexStream>;

    /// A line whose socket is open, and the far end of it.
    async fn opened(line: &mut Line<DuplexStream>) -> FarEnd {
        assert_eq!(line.event().await, Event::Open);
        let (ours, theirs) = duplex(4_096);
        line.open(Opening::begin(async { Some(Stream::over(ours).await) }));
        while line.event().await != Event::Opened {
            line.after_poll(true);
        }
        WebSocketStream::from_raw_socket(theirs, Role::Server, None).await
    }

    /// Polls until a socket is to be opened; how many polls, and how long it took.
    async fn polled(line: &mut Line<DuplexStream>) -> (usize, Duration) {
        let (mut polls, begun) = (0, Instant::now());
        loop {
            match line.event().await {
                Event::Poll => polls += 1,
                Event::Open => return (polls, begun.elapsed()),
                other => panic!("{other:?}"),
            }
            line.after_poll(true);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_ends_is_opened_again_at_once_and_polled_for_when_that_one_ends_too() {
        LocalSet::new()
            .run_until(async {
                let mut line = Line::new();
                let mut theirs = opened(&mut line).await;
                theirs.send(Message::text("{}")).await.expect("it is read");
                assert_eq!(line.event().await, Event::Frame("{}".to_owned()));
                drop(theirs);
                drop(opened(&mut line).await);
                let (polls, waited) = polled(&mut line).await;
                assert_eq!((polls, waited), (30, NEXT_TRY), "one at once, and then one a second");
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_lasted_is_opened_again_at_once_each_time() {
        LocalSet::new()
            .run_until(async {
                let mut line = Line::new();
                for _ in 0..3 {
                    let mut theirs = opened(&mut line).await;
                    theirs.send(Message::text("{}")).await.expect("it is read");
                    assert!(matches!(line.event().await, Event::Frame(_)));
                    tokio::time::sleep(LASTED).await;
                    drop(theirs);
                }
                assert_eq!(line.event().await, Event::Open);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_socket_is_given_up_and_opened_again_or_polled_for() {
        LocalSet::new()
            .run_until(async {
                let mut line = Line::new();
                for _ in 0..2 {
                    let _silent = opened(&mut line).await;
                    let begun = Instant::now();
                    assert!(matches!(line.event().await, Event::Open | Event::Poll));
                    assert_eq!(begun.elapsed(), SILENCE + ANSWER);
                }
                assert_eq!(polled(&mut line).await.0, 30);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn sockets_that_answer_pings_and_say_nothing_are_polled_for() {
        LocalSet::new()
            .run_until(async {
                let mut line = Line::new();
                for _ in 0..2 {
                    let mut theirs = opened(&mut line).await;
                    let answers = async { while theirs.next().await.is_some() {} };
                    tokio::select! {
                        event = line.event() => assert!(matches!(event, Event::Open | Event::Poll)),
                        () = answers => unreachable!("it is read until the end"),
                    }
                }
                assert_eq!(polled(&mut line).await.0, 30);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_refused_or_never_opens_is_polled_for_meanwhile() {
        LocalSet::new()
            .run_until(async {
                let mut line = Line::<DuplexStream>::new();
                assert_eq!(line.event().await, Event::Open);
                line.open(Opening::begin(async { None }));
                assert_eq!(polled(&mut line).await, (30, NEXT_TRY));
                line.open(Opening::begin(std::future::pending()));
                for _ in 0..100 {
                    assert_eq!(line.event().await, Event::Poll);
                    line.after_poll(true);
                }
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_conversation_with_another_socket_is_left_to_it_for_a_while() {
        LocalSet::new()
            .run_until(async {
                let mut line = Line::new();
                let mut theirs = opened(&mut line).await;
                let collision = tokio_tungstenite::tungstenite::protocol::CloseFrame {
                    code: tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode::Normal,
                    reason: "collision".into(),
                };
                theirs.close(Some(collision)).await.expect("it is read");
                assert_eq!(polled(&mut line).await.1, AFTER_COLLISION);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_waits_for_a_lock_is_given_it_whatever_is_done_meanwhile() {
        LocalSet::new()
            .run_until(async {
                let lock = std::rc::Rc::new(Mutex::new(()));
                let (held, other) = (lock.lock().await, lock.clone());
                let mut line = Line::<DuplexStream>::new();
                assert_eq!(line.event().await, Event::Open);
                line.open(Opening::begin(async move {
                    let _held = other.lock().await;
                    None
                }));
                // It stands in line for the lock now.
                for _ in 0..3 {
                    assert_eq!(line.event().await, Event::Poll);
                    line.after_poll(true);
                }
                drop(held);
                let given = tokio::time::timeout(NEXT_TRY, lock.lock()).await;
                assert!(given.is_ok(), "nobody sleeps on the lock");
            })
            .await;
    }
}
