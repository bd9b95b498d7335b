//! Many sockets in live chats at once, and how soon one of them has what a person says.

use std::{path::Path, time::Instant};

use futures_util::future::join_all;

use super::{
    client::{self, AT_ONCE, Socket, until_pushed},
    findings::Findings,
};
use super::{
    subject::{self, FarEnds, Subject},
    talk::{Place, Talk},
};

const SOCKETS: usize = 2_000;
const MESSAGES: usize = 200;
/// Seconds that all sockets are watched while nobody says anything.
const QUIET: u64 = 20;

pub async fn measure(far_ends: &FarEnds, folder: &Path, part: usize, findings: &mut Findings) {
    let folder = folder.join("sockets");
    std::fs::create_dir(&folder).expect("the folder is writable");
    let subject = subject::by_itself(far_ends, &folder, &[]).await;
    alone(&subject, far_ends, MESSAGES.div_ceil(part), findings).await;
    crowd(&subject, far_ends, SOCKETS.div_ceil(part), findings).await;
}

/// From the webhook to the screen, with nobody else there.
async fn alone(subject: &Subject, far_ends: &FarEnds, messages: usize, findings: &mut Findings) {
    let places = client::chats(subject, far_ends, "alone", 1).await;
    let mut socket = client::sockets(subject, &places).await.pop().expect("a socket");
    let mut talk = Talk::connect(subject).await;
    talk.come_back(places[0].clone());
    let mut millis = vec![];
    for _ in 0..messages {
        let begun = Instant::now();
        let name = talk.next_message();
        let (_, pushed) = tokio::join!(talk.agent_says(), until_pushed(&mut socket, &name));
        millis.push((pushed - begun).as_secs_f64() * 1e3);
    }
    findings.latencies("webhook to screen over a socket", &mut millis, Some(20.0), Some(100.0));
}

async fn crowd(subject: &Subject, far_ends: &FarEnds, count: usize, findings: &mut Findings) {
    let idle = subject.process.memory().0;
    let places = client::chats(subject, far_ends, "crowd", count).await;
    let chats = subject.process.memory().0;
    findings.note(format!("{count} live chats, memory"), chats - idle, "MB");
    let sockets = client::sockets(subject, &places).await;
    assert_eq!(sockets.len(), count);
    let (reading, listening) = quiet(subject, sockets, findings).await;
    findings.note(format!("{count} sockets in them, memory"), reading - chats, "MB");
    let cpu = subject.process.cpu_millis();
    let mut millis = all_are_told(subject, places, listening).await;
    let cpu = subject.process.cpu_millis() - cpu;
    findings.note("a message to each at once, CPU each", cpu / count as f64, "ms");
    findings.latencies("webhook to screen, all at once", &mut millis, None, None);
    findings.bound(
        "webhook to screen, all at once, the last",
        millis.iter().copied().fold(f64::NAN, f64::max),
        "ms",
        2_000.0,
    );
    findings.note("memory at its highest", subject.process.memory().1, "MB");
}

/// All sockets read while nobody says anything; what that takes.
async fn quiet(subject: &Subject, sockets: Vec<Socket>, findings: &mut Findings) -> (f64, Vec<Socket>) {
    let cpu = subject.process.cpu_millis();
    let quiet = std::time::Duration::from_secs(QUIET);
    let watched = sockets.into_iter().map(|mut socket| async move {
        let silence = tokio::time::timeout(quiet, until_pushed(&mut socket, "\"never\"")).await;
        assert!(silence.is_err(), "nobody said anything");
        socket
    });
    let sockets = join_all(watched).await;
    let cpu = (subject.process.cpu_millis() - cpu) / QUIET as f64;
    findings.note("all of them quiet, CPU a second", cpu, "ms");
    (subject.process.memory().0, sockets)
}

/// The agents speak, each in each of their chats; milliseconds until it was pushed.
async fn all_are_told(subject: &Subject, places: Vec<Place>, sockets: Vec<Socket>) -> Vec<f64> {
    let names: Vec<String> = places.iter().map(Place::next_message).collect();
    let hear = sockets
        .into_iter()
        .zip(&names)
        .map(|(mut socket, name)| async move { until_pushed(&mut socket, name).await });
    let each = places.len().div_ceil(AT_ONCE).max(1);
    let speak = places.chunks(each).map(|places| async move {
        let mut talk = Talk::connect(subject).await;
        let mut begun = vec![];
        for place in places {
            talk.come_back(place.clone());
            begun.push(Instant::now());
            talk.agent_says().await;
        }
        begun
    });
    let (heard, begun) = tokio::join!(join_all(hear), join_all(speak));
    let begun = begun.into_iter().flatten();
    heard.into_iter().zip(begun).map(|(heard, begun)| (heard - begun).as_secs_f64() * 1e3).collect()
}
