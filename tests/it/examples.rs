//! Every JSON example of the two pages this product follows: the VA Bot Integration API, and the Supported features.
//!
//! `tests/fixtures/servicenow` holds one file an example, with its typing errors mended, words and names of our own,
//! and the keys, types and structure as documented. The file's name says what it is:
//! `request-` goes to ServiceNow, `webhook-` comes from it, `answer-` is the HTTP answer to a request,
//! `element-` is an item of a webhook's body, `fragment-` a part of something.

mod documented;
mod mapping;

mod readable;
mod requests;
mod webhooks;

use serde_json::Value;

use crate::pure::examples;

fn example(name: &str) -> Value {
    let found = examples(name).into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no example {name}")).1
}

#[test]
fn every_example_says_what_it_is() {
    for (name, _) in examples("") {
        let known = ["request-", "webhook-", "answer-", "element-", "fragment-"];
        assert!(known.iter().any(|prefix| name.starts_with(prefix)), "{name}");
    }
    assert_eq!(examples("request-").len(), 25);
    assert_eq!(examples("webhook-").len(), 30);
}
