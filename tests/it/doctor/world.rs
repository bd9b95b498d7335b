//! Both far ends, right settings for them, and what a test changes about those.

use servicenow_handoff::{
    doctor::{CODES, Depth, Finding, Report, Setup, Verdict},
    simulate::{
        copilot::{self, CopilotOptions, CopilotStudio},
        servicenow::{self, OAuthClient, ServiceNow, ServiceNowOptions},
    },
};

/// Everything secret begins with this, so that no report may contain it.
const SECRET: &str = "SECRET-";

pub struct World {
    pub copilot: CopilotStudio,
    pub servicenow: ServiceNow,
    settings: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Both far ends, and settings that are right in every point.
    pub async fn new() -> Self {
        let copilot = agent(&format!("{SECRET}direct-line")).await;
        let servicenow = servicenow::start(instance()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
        let settings = [
            ("DIRECT_LINE_URL", copilot.url()),
            ("DIRECT_LINE_SECRET", copilot.secret()),
            ("SERVICENOW_URL", servicenow.url()),
            ("SERVICENOW_USERNAME", "connector"),
            ("SERVICENOW_PASSWORD", "SECRET-password"),
            ("SERVICENOW_TOKEN", "SECRET-message-token"),
            ("USER_EMAIL_VARIABLE", "UserEmail"),
            ("RESPONSES_TOKEN", "SECRET-responses"),
            ("STORE", &store),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { copilot, servicenow, settings, _folder: folder }
    }

    /// With another value of this setting; empty: unset.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.settings.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// What is set, for a process of its own.
    pub fn settings(&self) -> Vec<(String, String)> {
        self.settings.clone()
    }

    pub async fn examine(&self) -> Found {
        self.examine_to(Depth::Harmless).await
    }

    pub async fn examine_to(&self, depth: Depth) -> Found {
        let var = |name: &str| {
            let set = self.settings.iter().find(|(known, _)| known == name);
            set.map(|(_, value)| value.clone())
        };
        let setup = Setup::read(var, std::iter::empty()).await;
        Found::new(Report::on_everything(&setup, depth).await)
    }
}

/// A Copilot Studio whose agent has this secret.
pub async fn agent(secret: &str) -> CopilotStudio {
    copilot::start(CopilotOptions { secret: secret.to_owned(), ..CopilotOptions::default() }).await.unwrap()
}

/// An instance that asks for everything it can ask for.
pub fn instance() -> ServiceNowOptions {
    let oauth = OAuthClient {
        client_id: "client".to_owned(),
        client_secret: "SECRET-client".to_owned(),
        token_lifetime: std::time::Duration::from_secs(1_800),
    };
    ServiceNowOptions {
        basic: Some(("connector".to_owned(), "SECRET-password".to_owned())),
        oauth: Some(oauth),
        message_token: Some("SECRET-message-token".to_owned()),
        ..ServiceNowOptions::default()
    }
}

/// A report that keeps what every report must keep: known codes, a fix beside what is wrong, no secret.
pub struct Found(Report);

impl Found {
    pub fn new(report: Report) -> Self {
        let shown = format!("{report}{}", report.to_json());
        assert!(!shown.contains(SECRET), "{shown}");
        for finding in report.findings() {
            assert!(CODES.contains(&finding.code), "{finding}");
            assert_eq!(
                finding.verdict == Verdict::Wrong,
                finding.verdict == Verdict::Wrong && finding.fix.is_some()
            );
            assert!(!finding.text.is_empty() && finding.fix.as_deref() != Some(""), "{finding}");
        }
        assert_eq!(
            report.is_healthy(),
            report.findings().iter().all(|finding| finding.verdict != Verdict::Wrong && finding.is_known)
        );
        Self(report)
    }

    /// The one finding with this code.
    pub fn one(&self, code: &str) -> &Finding {
        let mut found = self.0.findings().iter().filter(|finding| finding.code == code);
        let first = found.next().unwrap_or_else(|| panic!("no {code} in\n{}", self.0));
        assert!(found.next().is_none(), "two {code} in\n{}", self.0);
        first
    }

    /// That this alone is wrong; gives its text and fix.
    pub fn only_wrong(&self, code: &str) -> String {
        let wrong: Vec<_> = self.codes_of(Verdict::Wrong);
        assert_eq!(wrong, [code], "{}", self.0);
        let finding = self.one(code);
        format!("{} {}", finding.text, finding.fix.as_deref().unwrap_or_default())
    }

    pub fn codes_of(&self, verdict: Verdict) -> Vec<&'static str> {
        self.0.findings().iter().filter(|it| it.verdict == verdict).map(|it| it.code).collect()
    }

    pub fn report(&self) -> &Report {
        &self.0
    }
}
