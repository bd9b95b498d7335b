//! Answers that come piece by piece.

use super::chat::*;
use crate::{
    domain::{
        control::{Choice, Control, Generated, Html},
        inbound::{Inbound, What},
    },
    session::{Command, Fact},
};

fn piece(id: Option<&str>, sequence: u64, text: &str) -> Inbound {
    let (stream, text) = (id.map(str::to_owned), text.to_owned());
    let chunk = What::StreamChunk { stream, sequence: Some(sequence), text };
    Inbound { streaming: true, ..webhook([step(chunk)]) }
}

fn begun(id: Option<&str>) -> Inbound {
    let start = What::StreamStarted { stream: id.map(str::to_owned), hint: Some("Reading".to_owned()) };
    Inbound { streaming: true, ..webhook([step(start)]) }
}

fn ended(id: &str, stream: Option<&str>, text: &str) -> Inbound {
    let generated =
        Generated { text: text.to_owned(), stream: stream.map(str::to_owned), ..Generated::default() };
    Inbound { stream_ends: true, ..webhook([shows(id, Control::Generated(generated))]) }
}

#[test]
fn a_stream_goes_on_piece_by_piece_each_once_and_its_end_is_whole() {
    for id in [Some("s"), None] {
        let mut chat = Chat::with_ana();
        let at = chat.position();
        assert_eq!(chat.hears(begun(id)), ["piece of None: "]);
        assert_eq!(chat.hears(begun(id)), NOTHING, "repeated");
        assert_eq!(chat.hears(piece(id, 3, "client.")), [format!("piece of Some({at}): client.")]);
        assert_eq!(chat.hears(piece(id, 2, "Restart the ")), [format!("piece of Some({at}): Restart the ")]);
        assert_eq!(chat.hears(piece(id, 2, "Restart the ")), NOTHING, "repeated");
        let text = chat.state.streams().map(|stream| stream.text.to_string()).collect::<Vec<_>>();
        assert_eq!(text, ["Restart the client."]);
        let end = || ended("m", id, "Restart the client. [1]");
        assert_eq!(
            chat.hears(end()),
            [format!("virtual agent: Restart the client. [1], in place of Some({at})")]
        );
        assert_eq!(chat.hears(end()), NOTHING, "once");
        assert_eq!(chat.state.streams().count(), 0);
        chat.wait(100_000);
        assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING, "nothing is lost");
    }
    let mut chat = Chat::with_ana();
    chat.hears(begun(Some("s")));
    chat.hears(ended("m", Some("s"), "Whole."));
    assert_eq!(chat.hears(piece(Some("s"), 2, "Wh")), NOTHING, "late");
}

#[test]
fn what_came_of_a_stream_is_shown_when_its_end_is_lost_and_a_late_end_adds_only_what_is_new() {
    let late = [("Restart the client first.", Some("virtual agent: first.")), ("Restart the client", None)];
    for (end, news) in late {
        for id in [Some("s"), None] {
            let mut chat = Chat::with_ana();
            let at = chat.position();
            chat.hears(begun(id));
            chat.hears(piece(id, 2, "Restart the client"));
            chat.wait(39_999);
            assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
            chat.wait(1);
            let tick = Command::Tick { typed: None };
            let came = [format!("virtual agent: Restart the client, in place of Some({at})")];
            assert_eq!(chat.on(tick.clone()), came);
            assert_eq!(chat.on(tick), NOTHING, "once");
            let heard = chat.hears(ended("m", id, end));
            let shown = chat.facts.iter().rev().find_map(|fact| match fact {
                Fact::AgentSaid(said) if !said.lost => match &said.control {
                    Control::Generated(generated) => Some(format!("virtual agent: {}", generated.text)),
                    _ => None,
                },
                _ => None,
            });
            assert_eq!((heard.len(), shown.as_deref()), (usize::from(news.is_some()), news), "{id:?}");
        }
    }
    let mut chat = Chat::with_ana();
    let at = chat.position();
    chat.hears(begun(None));
    chat.wait(60_000);
    assert_eq!(chat.on(Command::Tick { typed: None }), [format!("stream {at} dropped")], "nothing came");
}

#[test]
fn a_late_end_in_html_adds_nothing_where_its_words_were_shown() {
    for (markdown, told) in [("**Restart** the client.", 0), ("Restart the client twice.", 1)] {
        let mut chat = Chat::with_ana();
        chat.hears(begun(None));
        chat.hears(piece(None, 2, "<p><b>Restart</b> the client.</p>"));
        chat.wait(60_000);
        chat.on(Command::Tick { typed: None });
        let html = Control::Html(Html { markdown: markdown.to_owned(), ..Html::default() });
        let end = Inbound { stream_ends: true, ..webhook([shows("m", html)]) };
        assert_eq!(chat.hears(end).len(), told, "{markdown}");
    }
}

#[test]
fn an_end_without_words_shows_what_came_at_once() {
    let end = || Inbound { stream_ends: true, ..webhook([]) };
    let mut chat = Chat::with_ana();
    let at = chat.position();
    chat.hears(begun(Some("s")));
    chat.hears(piece(Some("s"), 2, "Restart "));
    let last = Inbound { stream_ends: true, streaming: false, ..piece(Some("s"), 3, "it.") };
    let came = format!("virtual agent: Restart it., in place of Some({at})");
    assert_eq!(chat.hears(last).last(), Some(&came), "with its last piece");
    assert_eq!(chat.hears(end()), NOTHING, "once");
    let at = chat.position();
    chat.hears(begun(Some("t")));
    assert_eq!(chat.hears(end()), [format!("stream {at} dropped")]);
    chat.hears(begun(Some("u")));
    chat.hears(begun(Some("v")));
    assert_eq!(chat.hears(end()), NOTHING, "which?");
}

#[test]
fn an_end_that_asks_shows_what_came_before_the_question() {
    let mut chat = Chat::with_ana();
    let at = chat.position();
    chat.hears(begun(Some("s")));
    chat.hears(piece(Some("s"), 2, "Here it is."));
    let asks = Inbound { stream_ends: true, ..webhook([shows("m", Control::Choice(Choice::default()))]) };
    let heard = chat.hears(asks.clone());
    let came = format!("virtual agent: Here it is., in place of Some({at})");
    assert_eq!((heard.len(), heard.first()), (2, Some(&came)), "{heard:?}");
    chat.hears(begun(Some("t")));
    chat.hears(piece(Some("t"), 2, "More"));
    assert_eq!(chat.hears(asks), NOTHING, "repeated, of another stream");
}

#[test]
fn a_clock_that_is_set_back_holds_back_no_stream() {
    let mut chat = Chat::with_ana();
    let at = chat.position();
    chat.hears(begun(Some("s")));
    chat.hears(piece(Some("s"), 2, "Restart the client"));
    chat.wait(-3_600_000);
    let came = [format!("virtual agent: Restart the client, in place of Some({at})")];
    assert_eq!(chat.on(Command::Tick { typed: None }), came);
}

#[test]
fn the_end_of_a_chat_loses_nothing_of_a_stream() {
    let mut chat = Chat::with_ana();
    chat.hears(begun(Some("s")));
    chat.hears(piece(Some("s"), 2, "Restart"));
    chat.hears(completed());
    chat.on(bot_returned());
    chat.wait(60_000);
    assert_eq!(chat.on(Command::Tick { typed: None }).len(), 1);
}

#[test]
fn the_end_of_a_stream_is_shown_once_whatever_message_brings_it() {
    let ends = |id: &str, stream: Option<&str>| {
        let stream = stream.map(str::to_owned);
        webhook([shows(id, Control::Generated(Generated { stream, ..Generated::default() }))])
    };
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(ends("m1", Some("s"))).len(), 1);
    assert_eq!(chat.hears(ends("m2", Some("s"))), NOTHING);
    assert_eq!(chat.hears(ends("m3", Some("t"))).len(), 1);
    assert_eq!(chat.hears(ends("m4", None)).len(), 1);
    assert_eq!(chat.hears(ends("m5", None)).len(), 1, "without a name it counts as new");
}
