//! Any sequence of events, nonsense included.

use proptest::prelude::*;

use super::{chat::*, moves::*, promises};
use crate::session::{Event, decide};

/// A conversation as the moves make it; what is decided twice adds nothing the second time.
pub fn play(moves: &[Move]) -> Result<Chat, TestCaseError> {
    let mut chat = Chat::new();
    let mut deliverer = Deliverer::default();
    for next in moves {
        let Some(event) = deliverer.event(&mut chat, next) else { continue };
        let keyed = is_keyed(&event);
        chat.on(event.clone());
        if keyed {
            let again = decide(&chat.state, event.clone(), &chat.policy, chat.now);
            prop_assert_eq!(again, vec![], "decided twice: {:?}", event);
        }
    }
    Ok(chat)
}

/// True for events that can be told from another of their kind.
fn is_keyed(event: &Event) -> bool {
    match event {
        Event::UserSaid(said) | Event::SecretLost(said) => said.id.is_some() || said.client_id.is_some(),
        Event::Heard { inbound, .. } => inbound.items.iter().all(|item| {
            use crate::domain::inbound::What::*;
            match item.what {
                Said(_) | System(_) | Waiting(_) => item.message_id.is_some(),
                TypingStarted | StreamStarted { .. } | StreamChunk { .. } => false,
                Created { .. } => true,
                AgentJoined | BackToVirtualAgent | Queued | TypingStopped | NewConversation | Nothing => true,
                Progress { .. } | Unreadable { .. } => true,
            }
        }),
        Event::UserTyping | Event::FileRefused { .. } => false,
        // A try may be put off as often as it is made.
        Event::CallPutOff { .. } => false,
        // A conversation may be replaced as often as it is gone.
        Event::BotReturned { instead_of, .. } => instead_of.is_none(),
        Event::BotTokenRenewed { .. } => false,
        Event::Escalated { .. }
        | Event::UpstreamRead { .. }
        | Event::UserEnded
        | Event::Fetched { .. }
        | Event::CallDone(_)
        | Event::CallFailed(_)
        | Event::TokenAccepted { .. }
        | Event::Tick => true,
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
