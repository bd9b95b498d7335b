//! The store on Azure Storage, played by Azurite.

use servicenow_handoff::doctor::Verdict;

use crate::{
    azurite::server::{Azurite, sas},
    doctor::world::World,
};
#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_container_is_made_written_and_read() {
    let azurite = Azurite::start();
    let world = World::new().await.set("STORE", &azurite.container_with_sas());
    for _ in 0..2 {
        let found = world.examine().await;
        for code in ["store.open", "store.journal", "clock.store"] {
            assert_eq!(found.one(code).verdict, Verdict::Good, "{}", found.report());
        }
        assert!(!found.report().to_string().contains("sig="), "{}", found.report());
    }
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_sas_that_may_not_write_is_told_with_what_it_must_allow() {
    let azurite = Azurite::start();
    let container = azurite.container();
    let whole = World::new().await.set("STORE", &format!("{container}?{}", sas("rwdlac")));
    assert_eq!(whole.examine().await.one("store.journal").verdict, Verdict::Good);

    let reading = whole.set("STORE", &format!("{container}?{}", sas("rl")));
    let told = reading.examine().await.only_wrong("store.open");
    assert!(told.contains("403") && told.contains("racwdl"), "{told}");

    let missing = reading.set("STORE", &format!("{}?{}", azurite.container(), sas("rl")));
    let told = missing.examine().await.only_wrong("store.open");
    assert!(told.contains("does not exist") && !told.contains("sig="), "{told}");
}
