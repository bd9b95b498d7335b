//! What an escalated conversation's client reads: the bot's stretches from Direct Line and the live chats
//! from the journal, as one stream behind one watermark.

use std::{ops::Deref, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

mod shown;
mod stretch;

use super::{Client, Conversation, Escalations, bot::Bot, calls::Calls, escalation::POLLS_WAIT, sweep::tick};
use crate::{
    domain::Timestamp,
    files::Files,
    ledger::{
        Decided, LEASE, Machine as _, commit_and_deliver, deliver_soon,
        journal::{JournalError, Position},
    },
    session::{Command, Fact, LANE, Phase, Segment, State},
    translate::{
        texts::Texts,
        watermark::{Cursor, Upstream},
    },
};

/// How often a held poll looks for another instance's facts, which don't wake it up: no more often than a client that
/// polls by itself, because each look is an operation of the store.
const LOOK: Duration = Duration::from_secs(1);

/// After which a held poll has its answer, though a far end that hangs has not: after 20 s without one DirectLineJS polls no more.
pub const LONGEST_POLL: Duration = Duration::from_secs(18);

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
#[derive(Default)]
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

/// How far a look at the journal has come.
enum Reached {
    /// All is shown; in this stretch the bot speaks now.
    Head(Option<usize>),
    /// The answer is full; the watermark says where to go on.
    Full,
    /// What has just been stored, or the next stretch, is to be looked at.
    More,
    /// Before the journal comes the rest of what the bot said in a stretch that has ended.
    Bots(Arc<Segment>),
}

/// A page in the making, and where the client then stands.
struct Making {
    cursor: Cursor,
    activities: Vec<Value>,
    /// Bytes of them, near enough.
    size: usize,
    /// Milliseconds for which words that another process alone knows are waited for.
    waits: i64,
}

/// A client that polls is served by any instance, and so by that one in the end; a socket's stays at its own.
const WAITS_AT_SOCKET: i64 = 2_000;

/// What clients are shown.
pub struct Reading {
    pub calls: Arc<Calls>,
    pub bot: Arc<Bot>,
    pub escalations: Arc<Escalations>,
    pub files: Arc<Files>,
    pub texts: Texts,
    /// Instance root, for links that ServiceNow gives relative to it.
    pub instance: Url,
}

impl Making {
    fn page(self, asked: Option<&str>, bot: Option<usize>) -> Page {
        let Self { cursor, activities, size: _, waits: _ } = self;
        let unmoved = activities.is_empty() && cursor == Cursor::read(asked);
        let watermark = if unmoved { asked.map(str::to_owned) } else { Some(cursor.write()) };
        Page { activities, watermark, bot }
    }
}

impl Reading {
    /// What the client has not seen yet. Far ends that fail leave it empty, with the same watermark: a
    /// client's poll never fails because of them.
    pub async fn page(&self, client: Client<'_>, asked: &Asked<'_>) -> Result<Page, JournalError> {
        let read = asked.read.unwrap_or_else(|| Cursor::read(asked.watermark).local);
        client.conversation.local.reads(read);
        self.forget_read(client.conversation, read);
        if asked.hold.is_zero() {
            return self.look(client, asked, read).await;
        }
        let mut moved = client.conversation.watch();
        let began = Instant::now();
        let until = began + asked.hold;
        let mut page = self.look(client, asked, read).await?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let elsewhere = matches!(asked.bot, BotWords::Pushed(stretch) if page.bot != stretch);
            if !page.activities.is_empty() || elsewhere || left.is_zero() {
                return Ok(page);
            }
            let _ = timeout(left.min(LOOK), moved.changed()).await;
            match timeout_at(began + LONGEST_POLL, self.look(client, asked, read)).await {
                Ok(next) => page = next?,
                Err(_) => return Ok(page),
            }
        }
    }

    /// What there is to be shown now. A poll is also the clock: what is due is done, or begun.
    async fn look(
        &self,
        client: Client<'_>,
        asked: &Asked<'_>,
        read: Position,
    ) -> Result<Page, JournalError> {
        let waits = if asked.bot == BotWords::Polled { LEASE } else { WAITS_AT_SOCKET };
        let mut making = Making { cursor: Cursor::read(asked.watermark), activities: vec![], size: 0, waits };
        let (mut again, mut catching_up) = (false, false);
        let bot = loop {
            let (facts, state) = self.journal(client.conversation, &mut making.cursor).await?;
            let owed = match std::mem::replace(&mut again, true) {
                false => self.owed(client.conversation, &state, read.min(making.cursor.local)),
                true => Owed::default(),
            };
            let reached = match owed.due || owed.undrained.is_some() {
                true => Reached::More,
                false => self.show(client.conversation, &state, &facts, catching_up, &mut making),
            };
            // A journal may be long, and others slow: the one is not kept in memory while the other is waited for.
            drop((facts, state));
            self.see_to(client, owed).await?;
            catching_up = match reached {
                Reached::More => false,
                // Who still reads the bot's words reads history.
                Reached::Bots(ended) if self.read_rest(client, &ended, &mut making).await => true,
                Reached::Bots(_) | Reached::Full => break None,
                Reached::Head(bot) => break bot,
            };
        };
        if bot.is_some() && asked.bot == BotWords::Polled {
            Box::pin(self.read_bot(client, &mut making)).await?;
        }
        Ok(making.page(asked.watermark, bot))
    }

    /// The facts from the cursor on, and the state that is not older; puts a cursor that can't be ours back to the start.
    async fn journal<'a>(
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
        // What is owed now, a newer build may know otherwise.
        if state.outbox.is_frozen() {
            return Owed::default();
        }
        let adds = |command| matches!(chat.decide(state, &command, now), Decided::Facts(_));
        Owed {
            due: adds(Command::Tick { typed: conversation.local.typed() }),
            fetched: adds(Command::Fetched { up_to: read }).then_some(read),
            undrained: state.undrained(),
            returning: matches!(state.phase, Phase::Returning { .. }),
            calls: !state.outbox.is_empty(),
        }
    }

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
            && self.escalations.may_drain(conversation, Instant::now()).await
            && let Ok(Ok(source)) = timeout(POLLS_WAIT, self.bot.source(client, stretch)).await
        {
            Box::pin(self.escalations.drain(conversation, &source, POLLS_WAIT)).await?;
        }
        if owed.returning {
            self.bot.return_soon(conversation);
        }
        if owed.calls || owed.due {
            deliver_soon(&self.calls, conversation);
        }
        Ok(())
    }
}
