//! Parts of files, as players and download managers ask for them.

use actix_web::{HttpRequest, HttpResponse};
use reqwest::{Method, Response};
use servicenow_handoff::domain::Timestamp;

use crate::{
    files::{
        client::{error_of, id_of, noise, send_raw, world_with_links},
        hostile::serve,
    },
    world::World,
};

#[tokio::test]
async fn a_part_of_a_users_file_is_what_was_asked_for() {
    let world = world_with_links(&[("ATTACHMENTS", "link")]).await;
    let (link, bytes) = kept(&world).await;
    answers_ranges(&world, &link, &bytes).await;
}

/// A user's file that we keep, and the link its sender is shown.
pub async fn kept(world: &World) -> (String, Vec<u8>) {
    let mut chat = world.live_chat().await;
    let bytes = noise(300_000);
    let id = id_of(send_raw(world, &chat, "film.mp4", "video/mp4", &bytes).await).await;
    chat.see("the echo", |a| a["id"] == id.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == id.as_str()).unwrap();
    (echo["attachments"][0]["contentUrl"].as_str().unwrap().to_owned(), bytes)
}

pub async fn answers_ranges(world: &World, link: &str, bytes: &[u8]) {
    let rows = [
        ("bytes=0-0", "bytes 0-0/300000", 0..1),
        ("bytes=1000-1999", "bytes 1000-1999/300000", 1_000..2_000),
        ("bytes=299999-", "bytes 299999-299999/300000", 299_999..300_000),
        ("bytes=10-", "bytes 10-299999/300000", 10..300_000),
        ("bytes=-5", "bytes 299995-299999/300000", 299_995..300_000),
        ("bytes=5-999999", "bytes 5-299999/300000", 5..300_000),
    ];
    for (asked, told, part) in rows {
        let answer = get(world, link, asked).await;
        assert_eq!((answer.status().as_u16(), text(&answer, "content-range")), (206, told), "{asked}");
        assert_eq!(text(&answer, "accept-ranges"), "bytes");
        assert_eq!(text(&answer, "content-length"), part.len().to_string());
        assert_eq!(text(&answer, "x-content-type-options"), "nosniff");
        assert!(answer.bytes().await.unwrap() == bytes[part], "{asked}");
    }
    for asked in ["bytes=300000-", "bytes=-0", "bytes=999999-9999999"] {
        let refused = get(world, link, asked).await;
        assert_eq!(text(&refused, "content-range"), "bytes */300000", "{asked}");
        assert_eq!(error_of(refused).await, (416, "RangeNotSatisfiable".to_owned()));
    }
    for asked in ["bytes=0-1,5-6", "bytes=9-5", "lines=1-2", "bytes=x"] {
        let whole = get(world, link, asked).await;
        assert_eq!(whole.status(), 200, "{asked}");
        assert!(whole.bytes().await.unwrap() == bytes, "{asked}");
    }
    let changed = world.http.get(link).header("range", "bytes=0-1").header("if-range", "\"x\"");
    assert_eq!(changed.send().await.unwrap().status(), 200);
    let head = world.http.request(Method::HEAD, link).header("range", "bytes=0-1").send().await.unwrap();
    assert_eq!((head.status().as_u16(), text(&head, "content-length")), (200, "300000"));
    assert_eq!((text(&head, "accept-ranges"), text(&head, "content-type")), ("bytes", "video/mp4"));
    assert!(head.bytes().await.unwrap().is_empty());
    assert_eq!(world.http.head(link.replace("/s/", "/i/")).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_part_of_a_file_of_the_instance_is_relayed_when_the_instance_honours_it() {
    let instance = serve(|request: &HttpRequest, _: &str| {
        let part = |told: &'static str, body: &'static str| {
            HttpResponse::PartialContent().insert_header(("content-range", told)).body(body)
        };
        let range = request.headers().get("range").and_then(|range| range.to_str().ok());
        match (request.path(), range) {
            ("/good.iix", Some("bytes=1-2")) => part("bytes 1-2/4", "ea"),
            ("/good.iix", Some("bytes=-1")) => part("bytes 3-3/4", "d"),
            ("/good.iix", Some("bytes=9-")) => HttpResponse::RangeNotSatisfiable()
                .insert_header(("content-range", "bytes */4"))
                .insert_header(("x-secret", "1"))
                .body("secret"),
            ("/wrong.iix", Some(_)) => part("bytes 0-1/4", "re"),
            ("/nameless.iix", Some(_)) => HttpResponse::PartialContent().body("ea"),
            ("/odd.iix", _) => HttpResponse::RangeNotSatisfiable().finish(),
            ("/busy.iix", _) => HttpResponse::BadGateway().body("secret"),
            ("/part.iix", None) => part("bytes 0-1/4", "re"),
            _ => HttpResponse::Ok().body("read"),
        }
    });
    let world = world_with_links(&[("SERVICENOW_URL", &instance)]).await;
    let link = |path: &str| world.handoff.files.link(&format!("{instance}{path}"), Timestamp::now()).unwrap();
    for (range, told, body) in [("bytes=1-2", "bytes 1-2/4", "ea"), ("bytes=-1", "bytes 3-3/4", "d")] {
        let part = get(&world, &link("/good.iix"), range).await;
        assert_eq!((part.status().as_u16(), text(&part, "content-range")), (206, told));
        assert_eq!(part.text().await.unwrap(), body);
    }
    let refused = get(&world, &link("/good.iix"), "bytes=9-").await;
    assert_eq!((text(&refused, "content-range"), refused.headers().get("x-secret")), ("bytes */4", None));
    assert_eq!(error_of(refused).await, (416, "RangeNotSatisfiable".to_owned()));
    // It may answer with the whole file, but with no part nobody asked for.
    let whole = get(&world, &link("/other.iix"), "bytes=1-2").await;
    assert_eq!((whole.status().as_u16(), whole.headers().get("content-range")), (200, None));
    assert_eq!(whole.text().await.unwrap(), "read");
    for path in ["/wrong.iix", "/nameless.iix", "/busy.iix"] {
        let refused = get(&world, &link(path), "bytes=1-2").await;
        assert_eq!(error_of(refused).await, (503, "Unavailable".to_owned()), "{path}");
    }
    for path in ["/part.iix", "/odd.iix"] {
        let refused = world.http.get(link(path)).send().await.unwrap();
        assert_eq!(error_of(refused).await, (503, "Unavailable".to_owned()), "{path}");
    }
    let head = world.http.head(link("/good.iix")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), text(&head, "content-length")), (200, "4"));
    assert!(head.bytes().await.unwrap().is_empty());
}

async fn get(world: &World, link: &str, range: &str) -> Response {
    world.http.get(link).header("range", range).send().await.unwrap()
}

fn text<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
