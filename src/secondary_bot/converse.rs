//! One request's exchange with the agent: what is posted, each step stored before and after, and what is heard.

use std::time::Duration;

use tracing::warn;

use super::{
    SecondaryBot,
    agent::Unreached,
    collect::{Heard, name_of},
    machine::Step,
    plan::{Listen, Plan},
    work::Work,
};
use crate::{
    agent_turn::{Limits, Turn},
    far_end::Steady,
    ledger::Failure,
    translate::texts::Text,
    wire::activity::Activity,
};

/// Milliseconds an agent is given to answer an event once its turn is over.
const BRIEFLY: i64 = 5_000;
/// Milliseconds at least for looking for what may have arrived.
const LOOK_FOR: i64 = 5_000;
/// Pauses before each look for a post that was cut off with its worker: by now it has arrived, or never will.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(700)];

impl SecondaryBot {
    /// Makes the plan's posts and listens. `None`: there was nothing to listen for.
    pub(super) async fn converse(&self, work: &Work<'_>, plan: &Plan) -> Result<Option<Heard>, Unreached> {
        let clock = Steady::from(self.ledger.now());
        let progress = work.session.state().await.progress.clone();
        let (first, last) = (progress.posted, plan.posts.len().saturating_sub(1));
        let (mut sure, mut ids) = (true, Vec::new());
        for ordinal in first..plan.posts.len() {
            let in_doubt = progress.posting == Some(ordinal) && !plan.posts[ordinal].may_repeat();
            let arrived = if in_doubt && self.has_arrived(work, ordinal).await? {
                Arrived::Surely(None)
            } else {
                self.post_one(work, ordinal, plan).await?
            };
            sure = matches!(arrived, Arrived::Surely(_));
            if let Arrived::Surely(Some(id)) = arrived
                && plan.asks_with(ordinal)
            {
                ids.push(id);
            }
            // The last one stays in doubt until its echo is heard.
            if sure || ordinal < last {
                self.step(work, Step::Posted(ordinal)).await?;
            }
        }
        if plan.listen == Listen::No {
            return Ok(None);
        }
        let limits = self.patience(plan.listen, clock.now().millis_since(clock.began), sure);
        let mut turn = Turn::begin(limits, clock.began, clock.now());
        ids.into_iter().for_each(|id| turn.posted(id));
        let mut heard = self.listen(work, clock, turn, &name(work, last)).await;
        let silent = heard.activities.iter().all(|activity| activity.kind != "message");
        if silent && ((!sure && !heard.echoed) || heard.lost || heard.cut) {
            warn!(session.id = %work.session.id, "What was said to the agent, or what it answered, may be lost");
            let words = work.session.state().await.words(&self.texts);
            heard.activities.push(said_for_it(words.get(Text::MayBeLost)));
            heard.doubtful = !sure;
        }
        Ok(Some(heard))
    }

    /// Looks for the echo of a post whose maker died over it.
    async fn has_arrived(&self, work: &Work<'_>, ordinal: usize) -> Result<bool, Unreached> {
        warn!(session.id = %work.session.id, ordinal, "A post to the agent was cut off; looking for its echo");
        let name = name(work, ordinal);
        let agent = work.session.state().await.agent.clone();
        let watermark = agent.and_then(|agent| agent.watermark);
        let mut looked = false;
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            match self.read(work.session, Some(work.held), watermark.as_deref()).await {
                Ok(look) if look.set.activities.iter().any(|activity| name_of(activity) == Some(&name)) => {
                    return Ok(true);
                }
                Ok(_) => looked = true,
                Err(Unreached::NotTaken(_) | Unreached::Uncertain(_)) => {}
                Err(unreached) => return Err(unreached),
            }
        }
        // Nobody knows: neither said again nor taken for said.
        if looked { Ok(false) } else { Err(Unreached::Stopped(Failure::Uncertain)) }
    }

    /// Makes one post.
    async fn post_one(&self, work: &Work<'_>, ordinal: usize, plan: &Plan) -> Result<Arrived, Unreached> {
        self.step(work, Step::Posting(ordinal)).await?;
        match self.post(work, &plan.posts[ordinal], &name(work, ordinal)).await {
            Ok(id) => Ok(Arrived::Surely(id)),
            Err(Unreached::Uncertain(error)) => {
                warn!(session.id = %work.session.id, %error, "A post to the agent may not have arrived; looking for its echo");
                Ok(Arrived::Perhaps)
            }
            Err(unreached) => Err(unreached),
        }
    }

    fn patience(&self, listen: Listen, lasted: i64, sure: bool) -> Limits {
        let Limits { quiet, patience, least } = self.limits;
        let left = match listen {
            Listen::Briefly => BRIEFLY.min(patience),
            Listen::Fully | Listen::No => (patience - lasted).max(1_000),
        };
        let patience = if sure { left } else { left.max(LOOK_FOR.min(patience)) };
        Limits { quiet, patience, least }
    }
}

/// What became of a post.
enum Arrived {
    /// With the id that Direct Line gave it, when it told one.
    Surely(Option<String>),
    Perhaps,
}

/// How a post's echo is known.
fn name(work: &Work<'_>, ordinal: usize) -> String {
    format!("{}.{ordinal}", work.request())
}

/// What is said in the agent's stead.
fn said_for_it(text: &str) -> Activity {
    Activity { kind: "message".to_owned(), text: Some(text.to_owned()), ..Activity::default() }
}
