//! How many sockets a process holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::ticket::Tickets;
use crate::domain::ConversationId;

/// Sockets of one conversation at the same time: more tabs than a person has open of one chat.
const OF_ONE: usize = 8;

/// The sockets of this process.
pub struct Sockets {
    pub(super) tickets: Tickets,
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_conversation: HashMap<ConversationId, usize>,
}

/// Why no further socket is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Process,
    Conversation,
}

/// A socket's place, given back when it is dropped.
pub struct Seat {
    sockets: Arc<Sockets>,
    id: ConversationId,
}

impl Sockets {
    /// `most`: sockets at the same time.
    pub fn new(tickets: Tickets, most: usize) -> Self {
        Self { tickets, most, taken: Mutex::default() }
    }

    /// Takes a place for a socket.
    ///
    /// # Errors
    /// When there is none left.
    pub fn enter(self: &Arc<Self>, id: &ConversationId) -> Result<Seat, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return Err(Full::Process);
        }
        let of_one = taken.by_conversation.entry(id.clone()).or_default();
        if *of_one >= OF_ONE {
            return Err(Full::Conversation);
        }
        *of_one += 1;
        taken.all += 1;
        Ok(Seat { sockets: self.clone(), id: id.clone() })
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Seat").field(&self.id).finish()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.sockets.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of_one) = taken.by_conversation.get_mut(&self.id) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_conversation.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn sockets(most: usize) -> Arc<Sockets> {
        let settings = Settings::from_env(|_| None).expect("settings");
        Arc::new(Sockets::new(Tickets::new(&settings).expect("a key"), most))
    }

    #[test]
    fn neither_a_conversation_nor_all_together_take_more_than_there_is() {
        let id = |n: usize| ConversationId::parse(&format!("conversation-{n}")).expect("an id");
        let sockets = sockets(OF_ONE + 2);
        let seat = |n| sockets.enter(&id(n)).expect("a seat");
        let mut mine: Vec<Seat> = (0..OF_ONE).map(|_| seat(0)).collect();
        assert_eq!(sockets.enter(&id(0)).err(), Some(Full::Conversation));
        let others: Vec<Seat> = (1..3).map(seat).collect();
        assert_eq!(sockets.enter(&id(3)).err(), Some(Full::Process));
        mine.pop();
        assert!(sockets.enter(&id(3)).is_ok());
        drop((mine, others));
        let taken = sockets.taken.lock().expect("a lock");
        assert_eq!((taken.all, taken.by_conversation.len()), (0, 0));
    }
}
