//! A connector between Microsoft Copilot Studio (Direct Line) and ServiceNow (VA Bot Integration API).
//!
//! The map, from the inside out; `use` runs one way only:
//!
//! - [`domain`]: our words. Ids, people, messages, controls.
//! - [`session`]: pure. What a live chat's journal means, and what a command adds to it.
//! - [`wire`]: their words. JSON as the far ends send and take it; imports nothing of ours.
//! - [`agent_turn`]: pure. What an agent's activity is (the user's echo, speech, a hand-off), and when its turn is over.
//! - [`translate`]: pure. Between the two.
//! - [`direct_line`], [`servicenow`]: clients that try once and say what happened.
//! - [`far_end`]: how a call can fail, for both clients.
//! - [`credential`]: secrets, and how a rotated one is noticed.
//! - [`files`]: attachments both ways, and the signed links they are read by.
//! - [`ledger`]: the only writer of journals. Commands in, facts stored, calls made and settled; knows no role.
//! - [`handoff`]: the live-agent role: a machine over [`session`], put into the ledger, and its calls to ServiceNow.
//! - [`relay`]: Copilot Studio behind ServiceNow: collects a turn of the agent's for Bot Interconnect.
//! - [`secondary_bot`]: an agent behind the VA Bot Integration API; the ledger's other role.
//! - [`http`], [`app`]: routes, and the process that serves them.
//! - [`azure`], [`vault`]: the app's identity, and settings that stand in Key Vaults.
//! - [`doctor`]: what is wrong with how it is set up.

pub mod agent_turn;
pub mod app;
pub mod auth;
pub mod azure;
pub mod config;
pub mod credential;
pub mod direct_line;
pub mod doctor;
pub mod domain;
pub mod far_end;
pub mod files;
pub mod handoff;
pub mod http;
pub mod ledger;
pub mod operator;
pub mod relay;
pub mod secondary_bot;
pub mod servicenow;
pub mod session;
pub mod storage;
pub mod telemetry;
pub mod translate;
pub mod vault;
pub mod wire;

#[cfg(feature = "simulate")]
pub mod demo;
#[cfg(feature = "simulate")]
pub mod simulate;

/// How many cases a property is looked at with: so many, unless `PROPTEST_CASES` says how many for all.
#[cfg(test)]
fn cases(few: u32) -> proptest::test_runner::Config {
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    if told { Default::default() } else { proptest::test_runner::Config::with_cases(few) }
}
