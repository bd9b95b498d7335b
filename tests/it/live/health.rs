//! Alive and ready are two questions.

use serde_json::Value;

use crate::world::World;

async fn ask(world: &World, path: &str) -> (u16, Value) {
    let answer = world.http.get(format!("{}{path}", world.url)).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn a_process_that_can_work_is_alive_and_ready() {
    let world = World::start().await;
    assert_eq!(ask(&world, "/").await.0, 200);
    let (status, body) = ask(&world, "/api/health").await;
    assert_eq!(
        (status, body),
        (200, serde_json::json!({"status": "up", "version": env!("CARGO_PKG_VERSION")}))
    );
}

#[tokio::test]
async fn a_process_that_does_not_know_where_direct_line_is_is_alive_and_not_ready() {
    let nobody = [("DIRECT_LINE_URL", ""), ("COPILOT_TOKEN_ENDPOINT", "http://127.0.0.1:9/token")];
    let world = World::with(&nobody).await;
    assert_eq!(ask(&world, "/").await.0, 200);
    let (status, body) = ask(&world, "/api/health").await;
    assert_eq!((status, &body["status"]), (503, &"not up".into()));
}
