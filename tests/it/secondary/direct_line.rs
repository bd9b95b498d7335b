//! A Direct Line that shows the user's words late, and an agent behind it that answers `X?` with `X!`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use servicenow_handoff::domain::Timestamp;

use crate::secondary::world::PATIENCE;

pub struct DirectLine {
    pub url: String,
    conversations: Conversations,
}

type Conversations = Arc<Mutex<HashMap<String, Conversation>>>;

/// What the agent says, and how many milliseconds after the question: as many as the question's second word says.
/// `ask` and `transfer` begin what is more than words.
pub fn answer_to(question: &str) -> (i64, Value) {
    let (what, after) =
        question.split_once(' ').unwrap_or((question, if question == "B" { "900" } else { "20" }));
    let answer = match what {
        "ask" => json!({"type": "message", "text": "Which?", "inputHint": "expectingInput"}),
        "transfer" => json!({"type": "event", "name": "handoff.initiate", "value": {}}),
        _ => json!({"type": "message", "text": format!("{question}!")}),
    };
    (after.parse().unwrap(), answer)
}

#[derive(Default)]
struct Conversation {
    /// When each comes up, in Direct Line's order.
    entries: Vec<(Timestamp, Value)>,
    numbers: u32,
    /// The user's words come up so many milliseconds after they were posted.
    trail: i64,
    /// Whether answers name what they answer.
    names: bool,
}

impl DirectLine {
    pub fn start() -> Self {
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

    /// A user's name says what their conversation is like; it is the conversation's name as well.
    pub fn user(how: &str, trail: i64, names: bool) -> String {
        format!("{how}-{trail}-{names}")
    }

    pub fn open(&self, user: &str) {
        open(&self.conversations, user);
    }

    pub fn agent_says(&self, user: &str, text: &str) {
        let mut conversations = self.conversations.lock().unwrap();
        let said = json!({"type": "message", "text": text});
        conversations.get_mut(user).unwrap().agent_does(Timestamp::now(), said, None);
    }

    pub fn user_says(&self, user: &str, text: &str) {
        let words = json!({"type": "message", "text": text, "from": {"id": "ada", "role": "user"}});
        self.conversations.lock().unwrap().get_mut(user).unwrap().user_posts(words);
    }

    /// When the agent's last words came up.
    pub fn spoke_at(&self, user: &str) -> Timestamp {
        let conversations = self.conversations.lock().unwrap();
        let entries = conversations[user].entries.iter();
        let said = entries.filter(|(_, activity)| activity["from"]["role"] == "bot").map(|(up, _)| *up);
        said.max().unwrap()
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

    fn agent_does(&mut self, at: Timestamp, mut activity: Value, to: Option<&str>) {
        activity["from"] = json!({"id": "bot", "role": "bot"});
        if let Some(to) = to.filter(|_| self.names) {
            activity["replyToId"] = to.into();
        }
        self.add(at, at, activity);
    }

    fn user_posts(&mut self, activity: Value) -> String {
        let now = Timestamp::now();
        let text = activity["text"].as_str().unwrap_or_default().to_owned();
        let id = self.add(now, now.plus_millis(self.trail), activity);
        if let Some(question) = text.strip_suffix('?') {
            let (after, answer) = answer_to(question);
            self.agent_does(now.plus_millis(after), answer, Some(&id));
        }
        id
    }

    fn page(&self, from: usize) -> Value {
        let end = self.entries.partition_point(|(up, _)| *up <= Timestamp::now()).max(from);
        let activities: Vec<_> = self.entries[from..end].iter().map(|(_, activity)| activity).collect();
        json!({"activities": activities, "watermark": end.to_string()})
    }
}

fn open(conversations: &Conversations, user: &str) {
    let mut parts = user.split('-').skip(1);
    let (trail, names) = (parts.next().unwrap().parse().unwrap(), parts.next() == Some("true"));
    let conversation = Conversation { trail, names, ..Conversation::default() };
    conversations.lock().unwrap().insert(user.to_owned(), conversation);
}

fn answer(request: &HttpRequest, body: &[u8], conversations: &Conversations) -> HttpResponse {
    let posted: Value = serde_json::from_slice(body).unwrap_or_default();
    let path: Vec<_> = request.path().trim_start_matches("/v3/directline/").split('/').collect();
    match path[..] {
        ["conversations"] => {
            let user = posted["user"]["id"].as_str().unwrap();
            open(conversations, user);
            HttpResponse::Created().json(json!({"conversationId": user, "expires_in": 1_800}))
        }
        ["conversations", user, "activities"] => {
            let mut conversations = conversations.lock().unwrap();
            let conversation = conversations.get_mut(user).unwrap();
            if request.method() == "POST" {
                return HttpResponse::Ok().json(json!({"id": conversation.user_posts(posted)}));
            }
            let from = request.query_string().strip_prefix("watermark=").unwrap_or("0");
            HttpResponse::Ok().json(conversation.page(from.parse().unwrap()))
        }
        _ => HttpResponse::NotFound().finish(),
    }
}
