//! One engine of the model: its copy of the journal, and the call it makes.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use servicenow_handoff::{
    domain::Timestamp,
    ledger::{CallId, Queued},
    session::ChatCall,
};

use super::chat::Session;

/// One that was just started has read nothing yet.
#[derive(Clone, Debug, Default)]
pub struct Process {
    pub copy: Option<Arc<Session>>,
    pub making: Option<Making>,
    /// Its clock was set back by an hour.
    pub back: bool,
}

#[derive(Clone, Debug)]
pub struct Making {
    pub queued: Queued<ChatCall>,
    pub number: u32,
    pub until: Timestamp,
    pub way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Leased and not sent yet.
    Leased,
    Arrived,
    /// Nothing will come of it.
    Lost,
}

impl Process {
    pub fn calls(&self) -> Option<(CallId, u32)> {
        self.making.as_ref().map(|making| (making.queued.id, making.number))
    }
}

impl Hash for Process {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.copy.is_some().hash(state);
        if let Some(copy) = &self.copy {
            hash_outbox(copy, state);
        }
        self.making
            .as_ref()
            .map(|making| (making.queued.id, making.number, making.until.0, making.way))
            .hash(state);
        self.back.hash(state);
    }
}

/// How long a journal is, and what of the times in it still matters.
pub fn hash_outbox<H: Hasher>(session: &Session, state: &mut H) {
    session.position.hash(state);
    for queued in session.outbox.iter() {
        queued.id.hash(state);
        queued.lease.as_ref().map(|lease| (lease.attempt, lease.at.0, lease.until.0)).hash(state);
        (queued.not_before.0, queued.put_off.0).hash(state);
    }
}
