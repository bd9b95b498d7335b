//! A card's buttons as things to choose.

use serde_json::{Map, Value, json};

use super::{
    super::{Choice, Form, Reply, card::text},
    Parts,
};
use crate::{translate::texts::Text, wire::virtual_agent::body};

impl Parts<'_> {
    /// A card inside the card is one more thing to choose, unless it is only to be looked at.
    pub(super) fn show_card(&mut self, node: &Value, depth: usize) {
        self.heading = false;
        let (mut shown, mut submits) = (Vec::new(), Vec::new());
        let card = node.get("card").unwrap_or(&Value::Null);
        let inner = Parts::new(self.toggled.clone(), self.words);
        let (form, _) = inner.read(card, depth + 1, &mut shown, &mut submits);
        let form = match form {
            Some(form) => form,
            None if submits.is_empty() => {
                self.links.extend(text(node, "title").map(body::output_text));
                return self.links.append(&mut shown);
            }
            None => Form { submits, ..Form::default() },
        };
        let label = text(node, "title").unwrap_or(self.words.get(Text::Open));
        let reply = Reply::Value { text: None, value: Map::new().into() };
        let opens = Box::new(Form { shown, ..form });
        self.submits.push(Choice { opens: Some(opens), ..Choice::new(label.to_owned(), label, reply) });
    }

    /// An `Action.Execute` says which button it is in its verb alone. Data that has no room for it stands beside it.
    pub(super) fn submit(&mut self, node: &Value) {
        let label = text(node, "title").unwrap_or(self.words.get(Text::Send));
        let data = node.get("data").filter(|data| !data.is_null()).cloned();
        let value = match (data.unwrap_or_else(|| Map::new().into()), text(node, "verb")) {
            (Value::Object(mut data), Some(verb)) => {
                data.entry("verb").or_insert_with(|| verb.into());
                data.into()
            }
            (data, Some(verb)) => json!({"verb": verb, "data": data}),
            (data, None) => data,
        };
        let is_bare = text(node, "associatedInputs").is_some_and(|which| which.eq_ignore_ascii_case("none"));
        let reply = match value {
            value if is_bare => Reply::Bare { value },
            Value::String(text) => Reply::Text { text },
            value => Reply::Value { text: None, value },
        };
        self.submits.push(Choice::new(label.to_owned(), label, reply));
    }
}
