//! Files for the agent.

use std::time::Duration;

use reqwest::{
    Body,
    header::{ACCEPT, AUTHORIZATION},
    multipart::{Form, Part},
};
use serde_json::Value;

use super::{DirectLine, LONGEST_ANSWER, posted_id};
use crate::far_end::{self, CallError};

/// A large file and the bot's turn about it.
const TIME_OUT: Duration = Duration::from_secs(120);
const ACTIVITY: &str = "application/vnd.microsoft.activity";

/// A file on its way to Direct Line, which keeps it for 24 hours.
pub struct Upload {
    pub name: String,
    /// What is no media type goes as bytes of any kind.
    pub media_type: String,
    pub body: Body,
    /// Bytes.
    pub length: u64,
}

impl DirectLine {
    /// Posts a message with files, which become its attachments, and gives its id, when Direct Line tells one.
    ///
    /// # Errors
    /// See [`CallError`]. After `Uncertain` look for the echo; never post the same again blindly.
    pub async fn upload(
        &self,
        conversation: &str,
        authorization: &str,
        user_id: &str,
        activity: &Value,
        files: Vec<Upload>,
    ) -> Result<Option<String>, CallError> {
        let mut url = self.activities_url(conversation).await?;
        url.path_segments_mut().expect("an http URL has a path").pop().push("upload");
        url.query_pairs_mut().append_pair("userId", user_id);
        let told = Part::text(activity.to_string()).mime_str(ACTIVITY);
        let mut form = Form::new();
        if let Ok(told) = told {
            form = form.part("activity", told);
        }
        for Upload { name, media_type, body, length } in files {
            let headers = Part::bytes(Vec::new()).mime_str(&media_type).is_ok();
            let part = Part::stream_with_length(body, length).file_name(name);
            let media_type = if headers { &media_type } else { "application/octet-stream" };
            if let Ok(part) = part.mime_str(media_type) {
                form = form.part("file", part);
            }
        }
        let post = self.http.post(url).timeout(TIME_OUT).header(ACCEPT, "application/json");
        let post = post.header(AUTHORIZATION, authorization).multipart(form);
        far_end::call(post, LONGEST_ANSWER).await.map(|answered| posted_id(&answered.body))
    }
}
