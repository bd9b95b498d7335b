//! What the user says to a live chat: what it answers, how it is stored, and how it is told.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Value, json};

use super::{Conversation, Posted, Refusal, attaching::Attaching, calls::Calls, named::Attached};
use crate::{
    domain::{ActivityId, MASKED, Timestamp, zone},
    files::TakeError,
    ledger::{CallId, Committed, Decided, Ledger, Machine as _, decide_and_deliver, journal::JournalError},
    session::{Chat, Command, Fact, FileFault, LANE, Notice, Quota, State, ToAgent, UserSaid},
    translate::{
        answer::{Amiss, Answer, answer_to, is_click},
        password, takeover,
    },
    wire::activity::Activity,
};

/// Says a message, with what is attached to it. Which question words answer, and whether they may be stored, is decided under the
/// commit: it may change until then. `latest`: of the bot's times, while it speaks.
pub async fn say(
    attaching: &Attaching,
    conversation: &Arc<Conversation>,
    activity: &Arc<Activity>,
    attached: Option<Attached>,
    trace: Option<String>,
    latest: Option<Timestamp>,
) -> Result<Committed<Chat>, JournalError> {
    let (calls, texts) = (&attaching.calls, attaching.texts.clone());
    let (ledger, activity, name) = (calls.ledger.clone(), activity.clone(), calls.ledger.random_name());
    let (at, client_id) = (ledger.now(), takeover::client_id(&activity));
    let decide = move |chat: &Chat, state: &State, now| {
        let inputs = state.password_inputs().cloned().collect();
        let activity = password::hidden(&activity, &inputs);
        let whole = attached.as_ref().map(|attached| password::hidden(&attached.activity, &inputs));
        let whole = whole.as_deref().unwrap_or(&activity);
        let closed = !state.is_live() && !is_click(whole) && state.questions.closed_in_secret(now).is_some();
        let answer = match closed {
            true => Answer::closed_in_secret(),
            false => answer_to(whole, &state.conversation, &state.questions, &texts.of_user(&state.user)),
        };
        // Its own id says more than its words: those of another masked answer may be the same.
        let itself = client_id.as_deref().and_then(|id| state.posted_as(id).cloned());
        if let Some(id) = itself.or_else(|| repeats_whisper(&ledger, state, &answer, at)) {
            return Decided::Known(id);
        }
        let (amiss, secure, secret) = (answer.amiss, answer.secure, is_secret(&answer));
        // Files are kept, a masked answer never is.
        let refused = |files: &Attached| (secure && files.holds_some) || (secret && amiss.is_none());
        let refused = attached.as_ref().is_some_and(refused);
        let mut said = UserSaid { trace: trace.clone(), latest, ..live_words(&activity, answer, at) };
        if let Some(attached) = &attached {
            attached.go_with(&mut said, &texts.of_user(&state.user));
        }
        let command = match amiss {
            _ if refused => {
                Command::Tell(Notice::FileRefused { name: String::new(), why: FileFault::WithMasked })
            }
            Some(amiss) => Command::NotTaken { said: Box::new(said), why: notice(amiss) },
            None => {
                if let Some(message) = said.message.as_mut().filter(|_| secret) {
                    message.whisper = Some(ledger.whisper(&name, std::mem::take(&mut message.text).into()));
                }
                Command::UserSaid(Box::new(said))
            }
        };
        let mut decided = chat.decide(state, &command, now);
        let left_out = attached.as_ref().and_then(Attached::notice);
        if let (Decided::Facts(facts), Some(notice)) = (&mut decided, left_out)
            && matches!(facts[..], [Fact::UserSaid(_), ..])
        {
            facts.push(Fact::Noticed { notice, at: now });
        }
        decided
    };
    decide_and_deliver(calls, conversation, LANE, decide).await
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
    let Some((position, _)) = (at..).zip(&facts).find(|(_, fact)| matches!(fact, Fact::UserSaid(_))) else {
        return Some(Posted::Refused(refusal(&facts)));
    };
    calls.wait_for(conversation, CallId(position, 0)).await;
    Some(Posted::Accepted(ActivityId::local(&conversation.id, position)))
}

/// Why words that were decided on were not stored.
fn refusal(facts: &[Fact]) -> Refusal {
    let fault = facts.iter().find_map(|fact| match fact {
        Fact::Noticed { notice: Notice::FileRefused { why, .. }, .. } => Some(why),
        _ => None,
    });
    match fault {
        Some(FileFault::WithMasked) => Refusal::File(TakeError::WithMasked),
        Some(_) => Refusal::Full(Quota::Files),
        None => Refusal::Full(Quota::Words),
    }
}

/// The masked answer that these words were a moment ago, when they are not the answer to another masked question. `at`: when they
/// came, however long the store has taken since.
fn repeats_whisper(
    ledger: &Ledger<Chat>,
    state: &State,
    answer: &Answer,
    at: Timestamp,
) -> Option<ActivityId> {
    if answer.secure || !state.whispers() {
        return None;
    }
    state.whispered_as(&ledger.whispers().marks().mark(&answer.text), at, answer.question.is_some()).cloned()
}

/// What the user is told of something that is no answer.
fn notice(amiss: Amiss) -> Notice {
    match amiss {
        Amiss::Closed => Notice::QuestionClosed,
        Amiss::Missing(what) => Notice::Missing { what },
    }
}

/// Whether it has words that must not be stored: a file alone has none.
fn is_secret(answer: &Answer) -> bool {
    answer.secure && (answer.amiss.is_some() || !answer.text.trim().is_empty())
}

/// A client's message for the live chat.
fn live_words(activity: &Activity, answer: Answer, at: Timestamp) -> UserSaid {
    let shown = match answer.secure {
        true if is_secret(&answer) => Cow::Owned(masked(activity)),
        true => Cow::Owned(only_files(activity)),
        false => Cow::Borrowed(activity),
    };
    let Answer { text, typed, secure: _, attachments, nothing, question, amiss } = answer;
    let nothing = nothing || amiss.is_some();
    UserSaid {
        client_id: takeover::client_id(&shown),
        timezone: shown.local_timezone.as_deref().and_then(zone::found).map(str::to_owned),
        message: (!nothing).then_some(ToAgent { text, typed, attachments, whisper: None }),
        answers: question,
        echo: takeover::echo(&shown),
        at,
        ..UserSaid::default()
    }
}

/// What the client is shown of a masked answer: that there was one. What is kept beside it does not repeat its words.
pub fn masked(activity: &Activity) -> Activity {
    let kept = Activity {
        kind: activity.kind.clone(),
        from: activity.from.clone(),
        locale: activity.locale.clone(),
        local_timezone: activity.local_timezone.clone(),
        channel_data: takeover::client_id(activity).map(|id| json!({"clientActivityID": id})),
        ..Activity::default()
    };
    let said =
        Activity { from: None, locale: None, local_timezone: None, channel_data: None, ..activity.clone() };
    let words = password::words(&takeover::echo(&said).into());
    Activity { text: Some(MASKED.to_owned()), ..password::without(&kept, &words) }
}

/// What the client is shown of files that come without words while a masked answer is waited for.
fn only_files(activity: &Activity) -> Activity {
    let file = |attachment: &Value| {
        let mut file = attachment.clone();
        if let Value::Object(fields) = &mut file {
            fields.retain(|name, _| matches!(name.as_str(), "name" | "contentType" | "contentUrl"));
        }
        file
    };
    let attachments = activity.attachments.as_ref().map(|files| files.iter().map(file).collect());
    Activity { text: None, attachments, ..masked(activity) }
}
