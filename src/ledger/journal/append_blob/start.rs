//! Finds the container at start, or makes it; says what to grant when neither may be done.

use std::sync::Arc;

use azure_core::{credentials::TokenCredential, http::Transport};
use tracing::warn;
use url::Url;

use super::container::Container;
use crate::azure::{container, fault::Fault, patience::JOURNAL};

/// What tokens for the blob service are asked for.
const SCOPE: &str = "https://storage.azure.com/.default";

/// The container at `url`, which is there and may be listed, unless the blob service is too busy to say. `makes` it when missing.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub async fn open(
    url: &Url,
    sign_in: impl FnOnce() -> azure_core::Result<Arc<dyn TokenCredential>>,
    transport: Transport,
    makes: bool,
) -> Result<Container, String> {
    let signed = container::is_signed(url);
    if !signed && url.scheme() == "http" {
        return Err(
            "a container over http:// needs a SAS in its URL: tokens go over https:// only.".to_owned()
        );
    }
    let said = |fault: Fault| sentence(&fault, signed);
    let failed = |error: azure_core::Error| said(error.into());
    let mut credential = None;
    if !signed {
        let identity = sign_in().map_err(failed)?;
        // The first token takes longer than a call may.
        identity.get_token(&[SCOPE], None).await.map_err(failed)?;
        credential = Some(identity);
    }
    let container = Container(container::client(url, credential, transport).map_err(failed)?);
    match ready(&container, makes).await {
        Err(fault) if fault.is(MISSING) && !makes => return Err(NOT_THERE.to_owned()),
        // To end here would use up one of the host's few restarts, and help nothing.
        Err(fault) if fault.is_busy() => {
            warn!(%fault, "The container of STORE can't be looked at yet; the start goes on as if it were there");
        }
        ready => ready.map_err(said)?,
    }
    Ok(container)
}

async fn ready(container: &Container, makes: bool) -> Result<(), Fault> {
    match JOURNAL.with(|| container.list("open/", None, Some(1))).await {
        Err(missing) if missing.is(MISSING) && makes => match JOURNAL.with(|| container.make()).await {
            Err(Fault::Refused { status: 401 | 403, .. }) => return Err(missing),
            made => made?,
        },
        listed => drop(listed?),
    }
    try_write(container).await
}

/// Writes something that leaves nothing behind.
pub(super) async fn try_write(container: &Container) -> Result<(), Fault> {
    JOURNAL.with(|| container.mark(TRIED)).await?;
    // One that stays is written over by the next.
    let _ = container.remove(TRIED, None).await;
    Ok(())
}

/// A blob that says nothing, in no realm, to see whether one can be written.
const TRIED: &str = "health/write";

/// How the service says that there is no container.
pub(super) const MISSING: &str = "ContainerNotFound";

const NOT_THERE: &str = "there is no such container; give the settings of the program that wrote it.";

fn sentence(fault: &Fault, signed: bool) -> String {
    match fault {
        fault if fault.is(MISSING) => match signed {
            true => {
                "the container does not exist, and the SAS may not make it. Make the container, or use an \
                     account SAS that may create containers."
                    .to_owned()
            }
            false => format!("the container does not exist, and the app's identity may not make it. {GRANT}"),
        },
        Fault::Refused { status: status @ (401 | 403), code } => match signed {
            true => format!(
                "the SAS was refused ({status} {code}). It must not have expired and needs the permissions read, \
                 add, create, write, delete and list on the container; the account's network rules must let the app in."
            ),
            false => format!("the app's identity was refused ({status} {code}). {GRANT}"),
        },
        Fault::NoAnswer(_) | Fault::TooSlow(_) => {
            format!("{fault}. Check the account's name and that its network rules let the app in.")
        }
        _ => format!("{fault}."),
    }
}

const GRANT: &str = "Give it the role `Storage Blob Data Contributor` on the storage account or the container (a grant \
                     takes up to ten minutes to count); the account's network rules must let the app in.";
