//! Users' files in a blob container, played by Azurite.

use futures_util::TryStreamExt as _;
use servicenow_handoff::{
    azure,
    domain::Timestamp,
    far_end,
    files::{FileStore, Label},
};

use crate::{
    azurite::proxy::{Proxy, Weather},
    azurite::server::{Azurite, sas},
    files::{
        client::{error_of, noise, send_raw},
        ranges::{answers_ranges, kept},
    },
    world::World,
};

/// Nobody listens there: links are read where the test says.
const PUBLIC_URL: &str = "http://127.0.0.1:9/";

async fn world(azurite: &Azurite) -> World {
    let store = azurite.container_with_sas();
    World::with(&[("ATTACHMENTS", "link"), ("PUBLIC_URL", PUBLIC_URL), ("STORE", &store)]).await
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_file_that_one_instance_took_any_other_gives_out_in_parts_too() {
    let azurite = Azurite::start();
    let world = world(&azurite).await;
    let (link, bytes) = kept(&world).await;
    let (second, _) = world.second_instance();
    for instance in [&world.url, &second] {
        let link = link.replace(PUBLIC_URL.trim_end_matches('/'), instance);
        let whole = world.http.get(&link).send().await.unwrap();
        assert_eq!(whole.headers()["content-type"], "video/mp4");
        assert!(whole.headers()["content-disposition"].to_str().unwrap().contains("film.mp4"));
        assert!(whole.bytes().await.unwrap() == bytes);
        answers_ranges(&world, &link, &bytes).await;
    }
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn while_the_container_is_away_files_are_unavailable_and_not_gone() {
    let azurite = Azurite::start();
    let world = world(&azurite).await;
    let (link, _) = kept(&world).await;
    let link = link.replace(PUBLIC_URL.trim_end_matches('/'), &world.url);
    let chat = world.live_chat().await;
    drop(azurite);
    let unavailable = (503, "Unavailable".to_owned());
    assert_eq!(error_of(world.http.get(&link).send().await.unwrap()).await, unavailable);
    let refused = send_raw(&world, &chat, "a.txt", "text/plain", b"hello").await;
    assert_eq!(error_of(refused).await, unavailable);
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn files_are_whole_through_a_service_that_is_busy_and_loses_answers() {
    let azurite = Azurite::start();
    let proxy = Proxy::start(azurite.origin());
    let url = format!("{}?{}", azurite.container_behind(proxy.origin()), sas("rwdlac")).parse().unwrap();
    let transport = azure::transport(far_end::client().unwrap());
    let container = azure::container::client(&url, None, transport).unwrap();
    container.create(None).await.unwrap();
    // A call is made four times.
    proxy.set(Weather { busy: 50, conflict: 50, lost: 50, slow: 0, in_a_row: 3 });
    let (store, bytes) = (FileStore::blobs(container), noise(18_000_001));
    for _ in 0..6 {
        let label = Label::new("log.txt", "text/plain");
        let mut file = store.begin(&label, Timestamp::now().plus_millis(60_000)).await.unwrap();
        for piece in bytes.chunks(60_000) {
            file.write(piece.to_vec().into()).await.unwrap();
        }
        let key = file.finish().await.unwrap();
        let opened = store.open(&key).await.unwrap().unwrap();
        assert_eq!((opened.label.clone(), opened.length), (label, bytes.len() as u64));
        let pieces: Vec<_> = opened.read(0..bytes.len() as u64).await.unwrap().try_collect().await.unwrap();
        assert!(pieces.concat() == bytes);
    }
    let counts = proxy.counts();
    eprintln!("{counts}");
    assert!(counts.busy + counts.lost > 0, "nothing went wrong");
}
