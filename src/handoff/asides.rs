//! Lines for who presses an old button while nobody was ever asked for: such a conversation has no journal to keep them in.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use serde_json::Value;

use super::{Caller, words::masked};
use crate::{
    direct_line::DirectLine,
    domain::{ActivityId, ConversationId, Timestamp, User},
    far_end::CallError,
    session::Notice,
    telemetry::of_caller,
    translate::{answer::answer_one, client_view, takeover, texts::Texts},
    wire::activity::Activity,
};

/// All that are kept, and of one conversation: a line is read with the next poll, or by nobody.
const KEPT: usize = 512;
const KEPT_OF_ONE: usize = 16;
/// Bytes of one; a click is short.
const LARGEST: usize = 4_096;
/// Milliseconds.
const KEPT_FOR: i64 = 120_000;

/// Answers in conversations that have no journal.
pub struct Asides {
    direct_line: DirectLine,
    texts: Texts,
    kept: Kept,
}

/// Activities that stand in no journal, each until a poll takes it.
#[derive(Default)]
struct Kept {
    kept: Mutex<VecDeque<Aside>>,
    count: AtomicUsize,
}

struct Aside {
    conversation: ConversationId,
    activity: Value,
    at: Timestamp,
}

impl Kept {
    fn keep(&self, conversation: &ConversationId, activities: [Value; 2], at: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|aside| at.millis_since(aside.at) < KEPT_FOR);
        if activities.iter().any(|activity| activity.to_string().len() > LARGEST) {
            return;
        }
        let of_it = kept.iter().filter(|aside| aside.conversation == *conversation).count();
        if of_it + activities.len() <= KEPT_OF_ONE {
            let aside = |activity| Aside { conversation: conversation.clone(), activity, at };
            kept.extend(activities.map(aside));
        }
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
        self.count.store(kept.len(), Relaxed);
    }

    fn take(&self, conversation: &ConversationId) -> Vec<Value> {
        if self.count.load(Relaxed) == 0 {
            return vec![];
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, rest): (VecDeque<_>, _) =
            kept.drain(..).partition(|aside: &Aside| aside.conversation == *conversation);
        *kept = rest;
        self.count.store(kept.len(), Relaxed);
        taken.into_iter().map(|aside| aside.activity).collect()
    }
}

impl Asides {
    pub(super) fn new(direct_line: DirectLine, texts: Texts) -> Self {
        Self { direct_line, texts, kept: Kept::default() }
    }

    /// What is to be shown in a conversation besides the bot's words, once.
    pub fn take(&self, conversation: &ConversationId) -> Vec<Value> {
        self.kept.take(conversation)
    }

    /// Answers a click on a button of ours in a conversation where nobody was ever asked for: it goes nowhere, and the next poll
    /// says so.
    ///
    /// # Errors
    /// Direct Line's, when it does not know the caller.
    pub async fn answer_click(
        &self,
        conversation: &ConversationId,
        caller: &Caller,
        activity: &Activity,
    ) -> Result<ActivityId, CallError> {
        let (trace, authorization) = (of_caller(), &caller.authorization);
        let look =
            self.direct_line.look(conversation.as_str(), authorization, None, trace.as_deref()).await?;
        let shown = look.set.activities.iter().filter_map(takeover::time_of).max();
        let now = Timestamp::now();
        let stamp = now.max(shown.unwrap_or_default());
        let secret = answer_one(activity, conversation, &[]).secure;
        let echo = if secret { masked(activity) } else { takeover::echo(activity) };
        let words = self.texts.of(activity.locale.as_deref());
        let from = activity.from.as_ref().and_then(|from| from.id.clone());
        let user = User { id: from.unwrap_or_default(), ..User::default() };
        let id = ActivityId::of_nothing(conversation);
        let echo = client_view::aside_echo(&echo, &user, &id, conversation, stamp);
        let line = client_view::aside(&words.notice(&Notice::QuestionClosed), conversation, stamp);
        self.kept.keep(conversation, [echo, line], now);
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(raw: &str) -> ConversationId {
        ConversationId::parse(raw).expect("an id")
    }

    #[test]
    fn what_is_kept_is_taken_once_by_its_own_conversation_and_has_its_bounds() {
        let asides = Kept::default();
        asides.keep(&id("a"), [json!(1), json!(2)], Timestamp(0));
        asides.keep(&id("b"), [json!(3), json!(4)], Timestamp(0));
        assert_eq!(asides.take(&id("a")), [json!(1), json!(2)]);
        assert!(asides.take(&id("a")).is_empty());
        asides.keep(&id("c"), [json!(5), json!(6)], Timestamp(KEPT_FOR));
        assert!(asides.take(&id("b")).is_empty(), "too old");
        (0..100).for_each(|n| asides.keep(&id("c"), [json!(n), json!(n)], Timestamp(KEPT_FOR)));
        assert_eq!(asides.take(&id("c")).len(), KEPT_OF_ONE);
        (0..10_000).for_each(|n| asides.keep(&id(&n.to_string()), [json!(n), json!(n)], Timestamp(0)));
        assert_eq!(asides.count.load(Relaxed), KEPT);
    }
}
