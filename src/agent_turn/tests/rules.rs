//! Single rules, step by step.

use crate::{
    agent_turn::{Limits, Next, Notice, Poll, Sign, Turn, Why},
    domain::Timestamp,
};

const LIMITS: Limits =
    Limits { quiet: 1_000, patience: 25_000, silence: i64::MAX, least: 0, passes_events: true };
const SPEECH: Sign = Sign::Speech { asks: false };
const QUESTION: Sign = Sign::Speech { asks: true };

#[test]
fn polls_are_short_apart_at_first_and_longer_later() {
    let mut turn = begin(LIMITS);
    let mut asked = Vec::new();
    while let Next::Poll(when) = turn.next() {
        asked.push(when.0);
        turn.heard(poll(when.0), vec![]);
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(asked[..4], [0, 200, 400, 600]);
    assert!(pauses[..pauses.len() - 1].is_sorted(), "{pauses:?}");
    assert_eq!(asked.last(), Some(&25_000), "one more look when patience ends");
    assert!(asked.len() < 80, "{}", asked.len());
    assert_eq!(turn.next(), Next::Over(Why::Silence));
}

#[test]
fn a_slow_direct_line_is_not_asked_twice_at_once() {
    let mut turn = begin(LIMITS);
    turn.heard(Poll { answered: at(900), ..poll(0) }, vec![]);
    assert_eq!(turn.next(), Next::Poll(at(900)));
}

#[test]
fn a_question_is_answered_after_one_quiet_poll_whatever_wait_was_asked_for() {
    let mut turn = begin(Limits { least: 8_000, ..LIMITS });
    turn.heard(poll(0), vec![echo(1)]);
    turn.heard(poll(1_000), vec![answer(QUESTION, 1_000, 1)]);
    assert_eq!(turn.next(), Next::Poll(at(1_200)));
    turn.heard(poll(1_200), vec![]);
    assert_eq!(turn.next(), Next::Over(Why::Question));
}

#[test]
fn the_end_of_the_conversation_ends_the_turn_unless_it_is_an_old_one() {
    let end = |reply_to| Notice { reply_to: Some(id(reply_to)), ..answer(Sign::EndOfConversation, 100, 1) };
    for (reply_to, ends) in [(1, true), (0, false)] {
        let mut turn = begin(LIMITS);
        turn.heard(poll(200), vec![echo(1), end(reply_to)]);
        assert_eq!(turn.next() == Next::Over(Why::EndOfConversation), ends, "{reply_to}");
    }
}

#[test]
fn an_event_of_another_turn_ends_nothing() {
    let mut turn = begin(LIMITS);
    turn.heard(poll(0), vec![answer(Sign::Event, -500, 7), echo(1)]);
    turn.heard(poll(3_000), vec![]);
    assert!(matches!(turn.next(), Next::Poll(_)), "{:?}", turn.next());
    assert!(turn.has_answer(), "but it is passed on");
}

#[test]
fn an_agent_that_never_stops_is_cut_when_patience_ends() {
    let mut turn = begin(Limits { patience: 2_000, ..LIMITS });
    turn.heard(poll(0), vec![echo(1)]);
    while let Next::Poll(when) = turn.next() {
        turn.heard(poll(when.0), vec![answer(SPEECH, when.0, 1)]);
    }
    assert_eq!(turn.next(), Next::Over(Why::Patience));
}

#[test]
fn diagnostics_without_end_do_not_hold_back_what_was_said() {
    let mut turn = begin(LIMITS);
    turn.heard(poll(0), vec![echo(1), answer(SPEECH, 0, 1)]);
    let mut now = 0;
    while let Next::Poll(when) = turn.next() {
        now = when.0;
        turn.heard(poll(now), vec![answer(Sign::Noise, now, 1)]);
    }
    assert_eq!(turn.next(), Next::Over(Why::Quiet));
    assert!(now < 1_100 + 2_000 + 300, "{now}");
}

#[test]
fn an_event_is_no_answer_where_nobody_gets_it() {
    for passes_events in [true, false] {
        let mut turn = begin(Limits { passes_events, ..LIMITS });
        turn.heard(poll(0), vec![echo(1)]);
        turn.heard(poll(200), vec![answer(Sign::Event, 100, 1)]);
        turn.heard(poll(500), vec![]);
        assert_eq!(turn.next() == Next::Over(Why::Event), passes_events);
        turn.heard(poll(800), vec![answer(SPEECH, 700, 1)]);
        turn.heard(poll(2_000), vec![]);
        assert_eq!(turn.next() == Next::Over(Why::Quiet), !passes_events);
    }
}

#[test]
fn an_agent_that_shows_nothing_of_itself_is_waited_for_less_long() {
    for (sign, to, over) in [(Sign::Noise, 1, true), (Sign::Typing, 1, false), (SPEECH, 0, true)] {
        let mut turn = begin(Limits { silence: 5_000, ..LIMITS });
        turn.heard(poll(200), vec![echo(1), answer(sign, 100, to)]);
        turn.heard(poll(4_900), vec![]);
        assert!(matches!(turn.next(), Next::Poll(_)));
        turn.heard(poll(5_000), vec![]);
        assert_eq!(matches!(turn.next(), Next::Over(_)), over, "{sign:?}");
    }
}

#[test]
fn a_direct_line_that_fails_is_outwaited_for_five_seconds() {
    let mut turn = begin(LIMITS);
    let (mut now, mut pauses) = (0, Vec::new());
    loop {
        turn.failed(at(now), at(now), None);
        let Next::Poll(when) = turn.next() else { break };
        pauses.push(when.0 - now);
        now = when.0;
    }
    assert_eq!(pauses, [200, 400, 800, 1_600, 2_000]);
    assert_eq!((turn.next(), now), (Next::Over(Why::Fault), 5_000));
}

#[test]
fn an_answer_between_two_failures_begins_the_five_seconds_anew() {
    let mut turn = begin(LIMITS);
    turn.failed(at(0), at(0), None);
    turn.failed(at(4_000), at(4_000), None);
    turn.heard(poll(4_900), vec![]);
    turn.failed(at(5_200), at(5_200), None);
    turn.failed(at(9_000), at(9_000), None);
    assert!(matches!(turn.next(), Next::Poll(_)));
    turn.failed(at(10_200), at(10_200), None);
    assert_eq!(turn.next(), Next::Over(Why::Fault));
}

#[test]
fn a_wait_that_direct_line_asks_for_is_kept_if_it_is_short_enough() {
    let mut turn = begin(LIMITS);
    turn.failed(at(100), at(100), Some(3_000));
    assert_eq!(turn.next(), Next::Poll(at(3_100)));
    turn.heard(poll(3_100), vec![]);
    turn.failed(at(4_000), at(4_000), Some(60_000));
    assert_eq!(turn.next(), Next::Over(Why::Fault));
}

#[test]
fn a_direct_line_that_hangs_fails_from_when_it_was_asked() {
    let mut turn = begin(LIMITS);
    turn.failed(at(0), at(3_000), None);
    assert_eq!((turn.next(), turn.until()), (Next::Poll(at(3_200)), at(5_000)));
    turn.failed(at(3_200), at(5_000), None);
    assert_eq!(turn.next(), Next::Over(Why::Fault));
    let mut silent = begin(LIMITS);
    silent.failed(at(0), at(5_000), None);
    assert_eq!(silent.next(), Next::Over(Why::Fault));
}

#[test]
fn only_a_direct_line_that_failed_for_five_seconds_or_always_speaks_for_itself() {
    // Whether a poll was answered before, when failures began, and what Direct Line asked to wait.
    for (answered, since, wait, is_outwaited) in [
        (true, 24_900, None, false),
        (true, 20_100, None, false),
        (true, 20_000, None, true),
        (true, 10_000, None, true),
        (true, 24_000, Some(2_000), false),
        (true, 24_000, Some(60_000), true),
        (false, 24_900, None, true),
    ] {
        let mut turn = begin(LIMITS);
        if answered {
            turn.heard(poll(0), vec![echo(1)]);
        }
        let mut now = since;
        turn.failed(at(now), at(now), wait);
        while let Next::Poll(when) = turn.next() {
            now = when.0;
            turn.failed(at(now), at(now), wait);
        }
        assert_eq!(turn.next(), Next::Over(Why::Fault), "{since}");
        assert_eq!(turn.is_outwaited(), is_outwaited, "{answered} {since} {wait:?}");
    }
}

#[test]
fn a_fault_holds_back_what_was_said_for_a_moment_only() {
    let mut turn = begin(LIMITS);
    turn.heard(poll(1_000), vec![echo(1), answer(SPEECH, 1_000, 1)]);
    let (mut now, end) = (1_200, 1_000 + 1_150 + 2_000);
    assert_eq!(turn.until(), at(end));
    turn.failed(at(now), at(now), None);
    while let Next::Poll(when) = turn.next() {
        now = when.0;
        turn.failed(at(now), at(now), None);
    }
    assert_eq!((turn.next(), now), (Next::Over(Why::Fault), end));
    assert!(turn.has_answer());
}

#[test]
fn a_turn_whose_time_ends_within_a_poll_has_what_it_had() {
    let rows = [
        (vec![], Why::Fault),
        (vec![vec![]], Why::Silence),
        (vec![vec![answer(SPEECH, 0, 1)]], Why::Patience),
    ];
    for (polls, why) in rows {
        let mut turn = begin(LIMITS);
        polls.into_iter().for_each(|news| turn.heard(poll(0), news));
        turn.missed();
        assert_eq!(turn.next(), Next::Over(why));
    }
    let mut failing = begin(LIMITS);
    failing.heard(poll(0), vec![]);
    failing.failed(at(200), at(200), None);
    failing.missed();
    assert_eq!(failing.next(), Next::Over(Why::Fault));
}

#[test]
fn the_users_latest_words_are_what_is_answered() {
    let mut turn = begin(LIMITS);
    turn.heard(poll(0), vec![echo(1), echo(5)]);
    turn.heard(poll(200), vec![answer(SPEECH, 100, 1)]);
    turn.heard(poll(3_000), vec![]);
    assert!(matches!(turn.next(), Next::Poll(_)), "an answer to words before them");
    assert_eq!(turn.late().count(), 1);
    turn.heard(poll(3_200), vec![answer(SPEECH, 3_100, 5)]);
    turn.heard(poll(4_300), vec![]);
    assert_eq!(turn.next(), Next::Over(Why::Quiet));
}

#[test]
fn a_reply_to_what_the_user_did_beside_their_words_belongs_too() {
    let mut turn = begin(LIMITS);
    let event = Notice { sign: Sign::Echo { words: false }, ..echo(6) };
    turn.heard(poll(0), vec![echo(5), event, answer(SPEECH, 0, 6)]);
    turn.heard(poll(1_200), vec![]);
    assert_eq!(turn.next(), Next::Over(Why::Quiet));
}

fn begin(limits: Limits) -> Turn {
    Turn::begin(limits, at(0), at(0))
}

fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}

fn poll(when: i64) -> Poll {
    Poll { asked: at(when), answered: at(when), date: Some(at(when.div_euclid(1_000) * 1_000)) }
}

fn id(number: u32) -> String {
    format!("abc|{number:07}")
}

fn echo(number: u32) -> Notice {
    Notice { sign: Sign::Echo { words: true }, id: Some(id(number)), reply_to: None, stamp: Some(at(-40)) }
}

/// Said at `when` in answer to that number.
fn answer(sign: Sign, when: i64, to: u32) -> Notice {
    Notice { sign, id: None, reply_to: Some(id(to)), stamp: Some(at(when)) }
}

#[test]
fn who_stood_still_over_a_poll_looks_once_more() {
    for (asked, over) in [(22_900, false), (23_100, true)] {
        let mut turn = begin(LIMITS);
        turn.heard(poll(0), vec![echo(1)]);
        turn.heard(Poll { answered: at(38_000), ..poll(asked) }, vec![]);
        let next = if over { Next::Over(Why::Silence) } else { Next::Poll(at(38_000)) };
        assert_eq!(turn.next(), next, "{asked}");
        turn.heard(poll(38_000), vec![]);
        assert_eq!(turn.next(), Next::Over(Why::Silence));
    }
}
