//! The person at the client: asks for somebody, says things, reads, answers what is asked, and goes.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use servicenow_handoff::{
    domain::{ActivityId, ConversationId, Timestamp},
    ledger::{
        Committed, Decided, Entry, Machine as _, decide_and_deliver, deliver_soon, journal::JournalError,
    },
    session::{Chat, Command, Fact, LANE, Opening, Phase, State, ToAgent, UserSaid},
    translate::{answer::answer_to, texts::Words},
    wire::activity::Activity,
};
use tokio::time::sleep;

use super::{
    desk::Desk,
    engine::{Engine, Play as _},
    fleet::request,
    world::World,
};
use crate::{chance::Chance, words::handoff};

pub struct Client {
    pub desk: Arc<Desk>,
    pub world: Arc<World>,
    pub id: ConversationId,
}

/// What became of words.
enum Posted {
    Accepted(ActivityId),
    /// The bot has them.
    Bot,
    Refused,
}

impl Client {
    pub async fn live(self: Arc<Self>) {
        let mut chance = self.world.chance(&format!("client {}", self.id));
        sleep(Duration::from_millis(chance.between(0, 60_000))).await;
        let chats = if chance.one_in(4) { 2 } else { 1 };
        let reader = tokio::spawn(self.clone().read());
        for chat in 1..=chats {
            self.escalate(chat, &mut chance).await;
            self.talk(chat, &mut chance).await;
            self.leave(&mut chance).await;
        }
        reader.abort();
    }

    /// The event is seen by one engine, or by two at once.
    async fn escalate(&self, chat: u32, chance: &mut Chance) {
        let event = format!("event-{chat}");
        loop {
            let (one, other) = (self.desk.fleet().any(chance).await, self.desk.fleet().any(chance).await);
            let first = self.escalate_on(&one, chat, &event);
            if chance.one_in(4) {
                self.world.count("event seen twice");
                futures_util::future::join(first, self.escalate_on(&other, chat, &event)).await;
            } else {
                first.await;
            }
            if self.desk.record(&self.id).state.chat >= chat {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn escalate_on(&self, engine: &Arc<Engine<Desk>>, chat: u32, event: &str) {
        let told = handoff(event, &self.id, Opening::CreateThenStart, engine.ledger.now());
        let segment = usize::try_from(chat - 1).unwrap();
        let escalated = async {
            let entry = engine.ledger.find_or_begin(&self.id).await?;
            let command = Command::Escalated { segment, request: Box::new(told), said: vec![] };
            engine.ledger.commit(&entry, command).await?;
            deliver_soon(engine, &entry);
            Ok(())
        };
        request(engine, escalated).await;
    }

    async fn talk(self: &Arc<Self>, chat: u32, chance: &mut Chance) {
        for n in 1..=chance.between(1, 6) {
            sleep(Duration::from_millis(chance.between(100, 15_000))).await;
            self.answer_secret(chance).await;
            let text = format!("words {} {chat}.{n}", self.id);
            if chance.one_in(6) {
                self.world.count("two posts at once");
                let (client, mut own) = (self.clone(), self.world.chance(&text));
                tokio::spawn(async move { client.say(&text, &mut own).await });
            } else if chance.one_in(6) {
                self.world.count("said twice");
                let (mut one, mut other) = (chance.clone(), self.world.chance(&text));
                futures_util::future::join(self.say(&text, &mut one), self.say(&text, &mut other)).await;
            } else {
                self.say(&text, chance).await;
            }
        }
    }

    async fn answer_secret(&self, chance: &mut Chance) {
        let asked =
            self.desk.record(&self.id).state.questions.open().iter().any(|(_, control)| control.is_secure());
        if !asked || chance.one_in(5) {
            return;
        }
        let words = format!("geheim{:016x}", chance.next());
        self.world.count("masked answer");
        let first = format!("answer {:x}", chance.next());
        let mut hand = self.world.chance(&first);
        tokio::join!(
            self.clicks_twice(&words, &first, &mut hand),
            self.post_until_answered(&words, &first, chance)
        );
        if chance.one_in(3) && self.desk.record(&self.id).state.questions.corrected().is_some() {
            self.world.count("masked answer corrected");
            let words = format!("geheim{:016x}", chance.next());
            self.post_until_answered(&words, &format!("{first} corrected"), chance).await;
        }
    }

    /// A finger that was too quick sends the same words once more under another id, wherever they land.
    async fn clicks_twice(&self, words: &str, first: &str, hand: &mut Chance) {
        if hand.one_in(2) {
            return;
        }
        sleep(Duration::from_millis(hand.between(0, 700))).await;
        let (engine, id) = (self.desk.fleet().any(hand).await, again(first));
        let posted = request(&engine, self.post(&engine, &activity(words, &id), &id)).await;
        if matches!(posted, Some(Posted::Accepted(_))) {
            self.world.count("masked answer clicked twice");
        }
    }

    async fn say(&self, text: &str, chance: &mut Chance) {
        self.post_until_answered(text, &text.replace("words", "id"), chance).await;
    }

    /// As a client does whose user presses "retry", with the same id.
    async fn post_until_answered(&self, text: &str, client_id: &str, chance: &mut Chance) {
        let activity = activity(text, client_id);
        self.desk.record(&self.id).typed.push(text.to_owned());
        for _ in 0..30 {
            let engine = self.desk.fleet().any(chance).await;
            let posted = request(&engine, self.post(&engine, &activity, client_id)).await;
            match posted {
                Some(Posted::Accepted(id)) => return self.accepted(client_id, id),
                // As the product looks once more behind a post to the bot, and takes the words over.
                Some(Posted::Bot) if self.desk.record(&self.id).state.is_live() => {
                    self.world.count("words overtaken by a hand-off");
                }
                Some(Posted::Bot) => return self.world.count("words for the bot"),
                Some(Posted::Refused) | None => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    fn accepted(&self, client_id: &str, id: ActivityId) {
        self.world.note(|| format!("{} {client_id} is answered as {}", self.id, id.0));
        let mut record = self.desk.record(&self.id);
        let stored = record.state.posted_as(client_id).cloned();
        if stored.is_none() && record.state.posted_as(&again(client_id)) == Some(&id) {
            return self.world.count("the second click was first");
        }
        self.world.check(stored.as_ref() == Some(&id), "acknowledged means stored", || {
            format!("{} {client_id} was answered {id:?} and is {stored:?}", self.id)
        });
        record.posted.push((client_id.to_owned(), id));
    }

    /// As the product routes what a client posts.
    async fn post(
        &self,
        engine: &Arc<Engine<Desk>>,
        activity: &Activity,
        client_id: &str,
    ) -> Result<Posted, JournalError> {
        let ledger = &engine.ledger;
        let Some(entry) = ledger.find(&self.id).await? else { return Ok(Posted::Refused) };
        for _ in 0..3 {
            if !entry.state().await.is_live() {
                ledger.refresh(&entry).await?;
            }
            let phase = {
                let state = entry.state().await;
                if let Some(id) = state.posted_as(client_id) {
                    self.world.count("known by its id");
                    return Ok(Posted::Accepted(id.clone()));
                }
                state.phase.clone()
            };
            match phase {
                Phase::Waiting { .. } | Phase::WithAgent { .. } => {
                    if let Some(id) = self.post_live(engine, &entry, activity, client_id).await? {
                        return Ok(Posted::Accepted(id));
                    }
                }
                Phase::Returning { .. } => Desk::return_now(engine, &entry).await?,
                Phase::Bot => return Ok(Posted::Bot),
                Phase::Over => return Ok(Posted::Refused),
            }
        }
        Ok(Posted::Refused)
    }

    async fn post_live(
        &self,
        engine: &Arc<Engine<Desk>>,
        entry: &Arc<Entry<Chat>>,
        activity: &Activity,
        client_id: &str,
    ) -> Result<Option<ActivityId>, JournalError> {
        let ledger = engine.ledger.clone();
        let (activity, client_id, name, at) =
            (activity.clone(), client_id.to_owned(), ledger.random_name(), ledger.now());
        let decide = move |chat: &Chat, state: &State, now: Timestamp| {
            let answer = answer_to(&activity, &state.conversation, &state.questions, &Words::default());
            if let Some(id) = state.posted_as(&client_id) {
                return Decided::Known(id.clone());
            }
            if !answer.secure && state.whispers() {
                let mark = ledger.whispers().marks().mark(&answer.text);
                if let Some(id) = state.whispered_as(&mark, at, answer.question.is_some()) {
                    return Decided::Known(id.clone());
                }
            }
            let mut message = ToAgent { text: answer.text, typed: answer.typed, ..ToAgent::default() };
            if answer.secure {
                let words = std::mem::take(&mut message.text);
                message.whisper = Some(ledger.whisper(&name, words.into()));
            }
            let said = UserSaid {
                client_id: Some(client_id.clone()),
                message: Some(message),
                answers: answer.question,
                at,
                ..UserSaid::default()
            };
            chat.decide(state, &Command::UserSaid(Box::new(said)), now)
        };
        let committed = decide_and_deliver(engine, entry, LANE, decide).await?;
        Ok(match committed {
            Committed::TooLate => None,
            Committed::Known(id) => {
                self.world.count("known under the commit");
                Some(id)
            }
            Committed::Stored { at, facts } => {
                let said = |(_, fact): &(u64, &Fact)| matches!(fact, Fact::UserSaid(_));
                (at..).zip(&facts).find(said).map(|(position, _)| ActivityId::local(&self.id, position))
            }
        })
    }

    /// Ends the chat, or waits until somebody does.
    async fn leave(&self, chance: &mut Chance) {
        if chance.one_in(2) {
            let patience = chance.between(0, 200);
            self.wait_until(patience, |state| !state.is_live()).await;
        }
        while self.desk.record(&self.id).state.is_live() {
            let engine = self.desk.fleet().any(chance).await;
            let ended = async {
                let Some(entry) = engine.ledger.find(&self.id).await? else { return Ok(()) };
                engine.ledger.commit(&entry, Command::UserEnded).await?;
                deliver_soon(&engine, &entry);
                Ok(())
            };
            request(&engine, ended).await;
            sleep(Duration::from_secs(1)).await;
        }
        self.wait_until(900, |state| !matches!(state.phase, Phase::Returning { .. })).await;
    }

    async fn wait_until(&self, seconds: u64, holds: impl Fn(&State) -> bool) {
        for _ in 0..seconds {
            if holds(&self.desk.record(&self.id).state) {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Polls, again and again, from where it was left off.
    async fn read(self: Arc<Self>) {
        let mut chance = self.world.chance(&format!("reader {}", self.id));
        let mut watermark = 0;
        loop {
            sleep(Duration::from_millis(chance.between(500, 4_000))).await;
            let engine = self.desk.fleet().any(&mut chance).await;
            let Some((facts, end)) = request(&engine, self.poll(&engine, watermark)).await.flatten() else {
                continue;
            };
            let mut record = self.desk.record(&self.id);
            let from = usize::try_from(watermark).unwrap();
            let stored = record.facts.get(from..usize::try_from(end).unwrap());
            self.world.check(stored == Some(facts.as_slice()), "nothing shown goes backwards", || {
                format!("{} from {watermark} to {end} was read as {facts:?} and is {stored:?}", self.id)
            });
            record.read = record.read.max(end);
            if chance.one_in(8) {
                self.world.count("poll's answer lost");
            } else {
                watermark = end;
            }
        }
    }

    /// One poll: what is new, and where it ends.
    async fn poll(
        &self,
        engine: &Arc<Engine<Desk>>,
        watermark: u64,
    ) -> Result<Option<(Vec<Fact>, u64)>, JournalError> {
        let ledger = &engine.ledger;
        let Some(entry) = ledger.find(&self.id).await? else { return Ok(None) };
        let (facts, state) = ledger.look(&entry, watermark).await?;
        let end = state.position;
        self.world.check(end >= watermark, "nothing shown goes backwards", || {
            format!("{} a watermark {watermark} is ahead of the journal's {end}", self.id)
        });
        let now = ledger.now();
        let due = |command| matches!(ledger.machine().decide(&state, &command, now), Decided::Facts(_));
        let (tick, fetched) =
            (due(Command::Tick { typed: None }), due(Command::Fetched { up_to: watermark }));
        let (returning, owes) = (matches!(state.phase, Phase::Returning { .. }), !state.outbox.is_empty());
        drop(state);
        if tick {
            ledger.commit(&entry, Command::Tick { typed: None }).await?;
        }
        if fetched {
            let fetched = Command::Fetched { up_to: watermark };
            let decide = move |chat: &Chat, state: &State, now| chat.decide(state, &fetched, now);
            decide_and_deliver(engine, &entry, LANE, decide).await?;
        }
        if returning {
            let (engine, entry) = (engine.clone(), entry.clone());
            tokio::spawn(async move { Desk::return_now(&engine, &entry).await });
        }
        if owes || tick {
            deliver_soon(engine, &entry);
        }
        let new = facts.len() - usize::try_from(end - watermark).unwrap();
        Ok(Some((facts[new..].to_vec(), end)))
    }
}

/// What a second click is posted under.
fn again(first: &str) -> String {
    format!("{first} again")
}

/// As a client posts it, under the name it has for it.
fn activity(text: &str, client_id: &str) -> Activity {
    Activity {
        kind: "message".to_owned(),
        text: Some(text.to_owned()),
        channel_data: Some(json!({ "clientActivityID": client_id })),
        ..Activity::default()
    }
}
