//! The page of `examples/web-chat` with Microsoft's Web Chat in it, when that has been installed beside the demo.

use std::path::Path;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ContentType, LOCATION},
    web::{self, ServiceConfig},
};
use serde_json::json;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FILES: [(&str, &str, &str); 4] = [
    ("/demo/webchat/", HTML, include_str!("../../examples/web-chat/index.html")),
    ("/demo/webchat/page.js", SCRIPT, include_str!("../../examples/web-chat/page.js")),
    ("/demo/webchat/texts.js", SCRIPT, include_str!("../../examples/web-chat/texts.js")),
    ("/demo/webchat/page.css", "text/css; charset=utf-8", include_str!("../../examples/web-chat/page.css")),
];
/// Where `npm ci --prefix tests/clients` puts it; relative to the current directory.
const WEB_CHAT: &str = "tests/clients/node_modules/botframework-webchat/dist/webchat.js";

pub(super) fn is_installed() -> bool {
    Path::new(WEB_CHAT).is_file()
}

pub(super) fn configure(config: &mut ServiceConfig, token_endpoint: &str) {
    // In place of the file that whoever hosts the page edits.
    let own = format!(
        "window.CHAT = {{...{}, webSocket: !new URLSearchParams(location.search).has('polling')}};\n",
        json!({"tokenEndpoint": token_endpoint})
    );
    for (path, kind, text) in FILES {
        config.route(path, web::get().to(move || async move { file(kind, text.to_owned()) }));
    }
    let settings = move || {
        let answer = file(SCRIPT, own.clone());
        async move { answer }
    };
    config
        .route("/demo/webchat/config.js", web::get().to(settings))
        .route("/demo/webchat/webchat.js", web::get().to(script))
        .route("/demo/webchat", web::get().to(async || found("/demo/webchat/")));
}

fn file(kind: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(text)
}

fn found(path: &str) -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, path)).finish()
}

/// Web Chat as it came from npm; 404 when it is not installed.
async fn script() -> HttpResponse {
    match web::block(|| std::fs::read(WEB_CHAT)).await {
        Ok(Ok(script)) => HttpResponse::Ok().content_type(SCRIPT).body(script),
        Ok(Err(_)) | Err(_) => HttpResponse::NotFound()
            .content_type(ContentType::plaintext())
            .body("Web Chat is not installed: npm ci --prefix tests/clients"),
    }
}
