//! Goes over the sessions that wait for something: resumes work and deliveries, ends what is idle.

use std::{collections::HashSet, sync::Arc};

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, json};
use tracing::{info, warn};

use super::{
    SecondaryBot, Session,
    agent::Unreached,
    collect::Heard,
    envelope::{Contents, envelope},
    fact::{Answered, Fact},
    plan::Post,
    state::{IDLE_MILLIS, State},
};
use crate::{
    domain::{ConversationId, Timestamp},
    journal::{Journal, JournalError},
    translate::secondary_bot::{Pending, Said, said},
};

/// Sessions looked at at the same time.
const AT_ONCE: usize = 16;

impl SecondaryBot {
    /// Looks at every open session once; how many there were.
    ///
    /// # Errors
    /// When the open sessions can't be listed. One that fails by itself is logged and passed over.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, JournalError> {
        self.sweep_at(Timestamp::now()).await
    }

    /// As [`sweep`](Self::sweep), at another time of day.
    ///
    /// # Errors
    /// As there.
    pub async fn sweep_at(self: &Arc<Self>, now: Timestamp) -> Result<usize, JournalError> {
        let open = self.journal.open().await?;
        let look = async |id: &ConversationId| {
            if let Err(error) = self.look_at(id, now).await {
                warn!(session.id = %id, %error, "A session could not be looked after; the next sweep tries again");
            }
        };
        stream::iter(&open).for_each_concurrent(AT_ONCE, look).await;
        self.media.forget_old(now).await;
        Ok(open.len())
    }

    async fn look_at(self: &Arc<Self>, id: &ConversationId, now: Timestamp) -> Result<(), JournalError> {
        let session = self.find(id).await?;
        let (position, open) =
            self.record(&session, |state, _| (Vec::new(), (state.position, state.is_open()))).await?;
        if !open {
            // A crash left it listed. When it has moved meanwhile, the next sweep looks again.
            return self.journal.append(id, position, &[], Some(false)).await.map(drop);
        }
        self.look_after(&session, now).await
    }

    async fn look_after(
        self: &Arc<Self>,
        session: &Arc<Session>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let (asynchronous, idle) = {
            let state = session.state.lock().await;
            (state.asynchronous, is_idle(&state, now))
        };
        // While somebody works here there is nothing to look after.
        if let Ok(turn) = session.working.try_lock() {
            if idle {
                self.end_idle(session, now).await?;
            } else if asynchronous {
                self.overhear(session).await?;
            }
            drop(turn);
        }
        if !session.state.lock().await.queue.is_empty() {
            self.work_soon(session);
        }
        self.deliver_soon(session);
        Ok(())
    }

    /// Sends on what the agent said unasked. Where answers are synchronous it waits for the next request.
    pub(super) async fn overhear(self: &Arc<Self>, session: &Arc<Session>) -> Result<(), JournalError> {
        let (user, free, agent) = {
            let state = session.state.lock().await;
            (state.user.clone(), state.queue.is_empty(), state.agent.clone())
        };
        let (true, Some(agent)) = (free, agent) else { return Ok(()) };
        let set = match self.read(session, agent.watermark.as_deref()).await {
            Ok(set) => set,
            Err(Unreached::Store(error)) => return Err(error),
            Err(_) => return Ok(()),
        };
        let mut heard = Heard { watermark: agent.watermark.clone(), ..Heard::default() };
        heard.take(set, &user, "", &self.events, &mut HashSet::new());
        let Said { elements, pending, handoff, completed, score } =
            said(&heard.activities, &self.events, &format!("{}|{}", session.id, agent.id));
        let take_control = handoff.is_some();
        let contents =
            Contents { elements, completed: completed && !take_control, take_control, handoff, score };
        if !contents.says_something() {
            return Ok(());
        }
        self.record(session, |state, at| {
            let same = state.agent.as_ref() == Some(&agent) && state.queue.is_empty();
            let asked = if pending == Pending::Nothing { &state.pending } else { &pending };
            let said = || unasked(state, contents.clone(), heard.watermark.clone(), asked.clone(), at);
            (if same { vec![said()] } else { Vec::new() }, ())
        })
        .await?;
        self.deliver_soon(session);
        Ok(())
    }

    /// The primary bot takes over, as it does when a Virtual Agent's session has been idle.
    async fn end_idle(&self, session: &Session, now: Timestamp) -> Result<(), JournalError> {
        let goodbye = Post::Activity(Map::from_iter([("type".to_owned(), json!("endOfConversation"))]));
        if let Err(Unreached::Store(error)) = self.post(session, &goodbye, "idle").await {
            return Err(error);
        }
        self.record(session, |state, at| {
            if !is_idle(state, now) {
                return (Vec::new(), ());
            }
            let contents = Contents { take_control: true, ..Contents::default() };
            (vec![unasked(state, contents, None, Pending::Nothing, at)], ())
        })
        .await?;
        info!(session.id = %session.id, "Ended an idle session");
        Ok(())
    }
}

fn is_idle(state: &State, now: Timestamp) -> bool {
    let idle = now.millis_since(state.last_heard) > IDLE_MILLIS;
    idle && state.agent.is_some() && state.queue.is_empty()
}

/// An answer to nothing in particular, which repeats what the last request had.
fn unasked(
    state: &State,
    mut contents: Contents,
    watermark: Option<String>,
    pending: Pending,
    at: Timestamp,
) -> Fact {
    if state.silent {
        contents.elements.clear();
    }
    let over = contents.completed || contents.take_control;
    let deliver = state.asynchronous && contents.says_something();
    let body = envelope(&state.echo, contents);
    Fact::Answered(Box::new(Answered {
        request: None,
        body,
        watermark,
        pending,
        over,
        deliver,
        trace: None,
        at,
    }))
}
