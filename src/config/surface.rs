//! Settings of the process itself: where it listens, where it stores, who may call, what it logs.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use url::Url;

use super::{
    AllowedOrigins, Disk, FileSettings, RelayAccess, RelaySettings, Settings, StoreSetting, agents, file,
    reader::{Reader, is_loopback, shortened},
};
use crate::translate::texts::Texts;

/// Set by the Functions host; not a setting a person writes.
pub const HOST_PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// Where to listen, and whether the Functions host started us.
pub(super) fn listen(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> (SocketAddr, bool) {
    let address = reader.text_or_default("LISTEN");
    let listen = address.parse().unwrap_or_else(|_| {
        let given = shortened(&address);
        reader
            .fault("LISTEN", format!("is `{given}`; write an IP address and a port, like `127.0.0.1:7071`."));
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let in_functions_host = reader.is_set(HOST_PORT);
    match reader.text(HOST_PORT).map(|port| port.parse::<u16>()) {
        None => (listen, in_functions_host),
        Some(Ok(port)) if port > 0 => (SocketAddr::from(([127, 0, 0, 1], port)), true),
        Some(_) => {
            reader.fault(
                HOST_PORT,
                "is not a port; the Functions host sets it, so leave it out of the settings.",
            );
            (listen, true)
        }
    }
}

pub(super) fn store(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> StoreSetting {
    let value = reader.text_or_default("STORE");
    let parsed = match value.strip_prefix("sqlite:") {
        Some(path) => sqlite(path),
        None => append_blob(&value),
    };
    parsed.unwrap_or_else(|what| {
        reader.fault("STORE", what);
        StoreSetting::Sqlite(PathBuf::new())
    })
}

fn sqlite(path: &str) -> Result<StoreSetting, &'static str> {
    match path.trim() {
        "" => Err("names no file; write `sqlite:PATH`, like `sqlite:data/handoff.db`."),
        ":memory:" => Err("must be a file: a journal in memory is gone with the next restart."),
        // SQLite would open another file than the one that is made for it, with the rights that the system gives.
        path if path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("file:")) => Err(
            "must be a path and no URI; leave out `file:` and what follows a `?`, like `sqlite:data/handoff.db`.",
        ),
        path if path.starts_with("~/") => {
            Err("begins with `~`, which only a shell reads; write the whole path.")
        }
        path => Ok(StoreSetting::Sqlite(PathBuf::from(path))),
    }
}

fn append_blob(value: &str) -> Result<StoreSetting, &'static str> {
    let url = Url::parse(value).ok().filter(|url| url.scheme() == "https" || is_callable_http(url));
    let Some(url) = url else {
        return Err("must be `sqlite:PATH` or `https://ACCOUNT.blob.core.windows.net/CONTAINER`.");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not carry a user or password; the app signs in with its identity, or with a SAS behind `?`.",
        );
    }
    // Where the account is no part of the host's name, as in Azurite, it stands in front of the container.
    let most = if is_loopback(&url) { 2 } else { 1 };
    match url.path().split('/').filter(|part| !part.is_empty()).count() {
        0 => Err("names no container; write `https://ACCOUNT.blob.core.windows.net/CONTAINER`."),
        parts if parts > most => Err("names more than a container; end it behind the container's name."),
        _ if !is_container(url.path().trim_matches('/').rsplit('/').next().unwrap_or_default()) => Err(
            "names no container: its name has 3 to 63 small letters, digits and single hyphens between them.",
        ),
        _ if OTHER_SERVICES.iter().any(|host| url.host_str().is_some_and(|given| given.contains(host))) => {
            Err("is another service of the account; write `https://ACCOUNT.blob.core.windows.net/CONTAINER`.")
        }
        _ => Ok(StoreSetting::AppendBlob { url }),
    }
}

/// What a storage account has beside blobs.
const OTHER_SERVICES: [&str; 5] = [".dfs.core.", ".file.core.", ".queue.core.", ".table.core.", ".web.core."];

/// Whether Azure lets a container have this name.
fn is_container(name: &str) -> bool {
    let signs = |part: &str| part.bytes().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit());
    (3..=63).contains(&name.len()) && name.split('-').all(|part| !part.is_empty() && signs(part))
}

/// On Azure a file is seen by one instance alone and gone with it.
pub(super) fn note_lost_store(reader: &mut Reader<impl Fn(&str) -> Option<String>>, settings: &Settings) {
    let is_file = matches!(&settings.store, StoreSetting::Sqlite(path) if path != Path::new(""));
    let platform = settings.place.platform;
    if is_file && platform.is_azure() && (settings.needs_store() || reader.is_set("SERVICENOW_URL")) {
        let what = format!(
            "must be a blob container on {}, where instances share no disk and keep none; set \
             STORE=https://ACCOUNT.blob.core.windows.net/CONTAINER.",
            platform.name()
        );
        reader.fault("STORE", what);
    }
}

/// Wordings of ours to be said otherwise: JSON, or a file with it.
pub(super) fn texts(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Texts {
    const NAME: &str = "TEXTS";
    let Some(given) = reader.text(NAME) else { return Texts::default() };
    let of_a_file = || {
        let bytes = std::fs::read(&given).map_err(|failed| {
            format!("can't be read as a file: {failed}; write a path, or the JSON itself.")
        })?;
        Texts::parse(&file::decoded(&bytes)?)
    };
    let read = if given.starts_with('{') { Texts::parse(&given) } else { of_a_file() };
    read.unwrap_or_else(|what| {
        reader.fault(NAME, what);
        Texts::default()
    })
}

/// A GUID, as the portal shows it beside the identity.
pub(super) fn azure_client_id(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<String> {
    const NAME: &str = "AZURE_CLIENT_ID";
    let id = reader.text(NAME)?;
    let groups: Vec<_> = id.split('-').map(str::len).collect();
    if groups == [8, 4, 4, 4, 12] && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()) {
        return Some(id);
    }
    let given = shortened(&id);
    reader
        .fault(NAME, format!("is `{given}`; copy the identity's client id, a GUID, from the Azure portal."));
    None
}

fn is_callable_http(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}

pub(super) fn allowed_origins(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> AllowedOrigins {
    let entries = reader.list("ALLOWED_ORIGINS");
    if entries.is_empty() {
        return AllowedOrigins::None;
    }
    if entries == ["*"] {
        return AllowedOrigins::Any;
    }
    for entry in &entries {
        if let Err(what) = check_origin(entry) {
            reader.fault("ALLOWED_ORIGINS", what);
        }
    }
    AllowedOrigins::List(entries)
}

/// Refuses what a browser would never send as its `Origin`, because it would never match.
fn check_origin(entry: &str) -> Result<(), String> {
    if entry == "*" {
        return Err("has `*` beside other origins; write `*` alone or leave it out.".to_owned());
    }
    let given = shortened(entry);
    if entry.contains('*') {
        return Err(format!("has `{given}`, and no origin has a `*` in it; write each one, or `*` alone."));
    }
    if entry.contains(|sign: char| sign == ';' || sign == '|' || sign.is_whitespace()) {
        return Err(format!("has `{given}`; write commas between origins."));
    }
    let url = Url::parse(entry).ok().filter(Url::has_host);
    let Some(url) = url else {
        return Err(format!(
            "has `{given}`, which is not an origin; write it like `https://www.example.com`."
        ));
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(format!("has `{given}`; http is for this machine only, use https."));
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let origin = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
    if origin == entry {
        Ok(())
    } else {
        Err(format!("has `{given}`; browsers send `{origin}`, write that."))
    }
}

pub(super) fn files(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> FileSettings {
    const MONTH: u64 = 30 * 24 * 3600;
    let by_link = reader.choice("ATTACHMENTS", &[("upload", false), ("link", true)]);
    if by_link && !reader.is_set("PUBLIC_URL") {
        reader.fault("PUBLIC_URL", "is missing: `ATTACHMENTS=link` makes links under it; set our own root.");
    }
    FileSettings {
        by_link,
        link_ttl: reader.seconds("FILES_TTL", 1..=MONTH),
        max_upload: reader.number("MAX_UPLOAD", 1..=1 << 30, "bytes"),
        disk: Disk::default(),
    }
}

pub(super) fn relay(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> RelaySettings {
    // The load balancer in front of Functions ends a request after 230 s.
    let max_wait = reader.milliseconds("RELAY_MAX_WAIT", 1..=200_000);
    let quiet = reader.milliseconds("RELAY_QUIET", 1..=60_000);
    if quiet > max_wait && reader.is_set("RELAY_QUIET") {
        reader.fault("RELAY_QUIET", "is longer than RELAY_MAX_WAIT; make it the shorter of the two.");
    }
    RelaySettings { max_wait, quiet: quiet.min(max_wait), access: relay_access(reader) }
}

/// Whether a name comes out of `dlsecret`, or from behind `Bearer`, as it was written.
fn fits_header(name: &str) -> bool {
    let is_printable = name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let begins_with_scheme = name.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("bearer"));
    is_printable && name.trim() == name && !begins_with_scheme
}

/// Closed unless it is meant to be used.
fn relay_access(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> RelayAccess {
    let word = reader.text("RELAY");
    let is_open = word.as_deref() == Some("open");
    if let Some(other) = word.filter(|_| !is_open) {
        reader.fault("RELAY", format!("is `{}`; use `open`, or leave it out.", shortened(&other)));
    }
    let has_key = reader.is_set("RELAY_KEY");
    let key = reader.header_secret("RELAY_KEY");
    let secrets = agents::by_name(reader, "RELAY_SECRETS", "what callers send");
    for (name, _) in secrets.iter().filter(|(name, _)| !fits_header(name)) {
        let what = format!(
            "has the entry `{}`, which no caller can send in a header; name it in printable ASCII, without spaces around \
             it and not beginning with `Bearer`.",
            shortened(name)
        );
        reader.fault("RELAY_SECRETS", what);
    }
    if !has_key && reader.is_set("RELAY_SECRETS") {
        reader.fault(
            "RELAY_SECRETS",
            "is set, but the relay has no key, and a name alone opens nothing; set RELAY_KEY.",
        );
    }
    match key {
        Some(key) => RelayAccess::Key { key, secrets },
        None if is_open && !has_key => RelayAccess::Open,
        None => RelayAccess::Closed,
    }
}
