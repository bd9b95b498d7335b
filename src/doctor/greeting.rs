//! Whether the agent speaks: with `--deep` a conversation is opened, begun as a chat client begins it, and ended.

use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    Depth,
    answer::{in_time, unanswered},
    direct_line::where_from,
    finding::{Finding, Verdict},
    obstacle,
};
use crate::{
    config::DirectLineSettings,
    direct_line::{DirectLine, Opened},
    far_end::CallError,
    wire::activity::Activity,
};

const CODE: &str = "direct_line.agent";
const USER: &str = "handler-doctor";
/// How long the first words may take.
const GREETING: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Nothing when there is no credential to open a conversation with. `so_far` is what was found of Direct Line.
pub(super) async fn check(
    settings: &DirectLineSettings,
    client: &DirectLine,
    root: &Url,
    depth: Depth,
    so_far: &[Finding],
) -> Option<Finding> {
    if !client.can_open() {
        return None;
    }
    if depth == Depth::Harmless {
        let text = "Not asked whether the agent speaks: that opens a conversation.";
        return Some(Finding::off(CODE, text).fix("Run `handler doctor --deep`."));
    }
    if let Some(wrong) = in_the_way(settings, so_far) {
        let text = format!(
            "Not asked whether the agent speaks, because no conversation can be opened: see {}.",
            wrong.code
        );
        return Some(Finding::off(CODE, text).fix("Look first at what is said of Direct Line above."));
    }
    let opened = match in_time(client.open(Some(USER), None, None)).await {
        Ok(opened) => opened,
        Err(error) => return Some(not_opened(settings, root, &error)),
    };
    let found = first_words(client, &opened).await;
    let end = json!({ "type": "endOfConversation", "from": { "id": USER } });
    // Whether it is ended or runs out changes nothing of what was found.
    let _ = in_time(post(client, &opened, &end)).await;
    Some(found)
}

/// What is wrong already with the place, or with what opens a conversation there: that is not blamed a second time.
fn in_the_way<'a>(settings: &DirectLineSettings, so_far: &'a [Finding]) -> Option<&'a Finding> {
    let codes: &[_] = match &settings.secret {
        Some(_) => &["direct_line.reach", "direct_line.secret"],
        None => {
            &["direct_line.reach", "direct_line.token_endpoint", "direct_line.region", "direct_line.refresh"]
        }
    };
    so_far.iter().find(|it| it.verdict == Verdict::Wrong && codes.contains(&it.code))
}

fn not_opened(settings: &DirectLineSettings, root: &Url, error: &CallError) -> Finding {
    if let CallError::Rejected { code: Some(code), .. } = error
        && let Some(obstacle) = obstacle::known(code)
    {
        return Finding::wrong(CODE, format!("No conversation can be opened: {}.", obstacle.what))
            .fix(obstacle.fix);
    }
    let setting = match (error, &settings.secret) {
        (CallError::Rejected { .. }, Some(_)) => "DIRECT_LINE_SECRET",
        (CallError::Rejected { .. }, None) => "COPILOT_TOKEN_ENDPOINT",
        _ => where_from(settings),
    };
    unanswered(CODE, &format!("Direct Line at {root}"), setting, error)
}

async fn first_words(client: &DirectLine, opened: &Opened) -> Finding {
    let start =
        json!({ "type": "event", "name": "startConversation", "from": { "id": USER, "role": "user" } });
    // It blocks for the whole of the agent's turn; what is said is read below, whatever becomes of it.
    let posted = post(client, opened, &start).await;
    let until = Instant::now() + GREETING;
    loop {
        let (conversation, authorization) =
            (&opened.conversation_id, opened.token.authorization.expose_secret());
        let set = match in_time(client.activities(conversation, authorization, None, None)).await {
            Ok(set) => set,
            Err(error) => return unanswered(CODE, "Direct Line", "DIRECT_LINE_URL", &error),
        };
        let said: Vec<_> = set.activities.iter().filter(|activity| is_speech(activity)).collect();
        if !said.is_empty() {
            return judge(&said);
        }
        if Instant::now() >= until {
            return silence(posted.err().as_ref());
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

async fn post(client: &DirectLine, opened: &Opened, activity: &serde_json::Value) -> Result<(), CallError> {
    let (conversation, authorization) = (&opened.conversation_id, opened.token.authorization.expose_secret());
    client.post(conversation, authorization, activity, None).await.map(drop)
}

/// The user's own activities are echoed among the agent's.
fn is_speech(activity: &Activity) -> bool {
    let by_user = activity.from.as_ref().is_some_and(|from| from.id.as_deref() == Some(USER));
    !by_user && activity.kind == "message"
}

fn judge(said: &[&Activity]) -> Finding {
    let mut texts = said.iter().filter_map(|activity| activity.text.as_deref());
    if let Some(obstacle) = texts.clone().find_map(obstacle::known) {
        return Finding::wrong(CODE, format!("The agent answers with an error: {}.", obstacle.what))
            .fix(obstacle.fix);
    }
    if let Some(code) = texts.find_map(obstacle::error_code) {
        return Finding::wrong(CODE, format!("The agent answers with the error `{code}`.")).fix(
            "Look it up in Copilot Studio's list of error codes, and mend the agent until its test pane speaks.",
        );
    }
    if said.iter().any(|activity| asks_for_sign_in(activity)) {
        return Finding::caution(CODE, "The agent asks its users to sign in before anything else.").fix(
            "Leave it if the chat page signs them in; else choose `No authentication` in Copilot Studio (Settings > \
             Security > Authentication) and publish the agent.",
        );
    }
    Finding::good(CODE, "The agent speaks.")
}

fn asks_for_sign_in(activity: &Activity) -> bool {
    let kinds = activity.attachments.iter().flatten().filter_map(|it| it["contentType"].as_str());
    kinds.into_iter().any(|kind| kind.ends_with("card.oauth") || kind.ends_with("card.signin"))
}

fn silence(failed: Option<&CallError>) -> Finding {
    let seconds = GREETING.as_secs();
    match failed {
        Some(error) => Finding::wrong(CODE, format!("The agent fails at its first words: {error}."))
            .fix("Open the agent's test pane in Copilot Studio; publish it again once it speaks there."),
        None => Finding::caution(CODE, format!("The agent says nothing within {seconds} s of the start.")).fix(
            "Leave it if the agent greets nobody; else look at its topic `Conversation Start` in Copilot Studio and \
             publish it.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_first_words_decide() {
        let said = |activity: serde_json::Value| {
            let activity: Activity = serde_json::from_value(activity).unwrap();
            judge(&[&activity])
        };
        assert_eq!(said(json!({"type":"message","text":"Hello"})).verdict, Verdict::Good);
        let card = json!({"contentType":"application/vnd.microsoft.card.oauth","content":{}});
        let sign_in = said(json!({"type":"message","attachments":[card]}));
        assert_eq!(sign_in.verdict, Verdict::Caution, "{sign_in}");
        let text = "Error code: IntegratedAuthenticationNotSupportedInChannel.";
        let wrong = said(json!({"type":"message","text":text}));
        assert_eq!(wrong.verdict, Verdict::Wrong);
        assert!(wrong.fix.is_some_and(|fix| fix.contains("No authentication")));
        let text = "Sorry, something went wrong. Error code: ContentFiltered. Conversation ID: 4711.";
        let wrong = said(json!({"type":"message","text":text}));
        assert!(wrong.verdict == Verdict::Wrong && wrong.text.ends_with("the error `ContentFiltered`."));
    }
}
