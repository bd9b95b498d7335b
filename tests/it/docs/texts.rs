//! Everything that people read of ours is a text with an id, in each language: no words stand in the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Where what people read is made.
const MAKES_WORDS: [&str; 7] =
    ["translate", "secondary_bot", "handoff", "session", "relay", "agent_turn", "wire/virtual_agent"];

/// Words of the far ends' formats that look like words of ours.
const THEIRS: [&str; 19] = [
    "Boolean",
    "Card",
    "Date",
    "Image",
    "Large image with text",
    "List",
    "Media",
    "Number",
    "Picker",
    "Picture",
    "Rating",
    "Small",
    "Stretch",
    "Text",
    "Time",
    "Toggle",
    "DateTime",
    "Bearer {}",
    "Tracing",
];

/// What stands around words for those who run the program or write a client.
const NOT_FOR_USERS: [&str; 10] = [
    "warn!(",
    "error!(",
    "info!(",
    "debug!(",
    "panic!(",
    "#[error(",
    ".expect(",
    "debug_struct(",
    "TakeError::",
    "unreachable!(",
];

#[test]
fn no_words_of_ours_stand_outside_the_files_of_texts() {
    let mut found = Vec::new();
    for folder in MAKES_WORDS {
        let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let mut files = vec![at.with_extension("rs")];
        sources(&at, &mut files);
        for file in files {
            let code = std::fs::read_to_string(&file).expect("a source");
            let words = words(&code).into_iter().map(|words| format!("{}: {words}", file.display()));
            found.extend(words);
        }
    }
    assert!(found.is_empty(), "make texts of these (src/translate/texts):\n{}", found.join("\n"));
}

#[test]
fn no_page_lacks_a_text_in_any_language() {
    for page in [
        include_str!("../../../src/demo/pages/texts.js"),
        include_str!("../../../src/demo/pages/inside-texts.js"),
        include_str!("../../../src/simulate/pages/desk-texts.js"),
        include_str!("../../../examples/web-chat/texts.js"),
    ] {
        let languages = page.split("},\n").filter_map(|part| part.split_once(": {")).collect::<Vec<_>>();
        assert!(languages.len() >= 9, "{page}");
        let english = texts_of(languages[0].1);
        assert!(english.len() > 5, "{english:?}");
        for (language, texts) in languages {
            assert_eq!(texts_of(texts), english, "{language}");
        }
    }
}

/// The names of a page's texts, each with its variables.
fn texts_of(page: &str) -> BTreeMap<String, BTreeSet<&str>> {
    let mut pieces = page.split('"').collect::<Vec<_>>().into_iter();
    let mut found = BTreeMap::new();
    while let (Some(before), Some(words)) = (pieces.next(), pieces.next()) {
        let name = before.trim_matches(|char: char| !char.is_ascii_alphanumeric());
        let variables = words.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        found.insert(name.to_owned(), variables);
    }
    found
}

#[test]
fn words_in_code_are_found_and_names_and_log_lines_are_not() {
    let code = r#"
        // "A comment of ours"
        say("The file is gone."); say("Send"); say("(A file)"); with('"', "Hello you");
        warn!(id, "Direct Line is slow"); field("contentType"); of("Picker"); at("servicenow.agent");
        #[cfg(test)]
        mod tests { say("In a test only"); }
    "#;
    assert_eq!(words(code), ["The file is gone.", "Send", "(A file)", "Hello you"]);
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The literals of a source that read like words for people.
fn words(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\n").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace(r#"'"'"#, "''").replace(r#"'\"'"#, "''");
    let mut found = Vec::new();
    let mut statement = String::new();
    let mut rest = code.as_str();
    while let Some((before, literal)) = rest.split_once('"') {
        statement.push_str(before);
        if let Some(end) = before.rfind([';', '{', '}']) {
            statement = before[end..].to_owned();
        }
        let end = closing(literal);
        let words = &literal[..end];
        if reads(words) && !NOT_FOR_USERS.iter().any(|around| statement.contains(around)) {
            found.push(words.to_owned());
        }
        rest = literal.get(end + 1..).unwrap_or_default();
    }
    found
}

fn closing(literal: &str) -> usize {
    let mut escaped = false;
    let end = literal.char_indices().find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    end.map_or(literal.len(), |(at, _)| at)
}

/// A sentence, or one word with a capital; names of fields, headers and events have none, or several.
fn reads(words: &str) -> bool {
    let bare = words.trim_start_matches('(');
    let mut letters = bare.chars();
    let capital = letters.next().is_some_and(char::is_uppercase);
    let plain = letters.clone().all(char::is_lowercase) && letters.count() > 0;
    let sentence = bare.split_once(' ').is_some_and(|(_, rest)| rest.starts_with(char::is_alphabetic));
    capital && (plain || sentence) && !THEIRS.contains(&words)
}
