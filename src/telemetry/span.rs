//! The two hops of a trace that are ours: a request that is taken, and a call to ServiceNow that is made for it.

use std::time::SystemTime;

use actix_web::{
    dev::ServiceRequest,
    http::{Method, header::HeaderValue},
};

use super::trace::{TRACEPARENT, Trace, is_recorded};

/// A hop that is over.
#[derive(Clone, Debug)]
pub struct Ended {
    pub kind: Kind,
    pub name: String,
    /// Names the hop itself, when it was taken; what it was made for, when it was made.
    pub traceparent: String,
    /// The header that the request came with.
    pub came_with: Option<String>,
    pub began: SystemTime,
    pub status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Taken,
    Made,
}

/// A request that is being answered.
pub struct Taken(Ended);

impl Taken {
    /// Puts the hop into the request's own header, where whatever is done for it finds it. `None` where nobody records.
    pub fn begin(request: &mut ServiceRequest, named: fn(&Method, &str) -> String) -> Option<Self> {
        if !is_recorded() {
            return None;
        }
        let came_with =
            request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let traceparent = Trace::below(came_with.as_deref()).traceparent().to_owned();
        let value = HeaderValue::from_str(&traceparent).ok()?;
        request.headers_mut().insert(actix_web::http::header::HeaderName::from_static(TRACEPARENT), value);
        let name = named(request.method(), request.path());
        let kind = Kind::Taken;
        Some(Self(Ended {
            kind,
            name,
            traceparent,
            came_with,
            began: SystemTime::now(),
            status: None,
            error: None,
        }))
    }

    pub fn end(mut self, status: u16) {
        self.0.status = Some(status);
        record(self.0);
    }
}

/// Tells of a call that was made for the request that `traceparent` names.
pub fn made(name: &str, traceparent: Option<&str>, began: SystemTime, error: Option<String>) {
    if let Some(traceparent) = traceparent.filter(|_| is_recorded()) {
        let (name, traceparent) = (name.to_owned(), traceparent.to_owned());
        record(Ended { kind: Kind::Made, name, traceparent, came_with: None, began, status: None, error });
    }
}

#[cfg(feature = "otlp")]
fn record(ended: Ended) {
    super::otlp::record(ended);
}

#[cfg(not(feature = "otlp"))]
fn record(_: Ended) {}
