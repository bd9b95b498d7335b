//! `handler demo`, as somebody meets it who sees the product for the first time.

use std::process::{Child, Command, Stdio};

use serde_json::Value;
use servicenow_handoff::far_end;

use crate::{
    eventually::{PATIENCE, eventually, found},
    free_port::free_port,
};

#[test]
fn a_scripted_demo_prints_who_says_what_in_the_order_it_is_said() {
    let output = handler(free_port()).arg("--scripted").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("WARN"), "a caution about settings stands before the demo: {told}");
    let mut lines = told.lines();
    for said in [
        "bot: Hello, ",
        "user: Store hours",
        "bot: Which store do you mean?",
        "user: I want to talk to a person",
        "bot: Connecting you to a person",
        "system: ",
        "user: My VPN drops every few minutes",
        "system: Ana Agent has entered the chat.",
        "agent: Hello, I am looking into it. Since when?",
        "user: Since this morning",
        "agent: Please restart the client now.",
        "user: Done. It works again, thank you!",
        "system: Ana Agent has closed the support session.",
        "user: What happened?",
        "bot: You talked to Ana Agent",
    ] {
        assert!(lines.any(|line| line.starts_with(said)), "{said:?} is not in its place:\n{told}");
    }
    let twice = told.lines().filter(|line| line.starts_with("user: Since this morning")).count();
    assert_eq!(twice, 1, "an echo is not said again:\n{told}");
}

#[test]
fn a_scripted_demo_needs_neither_certificates_nor_the_machines_proxy() {
    let mut demo = handler(free_port());
    let output = demo.arg("--scripted").env("SSL_CERT_FILE", "/nothing").env("HTTPS_PROXY", "::::").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[cfg(target_os = "linux")]
#[test]
fn a_demo_that_can_store_nothing_says_where_and_what_to_set() {
    let output = handler(free_port()).arg("--scripted").env("TMPDIR", "/proc").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("/proc/servicenow-handoff-demo-") && told.contains("in TMPDIR"), "{told}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_demo_goes_on_when_nobody_can_read_what_it_prints() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut demo = Demo::start_printing(full.into()).await;
    assert!(demo.get("/demo").await.contains("id=\"chat\""));
    assert_eq!(demo.child.try_wait().unwrap(), None);
}

#[test]
fn a_wrong_filter_of_lines_ends_a_demo_at_once_as_any_wrong_setting_does() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_handler"));
    let output = demo.args(["demo", "--scripted"]).env("LOG", "verbose").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.lines().count()), (Some(2), 1), "{told}");
    assert!(told.starts_with("LOG has `verbose`"), "{told}");
}

#[tokio::test]
async fn the_demo_has_one_page_and_each_of_its_parts_alone() {
    let demo = Demo::start().await;
    let page = demo.get("/demo").await;
    for part in ["chat", "inside", "desk"] {
        assert!(page.contains(&format!("id=\"{part}\"")), "{part}");
        assert!(demo.get(&format!("/demo/{part}")).await.starts_with("<!doctype html>"), "{part}");
    }
    assert!(demo.get("/demo/webchat/").await.contains("page.js"));
    for (path, accept, to) in [
        ("/", "*/*", None),
        ("/", "text/html,*/*;q=0.8", Some("/demo")),
        ("/demo/", "*/*", Some("/demo")),
        ("/demo/desk/", "*/*", Some("/demo/desk")),
    ] {
        let get = demo.http.get(format!("{}{path}", demo.root)).header("accept", accept);
        let answer = get.send().await.unwrap();
        let location = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        assert_eq!(
            (answer.status().as_u16(), location.as_deref()),
            (if to.is_some() { 302 } else { 200 }, to)
        );
    }
    assert!(demo.get("/demo/webchat/config.js").await.contains("/directline/token"));
}

#[tokio::test]
async fn a_killed_connector_is_started_again_and_calls_wait_for_it() {
    let demo = Demo::start().await;
    let press = demo.http.post(format!("{}/demo/inside/press/kill", demo.root));
    let strange = press.try_clone().unwrap().send().await.unwrap();
    assert_eq!(strange.status(), 403, "another site's page can't send the header");
    assert_eq!(press.header("x-demo", "1").send().await.unwrap().status(), 204);
    demo.get("/api/health").await;
    let processes = demo.until(|entries| started(entries).len() == 2).await;
    assert!(
        processes.iter().any(|entry| entry["text"].as_str().is_some_and(|text| text.contains("signal: 9")))
    );
}

#[tokio::test]
async fn the_connector_may_be_killed_as_often_as_one_likes() {
    let demo = Demo::start().await;
    for kills in 1..=6 {
        let press = demo.http.post(format!("{}/demo/inside/press/kill", demo.root));
        assert_eq!(press.header("x-demo", "1").send().await.unwrap().status(), 204);
        demo.until(|entries| started(entries).len() == kills + 1).await;
    }
    demo.get("/api/health").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_connector_ends_with_the_demo_however_that_goes() {
    let mut demo = Demo::start().await;
    let entries = demo.until(|entries| started(entries).len() == 1).await;
    let process = started(&entries)[0];
    demo.child.kill().unwrap();
    demo.child.wait().unwrap();
    let gone = || match std::fs::read_to_string(format!("/proc/{process}/stat")) {
        // Dead, and nobody has asked how it went.
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    };
    eventually("the connector's process is gone", gone).await;
}

/// The processes that the time line says were started.
fn started(entries: &[Value]) -> Vec<u32> {
    let process = |entry: &Value| {
        let text = entry["text"].as_str()?.strip_prefix("The connector's process ")?;
        text.strip_suffix(" starts.")?.parse().ok()
    };
    entries.iter().filter_map(process).collect()
}

fn handler(port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
    command.args(["demo", "--port", &port.to_string()]).stderr(Stdio::inherit());
    command
}

struct Demo {
    child: Child,
    root: String,
    http: reqwest::Client,
}

impl Demo {
    async fn start() -> Self {
        Self::start_printing(Stdio::null()).await
    }

    async fn start_printing(to: Stdio) -> Self {
        let port = free_port();
        let child = handler(port).stdout(to).spawn().unwrap();
        let http = far_end::client().unwrap();
        let demo = Self { child, root: format!("http://127.0.0.1:{port}"), http };
        let health = format!("{}/api/health", demo.root);
        found("the demo answers", async || demo.http.get(&health).send().await.ok()).await;
        demo
    }

    async fn get(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.root)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// The time line, once it holds what is waited for.
    async fn until(&self, there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut news = self.http.get(format!("{}/demo/inside/events", self.root)).send().await.unwrap();
        let mut text = String::new();
        let waiting = async {
            loop {
                text.push_str(&String::from_utf8_lossy(&news.chunk().await.unwrap().unwrap()));
                let data = text.split("\n\n").filter_map(|event| event.split_once("data: "));
                let entries: Vec<Value> =
                    data.filter_map(|(_, json)| serde_json::from_str(json).ok()).collect();
                if there(&entries) {
                    return entries;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the time line does not say it")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
