use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use secrecy::ExposeSecret;

use super::*;
use crate::{credential::LiveSecret, translate::texts::Text};

mod faults;
mod vault;

#[test]
fn nothing_set_is_a_pass_through_with_the_documented_defaults() {
    let settings = read(&[]).unwrap();

    assert_eq!(settings.listen, "127.0.0.1:7071".parse().unwrap());
    assert!(!settings.in_functions_host);
    assert_eq!(settings.log, "info");
    assert_eq!(settings.store, StoreSetting::Sqlite("data/handoff.db".into()));
    assert_eq!(settings.allowed_origins, AllowedOrigins::None);
    assert_eq!(settings.long_poll, Duration::ZERO);
    assert!(settings.direct_line.url.is_none());
    assert!(settings.servicenow.is_none() && settings.secondary_bot.is_none());
    assert_eq!(settings.handoff.events, ["handoff.initiate"]);
    assert_eq!(settings.handoff.start, Opening::CreateThenStart);
    assert_eq!(settings.handoff.timeout, Duration::from_secs(300));
    assert_eq!(settings.handoff.after_chat, AfterChat::Bot);
    assert!(!settings.files.by_link);
    assert_eq!(settings.files.link_ttl, Duration::from_secs(86_400));
    assert_eq!(settings.files.max_upload, 104_857_600);
    assert_eq!(settings.relay.max_wait, Duration::from_millis(25_000));
    assert_eq!(settings.relay.quiet, Duration::from_millis(1_000));
}

#[test]
fn every_setting_of_the_table_is_read_and_no_other() {
    let asked = RefCell::new(BTreeSet::new());
    let _ = Settings::from_env(|name| {
        asked.borrow_mut().insert(name.to_owned());
        None
    });

    let mut table: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
    table.extend([HOST_PORT].into_iter().chain(SIGNS).map(str::to_owned));
    assert_eq!(asked.into_inner(), table);
}

#[test]
fn the_documentation_lists_every_setting_with_its_default() {
    let rows: Vec<_> = include_str!("../../docs/settings.md").lines().filter_map(setting_row).collect();
    let table: Vec<_> = SETTINGS.iter().map(|setting| (setting.name, setting.default)).collect();
    assert_eq!(rows, table);
}

#[test]
fn the_example_file_holds_every_setting_and_can_be_used_as_it_is() {
    let example = include_str!("../../local.settings.json.example");
    let example: serde_json::Value = serde_json::from_str(example).unwrap();
    let values = example["Values"].as_object().unwrap();

    let ours =
        values.keys().filter(|name| !["FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"].contains(&&***name));
    let table: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(ours.map(String::as_str).collect::<BTreeSet<_>>(), table);
    for setting in SETTINGS {
        let value = values[setting.name].as_str().unwrap();
        assert!(value.is_empty() || value == setting.default, "{} is `{value}`", setting.name);
    }
    Settings::from_env(|name| values.get(name)?.as_str().map(str::to_owned)).unwrap();
}

#[test]
fn the_functions_host_says_where_to_listen() {
    let settings = read(&[(HOST_PORT, "4711"), ("LISTEN", "0.0.0.0:80")]).unwrap();
    assert_eq!(settings.listen, "127.0.0.1:4711".parse().unwrap());
    assert!(settings.in_functions_host);
}

#[test]
fn on_azure_a_role_that_keeps_journals_needs_a_blob_container() {
    let here = ("WEBSITE_SKU", "FlexConsumption");
    let there = ("CONTAINER_NAME", "build-7");
    let secondary: &[_] = &[("SECONDARY_TOKEN", "t"), ("DIRECT_LINE_SECRET", "d")];
    let live_agent: &[_] = &[
        ("SERVICENOW_URL", "https://acme.service-now.com"),
        ("SERVICENOW_TOKEN", "t"),
        ("RESPONSES_TOKEN", "in"),
    ];
    let file = ("STORE", "sqlite:data/x.db");
    let container = ("STORE", "https://acme.blob.core.windows.net/handoff");
    for (role, place, store, wrong) in [
        (live_agent, here, file, true),
        (secondary, here, file, true),
        (live_agent, here, ("STORE", ""), true),
        (live_agent, here, container, false),
        (live_agent, ("CONTAINER_APP_NAME", "handoff"), ("STORE", ""), true),
        (live_agent, ("WEBSITE_INSTANCE_ID", "4711"), ("STORE", ""), true),
        (live_agent, ("KUBERNETES_SERVICE_HOST", "10.0.0.1"), file, false),
        (live_agent, there, file, false),
        (&[], here, file, false),
        (&[], here, ("STORE", ""), false),
    ] {
        let outcome = read(&[role, &[place, store]].concat());
        let Err(errors) = outcome else {
            assert!(!wrong, "{store:?}");
            continue;
        };
        let [fault] = errors.faults() else { panic!("one fault, not {errors}") };
        assert!(wrong && fault.setting == "STORE", "{fault:?}");
        assert!(fault.sentence.ends_with("set STORE=https://ACCOUNT.blob.core.windows.net/CONTAINER."));
    }
}

#[test]
fn an_empty_value_counts_as_unset() {
    let settings = read(&[("SERVICENOW_URL", ""), ("STORE", "  "), ("HANDOFF_TIMEOUT", "")]).unwrap();
    assert!(settings.servicenow.is_none());
    assert_eq!(settings.store, StoreSetting::Sqlite("data/handoff.db".into()));
}

#[test]
fn events_that_mean_escalate_serve_every_role() {
    let settings = read(&[("RELAY", "open"), ("HANDOFF_EVENTS", "CallAPerson")]).unwrap();
    assert_eq!(settings.handoff.events, ["CallAPerson"]);
}

#[test]
fn what_is_written_is_what_is_meant() {
    let settings = read_with_live_agent(&[
        ("SERVICENOW_HASH_SECRET", "hash key"),
        ("SERVICENOW_START", "agent"),
        ("SERVICENOW_CONTEXT", r#"{"LiveAgent_queue":"{Queue}","n":7,"vip":true}"#),
        ("HANDOFF_EVENTS", "handoff.initiate, GenesysHandoff,"),
        ("ALLOWED_ORIGINS", "https://www.example.com,http://localhost:3000,capacitor://localhost"),
        ("COPILOT_TOKEN_ENDPOINT", "https://env.example.com/bots/a/directline/token?api-version=1"),
        ("PUBLIC_URL", "https://bridge.example.com/handoff"),
        ("STORE", "https://acme.blob.core.windows.net/handoff?sv=1&sig=SAS-SECRET"),
        ("LOG", "warn,servicenow_handoff=debug"),
    ])
    .unwrap();

    let servicenow = settings.servicenow.unwrap();
    assert_eq!(servicenow.url.as_str(), "https://acme.service-now.com/");
    let ServiceNowLogin::Basic { username, password } = servicenow.login else { panic!("not Basic") };
    assert_eq!((username.as_str(), password.value().expose_secret()), ("bridge", "pa ss"));
    assert_eq!(servicenow.hash_secret.unwrap().value().expose_secret(), "hash key");
    assert_eq!(settings.handoff.start, Opening::Agent);
    assert_eq!(
        settings.handoff.context,
        [("LiveAgent_queue", "{Queue}"), ("n", "7"), ("vip", "true")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    assert_eq!(settings.handoff.events, ["handoff.initiate", "GenesysHandoff"]);
    let AllowedOrigins::List(origins) = settings.allowed_origins else { panic!("not a list") };
    assert_eq!(origins.len(), 3);
    assert_eq!(settings.direct_line.token_endpoint.unwrap().query(), Some("api-version=1"));
    assert_eq!(settings.public_url.unwrap().as_str(), "https://bridge.example.com/handoff/");
    let StoreSetting::AppendBlob { url } = settings.store else { panic!("not a blob") };
    assert_eq!(url.query(), Some("sv=1&sig=SAS-SECRET"));
}

#[test]
fn a_filter_of_lines_is_taken_in_any_form_that_says_something_of_ours() {
    for (given, filter) in [
        ("OFF", "OFF"),
        ("warn, servicenow_handoff::http=debug", "warn,servicenow_handoff::http=debug"),
        ("servicenow_handoff", "servicenow_handoff"),
        ("servicenow=debug", "servicenow=debug"),
        ("hyper=off,info,", "hyper=off,info"),
        ("[webhook{id=7}]=debug", "[webhook{id=7}]=debug"),
    ] {
        assert_eq!(read(&[("LOG", given)]).expect(given).log, filter);
    }
}

#[test]
fn wordings_are_read_from_a_file_as_windows_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.json");
    let json = "\u{feff}{\"de\": {\"skip\": \"\u{fc}ber\"}}";
    let utf16 = |unit: fn(u16) -> [u8; 2]| json.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    for bytes in [json.as_bytes().to_vec(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        std::fs::write(&path, bytes).unwrap();
        let settings = read(&[("TEXTS", path.to_str().unwrap())]).unwrap();
        assert_eq!(settings.handoff.texts.of(Some("de")).get(Text::Skip), "\u{fc}ber");
    }
    std::fs::write(&path, b"{\"de\": {\"skip\": \"\xfcber\"}}").unwrap();
    let errors = read(&[("TEXTS", path.to_str().unwrap())]).unwrap_err();
    assert_eq!(errors.to_string().trim(), "TEXTS is not UTF-8; save it as UTF-8.");
}

#[test]
fn certificates_are_needed_unless_every_far_end_is_on_this_machine() {
    let here = ("DIRECT_LINE_URL", "http://127.0.0.1:7081");
    let live_agent = [here, ("SERVICENOW_URL", "http://127.0.0.1:7082")];
    assert!(!read(&[here]).unwrap().needs_certificates());
    assert!(!read_with_live_agent(&live_agent).unwrap().needs_certificates());
    for far in [
        ("DIRECT_LINE_URL", ""),
        ("SERVICENOW_URL", "https://acme.service-now.com"),
        ("COPILOT_TOKEN_ENDPOINT", "https://env.example.com/token"),
        ("STORE", "https://acme.blob.core.windows.net/handoff"),
    ] {
        assert!(read_with_live_agent(&[&live_agent[..], &[far]].concat()).unwrap().needs_certificates());
    }
    let secondary =
        [("SECONDARY_TOKEN", "t"), ("DIRECT_LINE_SECRET", "d"), ("SECONDARY_RESPONSE_TOKEN", "r")];
    let response = ("SECONDARY_RESPONSE_URL", "https://hub.example.com/in");
    assert!(read(&[&secondary[..], &[here, response]].concat()).unwrap().needs_certificates());
}

#[test]
fn the_login_follows_from_what_is_given() {
    let oauth = [("SERVICENOW_CLIENT_ID", "id"), ("SERVICENOW_CLIENT_SECRET", "key")];
    let user = [("SERVICENOW_USERNAME", "u"), ("SERVICENOW_PASSWORD", "p")];
    let token = [("SERVICENOW_TOKEN", "t")];

    assert!(matches!(login(&user), ServiceNowLogin::Basic { .. }));
    assert!(matches!(login(&oauth), ServiceNowLogin::ClientCredentials { .. }));
    assert!(matches!(login(&[oauth, user].concat()), ServiceNowLogin::Password { .. }));
    assert!(matches!(login(&token), ServiceNowLogin::None));
}

#[test]
fn the_agents_of_the_secondary_bot_are_names_with_a_secret() {
    let role = [("SECONDARY_TOKEN", "t"), ("DIRECT_LINE_SECRET", "d")];
    let agents = |value: &str| read(&[&role[..], &[("SECONDARY_AGENTS", value)]].concat());
    let alone = read(&[role[0], ("SECONDARY_AGENTS", r#"{"hr":"s"}"#)]).expect("each has its own secret");
    assert!(alone.cautions()[0].text.contains("names none of SECONDARY_AGENTS"));
    let long = "s".repeat(4_096);
    let settings = agents(&format!(r#"{{"hr":"{long}","it":"b.c-d"}}"#)).unwrap().secondary_bot.unwrap();
    let read = settings.agents.iter().map(|(name, secret)| (name.clone(), shown(secret)));
    let expected = [("hr", long.as_str()), ("it", "b.c-d")];
    assert_eq!(read.collect::<Vec<_>>(), expected.map(|(name, secret)| (name.to_owned(), secret.to_owned())));
    for (value, hint) in [
        ("SECRET", "is not a JSON object"),
        (r#"["SECRET"]"#, "is not a JSON object"),
        (r#"{"hr":"SECRET""#, "is not a JSON object"),
        (r#"{"hr":""}"#, "has the entry `hr`"),
        (r#"{"hr":"SECRET SECRET"}"#, "has the entry `hr`"),
        (r#"{"hr":{"secret":"SECRET"}}"#, "has the entry `hr`"),
        (r#"{"":"SECRET"}"#, "has an entry without a name; name it by its `nowBotId` or `appInboundId`."),
    ] {
        let errors = agents(value).expect_err(value);
        let [fault] = errors.faults() else { panic!("{value}: one fault, not {errors}") };
        assert!(fault.setting == "SECONDARY_AGENTS" && fault.sentence.contains(hint), "{}", fault.sentence);
        assert!(!fault.sentence.contains("SECRET "), "{}", fault.sentence);
        assert!(!fault.sentence.contains("`SECRET"), "{}", fault.sentence);
    }
}

#[test]
fn no_secret_shows_in_debug_or_in_a_fault() {
    let secrets = [
        ("DIRECT_LINE_SECRET", "SECRET-1"),
        ("COPILOT_TOKEN_ENDPOINT", "https://env.example.com/token?key=SECRET-2"),
        ("SERVICENOW_PASSWORD", "SECRET-3"),
        ("SERVICENOW_CLIENT_ID", "id"),
        ("SERVICENOW_CLIENT_SECRET", "SECRET-4"),
        ("SERVICENOW_TOKEN", "SECRET-5"),
        ("SERVICENOW_HASH_SECRET", "SECRET-6"),
        ("RESPONSES_TOKEN", "SECRET-7"),
        ("RESPONSES_BASIC", "u:SECRET-8"),
        ("STORE", "https://acme.blob.core.windows.net/handoff?sig=SECRET-9"),
        ("RELAY_KEY", "SECRET-10"),
        ("SECONDARY_TOKEN", "SECRET-11"),
        ("SECONDARY_HASH_SECRET", "SECRET-12"),
        ("SECONDARY_BASIC", "u:SECRET-13"),
        ("SECONDARY_RESPONSE_URL", "https://hub.example.com/in?code=SECRET-14"),
        ("SECONDARY_RESPONSE_BASIC", "u:SECRET-15"),
        ("SECONDARY_RESPONSE_TOKEN", "SECRET-16"),
        ("SECONDARY_AGENTS", r#"{"hr":"SECRET-17"}"#),
        ("RELAY_SECRETS", r#"{"hr":"SECRET-18"}"#),
    ];
    let shown = format!("{:?}", read_with_live_agent(&secrets).unwrap());
    assert!(!shown.contains("SECRET"), "{shown}");

    for (name, value) in secrets {
        for broken in [format!("{value}\n{value}"), format!("keyvault:{value}"), format!("{value} #{value}")]
        {
            let result = read_with_live_agent(&[(name, &broken)]);
            let shown = result.map_or_else(|errors| errors.to_string(), |settings| format!("{settings:?}"));
            assert!(!shown.contains("SECRET-"), "{shown}");
        }
    }
}

#[test]
fn the_roles_say_which_are_on_and_why() {
    let on = |settings: &Settings| settings.roles().map(|role| role.on);
    assert_eq!(on(&read(&[]).unwrap()), [false, false, false]);
    assert_eq!(on(&read_with_live_agent(&[]).unwrap()), [true, false, false]);
    assert_eq!(on(&read(&[("RELAY_KEY", "k")]).unwrap()), [false, true, false]);
    assert_eq!(on(&read(&[("RELAY", "open")]).unwrap()), [false, true, false]);
    let secondary = [("SECONDARY_TOKEN", "t"), ("DIRECT_LINE_SECRET", "d")];
    assert_eq!(on(&read(&secondary).unwrap()), [false, false, true]);
}

#[test]
fn a_start_that_will_surprise_is_told_beforehand() {
    let cautions = read_with_live_agent(&[]).unwrap().cautions();
    assert!(cautions.iter().any(|caution| caution.text.starts_with("AFTER_CHAT is bot")));
    assert!(cautions.iter().any(|caution| caution.text.contains("guest")));
    assert!(cautions.iter().any(|caution| caution.text.starts_with("ALLOWED_ORIGINS is not set")));
    assert!(cautions.iter().all(|caution| caution.breaks.is_none()));
    let deaf = read_with_live_agent(&[("RESPONSES_TOKEN", "")]).unwrap().cautions();
    assert_eq!(deaf[0].breaks, Some("RESPONSES_TOKEN"));
    assert!(read(&[]).unwrap().cautions().is_empty());
    let quoted = read_with_live_agent(&[("RESPONSES_TOKEN", "\"sesame\""), ("RESPONSES_BASIC", "'u:p'")]);
    let quoted = quoted.unwrap().cautions();
    for name in ["RESPONSES_TOKEN", "RESPONSES_BASIC"] {
        assert!(quoted.iter().any(|it| it.text.starts_with(&format!("{name} is in quotes"))), "{quoted:?}");
    }
    assert!(!format!("{quoted:?}").contains("sesame"));
}

/// Name and default of a row of the settings table.
fn setting_row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
    let name = cells.next()?.strip_suffix('`')?;
    let shouts = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    shouts.then_some((name, cells.next()?.trim_matches('`')))
}

fn read(vars: &[(&str, &str)]) -> Result<Settings, SettingErrors> {
    Settings::from_env(|name| lookup(vars, name))
}

fn lookup(vars: &[(&str, &str)], name: &str) -> Option<String> {
    vars.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
}

/// The live-agent role whole, and `vars` over it.
fn read_with_live_agent(vars: &[(&str, &str)]) -> Result<Settings, SettingErrors> {
    let role = [
        ("SERVICENOW_URL", "https://acme.service-now.com"),
        ("SERVICENOW_USERNAME", "bridge"),
        ("SERVICENOW_PASSWORD", "pa ss"),
        ("RESPONSES_TOKEN", "in"),
    ];
    read(&[&role, vars].concat())
}

fn login(vars: &[(&str, &str)]) -> ServiceNowLogin {
    let role = [("SERVICENOW_URL", "https://acme.service-now.com"), ("RESPONSES_TOKEN", "in")];
    read(&[&role, vars].concat()).unwrap().servicenow.unwrap().login
}

fn shown(credential: &Credential) -> String {
    credential.value().expose_secret().to_owned()
}
