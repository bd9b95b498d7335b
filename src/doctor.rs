//! What `handler doctor` finds: which settings are wrong, which roles are on, what will surprise.

use std::fmt;

use serde_json::{Value, json};

use crate::config::{SettingErrors, Settings};

/// Everything found, in the order to read it.
#[derive(Debug)]
pub struct Report {
    findings: Vec<Finding>,
}

#[derive(Debug)]
struct Finding {
    verdict: Verdict,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Off,
    Caution,
    Wrong,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Off => "off",
            Self::Caution => "caution",
            Self::Wrong => "wrong",
        }
    }
}

impl Report {
    /// Judges the settings as read; `unknown` are names that look like settings but are none.
    pub fn on_settings(settings: &Result<Settings, SettingErrors>, unknown: &[String]) -> Self {
        let mut findings = match settings {
            Ok(settings) => judge(settings),
            Err(errors) => {
                let wrong = |text: &String| Finding { verdict: Verdict::Wrong, text: text.clone() };
                errors.faults().iter().map(|fault| wrong(&fault.sentence)).collect()
            }
        };
        let misspelt = |name| format!("{name} is not a setting; check its spelling.");
        findings
            .extend(unknown.iter().map(|name| Finding { verdict: Verdict::Caution, text: misspelt(name) }));
        Self { findings }
    }

    /// Whether nothing is wrong; a caution isn't.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict != Verdict::Wrong)
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let finding = |finding: &Finding| json!({ "verdict": finding.verdict.word(), "text": finding.text });
        json!({ "healthy": self.is_healthy(), "findings": self.findings.iter().map(finding).collect::<Vec<_>>() })
    }
}

fn judge(settings: &Settings) -> Vec<Finding> {
    let roles = settings.roles().into_iter().map(|role| {
        let verdict = if role.on { Verdict::Good } else { Verdict::Off };
        Finding { verdict, text: format!("{}: {}", role.name, role.why) }
    });
    let cautions = settings.cautions().into_iter();
    roles.chain(cautions.map(|text| Finding { verdict: Verdict::Caution, text: text.to_owned() })).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { verdict, text } in &self.findings {
            writeln!(out, "{:<8} {text}", verdict.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_settings_are_healthy_and_tell_what_is_off() {
        let report = Report::on_settings(&Settings::from_env(|_| None), &["RELAY_KEYS".to_owned()]);
        let text = report.to_string();
        assert!(report.is_healthy());
        assert!(text.contains("off      live-agent hand-off: SERVICENOW_URL is not set"), "{text}");
        assert!(text.contains("caution  RELAY_KEYS is not a setting"), "{text}");
        assert_eq!(report.to_json()["healthy"], true);
    }

    #[test]
    fn every_wrong_setting_is_a_finding() {
        let wrong = |name: &str| matches!(name, "LOG" | "STORE").then(|| "x y".to_owned());
        let report = Report::on_settings(&Settings::from_env(wrong), &[]);
        assert!(!report.is_healthy());
        assert_eq!(report.to_json()["findings"].as_array().unwrap().len(), 2);
        assert!(report.to_string().lines().all(|line| line.starts_with("wrong")));
    }
}
