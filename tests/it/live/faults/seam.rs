//! Between bot and person: what the user says while the escalation is under way.

use serde_json::Value;
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, message},
    copilot::CopilotOptions,
    faults::Fault,
};

use super::{LAST, Wire, named, read_to_the_last, shown};
use crate::{
    eventually::{PATIENCE, eventually},
    world::World,
};

/// Reads of Direct Line before the one that looks behind a hand-off: the client's, and that of what was said before it.
const HISTORY: u64 = 2;
/// Till the fault is taken away.
const HELD: std::time::Duration = PATIENCE;

#[tokio::test]
async fn a_post_that_direct_line_holds_up_while_a_poll_sees_the_hand_off_reaches_the_person() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let held = world.copilot.faults().add(Fault::on("POST", "/activities").once().delay(HELD));
    let post = post_aside(&world, &chat, named("hello?", "c-2"));
    hit(&world, held).await;
    see_the_hand_off(&mut chat).await;
    world.copilot.faults().remove(held);
    let (status, answer) = post.await.unwrap();
    assert_eq!(status, 200);
    the_person_reads(&world, &mut chat, &["hello?"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "hello?"]);
    let echo = chat.received.iter().find(|activity| activity["text"] == "hello?").unwrap();
    assert_eq!(echo["id"], answer["id"]);
    assert!(!shown(&chat, "bot").contains(&"You said: hello?".to_owned()));
}

#[tokio::test]
async fn a_message_behind_the_hand_off_in_its_batch_reaches_the_person_and_the_request_does_not() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let wire = Wire::of(&world, &chat);
    wire.say(&named("agent", "c-1")).await;
    wire.say(&named("it is urgent", "c-2")).await;
    see_the_hand_off(&mut chat).await;
    // A client that got no answer posts it again.
    wire.say(&named("it is urgent", "c-2")).await;
    the_person_reads(&world, &mut chat, &["it is urgent"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "it is urgent"]);
}

#[tokio::test]
async fn a_message_that_shows_only_in_the_one_more_read_reaches_the_person() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let read = world.copilot.faults().add(Fault::on("GET", "/activities").skip(HISTORY).once().delay(HELD));
    let wire = Wire::of(&world, &chat);
    let around_us = wire.through(world.copilot.url());
    let said = async {
        hit(&world, read).await;
        around_us.say(&message("hello?")).await;
        world.copilot.faults().remove(read);
    };
    futures_util::future::join(said, see_the_hand_off(&mut chat)).await;
    the_person_reads(&world, &mut chat, &["hello?"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "hello?"]);
}

#[tokio::test]
async fn what_direct_line_spreads_over_several_pages_reaches_the_person_whole() {
    let options = CopilotOptions { page_limit: Some(4), ..CopilotOptions::default() };
    let world = World::between(options, Default::default(), &[]).await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    for text in ["one", "two", "three"] {
        chat.say(text).await.unwrap();
    }
    see_the_hand_off(&mut chat).await;
    the_person_reads(&world, &mut chat, &["one", "two", "three"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "one", "two", "three"]);
}

#[tokio::test]
async fn the_one_more_read_is_made_up_for_when_direct_line_fails_it() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let read =
        world.copilot.faults().add(Fault::on("GET", "/activities").skip(HISTORY).once().drop_connection());
    see_the_hand_off(&mut chat).await;
    assert_eq!(world.copilot.faults().hits(read), 1);
    Wire::of(&world, &chat).through(world.copilot.url()).say(&message("hello?")).await;
    the_person_reads(&world, &mut chat, &["hello?"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "hello?"]);
}

#[tokio::test]
async fn a_post_that_is_answered_502_but_stands_in_the_batch_is_told_once() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let lost = Fault::on("POST", "/activities").once().delay(HELD).status(502).after_processing();
    let held = world.copilot.faults().add(lost);
    let post = post_aside(&world, &chat, named("hello?", "c-2"));
    hit(&world, held).await;
    let id = chat.conversation().to_owned();
    eventually("Direct Line has both posts", || world.copilot.said_to_bot(&id).len() >= 2).await;
    see_the_hand_off(&mut chat).await;
    world.copilot.faults().remove(held);
    let (status, answer) = post.await.unwrap();
    assert_eq!(status, 200, "{answer}");
    the_person_reads(&world, &mut chat, &["hello?"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "hello?"]);
    let echo = chat.received.iter().find(|activity| activity["text"] == "hello?").unwrap();
    assert_eq!(echo["id"], answer["id"]);
}

#[tokio::test]
async fn a_post_that_is_answered_502_while_the_one_more_read_is_still_out_is_told_once() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let faults = world.copilot.faults();
    let held = faults.add(Fault::on("POST", "/activities").once().delay(HELD));
    let post = post_aside(&world, &chat, named("fail", "c-2"));
    hit(&world, held).await;
    let read = faults.add(Fault::on("GET", "/activities").skip(HISTORY).once().delay(HELD));
    let failed = async {
        hit(&world, read).await;
        let answered = faults.add(Fault::on("GET", "/activities"));
        faults.remove(held);
        eventually("the post's echo is looked for", || faults.hits(answered) > 0).await;
        faults.remove(read);
    };
    futures_util::future::join(failed, see_the_hand_off(&mut chat)).await;
    let (status, answer) = post.await.unwrap();
    assert_eq!(status, 200, "{answer}");
    the_person_reads(&world, &mut chat, &["fail"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "fail"]);
}

#[tokio::test]
async fn the_request_for_a_person_is_not_told_again_when_its_post_is_answered_502() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let faults = world.copilot.faults();
    let lost = Fault::on("POST", "/activities").once().delay(HELD).status(502).after_processing();
    let held = faults.add(lost);
    let post = post_aside(&world, &chat, named("agent", "c-1"));
    hit(&world, held).await;
    see_the_hand_off(&mut chat).await;
    faults.remove(held);
    let (status, answer) = post.await.unwrap();
    assert!([200, 502].contains(&status), "{status}: {answer}");
    the_person_reads(&world, &mut chat, &[]).await;
    assert_eq!(shown(&chat, "user"), ["agent"]);
}

#[tokio::test]
async fn a_post_that_direct_line_cuts_off_at_the_seam_is_told_once() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let cut = Fault::on("POST", "/activities").once().delay(HELD).drop_connection();
    let held = world.copilot.faults().add(cut);
    let post = post_aside(&world, &chat, named("hello?", "c-2"));
    hit(&world, held).await;
    see_the_hand_off(&mut chat).await;
    world.copilot.faults().remove(held);
    assert_eq!(post.await.unwrap().0, 200);
    the_person_reads(&world, &mut chat, &["hello?"]).await;
    assert_eq!(shown(&chat, "user"), ["agent", "hello?"]);
}

async fn see_the_hand_off(chat: &mut ChatClient) {
    chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
}

/// Takes the chat, says the last words, and compares what the person was told till the user's.
async fn the_person_reads(world: &World, chat: &mut ChatClient, expected: &[&str]) {
    let session = chat.conversation().to_owned();
    world.accept(&session).await;
    read_to_the_last(world, chat).await;
    chat.say(LAST).await.unwrap();
    let told = [expected, &[LAST]].concat();
    world.agent_hears(&session, &told).await;
    chat.received.retain(|activity| activity["text"] != LAST);
}

/// Posts while the test goes on.
fn post_aside(world: &World, chat: &ChatClient, activity: Value) -> tokio::task::JoinHandle<super::Answer> {
    let wire = Wire::of(world, chat);
    tokio::spawn(async move { wire.post(&activity).await })
}

/// Waits until a fault has hit.
async fn hit(world: &World, fault: u64) {
    eventually("the fault is met", || world.copilot.faults().hits(fault) > 0).await;
}
