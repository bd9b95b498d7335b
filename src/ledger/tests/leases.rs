//! Who makes a call, and what it came to.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_a_call_lasts_and_another_process_does_not_repeat_it() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(55)));
    one.say(&entry, "c1", "slow").await;
    one.say(&entry, "c2", "behind").await;
    let theirs = other.entry().await;
    deliver_soon(&other, &theirs);
    idle(&other, &theirs).await;
    assert_eq!(stage.far_end.names(), ["message", "message"], "each once, in order");
}

#[tokio::test(start_paused = true)]
async fn a_store_slow_by_seconds_doubles_nothing() {
    struct Slow;
    impl Faults for Slow {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            (operation == Operation::Append).then_some(Fault::Delay(Duration::from_millis(2_500)))
        }
    }
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    drop(one);
    let slow = stage.process_with(stage.journal.with_faults(Arc::new(Slow)), Arc::default());
    let (mine, theirs) = (slow.entry().await, other.entry().await);
    drop(entry);
    stage.far_end.next(Reply::TakesAfter(Duration::from_millis(8_800)));
    slow.say(&mine, "c1", "slow").await;
    deliver_soon(&other, &theirs);
    other.ledger.refresh(&theirs).await.expect("read");
    deliver_soon(&other, &theirs);
    idle(&other, &theirs).await;
    assert_eq!(stage.far_end.names(), ["message"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_lease_is_not_renewed_is_cut_off_before_another_makes_it() {
    /// The renewal at 5 s fails after a while, and the next one hangs.
    #[derive(Default)]
    struct Fails(AtomicU64);
    impl Faults for Fails {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            let append = (operation == Operation::Append).then(|| self.0.fetch_add(1, Relaxed));
            match append? {
                1 => Some(Fault::SlowFailure(Duration::from_millis(3_800))),
                2 => Some(Fault::Delay(Duration::from_secs(5))),
                _ => None,
            }
        }
    }
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    drop(stage.live(&one).await);
    let unlucky = stage.process_with(stage.journal.with_faults(Arc::new(Fails::default())), Arc::default());
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(40)));
    unlucky.say(&unlucky.entry().await, "c1", "slow").await;
    let theirs = other.entry().await;
    deliver_soon(&other, &theirs);
    idle(&other, &theirs).await;
    assert_eq!(stage.far_end.names(), ["message", "message"], "as often as for a crash");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_wakes_in_the_last_second_of_a_lease_throws_no_answer_away() {
    /// The renewal takes longer than the lease still lasts.
    #[derive(Default)]
    struct Slow(AtomicU64);
    impl Faults for Slow {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            let second = operation == Operation::Append && self.0.fetch_add(1, Relaxed) == 1;
            second.then_some(Fault::Delay(Duration::from_millis(700)))
        }
    }
    let stage = Stage::new();
    let one = stage.process();
    drop(stage.live(&one).await);
    let offset = Arc::new(AtomicI64::new(0));
    let stopped = stage.process_with(stage.journal.with_faults(Arc::new(Slow::default())), offset.clone());
    let entry = stopped.entry().await;
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(5)));
    stopped.say(&entry, "c1", "once").await;
    sleep(Duration::from_secs(4)).await;
    offset.store(5_600, Relaxed);
    idle(&stopped, &entry).await;
    assert_eq!(stage.far_end.names(), ["message"]);
}

#[tokio::test(start_paused = true)]
async fn what_came_of_a_call_is_stored_once_the_store_is_back_and_the_call_not_made_again() {
    /// The second append, the settlement, fails, and the two tries behind it.
    #[derive(Default)]
    struct Fails(AtomicU64);
    impl Faults for Fails {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            let append = operation == Operation::Append;
            let fails = append && (1..4).contains(&self.0.fetch_add(1, Relaxed));
            fails.then_some(Fault::Failure)
        }
    }
    let stage = Stage::new();
    let one = stage.process();
    drop(stage.live(&one).await);
    let unlucky = stage.process_with(stage.journal.with_faults(Arc::new(Fails::default())), Arc::default());
    let entry = unlucky.entry().await;
    unlucky.say(&entry, "c1", "once").await;
    idle(&unlucky, &entry).await;
    assert_eq!(stage.far_end.names(), ["message"]);
}

/// The append of this number, from 0, is carried out and its answer lost; so is the answer to the next look.
struct LosesAnswer(u64, AtomicU64);

impl Faults for LosesAnswer {
    fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
        let Self(number, passed) = self;
        match operation {
            Operation::Append if passed.load(Relaxed) <= *number => {
                (passed.fetch_add(1, Relaxed) == *number).then_some(Fault::LostAnswer)
            }
            Operation::Read if passed.load(Relaxed) == number + 1 => {
                passed.fetch_add(1, Relaxed);
                Some(Fault::Failure)
            }
            _ => None,
        }
    }
}

/// One line behind the other, on a store that loses the answer to this append, and nobody who says anything again.
async fn two_lines_and_a_lost_answer(number: u64) {
    let stage = Stage::new();
    let one = stage.process();
    drop(stage.live(&one).await);
    let faults = LosesAnswer(number, AtomicU64::new(0));
    let unlucky = stage.process_with(stage.journal.with_faults(Arc::new(faults)), Arc::default());
    let entry = unlucky.entry().await;
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(1)));
    let said = Instant::now();
    for (id, text) in [("c1", "slow"), ("c2", "behind")] {
        let told = commit_and_deliver(&unlucky, &entry, Lane::First, says_as(id, text)).await;
        assert_eq!(told.is_err(), number == 0 && id == "c1", "{told:?}");
    }
    idle(&unlucky, &entry).await;
    assert_eq!(stage.far_end.names(), ["message", "message"]);
    assert!(said.elapsed() < Duration::from_secs(5), "a lease was waited out: {:?}", said.elapsed());
    assert_eq!(unlucky.settled.lock().expect("no panic").len(), 2, "each is told once");
}

#[tokio::test(start_paused = true)]
async fn words_whose_append_got_no_answer_are_delivered_at_once_when_they_are_stored() {
    two_lines_and_a_lost_answer(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_settlement_whose_answer_is_lost_is_known_again_and_the_call_leased_with_it_made_at_once() {
    two_lines_and_a_lost_answer(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_comes_when_another_has_the_lease_counts_for_nothing() {
    /// The second append, the settlement, takes longer than the lease lasts.
    #[derive(Default)]
    struct Late(AtomicU64);
    impl Faults for Late {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            let second = operation == Operation::Append && self.0.fetch_add(1, Relaxed) == 1;
            second.then_some(Fault::Delay(Duration::from_secs(15)))
        }
    }
    let stage = Stage::new();
    let one = stage.process();
    drop(stage.live(&one).await);
    let late = stage.process_with(stage.journal.with_faults(Arc::new(Late::default())), Arc::default());
    let other = stage.process();
    stage.far_end.next(Reply::Takes);
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(20)));
    late.say(&late.entry().await, "c1", "late").await;
    let theirs = other.entry().await;
    other.say(&theirs, "c2", "behind").await;
    idle(&other, &theirs).await;
    let received = stage.far_end.received.lock().expect("no panic").clone();
    let [(first, ..), (again, _, taken_over), (behind, _, begun)] = received[..] else {
        panic!("{received:?}");
    };
    assert!(first == again && behind != again);
    assert!(begun - taken_over >= Duration::from_secs(20), "the next call waits for the one under way");
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_tells_is_stored_with_its_settlement_or_not_at_all() {
    let stage = Stage::new();
    let process = stage.process();
    stage.far_end.next(Reply::Takes);
    stage.far_end.next(Reply::Says("Routing you to a live agent"));
    let entry = process.ledger.begin(&conversation());
    process.commit(&entry, escalation(0)).await;
    deliver_soon(&process, &entry);
    idle(&process, &entry).await;
    let facts = stage.facts().await;
    let settled = facts.iter().rposition(|fact| matches!(fact, Fact::Settled(_))).expect("settled");
    assert!(matches!(facts[settled + 1], Fact::AgentSaid(_)), "right behind it");
}

#[tokio::test(start_paused = true)]
async fn who_gives_a_call_up_by_an_old_copy_drops_none_that_is_under_way() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(25)));
    one.say(&entry, "c1", "slow").await;
    let theirs = other.entry().await;
    let queued = theirs.state().await.outbox.iter().next().cloned().expect("under way");
    // By then the lease that this copy knows has ended, and been renewed.
    sleep(Duration::from_secs(12)).await;
    let attempt = Attempt::new(&theirs, Lane::First, queued);
    let given_up = Outcome::GivenUp(Why::MayHaveArrived);
    settle::settle(&other, &attempt, &given_up, other.ledger.now()).await.expect("stored");
    idle(&one, &entry).await;
    assert!(stage.notices().await.is_empty() && other.settled.lock().expect("no panic").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_finishes_its_calls_and_leaves_others_but_those_whose_words_it_alone_knows() {
    for (whispered, made) in [(false, 1), (true, 2)] {
        let stage = Stage::new();
        let (one, other) = (stage.process(), stage.process());
        let entry = stage.live(&one).await;
        stage.far_end.next(Reply::TakesAfter(Duration::from_secs(3)));
        one.say(&entry, "c1", "slow").await;
        match whispered {
            true => one.whisper(&entry, "c2").await,
            false => one.say(&entry, "c2", "behind").await,
        };
        one.ledger.end();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(one.ledger.calls_under_way(), 1);
        sleep(Duration::from_secs(9)).await;
        assert_eq!((one.ledger.calls_under_way(), stage.far_end.names().len()), (0, made));
        one.say(&entry, "c3", "late").await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(stage.far_end.names().len(), made);
        let theirs = other.entry().await;
        deliver_soon(&other, &theirs);
        idle(&other, &theirs).await;
        assert_eq!(stage.far_end.names(), ["message"; 3]);
        assert_eq!(stage.notices().await, [""; 0]);
    }
}
