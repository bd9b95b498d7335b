//! What can be wrong with ServiceNow.

use servicenow_handoff::{
    doctor::{Depth, Verdict},
    simulate::servicenow::{self, Effect, Fault, ServiceNowOptions, Standing},
};

use crate::doctor::{
    fake,
    world::{World, instance},
};

#[tokio::test]
async fn a_wrong_password_is_told_apart_from_a_missing_right() {
    let world = World::new().await.set("SERVICENOW_PASSWORD", "SECRET-wrong");
    let told = world.examine().await.only_wrong("servicenow.login");
    assert!(told.contains("401") && told.contains("SERVICENOW_PASSWORD"), "{told}");

    let world = World::new().await;
    world.servicenow.faults().add(Fault::status(403));
    let told = world.examine().await.only_wrong("servicenow.login");
    assert!(told.contains("may not call the API") && told.contains("ACL"), "{told}");
}

#[tokio::test]
async fn an_instance_that_demands_a_login_says_so_to_one_who_has_none() {
    let world = World::new().await.set("SERVICENOW_USERNAME", "").set("SERVICENOW_PASSWORD", "");
    let told = world.examine().await.only_wrong("servicenow.login");
    assert!(told.contains("none is set") && told.contains("Requires authentication"), "{told}");
}

#[tokio::test]
async fn oauth_is_judged_apart_from_the_call_behind_it() {
    let oauth = async || {
        World::new()
            .await
            .set("SERVICENOW_USERNAME", "")
            .set("SERVICENOW_PASSWORD", "")
            .set("SERVICENOW_CLIENT_ID", "client")
            .set("SERVICENOW_CLIENT_SECRET", "SECRET-client")
    };
    let found = oauth().await.examine().await;
    assert_eq!(found.one("servicenow.oauth").verdict, Verdict::Good);
    assert_eq!(found.one("servicenow.login").verdict, Verdict::Good);

    let wrong = oauth().await.set("SERVICENOW_CLIENT_SECRET", "SECRET-other");
    let told = wrong.examine().await.only_wrong("servicenow.oauth");
    assert!(told.contains("invalid_client") && told.contains("Application Registry"), "{told}");

    let user = oauth().await.set("SERVICENOW_USERNAME", "connector").set("SERVICENOW_PASSWORD", "SECRET-no");
    let told = user.examine().await.only_wrong("servicenow.oauth");
    assert!(told.contains("SERVICENOW_PASSWORD"), "{told}");

    let scope = oauth().await;
    scope.servicenow.faults().add(Fault::status(401));
    let told = scope.examine().await.only_wrong("servicenow.login");
    assert!(told.contains("REST API auth scope"), "{told}");
}

#[tokio::test]
async fn a_missing_plug_in_is_named() {
    for fault in [Fault::new(Effect::NoSuchResource), Fault::status(404), Fault::status(405)] {
        let world = World::new().await;
        world.servicenow.faults().add(fault);
        let found = world.examine().await;
        let told = found.only_wrong("servicenow.plugin");
        assert!(told.contains("sn_va_as_service"), "{told}");
        assert_eq!(found.one("servicenow.message_authentication").verdict, Verdict::Off);
    }
}

#[tokio::test]
async fn an_instance_out_of_reach_is_told_apart_from_a_failing_one() {
    let world = World::new().await.set("SERVICENOW_URL", &fake::nobody());
    let told = world.examine().await.only_wrong("servicenow.reach");
    assert!(told.contains("refuses the connection") && told.contains("SERVICENOW_URL"), "{told}");

    let world = World::new().await;
    let plain = world.servicenow.url().replace("http://", "https://");
    let told = world.set("SERVICENOW_URL", &plain).examine().await.only_wrong("servicenow.reach");
    assert!(told.contains("does not speak TLS"), "{told}");

    let world = World::new().await;
    world.servicenow.faults().add(Fault::status(500));
    let told = world.examine().await.only_wrong("servicenow.reach");
    assert!(told.contains("status 500"), "{told}");

    let world = World::new().await.set("SERVICENOW_URL", &fake::hanging_up());
    let told = world.examine().await.only_wrong("servicenow.reach");
    assert!(told.contains("did not answer in full"), "{told}");
}

#[tokio::test]
async fn a_rate_limit_is_a_caution_and_a_sleeping_instance_is_not() {
    let world = World::new().await;
    world.servicenow.faults().add(Fault::new(Effect::RateLimited { retry_after: 7 }));
    let found = world.examine().await;
    assert_eq!(found.one("servicenow.reach").verdict, Verdict::Caution);
    let last = found.report().summary();
    assert!(!found.report().is_healthy() && last.contains("Not known: servicenow.reach could"), "{last}");
    let skipped = found.one("servicenow.message_authentication").to_string();
    assert!(skipped.contains("Look first at what is said of ServiceNow above"), "{skipped}");

    for page in ["<html>Hibernating</html>", "\u{feff}\r\n<html>Hibernating</html>"] {
        let page = fake::answering("200 OK", &[("content-type", "text/html")], page);
        let told = World::new().await.set("SERVICENOW_URL", &page).examine().await;
        let told = told.only_wrong("servicenow.reach");
        assert!(told.contains("developer"), "{told}");
    }

    let portal =
        fake::answering("302 Found", &[("location", "https://login.example.com/sso?key=SECRET-k")], "");
    let told =
        World::new().await.set("SERVICENOW_URL", &portal).examine().await.only_wrong("servicenow.reach");
    assert!(told.contains("to https://login.example.com/sso"), "{told}");
}

#[tokio::test]
async fn a_status_that_says_it_failed_is_no_silence_and_no_wish_to_wait() {
    let unavailable = "503 Service Unavailable";
    let wait: &[_] = &[("retry-after", "30")];
    for (status, headers, expected) in [
        (unavailable, wait, "failed with status 503"),
        (unavailable, &[], "failed with status 503"),
        ("502 Bad Gateway", &[], "status 502: something in front of it got no answer"),
        ("504 Gateway Timeout", &[], "status 504: something in front of it got no answer"),
        ("408 Request Timeout", &[], "status 408: something in front of it got no answer"),
    ] {
        let url = fake::answering(status, headers, "");
        let told = World::new().await.set("SERVICENOW_URL", &url).examine().await;
        let told = told.only_wrong("servicenow.reach");
        assert!(told.contains(expected) && told.contains("status page"), "{status}: {told}");
        let told = World::new().await.set("DIRECT_LINE_URL", &url).examine().await;
        assert!(told.only_wrong("direct_line.reach").contains(expected), "{status}");
        let endpoint = format!("{url}directline/token?api-version=1");
        let told = World::new().await.set("COPILOT_TOKEN_ENDPOINT", &endpoint).examine().await;
        assert!(told.only_wrong("direct_line.token_endpoint").contains(expected), "{status}");
    }
    let gateway = fake::answering("502 Bad Gateway", &[], "");
    let world = World::new().await.set("DIRECT_LINE_URL", &gateway);
    let found = world.examine_to(Depth::Deep).await;
    assert!(found.only_wrong("direct_line.reach").contains("got no answer"), "{}", found.report());
    assert_eq!(found.one("direct_line.agent").verdict, Verdict::Off, "{}", found.report());
    let oauth =
        World::new().await.set("SERVICENOW_CLIENT_ID", "c").set("SERVICENOW_CLIENT_SECRET", "SECRET-c");
    let told = oauth.set("SERVICENOW_URL", &gateway).examine().await.only_wrong("servicenow.reach");
    assert!(told.contains("got no answer") && !told.contains("within 5 s"), "{told}");
}

#[tokio::test]
async fn whatever_else_answers_is_not_taken_for_servicenow() {
    for (status, body) in [
        ("200 OK", "{}"),
        ("200 OK", "Welcome"),
        ("200 OK", "[]"),
        ("400 Bad Request", "<html>"),
        ("404 Not Found", "<html>"),
        ("405 Method Not Allowed", ""),
    ] {
        let world = World::new().await.set("SERVICENOW_URL", &fake::answering(status, &[], body));
        let found = world.examine().await;
        let told = found.only_wrong("servicenow.reach");
        assert!(told.contains("something else") && told.contains("SERVICENOW_URL"), "{status} {told}");
        let judged = found.report().findings().iter().any(|it| it.code == "servicenow.login");
        assert!(!judged, "{status}: {}", found.report());
    }
}

#[tokio::test]
async fn what_keeps_us_out_before_the_instance_is_not_taken_for_its_login() {
    for (status, body) in [
        ("401 Unauthorized", "<html>"),
        ("401 Unauthorized", ""),
        ("403 Forbidden", "<html>Your IP address is blocked</html>"),
        ("403 Forbidden", ""),
    ] {
        let world = World::new().await.set("SERVICENOW_URL", &fake::answering(status, &[], body));
        let told = world.examine().await.only_wrong("servicenow.reach");
        assert!(told.contains("firewall") && told.contains("SERVICENOW_URL"), "{status} {body}: {told}");
    }
}

#[tokio::test]
async fn a_conversation_that_may_have_been_opened_is_ended_too() {
    let world = World::new().await;
    world.servicenow.faults().add(Fault::new(Effect::DropAfter).of("CREATE_CONVERSATION"));
    let told = world.examine_to(Depth::Deep).await.only_wrong("servicenow.message_authentication");
    assert!(told.contains("SERVICENOW_URL") && !told.contains("SERVICENOW_TOKEN"), "{told}");
    let asked: Vec<_> = world.servicenow.requests().iter().map(|asked| asked.action.clone()).collect();
    assert_eq!(asked, ["CREATE_CONVERSATION", "END_CONVERSATION"]);
    assert_eq!(world.servicenow.chats()[0].standing, Standing::Ended);
}

#[tokio::test]
async fn message_authentication_is_only_judged_when_asked_for() {
    let world = World::new().await.set("SERVICENOW_TOKEN", "SECRET-wrong");
    let found = world.examine().await;
    let told = found.one("servicenow.message_authentication");
    assert_eq!(told.verdict, Verdict::Off);
    assert!(told.text.contains("silent") && told.fix.as_deref().unwrap().contains("--deep"), "{told}");
    assert!(world.servicenow.requests().is_empty() && world.servicenow.chats().is_empty());
}

#[tokio::test]
async fn a_wrong_message_token_is_found_by_its_silence() {
    let world = World::new().await.set("SERVICENOW_TOKEN", "SECRET-wrong");
    let told = world.examine_to(Depth::Deep).await.only_wrong("servicenow.message_authentication");
    assert!(told.contains("token_verification"), "{told}");
    assert!(world.servicenow.chats().is_empty());

    let older = world.set("SERVICENOW_START", "agent").examine_to(Depth::Deep).await;
    assert_eq!(older.one("servicenow.message_authentication").verdict, Verdict::Caution);
}

#[tokio::test]
async fn a_right_message_token_is_found_without_an_agent_being_offered_a_chat() {
    let world = World::new().await;
    let found = world.examine_to(Depth::Deep).await;
    assert_eq!(found.one("servicenow.message_authentication").verdict, Verdict::Good);
    let asked: Vec<_> = world.servicenow.requests().iter().map(|asked| asked.action.clone()).collect();
    assert_eq!(asked, ["CREATE_CONVERSATION", "END_CONVERSATION"]);
    let chats = world.servicenow.chats();
    assert_eq!(chats.len(), 1);
    assert_eq!(chats[0].standing, Standing::Ended);
    assert_eq!(chats[0].waiting_since, None, "it was never queued");
}

#[tokio::test]
async fn a_signature_is_judged_like_a_token() {
    let options =
        ServiceNowOptions { message_token: None, hash_secret: Some("SECRET-hash".to_owned()), ..instance() };
    let servicenow = servicenow::start(options).await.unwrap();
    for (secret, good) in [("SECRET-hash", true), ("SECRET-other", false)] {
        let world = World::new().await;
        let world = world.set("SERVICENOW_URL", servicenow.url()).set("SERVICENOW_TOKEN", "");
        let found = world.set("SERVICENOW_HASH_SECRET", secret).examine_to(Depth::Deep).await;
        assert_eq!(found.one("servicenow.message_authentication").verdict == Verdict::Good, good);
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_noticed() {
    for (date, verdict) in [
        (fake::date(0), Verdict::Good),
        (fake::date(-90), Verdict::Caution),
        (fake::date(90), Verdict::Caution),
        (fake::date(3_600), Verdict::Wrong),
    ] {
        let instance = fake::answering("400 Bad Request", &[("date", &date)], r#"{"status":"failure"}"#);
        let found = World::new().await.set("SERVICENOW_URL", &instance).examine().await;
        assert_eq!(found.one("clock.servicenow").verdict, verdict, "{date}");
    }
}
