//! File names and media types of strangers, made harmless.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use crate::wire::multipart::file_name as name_in;

/// What a file is called when nothing usable is left of its name.
const NAMELESS: &str = "file";
/// Bytes; an ending is kept when a name is cut.
const LONGEST: usize = 120;
pub const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Types a browser may show by itself; none of them can run a script.
const SHOWN: [&str; 15] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "video/mp4",
    "video/mpeg",
    "video/webm",
    "video/quicktime",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "text/plain",
];

/// Types a browser saves; of everything else it is not even told what it is.
const SAVED: [&str; 12] = [
    "application/pdf",
    "application/msword",
    "application/rtf",
    "application/zip",
    "application/json",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "text/csv",
    "text/calendar",
];

/// The characters RFC 8187 lets stand.
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name without folders, control characters, tricks of writing direction, and what file systems refuse.
pub fn file_name(raw: &str) -> String {
    let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c })
        .collect();
    let name = shortened(clean.trim().trim_matches('.').trim());
    if name.is_empty() { NAMELESS.to_owned() } else { name }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let ending =
        name.rfind('.').map(|at| &name[at..]).filter(|ending| ending.len() <= 16).unwrap_or_default();
    let mut end = LONGEST - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &name[..end])
}

/// `type/subtype` in lower case, without parameters; the unknown type for anything else.
pub fn media_type(raw: &str) -> String {
    let bare = raw.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| {
        let fits = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '!' | '#' | '$' | '&' | '-' | '^' | '_' | '.' | '+')
        };
        !part.is_empty() && part.len() <= 100 && part.chars().all(fits)
    };
    match bare.split_once('/') {
        Some((kind, sub)) if token(kind) && token(sub) => bare,
        _ => UNKNOWN_TYPE.to_owned(),
    }
}

/// How a file of this type is given out: the type a browser is told, and whether it may show the file.
pub fn given_out_as(raw: &str) -> (&'static str, bool) {
    let media_type = media_type(raw);
    let known = |list: &'static [&'static str]| list.iter().find(|known| **known == media_type).copied();
    match (known(&SHOWN), known(&SAVED)) {
        (Some("text/plain"), _) => ("text/plain; charset=utf-8", true),
        (Some(shown), _) => (shown, true),
        (None, Some(saved)) => (saved, false),
        (None, None) => (UNKNOWN_TYPE, false),
    }
}

/// A `Content-Disposition` as RFC 6266 has it, with a plain name for old clients beside the real one.
pub fn disposition(shown: bool, raw_name: &str) -> String {
    let name = file_name(raw_name);
    let kind = if shown { "inline" } else { "attachment" };
    let plain: String = name.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ATTRIBUTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_what_people_read_and_loses_what_machines_obey() {
        let long = format!("{}.pdf", "ä".repeat(200));
        let rows: [(&str, &str); 14] = [
            ("report 1.pdf", "report 1.pdf"),
            ("Übersicht–Q3.xlsx", "Übersicht–Q3.xlsx"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\a.txt", "a.txt"),
            ("..", "file"),
            ("", "file"),
            ("   ", "file"),
            (".htaccess", "htaccess"),
            ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie_ x=1.txt"),
            ("a\u{0}b\u{7f}.txt", "ab.txt"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("a\"b;c.txt", "a_b;c.txt"),
            ("what?*<>|.txt", "what_____.txt"),
            ("日本語.txt", "日本語.txt"),
        ];
        for (raw, expected) in rows {
            assert_eq!(file_name(raw), expected, "{raw:?}");
        }
        let short = file_name(&long);
        assert!(short.len() <= LONGEST && short.ends_with(".pdf"), "{short}");
    }

    #[test]
    fn only_types_without_scripts_are_shown() {
        let rows = [
            ("image/png", ("image/png", true)),
            ("Image/JPEG; q=1", ("image/jpeg", true)),
            ("text/plain; charset=iso-8859-1", ("text/plain; charset=utf-8", true)),
            ("application/pdf", ("application/pdf", false)),
            ("text/html", (UNKNOWN_TYPE, false)),
            ("image/svg+xml", (UNKNOWN_TYPE, false)),
            ("application/xhtml+xml", (UNKNOWN_TYPE, false)),
            ("text/xml", (UNKNOWN_TYPE, false)),
            ("application/javascript", (UNKNOWN_TYPE, false)),
            ("", (UNKNOWN_TYPE, false)),
            ("image/png\r\nx: y", (UNKNOWN_TYPE, false)),
            ("nonsense", (UNKNOWN_TYPE, false)),
        ];
        for (raw, expected) in rows {
            assert_eq!(given_out_as(raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn a_disposition_reads_back_as_written_and_is_one_line_of_ascii() {
        for name in ["a.txt", "ä ö 100%.txt", "日本.png", "it's; a \"file\".txt"] {
            let written = disposition(false, name);
            assert!(written.is_ascii() && !written.contains(['\r', '\n']), "{written}");
            assert_eq!(name_in(&written), Some(file_name(name)), "{written}");
        }
    }

    #[test]
    fn a_name_is_found_however_clients_write_it() {
        let rows = [
            ("name=\"file\"; filename=\"badjokeeel.jpg\"", Some("badjokeeel.jpg")),
            ("form-data; name=file; filename=a.txt", Some("a.txt")),
            ("attachment; filename*=UTF-8''b%C3%A4r.txt; filename=bar.txt", Some("bär.txt")),
            ("attachment; filename=\"a;b.txt\"", Some("a;b.txt")),
            ("attachment; filename=\"a\\\"b.txt\"", Some("a\"b.txt")),
            ("form-data; name=\"filename=x\"; filename=\"C:\\dir\\a.txt\"", Some("C:\\dir\\a.txt")),
            ("attachment", None),
            ("attachment; filename=", None),
            ("", None),
        ];
        for (header, expected) in rows {
            assert_eq!(name_in(header).as_deref(), expected, "{header}");
        }
    }
}
