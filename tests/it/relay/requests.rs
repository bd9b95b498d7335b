//! What is asked of us, and what we ask of Direct Line.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::json;

use crate::{
    eventually::found,
    relay::{
        run,
        stage::{Stage, ask, connector},
    },
};

#[test]
fn the_three_documented_refusals_are_theirs_to_the_letter() {
    let secret =
        r#"{"error":{"code":"BadArgument","message":"Authorization header with Bearer token is required"}}"#;
    let conversation = r#"{"error":{"code":"BadArgument","message":"Conversation ID is missing."}}"#;
    let watermark = r#"{"error":{"code":"BadArgument","message":"Watermark is missing."}}"#;
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[], secret),
        (&[("conversationid", "c"), ("watermark", "0")], secret),
        (&[("authorization", "Basic dTpw"), ("conversationid", "c"), ("watermark", "0")], secret),
        (&[("authorization", "Bearer"), ("conversationid", "c"), ("watermark", "0")], secret),
        (&[("authorization", "Bearer s")], conversation),
        (&[("dlsecret", "s"), ("watermark", "0")], conversation),
        (&[("dlsecret", "s"), ("conversationid", ""), ("watermark", "0")], conversation),
        (&[("dlsecret", "s"), ("conversationid", "c")], watermark),
        (&[("authorization", "Bearer s"), ("conversationid", "c"), ("watermark", "")], watermark),
    ];
    run(async {
        let stage = Stage::start(&[]).await;
        for (headers, body) in rows {
            let request =
                headers.iter().fold(stage.request(), |request, (name, value)| request.header(*name, *value));
            let refused = ask(request).await;
            assert_eq!((refused.status, &*refused.raw), (400, body), "{headers:?}");
        }
        assert_eq!(stage.studio.faults().requests(), 0, "Direct Line was not asked");
    });
}

#[test]
fn every_generation_of_the_secrets_header_opens_the_conversation() {
    run(async {
        // What was said before the call ends no turn.
        let stage = Stage::start(&[("RELAY_MAX_WAIT", "1000"), ("RELAY_QUIET", "400")]).await;
        let conversation = stage.conversation().await;
        stage.agent_says(&conversation, "one");
        let secret = stage.studio.secret();
        for (name, value) in [
            ("Authorization", format!("Bearer {secret}")),
            ("AUTHORIZATION", format!("bearer {secret}")),
            ("dlsecret", secret.to_owned()),
            ("DlSecret", format!("Bearer {secret}")),
        ] {
            let turn = found("an answer of Direct Line's in time", async || {
                let request = stage.request().header(name, &value);
                let turn =
                    ask(request.header("ConversationID", &conversation).header("WaterMark", "0")).await;
                (turn.status != 503).then_some(turn)
            })
            .await;
            assert_eq!((turn.status, turn.said()), (200, vec!["one"]), "{name}");
        }
    });
}

#[test]
fn an_id_that_leads_elsewhere_is_refused_before_direct_line_is_asked() {
    run(async {
        let stage = Stage::start(&[]).await;
        let long = "x".repeat(300);
        for trick in ["..", ".", "a/b", "..\\x", "a/../../tokens", &long] {
            let turn = stage.relay(trick, "0").await;
            assert_eq!((turn.status, &turn.body["error"]["code"]), (400, &json!("BadArgument")), "{trick}");
        }
        assert_eq!(stage.studio.faults().requests(), 0);
    });
}

#[test]
fn direct_line_gets_encoded_values_one_header_of_ours_and_the_callers_trace() {
    run(async {
        let heard = Arc::new(Heard::default());
        let url = connector(&far_end(&heard), &[]);
        let request = reqwest::Client::new().get(format!("{url}/api/relayToDirectLine"));
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let request = request
            .header("dlsecret", "the-secret")
            .header("conversationid", "a|b?c#d e")
            .header("watermark", "0/&x=1#2+3")
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
            .header("x-relay-key", "not-asked-for")
            .header("cookie", "ours=1");
        let turn = ask(request).await;
        assert_eq!(turn.raw, r#"{"activities":[{"type":"endOfConversation"}],"watermark":7}"#);
        let heard = heard.lock().unwrap();
        let [(target, headers)] = &heard[..] else { panic!("{} requests", heard.len()) };
        assert_eq!(
            target,
            "/v3/directline/conversations/a|b%3Fc%23d%20e/activities?watermark=0%2F%26x%3D1%232%2B3"
        );
        let value = |name: &str| headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
        assert_eq!(value("authorization"), Some("Bearer the-secret"));
        let traceparent = value("traceparent").unwrap();
        assert_eq!(&traceparent[..36], format!("00-{trace}-"));
        assert_ne!(&traceparent[36..52], "00f067aa0ba902b7", "a span of our own");
        for ours in ["dlsecret", "conversationid", "watermark", "x-relay-key", "cookie"] {
            assert_eq!(value(ours), None);
        }
    });
}

/// Requests: the target, and the headers.
type Heard = Mutex<Vec<(String, Vec<(String, String)>)>>;

/// A Direct Line that notes what it is asked and ends every conversation; its watermark is a number.
fn far_end(heard: &Arc<Heard>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let heard = web::Data::from(Arc::clone(heard));
    let server = HttpServer::new(move || App::new().app_data(heard.clone()).default_service(web::to(note)));
    rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
    url
}

async fn note(request: HttpRequest, heard: web::Data<Heard>) -> HttpResponse {
    let headers = request.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    heard.lock().unwrap().push((request.uri().to_string(), headers));
    HttpResponse::Ok().body(r#"{"activities":[{"type":"endOfConversation"}],"watermark":7}"#)
}
