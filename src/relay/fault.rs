//! Why a poll brought nothing, and whether another one may.

use crate::{direct_line::page::Page, domain::millis, far_end::CallError};

/// Waited for after a 429 that doesn't say how long, in milliseconds.
const WAIT_UNTOLD: i64 = 1_000;

pub enum Fault {
    /// An answer that is not 2xx.
    Answered(Page),
    /// No answer, half of one, or one that can't be Direct Line's.
    Unreached(CallError),
}

impl Fault {
    /// Whether the same poll would get the same answer again.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Answered(page) => page.status < 500 && !matches!(page.status, 408 | 429),
            Self::Unreached(error) => matches!(error, CallError::Rejected { .. }),
        }
    }

    /// How long Direct Line asked to wait, in milliseconds.
    pub fn wait(&self) -> Option<i64> {
        let asked = match self {
            Self::Answered(Page { status: 429, retry_after: None, .. }) => return Some(WAIT_UNTOLD),
            Self::Answered(page) => page.retry_after?,
            Self::Unreached(CallError::Throttled(wait)) => *wait,
            Self::Unreached(_) => return None,
        };
        Some(millis(asked))
    }
}
