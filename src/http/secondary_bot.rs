//! The server's side of ServiceNow's VA Bot Integration API.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    body::BoxBody,
    http::StatusCode,
    web::{Data, Payload},
};
use serde_json::{Value, json};
use tracing::{Instrument as _, warn};

use super::{PRIMARY_LIMIT, Served, body::read_body, error::ApiError, header, only_post, span};
use crate::{
    auth::{self, AuthError},
    ledger::journal::JournalError,
    secondary_bot::{Told, fetched::NoFile},
    telemetry::TRACEPARENT,
    wire::{
        json::{self, Read, number},
        virtual_agent::request::{Action, Request},
    },
};

mod upload;

pub use upload::upload;

const OFF: &str = "The secondary-bot role is off. Set SECONDARY_TOKEN, SECONDARY_HASH_SECRET or SECONDARY_BASIC, then \
                   restart.";
const WRONG: &str = "The credential is missing or wrong. Send the configured token in header `token` (beside a message also in \
                     its body), sign the body in `x-b2b-signature`, or use Basic.";

/// `POST api/sn_va_as_service/bot/integration`
pub async fn integration(
    request: HttpRequest,
    payload: Payload,
    served: Data<Served>,
) -> Result<HttpResponse, Failure> {
    only_post(&request)?;
    let Some(role) = &served.secondary_bot else { return Err(ApiError::NotConfigured(OFF).into()) };
    // A token in the body and a signature can only be checked with the body at hand.
    let body = read_body(payload, request.headers(), PRIMARY_LIMIT).await?;
    let verify = || auth::verify_primary(&role.credentials, request.headers(), body.clone());
    let body = auth::with_latest(role.credentials.inbound(), verify).await.map_err(refused)?.into_inner();
    let Ok(Read { value: Value::Object(fields), lost }) = json::read(&body) else {
        return Err(NO_OBJECT.into());
    };
    if lost > 0 {
        warn!(lost, "Parts of a request of a primary bot's can't be read; the others are used");
    }
    let asked = Request::of(fields.clone());
    if asked.user_id.is_empty() && asked.client_session_id.is_empty() {
        return Err(Failure::of_nobody());
    }
    let is_note = matches!(asked.action, Action::SendHistory | Action::SetUserTimezone(_));
    if let Action::Unknown { name, message: _ } = &asked.action {
        return Err(Failure::of_action(name));
    }
    let caller = header(&request, TRACEPARENT);
    let told = role.bot.take(asked, &fields, caller).instrument(span(&request)).await?;
    Ok(match told {
        Told::Answer(answer) if !is_note => {
            HttpResponse::Ok().content_type("application/json").body(number::written(&answer))
        }
        Told::Answer(_) | Told::Stored => HttpResponse::Ok().json(json!({"status": "success"})),
        Told::Processed => {
            HttpResponse::Ok().content_type("text/plain").body("Message Processed Successfully")
        }
        Told::NotYet => {
            return Err(ApiError::Unavailable(NOT_YET).into());
        }
        Told::NoFile(why) => return Err(Failure::of_file(&why)),
    })
}

const NO_OBJECT: ApiError =
    ApiError::BadRequest("The body is not a JSON object. Send a request of the VA Bot Integration API.");

const NOT_YET: &str = "The agent has not finished. Make the same request again, with the same requestId, to get its \
                       answer.";
fn refused(error: AuthError) -> ApiError {
    match error {
        AuthError::NotConfigured => ApiError::NotConfigured(OFF),
        AuthError::Unauthorized => ApiError::Unauthorized(WRONG),
    }
}

/// An error in the shape of the API page: `status`, and an error with its details.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    #[source]
    error: ApiError,
    /// What the error is about; without it the error says all.
    detail: Option<String>,
}

impl Failure {
    /// An action there is not, or one without what it needs.
    fn of_action(name: &str) -> Self {
        const NO_ACTION: ApiError = ApiError::BadRequest(
            "The action is unknown, or it lacks what it needs. Send one of the API page, SWITCH with a topic or intent, \
             SET_USER_TIMEZONE with a timezone, or none to say something.",
        );
        const LONGEST: usize = 64;
        let shown: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        Self { error: NO_ACTION, detail: Some(format!("action: {shown}")) }
    }
}

impl Failure {
    /// A request that could be anybody's: all such would share one conversation.
    fn of_nobody() -> Self {
        let error = ApiError::BadRequest("Nobody is named. Send the user's id in userId.");
        Self { error, detail: Some("userId: missing".to_owned()) }
    }

    /// An attachment that was not fetched.
    fn of_file(why: &NoFile) -> Self {
        let error = match why {
            NoFile::NotNow => {
                ApiError::Unavailable("The attachment can't be fetched at the moment. Try again.")
            }
            NoFile::NotAllowed
            | NoFile::Refused(_)
            | NoFile::APage
            | NoFile::NoHeader
            | NoFile::Compressed
            | NoFile::Empty
            | NoFile::TooLarge(_) => ApiError::BadRequest(
                "The attachment can't be fetched. Name a public https address, or upload the file first.",
            ),
        };
        Self { error, detail: Some(format!("message.attachment: {why}")) }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { error, detail: None }
    }
}

impl From<JournalError> for Failure {
    fn from(failed: JournalError) -> Self {
        ApiError::from(failed).into()
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let message = self.error.to_string();
        let detail = self.detail.as_ref().unwrap_or(&message);
        let error = json!({"code": self.error.code(), "message": message, "detail": detail});
        let body = json!({"status": "failure", "error": error});
        self.error.error_response().set_body(BoxBody::new(body.to_string()))
    }
}
