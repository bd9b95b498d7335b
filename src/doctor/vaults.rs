//! The settings that stand in Key Vaults: whether each was read.

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::config::Secrets;

const CODE: &str = "vault";

/// In the order of the settings' names.
pub(super) fn judge(secrets: &Secrets) -> Vec<Finding> {
    let secrets: BTreeMap<_, _> = secrets.iter().collect();
    let finding = |(setting, secret): (&String, &Result<_, String>)| match secret {
        Ok(_) => Finding::good(CODE, "It was read from its Key Vault.").of(setting.as_str()),
        Err(what) => unread(what).of(setting.as_str()),
    };
    secrets.into_iter().map(finding).collect()
}

/// The sentence says first what is wrong, and behind a semicolon what to do.
fn unread(what: &str) -> Finding {
    let (what, fix) =
        what.split_once("; ").unwrap_or((what, "grant its identity the role `Key Vault Secrets User`."));
    let what = what.trim_end_matches('.');
    let mut fix = fix.chars();
    let fix: String = fix.next().into_iter().flat_map(char::to_uppercase).chain(fix).collect();
    Finding::wrong(CODE, format!("It {what}.")).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn a_secret_that_was_not_read_has_what_to_grant_beside_it() {
        let what = "can't be read from Key Vault: the app's identity may not read secret `x` of acme.vault.azure.net; \
                    grant it the role `Key Vault Secrets User` on the vault.";
        let found = &judge(&Secrets::from([("DIRECT_LINE_SECRET".to_owned(), Err(what.to_owned()))]))[0];
        assert_eq!((found.verdict, found.subject.as_deref()), (Verdict::Wrong, Some("DIRECT_LINE_SECRET")));
        assert!(found.text.starts_with("It can't be read") && found.text.ends_with("net."), "{found}");
        assert_eq!(found.fix.as_deref(), Some("Grant it the role `Key Vault Secrets User` on the vault."));
    }
}
