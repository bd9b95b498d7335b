//! The storage account fails for a while: nothing is taken that could not be kept, and nobody is told more than that.

use serde_json::{Value, json};

use crate::{
    azurite::{handoff::Stage, proxy::Weather},
    world::World,
};

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn an_account_that_fails_is_told_of_by_health_and_loses_nothing() {
    let stage = Stage::start().await;
    let world = &stage.world;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    chat.say("before").await.unwrap();
    world.agent_hears(&session, &["before"]).await;
    chat.see("the user's words", |activity| activity["text"] == "before").await.unwrap();
    assert_eq!(health(world).await, (200, json!("up")));

    stage.proxy.set(Weather { busy: 1_000, ..Weather::default() });
    assert_eq!(health(world).await, (503, json!("not up")));
    assert_eq!(world.http.get(&world.url).send().await.unwrap().status(), 200, "the process is alive");
    let seen = chat.poll().await.unwrap();
    assert!(seen.is_empty(), "a poll is answered, with nothing: {seen:?}");
    let refused = chat.say("during").await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
    assert_eq!(world.servicenow.say_with_id(&session, "from the agent", "m-1").await.status, Some(503));

    stage.proxy.set(Weather::default());
    assert_eq!(health(world).await, (200, json!("up")));
    chat.say("after").await.unwrap();
    assert_eq!(world.servicenow.say_with_id(&session, "from the agent", "m-1").await.status, Some(200));
    chat.see("the agent's words", |activity| activity["text"] == "from the agent").await.unwrap();
    world.agent_hears(&session, &["before", "after"]).await;
    assert_eq!(chat.repeated, 0);
}

async fn health(world: &World) -> (u16, Value) {
    let answer = world.http.get(format!("{}/api/health", world.url)).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    (status, body["status"].clone())
}
