//! Chats and the sockets behind them, many at a time.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::join_all};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{
    subject::{FarEnds, Subject},
    talk::{Place, Talk, told, until_opened},
};

/// Who opens and who speaks, at the same time.
pub const AT_ONCE: usize = 20;

pub type Socket = WebSocketStream<TcpStream>;

/// Live chats, each with a person in it who has said something.
pub async fn chats(subject: &Subject, far_ends: &FarEnds, group: &str, count: usize) -> Vec<Place> {
    let before = told(far_ends.address).await.0;
    let openers = (0..AT_ONCE.min(count)).map(|opener| async move {
        let mut talk = Talk::connect(subject).await;
        let mut places = vec![];
        for number in (opener..count).step_by(AT_ONCE) {
            talk.begin(group, number).await;
            talk.agent_says().await;
            talk.user_reads().await;
            places.push(talk.place());
        }
        places
    });
    let places = join_all(openers).await.concat();
    until_opened(far_ends.address, before + count as u64).await;
    places
}

/// A socket for each chat, from where the chat was read.
pub async fn sockets(subject: &Subject, places: &[Place]) -> Vec<Socket> {
    let openers = places.chunks(places.len().div_ceil(AT_ONCE).max(1)).map(|places| async move {
        let mut talk = Talk::connect(subject).await;
        let mut sockets = vec![];
        for place in places {
            talk.come_back(place.clone());
            sockets.push(open(subject.address, &talk.stream_url().await, None).await);
        }
        sockets
    });
    join_all(openers).await.into_iter().flatten().collect()
}

/// Opens a socket at an address of the connector's, perhaps with a small buffer for what comes.
pub async fn open(address: SocketAddr, url: &str, buffer: Option<u32>) -> Socket {
    let socket = TcpSocket::new_v4().expect("a file handle is free");
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer).expect("Linux takes any size");
    }
    let stream = socket.connect(address).await.expect("it listens");
    stream.set_nodelay(true).expect("an open connection");
    client_async(url, stream).await.expect("it may have a socket").0
}

/// When the socket is pushed this.
pub async fn until_pushed(socket: &mut Socket, what: &str) -> Instant {
    loop {
        match tokio::time::timeout(Duration::from_secs(60), socket.next()).await {
            Ok(Some(Ok(Message::Text(frame)))) if frame.contains(what) => return Instant::now(),
            Ok(Some(Ok(_))) => {}
            other => panic!("the socket ended before {what}: {other:?}"),
        }
    }
}
