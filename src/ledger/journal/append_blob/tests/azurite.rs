//! The journal's contract on Azurite: with a SAS, with a bearer token, and through a proxy that loses answers.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::Transport,
    time::{Duration, OffsetDateTime},
};
use url::Url;

use super::super::AppendBlobJournal;
use crate::{
    azure::{
        self,
        azurite::{Azurite, bearer, sas},
    },
    domain::{ConversationId, Timestamp},
    far_end,
    ledger::journal::{Append, Store, contract},
    session::{Fact, UserSaid},
};

#[path = "../../../../../tests/it/azurite/proxy.rs"]
mod proxy;

fn plain() -> Transport {
    azure::transport(far_end::client().expect("a client"))
}

async fn opened(container: &str) -> Store<Fact> {
    let url = Url::parse(container).expect("a URL");
    let journal = AppendBlobJournal::open_container(&url, || azure::credential(None), plain(), true);
    Store::of(journal.await.expect("a container"))
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn keeps_the_contract_with_a_sas() {
    let azurite = Azurite::start();
    let container = azurite.container_with_sas();
    let journal = opened(&container).await;
    contract::all(&journal).await;
    contract::reopened(&journal, opened(&container).await).await;
}

#[derive(Debug)]
struct Emulated;

#[async_trait]
impl TokenCredential for Emulated {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://storage.azure.com/.default"]);
        Ok(AccessToken::new(bearer(), OffsetDateTime::now_utc() + Duration::hours(1)))
    }
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn keeps_the_contract_with_a_bearer_token_over_https() {
    let azurite = Azurite::start_secure();
    let certificate = std::fs::read(azurite.certificate()).expect("a certificate");
    let certificate = reqwest::Certificate::from_pem(&certificate).expect("PEM");
    let url = Url::parse(&azurite.container()).expect("a URL");
    let open = || async {
        let http = reqwest::Client::builder().no_proxy().tls_certs_merge([certificate.clone()]);
        let transport = azure::transport(http.build().expect("a client"));
        let journal = AppendBlobJournal::open_container(&url, || Ok(Arc::new(Emulated)), transport, true);
        Store::<Fact>::of(journal.await.expect("a container"))
    };
    let journal = open().await;
    contract::all(&journal).await;
    contract::reopened(&journal, open().await).await;
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_sas_that_may_not_list_is_told_of_in_one_sentence() {
    let azurite = Azurite::start();
    let url = Url::parse(&format!("{}?{}", azurite.container(), sas("rw"))).expect("a URL");
    let opened = AppendBlobJournal::open_container(&url, || azure::credential(None), plain(), true).await;
    let Err(what) = opened else { panic!("it may not list") };
    assert!(what.starts_with("the SAS was refused (403"), "{what}");
    assert!(!what.contains("sig="), "{what}");
}

fn fact(n: u64) -> Fact {
    Fact::UserSaid(Box::new(UserSaid {
        client_id: Some(format!("message {n}")),
        at: Timestamp(0),
        ..UserSaid::default()
    }))
}

/// Stores `n` facts one by one, as a caller does: read on after a conflict, decide again, and after an error as well.
async fn write(journal: &Store<Fact>, id: &ConversationId, writer: u64, n: u64) {
    let (mut all, mut left) = (journal.read(id, 0).await.unwrap_or_default(), 20 * n);
    for next in (0..n).map(|n| fact(writer * 1_000 + n)) {
        while !all.contains(&next) {
            left = left.checked_sub(1).expect("20 tries a fact are enough");
            match journal.append(id, all.len() as u64, std::slice::from_ref(&next), None).await {
                Ok(Append::Done(_)) => all.push(next.clone()),
                Ok(Append::Conflict) | Err(_) => {
                    all.extend(journal.read(id, all.len() as u64).await.unwrap_or_default());
                }
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn through_lost_answers_every_fact_stands_there_once_and_each_writers_in_order() {
    let azurite = Azurite::start();
    let proxy = proxy::Proxy::start(azurite.origin());
    let container = format!("{}?{}", azurite.container_behind(proxy.origin()), sas("rwdlac"));
    let (one, two) = (opened(&container).await, opened(&container).await);
    proxy.set(proxy::Weather { busy: 100, conflict: 50, lost: 150, slow: 20, in_a_row: 0 });
    let id = ConversationId::parse("bad weather").expect("an id");
    futures_util::join!(write(&one, &id, 1, 60), write(&two, &id, 2, 60), write(&one, &id, 3, 60));
    proxy.set(proxy::Weather::default());
    let all = opened(&container).await.read(&id, 0).await.expect("read");
    assert_eq!(all.len(), 180);
    for writer in 1..=3 {
        let mine: Vec<Fact> = (0..60).map(|n| fact(writer * 1_000 + n)).collect();
        let stored: Vec<Fact> = all.iter().filter(|fact| mine.contains(fact)).cloned().collect();
        assert_eq!(stored, mine);
    }
    let counts = proxy.counts();
    assert!(counts.lost > 10 && counts.busy > 10, "{counts}");
}

/// Prints what it finds: the tenth and the thousandth commit are the same one request.
#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn commits_are_timed_along_a_long_conversation() {
    let azurite = Azurite::start();
    let journal = opened(&azurite.container_with_sas()).await;
    let id = ConversationId::parse("long").expect("an id");
    let mut micros = vec![];
    for n in 0..1_000 {
        let started = std::time::Instant::now();
        assert_eq!(journal.append(&id, n, &[fact(n)], None).await.expect("append"), Append::Done(n + 1));
        micros.push(started.elapsed().as_micros());
    }
    let median = |range: std::ops::Range<usize>| {
        let mut part = micros[range].to_vec();
        part.sort_unstable();
        part[part.len() / 2]
    };
    eprintln!(
        "median append, µs: {} around message 10, {} around 100, {} around 1,000",
        median(1..20),
        median(75..125),
        median(950..1_000)
    );
}
