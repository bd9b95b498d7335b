//! Requests and failures, before the documented function and before ours. What is about time stands with `agent_turn`.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{copilot::CopilotOptions, faults::Fault};

use crate::relay::{
    run,
    stage::{Stage, ask},
};

type Headers<'a> = &'a [(&'a str, &'a str)];

/// A situation: what is sent beside the conversation's id, what Direct Line does, and both answers.
struct Situation<'a> {
    headers: Headers<'a>,
    fault: Option<Fault>,
    original: (u16, &'a [&'a str]),
    ours: (u16, &'a [&'a str]),
}

#[test]
fn requests_and_failures_are_answered_as_the_documented_function_answers_them_or_better() {
    let right: Headers<'_> =
        &[("authorization", "Bearer SECRET"), ("conversationid", "ID"), ("watermark", "0")];
    let get = || Fault::on("GET", "/activities");
    let refused =
        |headers, original, ours| Situation { headers, fault: None, original: (original, &[]), ours };
    let failing = |fault, original, ours| Situation { headers: right, fault: Some(fault), original, ours };
    let situations = [
        Situation {
            headers: right,
            fault: None,
            original: (200, &["one", "two"]),
            ours: (200, &["one", "two"]),
        },
        refused(&[("conversationid", "ID"), ("watermark", "0")], 400, (400, &[])),
        refused(
            &[("authorization", "Basic dTpw"), ("conversationid", "ID"), ("watermark", "0")],
            400,
            (400, &[]),
        ),
        refused(&[("authorization", "Bearer SECRET"), ("watermark", "0")], 400, (400, &[])),
        refused(&[("authorization", "Bearer SECRET"), ("conversationid", "ID")], 400, (400, &[])),
        refused(
            &[("authorization", "Bearer wrong"), ("conversationid", "ID"), ("watermark", "0")],
            403,
            (403, &[]),
        ),
        refused(
            &[("authorization", "Bearer SECRET"), ("conversationid", "none-eu"), ("watermark", "0")],
            404,
            (404, &[]),
        ),
        refused(
            &[("dlsecret", "SECRET"), ("conversationid", "ID"), ("watermark", "0")],
            400,
            (200, &["one", "two"]),
        ),
        failing(get().status(500).times(20), (500, &[]), (500, &[])),
        failing(get().status(503).once(), (503, &[]), (200, &["one", "two"])),
        failing(get().status(429).header("Retry-After", "1").once(), (429, &[]), (200, &["one", "two"])),
        failing(get().drop_connection().once(), (500, &[]), (200, &["one", "two"])),
    ];
    run(async {
        let stage = Stage::start_with(CopilotOptions::default(), &[]).await;
        assert_eq!(situations.len(), 12, "and 81 about time");
        for Situation { headers, fault, original, ours } in situations {
            let conversation = stage.conversation().await;
            stage.user_says(&conversation, "silence").await;
            stage.agent_says(&conversation, "one");
            stage.agent_says(&conversation, "two");
            let secret = stage.studio.secret();
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.replace("SECRET", secret).replace("ID", &conversation)))
                .collect();
            let bend = || {
                stage.studio.faults().clear();
                fault.clone().map(|fault| stage.studio.faults().add(fault));
            };
            bend();
            let (status, body) = documented(&stage, &headers).await;
            assert_eq!((status, said(&body)), (original.0, original.1.to_vec()), "{headers:?} {fault:?}");
            bend();
            let request =
                headers.iter().fold(stage.request(), |request, (name, value)| request.header(*name, value));
            let turn = ask(request).await;
            assert_eq!((turn.status, said(&turn.body)), (ours.0, ours.1.to_vec()), "{headers:?} {fault:?}");
            if status == 400 && turn.status == 400 {
                assert_eq!(turn.body, body, "to the letter");
            }
            if status != 200 && turn.status != 200 {
                assert!(turn.body["error"].is_object(), "never a string inside a string: {}", turn.raw);
            }
        }
    });
}

/// The documented function, as its source says: checks three headers, reads once, and passes on what it got. Its wait would bring
/// nothing: all has been said.
async fn documented(stage: &Stage, headers: &[(&str, String)]) -> (u16, Value) {
    let given = |name: &str| headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_str());
    let bad = |message: &str| (400, json!({"error": {"code": "BadArgument", "message": message}}));
    let Some(authorization) = given("authorization").filter(|value| value.starts_with("Bearer ")) else {
        return bad("Authorization header with Bearer token is required");
    };
    let Some(conversation) = given("conversationid") else { return bad("Conversation ID is missing.") };
    let Some(watermark) = given("watermark") else { return bad("Watermark is missing.") };
    let url = format!(
        "{}v3/directline/conversations/{conversation}/activities?watermark={watermark}",
        stage.studio.url()
    );
    let Ok(answer) = stage.http.get(url).header("authorization", authorization).send().await else {
        return (500, json!({"error": "Error: socket hang up"}));
    };
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    match status {
        200 => (200, serde_json::from_str(&text).unwrap()),
        _ => (status, json!({"error": text})),
    }
}

fn said(body: &Value) -> Vec<&str> {
    let activities = body["activities"].as_array().into_iter().flatten();
    let texts = activities.filter(|one| one["type"] == "message" && one["from"]["role"] == "bot");
    texts.map(|one| one["text"].as_str().unwrap()).collect()
}
