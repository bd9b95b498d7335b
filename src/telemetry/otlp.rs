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
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    resource::TelemetryResourceDetector,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanProcessor},
};
use tracing::warn;

use self::{
    collector::Collector,
    variables::{Metrics, Spans, Way},
    watched::Watched,
};
use super::{
    counters::{Counters, NAMES},
    span::{Ended, Kind},
    trace::{self, Parent, Trace},
};

mod collector;
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
    /// When a collector's address is none, or there is no client for it: why, as a sentence that holds no secret.
    pub fn begin(counters: &Arc<Counters>) -> Result<Option<Self>, String> {
        let asked = variables::read(|name| std::env::var(name).ok())?;
        for wrong in &asked.wrong {
            warn!("{wrong}");
        }
        let begins = asked.spans.is_some() || asked.metrics.is_some();
        let resource = resource(asked.attributes, asked.service_name);
        if let Some(spans) = asked.spans {
            let sampler = spans.sampler;
            let mut spans = processor(spans)?;
            spans.set_resource(&resource);
            if SPANS.set(spans).is_ok() {
                trace::record(sampler);
            }
        }
        let mut meters = None;
        if let Some(metrics) = asked.metrics {
            let provider =
                SdkMeterProvider::builder().with_resource(resource).with_reader(reader(metrics)?).build();
            measure(&provider, counters);
            meters = Some(provider);
        }
        Ok(begins.then_some(Self { meters }))
    }
}

fn processor(spans: Spans) -> Result<BatchSpanProcessor, String> {
    let Spans { way, every, queue, batch, sampler: _ } = spans;
    let exporter = SpanExporter::builder().with_http().with_http_client(collector(&way)?);
    let exporter =
        exporter.with_protocol(protocol(&way)).with_endpoint(way.endpoint).with_timeout(way.timeout);
    let pace = BatchConfigBuilder::default()
        .with_scheduled_delay(every)
        .with_max_queue_size(queue)
        .with_max_export_batch_size(batch);
    let watched = Watched::new(exporter.build().map_err(not_built)?, "traces");
    Ok(BatchSpanProcessor::builder(watched).with_batch_config(pace.build()).build())
}

fn reader(metrics: Metrics) -> Result<PeriodicReader<Watched<MetricExporter>>, String> {
    let Metrics { way, every } = metrics;
    let exporter = MetricExporter::builder().with_http().with_http_client(collector(&way)?);
    let exporter =
        exporter.with_protocol(protocol(&way)).with_endpoint(way.endpoint).with_timeout(way.timeout);
    let watched = Watched::new(exporter.build().map_err(not_built)?, "metrics");
    Ok(PeriodicReader::builder(watched).with_interval(every).build())
}

fn collector(way: &Way) -> Result<Collector, String> {
    Collector::new(way.headers.clone(), way.timeout).map_err(|failed| failed.to_string())
}

fn protocol(way: &Way) -> Protocol {
    if way.json { Protocol::HttpJson } else { Protocol::HttpBinary }
}

/// The SDK's own words hold addresses, and these hold secrets.
fn not_built(_: ExporterBuildError) -> String {
    "the SDK takes no such variables".to_owned()
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
