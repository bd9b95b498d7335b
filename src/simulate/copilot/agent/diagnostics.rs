//! What Copilot Studio mixes in between messages and no user should ever see.

use serde_json::{Value, json};

pub fn dialog(topic: &str) -> Value {
    json!({
        "type": "event", "name": "DialogTracing", "valueType": "DialogTracing",
        "value": {"actions": [{"topicId": topic, "actionType": "SendActivity", "exception": ""}]},
    })
}

/// Named as its value type is: nothing but `type` tells a trace `HandOff` from a hand-off.
pub fn trace(name: &str, value: Value) -> Value {
    json!({"type": "trace", "name": name, "valueType": name, "value": value})
}

/// What precedes a generative answer, with a thought that must stay inside.
pub fn plan(query: &str) -> Vec<Value> {
    let plan = "2f0d8a3e-plan";
    let step =
        |name: &str, value: Value| json!({"type": "event", "name": name, "valueType": name, "value": value});
    vec![
        step(
            "DynamicPlanReceived",
            json!({"steps": ["P:UniversalSearchTool"], "isFinalPlan": false, "planIdentifier": plan}),
        ),
        step(
            "DynamicPlanStepTriggered",
            json!({
                "planIdentifier": plan, "taskDialogId": "P:UniversalSearchTool", "type": "KnowledgeSource",
                "thought": format!("(not for users) look for: {query}"), "state": "inProgress",
            }),
        ),
        step("DynamicPlanStepFinished", json!({"planIdentifier": plan, "state": "completed"})),
        trace("UnknownIntent", json!({})),
    ]
}
