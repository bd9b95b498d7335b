//! Activities as body elements.

use std::mem;

use serde_json::Value;

use super::{Choice, Form, Pending, Variables, card, cited, drawn, parts, values::Values};
use crate::{
    agent_turn::time_of,
    translate::{
        escalation, html, readable,
        texts::{Text, Words},
    },
    wire::{activity::Activity, json, virtual_agent::body},
};

/// What the agent's activities come to for a primary bot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Each with a `messageId` that the same activities always get.
    pub elements: Vec<Value>,
    pub pending: Pending,
    /// The agent hands over: its variables.
    pub handoff: Option<Variables>,
    /// The agent ended the conversation.
    pub completed: bool,
    /// Only what the agent itself gave, in `channelData.score`.
    pub score: Option<Value>,
    values: Values,
}

impl Said {
    /// Nothing yet, behind what is asked already: that stays asked. `next`: what it goes on with.
    pub fn behind(pending: Pending, next: Option<&Form>) -> Self {
        let next = next.cloned().map_or(Pending::Nothing, Pending::Form);
        Self { values: Values::default().beside(&pending).beside(&next), pending, ..Self::default() }
    }

    /// What there is to choose is unlike what that offers, too.
    #[must_use]
    pub fn unlike(self, pending: &Pending) -> Self {
        Self { values: self.values.beside(pending), ..self }
    }

    /// With what the agent said in one turn, translated; `events` are the names that mean a hand-off, and `turn` names what
    /// comes without an id. Of what there is to choose, what was offered last is first.
    pub fn hearing(
        mut self,
        activities: &[Activity],
        events: &[String],
        turn: &str,
        words: &Words<'_>,
    ) -> Self {
        let offered = self.pending.take_choices();
        if let Some(at) = escalation::find(activities, events) {
            self.handoff = Some(escalation::read(&activities[at]).variables);
        }
        for (at, activity) in activities.iter().enumerate() {
            // The end may have words, too.
            self.completed |= activity.kind == "endOfConversation";
            if matches!(activity.kind.as_str(), "message" | "endOfConversation") {
                message(activity, &name(activity, turn, at), words, &mut self);
            }
        }
        if !offered.is_empty() {
            self.offers(offered);
        }
        self
    }

    /// Whether anything of a message is to be seen.
    pub fn shows(activity: &Activity) -> bool {
        let mut said = Self::default();
        message(activity, "", &Words::default(), &mut said);
        !said.elements.is_empty()
    }

    fn offers(&mut self, choices: Vec<Choice>) {
        match &mut self.pending {
            Pending::Choices { choices: known } => known.extend(choices),
            Pending::Form(form) => form.beside.extend(choices),
            before => *before = Pending::Choices { choices },
        }
    }

    /// A card waits for the one before it.
    fn asks(&mut self, form: Form) {
        self.pending = Pending::Form(match mem::take(&mut self.pending) {
            Pending::Form(first) => first.followed_by(form),
            Pending::Choices { choices } => Form { beside: [choices, form.beside].concat(), ..form },
            Pending::Nothing | Pending::Closed => form,
        });
    }

    /// Goes on, behind what the agent says, with a card that waited for the answer to another.
    pub fn goes_on(&mut self, form: Form, id: &str, words: &Words<'_>) {
        if self.handoff.is_some() || self.completed {
            return;
        }
        if self.pending.form().is_none() {
            let mut questions = form.questions(words);
            number(&mut questions, id);
            self.elements.append(&mut questions);
        }
        self.asks(form);
    }
}

/// What an activity's elements are named after: ids begin anew after a pause, so the time stands beside them.
fn name(activity: &Activity, turn: &str, at: usize) -> String {
    match (&activity.id, time_of(activity)) {
        (Some(id), Some(stamp)) => format!("{id}@{}", stamp.0),
        (Some(id), None) => id.clone(),
        (None, _) => format!("{turn}.{at}"),
    }
}

fn message(activity: &Activity, id: &str, ours: &Words<'_>, said: &mut Said) {
    if let Some((mut elements, choices)) = pictures(activity, ours, &mut said.values) {
        number(&mut elements, id);
        said.elements.append(&mut elements);
        return said.offers(choices);
    }
    let (mut shown, mut choices) = (Vec::new(), Vec::new());
    let attachments = activity.attachments.as_deref().unwrap_or_default();
    let is_card = |attachment: &&Value| hero(attachment).is_some() || is_adaptive(attachment);
    let among = attachments.iter().filter(is_card).count() > 1;
    let mut asked = in_a_row(attachments, among, ours, &mut shown, &mut choices);
    let suggested = activity.suggested_actions.as_ref().and_then(|all| all.get("actions")?.as_array());
    card::actions(suggested.map(Vec::as_slice).unwrap_or_default(), None, &mut shown, &mut choices);
    asked.iter_mut().for_each(|form| said.values.part_form(form));
    said.values.part(&mut choices);
    let mut elements = spoken(activity, shown, &choices, ours);
    if let Some(asked) = asked.as_ref().filter(|_| said.pending.form().is_none()) {
        elements.extend(asked.questions(ours));
    }
    number(&mut elements, id);
    said.elements.append(&mut elements);
    let score = activity.channel_data.as_ref().and_then(|data| data.get("score"));
    said.score = score.and_then(percent).or(said.score.take());
    match asked {
        Some(form) => said.asks(Form { beside: choices, ..form }),
        None if !choices.is_empty() => said.offers(choices),
        None => {}
    }
}

/// The cards that ask something, one behind the other. Beside one with inputs a card of buttons waits for its turn, too.
fn in_a_row(
    attachments: &[Value],
    among: bool,
    ours: &Words<'_>,
    shown: &mut Vec<Value>,
    choices: &mut Vec<Choice>,
) -> Option<Form> {
    let mut forms = Vec::new();
    for attachment in attachments {
        let before = choices.len();
        let form = attached(attachment, among, ours, shown, choices);
        let buttons = is_adaptive(attachment) && form.is_none() && choices.len() > before;
        let submits = if buttons { choices.split_off(before) } else { Vec::new() };
        forms.extend(form.or_else(|| buttons.then(|| Form { submits, ..Form::default() })));
    }
    if forms.iter().all(|form| form.steps.is_empty()) {
        choices.extend(forms.drain(..).flat_map(|form| form.submits));
    }
    forms.into_iter().reduce(Form::followed_by)
}

/// The words, what is shown beside them, and what there is to choose. A question and its choices are one control; with more
/// beside them the words stand first.
fn spoken(activity: &Activity, mut shown: Vec<Value>, choices: &[Choice], ours: &Words<'_>) -> Vec<Value> {
    let entities = activity.rest.get("entities").and_then(Value::as_array);
    let entities = entities.map(Vec::as_slice).unwrap_or_default();
    let (text, mut pictures) = drawn::taken_out(&words(activity), ours);
    let (text, citations) = cited::sources(&text, entities);
    shown.splice(0..0, pictures.drain(..));
    let mut elements = Vec::new();
    let asks_itself = shown.is_empty() && citations.is_empty() && !choices.is_empty();
    if !text.trim().is_empty() && !asks_itself {
        elements.push(cite(body::output_text(&text), citations));
    }
    elements.append(&mut shown);
    if !choices.is_empty() {
        let prompt = if asks_itself && !text.trim().is_empty() { &text } else { ours.get(Text::Choose) };
        elements.push(picker(prompt, choices));
    }
    elements
}

/// A score is a number on the page; an agent may write it as a text.
fn percent(score: &Value) -> Option<Value> {
    match score {
        Value::Number(_) => Some(score.clone()),
        Value::String(text) => {
            serde_json::Number::from_f64(text.trim().trim_end_matches('%').parse().ok()?).map(Value::Number)
        }
        _ => None,
    }
}

/// A message that is a carousel of things to choose.
fn pictures(activity: &Activity, ours: &Words<'_>, values: &mut Values) -> Option<(Vec<Value>, Vec<Choice>)> {
    if activity.attachment_layout.as_deref() != Some("carousel") || activity.suggested_actions.is_some() {
        return None;
    }
    let cards = activity.attachments.as_ref()?.iter().map(hero).collect::<Option<Vec<_>>>()?;
    let text = words(activity);
    card::carousel(&cards, if text.trim().is_empty() { ours.get(Text::Choose) } else { &text }, values)
}

/// The content of a hero or thumbnail card.
fn hero(attachment: &Value) -> Option<&Value> {
    let kind = attachment.get("contentType")?.as_str()?.to_ascii_lowercase();
    let is_one = kind.ends_with(".card.hero") || kind.ends_with(".card.thumbnail");
    attachment.get("content").filter(|content| is_one && content.is_object())
}

fn is_adaptive(attachment: &Value) -> bool {
    let kind = attachment.get("contentType").and_then(Value::as_str).unwrap_or_default();
    kind.eq_ignore_ascii_case("application/vnd.microsoft.card.adaptive")
}

/// One attachment, one of several cards if `among` says so; an adaptive card that asks something gives its form.
fn attached(
    attachment: &Value,
    among: bool,
    ours: &Words<'_>,
    shown: &mut Vec<Value>,
    choices: &mut Vec<Choice>,
) -> Option<Form> {
    let text = |key: &str| attachment.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("contentType").unwrap_or_default().to_ascii_lowercase();
    let content = attachment.get("content");
    let packed = content.and_then(Value::as_str).and_then(json::packed);
    let content = packed.as_ref().map(|packed| &packed.value).or(content);
    if let Some(content) = content.filter(|content| content.is_object()) {
        if is_adaptive(attachment) {
            return parts::adaptive(content, among, shown, choices, ours);
        }
        if let Some(card) = kind.strip_prefix("application/vnd.microsoft.card.") {
            if card == "oauth" || card == "signin" {
                sign_in(content, ours, shown);
            } else {
                card::hero(content, among, ours, shown, choices);
            }
            return None;
        }
    }
    match text("contentUrl") {
        Some(url) if kind.starts_with("image/") => {
            shown.push(body::output_image(url, text("name").unwrap_or_default()));
        }
        Some(url) => shown.push(card::link(text("name"), None, url, ours)),
        None => shown.extend(content.and_then(readable::joined).map(|text| body::output_text(&text))),
    }
    None
}

fn sign_in(content: &Value, ours: &Words<'_>, shown: &mut Vec<Value>) {
    let of = |value: &Value, key: &str| card::text(value, key).map(str::to_owned);
    let buttons = content.get("buttons").and_then(Value::as_array).into_iter().flatten();
    let address = |url: &String| url.contains("://");
    let mut links: Vec<_> = buttons
        .filter_map(|button| Some((of(button, "title"), of(button, "value").filter(address)?)))
        .collect();
    if links.is_empty() {
        let uri = content.get("tokenExchangeResource").and_then(|resource| of(resource, "uri"));
        links.extend(uri.filter(address).map(|uri| (None, uri)));
    }
    let mut text = of(content, "text");
    if links.is_empty() {
        shown.extend(text.take().map(|text| body::output_text(&text)));
    }
    let link = |(title, url): (Option<String>, String)| {
        card::link(title.as_deref(), text.take().as_deref(), &url, ours)
    };
    shown.extend(links.into_iter().map(link));
}

/// The words of a message; what is only to be spoken is read as text.
fn words(activity: &Activity) -> String {
    let text = activity.text.as_deref().filter(|text| !text.trim().is_empty());
    let speak = || activity.rest.get("speak").and_then(Value::as_str).map(html::to_markdown);
    let bare = activity.attachments.iter().flatten().next().is_none();
    text.map(str::to_owned).or_else(|| speak().filter(|_| bare)).unwrap_or_default()
}

fn cite(mut element: Value, citations: Vec<Value>) -> Value {
    if !citations.is_empty() {
        element["citations"] = citations.into();
    }
    element
}

pub(super) fn picker(prompt: &str, choices: &[Choice]) -> Value {
    let options = choices.iter().map(|choice| body::option(&choice.label, &choice.value));
    body::picker(prompt, &options.collect::<Vec<_>>(), false, true)
}

/// Names each element after what it comes from.
pub(crate) fn number(elements: &mut [Value], source: &str) {
    for (n, element) in elements.iter_mut().enumerate() {
        element["messageId"] = format!("{source}.{n}").into();
    }
}
