//! Steering an instance over HTTP, for tests that are not in this process: `/simulator/…`.

use actix_web::{
    HttpResponse,
    web::{self, Bytes},
};
use serde_json::{Value, json};

use super::{instance::Instance, request::text};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/simulator/faults").route(web::get().to(faults)).route(web::post().to(set_faults)),
    )
    .service(web::resource("/simulator/state").route(web::get().to(state)))
    .service(web::resource("/simulator/reset").route(web::post().to(reset)))
    .service(web::resource("/simulator/response-url").route(web::post().to(set_response_url)));
}

async fn faults(instance: web::Data<Instance>) -> HttpResponse {
    HttpResponse::Ok().json(instance.faults.plan())
}

/// Replaces the whole plan; `{}` makes everything work.
async fn set_faults(instance: web::Data<Instance>, body: Bytes) -> HttpResponse {
    match serde_json::from_slice(&body) {
        Ok(plan) => {
            instance.faults.replace(plan);
            HttpResponse::Ok().json(instance.faults.plan())
        }
        Err(error) => HttpResponse::BadRequest().json(json!({"error": error.to_string()})),
    }
}

async fn state(instance: web::Data<Instance>) -> HttpResponse {
    let book = instance.book();
    let requests: Vec<_> = book.requests().collect();
    let ignored: Vec<_> = book.ignored().collect();
    HttpResponse::Ok().json(json!({
        "responseUrl": instance.response_url(), "agentsAvailable": instance.agents_available(),
        "requests": requests, "ignored": ignored, "chats": book.views(), "uploads": instance.media.uploads(),
    }))
}

async fn reset(instance: web::Data<Instance>) -> HttpResponse {
    instance.reset();
    HttpResponse::NoContent().finish()
}

async fn set_response_url(instance: web::Data<Instance>, body: Bytes) -> HttpResponse {
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    match text(&json, "url") {
        "" => HttpResponse::BadRequest().json(json!({"error": "expected {\"url\": \"…\"}"})),
        url => {
            instance.set_response_url(url.to_owned());
            HttpResponse::NoContent().finish()
        }
    }
}
