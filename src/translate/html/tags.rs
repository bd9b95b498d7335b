//! What is known of HTML's tags, by their names in lower case.

/// Tags of texts that people read. Scripts, styles and forms are none.
pub(super) fn is_known(name: &str) -> bool {
    const KNOWN: [&str; 57] = [
        "a",
        "abbr",
        "address",
        "article",
        "aside",
        "b",
        "big",
        "blockquote",
        "body",
        "caption",
        "center",
        "cite",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "html",
        "i",
        "ins",
        "kbd",
        "li",
        "main",
        "mark",
        "nobr",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "summary",
        "sup",
        "tbody",
        "td",
        "th",
        "tr",
        "u",
        "ul",
    ];
    KNOWN.contains(&name) || matches!(name, "table" | "thead" | "tfoot" | "tt" | "time" | "var")
}

/// Tags that have no end.
pub(super) fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr" | "img" | "wbr")
}

/// Tags that say where a line ends.
pub(super) fn breaks_lines(name: &str) -> bool {
    const BREAKS: [&str; 26] = [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "main",
        "p",
        "pre",
        "section",
        "table",
    ];
    BREAKS.contains(&name) || matches!(name, "ul" | "ol" | "tr" | "td" | "th" | "html" | "body")
}
