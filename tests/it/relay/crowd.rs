//! Many turns at once in one small process: the real binary, in front of a Direct Line that takes its time.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

use std::time::{Duration, Instant};

use actix_web::rt::{self, System};
use futures_util::future::join_all;
use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    copilot::{self, CopilotOptions, CopilotStudio},
    faults::Fault,
};

use crate::{eventually::eventually, program::Program};

const TURNS: usize = 1_000;
const MEBIBYTE: u64 = 1_024;

#[test]
fn a_thousand_turns_wait_within_64_mebibytes() {
    System::new().block_on(async {
        let studio = copilot::start(CopilotOptions::default()).await.unwrap();
        let polls = studio.faults().add(Fault::on("GET", "/activities").delay(Duration::from_millis(500)));
        let handler = Handler::start(&studio, "info");
        let http = reqwest::Client::new();
        let mut ids = Vec::new();
        for _ in 0..TURNS {
            ids.push(open(&http, &studio).await);
        }
        let idle = handler.program.kibibytes("VmRSS:");

        let start = Instant::now();
        let turns: Vec<_> = ids.iter().map(|id| rt::spawn(handler.relay(&http, &studio, id))).collect();
        // They poll at the same pace, so by then each of them has.
        let all_wait = || studio.faults().hits(polls) >= 4 * TURNS as u64;
        eventually("all of them have polled", all_wait).await;
        let waiting = handler.program.kibibytes("VmRSS:");
        let over = turns.iter().filter(|turn| turn.is_finished()).count();
        assert_eq!(over, 0, "all of them are waiting; {}", handler.program.log());
        for id in &ids {
            studio.bot_says(id, json!({"type": "message", "text": format!("for {id}")})).unwrap();
        }
        let spoken = start.elapsed();
        for (turn, id) in join_all(turns).await.into_iter().zip(&ids) {
            let set: Value = serde_json::from_str(&turn.unwrap()).unwrap();
            let texts: Vec<_> =
                set["activities"].as_array().unwrap().iter().map(|one| &one["text"]).collect();
            assert_eq!(texts, [&json!(format!("for {id}"))], "each its own answer, once");
        }
        let (peak, code) = (handler.program.kibibytes("VmHWM:"), handler.program.kibibytes("RssFile:"));
        eprintln!(
            "idle {idle} KiB, {TURNS} waiting {waiting} KiB, peak {peak} KiB of which {code} KiB code; \
             last answer {:?} after the agents spoke",
            start.elapsed() - spoken
        );
        // A debug build is larger before anybody has come, and so are its futures: there it is what the turns add.
        let limit = if cfg!(debug_assertions) { idle + 64 * MEBIBYTE } else { 64 * MEBIBYTE };
        assert!(peak < limit, "{peak} KiB");
    });
}

#[test]
fn a_turn_is_one_line_of_the_log_without_secret_or_words() {
    System::new().block_on(async {
        let studio = copilot::start(CopilotOptions::default()).await.unwrap();
        let handler = Handler::start(&studio, "trace");
        let http = reqwest::Client::new();
        let id = open(&http, &studio).await;
        studio.bot_says(&id, json!({"type": "message", "text": "between-you-and-me"})).unwrap();
        assert!(handler.relay(&http, &studio, &id).await.contains("between-you-and-me"));
        studio.faults().add(Fault::on("GET", "/activities").status(403));
        handler.relay(&http, &studio, &id).await;

        // A line may still be on its way through the pipe when the answer is here.
        let written = || handler.program.log();
        eventually("the second turn is in the log", || written().contains("answered 403")).await;
        let lines = written();
        let about: Vec<_> = lines.lines().filter(|line| line.contains(&id)).collect();
        assert_eq!(about.len(), 2, "{lines}");
        assert!(about[0].contains("Relayed a turn") && about[0].contains("1 activities"), "{}", about[0]);
        assert!(about[0].contains("ended by "), "{}", about[0]);
        assert!(about[1].contains("Direct Line answered 403"), "{}", about[1]);
        assert!(!lines.contains("between-you-and-me") && !lines.contains(studio.secret()), "{lines}");
    });
}

async fn open(http: &reqwest::Client, studio: &CopilotStudio) -> String {
    let url = format!("{}v3/directline/conversations", studio.url());
    let post = http.post(url).header("content-length", "0").bearer_auth(studio.secret());
    let opened = post.send().await.unwrap().text().await.unwrap();
    let opened: Value = serde_json::from_str(&opened).unwrap();
    opened["conversationId"].as_str().unwrap().to_owned()
}

/// The binary, serving.
struct Handler {
    program: Program,
    url: String,
}

impl Handler {
    fn start(studio: &CopilotStudio, log: &str) -> Self {
        let program = Program::start([
            ("DIRECT_LINE_URL", studio.url()),
            ("RELAY", "open"),
            // Longer than opening them all takes on a busy machine.
            ("RELAY_MAX_WAIT", "200000"),
            ("LOG", log),
        ]);
        Self { url: format!("{}/api/relayToDirectLine", program.url), program }
    }

    fn relay(
        &self,
        http: &reqwest::Client,
        studio: &CopilotStudio,
        conversation: &str,
    ) -> impl Future<Output = String> + use<> {
        let request = http.get(&self.url).bearer_auth(studio.secret());
        let request = request.header("conversationid", conversation).header("watermark", "0");
        async move { request.send().await.unwrap().text().await.unwrap() }
    }
}
