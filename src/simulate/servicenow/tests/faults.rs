use super::*;

#[tokio::test]
async fn the_first_try_fails_and_the_second_is_processed() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.faults().fail_first();
    assert_eq!(bench.status(message("s1", "r1", "one")).await, 503);
    assert_eq!(bench.status(message("s1", "r1", "one")).await, 200);
    assert_eq!(said(&bench), ["one"]);
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.servicenow.faults().add(Fault::new(Effect::RateLimited { retry_after: 7 }).times(1));
    let answer = bench.call(&message("s1", "r1", "hi")).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert!(answer.headers().contains_key("x-ratelimit-reset"));
    assert_eq!(bench.status(message("s1", "r1", "hi")).await, 200);
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_work() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.faults().add(Fault::new(Effect::DropBefore).of("message").times(1));
    assert!(bench.call(&message("s1", "r1", "one")).send().await.is_err());
    assert_eq!(said(&bench), [""; 0]);
    bench.servicenow.faults().add(Fault::new(Effect::DropAfter).times(1));
    assert!(bench.call(&message("s1", "r1", "one")).send().await.is_err());
    assert_eq!(said(&bench), ["one"]);
    bench.servicenow.faults().set_down(true);
    assert_eq!(bench.status(message("s1", "r2", "two")).await, 503);
    bench.servicenow.faults().clear();
    assert_eq!(bench.status(message("s1", "r2", "two")).await, 200);
}

#[tokio::test]
async fn a_200_may_be_a_failure_or_no_json_at_all() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.faults().add(Fault::new(Effect::Failure).times(1));
    assert_eq!(bench.post(message("s1", "r1", "one")).await["status"], "failure");
    assert_eq!(said(&bench), [""; 0]);
    bench.servicenow.faults().add(Fault::new(Effect::NotJson).times(1));
    let answer = bench.call(&message("s1", "r1", "one")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "Accepted");
    assert_eq!(said(&bench), ["one"]);
}

#[tokio::test]
async fn a_delay_holds_calls_back_side_by_side() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.servicenow.faults().add(Fault::new(Effect::Delay { ms: 1_000 }));
    bench.servicenow.faults().add(Fault::new(Effect::Jitter { ms: 5 }));
    let started = std::time::Instant::now();
    let calls = (0..20).map(|number| bench.status(message(&format!("s{number}"), "r1", "hi")));
    let statuses = futures_util::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| *status == 200));
    let elapsed = started.elapsed();
    // What they take one behind the other.
    assert!((1_000..20_000).contains(&elapsed.as_millis()), "{elapsed:?}");
}

#[tokio::test]
async fn a_late_answer_belongs_to_a_processed_call() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.faults().add(Fault::new(Effect::LateAnswer { ms: 60_000 }).times(1));
    tokio::select! {
        answer = bench.call(&message("s1", "r1", "one")).send() => panic!("answered: {answer:?}"),
        processed = bench.servicenow.wait_for(SOON, |_| said(&bench) == ["one"]) => assert!(processed),
    }
}

#[tokio::test]
async fn webhooks_can_come_twice_and_out_of_order() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    let faults = bench.servicenow.faults();
    faults.set_webhooks(WebhookFaults { duplicate: 2, ..Default::default() });
    bench.servicenow.say_with_id("s1", "thrice", "id-1").await;
    let bodies = bench.webhooks(3).await;
    assert!(bodies.iter().all(|body| body == &bodies[0]));

    faults.set_webhooks(WebhookFaults { reorder: true, ..Default::default() });
    let [first, second] = ["first", "second"].map(|text| bench.servicenow.say("s1", text));
    futures_util::future::join(first, second).await;
    let bodies = bench.webhooks(5).await;
    assert_eq!((texts(&bodies[3]), texts(&bodies[4])), (vec!["second"], vec!["first"]));
}

#[tokio::test]
async fn faults_state_and_response_url_are_steered_over_http() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let url = |path: &str| format!("{}/simulator/{path}", bench.servicenow.url());
    let post = async |path: &str, body: Value| {
        bench.client.post(url(path)).body(body.to_string()).send().await.unwrap().status().as_u16()
    };
    let plan = json!({"requests": [{"action": "MESSAGE", "times": 1, "effect": "status", "status": 401}]});
    assert_eq!(post("faults", plan).await, 200);
    assert_eq!(post("faults", json!({"requests": 5})).await, 400);
    assert_eq!(bench.status(message("s1", "r1", "hi")).await, 401);
    assert_eq!(bench.status(message("s1", "r1", "hi")).await, 200);
    let state = json_of(bench.client.get(url("state")).send().await.unwrap()).await;
    assert_eq!(state["requests"][0]["requestId"], "r1");
    assert_eq!(state["chats"][0]["standing"], "bot");
    assert_eq!(post("response-url", json!({"url": "http://127.0.0.1:1/"})).await, 204);
    assert_eq!(bench.servicenow.instance.response_url().as_deref(), Some("http://127.0.0.1:1/"));
    assert_eq!(post("reset", Value::Null).await, 204);
    assert!(bench.servicenow.requests().is_empty() && bench.servicenow.chats().is_empty());
}

fn said(bench: &Bench) -> Vec<String> {
    bench.servicenow.chat("s1").unwrap().lines.into_iter().map(|line| line.text).collect()
}
