//! Whose words are whose around a hand-off: what the user said behind the event belongs to the live chat,
//! what the bot still answered does not.
//!
//! Direct Line shows the user's own activity only after the bot's replies to it, so the words that asked
//! for a person usually stand behind the event. They are told apart by the ids the bot replied to.

use serde_json::Value;

use super::{
    answer::{called, files, inline},
    password,
    texts::Words,
};
use crate::{
    agent_turn::{Eyes, begun_anew, time_of},
    domain::{ActivityId, Timestamp, zone},
    session::{Cut, ToAgent, UserSaid},
    wire::activity::Activity,
};

/// Bytes of a client's name for a message; DirectLineJS's have twenty.
const LONGEST_NAME: usize = 256;

/// What of an activity a client does not say.
pub(super) const SET_BY_SERVER: [&str; 7] =
    ["id", "type", "timestamp", "channelId", "conversation", "serviceUrl", "recipient"];

/// What a batch with a hand-off event in it holds besides.
#[derive(Debug, Default, PartialEq)]
pub struct Takeover {
    /// All of it but the batch's watermark.
    pub cut: Cut,
    /// The user's activities in the batch.
    pub seen: Vec<ActivityId>,
    /// What the user said behind the event, oldest first; the client has it with the batch.
    pub said: Vec<UserSaid>,
}

/// Sorts the batch whose hand-off event stands at `event`. `transcript`: what the event itself tells of the
/// conversation.
pub fn around_event(
    batch: &[Activity],
    event: usize,
    transcript: &[Activity],
    words: &Words<'_>,
    now: Timestamp,
) -> Takeover {
    let (before, rest) = batch.split_at(event.min(batch.len()));
    let Some((handoff, behind)) = rest.split_first() else { return Takeover::default() };
    let bot = bot_id(handoff);
    let cut = cut_at(handoff);
    let is_of_now = |said: &&Activity| !begun_anew(time_of(said), cut.event_at);
    let spoken = || before.iter().chain(transcript).filter(is_of_now);
    let replied = spoken().chain([handoff]).filter_map(|a| replied_to(a, bot));
    let earlier = spoken().filter(|a| is_from_user(a, bot)).filter_map(id_of);
    let mut answered: Vec<ActivityId> = replied.chain(earlier).chain(relates_to(handoff)).collect();
    let known = replied_to(handoff, bot).is_some() || relates_to(handoff).is_some();
    let mut request = if known { None } else { last_words(transcript, before, bot) };
    let seen = batch.iter().filter(is_of_now).filter(|a| is_from_user(a, bot)).filter_map(id_of).collect();
    let (mut tail, mut said_behind) = (vec![], vec![]);
    let mut guess = !known && request.is_none() && !before.iter().any(|a| is_from_user(a, bot));
    for activity in behind {
        tail.extend(id_of(activity));
        if !is_from_user(activity, bot) {
            continue;
        }
        let asked = request.is_some() && request == activity.text;
        let older = guess && is_older(activity, handoff);
        if is_answered(activity, &answered, cut.event_at) {
            request = request.filter(|_| !asked);
            continue;
        }
        if asked || older {
            answered.extend(id_of(activity));
            (request, guess) = (None, false);
            continue;
        }
        said_behind.push(UserSaid { shown: true, ..said(activity, words, now) });
    }
    answered.sort();
    answered.dedup();
    let bot = bot.map(str::to_owned);
    let cut = Cut { bot, tail, answered, unmatched_request: request, ..cut };
    Takeover { cut, seen, said: said_behind }
}

/// Where the bot is cut off: by the event, as it is known again.
pub fn cut_at(handoff: &Activity) -> Cut {
    let event = handoff.id.clone().unwrap_or_default();
    Cut { event, event_at: time_of(handoff), ..Cut::default() }
}

/// Whether this is the event that cut the bot off: ids alone begin anew. One without an id is known by its time.
pub fn is_event(activity: &Activity, cut: &Cut) -> bool {
    let at = time_of(activity);
    match activity.id.as_deref() {
        Some(id) => id == cut.event && !begun_anew(at, cut.event_at) && !begun_anew(cut.event_at, at),
        None => cut.event.is_empty() && at == cut.event_at && activity.kind != "message",
    }
}

/// What the user said in an activity of Direct Line's that came behind the event: to the live chat, or,
/// when the bot has answered it, only to be shown. The request itself is found once; `cut` then forgets it.
pub fn after_event(
    activity: &Activity,
    cut: &mut Cut,
    words: &Words<'_>,
    now: Timestamp,
) -> Option<UserSaid> {
    if !is_from_user(activity, cut.bot.as_deref()) {
        return None;
    }
    let activity = &*password::hidden(activity, &cut.password_inputs);
    let mut said = said(activity, words, now);
    let answered = is_answered(activity, &cut.answered, cut.event_at);
    let asked = cut.unmatched_request.is_some() && cut.unmatched_request == activity.text;
    if answered || asked {
        said.message = None;
    }
    if asked {
        cut.unmatched_request = None;
    }
    Some(said)
}

/// A message of the user's as a fact, under the id Direct Line gave it.
pub fn said(activity: &Activity, words: &Words<'_>, now: Timestamp) -> UserSaid {
    let (linked, other): (Vec<_>, Vec<_>) = files(activity)
        .into_iter()
        .partition(|file| file.url.starts_with("https://") || file.url.starts_with("http://"));
    let text = activity.text.iter().filter(|text| !text.trim().is_empty()).cloned();
    let text = text
        .chain(
            other
                .iter()
                .map(|file| &*file.name)
                .chain(inline(activity).map(called))
                .map(|name| words.file_left_out(name)),
        )
        .collect::<Vec<_>>()
        .join("\n");
    let says_nothing = text.is_empty() && linked.is_empty();
    UserSaid {
        id: id_of(activity),
        client_id: client_id(activity),
        shown: false,
        timezone: activity.local_timezone.as_deref().and_then(zone::found).map(str::to_owned),
        message: (!says_nothing).then_some(ToAgent { text, typed: true, attachments: linked, whisper: None }),
        answers: None,
        echo: echo(activity),
        files: vec![],
        trace: None,
        latest: None,
        at: time_of(activity).unwrap_or(now),
    }
}

/// The client's own name for a message; none that is longer than names are, because each is remembered.
pub fn client_id(activity: &Activity) -> Option<String> {
    let id = activity.channel_data.as_ref()?.get("clientActivityID")?;
    let id = id.as_str().map(str::to_owned).or_else(|| id.as_number().map(ToString::to_string));
    id.filter(|id| id.len() <= LONGEST_NAME)
}

/// What an echo repeats: everything but what the server sets.
pub fn echo(activity: &Activity) -> serde_json::Map<String, Value> {
    let Ok(Value::Object(mut echo)) = serde_json::to_value(activity) else { return serde_json::Map::new() };
    for set_by_server in SET_BY_SERVER {
        echo.remove(set_by_server);
    }
    echo
}

/// A message the user sent: it says so, or it names no role and somebody else than the bot.
pub fn is_from_user(activity: &Activity, bot: Option<&str>) -> bool {
    let eyes = Eyes { agent: Some(bot.unwrap_or_default()), ..Eyes::default() };
    activity.kind == "message" && eyes.are_users(activity)
}

/// The bot's id, from the event it sent.
pub fn bot_id(handoff: &Activity) -> Option<&str> {
    handoff.from.as_ref()?.id.as_deref()
}

fn id_of(activity: &Activity) -> Option<ActivityId> {
    activity.id.clone().map(ActivityId)
}

/// What was said so long after the event that ids may have begun anew was not answered before it.
fn is_answered(activity: &Activity, answered: &[ActivityId], event_at: Option<Timestamp>) -> bool {
    !begun_anew(event_at, time_of(activity)) && id_of(activity).is_some_and(|id| answered.contains(&id))
}

fn replied_to(activity: &Activity, bot: Option<&str>) -> Option<ActivityId> {
    if is_from_user(activity, bot) { None } else { activity.reply_to_id.clone().map(ActivityId) }
}

fn relates_to(activity: &Activity) -> Option<ActivityId> {
    let id = activity.rest.get("relatesTo")?.get("activityId")?.as_str()?;
    Some(ActivityId(id.to_owned()))
}

/// The user's last words, unless the batch shows them before the event.
fn last_words(transcript: &[Activity], before: &[Activity], bot: Option<&str>) -> Option<String> {
    let last = transcript.iter().rev().find(|a| is_from_user(a, bot))?;
    let shown = before.iter().any(|a| is_from_user(a, bot) && a.text == last.text);
    if last.id.is_some() || shown { None } else { last.text.clone() }
}

fn is_older(activity: &Activity, than: &Activity) -> bool {
    matches!((time_of(activity), time_of(than)), (Some(one), Some(other)) if one < other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::texts::Texts;

    fn batch(activities: Value) -> Vec<Activity> {
        serde_json::from_value(activities).expect("activities")
    }

    fn user(id: &str, text: &str) -> Value {
        json!({"type": "message", "id": id, "text": text, "from": {"id": "u", "role": "user"}})
    }

    fn handoff(extra: Value) -> Value {
        let mut event = json!({"type": "event", "name": "handoff.initiate", "id": "e", "from": {"id": "b", "role": "bot"}});
        if let (Some(event), Value::Object(extra)) = (event.as_object_mut(), extra) {
            event.extend(extra);
        }
        event
    }

    fn one(activity: Value) -> Activity {
        serde_json::from_value(activity).expect("an activity")
    }

    fn cut() -> Cut {
        Cut { event: "e".to_owned(), bot: Some("b".to_owned()), ..Cut::default() }
    }

    /// What the live chat is told of an activity behind the event.
    fn heard(activity: &Value, cut: &mut Cut) -> Option<String> {
        let said =
            after_event(&one(activity.clone()), cut, &Words::default(), Timestamp(0)).expect("the user's");
        said.message.map(|message| message.text)
    }

    fn texts(takeover: &Takeover) -> Vec<&str> {
        takeover.said.iter().filter_map(|said| said.message.as_ref()).map(|m| m.text.as_str()).collect()
    }

    #[test]
    fn what_was_entered_into_a_password_input_of_the_bots_is_told_as_dots() {
        let mut pressed = user("2", "");
        pressed["value"] = json!({"pin": "hunter2", "room": "12"});
        let mut cut = Cut { password_inputs: ["pin".to_owned()].into(), ..cut() };
        let said = after_event(&one(pressed), &mut cut, &Words::default(), Timestamp(0));
        let told = serde_json::to_string(&said).expect("JSON");
        assert!(told.contains(crate::domain::MASKED) && told.contains("12"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn the_request_itself_stands_behind_the_event_and_is_the_bots() {
        let batch =
            batch(json!([handoff(json!({"replyToId": "1"})), user("1", "agent"), user("2", "hello?")]));
        let takeover = around_event(&batch, 0, &[], &Words::default(), Timestamp(0));
        assert_eq!(texts(&takeover), ["hello?"]);
        assert_eq!(takeover.cut.tail, [ActivityId("1".into()), ActivityId("2".into())]);
    }

    #[test]
    fn a_transcript_with_ids_tells_what_the_bot_had() {
        let transcript = [one(user("1", "agent"))];
        let batch = batch(json!([handoff(json!({})), user("1", "agent"), user("2", "agent")]));
        assert_eq!(texts(&around_event(&batch, 0, &transcript, &Words::default(), Timestamp(0))), ["agent"]);
    }

    #[test]
    fn a_transcript_without_ids_is_matched_once_by_the_last_words() {
        let transcript = [one(json!({"type": "message", "text": "agent", "from": {"role": "user"}}))];
        let with_echo = batch(json!([handoff(json!({})), user("1", "agent"), user("2", "agent")]));
        let takeover = around_event(&with_echo, 0, &transcript, &Words::default(), Timestamp(0));
        assert_eq!(texts(&takeover), ["agent"]);
        assert_eq!(takeover.cut.unmatched_request, None);
        let without = batch(json!([handoff(json!({}))]));
        let takeover = around_event(&without, 0, &transcript, &Words::default(), Timestamp(0));
        assert_eq!(takeover.cut.unmatched_request.as_deref(), Some("agent"));
    }

    #[test]
    fn without_ids_and_transcript_the_clock_tells_and_nothing_is_lost() {
        let mut early = user("1", "agent");
        early["timestamp"] = "2026-01-01T00:00:00Z".into();
        let event = handoff(json!({"timestamp": "2026-01-01T00:00:01Z"}));
        let batch_with_times = batch(json!([event, early, user("2", "hello?")]));
        assert_eq!(
            texts(&around_event(&batch_with_times, 0, &[], &Words::default(), Timestamp(0))),
            ["hello?"]
        );
        let batch = batch(json!([handoff(json!({})), user("1", "one"), user("2", "two")]));
        assert_eq!(texts(&around_event(&batch, 0, &[], &Words::default(), Timestamp(0))), ["one", "two"]);
    }

    #[test]
    fn the_request_known_by_its_id_is_not_looked_for_by_its_words() {
        let transcript = [one(json!({"type": "message", "text": "agent", "from": {"role": "user"}}))];
        let reply = json!({"type": "message", "text": "One moment.", "replyToId": "1", "from": {"id": "b", "role": "bot"}});
        let batch = batch(json!([reply, handoff(json!({})), user("1", "agent"), user("2", "agent")]));
        let takeover = around_event(&batch, 1, &transcript, &Words::default(), Timestamp(0));
        assert_eq!(texts(&takeover), ["agent"]);
        assert_eq!(takeover.said[0].id, Some(ActivityId("2".into())));
        assert_eq!(takeover.cut.unmatched_request, None);
    }

    #[test]
    fn words_equal_to_the_request_are_the_bots_only_once() {
        let mut cut = Cut { unmatched_request: Some("agent".to_owned()), ..cut() };
        let said: Vec<Option<String>> = ["1", "2", "3"].map(|id| heard(&user(id, "agent"), &mut cut)).into();
        assert_eq!(said, [None, Some("agent".to_owned()), Some("agent".to_owned())]);
        let mut cut = Cut { unmatched_request: Some("agent".to_owned()), ..cut };
        cut.answered = vec![ActivityId("1".into())];
        let said: Vec<Option<String>> = ["1", "2"].map(|id| heard(&user(id, "agent"), &mut cut)).into();
        assert_eq!(said, [None, Some("agent".to_owned())], "known by its id");
    }

    #[test]
    fn behind_the_event_only_the_users_messages_count() {
        for other in [
            json!({"type": "message", "id": "1", "text": "Bye.", "from": {"id": "b", "role": "bot"}}),
            json!({"type": "message", "id": "1", "text": "Bye.", "from": {"id": "b"}}),
            json!({"type": "typing", "id": "1", "from": {"id": "u", "role": "user"}}),
            json!({"type": "event", "name": "x", "id": "1", "from": {"id": "u", "role": "user"}}),
            json!({"type": "message", "id": "1", "text": "from nowhere"}),
        ] {
            assert_eq!(
                after_event(&one(other.clone()), &mut cut(), &Words::default(), Timestamp(0)),
                None,
                "{other}"
            );
        }
        let unnamed = json!({"type": "message", "id": "1", "text": "hi", "from": {"id": "u"}});
        assert_eq!(heard(&unnamed, &mut cut()).as_deref(), Some("hi"));
    }

    #[test]
    fn words_that_the_bot_answered_are_shown_and_not_told() {
        let mut cut = Cut { answered: vec![ActivityId("1".into())], ..cut() };
        let said = after_event(&one(user("1", "hi")), &mut cut, &Words::default(), Timestamp(0))
            .expect("the user's");
        assert_eq!((said.id, said.shown, said.message), (Some(ActivityId("1".into())), false, None));
        assert_eq!(heard(&user("2", "hi"), &mut cut).as_deref(), Some("hi"));
    }

    #[test]
    fn an_event_may_name_what_it_answers_elsewhere() {
        let event = handoff(json!({"relatesTo": {"activityId": "1"}}));
        let batch = batch(json!([event, user("1", "agent"), user("2", "hello?")]));
        assert_eq!(texts(&around_event(&batch, 0, &[], &Words::default(), Timestamp(0))), ["hello?"]);
    }

    #[test]
    fn blank_words_are_shown_and_not_told_and_time_is_the_activitys() {
        let activity = one(json!({
            "type": "message", "id": "1", "text": "  ", "timestamp": "2026-01-01T00:00:01Z",
            "from": {"id": "u", "role": "user"}, "channelData": {"clientActivityID": 17},
            "conversation": {"id": "c"}, "recipient": {"id": "b"}, "channelId": "directline",
            "serviceUrl": "https://directline.botframework.com/", "locale": "de-DE",
        }));
        let said = said(&activity, &Words::default(), Timestamp(5));
        let echo = json!({
            "text": "  ", "from": {"id": "u", "role": "user"}, "channelData": {"clientActivityID": 17},
            "locale": "de-DE",
        });
        let expected = UserSaid {
            id: Some(ActivityId("1".into())),
            client_id: Some("17".into()),
            shown: false,
            timezone: None,
            message: None,
            files: vec![],
            answers: None,
            echo: echo.as_object().expect("an object").clone(),
            at: Timestamp(1_767_225_601_000),
            trace: None,
            latest: None,
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn an_event_out_of_the_batch_takes_nothing_over() {
        assert_eq!(around_event(&[], 0, &[], &Words::default(), Timestamp(0)), Takeover::default());
        let batch = batch(json!([user("1", "agent")]));
        assert_eq!(around_event(&batch, 7, &[], &Words::default(), Timestamp(0)), Takeover::default());
    }

    #[test]
    fn what_is_left_out_is_said_in_the_users_language() {
        let activity = one(json!({"type": "message", "text": "da", "attachments": [
            {"contentType": "image/png", "contentUrl": "blob:x", "name": "b.png"}]}));
        let texts = Texts::default();
        let message = said(&activity, &texts.of(Some("de")), Timestamp(5)).message.expect("a message");
        assert_eq!(message.text, "da\n(Eine Datei konnte nicht weitergegeben werden: b.png)");
    }

    #[test]
    fn files_behind_the_event_go_with_the_words() {
        let mut with_files = user("1", "look");
        with_files["attachments"] = json!([
            {"contentType": "image/png", "contentUrl": "https://directline.example/a.png", "name": "a.png"},
            {"contentType": "image/png", "contentUrl": "blob:x", "name": "b.png"},
        ]);
        let mut only_a_file = user("2", "");
        only_a_file["attachments"] =
            json!([{"contentType": "image/png", "contentUrl": "https://directline.example/c.png"}]);
        let batch = batch(json!([handoff(json!({"replyToId": "0"})), with_files, only_a_file]));
        let takeover = around_event(&batch, 0, &[], &Words::default(), Timestamp(0));
        assert_eq!(texts(&takeover), ["look\n(A file could not be passed on: b.png)", ""]);
        let said = takeover.said.iter().filter_map(|said| said.message.as_ref());
        let names: Vec<_> = said.flat_map(|m| m.attachments.iter().map(|file| file.name.as_str())).collect();
        assert_eq!(names, ["a.png", "c.png"]);
    }

    #[test]
    fn words_before_the_event_are_history() {
        let batch = batch(json!([user("1", "agent"), handoff(json!({}))]));
        assert_eq!(texts(&around_event(&batch, 0, &[], &Words::default(), Timestamp(0))), Vec::<&str>::new());
    }
}
