//! What the client posts: to the live chat while a person is asked for or present, else to the bot.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Caller, Conversation, Handoff, attach::has_attachments, escalate::Source, machine::Chat,
    return_to_bot::ReturnError,
};
use crate::{
    domain::{ActivityId, ConversationId, MASKED, Timestamp},
    far_end::CallError,
    files::TakeError,
    ledger::{
        CallId, Committed, Decided, Ledger, Machine as _, commit_and_deliver, deliver_soon,
        journal::{JournalError, Position},
    },
    session::{Command, Fact, LANE, Notice, Phase, Quota, State, ToAgent, UserSaid},
    translate::{
        answer::{Amiss, Answer, answer_one, is_click},
        takeover,
    },
    wire::activity::{Account, Activity},
};

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
    /// Direct Line's own answer.
    FarEnd(CallError),
    /// The conversation holds as much as it may.
    Full(Quota),
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
            if !conversation.state().await.is_live() {
                // What is not for a live chat goes by what the journal says now, not by our copy of it.
                self.ledger.refresh(conversation).await?;
            }
            let phase = {
                let state = conversation.state().await;
                // What the live chat was told is not told the bot, though the chat may be over by now.
                if let Some(id) = client_id.as_deref().and_then(|id| state.posted_as(id)) {
                    self.count_duplicates(1);
                    return Ok(Posted::Known(id.clone()));
                }
                state.phase.clone()
            };
            let posted = match phase {
                // Whatever it answers is closed; the bot would not understand it.
                Phase::Returning { .. } | Phase::Bot | Phase::Over if is_click(&activity) => {
                    self.say(conversation, &activity, trace.clone()).await?
                }
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
            "typing" => {
                conversation.local.types(self.ledger.now());
                self.signal(conversation, Command::UserTyping).await
            }
            "endOfConversation" => {
                let posted = self.signal(conversation, Command::UserEnded).await?;
                self.return_soon(conversation);
                Ok(posted)
            }
            // Events and the like were meant for the bot, which is cut off.
            _ => Ok(Some(Posted::Accepted(ActivityId::of_nothing(&conversation.id)))),
        }
    }

    /// `None` when the live chat ended meanwhile.
    async fn signal(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        command: Command,
    ) -> Result<Option<Posted>, JournalError> {
        let at = match self.commit(conversation, command).await? {
            Committed::Stored { at, .. } => at,
            Committed::Known(_) | Committed::TooLate => return Ok(None),
        };
        deliver_soon(self, conversation);
        Ok(Some(Posted::Accepted(ActivityId::local(&conversation.id, at))))
    }

    /// Which question words answer, and whether they may be stored, is decided under the commit: it may change until then.
    async fn say(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        let (ledger, activity, name) = (self.ledger.clone(), activity.clone(), self.ledger.random_name());
        let at = self.ledger.now();
        let decide = move |chat: &Chat, state: &State, now| {
            let answer = answer_one(&activity, &state.conversation, state.questions());
            if let Some(id) = repeats_whisper(&ledger, state, &answer, now) {
                return Decided::Known(id);
            }
            let (secure, amiss) = (answer.secure, answer.amiss);
            let mut said = UserSaid { trace: trace.clone(), ..live_words(&activity, answer, at) };
            if let Some(amiss) = amiss {
                if secure {
                    said.echo = masked(&activity);
                }
                return chat.decide(
                    state,
                    &Command::NotTaken { said: Box::new(said), why: told(amiss) },
                    now,
                );
            }
            if let Some(message) = said.message.as_mut().filter(|_| secure) {
                message.whisper = Some(ledger.whisper(&name, std::mem::take(&mut message.text).into()));
                said.echo = masked(&activity);
            }
            chat.decide(state, &Command::UserSaid(Box::new(said)), now)
        };
        self.tell(conversation, decide).await
    }

    /// Stores what the user said, and delivers it. `None` when the live chat ended meanwhile.
    pub(super) async fn tell(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        decide: impl Fn(&Chat, &State, Timestamp) -> Decided<Chat> + Send + Sync + 'static,
    ) -> Result<Option<Posted>, JournalError> {
        let committed =
            commit_and_deliver(self, conversation, LANE, decide).await.map_err(JournalError::from)?;
        let position = match &committed {
            Committed::TooLate => return Ok(None),
            Committed::Known(id) => {
                self.count_duplicates(1);
                return Ok(Some(Posted::Known(id.clone())));
            }
            Committed::Stored { at, facts } => said_at(*at, facts).ok_or_else(|| lacking(facts)),
        };
        let position = match position {
            Ok(position) => position,
            Err(quota) => {
                deliver_soon(self, conversation);
                return Ok(Some(Posted::Refused(Refusal::Full(quota))));
            }
        };
        self.wait_for(conversation, CallId(position, 0)).await;
        Ok(Some(Posted::Accepted(ActivityId::local(&conversation.id, position))))
    }

    async fn post_to_bot(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
        activity: &Activity,
        trace: Option<&str>,
    ) -> Result<Posted, JournalError> {
        let segment = conversation.state().await.segment().cloned().unwrap_or_default();
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
            Ok(Some(id)) if !id.is_empty() => Ok(Posted::Accepted(ActivityId(id))),
            // Direct Line may answer 204; the client wants an id nevertheless.
            Ok(_) => Ok(Posted::Accepted(ActivityId::of_nothing(&conversation.id))),
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
            self.ledger.refresh(&conversation).await?;
            let state = conversation.state().await;
            let cut = state.segment().and_then(|segment| segment.cut.clone());
            cut.filter(|_| state.is_live() && activity.kind == "message")
        };
        let Some(mut cut) = cut else { return Ok(upstream_id.map(ActivityId)) };
        let upstream_id = match arrived {
            true => upstream_id,
            false => self.find_echo(activity, source).await,
        };
        if let Some(known) = upstream_id.clone().map(ActivityId)
            && conversation.state().await.has_taken(&known)
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
        let committed = self.commit(&conversation, Command::UserSaid(Box::new(said.clone()))).await?;
        deliver_soon(self, &conversation);
        let fresh = match committed {
            Committed::Known(id) => id,
            Committed::Stored { at, .. } => {
                said.id.unwrap_or_else(|| ActivityId::local(&conversation.id, at))
            }
            Committed::TooLate => said.id.unwrap_or_else(|| ActivityId::of_nothing(&conversation.id)),
        };
        Ok(Some(fresh))
    }

    /// The id under which Direct Line has an activity whose post it did not answer, if it has it.
    async fn find_echo(&self, activity: &Activity, source: &Source<'_>) -> Option<String> {
        let mine = takeover::client_id(activity)?;
        let all = self.read_upstream(source, None).await.ok()?;
        let echo = all.into_iter().rev().find(|other| takeover::client_id(other).as_ref() == Some(&mine));
        echo?.id
    }
}

/// Where the user's words stand in what was stored.
fn said_at(at: Position, facts: &[Fact]) -> Option<Position> {
    let mut facts = (at..).zip(facts);
    facts.find(|(_, fact)| matches!(fact, Fact::UserSaid(_))).map(|(position, _)| position)
}

/// What there was no room for, when words were decided on and not stored.
fn lacking(facts: &[Fact]) -> Quota {
    let files = |fact: &Fact| matches!(fact, Fact::Noticed { notice: Notice::FileRefused { .. }, .. });
    if facts.iter().any(files) { Quota::Files } else { Quota::Words }
}

/// The masked answer that these words were a moment ago, when they are not the answer to another masked question.
fn repeats_whisper(
    ledger: &Ledger<Chat>,
    state: &State,
    answer: &Answer,
    now: Timestamp,
) -> Option<ActivityId> {
    if answer.secure || !state.whispers() {
        return None;
    }
    state.whispered_as(&ledger.whispers().mark(&answer.text.as_str().into()), now).cloned()
}

/// What the user is told of something that is no answer.
pub(super) fn told(amiss: Amiss) -> Notice {
    match amiss {
        Amiss::Closed => Notice::QuestionClosed,
        Amiss::Missing(what) => Notice::Missing { what },
    }
}

/// A client's message for the live chat.
pub(super) fn live_words(activity: &Activity, answer: Answer, at: Timestamp) -> UserSaid {
    let Answer { text, typed, secure: _, attachments, nothing, question, amiss } = answer;
    let nothing = nothing || amiss.is_some();
    UserSaid {
        client_id: takeover::client_id(activity),
        timezone: activity.local_timezone.clone().filter(|zone| !zone.trim().is_empty()),
        message: (!nothing).then_some(ToAgent { text, typed, attachments, whisper: None }),
        answers: question,
        echo: takeover::echo(activity),
        files: vec![],
        at,
        ..UserSaid::default()
    }
}

/// What the client is shown of a masked answer: that there was one.
pub(super) fn masked(activity: &Activity) -> Map<String, Value> {
    let mut echo = takeover::echo(activity);
    echo.retain(|name, _| matches!(name.as_str(), "from" | "locale" | "localTimezone"));
    echo.insert("text".to_owned(), MASKED.into());
    if let Some(id) = takeover::client_id(activity) {
        echo.insert("channelData".to_owned(), json!({"clientActivityID": id}));
    }
    echo
}
