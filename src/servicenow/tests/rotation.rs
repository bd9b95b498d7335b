//! Secrets that a vault has changed.

use super::*;
use crate::credential::testing::Vault;

#[tokio::test]
async fn a_refused_password_is_read_again_and_the_call_repeated_unchanged() {
    let far_end = FarEnd::start(|heard, _| match heard.header("authorization") {
        // jo:new
        Some("Basic am86bmV3") => success(),
        _ => Reply::text(401, ""),
    });
    let vault = Vault::default();
    let login = ServiceNowLogin::Basic { username: "jo".to_owned(), password: vault.credential("old") };
    let client = client(&far_end, login);
    vault.put(Some("new"));
    for _ in 0..2 {
        client.send(&says("hi"), None).await.expect("success");
    }
    let heard = far_end.heard();
    assert_eq!((heard.len(), vault.asked()), (3, 1));
    assert_eq!(heard[0].body, heard[1].body);
}

#[tokio::test]
async fn a_message_token_is_read_again_together_with_the_login() {
    let far_end = FarEnd::start(|heard, _| match heard.header("token") {
        Some("new") => success(),
        _ => Reply::text(403, ""),
    });
    let vault = Vault::default();
    let settings = settings(&far_end, basic());
    let settings = ServiceNowSettings { token: Some(vault.credential("old")), ..settings };
    vault.put(Some("new"));
    ServiceNow::new(&settings, http()).send(&says("hi"), None).await.expect("success");
    assert_eq!((far_end.heard().len(), vault.asked()), (2, 1));
}

#[tokio::test]
async fn a_silence_where_an_answer_was_asked_for_has_the_message_token_read_again() {
    let far_end = FarEnd::start(|heard, _| match heard.header("token") {
        Some("new") => Reply::json(200, &json!({"requestId": "r", "body": []})),
        _ => success(),
    });
    let vault = Vault::default();
    let settings = settings(&far_end, basic());
    let settings = ServiceNowSettings { token: Some(vault.credential("old")), ..settings };
    let client = ServiceNow::new(&settings, http());
    vault.put(Some("new"));
    client.send(&says("hi"), None).await.expect("success");
    assert_eq!((far_end.heard().len(), vault.asked()), (1, 0), "silence is the answer to a message");
    let create =
        Request { sync_response: true, ..Request::new("r-2", "s-1", "jo", Action::CreateConversation) };
    let answer = client.send(&create, None).await.expect("success");
    let heard = far_end.heard();
    assert_eq!((answer.synchronous.is_some(), heard.len(), vault.asked()), (true, 3, 1));
    assert_eq!(heard[1].body, heard[2].body);
}

#[tokio::test]
async fn a_silence_that_a_vault_can_not_help_is_the_answer() {
    let far_end = FarEnd::start(|_, _| success());
    let vault = Vault::default();
    let settings = settings(&far_end, basic());
    let settings = ServiceNowSettings { hash_secret: Some(vault.credential("old")), ..settings };
    let client = ServiceNow::new(&settings, http());
    vault.put(Some("old"));
    let create =
        Request { sync_response: true, ..Request::new("r-2", "s-1", "jo", Action::CreateConversation) };
    for _ in 0..3 {
        assert_eq!(client.send(&create, None).await.expect("success"), Answer::default());
    }
    assert_eq!((far_end.heard().len(), vault.asked()), (3, 1));
}

#[tokio::test]
async fn a_refusal_that_a_vault_can_not_help_is_not_tried_again() {
    let far_end = FarEnd::start(|_, _| Reply::text(401, ""));
    let vault = Vault::default();
    let login = ServiceNowLogin::Basic { username: "jo".to_owned(), password: vault.credential("old") };
    let client = client(&far_end, login);
    vault.put(Some("old"));
    for _ in 0..5 {
        let outcome = client.send(&says("hi"), None).await;
        assert!(matches!(outcome, Err(CallError::Rejected { status: 401, .. })), "{outcome:?}");
    }
    assert_eq!((far_end.heard().len(), vault.asked()), (5, 1));
}

#[tokio::test]
async fn a_file_is_read_with_the_new_password() {
    let far_end = FarEnd::start(|heard, _| match heard.header("authorization") {
        Some("Basic am86bmV3") => Reply::text(200, "bytes"),
        _ => Reply::text(401, ""),
    });
    let vault = Vault::default();
    let login = ServiceNowLogin::Basic { username: "jo".to_owned(), password: vault.credential("old") };
    let client = client(&far_end, login);
    vault.put(Some("new"));
    let answer = client.download("/api/now/v1/cs/media/1", None).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), vault.asked()), (200, 1));
}
