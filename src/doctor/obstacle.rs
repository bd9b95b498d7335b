//! Why an agent can't be reached over Direct Line although the settings are right: its own set-up, or a policy.
//!
//! Copilot Studio says it by an error code, in a body or in what the agent answers; Direct Line by a message.
//! Follows Copilot Studio's page of error codes and public reports; none was provoked on the live service.

/// What stands in the way, and who can take it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub what: &'static str,
    pub fix: &'static str,
}

const fn row(sign: &'static str, what: &'static str, fix: &'static str) -> (&'static str, Obstacle) {
    (sign, Obstacle { what, fix })
}

/// What is looked for, in small letters, and what it means.
const KNOWN: [(&str, Obstacle); 9] = [
    row(
        "integratedauthenticationnotsupportedinchannel",
        "the agent signs its users in with Microsoft, which Direct Line can't",
        "In Copilot Studio (Settings > Security > Authentication) choose `No authentication` or `Authenticate \
         manually`, and publish the agent again.",
    ),
    row(
        "latestpublishedversionnotfound",
        "the agent was never published",
        "Publish the agent in Copilot Studio.",
    ),
    row(
        "datalosspreventionviolation",
        "a data policy of the Power Platform keeps the agent from answering",
        "Ask the Power Platform's administrator to allow, in the environment's data policy, the connectors that the \
         agent uses and `Direct Line channels in Copilot Studio`.",
    ),
    row(
        "enforcementmessagec2",
        "the environment's Copilot Studio capacity is used up",
        "Assign Copilot Credits to the environment, or turn on pay-as-you-go.",
    ),
    row(
        "reached its usage limit",
        "the environment's Copilot Studio capacity is used up",
        "Assign Copilot Credits to the environment, or turn on pay-as-you-go.",
    ),
    row(
        "site missing",
        "the agent has no Direct Line channel (any more)",
        "In Copilot Studio publish the agent and open Channels. If neither Mobile app nor a token endpoint is shown, \
         the agent is of the new experience, which has no Direct Line: make a classic one. If they are greyed out, the \
         environment's data policy blocks `Direct Line channels in Copilot Studio`.",
    ),
    row(
        "does not match any known api routes",
        "the address is no token endpoint",
        "Copy the Token Endpoint from Copilot Studio (Channels > Mobile app), with its query. An agent that shows none \
         is of the new experience, or signs its users in with Microsoft: Direct Line reaches neither.",
    ),
    row(
        "authenticationnotconfigured",
        "the agent asks for sign-in, and none is set up",
        "In Copilot Studio (Settings > Security > Authentication) set sign-in up, or take out of the agent what asks for \
         it, and publish the agent again.",
    ),
    row(
        "error code: systemerror",
        "the agent fails at its first words",
        "Open the agent's test pane in Copilot Studio and mend the topic `Conversation Start`.",
    ),
];

/// The first known obstacle that `told` speaks of.
pub(super) fn known(told: &str) -> Option<Obstacle> {
    let told = told.to_ascii_lowercase();
    KNOWN.iter().find(|(sign, _)| told.contains(sign)).map(|(_, obstacle)| *obstacle)
}

/// The error that an agent's words name, of whatever kind. Copilot Studio's are of several words, each with a capital.
pub(super) fn error_code(told: &str) -> Option<&str> {
    const SIGN: &str = "error code:";
    let rest = told.get(told.to_ascii_lowercase().find(SIGN)? + SIGN.len()..)?.trim_start();
    let word = rest.split(|letter: char| !letter.is_ascii_alphanumeric()).next()?;
    let hump = |pair: &[u8]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
    word.as_bytes().windows(2).any(hump).then_some(word)
}

/// What the status of a token endpoint means when its body says nothing known.
pub(super) fn at_token_endpoint(status: u16) -> Obstacle {
    match status {
        401 | 403 => Obstacle {
            what: "it asks for a credential",
            fix: "In Copilot Studio (Settings > Security) either choose `No authentication` or `Authenticate \
                  manually` and publish the agent; or, if `Require secured access` is on, unset \
                  COPILOT_TOKEN_ENDPOINT and set DIRECT_LINE_SECRET to one of the secrets under Web channel security \
                  (a change takes up to two hours). A tenant's data policy that blocks `Direct Line channels in \
                  Copilot Studio` is undone by its administrator.",
        },
        404 | 410 => Obstacle {
            what: "it knows no such agent",
            fix: "Copy the endpoint again from Copilot Studio (Channels > Mobile app), with its query, and publish the \
                  agent. An agent that shows no token endpoint is of the new experience, or its channels are switched \
                  off by policy: Direct Line can't reach it, a classic agent can be.",
        },
        _ => Obstacle {
            what: "it refuses",
            fix: "Copy the endpoint again from Copilot Studio (Channels > Mobile app), with its query; the agent must \
                  be published.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_any_kind_is_known_by_its_code_and_other_words_are_none() {
        for (told, code) in [
            ("Sorry. Error code: FlowActionBadRequest. Conversation ID: 4711", Some("FlowActionBadRequest")),
            ("Error Code:OpenAIRateLimitReached", Some("OpenAIRateLimitReached")),
            ("\u{130}\u{df} ERROR CODE:  InvalidContent", Some("InvalidContent")),
            ("Tell me your error code: I look it up.", None),
            ("Error code: 404", None),
            ("Error code:", None),
        ] {
            assert_eq!(error_code(told), code, "{told}");
        }
    }

    #[test]
    fn each_case_is_told_by_what_the_far_end_says() {
        let rows = [
            (
                "Sorry, something unexpected happened. Error code: IntegratedAuthenticationNotSupportedInChannel. \
                 Conversation ID: 4711",
                "signs its users in with Microsoft",
            ),
            (r#"{"error":{"code":"LatestPublishedVersionNotFound"}}"#, "never published"),
            ("Error code: DataLossPreventionViolation", "data policy"),
            ("Error code: AuthenticationNotConfigured. Conversation ID: 4711", "none is set up"),
            (
                r#"{"error":{"code":"BadArgument","message":"Site missing. Learn more about sites"}}"#,
                "no Direct Line channel",
            ),
            ("The request URI does not match any known API routes.", "no token endpoint"),
            ("This agent is currently unavailable. It has reached its usage limit.", "used up"),
        ];
        for (told, what) in rows {
            let obstacle = known(told).unwrap_or_else(|| panic!("{told}"));
            assert!(obstacle.what.contains(what), "{told}: {obstacle:?}");
        }
        assert_eq!(known("Hello, how can I help?"), None);
        assert!(at_token_endpoint(404).fix.contains("new experience"));
        assert!(at_token_endpoint(403).fix.contains("Require secured access"));
    }
}
