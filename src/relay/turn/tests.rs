use super::*;

const LIMITS: Limits = Limits { quiet: 450, patience: 25_000 };
/// What a poll takes, there and back.
const TRIP: i64 = 20;

#[test]
fn a_turn_ends_when_the_agent_has_spoken_and_is_quiet() {
    use Why::*;
    /// What the agent does when; when the turn ends at the latest; why; how much of it is in the answer.
    type Row<'a> = (&'a [(i64, Sign)], i64, Why, usize);
    let rows: [Row<'_>; 14] = [
        (&[(300, SPEECH)], 800, Quiet, 1),
        (&[(1_500, SPEECH), (1_900, SPEECH)], 2_400, Quiet, 2),
        (&[(3_000, SPEECH)], 3_500, Quiet, 1),
        (&[(500, SPEECH), (4_000, SPEECH)], 1_000, Quiet, 1),
        (&[(8_000, SPEECH)], 8_500, Quiet, 1),
        (&[], 25_000 + TRIP, Silence, 0),
        (&[(100, Sign::Noise), (200, Sign::Echo)], 25_000 + TRIP, Silence, 2),
        (&[(100, Sign::Echo), (300, Sign::Noise), (2_000, SPEECH), (2_100, Sign::Noise)], 2_500, Quiet, 4),
        (&[(1_000, QUESTION)], 1_300, Question, 1),
        (&[(1_000, SPEECH), (1_300, QUESTION)], 1_600, Question, 2),
        (&[(1_000, QUESTION), (1_150, SPEECH)], 1_650, Quiet, 2),
        (&[(1_000, SPEECH), (1_100, Sign::HandOff)], 1_320, HandOff, 2),
        (&[(1_000, Sign::EndOfConversation)], 1_220, EndOfConversation, 1),
        (&[(0, SPEECH)], 500, Quiet, 1),
    ];
    for (script, latest, why, count) in rows {
        let ended = play(LIMITS, script, Stamps::True);
        assert_eq!((ended.why, ended.delivered), (why, count), "{script:?}: {ended:?}");
        assert!(ended.at <= latest, "{script:?}: {ended:?}");
    }
}

#[test]
fn whenever_it_speaks_the_answer_leaves_within_half_a_second() {
    for at in (0..20_000).step_by(13) {
        let ended = play(LIMITS, &[(at, SPEECH)], Stamps::True);
        assert_eq!((ended.why, ended.delivered), (Why::Quiet, 1), "spoke at {at}");
        assert!((at + 450..=at + 500).contains(&ended.at), "spoke at {at}: {ended:?}");
    }
}

#[test]
fn two_messages_less_than_the_quiet_time_apart_are_one_answer() {
    for first in (0..20_000).step_by(13) {
        let ended = play(LIMITS, &[(first, SPEECH), (first + 440, SPEECH)], Stamps::True);
        assert_eq!(ended.delivered, 2, "{first}: {ended:?}");
        assert!(ended.at <= first + 440 + 500, "{first}: {ended:?}");
    }
}

#[test]
fn without_a_timestamp_that_fits_the_time_between_two_polls_decides() {
    for stamps in [Stamps::None, Stamps::Wrong(-3_600_000), Stamps::Wrong(60_000)] {
        for at in (0..3_000).step_by(13) {
            let ended = play(LIMITS, &[(at, SPEECH)], stamps);
            assert_eq!((ended.why, ended.delivered), (Why::Quiet, 1), "{stamps:?} {at}");
            assert!((at + 300..=at + 600).contains(&ended.at), "{stamps:?} {at}: {ended:?}");
        }
        let ended = play(LIMITS, &[(1_500, SPEECH), (1_900, SPEECH)], stamps);
        assert_eq!(ended.delivered, 2, "{stamps:?}: {ended:?}");
    }
}

#[test]
fn what_was_said_long_before_is_answered_at_once_if_the_clocks_agree() {
    let said = || vec![spoken(-2_000)];
    for (one_clock, waits) in [(true, SHORTEST_PAUSE), (false, LIMITS.quiet)] {
        let mut turn = Turn::new(LIMITS, at(0));
        turn.heard(Poll { one_clock, ..poll(0) }, said());
        assert_ne!(turn.next(), Next::Over(Why::Quiet), "what follows it is waited for by one poll");
        turn.heard(poll(SHORTEST_PAUSE), vec![]);
        let done = turn.next() == Next::Over(Why::Quiet);
        assert_eq!(done, waits == SHORTEST_PAUSE, "{one_clock}");
    }
}

#[test]
fn polls_are_short_apart_at_first_and_longer_later() {
    let mut turn = Turn::new(LIMITS, at(0));
    let mut asked = Vec::new();
    while let Next::Poll(when) = turn.next() {
        asked.push(when.0);
        turn.heard(poll(when.0), vec![]);
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(asked[..4], [0, 200, 400, 600]);
    assert!(pauses.is_sorted() || pauses[..pauses.len() - 1].is_sorted(), "{pauses:?}");
    assert_eq!(asked.last(), Some(&25_000), "one more look when patience ends");
    assert!(asked.len() < 80, "{}", asked.len());
}

#[test]
fn a_slow_direct_line_is_not_asked_twice_at_once() {
    let mut turn = Turn::new(LIMITS, at(0));
    turn.heard(Poll { answered: at(900), ..poll(0) }, vec![]);
    assert_eq!(turn.next(), Next::Poll(at(900)));
}

#[test]
fn an_agent_that_never_stops_is_cut_when_patience_ends() {
    let script: Vec<_> = (1..40).map(|n| (n * 100, SPEECH)).collect();
    let ended = play(Limits { patience: 2_000, ..LIMITS }, &script, Stamps::True);
    assert_eq!(ended.why, Why::Patience);
    assert!(ended.delivered >= 19 && ended.at <= 2_000 + TRIP, "{ended:?}");
}

#[test]
fn diagnostics_without_end_do_not_hold_back_what_was_said() {
    let mut script: Vec<_> = (0..400).map(|n| (n * 50, Sign::Noise)).collect();
    script.push((1_000, SPEECH));
    script.sort_by_key(|(at, _)| *at);
    let ended = play(LIMITS, &script, Stamps::True);
    assert_eq!(ended.why, Why::Quiet);
    assert!(ended.at < 1_450 + GRACE + 100, "{ended:?}");
}

#[test]
fn what_came_too_late_for_the_turn_before_is_no_answer_to_this_one() {
    let late = notice(SPEECH, 3, Some(-5_000), None);
    let echo = notice(Sign::Echo, 4, Some(-100), None);
    let mut turn = Turn::new(LIMITS, at(0));
    turn.heard(poll(0), vec![late, echo]);
    for when in [200, 400, 600, 800] {
        turn.heard(poll(when), vec![]);
        assert!(matches!(turn.next(), Next::Poll(_)), "{when}");
    }
    turn.heard(poll(1_000), vec![notice(SPEECH, 5, Some(900), Some(4))]);
    assert_eq!(turn.next(), Next::Poll(at(1_200)));
    turn.heard(poll(1_350), vec![]);
    assert_eq!(turn.next(), Next::Over(Why::Quiet));
}

#[test]
fn one_sign_that_it_is_an_answer_is_enough() {
    let echo = || notice(Sign::Echo, 4, Some(-1_000), None);
    let answers = [
        ("a reply to it", notice(SPEECH, 3, Some(-2_000), Some(4))),
        ("numbered behind it", notice(SPEECH, 5, Some(-2_000), None)),
        ("said behind it", notice(SPEECH, 3, Some(-500), None)),
        ("of unknown time", notice(SPEECH, 3, None, None)),
    ];
    for (why, answer) in answers {
        let mut turn = Turn::new(LIMITS, at(0));
        turn.heard(poll(0), vec![answer, echo()]);
        turn.heard(poll(500), vec![]);
        assert_eq!(turn.next(), Next::Over(Why::Quiet), "{why}");
    }
}

#[test]
fn a_fault_is_tried_again_ever_slower_until_patience_ends() {
    let mut turn = Turn::new(Limits { patience: 5_000, ..LIMITS }, at(0));
    let (mut now, mut pauses) = (0, Vec::new());
    loop {
        turn.failed(at(now), None);
        let Next::Poll(when) = turn.next() else { break };
        pauses.push(when.0 - now);
        now = when.0;
    }
    assert_eq!(pauses, [200, 400, 800, 1_600, 2_000]);
    assert_eq!((turn.next(), now), (Next::Over(Why::Fault), 5_000));
}

#[test]
fn a_wait_that_was_asked_for_is_kept_and_one_beyond_patience_ends_the_turn() {
    let mut turn = Turn::new(LIMITS, at(0));
    turn.failed(at(100), Some(3_000));
    assert_eq!(turn.next(), Next::Poll(at(3_100)));
    turn.heard(poll(3_100), vec![]);
    assert_eq!(turn.next(), Next::Poll(at(3_400)), "an answer makes good for it");
    turn.failed(at(4_000), Some(60_000));
    assert_eq!(turn.next(), Next::Over(Why::Fault));
}

#[test]
fn a_fault_holds_back_what_was_said_for_a_moment_only() {
    let mut turn = Turn::new(LIMITS, at(0));
    turn.heard(poll(1_000), vec![spoken(1_000)]);
    assert_eq!(turn.until(), at(1_450 + GRACE));
    let mut now = 1_200;
    turn.failed(at(now), None);
    while let Next::Poll(when) = turn.next() {
        now = when.0;
        turn.failed(at(now), None);
    }
    assert_eq!((turn.next(), now), (Next::Over(Why::Fault), 1_450 + GRACE));
    assert!(turn.has_speech());
}

#[test]
fn a_turn_whose_time_ends_within_a_poll_has_what_it_had() {
    let rows = [(vec![], Why::Fault), (vec![vec![]], Why::Silence), (vec![vec![spoken(0)]], Why::Patience)];
    for (polls, why) in rows {
        let mut turn = Turn::new(LIMITS, at(0));
        polls.into_iter().for_each(|news| turn.heard(poll(0), news));
        turn.missed();
        assert_eq!(turn.next(), Next::Over(why));
    }
    let mut failing = Turn::new(LIMITS, at(0));
    failing.heard(poll(0), vec![]);
    failing.failed(at(200), None);
    failing.missed();
    assert_eq!(failing.next(), Next::Over(Why::Fault));
}

const SPEECH: Sign = Sign::Speech { asks: false };
const QUESTION: Sign = Sign::Speech { asks: true };

#[derive(Clone, Copy, Debug)]
enum Stamps {
    True,
    None,
    /// Off by so much.
    Wrong(i64),
}

#[derive(Debug)]
struct Ended {
    at: i64,
    why: Why,
    delivered: usize,
}

/// Lets the agent act as written and polls as the turn asks for; the far end sees a poll half a trip later.
fn play(limits: Limits, script: &[(i64, Sign)], stamps: Stamps) -> Ended {
    let mut turn = Turn::new(limits, at(0));
    let (mut now, mut delivered) = (0, 0);
    loop {
        let when = match turn.next() {
            Next::Over(why) => return Ended { at: now, why, delivered },
            Next::Poll(when) => when.0.max(now),
        };
        let seen = when + TRIP / 2;
        let fresh: Vec<_> = script[delivered..].iter().take_while(|(spoken, _)| *spoken <= seen).collect();
        delivered += fresh.len();
        now = when + TRIP;
        let stamp = |spoken: i64| match stamps {
            Stamps::True => Some(at(spoken)),
            Stamps::None => None,
            Stamps::Wrong(by) => Some(at(spoken + by)),
        };
        let news =
            fresh.iter().map(|(spoken, sign)| Notice { stamp: stamp(*spoken), ..plain(*sign) }).collect();
        // A clock that is an hour off shows in the header; one that is a minute fast, in the future.
        let one_clock = !matches!(stamps, Stamps::Wrong(by) if by < 0);
        turn.heard(Poll { asked: at(when), answered: at(now), one_clock }, news);
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}

fn poll(when: i64) -> Poll {
    Poll { asked: at(when), answered: at(when), one_clock: true }
}

fn plain(sign: Sign) -> Notice {
    Notice { sign, id: None, reply_to: None, stamp: None }
}

fn spoken(when: i64) -> Notice {
    Notice { stamp: Some(at(when)), ..plain(SPEECH) }
}

fn notice(sign: Sign, number: u32, stamp: Option<i64>, reply_to: Option<u32>) -> Notice {
    let id = |number: u32| format!("abc|{number:07}");
    Notice { sign, id: Some(id(number)), reply_to: reply_to.map(id), stamp: stamp.map(at) }
}
