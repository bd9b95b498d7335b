//! What is to be done about a request. Pure, and the same each time until the request is answered: after a crash
//! the next worker goes on where the last one stopped.

use serde_json::{Map, Value};

use super::{
    answer::Answer,
    fact::{Asked, File, What},
    state::State,
};
use crate::{
    translate::{
        secondary_bot::{
            Form, Pending,
            answer::{Answered, Typed, answer},
            context::{self, ROOM},
        },
        texts::{Text, Words},
    },
    wire::virtual_agent::body,
};

/// A plan for one request.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// A conversation is needed; with `true`, a new one even when there is one.
    pub open: Option<bool>,
    /// In order.
    pub posts: Vec<Post>,
    pub listen: Listen,
    /// What stands before the agent's words, or is the whole answer.
    pub answer: Answer,
    /// What is said when the agent says nothing at all.
    pub unanswered: Option<Text>,
    /// A card that is asked behind the agent's words.
    pub next: Option<Form>,
    /// What stays asked whatever the agent says.
    pub stays: Pending,
    /// A question for a secret that the agent's own stand beside: what is typed next may still be its answer.
    pub beside: Pending,
}

impl Plan {
    /// Whether the post is what the agent's answer is awaited for: the words and what follows them, else the last.
    pub fn asks_with(&self, ordinal: usize) -> bool {
        let first = self.posts.iter().position(Post::is_words).unwrap_or(self.posts.len().saturating_sub(1));
        ordinal >= first
    }

    /// With what the user said besides.
    fn saying(mut self, said: Option<Post>, at: usize) -> Self {
        if let Some(said) = said {
            self.posts.insert(at, said);
            self.listen = Listen::Fully;
        }
        self
    }
}

/// Something to post to the agent.
#[derive(Debug, Default, PartialEq)]
pub struct Post {
    /// Of the activity; without a type it is a message.
    pub fields: Map<String, Value>,
    pub files: Vec<File>,
}

impl Post {
    /// Whether the user says it.
    pub fn is_words(&self) -> bool {
        !self.fields.contains_key("type")
    }

    /// Whether a second time changes nothing.
    pub fn may_repeat(&self) -> bool {
        self.fields.get("name").is_some_and(|name| name == "pvaSetContext")
    }
}

impl From<Map<String, Value>> for Post {
    fn from(fields: Map<String, Value>) -> Self {
        Self { fields, files: Vec::new() }
    }
}

/// How patiently the agent is listened to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    #[default]
    No,
    /// An event: many agents have no answer to one.
    Briefly,
    /// The user said something.
    Fully,
}

/// Plans the request. `typed`: its words, where they are not stored as well.
pub fn plan(state: &State, asked: &Asked, typed: Typed<'_>, words: &Words<'_>) -> Plan {
    let plan = match too_long(typed.text) {
        Some(longest) => {
            let word = words.with(Text::TooLong, &[("longest", &longest.to_string())]);
            asks([body::output_text(&word)], state.pending.clone())
        }
        None => asked_for(state, asked, typed, words),
    };
    whole(plan, state, asked, words)
}

/// Plans a request whose words are gone, as far as that is known without them: one that answers what was asked in secret. It serves
/// to hear what the agent says, once it has the words.
pub fn plan_without_words(state: &State, asked: &Asked, words: &Words<'_>) -> Plan {
    let answers = Post { files: addressed(asked), ..Post::default() };
    whole(posts(answers, &state.pending), state, asked, words)
}

/// With what belongs to every plan.
fn whole(mut plan: Plan, state: &State, asked: &Asked, words: &Words<'_>) -> Plan {
    plan.unanswered = match &asked.what {
        What::Agent if plan.listen != Listen::No => Some(Text::NoPerson),
        What::Switch { .. } if plan.listen != Listen::No => Some(Text::NoTopic),
        _ => plan.unanswered,
    };
    if asked.what.tells() {
        let left_out = left_out(asked, &plan.posts, words);
        plan.answer.elements.splice(0..0, left_out);
        tell(state, asked, &mut plan);
    }
    plan
}

fn asked_for(state: &State, asked: &Asked, typed: Typed<'_>, words: &Words<'_>) -> Plan {
    match &asked.what {
        // Whatever is said in secret answers the question for it, and nothing else.
        _ if typed.name.is_some() => match state.pending.form() {
            Some(form) if form.is_secret() => say(&state.pending, asked, typed, words),
            _ => unheard(&state.pending, words),
        },
        What::Say => say(&state.pending, asked, typed, words),
        What::Nothing => nothing(&state.pending, words),
        What::Start => Plan { open: Some(true), ..start().saying(spoken(typed.text, asked), 1) },
        What::StartCreated => {
            let answer = opening(state, "StartConversation");
            Plan { answer, ..start().saying(spoken(typed.text, asked), 1) }
        }
        What::Create => {
            Plan { open: Some(true), answer: opening(state, "CreateConversation"), ..Plan::default() }
        }
        // What was said stands before the wish, so that it is in the agent's transcript.
        What::Agent => wish(state, context::AGENT, Value::Null).saying(spoken(typed.text, asked), 0),
        What::Switch { to } => wish(state, context::SWITCH, to.clone()).saying(spoken(typed.text, asked), 1),
        What::End => {
            let elements = vec![body::output_text(words.get(Text::ConversationOver))];
            end(state, Answer { elements, completed: true, ..Answer::default() })
        }
        What::Fault => end(state, Answer { take_control: true, ..Answer::default() }),
        What::Note => Plan::default(),
    }
}

/// The files that have an address.
fn addressed(asked: &Asked) -> Vec<File> {
    asked.files.iter().filter(|file| !file.url.trim().is_empty()).cloned().collect()
}

/// Names the files that go with none of the posts.
fn left_out(asked: &Asked, posts: &[Post], words: &Words<'_>) -> Vec<Value> {
    let is_lost = |file: &&File| !posts.iter().any(|post| post.files.contains(file));
    let named = |file: &File| {
        let name = if file.name.is_empty() { "?" } else { &file.name };
        body::output_text(&words.file_left_out(name))
    };
    asked.files.iter().filter(is_lost).map(named).collect()
}

/// What stands beside an action, as a message to the agent.
fn spoken(text: &str, asked: &Asked) -> Option<Post> {
    let fields = (!text.trim().is_empty()).then(|| ("text".to_owned(), text.into()));
    let post = Post { fields: fields.into_iter().collect(), files: addressed(asked) };
    (post != Post::default()).then_some(post)
}

/// Words or files; an answer inside a card may only lead to its next question.
fn say(pending: &Pending, asked: &Asked, typed: Typed<'_>, words: &Words<'_>) -> Plan {
    let files = addressed(asked);
    if typed.text.trim().is_empty() && files.is_empty() {
        return asks([], pending.clone());
    }
    let mut plan = said(pending, typed, words);
    if let Some(post) = plan.posts.first_mut() {
        post.files = files;
    }
    plan
}

/// About how many characters of its kind are allowed, for a text that is too long for an activity.
fn too_long(text: &str) -> Option<usize> {
    let bytes = serde_json::to_string(text).map_or(0, |json| json.len());
    (bytes > ROOM).then(|| text.chars().count() * (ROOM >> 10) / (bytes >> 10) / 1_000 * 1_000)
}

/// Says that there was nothing, and what is asked.
fn nothing(pending: &Pending, words: &Words<'_>) -> Plan {
    let question = pending.form().and_then(|form| form.question(words));
    let elements = [body::output_text(words.get(Text::EmptyMessage))].into_iter().chain(question);
    asks(elements, pending.clone())
}

/// Says that what was said in secret has not been passed on: the card asks again, or there is no question for it any more.
pub fn unheard(pending: &Pending, words: &Words<'_>) -> Plan {
    let say = |text| body::output_text(words.get(text));
    match pending {
        Pending::Form(form) => {
            let form = form.without_secrets();
            let question = form.question(words);
            asks([say(Text::EnterAgain)].into_iter().chain(question), Pending::Form(form))
        }
        Pending::Closed => asks([say(Text::QuestionClosed)], Pending::Nothing),
        Pending::Nothing | Pending::Choices { .. } => asks([say(Text::QuestionClosed)], pending.clone()),
    }
}

/// Says that, asks that, and leaves the agent out of it.
fn asks(elements: impl IntoIterator<Item = Value>, pending: Pending) -> Plan {
    let elements = elements.into_iter().collect();
    Plan { answer: Answer { elements, pending: Some(pending), ..Answer::default() }, ..Plan::default() }
}

fn said(pending: &Pending, typed: Typed<'_>, words: &Words<'_>) -> Plan {
    match answer(pending, typed, words) {
        Answered::Ask(form) => asks(form.questions(words), Pending::Form(form)),
        Answered::Post(fields) => {
            let standing = pending.form().and_then(|form| form.standing_beside(typed.text));
            // A secret may be typed at any time.
            let stays = standing.map(|(_, form)| form).filter(Form::will_be_secret);
            let plan = posts(fields.into(), pending);
            let next = plan.next.filter(|_| stays.is_none());
            Plan { next, stays: stays.map_or(Pending::Nothing, Pending::Form), ..plan }
        }
    }
}

/// Posts an answer to what was asked.
fn posts(answer: Post, pending: &Pending) -> Plan {
    Plan {
        open: Some(false),
        posts: vec![answer],
        listen: Listen::Fully,
        unanswered: Some(Text::NoAnswer),
        next: pending.form().and_then(Form::next),
        ..Plan::default()
    }
}

/// Names the conversation, once there is one.
fn opening(state: &State, action: &str) -> Answer {
    let elements = state.agent.iter().map(|agent| body::conversation_action(action, &agent.id)).collect();
    Answer { elements, ..Answer::default() }
}

fn start() -> Plan {
    event(context::event("startConversation", Value::Null))
}

/// Asks for somebody or something else, which answers no question.
fn wish(state: &State, name: &str, value: Value) -> Plan {
    let beside = if state.pending.is_secret() { state.pending.clone() } else { Pending::Nothing };
    Plan { beside, ..event(context::event(name, value)) }
}

fn event(fields: Map<String, Value>) -> Plan {
    Plan { open: Some(false), posts: vec![fields.into()], listen: Listen::Briefly, ..Plan::default() }
}

fn end(state: &State, answer: Answer) -> Plan {
    let goodbye = Map::from_iter([("type".to_owned(), Value::from("endOfConversation"))]);
    let posts = state.agent.iter().map(|_| goodbye.clone().into()).collect();
    Plan { posts, answer, ..Plan::default() }
}

/// The agent is told the context first: all of it in a conversation that knows nothing yet.
fn tell(state: &State, asked: &Asked, plan: &mut Plan) {
    let Some(agent) = &state.agent else { return };
    let news = if agent.told { &asked.context } else { &state.context };
    plan.posts.splice(0..0, context::sets(news).into_iter().map(Post::from));
}
