//! One request's exchange with the agent: what is posted, each step stored before and after, and what is heard.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use tracing::warn;

use super::{
    SecondaryBot,
    agent::Unreached,
    fact::Fact,
    plan::{Listen, Plan, Post},
    state::State,
    work::Work,
};
use crate::{
    agent_turn::{Eyes, LARGEST_TURN, Limits, Next, Notice, Poll, Seen, Turn, Why},
    direct_line::Look,
    domain::millis,
    far_end::{CallError, Steady},
    ledger::Failure,
    translate::secondary_bot::Said,
    wire::activity::{Activity, ActivitySet},
};

/// Milliseconds within which an agent that has anything to say to an event shows itself.
const BRIEFLY: i64 = 5_000;
/// Milliseconds at least for looking for what may have arrived.
const LOOK_FOR: i64 = 5_000;
/// Pauses before each look for a post that was cut off with its worker: by now it has arrived, or never will.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(700)];

const END: &str = "endOfConversation";

/// What was heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// The agent's own activities, in order.
    pub activities: Vec<Activity>,
    pub watermark: Option<String>,
    /// The name of a post of ours that may not have arrived.
    pub in_doubt: Option<String>,
    /// The ids of the user's words, and of what was posted besides that may be answered.
    pub said: BTreeSet<String>,
    pub acted: BTreeSet<String>,
    /// The conversation is gone.
    pub lost: bool,
    /// Which of its words, and of its ends, are from before: unasked, or too late for the turn before.
    pub late: BTreeSet<usize>,
    /// Direct Line failed, so that there may be more.
    cut: bool,
    seen: Seen,
    /// Where each of the activities stands among all that was heard.
    places: Vec<usize>,
    heard: usize,
    user: String,
    /// Which id a post of this name has.
    ids: HashMap<String, String>,
}

impl SecondaryBot {
    /// Makes the plan's posts, and listens if it says so.
    pub(super) async fn converse(&self, work: &Work<'_>, plan: &Plan) -> Result<Heard, Unreached> {
        let clock = Steady::from(self.ledger.now());
        let progress = work.session.state().await.progress.clone();
        let mut heard = Heard::behind(&*work.session.state().await);
        let mut in_doubt = None;
        for (ordinal, post) in plan.posts.iter().enumerate().skip(progress.posted) {
            let name = name(work, ordinal);
            let mut doubtful = false;
            let was_cut_off = progress.posting == Some(ordinal) && !post.may_repeat();
            if !(was_cut_off && self.has_arrived(work, ordinal).await?) {
                self.step(work, Fact::Posting { ordinal, at: self.ledger.now() }).await?;
                doubtful = !self.make(work, post, &name, &mut heard).await?;
            }
            let untold = doubtful && post.may_repeat();
            // The last one stays in doubt until its echo is heard.
            if !doubtful || untold || ordinal + 1 < plan.posts.len() {
                self.step(work, Fact::Posted { ordinal, untold, at: self.ledger.now() }).await?;
            }
            in_doubt = in_doubt.or((doubtful && !untold).then_some(name));
        }
        if plan.listen == Listen::No {
            return Ok(Heard::default());
        }
        let limits = self.patience(plan.listen, clock.now().millis_since(clock.began), in_doubt.is_none());
        let mut turn = Turn::begin(limits, clock.began, clock.now());
        let awaited = (0..plan.posts.len()).filter(|ordinal| plan.asks_with(*ordinal));
        let ids = awaited.filter_map(|ordinal| heard.ids.get(&name(work, ordinal)));
        ids.for_each(|id| turn.posted(id.clone()));
        heard.in_doubt = in_doubt;
        self.listen(work, clock, turn, &mut heard).await;
        heard.tell_apart(plan, |ordinal| name(work, ordinal));
        if heard.may_be_lost(plan.listen) {
            warn!(session.id = %work.session.id, "What was said to the agent, or what it answered, may be lost");
        }
        Ok(heard)
    }

    /// Makes a post; false when it may not have arrived.
    async fn make(
        &self,
        work: &Work<'_>,
        post: &Post,
        name: &str,
        heard: &mut Heard,
    ) -> Result<bool, Unreached> {
        let made = match self.post(work, post, name).await {
            // What changes nothing the second time is not looked for.
            Err(Unreached::Call(CallError::Uncertain(_))) if post.may_repeat() => {
                self.post(work, post, name).await
            }
            made => made,
        };
        match made {
            Ok(id) => heard.ids.extend(id.map(|id| (name.to_owned(), id))),
            Err(Unreached::Call(error @ CallError::Uncertain(_))) => {
                warn!(session.id = %work.session.id, %error, "A post to the agent may not have arrived");
                return Ok(false);
            }
            Err(unreached) => return Err(unreached),
        }
        Ok(true)
    }

    /// Reads until the turn is over.
    async fn listen(&self, work: &Work<'_>, clock: Steady, mut turn: Turn, heard: &mut Heard) {
        let mut room = LARGEST_TURN;
        while let Next::Poll(at) = turn.next() {
            clock.reach(at).await;
            let asked = clock.now();
            match self.read(work.session, heard.watermark.as_deref()).await {
                Ok(Look { set, date, bytes, room: _room }) => {
                    let news = heard.take(set, &self.events);
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
                Err(Unreached::Call(CallError::Rejected { .. })) => {
                    heard.cut = true;
                    break;
                }
                Err(Unreached::Call(CallError::Throttled { wait, .. })) => {
                    turn.failed(asked, clock.now(), Some(millis(wait)));
                }
                Err(_) => turn.failed(asked, clock.now(), None),
            }
        }
        heard.cut |= turn.next() == Next::Over(Why::Fault);
        heard.late = turn.late().filter_map(|place| heard.places.binary_search(&place).ok()).collect();
    }

    /// Looks for the echo of a post whose maker died over it.
    pub(super) async fn has_arrived(&self, work: &Work<'_>, ordinal: usize) -> Result<bool, Unreached> {
        let name = &*name(work, ordinal);
        warn!(session.id = %work.session.id, name, "A post to the agent was cut off; looking for its echo");
        let agent = work.session.state().await.agent.clone();
        let watermark = agent.and_then(|agent| agent.watermark);
        let mut looked = false;
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            match self.read(work.session, watermark.as_deref()).await {
                Ok(look) if look.set.activities.iter().any(|activity| name_of(activity) == Some(name)) => {
                    return Ok(true);
                }
                Ok(_) => looked = true,
                Err(gone) if gone.is_final() => return Err(gone),
                Err(_) => {}
            }
        }
        // Nobody knows: neither said again nor taken for said.
        if looked { Ok(false) } else { Err(Unreached::Stopped(Failure::Uncertain)) }
    }

    fn patience(&self, listen: Listen, lasted: i64, sure: bool) -> Limits {
        let whole = self.limits.patience;
        let least = if sure { 1_000 } else { LOOK_FOR.min(whole) };
        let patience = (whole - lasted).max(least);
        let silence = if listen == Listen::Briefly { BRIEFLY } else { patience };
        Limits { patience, silence, ..self.limits }
    }
}

/// How a post's echo is known.
fn name(work: &Work<'_>, ordinal: usize) -> String {
    format!("{}.{ordinal}", work.request())
}

impl Heard {
    /// Sorts the ids of the plan's posts. An answer to something done beside the words belongs to the turn, though the words are
    /// what is waited for.
    fn tell_apart(&mut self, plan: &Plan, name: impl Fn(usize) -> String) {
        for (ordinal, post) in plan.posts.iter().enumerate().filter(|(_, post)| !post.may_repeat()) {
            let posts = if post.is_words() { &mut self.said } else { &mut self.acted };
            posts.extend(self.ids.remove(&name(ordinal)));
        }
        let Self { activities, acted, late, .. } = self;
        late.retain(|nth| !replies_to(&activities[*nth], acted));
    }

    /// Whether what was said to the agent, or what it answered, may be lost.
    pub fn may_be_lost(&self, listen: Listen) -> bool {
        let says = listen == Listen::Fully;
        let is_answer = |activity: &Activity| !says || !replies_to(activity, &self.acted);
        let doubtful = self.in_doubt.is_some() || self.lost || self.cut;
        (doubtful || says && self.ended_before() && !self.ends()) && !self.spoken().any(is_answer)
    }

    /// Whether all that the agent said is from before.
    pub fn is_late(&self) -> bool {
        !self.late.is_empty() && self.spoken().next().is_none()
    }

    /// Whether the agent had ended the conversation before the user spoke.
    fn ended_before(&self) -> bool {
        self.late.iter().any(|late| self.activities[*late].kind == END)
    }

    /// Whether the conversation is over, by this turn or from before.
    pub fn is_over(&self) -> bool {
        self.ends() || self.ended_before() && self.is_late()
    }

    /// Whether the agent ended the conversation in this turn.
    pub fn ends(&self) -> bool {
        self.of_turn().any(|activity| activity.kind == END)
    }

    /// What the agent said in this turn. A message that shows nothing says nothing.
    fn spoken(&self) -> impl Iterator<Item = &Activity> {
        self.of_turn().filter(|activity| activity.kind == "message" && Said::shows(activity))
    }

    fn of_turn(&self) -> impl Iterator<Item = &Activity> {
        let of_turn = self.activities.iter().enumerate().filter(|(nth, _)| !self.late.contains(nth));
        of_turn.map(|(_, activity)| activity)
    }

    /// Whether the agent has answered what was done beside the words.
    pub fn answers_action(&self) -> bool {
        self.spoken().any(|activity| replies_to(activity, &self.acted))
    }

    /// Whether the agent has spoken, and only to answer the user's words.
    pub fn only_answers_words(&self) -> bool {
        let mut spoken = self.spoken().peekable();
        spoken.peek().is_some() && spoken.all(|activity| replies_to(activity, &self.said))
    }

    /// Nothing yet, behind what is known of the session's conversation.
    pub fn behind(state: &State) -> Self {
        let watermark = state.agent.as_ref().and_then(|agent| agent.watermark.clone());
        Self { watermark, user: state.user.clone(), ..Self::default() }
    }

    /// Nothing, after posts that may have arrived.
    pub fn in_doubt() -> Self {
        Self { in_doubt: Some(String::new()), ..Self::default() }
    }

    /// Adds what a poll brought and says what of it is new. `events`: names that mean a hand-off.
    pub fn take(&mut self, set: ActivitySet, events: &[String]) -> Vec<Notice> {
        self.watermark = set.watermark().or(self.watermark.take());
        let eyes = Eyes { hand_off: events, user: Some(&self.user), agent: None };
        let mut news = Vec::new();
        for activity in set.activities {
            let Some(notice) = self.seen.news(eyes.read(&activity)) else { continue };
            let place = self.heard + news.len();
            news.push(notice);
            if eyes.are_users(&activity) {
                self.in_doubt.take_if(|name| name_of(&activity) == Some(name));
                let posted = name_of(&activity).map(str::to_owned).zip(activity.id);
                self.ids.extend(posted);
            } else {
                self.places.push(place);
                self.activities.push(activity);
            }
        }
        self.heard += news.len();
        news
    }
}

fn replies_to(activity: &Activity, posts: &BTreeSet<String>) -> bool {
    activity.reply_to_id.as_ref().is_some_and(|id| posts.contains(id))
}

/// The name that a post of ours gave its echo.
pub fn name_of(activity: &Activity) -> Option<&str> {
    activity.channel_data.as_ref()?.get("clientActivityID")?.as_str()
}
