//! Copilot Studio behind ServiceNow: one call of Bot Interconnect's is one turn of the agent's.
//!
//! A drop-in for the function `relayToDirectLine` of Microsoft's documentation: it reads a conversation that
//! ServiceNow itself opened and posts to. Instead of sleeping and asking once it asks until the agent's turn
//! is over, as [`agent_turn`](crate::agent_turn) finds it. Nothing is kept between calls: what comes later stands
//! behind the watermark of the answer, and so in the next one.

mod collected;
mod speakers;

use std::{pin::pin, sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::{sync::Semaphore, time::timeout};
use tracing::{info, warn};

use self::{
    collected::Collected,
    speakers::{Glimpse, Speakers},
};
use crate::{
    agent_turn::{Limits, Next, Poll, Turn, Why},
    config::RelaySettings,
    direct_line::{DirectLine, page::Page},
    domain::{ConversationId, Timestamp, millis},
    far_end::{CallError, Steady},
    telemetry::{Count, Counters},
    wire::activity::NoSet,
};

/// A single poll waits this long, in milliseconds: as long as a Direct Line that fails is outwaited.
const POLL_TIME_OUT: i64 = 5_000;
/// And this long even when patience is over: one look is always taken.
const SHORTEST_TIME_OUT: i64 = 1_000;
/// Polls under way at the same time in the whole process: a waiting turn is small, a connection is not.
const POLLS_AT_ONCE: usize = 320;
/// However many workers share them.
const FEWEST_POLLS_AT_ONCE: usize = 16;
/// The front end of Functions ends a request after 230 s.
const LONGEST_PATIENCE: Duration = Duration::from_secs(200);

/// Waited for after a 429 that doesn't say how long, in milliseconds.
const WAIT_UNTOLD: i64 = 1_000;

/// What a caller wants to know.
pub struct Asked<'a> {
    pub conversation: &'a ConversationId,
    /// The whole header value: `Bearer …`.
    pub authorization: SecretString,
    pub watermark: &'a str,
    /// How long a turn is collected at least, unless the agent surely ended it. Beyond our own patience, that too.
    pub wait: Option<Duration>,
    pub traceparent: Option<&'a str>,
}

/// Why a poll brought nothing, or a turn no answer.
pub enum Fault {
    /// An answer that is not 2xx.
    Answered(Page),
    /// No answer, or half of one.
    Unreached(CallError),
    /// An answer that can't be Direct Line's.
    Unreadable(NoSet),
}

impl Fault {
    /// Whether the same poll would get the same answer again.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Answered(page) => page.status < 500 && !matches!(page.status, 408 | 429),
            Self::Unreached(error) => matches!(error, CallError::Rejected { .. }),
            Self::Unreadable(_) => false,
        }
    }

    /// How long Direct Line asked to wait, in milliseconds.
    pub fn wait(&self) -> Option<i64> {
        let asked = match self {
            Self::Answered(Page { status: 429, retry_after: None, .. }) => return Some(WAIT_UNTOLD),
            Self::Answered(page) => page.retry_after?,
            Self::Unreached(CallError::Throttled { wait, .. }) => *wait,
            Self::Unreached(_) | Self::Unreadable(_) => return None,
        };
        Some(millis(asked))
    }
}

/// The relay of one worker.
pub struct Relay {
    direct_line: DirectLine,
    limits: Limits,
    /// Event names that mean a hand-off.
    events: Vec<String>,
    /// Room for polls. Each worker has its own, as it has its own connections: those stay open for a while.
    gate: Semaphore,
    counters: Arc<Counters>,
}

impl Relay {
    /// The relay of one of so many workers.
    ///
    /// `events` are the names that mean a hand-off.
    pub fn new(
        direct_line: DirectLine,
        settings: &RelaySettings,
        events: &[String],
        workers: usize,
        counters: Arc<Counters>,
    ) -> Self {
        let RelaySettings { max_wait, quiet, access: _ } = settings;
        let room = (POLLS_AT_ONCE / workers.max(1)).max(FEWEST_POLLS_AT_ONCE);
        Self {
            direct_line,
            limits: Limits {
                quiet: millis(*quiet),
                patience: millis(*max_wait),
                silence: i64::MAX,
                least: 0,
                passes_events: true,
            },
            events: events.to_vec(),
            gate: Semaphore::new(room),
            counters,
        }
    }

    /// Collects a turn, until it is over or there is no more time: an ActivitySet, as JSON.
    ///
    /// # Errors
    /// What Direct Line did instead. Asking again with the same watermark is always safe.
    pub async fn turn(&self, asked: &Asked<'_>, no_time: impl Future<Output = ()>) -> Result<String, Fault> {
        let least = asked.wait.map_or(0, |wait| millis(wait.min(LONGEST_PATIENCE)));
        let limits = Limits { patience: self.limits.patience.max(least), least, ..self.limits };
        let clock = Steady::from(Timestamp::now());
        let turn = Turn::begin(limits, clock.began, clock.began);
        let (collected, speakers) = (Collected::default(), Speakers::default());
        let mut call = Call { relay: self, asked, clock, turn, collected, speakers };
        let (why, fault) = call.collect(no_time).await;
        let Call { turn, collected, .. } = call;
        let millis = clock.now().millis_since(clock.began);
        let Collected { count, repeated, polls, failures, .. } = collected;
        let failed = matches!(why, Why::Fault | Why::Refused);
        // What was seen is passed on, with its watermark. A Direct Line that failed for good before the agent answered speaks
        // for itself, and what was overheard waits behind the old watermark.
        let speaks_for_itself = why == Why::Refused || failed && turn.is_outwaited();
        let answer = if speaks_for_itself && !turn.has_answer() {
            Err(fault.unwrap_or(Fault::Unreached(CallError::NotSent(None))))
        } else {
            Ok(collected.into_set(asked.watermark))
        };
        log(asked.conversation, why, &answer, (count, polls, millis));
        // The last failure of a turn that ends with one is not made up for by another poll.
        self.counters.add(Count::RetriesDirectLine, failures - usize::from(failed && failures > 0));
        self.counters.add(Count::Duplicates, repeated);
        let is_silent = why == Why::Silence || failed && !turn.has_answer();
        if answer.is_ok() && !is_silent {
            self.counters.one(Count::RelayTurns);
            self.counters.add(Count::RelayActivities, count);
            self.counters.add(Count::LateParts, turn.late().count());
        }
        answer
    }
}

/// One call, from its beginning to its answer.
struct Call<'a> {
    relay: &'a Relay,
    asked: &'a Asked<'a>,
    clock: Steady,
    turn: Turn,
    collected: Collected,
    speakers: Speakers,
}

impl Call<'_> {
    /// Polls until the turn is over: why it is, and the last fault.
    async fn collect(&mut self, no_time: impl Future<Output = ()>) -> (Why, Option<Fault>) {
        let mut no_time = pin!(no_time);
        let mut fault = None;
        loop {
            match self.turn.next() {
                Next::Over(why) => return (why, fault),
                Next::Poll(at) => tokio::select! {
                    () = &mut no_time => return (Why::Ending, fault),
                    () = self.clock.reach(at) => {}
                },
            }
            self.collected.polls += 1;
            if let Err(failed) = self.look().await {
                self.collected.failures += 1;
                if failed.is_final() {
                    return (Why::Refused, Some(failed));
                }
                fault = Some(failed);
            }
            if self.collected.is_full() {
                return (Why::Full, fault);
            }
        }
    }

    /// Polls once and tells the turn what came of it.
    async fn look(&mut self) -> Result<(), Fault> {
        let Ok(_one_of_few) = timeout(self.left(i64::MAX), self.relay.gate.acquire()).await else {
            self.turn.missed();
            return Ok(());
        };
        let (began, time_out) = (self.clock.now(), self.left(POLL_TIME_OUT));
        let polled = timeout(time_out, self.poll()).await;
        let answered = self.clock.now();
        if polled.is_err() && answered >= self.turn.end() {
            self.turn.missed();
            return Ok(());
        }
        let polled = polled.unwrap_or(Err(Fault::Unreached(CallError::Uncertain(None))));
        let failed = |fault: &Fault| self.turn.failed(began, answered, fault.wait());
        let (date, news) = polled.inspect_err(failed)?;
        let (anew, polls) = self.speakers.heard(Poll { asked: began, answered, date }, news);
        if anew {
            self.turn = self.turn.anew();
        }
        polls.into_iter().for_each(|(poll, news)| self.turn.heard(poll, news));
        Ok(())
    }

    /// What is new, and Direct Line's time of day.
    async fn poll(&mut self) -> Result<(Option<Timestamp>, Vec<Glimpse>), Fault> {
        let Asked { conversation, authorization, watermark, wait: _, traceparent } = self.asked;
        let later = self.collected.watermark();
        let watermark = later.as_deref().unwrap_or(watermark);
        let Relay { direct_line, events, .. } = self.relay;
        let page = direct_line.page(conversation.as_str(), authorization, watermark, *traceparent).await;
        let page = page.map_err(Fault::Unreached)?;
        if !(200..300).contains(&page.status) {
            return Err(Fault::Answered(page));
        }
        Ok((page.date, self.collected.take(&page.body, events).map_err(Fault::Unreadable)?))
    }

    /// How long a step of the turn may take, at most `most` milliseconds.
    fn left(&self, most: i64) -> Duration {
        let left = self.turn.until().millis_since(self.clock.now()).max(SHORTEST_TIME_OUT).min(most);
        Duration::from_millis(left.unsigned_abs())
    }
}

/// One line a turn; says nothing of what was said.
fn log(
    id: &ConversationId,
    why: Why,
    answer: &Result<String, Fault>,
    (activities, polls, millis): (usize, u32, i64),
) {
    let (id, ended) = (id.shown(), why.word());
    let (status, instead) = match answer {
        Ok(_) => {
            return info!(
                conversation.id = %id, activities, polls, millis, ended,
                "Relayed a turn of {id}: {activities} activities in {millis} ms, ended by {ended}"
            );
        }
        Err(Fault::Answered(Page { status, .. })) => (Some(*status), format!("answered {status}")),
        Err(Fault::Unreached(_)) => (None, "gave no answer".to_owned()),
        Err(Fault::Unreadable(why)) => (None, format!("gave an answer that can't be read ({why})")),
    };
    warn!(
        conversation.id = %id, status, activities, polls, millis, ended,
        "Relayed no turn of {id}: Direct Line {instead}, given up after {millis} ms"
    );
}
