//! Listening to the agent until its turn is over.

use serde_json::Value;

use super::{SecondaryBot, agent::Unreached, work::Work};
use crate::{
    agent_turn::{Eyes, LARGEST_TURN, Next, Notice, Poll, Seen, Turn, Why},
    direct_line::Look,
    domain::millis,
    far_end::{CallError, Steady},
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
    /// Direct Line failed, so that there may be more.
    pub cut: bool,
}

impl SecondaryBot {
    /// Reads until the turn is over; `name` is the last post's.
    pub(super) async fn listen(&self, work: &Work<'_>, clock: Steady, mut turn: Turn, name: &str) -> Heard {
        let (user, watermark) = {
            let state = work.session.state().await;
            (state.user.clone(), state.agent.as_ref().and_then(|agent| agent.watermark.clone()))
        };
        let mut heard = Heard { watermark, ..Heard::default() };
        let (eyes, mut seen) =
            (Eyes { hand_off: &self.events, user: Some(&user), agent: None }, Seen::default());
        let mut room = LARGEST_TURN;
        while let Next::Poll(at) = turn.next() {
            clock.reach(at).await;
            let asked = clock.now();
            match self.read(work.session, Some(work.held), heard.watermark.as_deref()).await {
                Ok(Look { set, date, bytes, room: _room }) => {
                    let news = heard.take(set, &eyes, name, &mut seen);
                    turn.heard(Poll { asked, answered: clock.now(), date }, news);
                    room = room.saturating_sub(bytes);
                    if room == 0 {
                        break;
                    }
                }
                Err(Unreached::Lost) => {
                    heard.lost = true;
                    break;
                }
                Err(Unreached::Refused(_)) => {
                    heard.cut = true;
                    break;
                }
                Err(Unreached::NotTaken(CallError::Throttled(wait))) => {
                    turn.failed(clock.now(), Some(millis(wait)));
                }
                Err(_) => turn.failed(clock.now(), None),
            }
        }
        heard.cut |= turn.next() == Next::Over(Why::Fault);
        heard
    }
}

impl Heard {
    /// Adds what a poll brought and says what of it is new.
    pub fn take(&mut self, set: ActivitySet, eyes: &Eyes<'_>, name: &str, seen: &mut Seen) -> Vec<Notice> {
        self.watermark = match set.watermark {
            Some(Value::String(watermark)) => Some(watermark),
            Some(Value::Number(watermark)) => Some(watermark.to_string()),
            _ => self.watermark.take(),
        };
        let mut news = Vec::new();
        for activity in set.activities {
            let Some(notice) = seen.news(eyes.read(&activity)) else { continue };
            news.push(notice);
            if eyes.are_users(&activity) {
                self.echoed |= name_of(&activity) == Some(name);
            } else {
                self.activities.push(activity);
            }
        }
        news
    }
}

/// The name that a post of ours gave its echo.
pub fn name_of(activity: &Activity) -> Option<&str> {
    activity.channel_data.as_ref()?.get("clientActivityID")?.as_str()
}
