//! Which roles are on, for the start of the log and for `handler doctor`.

use super::{AfterChat, AllowedOrigins, RelayAccess, ServiceNowLogin, Settings};

/// A role and whether its settings are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// Stable, for programs.
    pub code: &'static str,
    pub name: &'static str,
    pub on: bool,
    /// Why it is on or off, as one sentence.
    pub why: &'static str,
    /// What to set to have it; empty when it is on.
    pub to_have_it: &'static str,
}

/// What is allowed but changes what people will see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caution {
    pub text: &'static str,
    /// What to do to be without it.
    pub fix: &'static str,
    /// The missing setting without which the role can't do what it is for.
    pub breaks: Option<&'static str>,
}

impl Settings {
    pub fn roles(&self) -> [Role; 3] {
        let hands_off = self.servicenow.is_some();
        let is_secondary = self.secondary_bot.is_some();
        [
            Role {
                code: "role.live_agent",
                name: "live-agent hand-off",
                on: hands_off,
                why: if hands_off {
                    "SERVICENOW_URL is set."
                } else {
                    "SERVICENOW_URL is not set, so Direct Line is passed through and an escalation goes nowhere."
                },
                to_have_it: if hands_off {
                    ""
                } else {
                    "Set SERVICENOW_URL with a login (SERVICENOW_USERNAME and SERVICENOW_PASSWORD, or the OAuth \
                     client) or message authentication (SERVICENOW_TOKEN), and RESPONSES_TOKEN."
                },
            },
            Role {
                code: "role.relay",
                name: "relay",
                on: !matches!(self.relay.access, RelayAccess::Closed),
                why: match self.relay.access {
                    RelayAccess::Closed => "Neither RELAY_KEY nor RELAY=open is set.",
                    RelayAccess::Open => "RELAY is open: whoever brings a Direct Line secret may use it.",
                    RelayAccess::Key { .. } => "RELAY_KEY is set.",
                },
                to_have_it: match self.relay.access {
                    RelayAccess::Closed => {
                        "Set RELAY_KEY, and the same value in header `x-relay-key` or as `?code=` of the secondary \
                         bot endpoint in ServiceNow."
                    }
                    RelayAccess::Open | RelayAccess::Key { .. } => "",
                },
            },
            Role {
                code: "role.secondary_bot",
                name: "secondary bot",
                on: is_secondary,
                why: if is_secondary {
                    "A SECONDARY_ credential is set."
                } else {
                    "None of SECONDARY_TOKEN, SECONDARY_HASH_SECRET and SECONDARY_BASIC is set."
                },
                to_have_it: if is_secondary {
                    ""
                } else {
                    "Set one of them, and DIRECT_LINE_SECRET or COPILOT_TOKEN_ENDPOINT for the agent behind it."
                },
            },
        ]
    }

    /// What is allowed but worth a line at start: each changes what people will see.
    pub fn cautions(&self) -> Vec<Caution> {
        let direct_line = &self.direct_line;
        let hands_off = self.servicenow.is_some();
        let no_way_back = direct_line.secret.is_none() && direct_line.token_endpoint.is_none();
        let guest =
            self.servicenow.as_ref().is_some_and(|far| far.token.is_none() && far.hash_secret.is_none());
        let no_login = self.servicenow.as_ref().is_some_and(|far| matches!(far.login, ServiceNowLogin::None));
        let cautions = [
            (
                hands_off && no_way_back && self.handoff.after_chat == AfterChat::Bot,
                "AFTER_CHAT is bot, but neither DIRECT_LINE_SECRET nor COPILOT_TOKEN_ENDPOINT is set: \
                 a conversation ends with its live chat.",
                "Set DIRECT_LINE_SECRET, or COPILOT_TOKEN_ENDPOINT, or AFTER_CHAT to `end` if that is meant.",
            ),
            (
                guest,
                "Neither SERVICENOW_TOKEN nor SERVICENOW_HASH_SECRET is set: without message authentication \
                 ServiceNow treats every user as a guest.",
                "Set up message authentication for the provider in ServiceNow and SERVICENOW_TOKEN or \
                 SERVICENOW_HASH_SECRET here; leave it if guests are meant.",
            ),
            (
                hands_off && !guest && self.handoff.email_variable.is_none(),
                "USER_EMAIL_VARIABLE is not set: ServiceNow treats every user as a guest.",
                "Set USER_EMAIL_VARIABLE to the agent's variable that holds the user's e-mail address; leave it if \
                 guests are meant.",
            ),
            (
                no_login && !self.files.by_link,
                "ATTACHMENTS is upload, which needs a ServiceNow user or OAuth client: users' files can't be sent.",
                "Set SERVICENOW_USERNAME and SERVICENOW_PASSWORD or the OAuth client, or set ATTACHMENTS to `link`.",
            ),
            (
                hands_off && self.public_url.is_none(),
                "PUBLIC_URL is not set: files on the ServiceNow instance can't be shown to users.",
                "Set PUBLIC_URL to this app's root as seen from outside.",
            ),
            (
                hands_off && self.allowed_origins == AllowedOrigins::None,
                "ALLOWED_ORIGINS is not set: browsers let no page of another origin chat through this app.",
                "Set ALLOWED_ORIGINS to the origins of the pages with the chat, like `https://www.example.com`; leave \
                 it if the chat is in an app or is served from here.",
            ),
        ];
        let applying = cautions.into_iter().filter(|(applies, ..)| *applies);
        let caution = |(_, text, fix)| Caution { text, fix, breaks: None };
        self.deafness().into_iter().chain(applying.map(caution)).collect()
    }

    /// A live chat in which nobody is heard.
    fn deafness(&self) -> Option<Caution> {
        let deaf = self.servicenow.is_some() && self.responses.credentials().next().is_none();
        deaf.then_some(Caution {
            text: "Neither RESPONSES_TOKEN nor RESPONSES_BASIC is set: nothing ServiceNow sends is let in, so no live \
                   agent is ever heard.",
            fix: "Set RESPONSES_TOKEN, and the same value as header `token` on ServiceNow's Bot Connection or REST \
                  message `VA Bot to Bot`.",
            breaks: Some("RESPONSES_TOKEN"),
        })
    }
}
