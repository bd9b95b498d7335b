//! Many conversations at once over three programs on one store, of which one is killed every few seconds:
//! nothing said is lost, doubled or swapped. Two of the programs serve sockets, which three clients in four hold, and lose again
//! and again on either side; the third is in the Functions host. The same for sessions of the secondary bot, in `sessions`.
//!
//! `STORM_CONVERSATIONS`, `STORM_MESSAGES`, `STORM_PAUSE`, `STORM_POLL` and `STORM_KILL` (the last three in
//! milliseconds) set another size. `HANDLER` names another build of the program, `HANDLER_BEFORE` one that takes turns with
//! it at each start, as in an upgrade that never ends. `-- --nocapture` shows the figures.

mod client;
mod figures;
mod sessions;
mod size;
mod talk;
mod verdict;
mod weather;

use servicenow_handoff::simulate::servicenow::{Effect, Fault, ServiceNowOptions};

use self::size::Size;
use crate::{
    azurite::{
        proxy::{Proxy, Weather},
        server::{Azurite, sas},
    },
    faults::{random, stage::Stage},
};

/// ServiceNow takes up to so long for a call, so that a kill meets some under way.
const WORK_MILLIS: u64 = 30;
/// One call in so many is answered so many milliseconds late, a small storm's no later than the first of them. It has arrived
/// by then: what is still on its way when its program dies can come behind anything, which is nobody's to prevent.
const SLOW: [(u32, u64); 2] = [(40, 4_000), (120, 20_000)];
/// Calls; a storm that makes no more of them is small.
const SMALL: usize = 300;

#[tokio::test]
async fn three_programs_on_one_sqlite_file_keep_every_word_while_one_after_the_other_is_killed() {
    let size =
        Size { conversations: 30, messages: 10, pause: 600, poll: 600, kill_every: 2_000 }.or_as_told();
    let stage = stage(&size, &[]).await;
    println!("{}", storm(&stage, &size).await);
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn three_programs_on_one_container_keep_every_word_while_storage_fails_and_one_after_the_other_is_killed()
 {
    let size =
        Size { conversations: 300, messages: 50, pause: 3_000, poll: 3_000, kill_every: 5_000 }.or_as_told();
    let container = Container::behind_a_proxy();
    let stage = stage(&size, &[("STORE", &container.store)]).await;
    container.proxy.set(FAILING);
    let figures = storm(&stage, &size).await;
    println!("{figures}\n{}", container.proxy.counts());
}

/// How a storm's storage fails.
const FAILING: Weather = Weather { busy: 20, conflict: 20, lost: 10, slow: 20, in_a_row: 0 };

/// A container in Azurite, and what stands in front of it.
struct Container {
    proxy: Proxy,
    /// As `STORE` names it.
    store: String,
    _azurite: Azurite,
}

impl Container {
    fn behind_a_proxy() -> Self {
        let azurite = Azurite::start();
        let proxy = Proxy::start(azurite.origin());
        let store = format!("{}?{}", azurite.container_behind(proxy.origin()), sas("rwdlac"));
        Self { proxy, store, _azurite: azurite }
    }
}

const PROGRAMS: usize = 3;

/// Programs of which one is in the Functions host.
async fn stage(size: &Size, settings: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::on(PROGRAMS, servicenow(size), settings).await;
    for process in &mut stage.processes[1..] {
        process.kill();
        process.be_by_itself();
        process.start().await;
    }
    stage
}

/// An instance that remembers all that a storm tells it.
fn servicenow(size: &Size) -> ServiceNowOptions {
    let talks = size.conversations * size.messages;
    ServiceNowOptions {
        keep_requests: 20 * talks + 1_000,
        keep_chats: size.conversations + 1,
        keep_lines: 20 * size.messages,
        ..Default::default()
    }
}

/// Everybody talks both ways until all is said and read; what came of it has been checked.
async fn storm(stage: &Stage, size: &Size) -> figures::Figures {
    let mut random = random::Random::seeded();
    let clients = talk::open(stage, size, &mut random).await;
    let kinds = if size.conversations * size.messages > SMALL { 2 } else { 1 };
    let slow = SLOW[..kinds].iter().map(|&(one_in, ms)| {
        Fault::new(Effect::LateAnswer { ms }).of("MESSAGE").one_in(one_in).first_tries()
    });
    for fault in [Fault::new(Effect::Jitter { ms: WORK_MILLIS }), verdict::quoting()].into_iter().chain(slow)
    {
        stage.servicenow.faults().add(fault);
    }
    let began = std::time::Instant::now();
    let (timer, upstream) = (random::Random(random.below(u64::MAX)), random::Random(random.below(u64::MAX)));
    let drops = std::cell::Cell::new(0);
    let all_is_said = async {
        let (mut talks, kills) =
            weather::kill_while(stage, size, &mut random, talk::all(stage, size, clients)).await;
        let lasted = began.elapsed();
        verdict::all_was_told(stage, size, &mut talks).await;
        (talks, kills, lasted)
    };
    let (talks, kills, lasted) = tokio::select! {
        all = all_is_said => all,
        never = weather::fire_timer(stage, timer) => match never {},
        never = weather::cut_upstream(stage, size, upstream, &drops) => match never {},
    };
    verdict::check_that_nobody_kept_a_code(stage, &talks);
    let mut figures = figures::Figures::new(size, &kills, drops.get(), lasted);
    let (mut told, trouble) = (verdict::told(stage), verdict::trouble(stage));
    for talk in &talks {
        let calls = told.remove(&talk.conversation).unwrap_or_default();
        let trouble = trouble.get(&talk.conversation).copied().unwrap_or_default();
        figures.add(talk, &calls, verdict::of(talk, &calls, size, &kills, trouble));
    }
    figures
}
