//! Settings that name several agents: a JSON object, name to Direct Line secret, or where that stands in a Key Vault.

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{
    keyvault::names_a_vault,
    reader::{Reader, is_header, shortened},
};
use crate::credential::Credential;

/// Agents by name. What is wrong is said without the values, which are secrets.
///
/// `name` is what such a name is, as it stands in sentences.
pub(super) fn by_name(
    reader: &mut Reader<impl Fn(&str) -> Option<String>>,
    setting: &'static str,
    name: &str,
) -> Vec<(String, Credential)> {
    let Some(value) = reader.text(setting) else { return Vec::new() };
    let Ok(entries) = serde_json::from_str::<Map<String, Value>>(&value) else {
        reader.fault(setting, "is not a JSON object; write it like `{\"NAME\":\"<Direct Line secret>\"}`.");
        return Vec::new();
    };
    let mut agents = Vec::new();
    for (agent, secret) in entries {
        match secret {
            Value::String(secret) if agent.is_empty() && !secret.is_empty() => {
                reader.fault(setting, format!("has an entry without a name; name it by {name}."));
            }
            Value::String(secret) if names_a_vault(&secret) => {
                match reader.vaulted_entry(setting, &agent, &secret) {
                    Some(Ok(secret)) => agents.push((agent, secret)),
                    Some(Err(what)) => {
                        reader.fault(setting, format!("has the entry `{}`, which {what}", shortened(&agent)));
                    }
                    None => {}
                }
            }
            Value::String(secret) if is_header(&secret) => {
                let own = agent.clone();
                let again = move |value: &str| secret_of(value, &own);
                agents.push((agent, reader.taken(setting, secret.into(), again)));
            }
            _ => reader.fault(
                setting,
                format!(
                    "has the entry `{}`, which must be a Direct Line secret: printable ASCII without spaces or \
                     line breaks.",
                    shortened(&agent)
                ),
            ),
        }
    }
    agents
}

/// One agent's secret.
fn secret_of(value: &str, name: &str) -> Option<SecretString> {
    let entries: Map<String, Value> = serde_json::from_str(value).ok()?;
    let secret = entries.get(name)?.as_str()?;
    is_header(secret).then(|| secret.into())
}
