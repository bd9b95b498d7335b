//! The page of a sign-in: where a real agent would send the user to their identity provider, this one shows the code at once.

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use serde::Deserialize;

use super::{refusal::Refusal, studio::Studio};

/// As the card's button has it, and what Web Chat adds to its end: `&code_challenge=` and the session's id, encoded as a part of it.
#[derive(Deserialize)]
pub struct Asked {
    signin: String,
}

pub async fn page(studio: Data<Studio>, asked: Query<Asked>) -> Result<HttpResponse, Refusal> {
    let (id, challenge) = asked.signin.split_once("&code_challenge=").unwrap_or((&asked.signin, ""));
    let code = studio.find(id).and_then(|conversation| conversation.sign_in_code());
    let code = code.ok_or(Refusal::UnknownConversation)?;
    // The service itself would compare the session with its cookie, and go without a code when it is the same browser.
    let shown = challenge.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-');
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Simulated sign-in</title><body style='font: 1.2rem sans-serif; margin: 3rem'>\
         <h1>Simulated sign-in</h1><p>You are Dana. Type this code in the chat:</p><p><b id=code>{code}</b></p>\
         <p>Session: <span id=session>{}</span></p>",
        shown.collect::<String>()
    );
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}
