//! Samples that show something: text, HTML, links, images, files, tables, cards, notifications.

use serde_json::{Value, json};

use super::{FILE_ID, Sample, one};

const IMAGE: &str = "https://images.example.com/laptop.png";

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = texts();
    samples.extend(html());
    samples.extend(links());
    samples.extend(files());
    samples.extend(parts());
    samples.extend(cards());
    samples.extend(image_cards());
    samples.extend(notifications());
    samples
}

fn texts() -> Vec<Sample> {
    let text = |value: Value| {
        json!({"uiType": "OutputText", "group": "DefaultText", "value": value,
        "agentInfo": {}})
    };
    vec![
        one("Text", "text", text(json!("Hello, this is the service desk. What can I do for you?"))),
        one(
            "Text",
            "markdown",
            text(json!(
                "**Steps**\n\n1. Open *Settings*\n2. Choose `VPN`\n\n- or read [the guide](https://kb.example.com/vpn)"
            )),
        ),
        one("Text", "special characters", text(json!("Grüße 👋 <b>not bold</b> & \"quotes\" 100 % *"))),
        one(
            "Text",
            "long text",
            text(json!("All work and no play makes a long text. ".repeat(120).trim_end())),
        ),
        one(
            "Text",
            "text in label",
            json!({"uiType": "OutputText", "group": "DefaultText", "required": false,
                "nluTextEnabled": false,
                "label": "This text stands in the label.", "maskType": "NONE", "itemType": "outputtext"}),
        ),
        one(
            "Text",
            "text in message",
            json!({"uiType": "OutputText", "group": "DefaultText",
                "message": "This text stands in the message."}),
        ),
        one(
            "Text",
            "several items",
            json!([
                {"uiType": "OutputText", "group": "DefaultText", "value": "First of two.", "agentInfo": {}},
                {"uiType": "OutputText", "group": "DefaultText", "value": "Second of two.",
                    "agentInfo": {}},
            ]),
        ),
    ]
}

fn html() -> Vec<Sample> {
    vec![
        one(
            "Text",
            "html",
            json!({"uiType": "OutputHtml", "group": "DefaultOutputHtml", "style": "inline", "height": 100,
                "width": 100,
                "value": "<html><body><h2>Status</h2><p>The <b>mail</b> service is <i>slow</i>. \
                    <a href=\"https://status.example.com\">See more</a></p><script>alert(1)</script></body></html>",
                "imageUrl": null, "imageHeight": 0, "imageWidth": 0, "links": null}),
        ),
        one(
            "Text",
            "html table",
            json!({"uiType": "OutputHtml", "group": "DefaultOutputHtml", "style": "inline", "height": 0,
                "width": 0,
                "value": "<table><tr><th>Site</th><th>State</th></tr><tr><td>North</td><td>up</td></tr>\
                    <tr><td><a href=\"https://status.example.com/south\">South</a></td><td>down</td></tr></table>",
                "imageUrl": "ee4e0a3b1c2d4e5f60718293a4b5c6d7.iix", "imageHeight": 200, "imageWidth": 400,
                "links": [{"link": "https://status.example.com/south", "label": "South"}]}),
        ),
    ]
}

fn links() -> Vec<Sample> {
    vec![
        one(
            "Links",
            "link",
            json!({"uiType": "OutputLink", "group": "DefaultOutputLink", "label": "VPN guide",
                "header": "This may help",
                "type": "link", "value": {"action": "https://kb.example.com/vpn", "target": "_blank"}}),
        ),
        one(
            "Links",
            "link as text",
            json!({"uiType": "OutputLink", "group": "DefaultOutputLink", "label": "Status page",
                "header": "",
                "type": "link", "value": "https://status.example.com"}),
        ),
        one(
            "Links",
            "several links",
            json!({"uiType": "GroupedPartsOutputControl", "group": "DefaultGroupedPartsOutputControl",
            "groupPartType": "Link", "header": "Articles about VPN", "values": [
                {"action": "https://kb.example.com/vpn", "description": "For Windows",
                    "label": "Set up VPN",
                    "context": "KB", "target": "_blank"},
                {"action": "https://kb.example.com/vpn-mac", "description": "For macOS",
                    "label": "VPN on a Mac",
                    "context": "KB", "target": "_blank"},
            ]}),
        ),
    ]
}

fn files() -> Vec<Sample> {
    let image = |url: &str, alt: &str| {
        json!({"uiType": "OutputImage", "group": "DefaultOutputImage",
        "value": url, "altText": alt})
    };
    vec![
        one("Files", "image", image(IMAGE, "A laptop")),
        one(
            "Files",
            "image of the instance",
            image("ee4e0a3b1c2d4e5f60718293a4b5c6d7.iix", "A picture that needs a login"),
        ),
        one(
            "Files",
            "file of the agent",
            json!({"uiType": "OutputLink", "group": "DefaultOutputLink", "label": "manual.txt",
                "header": "A file for you",
                "type": "link", "agentInfo": {},
                "value": {"action": format!("sys_attachment.do?sys_id={FILE_ID}"), "target": "_blank"}}),
        ),
    ]
}

fn parts() -> Vec<Sample> {
    let rows: Vec<Value> =
        (1..=12).map(|row| json!([format!("INC00000{row:02}"), format!("Example problem {row}")])).collect();
    vec![
        one(
            "Tables and parts",
            "table",
            json!({"uiType": "OutputTable", "group": "DefaultOutputTable", "label": "Open incidents",
                "headers": ["Number", "Short description"], "paginationBreak": 5,
                    "totalSearchResultsCount": 12,
                "navigationBtnLabel": "Click for more", "data": rows}),
        ),
        one(
            "Tables and parts",
            "small table",
            json!({"uiType": "OutputTable", "group": "DefaultOutputTable", "label": "Sites",
                "headers": ["Site", "State"],
                "navigationBtnLabel": "Next", "data": [["North", "up"], ["South", "down"]]}),
        ),
        one(
            "Tables and parts",
            "multi-part",
            json!({"uiType": "MultiPartOutput", "group": "DefaultMultiPartOutput",
                "navigationBtnLabel": "Click for more",
                "content": {"uiType": "OutputText", "value": "The first part of a long story.",
                    "maskType": "NONE"}}),
        ),
        one(
            "Tables and parts",
            "multi-part html",
            json!({"uiType": "MultiPartOutput", "group": "DefaultMultiPartOutput",
                "navigationBtnLabel": "Go on",
                "content": {"uiType": "OutputHtml", "style": "inline", "type": "html", "height": 100,
                    "width": 100,
                    "value": "<div>The <em>second</em> part.</div>"}}),
        ),
    ]
}

/// A card; its data is JSON in a string.
fn card(template: &str, data: Value) -> Value {
    json!({"uiType": "OutputCard", "group": "DefaultOutputCard", "templateName": template,
        "data": data.to_string()})
}

fn cards() -> Vec<Sample> {
    let fields = json!([
        {"fieldLabel": "Number", "fieldValue": "INC0000042"},
        {"fieldLabel": "State", "fieldValue": "In progress"},
    ]);
    let record = "https://instance.example.com/incident.do?sys_id=42";
    vec![
        one(
            "Cards",
            "card",
            card(
                "Card",
                json!({"sys_id": "42", "title": "Incident", "subtitle": "INC0000042", "fields": fields,
                "table_name": "incident", "url": record, "target": "_blank"}),
            ),
        ),
        one(
            "Cards",
            "record card",
            card(
                "Record",
                json!({"sys_id": "42", "recordDisplayValue": "INC0000042", "tableLabel": "Incident",
                "fields": fields, "table_name": "incident", "url": record}),
            ),
        ),
        one(
            "Cards",
            "card of an unknown template",
            card("Hologram", json!({"title": "From the future", "url": record})),
        ),
    ]
}

fn image_cards() -> Vec<Sample> {
    vec![
        one(
            "Cards",
            "large image card",
            card(
                "Large image with text",
                json!({"image": IMAGE, "title": "New laptop", "imageAlt": "A laptop",
                "description": "Ready on Monday.", "url": "https://shop.example.com", "target": "_blank"}),
            ),
        ),
        one(
            "Cards",
            "small image card",
            card(
                "Small Image With Text",
                json!({"image": IMAGE, "title": "Dock", "imageAlt": "A dock",
                "description": "Fits your laptop.", "url": "", "target": "_blank"}),
            ),
        ),
        one(
            "Cards",
            "video card",
            card(
                "Youtube Video Card",
                json!({"link": "https://videos.example.com/vpn", "id": "vpn-in-a-minute",
                "title": "VPN in a minute", "description": "Watch it first.", "url": "",
                    "target": "_blank"}),
            ),
        ),
    ]
}

/// As the pages show them: complete, and of no agent. They show no actionable one: its `actions` are a guess, or
/// a control asks beside it.
fn notifications() -> Vec<Sample> {
    let notification = |image: Value, fields: Value, actions: Value| {
        let data = json!({"sys_id": "42", "recordDisplayValue": "INC0000042", "imageUrl": image,
            "messageHeading": "Your incident has changed", "message": "A technician works on it.",
            "fields": fields, "actions": actions, "tableLabel": "Incident", "enableLink": true,
            "table_name": "incident", "url": "https://instance.example.com/incident.do?sys_id=42"});
        json!({"body": [card("Notification", data)], "completed": true, "score": 1})
    };
    let none = || json!([]);
    let asking = |mut body: Value, options: &Value| {
        let picker = json!({"uiType": "Picker", "group": "DefaultPicker", "required": true,
            "label": "Do you approve INC0000042?", "itemType": "List", "options": options});
        if let Some(items) = body["body"].as_array_mut() {
            items.push(picker);
        }
        body
    };
    let fields = json!([{"fieldLabel": "State", "fieldValue": "In progress"}]);
    let actions =
        json!([{"label": "Approve", "value": "approve_42"}, {"label": "Reject", "value": "reject_42"}]);
    [
        ("notification", notification(Value::Null, none(), none())),
        ("image notification", notification(json!(IMAGE), none(), none())),
        ("record notification", notification(Value::Null, fields, none())),
        ("actionable notification", notification(Value::Null, none(), actions.clone())),
        ("notification with a question", asking(notification(Value::Null, none(), none()), &actions)),
    ]
    .map(|(name, body)| Sample { name, group: "Notifications", bodies: vec![body] })
    .into()
}
