//! A Copilot Studio agent behind the VA Bot Integration API: we answer a primary bot as a Virtual Agent would.
//!
//! Each session has a journal: a request is stored first, then worked on by one worker at a time, then its answer is
//! stored; only then is it given. A repeat of the request finds the same answer. What the facts mean is the
//! [`machine`]'s, how they are stored and calls are made the [`ledger`](crate::ledger)'s.

use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::warn;

use self::{
    agents::Agents,
    ask::{Accepted, Incoming},
    fact::Fact,
    fetched::{Fetcher, NoFile},
    machine::Dialogue,
    media::Media,
    responder::Responder,
    take::Taken,
};
use crate::{
    agent_turn::Limits,
    config::Settings,
    credential::{Seal, derived},
    domain::millis,
    ledger::{
        Ledger, World,
        journal::{JournalError, Store},
    },
    telemetry::{Count, Counters, TRACEPARENT, Trace, trace_id},
    translate::{secondary_bot::context, texts::Texts},
    wire::virtual_agent::request::{Action, Request},
};

mod agent;
mod agents;
pub mod answer;
pub mod ask;
mod converse;
pub mod fact;
pub mod fetched;
mod hide;
mod later;
pub mod machine;
pub mod media;
mod plan;
mod responder;
pub mod state;
pub mod take;
#[cfg(test)]
mod tests;
mod work;

/// The secondary-bot role.
pub struct SecondaryBot {
    pub ledger: Arc<Ledger<Dialogue>>,
    agents: Agents,
    /// For tokens that must be stored.
    seal: Seal,
    responder: Option<Responder>,
    /// Where uploads are kept.
    pub media: Media,
    fetcher: Fetcher,
    /// Event names that mean a hand-off.
    events: Vec<String>,
    limits: Limits,
    texts: Texts,
    counters: Arc<Counters>,
}

/// What the primary bot is told at once.
pub enum Told {
    /// The whole answer.
    Answer(Arc<Value>),
    /// It is stored; the answer goes to the response address.
    Stored,
    /// UPDATE_MESSAGES is answered by a text.
    Processed,
    /// The answer takes too long to wait for; a repeat of the request gets it.
    NotYet,
    /// What it attaches can't be had; nothing is stored.
    NoFile(NoFile),
}

impl SecondaryBot {
    /// Builds the role from its settings; `None` when it is off.
    pub fn new(
        settings: &Settings,
        journal: Store<Fact>,
        media: Media,
        http: &reqwest::Client,
        counters: Arc<Counters>,
    ) -> Option<Self> {
        let role = settings.secondary_bot.as_ref()?;
        let agents = Agents::new(&settings.direct_line, role, http);
        let dialogue = Dialogue { texts: settings.handoff.texts.clone(), agents: agents.names() };
        let world = World::real(derived::marks(settings));
        Some(Self {
            texts: settings.handoff.texts.clone(),
            ledger: Arc::new(Ledger::new(dialogue, journal, world, Box::new(|_, _, _| {}))),
            agents,
            seal: Seal::new(settings),
            responder: role.response.as_ref().map(|response| Responder::new(response, http.clone())),
            fetcher: Fetcher::new(settings, http, media.clone()),
            media,
            events: settings.handoff.events.clone(),
            limits: Limits {
                quiet: millis(settings.relay.quiet),
                patience: millis(settings.relay.max_wait),
                silence: i64::MAX,
                least: 0,
                passes_events: false,
            },
            counters,
        })
    }

    /// Takes a request: stores it, and waits for its answer when the primary bot does. `body` is the JSON it was
    /// read from; `caller` the `traceparent` of the call, of which one in `clientVariables` takes the place: that is how a
    /// primary bot that is a connector like this one tells whose words they are.
    ///
    /// What is in memory alone is answered only once the agent has it.
    ///
    /// # Errors
    /// When the store fails; the same request may then be made again.
    pub async fn take(
        self: &Arc<Self>,
        request: Request,
        body: &Map<String, Value>,
        caller: Option<&str>,
    ) -> Result<Told, JournalError> {
        match &request.action {
            Action::UpdateMessages(_) => return Ok(Told::Processed),
            Action::Typing | Action::Viewing => {
                self.show_typing(&request).await?;
                return Ok(Told::Stored);
            }
            _ => {}
        }
        let id = ask::session(&request);
        let mut session = self.ledger.find_or_begin(&id).await?;
        let asynchronous = self.responder.is_some() && !request.sync_response;
        let too_large = context::too_large(&request.context_variables);
        if too_large > 0 {
            warn!(session.id = %session.id, variables = too_large, "Context variables of a primary bot's are larger than an activity may be; they are left out");
        }
        let (trace, now) = (trace(body, caller), self.ledger.now());
        let mut incoming = Incoming::read(request, body, asynchronous, trace, &self.texts);
        // What is known needs no file again, and its credential may have served its time.
        if !incoming.attached.is_empty()
            && matches!(incoming.accept(&*session.state().await, now), Accepted::New(_))
            && let Err(why) = Box::pin(self.fetcher.take_in(&mut incoming.attached, now)).await
        {
            warn!(error = %why, "An attachment of a primary bot's was not fetched");
            return Ok(Told::NoFile(why));
        }
        let mut taken = take::take(self, &session, incoming.clone()).await;
        // Removed or put back since it was last looked at: what is there now counts.
        if matches!(taken, Err(JournalError::Shorter { .. })) {
            session = self.ledger.find_or_begin(&id).await?;
            taken = take::take(self, &session, incoming).await;
        }
        let Taken { request, repeated, in_secret } = taken?;
        self.counters.one(if repeated { Count::Duplicates } else { Count::FromPrimaryBot });
        // A repeat is answered as the first wants to be: nothing else would follow, or the same twice.
        let asynchronous = self.responder.is_some() && session.state().await.answers_later(request);
        if asynchronous && !in_secret {
            return Ok(Told::Stored);
        }
        Ok(match take::answer(self, &session, request).await? {
            Some(_) if asynchronous => Told::Stored,
            Some(answer) => {
                self.counters.one(Count::ToPrimaryBot);
                Told::Answer(answer)
            }
            None => Told::NotYet,
        })
    }
}

/// The trace a request belongs to, and our place in it; nothing but what is exactly as the standard has it.
fn trace(body: &Map<String, Value>, caller: Option<&str>) -> Option<String> {
    let named = body.get("clientVariables").and_then(|variables| variables.get(TRACEPARENT)?.as_str());
    let theirs = named.into_iter().chain(caller).find(|theirs| trace_id(theirs).is_some())?;
    Some(Trace::continue_or_start(Some(theirs)).traceparent().to_owned())
}
