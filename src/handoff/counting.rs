//! What the live-agent role counts, where it happens.

use super::Handoff;
use crate::{
    domain::{Timestamp, control::Control},
    session::{AgentSaid, Call, CallOutcome, Fact, Notice, Queued},
    telemetry::Count,
};

impl Handoff {
    /// Counts a fact that this process has stored.
    pub(super) fn count(&self, fact: &Fact) {
        let what = match fact {
            Fact::HandoffRequested(_) => Count::Handoffs,
            Fact::AgentSaid(said) => {
                if degraded(said).is_some() {
                    self.counters.one(Count::Degraded);
                }
                Count::FromServiceNow
            }
            Fact::NotShown { .. } => Count::NotShown,
            Fact::Settled { outcome: CallOutcome::Retry { .. }, .. } => Count::RetriesServiceNow,
            Fact::Noticed { notice: Notice::NotDelivered { .. } | Notice::EnterAgain, .. } => Count::GivenUp,
            _ => return,
        };
        self.counters.one(what);
    }

    /// Counts a call that ServiceNow took, when somebody's words were in it.
    pub(super) fn count_delivery(&self, queued: &Queued) {
        if let Call::Say(_) = queued.call {
            self.counters.delivered(Timestamp::now().millis_since(queued.since));
        }
    }

    pub(super) fn count_duplicates(&self, many: usize) {
        self.counters.add(Count::Duplicates, many);
    }
}

/// The kind of a control that we show by its text alone, by itself or as a part.
pub(super) fn degraded(said: &AgentSaid) -> Option<&str> {
    let mut control = &said.control;
    while let Control::MultiPart(several) = control {
        control = &several.part;
    }
    match control {
        Control::Degraded { ui_type, text: _ } => Some(ui_type),
        _ => None,
    }
}
