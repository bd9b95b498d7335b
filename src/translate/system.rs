//! What a System text of ServiceNow means, for instances that say it in words only.
//!
//! Flags and action types come first; these words are English, and an instance may have changed them.
//! Apply this to System texts, never to what a person or a topic says.

use crate::domain::inbound::SystemMeaning;

enum Sign {
    Contains(&'static str),
    StartsWith(&'static str),
}

const JOINED: &[&str] =
    &[" has entered the chat", " has joined the chat", " joined the chat", " entered the chat"];

/// Words for a join that are nobody's name.
const NAMELESS: &[&str] = &["agent", "an agent", "the agent", "a live agent", "live agent"];

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
    let lower = text.trim().to_lowercase();
    if let Some(at) = JOINED.iter().find_map(|sign| lower.find(sign)).filter(|at| is_told(&lower, *at)) {
        let name = text.trim().get(..at).map(str::trim).unwrap_or_default();
        let named = !name.is_empty() && !NAMELESS.contains(&name.to_lowercase().as_str());
        return Some(SystemMeaning::Joined { name: named.then(|| name.to_owned()) });
    }
    let says = |signs: &[Sign]| {
        signs.iter().any(|sign| match sign {
            Sign::Contains(words) => lower.find(words).is_some_and(|at| is_told(&lower, at)),
            Sign::StartsWith(words) => lower.starts_with(words),
        })
    };
    if says(NOBODY) {
        return Some(SystemMeaning::NobodyAvailable);
    }
    says(ENDED).then_some(SystemMeaning::Ended)
}

/// Whether what stands at a place of a text has come to pass, as far as its sentence says.
fn is_told(text: &str, at: usize) -> bool {
    let (before, behind) = text.split_at(at);
    let sentence = before.rsplit(['.', '!', '?', '\n']).next().unwrap_or_default();
    let asks = behind.find(['.', '!', '?', '\n']).is_some_and(|end| behind[end..].starts_with('?'));
    !asks
        && !sentence.contains("as soon as")
        && !sentence.split(|sign: char| !sign.is_alphanumeric()).any(|word| UNLESS.contains(&word))
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
            ("", None),
        ] {
            assert_eq!(system_meaning(text), meaning, "{text}");
        }
    }

    #[test]
    fn a_name_whose_lower_case_is_longer_breaks_nothing() {
        assert!(matches!(system_meaning("İİİ has entered the chat."), Some(SystemMeaning::Joined { .. })));
    }
}
