//! The command line of `handler`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, builder::NonEmptyStringValueParser};

/// Joins Microsoft Copilot Studio and ServiceNow: live-agent hand-off, relay and secondary bot.
///
/// Settings come from the environment, and from a file when --settings names one; docs/settings.md lists them.
#[derive(Parser)]
#[command(name = "handler", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Takes settings from a local.settings.json or a file of NAME=value lines; the environment wins
    #[arg(long, global = true, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[cfg(feature = "simulate")]
const EXAMPLES: &str = "\
Examples:
  handler demo                                   try it: nothing else is needed
  handler simulate                               the far ends alone, for use with `func start`
  handler doctor --settings local.settings.json  what is missing or wrong, and what to do
  handler doctor --deep                          also whether ServiceNow and the agent really answer
  LISTEN=0.0.0.0:8080 handler serve              serve, as a container does
  handler conversations erase --user USER_ID     forget a person

Exit codes: 0 fine, 1 something is wrong, 2 wrong arguments or settings.";

#[cfg(not(feature = "simulate"))]
const EXAMPLES: &str = "\
Examples:
  handler doctor --settings local.settings.json  what is missing or wrong, and what to do
  handler doctor --deep                          also whether ServiceNow and the agent really answer
  LISTEN=0.0.0.0:8080 handler serve              serve, as a container does

Exit codes: 0 fine, 1 something is wrong, 2 wrong arguments or settings.";

#[derive(Subcommand)]
pub enum Command {
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
    /// The demo's connector, which ends with the demo
    #[cfg(feature = "simulate")]
    #[command(hide = true)]
    DemoConnector,
    /// Runs only the two simulators
    #[cfg(feature = "simulate")]
    Simulate {
        /// Port of the simulated Copilot Studio on 127.0.0.1
        #[arg(long, value_name = "PORT", default_value_t = servicenow_handoff::demo::SIMULATED_COPILOT)]
        copilot_port: u16,
        /// Port of the simulated ServiceNow on 127.0.0.1
        #[arg(long, value_name = "PORT", default_value_t = servicenow_handoff::demo::SIMULATED_SERVICENOW)]
        servicenow_port: u16,
    },
    /// Lists, shows, exports and erases what the store holds of conversations; works beside a running program
    Conversations {
        #[command(subcommand)]
        what: Conversations,
    },
    /// Checks settings and far ends one by one, says what is wrong and what to do; exits 0 or 1
    Doctor {
        /// Prints JSON
        #[arg(long)]
        json: bool,
        /// Also opens a conversation at ServiceNow, offered to no agent, and one with the Copilot Studio agent, and ends
        /// both: shows whether message authentication is right and whether the agent speaks
        #[arg(long)]
        deep: bool,
    },
}

#[derive(Subcommand)]
pub enum Conversations {
    /// A line a conversation: id, role, how it stands, facts, first and last time
    List {
        /// Only those that are open or owe a delivery
        #[arg(long)]
        open: bool,
    },
    /// A line a fact: position, time, kind and outcome; no words
    Show { id: String },
    /// Everything of one conversation, as JSON
    Export { id: String },
    /// Ends an open chat at ServiceNow, then deletes journal, files and markers
    #[command(group(clap::ArgGroup::new("whose").required(true).args(["id", "user"])))]
    Erase {
        id: Option<String>,
        /// All conversations of this user, by the id under which ServiceNow knows them
        #[arg(long, value_name = "USER_ID", value_parser = NonEmptyStringValueParser::new())]
        user: Option<String>,
        /// Tells ServiceNow nothing
        #[arg(long)]
        offline: bool,
    },
}
