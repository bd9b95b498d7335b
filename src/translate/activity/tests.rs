use url::Url;

use super::*;
use crate::domain::control::{Card, CardField, CardLook, Generated, GroupedParts, MomentKind, Part, Table};

fn shown(control: &Control) -> Rendered {
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    let signed = |url: &str| Some(format!("https://bridge.example.net/f?u={}", url.len()));
    render(control, &RenderContext { instance: &instance, file_link: &signed })
}

fn asked(text: &str) -> Rendered {
    Rendered { input_hint: Some("expectingInput"), ..Rendered::text(text.to_owned()) }
}

fn told(text: &str) -> Rendered {
    Rendered { input_hint: Some("acceptingInput"), ..Rendered::text(text.to_owned()) }
}

fn button(label: &str, value: &str) -> Value {
    json!({"type": "messageBack", "title": label, "displayText": label, "text": label,
        "value": {"serviceNowAnswer": value}})
}

fn offers(actions: &[Value]) -> Option<Value> {
    Some(json!({"to": [], "actions": actions}))
}

fn adaptive(content: Value) -> Value {
    let mut whole = json!({"type": "AdaptiveCard", "version": "1.5",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json"});
    for (key, value) in content.as_object().expect("an object") {
        whole[key] = value.clone();
    }
    json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": whole})
}

fn block(text: &str) -> Value {
    json!({"type": "TextBlock", "text": text, "wrap": true})
}

fn strong(text: &str) -> Value {
    json!({"type": "TextBlock", "text": text, "wrap": true, "weight": "Bolder"})
}

fn title(text: &str) -> Value {
    json!({"type": "TextBlock", "text": text, "wrap": true, "weight": "Bolder", "size": "Medium"})
}

fn subtle(text: &str) -> Value {
    json!({"type": "TextBlock", "text": text, "wrap": true, "isSubtle": true, "spacing": "Small"})
}

fn row(cells: &[Value]) -> Value {
    let columns = cells.iter().map(|cell| json!({"type": "Column", "width": "stretch", "items": [cell]}));
    json!({"type": "ColumnSet", "columns": columns.collect::<Vec<_>>()})
}

fn send(question: &str) -> Value {
    json!({"type": "Action.Submit", "title": "Send", "data": {"serviceNowQuestion": question}})
}

fn skip() -> Value {
    json!({"type": "Action.Submit", "title": "Skip", "data": {"serviceNowAnswer": "_skip_"},
        "associatedInputs": "none"})
}

fn items(labels: &[&str]) -> Vec<Item> {
    let item = |(at, label): (usize, &&str)| Item {
        label: (*label).to_owned(),
        value: format!("v{at}"),
        ..Item::default()
    };
    labels.iter().enumerate().map(item).collect()
}

fn picker(count: usize) -> Choice {
    let labels = (0..count).map(|at| format!("Option {at}")).collect::<Vec<_>>();
    let labels = labels.iter().map(String::as_str).collect::<Vec<_>>();
    Choice { prompt: Some("Which?".to_owned()), items: items(&labels), ..Choice::default() }
}

fn link(label: &str, url: &str) -> Link {
    Link { heading: None, label: label.to_owned(), url: url.to_owned() }
}

#[test]
fn text_keeps_its_markdown_and_its_links_become_absolute() {
    let control = Control::Text { text: "**Hi** [kb](/kb?id=1) ![x](a.iix)".to_owned() };
    let expected =
        told("**Hi** [kb](https://acme.example.com/kb?id=1) ![x](https://bridge.example.net/f?u=30)");
    assert_eq!(shown(&control), expected);
    let degraded = Control::Degraded { ui_type: "X".to_owned(), text: "read <me>".to_owned() };
    assert_eq!(shown(&degraded), Rendered { degraded: true, ..told("read \\<me>") });
    let generated = Control::Generated(Generated { text: "Whole".to_owned(), ..Generated::default() });
    assert_eq!(shown(&generated), told("Whole"));
}

#[test]
fn links_lead_to_the_web_or_are_text() {
    for (link, text) in [
        (link("ServiceNow *1*", "https://a.example/x"), "[ServiceNow \\*1\\*](https://a.example/x)"),
        (link("Rel", "/sp?id=1"), "[Rel](https://acme.example.com/sp?id=1)"),
        (link("Bare", "www.example.com"), "[Bare](https://www.example.com/)"),
        (link("File", "sys_attachment.do?sys_id=1"), "[File](https://bridge.example.net/f?u=51)"),
        (link("Host", "acme.example.com//api/now/x"), "[Host](https://bridge.example.net/f?u=35)"),
        (link("Bad", "javascript:alert(1)"), "Bad (javascript:alert(1))"),
        (link("", "mailto:a@example.com"), "mailto:a@example.com"),
        (
            Link { heading: Some("Head".to_owned()), ..link("a", "https://a.example") },
            "Head\n\n[a](https://a.example/)",
        ),
    ] {
        assert_eq!(shown(&Control::Link(link)), told(text));
    }
}

#[test]
fn an_image_is_an_attachment_with_its_words() {
    let image = |url: &str, alt: Option<&str>| {
        shown(&Control::Image(Image { url: url.to_owned(), alt: alt.map(str::to_owned), caption: None }))
    };
    let media = |kind: &str, url: &str, name: &str| Rendered {
        attachments: vec![json!({"contentType": kind, "contentUrl": url, "name": name})],
        ..told("")
    };
    assert_eq!(
        image("https://a.example/1.jpg?x=1", Some("cat")),
        media("image/jpeg", "https://a.example/1.jpg?x=1", "cat")
    );
    assert_eq!(image("a.iix", None), media("image/png", "https://bridge.example.net/f?u=30", "Picture"));
    assert_eq!(image("data:image/png;base64,AAAA", Some("cat")), told("cat"));
    assert_eq!(image("ftp://a.example/1.png", Some("cat")), told("cat (ftp://a.example/1.png)"));
}

#[test]
fn html_is_its_markdown_or_else_its_picture() {
    let html = Html {
        markdown: "**a**".to_owned(),
        picture: Some("a.iix".to_owned()),
        links: vec![link("b", "/b")],
    };
    assert_eq!(shown(&Control::Html(html)), told("**a**\n\n[b](https://acme.example.com/b)"));
    let drawn = Html { picture: Some("a.iix".to_owned()), ..Html::default() };
    let picture = json!({"contentType": "image/png", "contentUrl": "https://bridge.example.net/f?u=30", "name": "Picture"});
    assert_eq!(shown(&Control::Html(drawn)), Rendered { attachments: vec![picture], ..told("") });
}

#[test]
fn a_picture_that_asks_for_a_login_is_a_link_when_it_cant_go_through_us() {
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    let shown =
        |control: &Control| render(control, &RenderContext { instance: &instance, file_link: &|_| None });
    let url = || "a.iix".to_owned();
    let link = "[cat](https://acme.example.com/a.iix)";
    let image = Image { url: url(), alt: Some("cat".to_owned()), caption: None };
    assert_eq!(shown(&Control::Image(image.clone())), told(link));
    assert_eq!(
        shown(&Control::Text { text: "see ![cat](a.iix)!".to_owned() }),
        told(&format!("see {link}!"))
    );
    let drawn = Html { picture: Some(url()), ..Html::default() };
    assert_eq!(shown(&Control::Html(drawn)), told("[Picture](https://acme.example.com/a.iix)"));
    let card = Card { title: Some("Dock".to_owned()), image: Some(image), ..Card::default() };
    let card = &shown(&Control::Card(card)).attachments[0]["content"]["body"];
    assert!(!card.to_string().contains("iix"), "{card}");
    assert_eq!(card[1]["text"], "cat");
    let item = Item { image: Some(url()), ..items(&["Laptop"]).remove(0) };
    let choice = Choice { items: vec![item], ..Choice::default() };
    let panel = &shown(&Control::Choice(choice)).attachments[0]["content"];
    assert_eq!((&panel["title"], panel.get("images")), (&json!("Laptop"), None));
}

#[test]
fn a_card_is_an_adaptive_card_with_its_parts_in_order() {
    let card = Card {
        look: CardLook::LargeImage,
        title: Some("Incident".to_owned()),
        subtitle: Some("INC1".to_owned()),
        paragraphs: vec!["[Heading] *it*".to_owned()],
        image: Some(Image { url: "/x.iix".to_owned(), alt: Some("alt".to_owned()), caption: None }),
        fields: vec![CardField { label: "Number".to_owned(), value: "INC1".to_owned() }],
        links: vec![link("", "/i"), link("Bad", "ftp://x")],
        actions: items(&["Approve"]),
    };
    let image = json!({"type": "Image", "url": "https://bridge.example.net/f?u=30", "altText": "alt", "size": "Stretch"});
    let expected = adaptive(json!({
        "fallbackText": "Incident\nINC1\n[Heading] *it*",
        "body": [
            image, title("Incident"), subtle("INC1"), block("\\[Heading\\] \\*it\\*"),
            {"type": "FactSet", "facts": [{"title": "Number", "value": "INC1"}]}, block("ftp://x"),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": "Open", "url": "https://acme.example.com/i"},
            {"type": "Action.Submit", "title": "Approve", "data": {"serviceNowAnswer": "v0"}, "associatedInputs": "none"},
        ],
    }));
    assert_eq!(shown(&Control::Card(card)), Rendered { attachments: vec![expected], ..told("") });
}

#[test]
fn a_table_holds_all_its_pages() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let table = Control::Table(Table {
        title: Some("Incidents".to_owned()),
        headers: words(&["No", "Text"]),
        rows: vec![words(&["1", "a*b"]), words(&["2"]), words(&["3", "c"])],
        page: Some(1),
        total: Some(9),
        more_label: Some("More".to_owned()),
    });
    let page = |at: usize, cells: &[Value]| {
        json!({"type": "Container", "separator": true, "id": format!("page{at}"), "isVisible": at == 0,
            "items": [row(cells)]})
    };
    let more = |at: usize, targets: Value| {
        json!({"type": "ActionSet", "id": format!("more{at}"), "isVisible": at == 0, "actions": [
            {"type": "Action.ToggleVisibility", "title": "More", "targetElements": targets}]})
    };
    let target = |id: &str, seen: bool| json!({"elementId": id, "isVisible": seen});
    let expected = adaptive(json!({
        "fallbackText": "Incidents\nNo\nText\n1\na*b\n2\n3\nc",
        "body": [
            title("Incidents"), row(&[strong("No"), strong("Text")]),
            page(0, &[block("1"), block("a\\*b")]),
            more(0, json!([target("page1", true), target("more0", false), target("more1", true)])),
            page(1, &[block("2"), block("")]),
            more(1, json!([target("page2", true), target("more1", false)])),
            page(2, &[block("3"), block("c")]),
            subtle("3 of 9"),
        ],
    }));
    assert!(table.waits_for_done());
    assert_eq!(shown(&table), Rendered { attachments: vec![expected], ..told("") });
}

#[test]
fn the_rows_of_a_wide_table_are_lists_of_facts() {
    let words = |prefix: &str| (0..5).map(|at| format!("{prefix}{at}")).collect::<Vec<_>>();
    let table = Control::Table(Table { headers: words("h"), rows: vec![words("c")], ..Table::default() });
    let facts =
        (0..5).map(|at| json!({"title": format!("h{at}"), "value": format!("c{at}")})).collect::<Vec<_>>();
    let body = &shown(&table).attachments[0]["content"]["body"];
    assert_eq!(body[0]["items"][0]["items"], json!([{"type": "FactSet", "facts": facts}]));
}

#[test]
fn a_part_offers_the_next_one() {
    let part = |part, more_label: Option<&str>| {
        shown(&Control::MultiPart(MultiPart {
            heading: None,
            part: Box::new(part),
            more_label: more_label.map(str::to_owned),
        }))
    };
    let one = Control::Text { text: "one".to_owned() };
    let offering = |actions: &[Value]| Rendered { suggested_actions: offers(actions), ..asked("one") };
    assert_eq!(part(one.clone(), Some("Next")), offering(&[button("Next", "click_for_more")]));
    assert_eq!(part(one, None), offering(&[button("Show more", "click_for_more")]));
    let nested = part(Control::Choice(picker(1)), None).suggested_actions;
    assert_eq!(nested, offers(&[button("Option 0", "v0"), button("Show more", "click_for_more")]));
}

#[test]
fn grouped_links_share_a_card() {
    let part = Part {
        label: "Link [1]".to_owned(),
        url: Some("www.foo.example".to_owned()),
        description: Some("about".to_owned()),
        context: Some("KB".to_owned()),
    };
    let plain = Part { label: "plain".to_owned(), ..Part::default() };
    let grouped =
        Control::GroupedParts(GroupedParts { heading: Some("Links".to_owned()), parts: vec![part, plain] });
    let expected = adaptive(json!({
        "fallbackText": "Links\nLink [1]\nplain",
        "body": [
            title("Links"),
            {"type": "Container", "separator": true, "items": [
                block("[Link \\[1\\]](https://www.foo.example/)"), block("about"), subtle("KB")]},
            {"type": "Container", "separator": true, "items": [block("plain")]},
        ],
    }));
    assert_eq!(shown(&grouped), Rendered { attachments: vec![expected], ..told("") });
}

#[test]
fn a_handful_of_choices_are_suggested() {
    let buttons = (0..6).map(|at| button(&format!("Option {at}"), &format!("v{at}"))).collect::<Vec<_>>();
    let expected = Rendered { suggested_actions: offers(&buttons), ..asked("Which?") };
    assert_eq!(shown(&Control::Choice(picker(6))), expected);
    let optional = Choice { optional: true, ..picker(1) };
    let expected = Rendered {
        suggested_actions: offers(&[button("Option 0", "v0"), button("Skip", "_skip_")]),
        ..asked("Which?")
    };
    assert_eq!(shown(&Control::Choice(optional)), expected);
}

#[test]
fn more_choices_are_buttons_and_many_are_a_list() {
    let some = shown(&Control::Choice(Choice { optional: true, ..picker(7) }));
    let buttons = (0..7).map(|at| button(&format!("Option {at}"), &format!("v{at}"))).collect::<Vec<_>>();
    let hero = json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"buttons": buttons}});
    let expected = Rendered {
        attachments: vec![hero],
        suggested_actions: offers(&[button("Skip", "_skip_")]),
        ..asked("Which?")
    };
    assert_eq!(some, expected);
    let many = shown(&Control::Choice(Choice { optional: true, ..picker(13) }));
    let choices = (0..13).map(|at| json!({"title": format!("Option {at}"), "value": format!("v{at}")}));
    let input = json!({"type": "Input.ChoiceSet", "id": "answer", "label": "Please choose:", "isRequired": true,
        "errorMessage": "Please choose:", "isMultiSelect": false, "style": "compact", "wrap": true, "placeholder": "Choose one",
        "choices": choices.collect::<Vec<_>>()});
    let card = adaptive(
        json!({"body": [input], "actions": [send("one"), skip()], "fallbackText": "Please choose:"}),
    );
    assert_eq!(many, Rendered { attachments: vec![card], ..asked("Which?") });
}

#[test]
fn several_choices_are_ticked_in_a_card() {
    let choice = Choice { several: true, items: items(&["a"]), prompt: None, ..Choice::default() };
    let choice =
        Choice { items: vec![Item { value: "x,y".to_owned(), ..choice.items[0].clone() }], ..choice };
    let input = json!({"type": "Input.ChoiceSet", "id": "answer", "label": "Please choose:", "isRequired": true,
        "errorMessage": "Please choose:", "isMultiSelect": true, "style": "expanded", "wrap": true,
        "choices": [{"title": "a", "value": "x%2Cy"}]});
    let card =
        adaptive(json!({"body": [input], "actions": [send("several")], "fallbackText": "Please choose:"}));
    assert_eq!(shown(&Control::Choice(choice)), Rendered { attachments: vec![card], ..asked("") });
}

#[test]
fn pictures_are_a_carousel_and_descriptions_are_told() {
    let item = Item {
        label: "Cat".to_owned(),
        value: "c".to_owned(),
        description: Some("purrs".to_owned()),
        image: Some("https://a.example/1.png".to_owned()),
    };
    let pictures = Choice { look: ChoiceLook::Pictures, items: vec![item.clone()], ..picker(0) };
    let hero = json!({"contentType": "application/vnd.microsoft.card.hero", "content": {
        "title": "Cat", "text": "purrs", "images": [{"url": "https://a.example/1.png", "alt": "Cat"}],
        "buttons": [button("Cat", "c")]}});
    let expected = Rendered {
        attachments: vec![hero],
        attachment_layout: Some("carousel".to_owned()),
        ..asked("Which?")
    };
    assert_eq!(shown(&Control::Choice(pictures)), expected);
    let plain = Choice { items: vec![Item { image: None, ..item }], ..picker(0) };
    let expected =
        Rendered { suggested_actions: offers(&[button("Cat", "c")]), ..asked("Which?\n\n- **Cat**: purrs") };
    assert_eq!(shown(&Control::Choice(plain)), expected);
}

#[test]
fn inputs_ask_in_their_own_way() {
    let input = |mask, optional| {
        shown(&Control::TextInput(TextInput { prompt: Some("Say".to_owned()), mask, optional }))
    };
    assert_eq!(input(Mask::None, false), asked("Say"));
    let skippable = Rendered { suggested_actions: offers(&[button("Skip", "_skip_")]), ..asked("Say") };
    assert_eq!(input(Mask::None, true), skippable);
    let hint = "Your answer stays hidden";
    let password = json!({"type": "Input.Text", "id": "answer", "label": hint, "style": "Password",
        "isRequired": true, "errorMessage": hint});
    let card =
        adaptive(json!({"body": [password], "actions": [send("secret"), skip()], "fallbackText": hint}));
    assert_eq!(input(Mask::Secure, true), Rendered { attachments: vec![card], ..asked("Say") });

    let moment = |kind| {
        let rendered =
            shown(&Control::Moment(Moment { kind, prompt: Some("When?".to_owned()), optional: false }));
        assert_eq!(rendered.text.as_deref(), Some("When?"));
        rendered.attachments[0]["content"].clone()
    };
    let field = |kind: &str, id: &str, label: &str| json!({"type": kind, "id": id, "label": label, "isRequired": true, "errorMessage": label});
    let (date, time) = (field("Input.Date", "date", "Date"), field("Input.Time", "time", "Time"));
    assert_eq!(moment(MomentKind::Date)["body"], json!([date]));
    assert_eq!(moment(MomentKind::Time)["body"], json!([time]));
    assert_eq!(moment(MomentKind::DateTime)["body"], json!([date, time]));
    assert_eq!(moment(MomentKind::DateTime)["actions"], json!([send("dateTime")]));
}

#[test]
fn an_upload_tells_its_limits() {
    let upload = |max_count, max_megabytes| {
        let upload =
            Upload { prompt: Some("File?".to_owned()), max_count, max_megabytes, ..Upload::default() };
        shown(&Control::Upload(upload))
    };
    assert_eq!(upload(Some(3), Some(5)), asked("File?\n\n(up to 3 files, at most 5 MB each)"));
    assert_eq!(upload(Some(1), None), asked("File?\n\n(1 file)"));
    assert_eq!(upload(None, None), asked("File?"));
    let bare = Upload { optional: true, ..Upload::default() };
    let expected =
        Rendered { suggested_actions: offers(&[button("Skip", "_skip_")]), ..asked("Please send a file.") };
    assert_eq!(shown(&Control::Upload(bare)), expected);
}

#[test]
fn a_control_fills_an_activity_and_leaves_the_rest() {
    let mut activity = Activity { id: Some("a".to_owned()), ..Activity::default() };
    shown(&Control::Choice(picker(1))).fill(&mut activity);
    assert_eq!(
        serde_json::to_value(&activity).expect("JSON"),
        json!({"type": "", "id": "a", "text": "Which?", "textFormat": "markdown", "inputHint": "expectingInput",
            "suggestedActions": {"to": [], "actions": [button("Option 0", "v0")]}})
    );
}
