//! The server's side of ServiceNow's VA Bot Integration API.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::StatusCode,
    web::{Bytes, Data, Payload},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{Instrument as _, error};

use super::{
    PRIMARY_LIMIT, Secondary, Served,
    body::{read_body, refuse_compressed},
    error::ApiError,
    header, only_post, span,
};
use crate::{
    auth::{self, AuthError, Signed},
    domain::Timestamp,
    files::{Label, StoreError, Writing},
    ledger::journal::JournalError,
    secondary_bot::{SecondaryBot, Told, fetched::NoFile, media},
    telemetry::TRACEPARENT,
    wire::{
        multipart::{Cut, FormError, Multipart, Pieces, pieces},
        virtual_agent::request::{Action, Request},
    },
};

const OFF: &str = "The secondary-bot role is off. Set SECONDARY_TOKEN, SECONDARY_HASH_SECRET or SECONDARY_BASIC, then \
                   restart.";
const WRONG: &str = "The credential is missing or wrong. Send the configured token in header or body `token`, sign the \
                     body in `x-b2b-signature`, or use Basic.";

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
    let wrong = |_| {
        ApiError::BadRequest("The body is not a JSON object. Send a request of the VA Bot Integration API.")
    };
    let asked = Request::parse(&body).map_err(wrong)?;
    let is_note = matches!(asked.action, Action::SendHistory | Action::SetUserTimezone(_));
    if let Action::Unknown { name, message: _ } = &asked.action {
        return Err(Failure::of_action(name));
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(&body) else {
        return Ok(HttpResponse::Ok().finish());
    };
    let caller = header(&request, TRACEPARENT);
    let told = role.bot.take(asked, &fields, caller).instrument(span(&request)).await?;
    Ok(match told {
        Told::Answer(answer) if !is_note => HttpResponse::Ok().json(&*answer),
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

/// `POST api/now/v1/cccif/media/upload`: a form of `user_id`, perhaps `provider_application_id`, and then `file`.
pub async fn upload(
    request: HttpRequest,
    payload: Payload,
    served: Data<Served>,
) -> Result<HttpResponse, Failure> {
    only_post(&request)?;
    let Some(role) = &served.secondary_bot else { return Err(ApiError::NotConfigured(OFF).into()) };
    let verify = || auth::verify_primary_headers(&role.credentials, request.headers(), ());
    let proven = auth::with_latest(role.credentials.inbound(), verify).await;
    let mut unproven = proven.err().map(|error| Unproven::new(role, &request, error)).transpose()?;
    let declared =
        request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > served.max_upload.saturating_add(FORM)) {
        return Err(ApiError::PayloadTooLarge { limit: served.max_upload }.into());
    }
    refuse_compressed(request.headers())?;
    let content_type = header(&request, "content-type").unwrap_or_default();
    let mut body = pieces(payload);
    if let Some(unproven) = &mut unproven {
        body = unproven.watch(body);
    }
    let form = Multipart::new(content_type, body).ok_or(ApiError::BadRequest(NO_FORM))?;
    let (file, label) = receive(form, &role.bot, served.max_upload).await?;
    if let Some(unproven) = unproven {
        unproven.prove().await?;
    }
    let id = file.finish().await.map_err(broken)?;
    let root = match &served.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => {
            let seen = request.connection_info();
            format!("{}://{}", seen.scheme(), seen.host())
        }
    };
    let url = format!("{root}{}{id}", media::PATH);
    let result = json!({"mediaUrl": url, "name": label.name, "state": "available", "attachmentId": id});
    Ok(HttpResponse::Created().json(json!({"result": result})))
}

const NOT_YET: &str = "The agent has not finished. Make the same request again, with the same requestId, to get its \
                       answer.";
/// Bytes of a form around its file.
const FORM: u64 = 16 * 1_024;
const NO_FORM: &str = "The body is not a whole multipart/form-data form. Send user_id and then file.";

/// Uploads of callers who have yet to prove themselves, at the same time in the whole process.
static UNPROVEN: Semaphore = Semaphore::const_new(4);

/// An upload whose caller is known only by its signature, that is, at its end: until then it is a file that nobody can name.
struct Unproven {
    passing: Arc<Mutex<Passing>>,
    _one_of_few: SemaphorePermit<'static>,
}

/// The body as it goes by.
struct Passing {
    body: Pieces,
    signed: Signed,
}

impl Passing {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let piece = ready!(self.body.poll_next_unpin(context));
        if let Some(Ok(bytes)) = &piece {
            self.signed.add(bytes);
        }
        Poll::Ready(piece)
    }
}

impl Unproven {
    /// `error`: why its headers alone don't prove anything.
    fn new(role: &Secondary, request: &HttpRequest, error: AuthError) -> Result<Self, ApiError> {
        let signed = Signed::begin(&role.credentials, request.headers()).ok_or_else(|| refused(error))?;
        let busy = |_| ApiError::Unavailable("Too many signed uploads are under way. Try again.");
        let one_of_few = UNPROVEN.try_acquire().map_err(busy)?;
        let passing = Arc::new(Mutex::new(Passing { body: stream::empty().boxed(), signed }));
        Ok(Self { passing, _one_of_few: one_of_few })
    }

    fn watch(&mut self, body: Pieces) -> Pieces {
        lock(&self.passing).body = body;
        let passing = self.passing.clone();
        stream::poll_fn(move |context| lock(&passing).poll(context)).boxed()
    }

    /// Once the form is read: what follows it is signed as well.
    async fn prove(self) -> Result<(), ApiError> {
        let mut left = FORM;
        while let Some(piece) = poll_fn(|context| lock(&self.passing).poll(context)).await {
            let length = piece.map_err(|cut| not_read(cut.into()))?.len() as u64;
            left = left.checked_sub(length).ok_or(ApiError::BadRequest(NO_FORM))?;
        }
        let passing = Arc::into_inner(self.passing).expect("the form is read, and gone");
        let Passing { body: _, signed } = passing.into_inner().unwrap_or_else(PoisonError::into_inner);
        signed.verify().map_err(refused)
    }
}

fn lock(passing: &Mutex<Passing>) -> MutexGuard<'_, Passing> {
    passing.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(mut form: Multipart, bot: &SecondaryBot, limit: u64) -> Result<(Writing, Label), ApiError> {
    let mut named = Vec::new();
    while let Some(part) = form.next().await.map_err(not_read)? {
        if part.name != "file" {
            named.push(part.name);
            continue;
        }
        if !named.iter().any(|had| had == "user_id") {
            return Err(ApiError::BadRequest(NO_FORM));
        }
        let name = part.file_name.unwrap_or_default();
        let label = Label::new(&name, &part.content_type.unwrap_or_default());
        let mut file = bot.media.begin(&label, Timestamp::now()).await.map_err(broken)?;
        write(&mut form, &mut file, limit).await?;
        return Ok((file, label));
    }
    Err(ApiError::BadRequest(NO_FORM))
}

async fn write(form: &mut Multipart, file: &mut Writing, limit: u64) -> Result<(), ApiError> {
    let mut written = 0_u64;
    while let Some(chunk) = form.chunk().await.map_err(not_read)? {
        written += chunk.len() as u64;
        if written > limit {
            return Err(ApiError::PayloadTooLarge { limit });
        }
        file.write(chunk).await.map_err(broken)?;
    }
    if written == 0 {
        return Err(ApiError::BadRequest("The file is empty."));
    }
    Ok(())
}

fn not_read(error: FormError) -> ApiError {
    match error {
        FormError::Cut(Cut::Slow) => ApiError::TooSlow,
        FormError::Cut(Cut::Broken) | FormError::Malformed => ApiError::BadRequest(NO_FORM),
    }
}

fn broken(error: StoreError) -> ApiError {
    error!(%error, "An upload could not be kept");
    ApiError::Unavailable("The file can't be kept at the moment. Try again.")
}

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
    /// An attachment that was not fetched.
    fn of_file(why: &NoFile) -> Self {
        let error = match why {
            NoFile::NotNow => {
                ApiError::Unavailable("The attachment can't be fetched at the moment. Try again.")
            }
            NoFile::NotAllowed | NoFile::Refused(_) | NoFile::TooLarge(_) => ApiError::BadRequest(
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
        HttpResponse::build(self.status_code()).json(json!({"status": "failure", "error": error}))
    }
}
