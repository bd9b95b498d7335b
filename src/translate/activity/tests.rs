use url::Url;

use super::*;
use crate::domain::control::{
    Card, CardField, CardLook, Choice, ChoiceKind, ChoiceLook, Generated, GroupedParts, Item, MomentKind,
    Part, Table,
};

mod cards;
mod questions;

fn shown(control: &Control) -> Rendered {
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    let signed = |url: &str| Some(format!("https://bridge.example.net/f?u={}", url.len()));
    render(control, &RenderContext { file_link: &signed, ..RenderContext::unlinked(&instance) })
}

fn asked(text: &str) -> Rendered {
    Rendered { input_hint: Some("expectingInput"), ..text_only(text) }
}

fn told(text: &str) -> Rendered {
    Rendered { input_hint: Some("acceptingInput"), ..text_only(text) }
}

fn button(label: &str, value: &str) -> Value {
    json!({"type": "messageBack", "title": label, "displayText": label, "text": label,
        "value": {"serviceNowAnswer": value}})
}

fn offers(buttons: &[Value]) -> Value {
    json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"buttons": buttons}})
}

fn text_only(text: &str) -> Rendered {
    let text = (!text.is_empty()).then(|| text.to_owned());
    Rendered { text_format: text.is_some().then_some("markdown"), text, ..Rendered::default() }
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

fn title(text: &str) -> Value {
    json!({"type": "TextBlock", "text": text, "wrap": true, "weight": "Bolder", "size": "Medium"})
}

fn subtle(text: &str) -> Value {
    json!({"type": "TextBlock", "text": text, "wrap": true, "isSubtle": true, "spacing": "Small"})
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
    assert_eq!(shown(&degraded), Rendered { degraded: true, ..told("read &lt;me>") });
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
        (link("", "mailto:a@example.com"), "[mailto:a\\@example\\.com](mailto:a@example.com)"),
        (link("Manual\n\nfor it", "https://a.example/m"), "[Manual for it](https://a.example/m)"),
        (link("Call", "tel:+49301234"), "[Call](tel:+49301234)"),
        (
            Link { heading: Some("Head".to_owned()), ..link("a", "https://a.example") },
            "Head\n\n[a](https://a.example/)",
        ),
    ] {
        assert_eq!(shown(&Control::Link(link)), told(text));
    }
}

/// A link that is the content itself, in all the places that links have.
#[test]
fn content_in_an_address_is_given_out_or_left_out_and_never_read() {
    let given = |_: &str| Some("https://bridge.example.net/c".to_owned());
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    let context = RenderContext { picture_link: &given, ..RenderContext::unlinked(&instance) };
    let part = |url: &str| Part {
        label: "plan".to_owned(),
        url: Some(url.to_owned()),
        description: None,
        context: None,
    };
    for (kind, text) in [("image/png", "[plan](https://bridge.example.net/c)"), ("application/pdf", "plan")] {
        let url = &format!("data:{kind};base64,{}", "iVBORw0KGgo".repeat(200));
        let card = Card { links: vec![link("plan", url)], paragraphs: vec![url.clone()], ..Card::default() };
        let shown = |control: &Control| render(control, &context);
        assert_eq!(shown(&Control::Link(link("plan", url))).text.as_deref(), Some(text));
        let nameless = shown(&Control::Link(link("", url)));
        assert!(!format!("{nameless:?}").contains("iVBOR"), "{nameless:?}");
        for control in [
            Control::GroupedParts(GroupedParts { heading: None, parts: vec![part(url)] }),
            Control::Card(Card { paragraphs: Vec::new(), ..card.clone() }),
        ] {
            let shown = format!("{:?}", shown(&control));
            assert!(shown.contains(text) && !shown.contains("iVBOR"), "{shown}");
        }
        let fallback = &shown(&Control::Card(card)).attachments[0]["content"]["fallbackText"];
        assert!(kind != "image/png" || !fallback.to_string().contains("iVBOR"), "{fallback}");
    }
}

#[test]
fn a_picture_in_an_address_is_a_picture_wherever_it_stands() {
    let given = |_: &str| Some("https://bridge.example.net/c".to_owned());
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    let context = RenderContext { picture_link: &given, ..RenderContext::unlinked(&instance) };
    let data = || format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(20));
    let table =
        |columns: usize| Control::Table(Table { rows: vec![vec![data(); columns]], ..Table::default() });
    let part = Part { label: "a".to_owned(), description: Some(data()), ..Part::default() };
    let field = CardField { label: "a".to_owned(), value: data() };
    let item = || Item { description: Some(data()), ..items(&["Laptop"]).remove(0) };
    let choice = |several| Choice { items: vec![item()], several, ..Choice::default() };
    let panels = Choice { look: ChoiceLook::Pictures, ..choice(false) };
    for (control, pictures) in [
        (table(1), 1),
        (table(6), 6),
        (Control::Card(Card { subtitle: Some(data()), fields: vec![field], ..Card::default() }), 2),
        (Control::GroupedParts(GroupedParts { heading: Some(data()), parts: vec![part] }), 2),
        (Control::Choice(choice(false)), 1),
        (Control::Choice(choice(true)), 1),
        (Control::Choice(panels), 1),
    ] {
        let shown = format!("{:?}", render(&control, &context));
        assert_eq!(shown.matches("https://bridge.example.net/c").count(), pictures, "{shown}");
        assert!(!shown.contains("iVBOR") && !shown.contains("data:"), "{shown}");
    }
}

#[test]
fn descriptions_are_read_as_they_were_filled_in() {
    let described = |text: &str| Item { description: Some(text.to_owned()), ..items(&["Laptop"]).remove(0) };
    let items = vec![described("<b>fast</b><p>new</p>"), described("2*3*4\n1 < 2")];
    let choice = shown(&Control::Choice(Choice { items, ..Choice::default() }));
    let text = "- **Laptop**: **fast**  \n  new\n- **Laptop**: 2\\*3\\*4  \n  1 \\< 2";
    assert_eq!(choice.text.as_deref(), Some(text));
}

/// Tags in a label are read as they are in any text; a label's own signs mean themselves.
#[test]
fn html_in_a_label_is_read() {
    let article =
        shown(&Control::Link(link("The <b>new</b> R&eacute;sum&eacute; 2. *x*", "https://a.example/")));
    assert_eq!(article.text.as_deref(), Some("[The new Résumé 2. \\*x\\*](https://a.example/)"));
    let table = Table {
        headers: vec!["Serial<br>number".to_owned(), "Plan <x> end".to_owned()],
        rows: vec![vec!["<b>1</b>".to_owned(), "2".to_owned()]],
        ..Table::default()
    };
    let table = &shown(&Control::Table(table)).attachments[0]["content"];
    let header = |at: usize| table["body"][0]["columns"][at]["items"][0]["text"].clone();
    assert_eq!((header(0), header(1)), (json!("Serial  \nnumber"), json!("Plan \\<x> end")));
    assert_eq!(table["fallbackText"], "Serial\nnumber\nPlan <x> end\n1\n2");
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
    let data = "data:image/gif;base64,AAAA";
    assert_eq!(image(data, Some("cat")), media("image/gif", data, "cat"));
    assert_eq!(image("ftp://a.example/1.png", Some("cat")), told("cat (ftp\\:\\//a\\.example/1\\.png)"));
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
    let shown = |control: &Control| render(control, &RenderContext::unlinked(&instance));
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
fn a_control_fills_an_activity_and_leaves_the_rest() {
    let mut activity = Activity { id: Some("a".to_owned()), ..Activity::default() };
    shown(&Control::Choice(picker(1))).fill(&mut activity);
    assert_eq!(
        serde_json::to_value(&activity).expect("JSON"),
        json!({"type": "", "id": "a", "text": "Which?", "textFormat": "markdown", "inputHint": "expectingInput",
            "attachments": [offers(&[button("Option 0", "v0")])]})
    );
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
