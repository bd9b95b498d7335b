//! What an escalated conversation's client reads: the bot's stretches from Direct Line and the live chats
//! from the journal, as one stream behind one watermark.

use std::{ops::Deref, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;

mod shown;
mod stretch;

pub(super) use self::shown::Shown;
use self::shown::{Reached, size_of_all};
use super::{Caller, Client, Conversation, Escalations, bot::Bot, calls::Calls, sweep::tick};
use crate::{
    domain::Timestamp,
    ledger::{
        Decided, Machine as _, commit_and_deliver, deliver_soon,
        journal::{JournalError, Position},
    },
    session::{Command, Fact, LANE, Phase, Segment, State},
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

/// What is to be done for a conversation, as the journal says at one moment.
struct Owed {
    /// Time has brought something about.
    due: bool,
    /// Up to here the client surely has what ServiceNow has not been told of.
    fetched: Option<Position>,
    /// A stretch of the bot's behind whose end the user may have said something.
    undrained: Option<usize>,
    returning: bool,
    calls: bool,
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
            let (facts, state) = self.look(conversation, &mut cursor).await?;
            let owed = self.owed(conversation, &state, read.min(cursor.local));
            let again = owed.due || owed.undrained.is_some();
            let mut seen = (facts, Some(state));
            if again {
                seen = (vec![], None);
            } else if owed.fetched.is_some() {
                seen.1 = None;
            }
            self.see_to(client, owed).await?;
            if again {
                let (facts, state) = self.look(conversation, &mut cursor).await?;
                seen = (facts, Some(state));
            }
            let page = self.assemble(client, cursor.clone(), seen, asked).await?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let elsewhere = matches!(asked.bot, BotWords::Pushed(stretch) if page.bot != stretch);
            if !page.activities.is_empty() || elsewhere || left.is_zero() {
                return Ok(page);
            }
            let Some(moved) = &mut moved else { return Ok(page) };
            let _ = tokio::time::timeout(left.min(LOOK), moved.changed()).await;
        }
    }

    /// The facts from the cursor on, and the state that is not older; puts a cursor that can't be ours back to the start.
    async fn look<'a>(
        &self,
        conversation: &'a Conversation,
        cursor: &mut Cursor,
    ) -> Result<(Vec<Fact>, impl Deref<Target = State> + use<'a>), JournalError> {
        let ledger = &self.calls.ledger;
        let (mut facts, mut state) = ledger.look(conversation, cursor.local).await?;
        if cursor.local > state.position || cursor.segment >= state.segments.len() {
            *cursor = Cursor::read(None);
            drop(state);
            (facts, state) = ledger.look(conversation, 0).await?;
        }
        let from = state.position - facts.len() as u64;
        facts.drain(..usize::try_from(cursor.local - from).unwrap_or(usize::MAX));
        Ok((facts, state))
    }

    /// `read`: up to where the client has the journal.
    fn owed(&self, conversation: &Conversation, state: &State, read: Position) -> Owed {
        let (chat, now) = (self.calls.ledger.machine(), Timestamp::now());
        let adds = |command| matches!(chat.decide(state, &command, now), Decided::Facts(_));
        Owed {
            due: adds(Command::Tick { typed: conversation.local.typed() }),
            fetched: adds(Command::Fetched { up_to: read }).then_some(read),
            undrained: state.undrained(),
            returning: matches!(state.phase, Phase::Returning { .. }),
            calls: !state.outbox.is_empty(),
        }
    }

    /// A poll is also the clock: what is due is done, or begun.
    async fn see_to(&self, client: Client<'_>, owed: Owed) -> Result<(), JournalError> {
        let conversation = client.conversation;
        if owed.due {
            Box::pin(tick(&self.calls.ledger, conversation)).await?;
        }
        if let Some(up_to) = owed.fetched {
            let fetched = Command::Fetched { up_to };
            Box::pin(commit_and_deliver(&self.calls, conversation, LANE, fetched)).await?;
        }
        if let Some(stretch) = owed.undrained
            && let Ok(source) = self.bot.source(client, stretch).await
        {
            Box::pin(self.escalations.drain(conversation, &source)).await?;
        }
        if owed.returning {
            self.bot.return_soon(conversation);
        }
        if owed.calls || owed.due {
            deliver_soon(&self.calls, conversation);
        }
        Ok(())
    }

    /// `facts`: those from the cursor on. With them comes the state they were read with: many who wait for it, each with all of a
    /// long journal in its hands, would fill the memory.
    async fn assemble(
        &self,
        client: Client<'_>,
        cursor: Cursor,
        (mut facts, mut seen): (Vec<Fact>, Option<impl Deref<Target = State>>),
        asked: &Asked<'_>,
    ) -> Result<Page, JournalError> {
        let conversation = client.conversation;
        let (mut making, mut bot) = (Making { cursor, activities: vec![] }, None);
        loop {
            let number = making.cursor.segment;
            let stretch = match &seen {
                Some(state) => stretch(state, number),
                None => stretch(&*conversation.state().await, number),
            };
            let Some((segment, last)) = stretch else { break };
            // Who still reads the bot's words reads history.
            let catching_up = segment.cut.is_some() && making.cursor.upstream != Upstream::End;
            if catching_up {
                // A journal may be long, and Direct Line slow: the one is not kept in memory while the other is waited for.
                (facts, seen) = (vec![], None);
            }
            if !self.read_rest(client, &segment, last, &mut making).await
                || size_of_all(&making.activities) > LARGEST_PAGE
            {
                break;
            }
            let mut from = making.cursor.local;
            let read = |facts: &[Fact], state: &State, making: &mut Making| {
                self.shown.read(conversation, state, facts, catching_up, making)
            };
            let reached = if catching_up {
                let (read_on, state) = self.look(conversation, &mut making.cursor).await?;
                (facts, from) = (read_on, making.cursor.local);
                read(&facts, &state, &mut making)
            } else if let Some(state) = seen.take() {
                read(&facts, &state, &mut making)
            } else {
                read(&facts, &*conversation.state().await, &mut making)
            };
            if reached == Reached::NextStretch {
                facts.drain(..usize::try_from(making.cursor.local - from).unwrap_or(usize::MAX));
                continue;
            }
            if reached == Reached::Head && last && segment.cut.is_none() {
                bot = Some(making.cursor.segment);
                if asked.bot == BotWords::Polled {
                    Box::pin(self.read_bot(client, &mut making)).await?;
                }
            }
            break;
        }
        Ok(making.page(asked.watermark, bot))
    }
}

/// The bot's stretch with this number, and whether it is the last.
fn stretch(state: &State, number: usize) -> Option<(Arc<Segment>, bool)> {
    Some((state.segments.get(number)?.clone(), number + 1 == state.segments.len()))
}
