//! What open chats take in memory: while they lie in the store, and once they are talked about.

use std::{path::Path, time::Duration};

use futures_util::future::join_all;

use super::{
    http::Connection,
    subject::{self, FarEnds, Subject},
    talk::{Place, Talk, told, until_opened},
};

pub const CHATS: usize = 10_000;
/// Clients at the same time.
const AT_ONCE: usize = 50;

/// Resident memory in MB, by moment.
pub type Memory = Vec<(&'static str, f64)>;

pub async fn measure(far_ends: &FarEnds, folder: &Path) -> Memory {
    let folder = folder.join("memory");
    std::fs::create_dir(&folder).expect("the folder is writable");
    let first = subject::handler(far_ends, &folder).await;
    let mut memory = vec![("at rest, an empty store", at_rest(&first).await)];
    let places = open(&first, far_ends).await;
    memory.push(("they were opened, and a person joined each", at_rest(&first).await));
    drop(first);

    let second = subject::handler(far_ends, &folder).await;
    memory.push(("started again, they are in the store", at_rest(&second).await));
    sweep(&second).await;
    memory.push(("a sweep", at_rest(&second).await));
    poll(&second, places.clone()).await;
    memory.push(("a poll of each", at_rest(&second).await));
    poll(&second, places).await;
    memory.push(("another poll of each", at_rest(&second).await));
    memory
}

async fn open(subject: &Subject, far_ends: &FarEnds) -> Vec<Vec<Place>> {
    let before = told(far_ends.address).await.0;
    let clients = (0..AT_ONCE).map(|client| async move {
        let mut talk = Talk::connect(subject).await;
        let mut places = Vec::with_capacity(CHATS / AT_ONCE);
        for number in (client..CHATS).step_by(AT_ONCE) {
            talk.begin("memory", number).await;
            talk.agent_says().await;
            talk.user_reads().await;
            places.push(talk.place());
        }
        places
    });
    let places = join_all(clients).await;
    until_opened(far_ends.address, before + CHATS as u64).await;
    places
}

async fn poll(subject: &Subject, places: Vec<Vec<Place>>) {
    join_all(places.into_iter().map(|places| async move {
        let mut talk = Talk::connect(subject).await;
        for place in places {
            talk.come_back(place);
            talk.poll().await;
        }
    }))
    .await;
}

/// As the host's timer asks for it.
async fn sweep(subject: &Subject) {
    let mut connection = Connection::open(subject.address).await.expect("it listens");
    let request = b"POST /sweep HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
        content-length: 2\r\n\r\n{}";
    assert_eq!(connection.ask(request).await.status, 200, "the sweep");
}

async fn at_rest(subject: &Subject) -> f64 {
    tokio::time::sleep(Duration::from_secs(2)).await;
    subject.process.memory().0
}
