//! From the agent to the user: webhooks that come again, late, or out of order.

use futures_util::future::join_all;
use servicenow_handoff::simulate::servicenow::{ServiceNowOptions, WebhookFaults};

use super::{LAST, numbered, read_to_the_last, send_webhook, shown, webhook};
use crate::world::World;

#[tokio::test]
async fn a_webhook_that_comes_three_times_is_shown_once() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for _ in 0..3 {
        let result = world.servicenow.say_with_id(&session, "Hello", "one-id").await;
        assert_eq!(result.status, Some(200));
    }
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "agent"), ["Hello", LAST]);
}

#[tokio::test]
async fn three_equal_texts_with_ids_of_their_own_are_shown_three_times() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for id in ["one", "two", "three"] {
        assert_eq!(world.servicenow.say_with_id(&session, "ok", id).await.status, Some(200));
    }
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "agent"), ["ok", "ok", "ok", LAST]);
}

#[tokio::test]
async fn one_webhook_over_many_connections_at_once_is_shown_once() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut chat = world.live_chat().await;
    let body = webhook(chat.conversation(), "Hello", "one-id");
    let roots = [&world.url, &second].into_iter().cycle().take(12);
    let statuses = join_all(roots.map(|root| send_webhook(&world, root, &body))).await;
    assert_eq!(statuses, [200; 12]);
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "agent"), ["Hello", LAST]);
}

#[tokio::test]
async fn webhooks_that_come_twice_late_and_out_of_order_are_each_shown_once() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.servicenow.faults().set_webhooks(WebhookFaults { duplicate: 1, reorder: true, delay_ms: 20 });
    let said = numbered("line", 10);
    let sent = join_all(said.iter().map(|text| world.servicenow.say(&session, text))).await;
    assert!(sent.iter().all(|result| result.status == Some(200)), "{sent:?}");
    world.servicenow.faults().clear();
    read_to_the_last(&world, &mut chat).await;
    let mut seen = shown(&chat, "agent");
    assert_eq!(seen.pop().as_deref(), Some(LAST));
    assert_ne!(seen, said, "the simulator sent them in order");
    seen.sort_by_key(|text| said.iter().position(|one| one == text));
    assert_eq!(seen, said);
    assert_eq!(chat.repeated, 0);
}

#[tokio::test]
async fn a_webhook_repeated_because_its_answer_was_lost_is_shown_once() {
    let options = ServiceNowOptions { abandon_on_error: false, ..ServiceNowOptions::default() };
    let world = World::between(Default::default(), options, &[]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for (text, id) in [("one", "1"), ("two", "2"), ("one", "1"), ("three", "3"), ("two", "2")] {
        assert!(world.servicenow.say_with_id(&session, text, id).await.is_success());
    }
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "agent"), ["one", "two", "three", LAST]);
}
