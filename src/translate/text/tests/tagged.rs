//! Texts that are HTML, or look like it.

use super::*;

/// Editors make paragraphs of what is typed, and links of some of it.
#[test]
fn an_address_in_html_is_a_link_as_one_that_is_typed_is() {
    let login = "https://acme.example.com/sys_attachment.do?id=1";
    let link = "[https\\:\\//acme\\.example\\.com/sys_attachment\\.do?id=1]";
    for (text, markdown) in [
        ("<p>see https://a.example/b_c.</p>", "see [https\\:\\//a\\.example/b_c](https://a.example/b_c)."),
        ("<p>HR &lt;hr@example.com&gt;</p>", "HR &lt;[hr\\@example\\.com](mailto:hr@example.com)\\>"),
        (&format!("<p>{login}</p>"), &format!("{link}({login})")),
        (&format!("<a href='{login}'>{login}</a>"), &format!("{link}({login})")),
        (&format!("<a href='{login}'>the file</a>"), "[the file](https://bridge.example.net/f?47)"),
        ("<a href='#part2'>further down</a>", "further down"),
    ] {
        assert_eq!(said(text, Voice::Person).markdown, markdown, "{text}");
    }
    assert_eq!(plain("<p>see https://a.example/b_c.</p>", Voice::Person), "see https://a.example/b_c.");
}

#[test]
fn tags_within_lines_leave_a_bots_markdown_what_it_is() {
    for (text, markdown) in [
        ("#### Steps<br>then _go_", "#### Steps  \nthen _go_"),
        ("*This* is<br>it", "*This* is  \nit"),
        ("> quote<br>more\n\nafter", "> quote  \nmore\n\nafter"),
        ("2. two<br>x\n3. three", "2. two  \nx\n3. three"),
        ("+ a<br>\n1) b ~~old~~", "+ a  \n1) b ~~old~~"),
        (
            "Hello<br>there\n\nSecond paragraph\nthird line",
            "Hello  \nthere  \n  \nSecond paragraph  \nthird line",
        ),
        ("<p>a</p>\n\n#### b", "a\n\n#### b"),
        ("<h3>a</h3>\n2) b", "### a\n\n2) b"),
        (
            "<div>\n    Hello **Anna**,\n    <p>x</p>\n    your **ticket**\n    is closed\n</div>",
            "Hello **Anna**,\n\nx\n\nyour **ticket**  \nis closed",
        ),
        (
            "<h3>Do</h3>\n    1. **one** <b>x</b>\n    2. two\n       - a",
            "### Do\n\n1. **one** **x**\n2. two\n   - a",
        ),
        (
            "<h3>Do</h3>\n  **this**\n\n```\n  if\n    x\n```\n  end",
            "### Do\n\n**this**\n\n```\n  if\n    x\n```\nend",
        ),
        ("<h3>**Run**</h3>\n\n    npm install", "### **Run**\n\n    npm install"),
        ("1. <b>Open</b> it<br>\r\ncontinued\r\n2. Close", "1. **Open** it  \ncontinued\n2. Close"),
        ("1. a\n   <br>b\n2. c", "1. a  \n   &nbsp;  \nb\n2. c"),
        ("> **quote**\n> <br>more", "> **quote**  \n> &nbsp;  \nmore"),
        ("1. **a** <br/> <br/>b\n2. c", "1. **a**   \n &nbsp;  \nb\n2. c"),
        ("1. **First**<br><br>text\n2. Second", "1. **First**  \n&nbsp;  \ntext\n2. Second"),
        (
            "**x** is in <b>C:\\</b> and <a href=https://a.example>D:\\</a>",
            "**x** is in **C:\\\\** and [D:\\\\](https://a.example/)",
        ),
    ] {
        assert_eq!(said(text, Voice::Bot).markdown, markdown, "{text:?}");
    }
    assert_eq!(growing("<b>Restart</b> the <i>cl", &context(Voice::Bot)).markdown, "**Restart** the *cl*");
}

/// Whatever Markdown knows, read as it is without the tag.
#[test]
fn any_markdown_beside_a_tag_is_markdown() {
    for text in [
        "__Note__: closed<br>ok",
        "A | B\n--|--\nx<br>y | z",
        "Name | Desk\n--- | ---\n<b>Anna</b> | 4",
        "See [the article][1]<br>x\n\n[1]: https://a.example/x",
        "Title\n=====\nhello<br>x",
        "Title\n-----\nhello<br>x",
        "a<br>b\n\n---\n\nc",
        ">quoted<br>line",
        "-\titem<br>x",
        "5 \\* 3 = 15<br>ok",
        "snake\\_case<br>ok",
        "See <https://a.example/x><br>thanks",
        "third<br>\\\nline",
        "see [it](b c.pdf)<br>x",
        "<p>one</p>\n~~two~~",
        "<div>A | B\n--|--\nx | y</div>",
        "<div>\n- one\n- two\n</div>",
        "<p>**one**</p>",
        "<ul>\n  <li>Run `x`</li>\n</ul>",
        "<div>\n```\nx\n```\n</div>",
        "<span>\n**one**\n</span>",
    ] {
        assert_eq!(Kind::of(text, Voice::Bot), Kind::Mixed, "{text:?}");
    }
    for text in [
        "<p>\n    one\n\n    two\n</p>",
        "<p>2*x + 3*y = 5*z</p>",
        "<p>C:\\Users\\anna\\.config</p>",
        "<p>Name *</p><p>Mail *</p>",
        "<p>- 5 EUR</p><p>1. one</p><p># 5</p>",
        "<table>\n  <tr>\n    <td>\n      -\n    </td>\n    <td>#</td>\n    <td>~5 to ~10</td>\n  </tr>\n</table>",
        "<ul>\n    <li>one</li>\n\n    <li>two</li>\n</ul>",
    ] {
        assert_eq!(Kind::of(text, Voice::Bot), Kind::Html, "{text:?}");
    }
    for text in
        ["2*x + 3*y<br>5", "C:\\Users\\anna\\.config\\\n<b>x</b>", "snake_case_name<br>x", "a - b<br>c"]
    {
        assert_eq!(Kind::of(text, Voice::Bot), Kind::Tagged, "{text:?}");
    }
    assert_eq!(said("5 \\* 3 = 15<br>ok", Voice::Bot).markdown, "5 \\* 3 = 15  \nok");
    assert_eq!(plain("__Note__: closed<br>ok", Voice::Bot), "Note: closed\nok");
}

#[test]
fn signs_between_tags_mean_themselves_where_there_is_no_markdown() {
    for (text, words) in [
        ("<span style=\"color:red\">*</span> Required field<br>Name", "* Required field\nName"),
        ("Path: <b>\\\\fileserver\\dept_share</b><br>Thanks", "Path: \\\\fileserver\\dept_share\nThanks"),
        ("<b>*</b> footnote", "* footnote"),
        ("Drive <b>C:\\</b> is full", "Drive C:\\ is full"),
        ("<i>\\</i>", "\\"),
        ("Hello Anna,<br>\r\nline two<br>\r\nline three", "Hello Anna,\nline two\nline three"),
    ] {
        assert_eq!(plain(text, Voice::Bot), words, "{text}");
        assert_eq!(seen(&said(text, Voice::Bot).markdown), lines(words), "{text}");
    }
}

#[test]
fn evidence_tells_html() {
    for (text, by, kind) in [
        ("closed.<br>Have a nice day", Voice::Bot, Kind::Tagged),
        ("closed.<br/>Have a nice day", Voice::Person, Kind::Html),
        ("<p>Hi <b>there</b></p>", Voice::Person, Kind::Html),
        ("<a href=\"https://a.example/?x=1&n=2\">the article</a>", Voice::Bot, Kind::Tagged),
        ("use <b> for bold", Voice::Person, Kind::Plain),
        ("use <b> for bold", Voice::Bot, Kind::Markdown),
        ("<b><i>x</b></i>", Voice::Person, Kind::Plain),
        ("List<String> x", Voice::Person, Kind::Plain),
        ("if a<b and c>d", Voice::Person, Kind::Plain),
        ("<script>alert(1)</script>", Voice::Person, Kind::Plain),
        ("<script>alert(1)</script>", Voice::Bot, Kind::Markdown),
        ("<p>x</p><script>alert(1)</script>", Voice::Bot, Kind::Html),
        ("<p>Use <script src=\"x\"> to load it", Voice::Bot, Kind::Markdown),
        ("copy <source> to <base>", Voice::Bot, Kind::Markdown),
        ("1 < 2 &amp; 3 > 2", Voice::Person, Kind::Plain),
        ("**bold**<br>and more", Voice::Bot, Kind::Mixed),
        ("| a<br>b | c |\n|---|---|\n| 1 | 2 |", Voice::Bot, Kind::Mixed),
        ("", Voice::Bot, Kind::Markdown),
        // As browsers read it.
        ("<ul><li>one<li>two</ul>", Voice::Bot, Kind::Html),
        ("<ul><li>one<li>two</ul>", Voice::Person, Kind::Plain),
        ("<p>one<p>two", Voice::Bot, Kind::Html),
        ("<b>a <i>b</b></i>", Voice::Bot, Kind::Tagged),
        ("<a href=\"https://a.example\">never closed", Voice::Bot, Kind::Tagged),
        ("<style>p {}</style><p>x</p>", Voice::Bot, Kind::Html),
        ("<!-- x -->Hi", Voice::Bot, Kind::Tagged),
        ("Hi <!-- x -->*you*", Voice::Bot, Kind::Mixed),
        ("<!-- x -->Hi", Voice::Person, Kind::Plain),
        ("use <p> for paragraphs", Voice::Bot, Kind::Markdown),
        ("if a<b and c>d", Voice::Bot, Kind::Markdown),
        ("use `<b>` here<br>ok", Voice::Bot, Kind::Mixed),
        ("use `<b>` here", Voice::Bot, Kind::Markdown),
        // Addresses of people in brackets are no tags, whatever their names are.
        ("Write to HR <hr@example.com>", Voice::Person, Kind::Plain),
        ("Write to HR <hr@example.com>", Voice::Bot, Kind::Markdown),
        ("<p.miller@example.com>, <img-team@example.com>, <br+x@example.com>", Voice::Bot, Kind::Markdown),
        ("<p class=MsoNormal>pasted<o:p></o:p></p>", Voice::Person, Kind::Html),
        ("Hi <bdi>Anna</bdi>, <label>Name</label>", Voice::Person, Kind::Html),
        ("<a href=https://a.example/kb/>the KB</a>", Voice::Person, Kind::Html),
    ] {
        assert_eq!(Kind::of(text, by), kind, "{text}");
    }
}

#[test]
fn every_element_of_htmls_may_stand_in_a_bots_text() {
    let standard = "abbr acronym bdi bdo canvas data dfn dialog label map menu meter object output progress rp rt ruby \
        search slot textarea";
    for name in standard.split_whitespace() {
        let text = format!("<p>Hi <{name}>Anna</{name}>, see <a href=\"https://a.example/kb\">it</a></p>");
        let shown = said(&text, Voice::Bot).markdown;
        assert!(shown.contains("Anna") && shown.ends_with("[it](https://a.example/kb)"), "{text}: {shown}");
    }
    for name in ["datalist", "noscript", "script", "style", "svg", "template"] {
        let text = format!("<p>a</p><{name}>alert(1)</{name}>");
        assert_eq!(said(&text, Voice::Bot).markdown, "a", "{text}");
    }
}

#[test]
fn html_that_grows_never_shows_its_tags() {
    let whole =
        "<p>Hi <b>there</b>, 1 &lt; 2</p><ul><li>see <a href=\"https://a.example/x\">it</a></li></ul>";
    for by in [Voice::Person, Voice::Bot] {
        for end in 1..whole.len() {
            let shown = growing(&whole[..end], &context(by)).markdown;
            assert!(!shown.contains(['>', '{']) && !shown.contains("<b"), "{}: {shown}", &whole[..end]);
        }
        assert_eq!(growing(whole, &context(by)), said(whole, by));
        assert_eq!(growing("<a href=\"https://a.exa", &context(by)).markdown, "");
    }
    assert_eq!(growing("use <b> for **bold", &context(Voice::Bot)).markdown, "use &lt;b> for **bold");
    assert_eq!(growing("1 < 2", &context(Voice::Person)).markdown, "1 \\< 2");
}

#[test]
fn what_looks_like_a_tag_and_is_never_closed_is_words() {
    for (text, by, words) in [
        ("Put a <br at the end of the line and press Enter", Voice::Person, "at the end of the line"),
        ("a<br b\nsecond line\nthird line", Voice::Person, "third line"),
        ("<wbr x", Voice::Person, "wbr x"),
        ("Press <br> then type <? or <! and go on", Voice::Person, "and go on"),
        ("<b>bold</b and then more words", Voice::Person, "and then more words"),
        ("<b>Note:</b> a<br>b <!-- c", Voice::Person, "c"),
        ("Put a <br at the end and <b>bold</b>", Voice::Person, "at the end and"),
        ("Type <span class=\"a\" to", Voice::Bot, "to"),
        ("<p>use <div class=\"x then text</p>", Voice::Bot, "then text"),
        ("<p align=\"left\" hello world", Voice::Bot, "hello world"),
    ] {
        let shown = said(text, by).markdown;
        assert!(shown.contains(words), "{text}: {shown}");
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
        ("use `<b>x</b>` for <i>bold</i><br>ok", Voice::Bot, "use `<b>x</b>` for *bold*  \nok"),
        ("<ul><li>one<li>two</ul>", Voice::Bot, "- one\n- two"),
        ("<!-- x -->Hi", Voice::Bot, "Hi"),
        ("<a href=\"mailto:a@example.com\">mail</a>", Voice::Person, "[mail](mailto:a@example.com)"),
    ] {
        assert_eq!(said(text, by).markdown, markdown, "{text}");
    }
}
