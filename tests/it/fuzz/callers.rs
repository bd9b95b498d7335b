//! What callers with a credential of their own send: the relay's headers and query, and the form of a primary bot's upload.

use std::fs;

use crate::{
    eventually::found,
    fuzz::strangers::{bent, corpus, lines},
    live::wire::{exchange, request},
    world::World,
};

const RELAY_KEY: &str = "a-relay-key";

/// A case is a query and headers, with tabs between them.
#[test]
fn any_call_of_the_relay_without_its_key_is_refused_and_none_breaks_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::with(&[("RELAY", ""), ("RELAY_KEY", RELAY_KEY)]));
    bent("relay", &lines("relay.txt"), |input, _| {
        let text: String = input
            .iter()
            .filter(|b| b.is_ascii_graphic() || b" \t".contains(b))
            .map(|b| char::from(*b))
            .collect();
        let mut parts = text.split('\t');
        let query: String =
            parts.next().unwrap_or_default().chars().filter(|c| !" #".contains(*c)).take(2_000).collect();
        let query = query.trim_start_matches('?').to_owned();
        let is_name =
            |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let of_this_hop = ["host", "connection", "content-length", "transfer-encoding", "expect", "upgrade"];
        let headers: Vec<(&str, &str)> = parts
            .filter_map(|part| part.split_once(':'))
            .filter(|(name, _)| is_name(name) && !of_this_hop.contains(&name.to_ascii_lowercase().as_str()))
            .take(20)
            .collect();
        let in_header = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-relay-key"));
        let in_query =
            url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name.eq_ignore_ascii_case("code"));
        let has_key = in_header.is_some_and(|(_, key)| key.trim() == RELAY_KEY)
            || in_query.is_some_and(|(_, key)| key == RELAY_KEY);
        let sent = [&[("Host", "x"), ("Connection", "close")], &headers[..]].concat();
        let sent = request(&format!("GET /api/relayToDirectLine?{query}"), &sent, b"");
        let answer = runtime.block_on(exchange(&world.url, &sent));
        // 400: what is no HTTP is refused before anything is asked.
        let expected: &[u16] = if has_key { &[200, 400, 403, 404] } else { &[400, 401] };
        assert!(expected.contains(&answer.status), "{} for {text}", answer.status);
    });
}

#[test]
fn any_upload_of_a_primary_bot_is_kept_whole_or_refused_and_leaves_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::with(&[("SECONDARY_TOKEN", "a-token")]));
    let seeds: Vec<Vec<u8>> = {
        let files = fs::read_dir(corpus("media")).unwrap();
        files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    };
    bent("media", &seeds, |input, random| {
        let length = input.len().to_string();
        let kind = *random.pick(&[
            "multipart/form-data; boundary=b",
            "multipart/form-data; boundary=\"b\"",
            "Multipart/Form-Data;BOUNDARY=b",
        ]);
        let headers = [
            ("Host", "x"),
            ("Connection", "close"),
            ("token", "a-token"),
            ("Content-Type", kind),
            ("Content-Length", &length),
        ];
        let sent = request("POST /api/now/v1/cccif/media/upload", &headers, input);
        let answer = runtime.block_on(exchange(&world.url, &sent));
        assert!(
            [201, 400].contains(&answer.status),
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        if answer.status == 201 {
            let name = answer.json()["result"]["name"].as_str().unwrap_or_default().to_owned();
            assert!(!name.is_empty() && !name.contains(['/', '\\', '"', '\r', '\n', '\0']), "{name:?}");
            let is_part = |kept: &[u8]| {
                let bytes = &kept[2 + usize::from(u16::from_be_bytes([kept[0], kept[1]]))..];
                !bytes.is_empty() && input.windows(bytes.len()).any(|part| part == bytes)
            };
            let kept: Vec<Vec<u8>> =
                world.kept_files().into_iter().filter_map(|file| fs::read(file).ok()).collect();
            assert!(kept.iter().any(|kept| is_part(kept)), "what is kept is what came");
        }
        let is_accepted = answer.status == 201;
        let nothing = async || {
            let kept = world.kept_files();
            kept.iter().filter(|_| is_accepted).for_each(|file| drop(fs::remove_file(file)));
            kept.is_empty().then_some(())
        };
        runtime.block_on(found("what was refused to be gone", nothing));
    });
}
