//! Proof that a caller of ours is who they should be. Only this module makes a [`Verified`].

mod compact;

use std::fmt;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use self::compact::compact;
use crate::{
    config::{InboundCredential, SecondaryBotSettings},
    credential::{Credential, Value, mark, renewed},
    wire::json,
};

/// Something whose sender has been checked.
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The proof, for what came from the same sender in the same request.
    pub fn goes_for<U>(self, other: U) -> Verified<U> {
        Verified(other)
    }
}

/// Shows nothing of what it holds: mostly a body, with what people say in it.
impl<T> fmt::Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified(…)")
    }
}

/// Why a caller was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No credential is set up, so nobody may call.
    #[error("no credential is configured for this route")]
    NotConfigured,
    /// Missing or wrong; the caller is not told which.
    #[error("the caller did not prove itself")]
    Unauthorized,
}

/// Lets `body` through when the headers carry what `credential` demands.
///
/// Taken are `token: X`, `Authorization: Bearer X` and `Authorization: Basic base64(user:password)`; any one
/// that is configured is enough. Compares in constant time. An empty secret counts as none.
///
/// # Errors
/// See [`AuthError`].
pub fn verify<T>(
    credential: &InboundCredential,
    headers: &HeaderMap,
    body: T,
) -> Result<Verified<T>, AuthError> {
    let InboundCredential { token, basic } = credential;
    let (token, basic) = (configured(token), configured(basic));
    let (token, basic) = (exposed(&token), exposed(&basic));
    if token.is_none() && basic.is_none() {
        return Err(AuthError::NotConfigured);
    }
    let authorization = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let bearer = authorization.and_then(|value| after_scheme(value, b"bearer"));
    let user = authorization.and_then(|value| after_scheme(value, b"basic"));
    let user = user.and_then(|encoded| BASE64.decode(encoded).ok());
    let proven = same(token, headers.get("token").map(|value| value.as_bytes()))
        | same(token, bearer)
        | same(basic, user.as_deref());
    if bool::from(proven) { Ok(Verified(body)) } else { Err(AuthError::Unauthorized) }
}

/// Makes a check of a caller; once more when it failed and a vault has a new value of what we compare with.
///
/// # Errors
/// As the check.
pub async fn with_latest<'a, T, C>(
    credentials: C,
    check: impl Fn() -> Result<T, AuthError>,
) -> Result<T, AuthError>
where
    C: IntoIterator<Item = &'a Credential> + Clone,
{
    let before = mark(credentials.clone());
    match check() {
        Err(AuthError::Unauthorized) if renewed(credentials, &before).await => check(),
        outcome => outcome,
    }
}

/// Whether one of what a caller presents is the key. In constant time; an empty key is nobody's.
pub fn has_key(key: &Credential, presented: [Option<&[u8]>; 2]) -> bool {
    let key = key.value();
    let key = Some(key.expose_secret()).filter(|key| !key.is_empty());
    bool::from(same(key, presented[0]) | same(key, presented[1]))
}

/// Lets `body` through when a primary bot proves itself by one of the role's credentials: `token: X` or else a
/// top-level `token` in the body, `x-b2b-signature` over the very bytes or over their compact JSON, or Basic.
///
/// # Errors
/// See [`AuthError`].
pub fn verify_primary<T: AsRef<[u8]>>(
    role: &SecondaryBotSettings,
    headers: &HeaderMap,
    body: T,
) -> Result<Verified<T>, AuthError> {
    let bytes = body.as_ref();
    let token = configured(&role.token);
    let in_header = headers.get("token").map(|value| value.as_bytes()).filter(|token| !token.is_empty());
    let in_body = match in_header {
        None if token.is_some() => {
            serde_json::from_str::<BodyToken>(&json::text(bytes)).ok().and_then(|body| body.token)
        }
        _ => None,
    };
    let proven = proves_itself(role, headers)
        | same(exposed(&token), in_body.as_deref().map(str::as_bytes))
        | is_signed(role, headers, bytes);
    if bool::from(proven) { Ok(Verified(body)) } else { Err(why_not(role)) }
}

/// As [`verify_primary`], by the headers alone: for a body that is too large to be held.
///
/// # Errors
/// See [`AuthError`].
pub fn verify_primary_headers<T>(
    role: &SecondaryBotSettings,
    headers: &HeaderMap,
    body: T,
) -> Result<Verified<T>, AuthError> {
    if bool::from(proves_itself(role, headers)) { Ok(Verified(body)) } else { Err(why_not(role)) }
}

/// A body's signature, checked while the body comes in: for one that is too large to be held.
pub struct Signed {
    mac: Hmac<Sha1>,
    claimed: Vec<u8>,
}

impl Signed {
    /// `None` when the headers claim none, or there is no secret to check it with.
    pub fn begin(role: &SecondaryBotSettings, headers: &HeaderMap) -> Option<Self> {
        let secret = configured(&role.hash_secret)?;
        let claimed = headers.get("x-b2b-signature")?.as_bytes().trim_ascii().to_ascii_lowercase();
        Some(Self { mac: keyed(secret.expose_secret()), claimed })
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
    }

    /// Whether what was added is what was signed.
    ///
    /// # Errors
    /// [`AuthError::Unauthorized`].
    pub fn verify(self) -> Result<(), AuthError> {
        let signed = hex::encode(self.mac.finalize().into_bytes());
        bool::from(same(Some(&signed), Some(&self.claimed))).then_some(()).ok_or(AuthError::Unauthorized)
    }
}

/// ServiceNow's own script signs the compact JSON, whatever the body looks like; so do others, in other languages.
fn is_signed(role: &SecondaryBotSettings, headers: &HeaderMap, body: &[u8]) -> Choice {
    let Some(signed) = headers.get("x-b2b-signature") else { return Choice::from(0) };
    let Some(secret) = configured(&role.hash_secret) else { return Choice::from(0) };
    let signed = signed.as_bytes().trim_ascii().to_ascii_lowercase();
    let over = |bytes: &[u8]| same(Some(&signature(secret.expose_secret(), bytes)), Some(&signed));
    compact(body).iter().fold(over(body), |proven, written| proven | over(written.as_bytes()))
}

#[derive(Deserialize)]
struct BodyToken {
    token: Option<String>,
}

fn proves_itself(role: &SecondaryBotSettings, headers: &HeaderMap) -> Choice {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let user = authorization.and_then(|value| after_scheme(value, b"basic"));
    let user = user.and_then(|encoded| BASE64.decode(encoded).ok());
    let (token, basic) = (configured(&role.token), configured(&role.basic));
    same(exposed(&token), headers.get("token").map(|value| value.as_bytes()))
        | same(exposed(&basic), user.as_deref())
}

fn why_not(role: &SecondaryBotSettings) -> AuthError {
    let SecondaryBotSettings { token, hash_secret, basic, response: _, agents: _ } = role;
    let any = [token, hash_secret, basic].into_iter().any(|secret| configured(secret).is_some());
    if any { AuthError::Unauthorized } else { AuthError::NotConfigured }
}

/// HMAC-SHA1 over the very bytes, in lower-case hex.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = keyed(secret);
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn keyed(secret: &str) -> Hmac<Sha1> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length")
}

/// SHA-256 of a Direct Line token, in hex: remembers a token without keeping it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(String);

impl TokenHash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hashes the bearer value of an `Authorization` header; the same with and without its scheme.
pub fn token_hash(authorization: &str) -> TokenHash {
    let value = authorization.trim().as_bytes();
    TokenHash(hex::encode(Sha256::digest(after_scheme(value, b"bearer").unwrap_or(value))))
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn configured(secret: &Option<Credential>) -> Option<Value<'_>> {
    secret.as_ref().map(Credential::value).filter(|secret| !secret.expose_secret().is_empty())
}

fn exposed<'a>(secret: &'a Option<Value<'_>>) -> Option<&'a str> {
    secret.as_ref().map(|secret| secret.expose_secret())
}

/// What follows the scheme, whose case does not count.
fn after_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = value.trim_ascii().split_at_checked(scheme.len())?;
    let separated = rest.first().is_some_and(u8::is_ascii_whitespace);
    (separated && head.eq_ignore_ascii_case(scheme)).then(|| rest.trim_ascii())
}

/// Compares digests, so that not even a length shows in the time it takes.
fn same(expected: Option<&str>, presented: Option<&[u8]>) -> Choice {
    match (expected, presented) {
        (Some(expected), Some(presented)) => {
            Sha256::digest(expected).as_slice().ct_eq(Sha256::digest(presented).as_slice())
        }
        _ => Choice::from(0),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::credential::testing::Vault;

    #[test]
    fn any_one_configured_credential_is_enough_and_nothing_else() {
        let both = credential(Some("tök-en"), Some("jo:pass:word"));
        let token = credential(Some("tök-en"), None);
        let basic = credential(None, Some("jo:pass:word"));
        let jo = "Basic am86cGFzczp3b3Jk";
        let rows: [(&InboundCredential, &str, &str, bool); 15] = [
            (&both, "token", "tök-en", true),
            (&both, "authorization", "Bearer tök-en", true),
            (&both, "authorization", "bearer  tök-en ", true),
            (&both, "authorization", jo, true),
            (&both, "authorization", "basic am86cGFzczp3b3Jk", true),
            (&token, "authorization", jo, false),
            (&basic, "token", "tök-en", false),
            (&basic, "token", "jo:pass:word", false),
            (&both, "token", "tök-e", false),
            (&both, "token", "", false),
            (&both, "authorization", "tök-en", false),
            (&both, "authorization", "Bearertök-en", false),
            (&both, "authorization", "Basic !", false),
            (&both, "authorization", "Basic", false),
            (&both, "x-token", "tök-en", false),
        ];
        for (credential, name, value, expected) in rows {
            let verified = verify(credential, &headers(&[(name, value)]), "body");
            match verified {
                Ok(body) => assert!(expected && body.into_inner() == "body", "{name}: {value}"),
                Err(error) => {
                    assert!(!expected, "{name}: {value}");
                    assert_eq!(error, AuthError::Unauthorized);
                }
            }
        }
    }

    #[test]
    fn a_wrong_token_beside_a_right_login_does_no_harm() {
        let both = credential(Some("a"), Some("u:p"));
        let headers = headers(&[("token", "wrong"), ("authorization", "Basic dTpw")]);
        assert!(verify(&both, &headers, ()).is_ok());
    }

    #[test]
    fn a_caller_with_no_header_is_unauthorized() {
        let outcome = verify(&credential(Some("a"), None), &HeaderMap::new(), ()).err();
        assert_eq!(outcome, Some(AuthError::Unauthorized));
    }

    #[test]
    fn nothing_configured_lets_nobody_in() {
        for closed in [credential(None, None), credential(Some(""), Some(""))] {
            let outcome = verify(&closed, &headers(&[("token", "")]), ()).err();
            assert_eq!(outcome, Some(AuthError::NotConfigured));
        }
    }

    #[tokio::test]
    async fn a_caller_with_a_new_token_is_let_in_once_the_vault_has_it() {
        let vault = Vault::default();
        let credential = InboundCredential { token: Some(vault.credential("old")), basic: None };
        let caller = |token: &str| headers(&[("token", token)]);
        let check = async |headers: &HeaderMap| {
            with_latest(credential.credentials(), || verify(&credential, headers, ())).await.is_ok()
        };
        assert!(check(&caller("old")).await && vault.asked() == 0);
        vault.put(Some("new"));
        assert!(check(&caller("new")).await && vault.asked() == 1);
        assert!(!check(&caller("old")).await && !check(&caller("guess")).await && vault.asked() == 1);
    }

    #[test]
    fn a_key_may_stand_in_either_place_and_an_empty_one_opens_nothing() {
        let rows = [
            ("k1", [Some("k1"), None], true),
            ("k1", [None, Some("k1")], true),
            ("k1", [Some("k2"), Some("k1")], true),
            ("k1", [Some("k2"), None], false),
            ("k1", [Some(""), Some("k")], false),
            ("k1", [None, None], false),
            ("", [Some(""), None], false),
        ];
        for (key, presented, expected) in rows {
            let has_it = has_key(&key.into(), presented.map(|one| one.map(str::as_bytes)));
            assert_eq!(has_it, expected, "{presented:?}");
        }
    }

    #[test]
    fn a_primary_bot_proves_itself_in_any_one_way() {
        let body = r#"{"token":"t-1","text":"ä"}"#;
        let signed = signature("h-1", body.as_bytes());
        let role = |token: bool, hash: bool, basic: bool| SecondaryBotSettings {
            token: token.then(|| "t-1".into()),
            hash_secret: hash.then(|| "h-1".into()),
            basic: basic.then(|| "u:p".into()),
            response: None,
            agents: Vec::new(),
        };
        let refused = Err(AuthError::Unauthorized);
        type Row<'a> = (SecondaryBotSettings, &'a str, &'a str, &'a str, Result<(), AuthError>);
        let marked = format!("\u{feff}{body}");
        let rows: [Row<'_>; 15] = [
            (role(true, false, false), "x", "", &marked, Ok(())),
            (role(false, true, false), "x-b2b-signature", &signed, &marked, Ok(())),
            (role(true, false, false), "token", "t-1", "{}", Ok(())),
            (role(true, true, true), "x", "", body, Ok(())),
            (role(true, false, false), "token", "wrong", body, refused),
            (role(true, false, false), "token", "", "{}", refused),
            (role(true, false, false), "x", "", r#"{"token":7}"#, refused),
            (role(true, false, false), "x", "", "no JSON", refused),
            (role(false, true, false), "x-b2b-signature", &signed, body, Ok(())),
            (role(false, true, false), "x-b2b-signature", &signed.to_uppercase(), body, Ok(())),
            (role(false, true, false), "x-b2b-signature", &signed, "{}", refused),
            (role(false, true, false), "x", "", body, refused),
            (role(true, true, true), "authorization", "Basic dTpw", "{}", Ok(())),
            (role(true, true, false), "authorization", "Basic dTpw", "{}", refused),
            (role(false, false, false), "token", "", body, Err(AuthError::NotConfigured)),
        ];
        for (role, name, value, body, expected) in rows {
            let headers = headers(&[(name, value)]);
            let verified = verify_primary(&role, &headers, body.as_bytes());
            assert_eq!(verified.map(drop), expected, "{name}: {value} {body}");
        }
    }

    #[test]
    fn a_token_hash_does_not_hang_on_the_scheme() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for given in ["abc", "Bearer abc", "bearer   abc "] {
            assert_eq!(token_hash(given).as_str(), abc, "{given}");
        }
        assert_ne!(token_hash("Bearer abd").as_str(), abc);
        let stored = serde_json::to_string(&token_hash("abc")).expect("JSON");
        assert_eq!(stored, format!("\"{abc}\""));
    }

    #[test]
    fn what_was_verified_is_not_shown() {
        let body = verify(&credential(Some("a"), None), &headers(&[("token", "a")]), "what people say");
        assert_eq!(format!("{body:?}"), "Ok(Verified(…))");
    }

    fn credential(token: Option<&str>, basic: Option<&str>) -> InboundCredential {
        InboundCredential { token: token.map(Into::into), basic: basic.map(Into::into) }
    }

    fn headers(given: &[(&str, &str)]) -> HeaderMap {
        given
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::try_from(*name).expect("a header name");
                (name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"))
            })
            .collect()
    }
}
