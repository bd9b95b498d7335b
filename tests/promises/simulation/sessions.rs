//! The secondary bot's surroundings: a primary bot that asks and gets answers at its response address, and an agent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use secrecy::ExposeSecret as _;
use serde_json::json;
use servicenow_handoff::{
    domain::ConversationId,
    ledger::{Attempt, CallId, Committed, Failure, Outcome, Settlement, Tried, journal::JournalError},
    secondary_bot::{
        answer::Answer,
        ask::Incoming,
        fact::{Asked, Fact},
        machine::{Command, Dialogue, Session},
        state::{Call, RESPONSE, State, WORK},
        take,
    },
    translate::{
        secondary_bot::{self as asks, Form, Pending, Rules, StepKind},
        texts::Texts,
    },
    wire::virtual_agent::request::{Action, Message, Request},
};
use tokio::time::sleep;

use super::{
    engine::{Engine, Play},
    far::FarEnd,
    fleet::{self, Fleet, request},
    weather::Clocks,
    world::World,
};
use crate::chance::Chance;

pub struct Sessions {
    world: Arc<World>,
    agent: FarEnd,
    primary: FarEnd,
    fleet: Fleet<Self>,
    seen: Mutex<BTreeMap<ConversationId, Seen>>,
}

/// What came through in one session.
#[derive(Default)]
struct Seen {
    /// What was asked for, under its request's id.
    asked: BTreeSet<String>,
    /// Requests that the agent got, in order.
    posts: Vec<u64>,
    /// Answers that the primary bot got, in order.
    answers: Vec<CallId>,
    /// Requests that were answered 200: where they stand.
    accepted: BTreeMap<String, u64>,
}

/// Runs a seed's sessions.
pub async fn play(world: &Arc<World>, sessions: usize) {
    let role = Arc::new(Sessions {
        world: world.clone(),
        agent: FarEnd::new(world, "agent"),
        primary: FarEnd::new(world, "primary bot"),
        fleet: Fleet::default(),
        seen: Mutex::default(),
    });
    fleet::launch(&role);
    let ids: Vec<_> = (0..sessions).map(|n| ConversationId::parse(&format!("s:{n}")).unwrap()).collect();
    fleet::rest(world, ids.iter().map(|id| role.clone().ask_all(id.clone()))).await;
    let dump = role.fleet.store.dump();
    for id in &ids {
        role.check(id, &dump);
    }
    role.fleet.disband();
}

impl Sessions {
    /// A primary bot's requests, one after the other, some of them twice at once.
    async fn ask_all(self: Arc<Self>, id: ConversationId) {
        let mut chance = self.world.chance(&format!("primary {id}"));
        sleep(Duration::from_millis(chance.between(0, 60_000))).await;
        for n in 1..=chance.between(1, 6) {
            sleep(Duration::from_millis(chance.between(100, 20_000))).await;
            let (name, mut own) = (format!("{id} {n}"), self.world.chance(&format!("{id} {n}")));
            if chance.one_in(4) {
                self.world.count("request repeated");
                let (one, other) = (self.ask(&id, &name, &mut own), self.ask(&id, &name, &mut chance));
                futures_util::future::join(one, other).await;
            } else {
                self.ask(&id, &name, &mut chance).await;
            }
        }
    }

    /// Asked until it is answered 200.
    async fn ask(self: &Arc<Self>, id: &ConversationId, name: &str, chance: &mut Chance) {
        let text = words(name);
        self.seen.lock().unwrap().entry(id.clone()).or_default().asked.insert(text.clone());
        for _ in 0..40 {
            let engine = self.fleet.any(chance).await;
            let action = Action::Message(Message::typed(&*text));
            let body = json!({"requestId": name, "message": {"text": text}});
            let body = body.as_object().unwrap();
            let asked = Request::new(name, id.as_str(), "user", action);
            let incoming = Incoming::read(asked, body, true, None, &Texts::default());
            let taken = async {
                let session = engine.ledger.find_or_begin(id).await?;
                take::take(&engine, &session, incoming).await
            };
            match request(&engine, taken).await {
                Some(taken) => return self.accepted(id, name, taken.request),
                None => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    fn accepted(&self, id: &ConversationId, name: &str, at: u64) {
        let (facts, _) = self.stored(id);
        let stored = matches!(facts.get(usize::try_from(at).unwrap()), Some(Fact::Asked(_)));
        self.world.check(stored, "acknowledged means stored", || format!("{name} at {at}"));
        let before = {
            let mut seen = self.seen.lock().unwrap();
            seen.entry(id.clone()).or_default().accepted.insert(name.to_owned(), at)
        };
        self.world.check(
            before.is_none_or(|before| before == at),
            "nothing is doubled that can be told apart",
            || format!("{name} at {before:?} and {at}"),
        );
    }

    fn stored(&self, id: &ConversationId) -> (Vec<Fact>, State) {
        let facts = self.fleet.store.store().read(id, 0).now_or_never().unwrap().unwrap();
        let mut state = State::new(id);
        facts.iter().for_each(|fact| state.apply(fact));
        (facts, state)
    }

    /// What the product's worker does: opens a conversation, posts, and looks for a post that may have arrived before it posts
    /// again.
    async fn work(
        self: &Arc<Self>,
        by: &Arc<Engine<Self>>,
        attempt: &Attempt<Dialogue>,
        asked: &Asked,
    ) -> Tried<Answer> {
        let Attempt { entry, queued, .. } = attempt;
        let (request, of) = (queued.id.0, (queued.id, queued.attempts));
        let said = self.words_of(by, asked)?;
        let (opened, posted, posting) = {
            let state = entry.state().await;
            (state.agent.is_some(), state.progress.posted, state.progress.posting)
        };
        if !opened {
            let (conversation, at) = (format!("agent-{request}"), by.ledger.now());
            let opened =
                Fact::Opened { request, agent: None, conversation, authorization: None, renew_at: None, at };
            step(by, entry, of, opened).await?;
        }
        if posted == 0 {
            if posting.is_some() && self.has_arrived(&entry.id, request) {
                self.world.count("echo found");
            } else {
                step(by, entry, of, Fact::Posting { ordinal: 0, at: by.ledger.now() }).await?;
                let (role, id) = (self.clone(), entry.id.clone());
                let label = format!("{id} post {request}/{}", queued.attempts);
                let arrives = move || {
                    role.agent_gets(&id, request, &said);
                    None::<()>
                };
                self.agent.ask(&label, arrives).await?;
            }
            step(by, entry, of, Fact::Posted { ordinal: 0, untold: false, at: by.ledger.now() }).await?;
        }
        Ok(Some(answer(request)))
    }

    fn words_of(&self, by: &Engine<Self>, asked: &Asked) -> Result<String, Failure> {
        let Some(whisper) = &asked.whisper else { return Ok(asked.text.clone()) };
        self.world.count("masked request");
        let words = by.ledger.whispers().get(&whisper.name);
        words.map(|words| words.expose_secret().to_owned()).ok_or_else(|| {
            self.world.count("words gone in a session");
            Failure::WordsGone
        })
    }

    fn has_arrived(&self, id: &ConversationId, request: u64) -> bool {
        self.seen.lock().unwrap().get(id).is_some_and(|seen| seen.posts.contains(&request))
    }

    fn agent_gets(&self, id: &ConversationId, request: u64, text: &str) {
        self.world.note(|| format!("{id} the agent gets {request} {text}"));
        let mut seen = self.seen.lock().unwrap();
        let seen = seen.entry(id.clone()).or_default();
        self.world
            .check(seen.asked.contains(text), "words arrive as they were said", || format!("{id} {text}"));
        self.check_order(id, &seen.posts, request);
        seen.posts.push(request);
    }

    fn primary_gets(&self, id: &ConversationId, call: CallId) {
        self.world.note(|| format!("{id} the primary bot gets the answer at {call:?}"));
        let mut seen = self.seen.lock().unwrap();
        let seen = seen.entry(id.clone()).or_default();
        self.check_order(id, &seen.answers, call);
        seen.answers.push(call);
    }

    fn check_order<T: Ord + std::fmt::Debug>(&self, id: &ConversationId, before: &[T], next: T) {
        let in_order = before.last().is_none_or(|last| *last <= next);
        let set_back = self.world.weather.clocks == Clocks::SetBack;
        self.world.check(in_order || set_back, "in the order they were said", || {
            format!("{id} {next:?} after {before:?}")
        });
    }

    /// What must hold at rest.
    fn check(&self, id: &ConversationId, dump: &str) {
        let ((facts, state), world) = (self.stored(id), &self.world);
        world.check(state.outbox.is_empty(), "in the end every lane is empty", || {
            format!("{id} {:?}", state.outbox)
        });
        let seen = self.seen.lock().unwrap();
        let Some(seen) = seen.get(id) else { return };
        let (mut asked, mut keys) = (BTreeMap::<u64, usize>::new(), BTreeMap::<&str, usize>::new());
        for (at, fact) in (0..).zip(&facts) {
            match fact {
                Fact::Asked(one) => {
                    asked.entry(at).or_default();
                    *keys.entry(one.key.as_deref().unwrap_or_default()).or_default() += 1;
                }
                Fact::Answered(one) => {
                    one.request.iter().for_each(|request| *asked.entry(*request).or_default() += 1);
                    let got = seen.answers.contains(&CallId(at, 0)) || is_dropped(&facts, CallId(at, 0));
                    world.check(got || !one.deliver, "an answer arrives, or is given up", || {
                        format!("{id} {at}")
                    });
                }
                _ => {}
            }
        }
        world.check(asked.values().all(|answers| *answers == 1), "each request has one answer", || {
            format!("{id} {asked:?}")
        });
        let once = keys.values().all(|times| *times == 1);
        world.check(once, "nothing is doubled that can be told apart", || format!("{id} {keys:?}"));
        for (name, at) in &seen.accepted {
            let fact = &facts[usize::try_from(*at).unwrap()];
            let masked = matches!(fact, Fact::Asked(asked) if asked.whisper.is_some());
            let kept = masked && dump.contains(&words(name));
            world.check(!kept, "a masked answer is never stored", || format!("{id} {name}"));
        }
    }
}

fn words(name: &str) -> String {
    format!("words {name}")
}

fn is_dropped(facts: &[Fact], call: CallId) -> bool {
    facts.iter().any(|fact| match fact {
        Fact::Settled(settled) => settled.call == call && settled.outcome == Settlement::Dropped,
        _ => false,
    })
}

/// Every third one asks for a secret.
fn answer(request: u64) -> Answer {
    let elements = vec![json!({"uiType": "OutputText", "value": format!("answer to {request}")})];
    let pin = asks::Step {
        id: "pin".to_owned(),
        prompt: "PIN?".to_owned(),
        required: true,
        kind: StepKind::Text { secret: true },
        rules: Rules::default(),
        error: None,
        given: None,
        sends: vec![],
    };
    let pending = match request % 3 {
        0 => Pending::Form(Form { steps: vec![pin], ..Form::default() }),
        _ => Pending::Nothing,
    };
    Answer { elements, pending: Some(pending), ..Answer::default() }
}

async fn step(
    by: &Engine<Sessions>,
    session: &Arc<Session>,
    of: (CallId, u32),
    fact: Fact,
) -> Result<(), Failure> {
    match by.ledger.commit(session, Command::Step { of, fact }).await {
        Ok(Committed::Stored { .. }) => Ok(()),
        Ok(_) => Err(Failure::Uncertain),
        Err(_) => Err(Failure::NotTaken { wait: 0 }),
    }
}

impl Play for Sessions {
    type Machine = Dialogue;

    fn machine(&self) -> Dialogue {
        Dialogue::default()
    }

    fn world(&self) -> &Arc<World> {
        &self.world
    }

    fn fleet(&self) -> &Fleet<Self> {
        &self.fleet
    }

    async fn call(self: &Arc<Self>, by: &Arc<Engine<Self>>, attempt: &Attempt<Dialogue>) -> Tried<Answer> {
        let Attempt { entry, queued, .. } = attempt;
        match &queued.call {
            Call::Work(asked) => self.work(by, attempt, asked).await,
            Call::Respond(_) => {
                let (role, id, call) = (self.clone(), entry.id.clone(), queued.id);
                let label = format!("{id} answer {call:?}/{}", queued.attempts);
                let arrives = move || {
                    role.primary_gets(&id, call);
                    None
                };
                self.primary.ask(&label, arrives).await
            }
        }
    }

    fn longest(&self, _: &Call) -> Duration {
        Duration::from_secs(30)
    }

    fn stored(&self, by: u64, id: &ConversationId, fact: &Fact) {
        self.world.note(|| format!("{id} {by} stores {:.80}", format!("{fact:?}")));
    }

    fn settled(&self, _: u64, _: &Attempt<Dialogue>, outcome: &Outcome<Answer>) {
        if let Outcome::GivenUp(_) = outcome {
            self.world.count("given up in a session");
        }
    }

    async fn look_after(
        self: &Arc<Self>,
        _: &Arc<Engine<Self>>,
        session: Arc<Session>,
    ) -> Result<bool, JournalError> {
        let state = session.state().await;
        Ok(state.outbox.lane(WORK).chain(state.outbox.lane(RESPONSE)).next().is_some())
    }
}
