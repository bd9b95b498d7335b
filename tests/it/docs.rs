//! What stands beside the code is true of it: the infrastructure, and the queries for its log.

mod infra;
mod links;
mod queries;
mod texts;
mod web_chat;
mod words;

/// A file of the project.
pub fn file(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|failed| panic!("{}: {failed}", path.display()))
}
