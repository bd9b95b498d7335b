//! What the client posts: to the live chat while a person is asked for or present, else to the bot.

use std::sync::Arc;

use tokio::{
    sync::MutexGuard,
    time::{Instant, timeout_at},
};
use tracing::Instrument as _;

use super::{
    Client, Conversation,
    attaching::Attaching,
    bot::{Bot, Source},
    calls::Calls,
    escalation::{Escalations, POSTS_WAIT},
    named::has_attachments,
    words::{say, told},
};
use crate::{
    agent_turn::time_of,
    domain::{ActivityId, ConversationId, Timestamp},
    far_end::CallError,
    files::TakeError,
    ledger::{Committed, commit_and_deliver, journal::JournalError},
    session::{Command, LANE, Phase, Quota, State, machine::Turns},
    translate::{answer::is_click, takeover},
    wire::activity::Activity,
};

mod overtaken;

/// What became of a client's activity.
#[derive(Debug)]
pub enum Posted {
    /// Stored, or taken by the bot. The id is that of its echo.
    Accepted(ActivityId),
    /// It was said before, and had this id.
    Known(ActivityId),
    Refused(Refusal),
}

/// Why an activity was not taken; the client may try again later unless it is over.
#[derive(Debug)]
pub enum Refusal {
    Over,
    /// The live chat has ended and the bot can't be reached.
    BotAway,
    /// The conversation began or ended its live chat while the files came in.
    MovedOn,
    /// It may hold a password that the bot asked for: what the bot had asked could not be read yet.
    Unread,
    /// A newer build has stored what this one can't read: who hears it now is not known.
    OfANewerBuild,
    /// Direct Line's own answer.
    FarEnd(CallError),
    /// The conversation holds as much as it may.
    Full(Quota),
    /// A file of it could not be taken.
    File(TakeError),
}

/// Where an upload of an escalated conversation's client goes.
pub enum UploadTo<'a> {
    LiveChat,
    Bot(Source<'a>),
    Nowhere(Refusal),
}

/// What clients say.
pub struct Posting {
    pub calls: Arc<Calls>,
    pub bot: Arc<Bot>,
    pub escalations: Arc<Escalations>,
    pub attaching: Arc<Attaching>,
}

impl Posting {
    /// Takes an activity of an escalated conversation's client.
    ///
    /// # Errors
    /// When the store fails; the client may post the same again, it is known by its `clientActivityID`.
    pub async fn post(
        &self,
        client: Client<'_>,
        activity: Activity,
        trace: Option<String>,
    ) -> Result<Posted, JournalError> {
        let (conversation, activity) = (client.conversation, Arc::new(activity));
        let now = self.calls.ledger.now();
        // The phase may change under our hands; then the next look decides.
        for turn in 0..3 {
            if !conversation.state().await.is_live() {
                // What is not for a live chat goes by what the journal says now, not by our copy of it.
                self.calls.ledger.refresh(conversation).await?;
            }
            if let Some(known) = self.known(conversation, &activity).await {
                return Ok(Posted::Known(known));
            }
            let (phase, frozen, is_closed) = {
                let state = conversation.state().await;
                let is_closed = is_click(&activity) || may_be_secret(conversation, &state, &activity, now);
                (state.phase.clone(), state.outbox.is_frozen() && !state.is_live(), is_closed)
            };
            let posted = match phase {
                _ if frozen => Some(Posted::Refused(Refusal::OfANewerBuild)),
                // Whatever it answers is closed; the bot would not understand it, or hear a secret.
                Phase::Returning { .. } | Phase::Bot | Phase::Over if is_closed => {
                    let latest = Box::pin(self.latest_of_bot(client)).await;
                    let said =
                        say(&self.attaching, conversation, &activity, None, trace.clone(), latest).await?;
                    told(&self.calls, conversation, said).await
                }
                Phase::Waiting { .. } | Phase::WithAgent { .. } => {
                    let turns = conversation.local.turns();
                    let turn = self.let_earlier_in(client, submits(&activity), &turns).await?;
                    let unread = enters_unread(&*conversation.state().await, &activity);
                    match unread {
                        true => Some(Posted::Refused(Refusal::Unread)),
                        false => self.post_live(conversation, &activity, trace.clone(), turn).await?,
                    }
                }
                Phase::Returning { .. } => {
                    Box::pin(self.bot.return_now(conversation, None)).await;
                    None
                }
                Phase::Bot => {
                    Box::pin(self.post_to_bot(client, &activity, trace.as_deref(), turn == 0)).await?
                }
                Phase::Over => Some(Posted::Refused(Refusal::Over)),
            };
            if let Some(posted) = posted {
                return Ok(posted);
            }
        }
        Ok(Posted::Refused(Refusal::BotAway))
    }

    /// Where an upload goes: decided once, before the body is read, because it can be read only once.
    pub async fn destination<'a>(&self, client: Client<'a>) -> Result<UploadTo<'a>, JournalError> {
        let conversation = client.conversation;
        for _ in 0..2 {
            self.calls.ledger.refresh(conversation).await?;
            let (phase, frozen) = {
                let state = conversation.state().await;
                (state.phase.clone(), state.outbox.is_frozen())
            };
            match phase {
                Phase::Waiting { .. } | Phase::WithAgent { .. } => {
                    drop(self.let_earlier_in(client, true, &conversation.local.turns()).await?);
                    return Ok(UploadTo::LiveChat);
                }
                _ if frozen => return Ok(UploadTo::Nowhere(Refusal::OfANewerBuild)),
                Phase::Returning { .. } => self.bot.return_now(conversation, None).await,
                Phase::Over => return Ok(UploadTo::Nowhere(Refusal::Over)),
                Phase::Bot => {
                    let stretch = self.bot.last_stretch(conversation).await;
                    match self.bot.surely(client, stretch).await {
                        Ok(source) => return Ok(UploadTo::Bot(source)),
                        Err(error) if self.bot.replace(conversation, stretch, &error).await => {}
                        Err(error) => return Ok(UploadTo::Nowhere(Refusal::FarEnd(error))),
                    }
                }
            }
        }
        Ok(UploadTo::Nowhere(Refusal::BotAway))
    }

    /// Whether the bot hears an upload. To be asked again when its body has come: a hand-off may be quicker.
    pub async fn is_the_bots(&self, id: &ConversationId) -> Result<bool, JournalError> {
        let Some(conversation) = self.calls.ledger.find(id).await? else { return Ok(true) };
        self.calls.ledger.refresh(&conversation).await?;
        let state = conversation.state().await;
        Ok(matches!(state.phase, Phase::Bot) && !state.outbox.is_frozen())
    }

    /// The id that this had when it was posted before: what the live chat was told is not told the bot, though the chat may be over
    /// by now.
    async fn known(&self, conversation: &Conversation, activity: &Activity) -> Option<ActivityId> {
        let client_id = takeover::client_id(activity).filter(|_| activity.kind == "message");
        let state = conversation.state().await;
        if let Some(known) = client_id.and_then(|id| state.posted_as(&id)) {
            self.calls.count_duplicates(1);
            return Some(known.clone());
        }
        let (ledger, now) = (&self.calls.ledger, self.calls.ledger.now());
        if activity.kind == "message" && !state.is_live() && state.whispers() {
            let mark = ledger.whispers().marks().mark(activity.text.as_deref().unwrap_or_default());
            return state.whispered_as(&mark, now, false).cloned();
        }
        let ends_again = activity.kind == "endOfConversation" && state.ended_by_user(now);
        ends_again.then(|| ActivityId::of_nothing(&conversation.id))
    }

    /// The youngest time of what the bot has said since it is back, if it can be read now: its clock is not ours.
    async fn latest_of_bot(&self, client: Client<'_>) -> Option<Timestamp> {
        client.conversation.state().await.segment().filter(|segment| segment.cut.is_none())?;
        let stretch = self.bot.last_stretch(client.conversation).await;
        let source = self.bot.source(client, stretch).await.ok()?;
        let said = self.bot.read_on(&source, None).await.ok()?;
        said.activities.iter().filter_map(time_of).max()
    }

    /// What the user said to the bot while the hand-off was stored stands before what they say now; and that, while this is held,
    /// before what they say next.
    async fn let_earlier_in<'a>(
        &self,
        client: Client<'_>,
        may_submit: bool,
        turns: &'a Turns,
    ) -> Result<MutexGuard<'a, ()>, JournalError> {
        let until = Instant::now() + POSTS_WAIT;
        let turn = turns.saying.lock().await;
        let due = {
            let state = client.conversation.state().await;
            // What stands before the hand-off is waited for by what may be a password alone.
            let is_due = state.has_words_behind() || may_submit;
            state.undrained().filter(|_| is_due)
        };
        if let Some(stretch) = due
            && self.escalations.may_drain(client.conversation, until).await
            && let Ok(Ok(source)) = timeout_at(until, self.bot.source(client, stretch)).await
        {
            let left = until.saturating_duration_since(Instant::now());
            Box::pin(self.escalations.drain(client.conversation, &source, left)).await?;
        }
        Ok(turn)
    }

    /// `turn`: given up once this is stored, or comes to take long; who says more is not to wait for that. `None` when the live chat ended
    /// meanwhile.
    async fn post_live(
        &self,
        conversation: &Arc<Conversation>,
        activity: &Arc<Activity>,
        trace: Option<String>,
        turn: MutexGuard<'_, ()>,
    ) -> Result<Option<Posted>, JournalError> {
        match activity.kind.as_str() {
            "message" if has_attachments(activity) => {
                drop(turn);
                let (attaching, conversation) = (self.attaching.clone(), conversation.clone());
                let activity = activity.clone();
                let said = async move { attaching.say(&conversation, &activity, vec![], trace).await };
                // As the files of an upload, these are counted though their caller has gone.
                let said = tokio::spawn(said.in_current_span()).await;
                said.unwrap_or_else(|cut| Err(JournalError::unavailable("saying words with files")(cut)))
            }
            "message" => {
                let said = say(&self.attaching, conversation, activity, None, trace, None).await?;
                drop(turn);
                Ok(told(&self.calls, conversation, said).await)
            }
            "typing" => {
                conversation.local.types(self.calls.ledger.now());
                self.signal(conversation, Command::UserTyping).await
            }
            "endOfConversation" => {
                let posted = self.leave(conversation).await?;
                self.bot.return_soon(conversation);
                Ok(posted)
            }
            // Events and the like were meant for the bot, which is cut off.
            _ => Ok(Some(Posted::Accepted(ActivityId::of_nothing(&conversation.id)))),
        }
    }

    /// The user ends the live chat. `None` when it ended meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leave(&self, conversation: &Arc<Conversation>) -> Result<Option<Posted>, JournalError> {
        self.signal(conversation, Command::UserEnded).await
    }

    /// `None` when the live chat ended meanwhile.
    async fn signal(
        &self,
        conversation: &Arc<Conversation>,
        command: Command,
    ) -> Result<Option<Posted>, JournalError> {
        let committed = commit_and_deliver(&self.calls, conversation, LANE, command).await?;
        let Committed::Stored { at, facts } = committed else { return Ok(None) };
        // Where nothing was stored, something else will stand.
        let id = match facts[..] {
            [] => ActivityId::of_nothing(&conversation.id),
            _ => ActivityId::local(&conversation.id, at),
        };
        Ok(Some(Posted::Accepted(id)))
    }

    /// `None` when another conversation had to take the bot's place, if it `may_open` one: a conversation that refuses words has not
    /// taken them.
    async fn post_to_bot(
        &self,
        client: Client<'_>,
        activity: &Activity,
        trace: Option<&str>,
        may_open: bool,
    ) -> Result<Option<Posted>, JournalError> {
        let conversation = client.conversation;
        let stretch = self.bot.last_stretch(conversation).await;
        let outcome = match self.bot.source(client, stretch).await {
            Ok(source) => {
                let outcome = self.bot.post(&source, activity, trace).await;
                let id = outcome.as_ref().ok().and_then(Clone::clone);
                let arrived = outcome.is_ok();
                if let Some(id) = self.overtaken(&conversation.id, activity, id, arrived, &source).await? {
                    return Ok(Some(Posted::Accepted(id)));
                }
                outcome
            }
            Err(error) => Err(error),
        };
        Ok(match outcome {
            Ok(Some(id)) if !id.is_empty() => Some(Posted::Accepted(ActivityId(id))),
            // Direct Line may answer 204; the client wants an id nevertheless.
            Ok(_) => Some(Posted::Accepted(ActivityId::of_nothing(&conversation.id))),
            Err(error) if may_open && self.bot.replace(conversation, stretch, &error).await => None,
            Err(error) if self.bot.has_died(conversation, stretch, &error).await => {
                Some(Posted::Refused(Refusal::BotAway))
            }
            Err(error) => Some(Posted::Refused(Refusal::FarEnd(error))),
        })
    }
}

/// Whether it is entered into a card of the bot's that nobody here has read.
pub(super) fn enters_unread(state: &State, activity: &Activity) -> bool {
    submits(activity) && state.is_unread()
}

/// Whether it is what somebody entered.
pub(super) fn submits(activity: &Activity) -> bool {
    activity.kind == "message" && activity.value.is_some() && !is_click(activity)
}

/// Whether words may be the answer to a masked question whose chat has ended, because who says them may not know that it has.
fn may_be_secret(conversation: &Conversation, state: &State, activity: &Activity, now: Timestamp) -> bool {
    let end =
        state.questions.closed_in_secret(now).filter(|_| activity.kind == "message" && !state.is_live());
    end.is_some_and(|end| !conversation.local.has_read(end))
}
