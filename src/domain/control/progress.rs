//! A longer task, as far as it has come.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Steps of a longer task, oldest first; a later one of the same key repeats them and holds more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Names the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is done just now. Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    pub steps: Vec<Step>,
    /// Position of the fact that showed the task first; `None`: this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
}

/// Steps that are shown, the newest: more than anybody reads.
const MOST_STEPS: usize = 100;

impl Progress {
    /// Adds a step, or tells again of one.
    pub fn tell(&mut self, step: Step) {
        match self.steps.iter_mut().find(|known| known.is_told_of_by(&step)) {
            Some(known) => *known = step,
            None => {
                if self.steps.len() >= MOST_STEPS {
                    self.steps.remove(0);
                }
                self.steps.push(step);
            }
        }
    }

    /// All that is shown, a line each.
    pub fn lines(&self) -> Vec<String> {
        self.header.iter().cloned().chain(self.steps.iter().map(Step::to_string)).collect()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Markdown.
    pub text: String,
    /// In ServiceNow's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// With its status: `Looked for articles (completed)`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.status {
            Some(status) => write!(f, "{} ({status})", self.text.trim_end()),
            None => f.write_str(&self.text),
        }
    }
}

impl Step {
    /// Whether `later` tells of this step again: in the same words, or with another count behind them, as in `Reading (3 of 5)`.
    pub fn is_told_of_by(&self, later: &Self) -> bool {
        without_count(&self.text) == without_count(&later.text)
    }
}

fn without_count(text: &str) -> &str {
    let text = text.trim();
    let behind = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    behind.filter(|(_, within)| is_count(within)).map_or(text, |(before, _)| before.trim_end())
}

/// `60 %`, `3/5`, `3 of 5`, with any short word between.
fn is_count(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|sign| sign.is_ascii_digit());
    if let Some(share) = text.trim().strip_suffix('%') {
        return digits(share.trim());
    }
    let between = text.trim().trim_matches(|sign: char| sign.is_ascii_digit());
    let ends = text.trim().split(between).collect::<Vec<_>>();
    !between.is_empty()
        && between.trim().chars().count() <= 3
        && matches!(ends[..], [done, of] if digits(done) && digits(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_steps_without_end_the_newest_are_kept() {
        let mut task = Progress::default();
        (0..10_000).for_each(|number| task.tell(Step { text: format!("Step {number}"), status: None }));
        assert_eq!((task.steps.len(), task.steps[0].text.as_str()), (MOST_STEPS, "Step 9900"));
    }

    #[test]
    fn a_step_is_told_of_again_by_its_words_and_a_count_is_none_of_them() {
        let step = |text: &str| Step { text: text.to_owned(), status: None };
        for (known, later, same) in [
            ("Reading mail", "Reading mail (3 of 5)", true),
            ("Reading mail (3 of 5)", "Reading mail (4 of 5)", true),
            ("Liest (3 von 5)", "Liest (4 von 5)", true),
            ("Done (10%)", "Done (20 %)", true),
            ("Copied (1/2)", "Copied (2/2)", true),
            ("Looked up laptop (HR)", "Looked up laptop (IT)", false),
            ("Read the report (2024)", "Read the report (2025)", false),
            ("Searched (KB)", "Searched", false),
            ("Searched (KB)", "Searched (KB) ", true),
            ("Paid (3 out of 5)", "Paid", false),
            ("()", "", false),
        ] {
            assert_eq!(step(known).is_told_of_by(&step(later)), same, "{known} / {later}");
        }
    }
}
