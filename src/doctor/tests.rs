use super::*;
use crate::config::Secrets;

fn on(vars: &[(&str, &str)], unknown: &[String]) -> Report {
    let var = |name: &str| vars.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    let (settings, faults) = Settings::read(var, Secrets::new());
    Report::on_settings(&Setup { settings, faults, secrets: Secrets::new(), unknown: unknown.to_vec() })
}

#[test]
fn right_settings_are_healthy_and_tell_what_is_off() {
    let report = on(&[], &["RELAY_KEYS".to_owned()]);
    let text = report.to_string();
    assert!(report.is_healthy());
    assert!(
        text.contains("off      role.live_agent: The live-agent hand-off is off. SERVICENOW_URL is not set"),
        "{text}"
    );
    assert!(text.contains("\n         -> Set SERVICENOW_URL with a login"), "{text}");
    assert!(text.contains("caution  settings.unknown RELAY_KEYS: RELAY_KEYS is not a setting"), "{text}");
    assert_eq!(report.to_json()["healthy"], true);
}

#[test]
fn every_wrong_setting_is_a_finding_with_a_fix() {
    let report = on(&[("LOG", "x y"), ("STORE", "x y")], &[]);
    assert!(!report.is_healthy());
    let findings = report.findings();
    let findings: Vec<_> = findings.iter().filter(|it| it.code != "platform").collect();
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|it| it.verdict == Verdict::Wrong && it.fix.is_some()), "{report}");
    assert_eq!(findings[0].subject.as_deref(), Some("STORE"));
}

#[test]
fn a_far_end_whose_setting_is_wrong_is_not_called() {
    let (_, faults) =
        Settings::read(|name| (name == "SERVICENOW_PASSWORD").then(|| "p".to_owned()), Secrets::new());
    let skipped = settings::not_checked("servicenow", &faults, &["SERVICENOW_"]).expect("a finding");
    assert_eq!(skipped.verdict, Verdict::Off);
    assert!(settings::not_checked("store", &faults, &["STORE"]).is_none());
}
