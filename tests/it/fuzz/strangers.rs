//! What anybody can reach without being trusted: paths, activities, uploads, watermarks, links. Their corpora stand in
//! `tests/fixtures/corpus`; each is checked as it is before it is bent.

use std::{
    fs,
    path::PathBuf,
    pin::pin,
    task::{Context, Waker},
};

use actix_web::{http::Method, web::Bytes};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use servicenow_handoff::{
    files::{Described, Incoming, Part},
    http::Operation,
    translate::watermark::{Cursor, is_ours},
    wire::{
        activity::{ActivitySet, posted},
        json,
    },
};

use crate::{
    fuzz::{bend, run},
    live::wire::{exchange, request},
    world::World,
};

#[test]
fn any_path_is_an_operation_written_one_way_or_nothing() {
    bent("operations", &lines("operations.txt"), |input, _| {
        let text = String::from_utf8_lossy(input);
        let (method, path) = text.split_once(' ').unwrap_or(("GET", &text));
        let Ok(method) = Method::from_bytes(method.as_bytes()) else { return };
        let Some(operation) = Operation::read(&method, path) else { return };
        let written = operation.path();
        assert_eq!(Operation::read(&method, &written).as_ref(), Some(&operation), "{written}");
        let first = written.split('/').next().unwrap_or_default();
        assert!(["conversations", "tokens", "session", "attachments"].contains(&first), "{written}");
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%/".contains(&b);
        assert!(written.bytes().all(plain) && !written.contains("//"), "{written}");
        assert!(!written.split('/').any(|segment| matches!(segment, "" | "." | "..")), "{written}");
    });
}

#[test]
fn any_activity_is_read_as_everybody_would_read_it_or_not_at_all() {
    bent("posted", &lines("activities.jsonl"), |input, _| {
        let far = json::read(input);
        let _ = ActivitySet::read(input);
        let Ok(fields) = posted::read(input) else { return };
        assert_eq!(fields["from"]["role"], "user");
        let sent = serde_json::to_vec(&fields).expect("JSON");
        let again = posted::read(&sent).expect("what is sent can be read");
        assert_eq!(again, fields, "what is sent reads as what was read");
        let Ok(json::Read { value: Value::Object(others), lost }) = far else {
            panic!("a reader that forgives more reads less")
        };
        assert_eq!(lost, 0);
        for (name, value) in &others {
            let mine = fields.iter().filter(|(mine, _)| mine.eq_ignore_ascii_case(name));
            let mine: Vec<_> = mine.collect();
            assert_eq!(mine.len(), 1, "{name} is in it once");
            let word = |value: &Value| value.as_str().unwrap_or_default().trim().to_ascii_lowercase();
            let is_same = match mine[0].0.as_str() {
                "from" => true,
                "type" => mine[0].1 == value || word(mine[0].1) == word(value),
                _ => mine[0].1 == value,
            };
            assert!(is_same, "{name}");
        }
    });
}

#[test]
fn any_upload_comes_apart_or_is_refused_however_it_is_cut() {
    let seeds: Vec<Vec<u8>> = {
        let files = fs::read_dir(corpus("uploads")).unwrap();
        files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    };
    bent("uploads", &seeds, |input, random| {
        let size = 1 + random.below(64);
        let pieces: Vec<_> = input.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let described =
            Described { content_type: Some("multipart/form-data; boundary=b"), ..Described::default() };
        let mut upload = Incoming::new(described, stream::iter(pieces).boxed(), 1 << 20);
        let mut bytes = 0;
        // Each piece is given on its own and may ask for one more look.
        let looks = 2 * input.len() + 10;
        let reading = async {
            while let Ok(Some(part)) = upload.next().await {
                match part {
                    Part::Activity(activity) => assert!(posted::read(&activity).is_ok()),
                    Part::File(file) => assert!(!file.name.contains(['/', '\\', '"', '\r', '\n'])),
                }
                while let Ok(Some(chunk)) = upload.chunk().await {
                    bytes += chunk.len();
                }
            }
        };
        assert!(ends_within(looks, reading), "it waits for more than there is");
        assert!(bytes <= input.len());
    });
}

/// Whether it ends when it is looked at so many times, with nobody there to wake it.
fn ends_within(looks: usize, reading: impl Future<Output = ()>) -> bool {
    let mut reading = pin!(reading);
    let mut context = Context::from_waker(Waker::noop());
    (0..looks).any(|_| reading.as_mut().poll(&mut context).is_ready())
}

#[test]
fn any_watermark_is_a_place() {
    bent("watermarks", &lines("watermarks.txt"), |input, _| {
        let text = String::from_utf8_lossy(input);
        let cursor = Cursor::read(Some(&text));
        let written = cursor.write();
        assert!(is_ours(&written));
        assert_eq!(Cursor::read(Some(&written)), cursor);
    });
}

#[test]
fn any_link_that_we_did_not_sign_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::start());
    bent("links", &lines("links.txt"), |input, _| {
        let plain = |b: &u8| b.is_ascii_graphic() && !b"?#".contains(b);
        let path: String = input.iter().copied().filter(plain).take(2_000).map(char::from).collect();
        let sent = request(&format!("GET /api/files/{path}"), &[("Host", "x"), ("Connection", "close")], b"");
        let answer = runtime.block_on(exchange(&world.url, &sent));
        assert!([400, 403, 404].contains(&answer.status), "{}: {path}", answer.status);
    });
}

/// Checks each seed as it is, and then bent.
pub fn bent(target: &str, seeds: &[Vec<u8>], check: impl Fn(&[u8], &mut bend::Random)) {
    assert!(!seeds.is_empty());
    for seed in seeds {
        check(seed, &mut bend::Random::new(1));
    }
    let case = |random: &mut bend::Random| {
        let (seed, other): (&Vec<u8>, &Vec<u8>) = (random.pick(seeds), random.pick(seeds));
        bend::text(seed, other, random)
    };
    run(target, case, check);
}

pub fn lines(file: &str) -> Vec<Vec<u8>> {
    fs::read_to_string(corpus(file)).unwrap().lines().map(|line| line.as_bytes().to_vec()).collect()
}

pub fn corpus(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus").join(name)
}
