//! The command line: arguments, settings, logging, and then the program itself.

use std::{env, io, process::ExitCode};

use actix_web::rt::System;
use clap::{Parser, Subcommand};
use servicenow_handoff::{
    app,
    config::{SettingErrors, Settings, unknown_names},
    doctor::{Depth, Report, Setup},
    telemetry, vault,
};
use tracing::{error, info, warn};

/// Exit code for wrong settings, the same as for wrong arguments.
const WRONG_SETTINGS: u8 = 2;

/// Joins Microsoft Copilot Studio and ServiceNow: live-agent hand-off, relay and secondary bot.
///
/// Settings come from the environment; README.md lists them.
#[derive(Parser)]
#[command(name = "handler", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves; what happens without a command, too
    Serve,
    /// Runs the connector between a simulated Copilot Studio agent and a simulated ServiceNow
    #[cfg(feature = "simulate")]
    Demo {
        /// Port of the connector on 127.0.0.1
        #[arg(long, default_value_t = 7071)]
        port: u16,
        /// Plays one whole conversation by itself; exits 0 if every message arrived
        #[arg(long)]
        scripted: bool,
    },
    /// Runs only the two simulators
    #[cfg(feature = "simulate")]
    Simulate,
    /// Checks settings and far ends one by one, says what is wrong and what to do; exits 0 or 1
    Doctor {
        /// Prints JSON
        #[arg(long)]
        json: bool,
        /// Also checks message authentication: opens a conversation at ServiceNow, offered to no agent, and ends it
        #[arg(long)]
        deep: bool,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serve(),
        #[cfg(feature = "simulate")]
        Command::Demo { port, scripted } => demo(port, scripted),
        #[cfg(feature = "simulate")]
        Command::Simulate => simulate(),
        Command::Doctor { json, deep } => doctor(json, if deep { Depth::Deep } else { Depth::Harmless }),
    }
}

fn serve() -> ExitCode {
    let system = System::new();
    let settings = match system.block_on(vault::settings(variable)) {
        Ok(settings) => settings,
        Err(errors) => return wrong_settings(&errors),
    };
    let in_functions_host = settings.in_functions_host;
    if let Err(code) = log_to_stdout(&settings.log, settings.logs_json()) {
        return code;
    }
    log_start(&settings);
    match system.block_on(app::run(settings)) {
        // The host takes exit 0 for "never start me again".
        Ok(()) if in_functions_host => {
            error!("Serving ended although the Functions host had not stopped it");
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// One line a role and one a surprise, so that the log of a bad day starts with how things stood.
fn log_start(settings: &Settings) {
    info!("Starting version {} on {}", env!("CARGO_PKG_VERSION"), settings.place.platform.name());
    for role in settings.roles() {
        info!("Role {}: {}. {}", role.name, if role.on { "on" } else { "off" }, role.why);
    }
    for caution in settings.cautions() {
        warn!("{}", caution.text);
    }
    for name in unknown_names(variable_names()) {
        warn!("{name} is not a setting; check its spelling.");
    }
}

#[cfg(feature = "simulate")]
fn demo(port: u16, scripted: bool) -> ExitCode {
    // A played conversation is the output; the log would only stand between its lines.
    let filter = variable("LOG").unwrap_or_else(|| if scripted { "warn" } else { "info" }.to_owned());
    if let Err(code) = log_to_stdout(&filter, false) {
        return code;
    }
    System::new()
        .block_on(servicenow_handoff::demo::run(port, scripted))
        .unwrap_or_else(|error| failed(&error))
}

#[cfg(feature = "simulate")]
fn simulate() -> ExitCode {
    if let Err(code) = log_to_stdout(&variable("LOG").unwrap_or_else(|| "info".to_owned()), false) {
        return code;
    }
    System::new().block_on(servicenow_handoff::demo::simulate()).unwrap_or_else(|error| failed(&error))
}

#[expect(clippy::print_stdout, reason = "the report is what this command is for")]
fn doctor(json: bool, depth: Depth) -> ExitCode {
    let report = System::new().block_on(async {
        let setup = Setup::read(variable, variable_names()).await;
        Report::on_everything(&setup, depth).await
    });
    if json {
        println!("{}", report.to_json());
    } else {
        print!("{report}");
    }
    if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn log_to_stdout(filter: &str, json: bool) -> Result<(), ExitCode> {
    telemetry::init(filter, json).map_err(|error| {
        eprintln!("{error}");
        ExitCode::from(WRONG_SETTINGS)
    })
}

fn wrong_settings(errors: &SettingErrors) -> ExitCode {
    eprintln!("{errors}");
    ExitCode::from(WRONG_SETTINGS)
}

fn failed(error: &io::Error) -> ExitCode {
    error!("Stopped: {error}");
    ExitCode::FAILURE
}

/// Bytes that are not UTF-8 become replacement characters, which no setting takes for good.
fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

fn variable_names() -> impl Iterator<Item = String> {
    env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        assert!(Arguments::parse_from(["handler"]).command.is_none());
    }
}
