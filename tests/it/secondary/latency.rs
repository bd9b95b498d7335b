//! How soon what the agent says is passed on. Run it on a machine that does nothing else:
//! `cargo test --release --test it latency:: -- --ignored --nocapture`.

use servicenow_handoff::{domain::Timestamp, simulate::copilot::CopilotOptions};

use crate::secondary::{direct_line::DirectLine, stories::relayed, world::World};

const TIMES: usize = 50;
/// Milliseconds: the default of `RELAY_QUIET`, and what may come on top.
const QUIET: i64 = 1_000;
const MARGIN: i64 = 300;

#[tokio::test]
#[ignore = "measures times, which needs a machine that does nothing else"]
async fn questions_and_hand_offs_are_passed_on_at_once_and_words_after_the_quiet_time() {
    let direct_line = DirectLine::start();
    let quiet = QUIET.to_string();
    let settings = [
        ("DIRECT_LINE_URL", direct_line.url.as_str()),
        ("RELAY", "open"),
        ("RELAY_QUIET", quiet.as_str()),
        ("RELAY_MAX_WAIT", "20000"),
    ];
    let world = World::with(CopilotOptions::default(), &settings).await;
    println!("| role | the agent | ms: median, 95 %, slowest | 95 % at most |\n|---|---|--:|--:|");
    for (what, words, most) in
        [("asks", "ask", MARGIN), ("hands over", "transfer", MARGIN), ("speaks", "speak", QUIET + MARGIN)]
    {
        let (mut relay, mut secondary) = (vec![], vec![]);
        for n in 0..TIMES {
            // Not in step with the polls.
            let words = &format!("{words} {}?", 400 + n * 37 % 400);
            let (relayed, asked) = tokio::join!(
                through_relay(&world, &direct_line, words, n),
                through_secondary_bot(&world, &direct_line, words, n)
            );
            relay.push(relayed);
            secondary.push(asked);
        }
        for (role, mut millis) in [("relay", relay), ("secondary bot", secondary)] {
            millis.sort_unstable();
            let p95 = millis[TIMES * 95 / 100 - 1];
            println!("| {role} | {what} | {}, {p95}, {} | {most} |", millis[TIMES / 2], millis[TIMES - 1]);
            assert!(p95 <= most, "{role}, {what}: {millis:?}");
        }
    }
}

/// Milliseconds from the agent's words to the answer.
async fn through_relay(world: &World, direct_line: &DirectLine, words: &str, n: usize) -> i64 {
    let user = format!("{}-{n}-{}", DirectLine::user("relayed", 20, true), &words[..3]);
    direct_line.open(&user);
    direct_line.user_says(&user, words);
    relayed(world, &user, "0").await;
    Timestamp::now().millis_since(direct_line.spoke_at(&user))
}

async fn through_secondary_bot(world: &World, direct_line: &DirectLine, words: &str, n: usize) -> i64 {
    let user = format!("{}-{n}-{}", DirectLine::user("asked", 20, true), &words[..3]);
    world.primary(&user).of(&user).says(words).await;
    Timestamp::now().millis_since(direct_line.spoke_at(&user))
}
