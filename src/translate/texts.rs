//! The words we put in ourselves, in one table.

use crate::session::{EndReason, Notice};

pub const SKIP: &str = "Skip";
pub const SEND: &str = "Send";
pub const MORE: &str = "Show more";
pub const CHOOSE: &str = "Please choose:";
pub const ONE: &str = "Choose one";
pub const WATCH: &str = "Watch video";
pub const OPEN: &str = "Open";
pub const PICTURE: &str = "Picture";
pub const HIDDEN_ANSWER: &str = "Your answer stays hidden";
/// Stands where a hidden answer was given; as long for every answer.
pub const HIDDEN: &str = crate::domain::MASKED;
pub const DATE: &str = "Date";
pub const TIME: &str = "Time";
pub const UPLOAD: &str = "Please send a file.";
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

pub const REQUIRED: &str = "This is needed to go on.";
pub const NO_NUMBER: &str = "Please enter a number.";
pub const NO_DATE: &str = "Please enter a date, like 2026-12-31.";
pub const NO_TIME: &str = "Please enter a time, like 14:30.";
pub const NO_CHOICE: &str = "Please choose one of the options.";
pub const OTHER_FORM: &str = "This is not in the form that is asked for.";

/// A number, date or time before the first that is allowed.
pub fn too_small(least: &str) -> String {
    format!("The least that is allowed is {least}.")
}

/// One behind the last.
pub fn too_large(most: &str) -> String {
    format!("The most that is allowed is {most}.")
}

/// `longest`: in characters.
pub fn too_long(longest: u64) -> String {
    format!("This is too long; {longest} characters are allowed.")
}

/// How many of a table's rows ServiceNow sent.
pub fn rows_of(rows: usize, total: u64) -> String {
    format!("{rows} of {total}")
}

/// The limits of an upload, `None` when there are none.
pub fn upload_limits(max_count: Option<u64>, max_megabytes: Option<u64>) -> Option<String> {
    let count = max_count.map(|count| match count {
        1 => "1 file".to_owned(),
        count => format!("up to {count} files"),
    });
    let size = max_megabytes.map(|size| format!("at most {size} MB each"));
    let limits = [count, size].into_iter().flatten().collect::<Vec<_>>();
    (!limits.is_empty()).then(|| format!("({})", limits.join(", ")))
}

/// To the person at the desk, of a file at an address that leads nowhere.
pub fn file_left_out(name: &str) -> String {
    format!("(A file could not be passed on: {name})")
}

/// A line of ours, for people.
pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Joined { name: Some(name) } => format!("{name} has joined the chat."),
        Notice::Joined { name: None } => "A live agent has joined the chat.".to_owned(),
        Notice::Ended { why } => end(*why).to_owned(),
        Notice::NotDelivered { text } => format!("This message could not be delivered: {text}"),
        Notice::MayNotHaveArrived { text } => format!("This message may not have arrived: {text}"),
        Notice::FileRefused { name } => format!("The live agent's system does not take this file: {name}"),
        Notice::AnsweredBefore => {
            "That question has been answered already; this answer was not passed on.".to_owned()
        }
        Notice::EnterAgain => "Your answer did not get through. Please enter it again.".to_owned(),
    }
}

/// Why a live chat is over.
pub fn end(why: EndReason) -> &'static str {
    match why {
        EndReason::ByAgent | EndReason::ControlReturned => "The live chat has ended.",
        EndReason::ByUser => "You have left the live chat.",
        EndReason::NobodyInTime => "No live agent could take your request in time.",
        EndReason::NobodyAvailable => "No live agent is available at the moment.",
        EndReason::NotOpened => "The live chat could not be started.",
        EndReason::Idle => "The live chat has ended because nothing was said for a long time.",
    }
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
