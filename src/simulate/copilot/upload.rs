//! Files a client sends, and their way back out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, BytesMut, Data, Path, Query},
};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    refusal::Refusal,
    routes::{admit, object, set_sender},
    studio::{File, Studio},
};
use crate::{files::name, wire::multipart::Multipart};

/// Bytes.
const PIECE: usize = 16 * 1_024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sender {
    user_id: Option<String>,
}

/// `POST …/upload?userId=`: one file as the body, or several as `multipart/form-data` with an optional activity.
pub async fn take(
    request: HttpRequest,
    studio: Data<Studio>,
    id: Path<String>,
    sender: Query<Sender>,
    body: Bytes,
) -> Result<HttpResponse, Refusal> {
    let (bearer, conversation) = admit(&request, &studio, &id)?;
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let content_type = header(header::CONTENT_TYPE).ok_or(Refusal::Malformed("No Content-Type"))?;
    let media_type = name::media_type(content_type);
    let (mut activity, files) = if media_type == "multipart/form-data" {
        take_apart(content_type, body).await?
    } else {
        let name = header(header::CONTENT_DISPOSITION).and_then(name::name_in);
        let name = name.unwrap_or_else(|| "file".to_owned());
        (Map::new(), vec![File { name, media_type, bytes: body }])
    };
    if files.is_empty() || files.iter().any(|file| file.bytes.is_empty()) {
        return Err(Refusal::Malformed("No file, or an empty one"));
    }
    activity.entry("type").or_insert_with(|| "message".into());
    if let Some(user) = &sender.user_id {
        let from = activity.entry("from").or_insert_with(|| json!({}));
        if from.is_object() {
            from["id"] = user.as_str().into();
        }
    }
    set_sender(&mut activity, bearer.user())?;
    let attachments: Vec<Value> = files.into_iter().map(|file| attach(&studio, file)).collect();
    activity.insert("attachments".to_owned(), attachments.into());
    let id = studio.take(conversation, activity).await?;
    Ok(HttpResponse::Ok().json(json!({"id": id})))
}

/// `GET /v3/attachments/{id}/{name}`
pub async fn give(studio: Data<Studio>, path: Path<(String, String)>) -> Result<HttpResponse, Refusal> {
    let file = studio.file(&path.0).ok_or(Refusal::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, file.media_type))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(file.bytes))
}

async fn take_apart(content_type: &str, body: Bytes) -> Result<(Map<String, Value>, Vec<File>), Refusal> {
    let malformed = || Refusal::Malformed("The body is no multipart");
    // As it comes over a connection: the reader holds no more than a piece of it.
    let cuts = (0..body.len()).step_by(PIECE);
    let pieces: Vec<_> = cuts.map(|at| Ok(body.slice(at..body.len().min(at + PIECE)))).collect();
    let pieces = stream::iter(pieces).boxed();
    let mut form = Multipart::new(content_type, pieces).ok_or_else(malformed)?;
    let mut activity = Map::new();
    let mut files = Vec::new();
    while let Some(part) = form.next().await.map_err(|_| malformed())? {
        let mut bytes = BytesMut::new();
        while let Some(piece) = form.chunk().await.map_err(|_| malformed())? {
            bytes.extend_from_slice(&piece);
        }
        let media_type = part.content_type.as_deref().map(name::media_type).unwrap_or_default();
        if media_type == "application/vnd.microsoft.activity" {
            activity = object(&bytes)?;
        } else {
            let name = part.file_name.unwrap_or_else(|| "file".to_owned());
            files.push(File { name, media_type, bytes: bytes.freeze() });
        }
    }
    Ok((activity, files))
}

/// Keeps the file and describes it as an attachment.
fn attach(studio: &Studio, file: File) -> Value {
    let (name, media_type) = (file.name.clone(), file.media_type.clone());
    json!({"contentType": media_type, "contentUrl": studio.keep(file), "name": name})
}
