//! What the live-agent role logs and counts of all that this process has stored, whoever brought it about.

use std::sync::Arc;

use tracing::info;

use crate::{
    domain::control::Control,
    ledger::{Observer, Settled, Settlement},
    servicenow::ServiceNow,
    session::{Chat, EndReason, Fact, Notice},
    telemetry::{Count, Counters},
};

pub(super) fn observer(servicenow: ServiceNow, counters: Arc<Counters>) -> Observer<Chat> {
    Box::new(move |id, state, fact| {
        let chat = state.chat;
        let count = match fact {
            Fact::AgentJoined { .. } => return info!(conversation.id = %id, chat, "A live agent has joined"),
            Fact::Queued { .. } => {
                return info!(conversation.id = %id, chat, "ServiceNow has the user in a queue");
            }
            Fact::ChatNamed { conversation: sys_id, interaction, .. } => {
                return info!(conversation.id = %id, chat, servicenow.conversation = sys_id, servicenow.interaction = interaction, "ServiceNow names the chat by these ids; its support asks for them");
            }
            Fact::ChatEnded { why, .. } => {
                if *why == EndReason::NobodyInTime {
                    servicenow.doubt_message_secrets();
                }
                return info!(conversation.id = %id, chat, ?why, "The live chat has ended");
            }
            Fact::AgentSaid(said) => {
                if let Some(kind) = degraded(&said.control).map(kind) {
                    counters.one(Count::Degraded);
                    info!(conversation.id = %id, chat, kind, "ServiceNow sent a control we don't know; its text is shown");
                }
                Count::FromServiceNow
            }
            Fact::HandoffRequested(_) => Count::Handoffs,
            Fact::NotShown { .. } => Count::NotShown,
            Fact::Settled(Settled { outcome: Settlement::Retry { .. }, .. }) => Count::RetriesServiceNow,
            Fact::Noticed {
                notice: Notice::NotDelivered { .. } | Notice::MayNotHaveArrived { .. } | Notice::EnterAgain,
                ..
            } => Count::GivenUp,
            _ => return,
        };
        counters.one(count);
    })
}

/// The kind of a control that we show by its text alone, by itself or as a part.
fn degraded(control: &Control) -> Option<&str> {
    match control {
        Control::MultiPart(several) => degraded(&several.part),
        Control::Degraded { ui_type, text: _ } => Some(ui_type),
        _ => None,
    }
}

/// A `uiType` as it may stand in the log: a name, never what people wrote.
fn kind(ui_type: &str) -> &str {
    let is_name = ui_type.len() <= 40 && ui_type.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { ui_type } else { "(no name)" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_name_and_never_what_people_wrote() {
        for (ui_type, logged) in [
            ("HologramControl", "HologramControl"),
            ("", ""),
            ("my password is x", "(no name)"),
            ("Größe", "(no name)"),
            (&"x".repeat(41), "(no name)"),
        ] {
            assert_eq!(kind(ui_type), logged);
        }
    }
}
