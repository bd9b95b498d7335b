//! What a control wants of its reader, and how an answer is to be treated.

use super::{
    Card, CardLook, Choice, Control, Item, Mask, Masked, Moment, MultiPart, Table, TextInput, Upload,
};

impl Control {
    /// Whether the user's answer is to be kept out of storage, logs and echoes.
    pub fn is_secure(&self) -> bool {
        match self {
            Self::TextInput(input) => input.mask != Mask::None,
            Self::MultiPart(multi) => multi.part.is_secure(),
            _ => false,
        }
    }

    /// Whether ServiceNow waits for `DONE` before it goes on: everything is shown at once, so it is told at once.
    pub fn waits_for_done(&self) -> bool {
        match self {
            Self::Table(table) => !table.only_told,
            Self::Masked(masked) => masked.waits_for_done,
            _ => false,
        }
    }

    /// Whether ServiceNow waits for an answer to this. One may be given to a card's actions, too, but none is waited for.
    pub fn asks(&self) -> bool {
        match self {
            Self::MultiPart(multi) => !multi.last || multi.part.asks(),
            Self::TextInput(_) | Self::Moment(_) => true,
            Self::Choice(choice) => !choice.only_told,
            Self::Upload(upload) => !upload.only_told,
            _ => false,
        }
    }

    /// Whether the user may answer this, be it waited for or not.
    pub fn takes_answers(&self) -> bool {
        self.asks() || matches!(self, Self::Card(card) if !card.actions.is_empty())
    }

    /// Whether one answer is all it takes: a question's, or what is done about a notification.
    pub fn is_answered_once(&self) -> bool {
        let notifies = |card: &Card| card.look == CardLook::Notification && !card.actions.is_empty();
        self.asks() || matches!(self, Self::Card(card) if notifies(card))
    }

    /// This as something to read, without a way to answer: for when nobody would hear the answer.
    #[must_use]
    pub fn only_told(self) -> Self {
        let prompt = match self {
            Self::Card(card) => return Self::Card(told(card)),
            Self::MultiPart(multi) => {
                let part = Box::new(multi.part.only_told());
                return Self::MultiPart(MultiPart { part, last: true, ..multi });
            }
            Self::Choice(choice) => {
                let card = choice.card.map(told);
                return Self::Choice(Choice { card, only_told: true, optional: false, ..choice });
            }
            Self::TextInput(TextInput { prompt, hides: Some(hidden), .. }) => match *hidden {
                Self::Choice(choice) => return Self::Choice(Choice { prompt, ..choice }).only_told(),
                _ => prompt,
            },
            Self::Upload(upload) => {
                return Self::Upload(Upload { only_told: true, optional: false, ..upload });
            }
            Self::Table(table) => return Self::Table(Table { only_told: true, ..table }),
            Self::Masked(masked) => return Self::Masked(Masked { waits_for_done: false, ..masked }),
            Self::TextInput(TextInput { prompt, .. }) | Self::Moment(Moment { prompt, .. }) => prompt,
            other => return other,
        };
        Self::Text { text: prompt.unwrap_or_default() }
    }
}

/// A card with what may be done about it as paragraphs.
fn told(mut card: Card) -> Card {
    let actions = std::mem::take(&mut card.actions).into_iter();
    let offered = actions.flat_map(|Item { label, description, .. }| [Some(label), description]);
    card.paragraphs.extend(offered.flatten());
    card
}
