use super::*;

#[test]
fn what_opens_a_file_is_read_under_either_name_and_in_every_form() {
    for (given, opens) in [
        (json!({"headers": {"Authorization": "Basic eDp5"}}), Some("Basic eDp5")),
        (json!({"header": {"Authorization": "Basic eDp5"}}), Some("Basic eDp5")),
        (json!({"Headers": {"AUTHORIZATION": " Basic eDp5 "}}), Some("Basic eDp5")),
        (json!({"headers": {}, "header": {"Authorization": "Basic eDp5"}}), Some("Basic eDp5")),
        (json!({"headers": {"Authorization": ["Basic eDp5"]}}), Some("Basic eDp5")),
        (json!({"headers": [{"Accept": "*/*"}, {"Authorization": "Basic eDp5"}]}), Some("Basic eDp5")),
        (json!({"headers": [{"name": "Authorization", "value": "Basic eDp5"}]}), Some("Basic eDp5")),
        (json!({"headers": "Authorization: Basic eDp5"}), Some("Basic eDp5")),
        (json!({"headers": ["Authorization: Basic eDp5"]}), Some("Basic eDp5")),
        (json!({"headers": "{\"Authorization\": \"Basic eDp5\"}"}), Some("Basic eDp5")),
        (json!({"headers": [{"key": "Authorization", "value": "Basic eDp5"}]}), Some("Basic eDp5")),
        (json!({"headers": {"headers": {"Authorization": "Basic eDp5"}}}), Some("Basic eDp5")),
        (json!({"headers": {"Authorization": 1234567}}), Some("1234567")),
        (json!({"authorization": "Basic eDp5"}), Some("Basic eDp5")),
        (json!({"url": "https://x:y@files.example.com/a.png"}), Some("Basic eDp5")),
        (json!({"headers": "Basic eDp5"}), None),
        (json!({"headers": {"X-Key": "k"}}), None),
    ] {
        let body = json!({"message": {"attachment": given}}).to_string();
        let request = Request::parse(body.as_bytes()).expect("a request");
        let Action::Message(Message { attachments, .. }) = &request.action else { panic!("{body}") };
        let headers = &attachments[0].headers;
        assert_eq!((headers.authorization(), headers.are_empty()), (opens, false), "{body}");
        assert_eq!(Request::parse(&request.to_bytes()).expect("a request"), request, "{body}");
    }
    for packed in [
        json!({"attachment": json!({"url": "https://a.example", "header": {"Authorization": "k"}}).to_string()}),
        json!({"attachments": [{"url": "https://a.example", "header": {"Authorization": "k"}}]}),
    ] {
        let Action::Message(Message { attachments, .. }) = read(&json!({"message": packed})).action else {
            panic!("{packed}")
        };
        let [Attachment { url, headers, .. }] = &attachments[..] else { panic!("{packed}") };
        assert_eq!((&**url, headers.authorization()), ("https://a.example", Some("k")));
    }
    for nothing in
        [json!(null), json!({}), json!([]), json!(""), json!({"Authorization": " "}), json!([null])]
    {
        let body = json!({"message": {"attachment": {"headers": nothing}}});
        let Action::Message(Message { attachments, .. }) = read(&body).action else { panic!("{body}") };
        assert_eq!(attachments, [Attachment::default()], "{body}");
    }
}
