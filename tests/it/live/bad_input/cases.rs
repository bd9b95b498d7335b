//! The table.

use super::{Call, Case, Scene, message};
use crate::world::RESPONSES_TOKEN;

const WEBHOOK: &str = "/api/servicenow/responses";
const KIB: usize = 1_024;

pub fn all(scene: &Scene) -> Vec<Case> {
    let tables =
        [bodies(scene), credentials(scene), paths(scene), sizes(scene), webhooks(scene), routes(scene)];
    tables.into_iter().flatten().collect()
}

/// Activities that are none.
fn bodies(scene: &Scene) -> Vec<Case> {
    let path = format!("/v3/directline/conversations/{}/activities", scene.conversation);
    let post = || Call::post(&path).bearer(&scene.token);
    let deep = format!(r#"{{"type":"message","value":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let utf16: Vec<u8> = message("x").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gzip = [&[0x1f, 0x8b, 8, 0], message("x").as_bytes()].concat();
    let json = |body: &str| post().json(body);
    vec![
        post().json("").gives("an empty body", 400, "BadRequest"),
        post().gives("no body and no length", 400, "BadRequest"),
        json(r#"{"type":"message","text":"#).gives("half a JSON object", 400, "BadRequest"),
        json(r#"{"type":"message"} {"type":"message"}"#).gives("two objects", 400, "BadRequest"),
        json("type=message&text=x").gives("a form", 400, "BadRequest"),
        json("null").gives("null for an activity", 400, "BadRequest"),
        json("[]").gives("a list for an activity", 400, "BadRequest"),
        json(&format!("[{}]", message("x"))).gives("a list of one activity", 400, "BadRequest"),
        json("3").gives("a number for an activity", 400, "BadRequest"),
        json(r#""x""#).gives("a text for an activity", 400, "BadRequest"),
        json("{}").gives("an activity without anything", 400, "BadRequest"),
        json(r#"{"text":"x"}"#).gives("an activity without a type", 400, "BadRequest"),
        json(r#"{"type":""}"#).gives("an empty type", 400, "BadRequest"),
        json(r#"{"type":7,"text":"x"}"#).gives("a number for the type", 400, "BadRequest"),
        json(r#"{"type":"message","text":{"a":1}}"#).gives("an object for the text", 400, "BadRequest"),
        json(r#"{"type":"message","from":"dana","text":"x"}"#).gives("a text for from", 400, "BadRequest"),
        json(r#"{"type":"message","text":"x","attachments":{}}"#).gives("attachments {}", 400, "BadRequest"),
        json("{\"type\":\"message\",\"text\":\"a\u{0}b\"}").gives("a raw NUL in a text", 400, "BadRequest"),
        json(r#"{"type":"message","value":1e999}"#).gives("a number without end", 400, "BadRequest"),
        post().json(deep).gives("nested ten thousand deep", 400, "BadRequest"),
        post().json(b"{\"type\":\"message\",\"text\":\"\xff\xfe\"}".to_vec()).gives(
            "no UTF-8",
            400,
            "BadRequest",
        ),
        post().json(utf16).gives("UTF-16", 400, "BadRequest"),
        post().with("Content-Encoding", "gzip").json(gzip).gives("gzip", 415, "UnsupportedMediaType"),
        post().with("Content-Type", "image/png").body("\u{1}PNG").gives("a picture", 400, "BadRequest"),
    ]
}

/// Nobody is let in by anything but a token of this conversation.
fn credentials(scene: &Scene) -> Vec<Case> {
    let path = format!("/v3/directline/conversations/{}/activities", scene.conversation);
    let (get, post) = (|| Call::get(&path), || Call::post(&path).json(message("I am Dana")));
    let foreign = format!("/v3/directline/conversations/{}/activities", scene.other.0);
    let reconnect = format!("/v3/directline/conversations/{}", scene.conversation);
    let lost = "/v3/directline/conversations/9wVnNoSuch-eu/activities";
    let webhook = || Call::post(WEBHOOK).json(r#"{"body":[]}"#);
    let cut = &scene.token[..scene.token.len() - 2];
    vec![
        get().gives("a read without a token", 401, "Unauthorized"),
        post().gives("a post without a token", 401, "Unauthorized"),
        get().with("Authorization", "").gives("an empty header", 401, "Unauthorized"),
        get().with("Authorization", "Bearer").gives("a scheme alone", 401, "Unauthorized"),
        get().with("Authorization", &*scene.token).gives("a token without scheme", 401, "Unauthorized"),
        get().with("Authorization", "Basic ZDpk").gives("Basic for a token", 401, "Unauthorized"),
        get().with("Authorization", "Bearer tök\u{7f}").gives("a token that is no ASCII", 400, "BadRequest"),
        get().bearer("made-up").gives("a made-up token", 403, "BadArgument"),
        get().bearer("e30.e30.").gives("an unsigned token", 403, "BadArgument"),
        post().bearer(cut).gives("half a token", 403, "BadArgument"),
        get().bearer(&scene.other.1).gives("a read with another's token", 403, "BadArgument"),
        post().bearer(&scene.other.1).gives("a post with another's token", 403, "BadArgument"),
        post().bearer("x").bearer(&scene.token).gives("two tokens, the first wrong", 403, "BadArgument"),
        Call::get(&format!("{path}?t={}", scene.token)).gives("a token in the query", 401, "Unauthorized"),
        Call::get(&foreign).bearer(&scene.token).gives("our token elsewhere", 403, "BadArgument"),
        Call::get(lost).bearer(&scene.secret).gives("no such conversation", 404, "NotFound"),
        Call::get(&reconnect).gives("a reconnect without a token", 401, "Unauthorized"),
        Call::get(&reconnect).bearer(&scene.other.1).gives("another's reconnect", 403, "BadArgument"),
        Call::post("/v3/directline/tokens/refresh").bearer("x").body("").gives("refresh", 403, "BadArgument"),
        Call::post("/v3/directline/tokens/generate").body("").gives("generate", 401, "Unauthorized"),
        Call::post("/v3/directline/conversations").body("").gives("a start", 401, "Unauthorized"),
        webhook().gives("a webhook without a credential", 401, "Unauthorized"),
        webhook().with("token", "").gives("a webhook with an empty token", 401, "Unauthorized"),
        webhook().with("token", "wrong").gives("a webhook with a wrong token", 401, "Unauthorized"),
        webhook().bearer(&scene.token).gives("a webhook with a client's token", 401, "Unauthorized"),
        webhook().with("Authorization", "Basic Og==").gives("a webhook, empty Basic", 401, "Unauthorized"),
        Call::post(&format!("{WEBHOOK}?token={RESPONSES_TOKEN}")).json("{}").gives(
            "token in query",
            401,
            "Unauthorized",
        ),
    ]
}

/// Paths that would lead somewhere else.
fn paths(scene: &Scene) -> Vec<Case> {
    let under = |path: &str| Call::get(&format!("/v3/directline/{path}")).bearer(&scene.token);
    let id = &scene.conversation;
    vec![
        under("conversations/%2e%2e/activities").gives("an encoded ..", 404, "NotFound"),
        under("conversations/%2E%2e%2Ftokens%2Fgenerate").gives("an encoded ../", 404, "NotFound"),
        under("conversations/../../../simulator/state").gives("a plain ../", 404, "NotFound"),
        under("../../simulator/state").gives("out at once", 404, "NotFound"),
        under("conversations/./x").gives("a dot", 404, "NotFound"),
        under("conversations/a%2fb/activities").gives("an encoded slash", 404, "NotFound"),
        under("conversations/a%5cb/activities").gives("an encoded backslash", 404, "NotFound"),
        under("conversations\\..\\..\\simulator").gives("backslashes", 404, "NotFound"),
        under("conversations/a%00b/activities").gives("an encoded NUL", 404, "NotFound"),
        under("conversations/a%0d%0aX-Evil:1/activities").gives("an encoded line break", 404, "NotFound"),
        under("conversations/%ff%fe/activities").gives("no UTF-8 in the path", 404, "NotFound"),
        under("conversations//activities").gives("an empty id", 403, "BadArgument"),
        under("/conversations").gives("a double slash", 404, "NotFound"),
        under(&format!("conversations/{}/activities", "a".repeat(300))).gives("a long id", 404, "NotFound"),
        under(&format!("conversations/{id}%2factivities")).gives("an id with a slash", 404, "NotFound"),
        under(&format!("conversations/{id};x/activities")).gives(
            "an id with more behind it",
            404,
            "NotFound",
        ),
        under("conversations/%252e%252e/activities").gives("encoded twice", 404, "NotFound"),
        under("nothing/here").gives("a path Direct Line has not", 404, "NotFound"),
        under("").gives("no path", 404, "NotFound"),
        Call::get("/v3/directline").gives("no slash", 404, "NotFound"),
        Call::get("//v3/directline/conversations").gives("two slashes first", 404, "NotFound"),
        Call::get("/V3/DIRECTLINE/conversations").gives("capitals", 404, "NotFound"),
        Call::get("/../../etc/passwd").gives("a file", 404, "NotFound"),
        Call::get("/%2e%2e/%2e%2e/etc/passwd").gives("an encoded file", 404, "NotFound"),
        Call::get("/simulator/state").gives("the far end's own pages", 404, "NotFound"),
    ]
}

/// What is too large.
fn sizes(scene: &Scene) -> Vec<Case> {
    let under = |id: &str, what: &str| format!("/v3/directline/conversations/{id}/{what}");
    let (mine, others) = (under(&scene.conversation, "activities"), under(&scene.other.0, "activities"));
    let upload = under(&scene.other.0, "upload?userId=dana");
    let (live, bot) =
        (|| Call::post(&mine).bearer(&scene.token), || Call::post(&others).bearer(&scene.other.1));
    let large = message(&"x".repeat(256 * KIB));
    let webhook = || Call::post(WEBHOOK).with("token", RESPONSES_TOKEN);
    let webhook_body = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    vec![
        live().json(&*large).gives("256 KiB in a live chat", 413, "PayloadTooLarge"),
        live().chunked(large.as_bytes()).gives("256 KiB in chunks", 413, "PayloadTooLarge"),
        live().with("Content-Length", "99999999999").gives("93 GiB announced", 413, "PayloadTooLarge"),
        bot().json(&*large).gives("256 KiB to the bot", 413, "PayloadTooLarge"),
        bot().chunked(large.as_bytes()).gives("256 KiB to the bot in chunks", 413, "PayloadTooLarge"),
        Call::post("/v3/directline/conversations").bearer(&scene.secret).json(&*large).gives(
            "a start",
            413,
            "PayloadTooLarge",
        ),
        Call::post(&upload)
            .bearer(&scene.other.1)
            .with("Content-Type", "image/png")
            .body(vec![1; 100_001])
            .gives("a file over MAX_UPLOAD", 413, "PayloadTooLarge"),
        webhook().json(webhook_body(8 * KIB * KIB)).gives("a webhook of 8 MiB", 200, ""),
        webhook().json(webhook_body(8 * KIB * KIB + 1)).gives(
            "a webhook of a byte more",
            413,
            "PayloadTooLarge",
        ),
        webhook().chunked(webhook_body(8 * KIB * KIB + 1).as_bytes()).gives(
            "in chunks",
            413,
            "PayloadTooLarge",
        ),
        Call::post(WEBHOOK).json(webhook_body(8 * KIB * KIB + 1)).gives(
            "large, and a stranger's",
            401,
            "Unauthorized",
        ),
        Call::get(&mine).with("X-Large", "x".repeat(200_000)).gives("200 KB of header", 431, "BadRequest"),
    ]
}

/// From ServiceNow: JSON of any shape is 200, because another status makes it give up the chat.
fn webhooks(scene: &Scene) -> Vec<Case> {
    let webhook = |body: &str| Call::post(WEBHOOK).with("token", RESPONSES_TOKEN).json(body);
    let raw = |body: &[u8]| Call::post(WEBHOOK).with("token", RESPONSES_TOKEN).json(body);
    let (mine, bots) = (&scene.conversation, &scene.other.0);
    let of = |session: &str, rest: &str| webhook(&format!(r#"{{"clientSessionId":"{session}"{rest}}}"#));
    let deep =
        format!(r#"{{"clientSessionId":"{mine}","body":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let words =
        r#","body":[{"uiType":"OutputText","value":"not for you","agentInfo":{"sentFromAgent":true}}]"#;
    vec![
        webhook("").gives("an empty webhook", 400, "BadRequest"),
        webhook("<soap:Envelope/>").gives("XML", 400, "BadRequest"),
        webhook("clientSessionId=x").gives("a form", 400, "BadRequest"),
        webhook(r#"{"clientSessionId":"x""#).gives("half a webhook", 400, "BadRequest"),
        webhook("null").gives("null", 200, ""),
        webhook("[]").gives("a list", 200, ""),
        webhook("3").gives("a number", 200, ""),
        webhook(r#""x""#).gives("a text", 200, ""),
        webhook("true").gives("a truth", 200, ""),
        webhook("{}").gives("an empty object", 200, ""),
        webhook(&deep).gives("nested fifty thousand deep", 200, ""),
        webhook(r#"{"clientSessionId":7,"body":9,"completed":[],"agentChat":{}}"#).gives(
            "wrong types",
            200,
            "",
        ),
        raw(b"{\"clientSessionId\":\"\xff\xfe\",\"body\":[]}").gives("no UTF-8", 200, ""),
        raw(b"\xef\xbb\xbf{\"body\":[]}").gives("a byte order mark", 200, ""),
        webhook(r#"{"body":[],"score":NaN}"#).gives("a number that is none", 400, "BadRequest"),
        webhook(r#"{"body":[],"score":1e999}"#).gives("a number beyond all", 200, ""),
        webhook(r#"{"clientSessionId":"x","agentInfo":{"agentName":"A\ud800"}}"#).gives(
            "half a sign in a name",
            200,
            "",
        ),
        webhook("{}").with("Content-Encoding", "gzip").gives("a packed webhook", 415, "UnsupportedMediaType"),
        raw(&utf16).gives("a webhook in UTF-16", 200, ""),
        of("9wVnNoSuch-eu", words).gives("of a conversation nobody knows", 200, ""),
        of(bots, words).gives("of one that is the bot's", 200, ""),
        of(&format!("{mine}~2"), words).gives("of a chat to come", 200, ""),
        of(&format!("{mine}~2"), r#","completed":true"#).gives("the end of a chat to come", 200, ""),
        of("../../x", words).gives("of a path", 200, ""),
        of(mine, "").gives("that says nothing", 200, ""),
        of(mine, r#","body":[]"#).gives("with an empty body", 200, ""),
        of(mine, r#","body":null,"score":"0.92""#).gives("with a body of null", 200, ""),
        of(mine, r#","body":[null,{},[]],"completed":"no","takeControl":"false""#).gives(
            "with nothings",
            200,
            "",
        ),
        webhook("{}").with("Content-Type", "text/plain").gives("two content types", 200, ""),
    ]
}

/// Routes and methods there are not, and the timer's.
fn routes(scene: &Scene) -> Vec<Case> {
    let activities = format!("/v3/directline/conversations/{}/activities", scene.conversation);
    let timer = r#"{"Data":{"timer":{"IsPastDue":false}},"Metadata":{"sys":{"MethodName":"sweep"}}}"#;
    let any =
        |method: &str, path: &str| Call::new(format!("{method} {path}")).bearer(&scene.token).body("{}");
    vec![
        Call::get("/nothing").gives("an unknown path", 404, "NotFound"),
        Call::get("/api/").gives("api", 404, "NotFound"),
        Call::get("/admin/host/status").gives("the host's own", 404, "NotFound"),
        any("POST", "/").gives("a post to the root", 404, "NotFound"),
        any("POST", "/api/health").gives("a post to health", 404, "NotFound"),
        Call::get(WEBHOOK).with("token", RESPONSES_TOKEN).gives("a webhook by GET", 405, "MethodNotAllowed"),
        any("PUT", WEBHOOK).with("token", RESPONSES_TOKEN).gives("a webhook by PUT", 405, "MethodNotAllowed"),
        Call::post("/API/ServiceNow/Responses/").body("{}").gives(
            "a webhook with a slash",
            401,
            "Unauthorized",
        ),
        Call::get("/sweep").gives("the sweep by GET", 404, "NotFound"),
        any("PUT", &activities).gives("PUT activities", 404, "NotFound"),
        any("DELETE", &activities).gives("DELETE activities", 404, "NotFound"),
        any("BREW", &activities).gives("a method nobody knows", 404, "NotFound"),
        Call::new(format!("OPTIONS {activities}")).with("Origin", "https://evil.example.com").gives(
            "preflight",
            403,
            "Forbidden",
        ),
        Call::post("/sweep").at("127.0.0.1").json(timer).gives("the timer's envelope", 200, ""),
        Call::post("/sweep").at("127.0.0.1").json("").gives("the sweep without one", 200, ""),
        Call::post("/sweep").at("127.0.0.1").json("{\"Data\":").gives("the sweep with half of one", 200, ""),
        Call::get("/api/health").with("Content-Length", "abc").gives(
            "a length that is no number",
            400,
            "BadRequest",
        ),
        Call::new("GET").gives("half a request line", 400, "BadRequest"),
        Call::post(&activities)
            .bearer(&scene.token)
            .with("Content-Length", "5")
            .chunked(message("smuggled").as_bytes())
            .gives("a length and chunks", 400, "BadRequest"),
        Call::get(&format!("http://evil.example.com{activities}")).gives(
            "another host's URL",
            401,
            "Unauthorized",
        ),
    ]
}
