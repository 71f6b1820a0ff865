//! Times of reservations as people write them: dates in UTC, or spans from now.
//!
//! ```text
//! 2026-12-01   2026-12-01T09:30   2026-12-01T09:30:15Z   now   +2h   +1d12h   1796115600
//! ```
//!
//! A bare number counts seconds since 1970-01-01 UTC, as an instant of the planner does. The
//! calendar is the Gregorian one; a year is counted from March so that its leap day comes last:
//!
//! ```text
//! day of year = (153 m + 2) / 5 + d - 1        m months since March, d day of the month from 1
//! day of era  = 365 y + y/4 - y/100 + day of year        y year of the era of 400 years
//! ```
//!
//! Source: the lengths of months and the leap years of the Gregorian calendar (ISO 8601).

use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::{Instant, Span};
use crate::trace::Offset;

const DAY_S: i64 = 86_400;
/// Days of 400 years.
const ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// A point in time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// So long after now.
    FromNow(Span),
    At(Instant),
}

impl Moment {
    /// The instant, if it is `now` now.
    pub fn instant(self, now: Instant) -> Instant {
        match self {
            Self::FromNow(span) => now + span,
            Self::At(instant) => instant,
        }
    }

    /// Reads a time; for the command line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let span = |text: &str| text.parse::<Offset>().map(|span| Self::FromNow(span.span()));
        if let Some(rest) = text.strip_prefix("now") {
            return match rest.strip_prefix('+') {
                Some(rest) => span(rest),
                None if rest.is_empty() => Ok(Self::FromNow(Span::ZERO)),
                None => Err(wrong(text)),
            };
        }
        if let Some(rest) = text.strip_prefix('+') {
            return span(rest);
        }
        let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = if bare { text.parse().ok() } else { date(text) };
        let known = seconds.filter(|seconds| (0..1 << 36).contains(seconds));
        known.map(|s| Self::At(Instant(s * 1_000_000))).ok_or_else(|| wrong(text))
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is no time such as 2026-12-01T09:30 (UTC), now, +2h or +1d12h")
}

/// Reads a span such as `90m`; for the command line.
pub(super) fn span(text: &str) -> Result<Span, String> {
    text.parse::<Offset>().map(Offset::span)
}

/// This instant.
pub(super) fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(since.as_secs() as i64 * 1_000_000)
}

/// Seconds since 1970 of a date, with or without a time of day.
fn date(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let number = |text: &str, digits: usize, most: i64| {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|&number| plain && number <= most)
    };
    let [year, month, day] = day.split('-').collect::<Vec<_>>().try_into().ok()?;
    let (year, month, day) = (number(year, 4, 9999)?, number(month, 2, 12)?, number(day, 2, 31)?);
    let days = days(year, month, day);
    // A day that its month does not have comes back as another.
    let exists = month >= 1 && day >= 1 && civil(days) == (year, month, day);
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2, 23)?, number(parts.next()?, 2, 59)?);
    let second = parts.next().map_or(Some(0), |text| number(text, 2, 59))?;
    let whole = exists && parts.next().is_none();
    whole.then_some(days * DAY_S + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// Year, month and day of a day since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let turn = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * turn + 2) / 5 + 1, (turn + 2) % 12 + 1);
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// `instant` as `2026-12-01 09:30`, with seconds where there are some; `ever` beyond year 9999.
pub(super) fn shown(instant: Instant) -> String {
    let seconds = instant.0.div_euclid(1_000_000);
    let (year, month, day) = civil(seconds.div_euclid(DAY_S));
    if year > 9999 {
        return "ever".to_owned();
    }
    let of_day = seconds.rem_euclid(DAY_S);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let minutes = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}");
    if second == 0 { minutes } else { format!("{minutes}:{second:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        match Moment::parse(text) {
            Ok(Moment::At(instant)) => Some(instant.0 / 1_000_000),
            _ => None,
        }
    }

    #[test]
    fn dates_count_from_1970_and_come_back() {
        assert_eq!(seconds("1970-01-01"), Some(0));
        assert_eq!(seconds("2000-03-01T00:00"), Some(951_868_800));
        assert_eq!(seconds("2024-02-29 12:34:56Z"), Some(1_709_210_096));
        assert_eq!(seconds("86400"), Some(86_400));
        for day in 0..200_000 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
        let text = "2024-02-29 12:34:56";
        let Ok(Moment::At(instant)) = Moment::parse(text) else { panic!("a date") };
        assert_eq!(shown(instant), text);
        assert_eq!(shown(Instant(i64::MAX)), "ever");
    }

    #[test]
    fn spans_count_from_now_and_what_is_no_time_is_refused() {
        let two_hours = Moment::FromNow(Span::from_seconds(7200.0));
        assert_eq!(Moment::parse("+2h"), Ok(two_hours));
        assert_eq!(Moment::parse("now+2h"), Ok(two_hours));
        assert_eq!(Moment::parse("now"), Ok(Moment::FromNow(Span::ZERO)));
        for text in ["", "soon", "2026-13-01", "2026-02-30", "2026-1-1", "2026-01-01T24:00", "-5"] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }
}
