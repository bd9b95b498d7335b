//! A hand-off with its journal in a container, over two instances.

use servicenow_handoff::{
    domain::ConversationId,
    ledger::{
        Lease, Settled,
        journal::{AppendBlobJournal, Position, Store},
    },
    session::Fact,
    simulate::{copilot::CopilotOptions, servicenow::ServiceNowOptions},
};

use crate::{
    azurite::{
        proxy::{Counts, Proxy},
        server::{Azurite, sas},
    },
    eventually::found,
    files::client::{id_of, send_raw},
    free_port::free_port,
    world::World,
};

pub struct Stage {
    pub world: World,
    pub proxy: Proxy,
    /// Not by way of the proxy: what a test looks for is not counted.
    container: String,
    _azurite: Azurite,
}

impl Stage {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(more: &[(&str, &str)]) -> Self {
        let azurite = Azurite::start();
        let proxy = Proxy::start(azurite.origin());
        let store = format!("{}?{}", azurite.container_behind(proxy.origin()), sas("rwdlac"));
        let container = store.replace(proxy.origin(), azurite.origin());
        // The agent here says again what was not taken.
        let servicenow = ServiceNowOptions { abandon_on_error: false, ..Default::default() };
        let world =
            World::between(CopilotOptions::default(), servicenow, &[&[("STORE", &*store)], more].concat())
                .await;
        Self { world, proxy, container, _azurite: azurite }
    }

    /// Names and contents of all blobs there are, one behind the other.
    async fn blobs(&self) -> Vec<u8> {
        let (root, sas) = self.container.split_once('?').unwrap();
        let get = async |url: String| reqwest::get(url).await.unwrap().bytes().await.unwrap();
        let list = get(format!("{root}?restype=container&comp=list&{sas}")).await;
        let list = String::from_utf8_lossy(&list).into_owned();
        let names = list.split("<Name>").skip(1).filter_map(|rest| rest.split("</Name>").next());
        let mut all = list.clone().into_bytes();
        for name in names {
            all.extend_from_slice(&get(format!("{root}/{name}?{sas}")).await);
        }
        all
    }

    /// The container as one more process sees it.
    async fn journal(&self) -> Store<Fact> {
        let url = url::Url::parse(&self.container).unwrap();
        let transport = servicenow_handoff::azure::transport(servicenow_handoff::far_end::client().unwrap());
        let sign_in = || servicenow_handoff::azure::credential(None);
        Store::of(AppendBlobJournal::open_container(&url, sign_in, transport, true).await.unwrap())
    }
}

/// What has gone to the container since, by kind.
fn since(proxy: &Proxy, before: &Counts) -> Vec<(&'static str, u64)> {
    let now = proxy.counts();
    let grown = now.kinds.iter().map(|(kind, times)| (*kind, times - before.of(kind)));
    grown.filter(|(_, times)| *times > 0).collect()
}

/// Waits until all that was begun is stored: what the user said is on its way, and every call is settled.
async fn is_settled(stage: &Stage, session: &str) {
    let (journal, id) = (stage.journal().await, ConversationId::parse(session).unwrap());
    found("all calls are settled", async || {
        let facts = journal.read(&id, 0).await.unwrap();
        let leases: Vec<&Lease> = facts
            .iter()
            .filter_map(|fact| if let Fact::Leased(lease) = fact { Some(lease) } else { None })
            .collect();
        let is_begun = |position: usize| leases.iter().any(|lease| lease.call.0 == position as Position);
        let said = facts.iter().rposition(|fact| matches!(fact, Fact::UserSaid(_)));
        let is_done = |lease: &&Lease| {
            let of_it = |done: &Settled| (done.call, done.attempt) == (lease.call, Some(lease.attempt));
            facts.iter().any(|fact| matches!(fact, Fact::Settled(done) if of_it(done)))
        };
        (said.is_none_or(is_begun) && leases.iter().all(is_done)).then_some(())
    })
    .await;
}

/// Waits until the agent's last words are known to be read.
async fn is_read(stage: &Stage, session: &str) {
    let (journal, id) = (stage.journal().await, ConversationId::parse(session).unwrap());
    found("the agent's words are read", async || {
        let facts = journal.read(&id, 0).await.unwrap();
        let said = facts.iter().rposition(|fact| matches!(fact, Fact::AgentSaid(_)))? as Position;
        let read = |fact: &Fact| matches!(fact, Fact::Fetched { up_to, .. } if *up_to > said);
        facts.iter().any(read).then_some(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn a_hand_off_goes_over_two_instances() {
    let stage = Stage::start().await;
    let world = &stage.world;
    let (second, handoff) = world.second_instance();
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    chat.move_to(&second);
    chat.say("one").await.unwrap();
    world.agent_hears(&session, &["one"]).await;
    world.agent_says(&session, "two").await;
    chat.see("the agent's words", |a| a["text"] == "two").await.unwrap();
    chat.move_to(&world.url);
    chat.say("three").await.unwrap();
    world.agent_hears(&session, &["one", "three"]).await;
    let journal = stage.journal().await;
    assert_eq!(journal.open().await.unwrap(), [ConversationId::parse(&session).unwrap()]);
    chat.move_to(&second);
    assert!(world.servicenow.end(&session).await.is_success());
    chat.see("the end", |a| a["value"]["state"] == "completed").await.unwrap();
    found("the conversation is closed", async || (handoff.sweep().await.unwrap().open == 0).then_some(()))
        .await;
    assert_eq!(journal.open().await.unwrap(), []);
    assert_eq!(chat.repeated, 0);
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn after_an_erase_no_blob_holds_a_byte_of_the_person() {
    let listen = format!("127.0.0.1:{}", free_port());
    let root = format!("http://{listen}/");
    let own = [("LISTEN", &*listen), ("PUBLIC_URL", &*root), ("ATTACHMENTS", "link")];
    let stage = Stage::with(&own).await;
    let world = &stage.world;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    chat.say("My secret words").await.unwrap();
    id_of(send_raw(world, &chat, "diary.txt", "text/plain", b"Dear diary of mine").await).await;
    world.agent_hears(&session, &["My secret words", ""]).await;
    let traces = ["My secret words", "Dear diary of mine", "diary.txt", "dana", &*session];
    let left = async || {
        let blobs = stage.blobs().await;
        let is_left = |trace: &&str| blobs.windows(trace.len()).any(|part| part == trace.as_bytes());
        traces.into_iter().filter(is_left).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(left().await, traces, "all of it is there first");
    let operator = std::thread::scope(|scope| scope.spawn(|| world.operator()).join().unwrap());
    let erased = operator.erase(&session, false).await.unwrap();
    assert_eq!((erased.conversations.len(), erased.files), (1, 1));
    assert_eq!(left().await, Vec::<String>::new());
    assert_eq!(stage.journal().await.open().await.unwrap(), []);
}

/// Prints what each request of a client costs in operations of the container.
#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn an_idle_poll_is_one_read_in_the_live_chat_and_none_in_the_bot_phase() {
    let stage = Stage::start().await;
    let (world, proxy) = (&stage.world, &stage.proxy);
    let mut chat = world.chat().await;
    chat.say("hello").await.unwrap();
    chat.poll().await.unwrap();
    let before = proxy.counts();
    chat.poll().await.unwrap();
    assert_eq!(since(proxy, &before), [], "a poll in the bot phase");
    let before = proxy.counts();
    chat.say("hello again").await.unwrap();
    eprintln!("a message to the bot: {:?}", since(proxy, &before));
    let before = proxy.counts();
    let mut chat = world.live_chat().await;
    eprintln!("from the start of a chat until the agent is there: {:?}", since(proxy, &before));
    let session = chat.conversation().to_owned();
    chat.say("one").await.unwrap();
    world.agent_hears(&session, &["one"]).await;
    chat.see("the echo", |a| a["text"] == "one").await.unwrap();
    chat.poll().await.unwrap();
    is_settled(&stage, &session).await;
    let before = proxy.counts();
    chat.poll().await.unwrap();
    assert_eq!(since(proxy, &before), [("read", 1)], "a poll in the live chat");
    let before = proxy.counts();
    chat.say("two").await.unwrap();
    world.agent_hears(&session, &["one", "two"]).await;
    is_settled(&stage, &session).await;
    eprintln!("the user's message, stored and delivered: {:?}", since(proxy, &before));
    let before = proxy.counts();
    world.agent_says(&session, "three").await;
    eprintln!("the agent's message: {:?}", since(proxy, &before));
    let before = proxy.counts();
    chat.see("the agent's words", |a| a["text"] == "three").await.unwrap();
    eprintln!("the poll that fetches it: {:?}", since(proxy, &before));
    let before = proxy.counts();
    chat.poll().await.unwrap();
    is_read(&stage, &session).await;
    is_settled(&stage, &session).await;
    eprintln!("the poll that acknowledges it: {:?}", since(proxy, &before));
    let before = proxy.counts();
    world.handoff.sweep().await.unwrap();
    eprintln!("a sweep with one open conversation: {:?}", since(proxy, &before));
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn the_sweep_takes_away_what_a_crash_left_listed() {
    let stage = Stage::start().await;
    let journal = stage.journal().await;
    // A marker is put before the append; here the process dies between the two.
    let never = ConversationId::parse("never begun").unwrap();
    let no_facts: &[Fact] = &[];
    let start: Position = 0;
    journal.append(&never, start, no_facts, Some(true)).await.unwrap();
    assert_eq!(journal.open().await.unwrap(), std::slice::from_ref(&never));
    assert_eq!(stage.world.handoff.sweep().await.unwrap().open, 1);
    assert_eq!(journal.open().await.unwrap(), []);
    assert_eq!(journal.read(&never, 0).await.unwrap(), []);
    let before = stage.proxy.counts();
    stage.world.handoff.sweep().await.unwrap();
    assert_eq!(since(&stage.proxy, &before), [("list", 1)]);
}
