//! Direct Line: which root and why, whether it answers, and whether what we have opens conversations there.
//!
//! Asked for are tokens. A token stands for a conversation, but starts none.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Depth,
    answer::{Answer, ask, in_time, stranger, unanswered},
    clock,
    finding::{Finding, Verdict},
    greeting, obstacle, shown,
};
use crate::{
    config::DirectLineSettings,
    direct_line::{
        DirectLine,
        probe::{global, granted, other_regions},
    },
    far_end::CallError,
};

pub(super) async fn check(
    settings: &DirectLineSettings,
    depth: Depth,
    http: &reqwest::Client,
) -> Vec<Finding> {
    let client = DirectLine::new(settings, http.clone());
    let root = match in_time(client.root()).await {
        Ok(root) => root,
        Err(error) => {
            let place = "The host of COPILOT_TOKEN_ENDPOINT, asked for the region,";
            let root = unanswered("direct_line.root", place, "COPILOT_TOKEN_ENDPOINT", &error);
            // Where no regional settings are, a token tells the root, and what keeps the endpoint from giving one is the cause.
            return match token_of_endpoint(settings, &client).await {
                Some((wrong, None)) if matches!(error, CallError::Rejected { .. }) => {
                    let text =
                        "Where Direct Line is, is not known before COPILOT_TOKEN_ENDPOINT gives a token.";
                    vec![Finding::off("direct_line.root", text), wrong]
                }
                _ => vec![root],
            };
        }
    };
    let mut findings = vec![Finding::good("direct_line.root", why_this_root(settings, &root))];
    let (agreed, asked, minted) = tokio::join!(
        regions_agree(settings, &root, http),
        tokens_by_secret(settings, &client, &root, http),
        tokens_by_endpoint(settings, &client, &root),
    );
    findings.extend(agreed);
    findings.extend(asked);
    findings.extend(minted);
    findings.extend(greeting::check(settings, &client, &root, depth, &findings).await);
    findings
}

fn why_this_root(settings: &DirectLineSettings, root: &Url) -> String {
    let why = match (&settings.url, &settings.token_endpoint) {
        (Some(_), _) => "as DIRECT_LINE_URL says",
        (None, Some(_)) if *root == global() => {
            "the global one: the host of COPILOT_TOKEN_ENDPOINT names no other"
        }
        (None, Some(_)) => "as the host of COPILOT_TOKEN_ENDPOINT tells",
        (None, None) => "the default, because neither DIRECT_LINE_URL nor COPILOT_TOKEN_ENDPOINT is set",
    };
    format!("Direct Line is at {root}, {why}.")
}

/// With both settings, the one that wins may name another region than the agent's.
async fn regions_agree(settings: &DirectLineSettings, root: &Url, http: &reqwest::Client) -> Option<Finding> {
    settings.url.as_ref().and(settings.token_endpoint.as_ref())?;
    let told = DirectLineSettings { url: None, ..settings.clone() };
    let told = in_time(DirectLine::new(&told, http.clone()).root()).await.ok()?;
    let text = format!("DIRECT_LINE_URL says {root}, but COPILOT_TOKEN_ENDPOINT's agent is at {told}.");
    let fix = "Remove DIRECT_LINE_URL, unless it is a proxy in front of that root.";
    (told != *root).then(|| Finding::caution("direct_line.region", text).fix(fix))
}

/// Reachability by a request for a token; with a secret also whether that is good.
async fn tokens_by_secret(
    settings: &DirectLineSettings,
    client: &DirectLine,
    root: &Url,
    http: &reqwest::Client,
) -> Vec<Finding> {
    let answer = match generate(client).await {
        Ok(answer) => answer,
        Err(error) => {
            return vec![unanswered("direct_line.reach", &place(root), where_from(settings), &error)];
        }
    };
    let reached = reached(&answer, root, where_from(settings));
    if reached.verdict != Verdict::Good {
        return vec![reached];
    }
    let mut findings = vec![reached];
    findings.extend(clock::check("clock.direct_line", "Direct Line", &answer));
    if settings.secret.is_none() {
        findings.push(no_secret(settings));
        return findings;
    }
    match read(&answer) {
        Ok(token) => {
            let text = "DIRECT_LINE_SECRET is good: a token was made with it. No conversation was started.";
            findings.push(Finding::good("direct_line.secret", text));
            findings.push(refreshed(client, &token, "DIRECT_LINE_SECRET").await);
        }
        Err(error) => {
            if let Some(obstacle) = obstacle::known(&String::from_utf8_lossy(&answer.body)) {
                let text = format!("{} makes no token: {}.", place(root), obstacle.what);
                findings.push(Finding::wrong("direct_line.secret", text).fix(obstacle.fix));
            } else {
                findings.push(refused(root, &error));
                findings.extend(home_of(settings, &other_regions(root), http).await);
            }
        }
    }
    findings
}

/// One secret of several, judged by whether a token can be made with it.
pub(super) async fn secret_is_good(
    settings: &DirectLineSettings,
    http: &reqwest::Client,
) -> Result<(), CallError> {
    let answer = generate(&DirectLine::new(settings, http.clone())).await?;
    read(&answer).map(drop)
}

async fn generate(client: &DirectLine) -> Result<Answer, CallError> {
    ask(in_time(client.generate_request()).await?).await
}

fn read(answer: &Answer) -> Result<SecretString, CallError> {
    answer.outcome()?;
    granted(answer.status, &answer.body).ok_or(CallError::Failed { status: answer.status })
}

/// Whatever the secret is worth, Direct Line knows the path of the request: it makes a token, or refuses with a code of its own.
fn reached(answer: &Answer, root: &Url, setting: &str) -> Finding {
    let (code, place) = ("direct_line.reach", place(root));
    let good = || Finding::good(code, format!("{place} answers ({} ms).", answer.millis));
    let has_code = answer.json().pointer("/error/code").is_some();
    match read(answer) {
        Ok(_) => good(),
        Err(CallError::Rejected { status: 401 | 403, .. }) if has_code => good(),
        Err(CallError::Rejected { status, .. }) => stranger(code, &place, setting, status),
        Err(error) => unanswered(code, &place, setting, &error),
    }
}

fn refused(root: &Url, error: &CallError) -> Finding {
    let code = "direct_line.secret";
    match error {
        CallError::Rejected { status: status @ (401 | 403), .. } => {
            let text = format!("{} refuses DIRECT_LINE_SECRET (status {status}).", place(root));
            Finding::wrong(code, text).fix(
                "Copy secret 1 or 2 from Copilot Studio (Settings > Security > Web channel security) again. If it is \
                 right, its agent is in another region: set COPILOT_TOKEN_ENDPOINT, which tells the region, or \
                 DIRECT_LINE_URL.",
            )
        }
        other => unanswered(code, &place(root), "DIRECT_LINE_SECRET", other),
    }
}

/// Where a secret that was refused is at home.
async fn home_of(settings: &DirectLineSettings, others: &[Url], http: &reqwest::Client) -> Option<Finding> {
    for other in others {
        let there = DirectLineSettings { url: Some(other.clone()), ..settings.clone() };
        if secret_is_good(&there, http).await.is_ok() {
            let text = format!("DIRECT_LINE_SECRET is good in another region: at {other}.");
            let fix =
                format!("Set DIRECT_LINE_URL to {}.", other.join("/").unwrap_or_else(|_| other.clone()));
            return Some(Finding::wrong("direct_line.region", text).fix(fix));
        }
    }
    None
}

fn no_secret(settings: &DirectLineSettings) -> Finding {
    let text = "DIRECT_LINE_SECRET is not set.";
    if settings.token_endpoint.is_some() {
        return Finding::off("direct_line.secret", format!("{text} COPILOT_TOKEN_ENDPOINT is used instead."));
    }
    Finding::off("direct_line.secret", format!("{text} No conversation of our own can be opened."))
        .fix("Set it (or COPILOT_TOKEN_ENDPOINT) for the way back to the bot and for the secondary bot.")
}

/// A token of the endpoint's, shown to the root: that tells whether the two belong together.
async fn tokens_by_endpoint(settings: &DirectLineSettings, client: &DirectLine, root: &Url) -> Vec<Finding> {
    match token_of_endpoint(settings, client).await {
        Some((good, Some(token))) => vec![good, belongs(root, client, &token).await],
        Some((wrong, None)) => vec![wrong],
        None => vec![],
    }
}

/// What the endpoint says, and its token; `None` without an endpoint.
async fn token_of_endpoint(
    settings: &DirectLineSettings,
    client: &DirectLine,
) -> Option<(Finding, Option<SecretString>)> {
    let code = "direct_line.token_endpoint";
    let (request, endpoint) = client.mint_request().zip(settings.token_endpoint.as_ref())?;
    let place = format!("The token endpoint {}", shown(endpoint));
    let answer = match ask(request).await {
        Ok(answer) => answer,
        Err(error) => return Some((unanswered(code, &place, "COPILOT_TOKEN_ENDPOINT", &error), None)),
    };
    Some(match read(&answer) {
        Ok(token) => {
            let good = format!("{place} gives a token. No conversation was started.");
            (Finding::good(code, good), Some(token))
        }
        Err(error) => (no_token(&place, &answer, &error), None),
    })
}

/// Whether the root takes a token of the endpoint's.
async fn belongs(root: &Url, client: &DirectLine, token: &SecretString) -> Finding {
    let request = match in_time(client.refresh_request(token.expose_secret())).await {
        Ok(request) => request,
        Err(error) => return after_refresh(Err(error), "COPILOT_TOKEN_ENDPOINT"),
    };
    let (outcome, told) = match ask(request).await {
        Ok(answer) => (answer.outcome(), String::from_utf8_lossy(&answer.body).into_owned()),
        Err(error) => (Err(error), String::new()),
    };
    let Err(CallError::Rejected { status: status @ (401 | 403), .. }) = outcome else {
        return after_refresh(outcome, "COPILOT_TOKEN_ENDPOINT");
    };
    if let Some(obstacle) = obstacle::known(&told) {
        let text = format!("Direct Line at {root} refuses the agent (status {status}): {}.", obstacle.what);
        return Finding::wrong("direct_line.refresh", text).fix(obstacle.fix);
    }
    let text = format!("Direct Line at {root} refuses a token of COPILOT_TOKEN_ENDPOINT (status {status}).");
    let fix = "The endpoint's agent is in another region: remove DIRECT_LINE_URL, or set it to its root.";
    Finding::wrong("direct_line.region", text).fix(fix)
}

/// Told by the body, else by the status: the agent's set-up, a policy, or another kind of address.
fn no_token(place: &str, answer: &Answer, error: &CallError) -> Finding {
    let code = "direct_line.token_endpoint";
    let obstacle = match (obstacle::known(&String::from_utf8_lossy(&answer.body)), error) {
        (Some(known), _) => known,
        (None, CallError::Rejected { status, .. }) => obstacle::at_token_endpoint(*status),
        (None, _) => return unanswered(code, place, "COPILOT_TOKEN_ENDPOINT", error),
    };
    let text = format!("{place} gives no token (status {}): {}.", answer.status, obstacle.what);
    Finding::wrong(code, text).fix(obstacle.fix)
}

async fn refreshed(client: &DirectLine, token: &SecretString, source: &str) -> Finding {
    after_refresh(in_time(client.refresh(token.expose_secret())).await.map(drop), source)
}

fn after_refresh(outcome: Result<(), CallError>, source: &str) -> Finding {
    let code = "direct_line.refresh";
    match outcome {
        Ok(()) => Finding::good(code, format!("A token by {source} can be renewed.")),
        Err(error) => Finding::caution(code, format!("A token by {source} can't be renewed: {error}.")).fix(
            "Conversations of more than an hour will break off. If it stays so, ask Microsoft's support.",
        ),
    }
}

fn place(root: &Url) -> String {
    format!("Direct Line at {root}")
}

/// The setting that the root comes from.
pub(super) fn where_from(settings: &DirectLineSettings) -> &'static str {
    match (&settings.url, &settings.token_endpoint) {
        (None, Some(_)) => "COPILOT_TOKEN_ENDPOINT",
        _ => "DIRECT_LINE_URL",
    }
}

#[cfg(all(test, feature = "simulate"))]
mod tests {
    use super::*;
    use crate::simulate::copilot::{CopilotOptions, start};

    #[tokio::test]
    async fn a_secret_at_home_in_another_region_is_traced() {
        let service = async |secret: &str| {
            let options = CopilotOptions { secret: secret.to_owned(), ..CopilotOptions::default() };
            let service = start(options).await.expect("a service");
            Url::parse(service.url()).expect("a URL")
        };
        let regions = [service("another").await, service("ours").await];
        let settings = DirectLineSettings {
            url: None,
            token_endpoint: None,
            secret: Some(SecretString::from("ours").into()),
        };
        let http = reqwest::Client::new();
        let found = home_of(&settings, &regions, &http).await.expect("the second region");
        assert_eq!(found.code, "direct_line.region");
        assert_eq!(found.fix, Some(format!("Set DIRECT_LINE_URL to {}.", regions[1])));
        assert_eq!(home_of(&settings, &regions[..1], &http).await, None);
    }
}
