//! What stands at the response URL in these tests.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use serde_json::Value;
use tokio::{sync::watch, time};

/// Records what it gets and answers with the status it was told.
pub(super) struct Receiver {
    port: u16,
    shared: Arc<Shared>,
    server: ServerHandle,
}

struct Shared {
    got: Mutex<Vec<Got>>,
    behaviour: Mutex<(u16, Duration)>,
    count: watch::Sender<usize>,
}

struct Got {
    body: Value,
    token: Option<String>,
    authorization: Option<String>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            got: Mutex::default(),
            behaviour: Mutex::new((200, Duration::ZERO)),
            count: watch::Sender::new(0),
        });
        let data = web::Data::from(Arc::clone(&shared));
        let (sender, handle) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server =
                    HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(take)));
                let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { port, shared, server: handle.recv().unwrap() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/responses", self.port)
    }

    pub(super) fn answer_with(&self, status: u16, after: Duration) {
        *self.shared.behaviour.lock().unwrap() = (status, after);
    }

    pub(super) fn bodies(&self) -> Vec<Value> {
        self.shared.got.lock().unwrap().iter().map(|got| got.body.clone()).collect()
    }

    /// The `token` and `Authorization` headers of the first webhook.
    pub(super) fn first_credentials(&self) -> (Option<String>, Option<String>) {
        let got = self.shared.got.lock().unwrap();
        (got[0].token.clone(), got[0].authorization.clone())
    }

    pub(super) async fn wait_for(&self, count: usize) -> Vec<Value> {
        let mut counted = self.shared.count.subscribe();
        let arrived = time::timeout(super::SOON, counted.wait_for(|got| *got >= count)).await;
        assert!(arrived.is_ok(), "expected {count} webhooks, got {:#?}", self.bodies());
        self.bodies()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn take(shared: web::Data<Shared>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let body = serde_json::from_slice(&body).unwrap();
    let got = Got { body, token: header("token"), authorization: header("authorization") };
    shared.got.lock().unwrap().push(got);
    shared.count.send_modify(|count| *count += 1);
    let (status, after) = *shared.behaviour.lock().unwrap();
    time::sleep(after).await;
    HttpResponse::new(StatusCode::from_u16(status).unwrap())
}
