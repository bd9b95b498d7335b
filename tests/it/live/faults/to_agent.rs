//! From the user to the agent: what ServiceNow refuses, loses, repeats or takes its time for.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use servicenow_handoff::{
    simulate::{
        chat_client::{ChatClient, message},
        servicenow::{Effect, Fault, Recorded},
    },
    telemetry::Count,
};

use super::{LAST, Wire, named, numbered, read_to_the_last, shown, texts};
use crate::{eventually::eventually, world::World};

#[tokio::test]
async fn twenty_messages_whose_first_try_is_refused_arrive_in_order_and_once() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    world.servicenow.faults().fail_first();
    let said = numbered("message", 20);
    for text in &said {
        chat.say(text).await.unwrap();
    }
    world.agent_hears(chat.conversation(), &texts(&said)).await;
}

#[tokio::test]
async fn forty_messages_posted_at_once_arrive_in_the_order_they_were_accepted() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    world.servicenow.faults().add(Fault::new(Effect::Jitter { ms: 30 }).of("MESSAGE"));
    let wire = Wire::of(&world, &chat);
    let said = numbered("message", 40);
    let posts = said.iter().map(|text| {
        let (wire, activity) = (wire.clone(), message(text));
        async move { wire.say(&activity).await }
    });
    let ids = join_all(posts).await;
    let mut accepted: Vec<_> = ids.into_iter().zip(said).collect();
    accepted.sort();
    let accepted: Vec<String> = accepted.into_iter().map(|(_, text)| text).collect();
    world.agent_hears(chat.conversation(), &texts(&accepted)).await;
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "user")[1..], accepted, "the echoes, behind the request for a person");
}

#[tokio::test]
async fn a_message_whose_answer_is_cut_off_is_repeated_under_its_own_ids() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    world.servicenow.faults().add(Fault::new(Effect::DropAfter).of("MESSAGE").first_tries().times(1));
    chat.say("one").await.unwrap();
    chat.say("two").await.unwrap();
    world.agent_hears(chat.conversation(), &["one", "one", "two"]).await;
    assert_is_one_call(&messages(&world, &chat)[..2]);
}

#[tokio::test]
async fn a_message_that_is_answered_after_ten_seconds_is_told_once() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let late = Effect::LateAnswer { ms: 10_500 };
    world.servicenow.faults().add(Fault::new(late).of("MESSAGE").times(1));
    chat.say("one").await.unwrap();
    chat.say("two").await.unwrap();
    eventually("both are told", || world.told(chat.conversation()).contains(&"two".to_owned())).await;
    // Who gets no processor for as long as a lease lasts makes the call again, as after a crash.
    let told = messages(&world, &chat);
    assert!(told.len() <= 3, "{told:?}");
    assert_is_one_call(&told[..told.len() - 1]);
}

#[tokio::test]
async fn a_wait_that_servicenow_asks_for_is_kept_and_holds_the_next_message_back() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let busy = Effect::RateLimited { retry_after: 2 };
    world.servicenow.faults().add(Fault::new(busy).of("MESSAGE").times(1));
    let posted = Instant::now();
    chat.say("one").await.unwrap();
    chat.say("two").await.unwrap();
    world.agent_hears(chat.conversation(), &["one", "two"]).await;
    assert!(posted.elapsed() >= Duration::from_secs(2), "it came after {:?}", posted.elapsed());
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_good_enough() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    world.servicenow.faults().add(Fault::new(Effect::NotJson).of("MESSAGE").times(1));
    chat.say("one").await.unwrap();
    chat.say("two").await.unwrap();
    world.agent_hears(chat.conversation(), &["one", "two"]).await;
}

#[tokio::test]
async fn a_message_that_servicenow_refuses_is_said_so_and_its_neighbours_arrive() {
    for effect in [Effect::Status { status: 400 }, Effect::Failure] {
        let world = World::start().await;
        let mut chat = world.live_chat().await;
        chat.say("before").await.unwrap();
        world.servicenow.faults().add(Fault::new(effect).of("MESSAGE").times(1));
        chat.say("the refused one").await.unwrap();
        chat.say("behind").await.unwrap();
        world.agent_hears(chat.conversation(), &["before", "behind"]).await;
        read_to_the_last(&world, &mut chat).await;
        let told: Vec<_> = shown(&chat, "system").into_iter().filter(|t| t.contains("refused one")).collect();
        assert_eq!(told.len(), 1, "{:?}", chat.transcript());
    }
}

#[tokio::test]
async fn what_is_said_while_servicenow_asks_for_a_login_arrives_when_it_no_longer_does() {
    for status in [302, 401] {
        let world = World::start().await;
        let mut chat = world.live_chat().await;
        world.servicenow.faults().add(Fault::new(Effect::Status { status }).of("MESSAGE").times(4));
        chat.say("one").await.unwrap();
        chat.say("two").await.unwrap();
        world.agent_hears(chat.conversation(), &["one", "two"]).await;
        read_to_the_last(&world, &mut chat).await;
        assert!(!shown(&chat, "system").iter().any(|text| text.contains("one") || text.contains("two")));
    }
}

#[tokio::test]
async fn a_message_posted_again_under_its_client_id_is_one_message_with_one_id() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let wire = Wire::of(&world, &chat);
    let first = wire.say(&named("once", "c-1")).await;
    assert_eq!(wire.say(&named("once", "c-1")).await, first);
    let at_once =
        join_all((0..8).map(|_| wire.clone()).map(|w| async move { w.say(&named("twice", "c-2")).await }));
    let ids = at_once.await;
    assert!(ids.iter().all(|id| *id == ids[0] && *id != first), "{ids:?}");
    wire.say(&named("once", "c-3")).await;
    world.agent_hears(chat.conversation(), &["once", "twice", "once"]).await;
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "user")[1..], ["once", "twice", "once"]);
    assert_eq!(shown(&chat, "agent"), [LAST]);
}

#[tokio::test]
async fn bursts_of_messages_are_delivered_without_a_poll() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let wire = Wire::of(&world, &chat);
    for burst in 1..=60 {
        join_all((0..3).map(|_| wire.clone()).map(|w| async move { w.say(&message("more")).await })).await;
        world.agent_hears(chat.conversation(), &vec!["more"; 3 * burst]).await;
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_behind_its_post_holds_nothing_up() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let wire = Wire::of(&world, &chat);
    for n in 0..40 {
        wire.post_and_hang_up(&named("more", &n.to_string()), Duration::from_micros(100 * n)).await;
        wire.say(&named("more", &n.to_string())).await;
    }
    // Were each of them to wait until somebody else's claim has ended, it would take far longer than a test waits.
    world.agent_hears(chat.conversation(), &["more"; 40]).await;
}

fn messages(world: &World, chat: &ChatClient) -> Vec<Recorded> {
    let requests = world.servicenow.requests_of(chat.conversation());
    requests.into_iter().filter(|request| request.action.is_empty()).collect()
}

fn assert_is_one_call(tries: &[Recorded]) {
    let [first, rest @ ..] = tries else { panic!("never told") };
    for again in rest {
        assert_eq!(again.request_id, first.request_id);
        assert_eq!(again.client_message_id, first.client_message_id);
        assert_eq!(again.body, first.body);
    }
}

/// All chats share one user, whose calls an instance may count.
#[tokio::test]
async fn where_calls_run_low_signs_are_left_out_and_words_go_on() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let signs = || world.actions(&session).iter().filter(|action| *action == "TYPING").count();
    let counters = world.handoff.counters.clone();
    // Words end the typing before them, which is a sign as well.
    for (remaining, left_out) in [(60, 0), (19, 1), (7, 3)] {
        world.servicenow.faults().clear();
        world.servicenow.faults().add(Fault::new(Effect::Remaining { calls: remaining }));
        let words = format!("{remaining} left");
        chat.say(&words).await.unwrap();
        eventually("the words are there", || world.told(&session).contains(&words)).await;
        chat.post(&json!({"type": "typing", "from": {"id": "jo"}})).await.unwrap();
        let dropped = || counters.all().of(Count::SignsDropped);
        eventually("the sign went out or not", || (signs(), dropped()) == (1, left_out)).await;
    }
}
