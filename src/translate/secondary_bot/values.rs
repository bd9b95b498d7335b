//! What a primary bot sends back of all there is to choose: each choice's value is unlike any other's that is open.

use std::collections::HashMap;

use super::{Choice, Form, Pending, Step};

/// The values that are taken, each with the number that the next one like it gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(HashMap<String, usize>);

impl Values {
    /// With what is open already.
    pub fn beside(mut self, pending: &Pending) -> Self {
        match pending {
            Pending::Choices { choices } => self.take_choices(choices),
            Pending::Form(form) => self.take_form(form),
            Pending::Nothing | Pending::Closed => {}
        }
        self
    }

    /// Gives each choice a value of its own, and so in the cards that they open.
    pub fn part(&mut self, choices: &mut [Choice]) {
        for choice in choices {
            choice.value = self.unlike(&choice.value);
            choice.opens.iter_mut().for_each(|card| self.part_form(card));
        }
    }

    /// The same of a card's buttons. What its inputs offer has the card's own values.
    pub fn part_form(&mut self, form: &mut Form) {
        self.take_steps(form);
        self.part(&mut form.submits);
        form.then.iter_mut().for_each(|card| self.part_form(card));
    }

    /// The value, or one like it that no other has.
    pub fn unlike(&mut self, value: &str) -> String {
        let Some(mut number) = self.0.get(value).copied() else {
            self.take(value);
            return value.to_owned();
        };
        let numbered = loop {
            let numbered = format!("{value} ({number})");
            number += 1;
            if !self.0.contains_key(&numbered) {
                break numbered;
            }
        };
        self.0.insert(value.to_owned(), number);
        self.take(&numbered);
        numbered
    }

    fn take(&mut self, value: &str) {
        self.0.entry(value.to_owned()).or_insert(2);
    }

    fn take_choices(&mut self, choices: &[Choice]) {
        for choice in choices {
            self.take(&choice.value);
            choice.opens.iter().for_each(|card| self.take_form(card));
        }
    }

    fn take_form(&mut self, form: &Form) {
        self.take_steps(form);
        self.take_choices(&form.submits);
        self.take_choices(&form.beside);
        form.then.iter().for_each(|card| self.take_form(card));
    }

    fn take_steps(&mut self, form: &Form) {
        form.steps.iter().flat_map(Step::values).for_each(|value| self.take(value));
    }
}
