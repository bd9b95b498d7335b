//! The HTTP side: the platform's endpoints, and what goes wrong with them.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Bytes},
};
use serde_json::{Value, json};
use tokio::time;

use super::{
    actions::Reply,
    control, desk,
    faults::Effect,
    instance::Instance,
    login, media, pictures,
    request::{Refusal, Request, text},
};
use crate::{domain::Timestamp, simulate::faults::http::hung_up};

/// Bodies larger than this are refused; uploads are not meant.
const MAX_BODY: usize = 8 * 1024 * 1024;

pub(super) fn configure(app: &mut web::ServiceConfig) {
    app.app_data(web::PayloadConfig::new(MAX_BODY))
        .service(
            web::resource("/api/sn_va_as_service/bot/integration")
                .route(web::post().to(integration))
                .default_service(web::to(wrong_method)),
        )
        .service(web::resource("/oauth_token.do").route(web::post().to(oauth_token)))
        .service(web::resource("/api/now/v1/cccif/media/upload").route(web::post().to(upload)))
        .service(web::resource("/api/now/v1/cs/media/{id}").route(web::get().to(media::media)))
        .service(web::resource("/sys_attachment.do").route(web::get().to(media::attachment)))
        .service(web::resource("/{id:[0-9a-f]{32}}.iix").route(web::get().to(media::image)))
        .configure(desk::configure)
        .configure(pictures::configure)
        .configure(control::configure);
}

async fn integration(instance: web::Data<Instance>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if instance.faults.down() {
        return out_of_service();
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let action = Some(text(&json, "action")).filter(|action| !action.is_empty()).unwrap_or("MESSAGE");
    let effects = instance.faults.strike(action, text(&json, "requestId"));
    if let Some(answer) = before(&effects).await {
        return answer;
    }
    if !instance.is_logged_in(request.headers()) {
        return login::unauthorized();
    }
    let parsed = match Request::parse(&body) {
        Ok(parsed) => parsed,
        Err(refusal) => return refused(&refusal),
    };
    let answer = if instance.is_authentic(request.headers(), &body, &parsed.raw) {
        let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
        match Arc::clone(&instance).process(&parsed, traceparent.map(str::to_owned)) {
            Reply::Success if effects.contains(&Effect::Quoted) => answer(instance.quote(&parsed)),
            reply => answer(reply),
        }
    } else {
        success()
    };
    after(&effects, answer).await
}

/// What stands before an instance answers while the instance is down.
fn out_of_service() -> HttpResponse {
    HttpResponse::ServiceUnavailable().finish()
}

async fn oauth_token(instance: web::Data<Instance>, request: HttpRequest, form: Bytes) -> HttpResponse {
    if instance.faults.down() {
        return out_of_service();
    }
    let effects = instance.faults.strike("OAUTH", "");
    if let Some(answer) = before(&effects).await {
        return answer;
    }
    after(&effects, instance.grant(request.headers(), &form)).await
}

async fn upload(instance: web::Data<Instance>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    if instance.faults.down() {
        return out_of_service();
    }
    let effects = instance.faults.strike("MEDIA", "");
    if let Some(answer) = before(&effects).await {
        return answer;
    }
    after(&effects, media::upload(&instance, &request, payload).await).await
}

async fn wrong_method() -> HttpResponse {
    let error = json!({"message": "Method not supported", "detail": "The resource takes POST only"});
    HttpResponse::MethodNotAllowed().json(json!({"error": error, "status": "failure"}))
}

/// What goes wrong before the call is processed: it takes time, or gets an answer of its own.
async fn before(effects: &[Effect]) -> Option<HttpResponse> {
    for effect in effects {
        time::sleep(effect.wait()).await;
        match effect {
            Effect::Status { status } => return Some(failure(*status)),
            Effect::RateLimited { retry_after } => return Some(rate_limited(*retry_after)),
            Effect::DropBefore => return Some(hung_up()),
            Effect::Failure => return Some(failure(200)),
            Effect::NoSuchResource => return Some(no_such_resource()),
            Effect::Delay { .. } | Effect::Jitter { .. } => {}
            Effect::Remaining { .. }
            | Effect::DropAfter
            | Effect::LateAnswer { .. }
            | Effect::NotJson
            | Effect::Quoted => {}
        }
    }
    None
}

/// What goes wrong with the answer.
async fn after(effects: &[Effect], mut answer: HttpResponse) -> HttpResponse {
    for effect in effects {
        match effect {
            Effect::LateAnswer { ms } => time::sleep(Duration::from_millis(*ms)).await,
            Effect::DropAfter => answer = hung_up(),
            Effect::Remaining { calls } => limited(answer.headers_mut(), *calls),
            Effect::NotJson => answer = HttpResponse::Ok().content_type("text/plain").body("Accepted"),
            _ => {}
        }
    }
    answer
}

fn failure(status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(json!({
        "status": "failure",
        "error": {"message": "Simulated fault", "detail": "The simulated instance was told to fail"},
    }))
}

fn no_such_resource() -> HttpResponse {
    let error = json!({"message": "Requested URI does not represent any resource", "detail": null});
    HttpResponse::BadRequest().json(json!({"error": error, "status": "failure"}))
}

/// An hour that has half an hour to go.
fn limited(headers: &mut header::HeaderMap, remaining: u64) {
    let reset = Timestamp::now().plus_millis(1_800_000).0 / 1_000;
    let told = [("limit", 100), ("remaining", remaining), ("reset", reset.unsigned_abs())];
    for (name, value) in told {
        if let Ok(name) = header::HeaderName::try_from(format!("x-ratelimit-{name}")) {
            headers.insert(name, value.into());
        }
    }
}

fn rate_limited(retry_after: u64) -> HttpResponse {
    let reset = u64::try_from(Timestamp::now().0 / 1000).unwrap_or_default().saturating_add(retry_after);
    HttpResponse::TooManyRequests()
        .insert_header((header::RETRY_AFTER, retry_after.to_string()))
        .insert_header(("X-RateLimit-Limit", "100"))
        .insert_header(("X-RateLimit-Reset", reset.to_string()))
        .insert_header(("X-RateLimit-Rule", "simulated rule"))
        .json(json!({
            "error": {"message": "Rate limit exceeded", "detail": "More than 100 requests in this hour"},
            "status": "failure",
        }))
}

fn answer(reply: Reply) -> HttpResponse {
    match reply {
        Reply::Success => success(),
        Reply::Processed => {
            HttpResponse::Ok().content_type("text/plain").body("Message Processed Successfully")
        }
        Reply::Body(body) => HttpResponse::Ok().json(body),
        Reply::Refused(refusal) => refused(&refusal),
    }
}

fn success() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "success"}))
}

fn refused(refusal: &Refusal) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({
        "status": "failure",
        "error": {"message": refusal.message, "detail": refusal.detail},
    }))
}
