//! The current time, and how times are written.

pub use foundation::clock::Clock;
use time::{
    Date, OffsetDateTime, Time,
    format_description::{StaticFormatDescription, well_known::Rfc3339},
    macros::format_description,
};

/// How times are written for people and programs.
const WRITTEN: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const DAY: StaticFormatDescription = format_description!("[year]-[month]-[day]");

/// Milliseconds since the epoch as RFC 3339 has it, in UTC.
pub fn rfc3339(ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    moment.ok().and_then(|moment| moment.format(WRITTEN).ok()).unwrap_or_default()
}

/// The milliseconds since the epoch that somebody means by a day, or by a time as RFC 3339 has it.
pub fn parse(text: &str) -> Option<i64> {
    let day = || Some(Date::parse(text, DAY).ok()?.with_time(Time::MIDNIGHT).assume_utc());
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(day)?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::{parse, rfc3339};

    #[test]
    fn times_are_written_and_read() {
        assert_eq!(rfc3339(1_795_516_740_007), "2026-11-24T10:39:00.007Z");
        assert_eq!(parse("2026-11-24T10:39:00.007Z"), Some(1_795_516_740_007));
        assert_eq!(parse("2026-11-24T11:39:00+01:00"), Some(1_795_516_740_000));
        assert_eq!(parse("2026-11-24"), Some(1_795_478_400_000));
        assert_eq!(parse("yesterday"), None);
    }
}
