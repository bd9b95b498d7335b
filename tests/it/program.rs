//! The program as a process of its own, with all that it says.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{eventually::PATIENCE, host::package::Package};

/// Killed when dropped.
pub struct Program {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    out: Arc<Mutex<String>>,
    errors: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// The program with these settings and nothing else of this process's environment.
pub fn command<N: AsRef<OsStr>, V: AsRef<OsStr>>(settings: impl IntoIterator<Item = (N, V)>) -> Command {
    prepared(Command::new(Package::program()), settings)
}

/// The same of a command that leads to the program.
pub fn prepared<N: AsRef<OsStr>, V: AsRef<OsStr>>(
    mut command: Command,
    settings: impl IntoIterator<Item = (N, V)>,
) -> Command {
    command.env_clear().env("LISTEN", "127.0.0.1:0").envs(settings);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Sends a signal by its short name.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(sent.success());
}

impl Program {
    /// Starts it and waits until it listens.
    pub fn start<N: AsRef<OsStr>, V: AsRef<OsStr>>(settings: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::run(command(settings))
    }

    pub fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (out, errors) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let (listens, address) = mpsc::channel();
        let tell = move |line: &str| {
            // In Azure the line is JSON, and goes on behind the address.
            if let Some((_, address)) = line.split_once("Listening on ") {
                let end = address.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
                let _ = listens.send(address[..end.unwrap_or(address.len())].to_owned());
            }
        };
        let readers = vec![
            read(child.stdout.take().unwrap(), &out, tell),
            read(child.stderr.take().unwrap(), &errors, |_| {}),
        ];
        let mut program = Self { child, url: String::new(), out, errors, readers };
        let Ok(address) = address.recv_timeout(PATIENCE) else {
            program.kill();
            panic!("it does not listen: {}{}", program.log(), program.errors());
        };
        program.url = format!("http://{address}");
        program
    }

    /// All that it has written to standard output.
    pub fn log(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    pub fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Its exit code, once it has ended and all it wrote is read.
    pub fn ended(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        };
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        status.code()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
    }

    /// A figure of `/proc/PID/status`, in KiB.
    pub fn kibibytes(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Keeps what it writes line by line to the end, so that it never blocks on its log.
fn read(
    from: impl Read + Send + 'static,
    into: &Arc<Mutex<String>>,
    tell: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            tell(&line);
            *into.lock().unwrap() += &(line + "\n");
        }
    })
}
