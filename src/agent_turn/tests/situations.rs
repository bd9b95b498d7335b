//! The documented function and ours before the same far end.
//!
//! The stand-in for the documented function does what its source says: it waits for `waittime`, two seconds unless told,
//! and reads once. Each row says what the first call brought there, what it brings here, and by when. What a first call
//! leaves out comes with the next one, in both. Rows about requests and failures stand with the tests over HTTP.

use serde_json::json;

use super::far_end::{FarEnd, LIMITS, READERS, Reader};
use crate::agent_turn::Limits;

const CALL: i64 = 1_000_000;

/// Milliseconds after the call, and what the agent does: words, `?words` that ask, `!name` of an event, `trace`,
/// `typing`, `end`. What begins with `-` is no answer to the user's words, `=` answers those of the turn before.
type Act = (i64, &'static str);

struct Situation {
    acts: &'static [Act],
    wait: Option<i64>,
    original: &'static [&'static str],
    ours: &'static [&'static str],
    /// Milliseconds after the call; the answer leaves then at the latest.
    by: i64,
}

const fn row(
    acts: &'static [Act],
    original: &'static [&'static str],
    ours: &'static [&'static str],
    by: i64,
) -> Situation {
    Situation { acts, wait: None, original, ours, by }
}

const fn waits(wait: i64, situation: Situation) -> Situation {
    Situation { wait: Some(wait), ..situation }
}

const NONE: &[&str] = &[];

/// Played with an echo at once, and with `replyToId`.
const PLAIN: [Situation; 57] = [
    // One answer.
    row(&[(100, "a")], &["a"], &["a"], 1_400),
    row(&[(300, "a")], &["a"], &["a"], 1_600),
    row(&[(500, "a")], &["a"], &["a"], 1_800),
    row(&[(1_000, "a")], &["a"], &["a"], 2_300),
    row(&[(1_500, "a")], &["a"], &["a"], 2_800),
    row(&[(1_900, "a")], &["a"], &["a"], 3_200),
    row(&[(2_100, "a")], NONE, &["a"], 3_400),
    row(&[(3_000, "a")], NONE, &["a"], 4_300),
    row(&[(5_000, "a")], NONE, &["a"], 6_300),
    row(&[(8_000, "a")], NONE, &["a"], 9_300),
    row(&[(12_000, "a")], NONE, &["a"], 13_300),
    row(&[(20_000, "a")], NONE, &["a"], 21_300),
    row(&[(30_000, "a")], NONE, NONE, 25_100),
    // In parts.
    row(&[(300, "a"), (700, "b")], &["a", "b"], &["a", "b"], 2_000),
    row(&[(300, "a"), (1_000, "b")], &["a", "b"], &["a", "b"], 2_300),
    row(&[(1_500, "a"), (1_900, "b")], &["a", "b"], &["a", "b"], 3_200),
    row(&[(1_900, "a"), (2_600, "b")], &["a"], &["a", "b"], 3_900),
    row(&[(3_000, "a"), (3_500, "b")], NONE, &["a", "b"], 4_800),
    row(&[(300, "a"), (1_700, "b")], &["a", "b"], &["a"], 1_600),
    row(&[(500, "a"), (4_000, "b")], &["a"], &["a"], 1_800),
    row(
        &[(300, "a"), (900, "b"), (1_500, "c"), (2_100, "d")],
        &["a", "b", "c"],
        &["a", "b", "c", "d"],
        3_400,
    ),
    row(&[(300, "a"), (400, "typing"), (4_000, "b")], &["a", "typing"], &["a", "typing", "b"], 5_300),
    row(&[(200, "typing"), (600, "a")], &["typing", "a"], &["typing", "a"], 1_900),
    // With a wait of the caller's.
    waits(500, row(&[(300, "a")], &["a"], &["a"], 1_600)),
    waits(500, row(&[(900, "a")], NONE, &["a"], 2_200)),
    waits(4_000, row(&[(300, "a"), (2_500, "b")], &["a", "b"], &["a", "b"], 4_300)),
    waits(8_000, row(&[(300, "a"), (4_300, "b")], &["a", "b"], &["a", "b"], 8_500)),
    waits(8_000, row(&[(300, "?a")], &["?a"], &["?a"], 700)),
    waits(8_000, row(&[(300, "!handoff.initiate")], &["!handoff.initiate"], &["!handoff.initiate"], 600)),
    waits(8_000, row(&[(9_000, "a")], NONE, &["a"], 10_300)),
    waits(30_000, row(&[(28_000, "a")], &["a"], &["a"], 30_500)),
    waits(0, row(&[(300, "a")], NONE, &["a"], 1_600)),
    // Questions.
    row(&[(100, "?a")], &["?a"], &["?a"], 500),
    row(&[(1_000, "?a")], &["?a"], &["?a"], 1_400),
    row(&[(2_500, "?a")], NONE, &["?a"], 2_900),
    row(&[(6_000, "?a")], NONE, &["?a"], 6_500),
    row(&[(1_000, "a"), (1_300, "?b")], &["a", "?b"], &["a", "?b"], 1_700),
    row(&[(1_000, "?a"), (1_150, "b")], &["?a", "b"], &["?a", "b"], 2_500),
    // A person is asked for.
    row(&[(100, "!handoff.initiate")], &["!handoff.initiate"], &["!handoff.initiate"], 400),
    row(
        &[(300, "a"), (600, "!handoff.initiate")],
        &["a", "!handoff.initiate"],
        &["a", "!handoff.initiate"],
        900,
    ),
    row(
        &[(300, "a"), (1_300, "!handoff.initiate")],
        &["a", "!handoff.initiate"],
        &["a", "!handoff.initiate"],
        1_600,
    ),
    row(&[(2_500, "!handoff.initiate")], NONE, &["!handoff.initiate"], 2_800),
    row(&[(2_000, "a"), (2_600, "!handoff.initiate")], &["a"], &["a", "!handoff.initiate"], 2_900),
    row(&[(6_000, "!handoff.initiate")], NONE, &["!handoff.initiate"], 6_400),
    // Other events, and none.
    row(&[(300, "!EscalateToHuman")], &["!EscalateToHuman"], &["!EscalateToHuman"], 700),
    row(&[(2_500, "!EscalateToHuman")], NONE, &["!EscalateToHuman"], 2_900),
    row(&[(300, "a"), (500, "!openPage")], &["a", "!openPage"], &["a", "!openPage"], 1_000),
    row(&[(300, "!DialogTracing"), (600, "a")], &["!DialogTracing", "a"], &["!DialogTracing", "a"], 1_900),
    row(&[(300, "!DialogTracing")], &["!DialogTracing"], &["!DialogTracing"], 25_100),
    row(&[(300, "trace")], &["trace"], &["trace"], 25_100),
    row(&[(300, "end")], &["end"], &["end"], 600),
    row(&[(2_500, "end")], NONE, &["end"], 2_800),
    row(&[(300, "a"), (800, "end")], &["a", "end"], &["a", "end"], 1_100),
    row(&[], NONE, NONE, 25_100),
    // It had answered before the call.
    row(&[(-30, "a")], &["a"], &["a"], 1_300),
    row(&[(-30, "?a")], &["?a"], &["?a"], 500),
    row(&[(-30, "!handoff.initiate")], &["!handoff.initiate"], &["!handoff.initiate"], 300),
];

/// Played twice: with `replyToId` and without.
const UNASKED: [Situation; 6] = [
    row(&[(-60, "-x"), (300, "a")], &["-x", "a"], &["-x", "a"], 2_300),
    row(&[(-800, "-x"), (1_500, "a")], &["-x", "a"], &["-x", "a"], 2_800),
    row(&[(-2_500, "-x"), (4_000, "a")], &["-x"], &["-x", "a"], 5_300),
    row(&[(-60_000, "-x"), (300, "a")], &["-x", "a"], &["-x", "a"], 2_300),
    row(&[(-300, "=x"), (3_000, "a")], &["=x"], &["=x", "a"], 4_300),
    row(&[(-900, "-!reminder"), (3_000, "a")], &["-!reminder"], &["-!reminder", "a"], 4_300),
];

/// The user's echo comes up so long after the call, in the second and sixth story.
const TRAILS: [i64; 6] = [0, 60, 100, 300, 600, 1_100];

#[test]
fn what_the_documented_function_gives_comes_no_later_with_us_and_what_it_misses_comes() {
    let mut played = 0;
    for situation in &PLAIN {
        play(situation, true, -20);
        played += 1;
    }
    for situation in &UNASKED {
        for names in [true, false] {
            play(situation, names, 100);
            played += 1;
        }
    }
    for trail in TRAILS {
        for names in [true, false] {
            play(&UNASKED[1], names, trail);
            play(&UNASKED[4], names, trail);
            played += 1;
        }
    }
    assert_eq!(played, 81, "twelve more stand with the tests over HTTP");
}

fn play(situation: &Situation, names: bool, trail: i64) {
    READERS.into_iter().for_each(|reader| play_to(reader, situation, names, trail));
}

fn play_to(reader: Reader, situation: &Situation, names: bool, trail: i64) {
    let Situation { acts, wait, original, ours, by } = situation;
    let mut far_end = FarEnd::new(names, 0).read_by(reader);
    let before = far_end.user(CALL - 90_000, CALL - 90_000, "before");
    let mut words = None;
    let mut acts = acts.to_vec();
    acts.sort_by_key(|(at, _)| *at);
    let post = |far_end: &mut FarEnd| far_end.user(CALL - 40, CALL + trail, "words");
    for (at, act) in acts {
        if at > -40 && words.is_none() {
            words = Some(post(&mut far_end));
        }
        let to = match act.as_bytes().first() {
            Some(b'-') => None,
            Some(b'=') => Some(before.as_str()),
            _ => words.as_deref(),
        };
        far_end.agent_does(CALL + at, to, act, activity(act.trim_start_matches(['-', '='])));
    }
    if words.is_none() {
        post(&mut far_end);
    }
    let place = format!("{reader:?}, {:?}, replyToId {names}, echo after {trail} ms", situation.acts);
    let said =
        |texts: Vec<String>| -> Vec<String> { texts.into_iter().filter(|text| text != "words").collect() };
    let first = far_end.read_once(CALL, wait.unwrap_or(2_000), 1);
    assert_eq!(said(first.texts), *original, "the documented function: {place}");
    let got = far_end.read(
        CALL,
        Limits { least: wait.unwrap_or(0), patience: 25_000.max(wait.unwrap_or(0)), ..LIMITS },
        1,
    );
    let (at, why) = (got.at - CALL, got.why);
    assert_eq!(said(got.texts), *ours, "ended by {why:?} after {at} ms: {place}");
    assert!(at <= *by, "{at} ms, ended by {why:?}: {place}");
}

fn activity(act: &str) -> serde_json::Value {
    match act {
        "trace" => json!({"type": "trace", "name": "GPTAnswer"}),
        "typing" => json!({"type": "typing"}),
        "end" => json!({"type": "endOfConversation"}),
        _ => match act.split_at(1) {
            ("?", _) => json!({"type": "message", "inputHint": "expectingInput"}),
            ("!", name) => json!({"type": "event", "name": name}),
            _ => json!({"type": "message"}),
        },
    }
}
