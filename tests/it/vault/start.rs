//! What a start reads, and how it fails.

use std::{net::TcpListener, os::unix::fs::PermissionsExt as _};

use crate::{
    program::Program,
    vault::{
        azure::{Azure, CLIENT_ID, FLEX, VAULT},
        program::{refusal, start},
    },
};

#[test]
fn two_secrets_are_read_at_the_same_time_and_each_one_once() {
    let azure = Azure::start();
    azure.put("direct-line", "a-secret");
    azure.put("primary", "a-token");
    azure.answer_only_together(2);
    let settings = [
        ("DIRECT_LINE_SECRET", in_vault("direct-line")),
        ("SECONDARY_TOKEN", in_vault("primary")),
        ("RELAY_KEY", in_vault("primary")),
        ("STORE", "https://acme.blob.core.windows.net/handoff".to_owned()),
        ("AFTER_CHAT", "maybe".to_owned()),
    ];
    let told = refusal(azure.environment().into_iter().chain(settings));
    assert_eq!(told.len(), 1, "nothing else is wrong: {told:?}");
    assert_eq!((azure.times_read("direct-line"), azure.times_read("primary")), (1, 1));
    assert_eq!(azure.tokens_asked().len(), 1, "one token serves both");
}

#[test]
fn the_values_are_used_and_the_program_serves() {
    let azure = Azure::start();
    azure.put("relay-key", "the-key");
    let settings = [("RELAY_KEY", in_vault("relay-key"))];
    let program = start(azure.environment().into_iter().chain(settings));
    let asked = |key: &str| status(&program, key);
    assert_eq!((asked("another"), asked("the-key")), (401, 400));
}

#[test]
fn the_user_assigned_identity_is_asked_for_by_its_client_id() {
    let azure = Azure::start();
    azure.put("relay-key", "the-key");
    let settings = [("RELAY_KEY", in_vault("relay-key")), ("AZURE_CLIENT_ID", CLIENT_ID.to_owned())];
    let program = start(azure.environment().into_iter().chain(settings));
    assert_eq!(status(&program, "the-key"), 400);
    let asked = azure.tokens_asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].get("client_id").map(String::as_str), Some(CLIENT_ID));
}

#[test]
fn one_version_can_be_named() {
    let azure = Azure::start();
    azure.put("relay-key", "new");
    azure.put("relay-key/0f1e", "old");
    let settings = [("RELAY_KEY", format!("{}/0f1e", in_vault("relay-key")))];
    let program = start(azure.environment().into_iter().chain(settings));
    assert_eq!((status(&program, "new"), status(&program, "old")), (401, 400));
    assert_eq!(azure.times_read("relay-key/0f1e"), 1, "a version never changes");
}

#[test]
fn a_vault_on_this_machine_is_for_tests() {
    let azure = Azure::start();
    azure.put("relay-key", "the-key");
    let reference = format!("keyvault:https://{}/secrets/relay-key", azure.local_vault());
    let settings = [("RELAY_KEY", reference)];
    let program = start(azure.environment().into_iter().chain(settings));
    assert_eq!(status(&program, "the-key"), 400);
}

#[test]
fn whatever_is_wrong_is_told_at_once_with_what_to_do() {
    let azure = Azure::start();
    azure.refuse("forbidden", 403, "ForbiddenByRbac");
    azure.refuse("behind-wall", 403, "ForbiddenByFirewall");
    azure.refuse("disabled", 403, "SecretDisabled");
    azure.put("not-a-number", "SESAME");
    let settings = [
        ("DIRECT_LINE_SECRET", in_vault("forbidden")),
        ("SERVICENOW_PASSWORD", in_vault("missing")),
        ("SERVICENOW_TOKEN", in_vault("disabled")),
        ("SERVICENOW_HASH_SECRET", in_vault("behind-wall")),
        ("RESPONSES_TOKEN", "keyvault:https://gone.vault.azure.net/secrets/x".to_owned()),
        ("RESPONSES_BASIC", "keyvault:https://vault.example.com/secrets/x".to_owned()),
        ("RELAY_KEY", "keyvault:my-secret".to_owned()),
        ("HANDOFF_TIMEOUT", in_vault("not-a-number")),
        ("LONG_POLL", "soon".to_owned()),
    ];
    let told = refusal(azure.environment().into_iter().chain(settings));
    let unread = |setting: &str| format!("{setting} can't be read from Key Vault: ");
    for (start, hint) in [
        (
            unread("DIRECT_LINE_SECRET"),
            "may not read secret `forbidden` of acme.vault.azure.net; grant it the role",
        ),
        (unread("SERVICENOW_PASSWORD"), "acme.vault.azure.net has no secret `missing`; create it"),
        (unread("SERVICENOW_TOKEN"), "secret `disabled` of acme.vault.azure.net is disabled; enable it"),
        (unread("SERVICENOW_HASH_SECRET"), "the firewall of acme.vault.azure.net keeps the app out"),
        // Tried again by the SDK; whether that or our patience ends first is the machine's affair.
        (unread("RESPONSES_TOKEN") + "gone.vault.azure.net ", "that the app's network leads to it"),
        ("RESPONSES_BASIC names the host vault.example.com".to_owned(), "is no Key Vault"),
        ("RELAY_KEY is not a whole".to_owned(), "keyvault:https://VAULT.vault.azure.net/secrets/NAME"),
        ("HANDOFF_TIMEOUT is `…`".to_owned(), "write a whole number of seconds"),
        ("LONG_POLL is `soon`".to_owned(), "milliseconds"),
    ] {
        let found = told.iter().find(|line| line.starts_with(&start));
        assert!(found.is_some_and(|line| line.contains(hint)), "{start}…{hint}: {told:#?}");
    }
    assert!(!told.concat().contains("SESAME") && !told.concat().contains("my-secret"), "{told:#?}");
}

#[test]
fn a_host_that_wants_a_token_for_somebody_else_gets_none() {
    let azure = Azure::start();
    azure.put("relay-key", "the-key");
    azure.ask_tokens_for("https://vault.example.com");
    let told = refusal(azure.environment().into_iter().chain([("RELAY_KEY", in_vault("relay-key"))]));
    assert!(told[0].contains("does not answer as a Key Vault"), "{told:?}");
    assert!(azure.tokens_asked().is_empty());
}

#[test]
fn an_app_without_a_usable_identity_is_told_which_to_turn_on() {
    let azure = Azure::start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let other = "0f1e2d3c-0000-4000-8000-00000000000b".to_owned();
    let endpoint = |address: String, header: &str| {
        vec![("IDENTITY_ENDPOINT", address), ("IDENTITY_HEADER", header.to_owned())]
    };
    let of_azure = |name: &str| azure.environment().into_iter().find(|(given, _)| *given == name).unwrap().1;
    let here = of_azure("IDENTITY_ENDPOINT");
    for (environment, hint) in [
        (
            FLEX.map(|(name, value)| (name, value.to_owned())).to_vec(),
            "the app has no system-assigned identity; turn it on",
        ),
        (
            [azure.environment(), vec![("AZURE_CLIENT_ID", other)]].concat(),
            "AZURE_CLIENT_ID names is not assigned",
        ),
        (endpoint(here, "wrong"), "refused IDENTITY_HEADER; restart the app"),
        (endpoint(format!("http://{closed}/msi/token"), "any"), "can't be reached; restart the app"),
        (vec![("IDENTITY_ENDPOINT", "http://127.0.0.1:1/".to_owned())], "without IDENTITY_HEADER"),
        (vec![("PATH", "/nowhere".to_owned())], "run `az login`"),
    ] {
        let settings = [("RELAY_KEY", in_vault("relay-key"))];
        let told = refusal(azure.network().into_iter().chain(environment).chain(settings));
        let start = "RELAY_KEY can't be read from Key Vault: secret `relay-key` of acme.vault.azure.net needs an identity";
        assert!(told.len() == 1 && told[0].starts_with(start) && told[0].contains(hint), "{hint}: {told:?}");
    }
}

#[test]
fn a_developer_reads_the_vault_with_their_own_login() {
    let azure = Azure::start();
    azure.put("relay-key", "the-key");
    let tools = tempfile::tempdir().unwrap();
    let az = tools.path().join("az");
    let token = r#"{"accessToken":"a-token-for-the-vault","expires_on":4102444800,"tokenType":"Bearer"}"#;
    std::fs::write(&az, format!("#!/bin/sh\necho '{token}'\n")).unwrap();
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings =
        [("RELAY_KEY", in_vault("relay-key")), ("PATH", format!("{}:/usr/bin:/bin", tools.path().display()))];
    let program = start(azure.network().into_iter().chain(settings));
    assert_eq!(status(&program, "the-key"), 400);
    assert!(azure.tokens_asked().is_empty());
}

#[test]
fn without_such_a_value_azure_is_not_asked() {
    let azure = Azure::start();
    let program = start(azure.environment().into_iter().chain([("RELAY_KEY", "plain".to_owned())]));
    assert_eq!((status(&program, "wrong"), status(&program, "plain")), (401, 400));
    assert!(azure.tokens_asked().is_empty());
}

pub fn in_vault(secret: &str) -> String {
    format!("keyvault:https://{VAULT}/secrets/{secret}")
}

/// What the relay says to a call with this key and nothing else: 401 if the key is wrong, else 400.
fn status(program: &Program, key: &str) -> u16 {
    let url = format!("{}/api/relayToDirectLine", program.url);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let http = servicenow_handoff::far_end::client().unwrap();
        http.get(url).header("x-relay-key", key).send().await.unwrap().status().as_u16()
    })
}
