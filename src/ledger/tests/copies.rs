//! What a process remembers, and what others store meanwhile.

use super::*;
use crate::{domain::ActivityId, ledger::journal::encode, session::UserSaid};

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_removed_or_put_back_is_an_error_once_and_then_read_anew() {
    for keeps in [0, 3] {
        let stage = Stage::new();
        let process = stage.process();
        let entry = stage.live(&process).await;
        stage.journal.shrink(conversation().as_str(), keeps);
        let failed = process.ledger.commit(&entry, says_as("c1", "hello")).await;
        assert!(matches!(failed, Err(JournalError::Shorter { .. })), "{failed:?}");
        assert!(!process.ledger.remembers(&conversation()));
        let again = process.ledger.find(&conversation()).await.expect("read");
        assert_eq!(again.is_some(), keeps > 0);
    }
}

#[tokio::test]
async fn a_journal_that_was_removed_is_known_as_another_however_far_it_has_grown_anew() {
    for (further, looks) in [(0, true), (0, false), (1, true), (1, false), (7, true), (7, false)] {
        let stage = Stage::new();
        let process = stage.process();
        let entry = stage.live(&process).await;
        let length = usize::try_from(entry.state().await.position).expect("a small number");
        let key = conversation();
        stage.journal.shrink(key.as_str(), 1);
        for number in 1..length + further {
            let said = UserSaid { client_id: Some(format!("anew {number}")), ..UserSaid::default() };
            stage.journal.push(key.as_str(), &encode(&Fact::UserSaid(Box::new(said))));
        }
        let failed = match looks {
            true => process.ledger.refresh(&entry).await,
            false => process.ledger.commit(&entry, says_as("c1", "hello")).await.map(drop),
        };
        assert!(matches!(failed, Err(JournalError::Shorter { .. })), "{further} {looks}: {failed:?}");
        let again = process.ledger.find(&key).await.expect("read").expect("the one there is now");
        let position = again.state().await.position;
        assert_eq!(position, (length + further) as u64);
    }
}

#[tokio::test]
async fn the_last_conversations_are_remembered_and_those_in_use() {
    let process = Stage::new().process();
    let id = |number: usize| ConversationId::parse(&format!("c{number}")).expect("an id");
    let in_use = process.ledger.find_or_begin(&id(0)).await.expect("read");
    for number in 1..=REMEMBERED + 1 {
        process.ledger.find_or_begin(&id(number)).await.expect("read");
    }
    let remembered = |number| process.ledger.remembers(&id(number));
    assert_eq!([0, 1, 2, 3, REMEMBERED + 1].map(remembered), [true, false, false, true, true]);
    assert!(Arc::ptr_eq(&in_use, &process.ledger.find_or_begin(&id(0)).await.expect("read")));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_remembers_nobody_for_whom_nothing_waits() {
    let stage = Stage::new();
    stage.live(&stage.process()).await;
    let process = stage.process();
    let looked = sweep(&process, |_| async { Ok(true) }).await.expect("listed");
    assert_eq!((looked.open, looked.live, looked.undelivered), (1, 1, 0));
    assert!(!process.ledger.remembers(&conversation()));
}

#[tokio::test(start_paused = true)]
async fn another_process_sees_what_was_stored_within_a_second() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    let theirs = other.entry().await;
    let waits = tokio::spawn(async move {
        let ended = |state: &crate::session::State, _| (!state.is_live()).then_some(());
        let began = Instant::now();
        other.ledger.wait_for(&theirs, Duration::from_secs(30), ended).await.expect("read").expect("it ends");
        began.elapsed()
    });
    sleep(Duration::from_secs(4)).await;
    one.commit(&entry, Command::UserEnded).await;
    assert!(waits.await.expect("no panic") <= Duration::from_millis(5_100));
}

#[tokio::test(start_paused = true)]
async fn a_second_chat_of_another_process_is_heard_by_a_stale_copy() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    let theirs = other.entry().await;
    one.commit(&entry, Command::UserEnded).await;
    one.commit(&entry, bot_returned()).await;
    one.commit(&entry, escalation(1)).await;
    let told = meant(webhook([agent("m9", "Second.")]));
    let heard = other.commit(&theirs, Command::Heard { chat: 2, told }).await;
    assert!(!heard.facts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_stale_copy_takes_for_a_repeat_is_looked_up_before_it_is_one() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    let theirs = other.entry().await;
    let decide = |state: &crate::session::State, _| match state.is_live() {
        true => Decided::Known(ActivityId::of_nothing(&conversation())),
        false => Decided::Nothing,
    };
    let repeat = other.ledger.change(&theirs, decide).await.expect("read");
    assert!(matches!(repeat, Committed::Known(_)), "{repeat:?}");
    one.commit(&entry, Command::UserEnded).await;
    let anew = other.ledger.change(&theirs, decide).await.expect("read");
    assert!(matches!(anew, Committed::Stored { .. }), "{anew:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_stored_here_behind_a_look_is_given_once_without_the_store_and_only_whole() {
    let stage = Stage::new();
    let process = stage.process();
    let entry = stage.live(&process).await;
    let hears = async |process: &Process, entry: &Arc<Entry<Chat>>, id: &str, text: &str| {
        let told = meant(webhook([agent(id, text)]));
        process.commit(entry, Command::Heard { chat: 1, told }).await;
    };
    // How many facts, and how often the store was read for them.
    let looks = async |from: u64| {
        let (before, _) = stage.journal.counted();
        let (facts, _) = process.ledger.look(&entry, from).await.expect("read");
        (facts.len(), stage.journal.counted().0 - before)
    };
    let end = stage.facts().await.len() as u64;
    hears(&process, &entry, "a", "nobody has looked").await;
    assert_eq!(looks(end).await, (1, 1));
    assert_eq!(looks(end + 1).await, (0, 1), "nothing new: the store may have more");
    hears(&process, &entry, "b", "one").await;
    hears(&process, &entry, "c", "two").await;
    assert_eq!(looks(end + 2).await, (1, 0));
    assert_eq!(looks(end + 2).await, (1, 1), "given once");
    hears(&process, &entry, "d", "three").await;
    assert_eq!(looks(end + 1).await, (3, 1), "from before the last look");
    let other = stage.process();
    hears(&other, &other.entry().await, "e", "another instance's").await;
    hears(&process, &entry, "f", "behind it").await;
    assert_eq!(looks(end + 4).await, (2, 1));
    hears(&process, &entry, "g", &"large".repeat(1_000)).await;
    assert_eq!(looks(end + 6).await, (1, 1));
    for n in 0..9 {
        hears(&process, &entry, &format!("h{n}"), "many").await;
    }
    assert_eq!(looks(end + 7).await, (9, 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_long_in_failing_fails_all_who_waited_at_once() {
    struct Locked;
    impl Faults for Locked {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            (operation == Operation::Append).then_some(Fault::SlowFailure(Duration::from_secs(5)))
        }
    }
    let stage = Stage::new();
    let one = stage.process();
    drop(stage.live(&one).await);
    let process = stage.process_with(stage.journal.with_faults(Arc::new(Locked)), Arc::default());
    let entry = process.entry().await;
    let began = Instant::now();
    let said = (0..20).map(|n| {
        let (process, entry) = (process.clone(), entry.clone());
        tokio::spawn(async move { process.ledger.commit(&entry, says_as(&format!("c{n}"), "hello")).await })
    });
    for failed in futures_util::future::join_all(said).await {
        assert!(matches!(failed, Ok(Err(JournalError::Unavailable { .. }))), "{failed:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let later = process.ledger.commit(&entry, says_as("c20", "hello")).await;
    assert!(later.is_err() && began.elapsed() >= Duration::from_secs(10), "who comes later asks the store");
}

/// Thousands of chats are remembered. Allocators round up to steps of this size: a field more may cost each a fifth.
#[test]
fn what_is_remembered_of_a_chat_is_no_larger_than_it_was() {
    let counts = 2 * size_of::<usize>();
    assert!(counts + size_of::<Entry<Chat>>() <= 1_280, "{} bytes", size_of::<Entry<Chat>>());
}
