//! W3C trace context, as far as a hop needs it: <https://www.w3.org/TR/trace-context/>.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::domain::random;

/// Spans of ours are recorded: what is sent on names them, and a trace that starts here is sampled.
static RECORDED: AtomicBool = AtomicBool::new(false);

/// The header's name, both ways.
pub const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    static CALLER: Option<String>;
}

/// Does `work` on behalf of a caller, whose `traceparent` then goes with every call to a far end.
pub async fn on_behalf<T>(caller: Option<String>, work: impl Future<Output = T>) -> T {
    CALLER.scope(caller, work).await
}

/// The `traceparent` for a call made now; `None` when nobody's request asked for it.
pub fn of_caller() -> Option<String> {
    let caller = CALLER.try_with(Clone::clone).ok().flatten()?;
    Some(Trace::continue_or_start(Some(&caller)).traceparent)
}

/// From now on the process records the span of each request, and puts its id into the request's own header.
#[cfg(feature = "otlp")]
pub fn record() {
    RECORDED.store(true, Relaxed);
}

/// Whether spans of ours are recorded.
pub fn is_recorded() -> bool {
    RECORDED.load(Relaxed)
}

/// The trace that a `traceparent` belongs to: 32 hex digits, which may stand in a log. `None` for what is not exactly as
/// the standard has it.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    Parent::parse(traceparent).map(|parent| parent.trace_id)
}

/// Our place in a distributed trace. Goes with every call made on behalf of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    traceparent: String,
}

impl Trace {
    /// Continues the caller's trace under an id of our own, or starts one when the header is
    /// absent or not exactly as the standard has it.
    ///
    /// Where spans are recorded the header names the request's span already, which is then the one to send on.
    pub fn continue_or_start(header: Option<&str>) -> Self {
        match header {
            Some(header) if is_recorded() && Parent::parse(header).is_some() => {
                Self { traceparent: header.to_owned() }
            }
            _ => Self::below(header),
        }
    }

    /// As [`continue_or_start`](Self::continue_or_start), under a new id in any case.
    pub fn below(header: Option<&str>) -> Self {
        // All zeros means "no id"; the last bit costs nothing.
        let parent_id = u64::from_be_bytes(random()) | 1;
        let traceparent = match header.and_then(Parent::parse) {
            Some(Parent { trace_id, flags, .. }) => format!("00-{trace_id}-{parent_id:016x}-{flags}"),
            None => {
                let trace_id = u128::from_be_bytes(random()) | 1;
                // Whether anybody else records it is for them to decide.
                format!("00-{trace_id:032x}-{parent_id:016x}-{}", if is_recorded() { "01" } else { "00" })
            }
        };
        Self { traceparent }
    }

    /// Starts a trace; for work no request asked for.
    pub fn start() -> Self {
        Self::continue_or_start(None)
    }

    /// The value of the header `traceparent` to send on.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The 32 hex digits that all hops of a trace share; for log lines.
    pub fn trace_id(&self) -> &str {
        &self.traceparent[3..35]
    }
}

/// What of a caller's header lives on.
pub(super) struct Parent<'a> {
    pub trace_id: &'a str,
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only who records spans asks for it"))]
    pub parent_id: &'a str,
    pub flags: &'a str,
}

impl<'a> Parent<'a> {
    /// Versions above 00 may add fields at the end; their first four are read like ours.
    pub fn parse(header: &'a str) -> Option<Self> {
        let mut fields = header.split('-');
        let (version, trace_id, parent_id, flags) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let more = fields.next().is_some();
        let valid = is_hex(version, 2)
            && version != "ff"
            && (version != "00" || !more)
            && is_id(trace_id, 32)
            && is_id(parent_id, 16)
            && is_hex(flags, 2);
        let flags = if version == "00" { flags } else { sampled_only(flags) };
        valid.then_some(Self { trace_id, parent_id, flags })
    }
}

/// Of a later version's flags only the last bit has a meaning we know.
fn sampled_only(flags: &str) -> &'static str {
    let odd = flags.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']);
    if odd { "01" } else { "00" }
}

fn is_id(field: &str, digits: usize) -> bool {
    is_hex(field, digits) && field.bytes().any(|digit| digit != b'0')
}

fn is_hex(field: &str, digits: usize) -> bool {
    field.len() == digits && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_callers_trace_is_continued_under_an_id_of_our_own() {
        let trace = Trace::continue_or_start(Some(HEADER));
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(&trace.traceparent()[..36], &HEADER[..36]);
        assert_ne!(&trace.traceparent()[36..52], &HEADER[36..52]);
        assert_eq!(&trace.traceparent()[52..], "-01");
    }

    #[test]
    fn without_a_header_a_trace_starts_and_no_two_are_alike() {
        let (one, other) = (Trace::start(), Trace::start());
        assert!(Parent::parse(one.traceparent()).is_some(), "{}", one.traceparent());
        assert_ne!(one.trace_id(), other.trace_id());
    }

    #[test]
    fn a_later_version_is_read_like_ours() {
        let trace = Trace::continue_or_start(Some(&format!("cc{}-what", &HEADER[2..])));
        assert_eq!(&trace.traceparent()[..36], &HEADER[..36]);
        assert_eq!(&trace.traceparent()[52..], "-01");
    }

    #[test]
    fn a_header_not_exactly_right_starts_a_trace_instead() {
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ö-00f067aa0ba902b7-01",
        ] {
            let trace = Trace::continue_or_start(Some(wrong));
            assert_ne!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736", "{wrong}");
            assert!(Parent::parse(trace.traceparent()).is_some());
        }
    }
}
