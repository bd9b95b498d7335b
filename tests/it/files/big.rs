//! A large file each way through the real program, whose memory stays small.

use reqwest::{
    Body,
    multipart::{Form, Part},
};
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    copilot::{self, CopilotOptions},
    servicenow::{self, ServiceNowOptions},
};

use crate::{
    azurite::server::Azurite,
    eventually::eventually,
    files::client::{counts_up, link_in},
    program::Program,
    world::{AGENT, PATIENCE, RESPONSES_TOKEN},
};

/// Far more than the program may have.
const LENGTH: u64 = 100 << 20;
/// Of `LENGTH` bytes that count up from zero, over and over.
const SHA256: &str = "4cbf988462cc3ba2e10e3aae9f5268546aa79016359fb45be7dd199c073125c0";
/// KiB
const MOST_MEMORY: u64 = 64 * 1_024;

#[tokio::test]
async fn a_hundred_megabytes_each_way_take_less_than_64_of_memory() {
    let desk = Desk::open("upload", None).await;
    let upload = desk.upload().header("content-type", "video/mpeg").header("content-length", LENGTH);
    let upload = upload.header("content-disposition", "name=\"file\"; filename=\"film.mpg\"");
    let answer = upload.body(counting(LENGTH)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let sent = desk.servicenow.uploads().remove(0);
    assert_eq!((sent.bytes, sent.sha256.as_str()), (LENGTH, SHA256));
    desk.keeps_small("the upload");
    desk.download().await;
}

#[tokio::test]
async fn a_hundred_megabytes_that_servicenow_fetches_from_us_take_no_more() {
    fetched_from_us(Desk::open("link", None).await).await;
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_hundred_megabytes_in_a_blob_container_take_no_more_either() {
    let azurite = Azurite::start();
    fetched_from_us(Desk::open("link", Some(azurite.container_with_sas())).await).await;
}

async fn fetched_from_us(desk: Desk) {
    let file = Part::stream(counting(LENGTH)).file_name("film.mpg").mime_str("video/mpeg").unwrap();
    let answer = desk.upload().multipart(Form::new().part("file", file)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    desk.keeps_small("the upload");
    let fetched = || {
        let chat = desk.servicenow.chat(desk.chat.conversation())?;
        chat.lines.iter().flat_map(|line| &line.attachments).find_map(|file| file.fetched.clone())
    };
    assert!(desk.servicenow.wait_for(PATIENCE * 12, |_| fetched().is_some()).await);
    let got = fetched().unwrap();
    assert_eq!((got.bytes, got.sha256.as_str()), (LENGTH, SHA256));
    desk.keeps_small("the download");
    desk.keeps_quiet().await;
}

struct Desk {
    servicenow: servicenow::ServiceNow,
    chat: ChatClient,
    program: Program,
    http: reqwest::Client,
    url: String,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// The program between both far ends, and a live chat.
    async fn open(attachments: &str, store: Option<String>) -> Self {
        let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
        let options = ServiceNowOptions {
            response_token: Some(RESPONSES_TOKEN.to_owned()),
            basic: Some(("connector".to_owned(), "a-password".to_owned())),
            // Also how long its own download of a file may take.
            webhook_timeout: PATIENCE * 12,
            ..ServiceNowOptions::default()
        };
        let servicenow = servicenow::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listen = format!("127.0.0.1:{}", crate::free_port::free_port());
        let url = format!("http://{listen}");
        let store = store.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("handoff.db").display()));
        let program = Program::start([
            ("LISTEN", listen),
            ("PUBLIC_URL", url.clone()),
            ("STORE", store),
            ("DIRECT_LINE_URL", copilot.url().to_owned()),
            ("DIRECT_LINE_SECRET", copilot.secret().to_owned()),
            ("SERVICENOW_URL", servicenow.url().to_owned()),
            ("SERVICENOW_USERNAME", "connector".to_owned()),
            ("SERVICENOW_PASSWORD", "a-password".to_owned()),
            ("RESPONSES_TOKEN", RESPONSES_TOKEN.to_owned()),
            ("MAX_UPLOAD", (LENGTH + 1).to_string()),
            ("ATTACHMENTS", attachments.to_owned()),
            ("LOG", "trace".to_owned()),
        ]);
        servicenow.set_response_url(format!("{url}/api/servicenow/responses"));
        let mut chat = ChatClient::start(&url, &copilot.token_endpoint()).await.unwrap();
        chat.say("agent").await.unwrap();
        chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
        let session = chat.conversation().to_owned();
        let queued = |at: &servicenow::ServiceNow| {
            at.chat(&session).is_some_and(|chat| chat.standing == servicenow::Standing::Queued)
        };
        assert!(servicenow.wait_for(PATIENCE, queued).await);
        assert!(servicenow.accept(&session, AGENT).await.is_success());
        let http = servicenow_handoff::far_end::client().unwrap();
        let desk = Self { servicenow, chat, program, http, url, _folder: folder };
        desk.keeps_small("the start");
        desk
    }

    fn upload(&self) -> reqwest::RequestBuilder {
        let conversation = self.chat.conversation();
        let path = format!("/v3/directline/conversations/{conversation}/upload?userId=dana");
        self.http.post(format!("{}{path}", self.url)).bearer_auth(self.chat.token())
    }

    /// Reads a file that the agent sent.
    async fn download(mut self) {
        let id = self.servicenow.add_made_media("dump.bin", "application/octet-stream", LENGTH);
        let link = shown_link(&self.servicenow, &mut self.chat, &id).await;
        let answer = self.http.get(link).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.content_length()), (200, Some(LENGTH)));
        assert!(counts_up(answer, LENGTH).await);
        self.keeps_small("the download");
        self.keeps_quiet().await;
    }

    /// Neither names of files nor links stand in the log, at any level.
    async fn keeps_quiet(&self) {
        eventually("the file is in the log", || self.program.log().contains("Took a user's file")).await;
        let log = self.program.log();
        for secret in ["film", "dump", "api/files/", "sys_attachment", "cs/media", "a-password", "sig="] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }

    fn keeps_small(&self, after: &str) {
        let most = self.program.kibibytes("VmHWM:");
        eprintln!("{most} KiB at most after {after}");
        assert!(most < MOST_MEMORY, "{most} KiB after {after}");
    }
}

async fn shown_link(servicenow: &servicenow::ServiceNow, chat: &mut ChatClient, id: &str) -> String {
    let body = serde_json::json!({"body": [{"uiType": "OutputLink", "label": "A dump", "messageId": "dump",
        "value": {"action": format!("{}/sys_attachment.do?sys_id={id}", servicenow.url())},
        "agentInfo": {"sentFromAgent": true}}]});
    let session = chat.conversation().to_owned();
    servicenow.send(&session, body).await;
    let is_it = |a: &serde_json::Value| a["channelData"]["servicenow"]["messageId"] == "dump";
    chat.see("the link", is_it).await.unwrap();
    link_in(chat.received.iter().find(|a| is_it(a)).unwrap()).unwrap()
}

fn counting(length: u64) -> Body {
    let piece: Vec<u8> = (0..=u8::MAX).cycle().take(64 * 1_024).collect();
    let piece = actix_web::web::Bytes::from(piece);
    let pieces = (0..length / (64 * 1_024)).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
    Body::wrap_stream(futures_util::stream::iter(pieces))
}
