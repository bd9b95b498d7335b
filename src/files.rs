//! Attachments, both ways: users' files to ServiceNow, the instance's files to users over signed links that end.
//!
//! Bytes pass through; what is held of a file in memory is a few pieces.

use tracing::{info, warn};
use url::Url;

pub use self::{
    address::{Address, is_public},
    allowance::Allowance,
    fetch::{GiveError, Given, Wanted},
    held::Held,
    incoming::{Described, FileHead, Incoming, Part, Source},
    limits::Limits,
    link::{Carried, LinkError, Target},
    range::Part as FilePart,
    store::{FileStore, Label, Opened, StoreError, Writing},
    taking::{Cut, TakeError},
};
use self::{fetch::is_file, link::Signer};
use crate::{
    config::Settings,
    domain::{Attachment, Timestamp, millis},
    servicenow::ServiceNow,
};

mod address;
mod allowance;
mod fetch;
mod held;
mod incoming;
mod limits;
mod link;
pub mod name;
mod range;
mod store;
mod taking;

/// The files of one instance and its users.
pub struct Files {
    signer: Signer,
    servicenow: ServiceNow,
    instance: Url,
    public_url: Option<Url>,
    by_link: bool,
    /// Milliseconds.
    link_ttl: i64,
    max_upload: u64,
    store: FileStore,
}

impl Files {
    /// `instance`: its root, for which the settings hold the login.
    pub fn new(settings: &Settings, instance: Url, servicenow: ServiceNow, store: FileStore) -> Self {
        Self {
            signer: Signer::new(settings),
            servicenow,
            instance,
            public_url: settings.public_url.clone(),
            by_link: settings.files.by_link,
            link_ttl: millis(settings.files.link_ttl),
            max_upload: settings.files.max_upload,
            store,
        }
    }

    /// Bytes that one upload may hold.
    pub fn max_upload(&self) -> u64 {
        self.max_upload
    }

    /// A link of ours for an address of the instance that asks for a login. `None`, and the address stays as
    /// it is, when we could not give it out: no `PUBLIC_URL`, no login, or no file.
    ///
    /// Only addresses that ServiceNow sent may come in here.
    pub fn link(&self, address: &str, now: Timestamp) -> Option<String> {
        self.public_url.as_ref()?;
        let url = Url::parse(address).ok()?;
        if !self.servicenow.has_login() || !is_file(&url, &self.instance) {
            return None;
        }
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        self.public_link(&Target::Instance(path.to_owned()), steady(now, self.link_ttl))
    }

    /// A link for a picture that a message of ServiceNow's holds itself. `None` without `PUBLIC_URL`.
    pub fn link_carried(&self, carried: Carried, now: Timestamp) -> Option<String> {
        self.public_link(&Target::Carried(carried), steady(now, self.link_ttl))
    }

    /// The address a client is shown for a file it has sent, when we can give that file out.
    pub fn shown(&self, file: &Attachment, now: Timestamp) -> Option<String> {
        let own = self.public_url.as_ref().map(|root| format!("{root}api/files/"));
        if own.is_some_and(|own| file.url.starts_with(&own)) {
            return Some(file.url.clone());
        }
        self.link(&file.url, now)
    }

    /// From now on the disk counts as full; for tests.
    #[cfg(feature = "simulate")]
    pub fn pretend_full(&self) {
        self.store.pretend_full();
    }

    /// Deletes what is over.
    pub async fn sweep(&self, now: Timestamp) {
        match self.store.sweep(now).await {
            Ok(0) => {}
            Ok(deleted) => info!(deleted, "Deleted users' files whose links are over"),
            Err(error) => {
                warn!(%error, "Users' files could not be looked through; the next sweep tries again")
            }
        }
    }

    fn public_link(&self, target: &Target, until: Timestamp) -> Option<String> {
        let root = self.public_url.as_ref()?;
        Some(format!("{root}api/files/{}", self.signer.write(target, until)))
    }
}

/// The end of a link made now. Never more than `ttl` away; the same for a while, so that a browser that has the
/// picture need not fetch it again with each poll.
fn steady(now: Timestamp, ttl: i64) -> Timestamp {
    let end = now.plus_millis(ttl);
    Timestamp(end.0 - end.0.rem_euclid((ttl / 8).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_its_end_for_a_while_and_never_lives_longer_than_it_may() {
        let day = 86_400_000;
        let ends: Vec<i64> =
            (0..100).map(|n| steady(Timestamp(1_700_000_000_000 + n * 1_000), day).0).collect();
        assert!(ends.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 1);
        for now in [0, 1, 999, 1_700_000_000_123] {
            for ttl in [1, 7, 1_000, day] {
                let left = steady(Timestamp(now), ttl).0 - now;
                assert!(left <= ttl && left > ttl - (ttl / 8).max(1), "{now} {ttl}: {left}");
            }
        }
    }
}
