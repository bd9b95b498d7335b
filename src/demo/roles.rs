//! The two roles in which ServiceNow is the primary bot and the Copilot Studio agent answers, played as it would.

use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{
    FarEnds, SECONDARY_TOKEN, print,
    scripted::{Script, is_text},
};
use crate::simulate::chat_client::{Failure, json_of, message, speaker};

const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const INTEGRATION: &str = "/api/sn_va_as_service/bot/integration";

/// Role 2: ServiceNow opens the conversation and speaks at Direct Line itself, and reads through the relay.
pub(super) async fn relay(root: &str, far_ends: &FarEnds, script: &Script) -> Result<(), Failure> {
    print("\n-- Relay: ServiceNow speaks at Direct Line and reads through /api/relayToDirectLine");
    let copilot = &far_ends.copilot;
    let http = crate::far_end::client_to_here().map_err(|e| e.to_string())?;
    let conversations = format!("{}v3/directline/conversations", copilot.url());
    let opened = json_of(with_json(http.post(&conversations), &json!({})).bearer_auth(copilot.secret()));
    let opened = opened.await?;
    let conversation = opened["conversationId"].as_str().ok_or("Direct Line opened no conversation")?;
    let mut watermark = "0".to_owned();
    for (text, last) in [("slow", "And here is the rest."), ("later", "Can I do anything else for you?")] {
        script.line("user", text, "ServiceNow → bot");
        let say = http.post(format!("{conversations}/{conversation}/activities"));
        json_of(with_json(say, &message(text)).bearer_auth(copilot.secret())).await?;
        let start = Instant::now();
        let mut heard = false;
        while !heard {
            if start.elapsed() > PATIENCE {
                return Err(format!("\"{last}\" did not come through the relay"));
            }
            let turn = http.get(format!("{root}/api/relayToDirectLine")).header("dlsecret", copilot.secret());
            let turn = turn.header("conversationid", conversation).header("watermark", &watermark);
            let set = json_of(turn).await?;
            watermark = set["watermark"].as_str().ok_or("the relay gave no watermark")?.to_owned();
            for activity in set["activities"].as_array().into_iter().flatten() {
                if is_text(activity) && speaker(activity) == "bot" {
                    let text = activity["text"].as_str().unwrap_or_default();
                    script.line("bot", text, "bot → ServiceNow");
                }
                heard |= activity["text"] == last;
            }
        }
    }
    Ok(())
}

/// Role 3: the connector answers a primary bot as a Virtual Agent would.
pub(super) async fn secondary_bot(root: &str, script: &Script) -> Result<(), Failure> {
    print(&format!("\n-- Secondary bot: a primary bot asks {INTEGRATION}"));
    let primary =
        Primary { http: crate::far_end::client_to_here().map_err(|e| e.to_string())?, root, script };
    let start = json!({"action": "START_CONVERSATION"});
    said(&primary.ask("1", &start).await?, "the greeting", "What can I do for you?")?;
    said(&primary.says("2", "Store hours").await?, "the bot's question", "Which store do you mean?")?;
    said(&primary.says("3", "Oslo").await?, "the answer to the choice", "The store in Oslo is open")?;
    let answer = primary.says("4", "I want to talk to a person").await?;
    if answer["takeControl"] != true {
        return Err("the escalation did not come back as takeControl".to_owned());
    }
    print("-- takeControl: the primary bot goes on by itself");
    Ok(())
}

struct Primary<'a> {
    http: reqwest::Client,
    root: &'a str,
    script: &'a Script,
}

impl Primary<'_> {
    async fn says(&self, id: &str, text: &str) -> Result<Value, Failure> {
        self.script.line("user", text, "primary → bot");
        self.ask(id, &json!({"message": {"text": text, "typed": true}})).await
    }

    async fn ask(&self, id: &str, what: &Value) -> Result<Value, Failure> {
        let mut body = what.clone();
        body["requestId"] = id.into();
        body["clientSessionId"] = "scripted".into();
        body["userId"] = "dana".into();
        let post = self.http.post(format!("{}{INTEGRATION}", self.root)).header("token", SECONDARY_TOKEN);
        let answer = json_of(with_json(post, &body)).await?;
        for text in texts(&answer) {
            self.script.line("bot", text, "bot → primary");
        }
        Ok(answer)
    }
}

fn said(answer: &Value, what: &str, expected: &str) -> Result<(), Failure> {
    let found = texts(answer).any(|text| text.contains(expected));
    if found { Ok(()) } else { Err(format!("{what} did not come from the secondary bot")) }
}

/// What people read in an answer: a text's value, a control's label.
fn texts(answer: &Value) -> impl Iterator<Item = &str> {
    let elements = answer["body"].as_array().into_iter().flatten();
    elements.filter_map(|element| element["value"].as_str().or(element["label"].as_str()))
}

fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header("content-type", "application/json").body(body.to_string())
}
