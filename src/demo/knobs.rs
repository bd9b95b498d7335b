//! The buttons of the page *Inside*: what the simulators can do to the connector, and what the system can.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    connector::Connector,
    timeline::{Timeline, What},
};
use crate::{
    domain::Timestamp,
    simulate::servicenow::{Effect, Fault, ServiceNow, WebhookFaults},
};

/// How long ServiceNow answers 503.
const OUTAGE: Duration = Duration::from_secs(10);
const LATE: u64 = 15_000;
const LOOK: Duration = Duration::from_millis(200);

/// What can be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knob {
    /// ServiceNow answers 503 for ten seconds.
    Outage,
    /// The next call is done, and its answer lost.
    Lose,
    /// The next call is done, and answered after 15 s.
    Late,
    /// No agent is there.
    Nobody,
    /// Each webhook comes twice.
    Twice,
    /// Each webhook lets the next one pass.
    Reorder,
    /// SIGKILL for the connector.
    Kill,
}

impl Knob {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "outage" => Self::Outage,
            "lose" => Self::Lose,
            "late" => Self::Late,
            "nobody" => Self::Nobody,
            "twice" => Self::Twice,
            "reorder" => Self::Reorder,
            "kill" => Self::Kill,
            _ => return None,
        })
    }
}

pub struct Knobs {
    servicenow: ServiceNow,
    connector: Connector,
    timeline: Arc<Timeline>,
    /// When the outage ends, in milliseconds since the epoch.
    down_until: AtomicI64,
    /// How they stood when the page was told last.
    told: Mutex<Value>,
}

impl Knobs {
    pub fn new(servicenow: ServiceNow, connector: Connector, timeline: Arc<Timeline>) -> Arc<Self> {
        let knobs = Arc::new(Self {
            servicenow,
            connector,
            timeline,
            down_until: AtomicI64::new(0),
            told: Mutex::default(),
        });
        // What is armed goes off by a call, of which nobody here is told.
        let told = Arc::downgrade(&knobs);
        actix_web::rt::spawn(async move {
            while let Some(knobs) = told.upgrade() {
                if knobs.standing() != *knobs.told.lock().unwrap_or_else(PoisonError::into_inner) {
                    knobs.tell();
                }
                drop(knobs);
                tokio::time::sleep(LOOK).await;
            }
        });
        knobs
    }

    pub fn press(self: &Arc<Self>, knob: Knob) {
        match knob {
            Knob::Outage => self.fail(),
            Knob::Lose => self.arm(Effect::DropAfter),
            Knob::Late => self.arm(Effect::LateAnswer { ms: LATE }),
            Knob::Nobody => self.servicenow.set_agents_available(!self.servicenow.agents_available()),
            Knob::Twice => self.webhooks(|faults| faults.duplicate = u32::from(faults.duplicate == 0)),
            Knob::Reorder => self.webhooks(|faults| faults.reorder = !faults.reorder),
            Knob::Kill => {
                if let Err(refused) = self.connector.kill() {
                    self.timeline.process(format!("The connector can't be killed: {refused}."));
                }
            }
        }
        self.tell();
    }

    fn tell(&self) {
        let knobs = self.standing();
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&knobs);
        let what = What::Knobs { knobs };
        self.timeline.add("knobs".to_owned(), Timestamp::now(), None, what);
    }

    fn standing(&self) -> Value {
        let plan = self.servicenow.faults().plan();
        let armed = |effect: &Effect| {
            plan.requests.iter().any(|fault| fault.effect == *effect && fault.times != Some(0))
        };
        json!({
            "outageUntil": self.down_until.load(Ordering::Relaxed),
            "lose": armed(&Effect::DropAfter),
            "late": armed(&Effect::LateAnswer { ms: LATE }),
            "nobody": !self.servicenow.agents_available(),
            "twice": plan.webhooks.duplicate > 0,
            "reorder": plan.webhooks.reorder,
        })
    }

    fn fail(self: &Arc<Self>) {
        let fault = Fault::status(503);
        self.servicenow.faults().take_back(&fault);
        self.servicenow.faults().add(fault.clone());
        let length = i64::try_from(OUTAGE.as_millis()).unwrap_or_default();
        let until = Timestamp::now().plus_millis(length).0;
        self.down_until.store(until, Ordering::Relaxed);
        let knobs = Arc::clone(self);
        actix_web::rt::spawn(async move {
            tokio::time::sleep(OUTAGE).await;
            // Pressed again meanwhile, the later press ends it.
            if knobs.down_until.compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                knobs.servicenow.faults().take_back(&fault);
                knobs.tell();
            }
        });
    }

    /// Strikes the next call that says something; signs and receipts are not worth it.
    fn arm(&self, effect: Effect) {
        let fault = Fault::new(effect).of("MESSAGE").times(1);
        self.servicenow.faults().take_back(&fault);
        self.servicenow.faults().add(fault);
    }

    fn webhooks(&self, change: impl FnOnce(&mut WebhookFaults)) {
        let mut faults = self.servicenow.faults().plan().webhooks;
        change(&mut faults);
        self.servicenow.faults().set_webhooks(faults);
    }
}
