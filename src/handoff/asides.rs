//! Lines for who presses an old button while nobody was ever asked for: such a conversation has no journal to keep them in.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use serde_json::Value;

use super::{Caller, words::masked};
use crate::{
    agent_turn::time_of,
    direct_line::DirectLine,
    domain::{ActivityId, ConversationId, Timestamp, User},
    far_end::CallError,
    ledger::is_recent,
    session::Notice,
    telemetry::of_caller,
    translate::{answer::answer_one, client_view, takeover, texts::Texts},
    wire::activity::Activity,
};

/// Conversations of which something is kept, and lines of each: they are read within seconds, or by nobody.
const KEPT: NonZeroUsize = NonZeroUsize::new(128).expect("not zero");
const KEPT_OF_ONE: usize = 16;
/// Bytes of one; a click is short.
const LARGEST: usize = 4_096;
/// Milliseconds for which a line is there for whoever reads the conversation.
const GOOD_FOR: i64 = 60_000;

/// Answers in conversations that have no journal.
pub struct Asides {
    direct_line: DirectLine,
    texts: Texts,
    kept: Kept,
}

/// Activities that stand in no journal, for a while.
struct Kept(Mutex<Lines>);

struct Lines {
    /// How many there have been.
    count: u64,
    of: LruCache<ConversationId, Vec<Line>>,
}

struct Line {
    number: u64,
    at: Timestamp,
    activity: Value,
    /// A poll has no place of its own among these lines: the first one has it for all.
    polled: bool,
    /// Whether a socket has it.
    pushed: bool,
}

impl Default for Kept {
    fn default() -> Self {
        Self(Mutex::new(Lines { count: 0, of: LruCache::new(KEPT) }))
    }
}

impl Kept {
    fn keep(&self, conversation: &ConversationId, activities: [Value; 2], now: Timestamp) {
        if activities.iter().any(|activity| activity.to_string().len() > LARGEST) {
            return;
        }
        let mut all = self.all();
        let Lines { count, of } = &mut *all;
        let kept = of.get_or_insert_mut(conversation.clone(), Vec::new);
        kept.retain(|line| line.is_young(now));
        if kept.len() + activities.len() > KEPT_OF_ONE {
            kept.drain(..activities.len());
        }
        for activity in activities {
            *count += 1;
            kept.push(Line { number: *count, at: now, activity, polled: false, pushed: false });
        }
    }

    fn polled(&self, conversation: &ConversationId, now: Timestamp) -> Vec<Value> {
        self.taken(conversation, now, |line| !std::mem::replace(&mut line.polled, true))
    }

    fn place(&self, conversation: &ConversationId) -> u64 {
        let all = self.all();
        let lines = all.of.peek(conversation).into_iter().flatten();
        lines.filter(|line| line.pushed).map(|line| line.number).max().unwrap_or(0)
    }

    fn pushed(&self, conversation: &ConversationId, seen: &mut u64, now: Timestamp) -> Vec<Value> {
        let before = *seen;
        self.taken(conversation, now, |line| {
            line.pushed = true;
            *seen = line.number;
            line.number > before
        })
    }

    fn taken(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
        mut takes: impl FnMut(&mut Line) -> bool,
    ) -> Vec<Value> {
        let mut all = self.all();
        let lines = all.of.peek_mut(conversation).into_iter().flatten();
        let taken =
            lines.filter_map(|line| (line.is_young(now) && takes(line)).then(|| line.activity.clone()));
        taken.collect()
    }

    fn all(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn is_young(&self, now: Timestamp) -> bool {
        is_recent(self.at, GOOD_FOR, now)
    }
}

impl Asides {
    pub(super) fn new(direct_line: DirectLine, texts: Texts) -> Self {
        Self { direct_line, texts, kept: Kept::default() }
    }

    /// What a poll shows in a conversation besides the bot's words.
    pub fn polled(&self, conversation: &ConversationId) -> Vec<Value> {
        self.kept.polled(conversation, Timestamp::now())
    }

    /// Where a socket that is opened now begins: behind what the one before it was told.
    pub fn place(&self, conversation: &ConversationId) -> u64 {
        self.kept.place(conversation)
    }

    /// What a socket is pushed besides the bot's words, from its place on.
    pub fn pushed(&self, conversation: &ConversationId, seen: &mut u64) -> Vec<Value> {
        self.kept.pushed(conversation, seen, Timestamp::now())
    }

    /// Answers a click on a button of ours in a conversation where nobody was ever asked for: it goes nowhere, and whoever
    /// reads next is told so.
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
        let shown = look.set.activities.iter().filter_map(time_of).max();
        let stamp = Timestamp::now().max(shown.unwrap_or_default());
        let words = self.texts.of(activity.locale.as_deref());
        let secret = answer_one(activity, conversation, &[], &words).secure;
        let echo = takeover::echo(&if secret { masked(activity) } else { activity.clone() });
        let from = activity.from.as_ref().and_then(|from| from.id.clone());
        let user = User { id: from.unwrap_or_default(), ..User::default() };
        let id = ActivityId::of_nothing(conversation);
        let echo = client_view::aside_echo(&echo, &user, &id, conversation, stamp);
        let line = client_view::aside(&words.notice(&Notice::QuestionClosed), conversation, stamp);
        self.kept.keep(conversation, [echo, line], Timestamp::now());
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
    fn what_is_kept_is_for_each_socket_and_one_poll_of_its_own_conversation_and_has_its_bounds() {
        let (asides, now) = (Kept::default(), Timestamp(1_000_000));
        let (mut one, mut two) = (asides.place(&id("a")), asides.place(&id("a")));
        asides.keep(&id("a"), [json!(1), json!(2)], now);
        asides.keep(&id("b"), [json!(3), json!(4)], now);
        for seen in [&mut one, &mut two] {
            assert_eq!(asides.pushed(&id("a"), seen, now), [json!(1), json!(2)]);
            assert!(asides.pushed(&id("a"), seen, now).is_empty(), "once");
        }
        let mut next = asides.place(&id("a"));
        assert!(asides.pushed(&id("a"), &mut next, now).is_empty(), "a socket after one that was cut");
        assert_eq!(asides.polled(&id("a"), now), [json!(1), json!(2)]);
        assert!(asides.polled(&id("a"), now).is_empty(), "once");
        asides.keep(&id("a"), [json!(5), json!(6)], now);
        assert_eq!(asides.pushed(&id("a"), &mut one, now), [json!(5), json!(6)]);
        assert!(asides.polled(&id("a"), now.plus_millis(GOOD_FOR)).is_empty(), "over");

        (0..100).for_each(|n| asides.keep(&id("c"), [json!(n), json!(n)], now));
        let kept = asides.polled(&id("c"), now);
        assert_eq!((kept.len(), kept.last()), (KEPT_OF_ONE, Some(&json!(99))), "the oldest go first");
        asides.keep(&id("d"), [json!("x".repeat(LARGEST)), json!(1)], now);
        assert!(asides.polled(&id("d"), now).is_empty(), "too large");
        (0..10_000).for_each(|n| asides.keep(&id(&n.to_string()), [json!(n), json!(n)], now));
        assert_eq!(asides.all().of.len(), KEPT.get());
        assert!(asides.polled(&id("b"), now).is_empty(), "the oldest go first");
    }
}
