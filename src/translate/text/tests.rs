use std::sync::LazyLock;

use proptest::prelude::*;
use url::Url;

use super::*;
use crate::translate::picture::Picture;

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
        .split(['\n', '\r'])
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
fn evidence_tells_html() {
    for (text, by, kind) in [
        ("closed.<br>Have a nice day", Voice::Bot, Kind::Html),
        ("closed.<br/>Have a nice day", Voice::Person, Kind::Html),
        ("<p>Hi <b>there</b></p>", Voice::Person, Kind::Html),
        ("<a href=\"https://a.example/?x=1&n=2\">the article</a>", Voice::Bot, Kind::Html),
        ("use <b> for bold", Voice::Person, Kind::Plain),
        ("use <b> for bold", Voice::Bot, Kind::Markdown),
        ("<b><i>x</b></i>", Voice::Person, Kind::Plain),
        ("List<String> x", Voice::Person, Kind::Plain),
        ("if a<b and c>d", Voice::Person, Kind::Plain),
        ("<script>alert(1)</script>", Voice::Person, Kind::Plain),
        ("<p>x</p><script>alert(1)</script>", Voice::Bot, Kind::Markdown),
        ("1 < 2 &amp; 3 > 2", Voice::Person, Kind::Plain),
        ("**bold**<br>and more", Voice::Bot, Kind::Mixed),
        ("| a<br>b | c |\n|---|---|\n| 1 | 2 |", Voice::Bot, Kind::Mixed),
        ("", Voice::Bot, Kind::Markdown),
    ] {
        assert_eq!(Kind::of(text, by), kind, "{text}");
    }
}

#[test]
fn html_in_a_text_is_read_as_html() {
    for (text, by, markdown) in [
        ("closed.<br>Have a nice day", Voice::Bot, "closed.  \nHave a nice day"),
        (
            "see <a href=\"https://acme.example/kb?id=1&n=2\">the article</a>",
            Voice::Bot,
            "see [the article](https://acme.example/kb?id=1&n=2)",
        ),
        ("<b>Name:</b> Anna\nDesk: 4", Voice::Person, "**Name:** Anna  \nDesk: 4"),
        ("<p>r&eacute;initialiser</p>", Voice::Bot, "réinitialiser"),
        ("**bold**<br>more <i>it</i>", Voice::Bot, "**bold**  \nmore *it*"),
        ("<a href=\"mailto:a@example.com\">mail</a>", Voice::Person, "[mail](mailto:a@example.com)"),
    ] {
        assert_eq!(said(text, by).markdown, markdown, "{text}");
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
fn a_picture_in_a_text_is_a_picture_and_no_text() {
    let data = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(2000));
    let picture = |alt: Option<&str>| vec![Picture { url: data.clone(), alt: alt.map(str::to_owned) }];
    for (text, by, markdown, alt) in [
        (format!("<img src=\"{data}\" alt=\"A cat\">"), Voice::Bot, "", Some("A cat")),
        (format!("see ![a cat]({data}) here"), Voice::Bot, "see  here", Some("a cat")),
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
        ("<https://a.example>", Voice::Bot, "https://a.example"),
        ("**not** Markdown", Voice::Person, "**not** Markdown"),
        ("one\ntwo", Voice::Bot, "one\ntwo"),
    ] {
        assert_eq!(plain(text, by), expected, "{text}");
    }
}

#[test]
fn any_text_takes_linear_time() {
    let started = std::time::Instant::now();
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
    let deep = [
        "a",
        "blockquote",
        "code",
        "em",
        "h1",
        "li",
        "ol",
        "p",
        "pre",
        "span",
        "table",
        "td",
        "tr",
        "ul",
        "svg",
    ];
    let deep = deep.map(|tag| (format!("<{tag} href=x>"), format!("</{tag}>")));
    let pairs = pairs.map(|(open, close)| (open.to_owned(), close.to_owned()));
    for (open, close) in pairs.iter().chain(&deep) {
        let text = format!("{}x{}", open.repeat(10_000), close.repeat(10_000));
        said(&text, Voice::Bot);
        plain(&text, Voice::Bot);
        html::to_markdown(&text);
        html::to_markdown(&text[..text.len() / 2]);
    }
    let fences = (1..300).map(|run| format!("{} ", "`".repeat(run))).collect::<String>();
    said(&fences, Voice::Bot);
    // Generous: square time takes minutes.
    assert!(started.elapsed().as_secs() < 100, "{:?}", started.elapsed());
}

/// What Markdown makes something else of where it begins a line, and within one.
const BEGINS: [&str; 34] = [
    "",
    " ",
    "   ",
    "    ",
    "\t",
    " \t ",
    "- ",
    "* ",
    "+ ",
    "1. ",
    "2) ",
    "0. ",
    "999999999. ",
    "- [ ] ",
    "- [x] ",
    "> ",
    ">>",
    "# ",
    "###### ",
    "=",
    "===",
    "---",
    "***",
    "___",
    "```",
    "~~~",
    "```math",
    "|",
    "[^1]: ",
    "[a]: ",
    ": ",
    "<div>",
    "<!--",
    "> [!NOTE]",
];
const WITHIN: [&str; 64] = [
    "*a*",
    "_a_",
    "__a__",
    "**a**",
    "***",
    "~~a~~",
    "~a~",
    "`a`",
    "``",
    "$a$",
    "$$a$$",
    "$`a`$",
    "\\",
    "\\\\",
    "\\*",
    "\\n",
    "&amp;",
    "&eacute;",
    "&#65;",
    "&#x41;",
    "&#0;",
    "&copy",
    "&",
    "<b>",
    "</b>",
    "<br>",
    "<b",
    "<a href=\"x\">",
    "<!-- a -->",
    "<?a?>",
    "<![CDATA[a]]>",
    "<https://a.example>",
    "<a@a.example>",
    "https://a.example/x_y*z?q=1&lt=2#f",
    "http://",
    "www.a.example/_x_",
    "www.",
    "ana@a.example",
    "mailto:a@a.example",
    "xmpp:a@a.example/x",
    "a.example",
    "[a](b)",
    "![a](b)",
    "[a][b]",
    "[a]",
    "[^1]",
    "^[a]",
    "[ ]",
    "[x]",
    "|",
    "a|b",
    "--|--",
    ":-:",
    ":smile:",
    "H~2~O",
    "x^2^",
    "||a||",
    "{#id}",
    "{a=\"b\"}",
    "==a==",
    "++a++",
    "@ana",
    "#1",
    "...",
];
const SIGNS: [&str; 40] = [
    "\0",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{e}",
    "\u{1b}",
    "\u{1f}",
    "\u{7f}",
    "\u{85}",
    "\u{9f}",
    "\u{a0}",
    "\u{ad}",
    "e\u{301}",
    "\u{300}",
    "\u{20dd}",
    "\u{34f}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{200e}",
    "\u{200f}",
    "\u{2028}",
    "\u{2029}",
    "\u{202a}",
    "\u{202e}",
    "\u{2066}",
    "\u{2069}",
    "\u{2060}",
    "\u{3000}",
    "\u{feff}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{e000}",
    "\u{10ffff}",
    "👨\u{200d}👩",
    "🇩🇪",
    "שלום",
    "مرحبا",
];

fn any_text() -> impl Strategy<Value = String> {
    let sample = |list: &'static [&'static str]| prop::sample::select(list).prop_map(str::to_owned);
    let piece = prop_oneof![
        3 => any::<char>().prop_map(String::from),
        3 => "[ -~]{1,4}",
        2 => "[\\\\`*_\\[\\]<>|~\"'@&#+=.(){}!?$:/,\n\r\t -]{1,6}",
        3 => sample(&WITHIN),
        2 => sample(&SIGNS),
        1 => Just(" ".to_owned()),
    ];
    let line = (sample(&BEGINS), prop::collection::vec(piece, 0..7))
        .prop_map(|(begin, pieces)| begin + &pieces.concat());
    let end =
        prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n", "  \n", "\\\n", "\t\n", "\u{2028}", "\n \n"]);
    prop::collection::vec((line, end), 0..6)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect::<String>())
}

/// Pieces of HTML that something could hide in.
fn any_html() -> impl Strategy<Value = String> {
    const TAGS: [&str; 32] = [
        "a",
        "b",
        "i",
        "p",
        "div",
        "span",
        "ul",
        "ol",
        "li",
        "table",
        "tr",
        "td",
        "h1",
        "pre",
        "code",
        "blockquote",
        "img",
        "br",
        "svg",
        "math",
        "style",
        "script",
        "base",
        "meta",
        "link",
        "iframe",
        "object",
        "form",
        "template",
        "video",
        "noscript",
        "x-unknown",
    ];
    const ATTRIBUTES: [&str; 24] = [
        " onclick=\"steal()\"",
        " onerror=steal()",
        " ONLOAD='steal()'",
        " href=\"javascript:steal()\"",
        " href=' jAvA\tsCript:steal()'",
        " href=\"java&#115;cript:steal()\"",
        " href=\"javascript&colon;steal()\"",
        " href=\"&#1;javascript:steal()\"",
        " href=\"java&Tab;script:steal()\"",
        " href=\"data:text/html;base64,PHNjcmlwdD5zdGVhbCgpPC9zY3JpcHQ+\"",
        " href=vbscript:steal()",
        " href=\"https://a.example/?a=1&b=2\"",
        " href=\"//a.example\"",
        " href=\"/kb?id=1\"",
        " src=\"javascript:steal()\"",
        " src=\"data:image/svg+xml,<svg onload=steal()>\"",
        " src=\"https://a.example/a.png\"",
        " srcset=\"javascript:steal() 2x\"",
        " style=\"background:url(javascript:steal())\"",
        " formaction=javascript:steal()",
        " http-equiv=refresh content=\"0;url=javascript:steal()\"",
        " alt='](javascript:steal())'",
        " href=\"x)](javascript:steal()\"",
        " title=\"\" onmouseover=steal()\"",
    ];
    let attributes =
        || prop::collection::vec(prop::sample::select(&ATTRIBUTES[..]), 0..3).prop_map(|list| list.concat());
    let open = (prop::sample::select(&TAGS[..]), attributes())
        .prop_map(|(tag, attributes)| format!("<{tag}{attributes}>"));
    let whole = (prop::sample::select(&TAGS[..]), attributes(), ".{0,8}")
        .prop_map(|(tag, attributes, text)| format!("<{tag}{attributes}>{text}</{tag}>"));
    let piece = prop_oneof![
        4 => whole,
        2 => open,
        1 => prop::sample::select(&TAGS[..]).prop_map(|tag| format!("</{tag}>")),
        1 => prop::sample::select(vec!["<!--", "-->", "<![CDATA[", "]]>", "<", "<a href=\"", "&lt;script&gt;steal()&lt;/script&gt;", "[x](javascript:steal())", "<scr<script>ipt>"]).prop_map(str::to_owned),
        1 => any_text(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// What a renderer that lets HTML through makes of it, element by element, holds no code and leads to none.
fn is_harmless(markdown: &str) -> Result<(), String> {
    const KNOWN: [&str; 31] = [
        "p",
        "br",
        "strong",
        "em",
        "del",
        "a",
        "img",
        "ul",
        "ol",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "pre",
        "code",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "hr",
        "input",
        "sup",
        "section",
        "s",
        "span",
    ];
    // Renderers make links of odd addresses by themselves; none of them of these.
    const CODE: [&str; 5] = ["javascript:", "vbscript:", "data:", "file:", "blob:"];
    let mut options = comrak::Options::default();
    options.render.r#unsafe = true;
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    let html = comrak::markdown_to_html(markdown, &options);
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if !KNOWN.contains(&name) {
            return Err(format!("<{tag}> in {html}"));
        }
        for (attribute, value) in
            tag.split("\" ").filter_map(|attribute| attribute.rsplit(' ').next()?.split_once("=\""))
        {
            let value = value.trim_matches(|char: char| !char.is_alphanumeric()).to_lowercase();
            let leads = matches!(attribute, "href" | "src");
            if attribute.starts_with("on") || leads && CODE.iter().any(|scheme| value.starts_with(scheme)) {
                return Err(format!("{attribute}={value} in {html}"));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_a_person_types_is_read_sign_for_sign(text in any_text()) {
        prop_assume!(Kind::of(&text, Voice::Person) == Kind::Plain);
        let shown = said(&text, Voice::Person);
        prop_assert_eq!(seen(&shown.markdown), typed(&text), "{:?} as {:?}", text, shown.markdown);
    }

    #[test]
    fn any_html_is_shown_without_code_and_without_panic(html in any_html(), by in prop::sample::select(vec![Voice::Person, Voice::Bot])) {
        // Renderers disagree about which backticks belong together.
        let html = html.replace('`', "'");
        for markdown in [said(&html, by).markdown, said(&format!("<p>x</p>{html}"), by).markdown] {
            prop_assert_eq!(is_harmless(&markdown), Ok(()), "{:?} as {:?}", html, markdown);
        }
        let rich = shown_markdown(&html::to_markdown(&html), &context(by)).markdown;
        prop_assert_eq!(is_harmless(&rich), Ok(()), "{:?} as {:?}", html, rich);
        plain(&html, by);
    }
}
