//! The bot's stretches of an escalated conversation, as Direct Line has them.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use url::Url;

use super::{
    super::{Caller, Client, Conversation},
    Making, Page, Reading,
};
use crate::{
    far_end::{CallError, room::Taken},
    ledger::journal::JournalError,
    session::{Cut, Segment},
    translate::watermark::{Cursor, LARGEST_PAGE, Part, Piece, Upstream},
    wire::activity::{Activity, ActivitySet},
};

/// How long one waits for others who read the same bot; then there is nothing new for now.
const PATIENCE: Duration = Duration::from_secs(2);

impl Reading {
    /// What the bot said in a stretch that has ended, up to its end; false when that can't be read (on) now.
    pub(super) async fn read_rest(
        &self,
        client: Client<'_>,
        segment: &Segment,
        last: bool,
        making: &mut Making,
    ) -> bool {
        let cursor = &mut making.cursor;
        let Some(cut) = &segment.cut else {
            if !last {
                cursor.upstream = Upstream::End;
            }
            return true;
        };
        let at_end = |at: &String| Some(at) == cut.watermark.as_ref();
        if matches!(&cursor.upstream, Upstream::At(at) if at_end(at)) {
            cursor.upstream = Upstream::End;
        }
        if cursor.upstream == Upstream::End {
            return true;
        }
        let at = cursor.upstream.asked();
        match self.upstream(client, cursor.segment, at).await {
            Ok((set, _room)) => {
                let next = set.watermark().filter(|next| Some(next.as_str()) != at);
                let (shown, ended) = up_to(cut, set);
                let behind = next.filter(|_| !ended).map_or(Upstream::End, Upstream::At);
                let shown = shown.into_iter().map(|activity| as_clients(activity, client.conversation));
                making.show_part(shown.collect(), behind);
                making.cursor.upstream == Upstream::End
            }
            // Gone for good: Direct Line keeps messages for a day.
            Err(CallError::Rejected { .. }) => {
                cursor.upstream = Upstream::End;
                true
            }
            Err(_) => false,
        }
    }

    /// What the bot says now, in a conversation of ours behind the client's.
    pub(super) async fn read_bot(&self, client: Client<'_>, making: &mut Making) -> Result<(), JournalError> {
        let cursor = &making.cursor;
        let at = cursor.upstream.asked();
        let (set, _room) = match self.upstream(client, cursor.segment, at).await {
            Ok(read) => read,
            Err(CallError::Rejected { status: 401 | 403 | 404, .. }) => {
                self.bot.return_now(client.conversation, Some(cursor.segment)).await;
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        if let Some((behind, shown)) = self.take_in(client, set, cursor).await? {
            making.show_part(shown, behind);
        }
        Ok(())
    }

    /// What the bot says in a batch of its, however it came, and where that leads; a hand-off in it is stored before it is shown.
    /// `None` when it is not to be shown.
    async fn take_in(
        &self,
        client: Client<'_>,
        set: ActivitySet,
        cursor: &Cursor,
    ) -> Result<Option<(Upstream, Vec<Value>)>, JournalError> {
        let mut behind = set.watermark().map_or_else(|| cursor.upstream.clone(), Upstream::At);
        if let Some(event) = self.escalations.find(&set.activities) {
            let Ok(source) = self.bot.source(client, cursor.segment).await else { return Ok(None) };
            let id = &client.conversation.id;
            if !self.escalations.escalate(id, &set, event, &source, None, None).await? {
                // The batch is younger than the hand-off: what may be shown of it stands before that, and is read there.
                return Ok(None);
            }
            behind = Upstream::End;
        }
        let ours = |activity: &Activity| activity.name.as_deref() == Some("pvaSetContext");
        let shown = set.activities.into_iter().filter(|activity| !ours(activity));
        Ok(Some((behind, shown.map(|activity| as_clients(activity, client.conversation)).collect())))
    }

    /// Where what the bot says now is pushed, from a client's place on. `None`: nowhere, it must be polled.
    pub async fn bot_stream(
        &self,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        watermark: Option<&str>,
    ) -> Option<Url> {
        let cursor = Cursor::read(watermark);
        let source = self.bot.source(Client { conversation, caller }, cursor.segment).await.ok()?;
        self.bot.stream(&source, cursor.upstream.asked()).await
    }

    /// What a batch shows that the bot was heard to say, in the stretch where the client stands; nothing when the bot has been
    /// cut off there.
    ///
    /// # Errors
    /// When a hand-off in it can't be stored; then the batch must be read again.
    pub async fn pushed(
        &self,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        watermark: Option<&str>,
        set: ActivitySet,
    ) -> Result<Page, JournalError> {
        let mut cursor = Cursor::read(watermark);
        let state = conversation.state().await;
        let speaks = state.segments.get(cursor.segment).is_some_and(|segment| segment.cut.is_none());
        drop(state);
        let mut activities = vec![];
        if speaks && let Some(taken) = self.take_in(Client { conversation, caller }, set, &cursor).await? {
            (cursor.upstream, activities) = taken;
        }
        let bot = Some(cursor.segment).filter(|_| cursor.upstream != Upstream::End);
        Ok(Page { activities, watermark: Some(cursor.write()), bot })
    }

    async fn upstream(
        &self,
        client: Client<'_>,
        stretch: usize,
        at: Option<&str>,
    ) -> Result<(ActivitySet, Taken), CallError> {
        let source = self.bot.source(client, stretch).await?;
        let turn = tokio::time::timeout(PATIENCE, client.conversation.local.reading.lock()).await;
        let _turn = turn.map_err(|_| CallError::NotSent(None))?;
        let look = self.bot.read(&source, at).await?;
        Ok((look.set, look.room))
    }
}

impl Making {
    /// Adds what Direct Line has answered at the cursor, as far as there is room, and moves the cursor: to `behind`, when that is
    /// all.
    fn show_part(&mut self, shown: Vec<Value>, behind: Upstream) {
        let Self { cursor, activities } = self;
        let skip = match &cursor.upstream {
            Upstream::Inside(inside) => inside.skip(&shown).unwrap_or(0),
            _ => 0,
        };
        let room = LARGEST_PAGE.saturating_sub(activities.iter().map(Piece::size).sum());
        if !activities.is_empty() && shown.get(skip).is_some_and(|first| first.size() > room) {
            return;
        }
        let part = Part::of(&shown, cursor.upstream.asked(), skip, room);
        cursor.upstream = part.next.map_or(behind, Upstream::Inside);
        let count = part.shown.len();
        activities.extend(shown.into_iter().skip(skip).take(count));
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
