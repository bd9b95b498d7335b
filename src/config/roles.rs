//! Which roles are on, for the start of the log and for `handler doctor`.

use std::borrow::Cow;

use super::{AfterChat, AllowedOrigins, RelayAccess, ServiceNowLogin, ServiceNowSettings, Settings};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caution {
    pub text: Cow<'static, str>,
    /// What to do to be without it.
    pub fix: &'static str,
    /// The missing setting without which the role can't do what it is for.
    pub breaks: Option<&'static str>,
}

impl Role {
    /// On when nothing is missing.
    fn new(code: &'static str, name: &'static str, why: &'static str, to_have_it: &'static str) -> Self {
        Self { code, name, on: to_have_it.is_empty(), why, to_have_it }
    }
}

impl Settings {
    pub fn roles(&self) -> [Role; 3] {
        [self.live_agent(), self.relay(), self.secondary()]
    }

    fn live_agent(&self) -> Role {
        let (why, to_have_it) = match self.servicenow {
            Some(_) => ("SERVICENOW_URL is set.", ""),
            None => (
                "SERVICENOW_URL is not set, so Direct Line is passed through and an escalation goes nowhere.",
                "Set SERVICENOW_URL with a login (SERVICENOW_USERNAME and SERVICENOW_PASSWORD, or the OAuth \
                 client) or message authentication (SERVICENOW_TOKEN), and RESPONSES_TOKEN.",
            ),
        };
        Role::new("role.live_agent", "live-agent hand-off", why, to_have_it)
    }

    fn relay(&self) -> Role {
        let (why, to_have_it) = match self.relay.access {
            RelayAccess::Open => ("RELAY is open: whoever brings a Direct Line secret may use it.", ""),
            RelayAccess::Key { .. } => ("RELAY_KEY is set.", ""),
            RelayAccess::Closed => (
                "Neither RELAY_KEY nor RELAY=open is set.",
                "Set RELAY_KEY, and the same value in header `x-relay-key` or as `?code=` of the secondary \
                 bot endpoint in ServiceNow.",
            ),
        };
        Role::new("role.relay", "relay", why, to_have_it)
    }

    fn secondary(&self) -> Role {
        let (why, to_have_it) = match self.secondary_bot {
            Some(_) => ("A SECONDARY_ credential is set.", ""),
            None => (
                "None of SECONDARY_TOKEN, SECONDARY_HASH_SECRET and SECONDARY_BASIC is set.",
                "Set one of them, and DIRECT_LINE_SECRET or COPILOT_TOKEN_ENDPOINT for the agent behind it (or SECONDARY_AGENTS).",
            ),
        };
        Role::new("role.secondary_bot", "secondary bot", why, to_have_it)
    }

    /// What is allowed but worth a line at start: each changes what people will see.
    pub fn cautions(&self) -> Vec<Caution> {
        let applying = CAUTIONS.iter().filter(|(applies, _)| applies(self));
        applying
            .map(|(_, caution)| caution.clone())
            .chain(self.quoted.iter().map(|name| quoted(name)))
            .collect()
    }

    /// A live chat in which nobody is heard.
    fn is_deaf(&self) -> bool {
        self.servicenow.is_some() && self.responses.credentials().next().is_none()
    }

    fn has_no_way_back(&self) -> bool {
        let own = self.direct_line.secret.is_some() || self.direct_line.token_endpoint.is_some();
        self.servicenow.is_some() && !own && self.handoff.after_chat == AfterChat::Bot
    }

    fn has_no_default_agent(&self) -> bool {
        let default = self.direct_line.secret.is_some() || self.direct_line.token_endpoint.is_some();
        self.secondary_bot.is_some() && !default
    }

    fn has_only_guests(&self) -> bool {
        self.servicenow.as_ref().is_some_and(|far| far.token.is_none() && far.hash_secret.is_none())
    }

    fn names_nobody(&self) -> bool {
        self.servicenow.is_some() && !self.has_only_guests() && self.handoff.email_variable.is_none()
    }

    fn can_upload_nothing(&self) -> bool {
        let no_login = |far: &ServiceNowSettings| matches!(far.login, ServiceNowLogin::None);
        self.servicenow.as_ref().is_some_and(no_login) && !self.files.by_link
    }

    fn shows_no_files(&self) -> bool {
        self.servicenow.is_some() && self.public_url.is_none()
    }

    fn has_no_pages(&self) -> bool {
        self.servicenow.is_some() && self.allowed_origins == AllowedOrigins::None
    }
}

fn quoted(name: &str) -> Caution {
    Caution {
        text: format!(
            "{name} is in quotes, and they count: Docker and Kubernetes keep what stands around a value."
        )
        .into(),
        fix: "Leave the quotes out, unless they belong to the secret.",
        breaks: None,
    }
}

type Applies = fn(&Settings) -> bool;

static CAUTIONS: [(Applies, Caution); 8] = [
    (
        Settings::is_deaf,
        Caution {
            text: Cow::Borrowed(
                "Neither RESPONSES_TOKEN nor RESPONSES_BASIC is set: nothing ServiceNow sends is let in, so no live \
                   agent is ever heard.",
            ),
            fix: "Set RESPONSES_TOKEN, and the same value as header `token` on ServiceNow's Bot Connection or REST \
                   message `VA Bot to Bot`.",
            breaks: Some("RESPONSES_TOKEN"),
        },
    ),
    (
        Settings::has_no_way_back,
        Caution {
            text: Cow::Borrowed(
                "AFTER_CHAT is bot, but neither DIRECT_LINE_SECRET nor COPILOT_TOKEN_ENDPOINT is set: \
                   a conversation ends with its live chat.",
            ),
            fix: "Set DIRECT_LINE_SECRET, or COPILOT_TOKEN_ENDPOINT, or AFTER_CHAT to `end` if that is meant.",
            breaks: None,
        },
    ),
    (
        Settings::has_no_default_agent,
        Caution {
            text: Cow::Borrowed(
                "Neither DIRECT_LINE_SECRET nor COPILOT_TOKEN_ENDPOINT is set: a primary bot that names none of \
                   SECONDARY_AGENTS gets no answer.",
            ),
            fix: "Set DIRECT_LINE_SECRET or COPILOT_TOKEN_ENDPOINT for the agent that answers the others; leave it if \
                   there are none.",
            breaks: None,
        },
    ),
    (
        Settings::has_only_guests,
        Caution {
            text: Cow::Borrowed(
                "Neither SERVICENOW_TOKEN nor SERVICENOW_HASH_SECRET is set: without message authentication \
                   ServiceNow treats every user as a guest.",
            ),
            fix: "Set up message authentication for the provider in ServiceNow and SERVICENOW_TOKEN or \
                   SERVICENOW_HASH_SECRET here; leave it if guests are meant.",
            breaks: None,
        },
    ),
    (
        Settings::names_nobody,
        Caution {
            text: Cow::Borrowed("USER_EMAIL_VARIABLE is not set: ServiceNow treats every user as a guest."),
            fix: "Set USER_EMAIL_VARIABLE to the agent's variable that holds the user's e-mail address; leave it if \
                   guests are meant.",
            breaks: None,
        },
    ),
    (
        Settings::can_upload_nothing,
        Caution {
            text: Cow::Borrowed(
                "ATTACHMENTS is upload, which needs a ServiceNow user or OAuth client: users' files can't be sent.",
            ),
            fix: "Set SERVICENOW_USERNAME and SERVICENOW_PASSWORD or the OAuth client, or set ATTACHMENTS to `link`.",
            breaks: None,
        },
    ),
    (
        Settings::shows_no_files,
        Caution {
            text: Cow::Borrowed(
                "PUBLIC_URL is not set: files on the ServiceNow instance can't be shown to users.",
            ),
            fix: "Set PUBLIC_URL to this app's root as seen from outside.",
            breaks: None,
        },
    ),
    (
        Settings::has_no_pages,
        Caution {
            text: Cow::Borrowed(
                "ALLOWED_ORIGINS is not set: browsers let no page of another origin chat through this app.",
            ),
            fix: "Set ALLOWED_ORIGINS to the origins of the pages with the chat, like `https://www.example.com`; leave \
                   it if the chat is in an app or is served from here.",
            breaks: None,
        },
    ),
];
