//! One request's exchange with the agent: what is posted, each step stored before and after, and what is heard.

use tracing::{error, warn};

use super::{
    SecondaryBot, Session,
    agent::Unreached,
    collect::Heard,
    fact::Fact,
    plan::{Listen, Plan},
    state::Queued,
    work::Stop,
};
use crate::{
    domain::Timestamp, journal::JournalError, relay::turn::Limits, translate::texts, wire::activity::Activity,
};

/// Milliseconds an agent is given to answer an event once its turn is over.
const BRIEFLY: i64 = 5_000;
/// Milliseconds at least for looking for what may have arrived.
const LOOK_FOR: i64 = 5_000;

/// Why there was no conversation.
pub enum Turned {
    Lost,
    Refused,
    Stop(Stop),
}

impl From<Stop> for Turned {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<JournalError> for Turned {
    fn from(error: JournalError) -> Self {
        Self::Stop(error.into())
    }
}

impl SecondaryBot {
    /// Makes the plan's posts and listens. `None`: there was nothing to listen for.
    pub(super) async fn converse(
        &self,
        session: &Session,
        queued: &Queued,
        plan: &Plan,
        in_doubt: bool,
    ) -> Result<Option<Heard>, Turned> {
        let began = Timestamp::now();
        let first = session.state.lock().await.progress.posted;
        let last = plan.posts.len().saturating_sub(1);
        // Events and words are not said twice without a look; variables may be set again.
        let skips = in_doubt && plan.posts.get(first).is_some_and(|post| !post.may_repeat());
        let mut sure = true;
        for ordinal in first..plan.posts.len() {
            sure = if skips && ordinal == first {
                warn!(session.id = %session.id, ordinal, "A post to the agent was cut off; looking for its echo");
                false
            } else {
                self.post_one(session, queued, ordinal, plan).await?
            };
            let posted = |at| Fact::Posted { request: queued.position, ordinal, at };
            self.go_on(session, queued, posted).await?;
        }
        if plan.listen == Listen::No {
            return Ok(None);
        }
        let limits = self.patience(plan.listen, Timestamp::now().millis_since(began), sure);
        let name = name(queued, last);
        let mut heard = self.listen(session, limits, &name).await?;
        let silent = |heard: &Heard| heard.activities.iter().all(|activity| activity.kind != "message");
        let nothing = |heard: &Heard| silent(heard) && !heard.echoed;
        if skips && first == last && nothing(&heard) && !heard.lost {
            // Neither its echo nor an answer: it never left.
            sure = self.post_one(session, queued, last, plan).await?;
            heard = self.listen(session, limits, &name).await?;
        }
        if (!sure && nothing(&heard)) || (heard.lost && silent(&heard)) {
            warn!(session.id = %session.id, "What was said to the agent, or what it answered, may be lost");
            heard.activities.push(may_be_lost());
        }
        Ok(Some(heard))
    }

    /// Makes one post; whether it surely arrived.
    async fn post_one(
        &self,
        session: &Session,
        queued: &Queued,
        ordinal: usize,
        plan: &Plan,
    ) -> Result<bool, Turned> {
        let (request, by) = (queued.position, self.name.clone());
        self.go_on(session, queued, |at| Fact::Posting { request, ordinal, by: by.clone(), at }).await?;
        let Some(post) = plan.posts.get(ordinal) else { return Ok(true) };
        match self.post(session, post, &name(queued, ordinal)).await {
            Ok(()) => Ok(true),
            Err(Unreached::Uncertain(error)) => {
                warn!(session.id = %session.id, %error, "A post to the agent may not have arrived; looking for its echo");
                Ok(false)
            }
            Err(Unreached::Lost) => Err(Turned::Lost),
            Err(Unreached::Refused(error)) => {
                error!(session.id = %session.id, %error, "Direct Line refused a post to the agent");
                Err(Turned::Refused)
            }
            Err(Unreached::Store(error)) => Err(Turned::Stop(error.into())),
        }
    }

    fn patience(&self, listen: Listen, lasted: i64, sure: bool) -> Limits {
        let Limits { quiet, patience } = self.limits;
        let left = match listen {
            Listen::Briefly => BRIEFLY.min(patience),
            Listen::Fully | Listen::No => (patience - lasted).max(1_000),
        };
        let patience = if sure { left } else { left.max(LOOK_FOR.min(patience)) };
        Limits { quiet, patience }
    }
}

/// How a post's echo is known.
fn name(queued: &Queued, ordinal: usize) -> String {
    format!("{}.{ordinal}", queued.position)
}

/// Says in the agent's stead that nothing is known of the user's message.
fn may_be_lost() -> Activity {
    Activity { kind: "message".to_owned(), text: Some(texts::MAY_BE_LOST.to_owned()), ..Activity::default() }
}
