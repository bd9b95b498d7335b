use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;

use crate::{
    domain::Timestamp,
    far_end::testing::{FarEnd, Reply},
    handoff::{
        Asked, BotWords, Caller, Client, Conversation, Handoff, Posted, Refusal, UploadTo,
        tests::instance_with,
    },
    ledger::journal::MemoryJournal,
    session::{Command, Opening, tests::chat::*},
    translate::watermark::Cursor,
    wire::activity::Activity,
};

/// An instance whose way back to the bot is the token endpoint, with a conversation whose live chat is over and whose bot is back.
struct Back {
    handoff: Arc<Handoff>,
    entry: Arc<Conversation>,
    direct_line: FarEnd,
    store: MemoryJournal,
    /// Direct Line lets nobody in with the first token.
    dead: Arc<AtomicBool>,
}

/// `lasts`: seconds of a token's life. `opens`: how often a conversation can be opened.
async fn back(lasts: f64, opens: usize) -> Back {
    let dead = Arc::new(AtomicBool::new(false));
    let (is_dead, opened) = (dead.clone(), AtomicUsize::new(0));
    let direct_line = FarEnd::start(move |heard, _| {
        let grant =
            |id: &str, token: &str| json!({"conversationId": id, "token": token, "expires_in": lasts});
        let refused = is_dead.load(Relaxed) && heard.header("authorization") == Some("Bearer token-1");
        match (heard.method.as_str(), heard.target.as_str()) {
            _ if refused => Reply::json(403, &json!({"error": {"code": "TokenExpired", "message": "over"}})),
            ("GET", "/endpoint") => Reply::json(200, &json!({"token": "minted"})),
            ("POST", "/v3/directline/conversations") => match opened.fetch_add(1, Relaxed) + 1 {
                nth if nth <= opens => {
                    Reply::json(201, &grant(&format!("fresh-{nth}"), &format!("token-{nth}")))
                }
                _ => Reply::text(503, ""),
            },
            ("POST", "/v3/directline/tokens/refresh") => Reply::json(200, &grant("fresh-1", "renewed")),
            ("POST", _) => Reply::json(200, &json!({"id": "an-echo"})),
            _ => Reply::json(200, &json!({"activities": []})),
        }
    });
    let store = MemoryJournal::default();
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    chat.on(escalation_by(0, Opening::Agent));
    chat.deliver();
    chat.on(Command::UserEnded);
    let id = conversation();
    store.store().append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
    let handoff = instance(&store, direct_line.url.as_str());
    let entry = handoff.ledger.find(&id).await.expect("the store answers").expect("it is there");
    handoff.bot.return_now(&entry, None).await;
    Back { handoff, entry, direct_line, store, dead }
}

fn instance(store: &MemoryJournal, url: &str) -> Arc<Handoff> {
    instance_with(store, url, ("COPILOT_TOKEN_ENDPOINT", &format!("{url}endpoint")))
}

impl Back {
    /// Its own token is good, whatever ours is.
    async fn says(&self, words: &str) -> Posted {
        let caller = Caller::read(Some("Bearer the-client-s")).expect("a token");
        let client = Client { conversation: &self.entry, caller: &caller };
        let activity =
            Activity { kind: "message".to_owned(), text: Some(words.to_owned()), ..Activity::default() };
        self.handoff.posting.post(client, activity, None).await.expect("the store answers")
    }

    /// How often Direct Line was asked for this.
    fn asked(&self, target: &str) -> usize {
        self.direct_line.targets().iter().filter(|asked| *asked == target).count()
    }

    /// What the conversations behind the client's were told of these words.
    fn took(&self, words: &str) -> Vec<String> {
        let heard = self.direct_line.heard().into_iter();
        let said = heard.filter(|heard| heard.method == "POST" && heard.target.ends_with("/activities"));
        said.filter(|said| said.json()["text"] == words).map(|said| said.target).collect()
    }
}

const OPEN: &str = "POST /v3/directline/conversations";
const REFRESH: &str = "POST /v3/directline/tokens/refresh";

#[tokio::test]
async fn words_that_find_our_token_dead_are_said_in_another_conversation() {
    let back = back(1_800.0, 9).await;
    back.dead.store(true, Relaxed);
    let posted = back.says("are you there?").await;
    assert!(matches!(posted, Posted::Accepted(_)), "{posted:?}");
    let to = |id: &str| format!("/v3/directline/conversations/{id}/activities");
    assert_eq!(back.took("are you there?"), [to("fresh-1"), to("fresh-2")], "refused, and taken once");
    back.says("good").await;
    assert_eq!(back.took("good"), [to("fresh-2")]);
    assert_eq!(back.asked(OPEN), 2);
}

#[tokio::test]
async fn a_file_that_would_find_our_token_dead_goes_to_another_conversation() {
    let back = back(1_800.0, 9).await;
    back.dead.store(true, Relaxed);
    let caller = Caller::read(Some("Bearer the-client-s")).expect("a token");
    let client = Client { conversation: &back.entry, caller: &caller };
    let to = back.handoff.posting.destination(client).await.expect("the store answers");
    let UploadTo::Bot(source) = to else { panic!("the bot is back") };
    assert_eq!((&*source.conversation, &*source.authorization), ("fresh-2", "Bearer token-2"));
}

#[tokio::test]
async fn where_no_other_conversation_can_be_opened_the_client_s_own_token_is_not_blamed() {
    let back = back(1_800.0, 1).await;
    back.dead.store(true, Relaxed);
    let posted = back.says("are you there?").await;
    assert!(matches!(posted, Posted::Refused(Refusal::BotAway)), "{posted:?}");
    assert_eq!(back.asked(OPEN), 2, "one try for each post");
}

#[tokio::test]
async fn where_the_bot_s_words_are_pushed_our_token_is_renewed_before_it_ends() {
    let caller = Caller::read(Some("Bearer the-client-s")).expect("a token");
    for (lasts, renewed) in [(3_600.0, 0), (600.0, 0), (0.000_1, 1)] {
        let back = back(lasts, 9).await;
        let client = Client { conversation: &back.entry, caller: &caller };
        back.handoff.reading.keep_bot(client, 1).await;
        assert_eq!(back.asked(REFRESH), renewed, "{lasts} s");
    }
}

#[tokio::test]
async fn our_token_is_not_renewed_with_every_call_when_that_fails() {
    let back = back(0.000_1, 9).await;
    back.dead.store(true, Relaxed);
    let caller = Caller::read(Some("Bearer the-client-s")).expect("a token");
    let client = Client { conversation: &back.entry, caller: &caller };
    for _ in 0..3 {
        assert!(back.handoff.bot.source(client, 1).await.is_ok());
    }
    assert_eq!(back.asked(REFRESH), 1);
}

#[tokio::test]
async fn where_a_newer_build_has_stored_what_cant_be_read_the_bot_is_neither_told_nor_replaced_nor_read() {
    let back = back(1_800.0, 9).await;
    back.store.push(conversation().as_str(), br#"2{"fact":"beamed"}"#);
    back.dead.store(true, Relaxed);
    let calls = back.direct_line.heard().len();
    let posted = back.says("are you there?").await;
    assert!(matches!(posted, Posted::Refused(Refusal::OfANewerBuild)), "{posted:?}");
    let caller = Caller::read(Some("Bearer the-client-s")).expect("a token");
    let client = Client { conversation: &back.entry, caller: &caller };
    let to = back.handoff.posting.destination(client).await.expect("the store answers");
    assert!(matches!(to, UploadTo::Nowhere(Refusal::OfANewerBuild)));
    assert!(!back.handoff.posting.is_the_bots(&conversation()).await.expect("the store answers"));
    back.handoff.bot.return_now(&back.entry, Some(1)).await;
    let stretch = Cursor { segment: 1, ..Cursor::read(None) }.write();
    let asked = Asked { watermark: Some(&stretch), read: None, hold: Duration::ZERO, bot: BotWords::Polled };
    back.handoff.reading.page(client, &asked).await.expect("the store answers");
    assert_eq!(back.direct_line.heard().len(), calls, "{:?}", back.direct_line.targets());
}
