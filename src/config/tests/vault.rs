//! Values that stand in a vault.

use super::*;

#[test]
fn what_stands_in_a_vault_is_read_as_if_it_stood_in_the_setting() {
    let settings = read_from_vault(&[
        ("SECONDARY_TOKEN", "t-1"),
        ("SECONDARY_AGENTS", r#"{"hr":"a-1"}"#),
        ("DIRECT_LINE_SECRET", "d-1"),
        ("RESPONSES_BASIC", "sn:pass"),
        ("HANDOFF_TIMEOUT", "60"),
    ])
    .unwrap();
    assert_eq!(settings.handoff.timeout, Duration::from_secs(60));
    let [Some(responses), Some(secret)] = [settings.responses.basic, settings.direct_line.secret] else {
        panic!("both are set")
    };
    assert!(responses.can_change() && shown(&responses) == "sn:pass");
    assert!(secret.can_change() && shown(&secret) == "d-1");
    let role = settings.secondary_bot.unwrap();
    assert!(role.agents[0].1.can_change() && shown(&role.agents[0].1) == "a-1");
    assert_eq!(role.inbound().map(shown).collect::<Vec<_>>(), ["t-1"]);
}

#[test]
fn a_wrong_value_in_a_vault_is_not_shown_where_a_written_one_would_be() {
    let wrong = [
        ("LISTEN", "SESAME-1"),
        ("HANDOFF_TIMEOUT", "SESAME-2"),
        ("AFTER_CHAT", "SESAME-3"),
        ("ALLOWED_ORIGINS", "https://example.com/SESAME-4"),
        ("LOG", "info,SESAME-5"),
        ("SERVICENOW_CONTEXT", r#"{"SESAME-6":[]}"#),
        ("SECONDARY_AGENTS", r#"{"SESAME-7":1}"#),
        ("AZURE_CLIENT_ID", "SESAME-8-that-is-longer-than-what-is-shown"),
        ("RELAY_KEY", "SESAME 9"),
        ("RELAY_SECRETS", r#"{"SESAME-10":1}"#),
    ];
    let errors = read_from_vault(&wrong).unwrap_err();
    assert!(errors.faults().len() >= wrong.len() && !errors.to_string().contains("SESAME"), "{errors}");
    let after = errors.faults().iter().find(|fault| fault.setting == "AFTER_CHAT").unwrap();
    assert_eq!(after.sentence, "AFTER_CHAT is `…`; use `bot` or `end`.");
}

#[test]
fn what_could_not_be_read_from_its_vault_is_a_fault_and_counts_as_set() {
    let secrets = Secrets::from([("SERVICENOW_TOKEN", Err("can't be read.".to_owned()))]);
    let vars = [
        ("SERVICENOW_TOKEN", "keyvault:https://acme.vault.azure.net/secrets/x"),
        ("SERVICENOW_URL", "https://acme.service-now.com"),
    ];
    let (_, faults) = Settings::read(|name| lookup(&vars, name), secrets);
    let told: Vec<_> = faults.into_iter().map(|fault| fault.sentence).collect();
    assert_eq!(told, ["SERVICENOW_TOKEN can't be read."]);
}

/// With these values in a vault.
fn read_from_vault(values: &[(&'static str, &str)]) -> Result<Settings, SettingErrors> {
    let secret = |value: &str| Arc::new(LiveSecret::new("secret `x`".to_owned(), value.into(), None));
    let secrets = values.iter().map(|(name, value)| (*name, Ok(secret(value)))).collect();
    let reference = "keyvault:https://acme.vault.azure.net/secrets/x".to_owned();
    let is_there = |name: &str| values.iter().any(|(given, _)| *given == name);
    let (settings, faults) = Settings::read(|name| is_there(name).then(|| reference.clone()), secrets);
    SettingErrors::or(settings, faults)
}
