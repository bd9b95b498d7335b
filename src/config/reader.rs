//! Reads single settings and gathers what is wrong with them.

use std::{ops::RangeInclusive, time::Duration};

use secrecy::SecretString;
use url::{Host, Url};

use super::{
    catalogue::{SETTINGS, default_of},
    fault::SettingFault,
    file::unquoted,
    keyvault::{BARE, Reference, Secrets, entry, is_unresolved, names_a_vault},
    platform::Place,
};
use crate::credential::Credential;

/// Takes settings out of the environment. A wrong one is noted and read as unset, so that all
/// faults come out at once; a caller that asks "is it there?" uses [`Reader::is_set`].
pub(super) struct Reader<F> {
    var: F,
    secrets: Secrets,
    faults: Vec<SettingFault>,
    quoted: Vec<&'static str>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub fn new(var: F, secrets: Secrets) -> Self {
        Self { var, secrets, faults: Vec::new(), quoted: Vec::new() }
    }

    /// Whether something was given, right or wrong.
    pub fn is_set(&self, name: &str) -> bool {
        (self.var)(name).is_some_and(|value| !value.trim().is_empty())
    }

    /// Where the process runs.
    pub fn place(&self) -> Place {
        Place::seen(&self.var)
    }

    /// The first of `names` that is set.
    pub fn first_set(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.is_set(name))
    }

    /// The first of `names` that is set to anything but its default, which an example of the settings has in it.
    pub fn first_said(&self, names: &[&'static str]) -> Option<&'static str> {
        let is_said = |name: &&'static str| {
            (self.var)(name).is_some_and(|value| !value.trim().is_empty() && value.trim() != default_of(name))
        };
        names.iter().copied().find(is_said)
    }

    /// Whether something was found wrong with it.
    pub fn is_at_fault(&self, name: &str) -> bool {
        self.faults.iter().any(|fault| fault.setting == name)
    }

    /// Notes a fault; `what` goes on after the setting's name and ends the sentence. It quotes the value in
    /// backticks, if at all: what comes from a vault is a secret even where the setting is none.
    pub fn fault(&mut self, setting: &'static str, what: impl AsRef<str>) {
        let what = match self.secrets.get(setting) {
            Some(Ok(secret)) => secret.with(|value| without(value, what.as_ref())),
            _ => what.as_ref().to_owned(),
        };
        self.faults.push(SettingFault { setting, sentence: format!("{setting} {what}") });
    }

    /// Secrets that stand in quotes: theirs, or left on by whoever started us.
    pub fn quoted(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.quoted)
    }

    /// Everything that was wrong, in the order of the settings table.
    pub fn into_faults(mut self) -> Vec<SettingFault> {
        self.faults.sort_by_key(|fault| SETTINGS.iter().position(|setting| setting.name == fault.setting));
        self.faults
    }

    fn raw(&mut self, name: &'static str) -> Option<String> {
        let value = (self.var)(name).filter(|value| !value.trim().is_empty())?;
        match self.secrets.get(name) {
            Some(Ok(secret)) => return Some(secret.with(str::to_owned)),
            Some(Err(what)) => {
                let what = what.clone();
                self.fault(name, what);
                return None;
            }
            None => {}
        }
        if let Some(reference) = Reference::parse(&value) {
            let unread = "is a `keyvault:` value, and the vaults have not been read; write the value itself.";
            self.fault(name, reference.err().unwrap_or_else(|| unread.to_owned()));
            return None;
        }
        if is_unresolved(&value) {
            self.fault(
                name,
                "still holds its Key Vault reference, so Azure could not read the secret; check that the \
                 app's identity may read the vault and that the secret exists.",
            );
            return None;
        }
        if Reference::is_bare(&value) {
            self.fault(name, BARE);
            return None;
        }
        if value.contains(char::REPLACEMENT_CHARACTER) {
            self.fault(name, "is not UTF-8; set it again in UTF-8.");
            return None;
        }
        Some(value)
    }

    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.raw(name)?;
        if is_quoted(&value) {
            self.fault(name, "is in quotes, and Docker and Kubernetes keep them; leave them out.");
            return None;
        }
        Some(value.trim().to_owned())
    }

    pub fn text_or_default(&mut self, name: &'static str) -> String {
        self.text(name).unwrap_or_else(|| default_of(name).to_owned())
    }

    /// A password or key; spaces in it count.
    pub fn secret(&mut self, name: &'static str) -> Option<Credential> {
        self.credential(name, on_one_line, "holds a line break or another control character; remove it.")
    }

    /// A secret that travels as an HTTP header of its own.
    pub fn header_secret(&mut self, name: &'static str) -> Option<Credential> {
        self.credential(
            name,
            is_header,
            "can't be sent as a header; use printable ASCII without spaces or line breaks.",
        )
    }

    /// `user:password`.
    pub fn basic(&mut self, name: &'static str) -> Option<Credential> {
        self.credential(name, is_basic, IS_NO_BASIC)
    }

    fn credential(
        &mut self,
        name: &'static str,
        fits: fn(&str) -> bool,
        otherwise: &str,
    ) -> Option<Credential> {
        let value = self.raw(name)?;
        if !fits(&value) {
            self.fault(name, otherwise);
            return None;
        }
        if is_quoted(&value) {
            self.quoted.push(name);
        }
        let take = move |value: &str| fits(value).then(|| SecretString::from(value));
        Some(self.taken(name, value.into(), take))
    }

    /// A credential that an entry of a setting names in a vault; `None` when the entry's value names none.
    ///
    /// # Errors
    /// What is wrong, to stand behind the entry's name.
    pub fn vaulted_entry(
        &self,
        setting: &'static str,
        name: &str,
        value: &str,
    ) -> Option<Result<Credential, String>> {
        if is_unresolved(value) {
            return Some(Err(
                "is a Key Vault reference, and Azure reads those only where they are a whole setting; write \
                 `keyvault:https://VAULT.vault.azure.net/secrets/NAME`."
                    .to_owned(),
            ));
        }
        if Reference::is_bare(value) {
            return Some(Err(BARE.to_owned()));
        }
        let reference = Reference::parse(value)?;
        Some(match self.secrets.get(&entry(setting, name)) {
            Some(Ok(secret)) => match secret.with(|value| is_header(value).then(|| value.into())) {
                Some(first) => {
                    let take = |value: &str| is_header(value).then(|| value.into());
                    Ok(Credential::vaulted(setting, secret.clone(), first, take))
                }
                None => Err(
                    "stands in a Key Vault, but its value can't be sent as a header; use printable ASCII \
                             without spaces or line breaks."
                        .to_owned(),
                ),
            },
            Some(Err(what)) => Err(what.clone()),
            None => Err(reference.err().unwrap_or_else(|| {
                "is a `keyvault:` value that was not looked up; write the value itself.".to_owned()
            })),
        })
    }

    /// A credential found in a setting's value; `take` finds it again in a later value.
    pub fn taken(
        &self,
        name: &'static str,
        first: SecretString,
        take: impl Fn(&str) -> Option<SecretString> + Send + Sync + 'static,
    ) -> Credential {
        match self.secrets.get(name) {
            Some(Ok(secret)) => Credential::vaulted(name, secret.clone(), first, take),
            _ => first.into(),
        }
    }

    /// A URL that may be called: https, or http on this machine.
    pub fn url(&mut self, name: &'static str) -> Option<Url> {
        let value = self.text(name)?;
        match callable_url(&value) {
            Ok(url) => Some(url),
            Err(what) => {
                self.fault(name, what);
                None
            }
        }
    }

    /// A URL others are built on: no query, and a trailing slash.
    pub fn root(&mut self, name: &'static str) -> Option<Url> {
        let mut url = self.url(name)?;
        if url.query().is_some() {
            self.fault(name, "must be a root without a query; cut it before the `?`.");
            return None;
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Some(url)
    }

    pub fn number(&mut self, name: &'static str, range: RangeInclusive<u64>, unit: &str) -> u64 {
        let value = self.text_or_default(name);
        if let Some(number) = value.parse().ok().filter(|number| range.contains(number)) {
            return number;
        }
        let (low, high) = range.into_inner();
        let given = shortened(&value);
        self.fault(name, format!("is `{given}`; write a whole number of {unit} from {low} to {high}."));
        default_of(name).parse().unwrap_or(low)
    }

    pub fn seconds(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(name, range, "seconds"))
    }

    pub fn milliseconds(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(name, range, "milliseconds"))
    }

    /// One of a few words. `choices` must not be empty.
    pub fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> T {
        let value = self.text_or_default(name);
        if let Some((_, chosen)) = choices.iter().find(|(word, _)| *word == value) {
            return *chosen;
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        self.fault(name, format!("is `{}`; use {}.", shortened(&value), words.join(" or ")));
        choices[0].1
    }

    /// A comma list without its empty entries.
    pub fn list(&mut self, name: &'static str) -> Vec<String> {
        let value = self.text_or_default(name);
        value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }
}

fn is_quoted(value: &str) -> bool {
    let value = value.trim();
    unquoted(value) != value
}

fn on_one_line(secret: &str) -> bool {
    !secret.chars().any(char::is_control)
}

/// Whether it can be the value of a header.
pub(super) fn is_header(secret: &str) -> bool {
    !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic())
}

const IS_NO_BASIC: &str =
    "must be `user:password`, both parts given, on one line; a vault holds the two together.";

fn is_basic(pair: &str) -> bool {
    let whole =
        |(user, password): (&str, &str)| !user.is_empty() && !password.is_empty() && !names_a_vault(password);
    on_one_line(pair) && pair.split_once(':').is_some_and(whole)
}

/// A sentence's quotations without those that come out of `value`.
fn without(value: &str, sentence: &str) -> String {
    let hidden = |(index, part): (usize, &'_ str)| {
        let quoted = part.trim_end_matches('…');
        if index % 2 == 1 && value.contains(quoted) { "…".to_owned() } else { part.to_owned() }
    };
    sentence.split('`').enumerate().map(hidden).collect::<Vec<_>>().join("`")
}

fn callable_url(value: &str) -> Result<Url, &'static str> {
    let Ok(url) = Url::parse(value) else {
        return Err("is not a URL; write it whole, like `https://host.example.com/`.");
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("must be https; http is for this machine only (127.0.0.1, [::1], localhost)."),
        _ => return Err("must start with `https://`."),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user or password; use the settings made for them.");
    }
    if url.fragment().is_some() {
        return Err("must not have a `#` part; cut it off.");
    }
    Ok(url)
}

/// Whether a URL's host is this machine, without asking a name server.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Enough of a wrong value to recognise it, and not the whole of something pasted by mistake.
pub(super) fn shortened(value: &str) -> String {
    const MOST: usize = 24;
    let start: String = value.chars().take(MOST).collect();
    if start.len() < value.len() { format!("{start}…") } else { start }
}
