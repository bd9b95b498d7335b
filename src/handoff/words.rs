//! What the user says to a live chat: what it answers, how it is stored, and how it is told.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Conversation, Posted, Refusal, calls::Calls};
use crate::{
    domain::{ActivityId, MASKED, Timestamp},
    ledger::{
        CallId, Committed, Decided, Ledger, Machine as _, decide_and_deliver,
        journal::{JournalError, Position},
    },
    session::{Chat, Command, Fact, LANE, Notice, Quota, State, ToAgent, UserSaid},
    translate::{
        answer::{Amiss, Answer, answer_to},
        takeover,
    },
    wire::activity::Activity,
};

/// Which question words answer, and whether they may be stored, is decided under the commit: it may change until then.
/// `latest`: of the bot's times, while it speaks.
pub async fn say(
    calls: &Arc<Calls>,
    conversation: &Arc<Conversation>,
    activity: &Arc<Activity>,
    trace: Option<String>,
    latest: Option<Timestamp>,
) -> Result<Option<Posted>, JournalError> {
    let (ledger, activity, name) = (calls.ledger.clone(), activity.clone(), calls.ledger.random_name());
    let at = ledger.now();
    let decide = move |chat: &Chat, state: &State, now| {
        let answer = answer_to(&activity, &state.conversation, &state.questions);
        if let Some(id) = repeats_whisper(&ledger, state, &answer, now) {
            return Decided::Known(id);
        }
        let (secure, amiss) = (answer.secure, answer.amiss);
        let mut said = UserSaid { trace: trace.clone(), latest, ..live_words(&activity, answer, at) };
        if let Some(amiss) = amiss {
            if secure {
                said.echo = masked(&activity);
            }
            return chat.decide(state, &Command::NotTaken { said: Box::new(said), why: notice(amiss) }, now);
        }
        if let Some(message) = said.message.as_mut().filter(|_| secure) {
            message.whisper = Some(ledger.whisper(&name, std::mem::take(&mut message.text).into()));
            said.echo = masked(&activity);
        }
        chat.decide(state, &Command::UserSaid(Box::new(said)), now)
    };
    Ok(told(calls, conversation, decide_and_deliver(calls, conversation, LANE, decide).await?).await)
}

/// What became of words that were committed, once ServiceNow has them or the user has waited long enough. `None` when the live chat
/// ended meanwhile.
pub async fn told(calls: &Calls, conversation: &Conversation, committed: Committed<Chat>) -> Option<Posted> {
    let (at, facts) = match committed {
        Committed::TooLate => return None,
        Committed::Known(id) => {
            calls.count_duplicates(1);
            return Some(Posted::Known(id));
        }
        Committed::Stored { at, facts } => (at, facts),
    };
    let Some(position) = said_at(at, &facts) else {
        return Some(Posted::Refused(Refusal::Full(lacking(&facts))));
    };
    calls.wait_for(conversation, CallId(position, 0)).await;
    Some(Posted::Accepted(ActivityId::local(&conversation.id, position)))
}

/// Where the user's words stand in what was stored.
fn said_at(at: Position, facts: &[Fact]) -> Option<Position> {
    let mut facts = (at..).zip(facts);
    facts.find(|(_, fact)| matches!(fact, Fact::UserSaid(_))).map(|(position, _)| position)
}

/// What there was no room for, when words were decided on and not stored.
fn lacking(facts: &[Fact]) -> Quota {
    let files = |fact: &Fact| matches!(fact, Fact::Noticed { notice: Notice::FileRefused { .. }, .. });
    if facts.iter().any(files) { Quota::Files } else { Quota::Words }
}

/// The masked answer that these words were a moment ago, when they are not the answer to another masked question.
fn repeats_whisper(
    ledger: &Ledger<Chat>,
    state: &State,
    answer: &Answer,
    now: Timestamp,
) -> Option<ActivityId> {
    if answer.secure || !state.whispers() {
        return None;
    }
    state.whispered_as(&ledger.whispers().mark(&answer.text.as_str().into()), now).cloned()
}

/// What the user is told of something that is no answer.
pub fn notice(amiss: Amiss) -> Notice {
    match amiss {
        Amiss::Closed => Notice::QuestionClosed,
        Amiss::Missing(what) => Notice::Missing { what },
    }
}

/// A client's message for the live chat.
pub fn live_words(activity: &Activity, answer: Answer, at: Timestamp) -> UserSaid {
    let Answer { text, typed, secure: _, attachments, nothing, question, amiss } = answer;
    let nothing = nothing || amiss.is_some();
    UserSaid {
        client_id: takeover::client_id(activity),
        timezone: activity.local_timezone.clone().filter(|zone| !zone.trim().is_empty()),
        message: (!nothing).then_some(ToAgent { text, typed, attachments, whisper: None }),
        answers: question,
        echo: takeover::echo(activity),
        files: vec![],
        at,
        ..UserSaid::default()
    }
}

/// What the client is shown of a masked answer: that there was one.
pub fn masked(activity: &Activity) -> Map<String, Value> {
    let mut echo = takeover::echo(activity);
    echo.retain(|name, _| matches!(name.as_str(), "from" | "locale" | "localTimezone"));
    echo.insert("text".to_owned(), MASKED.into());
    if let Some(id) = takeover::client_id(activity) {
        echo.insert("channelData".to_owned(), json!({"clientActivityID": id}));
    }
    echo
}
