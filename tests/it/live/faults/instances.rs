//! Two connectors on one store, as the host runs them when it scales out.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::message;

use super::{LAST, Wire, named, numbered, read_to_the_last, send_webhook, shown, texts, webhook};
use crate::{
    eventually::{eventually, found},
    world::World,
};

#[tokio::test]
async fn fifty_messages_each_way_over_two_instances_arrive_in_order_and_once() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut chat = world.live_chat().await;
    let roots = [world.url.clone(), second];
    let wire = Wire::of(&world, &chat);
    let (said, answered) = (numbered("message", 50), numbered("answer", 50));
    let session = chat.conversation().to_owned();
    let user = async {
        for (text, root) in said.iter().zip(roots.iter().cycle()) {
            wire.through(root).say(&message(text)).await;
        }
    };
    let agent = async {
        for (text, root) in answered.iter().zip(roots.iter().rev().cycle()) {
            assert_eq!(send_webhook(&world, root, &webhook(&session, text, text)).await, 200);
        }
    };
    let mut turns = roots.iter().cycle();
    let reader = found("all is shown", async || {
        chat.move_to(turns.next().unwrap());
        chat.poll().await.unwrap();
        (shown(&chat, "agent").len() >= 50 && shown(&chat, "user").len() > 50).then_some(())
    });
    join(join(user, agent), reader).await;
    world.agent_hears(&session, &texts(&said)).await;
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "user")[1..], said);
    assert_eq!(shown(&chat, "agent"), [&answered[..], &[LAST.to_owned()]].concat());
    assert_eq!(chat.repeated, 0);
}

#[tokio::test]
async fn a_hand_off_that_both_instances_see_at_once_opens_one_chat() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let wire = Wire::of(&world, &chat);
    let polls = [&world.url, &second].into_iter().cycle().take(6).map(|root| wire.through(root));
    let pages = join_all(polls.map(|wire| async move { wire.get(None).await })).await;
    for (status, page) in &pages {
        let activities = page["activities"].as_array().unwrap();
        assert!(activities.iter().any(|a| a["name"] == "handoff.initiate"), "{status}: {page}");
    }
    let session = chat.conversation().to_owned();
    world.accept(&session).await;
    wire.through(&second).say(&message("hello")).await;
    world.agent_hears(&session, &["hello"]).await;
    assert_eq!(world.servicenow.chats().len(), 1);
    assert_eq!(world.actions(&session), ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", ""]);
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "user"), ["agent", "hello"]);
}

#[tokio::test]
async fn a_client_that_another_instance_has_not_heard_of_is_shown_the_hand_off_and_nothing_the_bot_said_since()
 {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let chat = world.chat().await;
    let wire = Wire::of(&world, &chat);
    let (_, before) = wire.get(None).await;
    let before = before["watermark"].as_str().map(str::to_owned);
    chat.say("agent").await.unwrap();
    wire.get(before.as_deref()).await;
    let late = serde_json::json!({"type": "message", "text": "Anything else?"});
    world.copilot.bot_says(chat.conversation(), late).unwrap();
    let (status, page) = wire.through(&second).get(before.as_deref()).await;
    let activities = page["activities"].as_array().unwrap();
    assert!(activities.iter().any(|a| a["name"] == "handoff.initiate"), "{status}: {page}");
    assert!(!activities.iter().any(|a| a["text"] == "Anything else?"), "{page}");
}

#[tokio::test]
async fn a_masked_answer_that_comes_by_two_instances_under_two_ids_is_in_clear_at_none() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    assert_eq!(world.servicenow.send_sample(&session, "secure input").await.unwrap().status, Some(200));
    chat.see("the question", |activity| activity.to_string().contains("one-time code")).await.unwrap();
    let wire = Wire::of(&world, &chat);
    let (one, other) = (wire.through(&world.url), wire.through(&second));
    one.say(&named("hunter2-4711", "click-1")).await;
    other.say(&named("hunter2-4711", "click-2")).await;
    read_to_the_last(&world, &mut chat).await;
    assert!(!Value::from(chat.received.clone()).to_string().contains("hunter2"));
    assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
}

#[tokio::test]
async fn an_end_that_comes_twice_ends_the_chat_and_not_the_bot_behind_it() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut chat = world.live_chat().await;
    let wire = Wire::of(&world, &chat);
    let end = json!({"type": "endOfConversation", "from": {"id": "dana", "role": "user"}});
    let before = world.copilot.conversations().len();
    for root in [&world.url, &second, &world.url] {
        wire.through(root).say(&end).await;
    }
    chat.see("the bot again", |activity| activity["value"]["state"] == "completed").await.unwrap();
    eventually("the bot is back", || world.copilot.conversations().len() > before).await;
    let told: Vec<_> =
        world.copilot.conversations().iter().flat_map(|id| world.copilot.said_to_bot(id)).collect();
    assert!(told.iter().all(|activity| activity["type"] != "endOfConversation"), "{told:?}");
}

#[tokio::test]
async fn a_message_posted_to_both_instances_at_once_is_one_message_with_one_id() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut chat = world.live_chat().await;
    let wire = Wire::of(&world, &chat);
    for round in ["one", "two", "three"] {
        let wires = [&world.url, &second].into_iter().cycle().take(6).map(|root| wire.through(root));
        let ids = join_all(wires.map(|wire| async move { wire.say(&named(round, round)).await })).await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    world.agent_hears(chat.conversation(), &["one", "two", "three"]).await;
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "user")[1..], ["one", "two", "three"]);
}

#[tokio::test]
async fn what_is_owed_is_delivered_once_when_both_instances_sweep_at_once() {
    let world = World::start().await;
    let (_, second) = world.second_instance();
    let chat = world.live_chat().await;
    world.servicenow.faults().set_down(true);
    chat.say("one").await.unwrap();
    chat.say("two").await.unwrap();
    world.servicenow.faults().set_down(false);
    let sweeps = (0..3).map(|_| join(world.handoff.sweep(), second.sweep()));
    for (one, other) in join_all(sweeps).await {
        assert_eq!((one.unwrap().open, other.unwrap().open), (1, 1));
    }
    chat.say(LAST).await.unwrap();
    world.agent_hears(chat.conversation(), &["one", "two", LAST]).await;
}
