//! Pictures: faces for agents, which need a login, and what the prepared messages show, which is for everybody.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    web::{self, Path, ServiceConfig},
};
use serde_json::Value;

/// Where the samples believe their pictures to be.
const ELSEWHERE: &str = "https://images.example.com/";

const FACES: [&[u8]; 4] = [
    include_bytes!("pictures/face-2.png"),
    include_bytes!("pictures/face-1.png"),
    include_bytes!("pictures/face-3.png"),
    include_bytes!("pictures/face-4.png"),
];
const SHOWN: [(&str, &[u8]); 2] = [
    ("laptop.png", include_bytes!("pictures/laptop.png")),
    ("tablet.png", include_bytes!("pictures/tablet.png")),
];

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/pictures/{name}").route(web::get().to(shown)));
}

/// The same face for the same id.
pub(super) fn face(id: &str) -> HttpResponse {
    let sum: usize = id.bytes().map(usize::from).sum();
    png(FACES[sum % FACES.len()])
}

async fn shown(name: Path<String>) -> HttpResponse {
    let found = SHOWN.iter().find(|(known, _)| *known == name.as_str());
    found.map_or_else(|| HttpResponse::NotFound().finish(), |(_, bytes)| png(bytes))
}

fn png(bytes: &'static [u8]) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "image/png"))
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .body(bytes)
}

/// Lets a prepared body point to the pictures of the instance at `url`; also in JSON that stands in a string.
pub(super) fn at_home(body: Value, url: &str) -> Value {
    match body {
        Value::String(text) => Value::String(text.replace(ELSEWHERE, &format!("{url}/pictures/"))),
        Value::Array(items) => items.into_iter().map(|item| at_home(item, url)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, field)| (key, at_home(field, url))).collect())
        }
        other => other,
    }
}
