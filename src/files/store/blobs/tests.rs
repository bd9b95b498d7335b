//! What is said to the blob service, and what becomes of its failures.

use azure_core::http::RetryOptions;
use futures_util::TryStreamExt as _;
use url::Url;

use super::{super::FileStore, *};
use crate::{
    azure, far_end,
    far_end::testing::{FarEnd, Heard, Reply},
};

const DAY: Timestamp = Timestamp(86_400_000);

fn store(far: &FarEnd) -> FileStore {
    store_at(far.url.as_str())
}

fn store_at(root: &str) -> FileStore {
    let url = Url::parse(&format!("{root}account/container?sv=1&sig=SECRET")).expect("a URL");
    let transport = azure::transport(far_end::client().expect("a client"));
    let client = azure::container::client(&url, None, transport, RetryOptions::none());
    FileStore::blobs(client.expect("a container"))
}

async fn keep(store: &FileStore, label: &Label, length: usize) -> Result<String, StoreError> {
    let mut file = store.begin(label, DAY).await?;
    file.write(vec![7; length].into()).await?;
    file.finish().await
}

fn made() -> Reply {
    Reply::Answer { status: 201, headers: vec![], body: vec![] }
}

/// `PUT block`, `PUT blocklist`, `PUT blob` and so on.
fn said(heard: &Heard) -> String {
    let (path, query) = heard.target.split_once('?').expect("a SAS");
    assert!(path.starts_with("/account/container/files%2F") && query.contains("sig=SECRET"), "{path}");
    let what = query.split('&').find_map(|pair| pair.strip_prefix("comp=")).unwrap_or("blob");
    format!("{} {what}", heard.method)
}

#[tokio::test]
async fn a_large_file_goes_up_in_blocks_and_counts_when_their_list_is_committed() {
    let far = FarEnd::start(|_, _| made());
    let label = Label::new("ä\"\u{202e}\r\nx.txt", "text/plain");
    keep(&store(&far), &label, 2 * BLOCK + 5).await.expect("kept");
    let heard = far.heard();
    let calls: Vec<String> = heard.iter().map(said).collect();
    assert_eq!(calls, ["PUT block", "PUT block", "PUT block", "PUT blocklist"]);
    let sizes: Vec<usize> = heard[..3].iter().map(|call| call.body.len()).collect();
    assert_eq!(sizes, [BLOCK, BLOCK, 5]);
    assert_eq!(heard[3].header("x-ms-meta-name"), Some("%C3%A4%5Fx%2Etxt"));
    assert_eq!(heard[3].header("x-ms-meta-type"), Some("text%2Fplain"));
}

#[tokio::test]
async fn a_small_file_is_one_call() {
    let far = FarEnd::start(|_, _| made());
    let label = Label::new("a.txt", "text/plain");
    for length in [0, 1, BLOCK] {
        keep(&store(&far), &label, length).await.expect("kept");
    }
    let calls: Vec<String> = far.heard().iter().map(said).collect();
    assert_eq!(calls, ["PUT blob", "PUT blob", "PUT blob"]);
    assert_eq!(far.heard()[1].header("x-ms-meta-name"), Some("a%2Etxt"));
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_never_committed() {
    let far = FarEnd::start(|_, _| made());
    let store = store(&far);
    let mut file = store.begin(&Label::new("a", "b/c"), DAY).await.expect("begun");
    file.write(vec![7; 2 * BLOCK + 1].into()).await.expect("written");
    drop(file);
    assert!(far.heard().iter().all(|call| said(call) == "PUT block"));
}

#[tokio::test]
async fn a_block_that_is_not_taken_fails_the_file_without_telling_the_sas() {
    let far = FarEnd::start(|_, before| match before {
        1 => Reply::text(503, "<Error><Code>ServerBusy</Code></Error>"),
        _ => made(),
    });
    let failed = keep(&store(&far), &Label::new("a", "b/c"), 2 * BLOCK + 1).await.expect_err("refused");
    assert!(failed.to_string().contains("503"), "{failed}");
    let gone = store_at("http://127.0.0.1:9/");
    let failed = keep(&gone, &Label::new("a", "b/c"), 1).await.expect_err("nobody listens there");
    assert!(!format!("{failed} {failed:?}").contains("SECRET"), "{failed:?}");
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_stopped() {
    let far = FarEnd::start(|heard, before| match (heard.method.as_str(), before) {
        ("HEAD", _) => Reply::Answer {
            status: 200,
            headers: vec![("x-ms-meta-name", "a".to_owned())],
            body: vec![0; 99],
        },
        (_, 1) => Reply::CutShort,
        _ => {
            let headers = vec![("Content-Range", "bytes 8-98/99".to_owned())];
            Reply::Answer { status: 206, headers, body: vec![b'x'; 91] }
        }
    });
    let key = format!("0000000000001-{}", "0".repeat(32));
    let opened = store(&far).open(&key).await.expect("an answer").expect("the file");
    assert_eq!(opened.length, 99);
    let pieces: Vec<Bytes> = opened.read(0..99).await.expect("begun").try_collect().await.expect("whole");
    assert_eq!(pieces.concat(), [b"{\"status".as_slice(), &[b'x'; 91]].concat());
    let ranges: Vec<Option<String>> = far.heard()[1..]
        .iter()
        .map(|call| call.header("range").or(call.header("x-ms-range")).map(str::to_owned))
        .collect();
    assert_eq!(ranges, [Some("bytes=0-98".to_owned()), Some("bytes=8-98".to_owned())]);
}

#[tokio::test]
async fn files_that_are_over_are_looked_for_once_an_hour_or_until_that_has_worked() {
    let none = "<EnumerationResults ContainerName=\"c\"><Blobs/><NextMarker/></EnumerationResults>";
    let far = FarEnd::start(move |_, before| match before {
        0 => Reply::text(503, ""),
        _ => Reply::text(200, none),
    });
    let (store, minute) = (store(&far), 60_000);
    store.sweep(DAY).await.expect_err("it is busy");
    for minutes in [1, 2, 60, 61, 62, 121] {
        assert_eq!(store.sweep(DAY.plus_millis(minutes * minute)).await.expect("swept"), 0);
    }
    assert_eq!(far.heard().len(), 4, "after 0, 1, 61 and 121 minutes");
    assert!(far.heard().iter().all(|call| call.target.contains("prefix=files")));
}

#[tokio::test]
async fn a_store_that_fails_is_not_a_file_that_is_gone() {
    let key = format!("0000000000001-{}", "0".repeat(32));
    for (status, gone) in [(404, true), (403, false), (500, false), (503, false)] {
        let far = FarEnd::start(move |_, _| Reply::Answer { status, headers: vec![], body: vec![] });
        let opened = store(&far).open(&key).await;
        assert_eq!(opened.is_ok_and(|opened| opened.is_none()), gone, "{status}");
    }
}
