//! W3C trace context, as far as a hop needs it: <https://www.w3.org/TR/trace-context/>.

use std::sync::OnceLock;

use crate::domain::random;

/// Spans of ours are recorded: what is sent on names them. Which of them is said here.
static RECORDED: OnceLock<Sampler> = OnceLock::new();

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

/// From now on the process records the spans of requests, and puts their ids into the requests' own headers.
#[cfg(feature = "otlp")]
pub fn record(sampler: Sampler) {
    let _ = RECORDED.set(sampler);
}

/// Whether spans of ours are recorded.
pub fn is_recorded() -> bool {
    RECORDED.get().is_some()
}

/// Which traces are recorded: the same ones by every process that is told the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Of all traces, from 0 to 1.
    pub ratio: f64,
    /// What a caller has decided for a trace holds.
    pub by_parent: bool,
}

impl Sampler {
    /// `parent`: flags of the caller's.
    fn flags(self, trace_id: u128, parent: Option<&str>) -> &'static str {
        match parent.filter(|_| self.by_parent) {
            Some(flags) => sampled_only(flags),
            // As OpenTelemetry's own: 63 random bits, below so much of all there are.
            None => {
                let random = (trace_id & u128::from(u64::MAX)) as u64 >> 1;
                if (random as f64) < self.ratio * (1_u64 << 63) as f64 { "01" } else { "00" }
            }
        }
    }
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
            Some(Parent { trace_id, flags, .. }) => {
                let id = u128::from_str_radix(trace_id, 16).unwrap_or_default();
                let flags = RECORDED.get().map_or(flags, |sampler| sampler.flags(id, Some(flags)));
                format!("00-{trace_id}-{parent_id:016x}-{flags}")
            }
            None => {
                let trace_id = u128::from_be_bytes(random()) | 1;
                // Where we record nothing, whether anybody else does is for them to decide.
                let flags = RECORDED.get().map_or("00", |sampler| sampler.flags(trace_id, None));
                format!("00-{trace_id:032x}-{parent_id:016x}-{flags}")
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
    fn of_all_traces_as_many_are_sampled_as_asked_and_a_caller_s_decision_holds_where_it_counts() {
        let ids: Vec<u128> = (0..4_000).map(|_| u128::from_be_bytes(random())).collect();
        let sampled = |ratio, by_parent, parent: Option<&str>| {
            let sampler = Sampler { ratio, by_parent };
            ids.iter().filter(|id| sampler.flags(**id, parent) == "01").count()
        };
        for (ratio, by_parent, parent, least, most) in [
            (1.0, true, None, 4_000, 4_000),
            (0.0, true, None, 0, 0),
            (0.25, true, None, 800, 1_200),
            (0.0, true, Some("01"), 4_000, 4_000),
            (1.0, true, Some("00"), 0, 0),
            (0.0, false, Some("01"), 0, 0),
            (1.0, false, Some("00"), 4_000, 4_000),
        ] {
            let many = sampled(ratio, by_parent, parent);
            assert!((least..=most).contains(&many), "{ratio} {by_parent} {parent:?}: {many}");
        }
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
