//! What the official Azure crates need from us: who we are, and the HTTP client they send with.

use std::sync::Arc;

use azure_core::{credentials::TokenCredential, http::Transport};
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

pub mod container;

/// The app's managed identity where Azure offers one (`IDENTITY_ENDPOINT`), with `client_id` a user-assigned one;
/// elsewhere the developer's own login (`az login`, `azd auth login`).
///
/// # Errors
/// When the environment describes an identity that can't be used.
pub fn credential(client_id: Option<&str>) -> azure_core::Result<Arc<dyn TokenCredential>> {
    if std::env::var_os("IDENTITY_ENDPOINT").is_none() {
        return Ok(DeveloperToolsCredential::new(None)?);
    }
    let user_assigned_id = client_id.map(|id| UserAssignedId::ClientId(id.to_owned()));
    let options = ManagedIdentityCredentialOptions { user_assigned_id, ..Default::default() };
    Ok(ManagedIdentityCredential::new(Some(options))?)
}

/// Sends what an Azure client has to say over `http`.
pub fn transport(http: reqwest::Client) -> Transport {
    Transport::new(Arc::new(http))
}
