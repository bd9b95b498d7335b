use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::Timestamp;
use crate::translate::texts::Texts;

fn read(activities: &Value) -> Vec<HistoryLine> {
    let list = activities.as_array().expect("a list");
    let activities = list.iter().cloned().filter_map(Activity::from_value).collect::<Vec<_>>();
    lines(&activities, &Words::default())
}

fn line(from_bot: bool, name: &str, text: &str, at: i64) -> HistoryLine {
    HistoryLine { from_bot, name: name.to_owned(), text: text.to_owned(), at: Timestamp(at) }
}

#[test]
fn a_transcript_becomes_the_lines_people_said() {
    let transcript = json!([
        {"type": "trace", "text": "no", "timestamp": 1},
        {"type": "message", "from": {"id": "u", "name": "Uma", "role": "user"}, "text": "hours?",
            "timestamp": "2020-02-10T21:51:21.491453+00:00"},
        {"type": "message", "from": {"id": "b", "name": "Desk Bot", "role": "bot"}, "text": "9 to 5 [1].\n\n[1]: cite:1 \"H\"",
            "timestamp": 1_581_371_482},
        {"type": "message", "from": {"role": 0}, "text": "", "attachments": []},
        {"type": "message", "from": {"role": 1}, "text": "and Sunday?", "timestamp": 1_581_371_490_000_i64},
        {"type": "message", "from": {"role": 0}, "suggestedActions": {"actions": [
            {"type": "imBack", "title": "Yes", "value": "yes"}, {"type": "imBack", "title": "No", "value": "no"}]}},
        {"type": "message", "from": {"role": "user"}, "text": "", "value": {"choice": "Yes"}, "timestamp": "1581371500"},
        {"type": "event", "name": "handoff.initiate"},
    ]);
    assert_eq!(
        read(&transcript),
        [
            line(false, "Uma", "hours?", 1_581_371_481_491),
            line(true, "Desk Bot", "9 to 5.", 1_581_371_482_000),
            line(false, "User", "and Sunday?", 1_581_371_490_000),
            line(true, "Bot", "Yes\nNo", 1_581_371_490_000),
            line(false, "User", "choice: Yes", 1_581_371_500_000),
        ]
    );
}

#[test]
fn who_has_no_name_is_named_in_the_users_language() {
    let said = json!([{"type": "message", "from": {"role": "user"}, "text": "Hallo"},
        {"type": "message", "from": {"role": "bot"}, "text": "Ja?"}]);
    let activities = said.as_array().expect("a list").iter().cloned().filter_map(Activity::from_value);
    let texts = Texts::default();
    let lines = lines(&activities.collect::<Vec<_>>(), &texts.of(Some("de")));
    assert_eq!(lines, [line(false, "Nutzer", "Hallo", 0), line(true, "Bot", "Ja?", 0)]);
}

#[test]
fn cards_and_files_are_read_in_the_order_they_are_seen() {
    let transcript = json!([{"type": "message", "from": {"role": "bot"}, "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard",
            "actions": [{"type": "Action.Submit", "title": "Go", "data": {"title": "hidden"}}],
            "body": [{"type": "TextBlock", "text": "Ticket"},
                {"type": "FactSet", "facts": [{"title": "State:", "value": "New"}, {"title": "Count", "value": 5}, {"title": "Alone"}]},
                {"type": "TextBlock", "text": "Due {{DATE(2026-03-05T06:08:39Z, SHORT)}}"},
                {"type": "Input.ChoiceSet", "choices": [{"title": "Red", "value": "r"}]}]}},
        {"contentType": "application/vnd.microsoft.card.hero", "content": {"title": "Hero", "text": "body",
            "buttons": [{"type": "imBack", "title": "Press", "value": "p"}]}},
        {"contentType": "image/png", "contentUrl": "https://example.com/a.png", "name": "a.png"},
    ]}]);
    assert_eq!(
        read(&transcript),
        [line(true, "Bot", "Ticket\nState: New\nCount: 5\nAlone\nDue 2026-03-05\nHero\nbody\na.png", 0)]
    );
}

#[test]
fn whatever_a_card_is_written_as_its_words_are_read() {
    let bot =
        |attachment: Value| json!({"type": "message", "from": {"role": "bot"}, "attachments": [attachment]});
    let card = |content: Value| {
        bot(json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": content}))
    };
    let block = |text: &str| json!({"type": "TextBlock", "text": text});
    let row = |name: &str| json!({"type": "ColumnSet", "columns": [{"items": [block(name)]}, {"items": [block("OK")]}]});
    let receipt = json!({"title": "Your order", "facts": [{"key": "Number", "value": "1234"}], "tax": "1 €", "total": "13 €",
        "items": [{"title": "Pizza", "quantity": "2", "price": "12 €"}]});
    let user = json!({"type": "message", "from": {"role": "user"}, "attachments": [
        {"contentType": "image/png", "contentUrl": "https://a.example/x/cat.png?s=1"}]});
    for (activity, told) in [
        (
            card(json!(json!({"type": "AdaptiveCard", "body": [block("In a string")]}).to_string())),
            "In a string",
        ),
        (
            card(
                json!({"body": [{"type": "Carousel", "pages": [{"items": [block("one")]}, {"items": [block("two")]}]}]}),
            ),
            "one\ntwo",
        ),
        (card(json!({"body": [{"type": "Chart", "fallback": block("as text")}]})), "as text"),
        (card(json!({"body": [{"type": "TextBlock", "text": "known", "fallback": block("no")}]})), "known"),
        (card(json!({"body": [], "fallbackText": "Only that"})), "Only that"),
        (
            card(
                json!({"body": [{"type": "CodeBlock", "codeSnippet": "x = 1"}, {"type": "New", "description": "d"}]}),
            ),
            "x = 1\nd",
        ),
        (
            json!({"type": "message", "from": {"role": "bot"}, "speak": "<speak>Hello <break/>there</speak>"}),
            "Hello there",
        ),
        (
            bot(json!({"contentType": "application/vnd.microsoft.card.receipt", "content": receipt})),
            "Your order\nNumber: 1234\nPizza × 2: 12 €\nTax: 1 €\nTotal: 13 €",
        ),
        (card(json!({"body": [row("VPN"), row("Mail")]})), "VPN\nOK\nMail\nOK"),
        (
            bot(
                json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"images": [{"url": "x", "alt": "A map"}]}}),
            ),
            "A map",
        ),
        (user, "cat.png"),
    ] {
        let lines = read(&json!([activity]));
        assert_eq!(lines.first().map(|line| &*line.text), Some(told), "{activity}");
    }
}

#[test]
fn lines_are_plain_text_as_their_readers_read_it() {
    let text = "I know these words, and **agent** calls a person:\n- help\n- [status](https://a.example)";
    let transcript = json!([
        {"type": "message", "from": {"role": "bot"}, "text": text},
        {"type": "message", "from": {"role": "user"}, "text": "C:\\__init__.py\n*yes*"},
        {"type": "message", "from": {"role": "user"}, "text": "[1]: cite:1 what is this? [Hours](cite:1)"},
        {"type": "message", "from": {"role": "bot"}, "text": "*as it stands*", "textFormat": "plain"},
        {"type": "message", "from": {"role": "user"}, "text": "How do I use <br> and <b>bold</b> in a page?", "textFormat": "plain"},
        {"type": "message", "from": {"role": "user"}, "text": "and <i>this</i>, &amp;?"},
        {"type": "message", "from": {"role": "bot"}, "text": "Write <b>hello</b> please", "textFormat": "plain"},
        {"type": "message", "from": {"role": "bot"}, "text": "Read <b>this</b><br>please"},
        {"type": "message", "from": {"role": "bot"}, "text": "Choose:", "attachments": [
            {"content": {"title": "One", "text": "**first**", "buttons": [{"title": "Take it"}]}},
            {"content": {"type": "AdaptiveCard", "body": [
                {"type": "RichTextBlock", "inlines": ["Two ", {"type": "TextRun", "text": "and a half"}]}]}}]},
        {"type": "message", "from": {"role": "bot"}, "attachments": [{"content": {"buttons": [{"title": "Yes"}]}}]},
        {"type": "message", "from": {"role": "bot"}, "text": "[1]: cite:1 \"Only a source\""},
    ]);
    let texts = read(&transcript).into_iter().map(|line| line.text).collect::<Vec<_>>();
    assert_eq!(
        texts,
        [
            "I know these words, and agent calls a person:\n\n- help\n- status (https://a.example)",
            "C:\\__init__.py\n*yes*",
            "[1]: cite:1 what is this? [Hours](cite:1)",
            "*as it stands*",
            "How do I use <br> and <b>bold</b> in a page?",
            "and <i>this</i>, &amp;?",
            "Write <b>hello</b> please",
            "Read this\nplease",
            "Choose:\nOne\nfirst\nTwo and a half",
            "Yes",
        ]
    );
}

#[test]
fn who_spoke_is_guessed_from_the_rest_when_no_role_is_given() {
    let transcript = json!([
        {"type": "message", "text": "a", "recipient": {"role": "user"}, "timestamp": true},
        {"type": "message", "text": "b", "replyToId": "x"},
        {"type": "message", "text": "c", "timestamp": "2020-01-01T00:00:00Z"},
    ]);
    let start = 1_577_836_800_000;
    assert_eq!(
        read(&transcript),
        [line(true, "Bot", "a", start), line(true, "Bot", "b", start), line(false, "User", "c", start)]
    );
}

#[test]
fn the_oldest_lines_give_way_first() {
    let said = |text: &str| line(false, "U", text, 0);
    let all = vec![said("one"), said("two"), said("three")];
    assert_eq!(bound(all.clone(), 10_000), (all.clone(), false));
    assert_eq!(bound(all.clone(), 2 * (OVERHEAD + 6)), (vec![said("two"), said("three")], true));
    assert_eq!(bound(vec![said("ééé")], OVERHEAD + 1 + 3), (vec![said("é")], true));
    assert_eq!(bound(all, 0), (vec![], true));
    assert_eq!(bound(vec![], 0), (vec![], false));
}

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn a_bound_is_kept_and_only_the_oldest_go(
        texts in prop::collection::vec(".{0,40}", 0..8), max in 0_usize..1500,
    ) {
        let all = texts.iter().map(|text| line(true, "B", text, 0)).collect::<Vec<_>>();
        let (kept, cut) = bound(all.clone(), max);
        let size: usize = kept.iter().map(|line| line.name.len() + line.text.len() + OVERHEAD).sum();
        prop_assert!(size <= max);
        prop_assert_eq!(cut, kept != all);
        if kept.len() > 1 {
            prop_assert_eq!(&kept[..], &all[all.len() - kept.len()..]);
        }
    }
}

#[test]
fn what_direct_line_shows_behind_its_answers_stands_before_them() {
    let say = |id: &str, text: &str, second: i64| {
        let at = Timestamp(1_767_225_600_000 + second * 1_000).rfc3339();
        json!({"type": "message", "id": id, "text": text, "timestamp": at, "from": {"id": "u"}})
    };
    let texts = |activities: &Value| {
        let list: Vec<Activity> = serde_json::from_value(activities.clone()).expect("activities");
        in_order(list).into_iter().filter_map(|activity| activity.text).collect::<Vec<_>>()
    };
    let counted =
        [say("c|0000001", "answer", 1), say("c|0000000", "question", 1), say("c|0000002", "thanks", 1)];
    assert_eq!(texts(&json!(counted)), ["question", "answer", "thanks"]);
    let again = [
        say("c|0000000", "hello", 1),
        say("c|0000002", "answer", 3),
        say("c|0000001", "question", 2),
        say("c|0000000", "back again", 900),
        say("c|0000001", "welcome back", 901),
    ];
    assert_eq!(texts(&json!(again)), ["hello", "question", "answer", "back again", "welcome back"]);
    let dated = [say("5d", "answer", 2), say("6e", "question", 1), say("7f", "thanks", 3)];
    assert_eq!(texts(&json!(dated)), ["question", "answer", "thanks"]);
    let mut odd = json!(dated);
    odd[1]["timestamp"] = Value::Null;
    assert_eq!(texts(&odd), ["answer", "question", "thanks"], "nothing tells");
}
