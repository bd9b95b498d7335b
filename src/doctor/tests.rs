use super::*;
use crate::config::Secrets;

fn on(vars: &[(&str, &str)], unknown: &[&str]) -> Report {
    let var = |name: &str| vars.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    let (settings, faults) = Settings::read(var, Secrets::new());
    let unknown = misspelt(unknown.iter().map(|name| (*name).to_owned()));
    Report::on_settings(&Setup { settings, faults, secrets: Secrets::new(), unknown })
}

#[test]
fn right_settings_are_healthy_and_tell_what_is_off() {
    let report = on(&[], &["RELAY_KEYS"]);
    let text = report.to_string();
    assert!(report.is_healthy());
    assert!(
        text.contains("off      role.live_agent: The live-agent hand-off is off. SERVICENOW_URL is not set"),
        "{text}"
    );
    assert!(text.contains("\n         -> Set SERVICENOW_URL with a login"), "{text}");
    assert!(text.contains("caution  settings.unknown RELAY_KEYS: RELAY_KEYS is not a setting"), "{text}");
    assert!(text.contains("\n         -> Did you mean RELAY_KEY?"), "{text}");
    assert!(
        text.ends_with("\n\n1 ok, 3 off, 1 caution, 0 wrong. Ready; look at the one caution.\n"),
        "{text}"
    );
    assert_eq!(report.to_json()["healthy"], true);
}

#[test]
fn a_live_chat_in_which_nobody_is_heard_is_wrong() {
    let role = [("SERVICENOW_URL", "https://acme.service-now.com"), ("SERVICENOW_TOKEN", "t")];
    let report = on(&role, &["RESPONSE_TOKEN"]);
    assert!(!report.is_healthy());
    let text = report.to_string();
    assert!(text.contains("wrong    settings RESPONSES_TOKEN: Neither RESPONSES_TOKEN nor"), "{text}");
    assert!(text.contains("-> Did you mean RESPONSES_TOKEN?"), "{text}");
    assert!(text.ends_with("1 wrong. Not ready: mend the one thing that is wrong.\n"), "{text}");
}

#[test]
fn on_a_terminal_verdicts_have_colours_and_the_words_are_the_same() {
    let report = on(&[("LOG", "x y")], &[]);
    let coloured = report.coloured();
    assert!(coloured.contains("\x1b[1;31mwrong\x1b[0m    settings LOG: "), "{coloured}");
    let mut plain = coloured;
    for style in ["0", "32", "2", "33", "1;31"] {
        plain = plain.replace(&format!("\x1b[{style}m"), "");
    }
    assert_eq!(plain, report.to_string());
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
fn an_entry_that_no_vault_gave_is_told_once_and_with_its_own_cure() {
    let reference = r#"{"hr":"keyvault:https://acme.vault.azure.net/secrets/h_r"}"#;
    let vars = [("SECONDARY_TOKEN", "t"), ("DIRECT_LINE_SECRET", "d"), ("SECONDARY_AGENTS", reference)];
    let var = |name: &str| vars.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    let what = crate::config::Reference::parse("keyvault:https://acme.vault.azure.net/secrets/h_r");
    let what = what.expect("a reference").expect_err("no such name");
    let secrets = Secrets::from([("SECONDARY_AGENTS.hr".to_owned(), Err(what))]);
    let (settings, faults) = Settings::read(var, secrets.clone());
    assert_eq!(faults.len(), 1);
    let report = Report::on_settings(&Setup { settings, faults, secrets, unknown: vec![] });
    let wrong: Vec<_> = report.findings().iter().filter(|it| it.verdict == Verdict::Wrong).collect();
    let [wrong] = wrong[..] else { panic!("{report}") };
    assert_eq!((wrong.code, wrong.subject.as_deref()), ("vault", Some("SECONDARY_AGENTS.hr")));
    assert_eq!(wrong.fix.as_deref(), Some("Write the name as the vault shows it."));
}

#[test]
fn a_far_end_whose_setting_is_wrong_is_not_called() {
    let (_, faults) =
        Settings::read(|name| (name == "SERVICENOW_PASSWORD").then(|| "p".to_owned()), Secrets::new());
    let skipped = settings::not_checked("servicenow", &faults, &["SERVICENOW_"]).expect("a finding");
    assert_eq!(skipped.verdict, Verdict::Off);
    assert!(settings::not_checked("store", &faults, &["STORE"]).is_none());
}
