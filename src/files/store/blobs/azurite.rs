//! The contract of kept files on Azurite.

use azure_core::http::RetryOptions;
use url::Url;

use super::super::{FileStore, contract};
use crate::{
    azure::{self, azurite::Azurite},
    far_end,
};

/// The container as two processes see it.
async fn stores(azurite: &Azurite) -> [FileStore; 2] {
    let url = Url::parse(&azurite.container_with_sas()).expect("a URL");
    let client = || {
        let transport = azure::transport(far_end::client().expect("a client"));
        azure::container::client(&url, None, transport, RetryOptions::default()).expect("a container")
    };
    client().create(None).await.expect("made");
    [client(), client()].map(FileStore::blobs)
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_container_keeps_the_contract() {
    let azurite = Azurite::start();
    contract::run(&stores(&azurite).await).await;
}
