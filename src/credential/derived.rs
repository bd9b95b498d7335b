//! Keys of the app's own, derived from the secrets it has: nothing more is to be set up, and all its instances have the same.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::Credential;
use crate::{
    config::{ServiceNowLogin, Settings},
    domain::random,
};

/// A key for one purpose, from all secrets of the settings: to guess one of them from what the key made, all the others must be
/// known. Changing any of them changes the key.
pub fn key(settings: &Settings, purpose: &[u8]) -> [u8; 32] {
    let mut material = mac(purpose);
    for secret in secrets(settings) {
        let value = secret.map(Credential::value);
        let secret = value.as_ref().map(|value| value.expose_secret()).unwrap_or_default();
        material.update(&(secret.len() as u64).to_be_bytes());
        material.update(secret.as_bytes());
    }
    let instance = settings.servicenow.as_ref().map(|far_end| far_end.url.as_str()).unwrap_or_default();
    let mut derived = mac(&material.finalize().into_bytes());
    derived.update(instance.as_bytes());
    derived.finalize().into_bytes().into()
}

/// The key of the marks by which masked words are known again. Without secrets it is this process's own: one that could be
/// computed would let whoever has the store try all PINs.
pub fn marks(settings: &Settings) -> [u8; 32] {
    if has_secrets(settings) { key(settings, b"servicenow-handoff marks 1") } else { random() }
}

/// Whether the settings hold any secret that a key can be made of.
pub fn has_secrets(settings: &Settings) -> bool {
    secrets(settings).iter().any(Option::is_some)
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn secrets(settings: &Settings) -> [Option<&Credential>; 10] {
    let far_end = settings.servicenow.as_ref();
    let secondary = settings.secondary_bot.as_ref();
    let (password, client_secret) = match far_end.map(|far_end| &far_end.login) {
        Some(ServiceNowLogin::Basic { username: _, password }) => (Some(password), None),
        Some(ServiceNowLogin::Password { client_id: _, client_secret, username: _, password }) => {
            (Some(password), Some(client_secret))
        }
        Some(ServiceNowLogin::ClientCredentials { client_id: _, client_secret }) => {
            (None, Some(client_secret))
        }
        Some(ServiceNowLogin::None) | None => (None, None),
    };
    [
        password,
        client_secret,
        far_end.and_then(|far_end| far_end.token.as_ref()),
        far_end.and_then(|far_end| far_end.hash_secret.as_ref()),
        settings.direct_line.secret.as_ref(),
        settings.responses.token.as_ref(),
        settings.responses.basic.as_ref(),
        secondary.and_then(|role| role.token.as_ref()),
        secondary.and_then(|role| role.hash_secret.as_ref()),
        secondary.and_then(|role| role.basic.as_ref()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_can_be_made_by_who_has_the_secrets_and_without_any_by_one_process_alone() {
        let settings = |secret: &str| {
            let value =
                |name: &str| (name == "DIRECT_LINE_SECRET" && !secret.is_empty()).then(|| secret.into());
            Settings::from_env(value).expect("settings")
        };
        assert_eq!(marks(&settings("a")), marks(&settings("a")));
        assert_ne!(marks(&settings("a")), marks(&settings("b")));
        assert_ne!(marks(&settings("")), marks(&settings("")));
    }
}
