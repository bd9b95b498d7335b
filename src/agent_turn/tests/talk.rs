//! Whole conversations, drawn at random: pauses, late parts, unasked messages, echoes that trail.

use serde_json::json;

use super::far_end::{FarEnd, LIMITS, READERS};

const TURNS: usize = 50;
const SEEDS: u64 = 1_000;

#[test]
fn in_a_thousand_conversations_of_fifty_turns_each_answer_comes_with_its_question() {
    for (names, most_in_a_hundred) in [(true, 2), (false, 10)] {
        let (mut total, mut answers) = (Tally::default(), 0);
        for seed in 0..SEEDS / 2 {
            let told = converse(seed, names);
            answers += TURNS;
            total.late += told.late;
            total.next += told.next;
        }
        eprintln!("replyToId {names}: {answers} answers, {total:?}");
        assert!(total.late > 1_000, "the draw has late parts: {total:?}");
        assert!(total.next * 100 < answers * most_in_a_hundred, "{total:?}");
    }
}

#[derive(Debug, Default)]
struct Tally {
    /// Parts that came with a later turn.
    late: usize,
    /// Answers that came behind something the agent said unasked after the user's words.
    next: usize,
}

fn converse(seed: u64, names: bool) -> Tally {
    let mut dice = Dice(seed);
    let far_end = FarEnd::new(names, [0, 700, -3_600_000][(seed % 3) as usize]);
    let mut far_end = far_end.read_by(READERS[(seed % 2) as usize]);
    let (mut now, mut watermark, mut tally) = (1_000_000, 0, Tally::default());
    let (mut said, mut got) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let pause = dice.between(200, 8_000);
        let mut stray = None;
        if dice.one_in(3) {
            // Between the end of a turn and a moment after the next words.
            let at = now + dice.between(1, pause + 120);
            far_end.agent(at, None, &format!("unasked {turn}"));
            said.push(format!("unasked {turn}"));
            stray = Some(at);
        }
        let posted = now + pause;
        let called = posted + dice.between(20, 90);
        let words = far_end.user(posted, called + dice.between(0, 1_400), &format!("question {turn}"));
        let answered = posted + dice.between(60, 9_000);
        far_end.agent(answered, Some(&words), &format!("answer {turn}"));
        said.extend([format!("question {turn}"), format!("answer {turn}")]);
        let mut part = answered;
        for number in 0..dice.between(0, 3) {
            part += if dice.one_in(6) { dice.between(2_000, 6_000) } else { dice.between(10, 900) };
            far_end.agent(part, Some(&words), &format!("part {turn}.{number}"));
            said.push(format!("part {turn}.{number}"));
        }
        if dice.one_in(4) {
            far_end.agent_does(answered - 30, None, &format!("trace {turn}"), json!({"type": "trace"}));
            said.push(format!("trace {turn}"));
        }
        if dice.one_in(12) {
            // Direct Line fails for the reader: all of this stands behind the old watermark.
            now = part + 2_500;
            continue;
        }
        let set = far_end.read(called, LIMITS, watermark);
        let is_next = !set.has(&format!("answer {turn}"));
        if is_next {
            // Said behind the user's words and without a mark, it can't be told from an answer; nor can a late part.
            let may_end = |text: &String| !text.starts_with("question") && !text.starts_with("trace");
            assert!(set.texts.iter().any(may_end), "seed {seed}, turn {turn}: {set:?}");
            assert!(stray.is_some_and(|at| at > posted) || !names, "seed {seed}, turn {turn}: {set:?}");
            assert!(set.at < answered + 20, "seed {seed}, turn {turn}: it was there: {set:?}");
            tally.next += 1;
        }
        let late = |text: &&String| text.starts_with("part") && !text.starts_with(&format!("part {turn}."));
        tally.late += set.texts.iter().filter(late).count();
        (now, watermark) = (set.at, set.watermark);
        got.extend(set.texts);
    }
    // Whatever came behind the last turn is in the next one.
    got.extend(far_end.read(now + 20_000, LIMITS, watermark).texts);
    let mut sorted = (said, got);
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1, "seed {seed}: none lost, none doubled");
    tally
}

/// Small and always the same for the same seed.
struct Dice(u64);

impl Dice {
    /// From `low`, below `high`.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        low + i64::try_from(mixed % (high - low).unsigned_abs()).unwrap()
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.between(0, n) == 0
    }
}
