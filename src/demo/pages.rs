//! The demo's pages, and what they ask for: news for *Inside*, presses of its buttons.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, guard,
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, LOCATION},
    web::{self, Bytes, Data, Path, Query, ServiceConfig},
};
use futures_util::stream;
use serde::Deserialize;
use tokio::{sync::broadcast::error::RecvError, time::timeout};

use super::{
    knobs::{Knob, Knobs},
    timeline::{Entry, Timeline},
    webchat,
};
use crate::simulate::servicenow;

const DEMO: &str = include_str!("pages/demo.html");
const CHAT: &str = include_str!("pages/chat.html");
const TEXTS: &str = include_str!("pages/texts.js");
const INSIDE: &str = include_str!("pages/inside.html");
const INSIDE_TEXTS: &str = include_str!("pages/inside-texts.js");
/// A word now and then, so that a page that has gone is noticed.
const SILENCE: Duration = Duration::from_secs(15);

/// What the pages need to know.
#[derive(Clone)]
pub struct Pages {
    pub token_endpoint: String,
    pub servicenow: String,
    pub timeline: Arc<Timeline>,
    pub knobs: Arc<Knobs>,
}

impl Pages {
    pub fn configure(&self, config: &mut ServiceConfig) {
        let texts = [TEXTS, servicenow::LANGUAGE].concat();
        let chat = CHAT.replace("__TEXTS__", &texts).replace("__TOKEN_ENDPOINT__", &self.token_endpoint);
        let inside_texts = [INSIDE_TEXTS, servicenow::LANGUAGE].concat();
        let in_words = |page: &str| page.replace("__TEXTS__", &inside_texts);
        let desk = servicenow::desk_page(&self.servicenow);
        for (path, page) in [
            ("/demo", in_words(DEMO)),
            ("/demo/chat", chat),
            ("/demo/inside", in_words(INSIDE)),
            ("/demo/desk", desk),
        ] {
            let serve = move || {
                let answer = html(page.clone());
                async move { answer }
            };
            config.route(path, web::get().to(serve));
        }
        let to_page = |page: &'static str| move || async move { moved(page) };
        for (path, page) in [
            ("/demo/", "/demo"),
            ("/demo/chat/", "/demo/chat"),
            ("/demo/inside/", "/demo/inside"),
            ("/demo/desk/", "/demo/desk"),
        ] {
            config.route(path, web::get().to(to_page(page)));
        }
        // Who opens the address in a browser wants the page; a program asks whether somebody is there.
        let wants_page = guard::fn_guard(|context| {
            let accepts = context.head().headers().get(ACCEPT).and_then(|accepts| accepts.to_str().ok());
            accepts.is_some_and(|accepts| accepts.contains("text/html"))
        });
        config.service(web::resource("/").guard(wants_page).get(to_page("/demo")));
        config
            .app_data(Data::from(self.timeline.clone()))
            .app_data(Data::from(self.knobs.clone()))
            .route("/demo/inside/events", web::get().to(events))
            .route("/demo/inside/press/{knob}", web::post().to(press));
        webchat::configure(config, &self.token_endpoint);
    }
}

fn moved(page: &str) -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, page)).finish()
}

pub(super) fn html(page: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(page)
}

#[derive(Deserialize)]
struct From {
    /// The last entry that the page knows.
    after: Option<u64>,
}

/// The time line as server-sent events, from the beginning or behind what the page has seen.
async fn events(timeline: Data<Timeline>, request: HttpRequest, from: Query<From>) -> HttpResponse {
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (kept, news) = timeline.since(last.or(from.after).unwrap_or(0));
    let news = stream::unfold((VecDeque::from(kept), news), |(mut kept, mut news)| async move {
        let next = match kept.pop_front() {
            Some(entry) => event(&entry),
            None => match timeout(SILENCE, news.recv()).await {
                Ok(Ok(entry)) => event(&entry),
                // The page asks again, and says how far it has come.
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return None,
                Err(_) => Bytes::from_static(b": still here\n\n"),
            },
        };
        Some((Ok::<_, actix_web::Error>(next), (kept, news)))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(news))
}

fn event(entry: &Entry) -> Bytes {
    let json = serde_json::to_string(entry).unwrap_or_default();
    Bytes::from(format!("id: {}\ndata: {json}\n\n", entry.seq))
}

/// Only pages of this origin can send the header; another site's page would have to ask first.
async fn press(knobs: Data<Knobs>, request: HttpRequest, knob: Path<String>) -> HttpResponse {
    if !request.headers().contains_key("x-demo") {
        return HttpResponse::Forbidden().finish();
    }
    match Knob::named(&knob) {
        Some(knob) => {
            knobs.into_inner().press(knob);
            HttpResponse::NoContent().finish()
        }
        None => HttpResponse::NotFound().finish(),
    }
}
