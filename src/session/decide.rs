//! What a command adds to a conversation's journal.

mod ending;
mod hearing;

use super::{
    Answered, Call, Chat, IDLE_MILLIS, Phase, SKEW, State, TYPING_MILLIS,
    fact::{EndReason, Fact, HandoffRequested, Notice, SealedToken, UserSaid},
};
use crate::domain::{HistoryLine, Timestamp};

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
        token: Option<SealedToken>,
        /// The segment whose conversation is gone, when it was not a live chat that ended.
        instead_of: Option<usize>,
    },
    BotTokenRenewed {
        /// Whose it is: another may have taken its place.
        conversation: String,
        token: SealedToken,
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

/// What is decided on: a conversation as it stands, and the time.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub state: &'a State,
    pub chat: &'a Chat,
    pub now: Timestamp,
}

impl Moment<'_> {
    /// The facts that `command` adds; none when it is old news or no longer matters.
    pub fn decide(self, command: &Command) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        let has_room = state.kept.has_room();
        match command {
            Command::Escalated { segment, request, said } => self.escalated(*segment, request, said),
            Command::UpstreamRead { segment, said, history } => {
                self.upstream_read(*segment, said, history.as_deref())
            }
            Command::UserSaid(said) => self.user_said(said),
            Command::NotTaken { said, why } => self.not_taken(said, why),
            Command::Tell(notice) if has_room => vec![Fact::Noticed { notice: notice.clone(), at: now }],
            Command::FilesUnsaid { bytes } => vec![Fact::FilesUnsaid { bytes: *bytes, at: now }],
            Command::UserTyping if has_room && self.begins_to_type() => vec![Fact::UserTyping { at: now }],
            Command::UserEnded if state.is_live() => self.end(EndReason::ByUser, true, None),
            Command::Heard { chat, told } => self.heard(*chat, told, None),
            Command::Fetched { up_to } if state.unfetched.first().is_some_and(|(at, _)| at < up_to) => {
                vec![Fact::Fetched { up_to: *up_to, at: now }]
            }
            Command::BotReturned { conversation, token, instead_of } if self.expects_bot(*instead_of) => {
                let (conversation, token) = (conversation.clone(), token.clone());
                vec![Fact::BotReturned { conversation, token, at: now }]
            }
            Command::BotTokenRenewed { conversation, token } if self.bot_speaks_in(conversation) => {
                vec![Fact::BotTokenRenewed { token: token.clone() }]
            }
            Command::TokenAccepted { hash, until } if has_room && self.is_news(hash, *until) => {
                vec![Fact::TokenAccepted { hash: hash.clone(), until: *until }]
            }
            Command::Tick { typed } => {
                let due = [state.overdue_streams(now), self.due(*typed)].concat();
                if due.is_empty() { self.clock_set_back() } else { due }
            }
            Command::Tell(_)
            | Command::UserTyping
            | Command::UserEnded
            | Command::Fetched { .. }
            | Command::BotReturned { .. }
            | Command::BotTokenRenewed { .. }
            | Command::TokenAccepted { .. } => vec![],
        }
    }

    /// Only the bot that speaks can ask for a person: an event seen twice, or late, finds it cut off.
    fn escalated(self, segment: usize, request: &HandoffRequested, said: &[UserSaid]) -> Vec<Fact> {
        let state = self.state;
        if state.phase != Phase::Bot || state.segments.len().saturating_sub(1) != segment {
            return vec![];
        }
        let mut facts = vec![Fact::HandoffRequested(state.kept.fit(request.clone()))];
        self.take_over(said, &mut facts);
        facts
    }

    fn begins_to_type(self) -> bool {
        matches!(self.state.phase, Phase::WithAgent { .. }) && self.state.typing_since.is_none()
    }

    fn bot_speaks_in(self, conversation: &str) -> bool {
        self.state.segment().is_some_and(|segment| segment.conversation.as_deref() == Some(conversation))
    }

    fn is_news(self, hash: &str, until: Timestamp) -> bool {
        self.state.tokens.get(hash).is_none_or(|known| *known < until)
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
        said: &[UserSaid],
        history: Option<&[Vec<HistoryLine>]>,
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
            facts.extend(portions.map(|lines| Fact::HistoryRead { lines: lines.clone(), at: now }));
            self.take_over(said, &mut facts);
        } else {
            self.give_back(said, &mut facts);
        }
        facts.push(Fact::UpstreamDrained { segment, at: now });
        facts
    }

    fn take_over(self, said: &[UserSaid], facts: &mut Vec<Fact>) {
        let kept = &self.state.kept;
        for said in said {
            if self.is_known(facts, said) {
                continue;
            }
            match kept.lacks_room_for(said, facts) {
                None => facts.push(Fact::UserSaid(Box::new(said.clone()))),
                Some(lacking) => {
                    facts.extend(kept.tell(lacking, said, self.now));
                    return;
                }
            }
        }
    }

    /// Shows the words that came too late for the live chat, and says that nobody got them.
    fn give_back(self, said: &[UserSaid], facts: &mut Vec<Fact>) {
        for said in said {
            if self.is_known(facts, said) || self.state.kept.lacks_room_for(said, facts).is_some() {
                continue;
            }
            facts.push(Fact::UserSaid(Box::new(said.only_shown())));
            facts.extend(said.message.as_ref().map(|message| self.unserved(message, false)));
        }
    }

    /// True for words that are in the journal or about to be: under Direct Line's id or the client's own.
    fn is_known(self, facts: &[Fact], said: &UserSaid) -> bool {
        let same = |other: &UserSaid| {
            (said.id.is_some() && said.id == other.id)
                || (said.client_id.is_some() && said.client_id == other.client_id)
        };
        self.state.known(said, self.now).is_some()
            || facts.iter().any(|fact| matches!(fact, Fact::UserSaid(other) if same(other)))
    }

    fn user_said(self, said: &UserSaid) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        if !state.is_live() {
            return vec![];
        }
        if let Some(lacking) = state.kept.lacks_room_for(said, &[]) {
            return state.kept.tell(lacking, said, now).into_iter().collect();
        }
        let closed = |question| said.message.is_some() && !state.questions.is_open(question);
        let stops = state.typing_since.map(|_| Fact::UserStoppedTyping { at: now });
        let behind = if said.answers.is_some_and(closed) {
            self.not_taken(said, &Notice::QuestionClosed)
        } else {
            let timezone = said.timezone.clone().filter(|zone| state.user.timezone.as_ref() != Some(zone));
            vec![Fact::UserSaid(Box::new(UserSaid { timezone, ..said.clone() }))]
        };
        stops.into_iter().chain(behind).collect()
    }

    /// Shows what the user did, and says why nothing comes of it.
    fn not_taken(self, said: &UserSaid, why: &Notice) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        if let Some(lacking) = state.kept.lacks_room_for(said, &[]) {
            return state.kept.tell(lacking, said, now).into_iter().collect();
        }
        let answered = said.answers.is_some_and(|question| state.questions.is_answered(question));
        let before = *why == Notice::QuestionClosed && answered;
        let notice = if before { Notice::AnsweredBefore } else { why.clone() };
        vec![Fact::UserSaid(Box::new(said.only_shown())), Fact::Noticed { notice, at: now }]
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
        let Self { state, chat, now } = self;
        match state.phase {
            Phase::Waiting { since, .. } if now.millis_since(since) >= chat.timeout_millis => {
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
