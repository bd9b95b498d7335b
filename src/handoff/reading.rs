//! What an escalated conversation's client reads: the bot's stretches from Direct Line and the live chats
//! from the journal, as one stream behind one watermark.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;

mod shown;
mod stretch;

pub(super) use self::shown::Shown;
use self::shown::{Reached, size_of_all};
use super::{Caller, Client, Conversation, Escalations, bot::Bot, calls::Calls, sweep::tick};
use crate::{
    domain::{Timestamp, User},
    ledger::{
        Decided, Machine as _, commit_and_deliver, deliver_soon,
        journal::{JournalError, Position},
    },
    session::{AgentTypes, Command, Fact, LANE, Lift, Phase, Segment, Stream},
    translate::watermark::{Cursor, LARGEST_PAGE, Upstream},
};

/// How often a held poll looks for another instance's facts, which don't wake it up: no more often than a client that
/// polls by itself, because each look is an operation of the store.
const LOOK: Duration = Duration::from_secs(1);

/// One answer to a client's GET, or what its socket is pushed; written as Direct Line writes it.
#[derive(Debug, Serialize)]
pub struct Page {
    pub activities: Vec<Value>,
    /// As the client gave it when nothing could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// The stretch in which the bot speaks now, once all before it has been read.
    #[serde(skip)]
    pub bot: Option<usize>,
}

impl Page {
    /// Whether it is a part of what Direct Line has told, and the next one is there to be read.
    pub fn is_part(&self) -> bool {
        matches!(Cursor::read(self.watermark.as_deref()).upstream, Upstream::Inside(_))
    }
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
pub struct Look {
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

/// A page in the making, and where the client then stands.
struct Making {
    cursor: Cursor,
    activities: Vec<Value>,
}

/// What clients are shown.
pub struct Reading {
    pub calls: Arc<Calls>,
    pub bot: Arc<Bot>,
    pub escalations: Arc<Escalations>,
    pub shown: Shown,
}

impl Making {
    fn page(self, asked: Option<&str>, bot: Option<usize>) -> Page {
        let Self { cursor, activities } = self;
        let unmoved = activities.is_empty() && cursor == Cursor::read(asked);
        let watermark = if unmoved { asked.map(str::to_owned) } else { Some(cursor.write()) };
        Page { activities, watermark, bot }
    }
}

impl Reading {
    /// What the client has not seen yet. Far ends that fail leave it empty, with the same watermark: a
    /// client's poll never fails because of them.
    pub async fn page(
        &self,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        asked: &Asked<'_>,
    ) -> Result<Page, JournalError> {
        let client = Client { conversation, caller };
        let mut cursor = Cursor::read(asked.watermark);
        let read = asked.read.unwrap_or(cursor.local);
        self.shown.forget_read(conversation, read);
        let mut moved = (!asked.hold.is_zero()).then(|| conversation.watch());
        let until = tokio::time::Instant::now() + asked.hold;
        loop {
            let mut look = self.look(conversation, &mut cursor, read).await?;
            let again = look.due || look.undrained.is_some();
            if again {
                look.facts = vec![];
            }
            self.see_to(client, &look).await?;
            if again {
                look = self.look(conversation, &mut cursor, read).await?;
            }
            let page = self.assemble(client, look, cursor.clone(), asked).await?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let elsewhere = matches!(asked.bot, BotWords::Pushed(stretch) if page.bot != stretch);
            if !page.activities.is_empty() || elsewhere || left.is_zero() {
                return Ok(page);
            }
            let Some(moved) = &mut moved else { return Ok(page) };
            let _ = tokio::time::timeout(left.min(LOOK), moved.changed()).await;
        }
    }

    /// Reads what is new in the journal; puts a cursor that can't be ours back to the start.
    async fn look(
        &self,
        conversation: &Conversation,
        cursor: &mut Cursor,
        read: Position,
    ) -> Result<Look, JournalError> {
        let (mut facts, mut state) = self.calls.ledger.look(conversation, cursor.local).await?;
        let mut from = state.position - facts.len() as u64;
        if cursor.local > state.position || cursor.segment >= state.segments.len() {
            *cursor = Cursor::read(None);
            from = 0;
            drop(state);
            (facts, state) = self.calls.ledger.look(conversation, 0).await?;
        }
        let now = Timestamp::now();
        let read = read.min(cursor.local);
        let chat = self.calls.ledger.machine();
        let due = |command| matches!(chat.decide(&state, &command, now), Decided::Facts(_));
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
    async fn see_to(&self, client: Client<'_>, look: &Look) -> Result<(), JournalError> {
        let conversation = client.conversation;
        if look.due {
            Box::pin(tick(&self.calls.ledger, conversation)).await?;
        }
        if look.fetched {
            let fetched = Command::Fetched { up_to: look.read };
            Box::pin(commit_and_deliver(&self.calls, conversation, LANE, fetched)).await?;
        }
        if let Some(segment) = look.undrained
            && let Some(ended) = look.segments.get(segment)
            && let Ok(source) = self.bot.source(client, (segment, ended)).await
        {
            Box::pin(self.escalations.drain(conversation, &source)).await?;
        }
        if look.returning {
            self.bot.return_soon(conversation);
        }
        if look.owes || look.due {
            deliver_soon(&self.calls, conversation);
        }
        Ok(())
    }

    async fn assemble(
        &self,
        client: Client<'_>,
        mut look: Look,
        cursor: Cursor,
        asked: &Asked<'_>,
    ) -> Result<Page, JournalError> {
        let (mut making, mut bot) = (Making { cursor, activities: vec![] }, None);
        // Who still reads the bot's words reads history, and typing is none.
        let cut = look.segments.get(making.cursor.segment).is_some_and(|segment| segment.cut.is_some());
        let catching_up = cut && making.cursor.upstream != Upstream::End;
        while let Some(segment) = look.segments.get(making.cursor.segment) {
            // A journal may be long, and Direct Line slow: the one is not kept in memory while the other is waited for.
            let waits = segment.cut.is_some() && making.cursor.upstream != Upstream::End;
            if waits {
                look.facts = vec![];
            }
            let last = making.cursor.segment + 1 == look.segments.len();
            if !self.read_rest(client, segment, last, &mut making).await
                || size_of_all(&making.activities) > LARGEST_PAGE
            {
                break;
            }
            if waits {
                (look.from, look.facts) =
                    self.facts(client.conversation, making.cursor.local, look.head).await?;
            }
            match self.shown.read(client.conversation, &look, catching_up, &mut making) {
                Reached::NextStretch => continue,
                Reached::Full => break,
                Reached::Head => {}
            }
            if last && segment.cut.is_none() {
                bot = Some(making.cursor.segment);
                if asked.bot == BotWords::Polled {
                    Box::pin(self.read_bot(client, segment, &mut making)).await?;
                }
            }
            break;
        }
        Ok(making.page(asked.watermark, bot))
    }

    /// The facts from a client's place on, and where they begin; up to `head`, as of which all else is known.
    async fn facts(
        &self,
        conversation: &Conversation,
        local: Position,
        head: Position,
    ) -> Result<(Position, Vec<Fact>), JournalError> {
        let (mut facts, state) = self.calls.ledger.look(conversation, local).await?;
        let from = state.position - facts.len() as u64;
        facts.truncate(usize::try_from(head - from).unwrap_or(usize::MAX));
        Ok((from, facts))
    }
}
