//! The agents there are to choose from.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};

use super::{fact::Asked, state::AgentConversation};
use crate::{
    config::{DirectLineSettings, SecondaryBotSettings},
    direct_line::DirectLine,
    domain::Timestamp,
    far_end::CallError,
    ledger::{Failure, Outage},
};

/// What a request names an agent with, the first that counts.
const NAMED_BY: [&str; 2] = ["nowBotId", "appInboundId"];

/// The default agent, and others by name.
pub(super) struct Agents {
    default: Agent,
    named: HashMap<String, Agent>,
}

/// An agent, and whether Direct Line lets us speak with it, as far as this process knows.
pub(super) struct Agent {
    pub direct_line: DirectLine,
    calls: Mutex<Outage>,
}

/// What the agents besides the default one are called.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeSet<String>);

impl Agents {
    pub fn new(
        direct_line: &DirectLineSettings,
        role: &SecondaryBotSettings,
        http: &reqwest::Client,
    ) -> Self {
        let named = role.agents.iter().map(|(name, secret)| {
            let own = DirectLineSettings { secret: Some(secret.clone()), ..direct_line.clone() };
            (name.clone(), Agent::new(&own, http))
        });
        Self { default: Agent::new(direct_line, http), named: named.collect() }
    }

    pub fn names(&self) -> Names {
        Names(self.named.keys().cloned().collect())
    }

    /// The agent of this name; none when the settings no longer have it.
    pub fn get(&self, name: Option<&str>) -> Option<&Agent> {
        match name {
            Some(name) => self.named.get(name),
            None => Some(&self.default),
        }
    }
}

impl Agent {
    fn new(direct_line: &DirectLineSettings, http: &reqwest::Client) -> Self {
        Self { direct_line: DirectLine::new(direct_line, http.clone()), calls: Mutex::default() }
    }

    /// Whether it may be asked for what nobody waits for.
    pub fn may_ask(&self) -> bool {
        self.calls().may_ask(Timestamp::now(), 0).is_ok()
    }

    /// What came of a call.
    pub fn noted<T>(&self, made: Result<T, CallError>) -> Result<T, CallError> {
        self.calls().note(made.as_ref().err().map(Failure::from), Timestamp::now());
        made
    }

    fn calls(&self) -> MutexGuard<'_, Outage> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    /// Who answers a request, by name; `None`: the default agent. Whom the request names when it opens a conversation, and in one
    /// that is open whoever has it, also when that must be opened anew.
    pub fn answering<'a>(
        &self,
        asked: &'a Asked,
        conversation: Option<&'a AgentConversation>,
    ) -> Option<&'a str> {
        let held = conversation.and_then(|conversation| conversation.name.as_deref());
        let is_there = conversation.is_some() && held.is_none_or(|name| self.0.contains(name));
        if is_there && !asked.opens_anew() { held } else { self.choose(&asked.echo, held) }
    }

    /// Who is to answer. A request that names nobody stays with `held`, the session's last.
    fn choose<'a>(&self, request: &'a Map<String, Value>, held: Option<&'a str>) -> Option<&'a str> {
        let given = NAMED_BY.iter().filter_map(|key| request.get(*key)?.as_str());
        let mut given = given.filter(|name| !name.is_empty()).peekable();
        let held = held.filter(|_| given.peek().is_none());
        given.chain(held).find(|name| self.0.contains(*name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::credential::Credential;

    #[test]
    fn the_first_id_that_names_an_agent_chooses() {
        let direct_line = DirectLineSettings { url: None, token_endpoint: None, secret: None };
        let agents = ["hr", "it"].map(|name| (name.to_owned(), Credential::from("s")));
        let role = SecondaryBotSettings {
            token: None,
            hash_secret: None,
            basic: None,
            response: None,
            agents: agents.to_vec(),
        };
        let agents = Agents::new(&direct_line, &role, &reqwest::Client::new());
        let names = agents.names();
        let rows = [
            (json!({}), None, None),
            (json!({"nowBotId": "hr"}), None, Some("hr")),
            (json!({"appInboundId": "it"}), None, Some("it")),
            (json!({"nowBotId": "hr", "appInboundId": "it"}), None, Some("hr")),
            (json!({"nowBotId": "other", "appInboundId": "it"}), None, Some("it")),
            (json!({"nowBotId": "", "appInboundId": "it"}), None, Some("it")),
            (json!({"nowBotId": "HR"}), None, None),
            (json!({"nowBotId": 7}), None, None),
            (json!({}), Some("hr"), Some("hr")),
            (json!({}), Some("gone"), None),
            (json!({"nowBotId": "it"}), Some("hr"), Some("it")),
            (json!({"nowBotId": "other"}), Some("hr"), None),
        ];
        for (request, held, name) in rows {
            assert_eq!(names.choose(request.as_object().unwrap(), held), name, "{request} {held:?}");
        }
        assert!(agents.get(Some("gone")).is_none() && agents.get(None).is_some());
    }
}
