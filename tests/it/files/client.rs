//! What a chat page does with files.

use futures_util::StreamExt as _;
use reqwest::{Response, multipart::Form};
use serde_json::{Value, json};
use servicenow_handoff::simulate::{chat_client::ChatClient, servicenow::Fetched};
use sha2::{Digest, Sha256};

use crate::free_port::free_port;
use crate::world::{PATIENCE, World};

/// A world that knows its own address, so that it can give out links.
pub async fn world_with_links(more: &[(&str, &str)]) -> World {
    let listen = format!("127.0.0.1:{}", free_port());
    let root = format!("http://{listen}/");
    let own = [("LISTEN", listen.as_str()), ("PUBLIC_URL", root.as_str())];
    let all: Vec<(&str, &str)> = own.iter().chain(more).copied().collect();
    World::with(&all).await
}

pub fn upload_url(world: &World, chat: &ChatClient) -> String {
    format!("{}/v3/directline/conversations/{}/upload?userId=dana", world.url, chat.conversation())
}

/// One file as the body.
pub async fn send_raw(
    world: &World,
    chat: &ChatClient,
    name: &str,
    media_type: &str,
    bytes: &[u8],
) -> Response {
    world
        .http
        .post(upload_url(world, chat))
        .bearer_auth(chat.token())
        .header("content-type", media_type)
        .header("content-disposition", format!("name=\"file\"; filename=\"{name}\""))
        .body(bytes.to_vec())
        .send()
        .await
        .unwrap()
}

pub async fn send_form(world: &World, chat: &ChatClient, form: Form) -> Response {
    world.http.post(upload_url(world, chat)).bearer_auth(chat.token()).multipart(form).send().await.unwrap()
}

/// A form as DirectLineJS makes it for Web Chat: the activity first, with the files' names and small pictures of them.
pub fn form(text: &str, client_id: &str, files: &[(&str, &str, &[u8])]) -> Form {
    let named = files.iter().map(|(name, media_type, _)| {
        json!({"name": name, "contentType": media_type, "thumbnailUrl": "data:image/jpeg;base64,AAAA"})
    });
    let activity = json!({"type": "message", "text": text, "from": {"id": "dana", "role": "user"},
        "attachments": named.collect::<Vec<_>>(), "channelData": {"clientActivityID": client_id}});
    let activity = reqwest::multipart::Part::text(activity.to_string())
        .file_name("blob")
        .mime_str("application/vnd.microsoft.activity")
        .unwrap();
    files.iter().fold(Form::new().part("activity", activity), |form, (name, media_type, bytes)| {
        let part = reqwest::multipart::Part::bytes(bytes.to_vec());
        form.part("file", part.file_name((*name).to_owned()).mime_str(media_type).unwrap())
    })
}

pub async fn id_of(answer: Response) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

/// Status and code of an error.
pub async fn error_of(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Waits until ServiceNow has downloaded so many of the chat's files; names and what it got, in order.
pub async fn fetched(world: &World, session: &str, count: usize) -> Vec<(String, Fetched)> {
    let files = || {
        let chat = world.servicenow.chat(session)?;
        let files = chat.lines.into_iter().flat_map(|line| line.attachments);
        files.map(|file| file.fetched.map(|got| (file.name, got))).collect::<Option<Vec<_>>>()
    };
    let done =
        world.servicenow.wait_for(PATIENCE, |_| files().is_some_and(|files| files.len() >= count)).await;
    assert!(done, "ServiceNow has only {:?}", world.servicenow.chat(session).map(|chat| chat.lines));
    files().unwrap()
}

/// The link of ours in what a client is shown, the agent's avatar aside.
pub fn link_in(activity: &Value) -> Option<String> {
    let mut activity = activity.clone();
    activity.as_object_mut().unwrap().remove("channelData");
    let shown = activity.to_string();
    let from = shown[..shown.find("/api/files/")?].rfind("http://")?;
    let end = from + shown[from..].find(['"', ')', '\\'])?;
    Some(shown[from..end].to_owned())
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The bytes that count up, as the simulated instance makes them; true when all of them came.
pub async fn counts_up(answer: Response, expected: u64) -> bool {
    let pattern: Vec<u8> = (0..=u8::MAX).cycle().take(256 * 4_097).collect();
    let (mut stream, mut at) = (answer.bytes_stream(), 0_u64);
    while let Some(piece) = stream.next().await {
        let piece = piece.unwrap();
        for part in piece.chunks(256 * 4_096) {
            let from = usize::try_from(at % 256).unwrap();
            if pattern[from..from + part.len()] != *part {
                return false;
            }
            at += part.len() as u64;
        }
    }
    at == expected
}

/// Some bytes that no boundary is in.
pub fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}
