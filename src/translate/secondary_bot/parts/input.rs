//! A card's inputs as steps of a form.

use serde_json::Value;

use super::{
    super::{
        Step, StepKind,
        card::text,
        rules::{Rules, as_it_stands},
    },
    Parts,
};
use crate::translate::password::is_password;

impl Parts<'_> {
    pub(super) fn input(&mut self, kind: &str, node: &Value) {
        let text = |key: &str| text(node, key);
        let Some(id) = text("id") else { return };
        let kind = match kind {
            "Number" | "Rating" => StepKind::Number,
            "Date" => StepKind::Date,
            "Time" => StepKind::Time,
            "Toggle" => {
                let (on, off) = toggle(node);
                StepKind::Toggle { on: on.to_owned(), off: off.to_owned() }
            }
            "ChoiceSet" => StepKind::Choice {
                options: options(node),
                several: node.get("isMultiSelect") == Some(&Value::Bool(true)),
            },
            _ => StepKind::Text { secret: is_password(node) },
        };
        let title = text("title").filter(|_| node["type"] == "Input.Toggle");
        let prompt = match (text("label"), title) {
            (Some(label), Some(title)) if label != title => format!("{label}\n{title}"),
            (Some(label), _) | (None, Some(label)) => label.to_owned(),
            _ if self.heading => self.texts.pop().unwrap_or_default(),
            _ => text("placeholder").unwrap_or(id).to_owned(),
        };
        let required = node.get("isRequired") == Some(&Value::Bool(true));
        let (mut rules, error) = (Rules::read(node), text("errorMessage").map(str::to_owned));
        if node["type"] == "Input.Rating" {
            rules.max.get_or_insert_with(|| "5".to_owned());
        }
        let given = given(node);
        self.steps.push(Step {
            id: id.to_owned(),
            prompt,
            required,
            kind,
            rules,
            error,
            given,
            sends: Vec::new(),
        });
    }
}

/// What an input that nobody sees submits.
pub(super) fn unseen(node: &Value) -> Option<String> {
    let given = given(node);
    if node["type"] != "Input.Toggle" {
        return given;
    }
    let (on, off) = toggle(node);
    Some(as_it_stands(on, off, given.as_deref()).to_owned())
}

/// What a toggle calls yes and no.
fn toggle(node: &Value) -> (&str, &str) {
    (text(node, "valueOn").unwrap_or("true"), text(node, "valueOff").unwrap_or("false"))
}

/// What stands in an input before anybody fills it in.
fn given(node: &Value) -> Option<String> {
    node.get("value").and_then(|value| match value {
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn options(node: &Value) -> Vec<(String, String)> {
    let listed = node.get("choices").and_then(Value::as_array).into_iter().flatten();
    listed
        .filter_map(|choice| {
            let label = text(choice, "title").or(text(choice, "value"))?;
            let value = choice.get("value").and_then(Value::as_str).unwrap_or(label);
            Some((label.to_owned(), value.to_owned()))
        })
        .collect()
}
