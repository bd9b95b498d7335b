//! Facts and calls as lines of a conversation.

use super::*;

/// A fact as a line of the conversation.
pub fn line(fact: &Fact) -> String {
    match fact {
        Fact::HandoffRequested(_) => "handoff".to_owned(),
        Fact::UpstreamDrained { .. } => "drained".to_owned(),
        Fact::UserSaid(said) => match &said.message {
            Some(message) => format!("user: {}", message.text),
            None => "user: -".to_owned(),
        },
        Fact::HistoryRead { lines, .. } => format!("history of {}", lines.len()),
        Fact::AgentStoppedTyping { .. } => "agent stopped typing".to_owned(),
        Fact::StreamPiece(piece) => format!("piece of {:?}: {}", piece.first, piece.text),
        Fact::StreamDropped { first, .. } => format!("stream {first} dropped"),
        Fact::QuestionsClosed { .. } => "questions closed".to_owned(),
        Fact::NotShown { message_id, .. } => format!("not shown {message_id}"),
        Fact::UserTyping { .. } => "typing".to_owned(),
        Fact::UserStoppedTyping { .. } => "stopped typing".to_owned(),
        Fact::Leased(Lease { call, attempt, .. }) => format!("leased {call:?} #{attempt}"),
        Fact::Settled(Settled { call: CallId(at, step), outcome, .. }) => {
            format!("{at}.{step} {}", ending(outcome))
        }
        Fact::OfANewerBuild | Fact::Unknown => "unknown".to_owned(),
        Fact::ChatNamed { interaction, .. } => format!("named {interaction:?}"),
        Fact::Queued { .. } => "queued".to_owned(),
        Fact::AgentJoined { agent, .. } => format!("joined {}", agent.name.as_deref().unwrap_or("-")),
        Fact::AgentSaid(said) => spoken(said),
        Fact::AgentTyping { .. } => "agent types".to_owned(),
        Fact::Noticed { notice, .. } => match notice {
            Notice::Joined { name } => format!("notice: joined {}", name.as_deref().unwrap_or("-")),
            Notice::Ended { why } => format!("notice: {}", reason(*why)),
            Notice::NotDelivered { text } => format!("notice: not delivered {text}"),
            Notice::MayNotHaveArrived { text } => format!("notice: may not have arrived {text}"),
            Notice::FileRefused { name, why: _ } => format!("notice: file refused {name}"),
            Notice::QuestionClosed => "notice: question closed".to_owned(),
            Notice::Missing { what } => format!("notice: missing {what:?}"),
            Notice::ConversationFull => "notice: full".to_owned(),
            Notice::AnsweredBefore => "notice: answered before".to_owned(),
            Notice::EnterAgain => "notice: enter again".to_owned(),
        },
        Fact::Fetched { up_to, .. } => format!("fetched {up_to}"),
        Fact::ChatEnded { why, tell, .. } => {
            format!("ended {}{}", reason(*why), if *tell { ", to be told" } else { "" })
        }
        Fact::ConversationOver { .. } => "over".to_owned(),
        Fact::BotReturned { conversation, .. } => format!("bot returned in {conversation}"),
        Fact::BotTokenRenewed { .. } => "bot token renewed".to_owned(),
        Fact::FilesUnsaid { bytes, .. } => format!("{bytes} bytes unsaid"),
        Fact::TokenAccepted { hash, .. } => format!("token {hash}"),
    }
}

fn ending(outcome: &Settlement) -> String {
    match outcome {
        Settlement::Done => "done".to_owned(),
        Settlement::Retry { at, .. } => format!("again at {}", at.millis_since(START)),
        Settlement::Dropped => "dropped".to_owned(),
    }
}

fn spoken(said: &AgentSaid) -> String {
    let by = match &said.by {
        Speaker::Agent(agent) => agent.name.as_deref().unwrap_or("agent"),
        Speaker::VirtualAgent => "virtual agent",
        Speaker::System => "system",
    };
    match &said.control {
        Control::Text { text } => format!("{by}: {text}"),
        Control::Generated(generated) if said.ends.is_some() => {
            format!("{by}: {}, in place of {:?}", generated.text, said.ends)
        }
        Control::Progress(progress) => {
            format!("{by}: {}, in place of {:?}", progress.lines().join(", "), progress.first)
        }
        other => format!("{by}: {other:?}"),
    }
}

fn reason(why: EndReason) -> String {
    format!("{why:?}")
}

/// A call as ServiceNow gets it.
pub fn call_line(queued: &Queued<ChatCall>) -> String {
    match &queued.call.what {
        Call::Say(message) => format!("say {}", message.text),
        Call::SentToUser(ids) => format!("read {}", ids.join(" ")),
        Call::NotShown(id) => format!("unshown {id}"),
        Call::Done => "done".to_owned(),
        Call::SetTimezone(zone) => format!("zone {zone}"),
        Call::SendHistory(lines) => {
            let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            format!("history {}", texts.join(" "))
        }
        other => other.name().to_owned(),
    }
}
