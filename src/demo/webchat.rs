//! Microsoft's Web Chat for the demo's second chat page, when it has been installed beside the demo.

use std::path::Path;

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, ServiceConfig},
};

use super::pages::html;

const PAGE: &str = include_str!("pages/webchat.html");
/// Where `npm ci --prefix tests/clients` puts it; relative to the current directory.
const SCRIPT: &str = "tests/clients/node_modules/botframework-webchat/dist/webchat.js";

pub(super) fn is_installed() -> bool {
    Path::new(SCRIPT).is_file()
}

pub(super) fn configure(config: &mut ServiceConfig, token_endpoint: &str) {
    let page = PAGE.replace("__TOKEN_ENDPOINT__", token_endpoint);
    let serve = move || {
        let answer = html(page.clone());
        async move { answer }
    };
    config.route("/demo/webchat", web::get().to(serve)).route("/demo/webchat.js", web::get().to(script));
}

/// Web Chat as it came from npm; 404 when it is not installed, which the page explains.
async fn script() -> HttpResponse {
    match web::block(|| std::fs::read(SCRIPT)).await {
        Ok(Ok(script)) => HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script),
        Ok(Err(_)) | Err(_) => HttpResponse::NotFound()
            .content_type(ContentType::plaintext())
            .body("Web Chat is not installed: npm ci --prefix tests/clients"),
    }
}
