use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::Wake,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use reqwest::Body;

const SILENCE: Duration = Duration::from_secs(15);

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let far_end = FarEnd::start(|_, _| OK.to_owned()).await;
    let connections = connections();
    for _ in 0..3 {
        assert_eq!(far_end.ask(&connections).await.expect("an answer"), "{}");
    }
    assert_eq!(far_end.opened(), 1);
}

/// Tells on whether it was woken.
struct Bell {
    rang: AtomicBool,
    waker: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rang.store(true, Relaxed);
        self.waker.wake_by_ref();
    }
}

#[tokio::test]
async fn who_takes_out_a_whole_answer_is_not_woken_by_that() {
    let far_end = FarEnd::start(|_, _| OK.to_owned()).await;
    let connections = connections();
    for _ in 0..3 {
        let mut asked = pin!(far_end.ask(&connections));
        let last_look = poll_fn(|context| {
            let bell = Arc::new(Bell { rang: AtomicBool::new(false), waker: context.waker().clone() });
            let answer = asked.as_mut().poll(&mut Context::from_waker(&bell.clone().into()));
            answer.map(|answer| (answer, bell))
        });
        let (answer, bell) = last_look.await;
        assert_eq!(answer.expect("an answer"), "{}");
        assert!(!bell.rang.load(Relaxed));
    }
}

#[tokio::test]
async fn what_the_far_end_has_closed_is_not_used() {
    let far_end = FarEnd::start(|_, _| OK.replace("\r\n\r\n", "\r\nx-then: close\r\n\r\n")).await;
    let connections = connections();
    for asked in 1..4 {
        assert_eq!(far_end.ask(&connections).await.expect("an answer"), "{}", "{asked}");
        far_end.closed(asked).await;
    }
    assert_eq!(far_end.opened(), 3);
}

/// It is closed in the moment in which the next request is on its way: nobody can see that before.
#[tokio::test]
async fn what_may_be_asked_twice_is_asked_again_when_a_kept_connection_breaks() {
    let once_each =
        |_: &str, before| if before % 2 == 0 { OK.to_owned() } else { "x-then: close".to_owned() };
    let far_end = FarEnd::start(once_each).await;
    let connections = connections();
    for _ in 0..3 {
        assert_eq!(far_end.ask(&connections).await.expect("an answer"), "{}");
    }
    let late = Instant::now() + SILENCE;
    let asked = connections.ask(&far_end.to, request(), || None, patience(late)).await;
    assert!(matches!(asked, Err(CallError::Uncertain(Some(_)))));
}

#[tokio::test]
async fn an_answer_that_nobody_reads_leaves_no_rest_for_the_next() {
    let long = "x".repeat(1 << 20);
    for (body, opened) in [("no", 1), (long.as_str(), 2)] {
        let first = format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let far_end =
            FarEnd::start(move |_, before| if before == 0 { first.clone() } else { OK.to_owned() }).await;
        let connections = connections();
        drop(far_end.begin(&connections, 15).await.expect("an answer"));
        assert_eq!(far_end.ask(&connections).await.expect("an answer"), "{}");
        assert_eq!(far_end.opened(), opened, "{} bytes", body.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_far_end_that_says_nothing_is_given_up() {
    let silent = FarEnd::start(|_, _| String::new()).await;
    let halfway = FarEnd::start(|_, _| OK.replace("{}", "{").to_owned()).await;
    let began = Instant::now();
    assert!(matches!(silent.ask(&connections()).await, Err(CallError::Uncertain(Some(_)))));
    assert_eq!(began.elapsed().as_secs(), 15);
    let began = Instant::now();
    assert!(matches!(halfway.ask(&connections()).await, Err(CallError::Uncertain(Some(_)))));
    assert_eq!(began.elapsed().as_secs(), 15);
}

/// Its alarm was set for the first of them, and rings while the second is waited for.
#[tokio::test(start_paused = true)]
async fn each_request_has_its_own_time_out_though_they_share_an_alarm() {
    let far_end = FarEnd::start(|_, before| if before == 0 { OK.to_owned() } else { String::new() }).await;
    let connections = connections();
    far_end.ask(&connections).await.expect("an answer");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let began = Instant::now();
    assert!(far_end.ask(&connections).await.is_err());
    assert_eq!(began.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn unused_connections_are_closed_also_when_nobody_asks_again() {
    let far_end = FarEnd::start(|_, _| OK.to_owned()).await;
    let connections = connections();
    far_end.ask(&connections).await.expect("an answer");
    far_end.closed(1).await;
    assert!(connections.unused().is_empty());
}

#[tokio::test]
async fn nobody_at_the_door_is_not_sent() {
    let gone = TcpListener::bind("127.0.0.1:0").await.and_then(|gone| gone.local_addr()).expect("an address");
    let to = origin(&format!("http://{gone}/"));
    let late = Instant::now() + SILENCE;
    let asked = connections().ask(&to, request(), || None, patience(late)).await;
    assert!(matches!(asked, Err(CallError::NotSent(Some(_)))));
}

fn connections() -> Arc<Connections<Body>> {
    let connections = Connections::new(Arc::new(Connector::new().expect("certificates")));
    tokio::spawn(connections.tend());
    connections
}

fn origin(url: &str) -> Origin {
    Origin::of(&url.parse().expect("a URL")).expect("an origin")
}

fn patience(until: Instant) -> Patience {
    Patience { begun: until, whole: until + SILENCE, silence: SILENCE }
}

fn request() -> Request<Body> {
    let mut request = Request::new(Body::from(""));
    request.headers_mut().insert("host", hyper::header::HeaderValue::from_static("x"));
    request
}

/// Keeps its connections, unless it says `x-then: close`.
struct FarEnd {
    to: Origin,
    opened: Arc<AtomicUsize>,
    closed: tokio::sync::watch::Receiver<usize>,
}

impl FarEnd {
    async fn start(answer: impl Fn(&str, usize) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let to = format!("http://{}/", listener.local_addr().expect("an address"));
        let (opened, (closing, closed)) = (Arc::new(AtomicUsize::new(0)), tokio::sync::watch::channel(0));
        let (count, answer, closing) = (Arc::clone(&opened), Arc::new(answer), Arc::new(closing));
        let before = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Relaxed);
                let (answer, closing, before) = (answer.clone(), closing.clone(), before.clone());
                tokio::spawn(async move {
                    serve(stream, &*answer, &before).await;
                    closing.send_modify(|closed| *closed += 1);
                });
            }
        });
        Self { to: origin(&to), opened, closed }
    }

    async fn begin(
        &self,
        connections: &Arc<Connections<Body>>,
        seconds: u64,
    ) -> Result<Reply<Body>, CallError> {
        let until = Instant::now() + Duration::from_secs(seconds);
        connections.ask(&self.to, request(), || Some(request()), patience(until)).await
    }

    async fn ask(&self, connections: &Arc<Connections<Body>>) -> Result<String, CallError> {
        let body = self.begin(connections, 15).await?.collect(1 << 20).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    fn opened(&self) -> usize {
        self.opened.load(Relaxed)
    }

    /// Once so many connections are over.
    async fn closed(&self, all: usize) {
        self.closed.clone().wait_for(|closed| *closed >= all).await.expect("it serves");
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str, usize) -> String + Send + Sync),
    before: &AtomicUsize,
) {
    let mut heard = Vec::new();
    let mut piece = [0; 4_096];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        heard.extend_from_slice(&piece[..read]);
        if heard.ends_with(b"\r\n\r\n") {
            let said = answer(&String::from_utf8_lossy(&heard), before.fetch_add(1, Relaxed));
            heard.clear();
            let sent = !said.starts_with("HTTP") || stream.write_all(said.as_bytes()).await.is_ok();
            if !sent || said.contains("x-then: close") {
                return;
            }
        }
    }
}
