//! What an escalated conversation's client reads: the bot's stretches from Direct Line and the live chats
//! from the journal, as one stream behind one watermark.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    Caller, Conversation, Handoff,
    escalate::{Source, watermark_text},
    return_to_bot::ReturnError,
};
use crate::{
    domain::{Timestamp, User},
    far_end::CallError,
    journal::{Journal, JournalError, Position},
    session::{Cut, Event, Fact, Phase, Segment, decide},
    telemetry::of_caller,
    translate::{
        activity::RenderContext,
        client_view,
        watermark::{Cursor, Upstream},
    },
    wire::activity::{Activity, ActivitySet},
};

/// One answer to a client's GET.
#[derive(Debug)]
pub struct Page {
    pub activities: Vec<Value>,
    /// As the client gave it when nothing could be read.
    pub watermark: Option<String>,
}

/// What the journal says at one moment.
struct Look {
    segments: Vec<Segment>,
    user: User,
    /// The facts from the client's place on, and where they begin.
    facts: Vec<Fact>,
    from: Position,
    head: Position,
    returning: bool,
    owes: bool,
    /// Time has brought something about.
    due: bool,
    /// The client has fetched messages that ServiceNow has not been told of.
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
        watermark: Option<&str>,
        hold: Duration,
        trace: Option<String>,
    ) -> Result<Page, JournalError> {
        let mut cursor = Cursor::read(watermark);
        let mut moved = conversation.moved.subscribe();
        let until = tokio::time::Instant::now() + hold;
        loop {
            let look = self.look(conversation, &mut cursor).await?;
            self.see_to(conversation, &look, caller, &cursor, trace.clone()).await?;
            let look = if look.due || look.undrained.is_some() {
                self.look(conversation, &mut cursor).await?
            } else {
                look
            };
            let page = self.assemble(conversation, caller, &look, cursor.clone(), watermark).await?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if !page.activities.is_empty() || left.is_zero() {
                return Ok(page);
            }
            // Another instance's facts don't wake this up, so it looks by itself twice a second.
            let nap = left.min(Duration::from_millis(500));
            let _ = tokio::time::timeout(nap, moved.changed()).await;
        }
    }

    /// Reads what is new in the journal; puts a cursor that can't be ours back to the start.
    async fn look(&self, conversation: &Conversation, cursor: &mut Cursor) -> Result<Look, JournalError> {
        let mut state = conversation.state.lock().await;
        let mut from = cursor.local.min(state.position);
        let mut facts = self.journal.read(&conversation.id, from).await?;
        let new = usize::try_from(state.position - from).unwrap_or(usize::MAX);
        for fact in facts.iter().skip(new) {
            state.apply(fact);
        }
        if cursor.local > state.position || cursor.segment >= state.segments.len() {
            *cursor = Cursor::read(None);
            from = 0;
            facts = self.journal.read(&conversation.id, 0).await?;
            facts.truncate(usize::try_from(state.position).unwrap_or(usize::MAX));
        }
        let now = Timestamp::now();
        let due = |event| !decide(&state, event, &self.policy, now).is_empty();
        Ok(Look {
            due: due(Event::Tick),
            fetched: due(Event::Fetched { up_to: cursor.local }),
            segments: state.segments.clone(),
            user: state.user.clone(),
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
        cursor: &Cursor,
        trace: Option<String>,
    ) -> Result<(), JournalError> {
        if look.due {
            self.record(conversation, Event::Tick).await?;
        }
        if look.fetched {
            let fetched = Event::Fetched { up_to: cursor.local };
            self.record_and_deliver(conversation, fetched, trace.clone()).await?;
        }
        if let Some(segment) = look.undrained
            && let Some(ended) = look.segments.get(segment)
            && let Ok(authorization) = self.authorization_for(conversation, ended, caller).await
        {
            let upstream = ended.conversation.as_deref().unwrap_or(conversation.id.as_str());
            let source = Source { segment, conversation: upstream, authorization: &authorization };
            self.drain(conversation, &source).await?;
        }
        if look.returning {
            self.return_soon(conversation);
        }
        if look.owes || look.due {
            self.deliver_soon(conversation, trace);
        }
        Ok(())
    }

    async fn assemble(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        look: &Look,
        mut cursor: Cursor,
        given: Option<&str>,
    ) -> Result<Page, JournalError> {
        let mut activities = vec![];
        // Who still reads the bot's words reads history, and typing is none.
        let cut = look.segments.get(cursor.segment).is_some_and(|segment| segment.cut.is_some());
        let catching_up = cut && cursor.upstream != Upstream::End;
        while let Some(segment) = look.segments.get(cursor.segment) {
            let last = cursor.segment + 1 == look.segments.len();
            if !self.read_rest(conversation, caller, segment, last, &mut cursor, &mut activities).await {
                break;
            }
            if self.read_local(conversation, look, catching_up, &mut cursor, &mut activities) {
                continue;
            }
            if last && segment.cut.is_none() {
                self.read_bot(conversation, caller, segment, &mut cursor, &mut activities).await?;
            }
            break;
        }
        let unmoved = activities.is_empty() && cursor == Cursor::read(given);
        let watermark = if unmoved { given.map(str::to_owned) } else { Some(cursor.write()) };
        Ok(Page { activities, watermark })
    }

    /// What the bot said in a stretch that has ended, up to its end; false when that can't be read (on) now.
    async fn read_rest(
        &self,
        conversation: &Conversation,
        caller: &Caller,
        segment: &Segment,
        last: bool,
        cursor: &mut Cursor,
        activities: &mut Vec<Value>,
    ) -> bool {
        let Some(cut) = &segment.cut else {
            if !last {
                cursor.upstream = Upstream::End;
            }
            return true;
        };
        let at = match &cursor.upstream {
            Upstream::End => return true,
            Upstream::At(at) if Some(at) == cut.watermark.as_ref() => None,
            Upstream::At(at) => Some(Some(at.clone())),
            Upstream::Start => Some(None),
        };
        let Some(at) = at else {
            cursor.upstream = Upstream::End;
            return true;
        };
        match self.upstream(conversation, segment, caller, at.as_deref()).await {
            Ok(set) => {
                let next = watermark_text(&set);
                let (shown, ended) = up_to(cut, set);
                let moved = next.is_some() && next != at;
                activities.extend(shown.into_iter().map(|activity| as_clients(activity, conversation)));
                cursor.upstream = match next {
                    Some(next) if !ended && moved => Upstream::At(next),
                    _ => Upstream::End,
                };
                cursor.upstream == Upstream::End
            }
            // Gone for good: Direct Line keeps messages for a day.
            Err(ReturnError::DirectLine(CallError::Rejected { .. })) => {
                cursor.upstream = Upstream::End;
                true
            }
            Err(_) => false,
        }
    }

    /// The journal from the cursor on; true when the bot came back on the way, so that its next stretch follows.
    fn read_local(
        &self,
        conversation: &Conversation,
        look: &Look,
        catching_up: bool,
        cursor: &mut Cursor,
        activities: &mut Vec<Value>,
    ) -> bool {
        let now = Timestamp::now();
        let link = |address: &str| self.files.link(address, now);
        let context = RenderContext { instance: &self.instance, file_link: &link };
        let skip = usize::try_from(cursor.local - look.from).unwrap_or(usize::MAX);
        for (position, fact) in (cursor.local..).zip(look.facts.iter().skip(skip)) {
            if matches!(fact, Fact::BotReturned { .. }) && cursor.segment + 1 < look.segments.len() {
                *cursor =
                    Cursor { local: position + 1, segment: cursor.segment + 1, upstream: Upstream::Start };
                return true;
            }
            if matches!(fact, Fact::AgentTyping { .. }) && catching_up {
                continue;
            }
            let mut shown = client_view::shown(fact, position, &conversation.id, &look.user, &context, now);
            if let (Fact::UserSaid(said), Some(activity)) = (fact, &mut shown) {
                self.show_files(said, activity, now);
            }
            activities.extend(shown);
        }
        cursor.local = look.head;
        false
    }

    /// What the bot says now, in a conversation of ours behind the client's.
    async fn read_bot(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        segment: &Segment,
        cursor: &mut Cursor,
        activities: &mut Vec<Value>,
    ) -> Result<(), JournalError> {
        let at = match &cursor.upstream {
            Upstream::At(at) => Some(at.clone()),
            Upstream::Start | Upstream::End => None,
        };
        let set = match self.upstream(conversation, segment, caller, at.as_deref()).await {
            Ok(set) => set,
            Err(ReturnError::DirectLine(CallError::Rejected { status: 401 | 403 | 404, .. })) => {
                let _ = self.replace(conversation, cursor.segment).await;
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        if let Some(event) = self.find_event(&set) {
            let upstream = segment.conversation.as_deref().unwrap_or(conversation.id.as_str());
            let Ok(authorization) = self.authorization_for(conversation, segment, caller).await else {
                return Ok(());
            };
            let source =
                Source { segment: cursor.segment, conversation: upstream, authorization: &authorization };
            self.escalate(&conversation.id, &set, event, &source, None, None).await?;
            cursor.upstream = Upstream::End;
        } else if let Some(next) = watermark_text(&set) {
            cursor.upstream = Upstream::At(next);
        }
        let ours = |activity: &Activity| activity.name.as_deref() == Some("pvaSetContext");
        let shown = set.activities.into_iter().filter(|activity| !ours(activity));
        activities.extend(shown.map(|activity| as_clients(activity, conversation)));
        Ok(())
    }

    async fn upstream(
        &self,
        conversation: &Conversation,
        segment: &Segment,
        caller: &Caller,
        at: Option<&str>,
    ) -> Result<ActivitySet, ReturnError> {
        let authorization = self.authorization_for(conversation, segment, caller).await?;
        let upstream = segment.conversation.as_deref().unwrap_or(conversation.id.as_str());
        Ok(self.direct_line.activities(upstream, &authorization, at, of_caller().as_deref()).await?)
    }

    /// The client's own token in the client's own conversation, ours in one of ours.
    pub(super) async fn authorization_for(
        &self,
        conversation: &Conversation,
        segment: &Segment,
        caller: &Caller,
    ) -> Result<String, ReturnError> {
        match &segment.conversation {
            None => Ok(caller.authorization.clone()),
            Some(_) => self.authorization(conversation, segment).await,
        }
    }
}

/// What the client may see of a bot's stretch that has ended, and whether its end has been reached.
fn up_to(cut: &Cut, set: ActivitySet) -> (Vec<Activity>, bool) {
    let is_end = |activity: &Activity| activity.id.as_deref() == Some(&cut.event);
    let in_tail =
        |activity: &Activity| activity.id.as_ref().is_some_and(|id| cut.tail.iter().any(|t| t.0 == *id));
    let holds_end = set.activities.iter().any(is_end);
    let ended = holds_end || set.activities.is_empty() || set.activities.iter().any(in_tail);
    let mut behind = ended && !holds_end;
    let mut shown = vec![];
    for activity in set.activities {
        if !behind || in_tail(&activity) {
            behind |= is_end(&activity);
            shown.push(activity);
        }
    }
    (shown, ended)
}

/// An activity of a conversation behind the client's, under the client's name for it.
fn as_clients(mut activity: Activity, conversation: &Conversation) -> Value {
    if let Some(account) = &mut activity.conversation {
        account.id = Some(conversation.id.as_str().to_owned());
    }
    serde_json::to_value(activity).unwrap_or_default()
}
