//! Lines for who presses an old button while nobody was ever asked for: such a conversation has no journal to keep them in.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
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

/// Conversations of which something is kept, and lines of each: they are read with the next poll, or by nobody.
const KEPT: NonZeroUsize = NonZeroUsize::new(128).expect("not zero");
const KEPT_OF_ONE: usize = 16;
/// Bytes of one; a click is short.
const LARGEST: usize = 4_096;

/// Answers in conversations that have no journal.
pub struct Asides {
    direct_line: DirectLine,
    texts: Texts,
    kept: Kept,
}

/// Activities that stand in no journal, each until a poll takes it.
struct Kept(Mutex<LruCache<ConversationId, Vec<Value>>>);

impl Default for Kept {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Kept {
    fn keep(&self, conversation: &ConversationId, activities: [Value; 2]) {
        if activities.iter().any(|activity| activity.to_string().len() > LARGEST) {
            return;
        }
        let mut all = self.all();
        let kept = all.get_or_insert_mut(conversation.clone(), Vec::new);
        if kept.len() + activities.len() <= KEPT_OF_ONE {
            kept.extend(activities);
        }
    }

    fn take(&self, conversation: &ConversationId) -> Vec<Value> {
        self.all().pop(conversation).unwrap_or_default()
    }

    fn all(&self) -> MutexGuard<'_, LruCache<ConversationId, Vec<Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let stamp = Timestamp::now().max(shown.unwrap_or_default());
        let words = self.texts.of(activity.locale.as_deref());
        let secret = answer_one(activity, conversation, &[], &words).secure;
        let echo = takeover::echo(&if secret { masked(activity) } else { activity.clone() });
        let from = activity.from.as_ref().and_then(|from| from.id.clone());
        let user = User { id: from.unwrap_or_default(), ..User::default() };
        let id = ActivityId::of_nothing(conversation);
        let echo = client_view::aside_echo(&echo, &user, &id, conversation, stamp);
        let line = client_view::aside(&words.notice(&Notice::QuestionClosed), conversation, stamp);
        self.kept.keep(conversation, [echo, line]);
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
        asides.keep(&id("a"), [json!(1), json!(2)]);
        asides.keep(&id("b"), [json!(3), json!(4)]);
        assert_eq!(asides.take(&id("a")), [json!(1), json!(2)]);
        assert!(asides.take(&id("a")).is_empty());
        (0..100).for_each(|n| asides.keep(&id("c"), [json!(n), json!(n)]));
        assert_eq!(asides.take(&id("c")).len(), KEPT_OF_ONE);
        asides.keep(&id("d"), [json!("x".repeat(LARGEST)), json!(1)]);
        assert!(asides.take(&id("d")).is_empty(), "too large");
        (0..10_000).for_each(|n| asides.keep(&id(&n.to_string()), [json!(n), json!(n)]));
        assert_eq!(asides.all().len(), KEPT.get());
        assert!(asides.take(&id("b")).is_empty(), "the oldest go first");
    }
}
