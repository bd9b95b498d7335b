//! What an escalated conversation's client reads: the bot's stretches from Direct Line and the live chats
//! from the journal, as one stream behind one watermark.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use serde_json::Value;

mod stretch;

use super::{Caller, Conversation, Handoff, escalate::Source, machine::Chat};
use crate::{
    domain::{Timestamp, User, control::Control},
    ledger::{
        Machine as _, commit_and_deliver, deliver_soon,
        journal::{JournalError, Position},
    },
    session::{AgentSaid, AgentTypes, Command, Fact, LANE, Lift, Phase, Segment, Stream, decide},
    translate::{
        activity::RenderContext,
        client_view::{self, Scene},
        text::Voice,
        watermark::{Cursor, Upstream},
    },
};

/// How often a held poll looks for another instance's facts, which don't wake it up: no more often than a client that
/// polls by itself, because each look is an operation of the store.
const LOOK: Duration = Duration::from_secs(1);

/// Bytes of activities that one answer holds, unless a single one is larger: an answer stays in memory until it is read.
const LARGEST: usize = 1 << 20;

/// Milliseconds after which a sign that somebody types is shown again: Web Chat takes it for over after 5 s.
const RENEWED: i64 = 4_000;

/// Where reading the journal for an answer came to its end.
enum Reached {
    Head,
    /// The bot came back on the way, so that its next stretch follows.
    NextStretch,
    /// The answer is full; the watermark says where to go on.
    Full,
}

/// One answer to a client's GET, or what its socket is pushed.
#[derive(Debug)]
pub struct Page {
    pub activities: Vec<Value>,
    /// As the client gave it when nothing could be read.
    pub watermark: Option<String>,
    /// The stretch in which the bot speaks now, once all before it has been read.
    pub bot: Option<usize>,
}

/// What a client wants to read.
pub struct Asked<'a> {
    pub watermark: Option<&'a str>,
    /// Facts of the journal that it surely has; `None`: those before its watermark.
    pub read: Option<Position>,
    /// How long an empty answer may be held.
    pub hold: Duration,
    pub bot: BotWords,
}

/// How the words of a bot that is back come to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BotWords {
    /// With the answer.
    Polled,
    /// Another way, in this stretch; an answer is held only as long as the bot speaks there.
    Pushed(Option<usize>),
}

/// What the journal says at one moment.
struct Look {
    segments: Vec<Segment>,
    user: User,
    streams: Vec<Stream>,
    types: Option<AgentTypes>,
    lifts: Vec<Lift>,
    /// The facts from the client's place on, and where they begin.
    facts: Vec<Fact>,
    from: Position,
    head: Position,
    returning: bool,
    owes: bool,
    /// Time has brought something about.
    due: bool,
    /// What the client surely has, and whether there is something in it that ServiceNow has not been told of.
    read: Position,
    fetched: bool,
    /// A stretch of the bot's behind whose end the user may have said something.
    undrained: Option<usize>,
}

impl Handoff {
    /// What the client has not seen yet. Far ends that fail leave it empty, with the same watermark: a
    /// client's poll never fails because of them.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn page(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        asked: &Asked<'_>,
    ) -> Result<Page, JournalError> {
        let mut cursor = Cursor::read(asked.watermark);
        let read = asked.read.unwrap_or(cursor.local);
        self.forget_read(conversation, read);
        let mut moved = conversation.watch();
        let until = tokio::time::Instant::now() + asked.hold;
        loop {
            let look = self.look(conversation, &mut cursor, read).await?;
            self.see_to(conversation, &look, caller).await?;
            let look = if look.due || look.undrained.is_some() {
                self.look(conversation, &mut cursor, read).await?
            } else {
                look
            };
            let page = self.assemble(conversation, caller, &look, cursor.clone(), asked).await?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let elsewhere = matches!(asked.bot, BotWords::Pushed(stretch) if page.bot != stretch);
            if !page.activities.is_empty() || elsewhere || left.is_zero() {
                return Ok(page);
            }
            let nap = left.min(LOOK);
            let _ = tokio::time::timeout(nap, moved.changed()).await;
        }
    }

    /// Reads what is new in the journal; puts a cursor that can't be ours back to the start.
    async fn look(
        &self,
        conversation: &Conversation,
        cursor: &mut Cursor,
        read: Position,
    ) -> Result<Look, JournalError> {
        let (mut facts, mut state) = self.ledger.look(conversation, cursor.local).await?;
        let mut from = state.position - facts.len() as u64;
        if cursor.local > state.position || cursor.segment >= state.segments.len() {
            *cursor = Cursor::read(None);
            from = 0;
            drop(state);
            (facts, state) = self.ledger.look(conversation, 0).await?;
        }
        let now = Timestamp::now();
        let read = read.min(cursor.local);
        let policy = &self.ledger.machine().policy;
        let due = |command| !decide(&state, command, policy, now).is_empty();
        Ok(Look {
            due: due(Command::Tick { typed: conversation.local.typed() }),
            fetched: due(Command::Fetched { up_to: read }),
            read,
            segments: state.segments.clone(),
            user: state.user.clone(),
            streams: state.streams().cloned().collect(),
            types: state.agent_types(now).cloned(),
            lifts: state.lifts().to_vec(),
            facts,
            from,
            head: state.position,
            returning: matches!(state.phase, Phase::Returning { .. }),
            owes: !state.outbox.is_empty(),
            undrained: state.undrained(),
        })
    }

    /// A poll is also the clock: what is due is done, or begun.
    async fn see_to(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        look: &Look,
        caller: &Caller,
    ) -> Result<(), JournalError> {
        if look.due {
            Box::pin(self.tick(conversation)).await?;
        }
        if look.fetched {
            let fetched = Command::Fetched { up_to: look.read };
            let decide = move |chat: &Chat, state: &_, now| chat.decide(state, &fetched, now);
            Box::pin(commit_and_deliver(self, conversation, LANE, decide))
                .await
                .map_err(JournalError::from)?;
        }
        if let Some(segment) = look.undrained
            && let Some(ended) = look.segments.get(segment)
            && let Ok(authorization) = self.authorization_for(conversation, ended, caller).await
        {
            let upstream = ended.conversation.as_deref().unwrap_or(conversation.id.as_str());
            let source = Source { segment, conversation: upstream, authorization: &authorization };
            Box::pin(self.drain(conversation, &source)).await?;
        }
        if look.returning {
            self.return_soon(conversation);
        }
        if look.owes || look.due {
            deliver_soon(self, conversation);
        }
        Ok(())
    }

    async fn assemble(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        look: &Look,
        mut cursor: Cursor,
        asked: &Asked<'_>,
    ) -> Result<Page, JournalError> {
        let (mut activities, mut bot) = (vec![], None);
        // Who still reads the bot's words reads history, and typing is none.
        let cut = look.segments.get(cursor.segment).is_some_and(|segment| segment.cut.is_some());
        let catching_up = cut && cursor.upstream != Upstream::End;
        while let Some(segment) = look.segments.get(cursor.segment) {
            let last = cursor.segment + 1 == look.segments.len();
            if !self.read_rest(conversation, caller, segment, last, &mut cursor, &mut activities).await {
                break;
            }
            if size_of_all(&activities) > LARGEST {
                break;
            }
            match self.read_local(conversation, look, catching_up, &mut cursor, &mut activities) {
                Reached::NextStretch => continue,
                Reached::Full => break,
                Reached::Head => {}
            }
            if last && segment.cut.is_none() {
                bot = Some(cursor.segment);
                if asked.bot == BotWords::Polled {
                    Box::pin(self.read_bot(conversation, caller, segment, &mut cursor, &mut activities))
                        .await?;
                }
            }
            break;
        }
        let unmoved = activities.is_empty() && cursor == Cursor::read(asked.watermark);
        let watermark = if unmoved { asked.watermark.map(str::to_owned) } else { Some(cursor.write()) };
        Ok(Page { activities, watermark, bot })
    }

    /// The journal from the cursor on, as far as the answer has room.
    fn read_local(
        &self,
        conversation: &Conversation,
        look: &Look,
        catching_up: bool,
        cursor: &mut Cursor,
        activities: &mut Vec<Value>,
    ) -> Reached {
        let mut size = size_of_all(activities);
        let now = Timestamp::now();
        let link = |address: &str| self.files.link(address, now);
        let words = self.settings.texts.of_user(&look.user);
        let scene = Scene {
            conversation: &conversation.id,
            user: &look.user,
            context: RenderContext { instance: &self.instance, file_link: &link, by: Voice::Bot, words },
            streams: &look.streams,
            types: look.types.as_ref(),
            lifts: &look.lifts,
        };
        let skip = usize::try_from(cursor.local - look.from).unwrap_or(usize::MAX);
        for (position, fact) in (cursor.local..).zip(look.facts.iter().skip(skip)) {
            if matches!(fact, Fact::BotReturned { .. }) && cursor.segment + 1 < look.segments.len() {
                let (local, segment) = (position + 1, cursor.segment + 1);
                *cursor = Cursor { local, segment, upstream: Upstream::Start, typed: 0 };
                return Reached::NextStretch;
            }
            if matches!(fact, Fact::AgentTyping { .. }) && catching_up {
                continue;
            }
            let once = self.in_clear(conversation, fact, position);
            let fact = once.as_ref().unwrap_or(fact);
            let mut shown = client_view::shown(fact, position, &scene);
            if let (Fact::UserSaid(said), Some(activity)) = (fact, &mut shown) {
                self.show_files(said, activity, now);
            }
            size += shown.as_ref().map_or(0, size_of);
            if size > LARGEST && !activities.is_empty() {
                cursor.local = position;
                return Reached::Full;
            }
            activities.extend(shown);
        }
        // A sign that somebody still types is shown anew before clients take it for over.
        let typed = look.types.as_ref().map_or(0, |types| renewals(types, now));
        if let Some(types) =
            look.types.as_ref().filter(|types| typed > cursor.typed && types.position < cursor.local)
        {
            activities.push(client_view::still_types(types, typed, &scene, now));
        }
        cursor.typed = typed;
        cursor.local = look.head;
        Reached::Head
    }
}

/// How often the sign that somebody types has been due again by now.
fn renewals(types: &AgentTypes, now: Timestamp) -> u32 {
    u32::try_from(now.millis_since(types.since) / RENEWED).unwrap_or(0)
}

impl Handoff {
    /// A masked text with its words, while this process knows them: until the client has read past it.
    fn in_clear(&self, conversation: &Conversation, fact: &Fact, position: Position) -> Option<Fact> {
        let Fact::AgentSaid(said) = fact else { return None };
        let Control::Masked(masked) = &said.control else { return None };
        let words = self.ledger.whispers().get(&masked.whisper)?;
        let mut shown = conversation.local.shown_once.lock().unwrap_or_else(PoisonError::into_inner);
        if !shown.iter().any(|(at, _)| *at == position) {
            shown.push((position, masked.whisper.clone()));
        }
        let control = Control::Text { text: words.expose_secret().to_owned() };
        Some(Fact::AgentSaid(Box::new(AgentSaid { control, ..(**said).clone() })))
    }

    /// Forgets the words of masked texts that the client has by now.
    fn forget_read(&self, conversation: &Conversation, read: Position) {
        let mut shown = conversation.local.shown_once.lock().unwrap_or_else(PoisonError::into_inner);
        shown.retain(|(position, whisper)| {
            let unread = *position >= read;
            if !unread {
                self.ledger.whispers().forget(whisper);
            }
            unread
        });
    }
}

fn size_of_all(activities: &[Value]) -> usize {
    activities.iter().map(size_of).sum()
}

/// Bytes of an activity as it is sent, near enough: texts are what makes one large.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(list) => 2 + list.iter().map(|value| size_of(value) + 1).sum::<usize>(),
        Value::Object(map) => {
            2 + map.iter().map(|(name, value)| name.len() + 4 + size_of(value)).sum::<usize>()
        }
    }
}
