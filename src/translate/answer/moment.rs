//! Dates and times as people and inputs write them, in ServiceNow's form.

use jiff::civil::{Date, Time};

use super::meant::{is_around, plain};
use crate::domain::control::MomentKind;

/// `YYYY-MM-DD`, `HH:MM:SS` or both; `None` for what is not surely one. Of a date and its time only what is asked for is taken; a
/// date alone is its midnight.
pub fn read(text: &str, kind: MomentKind) -> Option<String> {
    let text = &western(text);
    match kind {
        MomentKind::Date => date(text).or_else(|| Some(both(text)?.0)),
        MomentKind::Time => time(text),
        MomentKind::DateTime => {
            let (date, time) = both(text).or_else(|| Some((date(text)?, "00:00:00".to_owned())))?;
            Some(format!("{date} {time}"))
        }
    }
}

/// The time that stands behind a date.
pub fn behind_date(text: &str) -> Option<String> {
    both(&western(text)).map(|(_, time)| time)
}

/// With digits, blanks and signs as ours, the date as we part it, and nothing around it; a colon may stand for the hour before it.
fn western(text: &str) -> String {
    let parted = plain(text).replace(['年', '月'], "-").replace(['日', '号'], " ");
    parted.trim_matches(|char| char != ':' && is_around(char)).to_owned()
}

/// More than a date has.
const MOST_WORDS: usize = 12;

fn both(text: &str) -> Option<(String, String)> {
    let mut parts = text.match_indices(['T', ' ']).take(MOST_WORDS);
    parts.find_map(|(at, _)| Some((date(&text[..at])?, time(&text[at + 1..])?)))
}

fn date(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(',');
    in_words(text).or_else(|| written_date(text))
}

/// What people put before a time.
const BEFORE: [&str; 9] = ["at ", "um ", "a las ", "a la ", "a ", "alle ore ", "alle ", "as ", "om "];

/// A time of day without what stands before it, and without its zone: what people mean is the time on their own clocks.
fn time(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let bare = BEFORE.iter().find_map(|word| lower.strip_prefix(word)).unwrap_or(&lower);
    clock(bare.strip_suffix('z').unwrap_or(bare)).or_else(|| zoned(bare))
}

/// The largest difference to UTC that there is, in hours.
const FARTHEST: i8 = 14;

/// A time with its difference to UTC behind it (`14:30-05:00`), unless that may be another time: `9:00-12:00` is a span.
fn zoned(text: &str) -> Option<String> {
    let at = text.rfind(['+', '-'])?;
    let (before, zone) = (text[..at].trim_end(), &text[at + 1..]);
    let (hours, minutes) = zone.split_once(':').or_else(|| zone.split_at_checked(2))?;
    let is_zone =
        hours.len() == 2 && number(hours)? <= FARTHEST && minutes.len() == 2 && number(minutes)? < 60;
    let told = clock(before).filter(|_| is_zone && before.ends_with(|char: char| char.is_ascii_digit()))?;
    let is_exact = before.matches(':').count() == 2;
    let ends = format!("{hours}:{minutes}:00");
    (is_exact || text[at..].starts_with('+') || ends <= told).then_some(told)
}

/// The names of the months, as the languages that we have texts in write them, and as they are cut short; without accents.
const MONTHS: [&str; 12] = [
    "jan january januar janner janv janvier ene enero janeiro gen gennaio januari",
    "feb february februar feber fevr fevrier febrero fev fevereiro febbr febbraio februari",
    "mar march marz mrz mars marzo marco mrt maart",
    "apr april avr avril abr abril aprile",
    "may mai mayo maio mag maggio mei",
    "jun june juni juin junio junho giu giugno",
    "jul july juli juil juillet julio julho lug luglio",
    "aug august aout ago agosto augustus",
    "sep sept september septembre septiembre set setiembre setembro sett settembre",
    "oct okt october oktober octobre octubre out outubro ott ottobre",
    "nov november novembre noviembre novembro",
    "dec dez december dezember decembre dic diciembre dezembro dicembre",
];

/// What may stand behind the number of a day.
const ORDINAL: [&str; 11] = ["", "st", "nd", "rd", "th", "er", "e", "o", "a", "ste", "de"];

/// `5 March 2026`, `March 5th, 2026`, `5 de marzo de 2026`: nothing but one day, month and year.
fn in_words(text: &str) -> Option<String> {
    let (mut day, mut month, mut year) = (None, None, None);
    let between = |char: char| char.is_whitespace() || ",.-/!?".contains(char);
    for word in text.split(between).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let nth = MONTHS.iter().position(|names| names.split(' ').any(|name| name == lower));
        let digits = lower.trim_end_matches(char::is_alphabetic);
        match (nth, lower.as_str(), digits.len()) {
            (Some(nth), ..) if month.is_none() => month = i8::try_from(nth + 1).ok(),
            (None, "le" | "el" | "il" | "de" | "del" | "den" | "der" | "the" | "of", _) => {}
            (None, _, 4) if digits == lower && year.is_none() => year = Some(digits.parse::<i16>().ok()?),
            (None, _, 1 | 2) if ORDINAL.contains(&&lower[digits.len()..]) && day.is_none() => {
                day = Some(number(digits)?);
            }
            _ => return None,
        }
    }
    Date::new(year?, month?, day?).ok().map(|date| date.to_string())
}

/// The year first; or last, where the day can be told from the month: by points between them, or because it is no month.
fn written_date(text: &str) -> Option<String> {
    let text = text.replace(". ", ".");
    let parts = text.trim_end_matches('.').split(['-', '/', '.']).collect::<Vec<_>>();
    let (year, month, day) = match parts[..] {
        [year, month, day] if year.len() == 4 => (year, number(month)?, number(day)?),
        [first, second, year] if year.len() == 4 => match (number(first)?, number(second)?) {
            (day, month) if day > 12 || day == month || text.contains('.') => (year, month, day),
            (month, day) if day > 12 => (year, month, day),
            _ => return None,
        },
        _ => return None,
    };
    let year = year.bytes().all(|byte| byte.is_ascii_digit()).then(|| year.parse().ok())??;
    Date::new(year, month, day).ok().map(|date| date.to_string())
}

/// One digit or two.
fn number(text: &str) -> Option<i8> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 2;
    is_number.then(|| text.parse().ok())?
}

/// The halves of the day as they stand before the time.
const HALVES: [(&str, &str); 4] = [("午前", "am"), ("上午", "am"), ("午後", "pm"), ("下午", "pm")];

fn clock(lower: &str) -> Option<String> {
    let half = HALVES.iter().find_map(|(half, word)| Some(format!("{}{word}", lower.strip_prefix(half)?)));
    let lower = half.as_deref().unwrap_or(lower);
    let (clock, half) = lower.split_at(lower.find(['a', 'p']).unwrap_or(lower.len()));
    let (clock, half) = (with_colons(clock.trim()), half.replace(['.', ' '], ""));
    let mut parts = clock.split(':').map(str::trim);
    let hour = number(parts.next()?)?;
    let minute = match parts.next() {
        Some(minute) => number(minute)?,
        None if half.is_empty() => return None,
        None => 0,
    };
    let (second, fraction) =
        parts.next().map_or(("0", ""), |part| part.split_once('.').unwrap_or((part, "")));
    let is_over = parts.next().is_none() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let hour = match half.as_str() {
        "" => hour,
        "am" if hour <= 12 => hour % 12,
        "pm" if hour <= 12 => hour % 12 + 12,
        _ => return None,
    };
    let time = Time::new(hour, minute, number(second)?, 0).ok().filter(|_| is_over)?;
    Some(format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()))
}

/// `14 Uhr`, `14h30`, `14時30分` as clocks show it.
fn with_colons(lower: &str) -> String {
    let pointed = lower
        .split_once('.')
        .filter(|(hour, rest)| hour.len() <= 2 && rest.len() >= 2 && !lower.contains(':'));
    let lower = &pointed.map_or_else(|| lower.to_owned(), |(hour, rest)| format!("{hour}:{rest}"));
    let clock = lower
        .replace("uhr", ":")
        .replace("uur", ":")
        .replace(['h', '時', '时', '点', '分'], ":")
        .replace('秒', "");
    match clock.trim_end_matches(':') {
        hour if hour.len() < clock.len() && !hour.contains(':') => format!("{hour}:00"),
        clock => clock.to_owned(),
    }
}

#[cfg(test)]
mod tests;
