//! A hop between two ends, which sees what goes by.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};

use crate::secondary::world::PATIENCE;

/// What went by: a request, and its answer.
pub struct Passed<'a> {
    pub request: &'a HttpRequest,
    pub status: u16,
    pub answer: &'a [u8],
    pub body: &'a [u8],
}

/// Starts one. `to`: the root that a request goes on to, without a slash at its end.
pub fn start(
    to: impl Fn(&HttpRequest) -> String + Clone + Send + 'static,
    look: impl Fn(&Passed<'_>) + Clone + Send + 'static,
) -> String {
    let (started, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let (to, look) = (to.clone(), look.clone());
                let pass = move |request: HttpRequest, body: web::Bytes| {
                    let (root, look) = (to(&request), look.clone());
                    async move { pass(&root, &request, &body, &look).await }
                };
                App::new().default_service(web::to(pass))
            });
            let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
            started.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    format!("http://{}", address.recv_timeout(PATIENCE).unwrap())
}

async fn pass(root: &str, request: &HttpRequest, body: &[u8], look: &impl Fn(&Passed<'_>)) -> HttpResponse {
    let method = request.method().as_str().parse().unwrap();
    let http = servicenow_handoff::far_end::client().unwrap();
    let mut call = http.request(method, format!("{root}{}", request.uri()));
    for name in ["authorization", "content-type", "token", "traceparent"] {
        if let Some(value) = request.headers().get(name) {
            call = call.header(name, value.to_str().unwrap());
        }
    }
    let Ok(answer) = call.body(body.to_vec()).send().await else {
        return HttpResponse::BadGateway().finish();
    };
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let told = answer.bytes().await.unwrap();
    look(&Passed { request, status, answer: &told, body });
    let mut passed = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    passed.content_type(kind.unwrap_or_else(|| "application/json".to_owned())).body(told)
}
