//! Wrong settings, and what is said of them.

use super::*;

#[test]
fn a_wrong_setting_gives_one_sentence_that_names_it() {
    let table: &[(&str, &str, &str)] = &[
        ("LISTEN", "localhost", "an IP address and a port"),
        (HOST_PORT, "0", "not a port"),
        ("LOG", "verbose", "`verbose`"),
        ("LOG", "info,handof", "`handof`"),
        ("LOG", "servicenow_handoff=loud", "no filter"),
        ("LOG", "[webhook", "no filter"),
        ("LOG", "servicenow-handoff=debug", "write `servicenow_handoff`"),
        ("LOG", "info,servicenow-handoff::http=debug", "write `servicenow_handoff`"),
        ("LOG", "servicenow_hadoff=debug", "write `servicenow_handoff`"),
        ("LOG", "ServiceNow_Handoff", "write `servicenow_handoff`"),
        ("LOG", "info,actix-server=error", "no `-`"),
        ("LOG", "info,servicenow_handoff=", "lacks its level"),
        ("LOG", "x=", "lacks its level"),
        ("LOG", "hyper=debug", "nothing of ours"),
        ("LOG", "handler=info", "nothing of ours"),
        ("LOG", ",", "nothing of ours"),
        ("STORE", "sqlite:", "names no file"),
        ("AZURE_CLIENT_ID", "my-identity", "`my-identity`"),
        ("AZURE_CLIENT_ID", "0f1e2d3c-0000-4000-8000-00000000000g", "a GUID"),
        ("STORE", "sqlite::memory:", "must be a file"),
        ("STORE", "sqlite:file:data/handoff.db", "leave out `file:`"),
        ("STORE", "sqlite: FILE::memory:?cache=shared", "leave out `file:`"),
        ("STORE", "sqlite:~/handoff.db", "only a shell reads"),
        ("STORE", "postgres://db.example.com/x", "sqlite:PATH"),
        ("STORE", "http://blob.example.com/handoff", "sqlite:PATH"),
        ("STORE", "https://acme.blob.core.windows.net/", "names no container"),
        ("STORE", "https://acme.blob.core.windows.net/a/b", "more than a container"),
        ("STORE", "http://127.0.0.1:10000/devstoreaccount1/a/b", "more than a container"),
        ("STORE", "https://acme:key@acme.blob.core.windows.net/a", "user or password"),
        ("STORE", "https://acme.blob.core.windows.net/Handoff", "3 to 63 small letters"),
        ("STORE", "https://acme.blob.core.windows.net/ab", "3 to 63 small letters"),
        ("STORE", "https://acme.blob.core.windows.net/a--b", "single hyphens"),
        ("STORE", "https://acme.dfs.core.windows.net/handoff", "another service of the account"),
        ("STORE", "https://acme.file.core.windows.net/handoff", "another service of the account"),
        ("RESPONSES_TOKEN", "https://acme.vault.azure.net/secrets/token", "write `keyvault:` before it"),
        ("ALLOWED_ORIGINS", "https://a.example.com;https://b.example.com", "commas between origins"),
        ("ALLOWED_ORIGINS", "https://a.example.com https://b.example.com", "commas between origins"),
        ("PUBLIC_URL", "bridge.example.com", "not a URL"),
        ("PUBLIC_URL", "http://bridge.example.com", "must be https"),
        ("PUBLIC_URL", "http://127.0.0.1.example.com", "must be https"),
        ("PUBLIC_URL", "https://bridge.example.com/?a=b", "without a query"),
        ("PUBLIC_URL", "ftp://bridge.example.com", "https://"),
        ("PUBLIC_URL", "https://bridge.example.com/#top", "`#`"),
        ("DIRECT_LINE_URL", "https://directline.example.com/v3/directline", "leave out"),
        ("DIRECT_LINE_URL", "https://directline.example.com/V3/DirectLine/", "leave out"),
        ("DIRECT_LINE_URL", "https://directline.example.com//v3//directline/conversations", "leave out"),
        ("DIRECT_LINE_URL", "https://directline.example.com/v3", "leave out"),
        (
            "COPILOT_TOKEN_ENDPOINT",
            "https://e.example.com/copilotstudio/dataverse-backed/authenticated/bots/a/conversations",
            "direct-to-engine",
        ),
        ("COPILOT_TOKEN_ENDPOINT", "https://user:pw@env.example.com/token", "user or password"),
        ("ALLOWED_ORIGINS", "*,https://www.example.com", "`*`"),
        ("ALLOWED_ORIGINS", "https://www.example.com/", "browsers send `https://www.example.com`"),
        ("ALLOWED_ORIGINS", "https://www.example.com:443", "browsers send `https://www.example.com`"),
        ("ALLOWED_ORIGINS", "http://www.example.com", "use https"),
        ("ALLOWED_ORIGINS", "www.example.com", "not an origin"),
        ("ALLOWED_ORIGINS", "https://*.example.com", "no origin has a `*`"),
        ("LONG_POLL", "20000", "from 0 to 15000"),
        ("HANDOFF_TIMEOUT", "0", "from 1 to 86400"),
        ("HANDOFF_TIMEOUT", "5 min", "`5 min`"),
        ("FILES_TTL", "-1", "`-1`"),
        ("MAX_UPLOAD", "100MB", "bytes"),
        ("RELAY_MAX_WAIT", "300000", "from 1 to 200000"),
        ("RELAY_QUIET", "30000", "longer than RELAY_MAX_WAIT"),
        ("RELAY", "on", "use `open`"),
        ("RELAY_KEY", "two words", "printable ASCII"),
        ("SERVICENOW_START", "Create", "`create` or `start` or `agent`"),
        ("SERVICENOW_CONTEXT", "[]", "not a JSON object"),
        ("SERVICENOW_CONTEXT", r#"{"a":{"b":1}}"#, "entry `a`"),
        ("SERVICENOW_CONTEXT", r#"{"a":"{Queue"}"#, "never closed"),
        ("AFTER_CHAT", "close", "`bot` or `end`"),
        ("ATTACHMENTS", "mail", "`upload` or `link`"),
        ("HANDOFF_EVENTS", ", ,", "names no event"),
        ("HANDOFF_EVENTS", "\"handoff.initiate\"", "is in quotes"),
        ("HANDOFF_EVENTS", "handoff.initiate;other", "`handoff.initiate;other`"),
        ("HANDOFF_EVENTS", "a,'b'", "write commas between"),
        ("USER_EMAIL_VARIABLE", "\"UserEmail\"", "is in quotes"),
        ("USER_EMAIL_VARIABLE", "{UserEmail}", "without braces"),
        ("SERVICENOW_CONTEXT", " '{\"a\":\"b\"}'", "is in quotes"),
        ("AFTER_CHAT", "'bot'", "is in quotes"),
        ("STORE", "\"sqlite:data/handoff.db\"", "is in quotes"),
        ("LONG_POLL", "\"0\"", "is in quotes"),
        ("SECONDARY_RESPONSE_URL", "https://hub.example.com/in?code=k", "no credential"),
        ("DIRECT_LINE_SECRET", "keyvault:https://acme.vault.azure.net/secrets/dl", "have not been read"),
        ("DIRECT_LINE_SECRET", "@Microsoft.KeyVault(SecretUri=https://acme.vault.azure.net/x)", "identity"),
        ("RELAY_KEY", "KeyVault:https://acme.vault.azure.net/secrets/relay-key", "have not been read"),
        ("RELAY_KEY", "\"KEYVAULT:https://acme.vault.azure.net/secrets/relay-key\"", "have not been read"),
        ("RELAY_KEY", " \"@microsoft.keyvault(SecretUri=https://acme.vault.azure.net/x)\"", "identity"),
        ("RESPONSES_BASIC", "bridge:KeyVault:https://acme.vault.azure.net/secrets/x", "the two together"),
        ("DIRECT_LINE_SECRET", "abc\ndef", "line breaks"),
        ("RESPONSES_BASIC", "bridge:p\u{fffd}ss", "UTF-8"),
        ("SERVICENOW_CONTEXT", "{\"a\":\"\u{fffd}\"}", "UTF-8"),
        ("HANDOFF_EVENTS", "\u{fffd}bergabe", "UTF-8"),
        ("STORE", "sqlite:\u{fffd}.db", "UTF-8"),
    ];
    for (name, value, hint) in table {
        let errors =
            read_with_live_agent(&[(name, value)]).expect_err(&format!("{name}={value} must be wrong"));
        let [fault] = errors.faults() else { panic!("{name}={value}: one fault, not {errors}") };
        assert_eq!(fault.setting, *name, "{value}");
        assert!(fault.sentence.starts_with(name) && fault.sentence.ends_with('.'), "{}", fault.sentence);
        assert!(fault.sentence.contains(hint), "{name}={value}: {}", fault.sentence);
    }
}

#[test]
fn an_instance_with_a_path_is_no_root() {
    for path in ["now/nav/ui", "api/sn_va_as_service/bot/integration", "sp", "login.do"] {
        let url = format!("https://acme.service-now.com/{path}");
        let errors = read_with_live_agent(&[("SERVICENOW_URL", &url)]).expect_err(path);
        assert!(errors.to_string().starts_with("SERVICENOW_URL must be the instance's root"), "{errors}");
    }
    assert!(read_with_live_agent(&[("SERVICENOW_URL", "https://acme.service-now.com/")]).is_ok());
}

#[test]
fn a_role_half_set_is_a_wrong_setting() {
    let url = ("SERVICENOW_URL", "https://acme.service-now.com");
    let ours = ("RESPONSES_TOKEN", "in");
    let relay = |secrets: &'static str| [("RELAY_KEY", "k"), ("RELAY_SECRETS", secrets)];
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[url, ours], "SERVICENOW_URL is set without credentials"),
        (&[url, ours, ("SERVICENOW_USERNAME", "u")], "SERVICENOW_PASSWORD is missing"),
        (&[url, ours, ("SERVICENOW_PASSWORD", "p")], "SERVICENOW_USERNAME is missing"),
        (&[url, ours, ("SERVICENOW_CLIENT_ID", "i")], "SERVICENOW_CLIENT_SECRET is missing"),
        (&[url, ours, ("SERVICENOW_CLIENT_SECRET", "s")], "SERVICENOW_CLIENT_ID is missing"),
        (&[("SERVICENOW_TOKEN", "t")], "SERVICENOW_URL is missing: SERVICENOW_TOKEN is set"),
        (&[ours], "SERVICENOW_URL is missing: RESPONSES_TOKEN is set"),
        (&[("RESPONSES_BASIC", "u:p")], "SERVICENOW_URL is missing: RESPONSES_BASIC is set"),
        (&[("SERVICENOW_APP_INBOUND_ID", "a")], "SERVICENOW_URL is missing: SERVICENOW_APP_INBOUND_ID is"),
        (&[("SERVICENOW_START", "agent")], "SERVICENOW_URL is missing: SERVICENOW_START is set"),
        (&[("SERVICENOW_CONTEXT", r#"{"a":"b"}"#)], "SERVICENOW_URL is missing: SERVICENOW_CONTEXT is set"),
        (&[("USER_EMAIL_VARIABLE", "Mail")], "SERVICENOW_URL is missing: USER_EMAIL_VARIABLE is set"),
        (&[("SECONDARY_TOKEN", "t")], "DIRECT_LINE_SECRET is missing"),
        (&[("SECONDARY_TOKEN", "t"), ("SECONDARY_AGENTS", "{}")], "DIRECT_LINE_SECRET is missing"),
        (&[("SECONDARY_TOKEN", "t"), ("SECONDARY_AGENTS", r#"{"hr":"two words"}"#)], "SECONDARY_AGENTS has"),
        (&[("SECONDARY_TOKEN", "t"), ("SECONDARY_AGENTS", r#"{"hr":"s""#)], "SECONDARY_AGENTS "),
        (
            &[("SECONDARY_TOKEN", "t"), ("DIRECT_LINE_SECRET", "d"), ("SECONDARY_RESPONSE_TOKEN", "r")],
            "SECONDARY_RESPONSE_URL is missing: SECONDARY_RESPONSE_TOKEN is set",
        ),
        (
            &[
                ("SECONDARY_TOKEN", "t"),
                ("DIRECT_LINE_SECRET", "d"),
                ("SECONDARY_RESPONSE_URL", "https://hub.example.com/in"),
            ],
            "SECONDARY_RESPONSE_URL is set without credentials",
        ),
        (&[("SECONDARY_AGENTS", r#"{"hr":"s"}"#)], "SECONDARY_AGENTS is set, but the secondary bot has no"),
        (&[("RELAY_SECRETS", r#"{"hr":"s"}"#)], "RELAY_SECRETS is set, but the relay has no key"),
        (
            &relay(r#"{"Büro":"s"}"#),
            "RELAY_SECRETS has the entry `Büro`, which no caller can send in a header",
        ),
        (&relay(r#"{" hr":"s"}"#), "RELAY_SECRETS has the entry ` hr`, which no caller can send"),
        (&relay(r#"{"h\tr":"s"}"#), "RELAY_SECRETS has the entry `h"),
        (&relay(r#"{"bearer":"s","the hr":"t"}"#), "RELAY_SECRETS has the entry `bearer`, which no caller"),
        (&relay(r#"{"Bearer hr":"s"}"#), "RELAY_SECRETS has the entry `Bearer hr`, which no caller can send"),
        (&[("ATTACHMENTS", "link")], "PUBLIC_URL is missing"),
    ];
    for (vars, start) in table {
        let errors = read(vars).expect_err(start);
        let [fault] = errors.faults() else { panic!("{start}: one fault, not {errors}") };
        assert!(fault.sentence.starts_with(start), "{}", fault.sentence);
    }
}

#[test]
fn all_faults_come_at_once_in_the_order_of_the_table() {
    let errors = read(&[
        ("LOG", "loud"),
        ("HANDOFF_TIMEOUT", "soon"),
        ("SERVICENOW_URL", "http://acme.service-now.com"),
        ("SERVICENOW_USERNAME", "u"),
        ("RESPONSES_BASIC", "no-colon"),
        ("AFTER_CHAT", "maybe"),
    ])
    .unwrap_err();

    let named: Vec<_> = errors.faults().iter().map(|fault| fault.setting).collect();
    assert_eq!(
        named,
        ["SERVICENOW_URL", "SERVICENOW_PASSWORD", "RESPONSES_BASIC", "HANDOFF_TIMEOUT", "AFTER_CHAT", "LOG"]
    );
    assert_eq!(errors.to_string().lines().count(), 6);
}

#[test]
fn a_misspelt_name_is_found() {
    let names = ["SERVICENOW_PASWORD", "SERVICENOW_URL", "PATH", "RELAY_KEYS"].map(str::to_owned);
    let found = misspelt(names.into_iter()).into_iter().map(|it| (it.name, it.meant));
    let expected = [("RELAY_KEYS", "RELAY_KEY"), ("SERVICENOW_PASWORD", "SERVICENOW_PASSWORD")];
    assert_eq!(found.collect::<Vec<_>>(), expected.map(|(name, meant)| (name.to_owned(), Some(meant))));
}
