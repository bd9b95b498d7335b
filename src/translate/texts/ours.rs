//! Words that are said where nobody's language is known: to a desk, to another bot.

use crate::session::EndReason;

pub const SEND: &str = "Send";
pub const CHOOSE: &str = "Please choose:";
/// Stands where a hidden answer was given; as long for every answer.
pub const HIDDEN: &str = crate::domain::MASKED;
pub const BOT: &str = "Bot";
pub const USER: &str = "User";
pub const YES: &str = "Yes";
pub const NO: &str = "No";
pub const CONVERSATION_ENDED: &str = "The conversation has ended. Write again to start a new one.";
pub const AGENT_OUT_OF_REACH: &str = "The assistant can't be reached at the moment.";
pub const MAY_BE_LOST: &str =
    "I can't tell whether your message arrived. Please send it again if no answer comes.";
pub const SAY_SECRET_AGAIN: &str = "Your last entry was not delivered and not kept. Please enter it again.";
pub const FILE_LOST: &str = "The file could not be passed on.";

/// To the person at the desk, of a file at an address that leads nowhere.
pub fn file_left_out(name: &str) -> String {
    format!("(A file could not be passed on: {name})")
}

/// The outcome as the agent is told it (`pvaSetContext`, `ServiceNowOutcome`).
pub fn outcome(why: EndReason) -> &'static str {
    match why {
        EndReason::ByAgent => "ended_by_agent",
        EndReason::ByUser => "ended_by_user",
        EndReason::NobodyInTime => "timed_out",
        EndReason::NobodyAvailable => "no_agent_available",
        EndReason::ControlReturned => "control_returned",
        EndReason::NotOpened => "not_opened",
        EndReason::Idle => "idle",
    }
}
