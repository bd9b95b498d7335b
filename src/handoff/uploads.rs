//! Uploads of an escalated conversation's client.

use std::sync::Arc;

use super::{
    Conversation, Posted, Refusal,
    attaching::{Attaching, Taken},
    posting::enters_unread,
};
use crate::{
    domain::ActivityId,
    files::{Incoming, Limits, Part, TakeError},
    ledger::journal::JournalError,
    session::Quota,
    translate::takeover,
    wire::activity::{Account, Activity},
};

/// Why an upload comes to no message.
enum Not {
    /// It was posted before.
    New(ActivityId),
    /// What the bot had asked may be read later; until then this may be a password.
    Yet,
    /// `name`: of the file at fault, empty when that is not known.
    Taken { name: String, error: TakeError },
}

impl From<TakeError> for Not {
    fn from(error: TakeError) -> Self {
        Self::Taken { name: String::new(), error }
    }
}

impl Attaching {
    /// Takes an upload for the live chat: first the files, to where ServiceNow finds them, then the message that
    /// names them, like any other. `sender`: the `userId` of the request.
    ///
    /// # Errors
    /// When the store fails; the client may upload the same again, it is known by its `clientActivityID`.
    pub async fn upload(
        &self,
        conversation: &Arc<Conversation>,
        incoming: &mut Incoming,
        sender: Option<String>,
        trace: Option<String>,
    ) -> Result<Posted, JournalError> {
        let mut taken = Taken::default();
        let mut activity = match self.read(conversation, incoming, &mut taken).await {
            Ok(activity) => activity,
            Err(not) => {
                self.let_go(conversation, taken).await?;
                return match not {
                    Not::New(id) => Ok(Posted::Known(id)),
                    Not::Yet => Ok(Posted::Refused(Refusal::Unread)),
                    Not::Taken { name, error } => self.refuse(conversation, name, error).await,
                };
            }
        };
        if let Some(id) = sender.filter(|id| !id.is_empty()) {
            activity.from.get_or_insert_with(Account::default).id = Some(id);
        }
        let posted = self.say(conversation, &Arc::new(activity), taken.sent, trace).await?;
        // The bot will take them, with the next try.
        Ok(posted.unwrap_or(Posted::Refused(Refusal::MovedOn)))
    }

    /// Takes the upload's files; gives the activity. Where a question limits them, none is sent on before all have been looked
    /// at; else only the first, because many are a call each.
    async fn read(
        &self,
        conversation: &Arc<Conversation>,
        incoming: &mut Incoming,
        taken: &mut Taken,
    ) -> Result<Activity, Not> {
        let limits = self.asked_for(conversation).await;
        if !conversation.state().await.kept.has_room() {
            return Err(TakeError::Full(Quota::Words).into());
        }
        self.allow(conversation, incoming).await;
        let limited = limits != Limits::default() || !incoming.is_measured();
        let mut activity = None;
        while let Some(part) = incoming.next().await? {
            match part {
                Part::Activity(bytes) => activity = Some(self.news(conversation, &bytes, incoming).await?),
                Part::File(file) => {
                    let name = file.name.clone();
                    let one = async {
                        limits.allow(taken.held.len() + taken.sent.len(), &file)?;
                        incoming.limit_file(limits.bytes);
                        if incoming.is_form() && (limited || !taken.sent.is_empty()) {
                            let held = self.files.hold(file, incoming, self.calls.ledger.now()).await?;
                            taken.held.push_back(held);
                        } else {
                            taken.sent.push(self.take(conversation, file, incoming).await?);
                        }
                        Ok(())
                    };
                    one.await.map_err(|error| Not::Taken { name, error })?;
                }
            }
        }
        self.send_on(conversation, taken).await?;
        Ok(activity.unwrap_or_else(|| Activity { kind: "message".to_owned(), ..Activity::default() }))
    }

    /// Sends on what was held until all had been looked at. Where one is refused, those before it and behind it are left.
    async fn send_on(&self, conversation: &Conversation, taken: &mut Taken) -> Result<(), Not> {
        while let Some(held) = taken.held.pop_front() {
            let name = held.name().to_owned();
            let sent = self.send_held(conversation, held).await;
            taken.sent.push(sent.map_err(|error| Not::Taken { name, error })?);
        }
        Ok(())
    }

    /// The upload's activity, when it was not posted before and may be told: asked before its files are sent on.
    async fn news(
        &self,
        conversation: &Conversation,
        bytes: &[u8],
        incoming: &mut Incoming,
    ) -> Result<Activity, Not> {
        let read = read_activity(bytes)?;
        let not = {
            let state = conversation.state().await;
            let known = takeover::client_id(&read).and_then(|id| state.posted_as(&id).cloned());
            known.map(Not::New).or_else(|| enters_unread(&state, &read).then_some(Not::Yet))
        };
        let Some(not) = not else { return Ok(read) };
        // Read to its end, or the client would see a broken connection instead of the answer.
        while let Ok(Some(_)) = incoming.next().await {}
        if matches!(not, Not::New(_)) {
            self.calls.count_duplicates(1);
        }
        Err(not)
    }
}

fn read_activity(bytes: &[u8]) -> Result<Activity, TakeError> {
    let read: Result<Activity, _> = serde_json::from_slice(bytes);
    let mut activity =
        read.map_err(|_| TakeError::Broken("The part with the activity is not an activity."))?;
    if activity.kind.is_empty() {
        activity.kind = "message".to_owned();
    }
    match activity.kind.as_str() {
        "message" => Ok(activity),
        _ => Err(TakeError::Broken("Files go with an activity of type `message`.")),
    }
}
