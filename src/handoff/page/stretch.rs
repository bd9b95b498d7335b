//! The bot's stretches of an escalated conversation, as Direct Line has them.

use std::sync::Arc;

use serde_json::Value;

use super::super::{
    Caller, Conversation, Handoff,
    escalate::{Source, watermark_text},
    return_to_bot::ReturnError,
};
use crate::{
    far_end::CallError,
    ledger::journal::JournalError,
    session::{Cut, Segment},
    telemetry::of_caller,
    translate::watermark::{Cursor, Upstream},
    wire::activity::{Activity, ActivitySet},
};

impl Handoff {
    /// What the bot said in a stretch that has ended, up to its end; false when that can't be read (on) now.
    pub(super) async fn read_rest(
        &self,
        conversation: &Arc<Conversation>,
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

    /// What the bot says now, in a conversation of ours behind the client's.
    pub(super) async fn read_bot(
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
        conversation: &Arc<Conversation>,
        segment: &Segment,
        caller: &Caller,
        at: Option<&str>,
    ) -> Result<ActivitySet, ReturnError> {
        let authorization = self.authorization_for(conversation, segment, caller).await?;
        let upstream = segment.conversation.as_deref().unwrap_or(conversation.id.as_str());
        Ok(self.direct_line.activities(upstream, &authorization, at, of_caller().as_deref()).await?)
    }

    /// The client's own token in the client's own conversation, ours in one of ours.
    pub(in super::super) async fn authorization_for(
        &self,
        conversation: &Arc<Conversation>,
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
