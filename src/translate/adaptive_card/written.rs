//! The dates that stand in a card's texts for its reader's client to write.

use regex_lite::{Captures, Regex};

/// The card schema's functions of a moment.
const MOMENT: &str = r"\{\{(DATE|TIME)\(\s*(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)\s*(?:,\s*(?:COMPACT|SHORT|LONG)\s*)?\)\}\}";

/// A text with its moments written out, in the zone that they are given in: where it is read is not known here.
pub fn written(text: &str) -> String {
    let moment = text.contains("{{").then(|| Regex::new(MOMENT).ok()).flatten();
    let write = |found: &Captures<'_>| match (&found[1], &found[4]) {
        ("DATE", _) => found[2].to_owned(),
        (_, "Z") => format!("{} UTC", &found[3]),
        (_, zone) => format!("{} UTC{zone}", &found[3]),
    };
    moment.map_or_else(|| text.to_owned(), |moment| moment.replace_all(text, write).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_written_out_and_nothing_else() {
        for (text, out) in [
            ("Due {{DATE(2026-03-05T06:08:39Z, SHORT)}}.", "Due 2026-03-05."),
            ("{{TIME(2026-03-05T06:08:39Z)}}", "06:08 UTC"),
            (
                "{{DATE(2026-03-05T06:08:39+01:00,LONG)}} {{TIME(2026-03-05T06:08:39+01:00)}}",
                "2026-03-05 06:08 UTC+01:00",
            ),
            ("{{DATE(soon)}} {{name}} {", "{{DATE(soon)}} {{name}} {"),
        ] {
            assert_eq!(written(text), out);
        }
    }
}
