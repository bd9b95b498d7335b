use proptest::prelude::*;

use crate::session::tests::{chat::*, moves::*};

proptest! {
    #[test]
    fn the_sweep_knows_which_conversations_are_open(moves in moves(60), back_to_bot: bool) {
        let mut chat = Chat::new();
        chat.policy.back_to_bot = back_to_bot;
        let mut deliverer = Deliverer::default();
        for next in &moves {
            if let Some(command) = deliverer.event(&mut chat, next) {
                chat.on(command);
            }
            prop_assert_eq!(chat.open, chat.state.is_open(), "after {:?}", next);
        }
    }
}
