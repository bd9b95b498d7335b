//! Which Direct Line is asked.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::*;

#[tokio::test]
async fn the_setting_wins_over_the_region() {
    let endpoint = FarEnd::start(|_, _| Reply::HangUp);
    let settings = DirectLineSettings {
        url: Some(url("https://europe.directline.example.com")),
        ..over_endpoint(&endpoint)
    };
    let root = client(&settings).root().await.expect("a root");
    assert_eq!(root.as_str(), "https://europe.directline.example.com/v3/directline/");
    assert!(endpoint.heard().is_empty());
}

#[tokio::test]
async fn with_nothing_set_the_root_is_the_global_one() {
    let root = client(&nothing()).root().await.expect("a root");
    assert_eq!(root.as_str(), "https://directline.botframework.com/v3/directline/");
}

#[tokio::test]
async fn the_region_is_asked_for_once() {
    let endpoint = FarEnd::start(|_, _| region("https://europe.directline.example.com/"));
    let client = client(&over_endpoint(&endpoint));
    for client in [client.clone(), client] {
        let root = client.root().await.expect("a root");
        assert_eq!(root.as_str(), "https://europe.directline.example.com/v3/directline/");
    }
    assert_eq!(endpoint.targets(), [format!("GET {REGION_PATH}")]);
}

#[tokio::test]
async fn a_region_is_read_in_every_encoding() {
    let told =
        r#"{"channelUrlsById":{"directline":"https://europe.directline.example.com/"},"name":"\ud83d"}"#;
    let wide: Vec<u8> = told.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [told.into(), format!("\u{feff}{told}").into_bytes(), wide] {
        let endpoint =
            FarEnd::start(move |_, _| Reply::Answer { status: 200, headers: vec![], body: body.clone() });
        let root = client(&over_endpoint(&endpoint)).root().await.expect("a root");
        assert_eq!(root.as_str(), "https://europe.directline.example.com/v3/directline/");
    }
}

#[tokio::test]
async fn where_no_region_is_told_the_token_names_the_root() {
    for status in [200, 404, 501] {
        let endpoint = FarEnd::start(move |heard, _| match heard.target.as_str() {
            TOKEN_PATH => {
                let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"aud":"https://india.example.com/"}"#);
                Reply::json(200, &json!({"token": format!("h.{claims}.s"), "expires_in": 3600}))
            }
            _ => Reply::text(status, "{}"),
        });
        let root = client(&over_endpoint(&endpoint)).root().await.expect("a root");
        assert_eq!(root.as_str(), "https://india.example.com/v3/directline/", "{status}");
    }
}

#[tokio::test]
async fn a_token_that_names_no_root_leaves_the_global_one() {
    let endpoint = FarEnd::start(|heard, _| match heard.target.as_str() {
        TOKEN_PATH => Reply::json(200, &json!({"token": "opaque"})),
        _ => Reply::text(404, ""),
    });
    let root = client(&over_endpoint(&endpoint)).root().await.expect("a root");
    assert_eq!(root, root::global());
}

#[tokio::test]
async fn a_region_that_could_not_be_asked_for_is_asked_for_again_a_second_later() {
    let endpoint = FarEnd::start(|_, before| match before {
        0 => Reply::text(503, ""),
        _ => region("http://127.0.0.1:9"),
    });
    let client = client(&over_endpoint(&endpoint));
    assert!(matches!(client.root().await, Err(CallError::Failed { status: 503 })));
    tokio::time::pause();
    for _ in 0..9 {
        assert!(matches!(client.root().await, Err(CallError::NotSent(None))));
    }
    assert_eq!(endpoint.heard().len(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    assert_eq!(client.root().await.expect("a root").as_str(), "http://127.0.0.1:9/v3/directline/");
}
