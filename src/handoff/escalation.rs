//! From a batch with a hand-off event to a stored escalation, with nothing falling between bot and person.

use std::{sync::Arc, time::Duration};

use memchr::{memchr_iter, memmem::Finder};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::{Instrument as _, info, warn};

use super::{
    Caller, Conversation,
    bot::{Bot, ReadOut, Source},
    calls::Calls,
    posting::submits,
};
use crate::{
    config::HandoffSettings,
    domain::{ConversationId, Timestamp},
    far_end::CallError,
    ledger::{commit_and_deliver, journal::JournalError},
    session::{Command, Cut, Fact, LANE, UserSaid},
    telemetry::{Trace, of_caller, on_behalf, trace_id},
    translate::{escalation, takeover, texts::Words},
    wire::activity::{Activity, ActivitySet},
};

mod request;
#[cfg(test)]
mod tests;

/// How long a client's poll waits for what is read behind a hand-off. With what its own reads of Direct Line may take, it has its
/// answer within the 20 s after which DirectLineJS polls no more.
pub(super) const POLLS_WAIT: Duration = Duration::from_millis(1_500);
/// How long a client that waits for its answer was made to wait by then: after 20 s it gives up.
pub(super) const CLIENT_WAITS: Duration = Duration::from_secs(16);
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
        if stored || self.may_drain(&conversation, Instant::now()).await {
            self.drain(&conversation, source, POLLS_WAIT).await?;
        }
        Ok(stored)
    }

    /// Whether Direct Line may be read behind a hand-off again; waited for until then at most. Where it fails it is asked by few.
    pub(super) async fn may_drain(&self, conversation: &Conversation, until: Instant) -> bool {
        let turns = conversation.local.turns();
        while turns.draining.began().is_none()
            && let Err(at) = self.bot.may_read(&conversation.id)
        {
            let wait = at.millis_since(Timestamp::now()).max(1).unsigned_abs();
            let next = Instant::now() + Duration::from_millis(wait);
            if next > until {
                return false;
            }
            sleep_until(next).await;
        }
        true
    }

    /// Reads Direct Line once more after the escalation is stored: what the user said to the bot meanwhile
    /// belongs to the live chat. It is waited for, but not longer than `patience` since somebody began to read, who goes on. When it
    /// can't be read now, a later poll or post tries again.
    pub(super) async fn drain(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        source: &Source<'_>,
        patience: Duration,
    ) -> Result<(), JournalError> {
        let turns = conversation.local.turns();
        if let Some(began) = turns.draining.began() {
            let _ = timeout_at(began + patience, turns.draining.turn.lock()).await;
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
        let (cut, live, words) = {
            let state = conversation.state().await;
            let cut = state.segments.get(segment).and_then(|segment| segment.cut.clone());
            let live = state.is_live() && segment + 1 == state.segments.len();
            (cut, live, self.settings.texts.of_user(&state.user))
        };
        let Some(mut cut) = cut.filter(|cut| !cut.drained || cut.unread) else { return Ok(()) };
        let store = async |said, history| {
            let command = Command::UpstreamRead { segment, said, history };
            commit_and_deliver(&self.calls, conversation, LANE, command).await.map(drop)
        };
        let mut rest = ReadOut::default();
        if !cut.drained {
            let read = self.bot.read_on(source, cut.watermark.as_deref()).await;
            let Some(read) = self.noted(conversation, live, read) else { return Ok(()) };
            rest = read;
        }
        if !cut.unread {
            return store(said_behind(&rest, cut, &words), None).await;
        }
        // Words don't wait for what was said before them, but for what may be a password.
        if !cut.drained && !rest.activities.iter().any(submits) {
            store(said_behind(&rest, cut.clone(), &words), None).await?;
            rest = ReadOut::default();
        }
        let history = self.read_before(source, &cut, &words).await;
        let Some(history) = self.noted(conversation, live, history) else { return Ok(()) };
        cut.password_inputs.extend(history.password_inputs.iter().cloned());
        store(said_behind(&rest, cut, &words), Some(history)).await
    }

    /// What was read, or nothing where there is nothing for good; `None` when it can't be read now.
    fn noted<T: Default>(
        &self,
        Conversation { id, .. }: &Conversation,
        live: bool,
        read: Result<T, CallError>,
    ) -> Option<T> {
        self.bot.note_read(id, read.as_ref().err());
        match read {
            Ok(read) => Some(read),
            // Gone for good, and nobody waits for it.
            Err(CallError::Rejected { .. }) if !live => Some(T::default()),
            Err(error) => {
                warn!(conversation.id = %id, %error, "Could not look for what the user said around the hand-off; will look again");
                None
            }
        }
    }
}

/// What the user said behind the event.
fn said_behind(rest: &ReadOut, mut cut: Cut, words: &Words<'_>) -> Vec<UserSaid> {
    let (rest, now) = (&rest.activities, Timestamp::now());
    let skip = rest.iter().position(|activity| takeover::is_event(activity, &cut)).map_or(0, |at| at + 1);
    rest[skip..].iter().filter_map(|activity| takeover::after_event(activity, &mut cut, words, now)).collect()
}
