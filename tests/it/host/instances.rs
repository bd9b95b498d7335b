//! Several hosts on one store, each with a handler of its own, as an app that scales out.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::{ChatClient, handoff_state, message};

use crate::{
    azurite::server::Azurite,
    host::{
        BOTH_MODES,
        model::Host,
        run,
        stage::{Stage, answers, says},
    },
};

const HOSTS: usize = 4;

#[test]
fn hosts_that_start_at_once_on_an_empty_sqlite_store_serve_one_app() {
    run(one_app(|| None));
}

#[test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
fn hosts_that_start_at_once_on_a_container_that_is_not_there_yet_serve_one_app() {
    let azurite = Azurite::start();
    run(one_app(|| Some(azurite.container_with_sas())));
}

/// All start at the same moment on a store that nobody has made yet, with the first requests under way.
async fn one_app(store: impl Fn() -> Option<String>) {
    for mode in BOTH_MODES {
        let stage = Stage::with_store(store()).await;
        let hosts: Vec<_> = (0..HOSTS).map(|_| Host::open(mode, &stage.settings())).collect();
        stage.answer_to(&hosts[0]);
        let starts = join_all(hosts.iter().map(Host::start_handler));
        let (started, mut chats) = join(starts, join_all(hosts.iter().map(|host| stage.client(host)))).await;
        started.into_iter().for_each(|start| start.unwrap());
        join_all(chats.iter_mut().enumerate().map(|(number, chat)| whole_chat(&stage, &hosts, number, chat)))
            .await;
        assert_eq!(stage.desk.chats().len(), HOSTS, "{mode:?}: one chat each");
        for host in &hosts {
            assert_eq!(*host.console().stderr.lock().unwrap(), [""; 0]);
        }
    }
}

/// Each request goes to another host; timers fire on all of them.
async fn whole_chat(stage: &Stage, hosts: &[Host], number: usize, chat: &mut ChatClient) {
    let next = |step: usize| &hosts[(number + step) % hosts.len()];
    chat.say("agent").await.unwrap();
    chat.move_to(next(1).url());
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    chat.move_to(next(2).url());
    stage.accept(chat).await;
    let session = chat.conversation().to_owned();
    let lines: Vec<String> = (0..8).map(|line| format!("{number}: line {line}")).collect();
    for (step, line) in lines.iter().enumerate() {
        chat.move_to(next(step).url());
        chat.say(line).await.unwrap();
        let answer = webhook(&session, &format!("re: {line}"));
        let post = next(step + 2).request("POST", "/api/servicenow/responses").header("token", "in");
        let post = post.header("content-type", "application/json").body(answer.to_string());
        assert_eq!(post.send().await.unwrap().status(), 200);
        next(step + 1).fire_timer("sweep").await.unwrap();
    }
    stage.agent_hears(&session, &lines.iter().map(|line| &**line).collect::<Vec<_>>()).await;
    chat.move_to(next(1).url());
    chat.see("the last answer", says(&format!("re: {}", lines[7]))).await.unwrap();
    assert_eq!(answers(chat), lines.iter().map(|line| format!("re: {line}")).collect::<Vec<_>>());
    assert!(stage.desk.end(&session).await.is_success());
    chat.move_to(next(3).url());
    chat.see("the end", |a: &Value| handoff_state(a) == "completed").await.unwrap();
    chat.post(&message("what happened")).await.unwrap();
    let account = "You talked to Ana Agent; outcome: ended_by_agent.";
    chat.see("the bot", says(account)).await.unwrap();
    assert_eq!(chat.repeated, 0);
}

/// What the person says, as ServiceNow sends it.
fn webhook(session: &str, text: &str) -> Value {
    json!({
        "requestId": format!("{session}-out"), "clientSessionId": session, "nowSessionId": session,
        "userId": "dana", "agentChat": true, "score": 1,
        "body": [{"uiType": "OutputText", "group": "DefaultText", "maskType": "NONE", "messageId": text,
            "value": text, "agentInfo": {"sentFromAgent": true, "agentName": "Ana Agent"}}],
    })
}
