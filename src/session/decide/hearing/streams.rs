//! Pieces of an answer that ServiceNow streams, and its end.

use super::{
    super::super::{
        fact::{AgentSaid, Fact, Speaker, StreamPiece},
        stream::rest,
    },
    item::Hearing,
};
use crate::domain::{
    Agent,
    control::{Control, Generated},
};

impl Hearing<'_> {
    pub(super) fn piece_by(&self, agent: Option<Agent>) -> StreamPiece {
        let by = agent.map_or(Speaker::VirtualAgent, Speaker::Agent);
        StreamPiece {
            first: None,
            stream: None,
            sequence: None,
            hint: None,
            text: String::new(),
            by,
            at: self.now,
        }
    }

    /// A piece of a stream that has not ended and does not have it yet. A `start` that comes late says nothing any more.
    pub(super) fn stream_piece(&mut self, piece: StreamPiece, start: bool) {
        self.streamed = true;
        let known = self.state.stream_of(piece.stream.as_deref());
        let here = self.placed().rev().find_map(|(position, fact)| match fact {
            Fact::StreamPiece(other) if piece.stream.is_none() || other.stream == piece.stream => {
                Some(other.first.unwrap_or(position))
            }
            _ => None,
        });
        let first = known.map(|stream| stream.first).or(here);
        let ended = known.is_some_and(|stream| !stream.is_open())
            || piece.stream.as_ref().is_some_and(|id| self.state.heard.contains(&format!("stream {id}")));
        let repeated = known.is_some_and(|stream| stream.has(piece.sequence))
            || piece.sequence.is_some()
                && self.facts.iter().any(|fact| {
                    matches!(fact, Fact::StreamPiece(other)
                    if other.sequence == piece.sequence && other.stream == piece.stream)
                });
        let empty = !start && piece.text.is_empty();
        if ended || repeated || empty || (start && first.is_some()) {
            return;
        }
        self.facts.push(Fact::StreamPiece(Box::new(StreamPiece { first, ..piece })));
    }

    /// An end that repeats nothing of its stream: what came is all there is. Among several streams none is meant for sure.
    pub(super) fn ends_without_words(&mut self) {
        let mut open = self.state.streams();
        let (Some(stream), None) = (open.next(), open.next()) else { return };
        let mut stream = stream.clone();
        for fact in &self.facts {
            match fact {
                Fact::StreamPiece(piece) if piece.first == Some(stream.first) => {
                    stream.add(stream.newest, piece);
                }
                _ => {}
            }
        }
        self.facts.push(stream.given_up(self.now));
    }

    /// What is said, as the end of its stream when it is one. The end of a stream of which was shown what came adds what was not.
    pub(super) fn as_end(&self, said: AgentSaid) -> Option<AgentSaid> {
        let named = said.control.stream().map(str::to_owned);
        let whole = matches!(said.control, Control::Text { .. } | Control::Generated(_) | Control::Html(_));
        if named.is_none() && !(self.stream_ends && whole) {
            return Some(said);
        }
        let Some(stream) =
            self.state.stream_of(named.as_deref()).or_else(|| self.state.lost_stream(named.as_deref()))
        else {
            return Some(AgentSaid { ends: self.begun_here(named.as_deref()), ..said });
        };
        if named.is_none() && stream.by.is_person() != said.by.is_person() {
            return Some(said);
        }
        if !stream.is_lost() {
            return Some(AgentSaid { ends: stream.is_open().then_some(stream.first), ..said });
        }
        let (text, generated) = match said.control {
            Control::Generated(generated) => (generated.text.clone(), generated),
            Control::Text { text } => (text, Generated::default()),
            control => return Some(AgentSaid { control, ..said }),
        };
        let rest = rest(&text, &stream.text).to_owned();
        let news = !rest.trim().is_empty() || !generated.citations.is_empty();
        let control = Control::Generated(Generated { text: rest, ..generated });
        news.then_some(AgentSaid { control, ..said })
    }

    /// The stream of this very message that its end ends.
    pub(super) fn begun_here(&self, id: Option<&str>) -> Option<u64> {
        self.placed().rev().find_map(|(position, fact)| match fact {
            Fact::StreamPiece(piece) if id.is_none() || piece.stream.as_deref() == id => {
                Some(piece.first.unwrap_or(position))
            }
            _ => None,
        })
    }

    /// Shows that somebody writes, unless this message has shown it by itself.
    pub(super) fn more_is_coming(&mut self) {
        let shown =
            self.facts.iter().any(|fact| matches!(fact, Fact::AgentTyping { .. } | Fact::StreamPiece(_)));
        if self.state.is_live() && !shown && !self.streamed {
            self.typing(None);
        }
    }
}
