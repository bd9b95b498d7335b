//! Webhook bodies: read, understood, decided about, shown, stored, and answered.

use serde_json::{Value, json};
use servicenow_handoff::{
    session::{Command, Fact, Opening},
    simulate::servicenow::samples,
    wire::virtual_agent::{request::Request, response::Response},
};

use crate::{
    fuzz::{bend, run},
    pure::Talk,
};

#[test]
fn any_webhook_body_is_heard_shown_and_stored() {
    let known = known();
    let words = bend::words(&known);
    let case = |random: &mut bend::Random| {
        let mut body = random.pick(&known).clone();
        // Elements of several bodies in one.
        if let (true, Value::Array(more)) = (random.one_in(3), random.pick(&known)["body"].clone())
            && let Some(items) = body["body"].as_array_mut()
        {
            items.extend(more);
        }
        bend::bend(&mut body, &words, random);
        bend::bytes(&body, random)
    };
    run("webhooks", case, |input, random| {
        let Ok(response) = Response::parse(input) else { return };
        let mut talk = match random.below(3) {
            0 => Talk::waiting(Opening::Start),
            _ => Talk::live(),
        };
        let first = talk.hear(response.clone());
        for activity in &first.activities {
            assert!(activity["id"].is_string() && activity["type"].is_string(), "{activity}");
        }
        for fact in &first.facts {
            let stored = serde_json::to_string(fact).expect("a fact is stored as JSON");
            serde_json::from_str::<Fact>(&stored).expect("and read again");
        }
        let again = talk.hear(response);
        let keyed = |fact: &Fact| matches!(fact, Fact::AgentSaid(said) if said.keys().next().is_some());
        assert!(!again.facts.iter().any(keyed), "what has a key is news once");
        talk.on(Command::Fetched { up_to: talk.state.position });
        talk.deliver();
    });
}

#[test]
fn any_request_of_a_primary_bot_is_read() {
    let known = examples("request-");
    let words = bend::words(&known);
    let case = |random: &mut bend::Random| {
        let mut body = random.pick(&known).clone();
        bend::bend(&mut body, &words, random);
        bend::bytes(&body, random)
    };
    run("requests", case, |input, _| {
        let Ok(mut request) = Request::parse(input) else { return };
        // Close to 1970, milliseconds are taken for seconds.
        (request.timestamp, request.history) = (None, vec![]);
        let written = request.to_bytes();
        let again = Request::parse(&written).expect("what we write is a request");
        let rewritten = again.to_bytes();
        assert!(rewritten == written, "{}", String::from_utf8_lossy(&rewritten));
    });
}

/// The documented webhooks, and what else the simulated instance can send.
fn known() -> Vec<Value> {
    let mut known = examples("webhook-");
    known.extend(examples("element-").into_iter().map(|element| json!({"body": [element]})));
    known.extend(samples::all().into_iter().flat_map(|sample| sample.bodies));
    let agent =
        json!({"sentFromAgent": true, "agentName": "Ana", "agentId": "a", "agentAvatar": "a.iix?t=small"});
    let said = json!({"uiType": "OutputText", "value": "Hi", "messageId": "m", "agentInfo": agent});
    known.push(json!({"agentChat": true, "score": "0.5", "body": [said, {"uiType": "Hologram", "messageId": "n", "agentInfo": agent}]}));
    known
}

fn examples(prefix: &str) -> Vec<Value> {
    crate::pure::examples(prefix).into_iter().map(|(_, example)| example).collect()
}
