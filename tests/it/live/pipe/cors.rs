//! Which pages may use the Direct Line surface.

use crate::{
    live::{
        pipe::{CLOSE, get},
        wire::{Answer, exchange, request},
    },
    world::World,
};

const PAGE: &str = "https://www.example.com";
/// What DirectLineJS makes a browser ask for.
const ASKED: &str = "authorization,content-type,x-ms-bot-agent,x-requested-with";

#[tokio::test]
async fn a_page_among_the_allowed_may_send_what_directlinejs_sends_and_read_every_answer() {
    let world =
        World::with(&[("ALLOWED_ORIGINS", "https://other.example.com, https://www.example.com")]).await;
    let preflight = preflight(&world, PAGE).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.all("access-control-allow-origin"), [PAGE]);
    let allowed = preflight.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
    let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
    for name in ASKED.split(',').chain(["accept"]) {
        assert!(allowed.contains(&name), "{name} in {allowed:?}");
    }
    let methods = preflight.header("access-control-allow-methods").unwrap();
    assert!(methods.contains("GET") && methods.contains("POST"), "{methods}");
    // Direct Line's own refusal, our own, and a good answer.
    let chat = world.chat().await;
    let authorization = format!("Bearer {}", chat.token());
    let good = format!("conversations/{}/activities", chat.conversation());
    for (path, authorization, status) in
        [("conversations/abc", "", 401), ("conversations/%2e%2e", "", 404), (&good, &authorization, 200)]
    {
        let answer = get(&world, path, &[("Origin", PAGE), ("Authorization", authorization)]).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.all("access-control-allow-origin"), [PAGE], "{path}");
        assert!(answer.all("vary").contains(&"Origin"), "{path}");
    }
}

#[tokio::test]
async fn another_page_is_refused() {
    for allowed in [PAGE, ""] {
        let world = World::with(&[("ALLOWED_ORIGINS", allowed)]).await;
        for origin in ["https://evil.example.com", "https://www.example.com.evil.com", "null"] {
            let preflight = preflight(&world, origin).await;
            assert_eq!((preflight.status, preflight.code()), (403, "Forbidden".to_owned()), "{origin}");
            assert_eq!(preflight.all("access-control-allow-origin"), Vec::<&str>::new());
            let answer = get(&world, "conversations/abc", &[("Origin", origin)]).await;
            assert_eq!(answer.all("access-control-allow-origin"), Vec::<&str>::new(), "{origin}");
        }
    }
}

#[tokio::test]
async fn a_star_lets_every_page_in() {
    let world = World::with(&[("ALLOWED_ORIGINS", "*")]).await;
    for origin in [PAGE, "https://any.example.com", "null"] {
        let preflight = preflight(&world, origin).await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.all("access-control-allow-origin"), ["*"]);
        let answer = get(&world, "conversations/abc", &[("Origin", origin)]).await;
        assert_eq!(answer.all("access-control-allow-origin"), ["*"]);
    }
}

#[tokio::test]
async fn a_client_that_is_no_page_needs_no_origin() {
    let world = World::with(&[("ALLOWED_ORIGINS", PAGE)]).await;
    let answer = get(&world, "conversations/abc", &[]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.all("access-control-allow-origin"), Vec::<&str>::new());
}

async fn preflight(world: &World, origin: &str) -> Answer {
    let headers = [
        ("Host", "x"),
        CLOSE,
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", ASKED),
    ];
    let sent = request("OPTIONS /v3/directline/conversations/abc/activities", &headers, b"");
    exchange(&world.url, &sent).await
}
