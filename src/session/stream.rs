//! Answers of ServiceNow's that come piece by piece, and go on to the client as they grow.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    State,
    fact::{Fact, Speaker, StreamPiece},
};
use crate::{
    domain::{
        Timestamp,
        control::{Control, Generated},
    },
    ledger::is_recent,
    session::AgentSaid,
};

/// Milliseconds without a further piece after which the end of a stream counts as lost.
pub const STREAM_LOST: i64 = 40_000;

/// One answer that comes in pieces.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Where its first fact stands: its name for the client.
    pub first: u64,
    /// ServiceNow's own name.
    pub id: Option<String>,
    pub by: Speaker,
    /// Where its newest fact stands, and how many there are.
    pub newest: u64,
    pub count: u64,
    /// What ServiceNow says of it before there is any text.
    pub hint: Option<String>,
    /// All the text that came so far.
    pub text: Arc<str>,
    pieces: BTreeMap<u64, Arc<str>>,
    since: Timestamp,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    /// Its end was lost, and what came was shown.
    Lost,
    Ended,
}

impl Stream {
    /// The stream that begins with the fact at this position.
    pub(super) fn begin(position: u64, piece: &StreamPiece) -> Self {
        let mut stream = Self {
            first: position,
            id: piece.stream.clone(),
            by: piece.by.clone(),
            newest: position,
            count: 0,
            hint: None,
            text: "".into(),
            pieces: BTreeMap::new(),
            since: piece.at,
            standing: Standing::Open,
        };
        stream.add(position, piece);
        stream
    }

    pub fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// Its end was lost; what came was shown.
    pub(super) fn is_lost(&self) -> bool {
        self.standing == Standing::Lost
    }

    /// Takes a further piece in, wherever its number puts it.
    pub(super) fn add(&mut self, position: u64, piece: &StreamPiece) {
        let StreamPiece { first: _, stream: _, sequence, hint, text, by: _, at } = piece;
        (self.newest, self.since) = (position, *at);
        self.count += 1;
        if let Some(hint) = hint {
            self.hint = Some(hint.clone());
        }
        if text.is_empty() {
            return;
        }
        let last = self.pieces.last_key_value().map(|(last, _)| *last);
        let place = sequence.unwrap_or(last.map_or(0, |last| last + 1));
        self.pieces.insert(place, text.as_str().into());
        self.text = match last.is_none_or(|last| last < place) {
            true => joined(&self.text, text).into(),
            false => self.pieces.values().fold(String::new(), |whole, piece| joined(&whole, piece)).into(),
        };
    }

    pub(super) fn has(&self, sequence: Option<u64>) -> bool {
        sequence.is_some_and(|sequence| self.pieces.contains_key(&sequence))
    }

    /// What came of it is shown without its end, if anything came.
    pub(super) fn given_up(&self, now: Timestamp) -> Fact {
        if self.text.trim().is_empty() {
            return Fact::StreamDropped { first: self.first, at: now };
        }
        let control = Control::Generated(Generated { text: self.text.to_string(), ..Generated::default() });
        let said = AgentSaid::new(self.by.clone(), control, now);
        Fact::AgentSaid(Box::new(AgentSaid { ends: Some(self.first), lost: true, ..said }))
    }
}

/// A piece is added to what came, unless it begins with it.
fn joined(whole: &str, piece: &str) -> String {
    if piece.starts_with(whole) { piece.to_owned() } else { [whole, piece].concat() }
}

/// What of a whole text was not shown yet; begins at a word.
pub(super) fn rest<'a>(whole: &'a str, shown: &str) -> &'a str {
    let same = whole.bytes().zip(shown.bytes()).take_while(|(one, other)| one == other).count();
    if same == whole.len() {
        return "";
    }
    let same = whole.floor_char_boundary(same);
    let at_word =
        whole[same..].starts_with(char::is_whitespace) || whole[..same].ends_with(char::is_whitespace);
    let from = if at_word { same } else { whole[..same].rfind(char::is_whitespace).map_or(0, |at| at + 1) };
    let from = whole.ceil_char_boundary(from);
    whole[from..].trim_start()
}

impl State {
    /// The streams that a client may be shown, oldest first.
    pub fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.is_open())
    }

    pub(super) fn stream_piece(&mut self, piece: &StreamPiece) {
        self.last_heard = piece.at;
        self.agent_types = None;
        match piece.first.and_then(|first| self.streams.iter_mut().find(|stream| stream.first == first)) {
            Some(stream) => stream.add(self.position, piece),
            None => self.streams.push(Stream::begin(self.position, piece)),
        }
    }

    /// What was said ends this stream, or shows what came of it.
    pub(super) fn stream_ended(&mut self, first: u64, lost: bool) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.first == first) {
            stream.standing = if lost { Standing::Lost } else { Standing::Ended };
            stream.pieces.clear();
            if !lost {
                stream.text = "".into();
            }
        }
    }

    /// The stream that a piece or an end belongs to: the one of that name, or without a name the newest that waits for more.
    pub(super) fn stream_of(&self, id: Option<&str>) -> Option<&Stream> {
        let mut streams = self.streams.iter().rev();
        match id {
            Some(id) => {
                let nameless = |stream: &&Stream| stream.id.is_none() && stream.is_open();
                let named = streams.find(|stream| stream.id.as_deref() == Some(id));
                named.or_else(|| self.streams.iter().rev().find(nameless))
            }
            None => streams.find(|stream| stream.is_open()),
        }
    }

    /// A stream whose end was lost and may come yet.
    pub(super) fn lost_stream(&self, id: Option<&str>) -> Option<&Stream> {
        let last = self.streams.last().filter(|stream| stream.is_lost());
        last.filter(|stream| id.is_none() || stream.id.is_none())
    }

    /// Shows what came of streams whose end is overdue.
    pub(super) fn overdue_streams(&self, now: Timestamp) -> Vec<Fact> {
        let overdue = |stream: &&Stream| stream.is_open() && !is_recent(stream.since, STREAM_LOST, now);
        self.streams.iter().filter(overdue).map(|stream| stream.given_up(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(sequence: Option<u64>, text: &str) -> StreamPiece {
        StreamPiece {
            first: None,
            stream: None,
            sequence,
            hint: None,
            text: text.to_owned(),
            by: Speaker::VirtualAgent,
            at: Timestamp(0),
        }
    }

    #[test]
    fn pieces_make_one_text_in_whatever_order_and_manner_they_come() {
        for (pieces, whole) in [
            (vec![(Some(2), "one "), (Some(3), "two "), (Some(4), "three")], "one two three"),
            (vec![(Some(4), "three"), (Some(2), "one "), (Some(3), "two ")], "one two three"),
            (vec![(Some(2), "one "), (Some(3), "one two "), (Some(4), "one two three")], "one two three"),
            (vec![(Some(3), "one two "), (Some(2), "one "), (Some(4), "three")], "one two three"),
            (vec![(None, "one "), (None, "two")], "one two"),
            (vec![(Some(2), "ha"), (Some(3), "ha"), (Some(4), "!")], "ha!"),
            (vec![(Some(2), ""), (Some(3), "x")], "x"),
        ] {
            let mut stream = Stream::begin(5, &piece(pieces[0].0, pieces[0].1));
            let more = (6..).zip(&pieces[1..]);
            more.for_each(|(position, (sequence, text))| stream.add(position, &piece(*sequence, text)));
            assert_eq!((&*stream.text, stream.count), (whole, pieces.len() as u64), "{pieces:?}");
        }
    }

    #[test]
    fn a_late_end_shows_only_what_was_not_shown() {
        for (whole, shown, left) in [
            ("Restart the client.", "Restart the client.", ""),
            ("Restart the client first.", "Restart the client", "first."),
            ("Restart the client first.", "Restart the cl", "client first."),
            ("Restart", "", "Restart"),
            ("Größe ß", "Größe ä", "ß"),
            ("Other", "Restart", "Other"),
            ("Short", "Short and more", ""),
        ] {
            assert_eq!(rest(whole, shown), left, "{whole:?} after {shown:?}");
        }
    }
}
