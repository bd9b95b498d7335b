//! Between their words and ours. Pure; a translation always answers.
//!
//! What they send and we don't know is shown by its readable text. What we send, they document.

pub mod activity;
pub mod adaptive_card;
pub mod answer;
pub mod citation;
pub mod client_view;
pub mod context;
pub mod escalation;
pub mod history;
pub mod html;
pub mod link;
pub mod markdown;
pub mod password;
pub mod picture;
pub mod readable;
pub mod request;
pub mod secondary_bot;
pub mod system;
pub mod takeover;
pub mod text;
pub mod texts;
pub mod transcript;
pub mod virtual_agent;
pub mod watermark;

#[cfg(test)]
mod tests;
