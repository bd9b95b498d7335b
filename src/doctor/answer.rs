//! One question to a far end: what it answered, or in people's words why it didn't.

use std::{error::Error, io, time::Duration};

use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, finding::Finding};
use crate::{
    domain::Timestamp,
    far_end::{self, CallError, LONGEST_WAIT},
    wire::json,
};

/// As much of an answer as is looked at.
const LONGEST_ANSWER: usize = 1 << 20;

/// An answer of any status.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// When its head came.
    pub at: Timestamp,
    pub millis: u128,
}

impl Answer {
    pub fn json(&self) -> Value {
        json::read(&self.body).unwrap_or_default().value
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What it comes to as an answer to a call.
    ///
    /// # Errors
    /// For every status but 2xx.
    pub fn outcome(&self) -> Result<(), CallError> {
        match self.status {
            200..300 => Ok(()),
            // Whether it may have been taken, and when to come again, is for who repeats a call.
            status @ (408 | 500..) => Err(CallError::Failed { status }),
            status => Err(far_end::refusal(status, &self.headers, &self.body, self.at)),
        }
    }

    pub fn is_page(&self) -> bool {
        let body = self.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.body);
        body.trim_ascii_start().starts_with(b"<")
    }
}

/// Asks once.
///
/// # Errors
/// See [`CallError`]; an answer is never one.
pub(super) async fn ask(request: RequestBuilder) -> Result<Answer, CallError> {
    let asked = Instant::now();
    let mut response = far_end::send(request.timeout(PATIENCE)).await?;
    let (at, millis) = (Timestamp::now(), asked.elapsed().as_millis());
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = far_end::read_whole(&mut response, LONGEST_ANSWER).await?;
    Ok(Answer { status, headers, body, at, millis })
}

/// How long a call was waited for in vain.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
struct Late(Duration);

/// Lets one of the clients' own calls take no longer than a question may.
///
/// # Errors
/// The call's own, or `Uncertain` when it took too long.
pub(super) async fn in_time<T>(call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    within(PATIENCE, call).await
}

/// As [`in_time`], for a call that may take another time than a question.
///
/// # Errors
/// As there.
pub(super) async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let late = |_| Err(CallError::Uncertain(Some(Late(patience).into())));
    timeout(patience, call).await.unwrap_or_else(late)
}

/// Why there is no usable answer from `place`, and what to do; `setting` names it, or what was refused there.
pub(super) fn unanswered(code: &'static str, place: &str, setting: &str, error: &CallError) -> Finding {
    match error {
        CallError::Throttled { wait, .. } => {
            Finding::caution(code, format!("{place} asks to wait{}.", shown(*wait)))
                .fix("Run this again after that; if it stays so, raise the limit or lower the load there.")
                .not_known()
        }
        CallError::Failed { status: status @ (408 | 502 | 504) } => {
            let text = format!("{place} failed with status {status}: {NO_ANSWER}.");
            Finding::wrong(code, text).fix(BEHIND.replace("{setting}", setting))
        }
        CallError::Failed { status: status @ 200..300 } => stranger(code, place, setting, *status),
        CallError::Failed { status } => Finding::wrong(code, format!("{place} failed with status {status}."))
            .fix("Look at its own status page and log; the settings here can't cure it."),
        CallError::Rejected { status, code: told } => {
            let told = told.as_ref().map(|told| format!(" ({told})")).unwrap_or_default();
            Finding::wrong(code, format!("{place} refused with status {status}{told}."))
                .fix(format!("Check {setting}."))
        }
        CallError::NotSent(source) | CallError::Uncertain(source) => {
            let (what, fix) = silence(source.as_deref());
            Finding::wrong(code, format!("{place} {what}")).fix(fix.replace("{setting}", setting))
        }
    }
}

/// A wait as it was asked for: nobody's own is none, and what is longer than is ever waited was cut.
fn shown(wait: Duration) -> String {
    let or_longer = if wait < LONGEST_WAIT { "" } else { " or longer" };
    if wait.is_zero() { String::new() } else { format!(" {} s{or_longer}", wait.as_secs()) }
}

/// Something answers at `place`, but not who is expected there.
pub(super) fn stranger(code: &'static str, place: &str, setting: &str, status: u16) -> Finding {
    let text =
        format!("{place} answers with status {status}, but not as it should: something else is there.");
    Finding::wrong(code, text).fix(format!("Check {setting}, and that no proxy answers in its place."))
}

const NO_ANSWER: &str = "something in front of it got no answer";
const BEHIND: &str =
    "Look at its own status page and log, and at the proxy or gateway before it; check {setting}.";

/// What a missing answer looks like from below, and what usually cures it.
fn silence(error: Option<&(dyn Error + Send + Sync + 'static)>) -> (String, &'static str) {
    const SLOW: &str = "Check that nothing between here and there (firewall, proxy, private endpoint) swallows the \
                        connection, and that {setting} is right.";
    let Some(error) = error else {
        return (format!("did not answer in full: {NO_ANSWER} (status 408, 502 or 504)."), BEHIND);
    };
    let cause = innermost(error);
    let refused = cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    let chain = chain(error).to_ascii_lowercase();
    if chain.contains("tunnel error") {
        at_the_proxy(&chain, cause)
    } else if let Some(patience) = waited(error) {
        (format!("did not answer within {} s.", patience.as_secs()), SLOW)
    } else if chain.contains("dns error") {
        (
            format!("has a name that can't be looked up: {cause}."),
            "Check the host in {setting} for a slip, and the name server.",
        )
    } else if chain.contains("corrupt message") {
        ("does not speak TLS there.".to_owned(), "Check host and port in {setting}: https is expected.")
    } else if chain.contains("handshake eof") {
        ("closed the connection before it had shown a certificate.".to_owned(), SLOW)
    } else if chain.contains("certificate") || chain.contains("tls") {
        (
            format!("has no certificate that is trusted here: {cause}."),
            "Check the host in {setting}; behind a proxy that opens TLS, add its certificate to this machine's store.",
        )
    } else if refused {
        ("refuses the connection.".to_owned(), "Check host and port in {setting}, and that it runs.")
    } else {
        (format!("did not answer in full: {cause}."), SLOW)
    }
}

/// The far end was not asked: the proxy before it makes a tunnel to it first, and did not.
fn at_the_proxy(chain: &str, cause: &dyn Error) -> (String, &'static str) {
    if chain.contains("proxy authorization required") {
        let what = "can't be asked: the proxy wants a user and a password (status 407).";
        let fix = "Write them into HTTPS_PROXY or ALL_PROXY, `http://USER:PASSWORD@HOST:PORT`; if they are there, check \
                   them.";
        return (what.to_owned(), fix);
    }
    if chain.contains("tunnel error: unsuccessful") {
        let what = "can't be asked: the proxy makes no connection to it.";
        let fix = "Let the proxy allow the host in {setting}; or check HTTPS_PROXY and ALL_PROXY, and name the host in \
                   NO_PROXY if it is reached without a proxy.";
        return (what.to_owned(), fix);
    }
    let fix = "Check the address in HTTPS_PROXY or ALL_PROXY, and that the proxy runs; a host that is reached without a \
               proxy belongs into NO_PROXY.";
    (format!("can't be asked: the proxy can't be spoken to ({cause})."), fix)
}

/// How long an answer was waited for, if that is what went wrong.
fn waited(error: &(dyn Error + Send + Sync + 'static)) -> Option<Duration> {
    let asked = error.downcast_ref::<reqwest::Error>().filter(|error| error.is_timeout());
    asked.map(|_| PATIENCE).or_else(|| error.downcast_ref::<Late>().map(|Late(patience)| *patience))
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut error = error;
    while let Some(source) = error.source() {
        told = format!("{told}: {source}");
        error = source;
    }
    told
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_far_end_that_never_answers_is_given_up_and_told_by_its_setting() {
        let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}/", silent.local_addr().expect("an address"));
        let http = far_end::client().expect("a client");
        let Err(error) = ask(http.get(url)).await else { panic!("an answer") };
        let found = unanswered("servicenow.reach", "ServiceNow", "SERVICENOW_URL", &error);
        assert_eq!(found.text, "ServiceNow did not answer within 5 s.");
        assert!(found.fix.is_some_and(|fix| fix.contains("SERVICENOW_URL is right")));
    }

    #[tokio::test]
    async fn who_closes_at_the_handshake_has_shown_no_certificate() {
        let closing = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("https://{}/", closing.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for mut connection in closing.incoming().flatten() {
                // What was said to it is read, or it would be reset.
                std::io::Read::read(&mut connection, &mut [0; 4_096]).ok();
            }
        });
        let http = far_end::client().expect("a client");
        let Err(error) = ask(http.get(url)).await else { panic!("an answer") };
        let found = unanswered("servicenow.reach", "ServiceNow", "SERVICENOW_URL", &error);
        assert_eq!(found.text, "ServiceNow closed the connection before it had shown a certificate.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_may_take_longer_is_told_by_its_own_time() {
        let silent = within(Duration::from_secs(60), std::future::pending::<Result<(), CallError>>());
        let error = silent.await.expect_err("silence");
        let found = unanswered("servicenow.message_authentication", "ServiceNow", "SERVICENOW_URL", &error);
        assert_eq!(found.text, "ServiceNow did not answer within 60 s.");
    }

    #[test]
    fn a_wait_is_told_as_it_was_asked_for() {
        for (seconds, told) in
            [(0, "x asks to wait."), (7, "x asks to wait 7 s."), (300, "x asks to wait 300 s or longer.")]
        {
            let error = CallError::Throttled { status: 429, wait: Duration::from_secs(seconds) };
            assert_eq!(unanswered("servicenow.reach", "x", "X", &error).text, told);
        }
    }
}
