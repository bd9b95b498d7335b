//! What made answers come a turn late, over HTTP: for the relay and for the synchronous secondary bot.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::future::join_all;
use serde_json::{Value, json};
use servicenow_handoff::{domain::Timestamp, simulate::copilot::CopilotOptions};

use crate::secondary::world::{PATIENCE, World, texts};

/// The user's words come up so long after they were posted, in milliseconds.
const TRAILS: [i64; 6] = [0, 60, 100, 300, 600, 1_100];
const QUIET: &str = "500";
/// Behind the end of a turn of which the only answer comes at once.
const BETWEEN: Duration = Duration::from_millis(1_000);
/// The agent answers the second question so late.
const THINKS: i64 = 900;

/// The agent says something unasked between two turns, and the user's next words come up late.
#[tokio::test]
async fn what_is_said_unasked_makes_no_answer_come_a_turn_late() {
    let direct_line = DirectLine::start();
    let settings = [
        ("DIRECT_LINE_URL", direct_line.url.as_str()),
        ("RELAY", "open"),
        ("RELAY_QUIET", QUIET),
        ("RELAY_MAX_WAIT", "20000"),
    ];
    let world = World::with(CopilotOptions::default(), &settings).await;
    let kinds = TRAILS.into_iter().flat_map(|trail| [(trail, true), (trail, false)]);
    let relayed = kinds.clone().map(|(trail, names)| relay(&world, &direct_line, trail, names));
    let asked = kinds.map(|(trail, names)| ask(&world, &direct_line, trail, names));
    tokio::join!(join_all(relayed), join_all(asked));
}

async fn ask(world: &World, direct_line: &DirectLine, trail: i64, names: bool) {
    let user = name("asked", trail, names);
    let primary = world.primary(&user).of(&user);
    let mut said = texts(&primary.says("A?").await);
    tokio::time::sleep(BETWEEN).await;
    direct_line.agent_says(&user, "unasked");
    let second = texts(&primary.says("B?").await);
    let third = texts(&primary.says("C?").await);
    check(&user, &second, &third);
    said.extend(second.into_iter().chain(third));
    assert_eq!(said, ["A!", "unasked", "B!", "C!"], "{user}");
}

async fn relay(world: &World, direct_line: &DirectLine, trail: i64, names: bool) {
    let user = name("relayed", trail, names);
    direct_line.open(&user);
    let mut watermark = "0".to_owned();
    let mut turn = async |words: &str| {
        direct_line.user_says(&user, words);
        let get = world.http.get(format!("{}/api/relayToDirectLine", world.url)).bearer_auth("secret");
        let get = get.header("conversationid", &user).header("watermark", &watermark);
        let answer = get.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{user}");
        let set: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        watermark = set["watermark"].as_str().unwrap().to_owned();
        let said = set["activities"].as_array().unwrap().iter().filter(|one| one["from"]["role"] == "bot");
        said.map(|one| one["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut said = turn("A?").await;
    tokio::time::sleep(BETWEEN).await;
    direct_line.agent_says(&user, "unasked");
    let (second, third) = (turn("B?").await, turn("C?").await);
    check(&user, &second, &third);
    said.extend(second.into_iter().chain(third));
    assert_eq!(said, ["A!", "unasked", "B!", "C!"], "{user}");
}

fn check(user: &str, second: &[String], third: &[String]) {
    assert!(second.iter().any(|text| text == "B!"), "{user}: {second:?} {third:?}");
    assert_eq!(third, ["C!"], "{user}: {second:?}");
}

fn name(how: &str, trail: i64, names: bool) -> String {
    format!("{how}-{trail}-{names}")
}

/// A Direct Line whose conversations show the user's words late, as their names say. Its agent answers `X?` with `X!`.
struct DirectLine {
    url: String,
    conversations: Conversations,
}

type Conversations = Arc<Mutex<HashMap<String, Conversation>>>;

#[derive(Default)]
struct Conversation {
    /// When each comes up, in Direct Line's order.
    entries: Vec<(Timestamp, Value)>,
    numbers: u32,
    trail: i64,
    names: bool,
}

impl DirectLine {
    fn start() -> Self {
        let conversations = Conversations::default();
        let served = conversations.clone();
        let (started, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let served = served.clone();
                    let answer = move |request: HttpRequest, body: web::Bytes| {
                        let served = served.clone();
                        async move { answer(&request, &body, &served) }
                    };
                    App::new().default_service(web::to(answer))
                });
                let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                started.send(server.addrs()[0]).unwrap();
                server.run().await.unwrap();
            });
        });
        let url = format!("http://{}/", address.recv_timeout(PATIENCE).unwrap());
        Self { url, conversations }
    }

    fn open(&self, name: &str) {
        open(&self.conversations, name);
    }

    fn agent_says(&self, name: &str, text: &str) {
        let mut conversations = self.conversations.lock().unwrap();
        conversations.get_mut(name).unwrap().agent_says(Timestamp::now(), text, None);
    }

    fn user_says(&self, name: &str, text: &str) {
        let words = json!({"type": "message", "text": text, "from": {"id": "ada", "role": "user"}});
        self.conversations.lock().unwrap().get_mut(name).unwrap().user_posts(words);
    }
}

impl Conversation {
    fn add(&mut self, at: Timestamp, up: Timestamp, mut activity: Value) -> String {
        let id = format!("story|{:07}", self.numbers);
        self.numbers += 1;
        activity["id"] = id.clone().into();
        activity["timestamp"] = at.rfc3339().into();
        let place = self.entries.partition_point(|(other, _)| *other <= up);
        self.entries.insert(place, (up, activity));
        id
    }

    fn agent_says(&mut self, at: Timestamp, text: &str, to: Option<&str>) {
        let mut said = json!({"type": "message", "text": text, "from": {"id": "bot", "role": "bot"}});
        if let Some(to) = to.filter(|_| self.names) {
            said["replyToId"] = to.into();
        }
        self.add(at, at, said);
    }

    fn user_posts(&mut self, activity: Value) -> String {
        let now = Timestamp::now();
        let text = activity["text"].as_str().unwrap_or_default().to_owned();
        let id = self.add(now, now.plus_millis(self.trail), activity);
        if let Some(question) = text.strip_suffix('?') {
            let after = if question == "B" { THINKS } else { 20 };
            self.agent_says(now.plus_millis(after), &format!("{question}!"), Some(&id));
        }
        id
    }

    fn page(&self, from: usize) -> Value {
        let end = self.entries.partition_point(|(up, _)| *up <= Timestamp::now()).max(from);
        let activities: Vec<_> = self.entries[from..end].iter().map(|(_, activity)| activity).collect();
        json!({"activities": activities, "watermark": end.to_string()})
    }
}

fn open(conversations: &Conversations, name: &str) {
    let mut parts = name.split('-').skip(1);
    let (trail, names) = (parts.next().unwrap().parse().unwrap(), parts.next() == Some("true"));
    let conversation = Conversation { trail, names, ..Conversation::default() };
    conversations.lock().unwrap().insert(name.to_owned(), conversation);
}

fn answer(request: &HttpRequest, body: &[u8], conversations: &Conversations) -> HttpResponse {
    let posted: Value = serde_json::from_slice(body).unwrap_or_default();
    let path: Vec<_> = request.path().trim_start_matches("/v3/directline/").split('/').collect();
    match path[..] {
        ["conversations"] => {
            let name = posted["user"]["id"].as_str().unwrap();
            open(conversations, name);
            HttpResponse::Created().json(json!({"conversationId": name, "expires_in": 1_800}))
        }
        ["conversations", name, "activities"] => {
            let mut conversations = conversations.lock().unwrap();
            let conversation = conversations.get_mut(name).unwrap();
            if request.method() == "POST" {
                return HttpResponse::Ok().json(json!({"id": conversation.user_posts(posted)}));
            }
            let from = request.query_string().strip_prefix("watermark=").unwrap_or("0");
            HttpResponse::Ok().json(conversation.page(from.parse().unwrap()))
        }
        _ => HttpResponse::NotFound().finish(),
    }
}
