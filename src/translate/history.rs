//! What was said before the escalation, as lines for the person who takes over.

use serde_json::Value;

use super::{
    adaptive_card, answer, citation,
    escalation::{is_bot, is_user},
    html, markdown, readable,
    text::{self, Voice},
    texts::{Text, Words},
};
use crate::{
    agent_turn::{begun_anew, time_of},
    domain::HistoryLine,
    wire::activity::Activity,
};

/// The messages of a transcript, in order; what has no readable text is left out. One without a time has that of the
/// line before it, else of the first after it that has one. `words` name who has no name.
pub fn lines(activities: &[Activity], words: &Words<'_>) -> Vec<HistoryLine> {
    let messages = || activities.iter().filter(|activity| activity.kind == "message");
    let first = messages().find_map(time_of);
    let mut last = first.unwrap_or_default();
    let mut found = Vec::new();
    for activity in messages() {
        last = time_of(activity).unwrap_or(last);
        let Some(text) = text(activity, words) else { continue };
        let from_bot = from_bot(activity);
        let name = activity.from.as_ref().and_then(|from| from.name.clone());
        let name = name.filter(|name| !name.trim().is_empty());
        let name =
            name.unwrap_or_else(|| words.get(if from_bot { Text::Bot } else { Text::User }).to_owned());
        found.push(HistoryLine { from_bot, name, text, at: last });
    }
    found
}

/// Activities of one Direct Line conversation as they were said. Direct Line shows a user's own activity behind the
/// answers to it, but counts (in the id, anew after a pause) and dates it as it comes in.
pub fn in_order(mut activities: Vec<Activity>) -> Vec<Activity> {
    let number = |activity: &Activity| activity.id.as_ref()?.rsplit_once('|')?.1.parse::<u64>().ok();
    if activities.iter().all(|activity| number(activity).is_some()) {
        let of_one_count = |one: &Activity, next: &Activity| !begun_anew(time_of(one), time_of(next));
        activities.chunk_by_mut(of_one_count).for_each(|count| count.sort_by_key(number));
    } else if activities.iter().all(|activity| time_of(activity).is_some()) {
        activities.sort_by_key(time_of);
    }
    activities
}

/// Bytes a line takes beside its name and text.
const OVERHEAD: usize = 96;

/// Drops the oldest lines until what is left takes about `max_bytes`, and says whether anything was dropped. Of a last
/// line that is too long by itself, its beginning is kept.
pub fn bound(lines: Vec<HistoryLine>, max_bytes: usize) -> (Vec<HistoryLine>, bool) {
    let mut room = max_bytes;
    let mut kept = Vec::new();
    let mut cut = false;
    for mut line in lines.into_iter().rev() {
        let around = line.name.len() + OVERHEAD;
        if around + line.text.len() > room {
            cut = true;
            if kept.is_empty() && around < room {
                line.text.truncate(line.text.floor_char_boundary(room - around));
                kept.push(line);
            }
            break;
        }
        room -= around + line.text.len();
        kept.push(line);
    }
    kept.reverse();
    (kept, cut)
}

fn from_bot(activity: &Activity) -> bool {
    match &activity.from {
        Some(from) if is_bot(from) => true,
        Some(from) if is_user(from) => false,
        _ => {
            let to = activity.rest.get("recipient").and_then(|to| to.get("role")?.as_str());
            to.map_or(activity.reply_to_id.is_some(), |role| role.eq_ignore_ascii_case("user"))
        }
    }
}

/// What was said and shown, as plain text: the text, and what can be read in cards and names of files; without any of
/// it, choices and answers to cards.
fn text(activity: &Activity, words: &Words<'_>) -> Option<String> {
    let markers = |text: &str| if from_bot(activity) { citation::strip(text) } else { text.to_owned() };
    let text = activity.text.as_deref().map(markers);
    let text = text
        .map(|text| if is_plain(activity) { text::as_typed(&text) } else { text::plain(&text, Voice::Bot) });
    let text = text.filter(|text| !text.trim().is_empty());
    let mut found = Vec::from_iter(text.clone());
    for attachment in activity.attachments.iter().flatten() {
        let told = attachment.get("content").map(|card| adaptive_card::told(card, words)).unwrap_or_default();
        let told = told.iter().map(|text| text::plain(&markers(text), Voice::Bot)).collect::<Vec<_>>();
        let name = answer::name(attachment).filter(|_| told.is_empty()).map(str::to_owned);
        // What a card repeats of the text beside it is for clients without cards.
        found.extend(told.into_iter().chain(name).filter(|told| Some(told) != text.as_ref()));
    }
    found.retain(|text| !text.trim().is_empty());
    let choices = activity.attachments.iter().flatten().filter_map(|attachment| attachment.get("content"));
    if found.is_empty() {
        found = choices.chain(&activity.suggested_actions).flat_map(adaptive_card::words).collect();
    }
    if found.is_empty() {
        let spoken = activity.rest.get("speak").and_then(Value::as_str).map(html::to_markdown);
        found.extend(spoken.map(|spoken| markdown::to_plain(&spoken)));
        readable::add(&mut found, &markers(&answer::answer(activity, None).text));
    }
    Some(found.join("\n")).filter(|text| !text.trim().is_empty())
}

/// Bots write Markdown unless they say otherwise, people what they mean: no client reads tags in either's plain text.
fn is_plain(activity: &Activity) -> bool {
    let format = activity.text_format.as_deref().unwrap_or_default();
    format.eq_ignore_ascii_case("plain") || (!from_bot(activity) && !format.eq_ignore_ascii_case("markdown"))
}

#[cfg(test)]
mod tests;
