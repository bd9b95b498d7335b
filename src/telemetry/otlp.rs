//! Metrics and spans for a collector, over HTTP as OpenTelemetry's protocol has it. `OTEL_EXPORTER_OTLP_ENDPOINT` turns it on;
//! the standard's other variables hold as well (headers, service name, resource attributes, protocol, sampler, intervals).

use std::{
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    metrics::MeterProvider as _,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    resource::TelemetryResourceDetector,
    trace::{BatchSpanProcessor, SpanData, SpanProcessor},
};
use tracing::warn;

use self::watched::Watched;
use super::{
    counters::{Counters, NAMES},
    span::{Ended, Kind},
    trace::{self, Parent, Trace},
};

mod variables;
mod watched;

/// What the end of the process waits for the last of it to be sent.
const LAST: Duration = Duration::from_secs(2);

static SPANS: OnceLock<BatchSpanProcessor> = OnceLock::new();

/// Exports for as long as it is kept.
pub struct Export {
    meters: Option<SdkMeterProvider>,
}

impl Export {
    /// Begins, if the environment names a collector.
    ///
    /// # Errors
    /// When a variable of the standard's is wrong.
    pub fn begin(counters: &Arc<Counters>) -> Result<Option<Self>, ExporterBuildError> {
        let asked = variables::read(|name| std::env::var(name).ok());
        for wrong in &asked.wrong {
            warn!("{wrong}");
        }
        let [spans_by, metrics_by] =
            asked.json.map(|json| if json { Protocol::HttpJson } else { Protocol::HttpBinary });
        let resource = resource(asked.attributes, asked.service_name);
        if let Some(sampler) = asked.spans {
            let exporter =
                Watched::new(SpanExporter::builder().with_http().with_protocol(spans_by).build()?, "traces");
            let mut spans = BatchSpanProcessor::builder(exporter).build();
            spans.set_resource(&resource);
            if SPANS.set(spans).is_ok() {
                trace::record(sampler);
            }
        }
        let mut meters = None;
        if asked.metrics {
            let exporter = Watched::new(
                MetricExporter::builder().with_http().with_protocol(metrics_by).build()?,
                "metrics",
            );
            let reader = PeriodicReader::builder(exporter).build();
            let provider = SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build();
            measure(&provider, counters);
            meters = Some(provider);
        }
        Ok((asked.spans.is_some() || asked.metrics).then_some(Self { meters }))
    }
}

impl Drop for Export {
    /// A collector that is away, or takes its time, holds no end up; the SDK's own time-outs are longer than it says.
    fn drop(&mut self) {
        let (done, is_done) = mpsc::channel();
        let (meters, and_done) = (self.meters.take(), done.clone());
        let metrics = move || {
            let _ = meters.map(|meters| meters.shutdown_with_timeout(LAST));
            let _ = and_done.send(());
        };
        let spans = move || {
            let _ = SPANS.get().map(|spans| spans.shutdown_with_timeout(LAST));
            let _ = done.send(());
        };
        let until = Instant::now() + LAST;
        thread::spawn(metrics);
        thread::spawn(spans);
        for _ in 0..2 {
            let _ = is_done.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

/// What is ours by name and version, unless the environment says otherwise.
fn resource(attributes: Vec<(String, String)>, service_name: Option<String>) -> Resource {
    let named = service_name.map(|name| KeyValue::new("service.name", name));
    let attributes = attributes.into_iter().map(|(name, value)| KeyValue::new(name, value));
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes.chain(named))
        .build()
}

fn measure(meters: &SdkMeterProvider, counters: &Arc<Counters>) {
    let meter = meters.meter(env!("CARGO_PKG_NAME"));
    for (count, name) in NAMES {
        let counters = Arc::clone(counters);
        meter
            .u64_observable_counter(format!("servicenow_handoff.{name}"))
            .with_callback(move |observer| observer.observe(counters.all().of(count), &[]))
            .build();
    }
    let counters = Arc::clone(counters);
    meter
        .u64_observable_counter("servicenow_handoff.deliveries")
        .with_description("Words of users that reached ServiceNow, by their age: at most so many milliseconds, and more than the age before")
        .with_callback(move |observer| {
            for (age, many) in counters.all().by_age() {
                observer.observe(many, &[KeyValue::new("age_ms", i64::try_from(age).unwrap_or(i64::MAX))]);
            }
        })
        .build();
}

/// Hands a hop over to the exporter.
pub fn record(ended: Ended) {
    if let (Some(spans), Some(data)) = (SPANS.get(), data(ended)) {
        spans.on_end(data);
    }
}

fn data(ended: Ended) -> Option<SpanData> {
    let Ended { kind, name, traceparent, came_with, began, status, error } = ended;
    // A call is a hop of its own below the request it is made for.
    let own = if kind == Kind::Made {
        Trace::below(Some(&traceparent)).traceparent().to_owned()
    } else {
        traceparent.clone()
    };
    let above = if kind == Kind::Made { Some(traceparent) } else { came_with };
    let context = context(&own).filter(SpanContext::is_sampled)?;
    let parent =
        above.as_deref().and_then(Parent::parse).and_then(|parent| SpanId::from_hex(parent.parent_id).ok());
    let attributes = match kind {
        Kind::Taken => status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))),
        Kind::Made => Some(KeyValue::new("peer.service", "ServiceNow")),
    };
    Some(SpanData {
        span_context: context,
        parent_span_id: parent.unwrap_or(SpanId::INVALID),
        parent_span_is_remote: kind == Kind::Taken && parent.is_some(),
        span_kind: if kind == Kind::Taken { SpanKind::Server } else { SpanKind::Client },
        name: name.into(),
        start_time: began,
        end_time: SystemTime::now(),
        attributes: attributes.into_iter().collect(),
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: match error {
            Some(error) => Status::error(error),
            None if status.is_some_and(|status| status >= 500) => Status::error(""),
            None => Status::Unset,
        },
        instrumentation_scope: InstrumentationScope::builder(env!("CARGO_PKG_NAME")).build(),
    })
}

fn context(traceparent: &str) -> Option<SpanContext> {
    let Parent { trace_id, parent_id, flags } = Parent::parse(traceparent)?;
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace_id).ok()?, SpanId::from_hex(parent_id).ok()?);
    Some(SpanContext::new(trace, span, flags, false, TraceState::NONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spans_of_a_trace_that_is_not_sampled_stay_here() {
        for (flags, sent) in [("00", false), ("01", true), ("03", true)] {
            let traceparent = format!("00-{}-{}-{flags}", "a".repeat(32), "b".repeat(16));
            for kind in [Kind::Taken, Kind::Made] {
                let ended = Ended {
                    kind,
                    name: "POST /".to_owned(),
                    traceparent: traceparent.clone(),
                    came_with: None,
                    began: SystemTime::now(),
                    status: Some(200),
                    error: None,
                };
                assert_eq!(data(ended).is_some(), sent, "{kind:?} {flags}");
            }
        }
    }
}
