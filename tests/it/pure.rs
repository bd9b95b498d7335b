//! A live chat without shell, store and far ends: what is heard becomes facts, facts become activities and requests.

use std::path::Path;

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::{ConversationId, HistoryLine, SessionId, Timestamp, User, control::Control},
    ledger::{CallId, Decided, Machine as _, Next, Outage, Outcome, Settled, Settlement},
    session::{Answered, Chat, Command, Cut, Fact, HandoffRequested, LANE, Opening, State, Topic},
    translate::{
        activity::RenderContext,
        client_view,
        request::request,
        text::Voice,
        texts::Words,
        virtual_agent::{What, inbound, system_meaning},
    },
    wire::virtual_agent::response::Response,
};
use url::Url;

pub const AGENT: &str = "Ana Agent";
const CHAT: Chat = Chat { timeout_millis: 300_000, back_to_bot: true };

pub struct Talk {
    pub state: State,
    pub now: Timestamp,
    instance: Url,
}

/// What a message of ServiceNow's came to.
pub struct Heard {
    pub facts: Vec<Fact>,
    /// What the client is shown of them, in order.
    pub activities: Vec<Value>,
}

impl Talk {
    /// A person has been asked for.
    pub fn waiting(opening: Opening) -> Self {
        let state = State::new(ConversationId::parse("91hcXEd0-eu").expect("a valid id"));
        let instance = Url::parse("https://instance.example.com").expect("a URL");
        let mut talk = Self { state, now: Timestamp(1_790_000_000_000), instance };
        let request = Box::new(escalation(opening));
        talk.on(Command::Escalated { segment: 0, request, said: vec![] });
        talk
    }

    /// The chat is open and a person is there; nothing waits to be delivered.
    pub fn live() -> Self {
        let mut talk = Self::waiting(Opening::CreateThenStart);
        talk.deliver();
        let agent = json!({"sentFromAgent": true, "agentName": AGENT});
        talk.hear_json(&json!({"agentChat": true, "body": [
            {"uiType": "ActionMsg", "actionType": "SwitchToLiveAgent", "agentInfo": agent},
        ]}));
        talk
    }

    pub fn on(&mut self, event: Command) -> Heard {
        let facts = match CHAT.decide(&self.state, &event, self.now) {
            Decided::Facts(facts) => facts,
            Decided::Known(_) | Decided::Nothing | Decided::TooLate => vec![],
        };
        let mut activities = vec![];
        for fact in &facts {
            let context = RenderContext {
                instance: &self.instance,
                file_link: &|_| None,
                picture_link: &|_| None,
                by: Voice::Bot,
                words: Words::default(),
            };
            let position = self.state.position;
            self.state.apply(fact);
            let state = &self.state;
            let scene = client_view::Scene::of(state, state.agent_types(self.now), context);
            let shown = client_view::shown(fact, position, &scene);
            activities.extend(shown);
        }
        Heard { facts, activities }
    }

    pub fn hear(&mut self, response: Response) -> Heard {
        let inbound = inbound(response);
        let meanings = inbound.items.iter().map(|item| match &item.what {
            What::System(text) => system_meaning(text),
            What::Said(Control::Text { text }) if item.agent.is_none() => system_meaning(text),
            _ => None,
        });
        let meanings = meanings.collect();
        self.on(Command::Heard { chat: self.state.chat, told: Answered { inbound, meanings } })
    }

    pub fn hear_json(&mut self, body: &Value) -> Heard {
        self.hear(Response::parse(body.to_string().as_bytes()).expect("JSON"))
    }

    /// What a call that waits came to.
    pub fn settle(&mut self, call: CallId, outcome: &Outcome<Answered>) {
        let queued = self.state.outbox.get(call).expect("it waits");
        let outcome_stored = match outcome {
            Outcome::Done(_) => Settlement::Done,
            Outcome::Retry { .. } | Outcome::GivenUp(_) => Settlement::Dropped,
        };
        let settled = Settled { call, attempt: None, outcome: outcome_stored, at: self.now };
        let facts = CHAT.settle(&self.state, queued, settled, outcome);
        facts.iter().for_each(|fact| self.state.apply(fact));
    }

    /// The requests that wait, as ServiceNow would get them; all are taken.
    pub fn deliver(&mut self) -> Vec<Value> {
        let mut made = vec![];
        while let Next::Lease(call, _) =
            self.state.outbox.next(LANE, self.now, "me", &mut Outage::default(), 0)
        {
            let queued = self.state.outbox.get(call).expect("what is due is there");
            let session = SessionId { conversation: self.state.conversation.clone(), chat: queued.call.chat };
            let bytes = request(queued, &session, &self.state.user).to_bytes();
            made.push(serde_json::from_slice(&bytes).expect("JSON"));
            self.settle(call, &Outcome::Done(None));
        }
        made
    }
}

/// The documented examples whose names begin like this, each with its name.
pub fn examples(prefix: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/servicenow");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).expect("the folder of examples") {
        let path = file.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if name.starts_with(prefix) {
            let bytes = std::fs::read(&path).expect("an example");
            found.push((name, serde_json::from_slice(&bytes).expect("JSON")));
        }
    }
    found.sort_by(|one: &(String, Value), other| one.0.cmp(&other.0));
    assert!(!found.is_empty(), "no example begins with {prefix}");
    found
}

/// An escalation with everything in it that one can have.
pub fn escalation(opening: Opening) -> HandoffRequested {
    let at = Timestamp(1_789_999_999_000);
    let line =
        |from_bot, name: &str, text: &str| HistoryLine { from_bot, name: name.into(), text: text.into(), at };
    let context = json!({"live_agent_only": "true", "requester_session_language": "en"});
    HandoffRequested {
        cut: Cut {
            event: "91hcXEd0-eu|0000007".to_owned(),
            bot: Some("bot".to_owned()),
            watermark: Some("7".to_owned()),
            ..Cut::default()
        },
        seen: vec![],
        user: User {
            id: "dl_dana".to_owned(),
            name: Some("Dana".to_owned()),
            email: Some("dana.user@example.com".to_owned()),
            locale: Some("en-US".to_owned()),
            language: None,
            timezone: Some("Europe/Berlin".to_owned()),
        },
        reason: Some("The VPN drops".to_owned()),
        context: context.as_object().expect("an object").clone(),
        history: vec![line(true, "Service Guide", "What can I do?"), line(false, "Dana", "agent")],
        later_history: vec![vec![line(true, "Service Guide", "Connecting you")]],
        history_missing: true,
        latest: None,
        topic: Some(Topic::Name("VPN".to_owned())),
        opening,
        token: None,
        at,
        trace: None,
    }
}
