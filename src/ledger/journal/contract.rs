//! What every journal promises, as tests to run on each implementation.

use super::{Append, Expected, JournalError, Store, digest, encode};
use crate::{
    domain::{ConversationId, Timestamp},
    session::{Fact, UserSaid},
};

pub async fn all(journal: &Store<Fact>) {
    an_unknown_conversation_is_empty(journal).await;
    facts_come_back_in_order_from_any_position(journal).await;
    a_writer_that_was_slower_stores_nothing(journal).await;
    a_journal_that_is_shorter_than_expected_is_no_conflict(journal).await;
    what_is_removed_is_gone_and_may_begin_anew(journal).await;
    a_repeat_after_a_lost_answer_is_a_conflict_and_can_be_recognised(journal).await;
    conversations_do_not_touch_each_other(journal).await;
    of_many_writers_at_once_each_position_has_one_winner(journal).await;
    the_sweep_sees_what_is_open_and_nothing_else(journal).await;
    without_facts_only_the_openness_changes(journal).await;
}

fn id(name: &str) -> ConversationId {
    ConversationId::parse(name).expect("a valid id")
}

fn fact(n: i64) -> Fact {
    Fact::UserSaid(Box::new(UserSaid {
        client_id: Some(format!("message {n} ✓")),
        at: Timestamp(n),
        ..UserSaid::default()
    }))
}

async fn an_unknown_conversation_is_empty(journal: &Store<Fact>) {
    assert_eq!(journal.read(&id("never seen"), 0).await.expect("read"), []);
}

async fn facts_come_back_in_order_from_any_position(journal: &Store<Fact>) {
    let id = id("order|with~odd%20name");
    let all: Vec<Fact> = (0..5).map(fact).collect();
    assert_eq!(journal.append(&id, 0, &all[..2], Some(true)).await.expect("append"), Append::Done(2));
    assert_eq!(journal.append(&id, 2, &all[2..], None).await.expect("append"), Append::Done(5));
    for from in 0..=5 {
        let expected = all.get(from..).unwrap_or_default();
        assert_eq!(journal.read(&id, from as u64).await.expect("read"), expected, "from {from}");
    }
}

async fn a_writer_that_was_slower_stores_nothing(journal: &Store<Fact>) {
    let id = id("slower");
    assert_eq!(journal.append(&id, 0, &[fact(1)], None).await.expect("append"), Append::Done(1));
    assert_eq!(journal.append(&id, 0, &[fact(2), fact(3)], None).await.expect("append"), Append::Conflict);
    assert_eq!(journal.read(&id, 0).await.expect("read"), [fact(1)]);
}

async fn a_journal_that_is_shorter_than_expected_is_no_conflict(journal: &Store<Fact>) {
    let id = id("ahead");
    let shorter = |error| matches!(error, JournalError::Shorter { .. });
    assert!(journal.append(&id, 3, &[fact(1)], None).await.is_err_and(shorter));
    assert!(journal.read(&id, 2).await.is_err_and(shorter));
    assert_eq!(journal.read(&id, 0).await.expect("read"), []);
    journal.append(&id, 0, &[fact(1), fact(2)], None).await.expect("append");
    assert_eq!(journal.read(&id, 2).await.expect("read"), []);
    assert!(journal.read(&id, 3).await.is_err_and(shorter));
    assert!(journal.append(&id, 3, &[fact(3)], None).await.is_err_and(shorter));
    assert_eq!(journal.read(&id, 0).await.expect("read"), [fact(1), fact(2)]);
}

async fn what_is_removed_is_gone_and_may_begin_anew(journal: &Store<Fact>) {
    let (id, other) = (id("forgotten"), self::id("kept"));
    journal.append(&id, 0, &[fact(1), fact(2)], Some(true)).await.expect("append");
    journal.append(&other, 0, &[fact(1)], Some(true)).await.expect("append");
    assert!(journal.remove(&id).await.expect("remove"));
    assert!(!journal.remove(&id).await.expect("remove"), "there is nothing any more");
    assert_eq!(journal.read(&id, 0).await.expect("read"), []);
    let shorter = |error| matches!(error, JournalError::Shorter { .. });
    assert!(journal.read(&id, 2).await.is_err_and(shorter), "who knew it learns of it");
    assert!(journal.append(&id, 2, &[fact(3)], None).await.is_err_and(shorter));
    let open = journal.open().await.expect("open");
    assert!(open.contains(&other) && !open.contains(&id));
    let all = journal.all().await.expect("all");
    assert!(all.contains(&other) && !all.contains(&id));
    assert_eq!(journal.append(&id, 0, &[fact(4)], None).await.expect("append"), Append::Done(1));
    assert_eq!(journal.read(&id, 0).await.expect("read"), [fact(4)]);
}

/// Of a container of blobs, which goes by bytes, only a look tells.
pub async fn one_that_has_begun_anew_is_another(journal: &Store<Fact>) {
    let id = id("begun anew");
    journal.append(&id, 0, &[fact(1), fact(2)], None).await.expect("append");
    journal.remove(&id).await.expect("remove");
    journal.append(&id, 0, &[fact(3), fact(4444)], None).await.expect("append");
    let append = async |last| {
        let expected = Expected { length: 2, last: Some(digest(&encode(&fact(last)))) };
        journal.append_encoded(&id, expected, vec![encode(&fact(5))], None).await
    };
    assert!(append(2).await.is_err_and(|error| matches!(error, JournalError::Shorter { .. })));
    assert_eq!(journal.read(&id, 2).await.expect("read"), []);
    assert_eq!(append(4444).await.expect("append"), Append::Done(3));
}

async fn a_repeat_after_a_lost_answer_is_a_conflict_and_can_be_recognised(journal: &Store<Fact>) {
    let id = id("lost answer");
    journal.append(&id, 0, &[fact(1), fact(2)], None).await.expect("append");
    assert_eq!(journal.append(&id, 0, &[fact(1), fact(2)], None).await.expect("append"), Append::Conflict);
    assert_eq!(journal.read(&id, 0).await.expect("read"), [fact(1), fact(2)]);
}

async fn conversations_do_not_touch_each_other(journal: &Store<Fact>) {
    let (one, other) = (id("one"), id("one~2"));
    journal.append(&one, 0, &[fact(1)], None).await.expect("append");
    journal.append(&other, 0, &[fact(2)], None).await.expect("append");
    assert_eq!(journal.read(&one, 0).await.expect("read"), [fact(1)]);
    assert_eq!(journal.read(&other, 0).await.expect("read"), [fact(2)]);
}

async fn of_many_writers_at_once_each_position_has_one_winner(journal: &Store<Fact>) {
    let id = id("many");
    for round in 0..8_u64 {
        let facts: Vec<Fact> = (0..16).map(|writer| fact(round as i64 * 100 + writer)).collect();
        let writers = facts.chunks(1).map(|facts| journal.append(&id, round, facts, None));
        let outcomes = futures_util::future::join_all(writers).await;
        let won = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Append::Done(_)))).count();
        assert_eq!(won, 1, "round {round}");
    }
    assert_eq!(journal.read(&id, 0).await.expect("read").len(), 8);
}

async fn the_sweep_sees_what_is_open_and_nothing_else(journal: &Store<Fact>) {
    let (open, closed) = (id("still open"), id("closed again"));
    journal.append(&open, 0, &[fact(1)], Some(true)).await.expect("append");
    journal.append(&open, 1, &[fact(2)], None).await.expect("append");
    journal.append(&closed, 0, &[fact(1)], Some(true)).await.expect("append");
    journal.append(&closed, 1, &[fact(2)], Some(false)).await.expect("append");
    assert_eq!(journal.append(&closed, 1, &[fact(3)], Some(true)).await.expect("append"), Append::Conflict);
    let seen = journal.open().await.expect("open");
    assert!(seen.contains(&open));
    assert!(!seen.contains(&closed));
}

async fn without_facts_only_the_openness_changes(journal: &Store<Fact>) {
    let id = id("left open by a crash");
    journal.append(&id, 0, &[fact(1)], Some(true)).await.expect("append");
    assert_eq!(journal.append(&id, 0, &[], Some(false)).await.expect("append"), Append::Conflict);
    assert!(journal.open().await.expect("open").contains(&id));
    assert_eq!(journal.append(&id, 1, &[], Some(false)).await.expect("append"), Append::Done(1));
    assert!(!journal.open().await.expect("open").contains(&id));
    assert_eq!(journal.append(&id, 1, &[fact(2)], Some(true)).await.expect("append"), Append::Done(2));
    assert_eq!(journal.read(&id, 0).await.expect("read"), [fact(1), fact(2)]);
    assert!(journal.open().await.expect("open").contains(&id));
}

/// `second` is the same store opened anew, as a restarted or a second process does.
pub async fn reopened(journal: &Store<Fact>, second: Store<Fact>) {
    let id = id("reopened");
    journal.append(&id, 0, &[fact(1), fact(2)], Some(true)).await.expect("append");
    assert_eq!(second.read(&id, 0).await.expect("read"), [fact(1), fact(2)]);
    assert!(second.open().await.expect("open").contains(&id));
    assert_eq!(second.append(&id, 2, &[fact(3)], None).await.expect("append"), Append::Done(3));
    assert_eq!(journal.append(&id, 2, &[fact(4)], None).await.expect("append"), Append::Conflict);
    assert_eq!(journal.read(&id, 2).await.expect("read"), [fact(3)]);
}
