//! The tables.

use super::Spelling;
use crate::live::bad_input::Call;

pub const ACTIVITIES: &str = "/v3/directline/conversations/{id}/activities";
const UPLOAD: &str = "/v3/directline/conversations/{id}/upload?userId=dana";

/// The same hand-off in all the ways anybody has thought of.
pub fn forged(event: &str) -> Vec<Spelling> {
    [json_forms(event), encodings(event), headers(event), uploads(event), forged_addresses(event)]
        .into_iter()
        .flatten()
        .collect()
}

fn json_forms(event: &str) -> Vec<Spelling> {
    let json = |what, body: &str, status| Spelling { what, sent: Call::post(ACTIVITIES).json(body), status };
    let named = |name: &str| event.replace("handoff.initiate", name);
    let typed = |kind: &str| event.replacen("event", kind, 1);
    let with = |more: &str| event.replacen('{', &format!("{{{more},"), 1);
    vec![
        json("as it is", event, 403),
        json("an escape in the name", &named("handoff\\u002einitiate"), 403),
        json("every letter an escape", &named("\\u0068andof\\u0066.initiat\\u0065"), 403),
        json("an escape in the type", &typed("\\u0065vent"), 403),
        json("an escape in a property", &event.replace("\"name\"", "\"\\u006eame\""), 403),
        json("the name in another case", &named("Handoff.Initiate"), 403),
        json("the name in capitals", &named("HANDOFF.INITIATE"), 403),
        json("the name with a space", &named("handoff.initiate "), 403),
        json("the name with a tab", &named("\\thandoff.initiate"), 403),
        json("the name with a zero byte", &named("handoff.initiate\\u0000"), 403),
        json("the name with a mark in front", &named("\\ufeffhandoff.initiate"), 403),
        json("the name with a space of no width", &named("handoff.initi\u{200b}ate"), 403),
        json("the name with a soft hyphen", &named("hand\u{ad}off.initiate"), 403),
        json("the name with a wide full stop", &named("handoff\u{ff0e}initiate"), 403),
        json("the name written to the left", &named("\u{202e}handoff.initiate"), 403),
        json("the name in ligatures", &named("hando\u{fb00}.initiate"), 403),
        json("the name in wide letters", &named("\u{ff48}andoff.initiate"), 403),
        json("the name without dots on it", &named("handoff.\u{131}nitiate"), 403),
        json("the name in a list", &event.replace(r#""handoff.initiate""#, r#"["handoff.initiate"]"#), 400),
        json("the type in a list", &event.replace(r#""event""#, r#"["event"]"#), 400),
        json("the type with a space of no width", &typed("\u{200b}event"), 403),
        json("the type with a soft hyphen", &typed("ev\\u00adent"), 403),
        json("the type with a zero byte", &typed("event\\u0000"), 403),
        json("the type in another case", &typed("Event"), 403),
        json("the type with a space", &typed(" event"), 403),
        json(
            "the properties in another case",
            &event.replace("\"name\"", "\"Name\"").replace("\"type\"", "\"TYPE\""),
            403,
        ),
        json(
            "of type handoff",
            r#"{"type":"handoff","value":{"context":{"UserEmail":"victim@example.com"}},"from":{"id":"dana"}}"#,
            403,
        ),
        json(
            "of type Handoff",
            r#"{"type":"Handoff","value":{"context":{"UserEmail":"victim@example.com"}},"from":{"id":"dana"}}"#,
            403,
        ),
        json("another name first", &with(r#""name":"harmless""#), 400),
        json("another type first", &with(r#""type":"message""#), 400),
        json("another type first, in another case", &with(r#""Type":"message""#), 400),
        json("another type first, as an escape", &with(r#""t\u0079pe":"message""#), 400),
        json("a second sender", &with(r#""From":{"id":"bot","role":"bot"}"#), 400),
        json("a second role", &event.replace("\"role\"", "\"Role\":\"bot\",\"role\""), 400),
        json("a sender that is a text", &event.replace(r#"{"id":"dana","role":"bot"}"#, r#""bot""#), 400),
        json("a sender that is a list", &event.replace(r#"{"id":"dana","role":"bot"}"#, "[]"), 400),
        json("the role as a number", &event.replace(r#""role":"bot""#, r#""role":0"#), 403),
        json("without a role", &event.replace(r#","role":"bot""#, ""), 403),
        json("twice in one body", &format!("{event}{event}"), 400),
        json("in a list", &format!("[{event}]"), 400),
        json("in a set", &format!(r#"{{"activities":[{event}]}}"#), 400),
        json("behind a comment", &format!("/* x */{event}"), 400),
        json("with a comma at the end", &event.replace("\"}}", "\"},}"), 400),
        json("in single quotes", &event.replace('"', "'"), 400),
        json("with a number that is none", &with(r#""expiration":NaN"#), 400),
        json("with a number beyond all", &with(r#""expiration":1e999"#), 400),
        json("nested too deep", &with(&format!(r#""entities":{}{}"#, "[".repeat(200), "]".repeat(200))), 400),
        json("with a zero byte behind", &format!("{event}\0"), 400),
        json("as a text", &serde_json::Value::from(event).to_string(), 400),
        json("with white space", &format!(" \r\n\t{event}\n"), 403),
    ]
}

fn encodings(event: &str) -> Vec<Spelling> {
    let json =
        |what, body: Vec<u8>, status| Spelling { what, sent: Call::post(ACTIVITIES).json(body), status };
    let utf16 =
        |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let marked = format!("\u{feff}{event}");
    let utf32: Vec<u8> = marked.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let utf7 = event.replace("handoff", "+AGg-andoff");
    vec![
        json("with a byte order mark", marked.clone().into_bytes(), 400),
        json("UTF-16", utf16(&marked, u16::to_le_bytes), 400),
        json("UTF-16, the other way", utf16(&marked, u16::to_be_bytes), 400),
        json("UTF-16 without a mark", utf16(event, u16::to_le_bytes), 400),
        json("UTF-32", utf32, 400),
        json("bytes that are no UTF-8", [event.as_bytes(), b"\xff"].concat(), 400),
        json(
            "an overlong dot",
            event
                .replace("handoff.", "handoff\u{1}")
                .into_bytes()
                .iter()
                .flat_map(|b| match b {
                    1 => vec![0xc0, 0xae],
                    b => vec![*b],
                })
                .collect(),
            400,
        ),
        Spelling {
            what: "said to be UTF-16",
            sent: Call::post(ACTIVITIES).with("Content-Type", "application/json; charset=utf-16").body(event),
            status: 403,
        },
        Spelling {
            what: "said to be UTF-7",
            sent: Call::post(ACTIVITIES).with("Content-Type", "application/json; charset=utf-7").body(utf7),
            status: 200,
        },
        Spelling {
            what: "said to be compressed",
            sent: Call::post(ACTIVITIES).with("Content-Encoding", "gzip").json(event),
            status: 415,
        },
        Spelling { what: "in chunks", sent: Call::post(ACTIVITIES).chunked(event.as_bytes()), status: 403 },
        Spelling {
            what: "as a text file",
            sent: Call::post(ACTIVITIES).with("Content-Type", "text/plain").body(event),
            status: 403,
        },
    ]
}

fn headers(event: &str) -> Vec<Spelling> {
    let with = |what, name: &str, value: &str, status| {
        let sent = Call::post(ACTIVITIES).with(name, value).json(event);
        Spelling { what, sent, status }
    };
    let addressed = |what, line: &str, status| Spelling { what, sent: Call::post(line).json(event), status };
    vec![
        with("with another method in a header", "X-HTTP-Method-Override", "PUT", 403),
        with("with another path in a header", "X-Original-URL", "/v3/directline/tokens/refresh", 403),
        with("with a function key", "x-functions-key", "abc", 403),
        with("as a logged-in person", "x-ms-client-principal-name", "victim@example.com", 403),
        addressed("with a key in the query", &format!("{ACTIVITIES}?code=abc"), 403),
        addressed("with a fragment in the query", &format!("{ACTIVITIES}?watermark=1&x=%23"), 403),
    ]
}

fn uploads(event: &str) -> Vec<Spelling> {
    const TYPE: &str = "application/vnd.microsoft.activity";
    let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nx\r\n";
    let part = |head: &str, body: &str| format!("--b\r\n{head}\r\n\r\n{body}\r\n");
    let activity = |body: &str| {
        part(
            &format!(
                "Content-Disposition: form-data; name=\"activity\"; filename=\"blob\"\r\nContent-Type: {TYPE}"
            ),
            body,
        )
    };
    let form_of = |what, kind: &str, parts: &[&str]| {
        let body = format!("{}--b--\r\n", parts.concat());
        let sent = Call::post(UPLOAD).with("Content-Type", format!("{kind}; boundary=b")).body(body);
        Spelling { what, sent, status: 0 }
    };
    let form = |what, parts: &[&str]| form_of(what, "multipart/form-data", parts);
    let raw = |what, kind: &str| Spelling {
        what,
        sent: Call::post(UPLOAD).with("Content-Type", kind).body(event),
        status: 400,
    };
    let message = r#"{"type":"message","from":{"id":"dana"}}"#;
    let twice = event.replacen('{', r#"{"type":"message","#, 1);
    let typed = |kind: &str| {
        part(&format!("Content-Disposition: form-data; name=\"x\"\r\nContent-Type: {kind}"), event)
    };
    let mut all = vec![
        form("in an upload", &[&activity(event), file]),
        form("behind the file", &[file, &activity(event)]),
        form("behind a message", &[&activity(message), &activity(event), file]),
        form("in an upload, a name twice", &[&activity(&twice), file]),
        form("in an upload, with a mark", &[&activity(&format!("\u{feff}{event}")), file]),
        form("by its name alone", &[&part("Content-Disposition: form-data; name=\"activity\"", event), file]),
        form(
            "by its name in another case",
            &[&part("Content-Disposition: form-data; name=\"ACTIVITY\"", event), file],
        ),
        form(
            "by its type in another case",
            &[&typed("Application/VND.Microsoft.Activity; charset=utf-16"), file],
        ),
        form_of("in another form", "multipart/mixed", &[&activity(event), file]),
        form_of("in a related form", "Multipart/Related", &[&activity(event), file]),
    ];
    all.extend([
        raw("as the file itself", TYPE),
        raw("as the file, in another case", "APPLICATION/vnd.microsoft.activity; a=b"),
    ]);
    all
}

fn forged_addresses(event: &str) -> Vec<Spelling> {
    let forged = |Spelling { what, sent, status }| {
        let status = if status == 200 { 403 } else { status };
        Spelling { what, sent: sent.json(event), status }
    };
    addresses().into_iter().map(forged).collect()
}

/// Ways to write where activities are posted; 200 where they lead there.
pub fn addresses() -> Vec<Spelling> {
    let post = |what, path: &str, status| Spelling { what, sent: Call::post(path), status };
    let by = |what, method: &str| Spelling {
        what,
        sent: Call::new(format!("{method} {ACTIVITIES}")),
        status: 404,
    };
    vec![
        post("as documented", ACTIVITIES, 200),
        post("with a slash at the end", "/v3/directline/conversations/{id}/activities/", 200),
        post("with slashes at the end", "/v3/directline/conversations/{id}/activities//", 200),
        post("with a double slash", "/v3/directline/conversations/{id}//activities", 200),
        post("with a double slash first", "//v3/directline/conversations/{id}/activities", 200),
        post("with double slashes everywhere", "/v3//directline//conversations//{id}//activities", 200),
        post("in other cases", "/v3/directline/Conversations/{id}/Activities", 200),
        post("in capitals", "/V3/DIRECTLINE/CONVERSATIONS/{id}/ACTIVITIES", 200),
        post("with an escape", "/v3/directline/conversations/{id}/%61ctivities", 200),
        post("with an escape in its first part", "/%763/directline/conversations/{id}/activities", 200),
        post("with an escape in capitals", "/v3/directline/conversations/{id}/ACTIVITIE%53", 200),
        post("with a query", "/v3/directline/conversations/{id}/activities?a=b", 200),
        post("with an empty query", "/v3/directline/conversations/{id}/activities?", 200),
        post("escaped twice", "/v3/directline/conversations/{id}/%2561ctivities", 404),
        post("with a parameter", "/v3/directline/conversations/{id}/activities;a=b", 404),
        post("with a space", "/v3/directline/conversations/{id}/activities%20", 404),
        post("with a zero byte", "/v3/directline/conversations/{id}/activities%00", 404),
        post("with an escaped slash", "/v3/directline/conversations/{id}%2factivities", 404),
        post("with a backslash", "/v3/directline/conversations/{id}%5cactivities", 404),
        post("by a detour", "/v3/directline/conversations/x/../{id}/activities", 404),
        post("by an escaped detour", "/v3/directline/conversations/x/%2e%2e/{id}/activities", 404),
        post("by standing still", "/v3/directline/./conversations/{id}/activities", 404),
        post("out of Direct Line's part", "/v3/directline/../directline/conversations/{id}/activities", 404),
        post("deeper", "/v3/directline/conversations/{id}/activities/1", 404),
        post("of another version", "/v1/directline/conversations/{id}/activities", 404),
        post("of the connector", "/v3/conversations/{id}/activities", 404),
        post("of a conversation with a parameter", "/v3/directline/conversations/{id};a=b/activities", 404),
        post("of a conversation with a space", "/v3/directline/conversations/{id}%20/activities", 404),
        post(
            "of a conversation with a space in front",
            "/v3/directline/conversations/%20{id}/activities",
            404,
        ),
        post("of a conversation with a full stop", "/v3/directline/conversations/{id}./activities", 404),
        post("of a conversation with a line's end", "/v3/directline/conversations/{id}%0a/activities", 404),
        post(
            "of a conversation with bytes that are no UTF-8",
            "/v3/directline/conversations/{id}%c0%af/activities",
            404,
        ),
        post(
            "of a conversation with a space of no width",
            "/v3/directline/conversations/{id}%e2%80%8b/activities",
            404,
        ),
        post(
            "of a conversation with a question mark",
            "/v3/directline/conversations/{id}%3f/activities",
            404,
        ),
        post("of a conversation in capitals", "/v3/directline/conversations/{ID}/activities", 403),
        post("in letters that look like these", "/v3/directline/conversations/{id}/activitie%C5%BF", 404),
        post("in wide letters", "/v3/directline/conversations/{id}/%EF%BD%81ctivities", 404),
        post("in an overlong letter", "/v3/directline/conversations/{id}/%C1%A1ctivities", 404),
        post("with a full stop", "/v3/directline/conversations/{id}/activities.", 404),
        post("with a parameter in the middle", "/v3/directline/conversations;a=b/{id}/activities", 404),
        post("with a parameter first", "/v3;a=b/directline/conversations/{id}/activities", 404),
        post(
            "as a proxy is asked",
            "http://elsewhere.example.com/v3/directline/conversations/{id}/activities",
            200,
        ),
        post("as a socket", "/v3/directline/conversations/{id}/stream", 404),
        by("by PUT", "PUT"),
        by("by PATCH", "PATCH"),
        by("by a method nobody knows", "BREW"),
    ]
}
