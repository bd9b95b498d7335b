//! What is told in a card.

use super::*;

fn strong(text: &str) -> Value {
    json!({"type": "TextBlock", "text": text, "wrap": true, "weight": "Bolder"})
}

fn row(cells: &[Value]) -> Value {
    let columns = cells.iter().map(|cell| json!({"type": "Column", "width": "stretch", "items": [cell]}));
    json!({"type": "ColumnSet", "columns": columns.collect::<Vec<_>>()})
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
            image, title("Incident"), subtle("INC1"), block("&#91;Heading&#93; \\*it\\*"),
            {"type": "FactSet", "facts": [{"title": "Number", "value": "INC1"}]}, block("ftp\\:\\//x"),
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
        only_told: false,
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
fn the_long_heads_of_a_wide_table_are_told_apart_in_each_row() {
    let headers = (0..5).map(|at| format!("<b>{}</b>{at}", "題".repeat(40))).collect::<Vec<_>>();
    let rows = vec![vec!["c".to_owned(); 5]; 2];
    let table = shown(&Control::Table(Table { headers, rows, ..Table::default() }));
    let heads = |row: usize| {
        let facts = &table.attachments[0]["content"]["body"][0]["items"][row]["items"][0]["facts"];
        facts.as_array().expect("facts").iter().map(|fact| fact["title"].clone()).collect::<Vec<_>>()
    };
    let head = |at: usize| json!(format!("{}…{}{at}", "題".repeat(16), "題".repeat(16)));
    assert_eq!(heads(0)[4], format!("**{}**4", "題".repeat(40)));
    assert_eq!(heads(1), (0..5).map(head).collect::<Vec<_>>());
}

#[test]
fn a_table_takes_no_more_room_than_it_has_content() {
    let rows = [vec!["c".to_owned(); 800]].into_iter().chain(vec![vec!["c".to_owned()]; 800]).collect();
    let wide = Control::Table(Table { headers: vec!["h".to_owned(); 800], rows, ..Table::default() });
    let headers = vec!["h".repeat(20_000); 5];
    let rows = vec![vec!["c".to_owned(); 5]; 1_000];
    let long = Control::Table(Table { headers, rows, ..Table::default() });
    for table in [wide, long] {
        let size = shown(&table).attachments[0].to_string().len();
        assert!(size < 1_000_000, "{size}");
    }
}

#[test]
fn a_part_offers_the_next_one() {
    let part = |part, more_label: Option<&str>| {
        shown(&Control::MultiPart(MultiPart {
            heading: None,
            part: Box::new(part),
            more_label: more_label.map(str::to_owned),
            last: false,
        }))
    };
    let one = Control::Text { text: "one".to_owned() };
    let offering = |actions: &[Value]| Rendered { attachments: vec![offers(actions)], ..asked("one") };
    assert_eq!(part(one.clone(), Some("Next")), offering(&[button("Next", "click_for_more")]));
    assert_eq!(part(one, None), offering(&[button("Show more", "click_for_more")]));
    let nested = part(Control::Choice(picker(1)), None).attachments;
    assert_eq!(nested, [offers(&[button("Option 0", "v0"), button("Show more", "click_for_more")])]);
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
                block("[Link &#91;1&#93;](https://www.foo.example/)"), block("about"), subtle("KB")]},
            {"type": "Container", "separator": true, "items": [block("plain")]},
        ],
    }));
    assert_eq!(shown(&grouped), Rendered { attachments: vec![expected], ..told("") });
}
