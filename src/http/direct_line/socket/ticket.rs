//! What a socket is opened with: a client's token, sealed into the address, because browsers send no header with a socket.
//!
//! Sealed with AES-256-GCM under a key of the settings' secrets, so that any instance can read it and no log on the way can;
//! bound to its conversation, and good for a minute.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    config::Settings,
    credential::derived,
    domain::{ConversationId, Timestamp},
    handoff::Caller,
};

/// Milliseconds to connect in; Direct Line gives the same.
const GOOD_FOR: i64 = 60_000;
/// Longest ticket that is looked at, in bytes; tokens are about a thousand.
const LONGEST: usize = 16 * 1_024;

/// Writes and reads tickets.
pub struct Tickets {
    key: RandomizedNonceKey,
}

/// Why a ticket opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketError {
    /// Not ours, or not for this conversation.
    Forged,
    Over,
}

impl Tickets {
    /// With a key that all instances of the app have; where the settings hold no secret, with one of this process alone.
    pub fn new(settings: &Settings) -> Option<Self> {
        let mut key = derived::key(settings, b"servicenow-handoff socket tickets 1");
        if !derived::has_secrets(settings) {
            getrandom::fill(&mut key).ok()?;
        }
        Some(Self { key: RandomizedNonceKey::new(&AES_256_GCM, &key).ok()? })
    }

    /// `None` only when the machine has no random numbers.
    pub fn write(&self, id: &ConversationId, authorization: &str, now: Timestamp) -> Option<String> {
        let mut sealed = now.plus_millis(GOOD_FOR).0.to_be_bytes().to_vec();
        sealed.extend_from_slice(authorization.as_bytes());
        let nonce = self.key.seal_in_place_append_tag(Aad::from(id.as_str()), &mut sealed).ok()?;
        sealed.extend_from_slice(nonce.as_ref());
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Whose ticket it is. The time is asked only of one that is ours.
    ///
    /// # Errors
    /// See [`TicketError`].
    pub fn read(&self, id: &ConversationId, ticket: &str, now: Timestamp) -> Result<Caller, TicketError> {
        let opened = self.open(id, ticket).ok_or(TicketError::Forged)?;
        let (until, authorization) = opened.split_first_chunk().ok_or(TicketError::Forged)?;
        if i64::from_be_bytes(*until) <= now.0 {
            return Err(TicketError::Over);
        }
        Caller::read(str::from_utf8(authorization).ok()).ok_or(TicketError::Forged)
    }

    fn open(&self, id: &ConversationId, ticket: &str) -> Option<Vec<u8>> {
        if ticket.len() > LONGEST {
            return None;
        }
        let mut sealed = URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let nonce = sealed.split_off(sealed.len().checked_sub(NONCE_LEN)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let opened = self.key.open_in_place(nonce, Aad::from(id.as_str()), &mut sealed).ok()?;
        Some(opened.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn tickets(changes: &[(&str, &str)]) -> Tickets {
        let base = [("DIRECT_LINE_SECRET", "a-secret"), ("LISTEN", "127.0.0.1:0")];
        let value = |name: &str| {
            let found = base.iter().chain(changes).rev().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned()).filter(|value| !value.is_empty())
        };
        Tickets::new(&Settings::from_env(value).expect("settings")).expect("a key")
    }

    fn id(id: &str) -> ConversationId {
        ConversationId::parse(id).expect("an id")
    }

    #[test]
    fn a_ticket_is_good_for_a_minute_in_its_conversation() {
        let (tickets, mine) = (tickets(&[]), id("abc-eu"));
        let ticket = tickets.write(&mine, "Bearer a.b.c", NOW).expect("a ticket");
        assert!(!ticket.contains("a.b.c"));
        let caller = tickets.read(&mine, &ticket, NOW.plus_millis(GOOD_FOR - 1)).expect("good");
        assert_eq!(caller.authorization, "Bearer a.b.c");
        assert_eq!(tickets.read(&mine, &ticket, NOW.plus_millis(GOOD_FOR)).err(), Some(TicketError::Over));
        assert_eq!(tickets.read(&id("abd-eu"), &ticket, NOW).err(), Some(TicketError::Forged));
    }

    #[test]
    fn no_part_of_a_ticket_can_be_changed() {
        let (tickets, mine) = (tickets(&[]), id("abc-eu"));
        let ticket = tickets.write(&mine, "Bearer a.b.c", NOW).expect("a ticket");
        let sealed = URL_SAFE_NO_PAD.decode(&ticket).expect("base64");
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            let other = URL_SAFE_NO_PAD.encode(other);
            assert_eq!(tickets.read(&mine, &other, NOW).err(), Some(TicketError::Forged), "byte {at}");
        }
        for odd in ["", "-", "AAAA", &ticket[..ticket.len() - 4], &"A".repeat(LONGEST + 1)] {
            assert_eq!(tickets.read(&mine, odd, NOW).err(), Some(TicketError::Forged), "{odd}");
        }
    }

    #[test]
    fn every_instance_of_an_app_reads_it_and_no_other() {
        let mine = id("abc-eu");
        let ticket = tickets(&[]).write(&mine, "Bearer a", NOW).expect("a ticket");
        assert!(tickets(&[("LOG", "debug")]).read(&mine, &ticket, NOW).is_ok());
        assert!(tickets(&[("DIRECT_LINE_SECRET", "another")]).read(&mine, &ticket, NOW).is_err());
        let without = [("DIRECT_LINE_SECRET", "")];
        let ticket = tickets(&without).write(&mine, "Bearer a", NOW).expect("a ticket");
        assert!(tickets(&without).read(&mine, &ticket, NOW).is_err(), "a key that anybody could make");
    }
}
