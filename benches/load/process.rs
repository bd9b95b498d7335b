//! A child process: stopped when dropped, and asked what it has used.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

/// Linux counts CPU time towards programs in hundredths of a second, whatever its own clock.
const MILLIS_A_TICK: f64 = 10.0;

pub struct Process {
    child: Child,
    /// What ends it in order; without one it is killed.
    stop: Option<Command>,
}

impl Process {
    pub fn spawn(command: &mut Command) -> Self {
        let child =
            command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, stop: None }
    }

    /// A child of this very program, which says its address in its first line.
    pub fn of_our_own(arguments: &[&str]) -> (Self, SocketAddr) {
        let this = std::env::current_exe().expect("Linux knows the path of a running program");
        let mut process = Self::spawn(Command::new(this).args(arguments).stdout(Stdio::piped()));
        let stdout = process.child.stdout.take().expect("it was asked for");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it says its address");
        (process, line.trim().parse().expect("its first line is its address"))
    }

    pub fn stopped_by(mut self, stop: Command) -> Self {
        self.stop = Some(stop);
        self
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time used so far, by its children too.
    pub fn cpu_millis(&self) -> f64 {
        self.tree().iter().map(|pid| ticks(*pid)).sum::<f64>() * MILLIS_A_TICK
    }

    /// Resident memory in MB, now and at its highest.
    pub fn memory(&self) -> (f64, f64) {
        let tree = self.tree();
        let sum = |field: &str| tree.iter().map(|pid| status_kilobytes(*pid, field)).sum::<f64>() / 1_024.0;
        (sum("VmRSS:"), sum("VmHWM:"))
    }

    fn tree(&self) -> Vec<u32> {
        let root = self.child.id();
        let children = fs::read_to_string(format!("/proc/{root}/task/{root}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        std::iter::once(root).chain(children).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let asked = self.stop.as_mut().is_some_and(|stop| stop.status().is_ok_and(|status| status.success()));
        if !asked {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// User and system time, that of children already gone included.
fn ticks(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the last parenthesis may hold anything; utime is the 12th field behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum()
}

fn status_kilobytes(pid: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse().ok()).unwrap_or_default()
}
