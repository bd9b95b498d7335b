//! The program: settings, logging, and then what the command line asks for.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use actix_web::rt::System;
use clap::Parser;
use mimalloc::MiMalloc;
use servicenow_handoff::{
    app::{self, Ended},
    config::{SettingErrors, Settings, Sources, misspelt},
    doctor::{Depth, Report, Setup},
    domain::ConversationId,
    operator::{Erased, Operator, OperatorError},
    telemetry, vault,
};
use tracing::{Level, enabled, error, info, warn};

use self::arguments::{Arguments, Command, Conversations};

mod arguments;

/// glibc's takes half as many instructions again, and keeps more of what a burst took.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The module that the program's own lines name: one of the library's, so that a filter of theirs holds for these.
const MAIN: &str = "servicenow_handoff::main";

/// Exit code for wrong settings, the same as for wrong arguments.
const WRONG_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let sources = match Sources::read(arguments.settings.as_deref()) {
        Ok(sources) => sources,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::from(WRONG_SETTINGS);
        }
    };
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(&sources),
        #[cfg(feature = "simulate")]
        Command::Demo { port, scripted } => demo(&sources, port, scripted),
        #[cfg(feature = "simulate")]
        Command::DemoConnector => match servicenow_handoff::demo::end_when_abandoned() {
            Ok(()) => serve(&sources),
            Err(error) => stopped(&error),
        },
        #[cfg(feature = "simulate")]
        Command::Simulate { copilot_port, servicenow_port } => {
            simulate(&sources, copilot_port, servicenow_port)
        }
        Command::Conversations { what } => conversations(&sources, &what),
        Command::Doctor { json, deep } => {
            doctor(&sources, json, if deep { Depth::Deep } else { Depth::Harmless })
        }
    }
}

fn serve(sources: &Sources) -> ExitCode {
    let system = System::new();
    let settings = match system.block_on(vault::settings(|name| sources.value(name))) {
        Ok(settings) => settings,
        Err(errors) => return wrong_settings(&errors),
    };
    let in_functions_host = settings.in_functions_host;
    if let Err(code) = log_to_stdout(&settings.log, settings.logs_json()) {
        return code;
    }
    log_start(&settings, sources);
    match system.block_on(app::run(settings)) {
        // The host takes exit 0 for "never start me again".
        Ok(Ended::Told(signal)) if in_functions_host => ExitCode::from(signal.exit_code()),
        Ok(Ended::ByItself) => failed("Serving ended although nobody had told it to"),
        Ok(Ended::Told(_)) => ExitCode::SUCCESS,
        Err(error) => stopped(&error),
    }
}

/// One line a role and one a surprise, so that the log of a bad day starts with how things stood.
fn log_start(settings: &Settings, sources: &Sources) {
    info!(target: MAIN, "Starting version {} on {}", env!("CARGO_PKG_VERSION"), settings.place.platform.name());
    for role in settings.roles() {
        info!(target: MAIN, "Role {}: {}. {}", role.name, if role.on { "on" } else { "off" }, role.why);
    }
    for caution in settings.cautions() {
        warn!(target: MAIN, "{}", caution.text);
    }
    for unknown in misspelt(sources.names()) {
        let meant = unknown.meant.map(|meant| format!(" Did you mean {meant}?")).unwrap_or_default();
        warn!(target: MAIN, "{} is not a setting; check its spelling.{meant}", unknown.name);
    }
}

#[cfg(feature = "simulate")]
fn demo(sources: &Sources, port: u16, scripted: bool) -> ExitCode {
    // What the demo says is the output; the log would only stand between its lines.
    // What the start says of settings is for who has made some.
    let filter = match log_for_people(sources, &format!("warn,{MAIN}=error")) {
        Ok(filter) => filter,
        Err(code) => return code,
    };
    System::new()
        .block_on(servicenow_handoff::demo::run(port, scripted, &filter))
        .unwrap_or_else(|error| stopped(&error))
}

#[cfg(feature = "simulate")]
fn simulate(sources: &Sources, copilot_port: u16, servicenow_port: u16) -> ExitCode {
    if let Err(code) = log_for_people(sources, "info") {
        return code;
    }
    System::new()
        .block_on(servicenow_handoff::demo::simulate(copilot_port, servicenow_port))
        .unwrap_or_else(|error| stopped(&error))
}

fn conversations(sources: &Sources, what: &Conversations) -> ExitCode {
    let system = System::new();
    let settings = match system.block_on(vault::settings(|name| sources.value(name))) {
        Ok(settings) => settings,
        Err(errors) => return wrong_settings(&errors),
    };
    let done = Operator::open(settings).and_then(|operator| system.block_on(asked(&operator, what)));
    match done {
        Ok((lines, failed)) => {
            failed.iter().for_each(|(id, error)| eprintln!("{id}: {error}"));
            let told = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            said(&told, failed.is_empty())
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Lines for people, and what could not be done besides.
type Answer = (Vec<String>, Vec<(ConversationId, OperatorError)>);

async fn asked(operator: &Operator, what: &Conversations) -> Result<Answer, OperatorError> {
    let said = |erased: Erased| {
        let ids = erased.conversations.iter().map(|id| format!("Erased {id}"));
        let sum = format!(
            "{} conversations, {} facts, {} files",
            erased.conversations.len(),
            erased.facts,
            erased.files
        );
        (ids.chain([sum]).collect(), erased.failed)
    };
    let lines = match what {
        Conversations::List { open } => operator.list(*open).await?,
        Conversations::Show { id } => operator.show(id).await?,
        Conversations::Export { id } => vec![format!("{:#}", operator.export(id).await?)],
        Conversations::Erase { id: Some(id), offline, .. } => {
            return operator.erase(id, *offline).await.map(said);
        }
        Conversations::Erase { id: None, user, offline } => {
            let user = user.as_deref().unwrap_or_default();
            return operator.erase_user(user, *offline).await.map(said);
        }
    };
    Ok((lines, vec![]))
}

fn doctor(sources: &Sources, json: bool, depth: Depth) -> ExitCode {
    let report = System::new().block_on(async {
        let setup = Setup::read(|name| sources.value(name), sources.names()).await;
        Report::on_everything(&setup, depth).await
    });
    let told = match json {
        true => format!("{}\n", report.to_json()),
        false if telemetry::takes_colours() => report.coloured(),
        false => report.to_string(),
    };
    said(&told, report.is_healthy())
}

/// Writes what a command is for, and gives the command's end: it is no good one when that can't be written, for an export may be
/// the only copy. Whoever reads it may have read enough before its end, as `head` has.
fn said(text: &str, is_good: bool) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("What was asked for can't be written to standard output: {error}");
            ExitCode::FAILURE
        }
        _ if is_good => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Logs as `LOG` says, else as `otherwise` does, and gives that filter: with simulated far ends no other setting counts.
#[cfg(feature = "simulate")]
fn log_for_people(sources: &Sources, otherwise: &str) -> Result<String, ExitCode> {
    let var =
        |name: &str| (name == "LOG").then(|| sources.value(name).unwrap_or_else(|| otherwise.to_owned()));
    let settings = Settings::from_env(var).map_err(|errors| wrong_settings(&errors))?;
    log_to_stdout(&settings.log, false)?;
    Ok(settings.log)
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

fn stopped(error: &io::Error) -> ExitCode {
    failed(&format!("Stopped: {error}"))
}

/// Says why it ends where whoever started it looks, whatever `LOG` leaves out.
fn failed(why: &str) -> ExitCode {
    if enabled!(target: MAIN, Level::ERROR) {
        error!(target: MAIN, "{why}");
    } else {
        eprintln!("{why}");
    }
    ExitCode::FAILURE
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

    #[test]
    fn an_erase_of_nobody_is_a_wrong_argument() {
        let erase = |user| Arguments::try_parse_from(["handler", "conversations", "erase", "--user", user]);
        assert!(erase("").is_err_and(|error| error.exit_code() == 2) && erase("guest").is_ok());
    }

    #[test]
    fn the_settings_file_may_stand_before_and_behind_a_command() {
        for words in [
            &["handler", "--settings", "x", "doctor"][..],
            &["handler", "doctor", "--settings", "x", "--deep"],
            &["handler", "--settings=x"],
        ] {
            assert_eq!(Arguments::parse_from(words).settings, Some("x".into()), "{words:?}");
        }
    }
}
