//! Names in the environment that were meant as settings and are none.

use super::catalogue::SETTINGS;

/// A name that is no setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelt {
    pub name: String,
    /// The setting that was most likely meant.
    pub meant: Option<&'static str>,
}

/// Names that begin as settings of ours do, or are close to one. Sorted.
pub fn misspelt(names: impl Iterator<Item = String>) -> Vec<Misspelt> {
    let names: Vec<_> = names.collect();
    let services: Vec<_> = names.iter().filter_map(|name| name.strip_suffix("_SERVICE_HOST")).collect();
    let mut misspelt: Vec<_> =
        names.iter().filter(|name| !tells_of(&services, name)).cloned().filter_map(judged).collect();
    misspelt.sort_by(|a, b| a.name.cmp(&b.name));
    misspelt
}

/// Whether Kubernetes tells a pod of a service by this name. It does so by several, one of which ends in `_SERVICE_HOST`.
fn tells_of(services: &[&str], name: &str) -> bool {
    let of = |service: &&str| name.strip_prefix(*service);
    let is_told = |rest: &str| rest == "_PORT" || rest.starts_with("_PORT_") || rest.starts_with("_SERVICE_");
    services.iter().filter_map(of).any(is_told)
}

fn judged(name: String) -> Option<Misspelt> {
    const OURS: [&str; 7] =
        ["SERVICENOW_", "DIRECT_LINE_", "COPILOT_", "HANDOFF_", "RESPONSES_", "RELAY_", "SECONDARY_"];
    if SETTINGS.iter().any(|setting| setting.name == name) {
        return None;
    }
    if let Some(meant) = close_to(&name) {
        return Some(Misspelt { name, meant: Some(meant) });
    }
    OURS.iter().any(|start| name.starts_with(start)).then(|| Misspelt { meant: alike(&name), name })
}

/// Letters up to which the start of a name says little.
const SHORT: usize = 10;

/// The setting that differs by a slip of the hand: case and word breaks count for nothing, of a long name up to two
/// letters, and an end left off or put on, such as a unit, counts as one. Short names, such as `LOG`, are close to too much.
fn close_to(name: &str) -> Option<&'static str> {
    let given = bare(name);
    let distance = |setting_name: &str| {
        let setting = bare(setting_name);
        let is_long = |name: &str| name.len() > SHORT;
        if (is_long(&given) && setting.starts_with(&given)) || ends_in_more(name, setting_name) {
            return Some(1);
        }
        let slips = strsim::osa_distance(&given, &setting);
        let allowed = match setting.len() {
            ..6 => 0,
            6..=SHORT => 1,
            _ => 2,
        };
        (slips <= allowed).then_some(slips)
    };
    let close = SETTINGS.iter().filter_map(|setting| Some((distance(setting.name)?, setting.name)));
    close.min().map(|(_, name)| name)
}

/// Whether it is a setting's name of several words with a word behind it.
fn ends_in_more(name: &str, setting: &str) -> bool {
    setting.contains('_') && name.strip_prefix(setting).is_some_and(|more| more.starts_with('_'))
}

/// The setting that a name of our family resembles, such as `SERVICENOW_USER`.
fn alike(name: &str) -> Option<&'static str> {
    const ENOUGH: f64 = 0.93;
    let likeness = |setting: &str| strsim::jaro_winkler(name, setting);
    let best = SETTINGS.iter().max_by(|a, b| likeness(a.name).total_cmp(&likeness(b.name)))?;
    (likeness(best.name) >= ENOUGH).then_some(best.name)
}

fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_traced_to_the_setting_that_was_meant() {
        let rows = [
            ("RESPONSE_TOKEN", Some("RESPONSES_TOKEN")),
            ("SERVICE_NOW_URL", Some("SERVICENOW_URL")),
            ("ServiceNowUrl", Some("SERVICENOW_URL")),
            ("servicenow_url", Some("SERVICENOW_URL")),
            ("DIRECTLINE_SECRET", Some("DIRECT_LINE_SECRET")),
            ("DIRECT_LINE_SECERT", Some("DIRECT_LINE_SECRET")),
            ("COPILOT_TOKEN_ENDPIONT", Some("COPILOT_TOKEN_ENDPOINT")),
            ("ALLOWED_ORIGIN", Some("ALLOWED_ORIGINS")),
            ("PUBLICURL", Some("PUBLIC_URL")),
            ("LongPoll", Some("LONG_POLL")),
            ("RELAY_KEYS", Some("RELAY_KEY")),
            ("LONG_POLL_MS", Some("LONG_POLL")),
            ("MAX_UPLOAD_SIZE", Some("MAX_UPLOAD")),
            ("FILES_TTL_SECONDS", Some("FILES_TTL")),
            ("COPILOT_ENDPOINT", None),
            ("SERVICENOW_PASWORD", Some("SERVICENOW_PASSWORD")),
            ("SERVICENOW_USER", Some("SERVICENOW_USERNAME")),
            ("SECONDARY_NOTHING_LIKE_IT", None),
        ];
        for (name, meant) in rows {
            let told = misspelt([name.to_owned()].into_iter());
            assert_eq!(told, [Misspelt { name: name.to_owned(), meant }]);
        }
    }

    #[test]
    fn what_others_set_is_left_alone() {
        let others = [
            "PATH",
            "LANG",
            "LOGNAME",
            "LOG_LEVEL",
            "STORES",
            "LISTEN_FDS",
            "LISTEN_PID",
            "PUBLIC_IP",
            "AZURE_TENANT_ID",
            "AZURE_CLIENT_SECRET",
            "WEBSITE_SKU",
            "APPSETTING_SERVICENOW_URL",
            "FUNCTIONS_WORKER_RUNTIME",
            "AzureWebJobsStorage",
            "CARGO_MANIFEST_DIR",
            "SERVICENOW_URL",
        ];
        assert_eq!(misspelt(others.map(str::to_owned).into_iter()), []);
        let of_a_service = [
            "_SERVICE_HOST",
            "_SERVICE_PORT",
            "_SERVICE_PORT_HTTP",
            "_PORT",
            "_PORT_8080_TCP",
            "_PORT_8080_TCP_ADDR",
            "_PORT_8080_TCP_PORT",
            "_PORT_8080_TCP_PROTO",
        ];
        for service in ["SERVICENOW_HANDOFF", "RELAY"] {
            let names = of_a_service.iter().map(|end| format!("{service}{end}"));
            assert_eq!(misspelt(names), []);
        }
        let told = misspelt(["RELAY_PORT", "RELAYS_SERVICE_HOST"].map(str::to_owned).into_iter());
        assert!(told.iter().any(|it| it.name == "RELAY_PORT"), "no service is called that: {told:?}");
    }
}
