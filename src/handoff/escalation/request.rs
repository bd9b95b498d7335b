//! What is asked of ServiceNow: who the user is, what was said, and what the agent knows.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::warn;

use super::{
    super::{
        Caller, Conversation,
        bot::{ReadOut, Source},
    },
    CLIENT_WAITS, Escalations,
};
use crate::{
    agent_turn::time_of,
    domain::{ConversationId, HistoryLine, Timestamp, User},
    far_end::{CallError, room::Taken},
    ledger::Failure,
    session::{Before, Cut, HandoffRequested, Opening, UserSaid},
    translate::{
        answer::is_click,
        context,
        escalation::{self, Escalation},
        history, password,
        takeover::{self, bot_id, is_from_user},
        texts::{Text, Words},
    },
    wire::activity::{Activity, ActivitySet},
};

/// How long a hand-off waits for its history, which can follow. Who the user is, and what their passwords are, stands there, too.
const HISTORY_WAITS: Duration = Duration::from_secs(6);
/// When a Direct Line that fails is first read again for it.
const AGAIN: Duration = Duration::from_millis(500);
/// Bytes of history that go with one request.
const HISTORY: usize = 28 * 1_024;
/// Bytes of history in all; of a longer one, its end.
const LONGEST_HISTORY: usize = 1 << 20;

/// What was said up to the event.
struct SaidBefore {
    spoken: Vec<Activity>,
    /// The same as Direct Line has it beside the event's transcript, which may show neither cards nor who the user is.
    also: Vec<Activity>,
    is_told: bool,
    is_read: bool,
    rooms: Vec<Taken>,
}

impl Escalations {
    pub(super) async fn request(
        &self,
        conversation: &Conversation,
        batch: &ActivitySet,
        event: usize,
        source: &Source<'_>,
        caller: Option<&Caller>,
    ) -> (Box<HandoffRequested>, Vec<UserSaid>) {
        let now = Timestamp::now();
        let handoff = &batch.activities[event];
        let SaidBefore { spoken, also, is_told, is_read, rooms: _rooms } =
            self.said_before(handoff, source).await;
        // Who reads later does not know what was erased.
        let history_missing = !is_read && !is_told && source.since.is_none();
        // What is entered into a card that was not read may be a password.
        let is_users = |activity: &&Activity| is_from_user(activity, bot_id(handoff)) && !is_click(activity);
        let unread = batch.activities.iter().filter(is_users).filter(|_| !is_read);
        let unread = unread.filter_map(|activity| activity.value.as_ref()).flat_map(password::words);
        let unread: password::Entered = unread.collect();
        let said = || spoken.iter().chain(&also).chain(&batch.activities);
        let mut password_inputs = password::inputs(said());
        password_inputs.extend(conversation.state().await.password_inputs().cloned());
        let secrets = &password::entered(said(), &password_inputs) | &unread;
        let told = password::all_without(&batch.activities, &secrets);
        let (spoken, also) =
            (password::all_without(&spoken, &secrets), password::all_without(&also, &secrets));
        let (handoff, said) = (&told[event], spoken.iter().chain(&*also).chain(&*told));
        let escalation = escalation::read(handoff);
        let before = conversation.state().await.user.clone();
        let user = self.user(&conversation.id, &escalation, said.clone(), bot_id(handoff), before);
        let words = self.settings.texts.of_user(&user);
        let takeover = takeover::around_event(&told, event, &spoken, &words, now);
        let mut portions = portions(&spoken, &words).into_iter();
        let request = HandoffRequested {
            cut: Cut { watermark: batch.watermark(), password_inputs, unread: !is_read, ..takeover.cut },
            latest: said.filter_map(time_of).max(),
            seen: takeover.seen,
            context: self.context(&escalation, &user),
            user,
            reason: escalation.reason.or_else(|| self.wish(&words)),
            history: portions.next().unwrap_or_default(),
            later_history: portions.collect(),
            history_missing,
            topic: escalation.destination,
            opening: self.settings.start,
            token: caller.map(|caller| (caller.hash.as_str().to_owned(), caller.until(now))),
            trace: None,
            at: now,
        };
        (Box::new(request), takeover.said)
    }

    /// What is said for an agent that gives no reason, where a chat is opened by words.
    fn wish(&self, words: &Words<'_>) -> Option<String> {
        (self.settings.start == Opening::Agent).then(|| words.get(Text::AskForPerson).to_owned())
    }

    fn context(&self, escalation: &Escalation, user: &User) -> Map<String, Value> {
        let (locale, timezone) = (user.locale.as_deref(), user.timezone.as_deref());
        context::context(&self.settings.context, &escalation.variables, locale, timezone)
    }

    /// What was said up to the event, as far as it can be known now.
    async fn said_before(&self, handoff: &Activity, source: &Source<'_>) -> SaidBefore {
        let told = escalation::transcript(handoff).filter(|transcript| !transcript.is_empty());
        let read = self.read_in_time(source, &takeover::cut_at(handoff)).await;
        if let Err(error) = &read {
            warn!(conversation.id = &*source.conversation, %error, "The live chat starts before Direct Line could be read; what was said before follows when it has been");
        }
        let (is_told, is_read) = (told.is_some(), read.is_ok());
        let ReadOut { activities: read, rooms } = read.unwrap_or_default();
        let (mut spoken, mut also) = match told {
            Some(told) => (told, read),
            None => (read, vec![]),
        };
        if let Some(since) = source.since {
            for said in [&mut spoken, &mut also] {
                said.retain(|said| time_of(said).is_some_and(|at| at > since));
            }
        }
        SaidBefore { spoken, also, is_told, is_read, rooms }
    }

    /// What was said up to the event, as long as the hand-off can wait for it.
    async fn read_in_time(&self, source: &Source<'_>, cut: &Cut) -> Result<ReadOut, CallError> {
        let until = (Instant::now() + HISTORY_WAITS).min(source.asked + CLIENT_WAITS);
        let read = async {
            let mut pause = AGAIN;
            loop {
                let read = self.read_from_start(source, cut).await;
                let wait = match read.as_ref().err().map(Failure::from) {
                    Some(Failure::Uncertain) => 0,
                    Some(Failure::NotTaken { wait }) => wait.unsigned_abs(),
                    _ => return read,
                };
                let next = Instant::now() + pause.max(Duration::from_millis(wait));
                if next > until {
                    return read;
                }
                sleep_until(next).await;
                pause *= 2;
            }
        };
        timeout_at(until, read).await.unwrap_or(Err(CallError::Uncertain(None)))
    }

    /// What was said up to the event, when the event does not tell itself.
    async fn read_from_start(&self, source: &Source<'_>, cut: &Cut) -> Result<ReadOut, CallError> {
        let is_enough = |read: &[Activity]| {
            let event = read.iter().find(|activity| takeover::is_event(activity, cut));
            let asked = event.map(|event| event.reply_to_id.as_ref());
            asked.is_some_and(|id| id.is_none_or(|id| read.iter().any(|said| said.id.as_ref() == Some(id))))
        };
        let ReadOut { activities, rooms } = self.bot.read_until(source, None, is_enough).await?;
        let mut all = activities.into_iter();
        let mut asked = None;
        let before = all.by_ref().take_while(|activity| {
            asked = activity.reply_to_id.clone().filter(|_| takeover::is_event(activity, cut));
            !takeover::is_event(activity, cut)
        });
        let mut spoken: Vec<Activity> = before.collect();
        // The words that asked for a person are shown behind the event that answers them.
        spoken.extend(all.find(|activity| asked.is_some() && activity.id == asked));
        Ok(ReadOut { activities: history::in_order(spoken), rooms })
    }

    /// What was said up to an event behind which the conversation could not be read.
    pub(super) async fn read_before(
        &self,
        source: &Source<'_>,
        cut: &Cut,
        words: &Words<'_>,
    ) -> Result<Before, CallError> {
        let ReadOut { activities: spoken, rooms: _rooms } = self.read_from_start(source, cut).await?;
        let password_inputs = password::inputs(&spoken);
        let secrets = password::entered(&spoken, &(&password_inputs | &cut.password_inputs));
        let portions = portions(&password::all_without(&spoken, &secrets), words);
        Ok(Before { portions, password_inputs })
    }

    /// Who speaks last. `before`: who it was at the hand-off before this one; a client says some things once, and who is
    /// signed in the agent tells each time.
    fn user<'a>(
        &self,
        id: &ConversationId,
        escalation: &Escalation,
        said: impl DoubleEndedIterator<Item = &'a Activity> + Clone,
        bot: Option<&str>,
        before: User,
    ) -> User {
        let users = || said.clone().rev().filter(|activity| is_from_user(activity, bot));
        let from = |activity: &Activity| activity.from.as_ref()?.id.clone().filter(|id| !id.is_empty());
        let spoken = users().find_map(from);
        let told = spoken.clone().or(escalation.user_id.clone());
        let before = if told.as_ref().is_none_or(|id| *id == before.id) { before } else { User::default() };
        let known = Some(before.id).filter(|id| !id.is_empty());
        let own = || users().filter(|activity| from(activity).is_none_or(|id| spoken.as_ref() == Some(&id)));
        let name = own().find_map(|activity| activity.from.as_ref()?.name.clone());
        let email = self.settings.email_variable.as_ref();
        let email = email.and_then(|name| context::variable(&escalation.variables, name));
        User {
            id: told.or(known).unwrap_or_else(|| id.as_str().to_owned()),
            name: name.filter(|name| !name.is_empty()).or(before.name),
            email: email.map(|email| email.trim().to_owned()).filter(|email| !email.is_empty()),
            locale: own()
                .find_map(|activity| activity.locale.clone().filter(|locale| context::names_language(locale)))
                .or_else(|| escalation.locale.clone())
                .or_else(|| escalation.language.clone())
                .or(before.locale),
            language: escalation.language.clone().or(before.language),
            timezone: own().find_map(|activity| activity.local_timezone.clone()).or(before.timezone),
        }
    }
}

/// History in requests' worth, oldest first; none is larger than [`HISTORY`] but for a line that is by itself.
fn portions(spoken: &[Activity], words: &Words<'_>) -> Vec<Vec<HistoryLine>> {
    let (lines, _) = history::bound(history::lines(spoken, words), LONGEST_HISTORY);
    let mut portions: Vec<Vec<HistoryLine>> = vec![];
    let mut room = 0;
    for line in lines {
        let size = line.text.len() + line.name.len() + 80;
        match portions.last_mut().filter(|_| size <= room) {
            Some(portion) => portion.push(line),
            None => {
                room = HISTORY.max(size);
                portions.push(vec![line]);
            }
        }
        room -= size;
    }
    portions
}
