//! Files that go with the user's words in a live chat.

use std::{collections::VecDeque, sync::Arc};

use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tracing::{info, warn};

use super::{
    Conversation, Posted, Refusal,
    calls::Calls,
    named::{Attached, head, is_named, sorted, with_files},
    words::{say, told},
};
use crate::{
    direct_line::DirectLine,
    domain::Attachment,
    files::{Address, Allowance, Described, FileHead, Files, Held, Incoming, Limits, TakeError},
    ledger::journal::JournalError,
    session::{Command, Notice},
    translate::{
        answer::{self, files as attachments},
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

/// Files of an upload: kept here until all have been looked at, or sent on already.
#[derive(Default)]
pub struct Taken {
    pub held: VecDeque<Held>,
    pub sent: Vec<Attachment>,
}

impl Attaching {
    /// A message that names files, or beside which they came: those in `files` are taken already.
    pub async fn say(
        &self,
        conversation: &Arc<Conversation>,
        activity: &Arc<Activity>,
        files: Vec<Attachment>,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        let mut taken = Taken { sent: files, ..Taken::default() };
        // When the store fails, nobody knows whether a message names them: then they stay until their time.
        let posted = match self.attach(conversation, activity, &mut taken.sent).await {
            Ok(attached) => match say(self, conversation, activity, Some(attached), trace, None).await {
                Err(removed @ JournalError::Shorter { .. }) => {
                    self.let_go(conversation, taken).await?;
                    return Err(removed);
                }
                said => told(&self.calls, conversation, said?).await,
            },
            Err((name, error)) => Some(self.refuse(conversation, name, error).await?),
        };
        if !matches!(posted, Some(Posted::Accepted(_))) {
            self.let_go(conversation, taken).await?;
        }
        Ok(posted)
    }

    /// What goes with the words, or which of it is at fault. All are looked at before any is sent on. `files`: taken already; those
    /// that the message itself holds come to them.
    async fn attach(
        &self,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        files: &mut Vec<Attachment>,
    ) -> Result<Attached, (String, TakeError)> {
        let direct_line = self.direct_line.root().await.ok();
        let whole = with_files(activity, files);
        let found = sorted(attachments(activity), direct_line.as_ref());
        let mut holds_some = found.iter().any(|(_, address)| matches!(address, Address::Data { .. }));
        // None of it may be sent on before the message is decided on.
        if holds_some
            && conversation.state().await.questions.open().iter().any(|(_, asked)| asked.is_secure())
        {
            return Err((String::new(), TakeError::WithMasked));
        }
        let limits = self.asked_for(conversation).await;
        let heads = found.iter().filter_map(|(attachment, address)| head(attachment, address));
        for (taken, head) in (files.len()..).zip(heads) {
            limits.allow(taken, &head).map_err(|error| (head.name, error))?;
        }
        let (mut told, mut left_out, beside) = (vec![], vec![], files.len());
        for (attachment, address) in found {
            match (head(&attachment, &address), address) {
                (Some(file), Address::Data { bytes, .. }) => {
                    let name = file.name.clone();
                    let taken = self.take_bytes(conversation, file, bytes).await;
                    files.push(taken.map_err(|error| (name, error))?);
                    told.extend(files.last().cloned());
                }
                (Some(_), _) => told.push(attachment),
                (None, _) => left_out.push(attachment.name),
            }
        }
        // Those that an upload only names come beside it.
        let missing = |inline: &&Value| !files.iter().any(|file| is_named(inline, file));
        let missing = answer::inline(activity).filter(missing);
        left_out.extend(missing.map(|inline| answer::called(inline).to_owned()));
        told.extend(files.iter().take(beside).cloned());
        holds_some |= !left_out.is_empty();
        Ok(Attached { activity: whole, files: files.clone(), told, left_out, holds_some, direct_line })
    }

    /// Deletes files that no message will name. Those that ServiceNow has can't be deleted; they count as the conversation's.
    pub async fn let_go(&self, conversation: &Arc<Conversation>, taken: Taken) -> Result<(), JournalError> {
        for held in taken.held {
            self.files.let_go(held).await;
        }
        let mut bytes = 0;
        for file in taken.sent {
            let is_back = self.files.take_back(&file, self.calls.ledger.now()).await;
            bytes += if is_back { 0 } else { file.bytes };
        }
        if bytes > 0 {
            self.calls.ledger.commit(conversation, Command::FilesUnsaid { bytes }).await?;
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

    async fn take_bytes(
        &self,
        conversation: &Arc<Conversation>,
        file: FileHead,
        bytes: Vec<u8>,
    ) -> Result<Attachment, TakeError> {
        let source = stream::once(async move { Ok(Bytes::from(bytes)) }).boxed();
        let described = Described { length: file.length, ..Described::default() };
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
