//! Values that stand in a vault.

use super::*;
use crate::config::entry;

#[test]
fn what_stands_in_a_vault_is_read_as_if_it_stood_in_the_setting() {
    let settings = read_from_vault(&[
        ("SECONDARY_TOKEN", "t-1"),
        ("SECONDARY_AGENTS", r#"{"hr":"a-1"}"#),
        ("DIRECT_LINE_SECRET", "d-1"),
        ("SERVICENOW_URL", "https://acme.service-now.com"),
        ("SERVICENOW_TOKEN", "m-1"),
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
    let secrets = Secrets::from([("SERVICENOW_TOKEN".to_owned(), Err("can't be read.".to_owned()))]);
    let vars = [
        ("SERVICENOW_TOKEN", "keyvault:https://acme.vault.azure.net/secrets/x"),
        ("SERVICENOW_URL", "https://acme.service-now.com"),
    ];
    let (_, faults) = Settings::read(|name| lookup(&vars, name), secrets);
    let told: Vec<_> = faults.into_iter().map(|fault| fault.sentence).collect();
    assert_eq!(told, ["SERVICENOW_TOKEN can't be read."]);
}

#[test]
fn each_entry_of_a_setting_that_names_agents_may_stand_in_a_vault_of_its_own() {
    let vault = |name: &str| format!("keyvault:https://acme.vault.azure.net/secrets/{name}");
    let named = |names: &[&str]| {
        let entries: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), vault(name).into())).collect();
        serde_json::Value::Object(entries).to_string()
    };
    let (secrets, agents) = (named(&["hr", "it"]), named(&["hr", "unread", "not-looked-up", "broken"]));
    let vars = [
        ("RELAY_KEY", "k"),
        ("RELAY_SECRETS", secrets.as_str()),
        ("SECONDARY_TOKEN", "t"),
        ("SECONDARY_AGENTS", agents.as_str()),
        ("DIRECT_LINE_SECRET", "d"),
    ];
    let live = |value: &str| Ok(Arc::new(LiveSecret::new("secret `x`".to_owned(), value.into(), None)));
    let found = Secrets::from([
        (entry("RELAY_SECRETS", "hr"), live("r-hr")),
        (entry("RELAY_SECRETS", "it"), live("r-it")),
        (entry("SECONDARY_AGENTS", "hr"), live("a-hr")),
        (entry("SECONDARY_AGENTS", "unread"), Err("can't be read.".to_owned())),
        (entry("SECONDARY_AGENTS", "broken"), live("SESAME broken")),
    ]);
    let (settings, faults) = Settings::read(|name| lookup(&vars, name), found);
    let RelayAccess::Key { secrets, .. } = settings.relay.access else { panic!("the relay has a key") };
    let shown_all: Vec<_> = secrets.iter().map(|(name, secret)| (name.as_str(), shown(secret))).collect();
    assert_eq!(shown_all, [("hr", "r-hr".to_owned()), ("it", "r-it".to_owned())]);
    assert!(secrets.iter().all(|(_, secret)| secret.can_change()));
    let told: Vec<_> = faults.into_iter().map(|fault| fault.sentence).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|sentence| sentence.starts_with("SECONDARY_AGENTS has the entry `")));
    assert!(told.iter().any(|sentence| sentence.ends_with("`unread`, which can't be read.")), "{told:?}");
    assert!(!told.concat().contains("SESAME"), "{told:?}");
}

#[test]
fn an_entry_that_names_a_vault_in_another_way_is_no_secret() {
    let rows = [
        ("KeyVault:https://acme.vault.azure.net/secrets/hr", "not looked up"),
        ("'keyvault:https://acme.vault.azure.net/secrets/hr'", "not looked up"),
        ("@Microsoft.KeyVault(SecretUri=https://acme.vault.azure.net/secrets/hr)", "a whole setting"),
        ("@microsoft.keyvault(VaultName=acme;SecretName=hr)", "a whole setting"),
    ];
    for (value, hint) in rows {
        let agents = serde_json::json!({"hr": value}).to_string();
        let relay = [("RELAY_KEY", "k"), ("RELAY_SECRETS", agents.as_str())];
        let secondary =
            [("SECONDARY_TOKEN", "t"), ("DIRECT_LINE_SECRET", "d"), ("SECONDARY_AGENTS", agents.as_str())];
        for vars in [&relay[..], &secondary[..]] {
            let errors = read(vars).expect_err(value);
            let [fault] = errors.faults() else { panic!("{value}: one fault, not {errors}") };
            assert!(fault.sentence.contains("has the entry `hr`, which") && fault.sentence.contains(hint));
        }
    }
}

/// With these values in a vault.
fn read_from_vault(values: &[(&'static str, &str)]) -> Result<Settings, SettingErrors> {
    let secret = |value: &str| Arc::new(LiveSecret::new("secret `x`".to_owned(), value.into(), None));
    let secrets = values.iter().map(|(name, value)| ((*name).to_owned(), Ok(secret(value)))).collect();
    let reference = "keyvault:https://acme.vault.azure.net/secrets/x".to_owned();
    let is_there = |name: &str| values.iter().any(|(given, _)| *given == name);
    let (settings, faults) = Settings::read(|name| is_there(name).then(|| reference.clone()), secrets);
    SettingErrors::or(settings, faults)
}
