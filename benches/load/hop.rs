//! A bare actix-web + reqwest hop: what the two libraries cost with nothing of ours between them.

use std::{net::Ipv4Addr, thread};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::StatusCode,
    web::{self, Bytes, Data},
};

/// Serves until killed; its first line is its address.
#[expect(clippy::print_stdout, reason = "the parent reads the address there")]
pub async fn serve(to: &str) {
    let to = to.to_owned();
    let server = HttpServer::new(move || {
        let client = reqwest::Client::builder().http1_only().no_proxy().build().expect("a client");
        App::new().app_data(Data::new(client)).app_data(Data::new(to.clone())).default_service(web::to(pass))
    });
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let server = server.workers(workers).bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    println!("{}", server.addrs()[0]);
    server.run().await.expect("it serves");
}

async fn pass(
    request: HttpRequest,
    body: Bytes,
    client: Data<reqwest::Client>,
    to: Data<String>,
) -> HttpResponse {
    let method = request.method().as_str().parse().expect("a method is a method");
    let mut onward = client.request(method, format!("{}{}", **to, request.uri()));
    for (name, value) in request.headers() {
        if name != "host" && name != "content-length" {
            onward = onward.header(name.as_str(), value.as_bytes());
        }
    }
    let response = onward.body(body).send().await.expect("the far end answers");
    let status = StatusCode::from_u16(response.status().as_u16()).expect("a status is a status");
    let mut answer = HttpResponse::build(status);
    for (name, value) in response.headers() {
        if name != "content-length" {
            answer.append_header((name.as_str(), value.as_bytes()));
        }
    }
    answer.body(response.bytes().await.expect("the whole answer"))
}
