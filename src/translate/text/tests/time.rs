//! Nothing in a text costs more than linear time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::*;

/// What this thread has had; what a machine that is busy lets it wait does not count.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[test]
fn any_text_takes_linear_time() {
    let began = processor_time();
    html::to_markdown(&"&".repeat(200_000));
    for piece in [
        "&",
        "&#",
        "<",
        "<b>",
        "<div><b>",
        "<a href='",
        "<table><tr><td>",
        "<ul><li>",
        "<!--",
        "</",
        "[",
        "![](",
        "](x)",
        "`",
        "``a`",
        "\\",
        "*a_",
        "data:image/",
        "www.",
        "http://",
        "a@b.",
        "(",
        "\n",
        "| ",
        "> ",
        "- ",
        "&amp;",
        "<script>",
        "<svg>",
        "<style>",
        "<!--<svg>",
        "<![CDATA[",
        "<a href=\"javascript:",
        "<a href=x>",
        "<img srcset='",
        "<base href=x><meta>",
        "<textarea>",
        "&Tab;",
        "&#",
        "$",
        "[^1]: ",
        "- [ ] ",
        "1. ",
        "===\n",
        "\u{202e}",
        "e\u{301}",
        "\u{2028}",
        "\r",
        "\t",
        "[a](b)",
        "![a](data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAA)",
    ] {
        let text = piece.repeat(60_000 / piece.len());
        for by in [Voice::Person, Voice::Bot] {
            said(&text, by);
            plain(&text, by);
        }
        html::to_markdown(&text);
    }
    let pairs = [("<div><b>", "</b></div>"), ("[", "](javascript:x)"), ("![", "](y)"), ("<i>", "</i>")];
    let deep = "a blockquote code em h1 li ol p pre span table td tr ul svg";
    let deep = deep.split(' ').map(|tag| (format!("<{tag} href=x>"), format!("</{tag}>")));
    let pairs = pairs.map(|(open, close)| (open.to_owned(), close.to_owned()));
    for (open, close) in pairs.into_iter().chain(deep) {
        let text = format!("{}x{}", open.repeat(10_000), close.repeat(10_000));
        said(&text, Voice::Bot);
        plain(&text, Voice::Bot);
        html::to_markdown(&text);
        html::to_markdown(&text[..text.len() / 2]);
    }
    let fences = (1..300).map(|run| format!("{} ", "`".repeat(run))).collect::<String>();
    said(&fences, Voice::Bot);
    // Generous: square time takes minutes.
    let took = processor_time().saturating_sub(began);
    assert!(took < Duration::from_secs(100), "{took:?}");
}
