//! The response endpoint as ServiceNow would call it: over PUBLIC_URL, without the credential and with it.

use secrecy::ExposeSecret;

use super::{
    answer::{Answer, ask, unanswered},
    finding::{Finding, Verdict},
};
use crate::{config::Settings, far_end::CallError};

const CODE: &str = "responses.endpoint";
const PATH: &str = "api/servicenow/responses";

pub(super) async fn check(settings: &Settings, http: &reqwest::Client) -> Vec<Finding> {
    if settings.servicenow.is_none() {
        return Vec::new();
    }
    let Some(public) = &settings.public_url else { return vec![not_called()] };
    let url = public.join(PATH).expect("plain segments join any http URL");
    // No session is named, so that no conversation can be meant.
    let post = || http.post(url.clone()).header("content-type", "application/json").body("{}");
    let place = format!("The response endpoint {url}");
    let closed = match ask(post()).await {
        Ok(answer) => stranger(&place, &answer),
        Err(error) => unanswered(CODE, &place, "PUBLIC_URL", &error),
    };
    let is_ours = closed.verdict == Verdict::Good;
    let mut findings = vec![closed];
    if !is_ours {
        return findings;
    }
    if let Some(token) = &settings.responses.token {
        let answer = ask(post().header("token", token.value().expose_secret())).await;
        findings.push(proven(&place, "RESPONSES_TOKEN", answer));
    }
    if let Some(basic) = &settings.responses.basic {
        let basic = basic.value();
        let (user, password) = basic.expose_secret().split_once(':').unwrap_or_default();
        let answer = ask(post().basic_auth(user, Some(password))).await;
        findings.push(proven(&place, "RESPONSES_BASIC", answer));
    }
    findings
}

fn not_called() -> Finding {
    let text = format!(
        "Not called: PUBLIC_URL is not set. ServiceNow must know it as {PATH} under this app's root."
    );
    Finding::off(CODE, text).fix("Set PUBLIC_URL to this app's root as seen from outside.")
}

/// Who answers a call without a credential. It must be us, and we must say no.
fn stranger(place: &str, answer: &Answer) -> Finding {
    let told = answer.json();
    let code = told.pointer("/error/code").and_then(|code| code.as_str()).unwrap_or_default();
    if (answer.status, code) == (401, "Unauthorized") {
        let text = format!("{place} is ours and closed to strangers ({} ms).", answer.millis);
        return Finding::good(CODE, text);
    }
    let status = answer.status;
    let (what, fix) = match (status, code) {
        (503, "NotConfigured") => (
            "is ours, but closed to everybody",
            "Set RESPONSES_TOKEN or RESPONSES_BASIC, and the live-agent role's settings, on the app that runs there; \
             restart it.",
        ),
        _ if is_platform_login(answer) => (
            "is answered by the platform's own login, not by this program",
            "In Azure, turn App Service Authentication off for this app, or let it pass unauthenticated requests: the \
             program checks its callers itself.",
        ),
        (401, _) => (
            "is answered by something before this program, as for a function key",
            "Deploy the function folders as they are (authLevel anonymous), and let no gateway ask for a login on \
             this path.",
        ),
        (403, _) => (
            "refuses this network, or the app is stopped",
            "Start the app; let its access restrictions pass ServiceNow's addresses, and this machine's for the check.",
        ),
        (404, _) => (
            "is not there",
            "Check PUBLIC_URL; on Azure, that the package with the folder servicenow-responses is deployed, and that \
             routePrefix in host.json is empty.",
        ),
        (429 | 500.., _) => {
            ("does not run", "Look at that app's log; start it, or run this again once it is up.")
        }
        _ => ("is not this program", "Check PUBLIC_URL: another app answers there."),
    };
    Finding::wrong(CODE, format!("{place} {what} (status {status}).")).fix(fix)
}

/// App Service Authentication: it says so in a header of its own, or sends to a login.
fn is_platform_login(answer: &Answer) -> bool {
    let to = answer.header("location");
    let names_realm = answer.header("www-authenticate").to_ascii_lowercase().starts_with("bearer realm");
    !answer.header("x-ms-middleware-request-id").is_empty()
        || (answer.status == 401 && names_realm)
        || ((300..400).contains(&answer.status) && (to.contains("/.auth/") || to.contains("//login.")))
}

/// The same call with one of the credentials.
fn proven(place: &str, setting: &'static str, answer: Result<Answer, CallError>) -> Finding {
    const CODE: &str = "responses.credential";
    let found = match answer {
        Ok(answer) if answer.status == 200 && answer.json().get("known").is_some() => {
            Finding::good(CODE, format!("{place} lets {setting} in."))
        }
        Ok(answer) if answer.status == 401 => Finding::wrong(
            CODE,
            format!("{place} refuses {setting}: the process there was started with another value."),
        )
        .fix(format!("Set the same {setting} there, in ServiceNow and here, and restart the process.")),
        Ok(answer) => {
            Finding::wrong(CODE, format!("{place} answers {setting} with status {}.", answer.status))
                .fix("Look at that app's log, most likely its store can't be used.")
        }
        Err(error) => unanswered(CODE, place, "PUBLIC_URL", &error),
    };
    found.of(setting)
}
