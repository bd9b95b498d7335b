//! What holds for any text and any HTML.

use proptest::prelude::*;

use super::*;

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
    const TAGS: &str = "a b i p div span ul ol li table tr td h1 pre code blockquote img br svg math style \
        script base meta link iframe object form template video noscript x-unknown";
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
    let tag = || prop::sample::select(TAGS.split(' ').collect::<Vec<_>>());
    let attributes =
        || prop::collection::vec(prop::sample::select(&ATTRIBUTES[..]), 0..3).prop_map(|list| list.concat());
    let open = (tag(), attributes()).prop_map(|(tag, attributes)| format!("<{tag}{attributes}>"));
    let whole = (tag(), attributes(), ".{0,8}")
        .prop_map(|(tag, attributes, text)| format!("<{tag}{attributes}>{text}</{tag}>"));
    let piece = prop_oneof![
        4 => whole,
        2 => open,
        1 => tag().prop_map(|tag| format!("</{tag}>")),
        1 => prop::sample::select(vec!["`", "``", "```", "\n```\n", "\n~~~\n", "`` ` ``", "\n\n    ", "\\`", "`|`", "<!--", "-->", "<![CDATA[", "]]>", "<", "<a href=\"", "&lt;script&gt;steal()&lt;/script&gt;", "[x](javascript:steal())", "<scr<script>ipt>"]).prop_map(str::to_owned),
        1 => any_text(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// What a renderer that lets HTML through makes of it, element by element, holds no code and leads to none.
fn is_harmless(markdown: &str) -> Result<(), String> {
    const KNOWN: &str = "p br strong em del a img ul ol li h1 h2 h3 h4 h5 h6 blockquote pre code table thead \
        tbody tr th td hr input sup section s span";
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
        if !KNOWN.split(' ').any(|known| known == name) {
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
    #![proptest_config(crate::cases(512))]

    #[test]
    fn any_text_a_person_types_is_read_sign_for_sign(text in any_text()) {
        prop_assume!(Kind::of(&text, Voice::Person) == Kind::Plain);
        let shown = said(&text, Voice::Person);
        prop_assert_eq!(seen(&shown.markdown), typed(&text), "{:?} as {:?}", text, shown.markdown);
    }

    #[test]
    fn any_html_is_shown_without_code_and_without_panic(html in any_html(), by in prop::sample::select(vec![Voice::Person, Voice::Bot])) {
        for markdown in [said(&html, by).markdown, said(&format!("<p>x</p>{html}"), by).markdown] {
            prop_assert_eq!(is_harmless(&markdown), Ok(()), "{:?} as {:?}", html, markdown);
        }
        let rich = shown_markdown(&html::to_markdown(&html), &context(by)).markdown;
        prop_assert_eq!(is_harmless(&rich), Ok(()), "{:?} as {:?}", html, rich);
        plain(&html, by);
    }
}
