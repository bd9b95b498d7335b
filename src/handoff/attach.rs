//! Files in a live chat: what the client uploads or names, and what it is shown of it.

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{
    Caller, Conversation, Handoff, Posted, Refusal,
    client::{live_words, told},
    return_to_bot::ReturnError,
};
use crate::{
    domain::{ActivityId, Attachment, Timestamp},
    files::{Address, Allowance, Described, FileHead, Files, Held, Incoming, Limits, Part, TakeError, name},
    ledger::{Machine as _, journal::JournalError},
    session::{Command, Notice, Phase, Quota, ToAgent, UserSaid},
    translate::{
        answer::{self, answer_one, files as attachments},
        takeover, texts,
    },
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
            Uploaded::Whole(activity, files) => (*activity, files),
            Uploaded::Known(id) => return Ok(Posted::Known(id)),
            Uploaded::Refused { name, error } => return self.refuse(conversation, name, error).await,
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

    /// Takes the upload's files; gives them with the activity. Where a question limits them, none is sent on before all have been
    /// looked at.
    async fn read_upload(
        &self,
        conversation: &Arc<Conversation>,
        incoming: &mut Incoming,
    ) -> Result<Uploaded, JournalError> {
        let (user, limits) = self.asked_for(conversation).await;
        if !conversation.state().await.kept.has_room() {
            return Ok(Uploaded::Refused { name: String::new(), error: TakeError::Full(Quota::Words) });
        }
        self.allow(conversation, incoming).await;
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
                    if let Some(known) = self.posted(conversation, &read).await {
                        // Read to its end, or the client would see a broken connection instead of the answer.
                        while let Ok(Some(_)) = incoming.next().await {}
                        self.count_duplicates(1);
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
                        true => self.files.hold(file, incoming, self.ledger.now()).await.map(Taken::Held),
                        false => self.take(conversation, &user, file, incoming).await.map(Taken::Sent),
                    };
                    match one {
                        Ok(one) => taken.push(one),
                        Err(error) => break Some(Uploaded::Refused { name, error }),
                    }
                }
            }
        };
        if let Some(refused) = refused {
            self.let_go(conversation, taken).await?;
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
            let sent = self.files.send_held(user, held, self.ledger.now()).await;
            match took(conversation, sent) {
                Ok(file) => files.push(file),
                Err(error) => {
                    let sent = files.into_iter().map(Taken::Sent);
                    self.let_go(conversation, sent.chain(left).collect()).await?;
                    return Ok(Err((name, error)));
                }
            }
        }
        Ok(Ok(files))
    }

    /// Deletes files that no message will name. Those that ServiceNow has can't be deleted; they count as the conversation's.
    async fn let_go(&self, conversation: &Arc<Conversation>, taken: Vec<Taken>) -> Result<(), JournalError> {
        let mut stay = 0;
        for one in taken {
            match one {
                Taken::Held(held) => self.files.let_go(held).await,
                Taken::Sent(file) => {
                    stay += if self.files.take_back(&file, self.ledger.now()).await { 0 } else { file.bytes };
                }
            }
        }
        if stay > 0 {
            self.commit(conversation, Command::FilesUnsaid { bytes: stay }).await?;
        }
        Ok(())
    }

    /// No more than the conversation has room for may come.
    async fn allow(&self, conversation: &Conversation, incoming: &mut Incoming) {
        let room = conversation.state().await.kept.room_for_files();
        incoming.allow(Allowance::new(&conversation.local.coming, room));
    }

    /// Tells the client, and the chat, why a file was not taken.
    async fn refuse(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        name: String,
        error: TakeError,
    ) -> Result<Posted, JournalError> {
        if let Some(why) = error.told() {
            self.tell_user(conversation, Notice::FileRefused { name, why }).await?;
        }
        Ok(Posted::Refused(Refusal::File(error)))
    }

    /// Says a line of ours in the chat, whatever phase it is in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_user(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        notice: Notice,
    ) -> Result<(), JournalError> {
        self.commit(conversation, Command::Tell(notice)).await.map(drop)
    }

    /// A message with attachments that the client posted as an activity, or none that any are left of.
    pub(super) async fn say_with(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        mut files: Vec<Attachment>,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        // When the store fails, nobody knows whether a message names them: then they stay until their time.
        let posted = self.say_taken(conversation, activity, &mut files, trace).await?;
        if !matches!(posted, Some(Posted::Accepted(_))) {
            self.let_go(conversation, files.into_iter().map(Taken::Sent).collect()).await?;
        }
        Ok(posted)
    }

    /// `files`: taken already; those that the message itself holds come to them.
    async fn say_taken(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        files: &mut Vec<Attachment>,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        if let Some(known) = self.posted(conversation, activity).await {
            self.count_duplicates(1);
            return Ok(Some(Posted::Known(known)));
        }
        let answer = {
            let state = conversation.state().await;
            answer_one(&with_files(activity, files), &state.conversation, state.questions())
        };
        if let Some(amiss) = answer.amiss {
            let said = Box::new(live_words(activity, answer, self.ledger.now()));
            let command = Command::NotTaken { said, why: told(amiss) };
            return self.tell(conversation, move |chat, state, now| chat.decide(state, &command, now)).await;
        }
        if answer.secure && !answer.text.trim().is_empty() {
            // Files are kept, a masked answer never is.
            let error = TakeError::WithMasked;
            return self.refuse(conversation, String::new(), error).await.map(Some);
        }
        let direct_line = self.direct_line.root().await.ok();
        let attached = sorted(attachments(activity), direct_line.as_ref());
        if let Some((name, error)) = self.refused_together(conversation, files, &attached).await {
            return self.refuse(conversation, name, error).await.map(Some);
        }
        let mut said = live_words(activity, answer, self.ledger.now());
        let mut message = said.message.take().unwrap_or(ToAgent { typed: true, ..ToAgent::default() });
        let mut named = vec![];
        for (attachment, address) in attached {
            match address {
                Address::Fetchable => named.push(attachment),
                Address::Useless => add_line(&mut message.text, &texts::file_left_out(&attachment.name)),
                Address::Data { media_type, bytes } => {
                    let name = name::file_name(&attachment.name);
                    match self.take_bytes(conversation, &name, media_type, bytes).await {
                        Ok(file) => files.push(file),
                        Err(error) => return self.refuse(conversation, name, error).await.map(Some),
                    }
                }
            }
        }
        for inline in answer::inline(activity) {
            // Those that an upload only names come beside it.
            if !files.iter().any(|file| is_named(inline, file)) {
                add_line(&mut message.text, &texts::file_left_out(answer::called(inline)));
            }
        }
        message.attachments = named.into_iter().chain(files.iter().cloned()).collect();
        message.typed |= message.text.is_empty();
        let nothing = message.text.trim().is_empty() && message.attachments.is_empty();
        mend_echo(&mut said.echo, direct_line.as_ref());
        let message = (!nothing).then_some(message);
        let command = Command::UserSaid(Box::new(UserSaid { message, files: files.clone(), trace, ..said }));
        self.tell(conversation, move |chat, state, now| chat.decide(state, &command, now)).await
    }

    /// What is wrong with a message's files as a whole, before any of those it names is sent on. `files`: taken already.
    async fn refused_together(
        &self,
        conversation: &Arc<Conversation>,
        files: &[Attachment],
        attached: &[(Attachment, Address)],
    ) -> Option<(String, TakeError)> {
        let (_, limits) = self.asked_for(conversation).await;
        let heads = attached.iter().filter_map(|(attachment, address)| {
            let (media_type, length) = match address {
                Address::Useless => return None,
                Address::Fetchable => (attachment.media_type.clone(), None),
                Address::Data { media_type, bytes } => (media_type.clone(), Some(bytes.len() as u64)),
            };
            Some(FileHead { name: name::file_name(&attachment.name), media_type, length })
        });
        (files.len()..)
            .zip(heads)
            .find_map(|(taken, head)| limits.allow(taken, &head).err().map(|error| (head.name, error)))
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
        name: &str,
        media_type: String,
        bytes: Vec<u8>,
    ) -> Result<Attachment, TakeError> {
        let length = Some(bytes.len() as u64);
        let source = stream::once(async move { Ok(Bytes::from(bytes)) }).boxed();
        let file = FileHead { name: name.to_owned(), media_type, length };
        let described = Described { length, ..Described::default() };
        let mut incoming = Incoming::new(described, source, self.files.max_upload());
        self.allow(conversation, &mut incoming).await;
        incoming.next().await?;
        let (user, _) = self.asked_for(conversation).await;
        self.take(conversation, &user, file, &mut incoming).await
    }

    /// Who the user is, and what the open question for a file allows.
    async fn asked_for(&self, conversation: &Conversation) -> (String, Limits) {
        let state = conversation.state().await;
        let open = state.questions().iter().map(|(_, control)| control);
        (state.user.id.clone(), Limits::of(open))
    }

    async fn take(
        &self,
        conversation: &Conversation,
        user: &str,
        file: FileHead,
        incoming: &mut Incoming,
    ) -> Result<Attachment, TakeError> {
        took(conversation, self.files.take(user, file, incoming, self.ledger.now()).await)
    }
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

/// A file of an upload: sent on already, or kept here until the others have been looked at.
enum Taken {
    Sent(Attachment),
    Held(Held),
}

/// Logs what became of a file.
fn took(
    conversation: &Conversation,
    outcome: Result<Attachment, TakeError>,
) -> Result<Attachment, TakeError> {
    let id = &conversation.id;
    match &outcome {
        Ok(_) => info!(conversation.id = %id, "Took a user's file for ServiceNow"),
        Err(TakeError::Refused { status }) => {
            warn!(conversation.id = %id, status, "ServiceNow does not take a user's file");
        }
        Err(error) => warn!(conversation.id = %id, %error, "A user's file was not taken"),
    }
    outcome
}

/// The message as if it named the files that came beside it: they are part of what it answers.
fn with_files(activity: &Activity, files: &[Attachment]) -> Activity {
    let named = files
        .iter()
        .map(|file| json!({"contentType": file.media_type, "contentUrl": file.url, "name": file.name}));
    let attachments = activity.attachments.iter().flatten().cloned().chain(named).collect();
    Activity { attachments: Some(attachments), ..activity.clone() }
}

/// What leads where.
fn sorted(attachments: Vec<Attachment>, direct_line: Option<&url::Url>) -> Vec<(Attachment, Address)> {
    let read = |attachment: Attachment| {
        let address = Address::read(&attachment.url, direct_line);
        (attachment, address)
    };
    attachments.into_iter().map(read).collect()
}

/// Whether a message has more in it than words.
pub(super) fn has_attachments(activity: &Activity) -> bool {
    activity.attachments.as_ref().is_some_and(|attachments| !attachments.is_empty())
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
