//! What docs/web-chat.md explains of the example page is in it, and what the page gives to Web Chat is explained.

use super::file;

#[test]
fn the_pieces_of_the_example_page_are_those_that_are_explained() {
    let example: String = ["page.js", "config.js", "texts.js", "page.css", "index.html"]
        .map(|name| file(&format!("examples/web-chat/{name}")))
        .concat();
    let page = file("docs/web-chat.md");
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let named = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect::<Vec<_>>();
    assert!(named.len() > 15, "{named:?}");
    for name in &named {
        assert!(example.contains(name), "{name} is explained and not there");
    }
    for given in [
        "activityMiddleware: ",
        "avatarMiddleware: ",
        "groupActivitiesMiddleware: ",
        "attachmentMiddleware: ",
    ] {
        let (_, piece) = example.split_once(given).expect("given to Web Chat");
        let piece: String = piece.chars().take_while(|char| char.is_ascii_alphanumeric()).collect();
        assert!(named.contains(&piece.as_str()), "{piece} is not explained");
    }
}
