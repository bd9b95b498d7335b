//! A call as a command to paste into a shell.

/// Headers that curl writes by itself, or that only mean one connection.
const OWN: [&str; 7] =
    ["host", "content-length", "connection", "accept-encoding", "user-agent", "accept", "transfer-encoding"];

/// `headers` and `body` as they may be shown: what is masked stays masked, and is to be put in by hand.
pub fn command(method: &str, url: &str, headers: &[(String, String)], body: Option<&str>) -> String {
    let mut parts = vec![format!("curl -X {method} {}", quoted(url))];
    let kept = headers.iter().filter(|(name, _)| {
        let name = name.to_ascii_lowercase();
        !OWN.contains(&name.as_str()) && !name.starts_with("sec-")
    });
    parts.extend(kept.map(|(name, value)| format!("-H {}", quoted(&format!("{name}: {value}")))));
    parts.extend(body.map(|body| format!("--data-raw {}", quoted(body))));
    parts.join(" \\\n  ")
}

/// In single quotes a shell reads everything as it is, but for the quote itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_becomes_a_command_that_a_shell_reads_as_it_is() {
        let headers = [("content-type", "application/json"), ("host", "h"), ("Sec-Fetch-Mode", "cors")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let command = command("POST", "http://127.0.0.1/a?b=c", &headers, Some(r#"{"text":"it's $HOME"}"#));
        let expected = "curl -X POST 'http://127.0.0.1/a?b=c' \\\n  -H 'content-type: application/json' \\\n  \
                        --data-raw '{\"text\":\"it'\\''s $HOME\"}'";
        assert_eq!(command, expected);
    }
}
