//! Which lines are logged.

use tracing_subscriber::EnvFilter;

use super::reader::{Reader, shortened};

/// Where our lines come from.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// A filter that parses, says something of our own lines, and can't be a misspelt level or module.
pub(super) fn log(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> String {
    let given = reader.text_or_default("LOG");
    // A blank behind a comma would count as a part of the module's name.
    let parts: Vec<_> = given.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let filter = parts.join(",");
    let said = if EnvFilter::builder().parse(&filter).is_err() {
        let given = shortened(&given);
        Some(format!("is `{given}`, which is no filter; write it like `info` or `module=level`."))
    } else {
        parts.iter().find_map(|part| fault_of(part)).or_else(|| {
            let given = shortened(&given);
            let is_silent = !parts.iter().any(|part| is_about_us(part));
            is_silent.then(|| format!("is `{given}`, and nothing of ours is logged by that; add `info`."))
        })
    };
    if let Some(what) = said {
        reader.fault("LOG", what);
    }
    filter
}

/// The module of one part, or its level when that is all it is.
fn module(part: &str) -> &str {
    part.split(['=', '[']).next().unwrap_or_default()
}

fn is_level(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    matches!(word.as_str(), "off" | "error" | "warn" | "info" | "debug" | "trace")
}

/// Whether it says which of our lines are logged: that of a level alone, of spans, or of modules whose name begins so.
fn is_about_us(part: &str) -> bool {
    let module = module(part);
    module == part && is_level(part) || OURS.starts_with(module) || crate_of(module) == OURS
}

fn crate_of(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

fn fault_of(part: &str) -> Option<String> {
    let module = module(part);
    let (named, shown) = (crate_of(module), shortened(part));
    if module == part && is_level(part) {
        return None;
    }
    let slips = strsim::osa_distance(&named.to_ascii_lowercase(), OURS);
    if slips <= 3 && named != OURS {
        return Some(format!("has `{shown}`, and no module is called that; write `{OURS}`."));
    }
    // A bare word that is no level counts as a module's name, and then nothing is logged at all.
    if module == part && named != OURS {
        return Some(format!("has `{shown}`; use error, warn, info, debug, trace, off or `module=level`."));
    }
    if named.contains('-') {
        return Some(format!("has `{shown}`, and a module's name has no `-`; write `_` for it."));
    }
    part.ends_with('=')
        .then(|| format!("has `{shown}`, which lacks its level; write it like `module=level`."))
}
