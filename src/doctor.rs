//! What `handler doctor` finds: settings and far ends, one by one, each fault with its fix beside it.
//!
//! Nothing here serves anybody: the checks call the far ends as the connector would, in ways that leave no
//! conversation behind and ring nobody. What does leave a trace there is asked for by [`Depth::Deep`].

use std::{fmt, future::Future, time::Duration};

use reqwest::Url;
use serde_json::{Value, json};
use tokio::time::timeout;

pub use self::finding::{Finding, Verdict};
use crate::{
    config::{Misspelt, Secrets, SettingFault, Settings, misspelt},
    far_end, vault,
};

mod agents;
mod answer;
mod clock;
mod direct_line;
mod finding;
mod greeting;
mod message_authentication;
mod obstacle;
mod primary_bot;
mod responses;
mod servicenow;
mod settings;
mod store;
mod vaults;

/// How long a far end may take over one question.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a check may take over all its questions, so that none holds the report up for ever.
const LONGEST_CHECK: Duration = Duration::from_secs(90);

/// Every code a finding can have, in the order of a report. `docs/doctor.md` says what each means.
pub const CODES: &[&str] = &[
    "platform",
    "role.live_agent",
    "role.relay",
    "role.secondary_bot",
    "settings.caution",
    "settings",
    "settings.unknown",
    "vault",
    "network",
    "store.open",
    "store.journal",
    "clock.store",
    "direct_line.root",
    "direct_line.region",
    "direct_line.reach",
    "clock.direct_line",
    "direct_line.secret",
    "direct_line.refresh",
    "direct_line.token_endpoint",
    "direct_line.agent",
    "secondary.agent",
    "servicenow.reach",
    "servicenow.oauth",
    "servicenow.login",
    "servicenow.plugin",
    "clock.servicenow",
    "servicenow.message_authentication",
    "responses.endpoint",
    "responses.credential",
    "secondary.response_url",
];

/// How far the checks may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Leaves nothing behind but lines in logs.
    Harmless,
    /// Also opens a conversation at ServiceNow, which no agent is offered, and one with the Copilot Studio agent, and
    /// ends both.
    Deep,
}

/// What there is to judge.
pub struct Setup {
    /// As far as they are right.
    pub settings: Settings,
    pub faults: Vec<SettingFault>,
    /// What stands, or should stand, in Key Vaults.
    pub secrets: Secrets,
    /// Names that look like settings but are none.
    pub unknown: Vec<Misspelt>,
}

impl Setup {
    /// Reads the settings through `var`, those in Key Vaults as well; `names` are all that are set.
    pub async fn read(var: impl Fn(&str) -> Option<String>, names: impl Iterator<Item = String>) -> Self {
        let secrets = vault::secrets(&var).await;
        let (settings, faults) = Settings::read(var, secrets.clone());
        Self { settings, faults, secrets, unknown: misspelt(names) }
    }
}

/// Everything found, in the order to read it.
#[derive(Debug)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Judges the settings, without a call.
    pub fn on_settings(setup: &Setup) -> Self {
        let mut findings = settings::judge(setup);
        findings.extend(vaults::judge(&setup.secrets));
        Self { findings }
    }

    /// Judges the settings, and calls every far end that they are right for.
    pub async fn on_everything(setup: &Setup, depth: Depth) -> Self {
        let mut report = Self::on_settings(setup);
        match far_end::trusted().and_then(|()| far_end::client()) {
            Ok(http) => report.findings.extend(examine(setup, depth, &http).await),
            Err(error) => {
                let text = format!("No HTTP client can be made: {error}.");
                report.findings.push(Finding::wrong("network", text).fix(error.way_out()));
            }
        }
        report
    }

    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether nothing is wrong, or may be; a caution isn't.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict != Verdict::Wrong && finding.is_known)
    }

    /// One line that says it all.
    pub fn summary(&self) -> String {
        let [good, off, caution, wrong] = [Verdict::Good, Verdict::Off, Verdict::Caution, Verdict::Wrong]
            .map(|verdict| self.count(verdict));
        let mut unknown: Vec<_> =
            self.findings.iter().filter(|finding| !finding.is_known).map(|finding| finding.code).collect();
        unknown.dedup();
        let end = match (wrong, caution) {
            (0, _) if !unknown.is_empty() => {
                format!("Not known: {} could not be checked; run this again.", unknown.join(", "))
            }
            (0, 0) => "Ready.".to_owned(),
            (0, 1) => "Ready; look at the one caution.".to_owned(),
            (0, _) => format!("Ready; look at the {caution} cautions."),
            (1, _) => "Not ready: mend the one thing that is wrong.".to_owned(),
            (_, _) => format!("Not ready: mend the {wrong} things that are wrong."),
        };
        format!("{good} ok, {off} off, {caution} caution, {wrong} wrong. {end}")
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// As its `Display`, with colours for a terminal.
    pub fn coloured(&self) -> String {
        let lines: String = self.findings.iter().map(|it| format!("{}\n", it.coloured())).collect();
        let verdict = if self.is_healthy() { Verdict::Good } else { Verdict::Wrong };
        format!("{lines}\n{}\n", verdict.paint(&self.summary()))
    }

    /// For programs: codes and verdicts are stable, texts are for people.
    pub fn to_json(&self) -> Value {
        let findings: Vec<_> = self.findings.iter().map(Finding::to_json).collect();
        json!({ "healthy": self.is_healthy(), "findings": findings })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(out, "{finding}"))?;
        writeln!(out, "\n{}", self.summary())
    }
}

/// Asks the far ends, all at the same time; the order of the findings does not depend on who answers first.
async fn examine(setup: &Setup, depth: Depth, http: &reqwest::Client) -> Vec<Finding> {
    let Setup { settings, faults, secrets: _, unknown: _ } = setup;
    let skip = |code, prefixes: &[&str]| settings::not_checked(code, faults, prefixes);
    let agents_need = ["SECONDARY_", "DIRECT_LINE_", "COPILOT_TOKEN_"];
    let responses_need = ["RESPONSES_", "PUBLIC_URL", "SERVICENOW_"];
    let [store_code, line_code, agent_code] = ["store.open", "direct_line.root", "secondary.agent"];
    let [far_code, our_code, bot_code] = ["servicenow.reach", "responses.endpoint", "secondary.response_url"];
    let line = direct_line::check(&settings.direct_line, depth, http);
    let parts = tokio::join!(
        check(store_code, skip(store_code, &["STORE", "AZURE_CLIENT_ID"]), store::check(settings, http)),
        check(line_code, skip(line_code, &agents_need[1..]), line),
        check(agent_code, skip(agent_code, &agents_need), agents::check(settings, http)),
        check(far_code, skip(far_code, &["SERVICENOW_"]), servicenow::check(settings, depth, http)),
        check(our_code, skip(our_code, &responses_need), responses::check(settings, http)),
        check(bot_code, skip(bot_code, &["SECONDARY_"]), primary_bot::check(settings, http)),
    );
    let (store, direct_line, agents, servicenow, responses, primary_bot) = parts;
    [store, direct_line, agents, servicenow, responses, primary_bot].concat()
}

/// What a check finds, or why it was not made.
async fn check(
    code: &'static str,
    not_checked: Option<Finding>,
    findings: impl Future<Output = Vec<Finding>>,
) -> Vec<Finding> {
    if let Some(reason) = not_checked {
        return vec![reason];
    }
    timeout(LONGEST_CHECK, findings).await.unwrap_or_else(|_| {
        let text = format!("This check took longer than {} s and was broken off.", LONGEST_CHECK.as_secs());
        vec![
            Finding::wrong(code, text)
                .fix("Run it again; if it stays so, check the network between here and there."),
        ]
    })
}

/// A far end as texts name it: without its query, which may hold a key.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests;
