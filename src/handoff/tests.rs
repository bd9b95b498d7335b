use proptest::prelude::*;

use super::*;
use crate::session::tests::{chat::*, moves::*};

proptest! {
    #[test]
    fn the_sweep_knows_which_conversations_are_open(moves in moves(60), back_to_bot: bool) {
        let mut chat = Chat::new();
        chat.policy.back_to_bot = back_to_bot;
        let mut deliverer = Deliverer::default();
        let mut open = false;
        for next in &moves {
            let Some(event) = deliverer.event(&mut chat, next) else { continue };
            let facts = decide(&chat.state, event, &chat.policy, chat.now);
            open = opens_or_closes(&chat.state, &facts).unwrap_or(open);
            chat.store(&facts);
            prop_assert_eq!(open, chat.state.is_open(), "after {:?}", facts);
        }
    }
}
