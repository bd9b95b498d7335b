//! The VA Bot Integration API's JSON: requests to ServiceNow, and what it sends back.

pub mod body;
pub mod request;
pub mod response;
