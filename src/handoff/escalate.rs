//! From a batch with a hand-off event to a stored escalation, with nothing falling between bot and person.

use std::sync::Arc;

use serde_json::Value;
use tracing::{info, warn};

use super::{Caller, Conversation, Handoff};
use crate::{
    config::StartMode,
    domain::{ConversationId, HistoryLine, Timestamp, User},
    far_end::CallError,
    ledger::{deliver_soon, journal::JournalError},
    session::{Command, Fact, HandoffRequested, Opening, Topic},
    telemetry::{Trace, of_caller, trace_id},
    translate::{
        context,
        escalation::{self, Destination, Escalation},
        history,
        takeover::{self, bot_id, is_from_user},
    },
    wire::activity::{Activity, ActivitySet},
};

/// Bytes of history that go with one request.
const HISTORY: usize = 28 * 1_024;
/// Bytes of history in all; of a longer one, its end.
const LONGEST_HISTORY: usize = 1 << 20;
/// Pages read at most in one go; a bot that talks without end must not hold a poll.
const PAGES: usize = 50;

/// Which Direct Line conversation a batch came from, and how to read on there.
pub struct Source<'a> {
    pub segment: usize,
    pub conversation: &'a str,
    pub authorization: &'a str,
}

impl Handoff {
    /// The hand-off event in a batch, if there is one.
    pub fn find_event(&self, batch: &ActivitySet) -> Option<usize> {
        escalation::find(batch, &self.settings.events)
    }

    /// A quick look: whether [`find_event`](Self::find_event) may find anything in this batch.
    pub fn may_hold_event(&self, batch: &[u8]) -> bool {
        self.event_marks.iter().any(|mark| mark.find(batch).is_some())
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
        let conversation = match self.find(id).await? {
            Some(known) => known,
            None => self.ledger.begin(id),
        };
        let (mut request, said) = self.request(&conversation, batch, event, source, caller).await;
        let trace = trace.or_else(of_caller).unwrap_or_else(|| Trace::start().traceparent().to_owned());
        request.trace = Some(trace.clone());
        let segment = source.segment;
        let committed = self.commit(&conversation, Command::Escalated { segment, request, said }).await?;
        let stored = matches!(committed.facts().first(), Some(Fact::HandoffRequested(_)));
        let conversation = self.find(id).await?.unwrap_or(conversation);
        if stored {
            info!(conversation.id = %id, trace.id = trace_id(&trace), "The agent asked for a person; opening a live chat");
        }
        self.drain(&conversation, source).await?;
        deliver_soon(self, &conversation);
        Ok(stored)
    }

    async fn request(
        &self,
        conversation: &Conversation,
        batch: &ActivitySet,
        event: usize,
        source: &Source<'_>,
        caller: Option<&Caller>,
    ) -> (Box<HandoffRequested>, Vec<crate::session::UserSaid>) {
        let now = Timestamp::now();
        let handoff = &batch.activities[event];
        let escalation = escalation::read(handoff);
        let read = match &escalation.transcript {
            Some(transcript) if !transcript.is_empty() => Some(transcript.clone()),
            _ => self.read_from_start(source, handoff.id.as_deref()).await,
        };
        let history_missing = read.is_none();
        let mut spoken = read.unwrap_or_default();
        let takeover = takeover::around_event(&batch.activities, event, &spoken, now);
        let mut portions = portions(&spoken).into_iter();
        spoken.extend(batch.activities.iter().cloned());
        let user = self.user(&conversation.id, &escalation, &spoken, bot_id(handoff));
        let locale = user.locale.as_deref();
        let request = HandoffRequested {
            event: handoff.id.clone().unwrap_or_default(),
            bot: bot_id(handoff).map(str::to_owned),
            watermark: watermark_text(batch),
            latest: spoken.iter().filter_map(takeover::time_of).max(),
            tail: takeover.tail,
            seen: takeover.seen,
            answered: takeover.answered,
            unmatched_request: takeover.unmatched_request,
            context: context::context(
                &self.settings.context,
                &escalation.variables,
                locale,
                user.timezone.as_deref(),
            ),
            user,
            reason: escalation.reason,
            history: portions.next().unwrap_or_default(),
            later_history: portions.collect(),
            history_missing,
            topic: escalation.destination.map(|destination| match destination {
                Destination::TopicId(id) => Topic::Id(id),
                Destination::TopicName(name) => Topic::Name(name),
                Destination::IntentId(id) => Topic::Intent(id),
            }),
            opening: match self.settings.start {
                StartMode::Create => Opening::CreateThenStart,
                StartMode::Start => Opening::Start,
                StartMode::Agent => Opening::Agent,
            },
            token: caller.map(|caller| (caller.hash.as_str().to_owned(), caller.until(now))),
            trace: None,
            at: now,
        };
        (Box::new(request), takeover.said)
    }

    /// What was said up to the event, when the event does not tell itself; `None` when it can't be read now.
    async fn read_from_start(&self, source: &Source<'_>, event: Option<&str>) -> Option<Vec<Activity>> {
        match self.read_upstream(source, None).await {
            Ok(all) => {
                let is_event = |activity: &Activity| activity.id.is_some() && activity.id.as_deref() == event;
                let mut all = all.into_iter();
                let mut asked = None;
                let before = all.by_ref().take_while(|activity| {
                    asked = activity.reply_to_id.clone().filter(|_| is_event(activity));
                    !is_event(activity)
                });
                let mut spoken: Vec<Activity> = before.collect();
                // The words that asked for a person are shown behind the event that answers them.
                spoken.extend(all.find(|activity| asked.is_some() && activity.id == asked));
                Some(history::in_order(spoken))
            }
            Err(error) => {
                warn!(conversation.id = source.conversation, %error, "The live chat starts without its history: Direct Line can't be read; it follows when it can");
                None
            }
        }
    }

    fn user(
        &self,
        id: &ConversationId,
        escalation: &Escalation,
        spoken: &[Activity],
        bot: Option<&str>,
    ) -> User {
        let users = || spoken.iter().rev().filter(|activity| is_from_user(activity, bot));
        let from_id = users().find_map(|activity| activity.from.as_ref()?.id.clone());
        let email = self.settings.email_variable.as_ref();
        let email = email.and_then(|name| context::variable(&escalation.variables, name));
        User {
            id: from_id.or(escalation.user_id.clone()).unwrap_or_else(|| id.as_str().to_owned()),
            name: users().find_map(|activity| activity.from.as_ref()?.name.clone()).filter(|n| !n.is_empty()),
            email: email.filter(|email| !email.is_empty()),
            locale: users()
                .find_map(|activity| activity.locale.clone())
                .or_else(|| escalation.locale.clone())
                .or_else(|| escalation.language.clone()),
            language: escalation.language.clone(),
            timezone: users().find_map(|activity| activity.local_timezone.clone()),
        }
    }

    /// Reads Direct Line once more after the escalation is stored: what the user said to the bot meanwhile
    /// belongs to the live chat. When it can't be read now, the client's next poll tries again.
    pub(super) async fn drain(
        &self,
        conversation: &Arc<Conversation>,
        source: &Source<'_>,
    ) -> Result<(), JournalError> {
        let segment = source.segment;
        let (cut, live, history_missing) = {
            let state = conversation.state().await;
            let cut = state.segments.get(segment).and_then(|segment| segment.cut.clone());
            let live = state.is_live() && segment + 1 == state.segments.len();
            (cut.filter(|cut| !cut.drained), live, live && state.history_missing)
        };
        let Some(mut cut) = cut else { return Ok(()) };
        let rest = match self.read_upstream(source, cut.watermark.as_deref()).await {
            Ok(rest) => rest,
            // Gone for good, and nobody waits for it.
            Err(CallError::Rejected { .. }) if !live => vec![],
            Err(error) => {
                warn!(conversation.id = %conversation.id, %error, "Could not look for what the user said during the hand-off; will look again");
                return Ok(());
            }
        };
        let now = Timestamp::now();
        let skip = rest.iter().position(|a| a.id.as_deref() == Some(&cut.event)).map_or(0, |at| at + 1);
        let behind = &rest[skip..];
        let said =
            behind.iter().filter_map(|activity| takeover::after_event(activity, &mut cut, now)).collect();
        let history = match history_missing {
            true => {
                let spoken = self.read_from_start(source, Some(&cut.event)).await;
                spoken.map(|spoken| portions(&spoken))
            }
            false => None,
        };
        if history_missing && history.is_none() {
            return Ok(());
        }
        self.commit(conversation, Command::UpstreamRead { segment, said, history }).await?;
        Ok(())
    }

    /// Reads Direct Line on from a watermark, page by page, until there is nothing more.
    pub(super) async fn read_upstream(
        &self,
        source: &Source<'_>,
        watermark: Option<&str>,
    ) -> Result<Vec<Activity>, CallError> {
        let Source { conversation, authorization, .. } = source;
        let mut watermark = watermark.map(str::to_owned);
        let mut all = vec![];
        for _ in 0..PAGES {
            let page = self
                .direct_line
                .activities(conversation, authorization, watermark.as_deref(), of_caller().as_deref())
                .await?;
            let next = watermark_text(&page);
            let ended = page.activities.is_empty() || next.is_none() || next == watermark;
            all.extend(page.activities);
            if ended {
                break;
            }
            watermark = next;
        }
        Ok(all)
    }
}

/// History in requests' worth, oldest first; none is larger than [`HISTORY`] but for a line that is by itself.
fn portions(spoken: &[Activity]) -> Vec<Vec<HistoryLine>> {
    let (lines, _) = history::bound(history::lines(spoken), LONGEST_HISTORY);
    let mut portions: Vec<Vec<HistoryLine>> = vec![];
    let mut room = 0;
    for line in lines {
        let size = line.text.len() + line.name.len() + 80;
        match portions.last_mut().filter(|_| size <= room) {
            Some(portion) => portion.push(line),
            None => {
                room = HISTORY.max(size);
                portions.push(vec![line]);
            }
        }
        room -= size;
    }
    portions
}

/// A watermark as text; some servers send numbers.
pub(super) fn watermark_text(set: &ActivitySet) -> Option<String> {
    match set.watermark.as_ref()? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
