//! Settings that stand in Key Vaults: read at start, all at the same time, and read again when they are refused.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, ExponentialRetryOptions, RetryOptions},
};
use azure_security_keyvault_secrets::{
    SecretClient, SecretClientOptions, models::SecretClientGetSecretOptions,
};
use futures_util::future::join_all;
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::time::timeout;

use self::failure::Failure;
use crate::{
    azure,
    config::{Reference, SETTINGS, Secrets, SettingErrors, Settings, WITH_ENTRIES, entry},
    credential::{LiveSecret, Read},
    far_end,
};

mod failure;

/// How long a start waits for a secret, retries and the identity's token included. The Functions host gives a start
/// 30 s.
const START: Duration = Duration::from_secs(15);
/// How long a call that was refused waits for a secret to be read again.
const AGAIN: Duration = Duration::from_secs(4);

/// Reads every setting, those that stand in Key Vaults as well.
///
/// # Errors
/// All wrong settings at once, those that can't be read from their vault among them; after 15 seconds at most.
pub async fn settings(var: impl Fn(&str) -> Option<String>) -> Result<Settings, SettingErrors> {
    let secrets = secrets(&var).await;
    Settings::with_secrets(var, secrets)
}

/// What the settings name in Key Vaults, as far as it can be read; after 15 seconds at most.
pub async fn secrets(var: impl Fn(&str) -> Option<String>) -> Secrets {
    let references = references(&var);
    if references.is_empty() {
        return Secrets::new();
    }
    let client_id = var("AZURE_CLIENT_ID").map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    let vaults = Vaults::open(client_id.as_deref());
    let named = references.values().filter_map(|reference| reference.as_ref().ok());
    let distinct: BTreeMap<String, &Reference> = named.map(|named| (key(named), named)).collect();
    let read =
        join_all(distinct.into_iter().map(async |(key, reference)| (key, vaults.read(reference).await)));
    let read: HashMap<_, _> = read.await.into_iter().collect();
    let found = |reference: &Reference| read.get(&key(reference)).cloned();
    let secrets = references.into_iter().filter_map(|(setting, reference)| match reference {
        Ok(reference) => Some((setting, found(&reference)?)),
        Err(what) => Some((setting, Err(what))),
    });
    secrets.collect()
}

/// The settings, and entries of settings, that name a secret.
fn references(var: impl Fn(&str) -> Option<String>) -> BTreeMap<String, Result<Reference, String>> {
    let reference = |name: &'static str| match Reference::parse(&var(name)?)? {
        Ok(_) if name == "AZURE_CLIENT_ID" => Some((name.to_owned(), Err(NOT_HERE.to_owned()))),
        read => Some((name.to_owned(), read)),
    };
    let whole = SETTINGS.iter().filter_map(|setting| reference(setting.name));
    let entries = WITH_ENTRIES.into_iter().flat_map(|setting| {
        let object = var(setting).and_then(|value| serde_json::from_str::<Map<String, Value>>(&value).ok());
        let entries = object.unwrap_or_default().into_iter();
        entries.filter_map(move |(name, value)| {
            Some((entry(setting, &name), Reference::parse(value.as_str()?)?))
        })
    });
    whole.chain(entries).collect()
}

const NOT_HERE: &str =
    "chooses the identity that reads the vaults, so it can't stand in one; write the id itself.";

fn key(reference: &Reference) -> String {
    format!("{}{}/{}", reference.vault, reference.name, reference.version.as_deref().unwrap_or_default())
}

/// The way to all vaults.
struct Vaults {
    http: Result<reqwest::Client, Failure>,
    identity: Result<Arc<dyn TokenCredential>, Failure>,
    clients: std::sync::Mutex<HashMap<String, Arc<SecretClient>>>,
}

impl Vaults {
    fn open(client_id: Option<&str>) -> Self {
        let http = far_end::trusted().and_then(|()| far_end::client()).map_err(|_| Failure::NoCertificates);
        let identity = azure::credential(client_id).map_err(|error| Failure::of(&error));
        Self { http, identity, clients: std::sync::Mutex::default() }
    }

    /// The error ends a sentence about a setting.
    async fn read(&self, reference: &Reference) -> Result<Arc<LiveSecret>, String> {
        let read = async {
            let client = self.client(reference)?;
            let value = get(&client, reference, START).await?;
            let again = (client, reference.clone());
            let again: Read = Box::new(move || {
                let (client, reference) = again.clone();
                Box::pin(async move {
                    let outcome = get(&client, &reference, AGAIN).await;
                    outcome.map_err(|failure| failure.explain(&reference))
                })
            });
            let again = (!reference.is_pinned()).then_some(again);
            Ok::<_, Failure>(Arc::new(LiveSecret::new(reference.to_string(), value, again)))
        };
        let failed =
            |failure: Failure| format!("can't be read from Key Vault: {}.", failure.explain(reference));
        read.await.map_err(failed)
    }

    /// One for each vault, so that its challenge is answered once.
    fn client(&self, reference: &Reference) -> Result<Arc<SecretClient>, Failure> {
        let mut clients = self.clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = clients.get(reference.vault.as_str()) {
            return Ok(known.clone());
        }
        let retry = ExponentialRetryOptions { max_retries: 5, ..Default::default() };
        let options = SecretClientOptions {
            client_options: ClientOptions {
                transport: Some(azure::transport(self.http.clone()?)),
                retry: RetryOptions::exponential(retry),
                ..Default::default()
            },
            // A vault says for whom the token must be; only a test's may name another than itself.
            verify_challenge_resource: Some(!reference.is_local()),
            ..Default::default()
        };
        let client = SecretClient::new(reference.vault.as_str(), self.identity.clone()?, Some(options));
        let client = Arc::new(client.map_err(|error| Failure::of(&error))?);
        clients.insert(reference.vault.to_string(), client.clone());
        Ok(client)
    }
}

async fn get(
    client: &SecretClient,
    reference: &Reference,
    patience: Duration,
) -> Result<SecretString, Failure> {
    let options =
        SecretClientGetSecretOptions { secret_version: reference.version.clone(), ..Default::default() };
    let answer =
        timeout(patience, async { client.get_secret(&reference.name, Some(options)).await?.into_model() });
    let secret = answer.await.map_err(|_| Failure::Silent(patience))?;
    let value = secret.map_err(|error| Failure::of(&error))?.value;
    value.filter(|value| !value.trim().is_empty()).map(SecretString::from).ok_or(Failure::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn references_that_are_wrong_in_themselves_are_listed_with_all_other_faults() {
        let vars = [
            ("SERVICENOW_PASSWORD", "keyvault:sn-password"),
            ("AZURE_CLIENT_ID", "keyvault:https://acme.vault.azure.net/secrets/id"),
            ("HANDOFF_TIMEOUT", "keyvault:https://acme.example.com/secrets/timeout"),
            ("LONG_POLL", "soon"),
        ];
        let var = |name: &str| Some(vars.iter().find(|(given, _)| *given == name)?.1.to_owned());
        let told = settings(var).await.expect_err("faults").to_string();
        for start in [
            "SERVICENOW_PASSWORD is not a whole `keyvault:` value; write ",
            "AZURE_CLIENT_ID chooses the identity",
            "HANDOFF_TIMEOUT names the host acme.example.com, which is no Key Vault",
            "LONG_POLL is `soon`",
            "SERVICENOW_URL is missing",
        ] {
            assert!(told.lines().any(|line| line.starts_with(start)), "{start}: {told}");
        }
    }
}
