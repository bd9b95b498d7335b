//! What each fact makes of a conversation's state.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    AgentSaid, AgentTypes, Call, Cut, EndReason, Fact, HandoffRequested, PEOPLE, Phase, SAID_AGAIN,
    SealedToken, Segment, Speaker, State, TOKENS, UserSaid, Whispered,
};
use crate::{
    domain::{
        ActivityId, Agent, HistoryLine, Timestamp,
        control::{Control, Progress},
    },
    ledger::{CallId, Settled, Settlement},
};

impl State {
    /// Folds in the fact at `self.position`.
    pub fn apply(&mut self, fact: &Fact) {
        self.kept.count(fact);
        self.note_time(fact);
        let is_of_direct_line = matches!(fact, Fact::UserSaid(said) if said.id.is_some());
        if let Some(at) = fact.at().filter(|_| !is_of_direct_line) {
            // A clock that was set back makes nobody wait longer.
            self.last_heard = self.last_heard.min(at);
            if let Phase::Waiting { since, .. } = &mut self.phase {
                *since = at.min(*since);
            }
        }
        self.fold(fact);
        self.position += 1;
    }

    fn fold(&mut self, fact: &Fact) {
        match fact {
            Fact::HandoffRequested(request) => self.escalated(request),
            Fact::UpstreamDrained { segment, password_inputs, before, .. } => {
                self.drained(*segment, password_inputs, *before);
            }
            Fact::UserSaid(said) => self.user_said(said),
            Fact::HistoryRead { lines, at } => self.history_read(lines, *at),
            Fact::UserTyping { at } => self.user_types(true, *at),
            Fact::UserStoppedTyping { at } => self.user_types(false, *at),
            Fact::Leased(lease) => self.outbox.lease(lease),
            Fact::Settled(settled) => self.settled(settled),
            Fact::ChatNamed { conversation, interaction, .. } => {
                self.names.extend(conversation.iter().chain(interaction).cloned());
            }
            Fact::Queued { .. } => self.queued(),
            Fact::AgentJoined { agent, at } => self.agent_joined(agent, *at),
            Fact::AgentSaid(said) => self.agent_said(said),
            Fact::NotShown { message_id, at } => {
                self.heard.insert(message_id.clone());
                self.call(Call::NotShown(message_id.clone()), *at);
            }
            Fact::AgentTyping { by, at } => {
                self.agent_types = Some(AgentTypes { position: self.position, by: by.clone(), since: *at });
            }
            Fact::AgentStoppedTyping { .. } => self.agent_types = None,
            Fact::StreamPiece(piece) => self.stream_piece(piece),
            Fact::StreamDropped { first, .. } => self.stream_ended(*first, false),
            Fact::QuestionsClosed { .. } => self.questions.end_topic(),
            Fact::Fetched { up_to, at } => self.fetched(*up_to, *at),
            Fact::ChatEnded { why, tell, at } => self.ended(*why, *tell, *at),
            Fact::ConversationOver { .. } => self.phase = Phase::Over,
            Fact::BotReturned { conversation, token, .. } => self.bot_returned(conversation, token.clone()),
            Fact::BotTokenRenewed { token } => self.token_renewed(token),
            Fact::TokenAccepted { hash, until } => self.token_accepted(hash, *until),
            Fact::OfANewerBuild => self.outbox.freeze(),
            Fact::Noticed { .. } | Fact::FilesUnsaid { .. } | Fact::Unknown => {}
        }
    }

    fn drained(&mut self, segment: usize, password_inputs: &BTreeSet<String>, before: bool) {
        if let Some(cut) = self.segments.get_mut(segment).and_then(|s| Arc::make_mut(s).cut.as_mut()) {
            cut.drained = true;
            cut.unread &= !before;
            cut.password_inputs.extend(password_inputs.iter().cloned());
        }
    }

    fn history_read(&mut self, lines: &[HistoryLine], at: Timestamp) {
        self.history_missing = false;
        self.call(Call::SendHistory(lines.to_vec()), at);
    }

    fn user_types(&mut self, types: bool, at: Timestamp) {
        let before = std::mem::replace(&mut self.typing_since, types.then_some(at));
        match (before, types) {
            (None, true) => self.call(Call::Typing, at),
            (_, false) => self.call(Call::Viewing, at),
            (Some(_), true) => {}
        }
    }

    fn queued(&mut self) {
        if let Phase::Waiting { queued, .. } = &mut self.phase {
            *queued = true;
        }
    }

    fn agent_joined(&mut self, agent: &Agent, at: Timestamp) {
        self.meet(agent);
        self.phase = Phase::WithAgent { agent: agent.clone() };
        self.last_heard = at;
    }

    fn bot_returned(&mut self, conversation: &str, token: Option<SealedToken>) {
        self.phase = Phase::Bot;
        self.segments.reserve_exact(1);
        let conversation = Some(conversation.to_owned());
        self.segments.push(Arc::new(Segment { conversation, token, cut: None }));
    }

    fn token_renewed(&mut self, token: &SealedToken) {
        if let Some(segment) = self.last_segment() {
            segment.token = Some(token.clone());
        }
    }

    /// Of too many, those that end first go.
    fn token_accepted(&mut self, hash: &str, until: Timestamp) {
        self.tokens.insert(hash.to_owned(), until);
        if self.tokens.len() > TOKENS {
            let first = self.tokens.iter().min_by_key(|(hash, until)| (**until, (*hash).clone()));
            if let Some(first) = first.map(|(hash, _)| hash.clone()) {
                self.tokens.remove(&first);
            }
        }
    }

    /// A masked answer that did not get through leaves its question open.
    fn settled(&mut self, settled: &Settled) {
        let counts = settled.attempt.is_none_or(|attempt| self.outbox.is_held(settled.call, attempt));
        let over = !matches!(settled.outcome, Settlement::Retry { .. });
        let lost = settled.outcome == Settlement::Dropped && self.is_live();
        if counts && over && self.questions.settle(settled.call, lost) {
            self.whispered.clear();
        }
        self.outbox.settle(settled);
    }

    fn escalated(&mut self, request: &HandoffRequested) {
        self.chat += 1;
        self.user = request.user.clone();
        self.last_heard = request.at;
        self.history_missing = request.history_missing;
        self.names.clear();
        self.tasks.clear();
        self.streams.clear();
        self.taken.extend(request.cut.tail.iter().chain(&request.seen).cloned());
        if let Some((hash, until)) = &request.token {
            self.tokens.insert(hash.clone(), *until);
        }
        if self.segments.is_empty() {
            self.segments.reserve_exact(1);
            self.segments.push(Arc::default());
        }
        if let Some(segment) = self.last_segment() {
            let unread = request.cut.unread || request.history_missing;
            segment.cut = Some(Cut { unread, ..request.cut.clone() });
        }
        self.questions.begin_chat();
        self.phase = Phase::Waiting { since: request.at, queued: false };
        self.open_chat(request);
    }

    fn user_said(&mut self, said: &UserSaid) {
        // By Direct Line's clock the words of who was away are old; here they have only come.
        let at = said.id.as_ref().map_or(said.at, |_| said.at.max(self.last_heard));
        self.last_heard = at;
        let id = said.id.clone().unwrap_or_else(|| ActivityId::local(&self.conversation, self.position));
        let masked = said.whisper().map(|_| CallId(self.position, 0));
        if let Some(question) = said.answers.filter(|_| said.message.is_some()) {
            self.questions.answer(question, masked);
        }
        self.taken.extend(said.id.clone());
        let locale = said.echo.get("locale").and_then(serde_json::Value::as_str);
        if let Some(locale) = locale.filter(|locale| !locale.trim().is_empty()) {
            self.user.locale = Some(locale.to_owned());
        }
        if let Some(whisper) = said.whisper() {
            self.whispered.retain(|known| said.at.millis_since(known.at) < SAID_AGAIN);
            self.whispered.push(Whispered { mark: whisper.mark.clone(), id: id.clone(), at: said.at });
        }
        if let Some(client_id) = &said.client_id {
            self.posted.insert(client_id.clone(), id);
        }
        let trace = said.trace.as_deref();
        if let Some(timezone) = &said.timezone {
            self.user.timezone = Some(timezone.clone());
            self.call_in_trace(1, Call::SetTimezone(timezone.clone()), at, trace);
        }
        match &said.message {
            Some(message) => {
                self.call_in_trace(0, Call::Say(Box::new(message.clone())), at, trace);
            }
            None => self.request_found(said),
        }
    }

    /// The words that asked for a person are looked for until they are found once.
    fn request_found(&mut self, said: &UserSaid) {
        let text = said.echo.get("text").and_then(serde_json::Value::as_str);
        if let Some(cut) = self.last_segment().and_then(|segment| segment.cut.as_mut()) {
            cut.unmatched_request.take_if(|request| text == Some(request));
        }
    }

    fn last_segment(&mut self) -> Option<&mut Segment> {
        self.segments.last_mut().map(Arc::make_mut)
    }

    fn meet(&mut self, agent: &Agent) {
        let Agent { name, id, avatar: _ } = agent;
        if name.is_none() && id.is_none() {
            return;
        }
        match self.people.iter_mut().find(|met| met.may_be(agent)) {
            Some(met) => {
                met.name = met.name.take().or_else(|| name.clone());
                met.id = met.id.take().or_else(|| id.clone());
            }
            None => {
                if self.people.len() >= PEOPLE {
                    self.people.remove(0);
                }
                self.people.reserve_exact(1);
                self.people.push(Agent { name: name.clone(), id: id.clone(), avatar: None });
            }
        }
    }

    fn agent_said(&mut self, said: &AgentSaid) {
        self.last_heard = said.at;
        if let Speaker::Agent(by) = &said.by {
            self.meet(by);
            self.questions.person_speaks(self.position);
        }
        if let (Phase::WithAgent { agent }, Speaker::Agent(by)) = (&mut self.phase, &said.by)
            && by.name.is_some()
        {
            *agent = by.clone();
        }
        let live = self.is_live();
        self.agent_types = None;
        if let Some(first) = said.ends {
            self.stream_ended(first, said.lost);
        }
        self.heard.extend(said.keys());
        if let Control::Progress(task @ Progress { key: Some(key), .. }) = &said.control {
            let first = task.first.or(Some(self.position));
            self.tasks.insert(key.clone(), Progress { first, ..task.clone() });
        }
        if let (Some(id), Speaker::Agent(_), true) = (&said.message_id, &said.by, live) {
            self.unfetched.push((self.position, id.clone()));
        }
        if said.control.takes_answers() && live {
            self.questions.ask(self.position, &said.control, matches!(said.by, Speaker::Agent(_)));
        }
        if said.control.waits_for_done() && live {
            self.call(Call::Done, said.at);
        }
    }

    fn fetched(&mut self, up_to: u64, at: Timestamp) {
        let fetched = self.unfetched.iter().take_while(|(said_at, _)| *said_at < up_to).count();
        let mut ids: Vec<String> = self.unfetched.drain(..fetched).map(|(_, id)| id).collect();
        ids.dedup();
        self.unfetched.shrink_to_fit();
        if !ids.is_empty() {
            self.receipt(ids, at);
        }
    }

    fn ended(&mut self, why: EndReason, tell: bool, at: Timestamp) {
        let agent = match std::mem::take(&mut self.phase) {
            Phase::WithAgent { agent } => Some(agent),
            _ => None,
        };
        self.typing_since = None;
        self.agent_types = None;
        self.people = Vec::new();
        self.left = (why == EndReason::ByUser).then_some(at);
        self.questions.end_chat((why != EndReason::ByUser).then_some((self.position, at)));
        self.unfetched.clear();
        self.phase = Phase::Returning { why, agent };
        if tell {
            let call = if why == EndReason::NotOpened { Call::Fault } else { Call::End };
            self.call(call, at);
        }
    }
}
