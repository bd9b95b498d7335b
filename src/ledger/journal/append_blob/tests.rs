use std::sync::Arc;

use url::Url;

use self::service::{Service, Trouble};
use super::{AppendBlobJournal, name as names};
use crate::{
    azure,
    domain::{ConversationId, Timestamp},
    ledger::journal::{Append, JournalError, Name, Store, Stored, contract},
    session::{Fact, UserSaid},
};

mod azurite;
mod service;

async fn container(service: &Arc<Service>) -> AppendBlobJournal {
    let url = Url::parse("http://blob.example.com/account/container?sv=1&sig=SECRET").expect("a URL");
    let journal =
        AppendBlobJournal::open_container(&url, || azure::credential(None), service.transport(), true);
    let journal = journal.await.expect("a container");
    service.asked();
    journal
}

async fn opened(service: &Arc<Service>) -> Store<Fact> {
    Store::of(container(service).await)
}

fn name(id: &ConversationId) -> Name<'_> {
    Name { realm: Fact::REALM, id }
}

fn id(name: &str) -> ConversationId {
    ConversationId::parse(name).expect("a valid id")
}

fn fact(n: i64) -> Fact {
    Fact::UserSaid(Box::new(UserSaid {
        client_id: Some(format!("message {n}")),
        at: Timestamp(n),
        ..UserSaid::default()
    }))
}

/// A journal of one conversation with two facts in it, known to this process.
async fn begun() -> (Arc<Service>, Store<Fact>, ConversationId) {
    let service = Service::new();
    let journal = opened(&service).await;
    let id = id("abc");
    journal.append(&id, 0, &[fact(1), fact(2)], Some(true)).await.expect("append");
    service.asked();
    (service, journal, id)
}

#[tokio::test(start_paused = true)]
async fn keeps_the_contract() {
    let service = Service::new();
    let journal = opened(&service).await;
    contract::all(&journal).await;
    contract::reopened(&journal, opened(&service).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_one_request_and_a_poll_is_one() {
    let (service, journal, id) = begun().await;
    for n in 2..50 {
        journal.append(&id, n, &[fact(n as i64)], None).await.expect("append");
        assert_eq!(service.asked(), ["append"], "at {n}");
        assert_eq!(journal.read(&id, n).await.expect("read"), [fact(n as i64)]);
        assert_eq!(journal.read(&id, n + 1).await.expect("read"), []);
        assert_eq!(service.asked(), ["read", "read"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_near_the_end_of_a_long_journal_fetches_only_what_is_there() {
    let (service, journal, id) = begun().await;
    for n in 2..1_000 {
        journal.append(&id, n, &[fact(n as i64)], None).await.expect("append");
    }
    assert_eq!(journal.read(&id, 999).await.expect("read"), [fact(999)]);
    let one = service.given();
    assert_eq!(journal.read(&id, 995).await.expect("read").len(), 5);
    assert!(service.given() < 6 * one);
    // A process that has not seen it reads it once.
    let other = opened(&service).await;
    other.read(&id, 0).await.expect("read");
    assert!(service.given() > 900 * one);
    other.read(&id, 999).await.expect("read");
    assert_eq!(service.given(), one);
}

#[tokio::test(start_paused = true)]
async fn the_first_commit_makes_the_blob_and_its_marker() {
    let service = Service::new();
    let journal = opened(&service).await;
    journal.append(&id("abc"), 0, &[fact(1)], Some(true)).await.expect("append");
    assert_eq!(service.asked(), ["put", "create", "append"]);
    assert_eq!(service.names(), ["journal/handoff/abc", "open/handoff/abc"]);
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_answer_was_lost_is_known_again() {
    for trouble in
        [Trouble::AnswerLost, Trouble::RequestLost, Trouble::Silence, Trouble::Refused(503, "ServerBusy")]
    {
        let (service, journal, id) = begun().await;
        service.next("append", trouble);
        assert_eq!(
            journal.append(&id, 2, &[fact(3)], None).await.expect("append"),
            Append::Done(3),
            "{trouble:?}"
        );
        assert_eq!(opened(&service).await.read(&id, 0).await.expect("read"), [fact(1), fact(2), fact(3)]);
        assert_eq!(journal.append(&id, 3, &[fact(4)], None).await.expect("append"), Append::Done(4));
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_facts_of_another_writer_are_not_taken_for_ones_own() {
    let (service, journal, id) = begun().await;
    let other = opened(&service).await;
    other.append(&id, 2, &[fact(3)], None).await.expect("append");
    service.next("append", Trouble::RequestLost);
    assert_eq!(journal.append(&id, 2, &[fact(3)], None).await.expect("append"), Append::Conflict);
    assert_eq!(journal.read(&id, 2).await.expect("read"), [fact(3)]);
}

#[tokio::test(start_paused = true)]
async fn an_append_that_never_gets_an_answer_is_looked_for_before_it_counts_as_failed() {
    let (service, journal, id) = begun().await;
    service.next("append", Trouble::AnswerLost);
    (0..3).for_each(|_| service.next("append", Trouble::Refused(500, "InternalError")));
    assert_eq!(journal.append(&id, 2, &[fact(3)], None).await.expect("append"), Append::Done(3));
    (0..4).for_each(|_| service.next("append", Trouble::Silence));
    let failed = journal.append(&id, 3, &[fact(4)], None).await.expect_err("nothing arrives");
    assert!(matches!(failed, JournalError::Unavailable { .. }), "{failed:?}");
    assert_eq!(journal.append(&id, 3, &[fact(4)], None).await.expect("append"), Append::Done(4));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_stays_is_not_tried_again() {
    let (service, journal, id) = begun().await;
    service.next("append", Trouble::Refused(409, "BlockCountExceedsLimit"));
    let failed = journal.append(&id, 2, &[fact(3)], None).await.expect_err("full");
    assert_eq!(service.asked(), ["append"]);
    let cause = std::error::Error::source(&failed).expect("a cause").to_string();
    assert!(cause.contains("50,000 entries"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn who_knows_less_than_the_journal_holds_reads_only_the_rest() {
    let (service, journal, id) = begun().await;
    let other = opened(&service).await;
    other.append(&id, 2, &[fact(3)], None).await.expect("append");
    service.asked();
    // It was told of position 3 by another instance's watermark, and has not seen it.
    assert_eq!(journal.append(&id, 3, &[fact(4)], None).await.expect("append"), Append::Done(4));
    assert_eq!(service.asked(), ["read", "append"]);
    assert_eq!(other.append(&id, 3, &[fact(5)], None).await.expect("append"), Append::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_deleted_is_an_error_and_no_endless_conflict() {
    let (service, journal, id) = begun().await;
    service.delete(&names::blob(names::JOURNALS, name(&id)));
    assert!(journal.append(&id, 2, &[fact(3)], None).await.is_err());
    assert!(opened(&service).await.append(&id, 2, &[fact(3)], None).await.is_err());
    assert!(journal.read(&id, 2).await.is_err());
    assert_eq!(journal.read(&id, 0).await.expect("read"), []);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_another_process_removed_may_begin_anew_here() {
    for anew in [0, 1] {
        let (service, journal, id) = begun().await;
        journal.append(&id, 2, &[fact(3), fact(4)], None).await.expect("append");
        let other = opened(&service).await;
        assert!(other.remove(&id).await.expect("remove"));
        for n in 0..anew {
            other.append(&id, n, &[fact(9)], None).await.expect("append");
        }
        assert_eq!(journal.read(&id, 0).await.expect("read").len() as u64, anew);
        let appended = journal.append(&id, anew, &[fact(5)], None).await;
        assert_eq!(appended.expect("append"), Append::Done(anew + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_opened_again_meanwhile_keeps_its_marker() {
    let (service, journal, id) = begun().await;
    // The closing writer has learnt the ETag; before it deletes, another one opens again.
    let marker = names::blob(names::MARKERS, name(&id));
    service.next("delete", Trouble::RequestLost);
    journal.append(&id, 2, &[fact(3)], Some(false)).await.expect("append");
    let closer = container(&service).await.container;
    let etag = closer.marked(&marker).await.expect("asked").expect("still there");
    opened(&service).await.append(&id, 3, &[fact(4)], Some(true)).await.expect("append");
    assert!(!closer.remove(&marker, Some(etag)).await.expect("asked"));
    assert_eq!(journal.open().await.expect("open"), [id]);
}

#[tokio::test(start_paused = true)]
async fn who_has_put_a_marker_and_not_yet_appended_is_turned_away_by_the_sweep() {
    let (service, journal, id) = begun().await;
    let opener = opened(&service).await;
    assert_eq!(opener.read(&id, 0).await.expect("read").len(), 2);
    service.put(&names::blob(names::MARKERS, name(&id)));
    assert_eq!(journal.append(&id, 2, &[], Some(false)).await.expect("append"), Append::Done(2));
    assert_eq!(journal.open().await.expect("open"), []);
    assert_eq!(opener.append(&id, 2, &[fact(3)], Some(true)).await.expect("append"), Append::Conflict);
    assert_eq!(opener.read(&id, 2).await.expect("read"), []);
    assert_eq!(opener.append(&id, 2, &[fact(3)], Some(true)).await.expect("append"), Append::Done(3));
    assert_eq!(journal.open().await.expect("open"), [id]);
}

#[tokio::test(start_paused = true)]
async fn open_conversations_are_listed_over_pages_and_by_realm() {
    let service = Service::new();
    let journal = opened(&service).await;
    let names: Vec<_> = (0..5).map(|n| id(&format!("c{n}"))).collect();
    for id in &names {
        journal.append(id, 0, &[fact(1)], Some(true)).await.expect("append");
    }
    let other: Store<Other> = journal.realm();
    other.append(&id("elsewhere"), 0, &[Other(1)], Some(true)).await.expect("append");
    assert_eq!(journal.open().await.expect("open"), names);
    assert_eq!(other.open().await.expect("open"), [id("elsewhere")]);
    assert_eq!(other.read(&names[0], 0).await.expect("read"), []);
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Other(u8);

impl Stored for Other {
    const REALM: &'static str = "other/";

    fn of_a_newer_build() -> Self {
        Self(0)
    }

    fn is_of_a_newer_build(&self) -> bool {
        self.0 == 0
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_used_is_told_of_in_one_sentence_without_the_sas() {
    for (kind, code) in [
        ("list", "AuthorizationPermissionMismatch"),
        ("make", "AuthorizationFailure"),
        ("put", "AuthorizationPermissionMismatch"),
    ] {
        let service = Service::new();
        service.next(kind, Trouble::Refused(403, code));
        let url = Url::parse("http://blob.example.com/account/container?sig=SECRET").expect("a URL");
        let journal =
            AppendBlobJournal::open_container(&url, || azure::credential(None), service.transport(), true);
        let Err(what) = journal.await else { panic!("it may not be used") };
        assert!(what.contains("SAS") && !what.contains("SECRET"), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_blob_service_without_time_does_not_stop_the_start() {
    let service = Service::new();
    for _ in 0..4 {
        service.next("list", Trouble::Refused(503, "ServerBusy"));
    }
    let journal = opened(&service).await;
    let appended = journal.append(&id("a"), 0, &[fact(1)], Some(true)).await;
    assert_eq!(appended.expect("it has time again"), Append::Done(1));
}

#[tokio::test(start_paused = true)]
async fn the_container_is_made_when_it_is_missing() {
    let service = Service::new();
    service.next("make", Trouble::AnswerLost);
    let journal = opened(&service).await;
    assert_eq!(journal.open().await.expect("open"), []);
}
