//! What must not be stored.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_secret_repeated_while_the_agent_works_is_said_once_stored_never_and_answered_twice() {
    let (far, store) = (FarEnds::new(4_000, 0), MemoryJournal::default());
    let process = asked_for_a_pin_by(&far, &store).await;
    let (secret, clicked_twice) = (says("2", "pin-4711-pin"), says("3", "pin-4711-pin"));
    let late = async |body: &Value, after: u64| {
        sleep(Duration::from_millis(after)).await;
        process.asks(body.clone()).await
    };
    let (one, again, other) = tokio::join!(late(&secret, 0), late(&secret, 700), late(&clicked_twice, 800));
    let one = one.expect("an answer");
    assert_eq!((Some(&one), Some(&one)), (again.as_ref(), other.as_ref()));
    assert_eq!(process.asks(secret.clone()).await, Some(one.clone()), "and when it is over");
    assert_eq!(far.heard(), ["pin-4711-pin"]);
    assert!(!one.to_string().contains("4711"), "{one}");
    assert!(!store.dump().contains("4711"), "{}", store.dump());
    // The question is answered: what is said next is as open as ever.
    process.asks(says("4", "thanks")).await;
    assert_eq!(far.heard(), ["pin-4711-pin", "thanks"]);
}

#[tokio::test(start_paused = true)]
async fn two_primary_bots_that_use_one_name_for_a_session_have_one_each() {
    let (far, store) = (FarEnds::new(100, 0), MemoryJournal::default());
    let process = asked_for_a_pin_by(&far, &store).await;
    let mut other = says("2", "hello");
    other["userId"] = json!("somebody-else");
    process.asks(other).await.expect("an answer");
    assert!(store.dump().contains("hello"), "nobody asked them for a secret");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_could_not_be_stored_is_not_said_by_the_request_behind_it() {
    let (far, store) = (FarEnds::new(100, 0), MemoryJournal::default());
    let process = asked_for_a_pin_by(&far, &store).await;
    let secret = says("2", "pin-4711-pin");
    process.life.failures.store(1, Relaxed);
    assert!(process.takes(&secret, false).await.is_err());
    far.asks(pin());
    process.asks(json!({"requestId": "3", "clientSessionId": "s", "action": "AGENT"})).await;
    assert_eq!(far.heard(), [""]);
    process.asks(secret.clone()).await.expect("an answer");
    assert_eq!(far.heard(), ["", "pin-4711-pin"]);
    assert!(!store.dump().contains("4711"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_another_instance_knows_is_said_by_that_one() {
    let (far, store) = (FarEnds::new(3_000, 0), MemoryJournal::default());
    let one = asked_for_a_pin_by(&far, &store).await;
    let other = Process::start(&store, &far, 2);
    // The other has seen the session before the question, and its copy is old.
    far.asks(pin());
    let (_, answer) = tokio::join!(one.asks(says("2", "first-secret")), async {
        sleep(Duration::from_millis(500)).await;
        other.asks(says("3", "second-secret")).await
    });
    assert!(answer.is_some());
    assert_eq!(far.heard(), ["first-secret", "second-secret"]);
    assert!(!store.dump().contains("-secret"), "{}", store.dump());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_died_with_its_process_is_asked_for_again_and_is_still_a_secret() {
    let (far, store) = (FarEnds::new(3_000, 0), MemoryJournal::default());
    let first = asked_for_a_pin_by(&far, &store).await;
    let taken = first.takes(&says("2", "pin-4711-pin"), false).await.unwrap();
    assert!(taken.in_secret);
    first.kill();
    let second = Process::start(&store, &far, 2);
    // The primary bot repeats what it got no answer to.
    let answer = second.asks(says("2", "pin-4711-pin")).await.expect("an answer");
    assert!(answer["body"][0]["value"].as_str().is_some_and(|text| text.starts_with("Your answer may not")));
    assert_eq!(answer["body"][1]["maskType"], "SECURE");
    second.asks(says("3", "pin-4711-pin")).await.expect("an answer");
    assert_eq!(far.heard(), ["pin-4711-pin"]);
    assert!(!store.dump().contains("4711"), "{}", store.dump());
}
