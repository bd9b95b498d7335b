//! Large answers and files on their way through.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    live::{
        pipe::{before_far_end, get},
        wire::{connect, read_chunk, read_head, request},
    },
    world::World,
};

#[tokio::test]
async fn a_large_answer_streams() {
    let (far_end, world) = before_far_end().await;
    let half = vec![b'x'; 300_000];
    for framing in ["content-length: 600000", "transfer-encoding: chunked"] {
        let chunked = framing.starts_with("transfer");
        let (mut reader, mut writer) = connect(&world.url).await.into_split();
        let sent = request("GET /v3/directline/attachments/1/plan.pdf", &[("Host", "x")], b"");
        writer.write_all(&sent).await.unwrap();
        let (_, mut stream) = far_end.next().await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let size = if chunked { "493e0\r\n" } else { "" };
        let end = if chunked { "\r\n" } else { "" };
        let piece = [size.as_bytes(), &half, end.as_bytes()].concat();
        stream.write_all(&piece).await.unwrap();
        // The first half is here before the second has left.
        let head = read_head(&mut reader).await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/pdf"), "{head}");
        read_body(&mut reader, half.len(), chunked).await;
        stream.write_all(&piece).await.unwrap();
        read_body(&mut reader, half.len(), chunked).await;
    }
}

#[tokio::test]
async fn the_answer_to_head_tells_the_length_of_the_file() {
    let (far_end, world) = before_far_end().await;
    for length in [0, 5_000, 500_000] {
        let mut client = connect(&world.url).await;
        let sent = request("HEAD /v3/directline/attachments/1/plan.pdf", &[("Host", "x")], b"");
        client.write_all(&sent).await.unwrap();
        far_end.answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").as_bytes()).await;
        let head = read_head(&mut client).await;
        assert!(head.contains(&format!("content-length: {length}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn an_answer_in_chunks_goes_to_http_1_0_as_it_is() {
    let (far_end, world) = before_far_end().await;
    let mut client = connect(&world.url).await;
    let sent =
        "GET /v3/directline/attachments/1/plan.pdf HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n";
    client.write_all(sent.as_bytes()).await.unwrap();
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    far_end.answer(answer.as_bytes()).await;
    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("chunked") && !head.contains("keep-alive"), "{head}");
    assert_eq!(body, "hello");
}

#[tokio::test]
async fn a_file_streams() {
    let (far_end, world) = before_far_end().await;
    let half = vec![b'x'; 400_000];
    let mut client = connect(&world.url).await;
    let disposition = "name=\"file\"; filename=\"a.png\"";
    let more =
        [("Content-Type", "image/png"), ("Content-Disposition", disposition), ("Content-Length", "800000")];
    client.write_all(&upload(&more, &half)).await.unwrap();
    // The first half is there before the second has left.
    let (head, mut stream) = far_end.next().await;
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v3/directline/conversations/abc/upload?userid=dana "), "{head}");
    assert!(head.contains("content-length: 800000") && !head.contains("transfer-encoding"), "{head}");
    assert!(head.contains("image/png") && head.contains(disposition), "{head}");
    let mut received = vec![0; half.len()];
    stream.read_exact(&mut received).await.unwrap();
    client.write_all(&half).await.unwrap();
    stream.read_exact(&mut received).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"id\":\"a|1\"}").await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_form_streams() {
    let (far_end, world) = before_far_end().await;
    let half = vec![b'x'; 400_000];
    let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b.png\"\r\nContent-Type: image/png\r\n\r\n";
    let end = "\r\n--b--\r\n";
    let length = (part.len() + 2 * half.len() + end.len()).to_string();
    let more = [("Content-Type", "multipart/form-data; boundary=b"), ("Content-Length", length.as_str())];
    let mut client = connect(&world.url).await;
    client.write_all(&upload(&more, &[part.as_bytes(), &half].concat())).await.unwrap();
    let (head, mut stream) = far_end.next().await;
    assert!(head.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{head}");
    let mut received = vec![];
    while received.len() < 300_000 {
        received.extend(read_chunk(&mut stream).await);
    }
    assert!(String::from_utf8_lossy(&received[..300]).contains("filename=\"a;b.png\""));
    client.write_all(&[&half, end.as_bytes()].concat()).await.unwrap();
    loop {
        let chunk = read_chunk(&mut stream).await;
        if chunk.is_empty() {
            break;
        }
        received.extend(chunk);
    }
    assert_eq!(received.iter().filter(|byte| **byte == b'x').count(), 800_000);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"id\":\"a|1\"}").await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200"));
}

fn upload(more: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers = [&[("Host", "x"), ("Authorization", "Bearer t")], more].concat();
    request("POST /v3/directline/conversations/abc/upload?userId=dana", &headers, body)
}

#[tokio::test]
async fn files_reach_the_bot_raw_and_as_a_form() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let url = format!("{}/v3/directline/conversations/{}/upload?userId=dana", world.url, chat.conversation());
    let post = || world.http.post(&url).bearer_auth(chat.token());
    let raw = post().header("content-type", "image/png").body(vec![7; 200_000]);
    let raw =
        raw.header("content-disposition", "name=\"file\"; filename=\"screen.png\"").send().await.unwrap();
    assert_eq!(raw.status(), 200);
    let activity = json!({"type": "message", "from": {"id": "dana"}}).to_string();
    let activity = reqwest::multipart::Part::text(activity).mime_str("application/vnd.microsoft.activity");
    let file = reqwest::multipart::Part::bytes(vec![7; 300_000]).file_name("log.txt").mime_str("text/plain");
    let form =
        reqwest::multipart::Form::new().part("activity", activity.unwrap()).part("file", file.unwrap());
    assert_eq!(post().multipart(form).send().await.unwrap().status(), 200);
    chat.see("the first", |a| a["text"] == "I received screen.png.").await.unwrap();
    chat.see("the second", |a| a["text"] == "I received log.txt.").await.unwrap();
}

#[tokio::test]
async fn a_large_history_comes_back_byte_for_byte() {
    let (far_end, world) = before_far_end().await;
    let text = "é\u{1F600} \"quoted\" ".repeat(60_000);
    // Spaces, a number as watermark and unknown fields: what is only passed on is not written anew.
    let set = format!(
        "{{ \"activities\" : [{}] ,\"watermark\":10, \"unknown\":{{}} }}",
        json!({"type": "message", "id": "a|1", "text": text})
    );
    let raw = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{set}", set.len());
    let answer = get(&world, "conversations/abc/activities", &[]);
    let (answer, _) = tokio::join!(answer, far_end.answer(raw.as_bytes()));
    assert!(answer.body == set.as_bytes(), "{} bytes of {}", answer.body.len(), set.len());
}

async fn read_body(reader: &mut (impl tokio::io::AsyncRead + Unpin), length: usize, chunked: bool) {
    let mut read = 0;
    while chunked && read < length {
        read += read_chunk(reader).await.len();
    }
    if !chunked {
        let mut body = vec![0; length];
        read = reader.read_exact(&mut body).await.unwrap();
    }
    assert_eq!(read, length);
}
