//! One finding: what was looked at, how it stands, and what to do.

use std::fmt;

use serde_json::{Value, json};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// Not set up, or not looked at; the text says which.
    Off,
    /// Works, but will surprise.
    Caution,
    Wrong,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Off => "off",
            Self::Caution => "caution",
            Self::Wrong => "wrong",
        }
    }

    /// In this verdict's colour, for a terminal.
    pub(super) fn paint(self, text: &str) -> String {
        let style = match self {
            Self::Good => "32",
            Self::Off => "2",
            Self::Caution => "33",
            Self::Wrong => "1;31",
        };
        format!("\x1b[{style}m{text}\x1b[0m")
    }
}

/// What was found about one thing. No part of it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable, for programs: what was looked at.
    pub code: &'static str,
    pub verdict: Verdict,
    /// Which one, where there are several: a setting's or an agent's name.
    pub subject: Option<String>,
    pub text: String,
    /// What to do about it; never missing beside `Wrong`.
    pub fix: Option<String>,
    /// What was asked put the question off: it may be right or wrong.
    pub is_known: bool,
}

impl Finding {
    fn new(verdict: Verdict, code: &'static str, text: impl Into<String>) -> Self {
        Self { code, verdict, subject: None, text: text.into(), fix: None, is_known: true }
    }

    pub fn good(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Good, code, text)
    }

    pub fn off(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Off, code, text)
    }

    pub fn caution(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Caution, code, text)
    }

    pub fn wrong(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Wrong, code, text)
    }

    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    pub fn not_known(self) -> Self {
        Self { is_known: false, ..self }
    }

    pub fn of(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// As its `Display`, with the verdict in colour.
    pub(super) fn coloured(&self) -> String {
        let (word, line) = (self.verdict.word(), self.to_string());
        format!("{}{}", self.verdict.paint(word), line.strip_prefix(word).unwrap_or(&line))
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { code, verdict, subject, text, fix, is_known: _ } = self;
        json!({ "code": code, "verdict": verdict.word(), "subject": subject, "text": text, "fix": fix })
    }
}

/// A line, and under it the fix.
impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, verdict, subject, text, fix, is_known: _ } = self;
        write!(out, "{:<8} {code}", verdict.word())?;
        if let Some(subject) = subject {
            write!(out, " {subject}")?;
        }
        write!(out, ": {text}")?;
        match fix {
            Some(fix) => write!(out, "\n         -> {fix}"),
            None => Ok(()),
        }
    }
}
