//! The client's end of a socket: frames out, no more than it reads; and what it is known to have.
//!
//! A pong says that everything before its ping has arrived, so pings count what is unread: of frames, and of the journal.

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use futures_util::StreamExt as _;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, watch},
    time::{Instant, timeout},
};

use crate::{http::Held, ledger::journal::Position};

/// Bytes on their way to a client that has not said that it reads them: as much as one answer to a poll holds.
const WINDOW: usize = 1 << 20;
/// Bytes after which the client is asked whether it reads.
const ASK_AFTER: usize = WINDOW / 4;
/// A client that reads nothing for so long is not waited for.
const UNREAD: Duration = Duration::from_secs(30);
/// An empty frame now and then keeps connections open that proxies would close as unused.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is looked whether there is something to ask or to keep alive.
const LOOK: Duration = Duration::from_secs(1);
/// Nothing that a client has to say over the socket is longer, in bytes.
const LONGEST: usize = 4 * 1_024;

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client has closed it, or its connection is gone.
    Left,
    /// Takes frames and does not read them, or does not answer a ping.
    DoesNotRead,
    /// Direct Line no longer accepts the client's token, or no longer has the conversation.
    Refused,
    /// What the client sent is no web socket's frame, or is too long.
    Unreadable,
    Ending,
    /// Something failed here; the client may come again.
    Failed,
}

impl End {
    /// What the client is told. It reconnects by itself, from its watermark, whatever the code.
    pub fn reason(self) -> Option<CloseReason> {
        let (code, why) = match self {
            Self::Left => return None,
            Self::DoesNotRead => {
                (CloseCode::Policy, "The client does not read. Reconnect from the watermark.")
            }
            Self::Refused => {
                (CloseCode::Policy, "The token is no longer accepted. Reconnect with a new one.")
            }
            Self::Unreadable => {
                (CloseCode::Protocol, "Only empty frames are expected. Post activities over HTTP.")
            }
            Self::Ending => (CloseCode::Away, "The server restarts. Reconnect from the watermark."),
            Self::Failed => (CloseCode::Again, "Something failed here. Reconnect from the watermark."),
        };
        Some((code, why).into())
    }
}

/// A client that holds a socket.
pub struct Client {
    session: Session,
    /// The room that it shares with all who do not read.
    held: Held,
    flow: RefCell<Flow>,
    /// Facts of the journal that it surely has.
    read: watch::Sender<Position>,
    answered: Notify,
}

struct Flow {
    /// Pings without an answer, oldest first.
    asked: VecDeque<Asked>,
    number: u64,
    /// Since the last ping.
    bytes: usize,
    position: Position,
    kept_alive: Instant,
    /// For what is unread.
    room: Option<OwnedSemaphorePermit>,
}

/// A ping, and what went before it.
struct Asked {
    number: u64,
    bytes: usize,
    position: Position,
    at: Instant,
}

impl Client {
    /// `read`: facts that its watermark says it has.
    pub fn new(session: Session, held: Held, read: Position) -> Self {
        let flow = RefCell::new(Flow {
            asked: VecDeque::new(),
            number: 0,
            bytes: 0,
            position: read,
            kept_alive: Instant::now(),
            room: None,
        });
        Self { session, held, flow, read: watch::Sender::new(read), answered: Notify::new() }
    }

    /// Sends a frame, when the client reads. `position`: facts of the journal that it has with this.
    ///
    /// # Errors
    /// When the client is gone, or does not read.
    pub async fn send(&self, frame: String, position: Option<Position>) -> Result<(), End> {
        let size = frame.len();
        timeout(UNREAD, self.room_for(size)).await.map_err(|_| End::DoesNotRead)?;
        let sent = timeout(UNREAD, self.session.clone().text(frame)).await;
        sent.map_err(|_| End::DoesNotRead)?.map_err(|_| End::Left)?;
        let ask = {
            let mut flow = self.flow.borrow_mut();
            flow.bytes += size;
            flow.position = flow.position.max(position.unwrap_or_default());
            flow.bytes >= ASK_AFTER
        };
        if ask { self.ping().await } else { Ok(()) }
    }

    async fn room_for(&self, size: usize) {
        while self.flow.borrow().unread() >= WINDOW {
            self.answered.notified().await;
        }
        let (held, unread) = {
            let flow = self.flow.borrow();
            (flow.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits), flow.unread())
        };
        let more = self.held.more(held, unread + size).await;
        let flow = &mut *self.flow.borrow_mut();
        match (&mut flow.room, more) {
            (Some(room), Some(more)) => room.merge(more),
            (room @ None, more) => *room = more,
            (Some(_), None) => {}
        }
    }

    /// Facts of the journal that the client surely has.
    pub fn read(&self) -> Position {
        *self.read.borrow()
    }

    /// Tells when the client surely has more of the journal.
    pub fn reads(&self) -> watch::Receiver<Position> {
        self.read.subscribe()
    }

    /// Hears what the client says, until it leaves.
    pub async fn hear(&self, messages: MessageStream) -> End {
        let mut messages = messages.max_frame_size(LONGEST);
        loop {
            match messages.next().await {
                Some(Ok(Message::Pong(number))) => self.pong(&number),
                Some(Ok(Message::Ping(words))) => {
                    // Not waited for: who does not read gets no answer.
                    let mut session = self.session.clone();
                    if timeout(LOOK, session.pong(&words)).await.is_ok_and(|sent| sent.is_err()) {
                        return End::Left;
                    }
                }
                // Empty ones keep the connection open; there is nothing else to say on this way.
                Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Continuation(_) | Message::Nop)) => {
                }
                Some(Ok(Message::Close(_))) | None => return End::Left,
                Some(Err(_)) => return End::Unreadable,
            }
        }
    }

    /// Keeps the connection open, asks what has arrived, and ends when there is no answer.
    pub async fn keep(&self) -> End {
        loop {
            tokio::time::sleep(LOOK).await;
            let (silent, idle, news) = {
                let flow = self.flow.borrow();
                let silent = flow.asked.front().is_some_and(|ping| ping.at.elapsed() > UNREAD);
                (silent, flow.kept_alive.elapsed() >= KEEP_ALIVE, flow.bytes > 0 && flow.asked.is_empty())
            };
            if silent {
                return End::DoesNotRead;
            }
            let kept = match (idle, news) {
                (true, _) => self.stay().await,
                (false, true) => self.ping().await,
                (false, false) => Ok(()),
            };
            if let Err(end) = kept {
                return end;
            }
        }
    }

    async fn stay(&self) -> Result<(), End> {
        self.flow.borrow_mut().kept_alive = Instant::now();
        let sent = timeout(UNREAD, self.session.clone().text("")).await;
        sent.map_err(|_| End::DoesNotRead)?.map_err(|_| End::Left)?;
        self.ping().await
    }

    async fn ping(&self) -> Result<(), End> {
        let number = {
            let mut flow = self.flow.borrow_mut();
            flow.number += 1;
            let (number, bytes, position) = (flow.number, std::mem::take(&mut flow.bytes), flow.position);
            flow.asked.push_back(Asked { number, bytes, position, at: Instant::now() });
            number
        };
        let sent = timeout(UNREAD, self.session.clone().ping(&number.to_be_bytes())).await;
        sent.map_err(|_| End::DoesNotRead)?.map_err(|_| End::Left)
    }

    /// Everything before the ping with this number has arrived.
    fn pong(&self, number: &[u8]) {
        let Ok(number) = <[u8; 8]>::try_from(number).map(u64::from_be_bytes) else { return };
        let mut flow = self.flow.borrow_mut();
        let mut position = None;
        while flow.asked.front().is_some_and(|ping| ping.number <= number) {
            position = flow.asked.pop_front().map(|ping| ping.position);
        }
        let unread = flow.unread();
        Held::shrink(&mut flow.room, unread);
        drop(flow);
        if let Some(position) = position {
            self.read.send_if_modified(|read| {
                let more = position > *read;
                *read = position.max(*read);
                more
            });
            self.answered.notify_one();
        }
    }

    /// Says why, if the client takes it.
    pub async fn close(&self, end: End) {
        // One that does not read would not read this either: it goes with its connection.
        let _ = timeout(LOOK, self.session.clone().close(end.reason())).await;
    }
}

impl Flow {
    fn unread(&self) -> usize {
        self.bytes + self.asked.iter().map(|ping| ping.bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        FromRequest as _, HttpResponse,
        dev::Payload,
        http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
        test::TestRequest,
        web,
    };

    use super::*;

    /// A client of whose frames nobody takes any, as long as the answer is held.
    async fn client() -> (Client, HttpResponse) {
        client_of(Held::default()).await
    }

    async fn client_of(held: Held) -> (Client, HttpResponse) {
        let request = TestRequest::default()
            .insert_header((UPGRADE, "websocket"))
            .insert_header((CONNECTION, "upgrade"))
            .insert_header((SEC_WEBSOCKET_VERSION, "13"))
            .insert_header((SEC_WEBSOCKET_KEY, "x3JJHMbDL1EzLkh9GBhXDw=="))
            .to_http_request();
        let payload = web::Payload::from_request(&request, &mut Payload::None).await.expect("a payload");
        let (answer, session, _) = actix_ws::handle(&request, payload).expect("an upgrade");
        (Client::new(session, held, 0), answer)
    }

    fn frame() -> String {
        "x".repeat(ASK_AFTER)
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_not_waited_for_and_costs_no_more_than_its_window() {
        let (client, _answer) = client().await;
        for _ in 0..WINDOW / ASK_AFTER {
            assert_eq!(client.send(frame(), None).await, Ok(()));
        }
        let begun = Instant::now();
        assert_eq!(client.send(frame(), None).await, Err(End::DoesNotRead));
        assert!((UNREAD..2 * UNREAD).contains(&begun.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_do_not_read_share_one_room_and_who_reads_waits_for_it_only_with_much() {
        let held = Held::default();
        let mut unread = vec![];
        loop {
            let (client, answer) = client_of(held.clone()).await;
            let filled = timeout(LOOK, async {
                for _ in 0..WINDOW / ASK_AFTER {
                    client.send(frame(), None).await.expect("it is not known yet that it does not read");
                }
            });
            let is_full = filled.await.is_err();
            unread.push((client, answer));
            if is_full {
                break;
            }
        }
        assert_eq!(unread.len(), 49, "48 MiB, and one that has to wait");
        let (client, _answer) = client_of(held).await;
        assert_eq!(client.send("x".repeat(1_000), None).await, Ok(()));
        assert!(timeout(LOOK, client.send(frame(), None)).await.is_err());
        unread[0].0.pong(&u64::MAX.to_be_bytes());
        assert_eq!(timeout(LOOK, client.send(frame(), None)).await, Ok(Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn many_small_frames_that_nobody_takes_are_not_waited_for_either() {
        let (client, _answer) = client().await;
        let mut sent = 0;
        let end = loop {
            match client.send("x".to_owned(), None).await {
                Ok(()) => sent += 1,
                Err(end) => break end,
            }
        };
        assert_eq!(end, End::DoesNotRead);
        assert!(sent < 100, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pong_tells_what_has_arrived_and_makes_room() {
        let (client, _answer) = client().await;
        for position in 1..=4 {
            assert_eq!(client.send(frame(), Some(position)).await, Ok(()));
        }
        assert_eq!(client.read(), 0);
        client.pong(&2_u64.to_be_bytes());
        assert_eq!(client.read(), 2);
        client.pong(b"odd");
        client.pong(&1_u64.to_be_bytes());
        assert_eq!(client.read(), 2, "nothing goes back");
        assert_eq!(timeout(LOOK, client.send(frame(), Some(5))).await, Ok(Ok(())));
        client.pong(&u64::MAX.to_be_bytes());
        assert_eq!(client.read(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_no_ping_is_given_up() {
        let (client, _answer) = client().await;
        let begun = Instant::now();
        assert_eq!(client.keep().await, End::DoesNotRead);
        assert!((UNREAD..3 * UNREAD).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_is_kept_and_one_that_is_gone_is_not() {
        let (client, answer) = client().await;
        let kept = timeout(5 * UNREAD, async {
            tokio::join!(client.keep(), async {
                loop {
                    tokio::time::sleep(LOOK / 2).await;
                    client.pong(&u64::MAX.to_be_bytes());
                }
            })
        });
        assert!(kept.await.is_err());
        drop(answer);
        assert_eq!(client.send("x".to_owned(), None).await, Err(End::Left));
    }
}
