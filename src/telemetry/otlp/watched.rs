//! A collector that does not take what it is sent is told of once, and once when it does again.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{SpanData, SpanExporter},
};
use tracing::{info, warn};

/// An exporter whose failures are logged; the SDK logs none.
#[derive(Debug)]
pub struct Watched<E> {
    exporter: E,
    what: &'static str,
    failing: AtomicBool,
}

impl<E> Watched<E> {
    pub fn new(exporter: E, what: &'static str) -> Self {
        Self { exporter, what, failing: AtomicBool::new(false) }
    }

    /// Why is not said: the reasons hold addresses, and these hold secrets.
    fn tell(&self, outcome: OTelSdkResult) -> OTelSdkResult {
        let (what, fails) = (self.what, outcome.is_err());
        match (fails, self.failing.swap(fails, Relaxed)) {
            (true, false) => {
                warn!(
                    what,
                    "The collector does not take what is exported. Check OTEL_EXPORTER_OTLP_ENDPOINT and its headers, and that it runs"
                );
            }
            (false, true) => info!(what, "The collector takes what is exported again"),
            _ => {}
        }
        outcome
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.tell(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.tell(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;

    #[test]
    fn only_the_first_failure_in_a_row_is_news() {
        let watched = Watched::new((), "metrics");
        let failed = || Err(OTelSdkError::InternalFailure("http://user:SECRET@collector".to_owned()));
        let log = crate::telemetry::tests::logged("info", true, || {
            for outcome in [Ok(()), failed(), failed(), Ok(()), Ok(()), failed()] {
                let _ = watched.tell(outcome);
            }
        });
        let levels: Vec<_> =
            log.lines().filter_map(|line| line.split("\"level\":\"").nth(1)?.split('"').next()).collect();
        assert_eq!(levels, ["WARN", "INFO", "WARN"], "{log}");
        assert!(!log.contains("SECRET"), "{log}");
    }
}
