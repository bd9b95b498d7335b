//! What the client posts: to the live chat while a person is asked for or present, else to the bot.

use std::sync::Arc;

use super::{
    Caller, Conversation, Handoff, Recorded, attach::has_attachments, escalate::Source,
    return_to_bot::ReturnError,
};
use crate::{
    domain::{ActivityId, ConversationId, Timestamp},
    far_end::CallError,
    files::TakeError,
    journal::{JournalError, Position},
    session::{CallId, Event, Fact, Phase, ToAgent, UserSaid},
    translate::{
        answer::{Answer, answer},
        takeover,
    },
    wire::activity::{Account, Activity},
};

/// What became of a client's activity.
#[derive(Debug)]
pub enum Posted {
    /// Stored, or taken by the bot. The id is that of its echo.
    Accepted(ActivityId),
    Refused(Refusal),
}

/// Why an activity was not taken; the client may try again later unless it is over.
#[derive(Debug)]
pub enum Refusal {
    Over,
    /// The live chat has ended and the bot can't be reached.
    BotAway,
    /// Direct Line's own answer.
    FarEnd(CallError),
    /// A file of it could not be taken.
    File(TakeError),
}

impl Handoff {
    /// Takes an activity of an escalated conversation's client.
    ///
    /// # Errors
    /// When the store fails; the client may post the same again, it is known by its `clientActivityID`.
    pub async fn post(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        activity: Activity,
        trace: Option<String>,
    ) -> Result<Posted, JournalError> {
        let client_id = takeover::client_id(&activity).filter(|_| activity.kind == "message");
        // The phase may change under our hands; then the next look decides.
        for _ in 0..3 {
            let phase = {
                let mut state = conversation.state.lock().await;
                self.catch_up(conversation, &mut state).await?;
                // What the live chat was told is not told the bot, though the chat may be over by now.
                if let Some(id) = client_id.as_deref().and_then(|id| state.posted_as(id)) {
                    self.count_duplicates(1);
                    return Ok(Posted::Accepted(id.clone()));
                }
                state.phase.clone()
            };
            let posted = match phase {
                Phase::Waiting { .. } | Phase::WithAgent { .. } => {
                    self.post_live(conversation, &activity, trace.clone()).await?
                }
                Phase::Returning { .. } => {
                    Box::pin(self.return_now(conversation)).await;
                    None
                }
                Phase::Bot => {
                    Some(Box::pin(self.post_to_bot(conversation, caller, &activity, trace.as_deref())).await?)
                }
                Phase::Over => Some(Posted::Refused(Refusal::Over)),
            };
            if let Some(posted) = posted {
                return Ok(posted);
            }
        }
        Ok(Posted::Refused(Refusal::BotAway))
    }

    /// `None` when the live chat ended meanwhile.
    async fn post_live(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        match activity.kind.as_str() {
            "message" if has_attachments(activity) => {
                Box::pin(self.say_with(conversation, activity, vec![], trace)).await
            }
            "message" => self.say(conversation, activity, trace).await,
            "typing" => self.signal(conversation, Event::UserTyping, trace).await.map(Some),
            "endOfConversation" => {
                let posted = self.signal(conversation, Event::UserEnded, trace).await?;
                self.return_soon(conversation);
                Ok(Some(posted))
            }
            // Events and the like were meant for the bot, which is cut off.
            _ => {
                let state = conversation.state.lock().await;
                Ok(Some(Posted::Accepted(ActivityId::local(&conversation.id, state.position))))
            }
        }
    }

    async fn signal(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        event: Event,
        trace: Option<String>,
    ) -> Result<Posted, JournalError> {
        let recorded = self.record(conversation, event).await?;
        self.deliver_soon(conversation, trace);
        Ok(Posted::Accepted(ActivityId::local(&conversation.id, recorded.at)))
    }

    async fn say(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        let (pending, asked) = {
            let state = conversation.state.lock().await;
            (state.pending().cloned(), state.pending_at())
        };
        let mut answer = answer(activity, pending.as_ref());
        // Words that name a choice answer the question like a click.
        answer.question = answer.question.or(asked.filter(|_| !answer.typed && !answer.nothing));
        if answer.secure {
            return Box::pin(self.say_secretly(conversation, activity, answer, trace)).await;
        }
        self.tell(conversation, live_words(activity, answer), trace).await
    }

    /// Stores what the user said, and delivers it. `None` when the live chat ended meanwhile.
    pub(super) async fn tell(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        said: UserSaid,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        let client_id = said.client_id.clone();
        let said = UserSaid { trace: trace.clone(), ..said };
        let event = Event::UserSaid(Box::new(said));
        let recorded = self.record_and_deliver(conversation, event, trace).await?;
        let Some(position) = said_at(&recorded) else {
            return self.said_before(conversation, client_id).await;
        };
        let call = CallId(position, 0);
        self.wait_for(conversation, call).await;
        Ok(Some(Posted::Accepted(ActivityId::local(&conversation.id, position))))
    }

    /// The id of a message that was posted before; `None` when the live chat has ended meanwhile.
    async fn said_before(
        &self,
        conversation: &Conversation,
        client_id: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        let state = conversation.state.lock().await;
        let known = client_id.and_then(|id| state.posted_as(&id).cloned());
        self.count_duplicates(usize::from(known.is_some()));
        Ok(known.map(Posted::Accepted))
    }

    async fn post_to_bot(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        activity: &Activity,
        trace: Option<&str>,
    ) -> Result<Posted, JournalError> {
        let segment = conversation.state.lock().await.segment().cloned().unwrap_or_default();
        let upstream = segment.conversation.as_deref().unwrap_or(conversation.id.as_str());
        let authorization = match self.authorization_for(conversation, &segment, caller).await {
            Ok(authorization) => authorization,
            Err(ReturnError::DirectLine(error)) => return Ok(Posted::Refused(Refusal::FarEnd(error))),
            Err(ReturnError::Store(error)) => return Err(error),
        };
        let body = serde_json::to_value(activity).unwrap_or_default();
        let outcome = self.direct_line.post(upstream, &authorization, &body, trace).await;
        let id = outcome.as_ref().ok().and_then(Clone::clone);
        let source = Source { segment: 0, conversation: upstream, authorization: &authorization };
        let arrived = outcome.is_ok();
        if let Some(id) = self.overtaken(&conversation.id, activity, id, arrived, &source).await? {
            return Ok(Posted::Accepted(id));
        }
        match outcome {
            Ok(id) => Ok(Posted::Accepted(ActivityId(id.unwrap_or_default()))),
            Err(error) => Ok(Posted::Refused(Refusal::FarEnd(error))),
        }
    }

    /// After a post to the bot: takes the words over into the live chat when the bot was cut off while they
    /// were on their way. `upstream_id`: of an answer; without one, Direct Line is asked for the echo first.
    /// Gives the id to answer, when the words are in the journal now or are the bot's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn overtaken(
        self: &Arc<Self>,
        id: &ConversationId,
        activity: &Activity,
        upstream_id: Option<String>,
        arrived: bool,
        source: &Source<'_>,
    ) -> Result<Option<ActivityId>, JournalError> {
        let Some(conversation) = self.find(id).await? else { return Ok(None) };
        let cut = {
            let mut state = conversation.state.lock().await;
            self.catch_up(&conversation, &mut state).await?;
            let cut = state.segment().and_then(|segment| segment.cut.clone());
            cut.filter(|_| state.is_live() && activity.kind == "message")
        };
        let Some(mut cut) = cut else { return Ok(upstream_id.map(ActivityId)) };
        let upstream_id = match arrived {
            true => upstream_id,
            false => self.find_echo(activity, source).await,
        };
        if let Some(known) = upstream_id.clone().map(ActivityId)
            && conversation.state.lock().await.has_taken(&known)
        {
            return Ok(Some(known));
        }
        let mut mine = activity.clone();
        mine.id.clone_from(&upstream_id);
        mine.from.get_or_insert_with(Account::default).role = Some("user".into());
        let Some(said) = takeover::after_event(&mine, &mut cut, Timestamp::now()) else { return Ok(None) };
        // Without an answer only the request itself may have been the bot's; it is not said again.
        if upstream_id.is_none() && !arrived && said.message.is_none() {
            return Ok(None);
        }
        let recorded = self.record(&conversation, Event::UserSaid(Box::new(said.clone()))).await?;
        self.deliver_soon(&conversation, None);
        let fresh = ActivityId::local(&conversation.id, recorded.at);
        let posted = {
            let state = conversation.state.lock().await;
            said.client_id.and_then(|id| state.posted_as(&id).cloned())
        };
        Ok(Some(posted.or(said.id).unwrap_or(fresh)))
    }

    /// The id under which Direct Line has an activity whose post it did not answer, if it has it.
    async fn find_echo(&self, activity: &Activity, source: &Source<'_>) -> Option<String> {
        let mine = takeover::client_id(activity)?;
        let all = self.read_upstream(source, None).await.ok()?;
        let echo = all.into_iter().rev().find(|other| takeover::client_id(other).as_ref() == Some(&mine));
        echo?.id
    }
}

/// Where the user's words stand in what was recorded.
pub(super) fn said_at(recorded: &Recorded) -> Option<Position> {
    let mut facts = (recorded.at..).zip(&recorded.facts);
    facts.find(|(_, fact)| matches!(fact, Fact::UserSaid(_))).map(|(position, _)| position)
}

/// A client's message for the live chat.
pub(super) fn live_words(activity: &Activity, answer: Answer) -> UserSaid {
    let Answer { text, typed, secure: _, attachments, nothing, question } = answer;
    UserSaid {
        client_id: takeover::client_id(activity),
        timezone: activity.local_timezone.clone().filter(|zone| !zone.trim().is_empty()),
        message: (!nothing).then_some(ToAgent { text, typed, attachments }),
        answers: question,
        echo: takeover::echo(activity),
        files: vec![],
        at: Timestamp::now(),
        ..UserSaid::default()
    }
}
