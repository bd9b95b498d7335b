//! What the live-agent role counts, where it happens.

use crate::{
    domain::control::Control,
    ledger::{Settled, Settlement},
    session::{AgentSaid, Fact, Notice},
    telemetry::{Count, Counters},
};

/// Counts a fact that this process has stored.
pub(super) fn count(counters: &Counters, fact: &Fact) {
    let what = match fact {
        Fact::HandoffRequested(_) => Count::Handoffs,
        Fact::AgentSaid(said) => {
            if degraded(said).is_some() {
                counters.one(Count::Degraded);
            }
            Count::FromServiceNow
        }
        Fact::NotShown { .. } => Count::NotShown,
        Fact::Settled(Settled { outcome: Settlement::Retry { .. }, .. }) => Count::RetriesServiceNow,
        Fact::Noticed {
            notice: Notice::NotDelivered { .. } | Notice::MayNotHaveArrived { .. } | Notice::EnterAgain,
            ..
        } => Count::GivenUp,
        _ => return,
    };
    counters.one(what);
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
