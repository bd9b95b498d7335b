//! What goes wrong on purpose.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Everything that is to go wrong; also the body of `POST /simulator/faults`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FaultPlan {
    /// Every call is answered with 503 and not processed, as what stands before an instance does.
    pub down: bool,
    pub requests: Vec<Fault>,
    pub webhooks: WebhookFaults,
}

/// One thing that goes wrong with calls to the instance.
///
/// All that match strike, in the order of the plan; the first that answers the call ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// `None`: every call of the bot integration endpoint. `MESSAGE` is the call without an action;
    /// `OAUTH` and `MEDIA` are the other two endpoints, which are only meant when named.
    #[serde(default)]
    pub action: Option<String>,
    /// How often it strikes; `None`: always.
    #[serde(default)]
    pub times: Option<u32>,
    /// Only the first try of each `requestId`.
    #[serde(default)]
    pub first_try: bool,
    /// Only one `requestId` in so many, and each try of it.
    #[serde(default)]
    pub one_in: Option<u32>,
    #[serde(flatten)]
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "camelCase")]
pub enum Effect {
    /// Answers this status; the call is not processed.
    Status { status: u16 },
    /// Answers 429 with `Retry-After` and `X-RateLimit-Reset`; not processed.
    #[serde(rename_all = "camelCase")]
    RateLimited { retry_after: u64 },
    /// Processes the call; the answer says how many of 100 calls an hour are left.
    Remaining { calls: u64 },
    /// Takes so long before the call is processed.
    Delay { ms: u64 },
    /// Takes a random time up to this before the call is processed.
    Jitter { ms: u64 },
    /// Cuts the connection; not processed.
    DropBefore,
    /// Processes the call, then cuts the connection.
    DropAfter,
    /// Processes the call, then answers so much later.
    LateAnswer { ms: u64 },
    /// Answers 200 with `status: failure`; not processed.
    Failure,
    /// Answers as the platform does where the plug-in is missing: no resource has this path. Not processed.
    NoSuchResource,
    /// Processes the call, answers 200 with a body that is not JSON.
    NotJson,
    /// Processes the call; where `success` alone is due, the answer has a text with the message's
    /// `clientMessageId`, as if it was asked for synchronously.
    Quoted,
}

/// What goes wrong with webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WebhookFaults {
    /// How often each webhook is sent again.
    pub duplicate: u32,
    /// Each webhook lets the next one of its chat pass first, if that comes within 100 ms.
    pub reorder: bool,
    pub delay_ms: u64,
}

impl Fault {
    pub fn new(effect: Effect) -> Self {
        Self { action: None, times: None, first_try: false, one_in: None, effect }
    }

    pub fn status(status: u16) -> Self {
        Self::new(Effect::Status { status })
    }

    /// Only calls with this action.
    pub fn of(mut self, action: &str) -> Self {
        self.action = Some(action.to_owned());
        self
    }

    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only the first try of each `requestId`.
    pub fn first_tries(mut self) -> Self {
        self.first_try = true;
        self
    }

    /// Only one `requestId` in so many.
    pub fn one_in(mut self, calls: u32) -> Self {
        self.one_in = Some(calls);
        self
    }

    /// Whether it is one of the calls that `one_in` means.
    pub fn strikes(&self, request_id: &str) -> bool {
        let sum = request_id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.one_in.is_none_or(|calls| sum.checked_rem(calls) == Some(0))
    }

    fn means(&self, action: &str) -> bool {
        match self.action.as_deref() {
            None => !matches!(action, "OAUTH" | "MEDIA"),
            Some(named) => named.eq_ignore_ascii_case(action),
        }
    }
}

/// The knobs of one instance.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    plan: FaultPlan,
    /// `requestId`s that `first_try` has already struck, with the fault's place in the plan.
    tried: HashSet<(usize, String)>,
}

impl Faults {
    /// Everything works again.
    pub fn clear(&self) {
        self.replace(FaultPlan::default());
    }

    pub fn replace(&self, plan: FaultPlan) {
        *self.state() = State { plan, tried: HashSet::new() };
    }

    pub fn add(&self, fault: Fault) {
        self.state().plan.requests.push(fault);
    }

    /// Takes back one that was added; a count that went down meanwhile does not matter.
    pub fn take_back(&self, fault: &Fault) {
        self.state().plan.requests.retain(|kept| kept.effect != fault.effect || kept.action != fault.action);
    }

    pub fn set_down(&self, down: bool) {
        self.state().plan.down = down;
    }

    pub fn set_webhooks(&self, webhooks: WebhookFaults) {
        self.state().plan.webhooks = webhooks;
    }

    /// 503 to the first try of each `requestId`.
    pub fn fail_first(&self) {
        self.add(Fault::status(503).first_tries());
    }

    pub fn plan(&self) -> FaultPlan {
        self.state().plan.clone()
    }

    pub(super) fn down(&self) -> bool {
        self.state().plan.down
    }

    pub(super) fn webhooks(&self) -> WebhookFaults {
        self.state().plan.webhooks.clone()
    }

    /// What strikes this call; counts it.
    pub(super) fn strike(&self, action: &str, request_id: &str) -> Vec<Effect> {
        let mut state = self.state();
        let State { plan, tried } = &mut *state;
        let mut effects = Vec::new();
        for (place, fault) in plan.requests.iter_mut().enumerate() {
            let spent = fault.times == Some(0);
            if spent || !fault.means(action) || !fault.strikes(request_id) {
                continue;
            }
            if fault.first_try && !tried.insert((place, request_id.to_owned())) {
                continue;
            }
            fault.times = fault.times.map(|left| left - 1);
            effects.push(fault.effect.clone());
        }
        effects
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Effect {
    /// How long the call waits before it is processed.
    pub(super) fn wait(&self) -> Duration {
        match self {
            Self::Delay { ms } => Duration::from_millis(*ms),
            Self::Jitter { ms } => Duration::from_millis(super::ids::random_below(ms.saturating_add(1))),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_try_fault_strikes_each_request_once() {
        let faults = Faults::default();
        faults.fail_first();
        assert_eq!(faults.strike("MESSAGE", "r1"), [Effect::Status { status: 503 }]);
        assert_eq!(faults.strike("MESSAGE", "r1"), []);
        assert_eq!(faults.strike("AGENT", "r2"), [Effect::Status { status: 503 }]);
    }

    #[test]
    fn a_fault_strikes_only_what_it_names_and_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add(Fault::status(401).of("agent").times(1));
        assert_eq!(faults.strike("MESSAGE", "r1"), []);
        assert_eq!(faults.strike("AGENT", "r2").len(), 1);
        assert_eq!(faults.strike("AGENT", "r3"), []);
        faults.replace(FaultPlan { requests: vec![Fault::status(500)], ..FaultPlan::default() });
        assert_eq!(faults.strike("MEDIA", ""), [], "other endpoints must be named");
    }

    #[test]
    fn a_plan_reads_as_documented() {
        let json = r#"{"down":true,"requests":[{"action":"AGENT","times":2,"effect":"rateLimited","retryAfter":3},
            {"firstTry":true,"effect":"dropAfter"}],"webhooks":{"duplicate":2,"delayMs":5}}"#;
        let plan: FaultPlan = serde_json::from_str(json).unwrap();
        assert!(plan.down && plan.requests[1].first_try);
        assert_eq!(plan.requests[0].effect, Effect::RateLimited { retry_after: 3 });
        assert_eq!(plan.webhooks, WebhookFaults { duplicate: 2, reorder: false, delay_ms: 5 });
    }
}
