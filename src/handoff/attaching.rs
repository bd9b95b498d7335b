//! Files that go with the user's words in a live chat.

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use tracing::{info, warn};

use super::{
    Conversation, Posted, Refusal,
    calls::Calls,
    named::{is_named, mend_echo, sorted, with_files},
    words::{live_words, notice, told},
};
use crate::{
    direct_line::DirectLine,
    domain::{ActivityId, Attachment},
    files::{Address, Allowance, Described, FileHead, Files, Held, Incoming, Limits, TakeError, name},
    ledger::{commit_and_deliver, journal::JournalError},
    session::{Command, LANE, Notice, ToAgent, UserSaid},
    translate::{
        answer::{self, answer_to, files as attachments},
        takeover,
        texts::Texts,
    },
    wire::activity::Activity,
};

/// Takes files for ServiceNow, and says the words that name them.
pub struct Attaching {
    pub calls: Arc<Calls>,
    pub files: Arc<Files>,
    /// Who knows which addresses are Direct Line's own.
    pub direct_line: DirectLine,
    pub texts: Texts,
}

/// A file of an upload: sent on already, or kept here until the others have been looked at.
pub enum Taken {
    Sent(Attachment),
    Held(Held),
}

impl Attaching {
    /// A message with attachments that the client posted as an activity, or none that any are left of.
    pub async fn say(
        &self,
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
        &self,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        files: &mut Vec<Attachment>,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        let answer = {
            let state = conversation.state().await;
            answer_to(&with_files(activity, files), &state.conversation, &state.questions)
        };
        if let Some(amiss) = answer.amiss {
            let said = Box::new(live_words(activity, answer, self.calls.ledger.now()));
            return self.tell(conversation, Command::NotTaken { said, why: notice(amiss) }).await;
        }
        if answer.secure && !answer.text.trim().is_empty() {
            // Files are kept, a masked answer never is.
            return self.refuse(conversation, String::new(), TakeError::WithMasked).await.map(Some);
        }
        let said = live_words(activity, answer, self.calls.ledger.now());
        match self.attach(conversation, activity, said, files).await {
            Ok(said) => {
                self.tell(conversation, Command::UserSaid(Box::new(UserSaid { trace, ..said }))).await
            }
            Err((name, error)) => self.refuse(conversation, name, error).await.map(Some),
        }
    }

    async fn tell(
        &self,
        conversation: &Arc<Conversation>,
        command: Command,
    ) -> Result<Option<Posted>, JournalError> {
        let committed = commit_and_deliver(&self.calls, conversation, LANE, command).await?;
        Ok(told(&self.calls, conversation, committed).await)
    }

    /// The words with all files that they name, and those that came beside them; or which of them is at fault.
    async fn attach(
        &self,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        mut said: UserSaid,
        files: &mut Vec<Attachment>,
    ) -> Result<UserSaid, (String, TakeError)> {
        let words = self.texts.of_user(&conversation.state().await.user);
        let direct_line = self.direct_line.root().await.ok();
        let attached = sorted(attachments(activity), direct_line.as_ref());
        self.look_at_all(conversation, files, &attached).await?;
        let mut message = said.message.take().unwrap_or(ToAgent { typed: true, ..ToAgent::default() });
        let mut named = vec![];
        for (attachment, address) in attached {
            match address {
                Address::Fetchable => named.push(attachment),
                Address::Useless => add_line(&mut message.text, &words.file_left_out(&attachment.name)),
                Address::Data { media_type, bytes } => {
                    let name = name::file_name(&attachment.name);
                    let taken = self.take_bytes(conversation, &name, media_type, bytes).await;
                    files.push(taken.map_err(|error| (name, error))?);
                }
            }
        }
        for inline in answer::inline(activity) {
            // Those that an upload only names come beside it.
            if !files.iter().any(|file| is_named(inline, file)) {
                add_line(&mut message.text, &words.file_left_out(answer::called(inline)));
            }
        }
        message.attachments = named.into_iter().chain(files.iter().cloned()).collect();
        message.typed |= message.text.is_empty();
        let nothing = message.text.trim().is_empty() && message.attachments.is_empty();
        mend_echo(&mut said.echo, direct_line.as_ref());
        Ok(UserSaid { message: (!nothing).then_some(message), files: files.clone(), ..said })
    }

    /// Looks at a message's files as a whole, before any of those it names is sent on. `files`: taken already.
    async fn look_at_all(
        &self,
        conversation: &Arc<Conversation>,
        files: &[Attachment],
        attached: &[(Attachment, Address)],
    ) -> Result<(), (String, TakeError)> {
        let limits = self.asked_for(conversation).await;
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
            .try_for_each(|(taken, head)| limits.allow(taken, &head).map_err(|error| (head.name, error)))
    }

    /// Deletes files that no message will name. Those that ServiceNow has can't be deleted; they count as the conversation's.
    pub async fn let_go(
        &self,
        conversation: &Arc<Conversation>,
        taken: Vec<Taken>,
    ) -> Result<(), JournalError> {
        let mut stay = 0;
        for one in taken {
            match one {
                Taken::Held(held) => self.files.let_go(held).await,
                Taken::Sent(file) => {
                    stay += if self.files.take_back(&file, self.calls.ledger.now()).await {
                        0
                    } else {
                        file.bytes
                    };
                }
            }
        }
        if stay > 0 {
            self.calls.ledger.commit(conversation, Command::FilesUnsaid { bytes: stay }).await?;
        }
        Ok(())
    }

    /// No more than the conversation has room for may come.
    pub async fn allow(&self, conversation: &Conversation, incoming: &mut Incoming) {
        let room = conversation.state().await.kept.room_for_files();
        incoming.allow(Allowance::new(&conversation.local.coming, room));
    }

    /// Tells the client, and the chat, why a file was not taken.
    pub async fn refuse(
        &self,
        conversation: &Arc<Conversation>,
        name: String,
        error: TakeError,
    ) -> Result<Posted, JournalError> {
        if let Some(why) = error.told() {
            self.calls.ledger.commit(conversation, Command::Tell(Notice::FileRefused { name, why })).await?;
        }
        Ok(Posted::Refused(Refusal::File(error)))
    }

    /// The id the client was given, when it has posted this before.
    pub async fn posted(&self, conversation: &Conversation, activity: &Activity) -> Option<ActivityId> {
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
        self.take(conversation, file, &mut incoming).await
    }

    /// What the open question for a file allows.
    pub async fn asked_for(&self, conversation: &Conversation) -> Limits {
        Limits::of(conversation.state().await.questions.open().iter().map(|(_, control)| control))
    }

    pub async fn take(
        &self,
        conversation: &Conversation,
        file: FileHead,
        incoming: &mut Incoming,
    ) -> Result<Attachment, TakeError> {
        let user = conversation.state().await.user.id.clone();
        took(conversation, self.files.take(&user, file, incoming, self.calls.ledger.now()).await)
    }

    pub async fn send_held(&self, conversation: &Conversation, held: Held) -> Result<Attachment, TakeError> {
        let user = conversation.state().await.user.id.clone();
        took(conversation, self.files.send_held(&user, held, self.calls.ledger.now()).await)
    }
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

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}
