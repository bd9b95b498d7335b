//! Elements at random: known and unknown kinds, with texts that must be found again.

use super::*;

const KEYS: [&str; 8] = ["value", "label", "message", "header", "text", "title", "promptMsg", "description"];

pub(super) const KINDS: [&str; 24] = [
    "OutputText",
    "OutputHtml",
    "OutputLink",
    "OutputImage",
    "OutputCard",
    "OutputTable",
    "MultiPartOutput",
    "GroupedPartsOutputControl",
    "Picker",
    "TopicPickerControl",
    "Boolean",
    "InputText",
    "Date",
    "Time",
    "DateTime",
    "FileUpload",
    "ActionMsg",
    "ActionRichControl",
    "TopicPicker",
    "GroupedPartsOutput",
    "CustomControl",
    "OutputHologram",
    "",
    "outputTEXT",
];

pub(super) const ACTIONS: [&str; 17] = [
    "CreateConversation",
    "StartConversation",
    "SubscribeToSupportQueue",
    "SubscribeToChatPresence",
    "StartSpinner",
    "EndSpinner",
    "ChatSubHeader",
    "SwitchToLiveAgent",
    "SwitchToVirtualAgent",
    "SwitchConversation",
    "System",
    "StartTypingIndicator",
    "EndTypingIndicator",
    "DynamicLoader",
    "TopicFinished",
    "Separator",
    "Levitate",
];

/// An element to be generated: which fields it has, and what they look like.
#[derive(Clone, Debug)]
pub(super) struct Generated {
    pub(super) kind: &'static str,
    pub(super) keys: Vec<bool>,
    pub(super) decoration: String,
    pub(super) odd: Option<(&'static str, Value)>,
    pub(super) parts: usize,
    pub(super) shape: Shape,
}

pub(super) fn element() -> impl Strategy<Value = Generated> {
    let decoration = prop_oneof![
        Just(String::new()),
        Just("שלום \u{202e}مرحبا ".to_owned()),
        Just("😀👩‍👩‍👧 ".to_owned()),
        Just("\u{0}\u{7}\u{1b}[31m ".to_owned()),
        Just("**_~`[x] <> & ".to_owned()),
        Just("x".repeat(20_000) + " "),
        Just("\r\n\t\u{2028} ".to_owned()),
        Just("{\"a\": [".to_owned() + " "),
    ];
    let odd = prop_oneof![
        Just(None),
        any_json().prop_map(|json| Some(("options", json))),
        any_json().prop_map(|json| Some(("data", json))),
        any_json().prop_map(|json| Some(("values", json))),
        any_json().prop_map(|json| Some(("agentInfo", json))),
        any_json().prop_map(|json| Some(("required", json))),
        any_json().prop_map(|json| Some(("citations", json))),
    ];
    let keys = prop::collection::vec(any::<bool>(), KEYS.len());
    let shape = prop_oneof![3 => Just(Shape::Text), 1 => Just(Shape::Object), 1 => Just(Shape::List)];
    (prop::sample::select(KINDS.to_vec()), keys, decoration, odd, 0_usize..16, shape).prop_map(
        |(kind, keys, decoration, odd, parts, shape)| Generated { kind, keys, decoration, odd, parts, shape },
    )
}

impl Generated {
    /// The element as JSON; the words of it that people must see are added to `expected`.
    pub(super) fn build(&self, at: usize, expected: &mut Vec<Vec<String>>) -> Value {
        let mut words = Vec::new();
        let mut element = json!({"uiType": self.kind});
        let has = |key: &str| KEYS.iter().position(|known| *known == key).is_some_and(|at| self.keys[at]);
        for key in KEYS.iter().filter(|key| has(key)) {
            let word = format!("q{at}{key}z");
            let text = format!("{}{word}", self.decoration);
            element[*key] = match self.shape {
                Shape::Text => json!(text),
                Shape::Object => json!({"label": text}),
                Shape::List => json!([text]),
            };
            let shadowed = self.kind.eq_ignore_ascii_case("OutputText")
                && (*key == "label" && has("value") || *key == "message" && (has("value") || has("label")));
            if !shadowed {
                words.push(word);
            }
        }
        let part = |part: usize| format!("q{at}part{part}z");
        let parts = (0..self.parts).map(part).collect::<Vec<_>>();
        match self.kind {
            "OutputCard" => element["data"] = json!(json!({"title": parts.join(" ")}).to_string()),
            "OutputTable" => {
                element["data"] = json!(parts.iter().map(|part| [part, "x"]).collect::<Vec<_>>())
            }
            "GroupedPartsOutputControl" | "GroupedPartsOutput" => {
                element["values"] =
                    json!(parts.iter().map(|part| json!({"label": part})).collect::<Vec<_>>());
            }
            "Picker" | "TopicPickerControl" | "TopicPicker" | "Boolean" => {
                element["options"] =
                    json!(parts.iter().map(|part| json!({"label": part})).collect::<Vec<_>>());
                element["multiSelect"] = json!(self.parts.is_multiple_of(2));
            }
            "MultiPartOutput" => {
                let inner = json!({"uiType": "OutputText", "value": parts.join(" ")});
                element["content"] = inner;
            }
            _ => {}
        }
        let holds = [
            "OutputCard",
            "OutputTable",
            "GroupedPartsOutputControl",
            "GroupedPartsOutput",
            "Picker",
            "TopicPickerControl",
            "TopicPicker",
            "Boolean",
            "MultiPartOutput",
        ];
        match &self.odd {
            Some((key, value)) => element[*key] = value.clone(),
            None if holds.contains(&self.kind) => words.extend(parts),
            None => {}
        }
        if self.odd.is_some() && self.kind == "MultiPartOutput" {
            words.extend((0..self.parts).map(part));
        }
        expected.push(words);
        element
    }
}

pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let keys = prop::sample::select(
        [
            &KEYS[..],
            &["options", "content", "data", "values", "uiType", "agentInfo", "waitTime", "progressMessages"],
        ]
        .concat(),
    );
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

pub(super) fn choice() -> impl Strategy<Value = Choice> {
    let looks = prop::sample::select(vec![ChoiceLook::List, ChoiceLook::Buttons, ChoiceLook::Pictures]);
    let items = prop::collection::vec(("[A-Za-zé*_\\[\\]\\-]{0,8}", any::<bool>()), 1..20);
    (items, looks, any::<bool>()).prop_map(|(items, look, optional)| {
        let item = |(at, (label, described)): (usize, (String, bool))| Item {
            label: format!("{at}{label}"),
            value: format!("v,%{at}"),
            description: described.then(|| "about".to_owned()),
            image: None,
        };
        let items = items.into_iter().enumerate().map(item).collect();
        Choice { items, look, optional, ..Choice::default() }
    })
}
