//! What can be wrong with Direct Line and the agents behind it.

use servicenow_handoff::doctor::{Depth, Verdict};

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
    assert!(told.contains("404") && told.contains("publish the agent"), "{told}");
    assert!(!told.contains("api-version"), "a query may hold a key: {told}");
}

#[tokio::test]
async fn an_agent_that_direct_line_cant_reach_is_told_by_what_is_answered() {
    let sign_in = r#"{"error":{"code":"IntegratedAuthenticationNotSupportedInChannel"}}"#;
    let policy = r#"{"ErrorCode":"DataLossPreventionViolation"}"#;
    let no_route = "The request URI does not match any known API routes.";
    for (status, body, hints) in [
        ("403 Forbidden", "{}", ["Require secured access", "data policy"]),
        ("403 Forbidden", sign_in, ["signs its users in with Microsoft", "No authentication"]),
        ("403 Forbidden", policy, ["data policy of the Power Platform", "administrator"]),
        ("404 Not Found", "{}", ["no such agent", "new experience"]),
        ("404 Not Found", no_route, ["no token endpoint", "new experience"]),
        ("400 Bad Request", "LatestPublishedVersionNotFound", ["never published", "Publish the agent"]),
    ] {
        let endpoint = format!("{}directline/token?api-version=1", fake::answering(status, &[], body));
        let world = World::new().await.set("COPILOT_TOKEN_ENDPOINT", &endpoint);
        let told = world.examine().await;
        let found = told.one("direct_line.token_endpoint");
        let told = format!("{} {}", found.text, found.fix.as_deref().unwrap());
        assert!(hints.iter().all(|hint| told.contains(hint)), "{status} {body}: {told}");
    }
}

#[tokio::test]
async fn a_channel_that_is_gone_is_not_taken_for_a_wrong_secret() {
    let body = r#"{"error":{"code":"BadArgument","message":"Site missing. Learn more about sites"}}"#;
    let gone = fake::answering("403 Forbidden", &[], body);
    let found = World::new().await.set("DIRECT_LINE_URL", &gone).examine_to(Depth::Deep).await;
    let secret = found.one("direct_line.secret");
    assert!(secret.text.contains("no Direct Line channel"), "{secret}");
    assert!(found.one("direct_line.agent").text.ends_with("see direct_line.secret."), "{}", found.report());
}

#[tokio::test]
async fn what_the_token_endpoint_answers_is_blamed_on_it_alone() {
    for status in ["404 Not Found", "403 Forbidden", "401 Unauthorized", "400 Bad Request"] {
        let endpoint = format!("{}directline/token?api-version=1", fake::answering(status, &[], "{}"));
        let world = World::new().await.set("DIRECT_LINE_SECRET", "").set("COPILOT_TOKEN_ENDPOINT", &endpoint);
        let found = world.examine_to(Depth::Deep).await;
        found.only_wrong("direct_line.token_endpoint");
        let agent = found.one("direct_line.agent");
        assert_eq!(agent.verdict, Verdict::Off, "{agent}");
        assert!(agent.text.ends_with("see direct_line.token_endpoint."), "{agent}");
    }
}

#[tokio::test]
async fn with_deep_the_agent_is_heard_and_its_conversation_ended() {
    let world = World::new().await;
    let found = world.examine_to(Depth::Deep).await;
    assert_eq!(found.one("direct_line.agent").verdict, Verdict::Good, "{}", found.report());
    assert_eq!(world.copilot.conversations().len(), 1);
    assert_eq!(world.examine().await.one("direct_line.agent").verdict, Verdict::Off);
    assert_eq!(world.copilot.conversations().len(), 1);
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

    let endpoint = format!("{}directline/token?api-version=1", fake::nobody());
    let world = World::new().await.set("DIRECT_LINE_URL", "").set("COPILOT_TOKEN_ENDPOINT", &endpoint);
    let told = world.examine().await.only_wrong("direct_line.root");
    assert!(told.contains("COPILOT_TOKEN_ENDPOINT"), "{told}");
}

#[tokio::test]
async fn a_token_endpoint_that_must_tell_the_root_says_why_it_gives_no_token() {
    for (status, hint) in [("401 Unauthorized", "secured access"), ("404 Not Found", "no such agent")] {
        let root = fake::answers(move |path| match path.contains("regionalchannelsettings") {
            true => ("404 Not Found", "{}"),
            false => (status, "{}"),
        });
        let endpoint = format!("{root}directline/token?api-version=1");
        let world = World::new().await.set("DIRECT_LINE_URL", "").set("COPILOT_TOKEN_ENDPOINT", &endpoint);
        let told = world.examine().await.only_wrong("direct_line.token_endpoint");
        assert!(told.contains(hint), "{told}");
    }
}

#[tokio::test]
async fn a_host_that_tells_no_region_is_not_said_to_have_told_one() {
    for page in ["<html>", "{}", r#"{"channelUrlsById":{"directline":"http://directline.example.com/"}}"#] {
        let root = fake::answers(move |path| match path.contains("regionalchannelsettings") {
            true => ("200 OK", page),
            false => ("200 OK", r#"{"token":"opaque","conversationId":"c","expires_in":3600}"#),
        });
        let own = format!("{root}directline/token?api-version=1");
        let world = World::new().await.set("DIRECT_LINE_URL", "").set("COPILOT_TOKEN_ENDPOINT", &own);
        let found = world.examine().await;
        let told = &found.one("direct_line.root").text;
        assert!(told.contains("names no other"), "{page}: {told}");
    }
}

#[tokio::test]
async fn whatever_else_answers_is_not_taken_for_direct_line() {
    let page = "<html>Welcome";
    for (status, body) in [
        ("200 OK", page),
        ("200 OK", "{}"),
        ("204 No Content", ""),
        ("401 Unauthorized", page),
        ("403 Forbidden", page),
        ("403 Forbidden", "{}"),
        ("403 Forbidden", r#"{"error":"blocked"}"#),
        ("404 Not Found", page),
        ("418 I'm a teapot", ""),
    ] {
        let root = fake::answering(status, &[], body);
        for secret in ["", "SECRET-direct-line"] {
            let world = World::new().await.set("DIRECT_LINE_URL", &root).set("DIRECT_LINE_SECRET", secret);
            let told = world.examine().await.only_wrong("direct_line.reach");
            assert!(told.contains("something else") && told.contains("DIRECT_LINE_URL"), "{status} {told}");
        }
    }
    let endpoint = format!("{}directline/token?api-version=1", fake::answering("200 OK", &[], page));
    let world = World::new().await.set("COPILOT_TOKEN_ENDPOINT", &endpoint);
    let told = world.examine().await.only_wrong("direct_line.token_endpoint");
    assert!(told.contains("COPILOT_TOKEN_ENDPOINT") && !told.contains("status page"), "{told}");
}

#[tokio::test]
async fn the_clock_of_direct_line_counts_too() {
    let body = r#"{"error":{"code":"BadArgument","message":"Missing token or secret"}}"#;
    let late = fake::answering("403 Forbidden", &[("date", &fake::date(600))], body);
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
