//! Who is the user in a conversation that somebody else posts to, where not every activity says so.

use std::collections::HashSet;

use crate::{
    agent_turn::{Eyes, Notice, Poll, Sign},
    wire::activity::Activity,
};

/// Milliseconds before the call beyond which words are not those that the call asks an answer to.
const OLD: i64 = 1_000;

/// An activity before it is known whose it is.
#[derive(Debug, PartialEq)]
pub struct Glimpse {
    /// Empty when that is not told.
    from: String,
    /// As it looks by itself.
    pub alone: Notice,
    as_users: Sign,
    as_agents: Sign,
}

impl Glimpse {
    /// `hand_off`: event names that mean a hand-off.
    pub fn read(activity: &Activity, hand_off: &[String]) -> Self {
        let from = activity.from.as_ref().and_then(|from| from.id.clone()).unwrap_or_default();
        let id = Some(from.as_str());
        let eyes = Eyes { hand_off, user: None, agent: None };
        Self {
            alone: eyes.read(activity),
            as_users: Eyes { user: id, ..eyes }.read(activity).sign,
            as_agents: Eyes { agent: id, ..eyes }.read(activity).sign,
            from,
        }
    }
}

/// What came in a turn, poll by poll, and who of those that spoke is the user.
#[derive(Default)]
pub struct Speakers {
    polls: Vec<(Poll, Vec<Glimpse>)>,
    user: Option<String>,
}

impl Speakers {
    /// Takes in what a poll brought. What is to be told of it; with `true`, of all polls from the first on, because somebody turned
    /// out to be another than was told.
    pub fn heard(&mut self, poll: Poll, news: Vec<Glimpse>) -> (bool, Vec<(Poll, Vec<Notice>)>) {
        self.polls.push((poll, news));
        let user = self.find_user();
        let anew = user != self.user;
        self.user = user;
        let told = if anew { 0 } else { self.polls.len() - 1 };
        (anew, self.polls[told..].iter().map(|(poll, news)| (*poll, self.notices(news))).collect())
    }

    /// Who says to be, else who said what an answer names, else who looks first as if a client posted it, and never otherwise. Whose
    /// words are older than the call may be an agent that spoke unasked, where somebody else's are not.
    fn find_user(&self) -> Option<String> {
        let all = || self.polls.iter().flat_map(|(_, news)| news);
        let is_speech = |one: &&Glimpse| matches!(one.alone.sign, Sign::Speech { .. });
        let is_words = |one: &Glimpse| one.alone.sign == Sign::Echo { words: true };
        let answered: HashSet<_> = all().filter_map(|one| one.alone.reply_to.as_ref()).collect();
        let agents: HashSet<_> = all().filter(is_speech).map(|one| &one.from).collect();
        let is_asked = |one: &&Glimpse| one.alone.id.as_ref().is_some_and(|id| answered.contains(id));
        let called = self.polls.first().and_then(|(poll, _)| poll.date);
        let age = |one: &Glimpse| Some(called?.millis_since(one.alone.stamp?));
        let early: HashSet<_> =
            all().filter(|one| age(one).is_some_and(|age| age > OLD)).map(|one| &one.from).collect();
        let may_be = |one: &&Glimpse| is_words(one) && !agents.contains(&one.from);
        let found = all().find(|one| matches!(one.as_agents, Sign::Echo { .. }));
        let found = found.or_else(|| all().find(|one| is_asked(one) && may_be(one)));
        let found = found.or_else(|| all().find(|one| may_be(one) && !early.contains(&one.from)));
        Some(found.or_else(|| all().find(may_be))?.from.clone())
    }

    fn notices(&self, news: &[Glimpse]) -> Vec<Notice> {
        let sign = |one: &Glimpse| match &self.user {
            None => one.alone.sign,
            Some(user) if one.from == *user => one.as_users,
            Some(_) => one.as_agents,
        };
        news.iter().map(|one| Notice { sign: sign(one), ..one.alone.clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Timestamp;

    /// Which of all the activities are taken for the user's in the end.
    fn users(polls: &[Vec<Value>]) -> Vec<bool> {
        let (mut speakers, mut told) = (Speakers::default(), Vec::new());
        for news in polls {
            let at = Timestamp(0);
            let read = |one: &Value| {
                let mut one = one.clone();
                one["type"] = "message".into();
                Glimpse::read(&serde_json::from_value(one).expect("an activity"), &[])
            };
            let poll = Poll { asked: at, answered: at, date: Some(Timestamp(100_000)) };
            let (anew, polls) = speakers.heard(poll, news.iter().map(read).collect());
            if anew {
                told.clear();
            }
            told.extend(polls.into_iter().flat_map(|(_, notices)| notices));
        }
        told.iter().map(|notice| matches!(notice.sign, Sign::Echo { .. })).collect()
    }

    #[test]
    fn the_user_is_known_by_all_that_came_and_not_by_who_came_first() {
        let ada = |id: u8| json!({"id": format!("c|{id}"), "from": {"id": "ada"}});
        let bot = |id: u8| json!({"id": format!("c|{id}"), "from": {"id": "bot1"}});
        let with = |mut one: Value, key: &str, value: &str| {
            one[key] = value.into();
            one
        };
        let at = |mut one: Value, second: u8| {
            one["timestamp"] = second.into();
            one
        };
        let named = |id: u8| json!({"id": format!("c|{id}"), "from": {"id": "ada", "role": "user"}});
        for (polls, are_users) in [
            (vec![vec![ada(1), bot(2), ada(3)]], &[true, false, true][..]),
            (vec![vec![bot(1), named(2), bot(3)]], &[false, true, false]),
            (vec![vec![bot(1)], vec![named(2)]], &[false, true]),
            (vec![vec![bot(1), ada(2)], vec![with(bot(3), "replyToId", "c|2")]], &[false, true, false]),
            (
                vec![vec![bot(1), ada(2)], vec![with(bot(3), "inputHint", "acceptingInput")]],
                &[false, true, false],
            ),
            (vec![vec![with(bot(1), "inputHint", "acceptingInput"), ada(2)]], &[false, true]),
            (vec![vec![bot(1), json!({"from": {"role": "user"}}), bot(3)]], &[false, true, false]),
            (vec![vec![at(bot(1), 95), at(ada(2), 99)], vec![bot(3)]], &[false, true, false]),
            (vec![vec![at(bot(1), 95)], vec![at(bot(3), 101), at(ada(2), 99)]], &[false, false, true]),
            (vec![vec![at(ada(1), 90), at(bot(2), 91), at(bot(3), 101)]], &[true, false, false]),
            (vec![vec![at(ada(1), 90)]], &[true]),
            (vec![vec![json!({"id": "c|1"}), json!({"id": "c|2"})]], &[false, false]),
        ] {
            assert_eq!(users(&polls), are_users, "{polls:?}");
        }
    }
}
