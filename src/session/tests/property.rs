//! Any sequence of events, nonsense included.

use proptest::prelude::*;

use super::{chat::*, moves::*, promises};
use crate::session::Command;

/// A conversation as the moves make it; what is decided twice adds nothing the second time.
pub fn play(moves: &[Move]) -> Result<Chat, TestCaseError> {
    let mut chat = Chat::new();
    let mut deliverer = Deliverer::default();
    for next in moves {
        let Some(event) = deliverer.event(&mut chat, next) else { continue };
        let keyed = is_keyed(&event);
        chat.on(event.clone());
        if keyed {
            let again = chat.decides(&event);
            prop_assert!(again.is_empty(), "decided twice: {:?}", event);
        }
    }
    Ok(chat)
}

/// True for events that can be told from another of their kind.
fn is_keyed(event: &Command) -> bool {
    match event {
        Command::UserSaid(said) => said.id.is_some() || said.client_id.is_some(),
        Command::Heard { told, .. } => told.inbound.items.iter().all(|item| {
            use crate::domain::inbound::What::*;
            match item.what {
                Said(_) | System(_) | Waiting(_) => item.message_id.is_some(),
                TypingStarted | StreamChunk { sequence: None, .. } => false,
                StreamStarted { .. } | StreamChunk { .. } => true,
                Created { .. } => true,
                AgentJoined | BackToVirtualAgent | TopicFinished | Queued | TypingStopped
                | NewConversation | Nothing => true,
                Progress { .. } | Unreadable { .. } => true,
            }
        }),
        Command::UserTyping | Command::NotTaken { .. } | Command::Tell(_) | Command::FilesUnsaid { .. } => {
            false
        }
        // A conversation may be replaced as often as it is gone.
        Command::BotReturned { instead_of, .. } => instead_of.is_none(),
        Command::BotTokenRenewed { .. } => false,
        Command::Escalated { .. }
        | Command::UpstreamRead { .. }
        | Command::UserEnded
        | Command::Fetched { .. }
        | Command::TokenAccepted { .. }
        | Command::Tick { .. } => true,
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_promises_hold_and_what_is_owed_can_be_delivered(moves in moves(60)) {
        let mut chat = play(&moves)?;
        promises::hold(&chat.facts)?;
        chat.wait(100_000_000);
        chat.deliver();
        prop_assert!(chat.state.outbox.is_empty(), "{:?}", chat.outbox());
        promises::hold(&chat.facts)?;
    }
}
