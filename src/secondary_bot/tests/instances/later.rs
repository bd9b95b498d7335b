//! Answers that follow at the response address.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_process_killed_right_behind_its_200_has_a_successor_at_work_within_ten_seconds() {
    let (far, store) = (FarEnds::new(200, 100), MemoryJournal::default());
    let first = Process::start(&store, &far, 1);
    first.takes(&says("1", "hello"), true).await.unwrap();
    first.kill();
    let killed = Instant::now();
    sleep(Duration::from_millis(500)).await;
    let second = Process::start(&store, &far, 2);
    second.sweeps().await;
    while far.heard().is_empty() {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(killed.elapsed() <= Duration::from_millis(10_300), "{:?}", killed.elapsed());
    sleep(Duration::from_millis(300)).await;
    assert_eq!((far.heard(), far.got()), (vec!["hello".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_response_address_that_takes_its_time_gets_an_answer_once() {
    for taking in [8_700, 25_000] {
        let (far, store) = (FarEnds::new(200, taking), MemoryJournal::default());
        let (one, other) = (Process::start(&store, &far, 1), Process::start(&store, &far, 2));
        one.takes(&says("1", "hello"), true).await.unwrap();
        other.keeps_sweeping(60).await;
        assert_eq!(far.got(), 1, "{taking} ms");
        assert!(
            !one.ledger
                .find(&session(&request(&says("1", "")).0))
                .await
                .unwrap()
                .unwrap()
                .state()
                .await
                .is_busy()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_arrived_at_the_response_address_is_sent_twice_more_and_no_more() {
    let (far, store) = (FarEnds::new(0, 0), MemoryJournal::default());
    far.response_fails.lock().unwrap().extend([Failure::Uncertain; 9]);
    let process = Process::start(&store, &far, 1);
    process.takes(&says("1", "hello"), true).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(far.got(), 3);
    // What is behind it still gets through.
    far.response_fails.lock().unwrap().clear();
    process.takes(&says("2", "hello?"), true).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(far.got(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_sender_dies_again_and_again_is_sent_once_more() {
    let (far, store) = (FarEnds::new(0, 20_000), MemoryJournal::default());
    for seed in 1..=3 {
        let process = Process::start(&store, &far, seed);
        if seed == 1 {
            process.takes(&says("1", "hello"), true).await.unwrap();
        }
        process.sweeps().await;
        sleep(Duration::from_secs(12)).await;
        process.kill();
        sleep(Duration::from_secs(12)).await;
    }
    assert_eq!(far.got(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_response_address_that_is_down_is_tried_until_the_answer_is_five_minutes_old() {
    let (far, store) = (FarEnds::new(0, 0), MemoryJournal::default());
    far.response_fails.lock().unwrap().extend([Failure::NotTaken { wait: 0 }; 99]);
    let process = Process::start(&store, &far, 1);
    process.takes(&says("1", "hello"), true).await.unwrap();
    process.takes(&says("2", "hello?"), true).await.unwrap();
    let waiting = async |process: &Arc<Process>| {
        let entry = process.ledger.find(&session(&request(&says("1", "")).0)).await.unwrap().unwrap();
        let state = entry.state().await;
        state.outbox.iter().count()
    };
    sleep(Duration::from_secs(290)).await;
    assert_eq!(waiting(&process).await, 2);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(waiting(&process).await, 0, "both at the same age");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_worker_died_for_the_last_time_is_given_up_at_the_response_address_at_once() {
    let (far, store) = (FarEnds::new(20_000, 0), MemoryJournal::default());
    for seed in 1..=7 {
        let process = Process::start(&store, &far, seed);
        match seed {
            1 => drop(process.takes(&says("1", "hello"), true).await.unwrap()),
            _ => process.sweeps().await,
        }
        sleep(Duration::from_secs(12)).await;
        assert_eq!(far.got(), usize::from(seed == 7), "by process {seed}, which swept once");
        process.kill();
        sleep(Duration::from_secs(12)).await;
    }
}
