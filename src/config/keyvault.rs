//! Values that stand in a Key Vault: `keyvault:https://<vault>.vault.azure.net/secrets/<name>[/<version>]`.

use std::{collections::HashMap, fmt, sync::Arc};

use url::Url;

use super::reader::is_loopback;
use crate::credential::LiveSecret;

const PREFIX: &str = "keyvault:";
/// How the Functions host's own reference begins. It has put the secret in its place, or could not.
const OF_THE_HOST: &str = "@Microsoft.KeyVault(";
/// Azure, Azure in China, Azure for the US government.
const DOMAINS: [&str; 3] = [".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net"];
const FORM: &str = "is not a whole `keyvault:` value; write `keyvault:https://VAULT.vault.azure.net/secrets/NAME`, \
                    with `/VERSION` after it to stay with one version.";

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The vault's root, with a trailing slash.
    pub vault: Url,
    pub name: String,
    /// `None`: the current one.
    pub version: Option<String>,
}

/// What is said of a value that is where a secret stands instead of the secret.
pub const BARE: &str = "is where a secret stands in a Key Vault; write `keyvault:` before it.";

/// What was found in vaults, by the setting that named it, or [`entry`] of one; else the end of a sentence about that.
pub type Secrets = HashMap<String, Result<Arc<LiveSecret>, String>>;

/// Settings that are JSON objects, each of whose entries may stand in a vault of its own.
pub const WITH_ENTRIES: [&str; 2] = ["RELAY_SECRETS", "SECONDARY_AGENTS"];

/// Whether a value is the host's reference still.
pub(super) fn is_unresolved(value: &str) -> bool {
    behind(OF_THE_HOST, value).is_some()
}

/// Whether a value names where a secret stands, in either way, rightly or not. That is no secret, and can be guessed.
pub(super) fn names_a_vault(value: &str) -> bool {
    is_unresolved(value) || behind(PREFIX, value).is_some()
}

/// What stands behind a prefix, in whatever case that is written, and without quotes around the whole.
fn behind<'a>(prefix: &str, value: &'a str) -> Option<&'a str> {
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let (start, rest) = value.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// How one entry of a setting is called among the secrets.
pub fn entry(setting: &str, name: &str) -> String {
    format!("{setting}.{name}")
}

impl Reference {
    /// `None` when the value is none.
    ///
    /// # Errors
    /// What is wrong with it, to follow the setting's name. Shows no more of it than a host.
    pub fn parse(value: &str) -> Option<Result<Self, String>> {
        behind(PREFIX, value).map(|address| read(address.trim()))
    }

    /// Whether a value is where a secret stands, with nothing to say so: what the portal calls the secret's identifier.
    pub fn is_bare(value: &str) -> bool {
        let found = read(value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')));
        found.is_ok_and(|reference| !reference.is_local())
    }

    /// Whether the secret's value can ever change.
    pub fn is_pinned(&self) -> bool {
        self.version.is_some()
    }

    /// The vault on this machine is a test's.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.vault)
    }

    pub fn host(&self) -> &str {
        self.vault.host_str().unwrap_or_default()
    }
}

/// As it stands in sentences.
impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "secret `{}` of {}", self.name, self.host())
    }
}

fn read(address: &str) -> Result<Reference, String> {
    let Ok(url) = Url::parse(address) else { return Err(FORM.to_owned()) };
    let plain = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let mut parts: Vec<_> = url.path().trim_start_matches('/').split('/').collect();
    parts.pop_if(|part| part.is_empty());
    let (name, version) = match parts[..] {
        ["secrets", name] => (name, None),
        ["secrets", name, version] => (name, Some(version)),
        _ => return Err(FORM.to_owned()),
    };
    let is_version = |version: &str| version.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && !name.is_empty() && !is_name(name, 127) {
        return Err(
            "names a secret that no vault can hold: a name has letters, digits and hyphens alone; write the \
                    name as the vault shows it."
                .to_owned(),
        );
    }
    if !plain || !is_name(name, 127) || version.is_some_and(|version| !is_version(version)) {
        return Err(FORM.to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    let label = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain));
    if !is_loopback(&url) && !label.is_some_and(|label| is_name(label, 24)) {
        return Err(format!(
            "names the host {host}, which is no Key Vault; write `https://VAULT.vault.azure.net/secrets/NAME` \
             after `keyvault:`."
        ));
    }
    let (name, version) = (name.to_owned(), version.map(str::to_owned));
    let mut vault = url;
    vault.set_path("");
    Ok(Reference { vault, name, version })
}

fn is_name(name: &str, longest: usize) -> bool {
    let fits = |byte: u8| byte == b'-' || byte.is_ascii_alphanumeric();
    !name.is_empty() && name.len() <= longest && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_vault_secret_and_version() {
        let rows = [
            ("keyvault:https://acme.vault.azure.net/secrets/sn-password", "acme.vault.azure.net", None),
            (" keyvault: https://acme.vault.azure.net/secrets/sn-password/ ", "acme.vault.azure.net", None),
            ("keyvault:https://ACME.vault.azure.cn/secrets/sn-password", "acme.vault.azure.cn", None),
            (
                "keyvault:https://a-1.vault.usgovcloudapi.net/secrets/sn-password/0f1e",
                "a-1.vault.usgovcloudapi.net",
                Some("0f1e"),
            ),
            ("keyvault:https://localhost:8443/secrets/sn-password", "localhost", None),
            ("keyvault:https://127.0.0.1:8443/secrets/sn-password", "127.0.0.1", None),
        ];
        for (value, host, version) in rows {
            let read = Reference::parse(value).expect("a reference").expect(value);
            assert_eq!((read.host(), &*read.name, read.version.as_deref()), (host, "sn-password", version));
            assert!(read.vault.path() == "/" && read.is_pinned() == version.is_some());
        }
        assert!(Reference::parse("https://acme.vault.azure.net/secrets/x").is_none());
    }

    #[test]
    fn a_reference_is_known_in_any_case_and_between_quotes() {
        let address = "https://acme.vault.azure.net/secrets/sn-password";
        for value in [
            format!("KeyVault:{address}"),
            format!("KEYVAULT: {address}"),
            format!("\"keyvault:{address}\""),
            format!(" 'keyvault:{address}' "),
        ] {
            let read = Reference::parse(&value).expect("a reference").expect(&value);
            assert_eq!((read.host(), &*read.name), ("acme.vault.azure.net", "sn-password"));
            assert!(names_a_vault(&value) && !is_unresolved(&value));
        }
        for value in ["@microsoft.keyvault(x)", "\"@Microsoft.KeyVault(x)\"", " @MICROSOFT.KEYVAULT(x)"] {
            assert!(names_a_vault(value) && is_unresolved(value), "{value}");
        }
        for secret in ["keyvault", "my-keyvault:x", "ключ", "\"\"", ""] {
            assert!(!names_a_vault(secret), "{secret}");
        }
    }

    #[test]
    fn what_is_no_reference_says_how_to_write_one_and_shows_no_value() {
        for address in [
            "SECRET",
            "",
            "https://acme.vault.azure.net/",
            "https://acme.vault.azure.net/secrets/",
            "https://acme.vault.azure.net/keys/SECRET",
            "https://acme.vault.azure.net/secrets/SECRET/1/2",
            "https://acme.vault.azure.net/secrets/SECRET/v-1",
            "https://acme.vault.azure.net/secrets/x?SECRET",
            "https://acme.vault.azure.net/secrets/x#SECRET",
            "https://u:SECRET@acme.vault.azure.net/secrets/x",
            "http://acme.vault.azure.net/secrets/SECRET",
            "http://127.0.0.1/secrets/SECRET",
        ] {
            let what =
                Reference::parse(&format!("keyvault:{address}")).expect("a reference").expect_err(address);
            assert!(what.starts_with("is not a whole") && !what.contains("SECRET"), "{address}: {what}");
        }
    }

    #[test]
    fn an_identifier_from_the_portal_is_told_from_a_secret() {
        for (value, is_bare) in [
            ("https://acme.vault.azure.net/secrets/sn-password", true),
            (" 'https://acme.vault.azure.net/secrets/sn-password/0f1e' ", true),
            ("https://acme.vault.azure.net/keys/sn-password", false),
            ("https://acme.example.com/secrets/sn-password", false),
            ("keyvault:https://acme.vault.azure.net/secrets/sn-password", false),
        ] {
            assert_eq!(Reference::is_bare(value), is_bare, "{value}");
        }
        let what = Reference::parse("keyvault:https://acme.vault.azure.net/secrets/sn_password");
        let what = what.expect("a reference").expect_err("no such name");
        assert!(what.contains("letters, digits and hyphens alone; write the name"), "{what}");
    }

    #[test]
    fn a_host_that_is_no_vault_is_named() {
        for host in [
            "acme.example.com",
            "acme.vault.azure.net.example.com",
            "evilvault.azure.net",
            "vault.azure.net",
            "a.b.vault.azure.net",
            "10.0.0.4",
        ] {
            let value = format!("keyvault:https://{host}/secrets/x");
            let what = Reference::parse(&value).expect("a reference").expect_err(host);
            assert!(what.starts_with(&format!("names the host {host}, which is no Key Vault")), "{what}");
        }
    }
}
