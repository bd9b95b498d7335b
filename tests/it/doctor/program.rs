//! The program itself, as a person or a pipeline runs it.

use std::process::{Command, Output};

use serde_json::Value;

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
    let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
    command.env_clear().arg("doctor").args(arguments).envs(world.settings());
    actix_web::rt::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}
