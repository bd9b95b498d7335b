//! Which roles are on, for the start of the log and for `handler doctor`.

use super::{AfterChat, ServiceNowLogin, Settings, catalogue::SETTINGS};

/// A role and whether its settings are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: &'static str,
    pub on: bool,
    /// Why it is on or off, as one sentence.
    pub why: &'static str,
}

impl Settings {
    pub fn roles(&self) -> [Role; 3] {
        let role = |name, on, if_on, if_off| Role { name, on, why: if on { if_on } else { if_off } };
        [
            role(
                "live-agent hand-off",
                self.servicenow.is_some(),
                "SERVICENOW_URL is set.",
                "SERVICENOW_URL is not set, so Direct Line is passed through and an escalation goes nowhere.",
            ),
            role(
                "relay",
                true,
                "It needs no setting: its caller brings the Direct Line secret.",
                "It is never off.",
            ),
            role(
                "secondary bot",
                self.secondary_bot.is_some(),
                "A SECONDARY_ credential is set.",
                "None of SECONDARY_TOKEN, SECONDARY_HASH_SECRET and SECONDARY_BASIC is set.",
            ),
        ]
    }

    /// What is allowed but worth a line at start: each changes what people will see.
    pub fn cautions(&self) -> Vec<&'static str> {
        let direct_line = &self.direct_line;
        let hands_off = self.servicenow.is_some();
        let no_way_back = direct_line.secret.is_none() && direct_line.token_endpoint.is_none();
        let guest =
            self.servicenow.as_ref().is_some_and(|far| far.token.is_none() && far.hash_secret.is_none());
        let no_login = self.servicenow.as_ref().is_some_and(|far| matches!(far.login, ServiceNowLogin::None));
        let deaf = hands_off && self.responses.token.is_none() && self.responses.basic.is_none();
        let cautions = [
            (
                deaf,
                "Neither RESPONSES_TOKEN nor RESPONSES_BASIC is set: nothing ServiceNow sends is let in, so no \
                 live agent is ever heard.",
            ),
            (
                hands_off && no_way_back && self.handoff.after_chat == AfterChat::Bot,
                "AFTER_CHAT is bot, but neither DIRECT_LINE_SECRET nor COPILOT_TOKEN_ENDPOINT is set: \
                 a conversation ends with its live chat.",
            ),
            (
                guest,
                "Neither SERVICENOW_TOKEN nor SERVICENOW_HASH_SECRET is set: without message authentication \
                 ServiceNow treats every user as a guest.",
            ),
            (
                hands_off && !guest && self.handoff.email_variable.is_none(),
                "USER_EMAIL_VARIABLE is not set: ServiceNow treats every user as a guest.",
            ),
            (
                no_login && !self.files.by_link,
                "ATTACHMENTS is upload, which needs a ServiceNow user or OAuth client: users' files can't be sent.",
            ),
            (
                hands_off && self.public_url.is_none(),
                "PUBLIC_URL is not set: files on the ServiceNow instance can't be shown to users.",
            ),
        ];
        cautions.into_iter().filter_map(|(applies, text)| applies.then_some(text)).collect()
    }
}

/// Names that look like settings of ours but are none: most likely misspelt.
pub fn unknown_names(names: impl Iterator<Item = String>) -> Vec<String> {
    const OURS: [&str; 7] =
        ["SERVICENOW_", "DIRECT_LINE_", "COPILOT_TOKEN_", "HANDOFF_", "RESPONSES_", "RELAY_", "SECONDARY_"];
    let known = |name: &str| SETTINGS.iter().any(|setting| setting.name == name);
    let mut unknown: Vec<_> =
        names.filter(|name| OURS.iter().any(|start| name.starts_with(start)) && !known(name)).collect();
    unknown.sort();
    unknown
}
