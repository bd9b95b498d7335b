//! Settings of the agent's side: where Direct Line is, and what gives tokens for it.

use std::fmt;

use url::Url;

use super::{Shown, reader::Reader};
use crate::credential::Credential;

#[derive(Clone)]
pub struct DirectLineSettings {
    /// `DIRECT_LINE_URL` when it was set; wins over the token endpoint's region.
    pub url: Option<Url>,
    pub token_endpoint: Option<Url>,
    pub secret: Option<Credential>,
}

impl fmt::Debug for DirectLineSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, token_endpoint, secret } = self;
        out.debug_struct("DirectLineSettings")
            .field("url", &url.as_ref().map(Shown))
            .field("token_endpoint", &token_endpoint.as_ref().map(Shown))
            .field("secret", secret)
            .finish()
    }
}

/// Whether Direct Line's own path stands in it, whole or begun, in any spelling that a server takes for the same.
fn has_its_path(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.last() == Some(&"v3") || parts.windows(2).any(|pair| pair == ["v3", "directline"])
}

/// Where the agent is reached.
pub(super) fn direct_line(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> DirectLineSettings {
    let url = reader.root("DIRECT_LINE_URL");
    if url.as_ref().is_some_and(has_its_path) {
        reader.fault("DIRECT_LINE_URL", "must be the root; leave out `/v3/directline`.");
    }
    let token_endpoint = reader.url("COPILOT_TOKEN_ENDPOINT");
    if token_endpoint.as_ref().is_some_and(|url| url.path().contains("/copilotstudio/")) {
        reader.fault(
            "COPILOT_TOKEN_ENDPOINT",
            "is a direct-to-engine address, which gives no Direct Line token; copy the Token Endpoint from Copilot \
             Studio (Channels > Mobile app). An agent that shows none is of the new experience, or signs its users in \
             with Microsoft: Direct Line reaches neither.",
        );
    }
    DirectLineSettings { url, token_endpoint, secret: reader.header_secret("DIRECT_LINE_SECRET") }
}
