//! What each fact makes of a conversation's state.

use super::{
    AgentSaid, Call, CallId, Cut, EndReason, Fact, HandoffRequested, Phase, Segment, Speaker, State, UserSaid,
};
use crate::domain::{
    ActivityId, Timestamp,
    control::{Control, Progress},
};

impl State {
    /// Folds in the fact at `self.position`.
    pub fn apply(&mut self, fact: &Fact) {
        let position = self.position;
        self.position += 1;
        match fact {
            Fact::HandoffRequested(request) => self.escalated(position, request),
            Fact::UpstreamDrained { segment, .. } => {
                let segment = segment.unwrap_or(self.segments.len().saturating_sub(1));
                if let Some(cut) = self.segments.get_mut(segment).and_then(|s| s.cut.as_mut()) {
                    cut.drained = true;
                }
            }
            Fact::UserSaid(said) => self.user_said(position, said),
            Fact::HistoryRead { lines, at } => {
                self.history_missing = false;
                self.outbox.push(CallId(position, 0), self.chat, Call::SendHistory(lines.clone()), *at);
            }
            Fact::UserTyping { at } => {
                if self.typing_since.replace(*at).is_none() {
                    self.outbox.push(CallId(position, 0), self.chat, Call::Typing, *at);
                }
            }
            Fact::UserStoppedTyping { at } => {
                self.typing_since = None;
                self.outbox.push(CallId(position, 0), self.chat, Call::Viewing, *at);
            }
            Fact::Claimed { call, attempt, at, .. } => self.outbox.claim(*call, *attempt, *at),
            Fact::Settled { call, outcome, .. } => self.outbox.settle(*call, outcome),
            Fact::ChatNamed { conversation, interaction, .. } => {
                self.names.extend(conversation.iter().chain(interaction).cloned());
            }
            Fact::Queued { .. } => {
                if let Phase::Waiting { queued, .. } = &mut self.phase {
                    *queued = true;
                }
            }
            Fact::AgentJoined { agent, at } => {
                self.phase = Phase::WithAgent { agent: agent.clone() };
                self.last_heard = *at;
            }
            Fact::AgentSaid(said) => self.agent_said(position, said),
            Fact::NotShown { message_id, at } => {
                self.heard.insert(message_id.clone());
                let call = Call::NotShown(message_id.clone());
                self.outbox.push(CallId(position, 0), self.chat, call, *at);
            }
            Fact::AgentTyping { .. } | Fact::Noticed { .. } => {}
            Fact::Fetched { up_to, at } => self.fetched(position, *up_to, *at),
            Fact::ChatEnded { why, tell, at } => self.ended(position, *why, *tell, *at),
            Fact::ConversationOver { .. } => self.phase = Phase::Over,
            Fact::BotReturned { conversation, authorization, until, .. } => {
                self.phase = Phase::Bot;
                self.segments.push(Segment {
                    conversation: Some(conversation.clone()),
                    authorization: authorization.clone(),
                    until: *until,
                    cut: None,
                });
            }
            Fact::BotTokenRenewed { authorization, until } => {
                if let Some(segment) = self.segments.last_mut() {
                    segment.authorization = Some(authorization.clone());
                    segment.until = Some(*until);
                }
            }
            Fact::TokenAccepted { hash, until } => {
                self.tokens.insert(hash.clone(), *until);
            }
        }
    }

    fn escalated(&mut self, position: u64, request: &HandoffRequested) {
        self.chat += 1;
        self.user = request.user.clone();
        self.last_heard = request.at;
        self.history_missing = request.history_missing;
        self.names.clear();
        self.tasks.clear();
        self.taken.extend(request.tail.iter().cloned());
        self.taken.extend(request.seen.iter().cloned());
        if let Some((hash, until)) = &request.token {
            self.tokens.insert(hash.clone(), *until);
        }
        if self.segments.is_empty() {
            self.segments.push(Segment::default());
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.cut = Some(Cut {
                event: request.event.clone(),
                bot: request.bot.clone(),
                watermark: request.watermark.clone(),
                tail: request.tail.clone(),
                answered: request.answered.clone(),
                unmatched_request: request.unmatched_request.clone(),
                drained: false,
            });
        }
        self.phase = Phase::Waiting { since: request.at, opening: request.opening, queued: false };
        self.outbox.open(position, self.chat, request);
    }

    fn user_said(&mut self, position: u64, said: &UserSaid) {
        self.last_heard = said.at;
        if said.message.is_some() || said.secure {
            self.pending = None;
            self.answered.extend(said.answers);
        }
        if let Some(id) = &said.id {
            self.taken.insert(id.clone());
        }
        if let Some(client_id) = &said.client_id {
            let local = || ActivityId::local(&self.conversation, position);
            let id = said.id.clone().unwrap_or_else(local);
            self.posted.insert(client_id.clone(), id);
        }
        if let Some(timezone) = &said.timezone {
            self.user.timezone = Some(timezone.clone());
            let call = Call::SetTimezone(timezone.clone());
            let trace = said.trace.as_deref();
            self.outbox.push_traced(CallId(position, 1), self.chat, call, said.at, trace);
        }
        match &said.message {
            Some(message) => {
                let call = Call::Say(Box::new(message.clone()));
                let trace = said.trace.as_deref();
                self.outbox.push_traced(CallId(position, 0), self.chat, call, said.at, trace);
            }
            None => self.request_found(said),
        }
    }

    /// The words that asked for a person are looked for until they are found once.
    fn request_found(&mut self, said: &UserSaid) {
        let text = said.echo.get("text").and_then(serde_json::Value::as_str);
        if let Some(cut) = self.segments.last_mut().and_then(|segment| segment.cut.as_mut()) {
            cut.unmatched_request.take_if(|request| text == Some(request));
        }
    }

    fn agent_said(&mut self, position: u64, said: &AgentSaid) {
        self.last_heard = said.at;
        if let (Phase::WithAgent { agent }, Speaker::Agent(by)) = (&mut self.phase, &said.by)
            && by.name.is_some()
        {
            *agent = by.clone();
        }
        let live = self.is_live();
        self.heard.extend(said.keys());
        if let Control::Progress(Progress { key: Some(key), steps, first }) = &said.control {
            self.tasks.insert(key.clone(), (first.unwrap_or(position), steps.clone()));
        }
        if let (Some(id), Speaker::Agent(_), true) = (&said.message_id, &said.by, live) {
            self.unfetched.push((position, id.clone()));
        }
        if said.control.asks() && live {
            self.pending = Some((position, said.control.clone()));
        }
        if said.control.waits_for_done() && live {
            self.outbox.push(CallId(position, 0), self.chat, Call::Done, said.at);
        }
    }

    fn fetched(&mut self, position: u64, up_to: u64, at: Timestamp) {
        let fetched = self.unfetched.iter().take_while(|(said_at, _)| *said_at < up_to).count();
        let ids: Vec<String> = self.unfetched.drain(..fetched).map(|(_, id)| id).collect();
        if !ids.is_empty() {
            self.outbox.push(CallId(position, 0), self.chat, Call::SentToUser(ids), at);
        }
    }

    fn ended(&mut self, position: u64, why: EndReason, tell: bool, at: Timestamp) {
        let agent = match std::mem::take(&mut self.phase) {
            Phase::WithAgent { agent } => Some(agent),
            _ => None,
        };
        self.typing_since = None;
        self.pending = None;
        self.unfetched.clear();
        self.phase = Phase::Returning { why, agent };
        if tell {
            let call = if why == EndReason::NotOpened { Call::Fault } else { Call::End };
            self.outbox.push(CallId(position, 0), self.chat, call, at);
        }
    }
}
