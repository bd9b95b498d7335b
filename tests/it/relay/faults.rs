//! Direct Line fails, refuses, or is not there.

use actix_web::rt;
use futures_util::future::join_all;
use serde_json::json;
use servicenow_handoff::simulate::faults::Fault;

use crate::{
    eventually::{PATIENCE, eventually},
    relay::{
        run,
        stage::{NEVER_QUIET, Stage, ask},
    },
};

#[test]
fn what_passes_is_tried_again_within_the_turn() {
    run(async {
        let get = || Fault::on("GET", "/activities");
        join_all(
            [
                get().times(2).status(503),
                get().times(2).status(500),
                get().once().status(502).body(json!({"error": {"code": "BotError", "message": "x"}})),
                get().once().status(429).header("Retry-After", "1"),
                get().once().status(408),
                get().times(2).drop_connection(),
                get().skip(1).times(2).drop_connection(),
                get().skip(1).once().status(504).after_processing(),
                get().once().status(200).body(json!("no activity set")),
            ]
            .map(async |fault| {
                let stage = Stage::start(&NEVER_QUIET).await;
                let conversation = stage.conversation().await;
                let id = stage.studio.faults().add(fault.clone());
                stage.agent_says(&conversation, "one");
                stage.agent_will_ask(&conversation, &[(300, "two")]);
                let turn = stage.relay(&conversation, "0").await;
                assert_eq!((turn.status, turn.said()), (200, vec!["one", "two"]), "{fault:?}");
                assert!(stage.studio.faults().hits(id) > 0, "{fault:?}");
                if fault.status == Some(429) {
                    assert!(turn.millis() >= 1_000, "the wait that was asked for: {} ms", turn.millis());
                }
            }),
        )
        .await;
    });
}

#[test]
fn a_refusal_is_passed_on_at_once_with_its_status_and_body() {
    run(async {
        let stage = Stage::start(&[]).await;
        let unknown = stage.relay("nobody-eu", "0").await;
        assert_eq!(unknown.status, 404);
        assert!(unknown.body["error"]["code"].is_string(), "{}", unknown.raw);

        let conversation = stage.conversation().await;
        let stranger = stage.request().header("dlsecret", "wrong-secret");
        let stranger = stranger.header("conversationid", &conversation).header("watermark", "0");
        let stranger = ask(stranger).await;
        assert_eq!(stranger.status, 403);
        assert!(stranger.body["error"].is_object(), "no string inside a string: {}", stranger.raw);
        assert!(!stranger.raw.contains("wrong-secret"));

        let told = json!({"error": {"code": "SomethingElse", "message": "as it came"}});
        let fault = stage.studio.faults().add(Fault::on("GET", "/activities").status(400).body(told.clone()));
        let refused = stage.relay(&conversation, "0").await;
        assert_eq!((refused.status, refused.body), (400, told));
        assert_eq!(stage.studio.faults().hits(fault), 1, "it is told at once");
    });
}

#[test]
fn a_fault_that_stays_for_five_seconds_is_told() {
    run(async {
        let stage = Stage::start(&[]).await;
        let conversation = stage.conversation().await;
        let told = json!({"error": {"code": "ServiceError", "message": "as it came"}});
        stage.studio.faults().add(Fault::on("GET", "/activities").status(500).body(told.clone()));
        let failed = stage.relay(&conversation, "0").await;
        assert_eq!((failed.status, failed.body), (500, told));
        assert!(failed.lasted.as_millis() >= 4_900, "{:?}", failed.lasted);
    });
}

#[test]
fn a_fault_that_stays_is_told_when_patience_ends() {
    run(async {
        let stage = Stage::start(&[("RELAY_MAX_WAIT", "1000")]).await;
        let conversation = stage.conversation().await;
        let told = json!({"error": {"code": "ServiceError", "message": "as it came"}});
        stage.studio.faults().add(Fault::on("GET", "/activities").status(500).body(told.clone()));
        let failed = stage.relay_in_time(&conversation, "0", None).await;
        assert_eq!((failed.status, failed.body), (500, told));
        assert!(failed.lasted.as_millis() >= 900, "{:?}", failed.lasted);

        stage.studio.faults().clear();
        stage.studio.faults().add(Fault::on("GET", "/activities").status(429).header("Retry-After", "60"));
        let throttled = stage.relay_in_time(&conversation, "0", None).await;
        assert_eq!((throttled.status, throttled.retry_after.as_deref()), (429, Some("60")));

        stage.studio.faults().clear();
        stage.studio.faults().set_down(true);
        let down = stage.relay(&conversation, "0").await;
        assert_eq!((down.status, &down.body["error"]["code"]), (503, &json!("Unavailable")));
    });
}

#[test]
fn a_fault_at_the_end_of_patience_withholds_nothing_that_was_seen() {
    run(async {
        let stage = Stage::start(&[("RELAY_MAX_WAIT", "2000")]).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "silence").await;
        stage.studio.faults().add(Fault::on("GET", "/activities").skip(1).status(503));
        let turn = stage.relay(&conversation, "0").await;
        assert_eq!((turn.status, turn.said()), (200, vec![]), "{}", turn.raw);
        assert_eq!(turn.activities().last().unwrap()["text"], "silence", "{}", turn.raw);

        stage.studio.faults().clear();
        stage.studio.faults().add(Fault::on("GET", "/activities").skip(1).status(503));
        let nothing = stage.relay(&conversation, turn.watermark()).await;
        assert_eq!(nothing.raw, format!(r#"{{"activities":[],"watermark":"{}"}}"#, turn.watermark()));
    });
}

#[test]
fn what_was_collected_is_delivered_when_direct_line_fails_afterwards() {
    run(async {
        let stage = Stage::start(&[]).await;
        let conversation = stage.conversation().await;
        stage.agent_says(&conversation, "one");
        stage.studio.faults().add(Fault::on("GET", "/activities").skip(1).status(503));
        let turn = stage.relay(&conversation, "0").await;
        assert_eq!((turn.status, turn.said()), (200, vec!["one"]));

        stage.studio.faults().clear();
        stage.agent_says(&conversation, "two");
        assert_eq!(stage.relay(&conversation, turn.watermark()).await.said(), ["two"]);
    });
}

#[test]
fn a_token_that_expires_within_the_turn_loses_nothing_that_was_said() {
    run(async {
        let stage = Stage::start(&NEVER_QUIET).await;
        let opened = stage.post("conversations", &json!({})).await;
        let (id, token) = (opened["conversationId"].as_str().unwrap(), opened["token"].as_str().unwrap());
        let request = || {
            let request = stage.request().bearer_auth(token);
            request.header("conversationid", id).header("watermark", "0")
        };
        stage.agent_says(id, "one");
        let (studio, expiring) = (stage.studio.clone(), id.to_owned());
        let asked = studio.faults().add(Fault::on("GET", "/activities"));
        rt::spawn(async move {
            eventually("the relay asks again", || studio.faults().hits(asked) > 1).await;
            studio.expire_tokens(&expiring);
        });
        let turn = ask(request()).await;
        assert_eq!((turn.status, turn.said()), (200, vec!["one"]));
        assert!(turn.is_ended_by_what_came(), "nothing more can come: {:?}", turn.lasted);

        let expired = ask(request()).await;
        assert_eq!((expired.status, &expired.body["error"]["code"]), (403, &json!("TokenExpired")));
    });
}

#[test]
fn a_direct_line_that_hangs_does_not_hold_the_turn_beyond_its_patience() {
    run(async {
        let stage = Stage::start(&[("RELAY_MAX_WAIT", "1500")]).await;
        let conversation = stage.conversation().await;
        stage.studio.faults().add(Fault::on("GET", "/activities").delay(10 * PATIENCE));
        let turn = tokio::time::timeout(PATIENCE, stage.relay(&conversation, "0")).await;
        assert_eq!(turn.expect("an answer").status, 503);
    });
}

#[test]
fn a_direct_line_that_hangs_is_outwaited_for_as_long_as_one_that_fails() {
    run(async {
        let stage = Stage::start(&[("RELAY_MAX_WAIT", "120000")]).await;
        let conversation = stage.conversation().await;
        let polls = stage.studio.faults().add(Fault::on("GET", "/activities").delay(10 * PATIENCE));
        let turn = stage.relay(&conversation, "0").await;
        assert_eq!((turn.status, stage.studio.faults().hits(polls)), (503, 1), "{:?}", turn.lasted);
    });
}
