//! What a control wants of its reader, and how an answer is to be treated.

use super::{Card, CardLook, Choice, Control, Item, Mask, Moment, MultiPart, TextInput, Upload};

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
        matches!(self, Self::Table(_)) || matches!(self, Self::Masked(masked) if masked.waits_for_done)
    }

    /// Whether ServiceNow waits for an answer to this. One may be given to a card's actions, too, but none is waited for.
    pub fn asks(&self) -> bool {
        match self {
            Self::MultiPart(multi) => !multi.last || multi.part.asks(),
            Self::Choice(_) | Self::TextInput(_) | Self::Moment(_) | Self::Upload(_) => true,
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
        let labels = |items: &[Item]| items.iter().map(|item| item.label.clone()).collect::<Vec<_>>();
        let (prompt, offered) = match self {
            Self::Card(mut card) => {
                card.paragraphs.extend(labels(&std::mem::take(&mut card.actions)));
                return Self::Card(card);
            }
            Self::MultiPart(multi) => {
                let part = Box::new(multi.part.only_told());
                return Self::MultiPart(MultiPart { part, last: true, ..multi });
            }
            Self::Choice(Choice { prompt, items, card: Some(mut card), .. }) => {
                let actions = std::mem::take(&mut card.actions);
                card.paragraphs.extend(prompt.into_iter().chain(labels(&items)).chain(labels(&actions)));
                return Self::Card(card);
            }
            Self::Choice(choice) => (choice.prompt, labels(&choice.items)),
            Self::TextInput(TextInput { prompt, .. })
            | Self::Moment(Moment { prompt, .. })
            | Self::Upload(Upload { prompt, .. }) => (prompt, vec![]),
            other => return other,
        };
        Self::Text { text: prompt.into_iter().chain(offered).collect::<Vec<_>>().join("\n\n") }
    }
}
