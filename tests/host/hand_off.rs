//! A whole hand-off through the model of the host, with a kill in the middle of it.

use std::time::Duration;

use servicenow_handoff::simulate::{
    chat_client::{ChatClient, handoff_state},
    copilot::{self, CopilotOptions},
    servicenow::{self, ServiceNow, ServiceNowOptions, Standing},
};

use crate::{BOTH_MODES, host::Host, run};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_chat_goes_to_a_person_and_comes_back_through_the_host() {
    run(async {
        for mode in BOTH_MODES {
            let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
            let options =
                ServiceNowOptions { response_token: Some("in".to_owned()), ..ServiceNowOptions::default() };
            let desk = servicenow::start(options).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
            let settings = [
                ("STORE", store.as_str()),
                ("DIRECT_LINE_URL", copilot.url()),
                ("DIRECT_LINE_SECRET", copilot.secret()),
                ("SERVICENOW_URL", desk.url()),
                ("SERVICENOW_TOKEN", "out"),
                ("RESPONSES_TOKEN", "in"),
            ];
            let host = Host::start_in(mode, &settings).await;
            desk.set_response_url(format!("{}/api/servicenow/responses", host.url()));
            let mut chat = ChatClient::start(host.url(), &copilot.token_endpoint()).await.unwrap();
            whole_chat(&host, &desk, &mut chat).await;
        }
    });
}

async fn whole_chat(host: &Host, desk: &ServiceNow, chat: &mut ChatClient) {
    let session = chat.conversation().to_owned();
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    let queued = |at: &ServiceNow| at.chat(&session).is_some_and(|c| c.standing == Standing::Queued);
    assert!(desk.wait_for(PATIENCE, queued).await);
    assert!(desk.accept(&session, "Ana Agent").await.is_success());
    chat.see("the agent", |a| handoff_state(a) == "accepted").await.unwrap();
    chat.say("before the kill").await.unwrap();
    host.kill_and_restart().await;
    chat.say("after the kill").await.unwrap();
    assert!(desk.say(&session, "I am still here").await.is_success());
    chat.see("the agent's words", |a| a["text"] == "I am still here").await.unwrap();
    let told = |at: &ServiceNow| {
        let requests = at.requests_of(&session).into_iter();
        requests.filter(|r| r.action.is_empty()).map(|r| r.text).collect::<Vec<_>>()
    };
    assert!(desk.wait_for(PATIENCE, |at| told(at).iter().any(|text| text == "after the kill")).await);
    assert_eq!(told(desk), ["before the kill", "after the kill"]);
    host.fire_timer("sweep").await.unwrap();
    assert!(desk.end(&session).await.is_success());
    chat.see("the end", |a| handoff_state(a) == "completed").await.unwrap();
    chat.say("what happened").await.unwrap();
    let account = "You talked to Ana Agent; outcome: ended_by_agent.";
    chat.see("the bot", |a| a["text"] == account).await.unwrap();
}
