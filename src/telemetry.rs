//! Logs to standard output, what is counted there, and the trace a request belongs to.
//!
//! Never standard error: the Functions host takes every line of it for an error. In the host a
//! line is JSON; on a terminal it is for people.

mod counters;
mod fields;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod span;
mod trace;

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal},
};

use tracing::{Dispatch, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{ParseError, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

pub use self::{
    counters::{Count, Counted, Counters, EVERY},
    trace::{TRACEPARENT, Trace, of_caller, on_behalf, trace_id},
};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("LOG is not a filter; write it like `info` or `module=level`.")]
    Filter(#[from] ParseError),
    #[error("logging was set up before")]
    Twice(#[from] TryInitError),
}

/// Sets up logging for the process; `json` for the Functions host.
///
/// # Errors
///
/// A filter that does not parse, or a second call.
pub fn init(filter: &str, json: bool) -> Result<(), TelemetryError> {
    Ok(dispatch(filter, json, takes_colours(), io::stdout)?.try_init()?)
}

/// Whether standard output is a terminal, unless its owner wants no colours (`NO_COLOR`) or it has none.
pub fn takes_colours() -> bool {
    colours(io::stdout().is_terminal(), |name| env::var_os(name))
}

fn colours(is_terminal: bool, var: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_wanted = var("NO_COLOR").is_none_or(|value| value.is_empty());
    is_terminal && is_wanted && var("TERM").is_none_or(|term| term != "dumb")
}

fn dispatch<W>(filter: &str, json: bool, ansi: bool, writer: W) -> Result<Dispatch, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter)?;
    let lines = lines(json, ansi, writer);
    // For all there is, not for these lines: a filter of a layer's own is asked again at each step of each request.
    Ok(Dispatch::new(tracing_subscriber::registry().with(cap()).with(filter).with(lines)))
}

fn lines<S, W>(json: bool, ansi: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A line that can't be written must not become a line on standard error.
    let lines = fmt::layer().with_writer(writer).log_internal_errors(false);
    if json {
        Box::new(lines.json().flatten_event(true).with_span_list(false).fmt_fields(fields::SpanFields))
    } else {
        Box::new(lines.with_ansi(ansi))
    }
}

/// What may be logged at all, whatever `LOG` says: below a warning, only lines of our own.
///
/// HTTP and TLS crates print headers, queries and bodies at `debug` and `trace`: tokens, and what
/// people say. A list of them would miss the next one, so everything that isn't ours is capped.
/// Crates that use `log` instead of `tracing` are not listened to.
fn cap() -> Targets {
    Targets::new().with_default(LevelFilter::WARN).with_target(env!("CARGO_CRATE_NAME"), LevelFilter::TRACE)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, dispatcher::with_default, error, info, info_span, trace, warn};

    use super::*;

    #[test]
    fn at_trace_nothing_below_a_warning_comes_from_http_crates() {
        let log = logged("trace,hyper=trace,reqwest=trace", true, || {
            trace!(target: "hyper::proto", "SECRET header");
            debug!(target: "h2::client", "SECRET header");
            info!(target: "reqwest::connect", "SECRET query");
            debug!(target: "actix_http::h1", "SECRET body");
            trace!(target: "rustls::client", "SECRET key");
            info!(target: "azure_core::http", "SECRET url");
            trace!("ours");
        });
        assert!(!log.contains("SECRET"), "{log}");
        assert!(log.contains("ours"), "{log}");
    }

    #[test]
    fn a_span_of_an_http_crate_adds_nothing_to_our_lines() {
        let log = logged("trace", true, || {
            let span = info_span!(target: "hyper::client", "request", uri = "SECRET");
            span.in_scope(|| info!("ours"));
        });
        assert!(!log.contains("SECRET") && log.contains("ours"), "{log}");
    }

    #[test]
    fn a_warning_of_another_crate_is_kept_unless_the_filter_says_otherwise() {
        let warns = || warn!(target: "actix_server::accept", "out of files");
        assert!(logged("info", false, warns).contains("out of files"));
        assert_eq!(logged("error", false, warns), "");
    }

    #[test]
    fn in_the_host_a_line_is_one_json_object() {
        let log = logged("info", true, || {
            let span = info_span!("invocation", id = 7);
            span.in_scope(|| error!(conversation.id = "c1", "Two\nlines"));
        });
        let line: serde_json::Value = serde_json::from_str(log.trim_end()).unwrap();
        assert_eq!(log.matches('\n').count(), 1);
        assert_eq!(line["message"], "Two\nlines");
        assert_eq!(line["conversation.id"], "c1");
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["span"]["id"], 7);
    }

    #[test]
    fn what_is_known_of_a_request_later_stands_in_its_lines_too() {
        let log = logged("info", true, || {
            let id = Some("a \"quoted\" id");
            let span = info_span!("webhook", id, trace = tracing::field::Empty, more = tracing::field::Empty);
            span.record("trace", "4bf9").record("more", true);
            span.in_scope(|| info!("ours"));
            let bare = info_span!("bare", trace = tracing::field::Empty);
            bare.in_scope(|| info!("nothing"));
            bare.record("trace", tracing::field::debug(Some("x")));
            bare.in_scope(|| info!("something"));
        });
        let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let spans: Vec<serde_json::Value> = lines.map(|line| line["span"].clone()).collect();
        let webhook =
            serde_json::json!({"id": "a \"quoted\" id", "trace": "4bf9", "more": true, "name": "webhook"});
        let bare = serde_json::json!({"name": "bare"});
        let later = serde_json::json!({"trace": "Some(\"x\")", "name": "bare"});
        assert_eq!(spans, [webhook, bare, later]);
    }

    #[test]
    fn what_was_counted_is_one_line_of_numbers_and_silence_is_none() {
        let counters = Counters::default();
        let log = logged("info", true, || {
            counters.log();
            counters.add(Count::Duplicates, 2);
            counters.delivered(70);
            counters.log();
            counters.log();
        });
        let line: serde_json::Value = serde_json::from_str(log.trim_end()).expect("one line");
        assert_eq!(line["message"], "Counted");
        let numbers =
            ["duplicates", "to_servicenow", "given_up", "delivery_age_max_ms"].map(|name| &line[name]);
        assert_eq!(numbers, [2, 1, 0, 70]);
        assert_eq!(line["delivery_ages"], r#"{"100":1}"#);
        assert_eq!(line["process"].as_str().map(str::len), Some(8));
    }

    #[test]
    fn for_people_a_line_is_plain_text_without_colours() {
        let log = logged("info", false, || info!("Listening"));
        assert!(log.contains("INFO") && log.ends_with("Listening\n") && !log.contains('\x1b'), "{log}");
    }

    #[test]
    fn a_terminal_gets_colours_unless_its_owner_wants_none() {
        for (is_terminal, set, expected) in [
            (true, None, true),
            (false, None, false),
            (true, Some(("NO_COLOR", "1")), false),
            (true, Some(("NO_COLOR", "")), true),
            (true, Some(("TERM", "dumb")), false),
            (true, Some(("TERM", "xterm")), true),
        ] {
            let var = |name: &str| set.filter(|(given, _)| *given == name).map(|(_, value)| value.into());
            assert_eq!(colours(is_terminal, var), expected, "{is_terminal} {set:?}");
        }
    }

    #[test]
    fn a_filter_that_does_not_parse_is_told() {
        assert!(dispatch("servicenow_handoff=loud", true, false, io::sink).is_err());
    }

    pub(super) fn logged(filter: &str, json: bool, act: impl FnOnce()) -> String {
        let lines = Lines::default();
        with_default(&dispatch(filter, json, false, lines.clone()).unwrap(), act);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }
}
