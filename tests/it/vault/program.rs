//! The real program with chosen settings.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use crate::{eventually::PATIENCE, vault::azure::FLEX};

/// Killed when dropped.
pub struct Program {
    child: Child,
    pub url: String,
}

impl Program {
    /// Starts it and waits until it listens.
    pub fn start<'a>(settings: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut child = command(settings).spawn().unwrap();
        let (found, address) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Reads on to the end, so that the program never blocks on its log.
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // In Azure the line is JSON, and goes on behind the address.
                if let Some((_, address)) = line.split_once("Listening on ") {
                    let end = address.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
                    found.send(address[..end.unwrap_or(address.len())].to_owned()).unwrap();
                }
            }
        });
        match address.recv_timeout(PATIENCE) {
            Ok(address) => Self { child, url: format!("http://{address}") },
            Err(_) => {
                let _ = child.kill();
                panic!("it does not listen: {}", text(child.stderr.take().unwrap()));
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it with settings that are wrong, and gives the lines it ends with.
pub fn refusal<'a>(settings: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let output = command(settings).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(output.stdout.is_empty());
    told.lines().map(str::to_owned).collect()
}

fn command<'a>(settings: impl IntoIterator<Item = (&'a str, String)>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
    let settings: Vec<_> = settings.into_iter().collect();
    // A file is no store for an instance of Azure's: such a program runs on somebody's own machine.
    let is_local = settings.iter().any(|(name, value)| *name == "STORE" && value.starts_with("sqlite:"));
    let is_sign = |name: &str| FLEX.iter().any(|(sign, _)| *sign == name);
    let settings = settings.into_iter().filter(|(name, _)| !is_local || !is_sign(name));
    command.env_clear().env("LISTEN", "127.0.0.1:0").envs(settings);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(mut from: impl Read) -> String {
    let mut text = String::new();
    let _ = from.read_to_string(&mut text);
    text
}
