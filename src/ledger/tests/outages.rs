//! Far ends that are slow, silent or gone.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_that_times_out_is_made_three_times_with_one_id_and_then_said_to_be_doubtful() {
    let stage = Stage::new();
    let process = stage.process();
    let entry = stage.live(&process).await;
    stage.far_end.always(Reply::TakesAfter(Duration::from_secs(70)));
    process.say(&entry, "c1", "hello").await;
    idle(&process, &entry).await;
    let received = stage.far_end.received.lock().expect("no panic").clone();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|(id, ..)| *id == received[0].0));
    assert_eq!(stage.notices().await, ["doubtful hello"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_takes_eleven_seconds_opens_the_chat_with_one_call_each() {
    let stage = Stage::new();
    let process = stage.process();
    stage.far_end.always(Reply::TakesAfter(Duration::from_secs(11)));
    let entry = process.ledger.begin(&conversation());
    process.commit(&entry, escalation(0)).await;
    deliver_soon(&process, &entry);
    idle(&process, &entry).await;
    assert_eq!(stage.far_end.names(), ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"]);
}

#[tokio::test(start_paused = true)]
async fn all_that_waits_for_one_outage_is_given_up_at_the_same_age_and_said_once_a_line() {
    let stage = Stage::new();
    let process = stage.process();
    let entry = stage.live(&process).await;
    stage.far_end.always(Reply::Fails(Failure::NotTaken { wait: 0 }));
    for (id, text) in [("c1", "one"), ("c2", "two"), ("c3", "three")] {
        process.say(&entry, id, text).await;
        sleep(Duration::from_secs(2)).await;
    }
    idle(&process, &entry).await;
    assert_eq!(stage.notices().await, ["not delivered one", "not delivered two", "not delivered three"]);
    let facts = stage.facts().await;
    let said = facts.iter().filter_map(|fact| match fact {
        Fact::UserSaid(said) => Some(said.at),
        _ => None,
    });
    let given_up = facts.iter().filter_map(|fact| match fact {
        Fact::Noticed { notice: Notice::NotDelivered { .. }, at } => Some(*at),
        _ => None,
    });
    let start = process.ledger.now().millis_since(Timestamp(1_760_000_000_000));
    for (said, given_up) in said.zip(given_up) {
        // The clock of the words is the test's own beginning.
        let _ = said;
        assert!(given_up.millis_since(Timestamp(1_760_000_000_000)) <= start);
    }
    assert!(start < 330_000, "together, not one after the other: {start} ms");
}

#[tokio::test(start_paused = true)]
async fn a_far_end_that_is_down_is_asked_by_few_however_many_wait() {
    let stage = Stage::new();
    let process = stage.process();
    stage.far_end.always(Reply::Fails(Failure::NotTaken { wait: 0 }));
    for n in 0..200 {
        let id = ConversationId::parse(&format!("chat-{n}")).expect("an id");
        let entry = process.ledger.begin(&id);
        process.commit(&entry, escalation(0)).await;
        deliver_soon(&process, &entry);
    }
    sleep(Duration::from_secs(30)).await;
    let asked = stage.far_end.names().len();
    assert!((20..=40).contains(&asked), "asked {asked} times in 30 s");
    stage.far_end.always(Reply::Takes);
    sleep(Duration::from_secs(10)).await;
    assert!(stage.far_end.names().len() >= asked + 400, "all go through once it is back");
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_by_an_hour_during_a_retry_holds_nothing_up() {
    let stage = Stage::new();
    let offset = Arc::new(AtomicI64::new(0));
    let process = stage.process_with(stage.journal.clone(), offset.clone());
    let entry = stage.live(&process).await;
    stage.far_end.next(Reply::Fails(Failure::NotTaken { wait: 20_000 }));
    process.say(&entry, "c1", "hello").await;
    sleep(Duration::from_millis(50)).await;
    offset.store(-3_600_000, Relaxed);
    let began = Instant::now();
    idle(&process, &entry).await;
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
}

/// How long it takes until all is delivered, while the other process would do it, too.
async fn delivered_beside(other: &Arc<Process>, entry: &Entry<Chat>) -> Duration {
    let (theirs, began) = (other.entry().await, Instant::now());
    while !entry.state().await.outbox.is_empty() {
        other.ledger.refresh(&theirs).await.expect("read");
        deliver_soon(other, &theirs);
        sleep(Duration::from_millis(500)).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn words_that_one_process_knows_are_given_up_by_no_other_while_that_one_tries_again() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    (0..8).for_each(|_| stage.far_end.next(Reply::Fails(Failure::NotTaken { wait: 0 })));
    one.whisper(&entry, "c1").await;
    let took = delivered_beside(&other, &entry).await;
    assert!(took > Duration::from_secs(20), "longer than whoever is alone waits for a sign of life");
    let asked_again = |fact: &Fact| matches!(fact, Fact::Noticed { notice: Notice::EnterAgain, .. });
    let asked_again = stage.facts().await.iter().any(asked_again);
    assert_eq!((stage.far_end.names().len(), asked_again), (9, false));
}

#[tokio::test(start_paused = true)]
async fn words_that_one_process_knows_are_given_up_by_no_other_while_its_far_end_wants_to_be_left_alone() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    stage.far_end.next(Reply::Fails(Failure::NotTaken { wait: 25_000 }));
    let elsewhere = one.ledger.begin(&ConversationId::parse("another chat").expect("an id"));
    one.commit(&elsewhere, escalation(0)).await;
    deliver_soon(&one, &elsewhere);
    sleep(Duration::from_millis(50)).await;
    one.whisper(&entry, "c1").await;
    let took = delivered_beside(&other, &entry).await;
    let facts = stage.facts().await;
    let asked_again = |fact: &Fact| matches!(fact, Fact::Noticed { notice: Notice::EnterAgain, .. });
    assert!(!facts.iter().any(asked_again) && stage.far_end.names().contains(&"message"), "{facts:?}");
    assert!((24..40).contains(&took.as_secs()), "{took:?}");
}
