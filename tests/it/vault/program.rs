//! The real program with chosen settings.

use std::process::Command;

use crate::{
    program::{self, Program},
    vault::azure::FLEX,
};

/// Starts it and waits until it listens.
pub fn start<'a>(settings: impl IntoIterator<Item = (&'a str, String)>) -> Program {
    Program::run(command(settings))
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
    let settings: Vec<_> = settings.into_iter().collect();
    // A file is no store for an instance of Azure's: such a program runs on somebody's own machine.
    let is_local = settings.iter().any(|(name, value)| *name == "STORE" && value.starts_with("sqlite:"));
    let is_sign = |name: &str| FLEX.iter().any(|(sign, _)| *sign == name);
    program::command(settings.into_iter().filter(|(name, _)| !is_local || !is_sign(name)))
}
