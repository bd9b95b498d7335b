//! The cases in which a fixed wait loses an answer or wastes time. Real time: the promise is a time.

use crate::{
    eventually::found,
    relay::{run, stage::Stage},
};

#[test]
fn an_answer_at_300_ms_comes_at_once() {
    promise(&[(300, "one")], &["one"], 300, &[]);
}

#[test]
fn two_parts_at_1200_and_1900_ms_are_one_turn() {
    promise(&[(1_200, "one"), (1_900, "two")], &["one", "two"], 1_900, &[]);
}

#[test]
fn an_answer_at_3_s_is_waited_for() {
    promise(&[(3_000, "one")], &["one"], 3_000, &[]);
}

#[test]
fn a_part_at_4_s_behind_one_at_500_ms_comes_with_the_next_answer() {
    promise(&[(500, "one"), (4_000, "two")], &["one"], 500, &["two"]);
}

#[test]
fn an_answer_at_8_s_is_waited_for() {
    promise(&[(8_000, "one")], &["one"], 8_000, &[]);
}

/// The machine may be busy elsewhere, so one turn of those a test has patience for must be as it should and keep to
/// the time: the quiet time and 0.3 s after the last word of the turn.
fn promise(script: &'static [(u64, &'static str)], now: &[&str], last_word: u128, next: &[&str]) {
    run(async {
        let stage = Stage::start(&[]).await;
        found(format!("a turn that ends in time behind {last_word} ms"), async || {
            let conversation = stage.conversation().await;
            stage.user_says(&conversation, "silence").await;
            stage.agent_will_say(&conversation, script);
            let turn = stage.relay(&conversation, "0").await;
            eprintln!("agent done at {last_word} ms, answered at {} ms: {:?}", turn.millis(), turn.said());
            let in_time = (last_word..=last_word + 1_300).contains(&turn.millis());
            if turn.said() != now || !in_time {
                return None;
            }
            if !next.is_empty() {
                assert_eq!(stage.relay(&conversation, turn.watermark()).await.said(), next);
            }
            Some(())
        })
        .await;
    });
}
