//! Nothing in a text costs more than linear time.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::translate::tests::processor_time;

const PIECES: [&str; 62] = [
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
    "</a ",
    "<a b=\"x<c d",
    "\" e=\"x<c d",
    "\"",
    ">",
    "<ol>",
    "<ul></ul>",
    "<br>",
    "](data:x)",
    "-www.",
    "mailto:",
    "a ",
];

fn cost(text: &str) -> Duration {
    let began = processor_time();
    for by in [Voice::Person, Voice::Bot] {
        said(text, by);
        plain(text, by);
    }
    shown_markdown(&html::to_markdown(text), &context(Voice::Bot));
    processor_time().saturating_sub(began)
}

/// A text that is four times as long may take four times as long; square time takes sixteen times.
fn assert_linear(of_length: impl Fn(usize) -> String) {
    let [short, long] = [15_000, 60_000].map(of_length);
    let (few, many) = (cost(&short), cost(&long));
    let begin = || short.chars().take(60).collect::<String>();
    assert!(many < few * 8 + Duration::from_millis(500), "{few:?} becomes {many:?}: {}", begin());
}

fn repeated(piece: &str, length: usize) -> String {
    piece.repeat(length / piece.len().max(1))
}

#[test]
fn hostile_text_takes_linear_time() {
    for piece in PIECES {
        assert_linear(|length| repeated(piece, length));
    }
    for (begin, piece, end) in [
        ("<a b=\"x<c d", "\" e=\"x<c d", "\""),
        ("<a b=\"x<c d", "\" e=\"x<c d", "\" f=\"y>"),
        ("<a b=\"x<c d", "\" e=\"x<c d", "\"<"),
        ("", "</a ", ">"),
        ("<br>", "-www.", ""),
        ("", "-mailto:", "@"),
        ("x", "    [a]: b \"", ""),
        ("a |\n-|\n", "<ul><li>x</ul>", "|"),
        ("a |\n-|\n<b>", "x<br>", "</b>|"),
        ("**a** <b>", "!<br><a href=x>y</a>", ""),
        ("**a**<code>", "x<br><br>", ""),
        ("**a**", "<p>a</p>\n    b\n", ""),
        ("<td>", "\\*-\n", ""),
    ] {
        assert_linear(|length| [begin, &repeated(piece, length), end].concat());
    }
    for (open, close) in [("![", "](data:x)"), ("[a", "](data:x)"), ("a", "<ul></ul>")] {
        assert_linear(|length| [repeated(open, length / 2), repeated(close, length / 2)].concat());
    }
}

#[test]
fn deep_text_takes_linear_time() {
    let pairs = [("<div><b>", "</b></div>"), ("[", "](javascript:x)"), ("![", "](y)"), ("<i>", "</i>")];
    let deep = "a blockquote code em h1 li ol p pre span table td tr ul svg";
    let deep = deep.split(' ').map(|tag| (format!("<{tag} href=x>"), format!("</{tag}>")));
    let pairs = pairs.map(|(open, close)| (open.to_owned(), close.to_owned()));
    for (open, close) in pairs.into_iter().chain(deep) {
        assert_linear(|length| [repeated(&open, length), "x".to_owned(), repeated(&close, length)].concat());
        assert_linear(|length| repeated(&open, length) + "x");
    }
    for mark in [">", "> ", "- ", "+\t", "1. ", "> - 1) "] {
        assert_linear(|length| repeated(mark, length / 2) + "a\n" + &repeated("b\n", length / 2));
    }
    let fences = |length| {
        (1..300).map(|run| format!("{} ", "`".repeat(run))).collect::<String>() + &repeated("a ", length)
    };
    assert_linear(fences);
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn any_text_takes_linear_time(
        [begin, piece, middle, other, end] in prop::array::uniform5(
            prop::collection::vec(prop::sample::select(&PIECES[..]), 0..4).prop_map(|pieces| pieces.concat()),
        )
    ) {
        let part = |length| length / (piece.len() + other.len()).max(1);
        assert_linear(|length| {
            let times = part(length);
            [&begin, &*piece.repeat(times), &middle, &other.repeat(times), &end].concat()
        });
    }
}
