//! The stories that made answers come a turn late, for echoes that trail by so much, with and without `replyToId`.

use serde_json::json;

use super::far_end::{FarEnd, Got, LIMITS, READERS, Reader};
use crate::{
    agent_turn::{Limits, Turn, Why},
    domain::Timestamp,
};

const TRAILS: [i64; 6] = [0, 60, 100, 300, 600, 1_100];
/// When the second turn is called for.
const CALL: i64 = 1_000_000;
/// Its words were posted this long before.
const POST: i64 = 40;

/// Plays a story for both readers and every kind of far end: whether answers name what they answer, its clock, and how far
/// the echo trails the call. What is played begins behind a first turn.
fn everywhere(story: impl Fn(FarEnd, i64, &str)) {
    for reader in READERS {
        for names in [true, false] {
            for ahead in [0, 700, -3_600_000] {
                for trail in TRAILS {
                    let far_end = FarEnd::new(names, ahead).read_by(reader);
                    let place = format!(
                        "{reader:?}, replyToId: {names}, clock {ahead} ms ahead, echo after {trail} ms"
                    );
                    story(far_end, trail, &place);
                }
            }
        }
    }
}

#[test]
fn what_the_agent_says_unasked_is_never_taken_for_the_answer() {
    // One that comes two seconds after the call and bears no mark can't be told from an answer that is awaited.
    for answered in [300, 900, 1_500, 1_900, 4_000, 9_000] {
        for unasked in [60_000, 2_500, 800, 150, 60] {
            everywhere(|mut far_end, trail, place| {
                far_end.agent(CALL - unasked, None, "unasked");
                let words = far_end.user(CALL - POST, CALL + trail, "B?");
                far_end.agent(CALL + answered, Some(&words), "B!");
                let got = far_end.read(CALL, LIMITS, 0);
                let what =
                    format!("{place}, unasked {unasked} ms before, answered after {answered}: {got:?}");
                assert!(got.has("unasked") && got.has("B!"), "{what}");
                assert!(got.at <= CALL + (answered + 1_300).max(2_300), "{what}");
                if far_end.names && trail < answered {
                    assert!(got.at <= CALL + answered + 1_300, "{what}");
                }
            });
        }
    }
}

#[test]
fn a_late_part_of_the_turn_before_is_passed_on_and_decides_nothing() {
    for late in [-900, -300, -50] {
        everywhere(|mut far_end, trail, place| {
            let before = far_end.user(CALL - 10_000, CALL - 9_900, "A?");
            far_end.agent(CALL - 9_000, Some(&before), "A!");
            let first = far_end.read(CALL - 9_950, LIMITS, 0);
            assert_eq!(first.why, Why::Quiet, "{place}: {first:?}");
            far_end.agent(CALL + late, Some(&before), "and A, too");
            let words = far_end.user(CALL - POST, CALL + trail, "B?");
            far_end.agent(CALL + 3_000, Some(&words), "B!");
            let second = far_end.read(CALL, LIMITS, first.watermark);
            assert!(second.has("and A, too") && second.has("B!"), "{place}, {late}: {second:?}");
            let words = far_end.user(CALL + 20_000, CALL + 20_040 + trail, "C?");
            far_end.agent(CALL + 20_300, Some(&words), "C!");
            let third = far_end.read(CALL + 20_040, LIMITS, second.watermark);
            assert!(third.has("C!") && !third.has("B!"), "{place}, {late}: {third:?}");
        });
    }
}

#[test]
fn an_unread_turn_before_is_passed_on_and_the_next_answers_come_with_their_words() {
    for hides_date in [false, true] {
        everywhere(|mut far_end, trail, place| {
            far_end.hides_date = hides_date;
            // Direct Line failed when their answer was read, or an event ended that turn ahead of it.
            let before = far_end.user(CALL - 6_500, CALL - 6_400, "A?");
            let question = json!({"type": "message", "inputHint": "expectingInput"});
            far_end.agent_does(CALL - 6_000, Some(&before), "A!", question);
            let mut watermark = 0;
            for turn in 0..3 {
                let call = CALL + turn * 20_000;
                let words = far_end.user(call - POST, call + trail, &format!("B{turn}?"));
                far_end.agent(call + 1_000, Some(&words), &format!("B{turn}!"));
                let got = far_end.read(call, LIMITS, watermark);
                let what = format!("{place}, hides date: {hides_date}, turn {turn}: {got:?}");
                assert!(got.has("A!") == (turn == 0) && got.has(&format!("B{turn}!")), "{what}");
                assert!(got.at <= call + 1_000 + 1_300, "{what}");
                watermark = got.watermark;
            }
        });
    }
}

#[test]
fn the_users_words_without_a_role_are_no_answer() {
    for answered in [1_000, 3_500] {
        everywhere(|mut far_end, trail, place| {
            far_end.hides_roles = true;
            let mut watermark = 0;
            for turn in 0..3 {
                let call = CALL + turn * 20_000;
                let words = far_end.user(call - POST, call + trail, &format!("{turn}?"));
                far_end.agent(call + answered, Some(&words), &format!("{turn}!"));
                let got = far_end.read(call, LIMITS, watermark);
                assert!(got.has(&format!("{turn}!")), "{place}, after {answered}, turn {turn}: {got:?}");
                watermark = got.watermark;
            }
        });
    }
}

#[test]
fn who_posted_without_being_told_an_id_is_not_a_turn_late_either() {
    for names in [true, false] {
        for trail in TRAILS {
            let mut far_end = FarEnd::new(names, 0).read_by(Reader::SecondaryBot);
            let before = far_end.user(CALL - 6_500, CALL - 6_400, "A?");
            far_end.agent(CALL - 6_000, Some(&before), "A!");
            let words = far_end.user(CALL - POST, CALL + trail, "B?");
            far_end.agent(CALL + 1_000, Some(&words), "B!");
            let turn = Turn::begin(LIMITS, Timestamp(CALL - POST), Timestamp(CALL));
            let got = far_end.listen(turn, CALL, 0);
            assert!(got.has("A!") && got.has("B!"), "{names}, {trail}: {got:?}");
        }
    }
}

#[test]
fn a_pause_within_an_answer_is_not_its_end() {
    everywhere(|mut far_end, trail, place| {
        let words = far_end.user(CALL - POST, CALL + trail, "B?");
        far_end.agent(CALL + 300, Some(&words), "one");
        far_end.agent(CALL + 1_000, Some(&words), "two");
        let got = far_end.read(CALL, LIMITS, 0);
        assert!(got.has("one") && got.has("two"), "{place}: {got:?}");
    });
}

#[test]
fn a_wait_that_was_asked_for_is_the_least_time_and_the_whole_answer_is_in_it() {
    everywhere(|mut far_end, trail, place| {
        let words = far_end.user(CALL - POST, CALL + trail, "B?");
        far_end.agent(CALL + 300, Some(&words), "let me look");
        far_end.agent(CALL + 4_300, Some(&words), "found it");
        let got = far_end.read(CALL, Limits { least: 8_000, ..LIMITS }, 0);
        assert!(got.has("let me look") && got.has("found it"), "{place}: {got:?}");
        assert!((CALL + 8_000..=CALL + 8_500).contains(&got.at), "{place}: {got:?}");
    });
}

#[test]
fn a_hand_off_behind_a_pause_is_in_the_turn_and_ends_it() {
    for event in [json!({"type": "event", "name": "handoff.initiate"}), json!({"type": "handoff"})] {
        everywhere(|mut far_end, trail, place| {
            let words = far_end.user(CALL - POST, CALL + trail, "a person, please");
            far_end.agent(CALL + 300, Some(&words), "one moment");
            far_end.agent_does(CALL + 1_300, Some(&words), "hand-off", event.clone());
            for least in [0, 8_000] {
                let got = far_end.read(CALL, Limits { least, ..LIMITS }, 0);
                assert_eq!(got.why, Why::HandOff, "{place}: {got:?}");
                assert!(got.at <= CALL + 1_300 + 300, "{place}: {got:?}");
            }
        });
    }
}

#[test]
fn an_event_of_the_agents_author_ends_the_turn_as_soon_as_it_surely_belongs() {
    everywhere(|mut far_end, trail, place| {
        let words = far_end.user(CALL - POST, CALL + trail, "a person, please");
        far_end.agent_does(
            CALL + 500,
            Some(&words),
            "event",
            json!({"type": "event", "name": "EscalateToHuman"}),
        );
        let got = far_end.read(CALL, LIMITS, 0);
        assert!(got.has("event") && got.why == Why::Event, "{place}: {got:?}");
        assert!(got.at <= CALL + trail.max(500) + 600, "{place}: {got:?}");
    });
}

#[test]
fn typing_behind_the_last_words_is_waited_for() {
    everywhere(|mut far_end, trail, place| {
        let words = far_end.user(CALL - POST, CALL + trail, "B?");
        far_end.agent(CALL + 1_300, Some(&words), "let me look");
        far_end.agent_does(CALL + 1_400, Some(&words), "typing", json!({"type": "typing"}));
        far_end.agent(CALL + 9_000, Some(&words), "found it");
        let got = far_end.read(CALL, LIMITS, 0);
        assert!(got.has("found it") && got.at <= CALL + 10_300, "{place}: {got:?}");
    });
}

#[test]
fn an_agent_that_had_answered_before_the_call_is_not_waited_for() {
    for names in [true, false] {
        let mut far_end = FarEnd::new(names, 300);
        // A post is answered when the agent's turn is over.
        let words = far_end.user(CALL - 9_000, CALL - 50, "B?");
        far_end.agent(CALL - 8_000, Some(&words), "one");
        far_end.agent(CALL - 60, Some(&words), "two");
        let got = far_end.read(CALL, LIMITS, 0);
        let by = if names { 1_200 } else { 2_300 };
        assert!(got.has("one") && got.has("two") && got.at <= CALL + by, "{names}: {got:?}");
        let mut long_ago = FarEnd::new(names, 300);
        let words = long_ago.user(CALL - 9_000, CALL - 2_000, "B?");
        long_ago.agent(CALL - 8_000, Some(&words), "one");
        let got = long_ago.read(CALL, LIMITS, 0);
        assert!(got.has("one") && got.at <= CALL + 2_300, "newer words might have come: {names}: {got:?}");
    }
}

#[test]
fn without_the_users_words_what_is_younger_than_the_call_decides_after_two_seconds() {
    let mut far_end = FarEnd::new(false, 0);
    far_end.agent(CALL - 1_500, None, "old");
    far_end.agent(CALL + 400, None, "new");
    let got = far_end.read(CALL, LIMITS, 0);
    assert!(got.has("old") && got.has("new"), "{got:?}");
    assert!((CALL + 2_000..=CALL + 2_300).contains(&got.at), "{got:?}");
    let mut only_old = FarEnd::new(false, 0);
    only_old.agent(CALL - 2_500, None, "old");
    let got = only_old.read(CALL, LIMITS, 0);
    assert_eq!((got.why, got.texts), (Why::Patience, vec!["old".to_owned()]), "passed on in the end");
}

#[test]
fn who_posted_the_words_itself_knows_their_answer_without_an_echo() {
    for trail in TRAILS.map(Some).into_iter().chain([None]) {
        for names in [true, false] {
            let mut far_end = FarEnd::new(names, 0);
            far_end.agent(CALL - 100, None, "unasked");
            let words = far_end.user(CALL - POST, trail.map_or(i64::MAX, |trail| CALL + trail), "B?");
            far_end.agent(CALL + 2_900, Some(&words), "B!");
            let mut turn = Turn::begin(LIMITS, Timestamp(CALL - POST), Timestamp(CALL));
            turn.posted(words);
            let got: Got = far_end.listen(turn, CALL, 0);
            assert!(got.has("B!") && got.at <= CALL + 4_200, "{trail:?} {names}: {got:?}");
        }
    }
}
