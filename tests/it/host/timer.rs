//! A timer function's invocation: the default payload, and the answer the host insists on.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// What stands behind a firing.
#[derive(Clone, Copy, Debug)]
pub enum Firing {
    OnTime,
    /// The app was not running when it was due.
    PastDue,
    /// Without a monitor, or for the first time ever: nothing is known of earlier ones.
    WithoutHistory,
}

pub fn payload(function: &str, binding: &str, firing: Firing) -> Value {
    let status = match firing {
        Firing::WithoutHistory => Value::Null,
        Firing::OnTime | Firing::PastDue => json!({
            "Last": "2026-01-01T00:00:00+00:00",
            "LastUpdated": "2026-01-01T00:00:00+00:00",
            "Next": "2026-01-01T00:01:00+00:00"
        }),
    };
    json!({
        "Data": {
            binding: {
                "Schedule": { "AdjustForDST": true },
                "ScheduleStatus": status,
                "IsPastDue": matches!(firing, Firing::PastDue)
            }
        },
        "Metadata": {
            "sys": {
                "MethodName": function,
                "UtcNow": "2026-01-01T00:00:00.0000000Z",
                "RandGuid": "00000000-0000-4000-8000-00000000bbbb"
            }
        }
    })
}

/// # Errors
///
/// Why the host would count the invocation as failed, or wait for it until it times out.
pub async fn outcome(response: reqwest::Response) -> Result<Value, String> {
    let status = response.status();
    let content_type = response.headers().get("content-type").cloned();
    let body = response.text().await.map_err(|error| format!("half an answer: {error}"))?;
    if !status.is_success() {
        return Err(format!("status {status}: the invocation fails and its logs are dropped"));
    }
    if !content_type.is_some_and(|value| value.to_str().unwrap_or_default().starts_with("application/json")) {
        return Err("the content type is not JSON".to_owned());
    }
    check_envelope(&body)
}

fn check_envelope(body: &str) -> Result<Value, String> {
    if matches!(body.trim(), "" | "null") {
        return Err("an empty answer: the invocation hangs until its time-out".to_owned());
    }
    let envelope: Value = serde_json::from_str(body).map_err(|error| format!("not JSON: {error}"))?;
    let outputs = envelope["Outputs"].as_object().ok_or("Outputs is not an object")?;
    let logs = envelope["Logs"].as_array().ok_or("Logs is not an array")?;
    if !logs.iter().all(Value::is_string) {
        return Err("Logs holds something that is no text".to_owned());
    }
    let returned = envelope.get("ReturnValue").ok_or("ReturnValue is missing")?;
    for value in outputs.values().chain([returned]) {
        if value.as_str().is_some_and(|text| !text.is_empty() && BASE64_STANDARD.decode(text).is_ok()) {
            return Err(format!("{value} looks like base64, which the host turns into bytes"));
        }
    }
    Ok(envelope)
}
