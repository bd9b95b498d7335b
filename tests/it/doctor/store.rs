//! What can be wrong with the store.

use servicenow_handoff::doctor::Verdict;

use crate::doctor::world::World;

#[tokio::test]
async fn a_store_is_written_and_read_as_often_as_asked() {
    let world = World::new().await;
    for _ in 0..3 {
        let found = world.examine().await;
        assert_eq!(found.one("store.open").verdict, Verdict::Good);
        let journal = found.one("store.journal");
        assert_eq!(journal.verdict, Verdict::Good);
        assert!(journal.text.contains("ms"), "{journal}");
    }
}

#[tokio::test]
async fn doctors_at_the_same_time_do_not_take_each_other_for_a_fault() {
    let world = World::new().await;
    let (one, other) = tokio::join!(world.examine(), world.examine());
    assert_eq!(one.one("store.journal").verdict, Verdict::Good);
    assert_eq!(other.one("store.journal").verdict, Verdict::Good);
}

#[tokio::test]
async fn a_store_that_can_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "no folder").unwrap();
    let store = format!("sqlite:{}/handoff.db", file.display());
    let told = World::new().await.set("STORE", &store).examine().await.only_wrong("store.open");
    assert!(told.contains("handoff.db") && told.contains("disk of its own"), "{told}");
}

#[tokio::test]
async fn no_store_is_made_where_no_role_needs_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handoff.db");
    let mut world = World::new().await.set("STORE", &format!("sqlite:{}", path.display()));
    for name in ["SERVICENOW_URL", "SERVICENOW_USERNAME", "SERVICENOW_PASSWORD", "SERVICENOW_TOKEN"] {
        world = world.set(name, "");
    }
    assert_eq!(world.examine().await.one("store.open").verdict, Verdict::Off);
    assert!(!path.exists());
}
