//! Once a person was asked for: the journal answers.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, web::Payload};
use serde_json::json;
use tokio::time::Instant;
use tracing::{Instrument as _, info, warn};

use super::{
    Surface,
    answer::{self, empty, from_far_end, live, refused, start_live},
    bot::refuse_forged,
};
use crate::{
    direct_line::proxy::Sent,
    domain::ConversationId,
    handoff::{Asked, BotWords, Caller, Client, Conversation, Handoff, Page, Standing},
    http::{ACTIVITY_LIMIT, body::read_body, error::ApiError, trace},
    ledger::journal::JournalError,
    translate::{answer::is_click, watermark::is_ours},
    wire::activity::{Activity, posted},
};

const WRONG_TYPE: &str =
    "A field of the activity has the wrong type. Compare it with the Bot Framework Activity schema.";
pub(super) const CANT_ASK: &str =
    "This token is not known here, and Direct Line can't be asked about it now. Try again.";

impl Surface<'_> {
    /// GET activities.
    ///
    /// Who polls with a watermark of Direct Line's has not been shown a hand-off, and Direct Line will show it: so
    /// the store is not asked at every poll while the bot speaks.
    pub(super) async fn poll(&self, id: &ConversationId) -> Result<HttpResponse, ApiError> {
        let given = self.query.as_deref();
        let remembered = self.served.handoff.as_ref().is_some_and(|handoff| handoff.ledger.remembers(id));
        if (remembered || given.is_some_and(is_ours))
            && let Some(answer) = Box::pin(self.poll_escalated(id, given)).await?
        {
            return Ok(answer);
        }
        self.poll_bot(id, given).await
    }

    /// What the journal says; `None` when nobody was ever asked for in the conversation.
    pub(super) async fn poll_escalated(
        &self,
        id: &ConversationId,
        given: Option<&str>,
    ) -> Result<Option<HttpResponse>, ApiError> {
        self.page(id, given).instrument(self.span()).await
    }

    async fn page(&self, id: &ConversationId, given: Option<&str>) -> Result<Option<HttpResponse>, ApiError> {
        let (handoff, conversation) = match self.find(id).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(failed) => {
                warn!(conversation.id = %id, error = %failed, "The store can't be read; the client's poll is answered empty");
                return Ok(Some(empty(given)));
            }
        };
        let caller = self.caller()?;
        match handoff.tokens.standing(&conversation, &caller).await {
            Ok(Standing::Good) => {}
            Ok(Standing::Refused { status, code }) => return Err(refused(status, code)),
            Ok(Standing::Unknown) | Err(_) => return Ok(Some(empty(given))),
        }
        let asked = |hold| Asked { watermark: given, read: None, hold, bot: BotWords::Polled };
        let (held, at_once) = (asked(self.served.long_poll), asked(Duration::ZERO));
        let client = Client { conversation: &conversation, caller: &caller };
        let page = tokio::select! {
            biased;
            () = self.served.ending.begun() => Box::pin(handoff.reading.page(client, &at_once)).await,
            page = handoff.reading.page(client, &held) => page,
        };
        Ok(Some(match page {
            Ok(page) => self.shown(&page, given),
            Err(JournalError::Shorter { .. }) => {
                info!(conversation.id = %id, "The conversation was removed from the store, or put back; the next poll reads what is there now");
                empty(given)
            }
            Err(failed) => {
                warn!(conversation.id = %id, error = %failed, "The store can't be read; the client's poll is answered empty");
                empty(given)
            }
        }))
    }

    /// A page as it is sent; an empty one while others that are not read take the room for it: the same is there at the next poll.
    fn shown(&self, page: &Page, given: Option<&str>) -> HttpResponse {
        match self.served.held.take(answer::bytes(&page).into()) {
            Some(held) => held.send(start_live()),
            None => empty(given),
        }
    }

    /// POST activities. What is read here is what is sent on, whoever the conversation belongs to.
    pub(super) async fn post(&self, id: &ConversationId, payload: Payload) -> Result<HttpResponse, ApiError> {
        let body = read_body(payload, self.request.headers(), ACTIVITY_LIMIT).await?;
        match self.post_read(id, &body).await {
            // What is there now counts.
            Err(ApiError::Removed) => Box::pin(self.post_read(id, &body)).await,
            posted => posted,
        }
    }

    async fn post_read(&self, id: &ConversationId, body: &[u8]) -> Result<HttpResponse, ApiError> {
        let fields = posted::read(body).map_err(|wrong| ApiError::BadRequest(wrong.told()))?;
        let found = self.find(id).await?;
        // A live chat is told the activity, the bot what was read of it.
        let body = if found.is_some() { vec![] } else { serde_json::to_vec(&fields).unwrap_or_default() };
        let activity = Activity::from(fields);
        if activity.kind.is_empty() {
            return Err(ApiError::BadRequest("The activity has no type. Say `\"type\": \"message\"`."));
        }
        refuse_forged(self.served.handoff.as_deref(), &activity)?;
        if let Some((handoff, conversation)) = found {
            return Box::pin(self.post_escalated(handoff, &conversation, activity)).await;
        }
        if let Some(handoff) = &self.served.handoff
            && is_click(&activity)
        {
            let caller = self.caller()?;
            let answered = Box::pin(handoff.asides.answer_click(id, &caller, &activity)).await;
            return answered.map(|id| live(&json!({"id": id}))).map_err(from_far_end);
        }
        let asked = Instant::now();
        let passed = self.pipe.pass(self.onward(Sent::Json(body.into()))).await;
        Box::pin(self.post_overtaken(id, &activity, passed, asked)).await
    }

    async fn post_escalated(
        &self,
        handoff: &Handoff,
        conversation: &Arc<Conversation>,
        activity: Activity,
    ) -> Result<HttpResponse, ApiError> {
        let caller = self.admitted(handoff, conversation).await?;
        if ["text", "attachments"].iter().any(|name| activity.rest.contains_key(*name)) {
            return Err(ApiError::BadRequest(WRONG_TYPE));
        }
        let client = Client { conversation, caller: &caller };
        answer::posted(handoff.posting.post(client, activity, trace(self.request)).await?)
    }

    /// The caller, if it may write in the conversation.
    pub(super) async fn admitted(
        &self,
        handoff: &Handoff,
        conversation: &Arc<Conversation>,
    ) -> Result<Caller, ApiError> {
        let caller = self.caller()?;
        match handoff.tokens.standing(conversation, &caller).await? {
            Standing::Good => Ok(caller),
            Standing::Refused { status, code } => Err(refused(status, code)),
            Standing::Unknown => Err(ApiError::Unavailable(CANT_ASK)),
        }
    }
}
