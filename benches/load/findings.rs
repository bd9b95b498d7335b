//! The table, and what it must show.

use std::fmt;

#[derive(Default)]
pub struct Findings(Vec<Finding>);

struct Finding {
    what: String,
    measured: f64,
    unit: &'static str,
    most: Option<f64>,
}

impl Findings {
    /// Something to know.
    pub fn note(&mut self, what: impl Into<String>, measured: f64, unit: &'static str) {
        self.add(what.into(), measured, unit, None);
    }

    /// Something that must not be more.
    pub fn bound(&mut self, what: impl Into<String>, measured: f64, unit: &'static str, most: f64) {
        self.add(what.into(), measured, unit, Some(most));
    }

    fn add(&mut self, what: String, measured: f64, unit: &'static str, most: Option<f64>) {
        let finding = Finding { what, measured, unit, most };
        println!("{finding}");
        self.0.push(finding);
    }

    /// Medians, and the 99th of a hundred, of milliseconds.
    pub fn latencies(&mut self, what: &str, millis: &mut [f64], p50: Option<f64>, p99: Option<f64>) {
        millis.sort_by(f64::total_cmp);
        for (name, share, most) in [("p50", 0.5, p50), ("p99", 0.99, p99), ("slowest", 1.0, None)] {
            self.add(format!("{what}, {name} of {}", millis.len()), percentile(millis, share), "ms", most);
        }
    }

    /// A sentence for every bound that does not hold. What was not measured holds none.
    pub fn broken(&self) -> Vec<String> {
        let broken = |finding: &&Finding| {
            finding.most.is_some_and(|most| finding.measured.is_nan() || finding.measured > most)
        };
        self.0.iter().filter(broken).map(ToString::to_string).collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, measured, unit, most } = self;
        let most = most.map_or("–".to_owned(), |most| format!("{most} {unit}"));
        write!(f, "| {what} | {measured:.1} {unit} | {most} |")
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n| what | measured | at most |\n|---|--:|--:|")?;
        self.0.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

/// Of sorted values.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}
