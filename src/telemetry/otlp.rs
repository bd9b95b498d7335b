//! Metrics and spans for a collector, over HTTP as OpenTelemetry's protocol has it. `OTEL_EXPORTER_OTLP_ENDPOINT` turns it on;
//! the standard's other variables hold as well (headers, service name, resource attributes, protocol, intervals).

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    metrics::MeterProvider as _,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::{BatchSpanProcessor, SpanData, SpanProcessor},
};

use super::{
    counters::{Counters, NAMES},
    span::{Ended, Kind},
    trace::{self, Parent, Trace},
};

/// What the end of the process waits for the last of it to be sent.
const LAST: Duration = Duration::from_secs(2);

static SPANS: OnceLock<BatchSpanProcessor> = OnceLock::new();

/// Exports for as long as it is kept.
pub struct Export {
    meters: SdkMeterProvider,
}

impl Export {
    /// Begins, if the environment names a collector.
    ///
    /// # Errors
    /// When a variable of the standard's is wrong.
    pub fn begin(counters: &Arc<Counters>) -> Result<Option<Self>, ExporterBuildError> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let wanted = [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        ];
        if off || !wanted.into_iter().any(is_set) {
            return Ok(None);
        }
        let resource = resource();
        let mut spans = BatchSpanProcessor::builder(SpanExporter::builder().with_http().build()?).build();
        spans.set_resource(&resource);
        if SPANS.set(spans).is_ok() {
            trace::record();
        }
        let reader = PeriodicReader::builder(MetricExporter::builder().with_http().build()?).build();
        let meters = SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build();
        measure(&meters, counters);
        Ok(Some(Self { meters }))
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // A collector that is away holds no end up, and there is nobody left to tell.
        let _ = self.meters.shutdown_with_timeout(LAST);
        let _ = SPANS.get().map(|spans| spans.shutdown_with_timeout(LAST));
    }
}

fn resource() -> Resource {
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
    let resource =
        Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if named { resource.build() } else { resource.with_service_name(env!("CARGO_PKG_NAME")).build() }
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
    let context = context(&own)?;
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
