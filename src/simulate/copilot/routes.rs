//! The service's HTTP surface: Direct Line 3.0, Copilot Studio's token endpoint, and knobs of the simulator.

use std::sync::{Arc, atomic::Ordering};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes, Data, Path, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    conversation::Conversation,
    refusal::Refusal,
    sign_in, stream,
    studio::{Bearer, Studio, new_conversation_id},
    upload,
};
use crate::simulate::faults::Fault;

/// Direct Line's limit, in bytes of the body.
const LARGEST_ACTIVITY: usize = 256 * 1024;

/// The cookie that carries a session id.
const SESSION: &str = "webchat_session";

type Answer = Result<HttpResponse, Refusal>;

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::scope("/v3/directline")
                .route("/tokens/generate", web::post().to(generate_token))
                .route("/tokens/refresh", web::post().to(refresh_token))
                .route("/conversations", web::post().to(start))
                .route("/conversations/{id}", web::get().to(reconnect))
                .route("/conversations/{id}/activities", web::get().to(read))
                .route("/conversations/{id}/activities", web::post().to(say))
                .route("/conversations/{id}/upload", web::post().to(upload::take))
                .route("/conversations/{id}/stream", web::get().to(stream::open))
                .route("/session/getsessionid", web::get().to(session_id)),
        )
        .route("/v3/attachments/{id}/{name}", web::get().to(upload::give))
        .service(
            web::scope("/powervirtualagents")
                .route("/botsbyschema/{schema}/directline/token", web::get().to(token_endpoint))
                .route("/regionalchannelsettings", web::get().to(regional_settings)),
        )
        .route("/simulator/sign-in", web::get().to(sign_in::page))
        .route("/simulator/state", web::get().to(state))
        .route("/simulator/clock", web::post().to(set_clock))
        .route("/simulator/conversations", web::get().to(list_conversations))
        .route("/simulator/conversations/{id}/received", web::get().to(list_received))
        .route("/simulator/conversations/{id}/say", web::post().to(say_unasked))
        .default_service(web::to(|| async { Err::<HttpResponse, _>(Refusal::NotFound) }));
}

/// Reads the caller's credential.
fn bearer(request: &HttpRequest, studio: &Studio) -> Result<Bearer, Refusal> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = header.and_then(|value| value.split_once(' '));
    match credential {
        Some((scheme, credential)) if scheme.eq_ignore_ascii_case("bearer") => {
            studio.check(credential.trim())
        }
        _ => Err(Refusal::NoAuthorization),
    }
}

/// The conversation, when the caller may see it.
pub fn admit(
    request: &HttpRequest,
    studio: &Studio,
    id: &str,
) -> Result<(Bearer, Arc<Conversation>), Refusal> {
    let bearer = bearer(request, studio)?;
    if let Bearer::Token(claims) = &bearer
        && claims.conv != id
    {
        return Err(Refusal::OtherConversation);
    }
    let conversation = studio.find(id).ok_or(Refusal::UnknownConversation)?;
    Ok((bearer, conversation))
}

async fn generate_token(request: HttpRequest, studio: Data<Studio>, body: Bytes) -> Answer {
    let Bearer::Secret = bearer(&request, &studio)? else { return Err(Refusal::NeedsSecret) };
    let parameters = parameters(&body)?;
    let user = parameters["user"]["id"].as_str().filter(|id| !id.is_empty());
    if user.is_some_and(|id| !id.starts_with("dl_")) {
        return Err(Refusal::Malformed("A user id in a token must begin with dl_"));
    }
    Ok(fresh_token(&studio, &new_conversation_id(), user))
}

async fn refresh_token(request: HttpRequest, studio: Data<Studio>) -> Answer {
    match bearer(&request, &studio)? {
        Bearer::Secret => Err(Refusal::BadToken),
        Bearer::Token(claims) => Ok(fresh_token(&studio, &claims.conv, claims.user.as_deref())),
    }
}

fn fresh_token(studio: &Studio, conversation: &str, user: Option<&str>) -> HttpResponse {
    let (token, expires_in) = studio.token(conversation, user);
    HttpResponse::Ok().json(json!({"conversationId": conversation, "token": token, "expires_in": expires_in}))
}

async fn start(request: HttpRequest, studio: Data<Studio>, body: Bytes) -> Answer {
    let bearer = bearer(&request, &studio)?;
    let parameters = parameters(&body)?;
    let (id, user) = match bearer {
        Bearer::Token(claims) => (claims.conv, claims.user),
        Bearer::Secret => {
            let user = parameters["user"]["id"].as_str().filter(|id| id.starts_with("dl_"));
            (new_conversation_id(), user.map(str::to_owned))
        }
    };
    let is_new = studio.open(&id, parameters["locale"].as_str().map(str::to_owned));
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(way_in(&studio, &id, user.as_deref(), "-")))
}

#[derive(Deserialize)]
struct From {
    watermark: Option<String>,
}

async fn reconnect(
    request: HttpRequest,
    studio: Data<Studio>,
    id: Path<String>,
    from: Query<From>,
) -> Answer {
    let (bearer, conversation) = admit(&request, &studio, &id)?;
    let watermark = from.watermark.as_deref().unwrap_or("-");
    Ok(HttpResponse::Ok().json(way_in(&studio, &conversation.id, bearer.user(), watermark)))
}

/// What start and reconnect answer.
fn way_in(studio: &Studio, id: &str, user: Option<&str>, watermark: &str) -> Value {
    let (token, expires_in) = studio.token(id, user);
    let (host, ticket) = (studio.url.trim_start_matches("http://"), studio.stream_token(id));
    let stream =
        format!("ws://{host}v3/directline/conversations/{id}/stream?watermark={watermark}&t={ticket}");
    json!({
        "conversationId": id, "token": token, "expires_in": expires_in, "streamUrl": stream,
        "referenceGrammarId": "5c1b9f0e-2d64-4f0a-9d6f-1f6a4c0d7a11",
    })
}

async fn read(request: HttpRequest, studio: Data<Studio>, id: Path<String>, from: Query<From>) -> Answer {
    let (_, conversation) = admit(&request, &studio, &id)?;
    let bent = request.extensions().get::<Arc<Fault>>().cloned();
    let limit = studio.options.page_limit.unwrap_or(usize::MAX);
    let page = conversation.page(from.watermark.as_deref(), limit, bent.as_deref());
    Ok(HttpResponse::Ok().content_type("application/json; charset=utf-8").body(page))
}

async fn say(request: HttpRequest, studio: Data<Studio>, id: Path<String>, body: Bytes) -> Answer {
    let (bearer, conversation) = admit(&request, &studio, &id)?;
    if body.len() > LARGEST_ACTIVITY {
        return Err(Refusal::TooLarge);
    }
    let mut activity = object(&body)?;
    if !activity.get("type").is_some_and(Value::is_string) {
        return Err(Refusal::MissingProperty("The activity has no type"));
    }
    let posted = activity.get("from").and_then(|from| from.get("role")).cloned();
    set_sender(&mut activity, bearer.user())?;
    if studio.options.believes_roles {
        activity["from"]["role"] = posted.unwrap_or_default();
    }
    let id = studio.take(conversation, activity).await?;
    Ok(HttpResponse::Ok().json(json!({"id": id})))
}

/// Makes `from` a user: the one embedded in the token, else the one the client names.
pub fn set_sender(activity: &mut Map<String, Value>, embedded: Option<&str>) -> Result<(), Refusal> {
    let from = activity.entry("from").or_insert_with(|| json!({}));
    if !from.is_object() {
        return Err(Refusal::Malformed("The activity's from is no account"));
    }
    if let Some(user) = embedded {
        from["id"] = user.into();
    }
    if from["id"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::MissingProperty("The activity has no from.id"));
    }
    from["role"] = "user".into();
    Ok(())
}

/// Token parameters: a body is optional.
fn parameters(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() { Ok(Value::Null) } else { object(body).map(Value::Object) }
}

pub fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::Malformed("The body is no JSON object"))
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
}

impl Version {
    fn given(&self) -> Result<(), Refusal> {
        let given = self.api_version.as_deref().is_some_and(|version| !version.is_empty());
        if given { Ok(()) } else { Err(Refusal::Malformed("The api-version query parameter is missing")) }
    }
}

async fn token_endpoint(studio: Data<Studio>, schema: Path<String>, version: Query<Version>) -> Answer {
    version.given()?;
    if *schema != studio.options.schema {
        return Err(Refusal::NotFound);
    }
    Ok(fresh_token(&studio, &new_conversation_id(), None))
}

async fn regional_settings(studio: Data<Studio>, version: Query<Version>) -> Answer {
    version.given()?;
    let root = &studio.url;
    Ok(HttpResponse::Ok().json(json!({"channelUrlsById": {"directline": root, "webchat": root}})))
}

/// Binds a sign-in to a browser: the same session for who brings its cookie. Beside it the cookie of a load balancer.
async fn session_id(request: HttpRequest) -> HttpResponse {
    let cookies = request.headers().get(header::COOKIE).and_then(|cookies| cookies.to_str().ok());
    let mut cookies =
        cookies.unwrap_or_default().split(';').filter_map(|cookie| cookie.trim().split_once('='));
    let known = cookies.find(|(name, _)| *name == SESSION).map(|(_, value)| value.to_owned());
    let id = known.unwrap_or_else(new_conversation_id);
    let session =
        format!("{SESSION}={id}; path=/; domain=.directline.example.com; secure; HttpOnly; SameSite=None");
    HttpResponse::Ok()
        .append_header((header::SET_COOKIE, session))
        .append_header((header::SET_COOKIE, "ARRAffinity=0a1b; Path=/; HttpOnly"))
        .json(json!({"sessionId": id}))
}

async fn state(studio: Data<Studio>) -> HttpResponse {
    let mut state = studio.faults.state();
    state["url"] = studio.url.as_str().into();
    state["conversations"] = studio.conversations().len().into();
    HttpResponse::Ok().json(state)
}

/// How far the clock of conversations that begin from now on is ahead of the machine's, in seconds.
async fn set_clock(studio: Data<Studio>, ahead: web::Json<u64>) -> HttpResponse {
    studio.clock_ahead.store(*ahead, Ordering::Relaxed);
    HttpResponse::NoContent().finish()
}

async fn list_conversations(studio: Data<Studio>) -> HttpResponse {
    HttpResponse::Ok().json(studio.conversations())
}

async fn list_received(studio: Data<Studio>, id: Path<String>) -> Answer {
    let conversation = studio.find(&id).ok_or(Refusal::UnknownConversation)?;
    Ok(HttpResponse::Ok().json(conversation.received()))
}

async fn say_unasked(studio: Data<Studio>, id: Path<String>, body: Bytes) -> Answer {
    let conversation = studio.find(&id).ok_or(Refusal::UnknownConversation)?;
    let activity = Value::Object(object(&body)?);
    let id = conversation.say(&super::agent::Says::Activity(activity), None);
    Ok(HttpResponse::Ok().json(json!({"id": id})))
}
