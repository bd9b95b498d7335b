//! The program with a managed identity: a faked identity endpoint, as the Functions platform offers it, gives the
//! tokens that Azurite takes over HTTPS.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt::System, web};
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    copilot::{self, CopilotOptions},
    servicenow::{self, ServiceNowOptions},
};

use crate::{
    azurite::server::{Azurite, bearer},
    eventually::eventually,
    program::{Program, command},
    world::{PATIENCE, RESPONSES_TOKEN},
};

const HEADER: &str = "the-secret-of-the-endpoint";
const CLIENT_ID: &str = "0f1e2d3c-0000-4000-8000-000000000001";

/// The platform's endpoint for identities; gives its address and counts the tokens it gave.
fn endpoint() -> (String, Arc<AtomicU32>) {
    let given = Arc::new(AtomicU32::new(0));
    let (told, started) = mpsc::channel();
    let counted = web::Data::from(given.clone());
    thread::spawn(move || {
        System::new().block_on(async move {
            let app = move || App::new().app_data(counted.clone()).route("/msi/token", web::get().to(token));
            let server = HttpServer::new(app).workers(1).disable_signals();
            let server = server.bind(("127.0.0.1", 0)).unwrap();
            told.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    (format!("http://{}/msi/token", started.recv_timeout(PATIENCE).unwrap()), given)
}

async fn token(request: HttpRequest, given: web::Data<AtomicU32>) -> HttpResponse {
    if request.headers().get("x-identity-header").is_none_or(|value| value != HEADER) {
        return HttpResponse::Unauthorized().finish();
    }
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let asked = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(asked("api-version"), Some("2019-08-01"));
    assert_eq!(asked("resource").map(|it| it.trim_end_matches('/')), Some("https://storage.azure.com"));
    if asked("client_id") != Some(CLIENT_ID) {
        return HttpResponse::BadRequest().finish();
    }
    given.fetch_add(1, Relaxed);
    let expires =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 86_400;
    HttpResponse::Ok().json(serde_json::json!({
        "access_token": bearer(), "expires_on": expires.to_string(),
        "resource": "https://storage.azure.com", "token_type": "Bearer", "client_id": CLIENT_ID,
    }))
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn the_program_keeps_a_hand_off_under_its_managed_identity() {
    let azurite = Azurite::start_secure();
    let (endpoint, given) = endpoint();
    let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
    let options = ServiceNowOptions {
        response_token: Some(RESPONSES_TOKEN.to_owned()),
        basic: Some(("connector".to_owned(), "a-password".to_owned())),
        ..ServiceNowOptions::default()
    };
    let servicenow = servicenow::start(options).await.unwrap();
    let (store, certificate) = (azurite.container(), azurite.certificate().display().to_string());
    let settings = [
        ("STORE", store.as_str()),
        ("IDENTITY_ENDPOINT", &endpoint),
        ("IDENTITY_HEADER", HEADER),
        ("AZURE_CLIENT_ID", CLIENT_ID),
        ("SSL_CERT_FILE", &certificate),
        ("DIRECT_LINE_URL", copilot.url()),
        ("DIRECT_LINE_SECRET", copilot.secret()),
        ("SERVICENOW_URL", servicenow.url()),
        ("SERVICENOW_USERNAME", "connector"),
        ("SERVICENOW_PASSWORD", "a-password"),
        ("RESPONSES_TOKEN", RESPONSES_TOKEN),
    ];
    let first = Program::start(settings);
    servicenow.set_response_url(format!("{}/api/servicenow/responses", first.url));
    let mut chat = ChatClient::start(&first.url, &copilot.token_endpoint()).await.unwrap();
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
    let second = Program::start(settings);
    chat.move_to(&second.url);
    chat.say("kept under an identity").await.unwrap();
    chat.see("the echo", |activity| activity["text"] == "kept under an identity").await.unwrap();
    assert!(
        given.load(Relaxed) <= 4,
        "tokens are kept: one for the journal and one for files, in each process"
    );
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn the_sas_is_in_no_line_of_the_log_while_the_account_works_and_when_it_is_gone() {
    let azurite = Azurite::start();
    let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
    let store = azurite.container_with_sas();
    let settings = [
        ("LOG", "trace"),
        ("STORE", store.as_str()),
        ("DIRECT_LINE_URL", copilot.url()),
        ("DIRECT_LINE_SECRET", copilot.secret()),
        ("SERVICENOW_URL", "http://127.0.0.1:9"),
        ("SERVICENOW_USERNAME", "connector"),
        ("SERVICENOW_PASSWORD", "a-password"),
        ("RESPONSES_TOKEN", RESPONSES_TOKEN),
    ];
    let program = Program::start(settings);
    let mut chat = ChatClient::start(&program.url, &copilot.token_endpoint()).await.unwrap();
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
    drop(azurite);
    assert!(
        chat.say("nobody stores this").await.is_err(),
        "a message that is not stored is not answered for"
    );
    // A line may still be on its way through the pipe when the answer is here.
    eventually("the failure is in the log", || program.log().contains("The store failed")).await;
    let log = program.log();
    let ended = command(settings).output().unwrap();
    let refused = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(refused.contains("STORE http://127.0.0.1"), "{refused}");
    for said in [log, refused] {
        assert!(!said.contains("sig=") && !said.contains("sv="), "{said}");
    }
}

#[test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
fn a_start_without_a_token_says_in_one_sentence_what_to_do() {
    let azurite = Azurite::start_secure();
    let (endpoint, _) = endpoint();
    let (store, certificate) = (azurite.container(), azurite.certificate().display().to_string());
    let settings = [
        ("STORE", store.as_str()),
        ("IDENTITY_ENDPOINT", &endpoint),
        ("IDENTITY_HEADER", HEADER),
        ("AZURE_CLIENT_ID", "0f1e2d3c-0000-4000-8000-00000000dead"),
        ("SSL_CERT_FILE", &certificate),
        ("SERVICENOW_URL", "https://acme.example.com"),
        ("SERVICENOW_USERNAME", "connector"),
        ("SERVICENOW_PASSWORD", "a-password"),
        ("RESPONSES_TOKEN", RESPONSES_TOKEN),
    ];
    let ended = command(settings).output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(!ended.status.success());
    assert!(said.contains("STORE https://") && said.contains("AZURE_CLIENT_ID"), "{said}");
}
