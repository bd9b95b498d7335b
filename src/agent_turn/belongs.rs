//! Whether what the agent said is part of this turn.

use super::{Notice, Sign};
use crate::domain::Timestamp;

/// How an activity of the agent's stands to the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    Surely,
    /// Nothing tells; the user's words may still come up.
    Perhaps,
    /// Said unasked, or too late for the turn before.
    Not,
}

/// What the agent did.
#[derive(Clone, Debug)]
pub struct Done {
    pub notice: Notice,
    /// In the order of Direct Line's answers.
    pub place: usize,
    /// On our clock.
    pub at: Timestamp,
    /// It came up, or is stamped, after the call.
    pub is_younger: bool,
    /// Older than the call by more than a second, on Direct Line's clock.
    pub is_old: bool,
    /// Old, or nothing tells.
    pub may_be_old: bool,
}

/// What the turn answers: the user's words, as far as they are known.
#[derive(Debug, Default)]
pub struct Asked {
    /// The id that our own post was answered with.
    posted: Vec<String>,
    /// The user's words come back; until they do, whatever else they posted.
    echo: Option<Echo>,
    /// What they posted from those words on.
    ids: Vec<String>,
}

#[derive(Debug)]
struct Echo {
    notice: Notice,
    place: usize,
    /// Perhaps words of a turn before that nobody has read.
    may_be_old: bool,
}

impl Asked {
    pub fn posted(&mut self, id: String) {
        self.posted.push(id);
    }

    /// Takes in an echo. The latest words are what the turn answers.
    pub fn heard(&mut self, notice: &Notice, place: usize, may_be_old: bool) {
        let Sign::Echo { words } = notice.sign else { return };
        if self.is_before_ours(notice) {
            return;
        }
        let has_words = self.echo.as_ref().is_some_and(|echo| echo.notice.sign == Sign::Echo { words: true });
        let is_older = |echo: &Echo| matches!((notice.stamp, echo.notice.stamp), (Some(a), Some(b)) if a < b);
        if words && has_words && self.echo.as_ref().is_some_and(is_older) {
            return;
        }
        if words {
            self.ids.clear();
        }
        self.ids.extend(notice.id.clone());
        if words || !has_words {
            let is_posted = notice.id.as_ref().is_some_and(|id| self.posted.contains(id));
            self.echo = Some(Echo { notice: notice.clone(), place, may_be_old: may_be_old && !is_posted });
        }
    }

    /// Whether it is of a turn before: posted ahead of what is known to be this turn's.
    fn is_before_ours(&self, echo: &Notice) -> bool {
        let numbers =
            self.posted.first().and_then(|first| numbered(echo.id.as_deref()).zip(numbered(Some(first))));
        numbers.is_some_and(|(echo, first)| echo.0 == first.0 && echo.1 < first.1)
    }

    pub fn belongs(&self, speech: &Done) -> Belongs {
        // Old words may be those of a turn that nobody has read. Then newer ones are coming up, and only a fresh reply decides
        // before they do.
        let is_in_doubt = self.echo.as_ref().is_some_and(|echo| echo.may_be_old)
            && (speech.may_be_old || speech.notice.reply_to.is_none());
        match self.answers(speech) {
            Belongs::Surely if is_in_doubt => Belongs::Perhaps,
            belongs => belongs,
        }
    }

    /// How it stands to the words that are known.
    fn answers(&self, speech: &Done) -> Belongs {
        if let Some(reply_to) = &speech.notice.reply_to
            && (!self.ids.is_empty() || !self.posted.is_empty())
        {
            let is_answer = self.ids.contains(reply_to) || self.posted.contains(reply_to);
            return if is_answer { Belongs::Surely } else { Belongs::Not };
        }
        match self.is_later(speech) {
            Some(true) => Belongs::Surely,
            Some(false) if !speech.is_younger => Belongs::Not,
            None if self.echo.is_none() && speech.is_old => Belongs::Not,
            _ => Belongs::Perhaps,
        }
    }

    /// Whether it was said behind the user's words; `None` when they are unknown, or two things tell otherwise.
    fn is_later(&self, speech: &Done) -> Option<bool> {
        let echo = self.echo.as_ref();
        let id = echo.and_then(|echo| echo.notice.id.as_deref()).or(self.posted.last().map(String::as_str));
        let numbers = numbered(speech.notice.id.as_deref()).zip(numbered(id));
        let by_number =
            numbers.filter(|(said, asked)| said.0 == asked.0).map(|(said, asked)| said.1 > asked.1);
        let stamps = speech.notice.stamp.zip(echo.and_then(|echo| echo.notice.stamp));
        let by_stamp = stamps.filter(|(said, asked)| said != asked).map(|(said, asked)| said > asked);
        // Words often stand behind the answers to them, so the other order counts only when nothing else does.
        let by_place = echo.and_then(|echo| (speech.place > echo.place).then_some(true));
        let told = [by_number, by_stamp, by_place];
        let said = |what: bool| told.contains(&Some(what));
        match (said(true), said(false)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            (true, true) => None,
            (false, false) => echo.map(|_| false),
        }
    }
}

/// Conversation and number of `<conversation>|0000005`.
fn numbered(id: Option<&str>) -> Option<(&str, u64)> {
    let (conversation, number) = id?.rsplit_once('|')?;
    Some((conversation, number.parse().ok()?))
}
