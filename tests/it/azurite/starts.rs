//! That the emulator itself does what the other tests build on.

use crate::azurite::server::{Azurite, bearer, sas};

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_container_can_be_made_with_a_sas() {
    let azurite = Azurite::start();
    let http = reqwest::Client::new();
    let url = format!("{}?restype=container&{}", azurite.container(), sas("rwdlac"));
    assert_eq!(http.put(&url).header("content-length", 0).send().await.unwrap().status(), 201);
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_container_can_be_made_with_a_bearer_token_over_https() {
    let azurite = Azurite::start_secure();
    let certificate = std::fs::read(azurite.certificate()).unwrap();
    let certificate = reqwest::Certificate::from_pem(&certificate).unwrap();
    let http = reqwest::Client::builder().tls_certs_merge([certificate]).build().unwrap();
    let request = http.put(format!("{}?restype=container", azurite.container()));
    let request = request.header("content-length", 0).header("x-ms-version", "2021-12-02");
    assert_eq!(request.bearer_auth(bearer()).send().await.unwrap().status(), 201);
}
