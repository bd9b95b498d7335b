//! Elements that show something.

use super::*;

mod asked;

fn option(label: &str, value: &str) -> Option_ {
    Option_ { label: label.to_owned(), value: value.to_owned(), ..Option_::default() }
}

fn link(label: &str, url: &str) -> Link {
    Link { heading: None, label: label.to_owned(), url: url.to_owned() }
}

fn card(look: CardLook, data: &Value, template: &str) -> (Control, CardLook) {
    (shown(json!({"uiType": "OutputCard", "templateName": template, "data": data.to_string()})), look)
}

#[test]
fn a_file_or_a_picture_may_stand_in_an_object_and_have_blanks() {
    let file = |value: Value| shown(json!({"uiType": "OutputText", "itemType": "file", "value": value}));
    let url = "https://a.example/my file.pdf";
    assert_eq!(file(json!({"url": url, "label": "plan.pdf"})), Control::Link(link("plan.pdf", url)));
    assert_eq!(file(json!(url)), Control::Link(link(url, url)));
    let picture =
        json!({"uiType": "OutputText", "itemType": "Image", "value": {"url": "https://a.example/f.png"}});
    let url = "https://a.example/f.png".to_owned();
    assert_eq!(shown(picture), Control::Image(Image { url, alt: None, caption: None }));
    assert_eq!(file(json!("no address")), Control::Text { text: "no address".to_owned() });
}

#[test]
fn outputs_become_controls() {
    let html = json!({"uiType": "OutputHtml", "style": "inline", "height": 1,
        "value": "<p>Hi <b>you</b> <a href='/kb'>kb</a></p>", "imageUrl": "/x.iix",
        "links": [{"link": "/kb", "label": "kb"}, {"link": "https://b.example", "label": "b"}]});
    let grouped = json!({"uiType": "GroupedPartsOutputControl", "groupPartType": "Link", "header": "Links", "values": [
        {"action": "https://a.example", "description": "d", "label": "A", "context": "KB", "target": "_blank"},
        {"label": "no address"}, {"action": "/only"}, 7, {}]});
    let table = json!({"uiType": "OutputTable", "label": "Incidents", "headers": ["Number", "Text"],
        "data": [["INC1", "slow"], ["INC2", null, 3], {"Text": "t", "Number": {"displayValue": "INC3"}}],
        "paginationBreak": 2, "totalSearchResultsCount": 9, "navigationBtnLabel": "More rows"});
    let part = |label: &str, url: Option<&str>, description: Option<&str>, context: Option<&str>| Part {
        label: label.to_owned(),
        url: url.map(str::to_owned),
        description: description.map(str::to_owned),
        context: context.map(str::to_owned),
    };
    for (element, control) in [
        (
            html,
            Control::Html(Html {
                markdown: "Hi **you** [kb](/kb)".to_owned(),
                picture: some("/x.iix"),
                links: vec![link("b", "https://b.example")],
            }),
        ),
        (
            json!({"uiType": "OutputLink", "label": "ServiceNow", "header": "Works", "type": "link",
                "value": {"action": "https://a.example", "target": "_blank"}}),
            Control::Link(Link { heading: some("Works"), ..link("ServiceNow", "https://a.example") }),
        ),
        (
            json!({"uiType": "OutputImage", "value": "https://a.example/1.png", "altText": "A cat"}),
            Control::Image(Image {
                url: "https://a.example/1.png".to_owned(),
                alt: some("A cat"),
                caption: None,
            }),
        ),
        (
            json!({"uiType": "OutputText", "itemType": "image", "value": "/api/now/v1/cs/media/x", "label": "pic"}),
            Control::Image(Image {
                url: "/api/now/v1/cs/media/x".to_owned(),
                alt: some("pic"),
                caption: some("pic"),
            }),
        ),
        (
            json!({"uiType": "OutputText", "itemType": "File", "value": "sys_attachment.do?sys_id=1", "label": "a.pdf"}),
            Control::Link(link("a.pdf", "sys_attachment.do?sys_id=1")),
        ),
        (
            json!({"uiType": "OutputTable", "headers": [{"label": "Number", "value": "n"}, {"value": "t"}],
                "data": [{"t": "slow", "n": "INC1"}]}),
            Control::Table(Table {
                headers: vec!["Number".to_owned(), "t".to_owned()],
                rows: vec![vec!["INC1".to_owned(), "slow".to_owned()]],
                ..Table::default()
            }),
        ),
        (
            table,
            Control::Table(Table {
                title: some("Incidents"),
                headers: vec!["Number".to_owned(), "Text".to_owned()],
                rows: [vec!["INC1", "slow"], vec!["INC2", "", "3"], vec!["INC3", "t"]]
                    .map(|row| row.into_iter().map(str::to_owned).collect())
                    .to_vec(),
                page: Some(2),
                total: Some(9),
                more_label: some("More rows"),
                only_told: false,
            }),
        ),
        (
            json!({"uiType": "MultiPartOutput", "navigationBtnLabel": "Next",
                "content": {"uiType": "OutputText", "value": "part one"}}),
            Control::MultiPart(MultiPart {
                heading: None,
                part: Box::new(text("part one")),
                more_label: some("Next"),
                last: false,
            }),
        ),
        (
            grouped,
            Control::GroupedParts(GroupedParts {
                heading: some("Links"),
                parts: vec![
                    part("A", Some("https://a.example"), Some("d"), Some("KB")),
                    part("no address", None, None, None),
                    part("/only", Some("/only"), None, None),
                    part("7", None, None, None),
                ],
            }),
        ),
    ] {
        assert_eq!(shown(element), control);
    }
}

#[test]
fn a_cell_stands_under_the_head_that_names_it() {
    let heads =
        |name: &str| json!([{"label": "Number", name: "number"}, {"label": "Assigned to", name: "owner"}]);
    let labels = json!(["Number", "Assigned to"]);
    let row = json!({"owner": "Jo", "number": "INC1"});
    for (headers, row, cells) in [
        (heads("name"), row.clone(), ["INC1", "Jo"]),
        (heads("field"), row, ["INC1", "Jo"]),
        (heads("name"), json!({"owner": "Jo"}), ["", "Jo"]),
        (
            labels.clone(),
            json!({"assigned_to": {"value": "7", "displayValue": "Jo"}, "number": 5}),
            ["5", "Jo"],
        ),
        (labels, json!({"Assigned to": "Jo", "assigned_to": "7", "sys_id": "x"}), ["", "Jo"]),
        (heads("name"), json!({"a": 1, "b": ["x", "y"]}), ["a: 1", "b: x, y"]),
    ] {
        let table = shown(json!({"uiType": "OutputTable", "headers": headers, "data": [row]}));
        let Control::Table(Table { headers, rows, .. }) = table else { panic!("{table:?}") };
        assert_eq!(
            (headers.concat(), &rows[0][..]),
            ("NumberAssigned to".to_owned(), &cells.map(str::to_owned)[..])
        );
    }
}

#[test]
fn what_is_said_beside_html_is_read_by_who_says_it_and_no_link_is_left_out() {
    let mut element = json!({"uiType": "OutputHtml", "label": "__init__.py", "value": "<p>See <a href='/kb?id=1'>one</a></p>",
        "links": [{"label": "All", "link": "/kb"}, {"label": "one", "link": "/kb?id=1"}]});
    for (label, agent) in
        [("__init__.py", json!({})), ("\\_\\_init\\_\\_.py", json!({"sentFromAgent": true}))]
    {
        element["agentInfo"] = agent;
        let markdown = format!("{label}\n\nSee [one](/kb?id=1)");
        let html = Html { markdown, picture: None, links: vec![link("All", "/kb")] };
        assert_eq!(shown(element.clone()), Control::Html(html));
    }
}

#[test]
fn what_stands_in_objects_and_lists_is_read() {
    let text = json!({"uiType": "OutputText", "value": ["x", {"text": "y"}, 3]});
    assert_eq!(shown(text), self::text("x\n\ny\n\n3"));
    let picture =
        json!({"uiType": "OutputImage", "value": {"url": "https://a.example/1.png"}, "altText": "A cat"});
    let url = "https://a.example/1.png".to_owned();
    assert_eq!(shown(picture), Control::Image(Image { url: url.clone(), alt: some("A cat"), caption: None }));
    let value = json!({"displayValue": "Open", "value": "1"});
    let data = json!({"title": value, "message": {"text": "m"}, "image": {"url": url},
        "fields": [{"fieldLabel": "F", "fieldValue": value}, {"fieldLabel": "G", "fieldValue": ["a", "b"]}]});
    let field = |label: &str, value: &str| CardField { label: label.to_owned(), value: value.to_owned() };
    let card = Card {
        title: some("Open"),
        paragraphs: vec!["m".to_owned()],
        image: Some(Image { url, ..Image::default() }),
        fields: vec![field("F", "Open"), field("G", "a, b")],
        ..Card::default()
    };
    assert_eq!(shown(json!({"uiType": "OutputCard", "data": data})), Control::Card(card));
    let picker = shown(json!({"uiType": "Picker", "options": [{"label": value, "value": "1"}]}));
    assert!(matches!(picker, Control::Choice(Choice { items, .. }) if items == [option("Open", "1")]));
}

#[test]
fn cards_of_every_template_become_cards() {
    let record = json!({"sys_id": "1", "subtitle": "INC1", "title": "Incident", "table_name": "incident",
        "fields": [{"fieldLabel": "Number", "fieldValue": "INC1"}], "url": "https://a.example/i", "target": "_blank"});
    let large = json!({"image": "https://a.example/1.png", "description": "About", "title": "Large",
        "imageAlt": "alt", "url": "", "target": "_blank"});
    let video = json!({"id": "abc", "title": "Film", "description": "About"});
    let notice = json!({"sys_id": "5", "recordDisplayValue": "INC2", "messageHeading": "News", "imageUrl": null,
        "tableLabel": "Incident", "enableLink": true, "message": "It came", "fields": [], "url": "https://a.example/n"});
    let simple = json!({"sys_id": null, "messageHeading": "News", "enableLink": false, "message": "It came",
        "url": "https://a.example/null.do"});
    let actionable =
        json!({"title": "Approve?", "actions": [{"label": "Yes", "value": "y"}, {"label": "No"}]});
    let odd =
        json!({"title": "Approve?", "actions": [{"name": "Yes", "actionValue": "y"}, {"actionLabel": "No"}]});
    let open = |url: &str| vec![link("", url)];
    for ((control, look), expected) in [
        (
            card(CardLook::Plain, &record, "Card"),
            Card {
                title: some("Incident"),
                subtitle: some("INC1"),
                fields: vec![CardField { label: "Number".to_owned(), value: "INC1".to_owned() }],
                links: open("https://a.example/i"),
                ..Card::default()
            },
        ),
        (
            card(CardLook::LargeImage, &large, "Large image with text"),
            Card {
                title: some("Large"),
                paragraphs: vec!["About".to_owned()],
                image: Some(Image {
                    url: "https://a.example/1.png".to_owned(),
                    alt: some("alt"),
                    caption: None,
                }),
                ..Card::default()
            },
        ),
        (
            card(CardLook::Video, &video, "Youtube Video Card"),
            Card {
                title: some("Film"),
                paragraphs: vec!["About".to_owned()],
                links: open("https://www.youtube.com/watch?v=abc"),
                ..Card::default()
            },
        ),
        (
            card(CardLook::Notification, &notice, "Notification"),
            Card {
                title: some("News"),
                subtitle: some("INC2 · Incident"),
                paragraphs: vec!["It came".to_owned()],
                links: open("https://a.example/n"),
                ..Card::default()
            },
        ),
        (
            card(CardLook::Notification, &simple, "Notification"),
            Card { title: some("News"), paragraphs: vec!["It came".to_owned()], ..Card::default() },
        ),
        (
            card(CardLook::Notification, &odd, "Notification"),
            Card {
                title: some("Approve?"),
                actions: vec![option("Yes", "y"), option("No", "No")],
                ..Card::default()
            },
        ),
        (
            card(CardLook::Notification, &actionable, "notification"),
            Card {
                title: some("Approve?"),
                actions: vec![option("Yes", "y"), option("No", "No")],
                ..Card::default()
            },
        ),
    ] {
        assert_eq!(control, Control::Card(Card { look, ..expected }));
    }
}
