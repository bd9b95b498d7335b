//! How choices are typed.

use super::*;

#[test]
fn what_there_is_to_choose_may_be_named_numbered_or_affirmed() {
    let offered = |labels: &[&str]| {
        let action =
            |label: &&str| json!({"type": "postBack", "title": label, "value": format!("go {label}")});
        let actions = labels.iter().map(action).collect::<Vec<_>>();
        pending(&json!({"text": "Which?", "suggestedActions": {"actions": actions}}))
    };
    let submits = json!([{"type": "Action.Submit", "title": "OK", "data": {"do": "go OK"}},
        {"type": "Action.Submit", "title": "Réserver", "data": {"do": "go Réserver"}}]);
    let name = pending(&adaptive(&json!([{"type": "Input.Text", "id": "n", "label": "N"}]), &submits));
    let Answered::Ask(asks_how) = answer(&name, "Ada", &Words::default()) else { panic!("no question") };
    let asks_how = Pending::Form(asks_how);
    for (pending, text, chosen) in [
        (&offered(&["Café", "Thé"]), "2", "go Thé"),
        (&offered(&["Café", "Thé"]), "the", "go Thé"),
        (&offered(&["Café", "Thé"]), "Thé!", "go Thé"),
        (&offered(&["Yes", "No"]), "yep", "go Yes"),
        (&offered(&["Yes", "No"]), "nope", "go No"),
        (&offered(&["1", "5"]), "2", "2"),
        (&offered(&["1", "5"]), "5", "go 5"),
        (&asks_how, "2.", "go Réserver"),
        (&asks_how, "reserver", "go Réserver"),
        (&asks_how, "Réserver.", "go Réserver"),
        (&asks_how, "OK!", "go OK"),
    ] {
        let Answered::Post(fields) = answer(pending, text, &Words::default()) else { panic!("{text}") };
        let said = fields.get("text").unwrap_or_else(|| &fields["value"]["do"]);
        assert_eq!(said, chosen, "{text}");
    }
    let out = json!([{"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"stop": 1}},
        {"type": "Action.Submit", "title": "OK"}]);
    let form = pending(&adaptive(&json!([{"type": "Input.Number", "id": "n", "label": "N"}]), &out));
    let Answered::Post(fields) = answer(&form, "cancel.", &Words::default()) else { panic!("no way out") };
    assert_eq!(fields["value"], json!({"stop": 1}));
    assert!(matches!(answer(&form, "1", &Words::default()), Answered::Ask(_)), "a number is the answer");
}
