//! The agent's desk: its page, and the JSON API under `/desk/api/` that any origin may call.

use std::sync::Arc;

use actix_web::{
    HttpResponse, guard,
    http::header,
    middleware::DefaultHeaders,
    web::{self, Bytes},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ids,
    instance::Instance,
    pictures,
    request::text,
    samples,
    view::{ChatView, WebhookResult},
};

const PAGE: &str = include_str!("../pages/desk.html");
const TEXTS: &str = include_str!("../pages/desk-texts.js");
/// Chooses among a page's `TEXTS`, and puts them in their places.
pub const LANGUAGE: &str = include_str!("../pages/language.js");

/// The desk's page for an instance at this root; an empty one means the page's own origin.
pub fn page(servicenow_url: &str) -> String {
    let page = PAGE.replace("__TEXTS__", &[TEXTS, LANGUAGE].concat());
    page.replace("__SERVICENOW_URL__", servicenow_url.trim_end_matches('/'))
}

pub(super) fn configure(app: &mut web::ServiceConfig) {
    let cors = DefaultHeaders::new()
        .add((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .add((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"))
        .add((header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"))
        .add((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .add((header::CACHE_CONTROL, "no-store"));
    app.service(web::resource("/desk").route(web::get().to(own_page))).service(
        web::scope("/desk/api")
            .wrap(cors)
            .service(web::resource("/{any:.*}").guard(guard::Options()).to(preflight))
            .service(web::resource("/chats").route(web::get().to(chats)))
            .service(web::resource("/chats/{id}/{act}").route(web::post().to(act)))
            .service(web::resource("/samples").route(web::get().to(sample_names)))
            .service(web::resource("/media/{id}").route(web::get().to(media)))
            .service(web::resource("/faces/{name}").route(web::get().to(face))),
    );
}

async fn preflight() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

async fn own_page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page(""))
}

#[derive(Deserialize)]
struct Chosen {
    /// The chat that is shown whole; of the others only the last line goes out.
    open: Option<String>,
}

async fn chats(instance: web::Data<Instance>, chosen: web::Query<Chosen>) -> HttpResponse {
    let mut chats = instance.book().views();
    for chat in chats.iter_mut().filter(|chat| Some(&chat.id) != chosen.open.as_ref()) {
        shorten(chat);
    }
    HttpResponse::Ok().json(json!({"chats": chats}))
}

fn shorten(chat: &mut ChatView) {
    chat.lines.drain(..chat.lines.len().saturating_sub(1));
    chat.history.clear();
    chat.deliveries.clear();
}

/// What the agent does in a chat. Answers once the webhook is through.
async fn act(instance: web::Data<Instance>, path: web::Path<(String, String)>, body: Bytes) -> HttpResponse {
    let (id, act) = path.into_inner();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let instance = instance.into_inner();
    let Some(session) = instance.book().session_of(&id) else { return HttpResponse::NotFound().finish() };
    let result = match act.as_str() {
        "accept" => instance.accept(&session, text(&body, "agent")).await,
        "say" => instance.say(&session, text(&body, "text"), &ids::sys_id()).await,
        "typing" => instance.typing(&session, body.get("on") == Some(&Value::Bool(true))).await,
        "system" => instance.system(&session, text(&body, "text")).await,
        "end" => instance.end(&session).await,
        "sample" => match send_sample(&instance, &session, text(&body, "name")).await {
            Some(result) => result,
            None => return HttpResponse::NotFound().finish(),
        },
        _ => return HttpResponse::NotFound().finish(),
    };
    let millis = u64::try_from(result.elapsed.as_millis()).unwrap_or(u64::MAX);
    HttpResponse::Ok().json(json!({"status": result.status, "millis": millis}))
}

/// Sends the sample's bodies one after the other. `None`: no such sample.
pub(super) async fn send_sample(
    instance: &Arc<Instance>,
    session: &str,
    name: &str,
) -> Option<WebhookResult> {
    let sample = samples::all().into_iter().find(|sample| sample.name == name)?;
    let mut result = WebhookResult::default();
    for body in sample.bodies {
        result = instance.send(session, pictures::at_home(body, &instance.url)).await;
    }
    Some(result)
}

async fn sample_names() -> HttpResponse {
    let names: Vec<Value> =
        samples::all().iter().map(|sample| json!({"name": sample.name, "group": sample.group})).collect();
    HttpResponse::Ok().json(json!({"samples": names}))
}

/// A user's file, for the person at the desk, who is logged in anyway.
async fn media(instance: web::Data<Instance>, id: web::Path<String>) -> HttpResponse {
    instance.serve(&id)
}

async fn face(name: web::Path<String>) -> HttpResponse {
    pictures::face(&ids::sys_id_of(&format!("avatar of {name}")))
}
