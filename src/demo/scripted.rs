//! One whole conversation that plays by itself and checks that every message arrived.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{FarEnds, print, roles};
use crate::simulate::{
    chat_client::{ChatClient, Failure, handoff_state, speaker},
    servicenow::{ServiceNow, Standing},
};

const AGENT: &str = "Ana Agent";
const PATIENCE: Duration = Duration::from_secs(15);

/// Plays the conversation through the connector at `root`; true when all of it arrived.
pub async fn play(root: &str, far_ends: &FarEnds) -> bool {
    print("A user, a Copilot Studio agent, a person at ServiceNow, and the connector between them.\n");
    print("-- Live chat: the bot hands over to a person, and takes over again");
    let played = match Play::start(root, far_ends).await {
        Ok(mut play) => play.all_roles(root).await,
        Err(failure) => Err(failure),
    };
    match played {
        Ok(()) => {
            print("\nEvery message arrived, once and in order.");
            true
        }
        Err(failure) => failed(&failure),
    }
}

/// Texts are Markdown: a sign behind a backslash is meant as itself.
fn plain(text: &str) -> String {
    let mut letters = text.chars().peekable();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        if letter != '\\' || !letters.peek().is_some_and(char::is_ascii_punctuation) {
            plain.push(letter);
        } else {
            plain.extend(letters.next());
        }
    }
    plain
}

/// Prints who says what in the moment it is said or heard, with the time and the way it took.
pub(super) struct Script(Instant);

impl Script {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    pub(super) fn line(&self, speaker: &str, text: &str, way: &str) {
        let said = format!("{speaker}: {}", plain(text).split_whitespace().collect::<Vec<_>>().join(" "));
        print(&format!("{said:<56} {:>6.3} s  {way}", self.0.elapsed().as_secs_f32()));
    }
}

fn failed(failure: &str) -> bool {
    eprintln!("The conversation failed: {failure}");
    false
}

struct Play<'a> {
    client: ChatClient,
    far_ends: &'a FarEnds,
    script: Script,
    /// Handed over: what the user says goes to ServiceNow.
    live: bool,
}

impl<'a> Play<'a> {
    async fn start(root: &str, far_ends: &'a FarEnds) -> Result<Self, Failure> {
        let client = ChatClient::start(root, &far_ends.copilot.token_endpoint()).await?;
        Ok(Self { client, far_ends, script: Script::new(), live: false })
    }

    async fn all_roles(&mut self, root: &str) -> Result<(), Failure> {
        self.whole().await?;
        roles::relay(root, self.far_ends, &self.script).await?;
        roles::secondary_bot(root, &self.script).await
    }

    async fn whole(&mut self) -> Result<(), Failure> {
        self.client.greet().await?;
        self.hear("the greeting", is_text).await?;
        self.say("Store hours").await?;
        self.hear("the bot's answer", |activity| speaker(activity) == "bot").await?;
        self.say("I want to talk to a person").await?;
        self.hear("the hand-off event", |activity| activity["name"] == "handoff.initiate").await?;
        self.live = true;
        self.hear("the queue's line", |activity| speaker(activity) == "system" && is_text(activity)).await?;
        self.say("My VPN drops every few minutes").await?;
        self.agent_accepts().await?;
        self.hear("the agent's arrival", |activity| handoff_state(activity) == "accepted").await?;
        for (agent, user) in [
            ("Hello, I am looking into it. Since when?", "Since this morning"),
            ("Please restart the client now.", "Done. It works again, thank you!"),
        ] {
            self.agent_types().await;
            self.agent_says(agent).await?;
            self.say(user).await?;
            self.at_the_desk(user).await?;
        }
        self.agent_ends().await?;
        self.hear("the end of the live chat", |activity| handoff_state(activity) == "completed").await?;
        self.live = false;
        self.say("What happened?").await?;
        self.hear("the bot's account", |activity| {
            activity["text"].as_str().is_some_and(|text| text.contains(AGENT)) && speaker(activity) == "bot"
        })
        .await?;
        self.check()
    }

    async fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.script.line("user", text, if self.live { "chat → desk" } else { "chat → bot" });
        let id = self.client.say(text).await?;
        let what = format!("the echo of \"{text}\"");
        self.hear(&what, |activity| activity["id"] == id.as_str() && activity["text"] == text).await
    }

    async fn hear(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<(), Failure> {
        // What came along with an earlier wait counts too.
        if !self.client.received.iter().any(&wanted) || what.starts_with("the echo") {
            self.listen(what, wanted).await?;
        }
        Ok(())
    }

    /// Prints what comes, until what is wanted has come. The user's own words were printed when they were said.
    async fn listen(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<(), Failure> {
        for activity in self.client.until(what, wanted).await? {
            let way = match speaker(&activity) {
                "user" => continue,
                "bot" => "bot → chat",
                "agent" => "desk → chat",
                _ => "connector → chat",
            };
            if is_text(&activity) {
                self.script.line(speaker(&activity), activity["text"].as_str().unwrap_or_default(), way);
            }
        }
        Ok(())
    }

    fn session(&self) -> &str {
        self.client.conversation()
    }

    async fn agent_accepts(&self) -> Result<(), Failure> {
        let session = self.session().to_owned();
        let queued =
            |at: &ServiceNow| at.chat(&session).is_some_and(|chat| chat.standing == Standing::Queued);
        if !self.far_ends.servicenow.wait_for(PATIENCE, queued).await {
            return Err("the chat did not reach the desk's queue".to_owned());
        }
        let result = self.far_ends.servicenow.accept(self.session(), AGENT).await;
        if result.is_success() { Ok(()) } else { Err("the connector refused the agent's arrival".to_owned()) }
    }

    async fn agent_types(&self) {
        self.far_ends.servicenow.typing(self.session(), true).await;
    }

    async fn agent_says(&mut self, text: &str) -> Result<(), Failure> {
        if !self.far_ends.servicenow.say(self.session(), text).await.is_success() {
            return Err("the connector refused an agent's message".to_owned());
        }
        let what = format!("the agent's \"{text}\"");
        self.listen(&what, |activity| activity["text"] == text).await
    }

    /// What the user said is seen by the agent, once.
    async fn at_the_desk(&self, text: &str) -> Result<(), Failure> {
        let session = self.session().to_owned();
        let told = |at: &ServiceNow| count(at, &session, text) == 1;
        if self.far_ends.servicenow.wait_for(PATIENCE, told).await {
            return Ok(());
        }
        let times = count(&self.far_ends.servicenow, self.session(), text);
        Err(format!("\"{text}\" reached the agent {times} times"))
    }

    async fn agent_ends(&self) -> Result<(), Failure> {
        let result = self.far_ends.servicenow.end(self.session()).await;
        if result.is_success() { Ok(()) } else { Err("the connector refused the chat's end".to_owned()) }
    }

    /// The user saw every line once, and what was said before the agent came reached the desk as well.
    fn check(&self) -> Result<(), Failure> {
        for text in
            ["My VPN drops every few minutes", "Since this morning", "Done. It works again, thank you!"]
        {
            let times = count(&self.far_ends.servicenow, self.session(), text);
            if times != 1 {
                return Err(format!("\"{text}\" reached the agent {times} times"));
            }
        }
        let chat = self.far_ends.servicenow.chat(self.session()).ok_or("the desk has lost the chat")?;
        if !chat.history.iter().any(|line| line.to_string().contains("Store hours")) {
            return Err("the agent was not given the conversation's history".to_owned());
        }
        let mut texts: Vec<&str> = self.client.received.iter().filter_map(|a| a["id"].as_str()).collect();
        let all = texts.len();
        texts.sort_unstable();
        texts.dedup();
        if texts.len() == all { Ok(()) } else { Err("an activity was shown twice".to_owned()) }
    }
}

fn count(servicenow: &ServiceNow, session: &str, text: &str) -> usize {
    servicenow
        .requests_of(session)
        .iter()
        .filter(|request| request.action.is_empty() && request.text == text)
        .count()
}

pub(super) fn is_text(activity: &Value) -> bool {
    activity["type"] == "message" && activity["text"].is_string()
}
