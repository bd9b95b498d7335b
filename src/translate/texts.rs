//! The words we put in ourselves, in the language of who reads them. `docs/texts.md` lists them.

use std::{
    collections::HashMap,
    fmt, iter,
    sync::{Arc, OnceLock},
};

mod ids;

pub use self::ids::Text;

use crate::{
    domain::{User, control::Missing},
    session::{EndReason, FileFault, Notice},
};

const LANGUAGES: [(&str, &str); 9] = [
    ("en", include_str!("texts/en.json")),
    ("de", include_str!("texts/de.json")),
    ("fr", include_str!("texts/fr.json")),
    ("es", include_str!("texts/es.json")),
    ("pt-br", include_str!("texts/pt-BR.json")),
    ("it", include_str!("texts/it.json")),
    ("nl", include_str!("texts/nl.json")),
    ("ja", include_str!("texts/ja.json")),
    ("zh-hans", include_str!("texts/zh-Hans.json")),
];

type Wordings = HashMap<String, String>;

/// The wordings there are, by language in lower case.
fn built_in() -> &'static HashMap<&'static str, Wordings> {
    static BUILT_IN: OnceLock<HashMap<&str, Wordings>> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        let read = |(language, json)| (language, serde_json::from_str(json).unwrap_or_default());
        LANGUAGES.map(read).into_iter().collect()
    })
}

/// All wordings: ours, and those that were given to replace them.
#[derive(Clone, Default)]
pub struct Texts {
    given: Arc<HashMap<String, Wordings>>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("languages", &self.given.keys()).finish()
    }
}

impl Texts {
    /// Reads what replaces our wordings: JSON, language -> text id -> wording.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(json: &str) -> Result<Self, String> {
        let given: HashMap<String, Wordings> = serde_json::from_str(json).map_err(|error| {
            format!("is not JSON of the shape {{\"de\": {{\"skip\": \"…\"}}}} (line {}).", error.line())
        })?;
        for (language, wordings) in &given {
            for (id, wording) in wordings {
                let text = Text::ALL.iter().find(|text| text.id() == id);
                let text = text.ok_or_else(|| {
                    format!("has no text `{id}` (in `{language}`); docs/texts.md lists them.")
                })?;
                if let Some(unknown) = variables(wording).find(|name| !text.variables().contains(name)) {
                    return Err(format!(
                        "has {{{unknown}}} in `{id}` (in `{language}`), which that text does not know."
                    ));
                }
                if wording.rsplit_once('{').is_some_and(|(_, rest)| !rest.contains('}')) {
                    return Err(format!("has a `{{` in `{id}` (in `{language}`) that is never closed."));
                }
                if wording.trim().is_empty() {
                    return Err(format!("has no words for `{id}` (in `{language}`)."));
                }
            }
        }
        let given = given.into_iter().map(|(language, wordings)| (tag(&language), wordings)).collect();
        Ok(Self { given: Arc::new(given) })
    }

    /// The words for a reader: the first of these languages that there are any for, each more general step by step; in the
    /// end English.
    pub fn of(&self, locale: Option<&str>) -> Words<'_> {
        self.of_all([locale, None])
    }

    /// The words for who sends this `Accept-Language`: the first language they want that there are words in.
    pub fn accepted(&self, header: &str) -> Words<'_> {
        let wanted = header.split(',').take(20).map(|one| {
            let (language, parameters) = one.split_once(';').unwrap_or((one, "q=1"));
            let named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
            let mut weights = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
            let weight = weights.next().map_or("1", |(_, weight)| weight.trim());
            (language, weight.parse().unwrap_or(0.0))
        });
        let mut wanted: Vec<(&str, f32)> = wanted.filter(|(_, weight)| *weight > 0.0).collect();
        wanted.sort_by(|one, other| other.1.total_cmp(&one.1));
        let is_known = |language: &str| {
            let has = |tag: &str| self.given.contains_key(tag) || built_in().contains_key(tag);
            candidates(&tag(language)).any(has)
        };
        self.of(wanted.into_iter().map(|(language, _)| language).find(|language| is_known(language)))
    }

    /// The words for a user: in the client's language, else in the agent's.
    pub fn of_user(&self, user: &User) -> Words<'_> {
        self.of_all([user.locale.as_deref(), user.language.as_deref()])
    }

    /// As [`of`](Self::of), for one whose own language comes before that of who speaks with them.
    pub fn of_all(&self, locales: [Option<&str>; 2]) -> Words<'_> {
        let mut chain = [None; MAX_CHAIN];
        let mut places = chain.iter_mut();
        let wanted = locales.map(|locale| locale.map(tag).unwrap_or_default());
        for language in wanted.iter().flat_map(|tag| candidates(tag)).chain(["en"]) {
            for found in [self.given.get(language), built_in().get(language)].into_iter().flatten() {
                if let Some(place) = places.next() {
                    *place = Some(found);
                }
            }
        }
        Words { chain, given: &self.given }
    }
}

/// Two locales have at most so many languages to look into, given and built in.
const MAX_CHAIN: usize = 22;

/// The texts in the language of a reader.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// Where to look, most specific first.
    chain: [Option<&'a Wordings>; MAX_CHAIN],
    /// All that was given, in any language.
    given: &'a HashMap<String, Wordings>,
}

impl Default for Words<'static> {
    /// English, as it is built in.
    fn default() -> Self {
        static OURS: OnceLock<Texts> = OnceLock::new();
        OURS.get_or_init(Texts::default).of(None)
    }
}

impl<'a> Words<'a> {
    pub fn get(&self, text: Text) -> &'a str {
        self.chain
            .iter()
            .flatten()
            .find_map(|wordings| wordings.get(text.id()))
            .map_or(text.id(), String::as_str)
    }

    /// How a text may have been said to somebody, in whatever language they read it.
    pub(super) fn every(&self, text: Text) -> impl Iterator<Item = &'a str> {
        let all = self.given.values().chain(built_in().values());
        all.filter_map(move |wordings| wordings.get(text.id())).map(String::as_str)
    }

    /// A text with its variables filled in.
    pub fn with(&self, text: Text, values: &[(&str, &str)]) -> String {
        let mut out = String::new();
        let mut rest = self.get(text);
        while let Some((head, name, tail)) = variable(rest) {
            let value = values.iter().find(|(known, _)| *known == name);
            out.push_str(head);
            out.push_str(value.map_or("", |(_, value)| value));
            rest = tail;
        }
        out + rest
    }

    /// To the person at the desk, of a file at an address that leads nowhere.
    pub fn file_left_out(&self, name: &str) -> String {
        self.with(Text::FileLeftOut, &[("name", name)])
    }

    /// How many of a table's rows ServiceNow sent.
    pub(super) fn rows_of(&self, rows: usize, total: u64) -> String {
        self.with(Text::Rows, &[("rows", &rows.to_string()), ("total", &total.to_string())])
    }

    /// What an upload must be, `None` when it may be anything.
    pub(super) fn upload_limits(
        &self,
        pictures: bool,
        count: Option<u64>,
        megabytes: Option<u64>,
    ) -> Option<String> {
        let count = count.map(|count| self.with(Text::UploadCount, &[("count", &count.to_string())]));
        let size = megabytes.map(|size| self.with(Text::UploadSize, &[("megabytes", &size.to_string())]));
        let pictures = pictures.then(|| self.get(Text::UploadPictures).to_owned());
        let limits = [pictures, count, size].into_iter().flatten().collect::<Vec<_>>();
        (!limits.is_empty()).then(|| format!("({})", limits.join(", ")))
    }

    /// A line of ours, for people.
    pub fn notice(&self, notice: &Notice) -> String {
        match notice {
            Notice::Joined { name: Some(name) } => self.with(Text::Joined, &[("name", name)]),
            Notice::Joined { name: None } => self.get(Text::JoinedUnnamed).to_owned(),
            Notice::Ended { why } => self.end(*why).to_owned(),
            Notice::NotDelivered { text } => self.with(Text::NotDelivered, &[("text", text)]),
            Notice::MayNotHaveArrived { text } => self.with(Text::MayNotHaveArrived, &[("text", text)]),
            Notice::FileRefused { name, why } => self.file(name, *why),
            Notice::QuestionClosed => self.get(Text::QuestionClosed).to_owned(),
            Notice::Missing { what } => self.missing(*what).to_owned(),
            Notice::ConversationFull => self.get(Text::ConversationFull).to_owned(),
            Notice::AnsweredBefore => self.get(Text::AnsweredBefore).to_owned(),
            Notice::EnterAgain => self.get(Text::EnterAgain).to_owned(),
        }
    }

    /// Why a file was not taken, and what is wanted.
    fn file(&self, name: &str, why: FileFault) -> String {
        let name = if name.is_empty() { self.get(Text::TheFile) } else { name };
        let named = |text| self.with(text, &[("name", name)]);
        match why {
            FileFault::NotTaken => named(Text::FileRefused),
            FileFault::TooLarge { limit } => {
                self.with(Text::FileTooLarge, &[("name", name), ("size", &size(limit))])
            }
            FileFault::TooMany { limit } => self.with(Text::FileTooMany, &[("count", &limit.to_string())]),
            FileFault::NoPicture => named(Text::FileNoPicture),
            FileFault::WithMasked => self.get(Text::FileWithMasked).to_owned(),
            FileFault::NoRoom => named(Text::FileNoRoom),
        }
    }

    fn missing(&self, what: Missing) -> &'a str {
        self.get(match what {
            Missing::Choice => Text::MissingChoice,
            Missing::Words => Text::MissingWords,
            Missing::Date => Text::MissingDate,
            Missing::Time => Text::MissingTime,
            Missing::DateTime => Text::MissingDateTime,
            Missing::File => Text::Upload,
            Missing::Anything => Text::EmptyMessage,
        })
    }

    /// Why a live chat is over.
    pub fn end(&self, why: EndReason) -> &'a str {
        self.get(match why {
            EndReason::ByAgent | EndReason::ControlReturned => Text::Ended,
            EndReason::ByUser => Text::Left,
            EndReason::NobodyInTime => Text::NobodyInTime,
            EndReason::NobodyAvailable => Text::NobodyAvailable,
            EndReason::NotOpened => Text::NotOpened,
            EndReason::Idle => Text::Idle,
        })
    }
}

/// So many bytes, as people say it; rounded down.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} kB", bytes / 1_024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}

/// A BCP 47 tag as it is looked for.
fn tag(raw: &str) -> String {
    let mut tag = raw.trim().replace('_', "-");
    tag.make_ascii_lowercase();
    tag
}

/// The languages that a locale, as a tag, may be read in, most specific first. Of Chinese and Portuguese there is one each,
/// which its neighbours can read.
fn candidates<'a>(tag: &'a str) -> impl Iterator<Item = &'a str> {
    let whole = Some(&tag[..tag.floor_char_boundary(40)]).filter(|tag| !tag.is_empty());
    let relative = match tag.split('-').next() {
        Some("zh") => Some("zh-hans"),
        Some("pt") => Some("pt-br"),
        _ => None,
    };
    let shorter = |tag: &&'a str| tag.rsplit_once('-').map(|(head, _)| head).filter(|head| !head.is_empty());
    let language = tag.split('-').next().filter(|_| tag.split('-').nth(3).is_some());
    iter::successors(whole, shorter).take(3).chain(language).chain(relative)
}

/// The first variable of a wording: what stands before it, its name, and the rest.
fn variable(wording: &str) -> Option<(&str, &str, &str)> {
    let (head, rest) = wording.split_once('{')?;
    let (name, tail) = rest.split_once('}')?;
    Some((head, name, tail))
}

fn variables(wording: &str) -> impl Iterator<Item = &str> {
    let mut rest = wording;
    std::iter::from_fn(move || {
        let (_, name, tail) = variable(rest)?;
        rest = tail;
        Some(name)
    })
}

#[cfg(test)]
mod tests;
