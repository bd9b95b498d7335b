//! What can be wrong with Direct Line and the agents behind it.

use servicenow_handoff::doctor::Verdict;

use crate::doctor::{
    fake,
    world::{World, agent},
};

#[tokio::test]
async fn a_wrong_secret_is_named_and_the_region_thought_of() {
    let world = World::new().await.set("DIRECT_LINE_SECRET", "SECRET-wrong");
    let told = world.examine().await.only_wrong("direct_line.secret");
    assert!(told.contains("403") && told.contains("another region"), "{told}");
}

#[tokio::test]
async fn no_conversation_is_started() {
    let world = World::new().await;
    let endpoint = world.copilot.token_endpoint();
    let world = world.set("COPILOT_TOKEN_ENDPOINT", &endpoint);
    let found = world.examine().await;
    for code in ["direct_line.secret", "direct_line.token_endpoint", "direct_line.reach"] {
        assert_eq!(found.one(code).verdict, Verdict::Good);
    }
    assert!(world.copilot.conversations().is_empty());
}

#[tokio::test]
async fn the_token_endpoint_tells_the_root_and_opens_it() {
    let world = World::new().await;
    let endpoint = world.copilot.token_endpoint();
    let world = world.set("DIRECT_LINE_URL", "").set("DIRECT_LINE_SECRET", "");
    let found = world.set("COPILOT_TOKEN_ENDPOINT", &endpoint).examine().await;
    assert!(found.one("direct_line.root").text.contains("COPILOT_TOKEN_ENDPOINT tells"));
    assert_eq!(found.one("direct_line.token_endpoint").verdict, Verdict::Good);
    assert_eq!(found.one("direct_line.refresh").verdict, Verdict::Good);
    assert_eq!(found.one("direct_line.secret").verdict, Verdict::Off);
}

#[tokio::test]
async fn a_token_endpoint_of_another_agent_gives_no_token() {
    let world = World::new().await;
    let endpoint = world.copilot.token_endpoint().replace("cr001_guide", "cr001_gone");
    let world = world.set("DIRECT_LINE_SECRET", "").set("COPILOT_TOKEN_ENDPOINT", &endpoint);
    let told = world.examine().await.only_wrong("direct_line.token_endpoint");
    assert!(told.contains("404") && told.contains("published"), "{told}");
    assert!(!told.contains("api-version"), "a query may hold a key: {told}");
}

#[tokio::test]
async fn a_root_in_another_region_than_the_agent_is_found() {
    let abroad = agent("SECRET-abroad").await;
    let world = World::new().await.set("DIRECT_LINE_SECRET", "");
    let world = world.set("COPILOT_TOKEN_ENDPOINT", &abroad.token_endpoint());
    let found = world.examine().await;
    let regions: Vec<_> =
        found.report().findings().iter().filter(|it| it.code == "direct_line.region").collect();
    assert_eq!(regions.len(), 2, "{}", found.report());
    assert_eq!(regions[0].verdict, Verdict::Caution);
    assert_eq!(regions[1].verdict, Verdict::Wrong);
    assert!(regions[1].fix.as_deref().unwrap().contains("DIRECT_LINE_URL"));
}

#[tokio::test]
async fn a_direct_line_out_of_reach_is_told_apart_from_something_else_there() {
    let world = World::new().await.set("DIRECT_LINE_URL", &fake::nobody());
    let told = world.examine().await.only_wrong("direct_line.reach");
    assert!(told.contains("refuses the connection") && told.contains("DIRECT_LINE_URL"), "{told}");

    let teapot = fake::answering("418 I'm a teapot", &[], "");
    let told = World::new().await.set("DIRECT_LINE_URL", &teapot).examine().await;
    assert!(told.one("direct_line.reach").text.contains("isn't Direct Line"));

    let endpoint = format!("{}directline/token?api-version=1", fake::nobody());
    let world = World::new().await.set("DIRECT_LINE_URL", "").set("COPILOT_TOKEN_ENDPOINT", &endpoint);
    let told = world.examine().await.only_wrong("direct_line.root");
    assert!(told.contains("COPILOT_TOKEN_ENDPOINT"), "{told}");
}

#[tokio::test]
async fn the_clock_of_direct_line_counts_too() {
    let late = fake::answering("403 Forbidden", &[("date", &fake::date(600))], "{}");
    let found = World::new().await.set("DIRECT_LINE_URL", &late).examine().await;
    assert_eq!(found.one("clock.direct_line").verdict, Verdict::Wrong);
}

#[tokio::test]
async fn each_secondary_agent_is_judged_by_its_own_secret() {
    let world = World::new().await;
    let agents = format!(r#"{{"hr":"{}","it":"SECRET-wrong"}}"#, world.copilot.secret());
    let world = world.set("SECONDARY_TOKEN", "SECRET-primary").set("SECONDARY_AGENTS", &agents);
    let found = world.examine().await;
    let agents: Vec<_> = found.report().findings().iter().filter(|it| it.code == "secondary.agent").collect();
    let told: Vec<_> = agents.iter().map(|it| (it.subject.as_deref().unwrap(), it.verdict)).collect();
    assert_eq!(told, [("hr", Verdict::Good), ("it", Verdict::Wrong)]);
}
