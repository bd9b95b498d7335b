//! The agents of SECONDARY_AGENTS, each with a secret of its own.

use futures_util::future::join_all;

use super::{answer::unanswered, direct_line::secret_is_good, finding::Finding};
use crate::{
    config::{DirectLineSettings, Settings},
    credential::Credential,
    far_end::CallError,
};

const CODE: &str = "secondary.agent";

pub(super) async fn check(settings: &Settings, http: &reqwest::Client) -> Vec<Finding> {
    let agents = settings.secondary_bot.iter().flat_map(|role| &role.agents);
    join_all(agents.map(|(name, secret)| agent(name, secret, &settings.direct_line, http))).await
}

async fn agent(
    name: &str,
    secret: &Credential,
    direct_line: &DirectLineSettings,
    http: &reqwest::Client,
) -> Finding {
    let own = DirectLineSettings { secret: Some(secret.clone()), ..direct_line.clone() };
    let found = match secret_is_good(&own, http).await {
        Ok(()) => {
            Finding::good(CODE, "Its secret is good: a token was made with it. No conversation was started.")
        }
        Err(CallError::Rejected { status: status @ (401 | 403), .. }) => {
            Finding::wrong(CODE, format!("Direct Line refuses its secret (status {status}).")).fix(
                "Copy the agent's secret into SECONDARY_AGENTS again. All agents must be in the region of \
                 DIRECT_LINE_SECRET's agent.",
            )
        }
        Err(error) => unanswered(CODE, "Direct Line", "DIRECT_LINE_URL", &error),
    };
    found.of(name)
}
