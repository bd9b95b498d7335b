//! Who waits for a conversation to move is woken by what this process stores, and sees another's within a second.

use std::{sync::Arc, time::Duration};

use servicenow_handoff::{
    domain::{ConversationId, Timestamp},
    ledger::{Ledger, World, journal::MemoryJournal},
    session::{Chat, Command},
};
use tokio::time::{Instant, sleep};

use crate::words::chat;

fn ledger(store: &MemoryJournal) -> Arc<Ledger<Chat>> {
    let world = World { clock: Box::new(|| Timestamp(1)), chance: Box::new(|| 7), marks: [7; 32] };
    Arc::new(Ledger::new(chat(), store.store(), world, Box::new(|_, _, _| {})))
}

/// How long one who waits here takes to see what `there` stores.
async fn seen_after(here: &Arc<Ledger<Chat>>, there: &Arc<Ledger<Chat>>) -> Duration {
    let id = ConversationId::parse("c").unwrap();
    let entry = here.find_or_begin(&id).await.unwrap();
    let (ledger, waiting) = (here.clone(), entry.clone());
    let waits = tokio::spawn(async move {
        let moved = ledger.wait_for(&waiting, Duration::from_secs(60), |state, _| {
            state.knows_token("t", Timestamp(1)).then(Instant::now)
        });
        moved.await.unwrap().unwrap()
    });
    sleep(Duration::from_millis(1_500)).await;
    let stored = Instant::now();
    let entry = if Arc::ptr_eq(here, there) { entry } else { there.find_or_begin(&id).await.unwrap() };
    let accepted = Command::TokenAccepted { hash: "t".to_owned(), until: Timestamp(9) };
    there.commit(&entry, accepted).await.unwrap();
    waits.await.unwrap() - stored
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_at_once_by_what_is_stored_here() {
    let here = ledger(&MemoryJournal::default());
    assert!(seen_after(&here, &here).await < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn what_another_process_stores_is_seen_within_a_second() {
    let store = MemoryJournal::default();
    let after = seen_after(&ledger(&store), &ledger(&store)).await;
    assert!(after <= Duration::from_millis(1_010), "{after:?}");
}
