//! Sign-in: `session/getsessionid` gives a browser a session id, and a cookie that proves it is the same browser.
//!
//! Direct Line's cookies stand under our host with a name that says whose they are, so that none of our host's goes to Direct
//! Line, and none of Direct Line's is taken for our host's.

use actix_web::{HttpRequest, HttpResponse, http::header::SET_COOKIE};

use super::{Surface, answer::from_far_end};
use crate::{
    direct_line::proxy::Sent,
    http::{error::ApiError, header},
};

/// What the names of Direct Line's cookies begin with under our host.
const THEIRS: &str = "directline.";

impl Surface<'_> {
    /// GET `session/getsessionid`.
    pub(super) async fn session_id(&self) -> Result<HttpResponse, ApiError> {
        let mut onward = self.onward(Sent::Nothing);
        onward.cookies = theirs(self.request);
        let response = self.pipe.pass(onward).await.map_err(from_far_end)?;
        let set = response.headers().get_all("set-cookie").iter();
        let set: Vec<String> = set.filter_map(|cookie| ours(cookie.to_str().ok()?)).collect();
        let mut answer = self.answer(Ok(response)).await?;
        for cookie in set.iter().filter_map(|cookie| cookie.parse().ok()) {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(answer)
    }
}

/// The request's cookies that are Direct Line's, under their own names.
fn theirs(request: &HttpRequest) -> Option<String> {
    let all = header(request, "cookie")?;
    let theirs: Vec<&str> = all.split(';').filter_map(|cookie| cookie.trim().strip_prefix(THEIRS)).collect();
    (!theirs.is_empty()).then(|| theirs.join("; "))
}

/// A cookie of Direct Line's as one of our host's. `None` for what binds to a machine of theirs.
fn ours(cookie: &str) -> Option<String> {
    let mut parts = cookie.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let of_a_machine = ["arraffinity", "tipmix", "x-ms-routing-name"];
    let lower = name.trim().to_ascii_lowercase();
    if name.trim().is_empty() || of_a_machine.iter().any(|known| lower.starts_with(known)) {
        return None;
    }
    let elsewhere = |attribute: &str| {
        let name = attribute.split('=').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("domain") || name.eq_ignore_ascii_case("path") || name.is_empty()
    };
    let attributes: Vec<&str> = parts.filter(|attribute| !elsewhere(attribute)).collect();
    let attributes: String = attributes.iter().map(|attribute| format!("; {attribute}")).collect();
    Some(format!("{THEIRS}{}={value}; Path=/{attributes}", name.trim()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn direct_lines_cookies_live_under_our_host_by_another_name() {
        let rows = [
            (
                "session=abc; path=/; domain=.botframework.com; secure; HttpOnly; SameSite=None",
                Some("directline.session=abc; Path=/; secure; HttpOnly; SameSite=None"),
            ),
            ("a=b=c", Some("directline.a=b=c; Path=/")),
            ("ARRAffinity=1; Path=/", None),
            ("ARRAffinitySameSite=1; Path=/", None),
            ("nothing", None),
            ("=x", None),
        ];
        for (given, expected) in rows {
            assert_eq!(ours(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn only_direct_lines_cookies_go_to_direct_line() {
        let cookies =
            |all: &str| theirs(&TestRequest::default().insert_header(("cookie", all)).to_http_request());
        assert_eq!(
            cookies("ARRAffinity=1; directline.session=abc; other=2; directline.b=c").as_deref(),
            Some("session=abc; b=c")
        );
        assert_eq!(cookies("ARRAffinity=1; session=abc"), None);
    }
}
