//! Small readers of text that needs no parser.

/// The texts between `open` and the next `close`.
pub fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0)).collect()
}

/// What stands inside a pair of brackets that opens at `at`, without it; brackets in strings don't count.
pub fn inside(text: &str, at: usize, quote: char) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
    for (n, c) in text[at..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            _ if c == quote => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 && !quoted && n > 0 {
            return &text[at + 1..at + n];
        }
    }
    panic!("a bracket is never closed: {:.80}", &text[at..]);
}

/// Whether each bracket has its partner, outside of strings and comments.
pub fn is_balanced(text: &str) -> bool {
    let mut open = Vec::new();
    for line in text.lines() {
        let mut quoted = false;
        let mut before = ' ';
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                '/' if before == '/' && !quoted => break,
                '(' | '[' | '{' if !quoted => open.push(c),
                ')' | ']' | '}' if !quoted => match (open.pop(), c) {
                    (Some('('), ')') | (Some('['), ']') | (Some('{'), '}') => {}
                    _ => return false,
                },
                _ => {}
            }
            before = c;
        }
        if quoted {
            return false;
        }
    }
    open.is_empty()
}
