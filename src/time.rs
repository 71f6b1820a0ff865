//! Time as integer microseconds, so that equality is exact and event heaps are totally ordered.
//!
//! An [`Instant`] counts from the start of the run; a [`Span`] is the difference of two instants.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

const MICROSECONDS_PER_SECOND: f64 = 1e6;

/// A point in simulated time: microseconds since the start of the run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(pub i64);

/// A length of time in microseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Instant {
    /// The start of every run.
    pub const START: Self = Self(0);
    /// The nearest microsecond to `seconds` after the start.
    pub fn from_seconds(seconds: f64) -> Self {
        Self(Span::from_seconds(seconds).0)
    }
    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / MICROSECONDS_PER_SECOND
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The nearest microsecond to `seconds`.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * MICROSECONDS_PER_SECOND).round() as i64)
    }
    /// The span in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / MICROSECONDS_PER_SECOND
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0 + span.0)
    }
}
impl Sub for Instant {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0 - earlier.0)
    }
}
impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}
impl std::ops::Mul<i64> for Span {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0 * times)
    }
}

impl fmt::Display for Instant {
    /// `d hh:mm:ss`, with the fraction only where there is one and the day only after the first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.div_euclid(1_000_000);
        let micros = self.0.rem_euclid(1_000_000);
        let (days, rest) = (whole.div_euclid(86_400), whole.rem_euclid(86_400));
        if days != 0 {
            write!(f, "{days} ")?;
        }
        write!(f, "{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)?;
        if micros != 0 {
            let digits = format!("{micros:06}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// A span as seconds in files: a number that is not negative.
pub mod seconds {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Span;

    /// Writes the seconds.
    pub fn serialize<S: Serializer>(span: &Span, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(span.seconds())
    }

    /// Reads seconds; at most as many as fit an [`Instant`](super::Instant) with room to spare.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let seconds = f64::deserialize(from)?;
        let sound = (0.0..1e12).contains(&seconds);
        let wrong = || D::Error::custom(format!("expected seconds from 0 on, found {seconds}"));
        sound.then(|| Span::from_seconds(seconds)).ok_or_else(wrong)
    }
}

/// The same for a span that may be left out.
pub mod maybe_seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Span;

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Seconds(#[serde(with = "super::seconds")] Span);

    /// Writes the seconds, if there are any.
    pub fn serialize<S: Serializer>(span: &Option<Span>, to: S) -> Result<S::Ok, S::Error> {
        span.map(Seconds).serialize(to)
    }

    /// Reads seconds, if there are any.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Span>, D::Error> {
        Ok(Option::<Seconds>::deserialize(from)?.map(|seconds| seconds.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_to_the_nearest_microsecond_and_back() {
        assert_eq!(Instant::from_seconds(300.1), Instant(300_100_000));
        assert_eq!(Span::from_seconds(13.92).seconds(), 13.92);
        assert_eq!(Instant(300_100_000) - Instant(100_000), Span::from_seconds(300.0));
    }

    #[test]
    fn an_instant_prints_as_a_clock_shows_it() {
        assert_eq!(Instant::from_seconds(4800.0).to_string(), "01:20:00");
        assert_eq!(Instant::from_seconds(86_400.5).to_string(), "1 00:00:00.5");
    }
}
