//! Direct Line tokens: signed, so that nothing needs to be looked up to check one.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::refusal::Refusal;

/// What a token says. One token opens one conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub bot: String,
    pub conv: String,
    /// Overrides `from.id` of what the client sends; begins with `dl_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Unix seconds.
    pub nbf: i64,
    pub exp: i64,
    pub iss: String,
    pub aud: String,
    /// Grows with each token, so that all older than some moment can be called in.
    pub jti: u64,
}

/// Makes and checks tokens with a key of its own.
pub struct Mint {
    key: Hmac<Sha256>,
    last: AtomicU64,
}

impl Mint {
    pub fn new() -> std::io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        let key = Hmac::new_from_slice(&key).map_err(std::io::Error::other)?;
        Ok(Self { key, last: AtomicU64::new(0) })
    }

    /// A number above that of every token so far.
    pub fn next_serial(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn sign(&self, claims: &Claims) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = serde_json::to_vec(claims).expect("strings and numbers can't fail to serialise");
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.clone().chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Reads a token of ours back; `now` in Unix seconds.
    pub fn check(&self, token: &str, now: i64) -> Result<Claims, Refusal> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::BadToken)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::BadToken)?;
        let authentic = self.key.clone().chain_update(signed).verify_slice(&signature);
        authentic.map_err(|_| Refusal::BadToken)?;
        let (_, claims) = signed.split_once('.').ok_or(Refusal::BadToken)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Refusal::BadToken)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| Refusal::BadToken)?;
        if claims.exp <= now { Err(Refusal::TokenExpired) } else { Ok(claims) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_until_it_expires() {
        let mint = Mint::new().expect("a key");
        let claims = claims();
        let token = mint.sign(&claims);
        assert_eq!(mint.check(&token, 1_799).expect("good"), claims);
        assert!(matches!(mint.check(&token, 1_800), Err(Refusal::TokenExpired)));
    }

    #[test]
    fn anything_else_is_a_bad_token() {
        let mint = Mint::new().expect("a key");
        let foreign = Mint::new().expect("another key").sign(&claims());
        for token in ["", ".", "a.b.c", foreign.as_str()] {
            assert!(matches!(mint.check(token, 0), Err(Refusal::BadToken)), "{token}");
        }
    }

    fn claims() -> Claims {
        Claims {
            bot: "b".into(),
            conv: "c".into(),
            user: Some("dl_ada".into()),
            nbf: 0,
            exp: 1_800,
            iss: "i".into(),
            aud: "i".into(),
            jti: 1,
        }
    }
}
