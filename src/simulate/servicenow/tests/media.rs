use futures_util::StreamExt;
use reqwest::multipart::{Form, Part};
use sha2::{Digest, Sha256};

use super::*;

const UPLOAD: &str = "/api/now/v1/cccif/media/upload";

#[tokio::test]
async fn an_upload_is_streamed_counted_and_served_with_a_login() {
    let options = ServiceNowOptions { basic: Some(("u".into(), "p".into())), ..Default::default() };
    let bench = Bench::start(options).await;
    let bytes: Vec<u8> = (0..300_000u32).flat_map(|number| [number as u8, b'\r', b'\n', b'-']).collect();
    let form = || {
        let file = Part::bytes(bytes.clone()).file_name("shot 1.png").mime_str("image/png").unwrap();
        Form::new().text("user_id", "u1").text("provider_application_id", "app1").part("file", file)
    };
    assert_eq!(post(&bench, form(), None).await.status(), 401);
    let answer = post(&bench, form(), Some("p")).await;
    assert_eq!(answer.status(), 201);
    let result = json_of(answer).await["result"].take();
    assert_eq!((&result["name"], &result["state"]), (&json!("shot 1.png"), &json!("available")));

    let upload = bench.servicenow.uploads().remove(0);
    assert_eq!((upload.user_id.as_str(), upload.provider_application_id.as_deref()), ("u1", Some("app1")));
    assert_eq!((upload.bytes, upload.media_type.as_str()), (bytes.len() as u64, "image/png"));
    assert_eq!(upload.sha256, hex::encode(Sha256::digest(&bytes)));

    let url = result["mediaUrl"].as_str().unwrap();
    assert_eq!(bench.client.get(url).send().await.unwrap().status(), 401);
    let served = bench.client.get(url).basic_auth("u", Some("p")).send().await.unwrap();
    assert_eq!(served.headers()["content-type"], "image/png");
    assert_eq!(served.bytes().await.unwrap(), bytes);
    let by_id = format!("{}/sys_attachment.do?sys_id={}", bench.servicenow.url(), upload.id);
    assert_eq!(bench.client.get(by_id).basic_auth("u", Some("p")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_parts_of_an_upload_must_be_in_order() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let file = || Part::bytes(b"x".as_slice()).file_name("a.txt");
    let wrong = Form::new().part("file", file()).text("user_id", "u1");
    assert_eq!(post(&bench, wrong, None).await.status(), 400);
    let late = Form::new().text("provider_application_id", "a").text("user_id", "u1").part("file", file());
    assert_eq!(post(&bench, late, None).await.status(), 400);
    let least = Form::new().text("user_id", "u1").part("file", file());
    assert_eq!(post(&bench, least, None).await.status(), 201);
}

#[tokio::test]
async fn a_big_upload_is_only_counted() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let (pieces, piece) = (40u64, vec![7u8; 1 << 20]);
    let stream = futures_util::stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let file =
        Part::stream_with_length(reqwest::Body::wrap_stream(stream), pieces << 20).file_name("big.bin");
    let answer = post(&bench, Form::new().text("user_id", "u1").part("file", file), None).await;
    let url = json_of(answer).await["result"]["mediaUrl"].as_str().unwrap().to_owned();
    assert_eq!(bench.servicenow.uploads()[0].bytes, 40 << 20);
    assert_eq!(bench.client.get(url).send().await.unwrap().status(), 410);
}

#[tokio::test]
async fn a_big_file_of_the_agent_is_made_up_as_it_is_served() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let id = bench.servicenow.add_made_media("log.bin", "application/octet-stream", 10_000_001);
    let url = format!("{}/api/now/v1/cs/media/{id}", bench.servicenow.url());
    let served = bench.client.get(url).send().await.unwrap();
    assert_eq!(served.content_length(), Some(10_000_001));
    let (mut total, mut stream) = (0, served.bytes_stream());
    while let Some(chunk) = stream.next().await {
        total += chunk.unwrap().len();
    }
    assert_eq!(total, 10_000_001);
}

#[tokio::test]
async fn an_avatar_is_an_image() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.say("s1", "hello").await;
    let avatar =
        bench.webhooks(1).await[0]["body"][0]["agentInfo"]["agentAvatar"].as_str().unwrap().to_owned();
    let answer = bench.client.get(format!("{}/{avatar}", bench.servicenow.url())).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert!(answer.bytes().await.unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_file_sent_by_the_user_is_downloaded_and_echoed_with_its_headers() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let other = super::super::start(ServiceNowOptions {
        basic: Some(("u".into(), "p".into())),
        ..Default::default()
    });
    let other = other.await.unwrap();
    let id = other.add_media("a.txt", "text/plain", "hello");
    let attachment = json!({"contentType": "text/plain", "fileName": "a.txt",
        "url": format!("{}/api/now/v1/cs/media/{id}", other.url()),
            "headers": {"Authorization": "Basic dTpw"}});
    bench.queue("s1").await;
    let mut file = message("s1", "r1", "");
    file["message"]["attachment"] = attachment.clone();
    bench.post(file).await;
    let fetched =
        |it: &ServiceNow| it.chat("s1").and_then(|chat| chat.lines[0].attachments[0].fetched.clone());
    assert!(bench.servicenow.wait_for(SOON, |it| fetched(it).is_some()).await);
    let fetched = fetched(&bench.servicenow).unwrap();
    assert_eq!((fetched.status, fetched.bytes), (200, 5));
    bench.servicenow.say("s1", "Got it.").await;
    assert_eq!(bench.webhooks(1).await[0]["message"]["attachment"], attachment);
}

async fn post(bench: &Bench, form: Form, password: Option<&str>) -> Response {
    let call = bench.client.post(format!("{}{UPLOAD}", bench.servicenow.url())).multipart(form);
    let call = if password.is_some() { call.basic_auth("u", password) } else { call };
    call.send().await.unwrap()
}
