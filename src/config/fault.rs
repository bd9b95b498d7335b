//! What is wrong with the settings, as sentences for the person who wrote them.

use std::fmt;

/// One wrong setting. Its text never holds a secret's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    pub setting: &'static str,
    /// One sentence that starts with the setting's name and says what to do.
    pub sentence: String,
}

/// Every wrong setting, in the order of the settings table. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingErrors(pub(super) Vec<SettingFault>);

impl SettingErrors {
    /// What was read, if nothing is wrong with it.
    ///
    /// # Errors
    /// When something is.
    pub(crate) fn or<T>(read: T, faults: Vec<SettingFault>) -> Result<T, Self> {
        if faults.is_empty() { Ok(read) } else { Err(Self(faults)) }
    }

    pub fn faults(&self) -> &[SettingFault] {
        &self.0
    }
}

impl fmt::Display for SettingErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(out, "{end}{}", fault.sentence)?;
        }
        Ok(())
    }
}
