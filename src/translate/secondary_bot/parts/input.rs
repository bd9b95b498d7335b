//! A card's inputs as steps of a form.

use serde_json::Value;

use super::{
    super::{Step, StepKind, card::text, rules::Rules},
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
            "Toggle" => StepKind::Toggle {
                on: text("valueOn").unwrap_or("true").to_owned(),
                off: text("valueOff").unwrap_or("false").to_owned(),
            },
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
        self.steps.push(Step { id: id.to_owned(), prompt, required, kind, rules, error, given });
    }
}

/// What stands in an input before anybody fills it in.
pub(super) fn given(node: &Value) -> Option<String> {
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
