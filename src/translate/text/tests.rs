use std::sync::LazyLock;

use url::Url;

use super::*;
use crate::translate::picture::Picture;

mod any;
mod tagged;
mod time;

fn signed(url: &str) -> Option<String> {
    Some(format!("https://bridge.example.net/f?{}", url.len()))
}

fn context(by: Voice) -> RenderContext<'static> {
    static INSTANCE: LazyLock<Url> = LazyLock::new(|| Url::parse("https://acme.example.com").expect("a URL"));
    RenderContext { file_link: &signed, by, ..RenderContext::unlinked(&INSTANCE) }
}

fn said(text: &str, by: Voice) -> Shown {
    shown(text, &context(by))
}

/// What a CommonMark renderer with GitHub's extensions shows, as lines; blanks at their ends are not seen.
fn seen(markdown: &str) -> Vec<String> {
    let mut options = comrak::Options::default();
    options.extension.autolink = true;
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    // Not GitHub's, but what chat pages add.
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.extension.alerts = true;
    lines(&text_content(&comrak::markdown_to_html(markdown, &options)))
}

fn lines(text: &str) -> Vec<String> {
    let lines = text
        .split(crate::translate::markdown::ends_line)
        .map(|line| line.trim_matches(|char: char| char.is_whitespace() || char == '\u{feff}').to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// HTML's text as a browser's `textContent`.
fn text_content(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('>').expect("a renderer closes its tags");
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// What stands in the text, as a renderer may show it.
fn typed(text: &str) -> Vec<String> {
    lines(&text.replace('\0', "\u{fffd}"))
}

/// Clients that know no Markdown show every stroke that is put before a sign.
#[test]
fn what_is_no_markdown_is_left_as_it_was_typed() {
    for text in [
        "Please restart the client now. Is it slow? No: it works (I saw).",
        "Room 4, 2nd floor; call 555-0100, or write to us - see below!",
        "Two lines, a new window.\n\nMy view. And now, #4 of 7 = done + 1.",
    ] {
        let shown = said(text, Voice::Person).markdown;
        assert_eq!(shown, text, "{text:?}");
    }
}

#[test]
fn what_a_person_types_is_read_sign_for_sign() {
    for text in [
        "C:\\Users\\anna\\.config",
        "\\\\fileserver\\dept_share",
        "__init__.py",
        "Name: Anna\nDesk: 4\r\nPhone: 1",
        "  indented\n\ttoo\n        code?",
        "1. one\n2) two\n- three\n+ four\n* five",
        "# a\n> b\n===\n---\n***\n- - -",
        "a | b\n--|--\n1 | 2",
        "```\nfence\n~~~",
        "[x](y) ![z](w) [^1] [1]: /u \"t\"",
        "<b and c> a < b > c <script>alert(1)</script>",
        "&amp; &eacute; &#65; & co",
        "it's \"so\" (c) (tm) ... -- --- +- ????? !!!! ,,",
        "$$x$$ \\(y\\) \\[z\\]",
        "see https://a.example/b_c*d?e=1&copy;=2, www.a.example/_x_ and ana_b@example.com!",
        "https://a.example/\\_x `y` http:// www. x@",
        "look!https://a.example !www.a.example \\!a@example.com",
        "[link]{aria-label=\"x\"} { aria-label }",
        "a\\\nb\\",
        "one\n\n\n\ntwo\n",
        "😀 שלום \u{a0}x\u{3000}",
        "~x~ ~~y~~ 2*3*4 snake_case_name _x_",
        "- [ ] task\n- [x] done",
    ] {
        let shown = said(text, Voice::Person);
        assert_eq!(seen(&shown.markdown), typed(text), "{text:?} as {:?}", shown.markdown);
    }
}

#[test]
fn an_address_that_is_typed_is_a_link_to_what_was_typed() {
    for (text, markdown) in [
        ("https://a.example/b_c.", "[https\\:\\//a\\.example/b_c](https://a.example/b_c)."),
        ("mail ana@example.com", "mail [ana\\@example\\.com](mailto:ana@example.com)"),
        // Typed, so that it leads where it says, and not through us.
        (
            "https://acme.example.com/sys_attachment.do?id=1",
            "[https\\:\\//acme\\.example\\.com/sys_attachment\\.do?id=1](https://acme.example.com/sys_attachment.do?id=1)",
        ),
    ] {
        assert_eq!(said(text, Voice::Person).markdown, markdown);
    }
}

#[test]
fn an_address_keeps_its_query() {
    let query = "https://a.example/?a=1&timestamp=2&copy=3&region=4";
    let link = format!("[x]({query})");
    for text in [
        link.clone(),
        format!("<a href=\"{query}\">x</a>"),
        format!("<a href='{}'>x</a><br>", query.replace('&', "&amp;")),
    ] {
        let instance = Url::parse("https://acme.example.com").expect("a URL");
        let shown = shown(&text, &RenderContext::unlinked(&instance)).markdown;
        assert_eq!(shown.trim(), link, "{text}");
    }
}

#[test]
fn a_bots_lines_stay_lines() {
    for (text, markdown) in [
        ("Name: Anna\nDesk: 4\nPhone: 1", "Name: Anna  \nDesk: 4  \nPhone: 1"),
        ("- a\n- b\n  c", "- a\n- b  \n  c"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("```\na\nb\n```", "```\na\nb\n```"),
        ("one  \ntwo\n\nthree", "one  \ntwo\n\nthree"),
    ] {
        assert_eq!(said(text, Voice::Bot).markdown, markdown, "{text}");
    }
}

#[test]
fn every_sign_that_ends_a_line_does() {
    for end in ["\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
        let text = format!("Desk: 4{end}Phone: 1");
        for by in [Voice::Person, Voice::Bot] {
            assert_eq!(said(&text, by).markdown, "Desk: 4  \nPhone: 1", "{end:?}");
            assert_eq!(plain(&text, by), "Desk: 4\nPhone: 1", "{end:?}");
        }
    }
}

#[test]
fn what_only_looks_like_a_definition_is_read() {
    for text in
        ["[Note]: call me later", "[Note]: Wichtig", "[^1]: note", "see [^1]\n\n[^1]: https://a.example"]
    {
        let shown = said(text, Voice::Bot).markdown;
        assert_eq!(seen(&shown), typed(text), "{text:?} as {shown:?}");
    }
    assert_eq!(said("[a][1]\n\n[1]: /kb", Voice::Bot).markdown, "[a][1]\n\n[1]: https://acme.example.com/kb");
}

#[test]
fn what_has_nothing_to_read_is_not_seen() {
    for text in ["", " \n", "<br>", "<p></p>", "<p>&nbsp;</p>", "&nbsp;", "<!-- x -->", "<div> <br/> </div>"]
    {
        assert!(!is_seen(text, Voice::Bot), "{text}");
    }
    for text in ["a", "<", "&", "<b>x</b>", "<img src=\"https://a.example/a.png\">", "<x>", "&amp;", "<hr>"] {
        assert!(is_seen(text, Voice::Bot), "{text}");
    }
    // Typed, they mean themselves.
    for text in ["&nbsp;", "<!-- x -->", "<style>p {}</style>"] {
        assert!(is_seen(text, Voice::Person), "{text}");
    }
}

#[test]
fn code_is_read_sign_for_sign_however_it_is_fenced() {
    for (text, code) in [
        ("~~~\n<b> &lt; [x](javascript:y)\n~~~", "<b> &lt; [x](javascript:y)"),
        ("````xml\n```\n<b>\n````", "```\n<b>"),
        ("a ``<b> ` &amp;`` c", "a <b> ` &amp; c"),
        ("a `<b>`` ` c", "a <b>``  c"),
        ("a ``<b>` c <i>", "a ``<b>` c <i>"),
        ("> ```\n> <b>\n> ```\n\nafter <i>", "<b>\nafter <i>"),
        ("- ~~~\n  <b>\n  ~~~", "<b>"),
        ("para\n\n    <b> indented", "para\n<b> indented"),
        ("```\n<b> never closed", "<b> never closed"),
        ("\\`<b>\\` x", "`<b>` x"),
        // Behind what some renderers take for an address.
        ("npm i @scope/`my_*a*_b`", "npm i @scope/`my_*a*_b`"),
        ("mail anna@srv:`\\\\srv\\x` **now**", "mail anna@srv:`\\\\srv\\x` now"),
    ] {
        let shown = said(text, Voice::Bot).markdown;
        assert_eq!(seen(&shown), typed(code), "{text:?} as {shown:?}");
    }
}

#[test]
fn a_picture_in_a_text_is_a_picture_and_no_text() {
    let data = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(2000));
    let picture = |alt: Option<&str>| vec![Picture { url: data.clone(), alt: alt.map(str::to_owned) }];
    for (text, by, markdown, alt) in [
        (format!("<img src=\"{data}\" alt=\"A cat\">"), Voice::Bot, "", Some("A cat")),
        (format!("see ![a cat]({data}) here"), Voice::Bot, "see  here", Some("a cat")),
        (format!("<b>Look: <strong><i><img src=\"{data}\"></i></strong></b>"), Voice::Bot, "**Look:**", None),
        (format!("see [a cat]({data})"), Voice::Bot, "see a cat", Some("a cat")),
        (format!("![x][1]\n\n[1]: {data}"), Voice::Bot, "![x][1]\n\n", Some("1")),
        (data.clone(), Voice::Bot, "", None),
        (format!("look: {data}"), Voice::Person, "look: ", None),
        (format!("`{data}`"), Voice::Bot, "``", None),
    ] {
        let shown = said(&text, by);
        assert_eq!((shown.markdown.as_str(), shown.pictures), (markdown, picture(alt)));
        assert!(!plain(&text, by).contains("iVBOR"));
    }
    assert_eq!(said("[x](data:text/html,<b>)", Voice::Bot).markdown, "x");
    assert_eq!(said("data:picture,5", Voice::Person).markdown, "data:picture,5");
}

#[test]
fn content_in_an_address_is_never_a_label() {
    let film = format!("data:video/mp4;base64,{}", "AAAA".repeat(200));
    for (text, markdown) in [
        (format!("<video src=\"{film}\"></video>"), "Open"),
        (format!("<iframe src=\"{film}\" title=\"The film\"></iframe>"), "The film"),
        (format!("<a href=\"{film}\" download=\"film\"></a>"), "film"),
        (format!("see <a href=\"{film}\">{film}</a>"), "see Open"),
        (format!("see [{film}]({film})"), "see Open"),
        ("see ![a cat](data:image/png;base64,AA)".to_owned(), "see a cat"),
    ] {
        assert_eq!(said(&text, Voice::Bot).markdown, markdown, "{text}");
        assert_eq!(said(&markdown_of(&text), Voice::Bot).markdown, markdown, "{text} as OutputHtml");
    }
}

fn markdown_of(text: &str) -> String {
    if text.contains('<') { html::to_markdown(text) } else { text.to_owned() }
}

#[test]
fn plain_text_is_what_a_reader_reads() {
    for (text, by, expected) in [
        (
            "I know these words, and **agent** calls a person:\n- help\n- status",
            Voice::Bot,
            "I know these words, and agent calls a person:\n\n- help\n- status",
        ),
        (
            "# Head\n\ntext [here](https://a.example) `code`",
            Voice::Bot,
            "Head\n\ntext here (https://a.example) code",
        ),
        ("1. a\n2. b\n   - c", Voice::Bot, "1. a\n2. b\n  - c"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", Voice::Bot, "a | b\n1 | 2"),
        ("a<br>b &amp; c", Voice::Bot, "a\nb & c"),
        ("New!<a href='https://a.example'>here</a><br>x", Voice::Bot, "New!here (https://a.example)\nx"),
        ("<https://a.example>", Voice::Bot, "https://a.example"),
        ("**not** Markdown", Voice::Person, "**not** Markdown"),
        ("one\ntwo", Voice::Bot, "one\ntwo"),
    ] {
        assert_eq!(plain(text, by), expected, "{text}");
    }
}
