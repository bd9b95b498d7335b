//! What ServiceNow has shown that an answer may be given to: open until it is answered, its chat ends or its topic does.

use std::collections::HashSet;

use crate::{domain::control::Control, ledger::CallId};

/// The questions of a conversation, each known by where it stands.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// Oldest first: what waits for an answer, and cards with actions.
    open: Vec<(u64, Control)>,
    /// Those of them that only the virtual agent asked. One that is masked stays open with its topic over: what is typed into it
    /// must not become a plain message.
    of_topic: HashSet<u64>,
    /// Those that have had their answer.
    answered: HashSet<u64>,
    /// Those whose masked answer is on its way, and by which call: they are open again when it gets lost.
    on_its_way: Vec<(CallId, u64, Control)>,
}

impl Questions {
    pub fn open(&self) -> &[(u64, Control)] {
        &self.open
    }

    pub fn is_open(&self, position: u64) -> bool {
        self.open.iter().any(|(at, _)| *at == position)
    }

    pub fn is_answered(&self, position: u64) -> bool {
        self.answered.contains(&position)
    }

    /// Whether one is open that ends with its topic.
    pub(super) fn wait_for_virtual_agent(&self) -> bool {
        self.open.iter().any(|(at, _)| self.of_topic.contains(at))
    }

    pub(super) fn ask(&mut self, position: u64, control: &Control, by_person: bool) {
        self.open.push((position, control.clone()));
        if !by_person && !control.is_secure() {
            self.of_topic.insert(position);
        }
    }

    /// `masked`: the call that carries the answer, when its words are not kept.
    pub(super) fn answer(&mut self, position: u64, masked: Option<CallId>) {
        let once = |(at, control): &(u64, Control)| *at == position && control.is_answered_once();
        let Some(at) = self.open.iter().position(once) else { return };
        let (_, control) = self.open.remove(at);
        self.answered.insert(position);
        self.on_its_way.extend(masked.map(|call| (call, position, control)));
    }

    /// A call is over; whether a question is open again because its answer got `lost` with it.
    pub(super) fn settle(&mut self, call: CallId, lost: bool) -> bool {
        let Some(at) = self.on_its_way.iter().position(|(by, ..)| *by == call) else { return false };
        let (_, position, control) = self.on_its_way.remove(at);
        if lost {
            self.answered.remove(&position);
            self.open.push((position, control));
            self.open.sort_by_key(|(at, _)| *at);
        }
        lost
    }

    pub(super) fn end_topic(&mut self) {
        let over = std::mem::take(&mut self.of_topic);
        self.open.retain(|(at, _)| !over.contains(at));
    }

    pub(super) fn end_chat(&mut self) {
        *self = Self { answered: std::mem::take(&mut self.answered), ..Self::default() };
    }
}
