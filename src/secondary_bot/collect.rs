//! Listening to the agent until its turn is over.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;

use super::{SecondaryBot, agent::Unreached, work::Work};
use crate::{
    domain::Timestamp,
    far_end::CallError,
    relay::turn::{Limits, Next, Notice, Poll, Sign, Turn},
    translate::escalation,
    wire::activity::{Activity, ActivitySet},
};

/// What was heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// The agent's own activities, in order.
    pub activities: Vec<Activity>,
    pub watermark: Option<String>,
    /// Our last post came back, so it did arrive.
    pub echoed: bool,
    /// The conversation is gone.
    pub lost: bool,
    /// Nobody knows whether what was said arrived.
    pub doubtful: bool,
}

impl SecondaryBot {
    /// Reads until the agent's turn is over; `name` is the last post's.
    pub(super) async fn listen(&self, work: &Work<'_>, limits: Limits, name: &str) -> Heard {
        let (user, watermark) = {
            let state = work.session.state().await;
            (state.user.clone(), state.agent.as_ref().and_then(|agent| agent.watermark.clone()))
        };
        let now = || self.ledger.now();
        let mut heard = Heard { watermark, ..Heard::default() };
        let mut seen = HashSet::new();
        let mut turn = Turn::new(limits, now());
        while let Next::Poll(at) = turn.next() {
            let wait = at.millis_since(now()).max(0).unsigned_abs();
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let asked = now();
            match self.read(work.session, Some(work.held), heard.watermark.as_deref()).await {
                Ok(set) => {
                    let news = heard.take(set, &user, name, &self.events, &mut seen);
                    turn.heard(Poll { asked, answered: now(), one_clock: false }, news);
                }
                Err(Unreached::Lost) => {
                    heard.lost = true;
                    break;
                }
                Err(Unreached::Refused(_)) => break,
                Err(Unreached::NotTaken(CallError::Throttled(wait))) => {
                    turn.failed(now(), i64::try_from(wait.as_millis()).ok());
                }
                Err(_) => turn.failed(now(), None),
            }
        }
        heard
    }
}

impl Heard {
    /// Adds what a poll brought and says what of it is new.
    pub fn take(
        &mut self,
        set: ActivitySet,
        user: &str,
        name: &str,
        events: &[String],
        seen: &mut HashSet<(String, String)>,
    ) -> Vec<Notice> {
        self.watermark = match set.watermark {
            Some(Value::String(watermark)) => Some(watermark),
            Some(Value::Number(watermark)) => Some(watermark.to_string()),
            _ => self.watermark.take(),
        };
        let mut news = Vec::new();
        for activity in set.activities {
            let stamp = activity.timestamp.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(id) = &activity.id
                && !seen.insert((id.clone(), stamp.clone()))
            {
                continue;
            }
            let own = is_users(&activity, user);
            news.push(Notice {
                sign: sign(&activity, own, events),
                id: activity.id.clone(),
                reply_to: activity.reply_to_id.clone(),
                stamp: Timestamp::parse_rfc3339(&stamp),
            });
            if own {
                self.echoed |= name_of(&activity) == Some(name);
            } else {
                self.activities.push(activity);
            }
        }
        news
    }
}

fn sign(activity: &Activity, own: bool, events: &[String]) -> Sign {
    match activity.kind.as_str() {
        "message" if own => Sign::Echo,
        "message" => {
            let hint = activity.rest.get("inputHint").and_then(Value::as_str);
            Sign::Speech { asks: hint == Some("expectingInput") }
        }
        "endOfConversation" if !own => Sign::EndOfConversation,
        "handoff" if !own => Sign::HandOff,
        "event" if !own && activity.name.as_ref().is_some_and(|name| events.contains(name)) => Sign::HandOff,
        _ => Sign::Noise,
    }
}

/// By the name we gave it, by role, by the user's id.
fn is_users(activity: &Activity, user: &str) -> bool {
    let Some(from) = &activity.from else { return name_of(activity).is_some() };
    escalation::is_user(from) || from.id.as_deref() == Some(user) || name_of(activity).is_some()
}

/// The name that a post of ours gave its echo.
pub fn name_of(activity: &Activity) -> Option<&str> {
    activity.channel_data.as_ref()?.get("clientActivityID")?.as_str()
}
