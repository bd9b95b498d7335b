//! One name for each agent, and leaving one alone that wants to be.

use std::time::Duration;

use super::*;
use crate::{
    config::{DirectLineSettings, SecondaryBotSettings},
    far_end::{CallError, client},
    secondary_bot::agents::Agents,
};

fn agents() -> Agents {
    let direct_line = DirectLineSettings { url: None, token_endpoint: None, secret: None };
    let named = ["hr", "it"].map(|name| (name.to_owned(), "s".into()));
    let (token, hash_secret, basic, response) = (None, None, None, None);
    let role = SecondaryBotSettings { token, hash_secret, basic, response, agents: named.to_vec() };
    Agents::new(&direct_line, &role, &client().expect("a client"))
}

#[test]
fn a_call_is_for_the_agent_that_its_conversation_is_or_will_be_with_under_one_name() {
    let with = |agent: Option<&str>| {
        let mut opened = opened(0);
        if let Fact::Opened { agent: name, .. } = &mut opened {
            *name = agent.map(str::to_owned);
        }
        Some(opened)
    };
    let ids = json!({"nowBotId": "bot7", "appInboundId": "app1"});
    let (hr, it) = (json!({"nowBotId": "hr", "appInboundId": "app1"}), json!({"nowBotId": "it"}));
    for (open, action, named, far_end) in [
        (None, None, &ids, ""),
        (with(None), None, &ids, ""),
        (None, None, &hr, "hr"),
        (with(Some("hr")), None, &hr, "hr"),
        (with(Some("hr")), None, &it, "hr"),
        (with(None), None, &it, ""),
        (with(Some("gone")), None, &it, "it"),
        (with(Some("hr")), Some("START_CONVERSATION"), &it, "it"),
        (with(Some("hr")), Some("CREATE_CONVERSATION"), &it, "it"),
        (with(Some("hr")), Some("START_CONVERSATION"), &json!({}), "hr"),
        (with(Some("hr")), Some("START_CREATED_CONVERSATION"), &it, "hr"),
    ] {
        let mut body = json!({"requestId": "1", "message": {"text": "hi"}});
        body.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
        body.as_object_mut().unwrap().extend(action.map(|action| ("action".to_owned(), action.into())));
        let asked = asked(&body);
        let dialogue = Dialogue { agents: agents().names(), ..Dialogue::default() };
        let mut state = dialogue.begin(&ConversationId::parse("s:s").expect("an id"));
        open.iter().for_each(|opened| state.apply(opened));
        let call = Call::Work(std::sync::Arc::new(*asked));
        assert_eq!(dialogue.far_end(&state, &call), far_end, "{body}");
    }
}

#[test]
fn an_agent_that_wants_to_be_left_alone_is_asked_for_nothing_that_nobody_waits_for() {
    let agents = agents();
    let (hr, it) = (agents.get(Some("hr")).expect("hr"), agents.get(Some("it")).expect("it"));
    let busy = || Err::<(), _>(CallError::Throttled { status: 429, wait: Duration::from_secs(60) });
    assert!(hr.may_ask() && hr.noted(busy()).is_err());
    assert!(!hr.may_ask() && it.may_ask());
    assert!(hr.noted(Ok(())).is_ok() && hr.may_ask());
}
