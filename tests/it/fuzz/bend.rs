//! Bends JSON and bytes at random.

use serde_json::{Map, Value, json};

/// xorshift64*: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds must not give neighbouring numbers.
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(mixed.max(1))
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or_default() % bound.max(1)
    }

    pub fn one_in(&mut self, cases: usize) -> bool {
        self.below(cases) == 0
    }

    fn text(&mut self) -> &'static str {
        TEXTS[self.below(TEXTS.len())]
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Texts that have broken programs before.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "\u{0}",
    "\u{202e}שלום",
    "👩‍👩‍👧",
    "İ",
    "true",
    "-1",
    "1e999",
    "[1]",
    "](",
    "[a](javascript:alert(1))",
    "<a href='x'><b>",
    "```",
    "|a|b|\n|-|-|",
    "null",
    "{\"uiType\":\"OutputText\"}",
    "_skip_",
    "click_for_more",
    "2026-13-99 25:61:61",
    "data:text/html;base64,AAAA",
    "//[::1",
    "has entered the chat",
    "cite:1",
];

/// Bytes that a repeated text stays below, so that repeats of repeats leave a body of a size that can be sent.
const LONG: usize = 200_000;

/// Bends some of a value; `words` are names and texts that mean something to the reader.
pub fn bend(value: &mut Value, words: &[String], random: &mut Random) {
    for _ in 0..=random.below(6) {
        let depth = random.below(7);
        bend_at(value, depth, words, random);
    }
}

/// Changes something so many levels down, or as deep as it goes.
fn bend_at(value: &mut Value, depth: usize, words: &[String], random: &mut Random) {
    match value {
        Value::Object(map) if depth > 0 && !map.is_empty() => {
            let at = random.below(map.len());
            let inner = map.values_mut().nth(at).expect("one of them");
            bend_at(inner, depth - 1, words, random);
        }
        Value::Array(list) if depth > 0 && !list.is_empty() => {
            let at = random.below(list.len());
            bend_at(&mut list[at], depth - 1, words, random);
        }
        _ => change(value, words, random),
    }
}

fn change(value: &mut Value, words: &[String], random: &mut Random) {
    match value {
        Value::Object(map) if !random.one_in(4) => fields(map, words, random),
        Value::Array(list) if !random.one_in(4) => match random.below(4) {
            0 => list.reverse(),
            1 => list.extend(list.clone().into_iter().take(40)),
            2 => list.truncate(random.below(list.len() + 1)),
            _ => list.push(leaf(words, random)),
        },
        Value::String(text) if !random.one_in(3) => match random.below(4) {
            0 => text.push_str(random.text()),
            1 => *text = text.repeat(random.below(200).min(LONG / text.len().max(1))),
            2 => text.insert_str(0, random.text()),
            _ => *text = text.chars().rev().collect(),
        },
        other => *other = leaf(words, random),
    }
}

fn fields(map: &mut Map<String, Value>, words: &[String], random: &mut Random) {
    let keys: Vec<String> = map.keys().cloned().collect();
    if keys.is_empty() {
        return;
    }
    let key = random.pick(&keys).clone();
    match random.below(5) {
        0 => {
            map.remove(&key);
        }
        1 => {
            let other = random.pick(&keys).clone();
            let (one, two) = (map[&key].clone(), map[&other].clone());
            map.insert(key, two);
            map.insert(other, one);
        }
        2 => {
            map.insert(random.pick(words).clone(), leaf(words, random));
        }
        3 => {
            let whole = Value::Object(map.clone());
            map.insert(key, whole);
        }
        _ => {
            map.insert(key, leaf(words, random));
        }
    }
}

fn leaf(words: &[String], random: &mut Random) -> Value {
    match random.below(10) {
        0 => Value::Null,
        1 => json!(random.one_in(2)),
        2 => json!(random.below(100)),
        3 => json!(-1.5e300),
        4 => json!(i64::MIN),
        5 => json!([]),
        6 => json!({}),
        7 => json!(random.pick(words)),
        8 => json!({random.pick(words).clone(): random.pick(words)}),
        _ => json!(random.text()),
    }
}

/// The value as bytes, sometimes no longer JSON.
pub fn bytes(value: &Value, random: &mut Random) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    if random.one_in(5) {
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() + 1);
            match random.below(4) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap_or_default(),
                1 => bytes.truncate(at),
                2 => drop(bytes.splice(at..at, *b"\\ud800")),
                _ => bytes.insert(at, *random.pick(b"{}[]\",:\\0\xff")),
            }
        }
    }
    bytes
}

/// A text with parts left out, repeated, crossed with another, escaped, and with odd bytes in it.
pub fn text(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = at + random.below(bytes.len() - at + 1);
        match random.below(9) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            2 => drop(bytes.splice(at..end, other[random.below(other.len() + 1)..].to_vec())),
            3 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap_or_default(),
            4 if at < bytes.len() => drop(bytes.splice(at..=at, format!("%{:02x}", bytes[at]).into_bytes())),
            5 if at < bytes.len() => {
                drop(bytes.splice(at..=at, format!("\\u{:04X}", bytes[at]).into_bytes()))
            }
            6 if at < bytes.len() => bytes[at] ^= 0x20,
            7 => drop(bytes.splice(at..at, random.text().bytes())),
            _ => bytes.insert(at, *random.pick(b"/\\.%;?#&=\"'{}[]:,\r\n\0\xff")),
        }
    }
    bytes
}

/// Every key and every short text of some values: what a reader may be looking for.
pub fn words(values: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for value in values {
        collect(value, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            found.push(key.clone());
            collect(value, found);
        }),
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        Value::String(text) if text.len() < 40 => found.push(text.clone()),
        _ => {}
    }
}
