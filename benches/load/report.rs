//! The table, and what it must show.

use std::{fmt, fs};

use super::{
    bot, chat,
    findings::Findings,
    memory::{CHATS, Memory},
    start::{Starts, TIMES},
    subject::{BEFORE, HOP, OURS},
};

/// What a job came to on one process.
pub struct Row {
    pub job: String,
    pub who: String,
    pub idle_memory: f64,
    pub peak_memory: f64,
    samples: Vec<Sample>,
}

/// One round.
pub struct Sample {
    pub messages: usize,
    pub cpu_millis: f64,
    pub seconds: f64,
    /// Milliseconds.
    pub latencies: Vec<f64>,
}

#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
    pub starts: Vec<Starts>,
    pub memory: Memory,
    pub findings: Findings,
}

impl Row {
    pub fn new(job: &str, who: &str, idle_memory: f64) -> Self {
        Self { job: job.to_owned(), who: who.to_owned(), idle_memory, peak_memory: 0.0, samples: vec![] }
    }

    pub fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// CPU milliseconds a message: the median of the rounds.
    fn cpu(&self) -> f64 {
        median(self.samples.iter().map(Sample::cpu))
    }

    fn rate(&self) -> f64 {
        self.sum(|sample| sample.messages as f64) / self.sum(|sample| sample.seconds)
    }

    fn latency(&self, share: f64) -> f64 {
        let mut all: Vec<f64> = self.samples.iter().flat_map(|sample| sample.latencies.clone()).collect();
        all.sort_by(f64::total_cmp);
        percentile(&all, share)
    }

    fn sum(&self, part: impl Fn(&Sample) -> f64) -> f64 {
        self.samples.iter().map(part).sum()
    }
}

impl Sample {
    fn cpu(&self) -> f64 {
        self.cpu_millis / self.messages as f64
    }
}

impl Report {
    /// A sentence for every bound that does not hold.
    pub fn broken_bounds(&self) -> Vec<String> {
        let handler = self.find(bot::JOB, OURS);
        let ratio = handler.and_then(|handler| self.against_nginx(handler));
        let ours = |job| self.rows.iter().find(|row| row.job == job);
        let before = |job| ours(job).and_then(|row| self.against_before(row));
        // A machine is not as fast today as it was: where the older build ran beside it, that one is the measure.
        let cpu = |job| ours(job).filter(|_| before(job).is_none()).map(Row::cpu);
        let hop = handler.zip(self.find(bot::JOB, HOP)).map(|(handler, hop)| against(handler, hop));
        let start = self.starts.first();
        let most = self.memory.iter().map(|(_, megabytes)| *megabytes).reduce(f64::max);
        let crowd = ours(chat::CROWD_WEBHOOK);
        let bounds = [
            ("CPU in the bot phase, times nginx's", ratio, 1.35),
            ("CPU in the bot phase, times the bare hop's", hop, 1.0),
            ("CPU ms a message from user to agent", cpu(chat::TO_AGENT), 0.116),
            ("CPU ms a message from agent to user", cpu(chat::TO_USER), 0.159),
            ("CPU a message from user to agent, times before", before(chat::TO_AGENT), 0.8),
            ("CPU a message from agent to user, times before", before(chat::TO_USER), 0.8),
            ("ms from start to the first answer", start.map(|start| percentile(&start.probe, 0.5)), 6.0),
            ("MB resident at rest", start.map(|start| start.idle_memory), 14.0),
            ("MB resident with all the open chats", most, 45.0),
            ("MB of the packaged handler", packaged(), 14.0),
            ("p99 ms of a webhook while 200 talk", crowd.map(|row| row.latency(0.99)), 1_000.0),
        ];
        let broken = bounds.into_iter().filter_map(|(what, measured, bound)| {
            measured.filter(|measured| *measured > bound).map(|measured| (what, measured, bound))
        });
        let broken = broken.map(|(what, measured, bound)| format!("{what}: {measured:.2}, at most {bound}"));
        broken.chain(self.findings.broken()).collect()
    }

    fn find(&self, job: &str, who: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.job == job && row.who == who)
    }

    /// Against nginx with as many workers, round by round; `None` without nginx.
    fn against_nginx(&self, row: &Row) -> Option<f64> {
        let nginx = self.rows.iter().rfind(|other| other.job == row.job && other.who.starts_with("nginx"))?;
        Some(against(row, nginx))
    }

    /// Against the build that `BEFORE` names, round by round; `None` without one, and for that one itself.
    fn against_before(&self, row: &Row) -> Option<f64> {
        let who = row.who.strip_prefix(OURS)?;
        let before = |other: &&Row| other.job == row.job && other.who.strip_prefix(BEFORE) == Some(who);
        self.rows.iter().find(before).map(|before| against(row, before))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", machine())?;
        if !self.rows.is_empty() {
            self.write_rows(f)?;
        }
        if !self.starts.is_empty() {
            self.write_starts(f)?;
        }
        if !self.memory.is_empty() {
            writeln!(f, "\n| {CHATS} open chats, after | MB resident |\n|---|--:|")?;
        }
        let mut memory = self.memory.iter();
        memory.try_for_each(|(moment, megabytes)| writeln!(f, "| {moment} | {megabytes:.1} |"))?;
        write!(f, "{}", self.findings)
    }
}

impl Report {
    fn write_rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rows.iter().any(|row| row.who.starts_with("nginx")) {
            writeln!(f, "nginx is not installed, so its rows are missing.\n")?;
        }
        writeln!(
            f,
            "| job | process | CPU ms each | times nginx | times before | p50 ms | p95 ms | p99 ms | a second | MB idle → peak |"
        )?;
        writeln!(f, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        for row in &self.rows {
            let shown = |ratio: Option<f64>| ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
            let (nginx, before) = (shown(self.against_nginx(row)), shown(self.against_before(row)));
            let Row { job, who, idle_memory, peak_memory, samples: _ } = row;
            let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| row.latency(share));
            let (cpu, rate) = (row.cpu(), row.rate());
            writeln!(
                f,
                "| {job} | {who} | {cpu:.3} | {nginx} | {before} | {p50:.1} | {p95:.1} | {p99:.1} | {rate:.0} | {idle_memory:.1} → {peak_memory:.1} |"
            )?;
        }
        Ok(())
    }

    fn write_starts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n| {TIMES} starts, ms | process | median | min | max | times ours | MB at rest |")?;
        writeln!(f, "|---|---|--:|--:|--:|--:|--:|")?;
        let ours = self.starts.first().map_or(f64::NAN, |starts| percentile(&starts.probe, 0.5));
        for Starts { who, probe, poll, idle_memory } in &self.starts {
            for (until, millis) in [("to the first answer", probe), ("to a first poll's answer", poll)] {
                let [median, min, max] = [0.5, 0.0, 1.0].map(|share| percentile(millis, share));
                let ratio = median / ours;
                if !millis.is_empty() {
                    writeln!(
                        f,
                        "| {until} | {who} | {median:.1} | {min:.1} | {max:.1} | {ratio:.1} | {idle_memory:.1} |"
                    )?;
                }
            }
        }
        Ok(())
    }
}

/// CPU of one, times the other's, round by round.
fn against(row: &Row, other: &Row) -> f64 {
    median(row.samples.iter().zip(&other.samples).map(|(ours, theirs)| ours.cpu() / theirs.cpu()))
}

/// Of what `PACKAGE` names.
fn packaged() -> Option<f64> {
    std::env::var_os("PACKAGE")?;
    fs::metadata(super::subject::program()).ok().map(|file| file.len() as f64 / 1e6)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}

/// Of sorted values.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = super::subject::workers();
    let size = fs::metadata(super::subject::program()).map_or(0, |file| file.len());
    let megabytes = size as f64 / 1e6;
    format!(
        "Machine: {model}, {cores} cores, shared by the process under test, the far ends and the generator. \
         `handler` {}: {megabytes:.1} MB.",
        env!("CARGO_PKG_VERSION")
    )
}
