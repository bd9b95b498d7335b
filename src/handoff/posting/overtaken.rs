//! Words for the bot that was cut off while they were on their way.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::{POSTS_WAIT, Posting, enters_unread};
use crate::{
    domain::{ActivityId, ConversationId, Timestamp},
    handoff::{Conversation, bot::Source, escalation::CLIENT_WAITS},
    ledger::{Committed, commit_and_deliver, journal::JournalError},
    session::{Command, LANE, State, UserSaid},
    translate::takeover,
    wire::activity::{Account, Activity},
};

impl Posting {
    /// After a post to the bot: takes the words over into the live chat when the bot was cut off while they
    /// were on their way. `upstream_id`: of an answer; without one, Direct Line is asked for the echo first.
    /// Gives the id to answer, when the words are in the journal now or are the bot's.
    pub async fn overtaken(
        &self,
        id: &ConversationId,
        activity: &Activity,
        upstream_id: Option<String>,
        arrived: bool,
        source: &Source<'_>,
    ) -> Result<Option<ActivityId>, JournalError> {
        let Some(conversation) = self.calls.ledger.find(id).await? else { return Ok(None) };
        self.calls.ledger.refresh(&conversation).await?;
        let is_cut = |state: &State| state.is_live() && state.segment().is_some_and(|bot| bot.cut.is_some());
        if activity.kind != "message" || !is_cut(&*conversation.state().await) {
            return Ok(upstream_id.map(ActivityId));
        }
        let upstream_id = match arrived {
            true => upstream_id,
            false => self.find_echo(activity, source).await,
        };
        let mut mine = activity.clone();
        mine.id.clone_from(&upstream_id);
        // A client's clock says nothing.
        mine.timestamp = None;
        mine.from.get_or_insert_with(Account::default).role = Some("user".into());
        // What Direct Line had before stands before it, and tells which of its words are passwords.
        let until = (Instant::now() + POSTS_WAIT).min(source.asked + CLIENT_WAITS);
        let turns = conversation.local.turns();
        let _turn = timeout_at(until, turns.saying.lock()).await.ok();
        if self.escalations.may_drain(&conversation, until).await {
            let left = until.saturating_duration_since(Instant::now());
            Box::pin(self.escalations.drain(&conversation, source, left)).await?;
        }
        let said = {
            let state = conversation.state().await;
            let cut = state.segment().and_then(|segment| segment.cut.clone());
            // Direct Line has it, and it is taken over when that can be read.
            let Some(mut cut) = cut.filter(|_| !enters_unread(&state, &mine)) else {
                return Ok(upstream_id.map(ActivityId));
            };
            let words = self.attaching.texts.of_user(&state.user);
            takeover::after_event(&mine, &mut cut, &words, Timestamp::now())
        };
        // Without an answer only the request itself may have been the bot's; it is not said again.
        let Some(said) = said.filter(|said| upstream_id.is_some() || arrived || said.message.is_some())
        else {
            return Ok(None);
        };
        self.take_over(&conversation, said).await.map(Some)
    }

    /// Says to the live chat what was said to the bot; gives the id that it has from now on.
    async fn take_over(
        &self,
        conversation: &Arc<Conversation>,
        said: UserSaid,
    ) -> Result<ActivityId, JournalError> {
        let id = said.id.clone();
        let command = Command::UserSaid(Box::new(said));
        Ok(match commit_and_deliver(&self.calls, conversation, LANE, command).await? {
            Committed::Known(id) => id,
            Committed::Stored { at, .. } => id.unwrap_or_else(|| ActivityId::local(&conversation.id, at)),
            Committed::TooLate => id.unwrap_or_else(|| ActivityId::of_nothing(&conversation.id)),
        })
    }

    /// The id under which Direct Line has an activity whose post it did not answer, if it has it.
    async fn find_echo(&self, activity: &Activity, source: &Source<'_>) -> Option<String> {
        let mine = takeover::client_id(activity)?;
        let read = self.bot.read_on(source, None).await.ok()?;
        let is_it = |other: &&Activity| takeover::client_id(other).as_ref() == Some(&mine);
        read.activities.iter().rev().find(is_it)?.id.clone()
    }
}
