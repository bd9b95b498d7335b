//! Settings in a Key Vault, played by a faked Azure.

use serde_json::Value;

use crate::{
    doctor::{program::doctor, world::World},
    vault::azure::{Azure, VAULT},
};

#[tokio::test]
async fn each_secret_in_a_vault_is_told_of_and_used() {
    let azure = Azure::start();
    azure.put("sn-password", "SECRET-password");
    let told = findings(&azure, World::new().await).await;
    let [vault] = of(&told, "vault")[..] else { panic!("{told:?}") };
    assert_eq!((&vault["verdict"], &vault["subject"]), (&"ok".into(), &"SERVICENOW_PASSWORD".into()));
    assert_eq!(of(&told, "servicenow.login")[0]["verdict"], "ok");
}

#[tokio::test]
async fn a_secret_that_may_not_be_read_is_told_once_and_its_far_end_left_alone() {
    let azure = Azure::start();
    azure.refuse("sn-password", 403, "ForbiddenByRbac");
    let told = findings(&azure, World::new().await).await;
    let [vault] = of(&told, "vault")[..] else { panic!("{told:?}") };
    assert_eq!((&vault["verdict"], &vault["subject"]), (&"wrong".into(), &"SERVICENOW_PASSWORD".into()));
    assert!(vault["text"].as_str().unwrap().contains(VAULT), "{vault}");
    assert!(
        vault["fix"].as_str().unwrap().starts_with("Grant it the role `Key Vault Secrets User`"),
        "{vault}"
    );
    assert!(of(&told, "settings").iter().all(|it| it["subject"] != "SERVICENOW_PASSWORD"), "{told:?}");
    assert_eq!(of(&told, "servicenow.reach")[0]["verdict"], "off");
    assert_eq!(of(&told, "direct_line.secret")[0]["verdict"], "ok");
}

/// What the program finds with its ServiceNow password in the vault.
async fn findings(azure: &Azure, world: World) -> Vec<Value> {
    let reference = format!("keyvault:https://{VAULT}/secrets/sn-password");
    let mut world = world.set("SERVICENOW_PASSWORD", &reference);
    for (name, value) in azure.environment() {
        world = world.set(name, &value);
    }
    let output = doctor(&world, &["--json"]).await;
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(!told.contains("SECRET-"), "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    told["findings"].as_array().unwrap().clone()
}

fn of<'a>(findings: &'a [Value], code: &str) -> Vec<&'a Value> {
    findings.iter().filter(|finding| finding["code"] == code).collect()
}
