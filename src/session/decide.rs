//! What a command adds to a conversation's journal.

mod ending;
mod hearing;

use crate::{
    domain::{HistoryLine, Timestamp},
    session::Answered,
};

pub use self::ending::settle;
use super::{
    Call, IDLE_MILLIS, Phase, SKEW, State, TYPING_MILLIS,
    fact::{EndReason, Fact, HandoffRequested, Notice, UserSaid},
};

/// Something that happened, before anybody knows whether it is new.
#[derive(Clone, Debug)]
pub enum Command {
    /// The bot asked for a person. `said`: what the user said behind that, oldest first.
    Escalated {
        /// The bot's stretch that ends with it.
        segment: usize,
        request: Box<HandoffRequested>,
        said: Vec<UserSaid>,
    },
    /// Direct Line was read once more behind the end of this stretch of the bot's; `said` as above.
    UpstreamRead {
        segment: usize,
        said: Vec<UserSaid>,
        /// What was said before the escalation, if that was still to be read; in requests' worth, oldest first.
        history: Option<Vec<Vec<HistoryLine>>>,
    },
    UserSaid(Box<UserSaid>),
    /// The user said something that nobody is told, and is told why. Shown in any phase.
    NotTaken {
        said: Box<UserSaid>,
        why: Notice,
    },
    /// A line for the user.
    Tell(Notice),
    /// Files came, ServiceNow has them, and no message names them.
    FilesUnsaid {
        bytes: u64,
    },
    UserTyping,
    UserEnded,
    /// From the chat with this number.
    Heard {
        chat: u32,
        told: Answered,
    },
    /// The client has read the journal up to here.
    Fetched {
        up_to: u64,
    },
    BotReturned {
        conversation: String,
        authorization: Option<String>,
        until: Option<Timestamp>,
        /// The segment whose conversation is gone, when it was not a live chat that ended.
        instead_of: Option<usize>,
    },
    BotTokenRenewed {
        /// Whose it is: another may have taken its place.
        conversation: String,
        authorization: String,
        until: Timestamp,
    },
    TokenAccepted {
        hash: String,
        until: Timestamp,
    },
    /// Time passed.
    Tick {
        /// When the user was last seen typing by this process.
        typed: Option<Timestamp>,
    },
}

/// What the settings decide.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub timeout_millis: i64,
    /// After a chat a fresh Copilot Studio conversation follows; else the conversation is over.
    pub back_to_bot: bool,
}

/// What is decided on: a conversation as it stands, and the time.
#[derive(Clone, Copy)]
struct Moment<'a> {
    state: &'a State,
    policy: &'a Policy,
    now: Timestamp,
}

/// The facts that `command` adds; none when it is old news or no longer matters.
pub fn decide(state: &State, command: Command, policy: &Policy, now: Timestamp) -> Vec<Fact> {
    let moment = Moment { state, policy, now };
    match command {
        Command::Escalated { segment, request, said } => moment.escalated(segment, request, said),
        Command::UpstreamRead { segment, said, history } => moment.upstream_read(segment, said, history),
        Command::UserSaid(said) => moment.user_said(*said),
        Command::Tell(_) | Command::UserTyping | Command::TokenAccepted { .. } if !state.kept.has_room() => {
            vec![]
        }
        Command::FilesUnsaid { bytes } => vec![Fact::FilesUnsaid { bytes, at: now }],
        Command::NotTaken { said, why } => moment.not_taken(*said, why),
        Command::Tell(notice) => vec![Fact::Noticed { notice, at: now }],
        Command::UserTyping => match state.phase {
            Phase::WithAgent { .. } if state.typing_since.is_none() => vec![Fact::UserTyping { at: now }],
            _ => vec![],
        },
        Command::UserEnded if state.is_live() => moment.end(EndReason::ByUser, true, None),
        Command::UserEnded => vec![],
        Command::Heard { chat, told } => moment.heard(chat, &told, None),
        Command::Fetched { up_to } if state.unfetched.first().is_some_and(|(at, _)| *at < up_to) => {
            vec![Fact::Fetched { up_to, at: now }]
        }
        Command::Fetched { .. } => vec![],
        Command::BotReturned { conversation, authorization, until, instead_of }
            if moment.expects_bot(instead_of) =>
        {
            vec![Fact::BotReturned { conversation, authorization, until, at: now }]
        }
        Command::BotReturned { .. } => vec![],
        Command::BotTokenRenewed { conversation, authorization, until } => match state.segment() {
            Some(segment) if segment.conversation == Some(conversation) => {
                vec![Fact::BotTokenRenewed { authorization, until }]
            }
            _ => vec![],
        },
        Command::TokenAccepted { hash, until } => match state.tokens.get(&hash) {
            Some(known) if *known >= until => vec![],
            _ => vec![Fact::TokenAccepted { hash, until }],
        },
        Command::Tick { typed } => {
            let due = [state.overdue_streams(now), moment.due(typed)].concat();
            if due.is_empty() { moment.clock_set_back() } else { due }
        }
    }
}

impl Moment<'_> {
    /// Only the bot that speaks can ask for a person: an event seen twice, or late, finds it cut off.
    fn escalated(self, segment: usize, request: Box<HandoffRequested>, said: Vec<UserSaid>) -> Vec<Fact> {
        let state = self.state;
        if state.phase != Phase::Bot || state.segments.len().saturating_sub(1) != segment {
            return vec![];
        }
        let mut facts = vec![Fact::HandoffRequested(state.kept.fit(request))];
        self.take_over(said, &mut facts);
        facts
    }

    fn expects_bot(self, instead_of: Option<usize>) -> bool {
        match instead_of {
            None => matches!(self.state.phase, Phase::Returning { .. }),
            Some(gone) => self.state.phase == Phase::Bot && gone + 1 == self.state.segments.len(),
        }
    }

    /// What the user said behind the end of the bot's stretch belongs to the live chat that followed; when that
    /// is over by now, nobody has read it, and the user is told.
    fn upstream_read(
        self,
        segment: usize,
        said: Vec<UserSaid>,
        history: Option<Vec<Vec<HistoryLine>>>,
    ) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        if state.segments.get(segment).and_then(|s| s.cut.as_ref()).is_none_or(|cut| cut.drained) {
            return vec![];
        }
        let last = segment + 1 == state.segments.len();
        let mut facts: Vec<Fact> = vec![];
        if last && state.is_live() {
            let portions = history.filter(|_| state.history_missing).into_iter().flatten();
            let portions = portions.filter(|lines| !lines.is_empty());
            facts.extend(portions.map(|lines| Fact::HistoryRead { lines, at: now }));
            self.take_over(said, &mut facts);
        } else {
            self.give_back(said, &mut facts);
        }
        facts.push(Fact::UpstreamDrained { segment: (!last).then_some(segment), at: now });
        facts
    }

    fn take_over(self, said: Vec<UserSaid>, facts: &mut Vec<Fact>) {
        let kept = &self.state.kept;
        for said in said {
            if self.is_known(facts, &said) {
                continue;
            }
            match kept.lacks_room_for(&said, facts) {
                None => facts.push(Fact::UserSaid(Box::new(said))),
                Some(lacking) => {
                    facts.extend(kept.tell(lacking, &said, self.now));
                    return;
                }
            }
        }
    }

    /// Shows the words that came too late for the live chat, and says that nobody got them.
    fn give_back(self, said: Vec<UserSaid>, facts: &mut Vec<Fact>) {
        for said in said {
            if self.is_known(facts, &said) || self.state.kept.lacks_room_for(&said, facts).is_some() {
                continue;
            }
            let unheard = said.message.as_ref().map(|message| self.unserved(message, false));
            facts.push(Fact::UserSaid(Box::new(UserSaid { message: None, timezone: None, ..said })));
            facts.extend(unheard);
        }
    }

    /// True for words that are in the journal or about to be: under Direct Line's id or the client's own.
    fn is_known(self, facts: &[Fact], said: &UserSaid) -> bool {
        let posted = said.client_id.as_ref().is_some_and(|id| self.state.posted.contains_key(id));
        let taken = said.id.as_ref().is_some_and(|id| self.state.taken.contains(id));
        let same = |other: &UserSaid| {
            (said.id.is_some() && said.id == other.id)
                || (said.client_id.is_some() && said.client_id == other.client_id)
        };
        posted || taken || facts.iter().any(|fact| matches!(fact, Fact::UserSaid(other) if same(other)))
    }

    fn user_said(self, said: UserSaid) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        if self.is_known(&[], &said) || !state.is_live() {
            return vec![];
        }
        if let Some(lacking) = state.lacks_room_for(&said) {
            return state.kept.tell(lacking, &said, now).into_iter().collect();
        }
        let mut facts = vec![];
        if state.typing_since.is_some() {
            facts.push(Fact::UserStoppedTyping { at: now });
        }
        let said = UserSaid {
            timezone: said.timezone.clone().filter(|zone| state.user.timezone.as_ref() != Some(zone)),
            ..said
        };
        match said.answers.filter(|question| said.message.is_some() && !state.questions.is_open(*question)) {
            Some(_) => facts.extend(self.not_taken(said, Notice::QuestionClosed)),
            None => facts.push(Fact::UserSaid(Box::new(said))),
        }
        facts
    }

    /// Shows what the user did, and says why nothing comes of it.
    fn not_taken(self, said: UserSaid, why: Notice) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        if self.is_known(&[], &said) {
            return vec![];
        }
        if let Some(lacking) = state.lacks_room_for(&said) {
            return state.kept.tell(lacking, &said, now).into_iter().collect();
        }
        let answered = said.answers.is_some_and(|question| state.questions.is_answered(question));
        let notice = if why == Notice::QuestionClosed && answered { Notice::AnsweredBefore } else { why };
        let said = UserSaid { message: None, timezone: None, ..said };
        vec![Fact::UserSaid(Box::new(said)), Fact::Noticed { notice, at: now }]
    }

    /// After that a wait begins anew, with a fact that tells nothing but its time.
    fn clock_set_back(self) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        let counted_from = match state.phase {
            Phase::Waiting { since, .. } => since,
            Phase::WithAgent { .. } => state.last_heard,
            Phase::Bot | Phase::Returning { .. } | Phase::Over => return vec![],
        };
        let ahead = counted_from.millis_since(now) > SKEW;
        if ahead { vec![Fact::Fetched { up_to: 0, at: now }] } else { vec![] }
    }

    /// What time has brought about.
    fn due(self, typed: Option<Timestamp>) -> Vec<Fact> {
        let Self { state, policy, now } = self;
        match state.phase {
            Phase::Waiting { since, .. } if now.millis_since(since) >= policy.timeout_millis => {
                return self.end(EndReason::NobodyInTime, true, None);
            }
            Phase::WithAgent { .. } if now.millis_since(state.last_heard) >= IDLE_MILLIS => {
                return self.end(EndReason::Idle, true, None);
            }
            _ => {}
        }
        match state.typing_since.map(|since| typed.map_or(since, |typed| typed.max(since))) {
            Some(since) if now.millis_since(since) >= TYPING_MILLIS => {
                vec![Fact::UserStoppedTyping { at: now }]
            }
            _ => vec![],
        }
    }
}
