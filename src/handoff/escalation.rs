//! From a batch with a hand-off event to a stored escalation, with nothing falling between bot and person.

use std::{sync::Arc, time::Duration};

use memchr::{memchr_iter, memmem::Finder};
use tokio::time::{timeout, timeout_at};
use tracing::{Instrument as _, info, warn};

use super::{
    Caller, Conversation,
    bot::{Bot, ReadOut, Source},
    calls::Calls,
};
use crate::{
    config::HandoffSettings,
    domain::{ConversationId, Timestamp},
    far_end::CallError,
    ledger::{commit_and_deliver, journal::JournalError},
    session::{Command, Fact, LANE},
    telemetry::{Trace, of_caller, on_behalf, trace_id},
    translate::{escalation, takeover},
    wire::activity::{Activity, ActivitySet},
};

mod request;
#[cfg(test)]
mod tests;

/// How long a client's poll waits for what is read behind a hand-off. With what its own reads of Direct Line may take, it has its
/// answer within the 20 s after which DirectLineJS polls no more.
pub(super) const POLLS_WAIT: Duration = Duration::from_millis(1_500);
/// And a post, whose words are to stand behind those.
pub(super) const POSTS_WAIT: Duration = Duration::from_secs(8);

/// The agent asks for a person.
pub struct Escalations {
    calls: Arc<Calls>,
    bot: Arc<Bot>,
    settings: HandoffSettings,
    /// What a hand-off is known by, one of which stands in each batch with one: the events by their names, and the activity that
    /// is a hand-off by its type.
    marks: Vec<Finder<'static>>,
    /// A name has signs that JSON may write as no Latin sign is written, or must not write as they are.
    written_otherwise: bool,
}

impl Escalations {
    pub(super) fn new(settings: &HandoffSettings, calls: Arc<Calls>, bot: Arc<Bot>) -> Self {
        let marks = settings.events.iter().map(String::as_str).chain(["\"handoff\""]);
        let marks = marks.map(|mark| Finder::new(mark).into_owned()).collect();
        let is_latin = |sign: char| sign < '\u{100}' && !matches!(sign, '\\' | '"');
        let written_otherwise = !settings.events.iter().all(|name| name.chars().all(is_latin));
        Self { calls, bot, settings: settings.clone(), marks, written_otherwise }
    }

    /// The hand-off in a batch, if there is one.
    pub fn find(&self, batch: &[Activity]) -> Option<usize> {
        escalation::find(batch, &self.settings.events)
    }

    /// Whether an activity that a client posts looks like a hand-off.
    pub fn is_claimed_by(&self, activity: &Activity) -> bool {
        escalation::is_claimed(activity, &self.settings.events)
    }

    /// A quick look: whether [`find`](Self::find) may find anything in this batch. A name may be written with escapes; most batches
    /// have those of a line's end and of quotes alone.
    pub fn may_stand_in(&self, batch: &[u8]) -> bool {
        let escapes = |at: usize| {
            self.written_otherwise || batch[at + 1..].starts_with(b"u00") || batch.get(at + 1) == Some(&b'/')
        };
        self.marks.iter().any(|mark| mark.find(batch).is_some()) || memchr_iter(b'\\', batch).any(escapes)
    }

    /// Stores the escalation that stands at `event` of a batch, once however often it is seen, and starts
    /// the live chat; false when it was stored before. A batch that has just been stored may be passed on to the
    /// client.
    ///
    /// # Errors
    /// When the store fails; then the batch must not be passed on, so that it is read again.
    pub async fn escalate(
        self: &Arc<Self>,
        id: &ConversationId,
        batch: &ActivitySet,
        event: usize,
        source: &Source<'_>,
        caller: Option<&Caller>,
        trace: Option<String>,
    ) -> Result<bool, JournalError> {
        let ledger = &self.calls.ledger;
        let conversation = ledger.find(id).await?.unwrap_or_else(|| ledger.begin(id));
        let (mut request, said) = self.request(&conversation, batch, event, source, caller).await;
        let trace = trace.or_else(of_caller).unwrap_or_else(|| Trace::start().traceparent().to_owned());
        request.trace = Some(trace.clone());
        let segment = source.segment;
        let command = Command::Escalated { segment, request, said };
        let committed = commit_and_deliver(&self.calls, &conversation, LANE, command).await?;
        let stored = matches!(committed.facts().first(), Some(Fact::HandoffRequested(_)));
        let conversation = ledger.find(id).await?.unwrap_or(conversation);
        if stored {
            info!(conversation.id = %id, trace.id = trace_id(&trace), "The agent asked for a person; opening a live chat");
        }
        self.drain(&conversation, source, POLLS_WAIT, stored).await?;
        Ok(stored)
    }

    /// Reads Direct Line once more after the escalation is stored: what the user said to the bot meanwhile
    /// belongs to the live chat. It is waited for, but not longer than `patience` since somebody began to read, who goes on. When it
    /// can't be read now, a later poll or post tries again: a few for all conversations, but each the first time.
    pub(super) async fn drain(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        source: &Source<'_>,
        patience: Duration,
        is_first: bool,
    ) -> Result<(), JournalError> {
        let turns = conversation.local.turns();
        if let Some(began) = turns.draining.began() {
            let _ = timeout_at(began + patience, turns.draining.turn.lock()).await;
            return Ok(());
        }
        if !is_first && !self.bot.may_read() {
            return Ok(());
        }
        let (escalations, conversation, source) = (self.clone(), conversation.clone(), source.owned());
        let drain = async move {
            let _turn = turns.draining.begin().await;
            escalations.read_behind(&conversation, &source).await
        };
        let drained = tokio::spawn(on_behalf(of_caller(), drain).in_current_span());
        let drained = timeout(patience, drained).await.unwrap_or(Ok(Ok(())));
        drained.unwrap_or_else(|cut| Err(JournalError::unavailable("reading behind a hand-off")(cut)))
    }

    async fn read_behind(
        &self,
        conversation: &Arc<Conversation>,
        source: &Source<'_>,
    ) -> Result<(), JournalError> {
        let segment = source.segment;
        let (cut, live, history_missing, words) = {
            let state = conversation.state().await;
            let cut = state.segments.get(segment).and_then(|segment| segment.cut.clone());
            let live = state.is_live() && segment + 1 == state.segments.len();
            let words = self.settings.texts.of_user(&state.user);
            (cut.filter(|cut| !cut.drained), live, live && state.history_missing, words)
        };
        let Some(mut cut) = cut else { return Ok(()) };
        let before = async {
            match history_missing {
                true => self.read_before(source, &cut, &words).await.map(Some),
                false => Ok(None),
            }
        };
        let (read, history) = tokio::join!(self.bot.read_on(source, cut.watermark.as_deref()), before);
        let both = read.and_then(|read| Ok((read, history?)));
        self.bot.note_read(both.as_ref().err());
        let (read, history) = match both {
            Ok(both) => both,
            // Gone for good, and nobody waits for it.
            Err(CallError::Rejected { .. }) if !live => (ReadOut::default(), None),
            Err(error) => {
                warn!(conversation.id = %conversation.id, %error, "Could not look for what the user said during the hand-off; will look again");
                return Ok(());
            }
        };
        let ReadOut { activities: rest, rooms: _rooms } = read;
        cut.password_inputs.extend(history.iter().flat_map(|before| before.password_inputs.iter().cloned()));
        let now = Timestamp::now();
        let skip = rest.iter().position(|a| takeover::is_event(a, &cut)).map_or(0, |at| at + 1);
        let said =
            rest[skip..].iter().filter_map(|a| takeover::after_event(a, &mut cut, &words, now)).collect();
        let command = Command::UpstreamRead { segment, said, history };
        commit_and_deliver(&self.calls, conversation, LANE, command).await.map(drop)
    }
}
