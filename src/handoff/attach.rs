//! Files in a live chat: what the client uploads or names, and what it is shown of it.

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{Caller, Conversation, Handoff, Posted, Refusal, client::live_words, return_to_bot::ReturnError};
use crate::{
    domain::{ActivityId, Attachment, Timestamp},
    files::{Address, Described, FileHead, Files, Incoming, Limits, Part, TakeError, name},
    ledger::{Machine as _, journal::JournalError},
    session::{Command, Phase, ToAgent, UserSaid},
    translate::{answer::answer_one, takeover, texts},
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

impl Handoff {
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Decides once, before the body is read: it can be read only once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn upload_to(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        caller: &Caller,
    ) -> Result<UploadTo, JournalError> {
        for _ in 0..2 {
            let (phase, segment) = {
                self.ledger.refresh(conversation).await?;
                let state = conversation.state().await;
                (state.phase.clone(), state.segment().cloned().unwrap_or_default())
            };
            match phase {
                Phase::Waiting { .. } | Phase::WithAgent { .. } => return Ok(UploadTo::LiveChat),
                Phase::Returning { .. } => self.return_now(conversation).await,
                Phase::Over => return Ok(UploadTo::Nowhere(Refusal::Over)),
                Phase::Bot => {
                    let behind = segment.conversation.clone();
                    return match self.authorization_for(conversation, &segment, caller).await {
                        Ok(authorization) => Ok(UploadTo::Bot {
                            conversation: behind.unwrap_or_else(|| conversation.id.as_str().to_owned()),
                            authorization,
                        }),
                        Err(ReturnError::DirectLine(error)) => Ok(UploadTo::Nowhere(Refusal::FarEnd(error))),
                        Err(ReturnError::Store(error)) => Err(error),
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
    pub async fn upload(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        incoming: &mut Incoming,
        sender: Option<String>,
        trace: Option<String>,
    ) -> Result<Posted, JournalError> {
        let (mut activity, files) = match self.read_upload(conversation, incoming).await? {
            Ok(read) => read,
            Err(posted) => return Ok(posted),
        };
        if let Some(id) = sender.filter(|id| !id.is_empty()) {
            activity.from.get_or_insert_with(Account::default).id = Some(id);
        }
        match self.say_with(conversation, &activity, files, trace).await? {
            Some(posted) => Ok(posted),
            // The chat ended while the files came in; the bot will take them, with the next try.
            None => Ok(Posted::Refused(Refusal::BotAway)),
        }
    }

    /// Takes the upload's files as they come; gives them with the activity, or what the client is to be told.
    async fn read_upload(
        &self,
        conversation: &Arc<Conversation>,
        incoming: &mut Incoming,
    ) -> Result<Result<(Activity, Vec<Attachment>), Posted>, JournalError> {
        let mut activity = None;
        let mut files = vec![];
        loop {
            match incoming.next().await {
                Err(error) => return Ok(Err(refused(error))),
                Ok(None) => break,
                Ok(Some(Part::Activity(bytes))) => {
                    let read = match read_activity(&bytes) {
                        Ok(activity) => activity,
                        Err(error) => return Ok(Err(refused(error))),
                    };
                    if let Some(known) = self.posted(conversation, &read).await {
                        // Read to its end, or the client would see a broken connection instead of the answer.
                        while let Ok(Some(_)) = incoming.next().await {}
                        self.count_duplicates(1);
                        return Ok(Err(Posted::Accepted(known)));
                    }
                    activity = Some(read);
                }
                Ok(Some(Part::File(file))) => {
                    match self.take(conversation, files.len(), file, incoming).await? {
                        Ok(file) => files.push(file),
                        Err(error) => return Ok(Err(refused(error))),
                    }
                }
            }
        }
        let wordless = || Activity { kind: "message".to_owned(), ..Activity::default() };
        match activity {
            None if files.is_empty() => {
                Ok(Err(refused(TakeError::Broken("There is no file in this upload."))))
            }
            activity => Ok(Ok((activity.unwrap_or_else(wordless), files))),
        }
    }

    /// A message with attachments that the client posted as an activity, or none that any are left of.
    pub(super) async fn say_with(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        mut files: Vec<Attachment>,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        if let Some(known) = self.posted(conversation, activity).await {
            self.count_duplicates(1);
            return Ok(Some(Posted::Accepted(known)));
        }
        let answer = answer_one(activity, conversation.state().await.questions());
        if answer.secure && !answer.text.trim().is_empty() {
            // Files are kept, a masked answer never is.
            return Ok(Some(refused(TakeError::Broken(
                "A masked answer can't go with a file. Send it by itself.",
            ))));
        }
        let mut said = live_words(activity, answer, self.ledger.now());
        let mut message = said.message.take().unwrap_or(ToAgent { typed: true, ..ToAgent::default() });
        let direct_line = self.direct_line.root().await.ok();
        let mut named = vec![];
        for attachment in std::mem::take(&mut message.attachments) {
            match Address::read(&attachment.url, direct_line.as_ref()) {
                Address::Fetchable => named.push(attachment),
                Address::Useless => add_line(&mut message.text, &texts::file_left_out(&attachment.name)),
                Address::Data { media_type, bytes } => {
                    let file =
                        self.take_bytes(conversation, files.len(), &attachment, media_type, bytes).await?;
                    match file {
                        Ok(file) => files.push(file),
                        Err(error) => return Ok(Some(refused(error))),
                    }
                }
            }
        }
        message.attachments = named.into_iter().chain(files.iter().cloned()).collect();
        message.typed |= message.text.is_empty();
        let nothing = message.text.trim().is_empty() && message.attachments.is_empty();
        mend_echo(&mut said.echo, direct_line.as_ref());
        let message = (!nothing).then_some(message);
        let command = Command::UserSaid(Box::new(UserSaid { message, files, trace, ..said }));
        self.tell(conversation, move |chat, state, now| chat.decide(state, &command, now)).await
    }

    /// Adds the files a client sent to what it is shown of its own message; where its message names them already, as
    /// DirectLineJS does, they get their address there.
    pub(super) fn show_files(&self, said: &UserSaid, activity: &mut Value, now: Timestamp) {
        if said.files.is_empty() {
            return;
        }
        let mut attachments = match activity["attachments"].take() {
            Value::Array(attachments) => attachments,
            _ => vec![],
        };
        for file in &said.files {
            let at = attachments.iter().position(|named| is_named(named, file)).unwrap_or(attachments.len());
            if at == attachments.len() {
                attachments.push(json!({"name": file.name}));
            }
            let shown = &mut attachments[at];
            shown["contentType"] = file.media_type.clone().into();
            if let Some(address) = self.files.shown(file, now) {
                shown["contentUrl"] = address.into();
            }
        }
        activity["attachments"] = Value::Array(attachments);
    }

    /// The id the client was given, when it has posted this before.
    async fn posted(&self, conversation: &Conversation, activity: &Activity) -> Option<ActivityId> {
        let client_id = takeover::client_id(activity)?;
        conversation.state().await.posted_as(&client_id).cloned()
    }

    async fn take_bytes(
        &self,
        conversation: &Arc<Conversation>,
        taken: usize,
        attachment: &Attachment,
        media_type: String,
        bytes: Vec<u8>,
    ) -> Result<Result<Attachment, TakeError>, JournalError> {
        let length = Some(bytes.len() as u64);
        let source = stream::once(async move { Ok(Bytes::from(bytes)) }).boxed();
        let file = FileHead { name: name::file_name(&attachment.name), media_type, length };
        let described = Described { length, ..Described::default() };
        let mut incoming = Incoming::new(described, source, self.files.max_upload());
        match incoming.next().await {
            Ok(_) => self.take(conversation, taken, file, &mut incoming).await,
            Err(error) => Ok(Err(error)),
        }
    }

    /// Takes one file, and tells the chat when ServiceNow does not want it.
    async fn take(
        &self,
        conversation: &Arc<Conversation>,
        taken: usize,
        file: FileHead,
        incoming: &mut Incoming,
    ) -> Result<Result<Attachment, TakeError>, JournalError> {
        let (user, limits) = {
            let state = conversation.state().await;
            (state.user.id.clone(), Limits::of(state.questions().iter().map(|(_, control)| control)))
        };
        if let Err(error) = limits.allow(taken, &file) {
            return Ok(Err(error));
        }
        incoming.limit_file(limits.bytes);
        let name = file.name.clone();
        let outcome = self.files.take(&user, file, incoming, Timestamp::now()).await;
        match &outcome {
            Ok(_) => info!(conversation.id = %conversation.id, "Took a user's file for ServiceNow"),
            Err(TakeError::Refused { status }) => {
                warn!(conversation.id = %conversation.id, status, "ServiceNow does not take a user's file");
                self.commit(conversation, Command::FileRefused { name }).await?;
            }
            Err(error) => warn!(conversation.id = %conversation.id, %error, "A user's file was not taken"),
        }
        Ok(outcome)
    }
}

/// Whether a message has more in it than words.
pub(super) fn has_attachments(activity: &Activity) -> bool {
    activity.attachments.iter().flatten().any(|attachment| attachment.get("contentUrl").is_some())
}

fn refused(error: TakeError) -> Posted {
    Posted::Refused(Refusal::File(error))
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

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// Whether an attachment of a message is a file that came beside it: it has the name, and nothing of its own.
fn is_named(attachment: &Value, file: &Attachment) -> bool {
    let own = attachment.get("contentUrl").is_some() || attachment.get("content").is_some();
    let name = attachment.get("name").and_then(Value::as_str);
    !own && name.is_some_and(|name| name::file_name(name) == file.name)
}

/// What we have taken is shown from where it is now; what leads nowhere is shown without its address.
fn mend_echo(echo: &mut serde_json::Map<String, Value>, direct_line: Option<&url::Url>) {
    let Some(Value::Array(attachments)) = echo.get_mut("attachments") else { return };
    attachments.retain_mut(|attachment| {
        let Some(address) = attachment.get("contentUrl").and_then(Value::as_str) else { return true };
        match (Address::read(address, direct_line), attachment.as_object_mut()) {
            (Address::Data { .. }, _) => false,
            (Address::Useless, Some(fields)) => {
                fields.remove("contentUrl");
                true
            }
            (Address::Useless | Address::Fetchable, _) => true,
        }
    });
    if attachments.is_empty() {
        echo.remove("attachments");
    }
}
