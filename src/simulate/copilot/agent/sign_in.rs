//! The topic that asks the user to sign in: with a token the page brings, or with the code of a page of the sign-in's own. Nobody
//! is behind it: whoever comes is Dana.

use serde_json::{Value, json};

use super::{Memory, Says, Step, Turn, topics::message};

/// The connection the agent signs in with, and what an exchange is for.
const CONNECTION: &str = "ServiceGuide";
const RESOURCE: &str = "0d7a3c52-5a0b-4b62-9a53-c1b3c8a2f6d4";
/// What the simulated identity provider has given out for the agent.
const TOKEN: &str = "a-token-of-dana";

/// How far the user has come.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    /// The code that the sign-in's page shows; `None` unless one is waited for.
    pub code: Option<String>,
}

/// Asks. The channel adds where the page is.
pub fn ask(memory: &mut Memory) -> Turn {
    let number = 100_000 + (memory.phrases.len() * 48_271) % 900_000;
    memory.sign_in.code = Some(number.to_string());
    Turn { steps: vec![Step { at: std::time::Duration::ZERO, says: Says::SignIn }], ..Turn::default() }
}

/// The card, with its page's address.
pub fn card(page: &str) -> Value {
    let button = json!({"type": "signin", "title": "Sign in", "text": "Sign in", "value": page});
    let content = json!({
        "text": "Please sign in to go on.", "connectionName": CONNECTION, "buttons": [button],
        "tokenExchangeResource": {"id": RESOURCE, "uri": "api://service-guide.example.com", "providerId": "simulated"},
    });
    json!({
        "type": "message", "inputHint": "acceptingInput",
        "attachments": [{"contentType": "application/vnd.microsoft.card.oauth", "content": content}],
    })
}

/// An `invoke` of the user's client. A token that can't be exchanged is refused, and the page then shows the card.
pub fn invoked(memory: &mut Memory, name: &str, value: &Value) -> Turn {
    match name {
        "signin/tokenExchange" => {
            let good =
                value["id"] == RESOURCE && value["connectionName"] == CONNECTION && value["token"] == TOKEN;
            if good && memory.sign_in.code.is_some() {
                done(memory)
            } else {
                Turn { refuses: true, ..Turn::default() }
            }
        }
        "signin/verifyState" => {
            value["state"].as_str().and_then(|code| typed(memory, code)).unwrap_or_default()
        }
        "signin/failure" => Turn::of([message("The sign-in did not work.")]),
        _ => Turn::default(),
    }
}

/// A code, if one is waited for; other words are about something else.
pub fn typed(memory: &mut Memory, text: &str) -> Option<Turn> {
    let code = memory.sign_in.code.as_deref()?;
    if text == code {
        return Some(done(memory));
    }
    let is_code = text.len() == code.len() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| Turn::of([message("That is not the code. Sign in again.")]))
}

fn done(memory: &mut Memory) -> Turn {
    memory.sign_in.code = None;
    Turn::of([message("You are signed in as Dana.")])
}

#[cfg(test)]
mod tests {
    use super::{super::answer, *};

    fn says(memory: &mut Memory, text: &str) -> Turn {
        answer(memory, &json!({"type": "message", "text": text}))
    }

    fn exchanges(memory: &mut Memory, token: &str) -> Turn {
        let value = json!({"id": RESOURCE, "connectionName": CONNECTION, "token": token});
        answer(memory, &json!({"type": "invoke", "name": "signin/tokenExchange", "value": value}))
    }

    fn is_signed_in(turn: &Turn) -> bool {
        turn.steps
            .iter()
            .any(|step| matches!(&step.says, Says::Activity(a) if a["text"] == "You are signed in as Dana."))
    }

    #[test]
    fn a_token_or_the_code_signs_in_and_nothing_else() {
        let mut memory = Memory::default();
        assert!(exchanges(&mut memory, TOKEN).refuses, "nobody was asked");
        let asked = says(&mut memory, "sign in");
        assert!(asked.steps.iter().any(|step| step.says == Says::SignIn));
        assert!(exchanges(&mut memory, "another").refuses);
        let code = memory.sign_in.code.clone().expect("a code");
        assert!(!is_signed_in(&says(&mut memory, "000000")));
        assert!(!is_signed_in(&says(&mut memory, "store hours")));
        assert!(is_signed_in(&says(&mut memory, &code)));
        says(&mut memory, "sign in");
        let turn = exchanges(&mut memory, TOKEN);
        assert!(is_signed_in(&turn) && !turn.refuses);
    }
}
