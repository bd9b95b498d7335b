//! The live-agent role's surroundings: ServiceNow, and the persons at its desk.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use secrecy::ExposeSecret as _;
use servicenow_handoff::{
    domain::{
        ConversationId, Timestamp,
        control::{Control, Mask, TextInput},
        inbound::{Item, What},
    },
    ledger::{
        self, Attempt, CallId, Entry, Failure, Outcome, Settled, Settlement, Tried, WORDS_LIVE, Why,
        deliver_soon, journal::JournalError,
    },
    session::{Answered, Call, Chat, ChatCall, Command, Fact, Phase},
};
use tokio::time::sleep;

use super::{
    engine::{Engine, Play},
    far::FarEnd,
    fleet::{Fleet, request},
    record::{Arrival, Record},
    weather::Clocks,
    world::World,
};
use crate::{
    chance::Chance,
    words::{abel, chat, said, told},
};

/// As the product's.
const LONGEST: Duration = Duration::from_secs(60);

pub struct Desk {
    world: Arc<World>,
    far: FarEnd,
    fleet: Fleet<Self>,
    records: BTreeMap<ConversationId, Arc<Mutex<Record>>>,
    /// Engines whose last call was answered.
    up: Mutex<BTreeSet<u64>>,
}

impl Desk {
    pub fn new(world: &Arc<World>, conversations: usize) -> Arc<Self> {
        let ids = (0..conversations).map(|n| ConversationId::parse(&format!("c{n}")).unwrap());
        Arc::new(Self {
            world: world.clone(),
            far: FarEnd::new(world, "servicenow"),
            fleet: Fleet::default(),
            records: ids.map(|id| (id.clone(), Arc::new(Mutex::new(Record::new(&id))))).collect(),
            up: Mutex::default(),
        })
    }

    pub fn ids(&self) -> Vec<ConversationId> {
        self.records.keys().cloned().collect()
    }

    /// What is known of a conversation; its facts as they are stored now.
    pub fn record(&self, id: &ConversationId) -> MutexGuard<'_, Record> {
        let mut record = self.records[id].lock().unwrap_or_else(PoisonError::into_inner);
        let read = self.fleet.store.store().read(id, record.state.position).now_or_never();
        let facts = read.expect("no faults here").expect("it never gets shorter");
        record.catch_up(&self.world, facts);
        record
    }

    /// A fresh bot conversation behind the client's, after a chat.
    pub async fn return_now(
        engine: &Arc<Engine<Self>>,
        entry: &Arc<Entry<Chat>>,
    ) -> Result<(), JournalError> {
        let turns = entry.local.turns();
        let _one = turns.returning.lock().await;
        let chat = {
            let state = entry.state().await;
            if !matches!(state.phase, Phase::Returning { .. }) {
                return Ok(());
            }
            state.chat
        };
        sleep(Duration::from_millis(200)).await;
        let returned =
            Command::BotReturned { conversation: format!("bot-{chat}"), token: None, instead_of: None };
        engine.ledger.commit(entry, returned).await?;
        Ok(())
    }

    /// What ServiceNow does with a call that arrives; what it answers.
    fn arrives(self: &Arc<Self>, id: &ConversationId, arrival: Arrival, call: &ChatCall) -> Option<Answered> {
        let world = &self.world;
        world.note(|| format!("{id} servicenow gets {} {:?}/{}", arrival.name, arrival.call, arrival.number));
        let first = {
            let mut record = self.record(id);
            let first = !record.arrivals.iter().any(|other| other.call == arrival.call);
            record.arrives(world, arrival.clone());
            first
        };
        let (CallId(position, _), chat) = (arrival.call, call.chat);
        match &call.what {
            Call::StartCreated(_) | Call::Start(_) | Call::Agent(_) => {
                if first {
                    tokio::spawn(self.clone().attend(id.clone(), chat));
                }
                Some(told(vec![system(&format!("welcome-{chat}"), "You are in the queue.")], false))
            }
            Call::Say(_) if position % 5 == 0 => {
                world.count("answer that carries something");
                Some(told(vec![said(&format!("answer-{position}"), "Thank you.", None)], false))
            }
            _ => None,
        }
    }

    /// A person takes the chat, says a few things, and may end it.
    async fn attend(self: Arc<Self>, id: ConversationId, chat: u32) {
        let mut chance = self.world.chance(&format!("person {id} {chat}"));
        let pause =
            |chance: &mut Chance, least, most| sleep(Duration::from_millis(chance.between(least, most)));
        pause(&mut chance, 500, 30_000).await;
        if chance.one_in(15) {
            self.world.count("nobody came");
            return;
        }
        let joined = Item { message_id: None, agent: Some(abel()), what: What::AgentJoined };
        self.say(&id, chat, told(vec![joined], false), None, &mut chance).await;
        for n in 1..=chance.between(1, 4) {
            pause(&mut chance, 100, 12_000).await;
            let name = format!("person-{chat}-{n}");
            let words = told(vec![said(&name, &format!("Words {n} of {chat}."), Some(abel()))], false);
            if chance.one_in(4) {
                let (desk, id, mut own) =
                    (self.clone(), id.clone(), self.world.chance(&format!("{id} {name}")));
                self.world.count("two webhooks at once");
                tokio::spawn(async move { desk.say(&id, chat, words, Some(name), &mut own).await });
            } else {
                self.say(&id, chat, words, Some(name), &mut chance).await;
            }
            if chance.one_in(5) {
                let name = format!("secret-{chat}-{n}");
                let input =
                    TextInput { prompt: Some("PIN?".to_owned()), mask: Mask::Secure, ..TextInput::default() };
                let item = Item {
                    message_id: Some(name.clone()),
                    agent: None,
                    what: What::Said(Control::TextInput(input)),
                };
                self.world.count("masked question");
                self.say(&id, chat, told(vec![item], false), Some(name), &mut chance).await;
            }
        }
        pause(&mut chance, 1_000, 60_000).await;
        if chance.one_in(2) {
            let name = format!("bye-{chat}");
            let bye = told(vec![said(&name, "Bye.", Some(abel()))], true);
            self.say(&id, chat, bye, Some(name), &mut chance).await;
        }
    }

    /// The words of a masked answer are not to be had here.
    fn words_gone(&self, by: &Engine<Self>, entry: &Entry<Chat>, name: &str, since: Timestamp) {
        self.world.count("words gone");
        let known = self.fleet.living().iter().any(|other| other.ledger.whispers().get(name).is_some());
        let young = by.ledger.now().millis_since(since) < 9_000;
        // Ages mean nothing then, and nobody may be held up by them.
        let set_back = self.world.weather.clocks == Clocks::SetBack;
        self.world
            .check(!known || !young || set_back, "who knows the words comes first", || entry.id.to_string());
    }

    /// A webhook, sent until it is answered; sometimes once more.
    async fn say(
        self: &Arc<Self>,
        id: &ConversationId,
        chat: u32,
        told: Answered,
        name: Option<String>,
        chance: &mut Chance,
    ) {
        let sent = self.world.millis();
        sleep(Duration::from_millis(chance.between(0, 1_500))).await;
        if !self.post_until_answered(id, chat, &told, chance).await {
            return;
        }
        let answered = self.world.millis();
        self.world.note(|| format!("{id} webhook {name:?} is answered"));
        if let Some(name) = name {
            let mut record = self.record(id);
            let item = &told.inbound.items[0];
            let over = record.state.chat != chat || !record.state.is_live();
            self.world.check(record.state.has_heard(item) || over, "acknowledged means stored", || {
                format!("{id} {name} was answered 200")
            });
            record.heard.push((name, sent, answered));
        }
        if chance.one_in(4) {
            self.world.count("webhook doubled");
            let (desk, id) = (self.clone(), id.clone());
            let mut own = self.world.chance(&format!("{id} again {}", chance.next()));
            tokio::spawn(async move {
                sleep(Duration::from_millis(own.between(0, 90_000))).await;
                desk.post_until_answered(&id, chat, &told, &mut own).await;
            });
        }
    }

    async fn post_until_answered(
        self: &Arc<Self>,
        id: &ConversationId,
        chat: u32,
        told: &Answered,
        chance: &mut Chance,
    ) -> bool {
        for _ in 0..20 {
            let engine = self.fleet.any(chance).await;
            let heard = async {
                let entry = engine.ledger.find(id).await?;
                self.world.check(entry.is_some(), "a chat's conversation is known", || id.to_string());
                if let Some(entry) = entry {
                    engine.ledger.commit(&entry, Command::Heard { chat, told: told.clone() }).await?;
                    deliver_soon(&engine, &entry);
                }
                Ok(())
            };
            if request(&engine, heard).await.is_some() {
                return true;
            }
            sleep(Duration::from_secs(1)).await;
        }
        false
    }
}

fn system(id: &str, text: &str) -> Item {
    Item { message_id: Some(id.to_owned()), agent: None, what: What::System(text.to_owned()) }
}

/// Notes that a call is no longer made, however it ended.
struct Making<'a> {
    desk: &'a Desk,
    id: &'a ConversationId,
    call: CallId,
    number: u32,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.desk.record(self.id).ends(self.call, self.number);
    }
}

impl Play for Desk {
    type Machine = Chat;

    fn machine(&self) -> Chat {
        chat()
    }

    fn world(&self) -> &Arc<World> {
        &self.world
    }

    fn fleet(&self) -> &Fleet<Self> {
        &self.fleet
    }

    async fn call(self: &Arc<Self>, by: &Arc<Engine<Self>>, attempt: &Attempt<Chat>) -> Tried<Answered> {
        let Attempt { entry, queued, .. } = attempt;
        let text = match &queued.call.what {
            Call::Say(message) => match &message.whisper {
                Some(held) => match by.ledger.whispers().get(&held.name) {
                    Some(words) => Some(words.expose_secret().to_owned()),
                    None => {
                        self.words_gone(by, entry, &held.name, queued.since);
                        return Err(Failure::WordsGone);
                    }
                },
                None => Some(message.text.clone()),
            },
            _ => None,
        };
        let (call, number, id) = (queued.id, queued.attempts, &entry.id);
        self.record(id).begins(&self.world, call, number, &by.life);
        let making = Making { desk: self, id, call, number };
        let arrival = Arrival { call, number, name: queued.call.what.name(), chat: queued.call.chat, text };
        let label = format!("{id} {} {call:?}/{number} by {}", arrival.name, by.number);
        let (desk, id, what) = (self.clone(), id.clone(), queued.call.clone());
        let tried = self.far.ask(&label, move || desk.arrives(&id, arrival, &what)).await;
        drop(making);
        if let Err(Failure::NotTaken { .. } | Failure::Refused) = &tried {
            self.record(&entry.id).not_taken.insert((call, number));
        }
        match &tried {
            Ok(_) => drop(self.up.lock().unwrap().insert(by.number)),
            Err(_) => drop(self.up.lock().unwrap().remove(&by.number)),
        }
        tried
    }

    fn longest(&self, _: &ChatCall) -> Duration {
        LONGEST
    }

    fn stored(&self, by: u64, id: &ConversationId, fact: &Fact) {
        self.world.note(|| format!("{id} {by} stores {}", brief(fact)));
        let record = self.record(id);
        if let Fact::Settled(Settled { call, outcome: Settlement::Done, .. }) = fact {
            record.check_answer(&self.world, *call);
        }
    }

    fn settled(&self, by: u64, attempt: &Attempt<Chat>, outcome: &Outcome<Answered>) {
        let Attempt { entry, queued, .. } = attempt;
        let id = &entry.id;
        if let Outcome::GivenUp(Why::Unreachable) = outcome
            && queued.passing
            && self.world.weather.is_plain()
        {
            let up = self.up.lock().unwrap().contains(&by);
            self.world
                .check(!up, "an outage ends with an answer", || format!("{id} {}", queued.call.what.name()));
        }
        match outcome {
            Outcome::Retry { uncertain: true, .. } => self.world.count("made again in doubt"),
            Outcome::Retry { at, .. } => {
                let age = at.millis_since(queued.since);
                self.world.check(age <= queued.lives, "no wait outlasts the words", || {
                    format!("{id} {} until {age}", queued.call.what.name())
                });
            }
            Outcome::GivenUp(Why::Unreachable) if !queued.passing => {
                self.world.count("given up in an outage");
                let age = self.world.now().millis_since(queued.since);
                let weather = &self.world.weather;
                let sharp =
                    weather.is_plain() && weather.far.slow + weather.far.very_slow + weather.far.lost == 0;
                let late = if sharp { 2_500 } else { 240_000 };
                self.world.check(
                    weather.clocks != Clocks::Right || (WORDS_LIVE - 100..=WORDS_LIVE + late).contains(&age),
                    "all that waits for an outage is given up at the same age",
                    || format!("{id} {} at {age}", queued.call.what.name()),
                );
            }
            Outcome::GivenUp(Why::MayHaveArrived) if !queued.passing => self.world.count("given up in doubt"),
            _ => {}
        }
    }

    async fn look_after(
        self: &Arc<Self>,
        by: &Arc<Engine<Self>>,
        entry: Arc<ledger::Entry<Chat>>,
    ) -> Result<bool, JournalError> {
        by.ledger.commit(&entry, Command::Tick { typed: None }).await?;
        Self::return_now(by, &entry).await?;
        Ok(entry.state().await.is_live())
    }
}

/// A fact in a few words, without what a run draws at random in it.
fn brief(fact: &Fact) -> String {
    match fact {
        Fact::Leased(lease) => format!("lease {:?}/{} until {}", lease.call, lease.attempt, lease.until.0),
        Fact::Settled(settled) => {
            format!("settled {:?}/{:?} {:?}", settled.call, settled.attempt, settled.outcome)
        }
        Fact::UserSaid(said) => format!("user said {:?} answers {:?}", said.client_id, said.answers),
        Fact::AgentSaid(said) => format!("person said {:?}", said.message_id),
        Fact::Noticed { notice, .. } => format!("{notice:?}"),
        Fact::ChatEnded { why, tell, .. } => format!("chat ended {why:?} tell {tell}"),
        other => format!("{other:?}").chars().take(60).collect(),
    }
}
