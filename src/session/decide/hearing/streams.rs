//! What comes piece by piece: an answer that ServiceNow streams, and its end; a longer task of the virtual agent's.

use super::{
    super::super::{
        fact::{AgentSaid, Fact, Speaker, StreamPiece},
        stream::rest,
    },
    item::{Hearing, Key},
};
use crate::domain::{
    Agent,
    control::{Control, Generated, Progress, Step},
    inbound::Header,
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
        let state = self.state();
        let known = state.stream_of(piece.stream.as_deref());
        let ended = known.is_some_and(|stream| !stream.is_open())
            || piece.stream.as_ref().is_some_and(|id| state.heard.contains(&format!("stream {id}")));
        let repeated = known.is_some_and(|stream| stream.has(piece.sequence));
        let empty = !start && piece.text.is_empty();
        if ended || repeated || empty || (start && known.is_some()) {
            return;
        }
        let first = known.map(|stream| stream.first);
        self.facts.push(Fact::StreamPiece(Box::new(StreamPiece { first, ..piece })));
    }

    /// An end that repeats nothing of its stream: what came is all there is. Among several streams none is meant for sure.
    pub(super) fn ends_without_words(&mut self) {
        let now = self.now;
        let mut open = self.state().streams();
        let (Some(stream), None) = (open.next(), open.next()) else { return };
        let given_up = stream.given_up(now);
        drop(open);
        self.facts.push(given_up);
    }

    /// What is said, as the end of its stream when it is one. The end of a stream of which was shown what came adds what was not.
    pub(super) fn as_end(&mut self, said: AgentSaid) -> Option<AgentSaid> {
        let named = said.control.stream().map(str::to_owned);
        let whole = matches!(said.control, Control::Text { .. } | Control::Generated(_) | Control::Html(_));
        if named.is_none() && !(self.stream_ends && whole) {
            return Some(said);
        }
        let state = self.state();
        let found = state.stream_of(named.as_deref()).or_else(|| state.lost_stream(named.as_deref()));
        let Some(stream) = found else { return Some(said) };
        if named.is_none() && stream.by.is_person() != said.by.is_person() {
            return Some(said);
        }
        if !stream.is_lost() {
            return Some(AgentSaid { ends: stream.is_open().then_some(stream.first), ..said });
        }
        let (text, generated) = match said.control {
            Control::Generated(generated) => (generated.text.clone(), generated),
            Control::Text { text } => (text, Generated::default()),
            Control::Html(html) if letters(&html.markdown).eq(letters(&stream.text)) => return None,
            control => return Some(AgentSaid { control, ..said }),
        };
        let rest = rest(&text, &stream.text).to_owned();
        let news = !rest.trim().is_empty() || !generated.citations.is_empty();
        let control = Control::Generated(Generated { text: rest, ..generated });
        news.then_some(AgentSaid { control, ..said })
    }

    /// Shows that somebody writes, unless this message has shown it by itself.
    pub(super) fn more_is_coming(&mut self) {
        let shown =
            self.facts.iter().any(|fact| matches!(fact, Fact::AgentTyping { .. } | Fact::StreamPiece(_)));
        if self.before.is_live() && !shown && !self.streamed {
            self.typing(None);
        }
    }

    /// What a longer task has done so far, when there is more of it than was told.
    pub(super) fn progress(&mut self, key: Option<String>, header: Option<Header>, new: Vec<Step>) {
        let before = key.as_ref().and_then(|key| self.state().tasks.get(key).cloned());
        // Come once more, it would set back what has gone on since.
        let told = Progress {
            key,
            header: header.as_ref().map(|header| header.text.clone()),
            steps: new,
            first: None,
        };
        let told_as = Control::Progress(told.clone()).step();
        let mut after = before.clone().unwrap_or(Progress { steps: vec![], header: None, ..told });
        for step in told.steps {
            after.tell(step);
        }
        if let Some(Header { text, is_standing }) = header {
            after.header = (!is_standing || after.steps.is_empty()).then_some(text);
        }
        if before.is_none_or(|before| before != after) {
            self.told(told_as, Key::default(), Speaker::VirtualAgent, Control::Progress(after));
        }
    }
}

/// What of a text is letters and figures, and stands in no tag.
fn letters(text: &str) -> impl Iterator<Item = char> {
    let untagged = text.split('<').enumerate().map(|(at, piece)| match piece.split_once('>') {
        Some((_, behind)) if at > 0 => behind,
        _ => piece,
    });
    untagged.flat_map(str::chars).filter(|sign| sign.is_alphanumeric())
}
