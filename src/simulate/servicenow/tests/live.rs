use super::*;

#[tokio::test]
async fn a_created_chat_is_queued_accepted_talked_in_and_closed() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let created = bench.post(create("s1")).await;
    assert_eq!(kinds(&created), ["CreateConversation"]);
    assert_eq!(created["appInboundId"], "app1");
    assert_eq!(created["clientSessionId"], "s1");

    let queued = bench.post(start_created("s1")).await;
    let expected =
        ["StartConversation", "SubscribeToSupportQueue", "StartSpinner", "SubscribeToChatPresence"];
    assert_eq!(kinds(&queued), expected);
    assert_eq!(queued["body"][2]["waitTime"], "13 Seconds");
    assert_eq!(queued["agentChat"], true);
    assert_eq!(queued["body"][0]["conversationId"], created["body"][0]["conversationId"]);

    assert_eq!(bench.servicenow.accept("s1", "Ana Agent").await.status, Some(200));
    assert_eq!(bench.post(message("s1", "r1", "my VPN is broken")).await, json!({"status": "success"}));
    assert_eq!(bench.servicenow.say_with_id("s1", "Let me see.", "id-1").await.status, Some(200));
    assert_eq!(bench.servicenow.end("s1").await.status, Some(200));

    let [accepted, said, ended] = &bench.webhooks(3).await[..] else { panic!("three webhooks") };
    assert_eq!(kinds(accepted), ["SwitchToLiveAgent", "System"]);
    assert_eq!(texts(accepted), ["Ana Agent has entered the chat."]);
    assert_eq!(said["body"][0]["agentInfo"]["agentName"], "Ana Agent");
    assert!(said["body"][0]["agentInfo"]["agentAvatar"].as_str().unwrap().ends_with(".iix?t=small"));
    assert_eq!((&said["requestId"], &said["agentChat"]), (&json!("r1"), &json!(true)));
    assert_eq!(said["message"]["text"], "my VPN is broken");
    assert_eq!(texts(ended), ["Ana Agent has closed the support session."]);
    assert_eq!(ended["completed"], true);

    let chat = bench.servicenow.chat("s1").unwrap();
    assert_eq!((chat.standing, chat.ended_because), (Standing::Ended, Some("agent")));
    assert_eq!((chat.user_name.as_str(), chat.language.as_str(), chat.history.len()), ("Uma User", "de", 1));
    let actions: Vec<String> = bench.servicenow.requests_of("s1").into_iter().map(|it| it.action).collect();
    assert_eq!(actions, ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", ""]);
}

#[tokio::test]
async fn live_agent_only_is_queued_by_webhook() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let mut start = create("s1");
    start["action"] = json!("START_CONVERSATION");
    assert_eq!(bench.post(start).await, json!({"status": "success"}));
    let webhooks = bench.webhooks(1).await;
    assert_eq!(webhooks[0]["agentChat"], true);
    assert_eq!(texts(&webhooks[0])[0], "Please stand by while I connect you to a live agent.");
    assert_eq!(bench.servicenow.chat("s1").unwrap().standing, Standing::Queued);
}

#[tokio::test]
async fn what_is_said_while_waiting_stands_in_the_chat_in_order() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    for (request, text) in [("r1", "hello?"), ("r2", "still there?"), ("r2", "still there?")] {
        bench.post(message("s1", request, text)).await;
    }
    let lines = bench.servicenow.chat("s1").unwrap().lines;
    let said: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(said, ["hello?", "still there?", "still there?"], "a repeated call is not recognised");
    assert_eq!(lines[0].message_id, "m-r1");
}

#[tokio::test]
async fn a_chat_that_was_not_created_can_not_be_started() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    assert_eq!(bench.status(start_created("s1")).await, 400);
    assert!(bench.servicenow.requests().is_empty());
}

#[tokio::test]
async fn without_agents_the_chat_ends_at_once() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.servicenow.set_agents_available(false);
    let answer = bench.queue("s1").await;
    assert_eq!(texts(&answer), ["There are no agents available. Please try again later."]);
    assert_eq!((&answer["completed"], answer.get("agentChat")), (&json!(true), None));
}

#[tokio::test]
async fn an_end_by_the_user_is_told_with_completed_and_takes_no_text() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.accept("s1", "Ana Agent").await;
    let mut end = action("s1", "END_CONVERSATION");
    end["message"] = json!({"text": "bye"});
    assert_eq!(bench.status(end.clone()).await, 400);
    end["message"] = json!({"text": ""});
    bench.post(end).await;
    let webhooks = bench.webhooks(2).await;
    assert_eq!(webhooks[1]["completed"], true);
    assert_eq!(bench.servicenow.say("s1", "wait").await.status, None, "the chat is over");
}

#[tokio::test]
async fn a_refused_webhook_abandons_the_chat() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.receiver.answer_with(500, Duration::ZERO);
    assert_eq!(bench.servicenow.accept("s1", "Ana Agent").await.status, Some(500));
    assert_eq!(bench.servicenow.chat("s1").unwrap().standing, Standing::ClosedAbandoned);
    assert_eq!(bench.servicenow.say("s1", "hello").await.status, None);
    assert_eq!(bench.receiver.bodies().len(), 1);
}

#[tokio::test]
async fn a_webhook_that_takes_too_long_abandons_the_chat() {
    let options = ServiceNowOptions { webhook_timeout: Duration::from_millis(50), ..Default::default() };
    let bench = Bench::start(options).await;
    bench.queue("s1").await;
    bench.receiver.answer_with(200, Duration::from_millis(500));
    let result = bench.servicenow.accept("s1", "Ana Agent").await;
    assert_eq!(result.status, None);
    assert!(result.elapsed >= Duration::from_millis(50));
    let chat = bench.servicenow.chat("s1").unwrap();
    assert_eq!((chat.standing, chat.deliveries[0].status), (Standing::ClosedAbandoned, None));
}

#[tokio::test]
async fn webhooks_carry_the_credentials_of_the_connection() {
    let options = ServiceNowOptions {
        response_token: Some("t0k".into()),
        response_basic: Some("sn:pw".into()),
        ..Default::default()
    };
    let bench = Bench::start(options).await;
    bench.queue("s1").await;
    bench.servicenow.accept("s1", "Ana Agent").await;
    let expected = (Some("t0k".to_owned()), Some("Basic c246cHc=".to_owned()));
    assert_eq!(bench.receiver.first_credentials(), expected);
}

#[tokio::test]
async fn delivery_marks_reach_the_agent() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.servicenow.accept("s1", "Ana Agent").await;
    bench.servicenow.say_with_id("s1", "one", "id-1").await;
    bench.servicenow.say_with_id("s1", "two", "id-2").await;
    let mut update = action("s1", "UPDATE_MESSAGES");
    update["message"] = json!([{"id": "id-1", "status": "SENT_TO_USER", "text": "one, shown"}]);
    let answer = bench.call(&update).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "Message Processed Successfully");
    let lines = bench.servicenow.chat("s1").unwrap().lines;
    assert_eq!((lines[1].mark, lines[1].updated_text.as_deref()), (Mark::Delivered, Some("one, shown")));
    assert_eq!(lines[2].mark, Mark::Sent);
}

#[tokio::test]
async fn typing_goes_both_ways() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    bench.post(action("s1", "TYPING")).await;
    assert!(bench.servicenow.chat("s1").unwrap().user_typing);
    bench.post(action("s1", "VIEWING")).await;
    assert!(!bench.servicenow.chat("s1").unwrap().user_typing);
    bench.servicenow.accept("s1", "Ana Agent").await;
    bench.servicenow.typing("s1", true).await;
    bench.servicenow.typing("s1", false).await;
    let webhooks = bench.webhooks(3).await;
    assert_eq!(kinds(&webhooks[1]), ["StartTypingIndicator"]);
    assert_eq!(kinds(&webhooks[2]), ["EndTypingIndicator"]);
}

#[tokio::test]
async fn later_history_is_appended_and_a_timezone_kept() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    let mut history = action("s1", "SEND_HISTORY");
    history["history"] =
        json!([{"isBotMessage": false, "value": "late", "displayName": "Uma", "type": "text"}]);
    assert_eq!(bench.post(history).await, json!({"status": "success"}));
    let mut zone = action("s1", "SET_USER_TIMEZONE");
    zone["timezone"] = json!("Europe/Berlin");
    bench.post(zone).await;
    let chat = bench.servicenow.chat("s1").unwrap();
    assert_eq!((chat.history.len(), chat.timezone.as_str()), (2, "Europe/Berlin"));
}

#[tokio::test]
async fn an_automatic_agent_accepts_repeats_and_leaves() {
    let options = ServiceNowOptions {
        auto_accept: Some("Bo Agent".into()),
        auto_accept_after: Duration::ZERO,
        ..Default::default()
    };
    let bench = Bench::start(options).await;
    bench.queue("s1").await;
    bench.webhooks(1).await;
    bench.post(message("s1", "r1", "hello")).await;
    bench.post(message("s1", "r2", "bye")).await;
    let webhooks = bench.webhooks(4).await;
    assert_eq!(texts(&webhooks[0]), ["Bo Agent has entered the chat."]);
    assert_eq!(texts(&webhooks[1]), ["You said: hello"]);
    assert_eq!(texts(&webhooks[2]), ["Goodbye!"]);
    assert_eq!(webhooks[3]["completed"], true);
}

#[tokio::test]
async fn some_agent_messages_have_no_score() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    bench.queue("s1").await;
    for text in ["one", "two", "three"] {
        bench.servicenow.say("s1", text).await;
    }
    let scores: Vec<bool> = bench.webhooks(3).await.iter().map(|it| it.get("score").is_some()).collect();
    assert_eq!(scores, [true, true, false]);
}

#[tokio::test]
async fn many_chats_at_once_stay_in_order() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let sessions: Vec<String> = (0..100).map(|number| format!("s{number}")).collect();
    for session in &sessions {
        bench.queue(session).await;
    }
    let all = futures_util::future::join_all(sessions.iter().map(async |session| {
        let [first, second] = ["first", "second"].map(|text| bench.servicenow.say(session, text));
        futures_util::future::join(first, second).await
    }));
    assert!(all.await.iter().all(|(first, second)| first.is_success() && second.is_success()));
    let bodies = bench.receiver.bodies();
    for session in &sessions {
        let of_chat = bodies.iter().filter(|body| body["clientSessionId"] == session.as_str());
        assert_eq!(of_chat.flat_map(texts).collect::<Vec<_>>(), ["first", "second"]);
    }
}

#[tokio::test]
async fn a_body_for_an_unknown_session_is_sent_as_it_is() {
    let bench = Bench::start(ServiceNowOptions::default()).await;
    let body = json!({"clientSessionId": "nobody", "body": []});
    assert_eq!(bench.servicenow.send_raw("nobody", body.clone()).await.status, Some(200));
    assert_eq!(bench.receiver.bodies(), [body]);
}

#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let options = ServiceNowOptions { keep_requests: 3, keep_chats: 2, ..Default::default() };
    let bench = Bench::start(options).await;
    for session in ["s1", "s2", "s3"] {
        bench.queue(session).await;
        bench.post(action(session, "END_CONVERSATION")).await;
    }
    assert_eq!(bench.servicenow.requests().len(), 3);
    let sessions: Vec<String> = bench.servicenow.chats().into_iter().map(|chat| chat.session).collect();
    assert_eq!(sessions, ["s2", "s3"]);
}
