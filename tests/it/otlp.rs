//! Metrics and spans reach a collector, and nothing that was said goes with them.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt::System, web};
use serde_json::Value;
use servicenow_handoff::simulate::servicenow::ServiceNowOptions;

use crate::{eventually::found, faults::stage::Stage};

#[tokio::test]
async fn counts_and_both_hops_of_a_trace_reach_a_collector_without_a_word() {
    let collector = Collector::start();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_SERVICE_NAME", "chats"),
    ];
    let stage = Stage::on(1, ServiceNowOptions::default(), &settings).await;
    let mut client = stage.live_client().await;
    client.say("my words", "c-1").await;
    stage.agent_hears(&client.conversation, &["my words"]).await;
    found("the hand-off is counted", async || {
        collector.sum("servicenow_handoff.handoffs").filter(|sum| *sum == 1)
    })
    .await;
    found("the delivery is sorted by its age", async || {
        collector.sum("servicenow_handoff.deliveries").filter(|sum| *sum == 1)
    })
    .await;
    let (taken, made) = found("the post and its call are spans of one trace", async || {
        let spans = collector.spans();
        let made = spans.iter().rfind(|span| span["name"] == "POST /api/sn_va_as_service/bot/integration")?;
        let taken = spans.iter().find(|span| span["spanId"] == made["parentSpanId"])?;
        (taken["name"] == "POST /v3/directline/conversations").then(|| (taken.clone(), made.clone()))
    })
    .await;
    assert_eq!(taken["traceId"], made["traceId"]);
    let told = stage.servicenow.requests_of(&client.conversation);
    let traceparent = told.last().unwrap().traceparent.clone().unwrap();
    assert!(traceparent.contains(taken["spanId"].as_str().unwrap()), "{traceparent} {taken}");
    let sent = collector.all();
    assert!(sent.contains("chats"), "the service has its name");
    for secret in ["my words", "password", &client.conversation] {
        assert!(!sent.contains(secret), "{secret} was exported");
    }
}

/// Takes what an exporter sends, as JSON.
struct Collector {
    url: String,
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Collector {
    fn start() -> Self {
        let got = Arc::new(Mutex::new(vec![]));
        let (bound, url) = mpsc::channel();
        let kept = web::Data::from(got.clone());
        thread::spawn(move || {
            System::new().block_on(async {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(kept.clone())
                        .app_data(web::PayloadConfig::new(1 << 24))
                        .default_service(web::to(take))
                });
                let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                bound.send(format!("http://{}", server.addrs()[0])).unwrap();
                server.run().await.unwrap();
            });
        });
        Self { url: url.recv().unwrap(), got }
    }

    fn all(&self) -> String {
        self.got.lock().unwrap().iter().map(|(_, body)| body.to_string()).collect()
    }

    fn spans(&self) -> Vec<Value> {
        let got = self.got.lock().unwrap();
        let of = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        let bodies = got.iter().filter(|(path, _)| path == "/v1/traces");
        let scopes = bodies
            .flat_map(|(_, body)| of(body, "resourceSpans"))
            .flat_map(|resource| of(&resource, "scopeSpans"));
        scopes.flat_map(|scope| of(&scope, "spans")).collect()
    }

    /// The last value of a counter, all its attributes together.
    fn sum(&self, name: &str) -> Option<u64> {
        let got = self.got.lock().unwrap();
        let (_, body) = got.iter().rfind(|(path, _)| path == "/v1/metrics")?;
        let metrics = body.pointer("/resourceMetrics/0/scopeMetrics/0/metrics")?.as_array()?;
        let points =
            metrics.iter().find(|metric| metric["name"] == name)?.pointer("/sum/dataPoints")?.as_array()?;
        points
            .iter()
            .map(|point| point["asInt"].as_str().map_or(point["asInt"].as_u64(), |text| text.parse().ok()))
            .sum()
    }
}

async fn take(
    request: HttpRequest,
    body: web::Bytes,
    kept: web::Data<Mutex<Vec<(String, Value)>>>,
) -> HttpResponse {
    kept.lock().unwrap().push((request.path().to_owned(), serde_json::from_slice(&body).unwrap()));
    HttpResponse::Ok().json(serde_json::json!({}))
}
