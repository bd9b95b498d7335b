//! The stable part of a report: its codes, their order, and the page that explains them.

use serde_json::Value;
use servicenow_handoff::{
    config::{Secrets, Settings},
    doctor::{CODES, Depth, Report, Setup, Verdict},
};

use crate::{docs::file, doctor::world::World};

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
    let page = findings_page();
    let explained: Vec<_> = explained(&page).into_iter().map(|(code, _)| code).collect();
    assert_eq!(explained, CODES);
}

#[test]
fn a_role_that_is_off_is_told_what_to_set_on_the_page_as_well() {
    let nothing = |_: &str| None;
    let (settings, faults) = Settings::read(nothing, Secrets::new());
    let report = Report::on_settings(&Setup { settings, faults, secrets: Secrets::new(), unknown: vec![] });
    let page = findings_page();
    for (code, row) in explained(&page).into_iter().filter(|(code, _)| code.starts_with("role.")) {
        let told = report.findings().iter().find(|finding| finding.code == code).unwrap();
        let (_, off) = row.split_once("| off: ").unwrap_or_else(|| panic!("{row}: {told}"));
        assert_eq!(told.verdict, Verdict::Off, "{row}: {told}");
        for setting in off.split('`').skip(1).step_by(2) {
            let is_told = format!("{} {}", told.text, told.fix.as_deref().unwrap()).contains(setting);
            assert!(is_told, "{setting}: {told}");
        }
    }
}

fn findings_page() -> String {
    let page = file("docs/doctor.md");
    page.split_once("## Findings").unwrap().1.to_owned()
}

/// Codes and the rest of their rows.
fn explained(page: &str) -> Vec<(&str, &str)> {
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).collect()
}
