//! Why a turn ended.

/// For the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    HandOff,
    EndOfConversation,
    /// An event of the agent's author.
    Event,
    /// The agent asked something and waits.
    Question,
    /// The agent spoke and fell silent.
    Quiet,
    /// The agent had said something, and yet the turn was not over when patience ended.
    Patience,
    /// It said more than a reader holds.
    Full,
    /// The process ends.
    Ending,
    /// The agent said nothing until patience ended.
    Silence,
    /// Direct Line failed for too long.
    Fault,
    /// Direct Line refused; asking again would get the same.
    Refused,
}

impl Why {
    pub fn word(self) -> &'static str {
        match self {
            Self::HandOff => "hand-off",
            Self::EndOfConversation => "end of conversation",
            Self::Event => "event",
            Self::Question => "question",
            Self::Quiet => "quiet",
            Self::Patience => "patience",
            Self::Full => "size",
            Self::Ending => "end of the process",
            Self::Silence => "silence",
            Self::Fault => "fault",
            Self::Refused => "refused",
        }
    }
}
