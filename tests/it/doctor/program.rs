//! The program itself, as a person or a pipeline runs it.

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use servicenow_handoff::{
    domain::ConversationId,
    ledger::journal::{SqliteJournal, Store},
    session::Fact,
};

use crate::doctor::{fake, world::World};

#[tokio::test]
async fn the_exit_code_and_the_json_agree() {
    let world = World::new().await;
    let right = doctor(&world, &["--json"]).await;
    assert_eq!(right.status.code(), Some(0));
    assert_eq!(serde_json::from_slice::<Value>(&right.stdout).unwrap()["healthy"], true);

    let world = world.set("SERVICENOW_TOKEN", "SECRET-wrong");
    assert_eq!(doctor(&world, &[]).await.status.code(), Some(0), "silence is not seen without --deep");
    let wrong = doctor(&world, &["--json", "--deep"]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&wrong.stdout).unwrap()["healthy"], false);
}

#[tokio::test]
async fn for_people_the_fix_stands_under_what_is_wrong() {
    let world = World::new().await.set("SERVICENOW_PASSWORD", "SECRET-wrong").set("SERVICENOW_PASWORD", "x");
    let output = doctor(&world, &[]).await;
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = told.lines().collect();
    let wrong = lines.iter().position(|line| line.starts_with("wrong    servicenow.login: ")).unwrap();
    assert!(lines[wrong + 1].starts_with("         -> Check SERVICENOW_USERNAME"), "{told}");
    assert!(told.contains("caution  settings.unknown SERVICENOW_PASWORD: "), "{told}");
    assert!(!told.contains("SECRET-") && output.stderr.is_empty(), "{told}");
}

#[tokio::test]
async fn the_last_line_sums_up_and_a_pipe_gets_no_colours() {
    let right = doctor(&World::new().await, &[]).await;
    let told = String::from_utf8(right.stdout).unwrap();
    let last = told.lines().last().unwrap();
    assert!(last.contains(" ok, ") && last.contains(" 0 wrong. Ready"), "{last}");
    assert!(!told.contains('\x1b'), "{told}");
}

#[tokio::test]
async fn without_a_way_in_for_servicenow_the_set_up_is_wrong() {
    let output = doctor(&World::new().await.set("RESPONSES_TOKEN", ""), &[]).await;
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("no live agent is ever heard") && told.contains("Not ready"), "{told}");
}

#[tokio::test]
async fn settings_may_come_from_a_file_and_the_environment_wins() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("local.settings.json");
    let values: serde_json::Map<_, _> =
        world.settings().into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    std::fs::write(&json, serde_json::json!({"IsEncrypted": false, "Values": values}).to_string()).unwrap();
    let lines = folder.path().join("settings.env");
    let text: String = world.settings().iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(&lines, format!("{text}RESPONSE_TOKEN=x\n")).unwrap();
    for (file, before) in [(&json, true), (&json, false), (&lines, true), (&lines, false)] {
        let option = ["--settings", file.to_str().unwrap()];
        let words = if before { [option[0], option[1], "doctor"] } else { ["doctor", option[0], option[1]] };
        let told = run(&words, &[]).await;
        assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stdout));
    }
    let told = run(&["doctor", "--settings", lines.to_str().unwrap()], &[("STORE", "floppy:a")]).await;
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("STORE must be") && told.contains("Did you mean RESPONSES_TOKEN?"), "{told}");
    let missing = run(&["--settings", "/nowhere/at.all"], &[]).await;
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        String::from_utf8(missing.stderr).unwrap().starts_with("--settings /nowhere/at.all: can't be read")
    );
}

#[tokio::test]
async fn a_port_in_use_names_a_way_out() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let address = format!("127.0.0.1:{port}");
    for (words, settings, way_out) in [
        (&["serve"][..], &[("LISTEN", &*address)][..], "set LISTEN to another port"),
        (&["demo", "--port", &port], &[], "`--port PORT`"),
        (&["simulate", "--copilot-port", &port, "--servicenow-port", "0"], &[], "`--copilot-port PORT`"),
        (&["simulate", "--copilot-port", "0", "--servicenow-port", &port], &[], "`--servicenow-port PORT`"),
    ] {
        let told = run(words, settings).await;
        let text = String::from_utf8(told.stdout).unwrap();
        assert_eq!(told.status.code(), Some(1), "{text}");
        assert!(text.contains(&port) && text.contains(way_out), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_makes_no_connection_is_not_taken_for_the_far_end() {
    for (proxy, hint, fix) in [
        (
            fake::answering("407 Proxy Authentication Required", &[], ""),
            "wants a user and a password",
            "USER:PASSWORD",
        ),
        (
            fake::answering("403 Forbidden", &[], "no"),
            "the proxy makes no connection to it",
            "in SERVICENOW_URL; or",
        ),
        (fake::nobody(), "the proxy can't be spoken to", "that the proxy runs"),
        (fake::nobody().replace("http:", "https:"), "the proxy can't be spoken to", "that the proxy runs"),
        ("http://proxy.invalid:3128".to_owned(), "the proxy can't be spoken to", "that the proxy runs"),
    ] {
        let settings = [
            ("HTTPS_PROXY", &*proxy),
            ("SERVICENOW_URL", "https://acme.example.com"),
            ("SERVICENOW_TOKEN", "t"),
            ("RESPONSES_TOKEN", "in"),
            ("STORE", "sqlite:/dev/null/x.db"),
        ];
        let told = String::from_utf8(run(&["doctor"], &settings).await.stdout).unwrap();
        let (_, told) = told
            .split_once("servicenow.reach: ServiceNow at https://acme.example.com/ can't be asked: ")
            .expect(&told);
        let found: String = told.lines().take(2).collect();
        assert!(
            found.contains(hint) && found.contains(fix) && found.contains("HTTPS_PROXY"),
            "{proxy}: {found}"
        );
    }
}

#[tokio::test]
async fn a_file_of_certificates_that_cant_be_read_is_named() {
    for (file, why) in
        [("/nothing", "`/nothing`: No such file"), ("/dev/null", "no certificate in PEM is there")]
    {
        let told = String::from_utf8(run(&["doctor"], &[("SSL_CERT_FILE", file)]).await.stdout).unwrap();
        let (_, found) = told.split_once("wrong    network: ").expect(&told);
        assert!(found.contains(why) && found.contains("-> Let SSL_CERT_FILE name"), "{found}");
    }
}

#[tokio::test]
async fn a_reader_that_has_read_enough_breaks_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
    command.env_clear().args(["doctor", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let ended = actix_web::rt::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!said.contains("panicked") && ended.status.code().is_some_and(|code| code <= 1), "{said}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cant_be_written_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
    let journal = SqliteJournal::open_file(&folder.path().join("handoff.db"), true).unwrap();
    let (chats, id) = (Store::<Fact>::of(journal), ConversationId::parse("c-1").unwrap());
    let over = serde_json::from_value(serde_json::json!({"fact": "conversation_over", "at": 2})).unwrap();
    chats.append(&id, 0, &[over], None).await.unwrap();
    for words in [&["conversations", "list"][..], &["conversations", "export", "c-1"], &["doctor", "--json"]]
    {
        let written = run(words, &[("STORE", &store)]).await;
        assert!(!written.stdout.is_empty(), "{written:?}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
        command.env_clear().env("STORE", &store).args(words);
        command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        let lost = actix_web::rt::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert_eq!(lost.status.code(), Some(1), "{words:?}");
        assert!(String::from_utf8_lossy(&lost.stderr).contains("can't be written"), "{words:?}: {lost:?}");
    }
}

#[tokio::test]
async fn the_help_has_examples() {
    let told = String::from_utf8(run(&["--help"], &[]).await.stdout).unwrap();
    for words in ["handler demo ", "handler doctor --settings local.settings.json", "Exit codes"] {
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn a_wrong_setting_fails_the_doctor_too() {
    let world = World::new().await.set("STORE", "floppy:a");
    let wrong = doctor(&world, &[]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8(wrong.stdout).unwrap().contains("STORE must be"));
}

#[tokio::test]
async fn an_app_without_an_identity_is_told_what_to_turn_on_and_which_role_to_grant() {
    let world = World::new().await.set("STORE", "https://127.0.0.1:9/handoff");
    let world = world.set("IDENTITY_ENDPOINT", &fake::answering("400 Bad Request", &[], "{}"));
    let output = doctor(&world.set("IDENTITY_HEADER", "x"), &["--json"]).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let store = told["findings"].as_array().unwrap().iter().find(|it| it["code"] == "store.open").unwrap();
    assert_eq!(store["verdict"], "wrong");
    assert!(store["text"].as_str().unwrap().contains("no system-assigned identity"), "{store}");
    assert!(store["fix"].as_str().unwrap().contains("Storage Blob Data Contributor"), "{store}");
}

pub async fn doctor(world: &World, arguments: &[&str]) -> Output {
    let settings = world.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    run(&[&["doctor"], arguments].concat(), &settings).await
}

async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
    command.env_clear().args(arguments).envs(settings.iter().copied());
    actix_web::rt::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}
