//! What made answers come a turn late, over HTTP: for the relay and for the synchronous secondary bot.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::Value;
use servicenow_handoff::simulate::copilot::CopilotOptions;

use crate::{
    eventually::found,
    secondary::{
        direct_line::DirectLine,
        world::{World, texts},
    },
};

/// The user's words come up so long after they were posted, in milliseconds.
const TRAILS: [i64; 6] = [0, 60, 100, 300, 600, 1_100];
const QUIET: &str = "500";
/// Between two turns people pause; the agent says something unasked at the end of it.
const BETWEEN: Duration = Duration::from_millis(1_000);
/// What a call takes only where Direct Line's answers do not come: none of these turns lasts so long.
const BUSY: Duration = Duration::from_millis(3_500);

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
    in_time(&DirectLine::user("asked", trail, names), async |user, calls| {
        let primary = world.primary(user).of(user);
        let mut said = texts(&calls.time(primary.says("A?")).await);
        tokio::time::sleep(BETWEEN).await;
        direct_line.agent_says(user, "unasked");
        let second = texts(&calls.time(primary.says("B?")).await);
        let third = texts(&calls.time(primary.says("C?")).await);
        let last = [second.clone(), third.clone()];
        said.extend(second.into_iter().chain(third));
        (said, last)
    })
    .await;
}

async fn relay(world: &World, direct_line: &DirectLine, trail: i64, names: bool) {
    in_time(&DirectLine::user("relayed", trail, names), async |user, calls| {
        direct_line.open(user);
        let mut watermark = "0".to_owned();
        let mut turn = async |words: &str| {
            direct_line.user_says(user, words);
            let set = calls.time(relayed(world, user, &watermark)).await;
            watermark = set["watermark"].as_str().unwrap().to_owned();
            let said =
                set["activities"].as_array().unwrap().iter().filter(|one| one["from"]["role"] == "bot");
            said.map(|one| one["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let mut said = turn("A?").await;
        tokio::time::sleep(BETWEEN).await;
        direct_line.agent_says(user, "unasked");
        let (second, third) = (turn("B?").await, turn("C?").await);
        let last = [second.clone(), third.clone()];
        said.extend(second.into_iter().chain(third));
        (said, last)
    })
    .await;
}

/// One call of the relay.
pub async fn relayed(world: &World, conversation: &str, watermark: &str) -> Value {
    let get = world.http.get(format!("{}/api/relayToDirectLine", world.url)).bearer_auth("secret");
    let get = get.header("conversationid", conversation).header("watermark", watermark);
    let answer = get.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{conversation}");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// How long the slowest call of a story took.
#[derive(Default)]
struct Calls(Cell<Duration>);

impl Calls {
    async fn time<T>(&self, call: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let answer = call.await;
        self.0.set(self.0.get().max(begun.elapsed()));
        answer
    }
}

/// Plays a story, anew while the machine is so busy that one of its calls takes longer than Direct Line is waited for.
async fn in_time(user: &str, story: impl AsyncFn(&str, &Calls) -> (Vec<String>, [Vec<String>; 2])) {
    let tries = Cell::new(0);
    found(format!("the story of {user} without a call of {BUSY:?}"), async || {
        tries.set(tries.get() + 1);
        let (user, calls) = (format!("{user}-{}", tries.get()), Calls::default());
        let (said, [second, third]) = story(&user, &calls).await;
        if calls.0.get() >= BUSY {
            return None;
        }
        assert!(second.iter().any(|text| text == "B!"), "{user}: {second:?} {third:?}");
        assert_eq!(third, ["C!"], "{user}: {second:?}");
        assert_eq!(said, ["A!", "unasked", "B!", "C!"], "{user}");
        Some(())
    })
    .await;
}
