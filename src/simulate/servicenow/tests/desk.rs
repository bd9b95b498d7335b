use super::*;

#[tokio::test]
async fn the_desk_serves_a_chat_from_another_origin() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    let api = |path: &str| format!("{}/desk/api/{path}", bench.servicenow.url());
    let answer = bench.client.get(api("chats")).send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let chats = json_of(answer).await;
    let id = chats["chats"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(chats["chats"][0]["standing"], "queued");
    assert_eq!(chats["chats"][0]["history"], json!([]), "only the open chat is sent whole");

    let act = async |act: &str, body: Value| {
        let call = bench.client.post(api(&format!("chats/{id}/{act}"))).body(body.to_string());
        json_of(call.send().await.unwrap()).await["status"].clone()
    };
    assert_eq!(act("accept", json!({"agent": "Ana Agent"})).await, 200);
    assert_eq!(act("typing", json!({"on": true})).await, 200);
    assert_eq!(act("say", json!({"text": "Hello"})).await, 200);
    assert_eq!(act("system", json!({"text": "Transferred."})).await, 200);
    assert_eq!(act("end", json!({})).await, 200);
    let open = json_of(bench.client.get(api(&format!("chats?open={id}"))).send().await.unwrap()).await;
    assert_eq!(open["chats"][0]["history"][0]["value"], "What is it about?");
    assert_eq!(open["chats"][0]["lines"].as_array().unwrap().len(), 4);
    assert_eq!(open["chats"][0]["lines"][1]["mark"], "sent");
}

#[tokio::test]
async fn a_preflight_is_allowed() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let url = format!("{}/desk/api/chats/x/say", bench.servicenow.url());
    let answer = bench.client.request(reqwest::Method::OPTIONS, url).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(answer.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
}

#[tokio::test]
async fn the_page_knows_where_the_instance_is() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let answer = bench.client.get(format!("{}/desk", bench.servicenow.url())).send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(!answer.text().await.unwrap().contains("__SERVICENOW_URL__"));
    assert!(desk_page("http://127.0.0.1:9/").contains("http://127.0.0.1:9"));
}

#[tokio::test]
async fn every_sample_can_be_sent() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.accept("s1", "Ana Agent").await;
    for sample in samples::all() {
        let before = bench.receiver.bodies().len();
        let result = bench.servicenow.send_sample("s1", sample.name).await.unwrap();
        assert_eq!(result.status, Some(200), "{}", sample.name);
        let sent = &bench.receiver.bodies()[before..];
        assert_eq!(sent.len(), sample.bodies.len(), "{}", sample.name);
        assert!(sent.iter().all(|body| body["clientSessionId"] == "s1" && body["userId"] == "u1"));
    }
    assert!(bench.servicenow.send_sample("s1", "nothing of the kind").await.is_none());
}

#[tokio::test]
async fn the_pictures_of_prepared_messages_are_there() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.accept("s1", "Ana Agent").await;
    for name in ["image", "carousel", "picker with a card"] {
        bench.servicenow.send_sample("s1", name).await.unwrap();
        let sent = bench.receiver.bodies().last().unwrap().to_string();
        assert!(!sent.contains("images.example.com"), "{sent}");
        let root = format!("{}/pictures/", bench.servicenow.url());
        let pictures: Vec<&str> = sent.split(&root).skip(1).collect();
        assert!(!pictures.is_empty(), "{sent}");
        for picture in pictures {
            let file = picture.split_once(".png").unwrap().0;
            let answer = bench.client.get(format!("{root}{file}.png")).send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["content-type"]),
                (200, &"image/png".parse().unwrap())
            );
        }
    }
}
