//! Questions and their answers, tables, steps, and what can't be shown.

use super::chat::*;
use crate::{
    domain::{
        control::{Card, CardLook, Choice, Control, Item as Choosable, MultiPart, Table},
        inbound::{Header, Inbound, Item, What},
    },
    ledger::{Outcome, Why},
    session::{Command, Fact, Notice, PEOPLE, UserSaid},
};

fn question() -> Control {
    Control::Choice(Choice { prompt: Some("Which one?".to_owned()), ..Choice::default() })
}

#[test]
fn questions_wait_until_they_are_answered_each_by_itself() {
    let mut chat = Chat::with_ana();
    assert_eq!(chat.state.questions.open(), []);
    let at = chat.position();
    chat.hears(webhook([shows("m1", question()), agent("m2", "Take your time.")]));
    assert_eq!(chat.state.questions.open(), [(at, question())], "other words don't answer it");
    let next = chat.position();
    chat.hears(webhook([shows("m3", question())]));
    chat.on(Command::UserSaid(Box::new(UserSaid { answers: Some(next), ..words("the first") })));
    assert_eq!(chat.state.questions.open(), [(at, question())]);
    chat.on(says("by the way"));
    assert_eq!(chat.state.questions.open(), [(at, question())], "words that answer nothing leave it open");
}

#[test]
fn a_question_is_forgotten_with_its_chat() {
    let mut chat = Chat::with_ana();
    chat.hears(webhook([shows("m1", question())]));
    chat.hears(completed());
    assert_eq!(chat.state.questions.open(), []);
    let late = Item { agent: Some(person("Ana")), ..shows("m2", question()) };
    chat.hears(webhook([late]));
    assert_eq!(chat.state.questions.open(), []);
}

#[test]
fn what_comes_with_the_end_of_a_chat_can_be_read_and_not_answered() {
    let items = vec![Choosable { label: "Yes".to_owned(), value: "y".to_owned(), ..Choosable::default() }];
    let asked = || {
        Control::Choice(Choice {
            prompt: Some("Sure?".to_owned()),
            items: items.clone(),
            ..Choice::default()
        })
    };
    let text = || Control::Text { text: "Sure?\n\nYes".to_owned() };
    let card = |paragraphs, actions| Control::Card(Card { paragraphs, actions, ..Card::default() });
    let part = |part, last| {
        Control::MultiPart(MultiPart { heading: None, part: Box::new(part), more_label: None, last })
    };
    let beside = Choice { card: Some(Card::default()), ..Choice::default() };
    for (control, told) in [
        (asked(), text()),
        (card(vec![], items.clone()), card(vec!["Yes".to_owned()], vec![])),
        (part(asked(), false), part(text(), true)),
        (
            Control::Choice(Choice { prompt: Some("Sure?".to_owned()), ..beside }),
            card(vec!["Sure?".to_owned()], vec![]),
        ),
    ] {
        for end in [Inbound { take_control: true, ..webhook([]) }, completed()] {
            let mut chat = Chat::with_ana();
            chat.hears(Inbound { items: vec![shows("m1", control.clone())], ..end });
            let shown = chat.facts.iter().find_map(|fact| match fact {
                Fact::AgentSaid(said) if said.message_id.as_deref() == Some("m1") => {
                    Some(said.control.clone())
                }
                _ => None,
            });
            assert_eq!(shown.as_ref(), Some(&told), "{control:?}");
            assert!(!told.takes_answers() && chat.state.questions.open().is_empty());
        }
    }
}

#[test]
fn an_answer_to_a_closed_question_goes_nowhere_and_the_user_is_told() {
    let click = |question: u64| {
        let said = UserSaid { answers: Some(question), ..words_as(&format!("c{question}"), "o3") };
        Command::UserSaid(Box::new(said))
    };
    let mut chat = Chat::with_ana();
    let first = chat.position();
    chat.hears(webhook([shows("m1", question())]));
    chat.hears(completed());
    chat.on(bot_returned());
    let said = Box::new(UserSaid { answers: Some(first), ..words_as("b", "o3") });
    let pressed = Command::NotTaken { said, why: Notice::QuestionClosed };
    assert_eq!(chat.on(pressed.clone()), ["user: -", "notice: question closed"], "the bot speaks");
    assert_eq!(chat.on(pressed), NOTHING, "once, however often it is posted");
    chat.on(escalation(1));
    chat.deliver();
    chat.hears(webhook([system("j", "Bo has entered the chat.")]));
    assert_eq!(chat.on(click(first)), ["user: -", "notice: question closed"], "in another chat");
    assert_eq!(chat.on(click(first + 1)), ["user: -", "notice: question closed"], "never asked");
    assert_eq!(chat.deliver(), NOTHING);
}

#[test]
fn a_topic_that_is_over_takes_the_virtual_agents_questions_with_it() {
    let mut chat = Chat::with_ana();
    let over = || webhook([step(What::TopicFinished)]);
    assert_eq!(chat.hears(over()), NOTHING, "nothing was asked");
    chat.hears(webhook([shows("m1", question())]));
    let persons = chat.position();
    chat.hears(webhook([Item { agent: Some(person("Ana")), ..shows("m2", question()) }]));
    assert_eq!(chat.hears(over()), ["questions closed"]);
    assert_eq!(chat.state.questions.open(), [(persons, question())]);
}

#[test]
fn a_cards_actions_may_be_pressed_again_and_a_notifications_once() {
    let card = |look| {
        let actions =
            vec![Choosable { label: "Go".to_owned(), value: "go".to_owned(), ..Choosable::default() }];
        Control::Card(Card { look, actions, ..Card::default() })
    };
    for (look, second) in [(CardLook::Plain, "user: go"), (CardLook::Notification, "user: -")] {
        let mut chat = Chat::with_ana();
        let at = chat.position();
        chat.hears(webhook([shows("m1", card(look))]));
        let click = || Command::UserSaid(Box::new(UserSaid { answers: Some(at), ..words("go") }));
        assert_eq!(chat.on(click()), ["user: go"]);
        assert_eq!(chat.on(click())[0], second, "{look:?}");
    }
}

#[test]
fn that_the_user_ended_a_chat_is_known_for_a_moment() {
    for (end, by_user) in [(Command::UserEnded, true), (heard(1, completed()), false)] {
        let mut chat = Chat::with_ana();
        chat.on(end);
        chat.on(bot_returned());
        assert_eq!(chat.state.ended_by_user(chat.now), by_user);
        for wait in [10_000, -3_600_000] {
            chat.wait(wait);
            assert!(!chat.state.ended_by_user(chat.now), "not for ever");
        }
    }
}

#[test]
fn a_table_is_answered_with_done_at_once() {
    let mut chat = Chat::with_ana();
    let table = || webhook([shows("m1", Control::Table(Table::default()))]);
    chat.hears(table());
    chat.hears(table());
    assert_eq!(chat.deliver(), ["done"]);
    chat.on(Command::UserEnded);
    let late = Item { agent: Some(person("Ana")), ..shows("m2", Control::Table(Table::default())) };
    chat.hears(webhook([late]));
    assert_eq!(chat.deliver(), ["END_CONVERSATION"], "nobody waits for it");
}

#[test]
fn each_step_of_a_longer_job_is_shown_once() {
    let progress = |key: Option<&str>, steps: &[&str]| step(task(key, steps));
    let told = |steps: &str, first: Option<u64>| [format!("virtual agent: {steps}, in place of {first:?}")];
    let mut chat = Chat::with_ana();
    let first = webhook([progress(Some("k"), &["Searching"])]);
    let at = chat.position();
    assert_eq!(chat.hears(first.clone()), told("Searching", None));
    assert_eq!(chat.hears(first), NOTHING);
    let grown = webhook([progress(Some("k"), &["Searching", "Found"])]);
    assert_eq!(chat.hears(grown.clone()), told("Searching, Found", Some(at)));
    assert_eq!(chat.hears(grown), NOTHING);
    let rest = webhook([progress(Some("k"), &["Written"])]);
    assert_eq!(chat.hears(rest), told("Searching, Found, Written", Some(at)), "one that tells only the rest");
    let other = webhook([progress(Some("l"), &["Searching"])]);
    assert_eq!(chat.hears(other), told("Searching", None), "of another job");
    let both = webhook([progress(Some("m"), &["One"]), progress(Some("m"), &["One", "Two"])]);
    assert_eq!(chat.hears(both), told("One, Two", None), "one message");
    assert_eq!(chat.hears(webhook([progress(None, &["One"])])), told("One", None));
    assert_eq!(chat.hears(webhook([progress(None, &["Two"])])), told("Two", None), "no name, no place");
}

#[test]
fn a_step_that_gets_another_status_is_revised_in_its_place() {
    let progress = |steps: &[&str]| webhook([step(task(Some("k"), steps))]);
    let mut chat = Chat::with_ana();
    let at = chat.position();
    chat.hears(progress(&["Searched|in progress", "Wrote|in progress"]));
    let revised = progress(&["Searched|completed", "Wrote|in progress"]);
    let told = format!("virtual agent: Searched (completed), Wrote (in progress), in place of Some({at})");
    assert_eq!(chat.hears(revised.clone()), [told]);
    assert_eq!(chat.hears(revised), NOTHING);
    let rest = format!("virtual agent: Searched (completed), Wrote (failed), in place of Some({at})");
    assert_eq!(chat.hears(progress(&["Wrote|failed"])), [rest], "one that tells only the rest");
    let first = progress(&["Searched|in progress", "Wrote|in progress"]);
    assert_eq!(chat.hears(first), NOTHING, "one that comes once more sets nothing back");
}

#[test]
fn steps_are_told_apart_by_their_words_and_the_header_is_what_is_done_now() {
    let told = |header: Option<(&str, bool)>, steps: &[&str]| {
        let header = header.map(|(text, is_standing)| Header { text: text.to_owned(), is_standing });
        let What::Progress { steps, .. } = task(None, steps) else { unreachable!("it is a task") };
        webhook([step(What::Progress { key: Some("k".to_owned()), header, steps })])
    };
    let mut chat = Chat::with_ana();
    let at = chat.position();
    let shown = |lines: &str| [format!("virtual agent: {lines}, in place of Some({at})")];
    assert_eq!(chat.hears(told(Some(("Searching…", false)), &[])).len(), 1);
    assert_eq!(chat.hears(told(None, &["Looked up (HR)"])), shown("Searching…, Looked up (HR)"));
    let both = told(Some(("Generating…", false)), &["Looked up (HR)", "Looked up (IT)"]);
    assert_eq!(chat.hears(both), shown("Generating…, Looked up (HR), Looked up (IT)"));
    let done = told(Some(("View AI Steps", true)), &["Looked up (HR)|completed", "Read (1 of 2)"]);
    assert_eq!(chat.hears(done), shown("Looked up (HR) (completed), Looked up (IT), Read (1 of 2)"));
    let counted = told(None, &["Read (2 of 2)"]);
    assert_eq!(chat.hears(counted), shown("Looked up (HR) (completed), Looked up (IT), Read (2 of 2)"));
}

#[test]
fn steps_and_names_without_end_in_one_message_cost_no_more_than_each_once() {
    let mut chat = Chat::with_ana();
    let steps = |number| step(task(Some("k"), &[format!("Step {number}").as_str()]));
    chat.hears(Inbound { items: (0..2_000).map(steps).collect(), ..webhook([]) });
    let bytes = serde_json::to_string(&chat.facts).expect("JSON").len();
    assert!(bytes < 30_000, "told once, with the newest steps: {bytes}");
    let named = |number| Item {
        message_id: None,
        agent: Some(person(&format!("N{number}"))),
        ..virtual_agent("", "hi")
    };
    chat.hears(Inbound { items: (0..2_000).map(named).collect(), ..webhook([]) });
    assert_eq!(chat.state.people.len(), PEOPLE);
}

#[test]
fn a_question_takes_one_answer_and_its_neighbours_keep_theirs() {
    let picker = |id: &str| webhook([shows(id, Control::Choice(Choice::default()))]);
    let click = |question: u64, text: &str| {
        Command::UserSaid(Box::new(UserSaid { answers: Some(question), ..words(text) }))
    };
    let mut chat = Chat::with_ana();
    let first = chat.position();
    chat.hears(picker("m1"));
    let second = chat.position();
    chat.hears(picker("m2"));
    assert_eq!(chat.on(click(first, "one")), ["user: one"], "late, but the first answer to it");
    assert_eq!(chat.on(click(first, "two")), ["user: -", "notice: answered before"]);
    assert_eq!(chat.on(click(second, "three")), ["user: three"]);
    assert_eq!(chat.deliver(), ["say one", "say three"]);
}

#[test]
fn an_agent_is_told_once_what_could_not_be_shown() {
    let hologram = || step(What::Unreadable { ui_type: "Hologram".to_owned() });
    let of_ana =
        |id: &str| Item { message_id: Some(id.to_owned()), agent: Some(person("Ana")), ..hologram() };
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(webhook([of_ana("m1"), of_ana("m1")])), ["not shown m1"]);
    assert_eq!(chat.hears(webhook([of_ana("m1")])), NOTHING);
    assert_eq!(chat.hears(webhook([hologram()])), NOTHING, "no person's");
    assert_eq!(chat.deliver(), ["unshown m1"]);
    chat.hears(completed());
    assert_eq!(chat.hears(webhook([of_ana("m2")])), NOTHING);
}

#[test]
fn a_time_zone_is_told_before_the_words_from_there_and_once() {
    let from = |zone: &str, text: &str| {
        Command::UserSaid(Box::new(UserSaid { timezone: Some(zone.to_owned()), ..words(text) }))
    };
    let mut chat = Chat::with_ana();
    chat.on(from("Europe/Berlin", "one"));
    chat.on(from("Europe/Berlin", "two"));
    chat.on(from("Asia/Tokyo", "three"));
    let told = ["zone Europe/Berlin", "say one", "say two", "zone Asia/Tokyo", "say three"];
    assert_eq!(chat.deliver(), told);
    assert_eq!(chat.state.user.timezone.as_deref(), Some("Asia/Tokyo"));
}

#[test]
fn a_time_zone_that_is_not_taken_holds_the_words_behind_it_up_for_seconds_and_not_until_they_are_given_up() {
    let mut chat = Chat::with_ana();
    let said = UserSaid { timezone: Some("Asia/Tokyo".to_owned()), ..words("hello?") };
    chat.on(Command::UserSaid(Box::new(said)));
    let zone = chat.lease().expect("due");
    assert_eq!(chat.state.outbox.get(zone).map(|queued| queued.lives), Some(5_000));
    assert!(
        chat.settles(zone, Outcome::GivenUp(Why::Unreachable)).iter().all(|fact| !fact.contains("notice"))
    );
    assert_eq!(chat.deliver(), ["say hello?"]);
}
