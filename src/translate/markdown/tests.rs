use proptest::prelude::*;
use url::Url;

use super::*;
use crate::translate::link::RenderContext;

fn made_safe(markdown: &str) -> String {
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    let signed = |url: &str| url.ends_with(".iix").then(|| "https://bridge.example.net/f/1".to_owned());
    safe(markdown, &RenderContext { file_link: &signed, ..RenderContext::unlinked(&instance) }, &mut [])
}

#[test]
fn plain_text_shows_the_same() {
    for (plain, markdown) in [
        ("plain words, don't touch 5.5 (or so)!", "plain words, don\\'t touch 5.5 (or so)!"),
        ("2*3*4 and snake_case_name", "2\\*3\\*4 and snake_case_name"),
        ("_init_ ~~x~~ a~b", "\\_init\\_ \\~\\~x\\~\\~ a\\~b"),
        ("# no heading\n> no quote", "\\# no heading  \n\\> no quote"),
        ("- item\n-5 degrees\n1. one", "\\- item  \n\\-5 degrees  \n1\\. one"),
        ("[x](y) <b> &amp; a & b", "&#91;x&#93;(y) \\<b> \\&amp; a & b"),
        ("one\n\ntwo\n", "one\n\ntwo"),
        ("        deep", "&#32;       deep"),
        ("---", "\\-\\-\\-"),
        ("", ""),
        ("שלום 😀", "שלום 😀"),
    ] {
        assert_eq!(escape(plain), markdown, "{plain}");
    }
}

#[test]
fn links_are_absolute_and_lead_to_the_web_only() {
    for (markdown, expected) in [
        ("[a](https://b.example/c)", "[a](https://b.example/c)"),
        ("[a](/sp?id=1 \"T\")", "[a](https://acme.example.com/sp?id=1 \"T\")"),
        ("![cat](x.iix)", "![cat](https://bridge.example.net/f/1)"),
        ("[![i](x.iix)](y)", "[![i](https://bridge.example.net/f/1)](https://acme.example.com/y)"),
        ("[a](javascript:alert(1)) b", "a (javascript:alert(1)) b"),
        ("[a](java&#115;cript:x)", "a (javascript:x)"),
        ("<[img src=x](javascript:x)>", "&lt;img src=x (javascript:x)>"),
        ("![a](data:image/png;base64,xx)", "a"),
        ("<tel:+49301234> <mailto:a@example.com>", "<tel:+49301234> <mailto:a@example.com>"),
        ("[](mailto:a@example.com)", "[](mailto:a@example.com)"),
        ("[a]()", "a"),
        ("[a](<b c>)", "[a](https://acme.example.com/b%20c)"),
        ("[a](b c.pdf)", "[a](https://acme.example.com/b%20c.pdf)"),
        ("[a](b(c)d)", "[a](https://acme.example.com/b%28c%29d)"),
        ("<https://b.example/c> <b@example.com>", "<https://b.example/c> <b@example.com>"),
        ("<script>x</script> 1 < 2", "&lt;script>x&lt;/script> 1 < 2"),
        ("[1]: javascript:x", "\\[1\\]: javascript:x"),
        ("[1]: /a \"b\"\n", "[1]: https://acme.example.com/a \"b\"\n"),
        ("Usage:    [path]: /tmp/x", "Usage:    [path]: /tmp/x"),
        ("`[a](javascript:x)` ```<b>```", "`[a](javascript:x)` ```<b>```"),
        ("- \n```\n<b>\n``` \t\n[a](javascript:x)", "- \n```\n<b>\n```  \na (javascript:x)"),
        ("\\[a](javascript:x)", "\\[a\\](javascript:x)"),
        ("[a] [b][c] ] **x**", "[a] [b][c] ] **x**"),
        ("[a](b", "[a\\](b"),
        ("[a](javascript:b\"c)", "a (javascript:b\\\"c)"),
    ] {
        assert_eq!(made_safe(markdown), expected, "{markdown}");
    }
}

#[test]
fn hostile_text_takes_reasonable_time() {
    for text in ["](", "[](", "<http://", "[a]:", "<", "`a``"] {
        made_safe(&text.repeat(100_000));
        escape(&text.repeat(100_000));
    }
}

#[test]
fn what_is_nested_deeper_than_anybody_writes_keeps_its_words_and_leads_nowhere() {
    for mark in [">", "- ", "1. ", "> \t"] {
        let deep = format!("{}a [b](https://b.example) <i>`c`", mark.repeat(300));
        let words = format!("{}a &#91;b](https://b.example/) &lt;i>&#96;c&#96;", mark.repeat(300));
        assert_eq!((made_safe(&deep), to_plain(&deep)), (words, deep));
    }
    assert_eq!(
        to_plain(&format!("{}1415926535 *a*", "3.".repeat(300))),
        format!("{}1415926535 a", "3.".repeat(300))
    );
}

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn no_foreign_scheme_is_ever_a_destination(text in "[\\[\\]()<>!\\\\a: \n\"é]{0,40}") {
        let safe = made_safe(&text.replace('a', "javascript:x"));
        let (mut bare, mut chars) = (String::new(), safe.chars());
        while let Some(char) = chars.next() {
            if char == '\\' { chars.next(); bare.push('·'); } else { bare.push(char); }
        }
        for link in ["](javascript", "]( javascript", "](\njavascript", "](<javascript", "<javascript"] {
            prop_assert!(!bare.contains(link), "{}", safe);
        }
    }

    #[test]
    fn words_survive(words in prop::collection::vec("[a-zé]{1,6}", 0..8)) {
        let text = words.join(" ");
        prop_assert_eq!(escape(&text), text.clone());
        prop_assert_eq!(made_safe(&text), text);
    }

    #[test]
    fn any_text_is_escaped_and_made_safe_without_panic(text in ".{0,60}") {
        made_safe(&escape(&text));
        made_safe(&text);
    }
}
