//! Uploads of an escalated conversation's client.

use std::sync::Arc;

use super::{
    Caller, Conversation, Posted, Refusal,
    attaching::{Attaching, Taken, took},
    bot::{Bot, Source},
};
use crate::{
    domain::{ActivityId, Attachment},
    files::{Incoming, Limits, Part, TakeError},
    ledger::journal::JournalError,
    session::{Phase, Quota},
    wire::activity::{Account, Activity},
};

/// Where an upload of an escalated conversation's client goes.
#[derive(Debug)]
pub enum UploadTo {
    LiveChat,
    /// Direct Line's conversation behind the client's, and how to speak there.
    Bot {
        conversation: String,
        authorization: String,
    },
    Nowhere(Refusal),
}

/// What became of an upload's body.
enum Uploaded {
    Whole(Box<Activity>, Vec<Attachment>),
    /// It was posted before.
    Known(ActivityId),
    /// `name`: of the file at fault, empty when that is not known.
    Refused {
        name: String,
        error: TakeError,
    },
}

/// Takes uploads.
pub struct Uploads {
    bot: Arc<Bot>,
    attaching: Arc<Attaching>,
}

impl Uploads {
    pub(super) fn new(bot: Arc<Bot>, attaching: Arc<Attaching>) -> Self {
        Self { bot, attaching }
    }

    /// Decides once, before the body is read: it can be read only once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn destination(
        &self,
        conversation: &Arc<Conversation>,
        caller: &Caller,
    ) -> Result<UploadTo, JournalError> {
        for _ in 0..2 {
            let (phase, segment) = {
                self.attaching.ledger.refresh(conversation).await?;
                let state = conversation.state().await;
                (state.phase.clone(), state.segment().cloned().unwrap_or_default())
            };
            match phase {
                Phase::Waiting { .. } | Phase::WithAgent { .. } => return Ok(UploadTo::LiveChat),
                Phase::Returning { .. } => self.bot.return_now(conversation).await,
                Phase::Over => return Ok(UploadTo::Nowhere(Refusal::Over)),
                Phase::Bot => {
                    return match self.bot.source(conversation, (0, &segment), caller).await {
                        Ok(Source { conversation, authorization, .. }) => Ok(UploadTo::Bot {
                            conversation: conversation.to_owned(),
                            authorization: authorization.into_owned(),
                        }),
                        Err(error) => error.refusal().map(UploadTo::Nowhere),
                    };
                }
            }
        }
        Ok(UploadTo::Nowhere(Refusal::BotAway))
    }

    /// Takes an upload for the live chat: first the files, to where ServiceNow finds them, then the message that
    /// names them, like any other. `sender`: the `userId` of the request.
    ///
    /// # Errors
    /// When the store fails; the client may upload the same again, it is known by its `clientActivityID`.
    pub async fn take(
        &self,
        conversation: &Arc<Conversation>,
        incoming: &mut Incoming,
        sender: Option<String>,
        trace: Option<String>,
    ) -> Result<Posted, JournalError> {
        let (mut activity, files) = match self.read_upload(conversation, incoming).await? {
            Uploaded::Whole(activity, files) => (*activity, files),
            Uploaded::Known(id) => return Ok(Posted::Known(id)),
            Uploaded::Refused { name, error } => {
                return self.attaching.refuse(conversation, name, error).await;
            }
        };
        if let Some(id) = sender.filter(|id| !id.is_empty()) {
            activity.from.get_or_insert_with(Account::default).id = Some(id);
        }
        match self.attaching.say(conversation, &activity, files, trace).await? {
            Some(posted) => Ok(posted),
            // The chat ended while the files came in; the bot will take them, with the next try.
            None => Ok(Posted::Refused(Refusal::BotAway)),
        }
    }

    /// Takes the upload's files; gives them with the activity. Where a question limits them, none is sent on before all have been
    /// looked at.
    async fn read_upload(
        &self,
        conversation: &Arc<Conversation>,
        incoming: &mut Incoming,
    ) -> Result<Uploaded, JournalError> {
        let attaching = &self.attaching;
        let (user, limits) = attaching.asked_for(conversation).await;
        if !conversation.state().await.kept.has_room() {
            return Ok(Uploaded::Refused { name: String::new(), error: TakeError::Full(Quota::Words) });
        }
        attaching.allow(conversation, incoming).await;
        let hold = incoming.is_form() && (limits != Limits::default() || !incoming.is_measured());
        let mut activity = None;
        let mut taken = vec![];
        let nameless = |error| Uploaded::Refused { name: String::new(), error };
        let refused = loop {
            match incoming.next().await {
                Err(error) => break Some(nameless(error)),
                Ok(None) => break None,
                Ok(Some(Part::Activity(bytes))) => {
                    let read = match read_activity(&bytes) {
                        Ok(activity) => activity,
                        Err(error) => break Some(nameless(error)),
                    };
                    if let Some(known) = attaching.posted(conversation, &read).await {
                        // Read to its end, or the client would see a broken connection instead of the answer.
                        while let Ok(Some(_)) = incoming.next().await {}
                        attaching.calls.count_duplicates(1);
                        break Some(Uploaded::Known(known));
                    }
                    activity = Some(read);
                }
                Ok(Some(Part::File(file))) => {
                    let name = file.name.clone();
                    if let Err(error) = limits.allow(taken.len(), &file) {
                        break Some(Uploaded::Refused { name, error });
                    }
                    incoming.limit_file(limits.bytes);
                    let one = match hold {
                        true => attaching
                            .files
                            .hold(file, incoming, attaching.ledger.now())
                            .await
                            .map(Taken::Held),
                        false => attaching.take(conversation, &user, file, incoming).await.map(Taken::Sent),
                    };
                    match one {
                        Ok(one) => taken.push(one),
                        Err(error) => break Some(Uploaded::Refused { name, error }),
                    }
                }
            }
        };
        if let Some(refused) = refused {
            attaching.let_go(conversation, taken).await?;
            return Ok(refused);
        }
        if activity.is_none() && taken.is_empty() {
            return Ok(nameless(TakeError::Broken("There is no file in this upload.")));
        }
        let wordless = || Activity { kind: "message".to_owned(), ..Activity::default() };
        let activity = Box::new(activity.unwrap_or_else(wordless));
        Ok(match self.send_on(conversation, &user, taken).await? {
            Ok(files) => Uploaded::Whole(activity, files),
            Err((name, error)) => Uploaded::Refused { name, error },
        })
    }

    /// Sends on what was held until all had been looked at.
    async fn send_on(
        &self,
        conversation: &Arc<Conversation>,
        user: &str,
        taken: Vec<Taken>,
    ) -> Result<Result<Vec<Attachment>, (String, TakeError)>, JournalError> {
        let attaching = &self.attaching;
        let mut files = vec![];
        let mut left = taken.into_iter();
        while let Some(one) = left.next() {
            let held = match one {
                Taken::Sent(file) => {
                    files.push(file);
                    continue;
                }
                Taken::Held(held) => held,
            };
            let name = held.name().to_owned();
            let sent = attaching.files.send_held(user, held, attaching.ledger.now()).await;
            match took(conversation, sent) {
                Ok(file) => files.push(file),
                Err(error) => {
                    let sent = files.into_iter().map(Taken::Sent);
                    attaching.let_go(conversation, sent.chain(left).collect()).await?;
                    return Ok(Err((name, error)));
                }
            }
        }
        Ok(Ok(files))
    }
}

fn read_activity(bytes: &[u8]) -> Result<Activity, TakeError> {
    let read: Result<Activity, _> = serde_json::from_slice(bytes);
    let mut activity =
        read.map_err(|_| TakeError::Broken("The part with the activity is not an activity."))?;
    if activity.kind.is_empty() {
        activity.kind = "message".to_owned();
    }
    if activity.kind == "message" {
        Ok(activity)
    } else {
        Err(TakeError::Broken("Files go with an activity of type `message`."))
    }
}
