//! What must be stored and must not be read in the store: live tokens of conversations that were opened for a user.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::derived;
use crate::config::Settings;

/// AES-256-GCM under a [key of the app's own](derived). Who has the store has not the settings.
pub struct Seal(RandomizedNonceKey);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    pub fn new(settings: &Settings) -> Self {
        Self::with(&derived::key(settings, b"servicenow-handoff sealed tokens 1"))
    }

    fn with(key: &[u8; 32]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, key).expect("32 bytes are a key"))
    }

    /// The secret as it may be stored; it opens again for the same conversation only.
    pub fn seal(&self, secret: &str, conversation: &str) -> String {
        let mut sealed = secret.as_bytes().to_vec();
        let aad = Aad::from(conversation.as_bytes());
        let nonce = self.0.seal_in_place_append_tag(aad, &mut sealed);
        let nonce = nonce.expect("a token is short enough to be sealed");
        STANDARD_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// `None` when it was sealed for another conversation, or while the settings had other secrets.
    pub fn open(&self, sealed: &str, conversation: &str) -> Option<String> {
        let mut bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(conversation.as_bytes()), sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_for_the_same_conversation_and_shows_nothing() {
        let (seal, other) = (Seal::with(&[1; 32]), Seal::with(&[2; 32]));
        let sealed = seal.seal("Bearer a-token", "c-1");
        assert_ne!(sealed, seal.seal("Bearer a-token", "c-1"), "no two are alike");
        assert!(!sealed.contains("token"));
        assert_eq!(seal.open(&sealed, "c-1").as_deref(), Some("Bearer a-token"));
        assert_eq!(seal.open(&sealed, "c-2"), None);
        assert_eq!(other.open(&sealed, "c-1"), None);
        for broken in ["", "A", "AAAA", "Bearer a-token", &sealed[1..], &sealed[..sealed.len() - 2]] {
            assert_eq!(seal.open(broken, "c-1"), None, "{broken}");
        }
    }
}
