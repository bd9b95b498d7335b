//! Where the secondary bot's asynchronous answers go. Only looked at: a POST might mean something there.

use reqwest::RequestBuilder;
use secrecy::ExposeSecret;

use super::{
    answer::{ask, unanswered},
    finding::Finding,
    shown,
};
use crate::config::{SecondaryResponse, Settings};

const CODE: &str = "secondary.response_url";

pub(super) async fn check(settings: &Settings, http: &reqwest::Client) -> Vec<Finding> {
    let Some(role) = &settings.secondary_bot else { return Vec::new() };
    let Some(response) = &role.response else {
        return vec![Finding::off(CODE, "SECONDARY_RESPONSE_URL is not set: every answer is synchronous.")];
    };
    let place = format!("The primary bot at {}", shown(&response.url));
    let answer = match ask(with_credentials(http.get(response.url.clone()), response)).await {
        Ok(answer) => answer,
        Err(error) => return vec![unanswered(CODE, &place, "SECONDARY_RESPONSE_URL", &error)],
    };
    vec![judge(&place, answer.status, answer.millis)]
}

fn judge(place: &str, status: u16, millis: u128) -> Finding {
    match status {
        401 | 403 => Finding::wrong(CODE, format!("{place} refuses our credential (status {status}).")).fix(
            "Check SECONDARY_RESPONSE_BASIC, SECONDARY_RESPONSE_TOKEN or the key in the URL with who runs the \
             primary bot.",
        ),
        300..=399 => Finding::caution(CODE, format!("{place} sends elsewhere (status {status})."))
            .fix("Set SECONDARY_RESPONSE_URL to where that leads; answers don't follow."),
        404 => Finding::caution(CODE, format!("{place} knows nothing at this path to GET (status 404).")).fix(
            "Check the path in SECONDARY_RESPONSE_URL. Some servers say this of a path that takes only POST.",
        ),
        429 | 500.. => Finding::caution(CODE, format!("{place} answers a GET with status {status}."))
            .fix("Ask who runs the primary bot; answers are tried again for five minutes."),
        _ => {
            let text = format!("{place} answers ({millis} ms) and does not refuse our credential.");
            Finding::good(CODE, format!("{text} Only a POST would tell all."))
        }
    }
}

fn with_credentials(mut call: RequestBuilder, response: &SecondaryResponse) -> RequestBuilder {
    if let Some(basic) = &response.basic {
        let basic = basic.value();
        let (user, password) = basic.expose_secret().split_once(':').unwrap_or_default();
        call = call.basic_auth(user, Some(password));
    }
    if let Some(token) = &response.token {
        call = call.header("token", token.value().expose_secret());
    }
    call
}
