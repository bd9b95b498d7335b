//! Delivers what the moves ask for, as the ledger would.

use super::*;

/// Who delivers, and what is under way.
#[derive(Default)]
pub struct Deliverer {
    leases: Vec<CallId>,
}

impl Deliverer {
    /// The event a move comes to; `None` for what is no event: those are done here.
    pub fn event(&mut self, chat: &mut Chat, next: &Move) -> Option<Command> {
        Some(match next.clone() {
            Move::Escalate { segment, opening, rest: [topic, more_history, history_missing], said } => {
                let segment = segment.unwrap_or(chat.state.segments.len().saturating_sub(1));
                let said = said.into_iter().map(|words| words.said(chat.now)).collect();
                let request = HandoffRequested {
                    topic: topic.then(|| Topic::Name("VPN".to_owned())),
                    later_history: if more_history { vec![vec![remark()]; 2] } else { vec![] },
                    history_missing,
                    at: chat.now,
                    ..request(opening)
                };
                Command::Escalated { segment, request: Box::new(request), said }
            }
            Move::ReadUpstream { said, history } => Command::UpstreamRead {
                segment: chat.state.undrained().unwrap_or_default(),
                said: said.into_iter().map(|words| words.said(chat.now)).collect(),
                history: history.then(|| vec![vec![remark()]; 2].into()),
            },
            Move::Say(words) => Command::UserSaid(Box::new(words.said(chat.now))),
            Move::Type => Command::UserTyping,
            Move::Leave => Command::UserEnded,
            Move::Hear { chat: number, flags, items } => {
                heard(number.unwrap_or(chat.state.chat), inbound(flags, items))
            }
            Move::Fetch(up_to) => Command::Fetched { up_to },
            Move::Claim => {
                self.leases.extend(chat.lease());
                return None;
            }
            Move::Deliver => {
                let call = chat.lease()?;
                chat.done(call);
                return None;
            }
            Move::Finish { ago, how } => {
                let call = *self.leases.iter().rev().nth(ago)?;
                how.end(chat, call);
                return None;
            }
            Move::Stray { call, how } => {
                how.end(chat, call);
                return None;
            }
            Move::Return { instead_of } => {
                Command::BotReturned { conversation: "fresh".to_owned(), token: None, instead_of }
            }
            Move::Renew => {
                let token = ("Bearer renewed".to_owned(), chat.now.plus_millis(1_800_000));
                Command::BotTokenRenewed { conversation: "fresh".to_owned(), token }
            }
            Move::Accept { hash, millis } => {
                Command::TokenAccepted { hash: hash.to_string(), until: START.plus_millis(millis) }
            }
            Move::Tick => Command::Tick { typed: None },
            Move::Wait(millis) => {
                chat.wait(millis);
                return None;
            }
        })
    }
}
