//! The bot's stretches of an escalated conversation, as Direct Line has them.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::{
    super::{
        Client, Conversation,
        bot::{READERS_PATIENCE, tells_outcome},
    },
    Making, Page, Reading,
};
use crate::{
    agent_turn::{begun_anew, time_of},
    far_end::{CallError, room::Taken},
    ledger::journal::JournalError,
    session::{Cut, Segment},
    translate::{
        takeover::is_event,
        watermark::{Cursor, LARGEST_PAGE, Part, Piece, Upstream},
    },
    wire::activity::{Activity, ActivitySet},
};

/// How long one waits for others who read the same bot; then there is nothing new for now.
const PATIENCE: Duration = Duration::from_secs(2);

impl Reading {
    /// What the bot said in a stretch that has ended, up to its end; false when that can't be read (on) now.
    pub(super) async fn read_rest(&self, client: Client<'_>, ended: &Segment, making: &mut Making) -> bool {
        let Some(cut) = &ended.cut else { return false };
        let cursor = &mut making.cursor;
        if matches!(&cursor.upstream, Upstream::At(at) if Some(at) == cut.watermark.as_ref()) {
            cursor.upstream = Upstream::End;
            return true;
        }
        match self.upstream(client, cursor).await {
            Ok((set, _room)) => {
                let next = set.watermark().filter(|next| Some(next.as_str()) != cursor.upstream.asked());
                let (shown, is_over) = up_to(cut, set);
                let behind = next.filter(|_| !is_over).map_or(Upstream::End, Upstream::At);
                making.show_part(as_clients(shown, client.conversation), behind);
            }
            // Gone for good: Direct Line keeps messages for a day.
            Err(CallError::Rejected { .. }) => cursor.upstream = Upstream::End,
            Err(_) => {}
        }
        making.cursor.upstream == Upstream::End
    }

    /// What the bot says now, in a conversation of ours behind the client's.
    pub(super) async fn read_bot(&self, client: Client<'_>, making: &mut Making) -> Result<(), JournalError> {
        let cursor = &making.cursor;
        match self.upstream(client, cursor).await {
            Ok((set, _room)) => {
                if let Some((behind, shown)) = self.take_in(client, set, cursor).await? {
                    making.show_part(shown, behind);
                }
            }
            Err(error) => {
                let replace = self.bot.replace(client.conversation, cursor.segment, &error);
                let _ = timeout(READERS_PATIENCE, replace).await;
            }
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
        Ok(Some((behind, as_clients(set.activities, client.conversation))))
    }

    /// Keeps us let in where what the bot says is pushed: nobody else asks for it there while the user is silent.
    pub async fn keep_bot(&self, client: Client<'_>, stretch: usize) {
        if let Err(error) = self.bot.source(client, stretch).await {
            self.bot.replace(client.conversation, stretch, &error).await;
        }
    }

    /// Where what the bot says now is pushed, from a client's place on. `None`: nowhere, it must be polled.
    pub async fn bot_stream(&self, client: Client<'_>, watermark: Option<&str>) -> Option<Url> {
        let cursor = Cursor::read(watermark);
        let source = self.bot.source(client, cursor.segment).await.ok()?;
        self.bot.stream(&source, cursor.upstream.asked()).await
    }

    /// What a batch shows that the bot was heard to say, in the stretch where the client stands; nothing when the bot has been
    /// cut off there.
    ///
    /// # Errors
    /// When a hand-off in it can't be stored; then the batch must be read again.
    pub async fn pushed(
        &self,
        client: Client<'_>,
        watermark: Option<&str>,
        set: ActivitySet,
    ) -> Result<Page, JournalError> {
        let mut cursor = Cursor::read(watermark);
        let stretch = client.conversation.state().await.segments.get(cursor.segment).cloned();
        let speaks = stretch.is_some_and(|stretch| stretch.cut.is_none());
        let mut activities = vec![];
        if speaks && let Some(taken) = self.take_in(client, set, &cursor).await? {
            (cursor.upstream, activities) = taken;
        }
        let bot = Some(cursor.segment).filter(|_| cursor.upstream != Upstream::End);
        Ok(Page { activities, watermark: Some(cursor.write()), bot })
    }

    async fn upstream(&self, client: Client<'_>, cursor: &Cursor) -> Result<(ActivitySet, Taken), CallError> {
        let source = self.bot.source(client, cursor.segment).await?;
        let turns = client.conversation.local.turns();
        let turn = tokio::time::timeout(PATIENCE, turns.reading.lock()).await;
        let _turn = turn.map_err(|_| CallError::NotSent(None))?;
        let look = self.bot.read(&source, cursor.upstream.asked()).await?;
        Ok((look.set, look.room))
    }
}

impl Making {
    /// Adds what Direct Line has answered at the cursor, as far as there is room, and moves the cursor: to `behind`, when that is
    /// all.
    fn show_part(&mut self, shown: Vec<Value>, behind: Upstream) {
        let skip = match &self.cursor.upstream {
            Upstream::Inside(inside) => inside.skip(&shown).unwrap_or(0),
            _ => 0,
        };
        let room = LARGEST_PAGE.saturating_sub(self.size);
        if !self.activities.is_empty() && shown.get(skip).is_some_and(|first| first.size() > room) {
            return;
        }
        let part = Part::of(&shown, self.cursor.upstream.asked(), skip, room);
        self.cursor.upstream = part.next.map_or(behind, Upstream::Inside);
        let count = part.shown.len();
        for activity in shown.into_iter().skip(skip).take(count) {
            self.size += activity.size();
            self.activities.push(activity);
        }
    }
}

/// What the client may see of a bot's stretch that has ended, and whether its end has been reached.
fn up_to(cut: &Cut, set: ActivitySet) -> (Vec<Activity>, bool) {
    let is_end = |activity: &Activity| is_event(activity, cut);
    let in_tail = |activity: &Activity| {
        activity.id.as_ref().is_some_and(|id| cut.tail.iter().any(|t| t.0 == *id))
            && !begun_anew(time_of(activity), cut.event_at)
    };
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

/// Activities of a conversation behind the client's, under the client's name for it; without what we have said there ourselves.
fn as_clients(activities: impl IntoIterator<Item = Activity>, conversation: &Conversation) -> Vec<Value> {
    let renamed = |mut activity: Activity| {
        if let Some(account) = &mut activity.conversation {
            account.id = Some(conversation.id.as_str().to_owned());
        }
        serde_json::to_value(activity).unwrap_or_default()
    };
    activities.into_iter().filter(|activity| !tells_outcome(activity)).map(renamed).collect()
}
