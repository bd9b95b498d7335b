//! Pictures that a message of ServiceNow's holds itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::ChatClient;

use crate::{
    files::client::{error_of, link_in, noise, sha256, world_with_links},
    world::World,
};

/// What ServiceNow can hold a picture in: alone, in HTML, in Markdown, in a card, as the picture of a choice.
fn holding(picture: &str) -> [Value; 5] {
    let card = json!({"title": "Card", "image": picture, "imageAlt": "held"});
    [
        json!({"uiType": "OutputImage", "value": picture, "altText": "held"}),
        json!({"uiType": "OutputHtml", "value": format!("<p>see <img src=\"{picture}\" alt=\"held\"></p>")}),
        json!({"uiType": "OutputText", "value": format!("see ![held]({picture}) here")}),
        json!({"uiType": "OutputCard", "templateName": "Large image with text", "data": card.to_string()}),
        json!({"uiType": "Picker", "label": "held", "itemType": "Picture", "options": [
            {"label": "held", "value": "1", "attachment": picture}, {"label": "two", "value": "2"}]}),
    ]
}

async fn shown(world: &World, chat: &mut ChatClient, mut element: Value) -> Value {
    let session = chat.conversation().to_owned();
    let before = chat.received.len();
    element["messageId"] = format!("held-{before}").into();
    let sent = world.servicenow.send(&session, json!({"body": [element]})).await;
    assert_eq!(sent.status, Some(200));
    let id = element["messageId"].clone();
    let is_it = |a: &Value| a["channelData"]["servicenow"]["messageId"] == id;
    chat.see("the picture", is_it).await.unwrap();
    chat.received[before..].iter().find(|a| is_it(a)).unwrap().clone()
}

fn data(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

#[tokio::test]
async fn a_picture_in_a_message_is_given_out_behind_a_link_and_goes_with_the_conversation() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let bytes = noise(300_000);
    let mut links = Vec::new();
    for element in holding(&data("image/png", &bytes)) {
        let activity = shown(&world, &mut chat, element).await;
        let size = activity.to_string().len();
        assert!(size < 3_000, "{size} bytes for a picture that is linked to");
        assert!(activity.to_string().contains("held"), "{activity}");
        let link = link_in(&activity).unwrap_or_else(|| panic!("no link in {activity}"));
        let answer = world.http.get(&link).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), &*header("content-type")), (200, "image/png"));
        assert!(header("content-disposition").starts_with("inline; "));
        assert_eq!((&*header("x-content-type-options"), &*header("content-length")), ("nosniff", "300000"));
        assert_eq!(sha256(&answer.bytes().await.unwrap()), sha256(&bytes));
        links.push(link);
    }
    assert!(world.kept_files().is_empty(), "the message is the only place");
    for forged in [links[0].replace("/c/", "/s/"), format!("{}x", links[0])] {
        assert_eq!(error_of(world.http.get(&forged).send().await.unwrap()).await.0, 403);
    }
    world.operator().erase(chat.conversation(), false).await.unwrap();
    assert_eq!(error_of(world.http.get(&links[0]).send().await.unwrap()).await.0, 404);
}

#[tokio::test]
async fn a_drawing_with_code_in_it_is_only_ever_saved() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let svg =
        data("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
    for element in &holding(&svg)[..4] {
        let activity = shown(&world, &mut chat, element.clone()).await;
        assert!(!activity.to_string().contains("image/svg"), "{activity}");
        let link = link_in(&activity).unwrap_or_else(|| panic!("no link in {activity}"));
        let answer = world.http.get(&link).send().await.unwrap();
        let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(disposition.starts_with("attachment; "), "{disposition}");
    }
}

#[tokio::test]
async fn without_an_address_of_our_own_a_picture_stays_in_its_message() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let picture = data("image/png", &noise(3_000));
    for element in holding(&picture) {
        let activity = shown(&world, &mut chat, element).await;
        assert!(activity.to_string().contains(&picture), "{activity}");
    }
}

#[tokio::test]
async fn a_picture_larger_than_a_file_may_be_is_left_out_and_its_words_are_not() {
    let world = world_with_links(&[("MAX_UPLOAD", "20000")]).await;
    let mut chat = world.live_chat().await;
    for element in holding(&data("image/png", &noise(20_001))) {
        let activity = shown(&world, &mut chat, element).await;
        assert!(activity.to_string().contains("held"), "{activity}");
        assert_eq!(link_in(&activity), None, "{activity}");
    }
    let small = holding(&data("image/png", &noise(1_000)))[0].clone();
    assert!(link_in(&shown(&world, &mut chat, small).await).is_some());
}
