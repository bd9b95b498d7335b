//! What nobody can make us do.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::{Value, json};

use crate::{
    files::client::{error_of, fetched, id_of, link_in, send_raw, world_with_links},
    world::PATIENCE,
};

#[tokio::test]
async fn hostile_names_and_types_come_out_harmless() {
    let world = world_with_links(&[("ATTACHMENTS", "link")]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let script = b"<script>alert(1)</script>";
    let files = [
        ("../../etc/passwd", "text/html"),
        ("C:\\\\x\\\\evil.svg", "image/svg+xml"),
        ("a\\\".html", "application/xhtml+xml"),
        ("..", "nonsense"),
    ];
    for (name, media_type) in files {
        id_of(send_raw(&world, &chat, name, media_type, script).await).await;
    }
    let names: Vec<String> = fetched(&world, &session, 4).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["passwd", "evil.svg", "a_.html", "file"]);
    let has_file = |a: &Value| a["attachments"][0]["name"] == "file";
    chat.see("the last echo", has_file).await.unwrap();
    let links = chat.received.iter().filter_map(|a| a["attachments"][0]["contentUrl"].as_str());
    let mut seen = 0;
    for link in links {
        let answer = world.http.get(link).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/octet-stream");
        let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(
            disposition.starts_with("attachment; ") && !disposition.contains(['/', '\\']),
            "{disposition}"
        );
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn a_user_can_not_get_a_link_to_what_they_name() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let id = world.servicenow.add_media("secret.txt", "text/plain", "secret");
    let address = format!("{}/api/now/v1/cs/media/{id}", world.servicenow.url());
    let echoed = chat
        .post(&json!({"type": "message", "text": format!("[x]({address})"), "from": {"id": "dana"},
            "files": [{"name": "x", "media_type": "text/plain", "url": address}],
            "attachments": [{"contentType": "text/plain", "contentUrl": address, "name": "x"}]}))
        .await
        .unwrap();
    chat.see("the echo", |a| a["id"] == echoed.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == echoed.as_str()).unwrap();
    assert!(!echo.to_string().contains("/api/files/"), "{echo}");
}

#[tokio::test]
async fn only_files_of_the_instance_itself_become_links() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let port = world.servicenow.url().rsplit(':').next().unwrap().to_owned();
    let addresses = [
        "https://evil.example/sys_attachment.do?sys_id=1".to_owned(),
        format!("http://localhost:{port}/sys_attachment.do?sys_id=1"),
        format!("{}/api/now/table/sys_user", world.servicenow.url()),
        format!("{}/api/now/v1/cs/media/../../table/sys_user", world.servicenow.url()),
        "//evil.example/x.iix".to_owned(),
    ];
    for address in &addresses {
        let body = json!({"body": [{"uiType": "OutputText", "value": format!("[x]({address}) {address}"),
            "messageId": address, "agentInfo": {"sentFromAgent": true}}]});
        world.servicenow.send(&session, body).await;
        let is_it = |a: &Value| a["channelData"]["servicenow"]["messageId"] == address.as_str();
        chat.see("the message", is_it).await.unwrap();
        let activity = chat.received.iter().find(|a| is_it(a)).unwrap();
        assert_eq!(link_in(activity), None, "{activity}");
    }
}

/// An instance that redirects: `/r-other.iix` to another host, `/r-away.iix` out of the files, `/r-own.iix` to a file.
#[tokio::test]
async fn our_login_follows_no_redirect_off_the_files_of_the_instance() {
    let stolen = Arc::new(Mutex::new(vec![]));
    let thief = serve({
        let stolen = Arc::clone(&stolen);
        move |request: &HttpRequest, _: &str| {
            stolen.lock().unwrap().push(request.headers().contains_key("authorization"));
            HttpResponse::Ok().body("stolen")
        }
    });
    let instance = serve({
        let thief = thief.clone();
        move |request: &HttpRequest, own: &str| {
            let to = |location: String| HttpResponse::Found().insert_header(("location", location)).finish();
            match request.path() {
                "/r-other.iix" => to(format!("{thief}/file.iix")),
                "/r-away.iix" => to("/api/now/table/sys_user".into()),
                "/r-scheme.iix" => to("file:///etc/passwd".into()),
                "/r-circle.iix" => to("/r-circle.iix".into()),
                "/r-own.iix" => to(format!("{own}/file.iix")),
                "/file.iix" => HttpResponse::Ok()
                    .insert_header(("set-cookie", "JSESSIONID=1"))
                    .insert_header(("content-type", "text/html"))
                    .insert_header(("content-disposition", "attachment; filename=\"../../x.html\""))
                    .body("file"),
                "/closed.iix" => HttpResponse::Forbidden().body("no"),
                _ => HttpResponse::Ok().body("secret"),
            }
        }
    });
    let world = world_with_links(&[("SERVICENOW_URL", &instance)]).await;
    let link = |path: &str| {
        let address = format!("{instance}{path}");
        world.handoff.files.link(&address, servicenow_handoff::domain::Timestamp::now()).unwrap()
    };
    for path in ["/r-other.iix", "/r-away.iix", "/r-scheme.iix", "/r-circle.iix", "/closed.iix"] {
        let refused = world.http.get(link(path)).send().await.unwrap();
        assert_eq!(error_of(refused).await, (503, "Unavailable".to_owned()), "{path}");
    }
    assert_eq!(*stolen.lock().unwrap(), Vec::<bool>::new(), "the other host was never asked");
    let answer = world.http.get(link("/r-own.iix")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"x.html\"; filename*=UTF-8''x.html"
    );
    assert!(!answer.headers().contains_key("set-cookie"));
    assert_eq!(answer.text().await.unwrap(), "file");
}

/// A server of our own making; gives its root.
pub fn serve(answer: impl Fn(&HttpRequest, &str) -> HttpResponse + Clone + Send + 'static) -> String {
    let (started, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        rt::System::new().block_on(async move {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let root = format!("http://{}", listener.local_addr().unwrap());
            started.send(root.clone()).unwrap();
            let server = HttpServer::new(move || {
                let (answer, root) = (answer.clone(), root.clone());
                App::new().default_service(web::to(move |request: HttpRequest| {
                    let response = answer(&request, &root);
                    async move { response }
                }))
            });
            server.workers(1).disable_signals().listen(listener).unwrap().run().await.unwrap();
        });
    });
    address.recv_timeout(PATIENCE).unwrap()
}
