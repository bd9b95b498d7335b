//! While the bot speaks in the client's own conversation: Direct Line's frames as they come, looked into for a hand-off.

use std::{rc::Rc, time::Duration};

use actix_web::http::header::HeaderMap;
use reqwest::{Method, header::HeaderValue};
use serde_json::json;
use tokio::time::MissedTickBehavior;
use tracing::{Instrument as _, debug, warn};
use url::Url;

use super::{
    super::{
        Operation,
        bot::{
            LONGEST_SET, Looked, found, hand_over,
            place::{Place as BotPlace, Shown},
        },
    },
    PASSED, Place, Socket,
    client::End,
    line::{Event, Line, Opening},
    shown::{Batch, not_before},
};
use crate::{
    direct_line::{
        proxy::{Onward, Pipe, Reply, Sent},
        stream::{Stream, address},
    },
    domain::{ConversationId, Timestamp},
    far_end::{self, CallError},
    handoff::{Caller, Source, Standing},
    http::{ACTIVITY_LIMIT, held::Answer},
    telemetry::{of_caller, on_behalf},
};

/// How often it is looked for lines that nobody wakes a socket for.
const ASIDES: Duration = Duration::from_secs(1);

/// What came of the bot's.
enum Heard {
    /// And whether it may be packed.
    Batch(Answer, bool),
    Nothing,
    /// The bot was cut off, by another instance.
    HandedOver,
}

/// What a batch was for the client.
enum Told {
    /// It has been shown what it may see.
    On,
    /// As much as one answer holds: the rest is asked for again, so that nothing large waits for the client to read.
    Part,
    /// The bot is cut off.
    HandedOver(Option<String>),
    /// It must be read again.
    Again,
}

impl Socket {
    /// Until the bot is cut off.
    pub(super) async fn bot(
        self: &Rc<Self>,
        mut watermark: Option<String>,
        mut url: Option<Url>,
    ) -> Result<Place, End> {
        let asides = self.served.handoff.as_ref().map(|handoff| &handoff.asides);
        let (mut line, mut seen) = (Line::new(), asides.map_or(0, |asides| asides.place(&self.id)));
        // Goes on whatever the bot says: one that speaks without a pause puts off no line.
        let mut look = tokio::time::interval(ASIDES);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                event = line.event() => event,
                _ = look.tick() => {
                    self.tell_asides(&mut seen).await?;
                    // Found by a poll, say, while this line is silent.
                    if self.is_handed_over() {
                        return self.to_chat(watermark).await;
                    }
                    continue;
                }
            };
            if self.is_handed_over() {
                return self.to_chat(watermark).await;
            }
            let mut pushed = matches!(event, Event::Frame(_));
            let mut batch = match self.heard(event, &mut line, &mut url, watermark.as_deref()).await? {
                Heard::Batch(held, packed) => Some((held, packed)),
                Heard::Nothing => None,
                Heard::HandedOver => return self.to_chat(watermark).await,
            };
            while let Some((held, packed)) = batch.take() {
                match self.tell(held, packed, pushed, &mut watermark).await? {
                    Told::On => {}
                    Told::Part => {
                        pushed = false;
                        batch = self.poll(watermark.as_deref()).await?;
                        if batch.is_none() {
                            line.drop_socket();
                        }
                    }
                    Told::HandedOver(watermark) => return self.to_chat(watermark).await,
                    Told::Again => line.drop_socket(),
                }
            }
        }
    }

    /// What an event of the line's brings.
    async fn heard(
        self: &Rc<Self>,
        event: Event,
        line: &mut Line,
        url: &mut Option<Url>,
        watermark: Option<&str>,
    ) -> Result<Heard, End> {
        let batch = match event {
            Event::Frame(frame) => self.served.held.take(frame.into()).map(|held| (held, false)),
            Event::Open => {
                line.open(self.opening(url.take(), watermark.map(str::to_owned)));
                return Ok(Heard::Nothing);
            }
            Event::Opened => self.poll(watermark).await?,
            Event::Poll => {
                let polled = self.poll(watermark).await?;
                line.after_poll(polled.is_some());
                return match polled {
                    Some((held, packed)) => Ok(Heard::Batch(held, packed)),
                    // Another instance may know more of the conversation than Direct Line tells.
                    None if self.knows_hand_off().await => Ok(Heard::HandedOver),
                    None => Ok(Heard::Nothing),
                };
            }
        };
        if batch.is_none() {
            line.drop_socket();
        }
        Ok(batch.map_or(Heard::Nothing, |(held, packed)| Heard::Batch(held, packed)))
    }

    /// Shows a batch, unless it holds a hand-off that is to be stored first.
    /// What was `pushed` and can't be looked into is polled for.
    async fn tell(
        &self,
        held: Answer,
        packed: bool,
        pushed: bool,
        watermark: &mut Option<String>,
    ) -> Result<Told, End> {
        let body = held.bytes.clone();
        let looked = match found(&self.served, &self.id, &body, packed) {
            None => Looked::Bots,
            Some(found) => {
                let trace = self.trace.clone();
                let caller = self.token.caller();
                let source = Source::own(&self.id, &caller.authorization);
                Box::pin(hand_over(&self.served, &self.id, &caller, source, trace, found)).await
            }
        };
        let handed_over = match looked {
            Looked::Bots => false,
            Looked::HandedOver => true,
            Looked::Overtaken => return Ok(Told::HandedOver(watermark.clone())),
            Looked::NotStored => return Ok(Told::Again),
        };
        let (body, is_last) = match BotPlace::read(watermark.as_deref()).part(&body, handed_over) {
            Shown::Whole => (body, true),
            Shown::Part { bytes, is_last } => (bytes, is_last),
            Shown::Elsewhere => {
                *watermark = None;
                return Ok(Told::Part);
            }
        };
        let Batch { text, watermark: next, is_read } = self.shown.borrow_mut().pass(&body);
        drop((held, body));
        if pushed && !is_read {
            warn!(conversation.id = %self.id, "A frame of Direct Line's can't be looked into; what stood in it is polled for");
            return Ok(Told::Again);
        }
        if let Some(text) = text {
            self.client.send(text, None).await?;
        }
        match handed_over {
            true => Ok(Told::HandedOver(next)),
            false => {
                *watermark = next.or(watermark.take());
                Ok(if is_last { Told::On } else { Told::Part })
            }
        }
    }

    /// Shows what stands in no journal and is none of the bot's words.
    async fn tell_asides(&self, seen: &mut u64) -> Result<(), End> {
        let Some(handoff) = &self.served.handoff else { return Ok(()) };
        let mut activities = handoff.asides.pushed(&self.id, seen);
        if activities.is_empty() {
            return Ok(());
        }
        not_before(&mut activities, self.shown.borrow().latest());
        self.client.send(json!({ "activities": activities }).to_string(), None).await
    }

    /// Whether this process knows that the bot was cut off.
    fn is_handed_over(&self) -> bool {
        self.served.handoff.as_ref().is_some_and(|handoff| handoff.ledger.remembers(&self.id))
    }

    async fn knows_hand_off(&self) -> bool {
        let Some(handoff) = &self.served.handoff else { return false };
        matches!(handoff.ledger.find(&self.id).await, Ok(Some(_)))
    }

    /// On to the journal, if it was Direct Line that let the caller in.
    async fn to_chat(&self, watermark: Option<String>) -> Result<Place, End> {
        let Some(handoff) = &self.served.handoff else { return Err(End::Failed) };
        let conversation = handoff.ledger.find(&self.id).await.ok().flatten().ok_or(End::Failed)?;
        match handoff.tokens.standing(&conversation, &self.token.caller()).await {
            Ok(Standing::Good) => Ok(Place::Chat(watermark)),
            Ok(Standing::Refused { .. }) => Err(End::Refused),
            Ok(Standing::Unknown) | Err(_) => Err(End::Failed),
        }
    }

    fn opening(self: &Rc<Self>, url: Option<Url>, watermark: Option<String>) -> Opening {
        let socket = self.clone();
        let open = async move { socket.open(url, watermark).await };
        Opening::begin(on_behalf(self.trace.clone(), open).in_current_span())
    }

    /// Direct Line's socket, if it offers one and lets us in; whether the token is still good, the poll that follows tells.
    async fn open(&self, url: Option<Url>, watermark: Option<String>) -> Option<Stream> {
        let (caller, watermark) = (self.token.caller(), watermark.as_deref());
        let opened = async {
            let url = match url {
                Some(url) => Some(url),
                None => way_in(&self.pipe, &self.headers, &self.id, &caller, watermark).await?,
            };
            let Some(url) = url else { return Ok(None) };
            let mut headers = far_end_headers(&self.headers);
            if let Some(trace) = of_caller().and_then(|trace| HeaderValue::from_str(&trace).ok()) {
                headers.insert("traceparent", trace);
            }
            self.pipe.direct_line().stream(url, headers).await.map(Some)
        };
        opened.await.unwrap_or_else(|error: CallError| {
            debug!(conversation.id = %self.id, %error, "Direct Line's socket can't be opened; the bot is polled");
            None
        })
    }

    /// A poll as a client makes it; `None` when there is no answer now. Says whether it may be packed.
    async fn poll(&self, watermark: Option<&str>) -> Result<Option<(Answer, bool)>, End> {
        let path = Operation::Read(self.id.clone()).path();
        let place = BotPlace::read(watermark);
        let query = place.from.as_deref().map(|watermark| ("watermark", watermark));
        let caller = self.token.caller();
        let Ok(response) = self.pipe.pass(asked(&self.headers, &path, query, &caller)).await else {
            return Ok(None);
        };
        if !response.status().is_success() {
            return if is_final(&no_success(&response)) { Err(End::Refused) } else { Ok(None) };
        }
        let packed = response.headers().contains_key("content-encoding");
        Ok(self.served.held.collect(response, LONGEST_SET).await.ok().map(|held| (held, packed)))
    }
}

/// Where Direct Line's socket is for a caller who may read the conversation; `None` when it offers none.
///
/// # Errors
/// See [`CallError`]; `Rejected` for a caller who may not.
pub(super) async fn way_in(
    pipe: &Pipe,
    headers: &HeaderMap,
    id: &ConversationId,
    caller: &Caller,
    watermark: Option<&str>,
) -> Result<Option<Url>, CallError> {
    let path = Operation::Reconnect(id.clone()).path();
    let place = BotPlace::read(watermark);
    let query = place.from.as_deref().map(|watermark| ("watermark", watermark));
    let response = pipe.pass(asked(headers, &path, query, caller)).await?;
    if response.status().is_success() {
        return Ok(address(&response.collect(ACTIVITY_LIMIT).await?));
    }
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.collect(ACTIVITY_LIMIT).await.unwrap_or_default();
    Err(far_end::refusal(status, &headers, &body, Timestamp::now()))
}

fn asked<'a>(
    headers: &'a HeaderMap,
    path: &'a str,
    query: Option<(&'static str, &'a str)>,
    caller: &'a Caller,
) -> Onward<'a> {
    Onward {
        method: Method::GET,
        path,
        query,
        headers,
        is_file: false,
        authorization: Some(&caller.authorization),
        cookies: None,
        sent: Sent::Nothing,
    }
}

fn no_success(response: &Reply) -> CallError {
    far_end::refusal(response.status().as_u16(), response.headers(), &[], Timestamp::now())
}

/// Whether it will not be otherwise with this token.
fn is_final(error: &CallError) -> bool {
    matches!(error, CallError::Rejected { status: 401 | 403 | 404, .. })
}

fn far_end_headers(headers: &HeaderMap) -> reqwest::header::HeaderMap {
    let mut passed = reqwest::header::HeaderMap::new();
    for name in PASSED {
        let value = headers.get(name).and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some(value) = value {
            passed.insert(name, value);
        }
    }
    passed
}
