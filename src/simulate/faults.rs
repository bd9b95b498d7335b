//! Fault knobs of a simulated far end: what goes wrong, with which requests, how often.
//!
//! A simulator asks [`Faults::meet`] about each request and does what the [`Fault`] says.
//! [`http`] does that for an actix-web server and lets the knobs be turned over HTTP.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub mod http;

/// One thing that goes wrong, and with which requests. As JSON it is the body of `POST /simulator/faults`.
///
/// Built up: `Fault::on("POST", "/activities").skip(1).times(2).status(503).header("Retry-After", "1")`.
/// A fault without an effect only counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Only requests with this method; any when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path and query contain this; any when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// This many matching requests pass first.
    pub skip: u64,
    /// Then this many are hit; all when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Wait before anything else happens; with `after`, once the request is processed. Taking the fault away ends it.
    pub delay_ms: u64,
    /// Answer with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of that answer.
    pub headers: BTreeMap<String, String>,
    /// Body of that answer; a small error object when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Close the connection without an answer.
    pub drop: bool,
    /// The request is processed first, then comes the delay, `status` or `drop`: what the caller sees as a
    /// failure was none.
    pub after: bool,
    /// What the simulator delivers comes twice.
    pub duplicate: bool,
    /// What the simulator delivers comes in reverse order.
    pub reorder: bool,
}

impl Fault {
    /// Matches a method and a part of the path; an empty string matches all.
    pub fn on(method: &str, path: &str) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self { method: given(method), path: given(path), ..Self::default() }
    }

    pub fn skip(self, requests: u64) -> Self {
        Self { skip: requests, ..self }
    }

    pub fn times(self, requests: u64) -> Self {
        Self { times: Some(requests), ..self }
    }

    pub fn once(self) -> Self {
        self.times(1)
    }

    pub fn delay(self, wait: Duration) -> Self {
        Self { delay_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), ..self }
    }

    pub fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Closes the connection without an answer.
    pub fn drop_connection(self) -> Self {
        Self { drop: true, ..self }
    }

    /// Delay, status or drop come after the request was processed, not instead.
    pub fn after_processing(self) -> Self {
        Self { after: true, ..self }
    }

    pub fn duplicate(self) -> Self {
        Self { duplicate: true, ..self }
    }

    pub fn reorder(self) -> Self {
        Self { reorder: true, ..self }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|part| path.contains(part))
    }

    /// Whether the n-th matching request (from 0) is hit.
    fn hits(&self, nth: u64) -> bool {
        nth >= self.skip && self.times.is_none_or(|times| nth - self.skip < times)
    }
}

/// The knobs of one simulator. A clone turns the same knobs.
#[derive(Clone, Default)]
pub struct Faults(Arc<Knobs>);

#[derive(Default)]
struct Knobs {
    down: AtomicBool,
    requests: AtomicU64,
    /// Whether `rules` holds any, so that a server without faults takes no lock.
    armed: AtomicBool,
    rules: Mutex<Rules>,
    /// Rung when faults were taken away.
    taken: Notify,
}

#[derive(Default)]
struct Rules {
    last_id: u64,
    list: Vec<Rule>,
}

struct Rule {
    id: u64,
    fault: Arc<Fault>,
    /// Requests that matched and came this far, hit or not.
    matched: u64,
    hit: u64,
}

impl Faults {
    /// Adds a fault behind those that stand already: one that hits a request hides it from those behind it.
    /// The answer names the fault for [`Faults::hits`].
    pub fn add(&self, fault: Fault) -> u64 {
        let mut rules = self.rules();
        rules.last_id += 1;
        let id = rules.last_id;
        rules.list.push(Rule { id, fault: Arc::new(fault), matched: 0, hit: 0 });
        self.0.armed.store(true, Ordering::Release);
        id
    }

    /// Takes one fault away; what it held up goes on.
    pub fn remove(&self, id: u64) {
        self.rules().list.retain(|rule| rule.id != id);
        self.0.taken.notify_waiters();
    }

    /// Takes all faults away, and the server is up again.
    pub fn clear(&self) {
        self.rules().list.clear();
        self.0.armed.store(false, Ordering::Release);
        self.0.taken.notify_waiters();
        self.set_down(false);
    }

    /// While down, every request's connection is closed without an answer.
    pub fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::Release);
    }

    pub fn is_down(&self) -> bool {
        self.0.down.load(Ordering::Acquire)
    }

    /// How many requests this fault has hit; 0 once it was cleared.
    pub fn hits(&self, id: u64) -> u64 {
        self.rules().list.iter().find(|rule| rule.id == id).map_or(0, |rule| rule.hit)
    }

    /// Requests seen, hit or not, those of `/simulator/` aside.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Counts a request and says what happens to it.
    pub fn meet(&self, method: &str, path: &str) -> Option<Arc<Fault>> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        if !self.0.armed.load(Ordering::Acquire) {
            return None;
        }
        for rule in self.rules().list.iter_mut().filter(|rule| rule.fault.matches(method, path)) {
            let nth = rule.matched;
            rule.matched += 1;
            if rule.fault.hits(nth) {
                rule.hit += 1;
                return Some(Arc::clone(&rule.fault));
            }
        }
        None
    }

    /// Holds a request up for its fault's delay, or until the fault is taken away.
    async fn hold_up(&self, fault: &Arc<Fault>) {
        let taken = async {
            loop {
                let taken = self.0.taken.notified();
                if !self.rules().list.iter().any(|rule| Arc::ptr_eq(&rule.fault, fault)) {
                    return;
                }
                taken.await;
            }
        };
        // Either way it goes on.
        let _ = tokio::time::timeout(Duration::from_millis(fault.delay_ms), taken).await;
    }

    /// What `GET /simulator/state` shows of the knobs.
    pub fn state(&self) -> Value {
        let rules = self.rules();
        let list = rules.list.iter().map(
            |rule| json!({"id": rule.id, "fault": *rule.fault, "matched": rule.matched, "hits": rule.hit}),
        );
        json!({"down": self.is_down(), "requests": self.requests(), "faults": list.collect::<Vec<_>>()})
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lets_the_first_pass_and_ends_after_its_times() {
        let faults = Faults::default();
        let id = faults.add(Fault::on("POST", "/activities").skip(1).times(2).status(503));
        let hit = |_| faults.meet("POST", "/v3/directline/conversations/a/activities").is_some();
        assert_eq!((0..5).map(hit).collect::<Vec<_>>(), [false, true, true, false, false]);
        assert_eq!(faults.hits(id), 2);
    }

    #[test]
    fn other_methods_and_paths_are_left_alone_but_counted() {
        let faults = Faults::default();
        faults.add(Fault::on("POST", "/activities").drop_connection());
        assert_eq!(faults.meet("GET", "/activities"), None);
        assert_eq!(faults.meet("POST", "/conversations"), None);
        assert_eq!(faults.requests(), 2);
    }

    #[test]
    fn faults_queue_up_behind_each_other() {
        let faults = Faults::default();
        faults.add(Fault::on("", "").once().status(429));
        faults.add(Fault::on("", "").once().status(502));
        let statuses: Vec<_> = (0..3).map(|_| faults.meet("GET", "/").and_then(|f| f.status)).collect();
        assert_eq!(statuses, [Some(429), Some(502), None]);
    }

    #[test]
    fn a_misspelt_knob_is_refused() {
        assert!(serde_json::from_value::<Fault>(json!({"statsu": 503})).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_fault_holds_up_goes_on_when_it_is_taken_away() {
        let (faults, begun) = (Faults::default(), tokio::time::Instant::now());
        let id = faults.add(Fault::on("", "").delay(Duration::from_secs(60)));
        let fault = faults.meet("GET", "/").expect("a fault");
        faults.hold_up(&fault).await;
        assert_eq!(begun.elapsed().as_secs(), 60);
        let later = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            faults.remove(id);
        };
        tokio::join!(faults.hold_up(&fault), later);
        assert_eq!(begun.elapsed().as_secs(), 61);
    }

    #[test]
    fn clearing_brings_the_server_up() {
        let faults = Faults::default();
        faults.set_down(true);
        faults.add(Fault::on("", "").status(500));
        faults.clear();
        assert!(!faults.is_down());
        assert_eq!(faults.meet("GET", "/"), None);
    }
}
