//! ServiceNow: does the instance answer, is the login good, is the Virtual Agent API there.
//!
//! One empty request tells all three: the platform checks the path and the login before the API looks at the body,
//! and a request without a user can't open a conversation.

use super::{
    Depth,
    answer::{Answer, ask, in_time, stranger, unanswered},
    clock,
    finding::{Finding, Verdict},
    message_authentication, shown,
};
use crate::{
    config::{ServiceNowLogin, ServiceNowSettings, Settings},
    far_end::CallError,
    servicenow::{LoggedIn, ServiceNow},
};

const REACH: &str = "servicenow.reach";
const OAUTH: &str = "servicenow.oauth";
const LOGIN: &str = "servicenow.login";
const PLUGIN: &str = "servicenow.plugin";

pub(super) async fn check(settings: &Settings, depth: Depth, http: &reqwest::Client) -> Vec<Finding> {
    let Some(far) = &settings.servicenow else { return Vec::new() };
    let client = ServiceNow::new(far, http.clone());
    let login = match in_time(client.log_in()).await {
        Ok(login) => login,
        Err(error) => return no_token(far, &error),
    };
    let mut findings = api(far, &client, &login).await;
    if is_oauth(&far.login) {
        let place = findings.iter().position(|finding| finding.code != REACH).unwrap_or(findings.len());
        findings.insert(place, Finding::good(OAUTH, "The OAuth client is good: the instance gave a token."));
    }
    let callable = findings.iter().any(|finding| finding.code == PLUGIN && finding.verdict == Verdict::Good);
    findings.push(if callable {
        message_authentication::check(settings, far, &client, depth).await
    } else {
        message_authentication::not_checked()
    });
    findings
}

fn is_oauth(login: &ServiceNowLogin) -> bool {
    matches!(login, ServiceNowLogin::Password { .. } | ServiceNowLogin::ClientCredentials { .. })
}

/// The token request failed; what comes behind it can't be asked.
fn no_token(far: &ServiceNowSettings, error: &CallError) -> Vec<Finding> {
    let place = place(far);
    let CallError::Rejected { status, code } = error else {
        return vec![unanswered(REACH, &place, "SERVICENOW_URL", error)];
    };
    let told = code.as_ref().map(|code| format!(", {code}")).unwrap_or_default();
    let text = format!("{place} gives no OAuth token (status {status}{told}).");
    let fix = match (&far.login, code.as_deref()) {
        (_, Some("invalid_client" | "unauthorized_client")) => {
            "Check SERVICENOW_CLIENT_ID and SERVICENOW_CLIENT_SECRET against System OAuth > Application Registry, and \
             that the record is active."
        }
        (ServiceNowLogin::Password { .. }, _) => {
            "Check SERVICENOW_USERNAME and SERVICENOW_PASSWORD: the client may be right and the user not, locked out, \
             or bound to single sign-on."
        }
        (_, Some("unsupported_grant_type")) => {
            "Let the instance allow the client credentials grant and give the client an OAuth Application User; or set \
             SERVICENOW_USERNAME and SERVICENOW_PASSWORD for the password grant."
        }
        _ => {
            "Check SERVICENOW_CLIENT_ID and SERVICENOW_CLIENT_SECRET, and that the client has an OAuth Application \
             User and the REST API auth scope."
        }
    };
    vec![
        Finding::good(REACH, format!("{place} answers.")),
        Finding::wrong(OAUTH, text).fix(fix),
        message_authentication::not_checked(),
    ]
}

/// The empty request and what its answer tells.
async fn api(far: &ServiceNowSettings, client: &ServiceNow, login: &LoggedIn) -> Vec<Finding> {
    let answer = match ask(client.empty_request(login)).await {
        Ok(answer) => answer,
        Err(error) => return vec![unanswered(REACH, &place(far), "SERVICENOW_URL", &error)],
    };
    let mut findings = judge(far, &answer);
    findings.extend(clock::check("clock.servicenow", "ServiceNow", &answer));
    findings
}

fn judge(far: &ServiceNowSettings, answer: &Answer) -> Vec<Finding> {
    let place = place(far);
    let reached = Finding::good(REACH, format!("{place} answers ({} ms).", answer.millis));
    let login = || Finding::good(LOGIN, login_text(&far.login));
    match answer.status {
        200..300 if answer.is_page() => vec![sleeping(&place)],
        200..300 | 400 | 404 | 405 if !is_of_the_platform(answer) => {
            vec![stranger(REACH, &place, "SERVICENOW_URL", answer.status)]
        }
        200..300 => vec![reached, login(), api_is_there()],
        300..400 => vec![moved(&place, answer)],
        // The platform refuses in its own JSON, whatever the reason.
        status @ (401 | 403) if !is_of_the_platform(answer) => vec![kept_out(&place, status)],
        401 => vec![reached, refused(far)],
        403 => vec![reached, forbidden()],
        404 => vec![reached, login(), no_api(answer.status)],
        400 if says_no_resource(answer) => vec![reached, login(), no_api(answer.status)],
        // The API itself misses the user in an empty request.
        400 => vec![reached, login(), api_is_there()],
        405 => vec![reached, login(), no_api(answer.status)],
        _ => match answer.outcome() {
            Err(error) => vec![unanswered(REACH, &place, "SERVICENOW_URL", &error)],
            Ok(()) => vec![reached],
        },
    }
}

/// Whether it has a name that answers of the platform, and of the API, have at their top.
fn is_of_the_platform(answer: &Answer) -> bool {
    let told = answer.json();
    ["status", "body", "error", "result"].iter().any(|name| told.get(name).is_some())
}

fn api_is_there() -> Finding {
    Finding::good(PLUGIN, "The VA Bot Integration API is there.")
}

/// What the platform says about a path that no Scripted REST resource has, with status 400 or 404.
fn says_no_resource(answer: &Answer) -> bool {
    let told = answer.json();
    let message = told.pointer("/error/message").and_then(|message| message.as_str()).unwrap_or_default();
    message.contains("does not represent any resource")
}

fn login_text(login: &ServiceNowLogin) -> &'static str {
    match login {
        ServiceNowLogin::None => {
            "The API takes calls without a login; message authentication alone protects it."
        }
        ServiceNowLogin::Basic { .. } => "SERVICENOW_USERNAME and SERVICENOW_PASSWORD are good.",
        ServiceNowLogin::Password { .. } | ServiceNowLogin::ClientCredentials { .. } => {
            "The API takes the OAuth token."
        }
    }
}

fn refused(far: &ServiceNowSettings) -> Finding {
    match far.login {
        ServiceNowLogin::None => {
            Finding::wrong(LOGIN, "The API demands a login (status 401), and none is set.").fix(
                "Set SERVICENOW_USERNAME and SERVICENOW_PASSWORD or the OAuth client; or untick `Requires \
                 authentication` on the resource BOT Integration of the Scripted REST API VA Bot Integration.",
            )
        }
        ServiceNowLogin::Basic { .. } => {
            Finding::wrong(LOGIN, "The user or its password is refused (status 401).").fix(
                "Check SERVICENOW_USERNAME and SERVICENOW_PASSWORD: the user must be active, not locked out, and have \
                 a local password (single sign-on and multi-factor don't work here).",
            )
        }
        ServiceNowLogin::Password { .. } | ServiceNowLogin::ClientCredentials { .. } => {
            Finding::wrong(LOGIN, "The API refuses the OAuth token the instance gave (status 401).").fix(
                "Give the OAuth client a scope that covers the VA Bot Integration API (REST API auth scope), and an \
                 active OAuth Application User.",
            )
        }
    }
}

fn forbidden() -> Finding {
    Finding::wrong(LOGIN, "The login is good, but this user may not call the API (status 403).").fix(
        "Give the user what the Scripted REST API VA Bot Integration asks for: see its and its resource's ACL and \
         roles; look also for a REST access policy or an IP rule on the instance.",
    )
}

fn kept_out(place: &str, status: u16) -> Finding {
    let text = format!(
        "{place} answers with status {status}, but not as the platform does: something before it keeps us out."
    );
    Finding::wrong(REACH, text).fix(
        "Let this machine's outgoing addresses in at the firewall or gateway before the instance, and at its IP address \
         access control; check SERVICENOW_URL, and that no proxy answers in its place.",
    )
}

fn no_api(status: u16) -> Finding {
    let text = format!("The VA Bot Integration API is not there (status {status} at its path).");
    Finding::wrong(PLUGIN, text).fix(
        "Install and activate the Virtual Agent API (sn_va_as_service) from the ServiceNow Store, and check that the \
         Scripted REST API VA Bot Integration and its resource are active.",
    )
}

fn moved(place: &str, answer: &Answer) -> Finding {
    let to = destination(answer.header("location"));
    let text = format!("{place} sends elsewhere (status {}{to}) instead of answering.", answer.status);
    Finding::wrong(REACH, text).fix(
        "Set SERVICENOW_URL to the instance's own root, https://INSTANCE.service-now.com, not to a portal or a login \
         page.",
    )
}

/// Where a redirect leads, without what may be secret in it.
fn destination(location: &str) -> String {
    reqwest::Url::parse(location).map(|url| format!(", to {}", shown(&url))).unwrap_or_default()
}

fn sleeping(place: &str) -> Finding {
    Finding::wrong(REACH, format!("{place} answers with a web page instead of the API.")).fix(
        "A developer instance that sleeps does this: wake it up on ServiceNow's developer site. Else check \
         SERVICENOW_URL.",
    )
}

fn place(far: &ServiceNowSettings) -> String {
    format!("ServiceNow at {}", shown(&far.url))
}
