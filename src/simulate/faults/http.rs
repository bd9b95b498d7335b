//! The fault knobs on an actix-web server: a middleware that makes faults happen, and routes that set them.

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::{self, Bytes, Data, ServiceConfig},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fault, Faults};
use crate::simulate::observe::NoAnswer;

/// Where the knobs are; faults never hit these paths.
const CONTROL: &str = "/simulator/";

/// Routes `POST` and `DELETE /simulator/faults`. Needs `Data<Faults>`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(
        web::resource("/simulator/faults").route(web::post().to(set)).route(web::delete().to(clear)),
    );
}

/// For `middleware::from_fn`: CORS for everybody (this is loopback), and the faults.
///
/// A handler finds the fault that asks for `duplicate` or `reorder` in the request's extensions,
/// as `Arc<Fault>`. Needs `Data<Faults>`.
pub async fn edge(
    faults: Data<Faults>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let preflight = request.method() == Method::OPTIONS;
    let mut answer = if preflight {
        request.into_response(HttpResponse::NoContent().finish())
    } else if request.path().starts_with(CONTROL) {
        next.call(request).await?.map_into_boxed_body()
    } else {
        faulty(&faults, request, next).await?
    };
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    if preflight {
        allow(headers, asked);
    }
    Ok(answer)
}

fn allow(headers: &mut HeaderMap, asked: Option<HeaderValue>) {
    let names = asked.unwrap_or(HeaderValue::from_static("Authorization, Content-Type"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

fn has_length(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

async fn faulty(
    faults: &Faults,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if request.method() == Method::POST && !has_length(request.headers()) {
        // As IIS and HTTP.sys do.
        return Ok(request.into_response(HttpResponse::LengthRequired().finish()));
    }
    let fault = faults.meet(request.method().as_str(), path);
    if faults.is_down() {
        return Ok(request.into_response(hung_up()));
    }
    let Some(fault) = fault else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if !fault.after {
        faults.hold_up(&fault).await;
    }
    match replacement(&fault) {
        Some(answer) if !fault.after => Ok(request.into_response(answer)),
        answer => {
            request.extensions_mut().insert(Arc::clone(&fault));
            let processed = next.call(request).await?.map_into_boxed_body();
            if fault.after {
                faults.hold_up(&fault).await;
            }
            Ok(match answer {
                Some(answer) => processed.into_response(answer),
                None => processed,
            })
        }
    }
}

/// The answer the fault puts in place of the real one.
fn replacement(fault: &Fault) -> Option<HttpResponse> {
    if fault.drop {
        return Some(hung_up());
    }
    let status = StatusCode::from_u16(fault.status?).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            answer.insert_header((name, value));
        }
    }
    let simulated = || json!({"error": {"code": "Simulated", "message": "A fault that was asked for"}});
    Some(answer.json(fault.body.clone().unwrap_or_else(simulated)))
}

/// An answer whose body fails at once: actix-web closes the connection before a byte of it has left.
pub fn hung_up() -> HttpResponse {
    let failure = std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "a fault that was asked for");
    let mut answer = HttpResponse::Ok().streaming(stream::iter([Err::<Bytes, _>(failure)]));
    answer.extensions_mut().insert(NoAnswer);
    answer
}

/// What may be posted: one fault, several, or `{"down": bool}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Down {
    down: bool,
}

async fn set(faults: Data<Faults>, body: Bytes) -> HttpResponse {
    match read(&body) {
        Ok((down, list)) => {
            if let Some(Down { down }) = down {
                faults.set_down(down);
            }
            let ids: Vec<u64> = list.into_iter().map(|fault| faults.add(fault)).collect();
            HttpResponse::Ok().json(json!({"ids": ids}))
        }
        Err(error) => {
            let message = format!("Not a fault: {error}");
            HttpResponse::BadRequest().json(json!({"error": {"code": "BadRequest", "message": message}}))
        }
    }
}

fn read(body: &[u8]) -> serde_json::Result<(Option<Down>, Vec<Fault>)> {
    let value: Value = serde_json::from_slice(body)?;
    if value.get("down").is_some() {
        return Ok((Some(serde_json::from_value(value)?), Vec::new()));
    }
    let list = if value.is_array() { value } else { Value::Array(vec![value]) };
    Ok((None, serde_json::from_value(list)?))
}

async fn clear(faults: Data<Faults>) -> HttpResponse {
    faults.clear();
    HttpResponse::Ok().json(json!({}))
}
