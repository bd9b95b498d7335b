//! Whole hand-offs through the model of the host, with kills in the middle of them.

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, handoff_state, message},
    faults::Fault,
};
use tokio::time::timeout;

use crate::{
    azurite::server::Azurite,
    host::{
        BOTH_MODES, run,
        stage::{PATIENCE, Stage, answers, heard, says},
    },
};

#[test]
fn a_chat_goes_to_a_person_and_comes_back_through_the_host() {
    run(async {
        for mode in BOTH_MODES {
            let stage = Stage::start().await;
            let host = stage.host(mode).await;
            let mut chat = stage.live_client(&host).await;
            let session = chat.conversation().to_owned();
            chat.say("before the kill").await.unwrap();
            host.kill_and_restart().await;
            chat.say("after the kill").await.unwrap();
            assert!(stage.desk.say(&session, "I am still here").await.is_success());
            chat.see("the agent's words", says("I am still here")).await.unwrap();
            stage.agent_hears(&session, &["before the kill", "after the kill"]).await;
            host.fire_timer("sweep").await.unwrap();
            comes_back(&stage, &mut chat).await;
        }
    });
}

#[test]
fn a_hand_off_goes_on_after_a_kill_at_each_of_its_steps() {
    run(killed_at_each_step(|| None));
}

#[test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
fn a_hand_off_on_a_container_goes_on_after_a_kill_at_each_of_its_steps() {
    let azurite = Azurite::start();
    run(killed_at_each_step(|| Some(azurite.container_with_sas())));
}

#[test]
fn people_who_talk_while_it_is_killed_again_and_again_lose_nothing() {
    const TURNS: usize = 12;
    run(async {
        for mode in BOTH_MODES {
            let stage = Stage::start().await;
            let host = stage.host(mode).await;
            let mut chat = stage.live_client(&host).await;
            let session = chat.conversation().to_owned();
            let lines: Vec<String> = (0..TURNS).map(|turn| format!("line {turn}")).collect();
            for (turn, line) in lines.iter().enumerate() {
                let talk = join(insists(&chat, line), answer_insisted(&stage, &session, line));
                if turn % 3 == 1 {
                    join(talk, host.kill_and_restart()).await;
                } else {
                    talk.await;
                }
            }
            host.fire_timer("sweep").await.unwrap();
            stage.agent_hears(&session, &lines.iter().map(|line| &**line).collect::<Vec<_>>()).await;
            chat.see("the last answer", says(&format!("re: line {}", TURNS - 1))).await.unwrap();
            let expected: Vec<_> = lines.iter().map(|line| format!("re: {line}")).collect();
            assert_eq!(answers(&chat), expected, "{mode:?}");
            let echoes = chat.transcript().into_iter().filter(|(who, _)| *who == "user").count();
            assert_eq!(
                (echoes, chat.repeated),
                (TURNS + 1, 0),
                "each line once, and the word that handed over"
            );
        }
    });
}

#[test]
fn a_function_that_runs_out_of_time_takes_the_process_along_and_nothing_stored_is_lost() {
    run(async {
        join_all(BOTH_MODES.map(async |mode| {
            let stage = Stage::start().await;
            let host = stage.host(mode).await;
            let mut chat = stage.live_client(&host).await;
            let first = host.process().await;
            stage.desk.faults().set_down(true);
            chat.say("kept").await.unwrap();
            stage.copilot.faults().add(Fault::on("GET", "conversations/slow").delay(PATIENCE));
            let slow = host.request("GET", "/v3/directline/conversations/slow/activities").bearer_auth("t");
            host.times_out_after(Duration::from_secs(1));
            assert_eq!(slow.send().await.unwrap().status(), 500, "{mode:?}");
            host.times_out_after(2 * PATIENCE);
            stage.desk.faults().set_down(false);
            assert_ne!(host.process().await, first, "{mode:?}: it was started again");
            host.fire_timer("sweep").await.unwrap();
            stage.agent_hears(chat.conversation(), &["kept"]).await;
            comes_back(&stage, &mut chat).await;
        }))
        .await;
    });
}

async fn killed_at_each_step(store: impl Fn() -> Option<String>) {
    for mode in BOTH_MODES {
        let stage = Stage::with_store(store()).await;
        let host = stage.host(mode).await;
        stage.desk.faults().set_down(true);
        let mut chat = stage.waiting_client(&host).await;
        chat.say("while nothing is open").await.unwrap();
        host.kill_and_restart().await;
        stage.desk.faults().set_down(false);
        host.fire_timer("sweep").await.unwrap();
        stage.accept(&mut chat).await;
        let session = chat.conversation().to_owned();
        stage.agent_hears(&session, &["while nothing is open"]).await;

        stage.desk.faults().set_down(true);
        chat.say("while nobody listens").await.unwrap();
        host.kill_and_restart().await;
        stage.desk.faults().set_down(false);
        host.fire_timer("sweep").await.unwrap();
        stage.agent_hears(&session, &["while nothing is open", "while nobody listens"]).await;

        assert!(stage.desk.say(&session, "heard before the kill").await.is_success());
        host.kill_and_restart().await;
        chat.see("what the agent said", says("heard before the kill")).await.unwrap();
        comes_back(&stage, &mut chat).await;
    }
}

/// Says it as a client does that gets no answer: again, under the same id.
async fn insists(chat: &ChatClient, text: &str) {
    let mut activity = message(text);
    activity["channelData"] = json!({ "clientActivityID": text });
    let said = async { while chat.post(&activity).await.is_err() {} };
    timeout(PATIENCE, said).await.unwrap();
}

/// The person answers each line, again under the same id while nobody takes it.
async fn answer_insisted(stage: &Stage, session: &str, line: &str) {
    let heard = |desk: &_| heard(desk, session).iter().any(|text| text == line);
    assert!(stage.desk.wait_for(PATIENCE, heard).await, "{line} did not arrive");
    let text = format!("re: {line}");
    let said = async { while !stage.desk.say_with_id(session, &text, &text).await.is_success() {} };
    timeout(PATIENCE, said).await.unwrap();
}

async fn comes_back(stage: &Stage, chat: &mut ChatClient) {
    let session = chat.conversation().to_owned();
    assert!(stage.desk.end(&session).await.is_success());
    chat.see("the end", |a| handoff_state(a) == "completed").await.unwrap();
    chat.say("what happened").await.unwrap();
    let account = "You talked to Ana Agent; outcome: ended_by_agent.";
    chat.see("the bot", |a: &Value| a["text"] == account).await.unwrap();
}
