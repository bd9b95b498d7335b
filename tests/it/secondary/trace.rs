//! Whose words they are is told on both sides: the primary bot's trace goes to Direct Line and comes back with the answer.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use servicenow_handoff::simulate::copilot::{self, CopilotOptions, CopilotStudio};

use crate::secondary::{
    hop,
    world::{Sink, TOKEN, World, to},
};

const THEIRS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHERS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn the_trace_in_client_variables_goes_before_the_one_of_the_call() {
    let stage = Stage::start().await;
    let variables = json!({"traceparent": THEIRS, "more": 1});
    let answer = stage.say(Some(&variables), OTHERS).await;
    assert_eq!(answer["clientVariables"], variables, "they come back as they went");
    stage.all_calls_belong_to(THEIRS);
}

#[tokio::test]
async fn without_one_in_client_variables_it_is_the_trace_of_the_call() {
    for variables in [None, Some(json!({"traceparent": "x".repeat(70_000)})), Some(json!("none"))] {
        let stage = Stage::start().await;
        stage.say(variables.as_ref(), OTHERS).await;
        stage.all_calls_belong_to(OTHERS);
    }
}

struct Stage {
    _copilot: CopilotStudio,
    world: World,
    sink: Sink,
    /// The `traceparent` of each call to Direct Line.
    to_direct_line: Heard,
}

type Heard = Arc<Mutex<Vec<Option<String>>>>;

impl Stage {
    async fn start() -> Self {
        let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
        let (listener, to_direct_line) = listen_before(copilot.url());
        let sink = Sink::open();
        let own = [("DIRECT_LINE_URL", listener.as_str()), ("DIRECT_LINE_SECRET", copilot.secret())];
        let settings: Vec<_> = own.into_iter().chain(to(&sink)).collect();
        let world = World::with(CopilotOptions::default(), &settings).await;
        Self { _copilot: copilot, world, sink, to_direct_line }
    }

    async fn say(&self, variables: Option<&Value>, traceparent: &str) -> Value {
        let mut body =
            json!({"requestId": "r-1", "clientSessionId": "s", "userId": "ada", "message": {"text": "hi"}});
        if let Some(variables) = variables {
            body["clientVariables"] = variables.clone();
        }
        let headers = [("token", TOKEN), ("traceparent", traceparent)];
        assert_eq!(self.world.post(&headers, body.to_string()).await.0, 200);
        self.sink.wait_for(1).await.remove(0)
    }

    /// As a child: same trace, another parent.
    fn all_calls_belong_to(&self, theirs: &str) {
        let calls = [self.to_direct_line.lock().unwrap().clone(), self.sink.traces()];
        for calls in calls {
            assert!(!calls.is_empty());
            for call in calls {
                let call = call.expect("a traceparent");
                assert!(call[..36] == theirs[..36] && call != theirs && call.len() == 55, "{call}");
            }
        }
    }
}

/// A hop before Direct Line that listens for traces.
fn listen_before(direct_line: &str) -> (String, Heard) {
    let heard = Heard::default();
    let (keep, behind) = (heard.clone(), direct_line.trim_end_matches('/').to_owned());
    let listen = move |passed: &hop::Passed<'_>| {
        let trace = passed.request.headers().get("traceparent");
        keep.lock().unwrap().push(trace.map(|trace| trace.to_str().unwrap().to_owned()));
    };
    (format!("{}/", hop::start(move |_| behind.clone(), listen)), heard)
}
