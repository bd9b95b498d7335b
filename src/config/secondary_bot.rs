//! Settings of the secondary-bot role.

use std::fmt;

use url::Url;

use super::{Shown, agents, reader::Reader};
use crate::credential::Credential;

const CREDENTIALS: [&str; 3] = ["SECONDARY_TOKEN", "SECONDARY_HASH_SECRET", "SECONDARY_BASIC"];
const RESPONSE_CREDENTIALS: [&str; 2] = ["SECONDARY_RESPONSE_BASIC", "SECONDARY_RESPONSE_TOKEN"];

/// What a primary bot must present; any one is enough when several are set.
#[derive(Clone, Debug)]
pub struct SecondaryBotSettings {
    /// In header or body `token`.
    pub token: Option<Credential>,
    /// Key of the `x-b2b-signature`.
    pub hash_secret: Option<Credential>,
    /// `user:password`.
    pub basic: Option<Credential>,
    /// `None`: synchronous answers only.
    pub response: Option<SecondaryResponse>,
    /// Agents besides the default one: name and Direct Line secret.
    pub agents: Vec<(String, Credential)>,
}

impl SecondaryBotSettings {
    /// What a primary bot's is compared with.
    pub fn inbound(&self) -> impl Iterator<Item = &Credential> + Clone {
        self.token.iter().chain(&self.hash_secret).chain(&self.basic)
    }
}

/// Where asynchronous answers go, and what we present there.
#[derive(Clone)]
pub struct SecondaryResponse {
    /// Its query, when there is one, may be a key.
    pub url: Url,
    /// `user:password`.
    pub basic: Option<Credential>,
    /// Header `token`.
    pub token: Option<Credential>,
}

impl fmt::Debug for SecondaryResponse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, basic, token } = self;
        out.debug_struct("SecondaryResponse")
            .field("url", &Shown(url))
            .field("basic", basic)
            .field("token", token)
            .finish()
    }
}

/// The role's settings; `None` when none of its credentials is set.
pub(super) fn secondary_bot(
    reader: &mut Reader<impl Fn(&str) -> Option<String>>,
) -> Option<SecondaryBotSettings> {
    let is_on = reader.first_set(&CREDENTIALS).is_some();
    let response = response(reader);
    let agents = agents::by_name(reader, "SECONDARY_AGENTS", "its `nowBotId` or `appInboundId`");
    let default = reader.first_set(&["DIRECT_LINE_SECRET", "COPILOT_TOKEN_ENDPOINT"]);
    if is_on && default.is_none() && agents.is_empty() && !reader.is_at_fault("SECONDARY_AGENTS") {
        reader.fault(
            "DIRECT_LINE_SECRET",
            "is missing: the secondary bot can't reach an agent without it, COPILOT_TOKEN_ENDPOINT or \
             SECONDARY_AGENTS; set one of them.",
        );
    }
    for idle in ["SECONDARY_RESPONSE_URL", "SECONDARY_AGENTS"] {
        if is_on || !reader.is_set(idle) {
            continue;
        }
        reader.fault(
            idle,
            "is set, but the secondary bot has no credential; set SECONDARY_TOKEN, SECONDARY_HASH_SECRET or \
             SECONDARY_BASIC.",
        );
    }
    let token = reader.header_secret("SECONDARY_TOKEN");
    let hash_secret = reader.secret("SECONDARY_HASH_SECRET");
    let basic = reader.basic("SECONDARY_BASIC");
    is_on.then_some(SecondaryBotSettings { token, hash_secret, basic, response, agents })
}

fn response(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<SecondaryResponse> {
    let credential = reader.first_set(&RESPONSE_CREDENTIALS);
    let url_set = reader.is_set("SECONDARY_RESPONSE_URL");
    let url = reader.url("SECONDARY_RESPONSE_URL");
    match credential {
        Some(present) if !url_set => reader.fault(
            "SECONDARY_RESPONSE_URL",
            format!("is missing: {present} is set; set the address answers go to, or leave both out."),
        ),
        // A key in the query is a credential too.
        None if url.as_ref().is_some_and(|url| url.query().is_none()) => reader.fault(
            "SECONDARY_RESPONSE_URL",
            "is set without credentials; set SECONDARY_RESPONSE_BASIC or SECONDARY_RESPONSE_TOKEN.",
        ),
        _ => {}
    }
    let basic = reader.basic("SECONDARY_RESPONSE_BASIC");
    let token = reader.header_secret("SECONDARY_RESPONSE_TOKEN");
    Some(SecondaryResponse { url: url?, basic, token })
}
