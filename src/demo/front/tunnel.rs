//! Connections that become something else than HTTP: web sockets, handed on byte by byte.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web,
};
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, split};

use super::{Front, OWN, bad_gateway, passed_on};
use crate::simulate::observe::{self, Outcome, Seen};

/// Bytes that are handed on at a time.
const PIECE: usize = 16 * 1_024;

pub fn is_asked_for(request: &HttpRequest) -> bool {
    let upgrade = request.headers().get("upgrade").and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
}

/// Hands the request on, and when the connector agrees, whatever either side then says.
pub async fn open(front: &Front, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let watched = front.observer.begin("GET", path, observe::headers(request.headers()), Seen::Nothing);
    let call = front
        .http
        .get(format!("http://{}{path}", front.connector))
        .headers(passed_on(request.headers()))
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    let answer = match call.send().await {
        Ok(answer) => answer,
        Err(fault) => {
            tracing::warn!("The connector did not answer: {fault}");
            return bad_gateway();
        }
    };
    let status = answer.status().as_u16();
    watched.end(Outcome::Answered { status, body: Seen::Other });
    if status != 101 {
        return super::read(answer).await.0;
    }
    let mut back = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    for (name, value) in answer.headers().iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            back.insert_header((name, value));
        }
    }
    let Ok(connection) = answer.upgrade().await else { return bad_gateway() };
    let (from_connector, mut to_connector) = split(connection);
    actix_web::rt::spawn(async move {
        let mut payload = payload;
        while let Some(Ok(piece)) = payload.next().await {
            if to_connector.write_all(&piece).await.is_err() {
                break;
            }
        }
        // The connector then knows that the client has gone.
        let _ = to_connector.shutdown().await;
    });
    back.upgrade("websocket").streaming(stream::unfold(from_connector, next))
}

async fn next<R>(mut from: ReadHalf<R>) -> Option<(std::io::Result<web::Bytes>, ReadHalf<R>)>
where
    ReadHalf<R>: tokio::io::AsyncRead + Unpin,
{
    let mut piece = vec![0; PIECE];
    let read = from.read(&mut piece).await.ok().filter(|read| *read > 0)?;
    piece.truncate(read);
    Some((Ok(piece.into()), from))
}
