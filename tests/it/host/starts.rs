//! Cold starts, crashes, and what the host makes of them.

use std::net::TcpListener;

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::host::{
    BOTH_MODES,
    front::Mode,
    model::Host,
    restarts::EXCEEDED,
    run,
    stage::{SECONDARY_TOKEN, Stage},
};

#[test]
fn requests_that_come_while_it_starts_are_all_answered() {
    run(async {
        for mode in BOTH_MODES {
            let stage = Stage::start().await;
            let host = Host::open(mode, &stage.settings());
            let early = join_all((0..40).map(|number| first_request(&host, &stage, number)));
            let (started, answers) = join(host.start_handler(), early).await;
            started.unwrap();
            for (number, answer) in answers.into_iter().enumerate() {
                assert_eq!(answer.unwrap().status(), 200, "{mode:?}, request {number}");
            }
        }
    });
}

#[test]
fn three_crashes_in_a_row_shut_the_host_down_and_an_hour_apart_they_do_not() {
    run(async {
        let host = Host::start(&[]).await;
        for _ in 0..5 {
            host.kill_and_restart().await;
        }
        host.crash().await.unwrap();
        let gave_up = host.crash().await.unwrap_err();
        assert_eq!((gave_up.said, gave_up.errors), (EXCEEDED, vec![]));
        assert_eq!(host.request("GET", "/api/health").send().await.unwrap().status(), 503);
    });
}

#[test]
fn wrong_settings_are_told_at_each_of_three_starts_before_the_host_gives_up() {
    run(async {
        let host = Host::open(Mode::Proxy, &[("HANDOFF_TIMEOUT", "soon"), ("STORE", "floppy:a")]);
        let gave_up = host.start_handler().await.unwrap_err();
        let told = |part: &str| gave_up.errors.iter().filter(|line| line.contains(part)).count();
        assert_eq!(
            (told("HANDOFF_TIMEOUT is `soon`"), told("STORE must be")),
            (3, 3),
            "{:?}",
            gave_up.errors
        );
    });
}

#[test]
fn a_store_that_can_not_be_opened_is_named_at_each_start() {
    run(async {
        let stage = Stage::start().await;
        let mut settings = stage.settings();
        settings.push(("STORE", "sqlite:/dev/null/handoff.db"));
        let told = told_by_one_that_gives_up(&settings, "Stopped: STORE /dev/null/handoff.db").await;
        assert_eq!(told, 3);
    });
}

#[test]
fn an_image_without_certificates_is_told_what_to_install() {
    run(async {
        let told = told_by_one_that_gives_up(&[("SSL_CERT_FILE", "/nothing")], "`ca-certificates`").await;
        assert_eq!(told, 3);
    });
}

#[test]
fn far_ends_that_are_not_there_are_no_reason_to_end() {
    run(async {
        let nobody = format!("http://{}", TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap());
        let stage = Stage::start().await;
        let mut settings = stage.settings();
        settings.extend([
            ("DIRECT_LINE_URL", &*nobody),
            ("SERVICENOW_URL", &nobody),
            ("RELAY_MAX_WAIT", "500"),
        ]);
        for mode in BOTH_MODES {
            let host = Host::start_in(mode, &settings).await;
            let process = host.process().await;
            for number in 0..4 {
                first_request(&host, &stage, number).await.unwrap();
                host.fire_timer("sweep").await.unwrap();
            }
            assert_eq!(host.process().await, process, "{mode:?}: the process ended");
            assert_eq!(*host.console().stderr.lock().unwrap(), [""; 0]);
        }
    });
}

/// How many lines of its log hold `part`, over all its starts.
async fn told_by_one_that_gives_up(settings: &[(&str, &str)], part: &str) -> usize {
    let host = Host::open(Mode::Proxy, settings);
    // What a start finds out behind its listener ends it as well, though it may have answered the probe.
    let mut started = host.start_handler().await;
    while started.is_ok() {
        started = host.ended_by_itself().await;
    }
    let lines = host.console().stdout.lock().unwrap();
    lines.iter().filter(|line| line.contains(part)).count()
}

/// One of the kinds of request that can be an app's first.
async fn first_request(host: &Host, stage: &Stage, number: usize) -> reqwest::Result<reqwest::Response> {
    let json = |path: &str| host.request("POST", path).header("content-type", "application/json");
    let request = match number % 4 {
        0 => host.request("GET", "/api/health"),
        1 => json("/v3/directline/tokens/generate").bearer_auth(stage.copilot.secret()).body("{}"),
        2 => json("/api/servicenow/responses").header("token", "in").body("{}"),
        _ => {
            let start = json!({"requestId": format!("r{number}"), "clientSessionId": format!("s{number}"),
                "userId": "ada", "action": "START_CONVERSATION"});
            let path = "/api/sn_va_as_service/bot/integration";
            json(path).header("token", SECONDARY_TOKEN).body(start.to_string())
        }
    };
    request.send().await
}
