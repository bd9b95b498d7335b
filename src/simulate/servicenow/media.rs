//! Files: the upload endpoint, and what is served with a login.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes},
};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{ids, instance::Instance, login, pictures, samples};
use crate::wire::multipart::{FormError, Multipart, Part, pieces};

/// What is served again after an upload; of more, only size and hash are kept.
const KEEP_BYTES: usize = 8 * 1024 * 1024;
const KEEP_FILES: usize = 200;
const MAX_UPLOAD: u64 = 1 << 30;
const CHUNK: u64 = 64 * 1024;

/// A file that was uploaded.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    pub id: String,
    pub name: String,
    pub media_type: String,
    pub user_id: String,
    pub provider_application_id: Option<String>,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

pub(super) struct MediaStore(Mutex<VecDeque<(Upload, Content)>>);

impl Default for MediaStore {
    fn default() -> Self {
        let bytes = Bytes::from_static(b"How to set up the VPN: turn it on.\n");
        let upload = Upload::own(samples::FILE_ID.to_owned(), "manual.txt", "text/plain", &bytes);
        Self(Mutex::new(VecDeque::from([(upload, Content::Kept(bytes))])))
    }
}

#[derive(Clone)]
enum Content {
    Kept(Bytes),
    /// So many bytes that count up from zero and begin again.
    Made(u64),
    TooBig,
}

impl MediaStore {
    fn put(&self, upload: Upload, content: Content) {
        let mut files = self.files();
        if files.len() >= KEEP_FILES {
            files.pop_front();
        }
        files.push_back((upload, content));
    }

    pub(super) fn find_upload(&self, id: &str) -> Option<Upload> {
        self.find(id).map(|(upload, _)| upload)
    }

    fn find(&self, id: &str) -> Option<(Upload, Content)> {
        self.files().iter().find(|(upload, _)| upload.id == id).cloned()
    }

    /// Those that came over the upload endpoint.
    pub(super) fn uploads(&self) -> Vec<Upload> {
        self.files()
            .iter()
            .map(|(upload, _)| upload)
            .filter(|upload| !upload.user_id.is_empty())
            .cloned()
            .collect()
    }

    /// Puts a file of the instance's own there; gives back its id.
    pub(super) fn add(&self, name: &str, media_type: &str, bytes: Vec<u8>) -> String {
        let upload = Upload::own(ids::sys_id(), name, media_type, &bytes);
        let id = upload.id.clone();
        self.put(upload, Content::Kept(bytes.into()));
        id
    }

    /// A file of any size that takes no room.
    pub(super) fn add_made(&self, name: &str, media_type: &str, bytes: u64) -> String {
        let upload =
            Upload { bytes, sha256: String::new(), ..Upload::own(ids::sys_id(), name, media_type, &[]) };
        let id = upload.id.clone();
        self.put(upload, Content::Made(bytes));
        id
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<(Upload, Content)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// A file nobody uploaded.
    fn own(id: String, name: &str, media_type: &str, bytes: &[u8]) -> Self {
        Self {
            id,
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            user_id: String::new(),
            provider_application_id: None,
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(bytes)),
        }
    }
}

/// `POST /api/now/v1/cccif/media/upload`. Only the platform's login counts, not message authentication.
pub(super) async fn upload(
    instance: &Instance,
    request: &HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    if !instance.is_logged_in(request.headers()) {
        return login::unauthorized();
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(form) = Multipart::new(content_type.unwrap_or_default(), pieces(payload)) else {
        return refused("the body is not multipart/form-data");
    };
    let (upload, content) = match read_form(form).await {
        Ok(Some(file)) => file,
        Ok(None) => return refused("user_id, provider_application_id and file must come in this order"),
        Err(_) => return refused("the multipart body is malformed"),
    };
    if upload.bytes > MAX_UPLOAD {
        return HttpResponse::PayloadTooLarge().finish();
    }
    let state = if instance.options.media_pending { "pending" } else { "available" };
    let answer = json!({"result": {
        "mediaUrl": format!("{}/api/now/v1/cs/media/{}", instance.url, upload.id),
        "name": upload.name, "state": state, "attachmentId": upload.id,
    }});
    instance.media.put(upload, content);
    HttpResponse::Created().json(answer)
}

fn refused(detail: &str) -> HttpResponse {
    HttpResponse::BadRequest()
        .json(json!({"error": {"message": "Invalid upload", "detail": detail}, "status": "failure"}))
}

/// `None`: the parts are not the ones, or not in the order, they must be.
async fn read_form(mut form: Multipart) -> Result<Option<(Upload, Content)>, FormError> {
    let (mut user_id, mut application) = (None, None);
    while let Some(part) = form.next().await? {
        match (part.name.as_str(), &user_id) {
            ("user_id", None) => user_id = Some(read_text(&mut form).await?),
            ("provider_application_id", Some(_)) => application = Some(read_text(&mut form).await?),
            ("file", Some(user)) => {
                let user = user.clone();
                return read_file(&mut form, part, user, application).await.map(Some);
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

async fn read_text(form: &mut Multipart) -> Result<String, FormError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = form.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > 4096 {
            return Err(FormError::Malformed);
        }
    }
    String::from_utf8(bytes).map_err(|_| FormError::Malformed)
}

async fn read_file(
    form: &mut Multipart,
    part: Part,
    user_id: String,
    provider_application_id: Option<String>,
) -> Result<(Upload, Content), FormError> {
    let (mut kept, mut hash, mut bytes) = (Some(Vec::new()), Sha256::new(), 0);
    while let Some(chunk) = form.chunk().await? {
        hash.update(&chunk);
        bytes += chunk.len() as u64;
        kept = kept.filter(|kept| kept.len() + chunk.len() <= KEEP_BYTES);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&chunk);
        }
    }
    while form.next().await?.is_some() {}
    let upload = Upload {
        id: ids::sys_id(),
        name: part.file_name.unwrap_or_else(|| "file".to_owned()),
        media_type: part.content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        user_id,
        provider_application_id,
        bytes,
        sha256: hex::encode(hash.finalize()),
    };
    Ok((upload, kept.map_or(Content::TooBig, |kept| Content::Kept(kept.into()))))
}

/// `GET /api/now/v1/cs/media/{id}`, with a login.
pub(super) async fn media(
    instance: web::Data<Instance>,
    request: HttpRequest,
    id: web::Path<String>,
) -> HttpResponse {
    if !instance.is_logged_in(request.headers()) {
        return login::unauthorized();
    }
    instance.serve(&id)
}

/// `GET /sys_attachment.do?sys_id=…`, with a login.
pub(super) async fn attachment(instance: web::Data<Instance>, request: HttpRequest) -> HttpResponse {
    let query = url::form_urlencoded::parse(request.query_string().as_bytes());
    let id = query.into_owned().find_map(|(key, value)| (key == "sys_id").then_some(value));
    if !instance.is_logged_in(request.headers()) {
        return login::unauthorized();
    }
    instance.serve(id.as_deref().unwrap_or_default())
}

/// `GET /{id}.iix`: an image, with a login.
pub(super) async fn image(
    instance: web::Data<Instance>,
    request: HttpRequest,
    id: web::Path<String>,
) -> HttpResponse {
    if instance.is_logged_in(request.headers()) { pictures::face(&id) } else { login::unauthorized() }
}

impl Instance {
    pub(super) fn serve(&self, id: &str) -> HttpResponse {
        let Some((file, content)) = self.media.find(id) else { return HttpResponse::NotFound().finish() };
        let name = file.name.replace(['"', '\\', '\r', '\n'], "_");
        let mut answer = HttpResponse::Ok();
        answer
            .insert_header((header::CONTENT_TYPE, file.media_type))
            .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
        match content {
            Content::Kept(bytes) => answer.body(bytes),
            Content::Made(bytes) => answer.no_chunking(bytes).streaming(counting(bytes)),
            Content::TooBig => HttpResponse::Gone().body("A file of this size is counted, not kept."),
        }
    }
}

fn counting(bytes: u64) -> impl futures_util::Stream<Item = Result<Bytes, actix_web::Error>> {
    let chunk: Vec<u8> = (0..=u8::MAX).cycle().take(usize::try_from(CHUNK).unwrap_or_default()).collect();
    let chunk = Bytes::from(chunk);
    stream::iter((0..bytes).step_by(64 * 1024).map(move |from| {
        let length = usize::try_from(CHUNK.min(bytes - from)).unwrap_or_default();
        Ok(chunk.slice(..length))
    }))
}
