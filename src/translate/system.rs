//! What a System text of ServiceNow means, for instances that say it in words only.
//!
//! Flags and action types come first; these words are English, and an instance may have changed them.
//! Apply this to System texts, never to what a person or a topic says.

use crate::domain::inbound::SystemMeaning;

enum Sign {
    Contains(&'static str),
    StartsWith(&'static str),
}

const JOINED: &[&str] = &[" entered the chat", " joined the chat"];

/// Between a name and what its owner did.
const HAS: &[&str] = &[" has", " have"];

/// So many signs of a join are looked at.
const MOST_SIGNS: usize = 16;

/// What stands behind a join that is one: `the chat queue` is another place.
const BEHIND: &[&str] = &["", "room", "session", "and"];

/// Words for a join that are nobody's name.
const NAMELESS: &[&str] =
    &["agent", "an agent", "the agent", "your agent", "a live agent", "live agent", "your live agent"];

/// Who has asked for a person, and is none.
const ASKERS: &[&str] = &["the customer", "the user", "customer", "user"];

/// Letters of a word that may be cut short.
const LONGEST_SHORT: usize = 4;

/// Words before a sign by which it only may come to that, or has not.
const UNLESS: &[&str] = &[
    "no", "nobody", "none", "not", "never", "if", "when", "whenever", "once", "after", "until", "till",
    "before", "unless", "while", "should",
];

const ENDED: &[Sign] = &[
    Sign::Contains("has closed the support session"),
    Sign::Contains("support session was closed"),
    Sign::Contains("support session has been closed"),
    Sign::Contains("it seems you have left the conversation"),
    Sign::Contains("the conversation has ended"),
    Sign::Contains("having technical issues and"),
    Sign::StartsWith("thank you for using"),
];

const NOBODY: &[Sign] = &[
    Sign::Contains("there are no agents"),
    Sign::Contains("no agents are available"),
    Sign::Contains("no agents available"),
    Sign::Contains("no live agents are available"),
];

/// Reads a System text.
pub fn system_meaning(text: &str) -> Option<SystemMeaning> {
    let text = text.trim();
    // Each sign stays where it is.
    let lower = text.to_ascii_lowercase();
    let found = |sign: &&'static str| lower.match_indices(*sign).map(|(at, sign)| (at, at + sign.len()));
    let mut signs =
        JOINED.iter().flat_map(found).take(MOST_SIGNS).map(|(at, end)| (without_has(&lower[..at]), end));
    if let Some((at, _)) = signs.find(|(at, end)| is_joined(text, *at, *end)) {
        let name = sentence(&text[..at]);
        let named = !name.is_empty() && !NAMELESS.contains(&name.to_lowercase().as_str());
        return Some(SystemMeaning::Joined { name: named.then(|| name.to_owned()) });
    }
    let says = |signs: &[Sign]| {
        signs.iter().any(|sign| match sign {
            Sign::Contains(words) => lower.find(words).is_some_and(|at| is_told(text, at)),
            Sign::StartsWith(words) => lower.starts_with(words),
        })
    };
    if says(NOBODY) {
        return Some(SystemMeaning::NobodyAvailable);
    }
    says(ENDED).then_some(SystemMeaning::Ended)
}

fn without_has(before: &str) -> usize {
    HAS.iter().find_map(|has| before.strip_suffix(has)).unwrap_or(before).len()
}

/// Whether the sign that stands there says that a person has come to the chat itself.
fn is_joined(text: &str, at: usize, end: usize) -> bool {
    let who = sentence(&text[..at]).to_lowercase();
    let first = words(&who).next();
    let is_asker = first == Some("you")
        || first == Some("your") && words(&who).all(|word| word != "agent")
        || ASKERS.contains(&&*who);
    let behind = words(text[end..].trim_start()).next().unwrap_or_default();
    !is_asker && BEHIND.iter().any(|word| behind.eq_ignore_ascii_case(word)) && is_told(text, at)
}

/// Whether what stands at a place of a text has come to pass, as far as its sentence says.
fn is_told(text: &str, at: usize) -> bool {
    let (before, behind) = text.split_at(at);
    let sentence = sentence(before);
    let asks = behind.find(['.', '!', '?', '\n']).is_some_and(|end| behind[end..].starts_with('?'));
    let is_unless = |word: &str| UNLESS.iter().any(|known| known.eq_ignore_ascii_case(word));
    // Some are names too: `Till Schmidt`, `Min-jun No`.
    let is_name = sentence.split_whitespace().all(|word| !word.starts_with(char::is_lowercase));
    let is_open = if is_name {
        sentence
            .split_whitespace()
            .next()
            .is_some_and(|word| is_unless(word) && !word.eq_ignore_ascii_case("till"))
    } else {
        words(sentence).any(is_unless)
    };
    !asks && !is_open && !sentence.to_ascii_lowercase().contains("as soon as")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign: char| !sign.is_alphanumeric())
}

/// What of its last sentence stands in a text: behind a short word with a capital (`Dr.`, `J.`) a point ends none.
fn sentence(text: &str) -> &str {
    let is_short = |word: &str| word.starts_with(char::is_uppercase) && word.chars().count() <= LONGEST_SHORT;
    let last = |text: &str| text.rsplit(|sign: char| !sign.is_alphanumeric()).next().is_some_and(is_short);
    let ends = |(at, sign): &(usize, &str)| *sign != "." || !last(&text[..*at]);
    let end = text.rmatch_indices(['.', '!', '?', '\n']).find(ends);
    text[end.map_or(0, |(at, sign)| at + sign.len())..].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_documents_and_of_real_clients_are_understood() {
        let joined = |name: Option<&str>| Some(SystemMeaning::Joined { name: name.map(str::to_owned) });
        for (text, meaning) in [
            ("Ana Example has entered the chat.", joined(Some("Ana Example"))),
            ("Agent has entered the chat.", joined(None)),
            ("Ana has closed the support session.", Some(SystemMeaning::Ended)),
            ("The support session was closed.", Some(SystemMeaning::Ended)),
            ("It seems you have left the conversation", Some(SystemMeaning::Ended)),
            ("There are no agents available. Please try again later.", Some(SystemMeaning::NobodyAvailable)),
            ("Please stand by while I connect you to a live agent.", None),
            ("The conversation is timing out, are you still there?", None),
            ("You hear a sound as soon as Ana has joined the chat.", None),
            ("No agent has joined the chat yet.", None),
            ("Nobody has entered the chat yet.", None),
            ("You will be notified once an agent has joined the chat.", None),
            ("Has an agent joined the chat?", None),
            ("After the conversation has ended, you will be asked for your opinion.", None),
            ("The conversation has ended. If you need more, start again.", Some(SystemMeaning::Ended)),
            ("If no agents are available, leave your number.", None),
            ("We are sorry. No agents are available.", Some(SystemMeaning::NobodyAvailable)),
            ("Till Schmidt has entered the chat.", joined(Some("Till Schmidt"))),
            ("Till has entered the chat", joined(Some("Till"))),
            ("Min-jun No has joined the chat.", joined(Some("Min-jun No"))),
            ("Anna Nobody has joined the chat.", joined(Some("Anna Nobody"))),
            ("Till Schmidt has closed the support session.", Some(SystemMeaning::Ended)),
            ("No Agent has joined the chat.", None),
            ("Nobody has joined the chat.", None),
            ("Once Ana has joined the chat, you will be notified.", None),
            ("Thanks for the wait. Dr. J. Example has entered the chat.", joined(Some("Dr. J. Example"))),
            ("Ana has entered the chat room!", joined(Some("Ana"))),
            ("Ana has joined the chat and reads your words.", joined(Some("Ana"))),
            ("Your agent Ana has joined the chat.", joined(Some("Your agent Ana"))),
            ("Your live agent has joined the chat.", joined(None)),
            ("You have joined the chat queue. You are number 3.", None),
            ("Your request has entered the chat queue.", None),
            ("Ana's ticket has entered the chat queue.", None),
            ("You have joined the chat.", None),
            ("Thank you. You've joined the chat.", None),
            ("You joined the chat waiting list.", None),
            ("The customer has entered the chat.", None),
            ("When Ana has joined the chat.", None),
            ("As soon as Ana has joined the chat.", None),
            ("You have joined the chat queue. Ana has joined the chat.", joined(Some("Ana"))),
            ("", None),
        ] {
            assert_eq!(system_meaning(text), meaning, "{text}");
        }
    }

    #[test]
    fn a_name_whose_lower_case_is_longer_breaks_nothing() {
        let joined = SystemMeaning::Joined { name: Some("İİİ".to_owned()) };
        assert_eq!(system_meaning("İİİ has entered the chat."), Some(joined));
    }
}
