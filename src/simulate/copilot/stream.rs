//! Direct Line's web socket: what is said, as it is said, typing included. A conversation has one: an older one is closed.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    rt::spawn,
    web::{Data, Path, Payload, Query},
};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::{sync::watch, time::interval};

use super::{conversation::Conversation, refusal::Refusal, studio::Studio};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub struct Where {
    watermark: Option<String>,
    t: Option<String>,
}

pub async fn open(
    request: HttpRequest,
    payload: Payload,
    studio: Data<Studio>,
    id: Path<String>,
    place: Query<Where>,
) -> HttpResponse {
    let Where { watermark, t } = place.into_inner();
    let admitted = t.ok_or(Refusal::NoAuthorization).and_then(|token| studio.check_stream(&id, &token));
    let conversation = match admitted {
        Ok(conversation) => conversation,
        Err(refusal) => return refusal.error_response(),
    };
    let Ok((answer, session, messages)) = actix_ws::handle(&request, payload) else {
        return Refusal::Malformed("This is a web socket's address").error_response();
    };
    spawn(serve(conversation, watermark.unwrap_or_default(), session, messages));
    answer
}

async fn serve(
    conversation: Arc<Conversation>,
    watermark: String,
    mut session: Session,
    mut messages: MessageStream,
) {
    let (own, mut newest) = conversation.take_socket();
    let (mut moved, mut silenced) = (conversation.moved(), conversation.silenced());
    let (mut backlog, mut at) = conversation.begin(&watermark);
    let mut keep_alive = interval(KEEP_ALIVE);
    loop {
        let frames = conversation.frames(at);
        at += frames.len();
        for frame in backlog.take().into_iter().chain(frames) {
            if session.text(frame).await.is_err() {
                return;
            }
        }
        tokio::select! {
            biased;
            _ = keep_alive.tick() => {
                if session.text("").await.is_err() {
                    return;
                }
            }
            _ = silenced.wait_for(|silent| *silent >= own) => {
                superseded(own, &mut newest).await;
                return;
            }
            reason = superseded(own, &mut newest) => {
                drop(session.close(reason).await);
                return;
            }
            _ = moved.changed() => {}
            message = messages.next() => match message {
                Some(Ok(Message::Ping(words))) => drop(session.pong(&words).await),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

/// Waits until another socket has taken this one's place, or all are ended.
async fn superseded(own: u64, newest: &mut watch::Receiver<u64>) -> Option<CloseReason> {
    // The sender lives as long as the conversation, which we hold.
    let newest = newest.wait_for(|newest| *newest != own).await.map_or(own, |newest| *newest);
    (newest < own + 1_000).then(|| (CloseCode::Normal, "collision").into())
}
