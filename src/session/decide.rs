//! What a command adds to a conversation's journal.

mod ending;
mod hearing;

use std::collections::BTreeSet;

use super::{
    Answered, Call, Chat, IDLE_MILLIS, Phase, State, TYPING_MILLIS,
    fact::{EndReason, Fact, HandoffRequested, Notice, SealedToken, UserSaid},
};
use crate::{
    domain::{HistoryLine, Timestamp},
    ledger::{SKEW, is_recent},
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
        /// What was said before the escalation, if that was still to be read.
        history: Option<Before>,
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

/// What was said before an escalation, when it is read later.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// In requests' worth, oldest first.
    pub portions: Vec<Vec<HistoryLine>>,
    /// As those of the [`Cut`](super::Cut).
    pub password_inputs: BTreeSet<String>,
}

impl From<Vec<Vec<HistoryLine>>> for Before {
    fn from(portions: Vec<Vec<HistoryLine>>) -> Self {
        Self { portions, ..Self::default() }
    }
}

/// What is decided on: a conversation as it stands, and the time.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub state: &'a State,
    pub chat: &'a Chat,
    pub now: Timestamp,
}

impl Moment<'_> {
    /// The facts that `command` adds. When there are none: whether there is nothing in it for good, or only as this copy has it.
    pub fn decide(self, command: &Command) -> (Vec<Fact>, bool) {
        let Self { state, now, .. } = self;
        let (has_room, live) = (state.kept.has_room(), state.is_live());
        match command {
            Command::Escalated { segment, request, said } => (self.escalated(*segment, request, said), false),
            Command::UpstreamRead { segment, said, history } => {
                (self.upstream_read(*segment, said, history.as_ref()), false)
            }
            Command::UserSaid(said) if live => (self.said(said, None), true),
            Command::NotTaken { said, why } => (self.said(said, Some(why)), true),
            Command::Tell(notice) => {
                let told = has_room.then(|| Fact::Noticed { notice: notice.clone(), at: now });
                (Vec::from_iter(told), true)
            }
            Command::FilesUnsaid { bytes } => (vec![Fact::FilesUnsaid { bytes: *bytes, at: now }], true),
            Command::UserTyping if self.begins_to_type() => (vec![Fact::UserTyping { at: now }], true),
            Command::UserTyping => (vec![], live),
            Command::UserEnded if live => (self.end(EndReason::ByUser, true, None), false),
            Command::Heard { chat, told } => self.told(*chat, told),
            Command::Fetched { up_to } => {
                let unread = state.unfetched.first().is_some_and(|(at, _)| at < up_to);
                (Vec::from_iter(unread.then_some(Fact::Fetched { up_to: *up_to, at: now })), true)
            }
            Command::BotReturned { conversation, token, instead_of } if self.expects_bot(*instead_of) => {
                let (conversation, token) = (conversation.clone(), token.clone());
                (vec![Fact::BotReturned { conversation, token, at: now }], false)
            }
            Command::BotTokenRenewed { conversation, token } if self.bot_speaks_in(conversation) => {
                (vec![Fact::BotTokenRenewed { token: token.clone() }], false)
            }
            Command::TokenAccepted { hash, until } if has_room && self.is_news(hash, *until) => {
                (vec![Fact::TokenAccepted { hash: hash.clone(), until: *until }], false)
            }
            Command::TokenAccepted { .. } => (vec![], !has_room),
            // Time may have brought about something else that a newer build has stored.
            Command::Tick { .. } if state.outbox.is_frozen() => (vec![], true),
            Command::Tick { typed } => (self.due(*typed), true),
            Command::UserSaid(_) | Command::UserEnded => (vec![], false),
            Command::BotReturned { .. } | Command::BotTokenRenewed { .. } => (vec![], false),
        }
    }

    /// Only the bot that speaks can ask for a person: an event seen twice, or late, finds it cut off.
    fn escalated(self, segment: usize, request: &HandoffRequested, said: &[UserSaid]) -> Vec<Fact> {
        let state = self.state;
        if state.phase != Phase::Bot || state.segments.len().saturating_sub(1) != segment {
            return vec![];
        }
        self.with_words(vec![Fact::HandoffRequested(state.kept.fit(request.clone()))], said, true)
    }

    fn begins_to_type(self) -> bool {
        let State { phase, typing_since, kept, .. } = self.state;
        matches!(phase, Phase::WithAgent { .. }) && typing_since.is_none() && kept.has_room()
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

    /// What the user said behind the end of the bot's stretch belongs to the live chat that followed, unless that is over by now.
    fn upstream_read(self, segment: usize, said: &[UserSaid], history: Option<&Before>) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        let Some(cut) = state.segments.get(segment).and_then(|s| s.cut.as_ref()) else { return vec![] };
        let history = history.filter(|_| cut.unread);
        if cut.drained && history.is_none() {
            return vec![];
        }
        let live = segment + 1 == state.segments.len() && state.is_live();
        let portions = history.filter(|_| live && state.history_missing);
        let portions = portions.into_iter().flat_map(|before| &before.portions);
        let portions = portions.filter(|lines| !lines.is_empty());
        let facts = portions.map(|lines| Fact::HistoryRead { lines: lines.clone(), at: now }).collect();
        let mut facts = self.with_words(facts, said, live);
        let password_inputs = history.map(|before| before.password_inputs.clone()).unwrap_or_default();
        facts.push(Fact::UpstreamDrained { segment, password_inputs, before: history.is_some(), at: now });
        facts
    }

    /// Adds words that Direct Line had, as far as they are not in the journal. Those that came too late for the live chat are shown,
    /// and the user is told that nobody got them.
    fn with_words(self, mut facts: Vec<Fact>, said: &[UserSaid], live: bool) -> Vec<Fact> {
        let (mut so_far, mut folded) = (self.state.clone(), facts.len());
        // They take room, and no more: a hand-off counts all that it was read with as seen, these words too.
        facts.iter().for_each(|fact| so_far.kept.count(fact));
        for said in said {
            facts[folded..].iter().for_each(|fact| so_far.apply(fact));
            folded = facts.len();
            if so_far.known(said, self.now).is_some() {
                continue;
            }
            if let Some(lacking) = so_far.kept.lacks_room_for(said) {
                facts.extend(so_far.kept.tell(lacking, said, self.now));
                break;
            }
            facts.push(Fact::UserSaid(Box::new(if live { said.clone() } else { said.only_shown() })));
            let unserved = said.message.as_ref().filter(|_| !live);
            facts.extend(unserved.map(|message| self.unserved(message, false)));
        }
        facts
    }

    /// What the user said; `amiss`: why nobody is told. It is shown all the same, and the user reads why nothing comes of it.
    fn said(self, said: &UserSaid, amiss: Option<&Notice>) -> Vec<Fact> {
        let Self { state, now, .. } = self;
        if let Some(lacking) = state.kept.lacks_room_for(said) {
            return Vec::from_iter(state.kept.tell(lacking, said, now));
        }
        let mut facts = Vec::from_iter(state.typing_since.map(|_| Fact::UserStoppedTyping { at: now }));
        let corrects = |question| said.whisper().is_some() && state.questions.corrected() == Some(question);
        let takes = |question| state.questions.is_open(question) || corrects(question);
        let closed = |question| said.message.is_some() && !takes(question);
        let closed = said.answers.is_some_and(closed).then_some(&Notice::QuestionClosed);
        let Some(why) = amiss.or(closed) else {
            let timezone = said.timezone.clone().filter(|zone| state.user.timezone.as_ref() != Some(zone));
            facts.push(Fact::UserSaid(Box::new(UserSaid { timezone, ..said.clone() })));
            return facts;
        };
        let answered = said.answers.is_some_and(|question| state.questions.is_answered(question));
        let before = *why == Notice::QuestionClosed && answered;
        let notice = if before { Notice::AnsweredBefore } else { why.clone() };
        facts.extend([Fact::UserSaid(Box::new(said.only_shown())), Fact::Noticed { notice, at: now }]);
        facts
    }

    /// What time has brought about.
    fn due(self, typed: Option<Timestamp>) -> Vec<Fact> {
        let Self { state, chat, now } = self;
        let mut facts = state.overdue_streams(now);
        let (since, most, why) = match state.phase {
            Phase::Waiting { since, .. } => (since, chat.timeout_millis, EndReason::NobodyInTime),
            Phase::WithAgent { .. } => (state.last_heard, IDLE_MILLIS, EndReason::Idle),
            Phase::Bot | Phase::Returning { .. } | Phase::Over => return facts,
        };
        let typed = state.typing_since.map(|since| typed.map_or(since, |typed| typed.max(since)));
        if now.millis_since(since) >= most {
            facts.extend(self.end(why, true, None));
        } else if typed.is_some_and(|typed| !is_recent(typed, TYPING_MILLIS, now)) {
            facts.push(Fact::UserStoppedTyping { at: now });
        } else if facts.is_empty() && since.millis_since(now) > SKEW {
            // The clock was set back: the wait begins anew, with a fact that tells nothing but its time.
            facts.push(Fact::Fetched { up_to: 0, at: now });
        }
        facts
    }
}
