//! POST upload: files to the bot, or to a live chat.

use std::sync::Arc;

use actix_web::{
    HttpResponse, ResponseError as _,
    http::ConnectionType,
    web::{Bytes, Payload},
};
use futures_util::StreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::error;

use super::{Surface, posted, turned_down};
use crate::{
    direct_line::proxy::Sent,
    domain::ConversationId,
    files::{Described, Incoming, Source, TakeError},
    handoff::{Conversation, Handoff, Posted, UploadTo},
    http::{error::ApiError, trace},
};

impl Surface<'_> {
    /// Goes through as it comes while the bot speaks; else to where the conversation stands.
    pub(super) async fn upload(
        &self,
        id: &ConversationId,
        payload: Payload,
    ) -> Result<HttpResponse, ApiError> {
        let length = self.text("content-length").and_then(|length| length.parse().ok());
        let Some((handoff, conversation)) = self.find(id).await? else {
            return self.through(self.stream(payload, length)?).await;
        };
        let caller = self.admitted(handoff, &conversation).await?;
        match handoff.upload_to(&conversation, &caller).await? {
            UploadTo::Nowhere(refusal) => Err(turned_down(refusal)),
            UploadTo::Bot { conversation, authorization } => {
                let path =
                    format!("conversations/{}/upload", utf8_percent_encode(&conversation, NON_ALPHANUMERIC));
                let sent = self.stream(payload, length)?;
                let query = self.request.query_string();
                self.answer(self.pipe.pass_as(self.request, &path, query, sent, Some(&authorization)).await)
                    .await
            }
            UploadTo::LiveChat => self.upload_live(handoff, &conversation, payload, length).await,
        }
    }

    async fn upload_live(
        &self,
        handoff: &Arc<Handoff>,
        conversation: &Arc<Conversation>,
        payload: Payload,
        length: Option<u64>,
    ) -> Result<HttpResponse, ApiError> {
        let (content_type, disposition) = (self.text("content-type"), self.text("content-disposition"));
        let described =
            Described { content_type: content_type.as_deref(), disposition: disposition.as_deref(), length };
        let mut incoming = Incoming::new(described, source(payload), self.served.max_upload);
        let sender = self.query("userId");
        let outcome = handoff.upload(conversation, &mut incoming, sender, trace(self.request)).await?;
        let whole = matches!(outcome, Posted::Accepted(_)) || incoming.drain().await;
        let mut answer = posted(outcome).unwrap_or_else(|refused| refused.error_response());
        if !whole {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        Ok(answer)
    }

    fn stream(&self, payload: Payload, length: Option<u64>) -> Result<Sent, ApiError> {
        let limit = self.served.max_upload;
        if length.is_some_and(|length| length > limit) {
            return Err(ApiError::PayloadTooLarge { limit });
        }
        Ok(Sent::Stream(payload, length))
    }

    /// A header as text; names of files may stand there as UTF-8.
    fn text(&self, name: &str) -> Option<String> {
        Some(String::from_utf8_lossy(self.request.headers().get(name)?.as_bytes()).into_owned())
    }
}

fn source(payload: Payload) -> Source {
    payload.map(|piece: Result<Bytes, _>| piece.map_err(|_| ())).boxed_local()
}

/// What a client is told when its file was not taken: 503 when the same may work later.
pub(super) fn not_taken(why: TakeError) -> ApiError {
    match why {
        TakeError::Broken(what) => ApiError::BadRequest(what),
        TakeError::TooLarge { limit } => ApiError::PayloadTooLarge { limit },
        TakeError::TooMany { .. } => {
            ApiError::BadRequest("These are more files than were asked for. Send fewer.")
        }
        TakeError::NoPicture => ApiError::BadRequest("Only pictures were asked for. Send a picture."),
        TakeError::Refused { .. } => {
            ApiError::BadRequest("ServiceNow does not take this file. Send another kind, or a smaller one.")
        }
        TakeError::FarEnd(_) => {
            ApiError::Unavailable("ServiceNow can't take the file at the moment. Try again.")
        }
        TakeError::Store(failed) => {
            error!(error = %failed, "A user's file could not be stored");
            ApiError::Unavailable("The file can't be stored at the moment. Try again.")
        }
        TakeError::NotConfigured(what) => ApiError::NotConfigured(what),
    }
}
