//! What the log says, and what it never says.

use std::collections::HashSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::sync::OnceCell;

use self::{
    process::{Style, invocation, trace_id},
    stage::Stage,
};

mod process;
mod stage;

#[tokio::test]
async fn nothing_said_and_no_secret_is_in_the_log_at_any_level() {
    for (stage, lines) in [played().await, &Stage::play(Style::Plain).await] {
        let log = lines.join("\n");
        assert!(lines.len() > 20, "hardly anything is logged:\n{log}");
        let never = stage.never();
        assert!(never.len() > 60, "hardly anything was said: {never:?}");
        for words in &never {
            for form in [words.clone(), BASE64_STANDARD.encode(words), escaped(words)] {
                let line = lines.iter().find(|line| line.contains(&form));
                assert!(line.is_none(), "{form:?} is in the log: {line:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_matters_is_one_line_each_with_conversation_and_invocation() {
    let (stage, lines) = played().await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let invocations: HashSet<String> = (1..=stage.requests).map(invocation).collect();
    let id = stage.chat.conversation();
    for (level, words, expected, times) in [
        ("INFO", "asked for a person", id, 2),
        ("INFO", "agent has joined", id, 1),
        ("INFO", "live chat has ended", id, 2),
        ("INFO", "bot is back", id, 2),
        ("WARN", "ServiceNow did not take it; will try again", id, 1),
        ("ERROR", "ServiceNow did not take it; gave up", id, 1),
        ("WARN", "conversation we don't know", "9wVnNoSuch-eu", 1),
    ] {
        let about = |line: &&Value| {
            line["level"] == level && line["message"].as_str().is_some_and(|said| said.contains(words))
        };
        let found: Vec<&Value> = lines.iter().filter(about).collect();
        assert_eq!(found.len(), times, "{words}: {found:?}");
        for line in found {
            assert_eq!(line["conversation.id"], expected, "{line}");
            let invocation = line["span"]["invocation.id"].as_str().unwrap_or_default();
            assert!(invocations.contains(invocation), "of no invocation: {line}");
        }
    }
    for words in ["credential", "not JSON"] {
        let refused = |line: &&Value| line["message"].as_str().is_some_and(|said| said.contains(words));
        assert!(lines.iter().any(|line| refused(&line)), "a wrong set-up is not logged: {words}");
    }
}

#[tokio::test]
async fn a_trace_is_continued_to_both_far_ends() {
    let (stage, _) = played().await;
    let traces: HashSet<String> = (1..=stage.requests).map(trace_id).collect();
    let is_ours = |traceparent: &str| traceparent.get(3..35).is_some_and(|trace| traces.contains(trace));
    let said: Vec<_> =
        stage.servicenow.requests().into_iter().filter(|asked| asked.action.is_empty()).collect();
    assert!(!said.is_empty());
    for asked in said {
        let traceparent = asked.traceparent.unwrap_or_default();
        assert!(is_ours(&traceparent), "{traceparent}");
        assert!(!traceparent.contains("-00f067aa0ba902b7-"), "our own hop has no id of its own");
    }
    let opening = stage.servicenow.requests().remove(0).traceparent.unwrap_or_default();
    assert!(is_ours(&opening), "the opening: {opening}");
    let sent = stage.direct_line.sent();
    let posts = posts(&sent);
    // One while the bot speaks and one after it has come back.
    for words in ["flamingo-1138", "flamingo-2276"] {
        let post = posts.iter().find(|post| post.contains(words)).expect(words);
        let traceparent = post.split_once("traceparent: ").map_or("", |(_, rest)| rest);
        assert!(is_ours(traceparent), "{words}: {traceparent:.60}");
    }
}

#[tokio::test]
async fn an_answer_is_logged_with_the_trace_of_what_it_answers() {
    let (stage, lines) = played().await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |words: &str| {
        let about = |line: &&Value| line["message"].as_str().is_some_and(|said| said.contains(words));
        lines.iter().find(about).unwrap_or_else(|| panic!("{words} is not in the log"))
    };
    let asked = of("asked for a person")["trace.id"].as_str().unwrap_or_default();
    assert!((1..=stage.requests).map(trace_id).any(|trace| trace == asked), "{asked} is no request's");
    let answered: HashSet<&str> = lines.iter().filter_map(|line| line["span"]["trace.id"].as_str()).collect();
    assert!(answered.contains(asked), "no webhook is logged with {asked}: {answered:?}");
    assert_eq!(of("ServiceNow took the request")["trace.id"], asked);
}

/// It as the Functions host gets it: once for all who read in it.
async fn played() -> &'static (Stage, Vec<String>) {
    static PLAYED: OnceCell<(Stage, Vec<String>)> = OnceCell::const_new();
    PLAYED.get_or_init(|| Stage::play(Style::Json)).await
}

/// The requests that post an activity, body included.
fn posts(sent: &str) -> Vec<&str> {
    sent.split("POST /v3/directline/").skip(1).filter(|post| post.contains("/activities HTTP/1.1")).collect()
}

/// As a JSON log would write it.
fn escaped(words: &str) -> String {
    serde_json::to_string(words).unwrap().trim_matches('"').to_owned()
}
