//! JSON as the far ends send and take it. Imports nothing of ours.

pub mod activity;
pub mod adaptive_card;
pub mod card;
pub mod json;
pub mod multipart;
pub mod virtual_agent;
