//! Links between the documents lead somewhere.

use std::path::Path;

use crate::docs::{file, words::between};

/// The heading's name in an address, as Git hosts make it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
        .collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn every_link_between_documents_leads_to_a_file_and_a_heading_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let in_docs = std::fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|name| name.ends_with(".md"));
    let mut seen = 0;
    for page in in_docs.chain(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned)) {
        let text = file(&page);
        for link in between(&text, "](", ")").into_iter().filter(|link| !link.contains("://")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root.join(&page),
                path => root.join(&page).parent().unwrap().join(path),
            };
            assert!(target.exists(), "{page} links to {link}");
            if !heading.is_empty() {
                let target = std::fs::read_to_string(target).unwrap();
                let mut headings = target.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == heading);
                assert!(found, "{page} links to {link}, and there is no such heading");
            }
            seen += 1;
        }
    }
    assert!(seen > 15, "hardly any link was found: {seen}");
}
