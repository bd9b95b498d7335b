//! What holds for every place that keeps files.

use actix_web::web::Bytes;
use futures_util::TryStreamExt as _;

use super::{FileStore, Label, Writing, blobs::BLOCK};
use crate::domain::Timestamp;

const DAY: i64 = 24 * 3_600_000;
/// Far from anything that a test's own file system or emulator calls today.
const NOW: i64 = 1_000 * DAY;

/// All of it; `stores` are two processes with the same place, in which there is nothing yet.
pub async fn run(stores: &[FileStore; 2]) {
    assert_eq!(stores[0].sweep(Timestamp(NOW)).await.expect("nothing there yet"), 0);
    a_file_reads_back_as_written_on_another_instance(stores).await;
    a_part_of_a_file_is_what_was_asked_for(&stores[0]).await;
    a_file_that_is_not_finished_is_not_there(stores).await;
    a_hostile_name_is_kept_harmless_and_changes_nothing_else(&stores[0]).await;
    no_key_leads_anywhere_else(&stores[0]).await;
    a_sweep_deletes_what_is_over_and_nothing_else(stores).await;
}

async fn a_file_reads_back_as_written_on_another_instance([one, other]: &[FileStore; 2]) {
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 70_001] {
        for piece in [7_919, 3 * BLOCK] {
            let key = keep(one, length, piece.max(length / 50), NOW + DAY).await;
            let opened = other.open(&key).await.expect("a place").expect("the file");
            assert_eq!((&opened.label, opened.length), (&label(), length as u64));
            let read = read(other, &key, 0..length).await;
            assert!(read == bytes(length), "{length} bytes in pieces of {piece}");
        }
    }
}

async fn a_part_of_a_file_is_what_was_asked_for(store: &FileStore) {
    let length = BLOCK + 1_000;
    let key = keep(store, length, 10_000, NOW + DAY).await;
    let whole = bytes(length);
    for part in [0..1, 1..3, length - 1..length, BLOCK - 1..BLOCK + 1, 500..length - 500, 5..5] {
        assert!(read(store, &key, part.clone()).await == whole[part.clone()], "{part:?}");
    }
}

async fn a_file_that_is_not_finished_is_not_there([one, other]: &[FileStore; 2]) {
    let mut writing = begin(one).await;
    writing.write(bytes(2 * BLOCK + 1).into()).await.expect("written");
    let key = writing.key.clone();
    for store in [one, other] {
        assert!(store.open(&key).await.expect("a place").is_none(), "while it comes");
    }
    drop(writing);
    for store in [one, other] {
        assert!(store.open(&key).await.expect("a place").is_none(), "after it broke off");
    }
}

async fn a_hostile_name_is_kept_harmless_and_changes_nothing_else(store: &FileStore) {
    let rows = [
        ("../../etc/passwd", "text/html", "passwd"),
        ("a\r\nx-ms-meta-type: text\r\n\r\n.txt", "image/png\r\nx: y", "ax-ms-meta-type_ text.txt"),
        ("ä 日本 %41\u{202e}.txt", "IMAGE/PNG; a=b", "ä 日本 %41.txt"),
        ("\u{0}", "", "file"),
        (&"ö".repeat(5_000), "text/plain", &"ö".repeat(60)),
    ];
    for (raw_name, raw_type, expected) in rows {
        let label = Label::new(raw_name, raw_type);
        assert_eq!(label.name, expected);
        let mut writing = store.begin(&label, Timestamp(NOW + DAY)).await.expect("begun");
        writing.write("x".into()).await.expect("written");
        let key = writing.finish().await.expect("finished");
        let opened = store.open(&key).await.expect("a place").expect("the file");
        assert_eq!((opened.label, opened.length), (label, 1), "{raw_name:?}");
    }
}

async fn no_key_leads_anywhere_else(store: &FileStore) {
    let random = "0".repeat(32);
    let absent = format!("0000000000001-{random}");
    let odd = ["../secret", "..", "", "1-../../secret", "/etc/passwd", "a?comp=list", absent.as_str()];
    for key in odd {
        assert!(store.open(key).await.expect("a place").is_none(), "{key}");
    }
    for key in [format!("+000000000001-{random}"), format!("{absent}.part"), format!("{absent}/x")] {
        assert!(store.open(&key).await.expect("a place").is_none(), "{key}");
    }
}

async fn a_sweep_deletes_what_is_over_and_nothing_else([one, other]: &[FileStore; 2]) {
    let over = keep(one, 10, 10, NOW + 10 * DAY).await;
    let also_over = keep(other, BLOCK + 1, BLOCK, NOW + 10 * DAY - 1).await;
    let kept = keep(one, 10, 10, NOW + 10 * DAY + 1).await;
    assert_eq!(one.sweep(Timestamp(NOW + 9 * DAY)).await.expect("swept"), left_before());
    assert_eq!(one.sweep(Timestamp(NOW + 10 * DAY)).await.expect("swept"), 2);
    assert_eq!(other.sweep(Timestamp(NOW + 10 * DAY)).await.expect("swept"), 0, "it is done");
    for (key, there) in [(&over, false), (&also_over, false), (&kept, true)] {
        for store in [one, other] {
            assert_eq!(store.open(key).await.expect("a place").is_some(), there, "{key}");
        }
    }
}

/// How many files the other parts of the contract leave: all of them end after a day.
const fn left_before() -> usize {
    12 + 1 + 5
}

/// A file that has some bytes and no end yet.
pub async fn begin(store: &FileStore) -> Writing {
    let mut writing = store.begin(&label(), Timestamp(NOW + DAY)).await.expect("begun");
    writing.write("half".into()).await.expect("written");
    writing
}

fn label() -> Label {
    Label::new("ä \"1\".txt", "text/plain")
}

async fn keep(store: &FileStore, length: usize, piece: usize, until: i64) -> String {
    let mut writing = store.begin(&label(), Timestamp(until)).await.expect("begun");
    for piece in bytes(length).chunks(piece) {
        writing.write(Bytes::copy_from_slice(piece)).await.expect("written");
    }
    writing.finish().await.expect("finished")
}

async fn read(store: &FileStore, key: &str, part: std::ops::Range<usize>) -> Vec<u8> {
    let opened = store.open(key).await.expect("a place").expect("the file");
    let pieces = opened.read(part.start as u64..part.end as u64).await.expect("opened");
    let pieces: Vec<Bytes> = pieces.try_collect().await.expect("read");
    pieces.concat()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}
