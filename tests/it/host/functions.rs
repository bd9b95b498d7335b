//! Each function folder does its work through the host, in both modes.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::host::{
    BOTH_MODES,
    front::Mode,
    model::Host,
    run,
    stage::{PUBLIC_URL, SECONDARY_TOKEN, Stage},
    timer::Firing,
};

#[test]
fn the_relay_collects_a_turn() {
    run(async {
        for mode in BOTH_MODES {
            let stage = Stage::start().await;
            let host = stage.host(mode).await;
            let direct_line = |path: &str, body: Value| {
                let url = format!("{}v3/directline/{path}", stage.copilot.url());
                let post = reqwest::Client::new().post(url).bearer_auth(stage.copilot.secret());
                answer(post.header("content-type", "application/json").body(body.to_string()))
            };
            let opened = direct_line("conversations", json!({})).await;
            let conversation = opened["conversationId"].as_str().unwrap();
            let said = json!({"type": "message", "text": "hello there", "from": {"id": "dl_ada"}});
            direct_line(&format!("conversations/{conversation}/activities"), said).await;
            let relay = host.request("GET", "/api/relayToDirectLine");
            let relay = relay.header("dlsecret", stage.copilot.secret()).header("watermark", "0");
            let set = answer(relay.header("conversationid", conversation)).await;
            let texts = set["activities"].as_array().unwrap().iter().map(|activity| &activity["text"]);
            assert!(texts.into_iter().any(|text| text == "You said: hello there"), "{mode:?}: {set}");
        }
    });
}

#[test]
fn the_secondary_bot_answers_and_takes_files() {
    run(async {
        for mode in BOTH_MODES {
            let stage = Stage::start().await;
            let host = stage.host(mode).await;
            let file =
                Part::bytes(vec![7; 300_000]).file_name("plan.pdf").mime_str("application/pdf").unwrap();
            let form = Form::new().text("user_id", "ada").text("provider_application_id", "p-1");
            let upload = host.request("POST", "/api/now/v1/cccif/media/upload");
            let upload = upload.header("token", SECONDARY_TOKEN).multipart(form.part("file", file));
            let url = &answer(upload).await["result"]["mediaUrl"];
            let file = json!({"contentType": "application/pdf", "fileName": "plan.pdf", "url": url});
            let said = json!({"requestId": "1", "clientSessionId": "s1", "userId": "ada",
                "message": {"text": "see this", "attachment": file}});
            let ask = host.request("POST", "/api/sn_va_as_service/bot/integration");
            let ask = ask.header("token", SECONDARY_TOKEN).header("content-type", "application/json");
            let answered = answer(ask.body(said.to_string())).await;
            assert_eq!(answered["body"][0]["value"], "You said: see this", "{mode:?}");
            let conversation = stage.copilot.conversations().pop().unwrap();
            let told = stage.copilot.said_to_bot(&conversation);
            assert_eq!(told.last().unwrap()["attachments"][0]["name"], "plan.pdf");
        }
    });
}

#[test]
fn a_file_of_the_persons_comes_by_a_signed_link() {
    run(async {
        for mode in BOTH_MODES {
            let stage = Stage::start().await;
            let host = stage.host(mode).await;
            let mut chat = stage.live_client(&host).await;
            let picture: Vec<u8> = (0..=u8::MAX).cycle().take(500_000).collect();
            let id = stage.desk.add_media("a.png", "image/png", picture.clone());
            let address = format!("{}/sys_attachment.do?sys_id={id}", stage.desk.url());
            let body = json!({"body": [{"uiType": "OutputImage", "value": address, "altText": "a picture",
                "messageId": "m1", "agentInfo": {"sentFromAgent": true, "agentName": "Ana Agent"}}]});
            stage.desk.send(chat.conversation(), body).await;
            let shown = |a: &Value| a["channelData"]["servicenow"]["messageId"] == "m1";
            chat.see("the picture", shown).await.unwrap();
            let attachment = &chat.received.iter().find(|a| shown(a)).unwrap()["attachments"][0];
            let link =
                attachment["contentUrl"].as_str().or(attachment["content"]["images"][0]["url"].as_str());
            let path = link.unwrap().strip_prefix(PUBLIC_URL).unwrap();
            let file = host.request("GET", path).send().await.unwrap();
            assert_eq!(file.status(), 200, "{mode:?}");
            assert_eq!(file.bytes().await.unwrap(), picture);
        }
    });
}

#[test]
fn a_body_without_a_length_arrives_where_the_host_streams_and_is_lost_where_it_rebuilds() {
    run(async {
        for (mode, status) in [(Mode::Proxy, 200), (Mode::Forward, 400)] {
            let stage = Stage::start().await;
            let host = stage.host(mode).await;
            let pieces = ["{", "}"].map(Ok::<_, std::io::Error>);
            let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
            let post = host.request("POST", "/api/servicenow/responses").header("token", "in").body(body);
            assert_eq!(post.send().await.unwrap().status(), status, "{mode:?}");
        }
    });
}

#[test]
fn what_the_host_adds_can_come_from_the_client_and_proves_nothing() {
    run(async {
        for mode in BOTH_MODES {
            let host = Host::start_in(mode, &[]).await;
            let forged =
                ["x-azure-functions-invocationid", "x-azure-functions-hostversion", "x-ms-invocation-id"];
            let request = |path: &str| {
                let request = host.request("POST", path);
                forged.iter().fold(request, |request, name| request.header(*name, "forged"))
            };
            let refused = request("/api/servicenow/responses").body("{}").send().await.unwrap();
            assert_eq!(refused.status(), 503, "{mode:?}");
            assert_eq!(request("/sweep").send().await.unwrap().status(), 404, "{mode:?}");
        }
    });
}

#[test]
fn the_timer_is_answered_however_it_fires() {
    run(async {
        let stage = Stage::start().await;
        let host = stage.host(Mode::Proxy).await;
        for firing in [Firing::OnTime, Firing::PastDue, Firing::WithoutHistory] {
            host.fire_timer_as(firing, "sweep").await.unwrap();
        }
        stage.desk.faults().set_down(true);
        host.fire_timer("sweep").await.unwrap();
    });
}

/// The JSON of a good answer.
async fn answer(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}
