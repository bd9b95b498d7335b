//! The agents there are to choose from.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    config::{DirectLineSettings, SecondaryBotSettings},
    direct_line::DirectLine,
};

/// What a request names an agent with, the first that counts.
const NAMED_BY: [&str; 2] = ["nowBotId", "appInboundId"];

/// The default agent, and others by name.
pub(super) struct Agents {
    default: DirectLine,
    named: HashMap<String, DirectLine>,
}

impl Agents {
    pub fn new(
        direct_line: &DirectLineSettings,
        role: &SecondaryBotSettings,
        http: &reqwest::Client,
    ) -> Self {
        let named = role.agents.iter().map(|(name, secret)| {
            let own = DirectLineSettings { secret: Some(secret.clone()), ..direct_line.clone() };
            (name.clone(), DirectLine::new(&own, http.clone()))
        });
        Self { default: DirectLine::new(direct_line, http.clone()), named: named.collect() }
    }

    /// The agent of this name; none when the settings no longer have it.
    pub fn get(&self, name: Option<&str>) -> Option<&DirectLine> {
        match name {
            Some(name) => self.named.get(name),
            None => Some(&self.default),
        }
    }

    /// Who is to answer, and under which name. A request that names nobody stays with `held`, the session's last.
    pub fn choose(&self, request: &Map<String, Value>, held: Option<&str>) -> (Option<String>, &DirectLine) {
        let found = names(request, held).find_map(|name| Some((name, self.named.get(name)?)));
        found.map_or((None, &self.default), |(name, agent)| (Some(name.to_owned()), agent))
    }
}

/// What a request names its agent with, or `held` where it names nobody.
pub(super) fn names<'a>(
    request: &'a Map<String, Value>,
    held: Option<&'a str>,
) -> impl Iterator<Item = &'a str> {
    let given = NAMED_BY.iter().filter_map(|key| request.get(*key)?.as_str());
    let mut given = given.filter(|name| !name.is_empty()).peekable();
    let held = if given.peek().is_none() { held } else { None };
    given.chain(held)
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
            let (chosen, _) = agents.choose(request.as_object().unwrap(), held);
            assert_eq!(chosen.as_deref(), name, "{request} {held:?}");
        }
        assert!(agents.get(Some("gone")).is_none() && agents.get(None).is_some());
    }
}
