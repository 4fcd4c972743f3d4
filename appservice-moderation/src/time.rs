//! Lengths of time as people write them: `90m`, `7d`, `2w`.

use crate::{Error, Result};

const UNITS: [(char, i64, &str); 5] = [
    ('w', 7 * 24 * 3_600_000, "week"),
    ('d', 24 * 3_600_000, "day"),
    ('h', 3_600_000, "hour"),
    ('m', 60_000, "minute"),
    ('s', 1000, "second"),
];
/// Ten years: nobody means more.
const LONGEST_MS: i64 = 3653 * 24 * 3_600_000;

/// Reads a length of time, in milliseconds: numbers with units, such as `1d12h`.
pub fn parse(text: &str) -> Result<i64> {
    let wrong = || Error::invalid(format!("\"{text}\" is not a length of time like 30m, 12h, 7d or 2w."));
    let (mut total, mut number) = (0i64, String::new());
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = UNITS.iter().find(|(name, ..)| *name == letter.to_ascii_lowercase()).ok_or_else(wrong)?;
        let count: i64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        let length = count.checked_mul(unit.1).ok_or_else(wrong)?;
        total = total.checked_add(length).ok_or_else(wrong)?;
    }
    if !number.is_empty() || total == 0 {
        return Err(wrong());
    }
    if total > LONGEST_MS {
        return Err(Error::invalid("That is longer than ten years. Leave --for out, and it stays."));
    }
    Ok(total)
}

/// Writes a length of time in words, by its two largest units.
pub fn words(ms: i64) -> String {
    let mut rest = ms.max(0);
    let mut parts = Vec::new();
    for (_, length, name) in UNITS {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "a moment".to_owned() } else { parts.join(" ") }
}

/// Writes how long something is still to come, rounded up to whole minutes.
pub fn left(ms: i64) -> String {
    const MINUTE_MS: i64 = 60_000;
    words(ms.max(1).saturating_add(MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS)
}

#[cfg(test)]
mod tests {
    use super::{left, parse, words};

    #[test]
    fn lengths_are_read_and_written() {
        for (text, ms, written) in [
            ("30m", 1_800_000, "30 minutes"),
            ("7d", 604_800_000, "1 week"),
            ("1d12h", 129_600_000, "1 day 12 hours"),
            ("1H", 3_600_000, "1 hour"),
            ("90s", 90_000, "1 minute 30 seconds"),
        ] {
            assert_eq!(parse(text).expect("it is a length"), ms);
            assert_eq!(words(ms), written);
        }
        assert_eq!(left(604_799_990), "1 week");
        assert_eq!(left(-5), "1 minute");
        for text in ["", "7", "d", "7x", "0d", "-1d", "99999999999999999999d", "9999999999d", "500w1000w"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
