//! Works on a session's requests: in order, one at a time, each taken before it is worked on.

use std::{sync::Arc, time::Duration};

use tracing::{error, info};

use super::{
    SecondaryBot, Session,
    agent::Unreached,
    converse::Turned,
    envelope::envelope,
    fact::{Answered, Fact, What},
    outcome::Outcome,
    plan::{Plan, plan},
    state::{Queued, State},
};
use crate::{
    domain::Timestamp,
    journal::JournalError,
    telemetry::{on_behalf, trace_id},
    translate::{secondary_bot::number, texts},
    wire::virtual_agent::body,
};

/// How often a worker shows that it still works.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Conversations opened at most for one request.
const OPENINGS: u32 = 2;
/// When an agent that answered a request is looked at again, for what it says later.
const LINGER: [u64; 6] = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

/// What a worker finds to do.
enum Task {
    Turn(Box<Queued>),
    Wait(Timestamp),
    Nothing,
}

/// Why a worker stopped in the middle of a turn.
pub enum Stop {
    /// Another one took over.
    Overtaken,
    Store(JournalError),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Store(error)
    }
}

impl SecondaryBot {
    /// Sees to it that somebody works for this session; returns at once.
    pub(super) fn work_soon(self: &Arc<Self>, session: &Arc<Session>) {
        let (bot, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            loop {
                let Ok(turn) = session.working.clone().try_lock_owned() else { return };
                if let Err(failed) = bot.work(&session).await {
                    error!(session.id = %session.id, error = %failed, "Work stopped; the next request or sweep goes on");
                    return;
                }
                drop(turn);
                // A request that came while the last one was being finished found the place taken.
                if session.state.lock().await.queue.is_empty() {
                    return;
                }
            }
        });
    }

    async fn work(self: &Arc<Self>, session: &Arc<Session>) -> Result<(), JournalError> {
        let mut lingering = None;
        loop {
            match self.next_task(session).await? {
                Task::Turn(queued) => {
                    lingering = queued.asked.asynchronous.then_some(0);
                    match self.turn(session, &queued).await {
                        Ok(()) => self.deliver_soon(session),
                        Err(Stop::Overtaken) => return Ok(()),
                        Err(Stop::Store(error)) => return Err(error),
                    }
                }
                Task::Wait(until) => session.sleep_until(until).await,
                Task::Nothing => {
                    let Some(pause) = lingering.and_then(|step: usize| LINGER.get(step)) else {
                        return Ok(());
                    };
                    lingering = lingering.map(|step| step + 1);
                    self.linger(session, Duration::from_millis(*pause)).await?;
                }
            }
        }
    }

    /// Waits, unless there is a new request, and then looks for what the agent said unasked.
    async fn linger(self: &Arc<Self>, session: &Arc<Session>, pause: Duration) -> Result<(), JournalError> {
        let mut moved = session.moved.subscribe();
        let asked = async {
            while session.state.lock().await.queue.is_empty() {
                if moved.changed().await.is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(pause, asked).await.is_err() {
            self.overhear(session).await?;
        }
        Ok(())
    }

    /// Takes the oldest request, if nobody else has it.
    async fn next_task(&self, session: &Session) -> Result<Task, JournalError> {
        self.record(session, |state, now| {
            let Some(head) = state.queue.front() else { return (Vec::new(), Task::Nothing) };
            if let Some(until) =
                state.progress.claim.as_ref().and_then(|claim| claim.keeps_out(&self.name, now))
            {
                return (Vec::new(), Task::Wait(until));
            }
            let taken = Fact::Taken { request: head.position, by: self.name.clone(), at: now };
            (vec![taken], Task::Turn(Box::new(head.clone())))
        })
        .await
    }

    /// Works on a request that was taken, and shows meanwhile that it does.
    async fn turn(self: &Arc<Self>, session: &Arc<Session>, queued: &Queued) -> Result<(), Stop> {
        let began = Timestamp::now();
        let typing = self.typing_soon(session, queued).await;
        let taken = |at| Fact::Taken { request: queued.position, by: self.name.clone(), at };
        let beat = async {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                if let Err(stop) = self.go_on(session, queued, taken).await {
                    return stop;
                }
            }
        };
        let outcome = tokio::select! {
            outcome = on_behalf(queued.asked.trace.clone(), self.play(session, queued)) => outcome?,
            stop = beat => return Err(stop),
        };
        if let Some(typing) = typing {
            let _ = typing.await;
        }
        let over = outcome.over;
        self.finish(session, queued, outcome).await?;
        session.secrets().remove(&queued.position);
        let (what, millis) = (queued.asked.what.name(), Timestamp::now().millis_since(began));
        let trace = queued.asked.trace.as_deref().and_then(trace_id);
        info!(session.id = %session.id, trace.id = trace, what, millis, over, "Answered a request");
        Ok(())
    }

    async fn play(&self, session: &Session, queued: &Queued) -> Result<Outcome, Stop> {
        let source = source(session, queued);
        // A post under way when the last worker died may have arrived.
        let mut in_doubt = session.state.lock().await.progress.posting.is_some();
        let mut openings = 0;
        loop {
            let secret = session.secrets().get(&queued.position).cloned();
            if queued.asked.secret && secret.is_none() {
                return Ok(Outcome::text(&source, texts::SAY_SECRET_AGAIN));
            }
            let (plan, has_agent) = self.ready(session, queued, secret.as_deref()).await;
            if has_agent {
                match self.converse(session, queued, &plan, in_doubt).await {
                    Ok(Some(heard)) => return Ok(Outcome::heard(&source, plan, heard, &self.events)),
                    Ok(None) => return Ok(Outcome::of(&source, plan)),
                    Err(Turned::Stop(stop)) => return Err(stop),
                    Err(Turned::Lost) if plan.open.is_some() && openings < OPENINGS => {}
                    // Nobody is left to be told, and nothing else was asked for.
                    Err(turned) if plan.open.is_none() => {
                        let outcome = Outcome::of(&source, plan);
                        let over = outcome.over || matches!(turned, Turned::Lost);
                        return Ok(Outcome { over, ..outcome });
                    }
                    Err(Turned::Lost | Turned::Refused) => return Ok(Outcome::out_of_reach(&source)),
                }
            }
            in_doubt = false;
            openings += 1;
            match self.open(session, queued).await {
                Ok(()) => {}
                Err(Unreached::Store(error)) => return Err(error.into()),
                Err(error) => {
                    error!(session.id = %session.id, %error, "No conversation with the agent could be opened");
                    return Ok(Outcome::out_of_reach(&source));
                }
            }
        }
    }

    /// The plan, and whether the conversation it needs is there.
    async fn ready(&self, session: &Session, queued: &Queued, secret: Option<&str>) -> (Plan, bool) {
        let state = session.state.lock().await;
        let plan = plan(&state, queued, secret);
        let opened_by = state.agent.as_ref().map(|agent| agent.opened_by);
        let fits = |anew: bool| opened_by.is_some_and(|by| !anew || by == queued.position);
        let has_agent = plan.open.is_none_or(fits);
        (plan, has_agent)
    }

    /// Stores the answer.
    async fn finish(&self, session: &Session, queued: &Queued, outcome: Outcome) -> Result<(), Stop> {
        let Outcome { mut contents, watermark, pending, over } = outcome;
        let (silent, keep) = {
            let state = session.state.lock().await;
            (state.silent, state.pending.clone())
        };
        if silent && queued.asked.what != What::End {
            contents.elements.clear();
        } else if queued.asked.asynchronous && contents.says_something() && self.shows_typing(queued) {
            let mut end = [body::action("EndTypingIndicator")];
            number(&mut end, &format!("{}.typing", source(session, queued)));
            contents.elements.splice(0..0, end);
        }
        let deliver = queued.asked.asynchronous && contents.says_something();
        let pending = if queued.asked.what == What::Note { keep } else { pending };
        let body = envelope(&queued.asked.echo, contents);
        let answered = |at| {
            Fact::Answered(Box::new(Answered {
                request: Some(queued.position),
                body: body.clone(),
                watermark: watermark.clone(),
                pending: pending.clone(),
                over,
                deliver,
                trace: queued.asked.trace.clone(),
                at,
            }))
        };
        self.go_on(session, queued, answered).await
    }

    /// Stores a step of the request's work, unless another worker took it over.
    pub(super) async fn go_on(
        &self,
        session: &Session,
        queued: &Queued,
        fact: impl Fn(Timestamp) -> Fact + Send + Sync,
    ) -> Result<(), Stop> {
        let ours = self
            .record(session, |state, now| {
                if is_ours(state, queued, &self.name) { (vec![fact(now)], true) } else { (Vec::new(), false) }
            })
            .await?;
        if ours { Ok(()) } else { Err(Stop::Overtaken) }
    }
}

fn is_ours(state: &State, queued: &Queued, me: &str) -> bool {
    let is_head = state.queue.front().is_some_and(|head| head.position == queued.position);
    is_head && state.progress.claim.as_ref().is_some_and(|claim| claim.by == me)
}

/// What elements of ours are named after.
fn source(session: &Session, queued: &Queued) -> String {
    format!("{}|{}", session.id, queued.position)
}
