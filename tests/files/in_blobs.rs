//! Users' files in a blob container, played by Azurite.

use crate::{
    azurite::Azurite,
    client::{error_of, send_raw},
    ranges::{answers_ranges, kept},
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
