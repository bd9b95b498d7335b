//! A file of a primary bot's, before the message that names it.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Payload},
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::error;

use super::{ApiError, Failure, OFF, Served, header, only_post, refused};
use crate::{
    auth::{self, AuthError, Signed},
    domain::Timestamp,
    files::{Label, StoreError, Writing},
    http::{Secondary, body::refuse_compressed},
    secondary_bot::{SecondaryBot, media},
    wire::multipart::{Cut, FormError, Multipart, Pieces, pieces},
};

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
        while let Some(part) = form.next().await.map_err(not_read)? {
            if part.name == "file" {
                return Err(ApiError::BadRequest("A form takes one file. Send each in a form of its own."));
            }
        }
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
