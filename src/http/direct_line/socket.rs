//! Direct Line's web socket, served by us: the bot's words as Direct Line pushes them, a live chat's as they are stored, and the
//! bot's again, all over one socket of the client's.
//!
//! A socket is one task. It writes what there is, no faster than the client reads, and keeps nothing: who reconnects reads on
//! from its watermark.

use std::{cell::RefCell, pin::Pin, rc::Rc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderMap, HeaderName},
    web::{Data, Payload},
};
use actix_ws::MessageStream;
use serde_json::{Map, Value};
use tracing::{Instrument as _, debug};
use url::Url;

use self::{
    client::{Client, End},
    seats::Full,
    shown::Shown,
    ticket::TicketError,
    token::Token,
};
pub use self::{seats::Sockets, ticket::Tickets};
use super::{Operation, Surface, answer::refused, bot::place::Place as BotPlace};
use crate::{
    direct_line::proxy::Pipe,
    domain::{ConversationId, Timestamp},
    far_end::CallError,
    handoff::{Caller, Standing},
    http::{Served, error::ApiError, header, trace},
    telemetry::on_behalf,
    translate::watermark::{Cursor, is_ours},
};

mod bot;
mod chat;
mod client;
mod line;
mod seats;
pub(super) mod shown;
mod ticket;
mod token;

const NO_TICKET: ApiError = ApiError::Unauthorized(
    "The socket's address holds no `t`. Connect to the `streamUrl` of start or reconnect as it is.",
);
const NO_UPGRADE: ApiError = ApiError::BadRequest(
    "This is a web socket's address. Ask for an upgrade, with `Sec-WebSocket-Version: 13`.",
);
const FULL: ApiError =
    ApiError::Unavailable("This process holds as many web sockets as it can. Poll, or try again later.");
const TOO_MANY: ApiError = ApiError::TooManyRequests(
    "This conversation has as many web sockets as it may have. Close those that are not used.",
);
/// Direct Line's word for no watermark, in a socket's address.
const FROM_THE_START: &str = "-";
/// What goes on to Direct Line of a socket's own request; Direct Line holds the origin against its trusted ones.
const PASSED: [&str; 4] = ["origin", "user-agent", "accept-language", "x-ms-bot-agent"];

/// A socket, apart from its client's end.
struct Socket {
    served: Data<Served>,
    pipe: Data<Pipe>,
    id: ConversationId,
    token: Token,
    headers: HeaderMap,
    trace: Option<String>,
    client: Client,
    shown: RefCell<Shown>,
}

/// Where a socket's client stands.
enum Place {
    /// The bot speaks, and nobody was ever asked for.
    Bot { watermark: Option<String>, url: Option<Url> },
    /// A person was asked for: the journal says what there is to see.
    Chat(Option<String>),
}

impl Surface<'_> {
    /// Puts the address of our socket into an answer of start or reconnect; false when there is none to offer.
    pub(super) fn offer_stream(&self, grant: &mut Map<String, Value>) -> bool {
        let address = match self.operation {
            Operation::Start | Operation::Reconnect(_) => self.stream_address(grant),
            _ => None,
        };
        let offered = address.is_some();
        grant.extend(address.map(|address| ("streamUrl".to_owned(), address.into())));
        offered
    }

    fn stream_address(&self, grant: &Map<String, Value>) -> Option<String> {
        let sockets = self.served.sockets.as_ref()?;
        let text = |name: &str| grant.get(name).and_then(Value::as_str);
        let id = ConversationId::parse(text("conversationId")?)?;
        let authorization = match text("token") {
            Some(token) => format!("Bearer {token}"),
            None => self.caller().ok()?.authorization,
        };
        let ticket = sockets.tickets.write(&id, &authorization, Timestamp::now())?;
        let mut url = root(self.request, self.served.public_url.as_ref())?;
        url.set_path(&format!(
            "{}/v3/directline/{}",
            url.path().trim_end_matches('/'),
            Operation::Stream(id).path()
        ));
        let watermark = self.query.as_deref().filter(|given| !given.is_empty()).unwrap_or(FROM_THE_START);
        url.query_pairs_mut().append_pair("watermark", watermark).append_pair("t", &ticket);
        Some(url.into())
    }

    /// GET stream. Whoever may not have a socket is told so before there is one.
    pub(super) async fn stream(
        &self,
        id: &ConversationId,
        payload: Payload,
    ) -> Result<HttpResponse, ApiError> {
        let Some(sockets) = &self.served.sockets else { return Err(ApiError::NotFound) };
        let ticket = super::query(self.request, "t").ok_or(NO_TICKET)?;
        let caller = sockets.tickets.read(id, &ticket, Timestamp::now()).map_err(not_let_in)?;
        let (answer, session, messages) = actix_ws::handle(self.request, payload).map_err(|_| NO_UPGRADE)?;
        let seat = sockets.enter(id).map_err(|full| match full {
            Full::Process => FULL,
            Full::Conversation => TOO_MANY,
        })?;
        let given = self.query.clone().filter(|given| !given.is_empty() && given != FROM_THE_START);
        let place = self.place(id, &caller, given).await?;
        let read = match &place {
            Place::Bot { .. } => 0,
            Place::Chat(watermark) => Cursor::read(watermark.as_deref()).local,
        };
        let client = Client::new(session, self.served.held.clone(), read);
        let socket = Rc::new(self.socket(id, caller, client).ok_or(ApiError::NotFound)?);
        let trace = socket.trace.clone();
        let serving = async move {
            socket.live(place, messages).await;
            drop(seat);
        };
        actix_web::rt::spawn(on_behalf(trace, serving).in_current_span());
        Ok(answer)
    }

    fn socket(&self, id: &ConversationId, caller: Caller, client: Client) -> Option<Socket> {
        let mut headers = HeaderMap::new();
        for name in PASSED {
            if let Some(value) = self.request.headers().get(name) {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
        Some(Socket {
            served: self.request.app_data::<Data<Served>>()?.clone(),
            pipe: self.request.app_data::<Data<Pipe>>()?.clone(),
            id: id.clone(),
            token: Token::new(caller),
            headers,
            trace: trace(self.request),
            client,
            shown: RefCell::default(),
        })
    }

    /// Where the caller goes on, if it may read the conversation: asked of the journal, else of Direct Line.
    async fn place(
        &self,
        id: &ConversationId,
        caller: &Caller,
        given: Option<String>,
    ) -> Result<Place, ApiError> {
        let remembered = self.served.handoff.as_ref().is_some_and(|handoff| handoff.ledger.remembers(id));
        let ours = given.as_deref().is_some_and(is_ours);
        if (remembered || ours || given.is_none())
            && let Some((handoff, conversation)) = self.find(id).await?
        {
            return match handoff.tokens.standing(&conversation, caller).await? {
                // A token that Direct Line can't be asked about now shows nothing until it can.
                Standing::Good => Ok(Place::Chat(given)),
                Standing::Refused { status, code } => Err(refused(status, code)),
                Standing::Unknown => Err(ApiError::Unavailable(super::escalated::CANT_ASK)),
            };
        }
        let given = BotPlace::read(given.as_deref()).known(given.as_deref()).map(str::to_owned);
        match bot::way_in(self.pipe, self.request.headers(), id, caller, given.as_deref()).await {
            Ok(url) => Ok(Place::Bot { watermark: given, url }),
            Err(CallError::Rejected { status, code }) => Err(refused(status, code)),
            // Without an answer nothing is shown either; it is asked again.
            Err(_) => Ok(Place::Bot { watermark: given, url: None }),
        }
    }
}

impl Socket {
    /// Until either side has had enough, or the process ends.
    async fn live(self: &Rc<Self>, place: Place, messages: MessageStream) {
        let end = tokio::select! {
            end = self.client.hear(messages) => end,
            end = self.client.keep() => end,
            end = self.serve(place) => end,
            () = self.served.ending.begun() => End::Ending,
            never = self.token.renew(self.pipe.direct_line(), &self.id) => match never {},
        };
        debug!(conversation.id = %self.id, ?end, "A web socket has ended");
        self.client.close(end).await;
    }

    /// Shows the client what there is, until that ends.
    async fn serve(self: &Rc<Self>, mut place: Place) -> End {
        loop {
            let next: Result<Place, End> = match place {
                Place::Bot { watermark, url } => boxed(self.bot(watermark, url)).await,
                Place::Chat(watermark) => boxed(self.chat(watermark)).await,
            };
            match next {
                Ok(next) => place = next,
                Err(end) => return end,
            }
        }
    }
}

/// A socket's task is as large as the larger of its two halves, for as long as it lives.
fn boxed<F: Future>(half: F) -> Pin<Box<F>> {
    Box::pin(half)
}

fn not_let_in(why: TicketError) -> ApiError {
    match why {
        TicketError::Forged => ApiError::AsDirectLine {
            status: 403,
            code: "BadArgument".to_owned(),
            message: "This socket's address is not one given out for this conversation. Reconnect for a new one.",
        },
        TicketError::Over => ApiError::AsDirectLine {
            status: 403,
            code: "TokenExpired".to_owned(),
            message: "This socket's address was good for a minute. Reconnect for a new one.",
        },
    }
}

/// Our own root as a socket's address: as it is set, else as the client has called it.
fn root(request: &HttpRequest, public: Option<&Url>) -> Option<Url> {
    if let Some(public) = public {
        let encrypted = public.scheme() == "https";
        let rest = public.as_str().split_once(':')?.1;
        return Url::parse(&format!("{}:{rest}", scheme(encrypted))).ok();
    }
    let host = header(request, "host")?;
    let by_front = header(request, "x-forwarded-proto").and_then(|protos| protos.split(',').next());
    let encrypted = by_front.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"));
    let url = Url::parse(&format!("{}://{host}/", scheme(encrypted))).ok()?;
    // Whatever else a host could smuggle in would stand elsewhere.
    let only_host = url.username().is_empty() && url.password().is_none() && url.path() == "/";
    (only_host && url.query().is_none() && url.fragment().is_none()).then_some(url)
}

fn scheme(encrypted: bool) -> &'static str {
    if encrypted { "wss" } else { "ws" }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_socket_s_address_is_where_the_client_came_to() {
        let public = Url::parse("https://handoff.example.com/front/").expect("a URL");
        type Row<'a> = (Option<&'a Url>, &'a [(&'a str, &'a str)], Option<&'a str>);
        let rows: [Row<'_>; 8] = [
            (Some(&public), &[("host", "10.0.0.1")], Some("wss://handoff.example.com/front/")),
            (None, &[("host", "127.0.0.1:7071")], Some("ws://127.0.0.1:7071/")),
            (None, &[("host", "[::1]:7071")], Some("ws://[::1]:7071/")),
            (
                None,
                &[("host", "a.example.com"), ("x-forwarded-proto", "https")],
                Some("wss://a.example.com/"),
            ),
            (
                None,
                &[("host", "a.example.com"), ("x-forwarded-proto", "http, https")],
                Some("ws://a.example.com/"),
            ),
            (None, &[("host", "user@a.example.com")], None),
            (None, &[("host", "a.example.com/x?y=")], None),
            (None, &[], None),
        ];
        for (public, headers, expected) in rows {
            let mut request = TestRequest::default();
            for header in headers {
                request = request.append_header(*header);
            }
            let root = root(&request.to_http_request(), public);
            assert_eq!(root.as_ref().map(Url::as_str), expected, "{headers:?}");
        }
    }
}
