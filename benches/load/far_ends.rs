//! Direct Line and ServiceNow, as little of them as a load needs and as fast as they can be.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Bytes, Data},
};
use memchr::memmem;
use serde_json::json;

/// Conversations whose id begins so are handed over when they are read from the start.
pub const LIVE: &str = "live";
const ACTIVITIES: &str = "v3/directline/conversations/{id}/activities";

/// What ServiceNow was told.
#[derive(Default)]
struct Told {
    opened: AtomicU64,
    said: AtomicU64,
    receipts: AtomicU64,
}

/// Serves until killed; its first line is its address.
#[expect(clippy::print_stdout, reason = "the parent reads the address there")]
pub async fn serve() {
    let told = Data::from(Arc::new(Told::default()));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(told.clone())
            .route("v3/directline/conversations/{id}", web::get().to(reconnect))
            .route(ACTIVITIES, web::get().to(activities))
            .route(ACTIVITIES, web::post().to(post))
            .route("/api/sn_va_as_service/bot/integration", web::post().to(bot_integration))
            .route("/told", web::get().to(counts))
    });
    let server = server.workers(1).bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    println!("{}", server.addrs()[0]);
    server.run().await.expect("it serves");
}

async fn activities(request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let body = match (id.starts_with(LIVE), request.query_string().is_empty()) {
        (true, true) => Bytes::from(hand_off(&id)),
        (true, false) => Bytes::from_static(br#"{"activities":[],"watermark":"9"}"#),
        (false, _) => TURN.clone(),
    };
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(body)
}

async fn reconnect(id: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"conversationId": *id, "expires_in": 3_600}))
}

async fn post(id: web::Path<String>, _body: Bytes) -> HttpResponse {
    let body = format!(r#"{{"id":"{id}|0000007"}}"#);
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(body)
}

async fn bot_integration(told: Data<Told>, body: Bytes) -> HttpResponse {
    let names = |action: &str| memmem::find(&body, action.as_bytes()).is_some();
    let count = if names("START_CREATED_CONVERSATION") {
        Some(&told.opened)
    } else if names("UPDATE_MESSAGES") {
        Some(&told.receipts)
    } else {
        names("\"message\"").then_some(&told.said)
    };
    count.map(|count| count.fetch_add(1, Relaxed));
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"success"}"#)
}

async fn counts(told: Data<Told>) -> HttpResponse {
    let Told { opened, said, receipts } = &**told;
    let read = |count: &AtomicU64| count.load(Relaxed);
    HttpResponse::Ok().json(json!({"opened": read(opened), "said": read(said), "receipts": read(receipts)}))
}

/// A bot's turn: the user's echo, an answer with suggested actions and one with a card; about 2 KB.
static TURN: LazyLock<Bytes> = LazyLock::new(|| {
    let answer = "Most start-up problems go away when the battery is taken out for a minute. Does it beep?";
    let facts = json!([{"title": "Model", "value": "Laptop 14"}, {"title": "Tag", "value": "P1000479"}]);
    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": [
        {"type": "TextBlock", "text": "Your device", "weight": "bolder", "wrap": true},
        {"type": "FactSet", "facts": facts}]});
    let mut actions = vec![];
    for title in ["Yes, twice", "Yes, without end", "No"] {
        actions.push(json!({"type": "imBack", "title": title, "value": title}));
    }
    let activities = [
        activity("bot", "0000004", json!({"text": answer, "suggestedActions": {"actions": actions}})),
        activity(
            "bot",
            "0000005",
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}),
        ),
        activity("user", "0000003", json!({"text": "My laptop does not start."})),
    ];
    json!({"activities": activities, "watermark": "5"}).to_string().into()
});

fn activity(role: &str, number: &str, more: serde_json::Value) -> serde_json::Value {
    let mut activity = json!({
        "type": "message", "id": format!("EPV1CkzC7sR2fq8T|{number}"), "timestamp": "2026-03-02T10:11:12.1234567Z",
        "serviceUrl": "https://directline.botframework.com/", "channelId": "directline",
        "from": {"id": format!("6f1f5c1e-8a53-4c1e-b7a4-{role}"), "name": "Service Guide", "role": role},
        "conversation": {"id": "EPV1CkzC7sR2fq8T"}, "locale": "en-US", "textFormat": "markdown",
        "inputHint": "acceptingInput", "replyToId": "EPV1CkzC7sR2fq8T|0000003",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        activity[name] = value.clone();
    }
    activity
}

fn hand_off(id: &str) -> String {
    let event = json!({
        "type": "event", "name": "handoff.initiate", "id": format!("{id}|0000002"), "timestamp": "2026-03-02T10:11:13Z",
        "from": {"id": "guide", "name": "Service Guide", "role": "bot"}, "conversation": {"id": id},
        "value": {"va_AgentMessage": "The user asked for a person.", "va_Language": "en-US", "SupportQueue": "IT"},
    });
    let asked = json!({
        "type": "message", "id": format!("{id}|0000001"), "timestamp": "2026-03-02T10:11:12Z", "text": "agent",
        "from": {"id": "ada", "name": "Ada", "role": "user"}, "conversation": {"id": id},
    });
    json!({"activities": [asked, event], "watermark": "2"}).to_string()
}
