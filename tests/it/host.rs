//! The program as the Functions host runs it: started, probed, asked and killed by a model of the host.

mod ends;
mod front;
mod functions;
mod hand_off;
mod instances;
mod model;
pub mod package;
mod published;
mod restarts;
mod stage;
mod starts;
mod timer;
mod worker;

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, rt, rt::System, web};
use serde_json::Value;

use crate::host::{
    front::Mode,
    model::Host,
    package::{Package, Trigger},
};

const BOTH_MODES: [Mode; 2] = [Mode::Proxy, Mode::Forward];

#[test]
fn the_function_folders_say_what_is_documented() {
    let package = Package::pack();
    let said: Vec<_> = package
        .functions
        .iter()
        .map(|function| match &function.trigger {
            Trigger::Http { route, methods } => (&*function.name, route.clone(), methods.join(" ")),
            Trigger::Timer { schedule, .. } => (&*function.name, schedule.clone(), "timer".to_owned()),
        })
        .collect();
    let all = "GET POST PUT PATCH DELETE HEAD OPTIONS";
    let documented = [
        ("direct-line", "v3/directline/{*path}", all),
        ("files", "api/files/{*path}", "GET HEAD"),
        ("health", "api/health", "GET HEAD"),
        ("relayToDirectLine", "api/relayToDirectLine", "GET"),
        ("secondary-bot", "api/sn_va_as_service/bot/integration", "POST"),
        ("secondary-bot-media", "api/now/v1/cccif/media/upload", "POST"),
        ("servicenow-responses", "api/servicenow/responses", "POST"),
        ("sweep", "0 * * * * *", "timer"),
    ];
    assert_eq!(said, documented.map(|(name, at, how)| (name, at.to_owned(), how.to_owned())));
    assert!(package.flag("enableProxyingHttpRequest") && package.flag("enableForwardingHttpRequest"));
}

#[test]
fn the_probe_is_answered_with_a_plain_200() {
    run(async {
        let host = Host::start(&[]).await;
        let answer = reqwest::get(format!("{}/", host.handler_url().await)).await.unwrap();
        assert_eq!(answer.status(), 200);
    });
}

#[test]
fn health_says_up_and_the_version() {
    run(async {
        for mode in BOTH_MODES {
            let host = Host::start_in(mode, &[]).await;
            let answer = host.request("GET", "/api/health").send().await.unwrap();
            assert_eq!(answer.status(), 200, "{mode:?}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text}");
        }
    });
}

#[test]
fn what_no_function_declares_is_not_found() {
    run(async {
        let host = Host::start(&[]).await;
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/nothing/here"),
            ("POST", "/api/health"),
            ("GET", "/api/servicenow/responses"),
            ("POST", "/sweep"),
            ("POST", "/api/sweep"),
            ("POST", "/admin/functions/sweep"),
        ] {
            let answer = host.request(method, path).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{method} {path}");
        }
        let unknown = reqwest::get(format!("{}/nothing/here", host.handler_url().await)).await.unwrap();
        assert_eq!(unknown.status(), 404);
    });
}

#[test]
fn every_route_of_a_function_is_served() {
    run(async {
        let far_end = far_end();
        for mode in BOTH_MODES {
            let host = Host::start_in(mode, &settings(&far_end)).await;
            for function in &host.package().functions {
                let Trigger::Http { route, methods } = &function.trigger else { continue };
                for method in methods {
                    // Direct Line's surface gets every method, and knows no operation of most.
                    let below = match method.as_str() {
                        "POST" => "conversations",
                        "GET" | "OPTIONS" => "conversations/c",
                        _ if route.starts_with("v3/") => continue,
                        _ => "c",
                    };
                    let path = format!("/{}", route.replace("{*path}", below));
                    let answer = host.request(method, &path).send().await.unwrap();
                    assert_ne!(answer.status(), 404, "{mode:?} {method} {path}");
                }
            }
        }
    });
}

#[test]
fn direct_line_is_passed_through_with_its_query_and_status() {
    run(async {
        let far_end = far_end();
        for mode in BOTH_MODES {
            let host = Host::start_in(mode, &settings(&far_end)).await;
            let answer = host
                .request("GET", "/v3/directline/conversations/c%7C1/activities?watermark=a%2Fb")
                .bearer_auth("a-token")
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 418, "{mode:?}");
            let asked = answer.text().await.unwrap();
            assert!(
                asked.starts_with("GET /v3/directline/conversations/c%7C1/activities?watermark=a"),
                "{asked}"
            );
        }
    });
}

#[test]
fn servicenow_is_let_in_with_its_token_alone() {
    run(async {
        let far_end = far_end();
        for mode in BOTH_MODES {
            let host = Host::start_in(mode, &settings(&far_end)).await;
            let post = |token: &str| {
                host.request("POST", "/api/servicenow/responses")
                    .header("token", token)
                    .header("content-type", "application/json")
                    .body("{}")
                    .send()
            };
            assert_eq!(post("wrong").await.unwrap().status(), 401, "{mode:?}");
            assert_eq!(post("let-me-in").await.unwrap().status(), 200, "{mode:?}");
        }
    });
}

#[test]
fn a_role_without_a_credential_is_closed() {
    run(async {
        let host = Host::start(&[]).await;
        let answer = host.request("POST", "/api/servicenow/responses").body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body["error"]["code"], "NotConfigured");
    });
}

#[test]
fn the_timer_gets_the_envelope_it_waits_for() {
    run(async {
        let host = Host::start(&[]).await;
        host.fire_timer("sweep").await.unwrap();
        host.fire_timer("sweep").await.unwrap();
    });
}

#[test]
fn after_a_kill_it_is_started_again_and_serves() {
    run(async {
        let host = Host::start(&[]).await;
        for _ in 0..3 {
            host.kill_and_restart().await;
            assert_eq!(host.request("GET", "/api/health").send().await.unwrap().status(), 200);
            host.fire_timer("sweep").await.unwrap();
        }
    });
}

#[test]
fn in_the_host_every_line_is_json_and_nothing_looks_like_an_error() {
    run(async {
        let host = Host::start(&[]).await;
        host.request("GET", "/api/health").send().await.unwrap();
        host.fire_timer("sweep").await.unwrap();
        let console = host.console();
        let lines = console.stdout.lock().unwrap().clone();
        assert!(!lines.is_empty());
        for line in lines {
            assert!(serde_json::from_str::<Value>(&line).is_ok_and(|line| line.is_object()), "{line}");
        }
        assert_eq!(*console.stderr.lock().unwrap(), [""; 0]);
    });
}

fn settings(far_end: &str) -> Vec<(&str, &str)> {
    vec![
        ("DIRECT_LINE_URL", far_end),
        ("SERVICENOW_URL", far_end),
        ("SERVICENOW_TOKEN", "to-servicenow"),
        ("RESPONSES_TOKEN", "let-me-in"),
        ("ALLOWED_ORIGINS", "https://www.example.com"),
        ("STORE", "sqlite:data/handoff.db"),
    ]
}

/// Answers everything with 418 and what it was asked, so that its answers can't be mistaken for ours.
fn far_end() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = HttpServer::new(|| App::new().default_service(web::to(teapot)));
    rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
    url
}

async fn teapot(request: actix_web::HttpRequest) -> HttpResponse {
    HttpResponse::ImATeapot().body(format!("{} {}", request.method(), request.uri()))
}

fn run(test: impl Future<Output = ()>) {
    System::new().block_on(test);
}
