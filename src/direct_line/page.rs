//! One look at a conversation's activities, for those who pass the answer on as it is.

use std::{sync::Arc, time::Duration};

use reqwest::header::{ACCEPT, AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};

use super::{DirectLine, LONGEST_ANSWER, with_trace};
use crate::{
    domain::Timestamp,
    far_end::{self, CallError},
};

/// What Direct Line answered, whatever its status.
pub struct Page {
    pub status: u16,
    pub body: Vec<u8>,
    /// How long it asked to wait.
    pub retry_after: Option<Duration>,
    /// Its clock, in whole seconds.
    pub date: Option<Timestamp>,
}

impl DirectLine {
    /// The same Direct Line over other connections.
    pub fn over(&self, http: reqwest::Client) -> Self {
        Self { http, shared: Arc::clone(&self.shared) }
    }

    /// Reads what came after `watermark` without looking into it. Has no time-out of its own.
    ///
    /// # Errors
    /// When there was no whole answer; an answer of any status is none.
    pub async fn page(
        &self,
        conversation: &str,
        authorization: &SecretString,
        watermark: &str,
        traceparent: Option<&str>,
    ) -> Result<Page, CallError> {
        let mut url = self.activities_url(conversation).await?;
        url.query_pairs_mut().append_pair("watermark", watermark);
        let get = self.http.get(url).header(AUTHORIZATION, authorization.expose_secret());
        let get = with_trace(get.header(ACCEPT, "application/json"), traceparent);
        let mut response = far_end::send(get).await?;
        let now = Timestamp::now();
        Ok(Page {
            status: response.status().as_u16(),
            retry_after: far_end::retry_after(response.headers(), now),
            date: far_end::date(response.headers()),
            body: far_end::read_whole(&mut response, LONGEST_ANSWER).await?,
        })
    }
}
