//! A worker thread's own connections to far ends.

use std::{cell::RefCell, sync::Arc, time::Duration};

use hyper::http::uri::PathAndQuery;
use reqwest::{
    Body, Request,
    header::{ACCEPT, HOST, HeaderValue, USER_AGENT as AGENT},
};
use tokio::time::Instant;
use url::{Position, Url};

use super::{
    CallError, NoClient, USER_AGENT,
    connect::{Connector, Origin},
    connections::{Connections, Patience, Reply},
};

/// How long an exchange may take that has no time-out of its own: until whoever waits for it gives up.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

thread_local! {
    static OWN: RefCell<Option<Own>> = const { RefCell::new(None) };
}

/// A thread's own ways to far ends.
struct Own {
    http: reqwest::Client,
    connector: Arc<Connector>,
    /// By the beginning of their URLs. Few: those that the settings name.
    far_ends: Vec<(String, Arc<FarEnd>)>,
}

/// A far end, and the connections to it.
pub(super) struct FarEnd {
    origin: Origin,
    connections: Arc<Connections<Body>>,
}

/// Lets all calls of this thread go over connections of its own, `http`'s where an answer is not read whole. A connection belongs
/// to the thread that opened it, so that a call from another one has to wake both.
///
/// # Errors
/// When there is no TLS.
pub fn own(http: &reqwest::Client) -> Result<(), NoClient> {
    let own = Own { http: http.clone(), connector: Arc::new(Connector::new()?), far_ends: vec![] };
    OWN.set(Some(own));
    Ok(())
}

/// The client for answers that are not read whole.
pub(super) fn client() -> Option<reqwest::Client> {
    OWN.with_borrow(|own| own.as_ref().map(|own| own.http.clone()))
}

/// Where a request goes, over connections of this thread's own.
pub(super) fn to(url: &Url) -> Option<Arc<FarEnd>> {
    OWN.with_borrow_mut(|own| {
        let (own, beginning) = (own.as_mut()?, &url[..Position::BeforePath]);
        if let Some((_, known)) = own.far_ends.iter().find(|(known, _)| known == beginning) {
            return Some(known.clone());
        }
        let connections = Connections::new(own.connector.clone());
        tokio::spawn(connections.tend());
        let far_end = Arc::new(FarEnd { origin: Origin::of(url)?, connections });
        own.far_ends.push((beginning.to_owned(), far_end.clone()));
        Some(far_end)
    })
}

impl FarEnd {
    /// Asks as the client would that the request was built with.
    pub async fn ask(&self, mut request: Request) -> Result<Reply<Body>, CallError> {
        let url = request.url();
        let target = PathAndQuery::try_from(&url[Position::BeforePath..Position::AfterQuery]);
        let until = Instant::now() + request.timeout().copied().unwrap_or(LONGEST);
        let mut sent = hyper::Request::new(request.body_mut().take().unwrap_or_default());
        *sent.uri_mut() = target.map_err(|why| CallError::NotSent(Some(why.into())))?.into();
        *sent.method_mut() = request.method().clone();
        *sent.headers_mut() = std::mem::take(request.headers_mut());
        sent.headers_mut().insert(HOST, self.origin.authority.clone());
        sent.headers_mut().entry(ACCEPT).or_insert(const { HeaderValue::from_static("*/*") });
        sent.headers_mut().entry(AGENT).or_insert(const { HeaderValue::from_static(USER_AGENT) });
        let patience = Patience { begun: until, whole: until, silence: LONGEST };
        self.connections.ask(&self.origin, sent, || None, patience).await
    }
}
