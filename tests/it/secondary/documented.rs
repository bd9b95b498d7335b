//! Requests as the page has them, as clients vary them, and such as it does not have.

use serde_json::{Value, json};

use crate::secondary::world::{TOKEN, World, texts};

#[tokio::test]
async fn every_request_of_the_page_is_answered_in_the_pages_shapes() {
    let world = World::start().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/servicenow");
    let mut asked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("request-") {
            continue;
        }
        let mut request: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        request["clientSessionId"] = name.clone().into();
        // Held against the page, and against what it repeats of its request.
        let answer = world.ask(request.clone()).await;
        let is_quick = ["SEND_HISTORY", "SET_USER_TIMEZONE", "TYPING", "VIEWING"];
        match request["action"].as_str().unwrap_or_default() {
            "UPDATE_MESSAGES" => assert_eq!(answer, "Message Processed Successfully", "{name}"),
            action if is_quick.contains(&action) => {
                assert_eq!(answer, json!({"status": "success"}), "{name}")
            }
            "FAULT_CONVERSATION" => assert_eq!(answer["takeControl"], true, "{name}"),
            "END_CONVERSATION" => assert_eq!(answer["completed"], true, "{name}"),
            _ if request["silentMessage"] == true || request["silentMessage"] == "true" => {
                assert_eq!(answer["body"], json!([]), "{name}")
            }
            _ => assert!(!answer["body"].as_array().unwrap().is_empty(), "{name}: {answer}"),
        }
        asked += 1;
    }
    assert!(asked >= 20, "{asked}");
}

#[tokio::test]
async fn the_documented_requests_are_answered() {
    let world = World::start().await;
    let start = json!({
        "requestId": "asd2423-sda23-qwe23-we23", "action": "START_CONVERSATION", "enterpriseId": "ServiceNow",
        "nowBotId": "A85PWLERF", "clientSessionId": "", "nowSessionId": "",
        "message": {"text": "", "typed": true, "clientMessageId": "ABC-123"}, "userId": "beth.anglin",
        "emailId": "beth.anglin@example.com", "timestamp": 1_588_824_102, "timezone": "America/New_York",
    });
    let answer = world.ask(start.clone()).await;
    for key in ["requestId", "clientSessionId", "nowSessionId", "nowBotId", "userId", "message"] {
        assert_eq!(answer[key], start[key], "{key}");
    }
    assert_eq!(answer["body"][0]["uiType"], "Picker");
    // Two clients that name no session: their users keep them apart.
    let said = |user: &str, text: &str| json!({"requestId": text, "message": {"text": text, "typed": true}, "userId": user});
    assert_eq!(
        world.ask(said("beth.anglin", "Store hours")).await["body"][1]["label"],
        "Which store do you mean?"
    );
    world.ask(said("abel.tuter", "hello")).await;
    assert_eq!(world.copilot.conversations().len(), 2);
}

#[tokio::test]
async fn a_message_by_many_names_is_understood() {
    let world = World::start().await;
    for body in [
        json!({"userId": "a", "message": {"text": "hi"}}),
        json!({"userId": "a", "message": "hi"}),
        json!({"userId": "a", "action": "", "message": [{"text": "hi"}]}),
    ] {
        assert_eq!(world.ask(body).await["body"][0]["value"], "You said: hi");
    }
    let nothing = world.ask(json!({"userId": "a"})).await;
    assert!(nothing["body"][0]["value"].as_str().unwrap().starts_with("There was nothing"), "{nothing}");
    let note = world.ask(json!({"userId": "a", "contextVariables": {"a": 1}})).await;
    assert_eq!(note["body"], json!([]));
}

#[tokio::test]
async fn an_action_there_is_not_and_one_without_what_it_needs_are_refused() {
    let world = World::start().await;
    for action in ["DANCE", "SWITCH", "SET_USER_TIMEZONE"] {
        let body = json!({"userId": "a", "action": action, "message": {"text": "hi"}, "topic": {}});
        let (status, told) = world.post(&[("token", TOKEN)], body.to_string()).await;
        assert_eq!((status, &told["status"]), (400, &json!("failure")), "{action}");
        assert_eq!(told["error"]["detail"], format!("action: {action}"));
    }
    assert!(world.copilot.conversations().is_empty());
}

#[tokio::test]
async fn typing_and_viewing_are_taken_as_the_page_spells_them() {
    let world = World::start().await;
    for action in ["TYPING", "VIEWING", "TYPING/VIEWING"] {
        world.ask(json!({"userId": "a", "action": action})).await;
    }
}

#[tokio::test]
async fn what_can_not_be_passed_on_is_answered_by_a_word_and_the_question_stays() {
    let world = World::start().await;
    let primary = world.primary("s");
    let nothing = "There was nothing in this message; it was not passed on.";
    assert_eq!(texts(&primary.says(" ").await), [nothing]);
    primary.says("store hours").await;
    assert_eq!(texts(&primary.says(" ").await), [nothing]);
    let long = primary.says(&"é".repeat(150_000)).await;
    assert_eq!(texts(&long), ["This is too long; 123000 characters are allowed."]);
    assert!(!long.take_control);
    assert!(texts(&primary.chooses("hamburg").await)[0].starts_with("The store in Hamburg"), "still asked");
    primary.says("card").await;
    assert_eq!(texts(&primary.says(" ").await), [nothing, "Why do you need it?"]);
    primary.says("travel").await;
    let next = primary.says("2.").await;
    assert_eq!(texts(&next), ["Extras"], "the second colour");
    let file = json!({"contentType": "image/png", "fileName": "a.png"});
    let lost = "(A file could not be passed on: a.png)";
    let asked = |id: &str, message: Value| json!({"requestId": id, "clientSessionId": "other", "userId": "ada", "message": message});
    let answer = world.ask(asked("1", json!({"attachment": file}))).await;
    assert_eq!(
        (&answer["body"][0]["value"], answer["body"].as_array().map(Vec::len)),
        (&json!(lost), Some(1))
    );
    let answer = world.ask(asked("2", json!({"text": "see", "attachment": file}))).await;
    assert_eq!([&answer["body"][0]["value"], &answer["body"][1]["value"]], [lost, "You said: see"]);
}
