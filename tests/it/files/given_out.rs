//! From the person at the desk to the user.

use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::ChatClient;

use crate::{
    eventually::found,
    files::client::{counts_up, error_of, noise, sha256, world_with_links},
    world::World,
};

/// The agent sends a picture; gives the address the client is shown.
async fn shown_picture(world: &World, chat: &mut ChatClient, address: &str) -> String {
    let session = chat.conversation().to_owned();
    let body = json!({"body": [{"uiType": "OutputImage", "value": address, "altText": "a picture",
        "messageId": address, "agentInfo": {"sentFromAgent": true, "agentName": "Ana Agent"}}]});
    world.servicenow.send(&session, body).await;
    let is_it = |a: &Value| a["channelData"]["servicenow"]["messageId"] == address;
    chat.see("the picture", is_it).await.unwrap();
    let activity = chat.received.iter().find(|a| is_it(a)).unwrap();
    let attachment = &activity["attachments"][0];
    let url = attachment["contentUrl"].as_str().or(attachment["content"]["images"][0]["url"].as_str());
    url.unwrap_or_else(|| panic!("no picture in {activity}")).to_owned()
}

#[tokio::test]
async fn a_file_that_needs_a_login_comes_through_us() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let bytes = noise(500_000);
    let id = world.servicenow.add_media("Bild ä.png", "image/png", bytes.clone());
    let addresses = [
        format!("{}/sys_attachment.do?sys_id={id}", world.servicenow.url()),
        format!("/api/now/v1/cs/media/{id}"),
    ];
    for address in addresses {
        let link = shown_picture(&world, &mut chat, &address).await;
        assert!(link.starts_with(&format!("{}/api/files/", world.url)), "{link}");
        let answer = world.http.get(&link).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "image/png");
        assert_eq!(header("content-length"), "500000");
        assert!(header("content-disposition").starts_with("inline; "), "{}", header("content-disposition"));
        assert!(header("content-disposition").ends_with("filename*=UTF-8''Bild%20%C3%A4.png"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").contains("sandbox"));
        for secret in ["set-cookie", "www-authenticate", "server"] {
            assert!(!answer.headers().contains_key(secret), "{secret}");
        }
        assert_eq!(sha256(&answer.bytes().await.unwrap()), sha256(&bytes));
    }
}

#[tokio::test]
async fn an_avatar_that_needs_a_login_comes_through_us() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.agent_says(&session, "Hello").await;
    chat.see("the agent", |a| a["text"] == "Hello").await.unwrap();
    let said = chat.received.iter().find(|a| a["text"] == "Hello").unwrap();
    let avatar = said["channelData"]["servicenow"]["agentAvatar"].as_str().unwrap();
    let answer = world.http.get(avatar).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert!(answer.bytes().await.unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn without_our_own_address_a_link_stays_as_it_is() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let id = world.servicenow.add_media("a.png", "image/png", "x");
    let address = format!("{}/sys_attachment.do?sys_id={id}", world.servicenow.url());
    let body = json!({"body": [{"uiType": "OutputImage", "value": address, "altText": "a picture", "messageId": "p1",
        "agentInfo": {"sentFromAgent": true, "agentName": "Ana Agent"}}]});
    world.servicenow.send(chat.conversation(), body).await;
    let is_it = |activity: &Value| activity["channelData"]["servicenow"]["messageId"] == "p1";
    chat.see("the picture", is_it).await.unwrap();
    let shown = chat.received.iter().find(|activity| is_it(activity)).unwrap();
    // A link, not a picture: a browser would ask its user for ServiceNow's password.
    assert!(shown["text"].as_str().unwrap_or_default().contains(&address), "{shown}");
}

#[tokio::test]
async fn what_is_gone_is_not_found_and_a_dead_instance_is_unavailable() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let link = shown_picture(&world, &mut chat, "/api/now/v1/cs/media/gone").await;
    assert_eq!(error_of(world.http.get(&link).send().await.unwrap()).await, (404, "NotFound".to_owned()));
    // What is connected already may be served a moment longer.
    world.servicenow.clone().stop().await;
    let dead = found("the instance is dead", async || {
        let answer = world.http.get(&link).send().await.unwrap();
        (answer.status() != 404).then_some(answer)
    });
    assert_eq!(error_of(dead.await).await, (503, "Unavailable".to_owned()));
}

#[tokio::test]
async fn a_link_ends_and_can_not_be_changed() {
    let world = world_with_links(&[("FILES_TTL", "12")]).await;
    let mut chat = world.live_chat().await;
    let id = world.servicenow.add_media("a.png", "image/png", "x");
    let link = shown_picture(&world, &mut chat, &format!("/sys_attachment.do?sys_id={id}")).await;
    let (head, signature) = link.rsplit_once('/').unwrap();
    let (target, until) = head.rsplit_once('/').unwrap();
    let tampered = [
        format!("{head}/{}", signature.chars().rev().collect::<String>()),
        format!("{head}/AAAA"),
        format!("{target}/9999999999999/{signature}"),
        format!("{}x/{until}/{signature}", target),
    ];
    for link in tampered {
        let refused = world.http.get(&link).send().await.unwrap();
        assert_eq!(error_of(refused).await, (403, "Forbidden".to_owned()), "{link}");
    }
    for link in [format!("{}/api/files/", world.url), format!("{}/api/files/a/b", world.url)] {
        assert_eq!(world.http.get(&link).send().await.unwrap().status(), 403, "{link}");
    }
    assert_eq!(error_of(over(&world, &link).await).await, (403, "LinkExpired".to_owned()));
    // The page that is loaded again shows a fresh one.
    chat.reload();
    chat.see("the picture", |a| a["attachments"][0]["contentUrl"].is_string()).await.unwrap();
    let fresh = chat.received.iter().rev().find_map(|a| a["attachments"][0]["contentUrl"].as_str());
    assert_eq!(world.http.get(fresh.unwrap()).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_large_file_is_passed_on_as_it_comes() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let id = world.servicenow.add_made_media("log.bin", "application/octet-stream", 10_000_001);
    let link = shown_picture(&world, &mut chat, &format!("/sys_attachment.do?sys_id={id}")).await;
    let answer = world.http.get(&link).send().await.unwrap();
    assert_eq!(answer.content_length(), Some(10_000_001));
    assert!(counts_up(answer, 10_000_001).await);
}

#[tokio::test]
async fn users_files_are_deleted_when_their_links_are_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
    let settings = [("ATTACHMENTS", "link"), ("FILES_TTL", "12"), ("STORE", store.as_str())];
    let world = world_with_links(&settings).await;
    let stored = || std::fs::read_dir(folder.path().join("files")).unwrap().count();
    let mut chat = world.live_chat().await;
    let id = crate::files::client::id_of(
        crate::files::client::send_raw(&world, &chat, "a.txt", "text/plain", b"x").await,
    )
    .await;
    chat.see("the echo", |a| a["id"] == id.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == id.as_str()).unwrap();
    let link = echo["attachments"][0]["contentUrl"].as_str().unwrap().to_owned();
    assert_eq!(world.http.get(&link).send().await.unwrap().text().await.unwrap(), "x");
    assert_eq!(stored(), 1);
    assert_eq!(error_of(over(&world, &link).await).await, (403, "LinkExpired".to_owned()));
    world.handoff.sweep().await.unwrap();
    assert_eq!(stored(), 0);
}

/// What a link answers once it is over.
async fn over(world: &World, link: &str) -> reqwest::Response {
    found("the link is over", async || {
        let answer = world.http.get(link).send().await.unwrap();
        (answer.status() != 200).then_some(answer)
    })
    .await
}
