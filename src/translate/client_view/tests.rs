mod passing;

use super::*;
use crate::{
    domain::control::{Choice, Control, Item, Progress, Step},
    session::{AgentSaid, EndReason, State, StreamPiece, ToAgent},
    translate::{answer::answer_one, texts::Words},
};

const AT: Timestamp = Timestamp(1_760_000_000_123);

/// One of every fact ever stored.
const FACTS: &str = include_str!("../../../tests/fixtures/facts-v1.jsonl");

/// What the client sees of a fact at position 17.
fn seen(fact: &Fact) -> Option<Value> {
    let types = AgentTypes { position: 17, by: Speaker::VirtualAgent, since: AT };
    seen_as(fact, Some(&types), &[], &[])
}

fn seen_as(fact: &Fact, types: Option<&AgentTypes>, streams: &[Stream], lifts: &[Lift]) -> Option<Value> {
    seen_at(fact, 17, types, streams, lifts)
}

fn here() -> ConversationId {
    ConversationId::parse("91hcXEd0-eu").expect("a valid id")
}

fn seen_at(
    fact: &Fact,
    position: u64,
    types: Option<&AgentTypes>,
    streams: &[Stream],
    lifts: &[Lift],
) -> Option<Value> {
    let conversation = here();
    let user = User { id: "dl_jo".to_owned(), ..User::default() };
    let instance = "https://acme.service-now.com/".parse().expect("a URL");
    let signed = |url: &str| Some(format!("https://us.example/files?{url}"));
    let context = RenderContext { file_link: &signed, ..RenderContext::unlinked(&instance) };
    let streams = streams.iter().collect();
    shown(fact, position, &Scene { conversation: &conversation, user: &user, context, streams, types, lifts })
}

/// What every activity holds, and `rest`.
fn whole(rest: Value) -> Option<Value> {
    let mut whole = json!({
        "id": "91hcXEd0-eu|L0000017", "timestamp": "2025-10-09T08:53:20.123Z", "channelId": "directline",
        "conversation": {"id": "91hcXEd0-eu"},
    });
    whole.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    Some(whole)
}

fn servicenow() -> Value {
    json!({"id": "servicenow", "name": "ServiceNow", "role": "bot"})
}

fn agent_said(message_id: Option<&str>, by: Speaker, control: Control) -> Fact {
    let message_id = message_id.map(str::to_owned);
    Fact::AgentSaid(Box::new(AgentSaid {
        message_id,
        place: 0,
        step: None,
        ends: None,
        lost: false,
        by,
        control,
        at: AT,
    }))
}

fn text(text: &str) -> Control {
    Control::Text { text: text.to_owned() }
}

#[test]
fn what_an_agent_says_is_a_message_under_their_name() {
    let ana = Agent {
        name: Some("Ana".to_owned()),
        id: Some("5c1d2e3f".to_owned()),
        avatar: Some("ee4eebf3.iix?t=small".to_owned()),
    };
    let avatar = "https://us.example/files?https://acme.service-now.com/ee4eebf3.iix?t=small";
    let expected = json!({
        "type": "message", "text": "\\*\\*Good\\*\\* morning.", "textFormat": "markdown", "inputHint": "acceptingInput",
        "from": {"id": "5c1d2e3f", "name": "Ana", "role": "bot"},
        "channelData": {"servicenow": {"sentFromAgent": true, "agentId": "5c1d2e3f", "agentAvatar": avatar,
            "messageId": "m1"}},
    });
    assert_eq!(
        seen(&agent_said(Some("m1"), Speaker::Agent(ana), text("**Good** morning."))),
        whole(expected)
    );
}

#[test]
fn whoever_speaks_is_named_as_far_as_they_are_known() {
    let named = Agent { name: Some("Ana".to_owned()), ..Agent::default() };
    let of_agent = json!({"sentFromAgent": true});
    let rows = [
        (Speaker::Agent(named), json!({"id": "agent Ana", "name": "Ana", "role": "bot"}), of_agent.clone()),
        (
            Speaker::Agent(Agent::default()),
            json!({"id": "agent", "name": "Live agent", "role": "bot"}),
            of_agent,
        ),
        (
            Speaker::VirtualAgent,
            json!({"id": "servicenow-virtual-agent", "name": "Virtual Agent", "role": "bot"}),
            json!({"sentFromAgent": false}),
        ),
    ];
    for (by, from, data) in rows {
        let expected = json!({
            "type": "message", "text": "hi", "textFormat": "markdown", "inputHint": "acceptingInput", "from": from,
            "channelData": {"servicenow": data},
        });
        assert_eq!(seen(&agent_said(None, by, text("hi"))), whole(expected));
    }
}

#[test]
fn a_system_text_is_read_sign_for_sign() {
    let expected = json!({
        "type": "message", "text": "You are \\*second\\* in line.", "textFormat": "markdown",
        "inputHint": "acceptingInput", "from": servicenow(),
        "channelData": {"servicenow": {"sentFromAgent": false, "system": true, "messageId": "m1"}},
    });
    let said = agent_said(Some("m1"), Speaker::System, text("You are *second* in line."));
    assert_eq!(seen(&said), whole(expected));
}

#[test]
fn what_has_no_picture_of_its_own_is_shown_as_its_words() {
    let degraded = Control::Degraded { ui_type: "Hologram".to_owned(), text: "Look at this.".to_owned() };
    let activity = seen(&agent_said(Some("m1"), Speaker::System, degraded)).expect("shown");
    assert_eq!(activity["text"], "Look at this.");
}

#[test]
fn an_answer_names_the_question_it_answers_and_so_does_its_echo() {
    let laptop = Item { label: "Laptop".to_owned(), value: "hw-1".to_owned(), ..Item::default() };
    for (few, several) in [(1, false), (9, false), (20, false), (3, true)] {
        let items = vec![laptop.clone(); few];
        let question = Control::Choice(Choice { items, several, ..Choice::default() });
        let shown = seen(&agent_said(Some("m1"), Speaker::VirtualAgent, question.clone())).expect("shown");
        assert_eq!(shown["channelData"]["servicenow"]["question"], 17);
        let action = shown.pointer("/attachments/0/content/buttons/0/value");
        let action = action.or_else(|| shown.pointer("/attachments/0/content/actions/0/data"));
        let click = json!({"type": "message", "value": action.expect("an action")});
        let click = serde_json::from_value(click).expect("an activity");
        let here = ConversationId::parse("91hcXEd0-eu").expect("an id");
        let open = [(16, question.clone()), (17, question.clone())];
        assert_eq!(answer_one(&click, &here, &open, &Words::default()).question, Some(17), "{few} {several}");
        let elsewhere = ConversationId::parse("elsewhere").expect("an id");
        assert_eq!(
            answer_one(&click, &elsewhere, &open, &Words::default()).question,
            None,
            "{few} {several}"
        );
    }
    let message = Some(ToAgent { text: "hw-1".to_owned(), ..ToAgent::default() });
    let said = UserSaid { message, answers: Some(12), at: AT, ..UserSaid::default() };
    let echo = seen(&Fact::UserSaid(Box::new(said.clone()))).expect("shown");
    assert_eq!(echo["channelData"], json!({"servicenow": {"answers": 12}}));
    let again = UserSaid { message: None, ..said };
    assert_eq!(seen(&Fact::UserSaid(Box::new(again))).expect("shown").get("channelData"), None);
}

#[test]
fn more_of_a_longer_task_stands_in_the_place_of_what_was_shown_of_it() {
    let progress = |steps: &[&str], first| {
        let steps = steps.iter().map(|step| Step { text: (*step).to_owned(), status: None }).collect();
        let control = Control::Progress(Progress { steps, first, ..Progress::default() });
        seen(&agent_said(None, Speaker::VirtualAgent, control)).expect("shown")
    };
    let begun = progress(&["Searched"], None);
    assert_eq!((&begun["text"], begun["channelData"].get("streamId")), (&json!("Searched"), None));
    let grown = progress(&["Searched", "Found"], Some(9));
    assert_eq!(grown["text"], "- Searched\n- Found");
    assert_eq!(grown["channelData"]["streamId"], "91hcXEd0-eu|L0000009", "the id of what was shown first");
    assert_eq!(grown["id"], "91hcXEd0-eu|L0000017", "a message of its own all the same");
}

#[test]
fn the_users_words_are_echoed_as_they_came() {
    let echo = json!({
        "text": "hello", "locale": "de-DE", "channelData": {"clientActivityID": "c1"},
        "from": {"id": "dl_jo", "name": "Jo", "role": "bot"}, "type": "event", "timestamp": "yesterday",
    });
    let said = UserSaid {
        client_id: Some("c1".to_owned()),
        message: Some(ToAgent { text: "hello".to_owned(), typed: true, ..ToAgent::default() }),
        echo: echo.as_object().expect("an object").clone(),
        at: AT,
        ..UserSaid::default()
    };
    let expected = json!({
        "type": "message", "text": "hello", "locale": "de-DE", "channelData": {"clientActivityID": "c1"},
        "from": {"id": "dl_jo", "name": "Jo", "role": "user"},
    });
    assert_eq!(seen(&Fact::UserSaid(Box::new(said.clone()))), whole(expected.clone()));
    let untold = UserSaid { message: None, ..said.clone() };
    assert_eq!(seen(&Fact::UserSaid(Box::new(untold))), whole(expected.clone()), "though nobody is told");
    let mut own_id = whole(expected).expect("shown");
    own_id["id"] = "91hcXEd0-eu|0000008".into();
    let upstream = UserSaid { id: Some(ActivityId("91hcXEd0-eu|0000008".to_owned())), ..said.clone() };
    assert_eq!(seen(&Fact::UserSaid(Box::new(upstream))), Some(own_id));
    let shown = UserSaid { shown: true, ..said };
    assert_eq!(seen(&Fact::UserSaid(Box::new(shown))), None, "the client has it");
}

#[test]
fn an_echo_without_a_sender_is_the_users() {
    let said = UserSaid { at: AT, ..UserSaid::default() };
    let expected = json!({"type": "message", "from": {"id": "dl_jo", "role": "user"}});
    assert_eq!(seen(&Fact::UserSaid(Box::new(said))), whole(expected));
}

#[test]
fn life_cycle_is_told_as_bot_framework_does() {
    use EndReason::*;
    let joined = |name: Option<&str>| Fact::AgentJoined {
        agent: Agent { name: name.map(str::to_owned), ..Agent::default() },
        at: AT,
    };
    let ended = |why| Fact::ChatEnded { why, tell: false, at: AT };
    let ana = json!({"id": "agent Ana", "name": "Ana", "role": "bot"});
    for (fact, state, message) in [
        (joined(Some("Ana")), "accepted", "Ana has joined the chat."),
        (joined(None), "accepted", "A live agent has joined the chat."),
        (ended(ByAgent), "completed", "The live chat has ended."),
        (ended(ControlReturned), "completed", "The live chat has ended."),
        (ended(ByUser), "completed", "You have left the live chat."),
        (ended(Idle), "completed", "The live chat has ended because nothing was said for a long time."),
        (ended(NobodyInTime), "failed", "No live agent could take your request in time."),
        (ended(NobodyAvailable), "failed", "No live agent is available at the moment."),
        (ended(NotOpened), "failed", "The live chat could not be started."),
    ] {
        let from = if fact == joined(Some("Ana")) { ana.clone() } else { servicenow() };
        let expected = json!({
            "type": "event", "name": "handoff.status", "from": from,
            "value": {"state": state, "message": message},
        });
        assert_eq!(seen(&fact), whole(expected));
    }
    let over = json!({"type": "endOfConversation", "code": "completedSuccessfully", "from": servicenow()});
    assert_eq!(seen(&Fact::ConversationOver { at: AT }), whole(over));
}

#[test]
fn a_line_of_ours_is_plain_text_from_nobody() {
    for (notice, text) in [
        (Notice::Joined { name: Some("Ana".to_owned()) }, "Ana has joined the chat."),
        (Notice::Joined { name: None }, "A live agent has joined the chat."),
        (Notice::Ended { why: EndReason::ByAgent }, "The live chat has ended."),
        (Notice::NotDelivered { text: "a *b".to_owned() }, "This message could not be delivered: a *b"),
        (Notice::EnterAgain, "Your answer may not have arrived. Please enter it again."),
    ] {
        let expected = json!({
            "type": "message", "text": text, "textFormat": "plain", "from": servicenow(),
            "channelData": {"servicenow": {"sentFromAgent": false, "system": true}},
        });
        assert_eq!(seen(&Fact::Noticed { notice, at: AT }), whole(expected));
    }
}

#[test]
fn nothing_is_stamped_before_what_was_shown_and_each_behind_the_other() {
    let floor = AT.plus_millis(2_000);
    let lifts = [Lift { position: 10, floor }];
    let shown = seen_as(&Fact::Noticed { notice: Notice::EnterAgain, at: AT }, None, &[], &lifts);
    assert_eq!(shown.expect("shown")["timestamp"], floor.plus_millis(7).rfc3339(), "17 stands behind 10");
}

#[test]
fn nothing_else_is_the_clients_to_see() {
    let visible = [
        "user_said",
        "agent_said",
        "agent_joined",
        "agent_typing",
        "stream_piece",
        "stream_dropped",
        "noticed",
        "chat_ended",
        "conversation_over",
    ];
    let mut hidden = 0;
    for line in FACTS.lines() {
        let stored: Value = serde_json::from_str(line).expect("JSON");
        let name = stored["fact"].as_str().expect("a name");
        if !visible.contains(&name) {
            let fact: Fact = serde_json::from_str(line).expect("a fact");
            assert_eq!(seen(&fact), None, "{line}");
            hidden += 1;
        }
    }
    assert!(hidden > 10);
}
