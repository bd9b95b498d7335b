//! Every setting there is: the one place that docs/settings.md, the example file and the code agree with.

/// A setting as a reader of the documentation meets it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// Empty: unset unless given.
    pub default: &'static str,
    pub meaning: &'static str,
}

const fn setting(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, meaning }
}

/// All settings, grouped as in docs/settings.md.
pub const SETTINGS: &[Setting] = &[
    setting(
        "DIRECT_LINE_URL",
        "https://directline.botframework.com/",
        "Direct Line root; wins over the region",
    ),
    setting(
        "COPILOT_TOKEN_ENDPOINT",
        "",
        "Copilot Studio token endpoint; tells the region's Direct Line root",
    ),
    setting("DIRECT_LINE_SECRET", "", "opens conversations of our own"),
    setting("SERVICENOW_URL", "", "instance root"),
    setting("SERVICENOW_USERNAME", "", "integration user, for Basic or the OAuth password grant"),
    setting("SERVICENOW_PASSWORD", "", "its password"),
    setting("SERVICENOW_CLIENT_ID", "", "OAuth 2.0 client; alone: client credentials grant"),
    setting("SERVICENOW_CLIENT_SECRET", "", "its secret"),
    setting("SERVICENOW_TOKEN", "", "static message authentication, sent as header `token`"),
    setting("SERVICENOW_HASH_SECRET", "", "hash message authentication, sent as header `x-b2b-signature`"),
    setting(
        "SERVICENOW_APP_INBOUND_ID",
        "",
        "inbound id when one instance has several provider applications",
    ),
    setting("SERVICENOW_START", "create", "how a live chat is opened: `create`, `start` or `agent`"),
    setting(
        "SERVICENOW_CONTEXT",
        "{}",
        "JSON object: context variable -> template over the agent's variables",
    ),
    setting("USER_EMAIL_VARIABLE", "", "agent variable with the signed-in user's e-mail address"),
    setting("RESPONSES_TOKEN", "", "token ServiceNow presents to us"),
    setting("RESPONSES_BASIC", "", "`user:password` ServiceNow presents to us"),
    setting("HANDOFF_EVENTS", "handoff.initiate", "comma list of event names that mean escalate"),
    setting("HANDOFF_TIMEOUT", "300", "seconds to wait for a person"),
    setting("AFTER_CHAT", "bot", "what follows a live chat: `bot` or `end`"),
    setting("ATTACHMENTS", "upload", "how a user's file reaches ServiceNow: `upload` or `link`"),
    setting("FILES_TTL", "86400", "seconds a file link lives"),
    setting("MAX_UPLOAD", "104857600", "largest upload in bytes"),
    setting("RETENTION_DAYS", "30", "days after which an ended conversation is deleted; `0` keeps it"),
    setting("LONG_POLL", "0", "milliseconds a client's empty poll may be held"),
    setting("WEB_SOCKET", "auto", "`auto`: clients are offered one outside the Functions host; `off`"),
    setting(
        "TEXTS",
        "",
        "JSON, or a file with it: language -> text id -> wording of ours, to be said otherwise",
    ),
    setting("ALLOWED_ORIGINS", "", "comma list of browser origins for CORS; `*` for any"),
    setting(
        "STORE",
        "sqlite:data/handoff.db",
        "where journals are kept: `sqlite:PATH` or a blob container's URL",
    ),
    setting("AZURE_CLIENT_ID", "", "client id of the user-assigned identity to use; unset: the app's own"),
    setting("PUBLIC_URL", "", "our own root as seen from outside; needed for file links"),
    setting("RELAY_MAX_WAIT", "25000", "milliseconds the relay may collect one turn"),
    setting("RELAY_QUIET", "1000", "milliseconds of silence that end a turn"),
    setting("RELAY", "", "`open`: the relay is on without a key"),
    setting("RELAY_KEY", "", "turns the relay on; asked of every caller"),
    setting("RELAY_SECRETS", "", "JSON object: name a caller sends -> its agent's Direct Line secret"),
    setting("SECONDARY_TOKEN", "", "token the primary bot presents to us"),
    setting("SECONDARY_HASH_SECRET", "", "secret of the primary bot's `x-b2b-signature`"),
    setting("SECONDARY_BASIC", "", "`user:password` the primary bot presents to us"),
    setting("SECONDARY_RESPONSE_URL", "", "where asynchronous answers go; unset: synchronous only"),
    setting("SECONDARY_RESPONSE_BASIC", "", "`user:password` we present there"),
    setting("SECONDARY_RESPONSE_TOKEN", "", "token we present there"),
    setting(
        "SECONDARY_AGENTS",
        "",
        "JSON object: `nowBotId` or `appInboundId` -> its agent's Direct Line secret",
    ),
    setting("LISTEN", "127.0.0.1:7071", "address to listen on outside the Functions host"),
    setting("LOG", "info", "tracing filter, such as `info` or `servicenow_handoff=debug`"),
];

/// The default of a setting; empty for one that has none.
pub(super) fn default_of(name: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default)
}
