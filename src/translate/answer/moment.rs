//! Dates and times as people and inputs write them, in ServiceNow's form.

use jiff::civil::{Date, Time};

use crate::domain::control::MomentKind;

/// `YYYY-MM-DD`, `HH:MM:SS` or both; `None` for what is not surely one. A date alone is its midnight.
pub fn read(text: &str, kind: MomentKind) -> Option<String> {
    let text = text.trim();
    match kind {
        MomentKind::Date => {
            in_words(text).or_else(|| written_date(text.replace(". ", ".").split(['T', ' ']).next()?))
        }
        MomentKind::Time => written_time(text),
        MomentKind::DateTime => {
            let date = |text: &str| in_words(text).or_else(|| written_date(&text.replace(". ", ".")));
            let parts = text.match_indices(['T', ' ']).take(MOST_WORDS);
            let mut both = parts.filter_map(|(at, _)| {
                Some(format!(
                    "{} {}",
                    date(text[..at].trim_end_matches(','))?,
                    written_time(local(&text[at + 1..]))?
                ))
            });
            both.next().or_else(|| Some(format!("{} 00:00:00", written_date(text)?)))
        }
    }
}

/// More than a date has.
const MOST_WORDS: usize = 12;

/// A time of day without what stands before it, and without its zone: what people mean is the time on their own clocks.
fn local(time: &str) -> &str {
    let time = time.trim_start();
    let first = time.split(' ').next().unwrap_or_default();
    let at = ["at", "um", "à", "a", "alle", "às", "om"].contains(&first);
    let time = if at { &time[first.len()..] } else { time };
    let zone = time.rfind(['+', '-']).filter(|at| time[at + 1..].len() >= 4);
    zone.map_or(time, |at| &time[..at])
}

/// The names of the months, as the languages that we have texts in write them, and as they are cut short.
const MONTHS: [&str; 12] = [
    "jan january januar jänner janvier enero janeiro gennaio januari",
    "feb february februar février febrero fevereiro febbraio februari",
    "mar march märz mars marzo março maart",
    "apr april avril abril aprile",
    "may mai mayo maio maggio mei",
    "jun june juni juin junio junho giugno",
    "jul july juli juillet julio julho luglio",
    "aug august août agosto augustus",
    "sep sept september septembre septiembre setembro settembre",
    "oct okt october oktober octobre octubre outubro ottobre",
    "nov november novembre noviembre novembro",
    "dec dez december dezember décembre diciembre dezembro dicembre",
];

/// `5 March 2026`, `March 5th, 2026`, `5 de marzo de 2026`: nothing but one day, month and year.
fn in_words(text: &str) -> Option<String> {
    let (mut day, mut month, mut year) = (None, None, None);
    for word in text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let nth = MONTHS.iter().position(|names| names.split(' ').any(|name| name == lower));
        let digits = lower.trim_end_matches(|char: char| char.is_alphabetic());
        match (nth, lower.as_str(), digits.len()) {
            (Some(nth), ..) if month.is_none() => month = i8::try_from(nth + 1).ok(),
            (None, "le" | "el" | "il" | "de" | "den" | "der" | "the" | "of", _) => {}
            (None, _, 4) if digits == lower && year.is_none() => year = digits.parse::<i16>().ok(),
            (None, _, 1 | 2) if lower.len() - digits.len() <= 2 && day.is_none() => day = digits.parse().ok(),
            _ => return None,
        }
    }
    Date::new(year?, month?, day?).ok().map(|date| date.to_string())
}

/// The year first; or last, where the day can be told from the month: by points between them, or because it is no month.
fn written_date(text: &str) -> Option<String> {
    let text = &text.replace(['年', '月'], "-").replace('日', "");
    let parts = text.trim_end_matches('.').split(['-', '/', '.']).collect::<Vec<_>>();
    let number = |part: &str| part.parse::<i8>().ok();
    let (year, month, day) = match parts[..] {
        [year, month, day] if year.len() == 4 => (year, number(month)?, number(day)?),
        [first, second, year] if year.len() == 4 => match (number(first)?, number(second)?) {
            (day, month) if day > 12 || day == month || text.contains('.') => (year, month, day),
            (month, day) if day > 12 => (year, month, day),
            _ => return None,
        },
        _ => return None,
    };
    Date::new(year.parse().ok()?, month, day).ok().map(|date| date.to_string())
}

fn written_time(text: &str) -> Option<String> {
    let lower = text.trim().trim_end_matches('Z').to_ascii_lowercase();
    let (clock, half) = match lower.find(['a', 'p']) {
        Some(at) => (lower[..at].trim().to_owned(), Some(lower[at..].replace('.', ""))),
        None => (with_colons(&lower), None),
    };
    let mut parts = clock.split(':');
    let hour = parts.next()?.parse::<i8>().ok()?;
    let minute = match (parts.next(), &half) {
        (Some(minute), _) => minute.parse().ok()?,
        (None, Some(_)) => 0,
        (None, None) => return None,
    };
    let second = parts.next().map_or(Some(0), |second| second.split('.').next()?.parse().ok())?;
    let hour = match half.as_deref() {
        None => hour,
        Some("am") if (1..=12).contains(&hour) => hour % 12,
        Some("pm") if (1..=12).contains(&hour) => hour % 12 + 12,
        Some(_) => return None,
    };
    let time = Time::new(hour, minute, second, 0).ok().filter(|_| parts.next().is_none())?;
    Some(format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()))
}

/// `14 Uhr`, `14h30`, `14時30分` as clocks show it.
fn with_colons(lower: &str) -> String {
    let pointed = lower
        .split_once('.')
        .filter(|(hour, rest)| hour.len() <= 2 && rest.len() >= 2 && !lower.contains(':'));
    let lower = &pointed.map_or_else(|| lower.to_owned(), |(hour, rest)| format!("{hour}:{rest}"));
    let clock = lower.replace("uhr", ":").replace(['h', '時', '时', '点'], ":").replace(['分', ' '], "");
    match clock.trim_end_matches(':') {
        hour if hour.len() < clock.len() && !hour.contains(':') => format!("{hour}:00"),
        clock => clock.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_a_date_or_time_is_taken_for_one() {
        use MomentKind::{Date, DateTime, Time};
        for (text, kind, read_as) in [
            ("2026-03-05", Date, Some("2026-03-05")),
            (" 2026/3/5 ", Date, Some("2026-03-05")),
            ("2026-03-05T10:00:00Z", Date, Some("2026-03-05")),
            ("2026-02-30", Date, None),
            ("05/03/2026", Date, None),
            ("05/05/2026", Date, Some("2026-05-05")),
            ("25/03/2026", Date, Some("2026-03-25")),
            ("3/25/2026", Date, Some("2026-03-25")),
            ("5.3.2026", Date, Some("2026-03-05")),
            ("31.02.2026", Date, None),
            ("+5.-3.2026", Date, None),
            ("05.03.26", Date, None),
            ("05.03.2026 14:30", DateTime, Some("2026-03-05 14:30:00")),
            ("Mar 5, 2026, 2:30 PM", DateTime, Some("2026-03-05 14:30:00")),
            ("5 mars 2026 à 14h30", DateTime, Some("2026-03-05 14:30:00")),
            ("5. 3. 2026 14:30", DateTime, Some("2026-03-05 14:30:00")),
            ("2026-03-05T14:30:00+02:00", DateTime, Some("2026-03-05 14:30:00")),
            ("2026-03-05T14:30:00.123-0500", DateTime, Some("2026-03-05 14:30:00")),
            ("5 March 2026 or 14:30", DateTime, None),
            ("2026-03-05 2026-03-06", DateTime, None),
            ("2026-03-05 or 14:30", DateTime, None),
            ("2026年3月5日", Date, Some("2026-03-05")),
            ("5. 3. 2026", Date, Some("2026-03-05")),
            ("2026年3月5日 14時30分", DateTime, Some("2026-03-05 14:30:00")),
            ("14時", Time, Some("14:00:00")),
            ("14h30", Time, Some("14:30:00")),
            ("9 Uhr", Time, Some("09:00:00")),
            ("9:05 Uhr", Time, Some("09:05:00")),
            ("9:", Time, Some("09:00:00")),
            ("hour", Time, None),
            ("tomorrow", Date, None),
            ("5 March 2026", Date, Some("2026-03-05")),
            ("March 5th, 2026", Date, Some("2026-03-05")),
            ("the 1st of May 2026", Date, Some("2026-05-01")),
            ("5. März 2026", Date, Some("2026-03-05")),
            ("le 1er février 2026", Date, Some("2026-02-01")),
            ("5 de marzo de 2026", Date, Some("2026-03-05")),
            ("2026 MAART 5", Date, Some("2026-03-05")),
            ("31 April 2026", Date, None),
            ("March 2026", Date, None),
            ("5 March", Date, None),
            ("5 March 2026 or 6 March 2026", Date, None),
            ("5 bananas 2026", Date, None),
            ("05.03.2026, 14:30 Uhr", DateTime, Some("2026-03-05 14:30:00")),
            ("14.30", Time, Some("14:30:00")),
            ("9.05 Uhr", Time, Some("09:05:00")),
            ("1.5", Time, None),
            ("9:05", Time, Some("09:05:00")),
            ("21:05:09.5", Time, Some("21:05:09")),
            ("9 pm", Time, Some("21:00:00")),
            ("12:30 a.m.", Time, Some("00:30:00")),
            ("25:00", Time, None),
            ("9", Time, None),
            ("1:2:3:4", Time, None),
            ("2026-03-05 14:30", DateTime, Some("2026-03-05 14:30:00")),
            ("2026-03-05T14:30:01Z", DateTime, Some("2026-03-05 14:30:01")),
            ("2026-03-05", DateTime, Some("2026-03-05 00:00:00")),
            ("14:30", DateTime, None),
            ("", DateTime, None),
        ] {
            assert_eq!(read(text, kind).as_deref(), read_as, "{text}");
        }
    }
}
