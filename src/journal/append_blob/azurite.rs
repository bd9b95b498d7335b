//! The journal's contract on Azurite.

use url::Url;

use super::AppendBlobJournal;
use crate::{azure, far_end, journal::contract};

#[path = "../../../tests/azurite/server.rs"]
mod server;

use self::server::Azurite;

async fn opened(container: &str) -> AppendBlobJournal {
    let url = Url::parse(container).expect("a URL");
    let transport = azure::transport(far_end::client().expect("a client"));
    AppendBlobJournal::open_container(&url, || azure::credential(None), transport).await.expect("a container")
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn keeps_the_contract_with_a_sas() {
    let azurite = Azurite::start();
    let container = azurite.container_with_sas();
    let journal = opened(&container).await;
    contract::all(&journal).await;
    let second = opened(&container).await;
    contract::reopened(&journal, second).await;
}
