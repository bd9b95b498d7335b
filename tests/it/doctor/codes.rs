//! The stable part of a report: its codes, their order, and the page that explains them.

use std::{fs, path::Path};

use serde_json::Value;
use servicenow_handoff::doctor::{CODES, Depth, Verdict};

use crate::doctor::world::World;

#[tokio::test]
async fn a_right_set_up_is_healthy_through_and_through() {
    let world = World::new().await;
    let found = world.examine_to(Depth::Deep).await;
    let json = found.report().to_json();
    assert_eq!(json["healthy"], true);
    let told: Vec<_> = json["findings"].as_array().unwrap().iter().map(row).collect();
    let expected = [
        "platform ok",
        "role.live_agent ok",
        "role.relay off",
        "role.secondary_bot off",
        "settings.caution caution",
        "settings.caution caution",
        "store.open ok",
        "store.journal ok",
        "direct_line.root ok",
        "direct_line.reach ok",
        "clock.direct_line ok",
        "direct_line.secret ok",
        "direct_line.refresh ok",
        "direct_line.agent ok",
        "servicenow.reach ok",
        "servicenow.login ok",
        "servicenow.plugin ok",
        "clock.servicenow ok",
        "servicenow.message_authentication ok",
        "responses.endpoint off",
    ];
    assert_eq!(told, expected);
}

/// Code and verdict, after a look at the other keys.
fn row(finding: &Value) -> String {
    let keys: Vec<_> = finding.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "fix", "subject", "text", "verdict"]);
    assert!(finding["text"].is_string());
    assert!(finding["fix"].is_string() || finding["fix"].is_null());
    format!("{} {}", finding["code"].as_str().unwrap(), finding["verdict"].as_str().unwrap())
}

#[tokio::test]
async fn one_failing_check_does_not_hide_the_next() {
    let world = World::new().await.set("LOG", "no such level").set("DIRECT_LINE_SECRET", "SECRET-wrong");
    let world = world.set("SERVICENOW_PASSWORD", "SECRET-wrong").set("PUBLIC_URL", "ftp://example.com/");
    let found = world.examine().await;
    let wrong = found.codes_of(Verdict::Wrong);
    assert_eq!(
        wrong,
        ["settings", "settings", "direct_line.secret", "servicenow.login"],
        "{}",
        found.report()
    );
    assert_eq!(found.one("responses.endpoint").verdict, Verdict::Off);
    assert_eq!(found.one("store.journal").verdict, Verdict::Good);
}

#[test]
fn every_code_is_explained() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, page) = page.split_once("## Findings").unwrap();
    let explained: Vec<_> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).collect();
    let explained: Vec<_> = explained.into_iter().map(|(code, _)| code).collect();
    assert_eq!(explained, CODES);
}
