//! What a primary bot sends back of all there is to choose: each choice's value is unlike any other's that is open.
//!
//! Who comes later gets another value. A card's inputs are asked one after the other, so that several may have the same.

use std::collections::{HashMap, HashSet};

use super::{Choice, Form, Pending, Step};

/// The values that are taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// Each with the number that the next one like it gets.
    taken: HashMap<String, usize>,
    /// Those that only inputs have.
    of_inputs: HashSet<String>,
}

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

    /// The same of what a card's inputs offer and of its buttons.
    pub fn part_form(&mut self, form: &mut Form) {
        form.steps.iter_mut().for_each(|step| self.part_step(step));
        self.part(&mut form.submits);
        form.then.iter_mut().for_each(|card| self.part_form(card));
    }

    fn part_step(&mut self, step: &mut Step) {
        if step.values().into_iter().any(|value| self.is_a_choices(value)) {
            let mut unlike = |value| {
                if self.is_a_choices(value) { self.unlike(value) } else { value.to_owned() }
            };
            step.sends = step.values().into_iter().map(&mut unlike).collect();
        }
        self.take_step(step);
    }

    fn is_a_choices(&self, value: &str) -> bool {
        self.taken.contains_key(value) && !self.of_inputs.contains(value)
    }

    /// The value, or one like it that no other has.
    fn unlike(&mut self, value: &str) -> String {
        let Some(mut number) = self.taken.get(value).copied() else {
            self.take(value);
            return value.to_owned();
        };
        let numbered = loop {
            let numbered = format!("{value} ({number})");
            number += 1;
            if !self.taken.contains_key(&numbered) {
                break numbered;
            }
        };
        self.taken.insert(value.to_owned(), number);
        self.take(&numbered);
        numbered
    }

    fn take(&mut self, value: &str) {
        self.taken.entry(value.to_owned()).or_insert(2);
    }

    fn take_choices(&mut self, choices: &[Choice]) {
        for choice in choices {
            self.take(&choice.value);
            choice.opens.iter().for_each(|card| self.take_form(card));
        }
    }

    fn take_form(&mut self, form: &Form) {
        form.steps.iter().for_each(|step| self.take_step(step));
        self.take_choices(&form.submits);
        self.take_choices(&form.beside);
        form.then.iter().for_each(|card| self.take_form(card));
    }

    fn take_step(&mut self, step: &Step) {
        for value in step.values() {
            if !self.taken.contains_key(value) {
                self.of_inputs.insert(value.to_owned());
            }
            self.take(value);
        }
    }
}
