//! Direct Line's ids begin anew after a pause, and an event may have none.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    domain::HistoryLine,
    far_end::testing::{FarEnd, Reply},
    handoff::{Asked, BotWords, Caller, Client, Source, tests::instance_with},
    ledger::journal::MemoryJournal,
    session::{
        Fact,
        tests::chat::{START, conversation},
    },
    wire::activity::ActivitySet,
};

fn said(number: u8, who: &str, text: &str, second: i64) -> Value {
    json!({"type": "message", "id": format!("c|{number:07}"), "text": text, "timestamp": at(second),
        "from": {"id": who, "role": who}})
}

fn at(second: i64) -> String {
    START.plus_millis(second * 1_000).rfc3339()
}

/// Some of the words that stand before a pause, under ids that come again.
fn old() -> Vec<Value> {
    let who = |number| if number % 2 == 1 { "user" } else { "bot" };
    (0..9).map(|number| said(number, who(number), &format!("old {number}"), i64::from(number))).collect()
}

/// A conversation's hand-off, with words behind it.
fn new(event_id: Option<&str>) -> Vec<Value> {
    let mut event = json!({"type": "event", "name": "handoff.initiate", "timestamp": at(913), "replyToId": "c|0000001",
        "from": {"id": "bot", "role": "bot"}, "value": {}});
    event["id"] = event_id.into();
    vec![
        said(0, "bot", "welcome back", 910),
        said(2, "bot", "connecting", 912),
        said(1, "user", "agent", 911),
        event,
        said(4, "user", "behind four", 920),
        said(5, "user", "behind five", 921),
        said(7, "user", "behind seven", 922),
    ]
}

struct HandedOver {
    history: Vec<String>,
    to_agent: Vec<String>,
    reloaded: Vec<String>,
}

/// `batch`: what brought the event, of all that Direct Line has.
async fn handed_over(all: Vec<Value>, batch: &[Value]) -> HandedOver {
    let set = json!({"activities": all, "watermark": "w"});
    let direct_line = FarEnd::start(move |heard, _| match heard.target.rsplit_once('=') {
        None => Reply::json(200, &set),
        Some(_) => Reply::json(200, &json!({"activities": [], "watermark": "w"})),
    });
    let store = MemoryJournal::default();
    let here = instance_with(&store, direct_line.url.as_str(), ("DIRECT_LINE_SECRET", "a-secret"));
    let id = conversation();
    let set = json!({"activities": batch, "watermark": "w"}).to_string();
    let set = ActivitySet::read(set.as_bytes()).expect("a set").set;
    let event = here.escalations.find(&set.activities).expect("an event");
    let source = Source::own(&id, "Bearer t");
    here.escalations.escalate(&id, &set, event, &source, None, None).await.expect("stored");
    let facts: Vec<Fact> = store.store().read(&id, 0).await.expect("the store answers");
    let line = |line: &HistoryLine| line.text.clone();
    let history = facts.iter().find_map(|fact| match fact {
        Fact::HandoffRequested(request) => Some(request.history.iter().map(line).collect()),
        _ => None,
    });
    let to_agent = facts.iter().filter_map(|fact| match fact {
        Fact::UserSaid(said) => Some(said.message.as_ref()?.text.clone()),
        _ => None,
    });
    let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
    let caller = Caller::read(Some("Bearer t")).expect("a token");
    let asked = Asked { watermark: None, read: None, hold: Duration::ZERO, bot: BotWords::Polled };
    let client = Client { conversation: &entry, caller: &caller };
    let page = here.reading.page(client, &asked).await.expect("the store answers");
    let shown = page.activities.iter().filter_map(|shown| shown["text"].as_str().or(shown["name"].as_str()));
    HandedOver {
        history: history.expect("a request"),
        to_agent: to_agent.collect(),
        reloaded: shown.filter(|text| *text != "handoff.status").map(str::to_owned).collect(),
    }
}

const BEHIND: [&str; 3] = ["behind four", "behind five", "behind seven"];

#[tokio::test]
async fn ids_that_began_anew_lead_to_no_older_words() {
    let (old, new) = (old(), new(Some("c|0000003")));
    let all = [&old[..], &new].concat();
    let older: Vec<String> = (0..9).map(|number| format!("old {number}")).collect();
    let history = [&older[..], &["welcome back", "agent", "connecting"].map(str::to_owned)].concat();
    let texts = |activities: &[Value]| -> Vec<String> {
        let text = |shown: &Value| shown["text"].as_str().or(shown["name"].as_str()).map(str::to_owned);
        activities.iter().filter_map(text).collect()
    };
    for batch in [&all, &new] {
        let HandedOver { history: told, to_agent, reloaded } = handed_over(all.clone(), batch).await;
        assert_eq!(told, history);
        assert_eq!(to_agent, BEHIND);
        assert_eq!(reloaded[..all.len()], texts(&all));
    }
}

#[tokio::test]
async fn an_event_without_an_id_is_found_again_by_its_time() {
    let all = new(None);
    let HandedOver { history, to_agent, reloaded } = handed_over(all.clone(), &all).await;
    assert_eq!(history, ["welcome back", "agent", "connecting"]);
    assert_eq!(to_agent, BEHIND);
    assert_eq!(reloaded[..3], ["welcome back", "connecting", "agent"]);
    assert_eq!(reloaded[3..7], ["handoff.initiate", "behind four", "behind five", "behind seven"]);
}
