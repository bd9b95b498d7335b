//! Names of time zones.

/// Areas of the IANA data base, and what else begins a name of two parts there.
const AREAS: [&str; 16] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "US",
];
/// Names of one part.
const ALONE: [&str; 38] = [
    "CET",
    "CST6CDT",
    "Cuba",
    "EET",
    "EST",
    "EST5EDT",
    "Egypt",
    "Eire",
    "GB",
    "GMT",
    "Greenwich",
    "HST",
    "Hongkong",
    "Iceland",
    "Iran",
    "Israel",
    "Jamaica",
    "Japan",
    "Kwajalein",
    "Libya",
    "MET",
    "MST",
    "MST7MDT",
    "NZ",
    "Navajo",
    "PRC",
    "PST8PDT",
    "Poland",
    "Portugal",
    "ROC",
    "ROK",
    "Singapore",
    "Turkey",
    "UCT",
    "UTC",
    "Universal",
    "WET",
    "Zulu",
];

/// The zone, or UTC for what is none, as the documentation has it.
pub fn known(zone: &str) -> &str {
    found(zone).unwrap_or("UTC")
}

/// The zone, if it is one. Where its place is, is not looked up.
pub fn found(zone: &str) -> Option<&str> {
    let zone = zone.trim();
    let is_one_of = |names: &[&str], name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_place = |place: &str| {
        let sign = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'_' | b'-' | b'+' | b'/');
        place.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()) && place.bytes().all(sign)
    };
    let is_known = match zone.split_once('/') {
        Some((area, place)) => is_one_of(&AREAS, area) && is_place(place),
        None => is_one_of(&ALONE, zone),
    };
    is_known.then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_zone_is_utc() {
        for zone in
            ["Asia/Kolkata", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "utc", "GMT", "US/Eastern"]
        {
            assert_eq!(known(zone), zone);
        }
        assert_eq!(known(" Europe/Berlin "), "Europe/Berlin");
        for none in ["", "Nope/X", "Europe/", "Europe/Ber lin", "W. Europe Standard Time", "+02:00", "Berlin"]
        {
            assert_eq!(known(none), "UTC", "{none}");
        }
    }
}
