//! The blob container that STORE names.

use std::sync::Arc;

use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use url::Url;

/// Whether the URL carries a SAS, which then is the credential.
pub fn is_signed(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| name == "sig")
}

/// A client for the container at `url`. Without a SAS in it `credential` signs in, which Azure takes over https only.
///
/// # Errors
/// When `url` is plain http and has no SAS, or can't be a container's.
pub fn client(
    url: &Url,
    credential: Option<Arc<dyn TokenCredential>>,
    transport: Transport,
    retry: RetryOptions,
) -> azure_core::Result<BlobContainerClient> {
    let credential = credential.filter(|_| !is_signed(url));
    let client_options = ClientOptions { transport: Some(transport), retry, ..Default::default() };
    let options = BlobContainerClientOptions { client_options, ..Default::default() };
    BlobContainerClient::new(url.clone(), credential, Some(options))
}
