//! What ServiceNow has shown that an answer may be given to: open until it is answered, its chat ends or its topic does.

use std::collections::BTreeSet;

use crate::{
    domain::{Timestamp, control::Control},
    ledger::{CallId, is_recent},
};

/// Milliseconds after which a client has surely been shown an end: each polls more often.
const UNSEEN: i64 = 10_000;

/// The questions of a conversation, each known by where it stands.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// Oldest first: what waits for an answer, and cards with actions.
    open: Vec<(u64, Control)>,
    /// Those of them that only the virtual agent asked. One that is masked stays open with its topic over: what is typed into it
    /// must not become a plain message.
    of_topic: BTreeSet<u64>,
    /// Those that have had their answer.
    answered: BTreeSet<u64>,
    /// Those whose masked answer is on its way, and by which call: they are open again when it gets lost.
    on_its_way: Vec<(CallId, u64, Control)>,
    /// Where the newest of all stands that waited for an answer.
    newest: u64,
    /// Where a person spoke last.
    spoken: u64,
    /// Where and when a chat ended under an open masked question. Under one whose answer is on its way words are words: many are typed
    /// then, and hardly ever a correction.
    closed: Option<(u64, Timestamp)>,
}

impl Questions {
    pub fn open(&self) -> &[(u64, Control)] {
        &self.open
    }

    /// Those that words may answer: what the virtual agent asked before a person spoke, who may have asked something, too, only
    /// where the words `name` something of it.
    pub fn open_to_words(&self, name: impl Fn(&Control) -> bool) -> Vec<(u64, Control)> {
        let is_left = |at: &u64| *at < self.spoken && self.of_topic.contains(at);
        self.open.iter().filter(|(at, control)| !is_left(at) || name(control)).cloned().collect()
    }

    pub fn is_open(&self, position: u64) -> bool {
        self.open.iter().any(|(at, _)| *at == position)
    }

    pub fn is_answered(&self, position: u64) -> bool {
        self.answered.contains(&position)
    }

    /// The masked question whose answer is on its way and may be corrected by what is typed next: nothing was asked behind it.
    pub fn corrected(&self) -> Option<u64> {
        let (CallId(answer, _), question, _) = self.on_its_way.last()?;
        (*answer > self.newest).then_some(*question)
    }

    /// Whether the masked answer that this call carries is corrected by another, which is on its way, too: nothing is lost with it.
    pub fn is_corrected(&self, call: CallId) -> bool {
        let question = self.on_its_way.iter().find(|(by, ..)| *by == call).map(|(_, question, _)| *question);
        self.on_its_way.iter().any(|(by, other, _)| *by != call && Some(*other) == question)
    }

    /// Whether one is open that ends with its topic.
    pub(super) fn wait_for_virtual_agent(&self) -> bool {
        self.open.iter().any(|(at, _)| self.of_topic.contains(at))
    }

    pub(super) fn person_speaks(&mut self, position: u64) {
        self.spoken = position;
    }

    pub(super) fn ask(&mut self, position: u64, control: &Control, by_person: bool) {
        self.open.push((position, control.clone()));
        if control.asks() {
            self.newest = position;
        }
        if !by_person && !control.is_secure() {
            self.of_topic.insert(position);
        }
    }

    /// `masked`: the call that carries the answer, or a correction of one on its way, when its words are not kept.
    pub(super) fn answer(&mut self, position: u64, masked: Option<CallId>) {
        let once = |(at, control): &(u64, Control)| *at == position && control.is_answered_once();
        let control = match self.open.iter().position(once) {
            Some(at) => self.open.remove(at).1,
            None => match self.on_its_way.iter().find(|(_, corrected, _)| *corrected == position) {
                Some((.., control)) => control.clone(),
                None => return,
            },
        };
        self.answered.insert(position);
        self.on_its_way.extend(masked.map(|call| (call, position, control)));
    }

    /// A call is over; whether a question is open again because its answer got `lost` with it.
    pub(super) fn settle(&mut self, call: CallId, lost: bool) -> bool {
        let corrected = self.is_corrected(call);
        let Some(at) = self.on_its_way.iter().position(|(by, ..)| *by == call) else { return false };
        let (_, position, control) = self.on_its_way.remove(at);
        let reopened = lost && !corrected && !self.is_open(position);
        if reopened {
            self.answered.remove(&position);
            self.open.push((position, control));
            self.open.sort_by_key(|(at, _)| *at);
        }
        reopened
    }

    pub(super) fn end_topic(&mut self) {
        let over = std::mem::take(&mut self.of_topic);
        self.open.retain(|(at, _)| !over.contains(at));
    }

    /// `by_other`: where and when its end stands, unless the user ended it.
    pub(super) fn end_chat(&mut self, by_other: Option<(u64, Timestamp)>) {
        let closed = by_other.filter(|_| self.open.iter().any(|(_, control)| control.is_secure()));
        *self = Self { answered: std::mem::take(&mut self.answered), closed, ..Self::default() };
    }

    pub(super) fn begin_chat(&mut self) {
        self.closed = None;
    }

    /// Where the chat's end stands, so short a while ago that who has not seen it may be typing the answer to a masked question.
    pub fn closed_in_secret(&self, now: Timestamp) -> Option<u64> {
        self.closed.filter(|(_, at)| is_recent(*at, UNSEEN, now)).map(|(position, _)| position)
    }
}
