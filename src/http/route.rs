//! Where a request goes. Paths are matched as the Functions host matches them: in any case, with or without a slash at the end.

use actix_web::http::Method;
use percent_encoding::percent_decode_str;

/// A route and the function folder that announces it to the Functions host.
pub struct Route {
    pub folder: &'static str,
    /// As function.json writes it; for a timer, the function's name.
    pub route: &'static str,
    /// Lower case; empty: a timer.
    pub methods: &'static [&'static str],
    place: Place,
}

/// What serves a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The host asks here whether we are there.
    Root,
    DirectLine,
    Responses,
    Relay,
    Files,
    SecondaryBot,
    SecondaryBotMedia,
    Health,
    Sweep,
}

/// Everything served besides `/`. A test compares it with the function folders.
pub const ROUTES: &[Route] = &[
    Route {
        folder: "direct-line",
        route: "v3/directline/{*path}",
        methods: &["get", "post", "put", "patch", "delete", "head", "options"],
        place: Place::DirectLine,
    },
    Route {
        folder: "servicenow-responses",
        route: "api/servicenow/responses",
        methods: &["post"],
        place: Place::Responses,
    },
    Route {
        folder: "relayToDirectLine",
        route: "api/relayToDirectLine",
        methods: &["get"],
        place: Place::Relay,
    },
    Route { folder: "files", route: "api/files/{*path}", methods: &["get", "head"], place: Place::Files },
    Route {
        folder: "secondary-bot",
        route: "api/sn_va_as_service/bot/integration",
        methods: &["post"],
        place: Place::SecondaryBot,
    },
    Route {
        folder: "secondary-bot-media",
        route: "api/now/v1/cccif/media/upload",
        methods: &["post"],
        place: Place::SecondaryBotMedia,
    },
    Route { folder: "health", route: "api/health", methods: &["get", "head"], place: Place::Health },
    Route { folder: "sweep", route: "sweep", methods: &[], place: Place::Sweep },
];

/// Who serves a request, and what stands behind the fixed part of its path. `None`: nobody.
pub fn find<'a>(method: &Method, path: &'a str) -> Option<(Place, &'a str)> {
    if path.bytes().all(|byte| byte == b'/') {
        return is_one_of(method, &["get", "head"]).then_some((Place::Root, ""));
    }
    ROUTES.iter().find_map(|route| {
        let rest = match route.route.strip_suffix("/{*path}") {
            Some(fixed) => behind(path, fixed)?,
            None => behind(path, route.route).filter(|rest| rest.is_empty())?,
        };
        // What the host's methods of Direct Line's surface mean, an operation says; what others post to answers 405 to the rest.
        let any = matches!(
            route.place,
            Place::DirectLine | Place::Responses | Place::SecondaryBot | Place::SecondaryBotMedia
        );
        let methods = if route.methods.is_empty() { &["post"] } else { route.methods };
        (any || is_one_of(method, methods)).then_some((route.place, rest))
    })
}

/// What a span of this request is called: its route, and of Direct Line's the kind of operation. Nothing that the caller has made up
/// stands in it, and nobody's conversation or file.
pub fn name(method: &Method, path: &str) -> String {
    let known = ["get", "post", "put", "patch", "delete", "head", "options"];
    let method = if is_one_of(method, &known) { method.as_str() } else { "_OTHER" };
    let fixed = |route: &Route| {
        let fixed = route.route.strip_suffix("/{*path}").unwrap_or(route.route);
        behind(path, fixed).map(|rest| (fixed, rest))
    };
    let Some((fixed, rest)) = ROUTES.iter().find_map(fixed) else {
        return if path.bytes().all(|byte| byte == b'/') { format!("{method} /") } else { method.to_owned() };
    };
    let kinds = ["conversations", "tokens", "attachments", "session"];
    let kind = kinds.into_iter().find(|kind| fixed.starts_with("v3/") && behind(rest, kind).is_some());
    format!("{method} /{fixed}{}{}", if kind.is_some() { "/" } else { "" }, kind.unwrap_or_default())
}

/// What stands behind these segments, without the slashes it begins and ends with.
fn behind<'a>(path: &'a str, fixed: &str) -> Option<&'a str> {
    let mut rest = path.trim_start_matches('/');
    for segment in fixed.split('/') {
        let (first, more) = rest.split_once('/').unwrap_or((rest, ""));
        let same = first.eq_ignore_ascii_case(segment)
            || first.contains('%')
                && percent_decode_str(first)
                    .decode_utf8()
                    .is_ok_and(|first| first.eq_ignore_ascii_case(segment));
        if !same {
            return None;
        }
        rest = more.trim_start_matches('/');
    }
    Some(rest.trim_end_matches('/'))
}

fn is_one_of(method: &Method, methods: &[&str]) -> bool {
    methods.iter().any(|known| method.as_str().eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use serde_json::Value;

    use super::*;

    #[test]
    fn a_span_s_name_tells_of_nobody_and_is_one_of_few() {
        for (line, named) in [
            ("GET /", "GET /"),
            ("POST /v3/directline/conversations/abc/activities", "POST /v3/directline/conversations"),
            ("POST //V3/%44irectLine//Conversations/abc", "POST /v3/directline/conversations"),
            ("BREW /v3/directline/abc", "_OTHER /v3/directline"),
            ("GET /API/Files/abc/name.png", "GET /api/files"),
            ("POST /api/servicenow/responses/", "POST /api/servicenow/responses"),
            ("GET /conversations/abc/activities", "GET"),
        ] {
            let (method, path) = line.split_once(' ').expect("a method and a path");
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            assert_eq!(name(&method, path), named, "{line}");
        }
    }

    #[test]
    fn a_path_leads_to_the_same_place_in_every_spelling() {
        use Place::*;
        for (line, expected) in [
            ("GET /", Some((Root, ""))),
            ("HEAD //", Some((Root, ""))),
            ("POST /", None),
            ("GET /v3/directline/conversations/aB", Some((DirectLine, "conversations/aB"))),
            ("BREW //V3/%44irectLine//x/", Some((DirectLine, "x"))),
            ("GET /v3/directline", Some((DirectLine, ""))),
            ("GET /v3/directlines/x", None),
            ("GET /v3%2fdirectline/x", None),
            ("GET /x/../v3/directline/x", None),
            ("GET /api/health", Some((Health, ""))),
            ("HEAD /API/Health/", Some((Health, ""))),
            ("POST /api/health", None),
            ("GET /api/health/x", None),
            ("GET /api/files/Ab%20c/d.png", Some((Files, "Ab%20c/d.png"))),
            ("POST /Api/ServiceNow/Responses/", Some((Responses, ""))),
            ("GET /api/servicenow/responses", Some((Responses, ""))),
            ("GET /api/RELAYTODIRECTLINE", Some((Relay, ""))),
            ("POST /api/SN_VA_AS_Service/bot/integration/", Some((SecondaryBot, ""))),
            ("POST /api/now/v1/cccif/media/upload", Some((SecondaryBotMedia, ""))),
            ("POST /Sweep", Some((Sweep, ""))),
            ("GET /sweep", None),
            ("GET /admin/host/status", None),
        ] {
            let (method, path) = line.split_once(' ').expect("a method and a path");
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            assert_eq!(find(&method, path), expected, "{line}");
        }
    }

    /// Folder, route and methods as the function.json files say them.
    fn announced() -> BTreeMap<String, (String, Vec<String>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        let functions = folders.filter(|folder| folder.join("function.json").is_file());
        functions
            .map(|folder| {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                let text = fs::read_to_string(folder.join("function.json")).unwrap();
                let function: Value = serde_json::from_str(&text).unwrap();
                let trigger = &function["bindings"][0];
                let route = trigger["route"].as_str().unwrap_or(&name).to_owned();
                let methods = trigger["methods"].as_array().into_iter().flatten();
                let mut methods: Vec<_> = methods.map(|m| m.as_str().unwrap().to_owned()).collect();
                methods.sort();
                (name, (route, methods))
            })
            .collect()
    }

    #[test]
    fn every_function_folder_announces_a_route_that_is_served_and_none_is_missing() {
        let served: BTreeMap<_, _> = ROUTES
            .iter()
            .map(|route| {
                let mut methods: Vec<_> = route.methods.iter().map(|m| (*m).to_owned()).collect();
                methods.sort();
                (route.folder.to_owned(), (route.route.to_owned(), methods))
            })
            .collect();
        assert_eq!(announced(), served);
    }
}
