use super::*;

#[tokio::test]
async fn a_start_is_greeted_by_webhook_with_everything_echoed() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let start = json!({"requestId": "r1", "clientSessionId": "s1", "nowSessionId": "n1", "userId": "u1",
        "appInboundId": "app1", "action": "START_CONVERSATION", "clientVariables": {"channel": {"id": 7}},
        "message": {"text": "", "typed": true, "clientMessageId": "c1"}});
    assert_eq!(bench.post(start.clone()).await, json!({"status": "success"}));
    let webhook = &bench.webhooks(1).await[0];
    for key in [
        "requestId",
        "clientSessionId",
        "nowSessionId",
        "userId",
        "appInboundId",
        "clientVariables",
        "message",
    ] {
        assert_eq!(webhook[key], start[key], "{key}");
    }
    assert_eq!(kinds(webhook), ["OutputText", "TopicPickerControl"]);
    assert_eq!(webhook["score"], 1);
    assert_eq!(webhook.get("completed"), None);
}

#[tokio::test]
async fn two_misses_hand_control_back() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.post(message("s1", "r1", "blue giraffes")).await;
    let first = bench.webhooks(1).await.remove(0);
    assert_eq!((&first["score"], first.get("takeControl")), (&json!(0), None));
    wait_until_idle(&bench).await;
    bench.post(message("s1", "r2", "green giraffes")).await;
    let second = bench.webhooks(2).await.remove(1);
    assert_eq!((&second["takeControl"], &second["score"]), (&json!(true), &json!(0)));
    assert_eq!(bench.servicenow.chat("s1").unwrap().ended_because, Some("take control"));
}

#[tokio::test]
async fn a_message_that_comes_while_another_runs_is_ignored() {
    let options = ServiceNowOptions { start_takes: Duration::from_millis(200), ..Default::default() };
    let bench = Bench::start(options).await;
    bench.post(action("s1", "START_CONVERSATION")).await;
    assert_eq!(bench.post(message("s1", "r2", "hello?")).await, json!({"status": "success"}));
    assert_eq!(bench.post(action("s1", "AGENT")).await, json!({"status": "success"}), "AGENT races START");
    bench.webhooks(1).await;
    let ignored: Vec<String> = bench.servicenow.ignored().into_iter().map(|it| it.action).collect();
    assert_eq!(ignored, ["", "AGENT"]);
    assert_eq!(bench.servicenow.requests().len(), 1);

    wait_until_idle(&bench).await;
    bench.post(action("s1", "AGENT")).await;
    assert_eq!(bench.webhooks(2).await[1]["agentChat"], true);
}

#[tokio::test]
async fn agent_alone_queues_or_falls_back_as_configured() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.post(action("s1", "AGENT")).await;
    assert_eq!(bench.webhooks(1).await[0]["agentChat"], true);

    let bench = Bench::start(ServiceNowOptions { agent_falls_back: true, ..Default::default() }).await;
    bench.post(action("s1", "AGENT")).await;
    let webhook = &bench.webhooks(1).await[0];
    assert_eq!((&webhook["score"], webhook.get("agentChat")), (&json!(0), None));
}

#[tokio::test]
async fn an_end_with_the_virtual_agent_is_told_without_completed() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.post(action("s1", "END_CONVERSATION")).await;
    let webhook = &bench.webhooks(1).await[0];
    assert_eq!(texts(webhook), ["The conversation has ended. If you need help again, type hi."]);
    assert_eq!(webhook.get("completed"), None);
}

#[tokio::test]
async fn a_fault_gives_control_back_with_an_empty_body() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    assert_eq!(bench.status(action("s1", "FAULT_CONVERSATION")).await, 400, "a cause is needed");
    let mut fault = action("s1", "FAULT_CONVERSATION");
    fault["cause"] = json!("EXTERNAL_FAILURE");
    bench.post(fault).await;
    let webhook = &bench.webhooks(1).await[0];
    assert_eq!((&webhook["body"], &webhook["takeControl"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn a_synchronous_channel_answers_in_the_response() {
    let bench = Bench::start(ServiceNowOptions { synchronous: true, ..Default::default() }).await;
    let answer = bench.post(message("s1", "r1", "hi")).await;
    assert_eq!(kinds(&answer), ["OutputText", "TopicPickerControl"]);
    let answer = bench.post(message("s1", "r2", "Live Agent Support.")).await;
    assert_eq!(answer["agentChat"], true);
    bench.servicenow.accept("s1", "Ana Agent").await;
    assert_eq!(bench.post(message("s1", "r3", "hello")).await, json!({"status": "success"}));
    assert_eq!(bench.receiver.bodies().len(), 1, "the agent still speaks by webhook");
}

#[tokio::test]
async fn a_silenced_bot_works_but_says_nothing_until_it_may() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let mut silent = message("s1", "r1", "hi");
    silent["silentMessage"] = json!("true");
    bench.post(silent).await;
    bench.post(message("s1", "r2", "hello")).await;
    let mut loud = message("s1", "r3", "hola");
    loud["silentMessage"] = json!(false);
    bench.post(loud).await;
    let webhooks = bench.webhooks(1).await;
    assert_eq!((webhooks.len(), &webhooks[0]["requestId"]), (1, &json!("r3")));
}

#[tokio::test]
async fn a_switch_to_a_known_topic_asks_and_to_an_unknown_one_closes_silently() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let mut switch = action("s1", "SWITCH");
    switch["topic"] = json!({"name": "Reset a password"});
    bench.post(switch.clone()).await;
    assert_eq!(kinds(&bench.webhooks(1).await[0]), ["InputText"]);
    wait_until_idle(&bench).await;
    switch["topic"] = json!({"name": "Nowhere"});
    bench.post(switch).await;
    assert_eq!(bench.servicenow.chat("s1").unwrap().ended_because, Some("switch"));
}

#[tokio::test]
async fn other_methods_and_wrong_bodies_are_refused() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let url = format!("{}{PATH}", bench.servicenow.url());
    assert_eq!(bench.client.get(&url).send().await.unwrap().status(), 405);
    assert_eq!(bench.client.post(&url).body("{").send().await.unwrap().status(), 400);
    let mut hidden = message("s1", "r1", "hi");
    hidden["message"]["attachment"] = Value::Null;
    assert_eq!(bench.status(hidden).await, 400);
    assert!(bench.servicenow.requests().is_empty());
}

/// The bot listens again once its webhook is through.
async fn wait_until_idle(bench: &Bench) {
    let idle = |it: &ServiceNow| it.chat("s1").is_some_and(|chat| !chat.deliveries.is_empty());
    assert!(bench.servicenow.wait_for(SOON, idle).await);
    let freed = |it: &ServiceNow| it.instance.book().chat("s1").is_some_and(|chat| !chat.busy);
    assert!(bench.servicenow.wait_for(SOON, freed).await);
}
