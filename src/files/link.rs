//! Signed links that end: what `api/files/…` gives out, and to whom.
//!
//! `<kind>/<target>/<expiry>/<signature>`: an HMAC-SHA256 over the first three. Nobody but this program can make
//! one, so nobody can make it fetch what ServiceNow or a user did not send.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    config::Settings,
    credential::derived,
    domain::{ConversationId, Timestamp},
};

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Path and query on the instance; never a host.
    Instance(String),
    /// A file of ours.
    Stored(String),
    /// A picture that a message of ServiceNow's holds itself; see [`Carried`].
    Carried(Carried),
}

/// Where a picture stands: the message that holds it is the only place where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    pub conversation: ConversationId,
    /// Of the fact.
    pub position: u64,
    /// Of the picture in it.
    pub mark: String,
}

impl Carried {
    fn write(&self) -> String {
        let Self { conversation, position, mark } = self;
        URL_SAFE_NO_PAD.encode(format!("{position}/{mark}/{conversation}"))
    }

    fn read(written: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(written).ok()?;
        let mut parts = std::str::from_utf8(&bytes).ok()?.splitn(3, '/');
        let (position, mark) = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
        Some(Self { conversation: ConversationId::parse(parts.next()?)?, position, mark })
    }
}

/// Why a link leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// Not signed by us.
    Forged,
    Over,
}

/// Writes and reads links. All instances of the app have the same key, because they have the same settings.
pub struct Signer {
    key: Hmac<Sha256>,
}

impl Signer {
    /// Changing any of the settings' secrets ends the links given out so far.
    pub fn new(settings: &Settings) -> Self {
        Self { key: mac(&derived::key(settings, b"servicenow-handoff file links 1")) }
    }

    /// The link's path below `api/files/`.
    pub fn write(&self, target: &Target, until: Timestamp) -> String {
        let signed = match target {
            Target::Instance(path) => format!("i/{}/{}", URL_SAFE_NO_PAD.encode(path), until.0),
            Target::Stored(name) => format!("s/{name}/{}", until.0),
            Target::Carried(carried) => format!("c/{}/{}", carried.write(), until.0),
        };
        let signature = self.signature(&signed).finalize().into_bytes();
        format!("{signed}/{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Reads a path back; the time is asked only of a link that is ours.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn read(&self, path: &str, now: Timestamp) -> Result<(Target, Timestamp), LinkError> {
        let parts: Vec<&str> = path.split('/').collect();
        let [kind @ ("i" | "s" | "c"), target, until, signature] = parts[..] else {
            return Err(LinkError::Forged);
        };
        let presented = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LinkError::Forged)?;
        let signed = self.signature(&format!("{kind}/{target}/{until}"));
        // Compares in constant time.
        signed.verify_slice(&presented).map_err(|_| LinkError::Forged)?;
        let until = Timestamp(until.parse().map_err(|_| LinkError::Forged)?);
        if until <= now {
            return Err(LinkError::Over);
        }
        let target = match kind {
            "s" => Target::Stored(target.to_owned()),
            "c" => Target::Carried(Carried::read(target).ok_or(LinkError::Forged)?),
            _ => {
                let path = URL_SAFE_NO_PAD.decode(target).ok().and_then(|path| String::from_utf8(path).ok());
                Target::Instance(path.ok_or(LinkError::Forged)?)
            }
        };
        Ok((target, until))
    }

    fn signature(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(signed.as_bytes());
        mac
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const LATER: Timestamp = Timestamp(2_000_000);

    fn signer(changes: &[(&str, &str)]) -> Signer {
        let base = [
            ("SERVICENOW_URL", "https://acme.service-now.com"),
            ("SERVICENOW_USERNAME", "u"),
            ("SERVICENOW_PASSWORD", "p"),
        ];
        let value = |name: &str| {
            let found = base.iter().chain(changes).rev().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Signer::new(&Settings::from_env(value).expect("settings"))
    }

    #[test]
    fn a_link_reads_back_until_it_is_over() {
        let signer = signer(&[]);
        let conversation = ConversationId::parse("a~2|b-eu").expect("an id");
        let carried = Carried { conversation, position: 17, mark: "0af3".to_owned() };
        for target in [
            Target::Instance("/sys_attachment.do?sys_id=ä&x=/".into()),
            Target::Stored("1-ab".into()),
            Target::Carried(carried),
        ] {
            let link = signer.write(&target, LATER);
            assert_eq!(signer.read(&link, NOW), Ok((target, LATER)), "{link}");
            assert_eq!(signer.read(&link, LATER), Err(LinkError::Over));
        }
    }

    #[test]
    fn no_part_of_a_link_can_be_changed() {
        let signer = signer(&[]);
        let link = signer.write(&Target::Stored("1-ab".into()), LATER);
        let parts: Vec<&str> = link.split('/').collect();
        let other = [
            ["i", parts[1], parts[2], parts[3]].join("/"),
            ["s", "1-ac", parts[2], parts[3]].join("/"),
            ["s", parts[1], "3000000", parts[3]].join("/"),
            ["s", parts[1], "02000000", parts[3]].join("/"),
            ["s", parts[1], parts[2], ""].join("/"),
            ["s", parts[1], parts[2], &parts[3][..40]].join("/"),
            ["s", parts[1], parts[2], &parts[3].to_lowercase()].join("/"),
        ];
        for tampered in other {
            assert_eq!(signer.read(&tampered, NOW), Err(LinkError::Forged), "{tampered}");
        }
        for odd in ["", "s", "x/1/2/3", "s/1/2/3/4", "s/1/2"] {
            assert_eq!(signer.read(odd, NOW), Err(LinkError::Forged), "{odd}");
        }
    }

    #[test]
    fn the_key_is_that_of_the_settings() {
        let link = signer(&[]).write(&Target::Stored("1-ab".into()), LATER);
        assert!(signer(&[("LOG", "debug")]).read(&link, NOW).is_ok(), "another instance of the same app");
        let changes = [
            ("SERVICENOW_PASSWORD", "q"),
            ("SERVICENOW_TOKEN", "t"),
            ("RESPONSES_TOKEN", "p"),
            ("SERVICENOW_URL", "https://other.service-now.com"),
        ];
        for change in changes {
            assert_eq!(signer(&[change]).read(&link, NOW), Err(LinkError::Forged), "{change:?}");
        }
    }
}
