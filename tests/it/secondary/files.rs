//! Files the primary bot uploads, and those it only names.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use servicenow_handoff::{auth::signature, simulate::copilot::CopilotOptions};

use crate::{
    azurite::server::Azurite,
    secondary::{
        page,
        world::{TOKEN, World},
    },
};

const PATH: &str = "/api/now/v1/cccif/media/upload";

#[tokio::test]
async fn an_uploaded_file_reaches_the_agent_with_its_message() {
    let world = World::start().await;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(200_000).collect();
    let (status, answer) = upload(&world, form(bytes.clone())).await;
    assert_eq!(status, 201, "{answer}");
    let result = &answer["result"];
    assert_eq!((&result["name"], &result["state"]), (&json!("plan.pdf"), &json!("available")));
    let url = result["mediaUrl"].as_str().unwrap();
    assert!(url.ends_with(result["attachmentId"].as_str().unwrap()));
    let file = json!({"contentType": "application/pdf", "fileName": "plan.pdf", "url": url});
    let said = json!({"userId": "ada", "message": {"text": "see this", "attachment": file}});
    let answer = world.ask(said).await;
    assert_eq!(answer["body"][0]["value"], "You said: see this");
    let told = world.told();
    let attachment = &told.last().unwrap()["attachments"][0];
    assert_eq!(
        (&attachment["name"], &attachment["contentType"]),
        (&json!("plan.pdf"), &json!("application/pdf"))
    );
    let kept = world.http.get(attachment["contentUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(kept.bytes().await.unwrap(), bytes);
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_file_uploaded_to_one_instance_reaches_the_agent_from_another() {
    let azurite = Azurite::start();
    let store = azurite.container_with_sas();
    let world = World::with(CopilotOptions::default(), &[("STORE", &store)]).await;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(5_000_000).collect();
    let (status, answer) = upload(&world, form(bytes.clone())).await;
    assert_eq!(status, 201, "{answer}");
    let (second, _) = world.second_instance();
    let file = json!({"url": answer["result"]["mediaUrl"]});
    let said = json!({"userId": "ada", "message": {"text": "see this", "attachment": file}});
    let answer = world.ask_at(&second, said).await;
    let told = world.told();
    assert!(!told.is_empty(), "{answer}");
    let attachment = &told.last().unwrap()["attachments"][0];
    assert_eq!(
        (&attachment["name"], &attachment["contentType"]),
        (&json!("plan.pdf"), &json!("application/pdf"))
    );
    let kept = world.http.get(attachment["contentUrl"].as_str().unwrap()).send().await.unwrap();
    assert!(kept.bytes().await.unwrap() == bytes);
    drop(azurite);
    let (status, answer) = upload(&world, form(b"x".to_vec())).await;
    assert_eq!((status, &answer["error"]["code"]), (503, &json!("Unavailable")));
}

#[tokio::test]
async fn a_file_elsewhere_goes_by_its_address() {
    let world = World::start().await;
    let file = json!({"contentType": "image/png", "fileName": "a.png", "url": "https://example.com/a.png"});
    let answer = world.ask(json!({"userId": "ada", "message": {"attachment": file}})).await;
    assert_eq!(answer["body"][0]["value"], "I received a.png.");
}

#[tokio::test]
async fn a_file_that_only_a_credential_opens_is_fetched_with_it_and_the_credential_stays_here() {
    let instance = instance();
    let settings = [
        ("SERVICENOW_URL", instance.as_str()),
        ("SERVICENOW_TOKEN", "t"),
        ("RESPONSES_TOKEN", "r"),
        ("MAX_UPLOAD", "1000"),
    ];
    let world = World::with(CopilotOptions::default(), &settings).await;
    let request = |path: &str, credential: &str| {
        let file = json!({"contentType": "image/png", "fileName": "a.png", "url": format!("{instance}{path}"),
            "headers": {"Authorization": credential}});
        json!({"userId": "ada", "message": {"attachment": file}})
    };
    let answer = world.ask(request("a.png", "Bearer secret-1")).await;
    assert_eq!(answer["body"][0]["value"], "I received a.png.");
    assert_eq!(answer["message"]["attachment"].get("headers"), None);
    let told = world.told();
    let kept = &told.last().unwrap()["attachments"][0]["contentUrl"];
    let kept = world.http.get(kept.as_str().unwrap()).send().await.unwrap();
    assert_eq!(kept.bytes().await.unwrap(), vec![7; 600]);
    assert!(!Value::from(told).to_string().contains("secret-1"));
    let journal = std::fs::read(world.folder.path().join("handoff.db")).unwrap();
    assert!(!journal.windows(8).any(|part| part == b"secret-1"));

    let named = |id: &str, credential: &str| {
        let mut request = request("a.png", credential);
        request["requestId"] = id.into();
        request["message"]["attachment"]["fileName"] = "../a\r\nX-Own: 1\"\r\n\r\nb.png".into();
        request
    };
    let answer = world.ask(named("once", "Bearer secret-1")).await;
    let told = world.told();
    let name = told.last().unwrap()["attachments"][0]["name"].as_str().unwrap();
    assert!(!name.contains(['\r', '\n', '/']) && name.ends_with("b.png"), "{name:?}");
    assert_eq!(
        world.ask(named("once", "Bearer has-expired")).await["body"],
        answer["body"],
        "a repeat fetches nothing"
    );
    let mut person = request("a.png", "Bearer secret-1");
    person["action"] = "AGENT".into();
    world.ask(person).await;
    let told = world.told();
    let posts =
        told.iter().rev().take(2).map(|one| one["attachments"][0]["name"].clone()).collect::<Vec<_>>();
    assert_eq!(posts, [Value::Null, json!("a.png")], "the file, and then the wish for a person");

    let elsewhere = |url: &str| {
        let file = json!({"fileName": "a", "url": url, "headers": {"authorization": "Basic eDp5"}});
        json!({"userId": "ada", "message": {"attachment": [file]}})
    };
    for (body, status) in [
        (request("a.png", "Bearer wrong"), 400),
        (request("large.png", "Bearer secret-1"), 400),
        (request("page.png", "Bearer secret-1"), 400),
        (request("broken.png", "Bearer secret-1"), 503),
        (request("packed.png", "Bearer secret-1"), 400),
        (request("empty.png", "Bearer secret-1"), 400),
        (request("a.png", "Basic Jürgen"), 400),
        (elsewhere("http://example.com/a"), 400),
        (elsewhere("https://127.0.0.1/a"), 400),
        (elsewhere("https://localhost/a"), 400),
        (elsewhere("https://user:pass@127.0.0.1/a"), 400),
        (elsewhere("file:///etc/passwd"), 400),
    ] {
        let (told, answer) = world.post(&[("token", TOKEN)], body.to_string()).await;
        assert_eq!(told, status, "{answer}");
        assert!(answer["error"]["detail"].as_str().unwrap().starts_with("message.attachment: "), "{answer}");
    }
}

#[tokio::test]
async fn what_an_instance_keeps_is_fetched_and_every_form_of_a_credential_stays_here() {
    let instance = instance();
    let settings =
        [("SERVICENOW_URL", instance.as_str()), ("SERVICENOW_TOKEN", "t"), ("RESPONSES_TOKEN", "r")];
    let world = World::with(CopilotOptions::default(), &settings).await;
    let opens = json!({"Authorization": "Bearer secret-1"});
    for (path, name, headers) in [
        ("a.png", "header", opens.clone()),
        ("a.png", "Headers", opens.clone()),
        ("a.png", "headers", json!([opens])),
        ("a.png", "headers", json!({"Authorization": "Bearer sec\r\nret-1\n"})),
        ("api/now/v1/cs/media/abc123", "headers", opens.clone()),
        ("a.png?back=/api/now/v1/cs/media/1", "headers", opens.clone()),
    ] {
        let mut file =
            json!({"contentType": "image/png", "fileName": "a.png", "url": format!("{instance}{path}")});
        file[name] = headers;
        let answer = world.ask(json!({"userId": "ada", "message": {"attachment": file}})).await;
        assert_eq!(answer["body"][0]["value"], "I received a.png.", "{file}");
        assert!(!answer.to_string().contains("secret-1"), "{answer}");
        let told = world.told();
        let kept = &told.last().unwrap()["attachments"][0]["contentUrl"];
        let kept = world.http.get(kept.as_str().unwrap()).send().await.unwrap();
        assert_eq!(kept.bytes().await.unwrap(), vec![7; 600], "{file}");
    }
    let journal = std::fs::read(world.folder.path().join("handoff.db")).unwrap();
    assert!(!journal.windows(8).any(|part| part == b"secret-1"));
}

#[tokio::test]
async fn an_upload_is_known_however_its_address_is_written_and_told_of_when_it_is_gone() {
    let world = World::with(CopilotOptions::default(), &[("PUBLIC_URL", "https://bot.example.com/")]).await;
    let (_, answer) = upload(&world, form(b"x".to_vec())).await;
    let url = answer["result"]["mediaUrl"].as_str().unwrap();
    let ask = async |url: &str| {
        let file = json!({"fileName": "plan.pdf", "url": url});
        world.ask(json!({"userId": "ada", "message": {"attachment": file}})).await["body"][0]["value"].clone()
    };
    for written in [
        url.to_owned(),
        format!(" {url}\n"),
        format!("{url}?x=1"),
        format!("{url}#x"),
        format!("{url}/"),
        url.replace('-', "%2d"),
        url.replace("https://bot.example.com", ""),
    ] {
        assert_eq!(ask(&written).await, "I received plan.pdf.", "{written}");
        let told = world.told();
        let address = told.last().unwrap()["attachments"][0]["contentUrl"].to_string();
        assert!(!address.contains("bot.example.com"), "{address}");
    }
    let before = world.told().len();
    for gone in [url.replace('-', "-0"), url.replace("https://bot.example.com", "").replace('-', "-0")] {
        let said = ask(&gone).await;
        assert!(said.as_str().unwrap().contains("plan.pdf") && said != "I received plan.pdf.", "{said}");
    }
    assert_eq!(world.told().len(), before, "the agent is given no address that leads nowhere");
    assert_eq!(ask("https://example.com/api/now/v1/cs/media/1").await, "I received plan.pdf.", "elsewhere");
    let world = World::start().await;
    let (_, answer) = upload(&world, form(b"x".to_vec())).await;
    let gone = answer["result"]["mediaUrl"].as_str().unwrap().replace('-', "-0");
    let file = json!({"fileName": "plan.pdf", "url": gone});
    let answer = world.ask(json!({"userId": "ada", "message": {"text": "see", "attachment": file}})).await;
    let said = answer["body"][0]["value"].as_str().unwrap();
    assert!(said.contains("plan.pdf"), "also where uploads are named by the host that was asked: {answer}");
    assert!(world.told().last().unwrap().get("attachments").is_none_or(|files| files == &json!([])));
}

#[tokio::test]
async fn an_upload_may_be_signed_and_one_that_is_wrongly_signed_leaves_nothing() {
    let settings = [("SECONDARY_TOKEN", ""), ("SECONDARY_HASH_SECRET", "h-1")];
    let world = World::with(CopilotOptions::default(), &settings).await;
    let written = |file: &[u8]| {
        let head = "--b\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nada\r\n--b\r\nContent-Disposition: \
                    form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
        [head.as_bytes(), file, b"\r\n--b--\r\nand what follows"].concat()
    };
    let post = async |body: Vec<u8>, signed: Option<String>| {
        let post = world.http.post(format!("{}{PATH}", world.url));
        let post = post.header("content-type", "multipart/form-data; boundary=b");
        let post = signed.into_iter().fold(post, |post, signed| post.header("x-b2b-signature", signed));
        let answer = post.body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let answer = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        page::holds(PATH, "post", status, &answer);
        (status, answer)
    };
    let kept = || walk(world.folder.path());
    let before = kept();
    let body = written(&vec![7; 300_000]);
    for wrong in [None, Some(String::new()), Some(signature("h-1", b"other")), Some(signature("h-2", &body))]
    {
        assert_eq!(post(body.clone(), wrong.clone()).await.0, 401, "{wrong:?}");
    }
    assert_eq!(kept(), before);
    let (status, answer) = post(body.clone(), Some(signature("h-1", &body))).await;
    assert_eq!(status, 201, "{answer}");
    let said = json!({"userId": "ada", "message": {"attachment": {"url": answer["result"]["mediaUrl"]}}})
        .to_string();
    let signed = signature("h-1", said.as_bytes());
    assert_eq!(world.post(&[("x-b2b-signature", &signed)], said).await.0, 200);
    let told = world.told();
    let kept = &told.last().unwrap()["attachments"][0]["contentUrl"];
    let kept = world.http.get(kept.as_str().unwrap()).send().await.unwrap();
    assert_eq!(kept.bytes().await.unwrap(), vec![7; 300_000]);
}

/// The files there are, but the database's own.
fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: std::path::PathBuf| match path.is_dir() {
        true => walk(&path),
        false => usize::from(!path.to_string_lossy().contains("handoff.db")),
    };
    entries.map(count).sum()
}

/// An instance that gives a file to who has the credential.
fn instance() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let root = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
        let give = |request: HttpRequest| async move {
            let opens =
                request.headers().get("authorization").is_some_and(|value| value == "Bearer secret-1");
            match request.path() {
                _ if !opens => HttpResponse::Unauthorized().finish(),
                "/packed.png" => {
                    HttpResponse::Ok().insert_header(("content-encoding", "gzip")).body(vec![7; 600])
                }
                "/empty.png" => HttpResponse::Ok().finish(),
                "/a.png" | "/api/now/v1/cs/media/abc123" => HttpResponse::Ok().body(vec![7; 600]),
                "/page.png" => {
                    HttpResponse::Ok().content_type("text/html; charset=utf-8").body("<html>Log in</html>")
                }
                "/large.png" => HttpResponse::Ok().body(vec![7; 1_001]),
                _ => HttpResponse::InternalServerError().finish(),
            }
        };
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || App::new().default_service(web::to(give)));
            server.workers(1).disable_signals().listen(listener).unwrap().run().await.unwrap();
        });
    });
    root
}

#[tokio::test]
async fn forms_that_are_not_as_documented_are_refused() {
    let limit = [("MAX_UPLOAD", "1000")];
    let world = World::with(CopilotOptions::default(), &limit).await;
    let file = || Part::bytes(b"x".to_vec()).file_name("a");
    for (form, status) in [
        (form(vec![1; 1_000]), 201),
        (form(vec![1; 1_001]), 413),
        (form(Vec::new()), 400),
        (Form::new().part("file", file()).text("user_id", "a").text("provider_application_id", "b"), 400),
        (Form::new().text("user_id", "a").part("file", file()), 201),
        (Form::new().text("user_id", "a"), 400),
        (Form::new().text("user_id", "a").part("file", file()).part("file", file()), 400),
    ] {
        assert_eq!(upload(&world, form).await.0, status);
    }
    let left = std::fs::read_dir(world.folder.path().join("files")).unwrap().count();
    assert_eq!(left, 2, "two uploads");
    let post = world.http.post(format!("{}{PATH}", world.url)).multipart(form(vec![1]));
    assert_eq!(post.send().await.unwrap().status(), 401);
    let post = world.http.post(format!("{}{PATH}", world.url)).header("token", TOKEN).body("{}");
    assert_eq!(post.send().await.unwrap().status(), 400);
}

fn form(bytes: Vec<u8>) -> Form {
    let file = Part::bytes(bytes).file_name("plan.pdf").mime_str("application/pdf").unwrap();
    Form::new().text("user_id", "ada").text("provider_application_id", "p-1").part("file", file)
}

async fn upload(world: &World, form: Form) -> (u16, Value) {
    let post = world.http.post(format!("{}{PATH}", world.url)).header("token", TOKEN).multipart(form);
    let answer = post.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    page::holds(PATH, "post", status, &body);
    (status, body)
}
