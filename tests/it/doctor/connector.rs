//! The response endpoint of a running connector, as ServiceNow would call it; and where asynchronous answers go.

use std::{sync::mpsc, thread};

use servicenow_handoff::{app::Connector, config::Settings, doctor::Verdict};

use crate::{
    doctor::{fake, world::World},
    eventually::PATIENCE,
};

/// A connector with these settings; its root.
fn serve(settings: &[(String, String)]) -> String {
    let settings = Settings::from_env(|name| match name {
        "LISTEN" => Some("127.0.0.1:0".to_owned()),
        _ => settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
    });
    let settings = settings.unwrap();
    let (started, address) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let connector = Connector::build(&settings).unwrap();
            started.send(connector.address()).unwrap();
            connector.run().await.unwrap();
        });
    });
    format!("http://{}/", address.recv_timeout(PATIENCE).unwrap())
}

#[tokio::test]
async fn a_running_connector_is_closed_to_strangers_and_open_to_servicenow() {
    let world = World::new().await.set("RESPONSES_BASIC", "servicenow:SECRET-basic");
    let public = serve(&world.settings());
    let found = world.set("PUBLIC_URL", &public).examine().await;
    assert_eq!(found.one("responses.endpoint").verdict, Verdict::Good);
    let let_in: Vec<_> =
        found.report().findings().iter().filter(|it| it.code == "responses.credential").collect();
    assert_eq!(let_in.len(), 2);
    assert!(let_in.iter().all(|it| it.verdict == Verdict::Good), "{}", found.report());
}

#[tokio::test]
async fn a_connector_started_with_another_credential_is_found() {
    let world = World::new().await;
    let public = serve(&world.settings());
    let world = world.set("PUBLIC_URL", &public).set("RESPONSES_TOKEN", "SECRET-newer");
    let told = world.examine().await.only_wrong("responses.credential");
    assert!(told.contains("another value") && told.contains("RESPONSES_TOKEN"), "{told}");
}

#[tokio::test]
async fn a_connector_without_a_credential_is_closed_to_everybody() {
    let world = World::new().await.set("RESPONSES_TOKEN", "");
    let public = serve(&world.settings());
    let found = world.set("PUBLIC_URL", &public).set("RESPONSES_TOKEN", "SECRET-r").examine().await;
    assert!(found.only_wrong("responses.endpoint").contains("closed to everybody"));
}

#[tokio::test]
async fn who_else_answers_at_the_public_url_is_told() {
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let rows: [Row<'_>; 9] = [
        ("404 Not Found", &[], "routePrefix"),
        ("401 Unauthorized", &[("x-ms-middleware-request-id", "1")], "App Service Authentication"),
        ("401 Unauthorized", &[("www-authenticate", "Bearer realm=\"x\"")], "App Service Authentication"),
        ("302 Found", &[("location", "https://login.example.com/")], "App Service Authentication"),
        ("401 Unauthorized", &[], "authLevel anonymous"),
        ("403 Forbidden", &[], "access restrictions"),
        ("503 Service Unavailable", &[], "does not run"),
        ("200 OK", &[], "another app"),
        ("301 Moved Permanently", &[("location", "https://www.example.com/")], "another app"),
    ];
    for (status, headers, expected) in rows {
        let public = fake::answering(status, headers, "");
        let found = World::new().await.set("PUBLIC_URL", &public).examine().await;
        let told = found.only_wrong("responses.endpoint");
        assert!(told.contains(expected), "{status}: {told}");
    }
    let found = World::new().await.set("PUBLIC_URL", &fake::nobody()).examine().await;
    assert!(found.only_wrong("responses.endpoint").contains("PUBLIC_URL"));
}

#[tokio::test]
async fn without_a_public_url_the_endpoint_is_not_called() {
    let found = World::new().await.examine().await;
    let told = found.one("responses.endpoint");
    assert_eq!(told.verdict, Verdict::Off);
    assert!(told.fix.as_deref().unwrap().contains("PUBLIC_URL"), "{told}");
}

#[tokio::test]
async fn where_asynchronous_answers_go_is_looked_at() {
    let primary = async |url: &str| {
        let world = World::new().await.set("SECONDARY_TOKEN", "SECRET-primary");
        let world = world.set("SECONDARY_RESPONSE_URL", url);
        world.set("SECONDARY_RESPONSE_TOKEN", "SECRET-answer").examine().await
    };
    for (status, verdict) in [
        ("405 Method Not Allowed", Verdict::Good),
        ("200 OK", Verdict::Good),
        ("401 Unauthorized", Verdict::Wrong),
        ("404 Not Found", Verdict::Caution),
        ("302 Found", Verdict::Caution),
        ("500 Internal Server Error", Verdict::Caution),
    ] {
        let url = format!("{}answers?key=SECRET-key", fake::answering(status, &[], ""));
        assert_eq!(primary(&url).await.one("secondary.response_url").verdict, verdict, "{status}");
    }
    assert_eq!(primary(&fake::nobody()).await.one("secondary.response_url").verdict, Verdict::Wrong);
}
