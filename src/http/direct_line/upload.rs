//! POST upload: files to the bot, or to a live chat.

use std::sync::Arc;

use actix_web::{HttpResponse, ResponseError as _, http::ConnectionType, web::Payload};
use tracing::{Instrument as _, error};

use super::{
    Surface,
    answer::{full, not_posted, whole},
    bot::refuse_forged,
    form, posted, turned_down,
};
use crate::{
    direct_line::proxy::Sent,
    domain::ConversationId,
    files::{Described, FileHead, Incoming, TakeError},
    handoff::{Client, Conversation, Handoff, Refusal, Source, UploadTo},
    http::{
        body::{length, refuse_compressed},
        direct_line::operation::Operation,
        error::ApiError,
        trace,
    },
    ledger::journal::JournalError,
    translate::answer::is_click,
    wire::multipart::pieces,
};

const CLOSED: &str = "This answers a question of a live chat that is over. Send the file without it.";

impl Surface<'_> {
    /// Goes through as it comes while the bot speaks; else to where the conversation stands.
    pub(super) async fn upload(
        &self,
        id: &ConversationId,
        payload: Payload,
    ) -> Result<HttpResponse, ApiError> {
        refuse_compressed(self.request.headers())?;
        let (content_type, disposition) = (self.text("content-type"), self.text("content-disposition"));
        let described = Described {
            content_type: content_type.as_deref(),
            disposition: disposition.as_deref(),
            length: length(self.request.headers()),
        };
        let incoming = |payload| Incoming::new(described, pieces(payload), self.served.max_upload);
        let mut found = self.find(id).await?;
        if let Some((handoff, conversation)) = &found
            && let Err(JournalError::Shorter { .. }) = handoff.ledger.refresh(conversation).await
        {
            // Its body is read once: what is there now counts.
            found = self.find(id).await?;
        }
        let Some((handoff, conversation)) = found else {
            return self.upload_to_bot(id, incoming(payload), described, None).await;
        };
        let caller = self.admitted(handoff, &conversation).await?;
        let client = Client { conversation: &conversation, caller: &caller };
        match handoff.posting.destination(client).await? {
            UploadTo::Nowhere(refusal) => Err(turned_down(refusal)),
            UploadTo::Bot(Source { conversation, authorization, .. }) => {
                let behind = Some((&*conversation, &*authorization));
                self.upload_to_bot(id, incoming(payload), described, behind).await
            }
            UploadTo::LiveChat => self.upload_live(handoff, &conversation, incoming(payload)).await,
        }
    }

    /// `behind`: the conversation behind the client's, and how to speak there.
    async fn upload_to_bot(
        &self,
        id: &ConversationId,
        mut incoming: Incoming,
        described: Described<'_>,
        behind: Option<(&str, &str)>,
    ) -> Result<HttpResponse, ApiError> {
        if let Some(wrong) = incoming.fault() {
            let whole = incoming.drain().await;
            return Ok(refused(not_taken(wrong), whole));
        }
        let boundary = incoming.file().is_none().then(form::boundary);
        let (content_type, disposition, length) = match (&boundary, incoming.file()) {
            (Some(boundary), _) => (format!("multipart/form-data; boundary={boundary}"), None, None),
            (None, file) => {
                let FileHead { name, media_type, length } = file.cloned().unwrap_or_default();
                let named = described.disposition.map(|_| form::quoted(&name));
                (media_type, named.map(|name| format!("name=\"file\"; filename=\"{name}\"")), length)
            }
        };
        let handoff = self.served.handoff.clone();
        let check: form::Check = Box::new(move |activity| match is_click(activity) && handoff.is_some() {
            true => Err(ApiError::BadRequest(CLOSED)),
            false => refuse_forged(handoff.as_deref(), activity),
        });
        let (body, fault) = form::body(incoming, boundary, check, self.cleared(id));
        let mut onward = self.onward(Sent::Stream { body, content_type, disposition, length });
        let path = behind.and_then(|(id, _)| Some(Operation::Upload(ConversationId::parse(id)?).path()));
        if let Some(path) = &path {
            onward.path = path;
        }
        onward.authorization = behind.map(|(_, authorization)| authorization);
        let passed = self.pipe.pass(onward).await;
        match fault.take() {
            Some(wrong) => Ok(refused(wrong, false)),
            None => whole(passed).await.map(|(answer, _)| answer).map_err(not_posted),
        }
    }

    /// Refuses an upload that the bot was cut off from while it came: its body is read once.
    fn cleared(&self, id: &ConversationId) -> form::Cleared {
        let (handoff, id) = (self.served.handoff.clone(), id.clone());
        Box::pin(async move {
            match handoff {
                Some(handoff) if !handoff.posting.is_the_bots(&id).await? => {
                    Err(turned_down(Refusal::MovedOn))
                }
                _ => Ok(()),
            }
        })
    }

    /// In a task of its own: what a client has sent that goes away is taken back, or counted.
    async fn upload_live(
        &self,
        handoff: &Arc<Handoff>,
        conversation: &Arc<Conversation>,
        mut incoming: Incoming,
    ) -> Result<HttpResponse, ApiError> {
        let (handoff, conversation) = (handoff.clone(), conversation.clone());
        let (sender, trace) = (self.query.clone(), trace(self.request));
        let taking = async move {
            let outcome = handoff.attaching.upload(&conversation, &mut incoming, sender, trace).await?;
            match posted(outcome) {
                Ok(answer) => Ok(answer),
                Err(wrong) => {
                    let whole = incoming.drain().await;
                    Ok(refused(wrong, whole))
                }
            }
        };
        let taken = actix_web::rt::spawn(taking.in_current_span()).await;
        taken.unwrap_or(Err(ApiError::Unavailable("The file can't be taken at the moment. Try again.")))
    }

    /// A header as text; names of files may stand there as UTF-8.
    fn text(&self, name: &str) -> Option<String> {
        Some(String::from_utf8_lossy(self.request.headers().get(name)?.as_bytes()).into_owned())
    }
}

/// A refusal; where more of the body may come, the connection is of no further use.
fn refused(why: ApiError, whole: bool) -> HttpResponse {
    let mut answer = why.error_response();
    if !whole {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    answer
}

/// What a client is told when its file was not taken: 503 when the same may work later.
pub(super) fn not_taken(why: TakeError) -> ApiError {
    match why {
        TakeError::Broken(what) => ApiError::BadRequest(what),
        TakeError::Slow => ApiError::TooSlow,
        TakeError::Full(quota) => full(quota),
        TakeError::TooLarge { limit } => ApiError::PayloadTooLarge { limit },
        TakeError::TooMany { .. } => {
            ApiError::BadRequest("These are too many files. Send fewer; the chat says how many may come.")
        }
        TakeError::NoPicture => ApiError::BadRequest("Only pictures were asked for. Send a picture."),
        TakeError::WithMasked => {
            ApiError::BadRequest("A masked answer can't go with a file. Send it by itself.")
        }
        TakeError::Refused { .. } => {
            ApiError::BadRequest("ServiceNow does not take this file. Send another kind, or a smaller one.")
        }
        TakeError::FarEnd(_) => {
            ApiError::Unavailable("ServiceNow can't take the file at the moment. Try again.")
        }
        TakeError::Store(failed) if failed.is_for_want_of_room() => ApiError::Unavailable(
            "There is no room for files at the moment. Try again later, or say it in words.",
        ),
        TakeError::Store(failed) => {
            error!(error = %failed, "A user's file could not be stored");
            ApiError::Unavailable("The file can't be stored at the moment. Try again.")
        }
        TakeError::NotConfigured(what) => ApiError::NotConfigured(what),
    }
}
