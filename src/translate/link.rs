//! Which addresses become links, and which of them go through us.

use url::Url;

use super::{picture, text::Voice, texts::Words};

/// Where an address is seen from, who speaks, and in what language it is read.
#[derive(Clone, Copy)]
pub struct RenderContext<'a> {
    /// Makes relative addresses absolute.
    pub instance: &'a Url,
    /// Maps an address of the instance that needs a login to a signed link of ours; `None` leaves it as it is.
    pub file_link: &'a dyn Fn(&str) -> Option<String>,
    /// Maps a picture that its address holds as data to a signed link of ours; `None` leaves it where it is.
    pub picture_link: &'a dyn Fn(&str) -> Option<String>,
    pub by: Voice,
    /// Ours, in the reader's language.
    pub words: Words<'a>,
}

#[cfg(test)]
impl<'a> RenderContext<'a> {
    /// A bot's words, in English, where no address leads through us.
    pub fn unlinked(instance: &'a Url) -> Self {
        Self {
            instance,
            file_link: &|_| None,
            picture_link: &|_| None,
            by: Voice::Bot,
            words: Words::default(),
        }
    }
}

/// An address as a link people can follow: absolute, http or https (through us when the instance would ask for a
/// login), mail or telephone. `None` when it is no such address; show it as text then.
pub fn resolve(raw: &str, context: &RenderContext<'_>) -> Option<String> {
    let RenderContext { instance, file_link, .. } = context;
    let url = absolute(raw.trim(), instance)?;
    let url =
        if needs_login(&url, instance) { file_link(url.as_str()).unwrap_or(url.into()) } else { url.into() };
    Some(url)
}

/// As [`resolve`], for a picture that a page shows by itself, which may be one that the address holds as data: `None` as
/// well when the instance would ask for a login, because browsers then show nothing, or ask the reader for a password.
pub fn resolve_picture(raw: &str, context: &RenderContext<'_>) -> Option<String> {
    if picture::media_type(raw.trim()).is_some() {
        return carried(raw, context).ok();
    }
    let RenderContext { instance, file_link, .. } = context;
    let url = absolute(raw.trim(), instance).filter(|url| matches!(url.scheme(), "http" | "https"))?;
    if needs_login(&url, instance) { file_link(url.as_str()) } else { Some(url.into()) }
}

/// From where a page shows a picture that its address holds as data; else from where it can be saved, because we give out no
/// drawings with code in them as pictures.
pub fn carried(raw: &str, context: &RenderContext<'_>) -> Result<String, String> {
    let raw = raw.trim();
    match (context.picture_link)(raw) {
        None => Ok(raw.to_owned()),
        Some(link) if picture::is_drawn_by_dots(raw) => Ok(link),
        Some(link) => Err(link),
    }
}

/// Whether the instance gives this address only to those who are logged in: attachments, media, avatars.
pub fn needs_login(url: &Url, instance: &Url) -> bool {
    let path = url.path().trim_start_matches('/');
    same_host(url, instance)
        && (path.starts_with("sys_attachment.do") || path.starts_with("api/now/") || path.ends_with(".iix"))
}

fn same_host(url: &Url, instance: &Url) -> bool {
    url.host_str() == instance.host_str() && url.port_or_known_default() == instance.port_or_known_default()
}

fn absolute(raw: &str, instance: &Url) -> Option<Url> {
    // A place on a page that nobody here sees.
    if raw.is_empty() || raw.starts_with('#') {
        return None;
    }
    let host = instance.host_str().unwrap_or_default();
    let url = if raw.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www.")) {
        Url::parse(&format!("https://{raw}")).ok()?
    } else if !host.is_empty() && raw.strip_prefix(host).is_some_and(|rest| rest.starts_with(['/', ':'])) {
        Url::parse(&format!("{}://{raw}", instance.scheme())).ok()?
    } else {
        instance.join(raw).ok()?
    };
    let leads = match url.scheme() {
        "http" | "https" => url.host_str().is_some(),
        "mailto" | "tel" => !url.path().is_empty(),
        _ => false,
    };
    leads.then_some(url)
}
