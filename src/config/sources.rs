//! Where settings come from: the environment, and behind it a file.

use std::{collections::BTreeMap, env, path::Path};

use super::{SETTINGS, file::settings_file};

#[derive(Debug, Default)]
pub struct Sources {
    file: BTreeMap<String, String>,
}

impl Sources {
    /// # Errors
    /// What is wrong with the file, in one sentence.
    pub fn read(file: Option<&Path>) -> Result<Self, String> {
        Ok(Self { file: file.map(settings_file).transpose()?.unwrap_or_default() })
    }

    /// From the file come settings alone, so that it can't pretend to be a platform. Bytes of the environment that are not UTF-8
    /// become replacement characters, which the reader refuses.
    pub fn value(&self, name: &str) -> Option<String> {
        let of_environment = env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let in_file = || {
            let is_setting = SETTINGS.iter().any(|setting| setting.name == name);
            is_setting.then(|| self.file.get(name).cloned()).flatten()
        };
        let given = |value: &String| !value.is_empty();
        of_environment.filter(given).or_else(|| in_file().filter(given))
    }

    pub fn names(&self) -> impl Iterator<Item = String> {
        let of_environment = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        of_environment.chain(self.file.keys().filter(|name| env::var_os(name).is_none()).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_settings_and_nothing_else() {
        let in_file = [("RELAY_QUIET", "7"), ("WEBSITE_SKU", "Dynamic"), ("RELAY_KEYS", "x")];
        let file = in_file.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let sources = Sources { file };
        assert_eq!(sources.value("RELAY_QUIET").as_deref(), Some("7"));
        assert_eq!(sources.value("WEBSITE_SKU"), None);
        assert!(sources.names().any(|name| name == "RELAY_KEYS"));
    }
}
