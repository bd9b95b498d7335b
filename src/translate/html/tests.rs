use proptest::prelude::*;

use super::*;

#[test]
fn what_markdown_can_say_is_kept() {
    for (html, markdown) in [
        ("<html> <body> Sample </body> </html> ", "Sample"),
        ("<p>One</p><p>Two <b>bold</b> &amp; <i>it</i></p>", "One\n\nTwo **bold** & *it*"),
        ("a<br/>b<br>c", "a  \nb  \nc"),
        ("a</br>b</BR >c", "a  \nb  \nc"),
        (
            "<a href='https://x.example?a=1&timestamp=2&copy=3&amp;d=4'>x</a>",
            "[x](https://x.example?a=1&timestamp=2&copy=3&d=4)",
        ),
        ("<h2>Head</h2>text", "## Head\n\ntext"),
        ("<h2>Ticket #</h2><h3>C# ##</h3><h4>C#</h4>", "## Ticket \\#\n\n### C# \\##\n\n#### C#"),
        ("<a href=https://x.example/kb/>the KB</a>", "[the KB](https://x.example/kb/)"),
        ("<iframe src='data:text/html;base64,QQ=='></iframe>", "[](data:text/html;base64,QQ==)"),
        ("<a href='data:a/pdf;base64,QQ==' download='plan'></a>", "[plan](data:a/pdf;base64,QQ==)"),
        ("<img src='data:image/png;base64,AA\r\n BB' alt='x'>", "![x](data:image/png;base64,AABB)"),
        ("<ul><li>a</li><li>b <a href='/x y'>c</a></li></ul>", "- a\n- b [c](/x%20y)"),
        ("<ol start=3><li>a<li>b<ul><li>c</ul></ol>end", "3. a\n4. b\n   - c\n\nend"),
        ("<img src=\"a.iix\" alt=\"A cat\">", "![A cat](a.iix)"),
        ("<blockquote>q<br>r</blockquote>", "> q  \n> r"),
        ("<pre>a  *b*\n c</pre>", "```\na  *b*\n c\n```"),
        ("use <code>a * b</code>", "use `a * b`"),
        ("<a href='javascript:x'>click</a>", "[click](javascript:x)"),
        ("2 * 3 < 4", "2 \\* 3 < 4".replace('<', "\\<").as_str()),
        ("<script>alert('<p>')</script>seen<style>p{}</style><!-- no <b> -->", "seen"),
        ("<p title='a>b'>x", "x"),
        ("un<b>closed <i>tags", "un**closed *tags***"),
        ("</p></b>stray", "stray"),
        ("&euro;5 &#128512; &#x41; &unknown; &", "€5 😀 A \\&unknown; &"),
        ("<iframe src='https://v.example/1'></iframe>", "[https\\:\\//v\\.example/1](https://v.example/1)"),
        ("", ""),
        ("a<b> b </b>c<i> d</i>", "a **b** c *d*"),
        ("a <a href=x> b </a>c", "a [b](x) c"),
        ("<b>Name:</b>Anna", "**Name:**&#8203;Anna"),
        ("a<b>(b)</b>", "a&#8203;**(b)**"),
        ("<b>x</b><b>y</b>z<i>q</i>", "**x**&#8203;**y**z*q*"),
        ("<b>x</b><i>y</i>", "**x**&#8203;*y*"),
        ("<b>a <strong>b</strong> c</b>", "**a b c**"),
        ("<p><b>Hello<br><br>World</b></p>", "**Hello  \n&nbsp;  \nWorld**"),
        ("<i>a\n\nb</i> c", "*a  \n&nbsp;  \nb* c"),
        ("<b><p>a</p><p>b</p></b>c", "a\n\nb\n\nc"),
        ("<p><b>Opening hours<br></b>Mon-Fri</p>", "**Opening hours**  \nMon-Fri"),
        ("<b>Opening hours\n</b>Mon-Fri", "**Opening hours**  \nMon-Fri"),
        ("<p>Hello,<strong><br>your ticket</strong></p>", "Hello,  \n**your ticket**"),
        ("<a href=x>one<br></a>two", "[one](x)  \ntwo"),
        ("<p>Run <code>ipconfig </code>now</p>", "Run `ipconfig` now"),
        ("a<sub> b</sub> c<q> d</q><b> e<strong> f</strong></b>", "a b c “d” **e f**"),
        ("<a href=x><p>one</p></a>two", "[one](x)  \n  \ntwo"),
        ("<p>Neu!<a href=x>hier</a> a\\!<sup><a href=y>1</a></sup></p>", "Neu\\![hier](x) a\\\\\\![1](y)"),
        ("oh!<iframe src=x title=a></iframe> no!<b><a href=x>b</a></b>", "oh\\![a](x) no!**[b](x)**"),
        ("Neu!<span>https://a.example</span>", "Neu\\![https\\:\\//a\\.example](https://a.example)"),
        ("<code>a!<i>[b]</i>`<i>`</i></code>", "``` a![b]`` ```"),
        ("<i><code>a<br><br>b</code></i>", "*`a`  \n`b`*"),
        ("<code>a</code><code>b</code><q><code>c</code></q>", "`a`&#8203;`b`“`c`”"),
        ("<p><code>cd C:\\temp<br>dir</code></p>", "`cd C:\\temp`  \n`dir`"),
        ("<p><a href=x>one <a href=y>two</a> end</p>", "[one](x) [two](y) end"),
        ("<b>Name: Anna</b>\rDesk: 4\u{2028}Phone: 1", "**Name: Anna**  \nDesk: 4  \nPhone: 1"),
        ("<b><s>x</s></b>y", "**~~x~~**&#8203;y"),
        ("<pre>a <b>b</b><br><a href=x>c</a></pre>", "```\na b\nc\n```"),
        ("<code>a <i>b</i></code>", "`a b`"),
        ("10<sup>6</sup> CO<sub>2</sub> x<sup>-1</sup> 1<sup>st</sup>", "10⁶ CO₂ x⁻¹ 1st"),
        ("<q>so</q> a<center>b</center>c<aside>d</aside>e", "“so” a\n\nb\n\nc\n\nd\n\ne"),
        ("<ol><li>a</ol><ol><li>b</ol><ol><li>c</ol>", "1. a\n\n1) b\n\n1. c"),
        ("<ul><li>a</ul><ul><li>b</ul>", "- a\n\n* b"),
        ("<ol><li>a<li value=9>b<li>c</ol>", "1. a\n9. b\n10. c"),
    ] {
        assert_eq!(to_markdown(html), markdown, "{html}");
    }
}

#[test]
fn in_a_line_blocks_are_words() {
    for (html, markdown) in [
        ("<a href=/x><h3>Title</h3><p>text</p></a>", "[Title text](/x)"),
        ("<a href=/x><ul><li>a<li>b</ul></a>", "[• a • b](/x)"),
        ("<a href=/x><table><tr><td>a<td>b<tr><td>c<td>d</table></a>", "[a b c d](/x)"),
        ("<h2>Head<blockquote>q</blockquote></h2>", "## Head q"),
        (
            "<table><tr><td><h4>H</h4>- x<td><blockquote>q</blockquote><hr>y<ul><li>a<li>b</ul></table>",
            "| H \\- x | q y • a • b |\n| --- | --- |",
        ),
    ] {
        assert_eq!(to_markdown(html), markdown, "{html}");
    }
}

#[test]
fn cells_stand_where_spans_leave_them() {
    for (html, markdown) in [
        (
            "<table><tr><th>A<th>B<tr><td rowspan=2>X<td>1<tr><td>2<tr><td>Y<td>3</table>",
            "| A | B |\n| --- | --- |\n| X | 1 |\n|  | 2 |\n| Y | 3 |",
        ),
        (
            "<table><tr><th>A<th>B<th>C<tr><td colspan=2>wide<td>c</table>",
            "| A | B | C |\n| --- | --- | --- |\n| wide |  | c |",
        ),
        ("<table><tr><td colspan=100>T<tr><td>a<td>b</table>", "| T |  |\n| --- | --- |\n| a | b |"),
        ("<table><tr><td rowspan=0>X<td>1<tr><td>2</table>", "| X | 1 |\n| --- | --- |\n|  | 2 |"),
    ] {
        assert_eq!(to_markdown(html), markdown, "{html}");
    }
}

#[test]
fn code_in_a_list_keeps_its_blank_lines() {
    assert_eq!(
        to_markdown("<ul><li>Run:<pre>a\n\nb</pre></li><li>c</ul>"),
        "- Run:\n  ```\n  a\n  \n  b\n  ```\n- c"
    );
}

#[test]
fn html_within_markdown_tears_nothing_of_it() {
    for (text, markdown) in [
        (
            "| A | B |\n| --- | --- |\n| x<br>y | z |\n\na<br>b",
            "| A | B |\n| --- | --- |\n| x y | z |\n\na  \nb",
        ),
        ("| A | B |\n|:-:|-|\n| x<br>y | z |", "| A | B |\n|:-:|-|\n| x y | z |"),
        ("A | B\n--|--\nx<br/>`<br>` | <ul><li>z</ul>", "A | B\n--|--\nx `<br>` | • z"),
        ("**Note**: use <code>a &lt; b</code><br>ok", "**Note**: use `a < b`  \nok"),
        ("**x**<pre>if a &lt; b &amp;&amp; c</pre>", "**x**\n\n```\nif a < b && c\n```"),
        ("&lt; **x**<br>\ny", "&lt; **x**  \ny"),
        ("- <p>para</p>\n- **b**", "- para\n\n- **b**"),
        ("A | B\n--|--\nx | <table><tr><td>1<td>2</table>", "A | B\n--|--\nx | 1 2"),
        ("A | B\n--|--\nx | <pre>a|b</pre>", "A | B\n--|--\nx | `a\\|b`"),
        ("A | B\n--|--\nx | <code>a<br><br>b<br></code>", "A | B\n--|--\nx | `a b`"),
        ("<table><tr><td>**a**<td>b|c</table>", "| **a** | b\\|c |\n| --- | --- |"),
    ] {
        assert_eq!(within_markdown(text), markdown, "{text}");
    }
}

#[test]
fn a_table_becomes_a_table_and_a_layout_becomes_paragraphs() {
    assert_eq!(
        to_markdown(
            "<table> <tr><th>A</th><th>B|C</th></tr> <tr><td><a href='https://x.example'>x</a><td>1<br>2</table>"
        ),
        "| A | B\\|C |\n| --- | --- |\n| [x](https://x.example) | 1 2 |"
    );
    assert_eq!(
        to_markdown("<table><tr><td><code>a|b</code><td><pre>c\n|d</pre></table>"),
        "| `a\\|b` | `c \\|d` |\n| --- | --- |"
    );
    let within = "<table><tr><td><table><tr><td>a<td>b</table><td>c<tr><td>d<td>e</table>";
    assert_eq!(to_markdown(within), "| a b | c |\n| --- | --- |\n| d | e |");
    assert_eq!(to_markdown("<table><tr><td>one</td></tr><tr><td>two</td></tr></table>"), "one\n\ntwo");
}

#[test]
fn very_deep_html_is_read_in_reasonable_time() {
    let deep = format!("{}x{}", "<div><b>".repeat(50_000), "</b></div>".repeat(50_000));
    assert!(to_markdown(&deep).contains('x'));
}

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn any_html_is_read_without_panic_and_its_words_survive(
        pieces in prop::collection::vec(
            prop_oneof![
                "[a-z]{3,6}", Just("<b>".to_owned()), Just("</b>".to_owned()), Just("<td>".to_owned()),
                Just("<tr>".to_owned()), Just("<table>".to_owned()), Just("</table>".to_owned()),
                Just("<li>".to_owned()), Just("<ul>".to_owned()), Just("</ul>".to_owned()),
                Just("<a href='x'>".to_owned()), Just("</a>".to_owned()), Just("<p>".to_owned()),
                Just("<pre>".to_owned()), Just("</pre>".to_owned()), Just("<code>".to_owned()),
                Just("< ".to_owned()), Just(" & ".to_owned()), Just("é😀".to_owned()),
            ],
            0..24,
        )
    ) {
        let markdown = to_markdown(&pieces.join(" "));
        for word in pieces.iter().filter(|piece| piece.starts_with(|char: char| char.is_ascii_lowercase())) {
            prop_assert!(markdown.contains(word), "{} in {}", word, markdown);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".{0,80}") {
        to_markdown(&text);
    }
}
