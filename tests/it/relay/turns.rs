//! What a turn holds and what ends it.

use std::time::Duration;

use serde_json::json;
use servicenow_handoff::simulate::{copilot::CopilotOptions, faults::Fault};

use crate::{
    eventually::found,
    relay::{
        run,
        stage::{NEVER_QUIET, Stage},
    },
};

#[test]
fn the_answer_is_direct_lines_own_to_the_byte() {
    run(async {
        let stage = Stage::start(&[]).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "What is the plan?").await;
        let turn = stage.relay(&conversation, "0").await;
        let url = format!("{}v3/directline/conversations/{conversation}/activities", stage.studio.url());
        let own = stage.http.get(url).bearer_auth(stage.studio.secret()).send().await.unwrap();
        assert_eq!(turn.raw, own.text().await.unwrap());
        let kinds: Vec<_> = turn.activities().iter().map(|one| one["type"].as_str().unwrap()).collect();
        assert!(kinds.contains(&"trace") && kinds.contains(&"event"), "{kinds:?}");
        assert_eq!(turn.activities().last().unwrap()["from"]["role"], "user", "the echo is in it");
    });
}

#[test]
fn an_agent_that_was_done_before_the_call_is_not_waited_for() {
    run(async {
        let stage = Stage::start(&[("RELAY_QUIET", "200")]).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "policy").await;
        let polls = stage.studio.faults().add(Fault::on("GET", "/activities"));
        // So long has the agent been silent then.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let turn = stage.relay(&conversation, "0").await;
        assert!(!turn.said().is_empty());
        let polls = stage.studio.faults().hits(polls);
        assert!(polls <= 2, "{polls} polls");
    });
}

#[test]
fn a_question_needs_no_more_than_one_quiet_poll() {
    run(async {
        let stage = Stage::start(&NEVER_QUIET).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "store hours").await;
        let turn = stage.relay(&conversation, "0").await;
        assert_eq!(turn.said(), ["I can look that up.", "Which store do you mean?"]);
        assert!(turn.is_ended_by_what_came(), "{} ms", turn.millis());
    });
}

#[test]
fn a_hand_off_is_answered_at_once_in_the_shape_a_script_include_reads() {
    run(async {
        let stage = Stage::start(&NEVER_QUIET).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "agent").await;
        let turn = stage.relay(&conversation, "0").await;
        assert!(turn.is_ended_by_what_came(), "{} ms", turn.millis());
        assert_eq!(turn.said(), ["Connecting you to a person…"]);
        let connects = |one: &serde_json::Value| one["type"] == "event" && one["name"] == "handoff.initiate";
        assert!(turn.activities().iter().any(connects), "{}", turn.raw);
        let event = turn.activities().iter().find(|one| connects(one)).unwrap();
        assert_eq!(event["attachments"][0]["name"], "Transcript");
        assert_eq!(event["value"]["va_AgentMessage"], "The user asked for a person.");
    });
}

#[test]
fn other_hand_offs_and_the_end_of_a_conversation_are_answered_at_once() {
    run(async {
        let events = ("HANDOFF_EVENTS", "CallAPerson,handoff.initiate");
        let stage = Stage::start(&[&NEVER_QUIET[..], &[events]].concat()).await;
        for last in [
            json!({"type": "event", "name": "CallAPerson"}),
            json!({"type": "handoff", "value": {}}),
            json!({"type": "endOfConversation"}),
            json!({"type": "event", "name": "EscalateToHuman"}),
        ] {
            let conversation = stage.conversation().await;
            stage.user_says(&conversation, "silence").await;
            stage.agent_says(&conversation, "Wait a moment.");
            stage.agent(&conversation, last.clone());
            let turn = stage.relay(&conversation, "0").await;
            assert!(turn.is_ended_by_what_came(), "{last}: {} ms", turn.millis());
            assert_eq!(turn.said(), ["Wait a moment."], "{last}");
            assert_eq!(turn.activities().last().unwrap()["type"], last["type"]);
        }
    });
}

#[test]
fn a_trace_that_speaks_of_a_hand_off_is_none() {
    run(async {
        let stage = Stage::start(&[]).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "supervisor").await;
        let turn = stage.relay(&conversation, "0").await;
        assert_eq!(turn.said(), ["Handing over to a person is not set up for this agent."]);
    });
}

#[test]
fn an_echo_and_diagnostics_are_no_answer() {
    run(async {
        let stage = Stage::start(&[]).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "silence").await;
        stage.agent(&conversation, json!({"type": "trace", "name": "SessionInfo", "value": {}}));
        stage.agent(&conversation, json!({"type": "event", "name": "DialogTracing", "value": {}}));
        stage.agent_will_say(&conversation, &[(1_200, "At last.")]);
        let turn = stage.relay(&conversation, "0").await;
        assert_eq!(turn.said(), ["At last."]);
        assert!(turn.millis() >= 1_200);
        assert!(turn.activities().len() >= 4, "and yet they are passed on: {}", turn.raw);
    });
}

#[test]
fn what_was_seen_is_passed_on_and_nothing_seen_keeps_the_watermark() {
    run(async {
        let stage = Stage::start(&[("RELAY_MAX_WAIT", "700")]).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "silence").await;
        let turn = stage.relay_in_time(&conversation, "0", None).await;
        assert!(
            turn.said().is_empty() && turn.activities().last().unwrap()["text"] == "silence",
            "{}",
            turn.raw
        );
        assert!(turn.millis() >= 700, "{} ms", turn.millis());
        let silent = stage.relay_in_time(&conversation, turn.watermark(), None).await;
        assert_eq!(silent.raw, format!(r#"{{"activities":[],"watermark":"{}"}}"#, turn.watermark()));
        stage.agent_says(&conversation, "Now I know.");
        let next = stage.relay_in_time(&conversation, silent.watermark(), None).await;
        assert_eq!(next.said(), ["Now I know."]);
    });
}

#[test]
fn a_late_part_of_the_turn_before_is_delivered_but_does_not_end_this_one() {
    run(async {
        let stage = Stage::start(&[]).await;
        let conversation = stage.conversation().await;
        stage.user_says(&conversation, "policy").await;
        let first = stage.relay(&conversation, "0").await;
        stage.agent_said(&conversation, "One thing more.");
        stage.user_says(&conversation, "silence").await;
        stage.agent_will_say(&conversation, &[(1_500, "The answer.")]);
        let second = stage.relay(&conversation, first.watermark()).await;
        assert_eq!(second.said(), ["One thing more.", "The answer."]);
    });
}

#[test]
fn a_wait_is_the_least_time_of_a_turn_and_lengthens_patience() {
    run(async {
        let stage = Stage::start(&[("RELAY_MAX_WAIT", "500"), ("RELAY_QUIET", "400")]).await;
        let (conversation, turn) = found("a turn that holds what is said within the wait", async || {
            let conversation = stage.conversation().await;
            stage.user_says(&conversation, "silence").await;
            stage.agent_will_say(&conversation, &[(300, "one"), (2_000, "two")]);
            let turn = stage.relay_waiting(&conversation, "0", Some("3000")).await;
            assert!(turn.millis() >= 3_000, "{} ms", turn.millis());
            // On a busy machine the agent may speak late.
            (turn.said() == ["one", "two"]).then_some((conversation, turn))
        })
        .await;

        for ignored in ["soon", "-1", "0"] {
            let turn = stage.relay_in_time(&conversation, turn.watermark(), Some(ignored)).await;
            assert!(turn.activities().is_empty(), "{ignored}");
        }
    });
}

#[test]
fn a_turn_of_many_pages_is_one_set() {
    run(async {
        let options = CopilotOptions { page_limit: Some(2), ..CopilotOptions::default() };
        let stage = Stage::start_with(options, &[]).await;
        let conversation = stage.conversation().await;
        for n in 0..9 {
            stage.agent_says(&conversation, &format!("part {n}"));
        }
        let turn = stage.relay(&conversation, "0").await;
        assert_eq!(turn.said(), (0..9).map(|n| format!("part {n}")).collect::<Vec<_>>());
        let next = stage.relay_waiting(&conversation, turn.watermark(), None);
        stage.agent_says(&conversation, "next");
        assert_eq!(next.await.said(), ["next"]);
    });
}

#[test]
fn equal_words_are_said_as_often_as_they_were() {
    run(async {
        let stage = Stage::start(&NEVER_QUIET).await;
        let conversation = stage.conversation().await;
        stage.agent_will_ask(&conversation, &[(100, "yes"), (400, "yes"), (700, "yes")]);
        assert_eq!(stage.relay(&conversation, "0").await.said(), ["yes", "yes", "yes"]);
    });
}
