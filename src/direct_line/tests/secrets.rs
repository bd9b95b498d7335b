//! A secret that a vault has changed.

use super::*;
use crate::credential::testing::Vault;

#[tokio::test]
async fn a_refused_secret_is_read_again_for_open_post_and_read() {
    let far_end = FarEnd::start(|heard, _| match heard.header("authorization") {
        Some("Bearer new") => {
            Reply::json(200, &json!({"conversationId": "c", "id": "a", "activities": [], "expires_in": 9}))
        }
        _ => Reply::text(403, ""),
    });
    for call in 0..3 {
        let vault = Vault::default();
        let secret = Some(vault.credential("old"));
        let client = client(&DirectLineSettings { secret, ..with_secret(&far_end) });
        vault.put(Some("new"));
        let outcome = match call {
            0 => client.open(None, None, None).await.map(drop),
            1 => client.post("c", "Bearer old", &json!({"type": "message"}), None).await.map(drop),
            _ => client.activities("c", "Bearer old", None, None).await.map(drop),
        };
        outcome.expect("an answer to the new secret");
        assert_eq!(vault.asked(), 1, "{call}");
    }
    let heard = far_end.heard();
    assert_eq!(heard.len(), 6);
    assert_eq!(heard[2].body, heard[3].body);
}

#[tokio::test]
async fn an_answer_takes_room_as_long_as_it_is_held_after_a_renewed_secret_too() {
    const MEBIBYTE: usize = 1 << 20;
    let far_end = FarEnd::start(|heard, _| match heard.header("authorization") {
        Some("Bearer old") => Reply::text(403, ""),
        _ => Reply::json(200, &json!({"activities": [{"type": "message", "text": "x".repeat(MEBIBYTE)}]})),
    });
    let vault = Vault::default();
    let secret = Some(vault.credential("old"));
    let client = client(&DirectLineSettings { secret, ..with_secret(&far_end) });
    vault.put(Some("new"));
    // Room for one, and not for two.
    let _others = client.room().take(ROOM - 2 * MEBIBYTE);
    let look = async |authorization| client.look("c", authorization, None, None).await;
    let held = look("Bearer old").await.expect("an answer to the new secret");
    assert!(look("Bearer t").await.is_err(), "another has no room");
    drop(held);
    assert!(look("Bearer t").await.is_ok());
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_taken_for_our_secret() {
    let far_end = FarEnd::start(|_, _| Reply::text(403, ""));
    let vault = Vault::default();
    let client =
        client(&DirectLineSettings { secret: Some(vault.credential("old")), ..with_secret(&far_end) });
    vault.put(Some("new"));
    client.activities("c", "Bearer a-token", None, None).await.expect_err("a refusal");
    assert_eq!((far_end.heard().len(), vault.asked()), (1, 0));
}
