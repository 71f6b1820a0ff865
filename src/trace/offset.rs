//! A point in a trace, told as the time since its start: `3d`, `12h`, `1d12h30m`, `900s`, `900`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Span;

/// The units from the largest to the smallest, with their seconds.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Time since the start of a trace; at least 0.
///
/// ```
/// use galerna::trace::Offset;
/// let noon: Offset = "1d12h".parse().unwrap();
/// assert_eq!(noon.span().seconds(), 129_600.0);
/// assert_eq!(noon.to_string(), "1d12h");
/// assert_eq!("90".parse::<Offset>().unwrap().to_string(), "1m30s");
/// assert!("12 parsecs".parse::<Offset>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Offset(i64);

impl Offset {
    /// `seconds` after the start.
    pub fn from_seconds(seconds: u32) -> Self {
        Self(i64::from(seconds))
    }

    /// The same as a span of time.
    pub fn span(self) -> Span {
        Span(self.0 * 1_000_000)
    }
}

impl FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time such as 3d, 12h, 1d12h30m or 900");
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (mut rest, mut seconds, mut units) = (bare.as_str(), 0i64, UNITS.iter());
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let amount: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            let unit = rest[digits..].chars().next().unwrap_or('s');
            // Each unit once, the larger before the smaller.
            let (_, factor) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let added = amount.checked_mul(*factor).and_then(|add| seconds.checked_add(add));
            seconds = added.filter(|&s| s < i64::from(u32::MAX)).ok_or_else(wrong)?;
            rest = rest.get(digits + 1..).unwrap_or_default();
        }
        if bare.is_empty() { Err(wrong()) } else { Ok(Self(seconds)) }
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (name, factor) in UNITS {
            if rest / factor > 0 {
                write!(f, "{}{name}", rest / factor)?;
            }
            rest %= factor;
        }
        if self.0 == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
        target.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a time since the start, such as \"3d12h\" or 900")]
        enum Form {
            Seconds(u32),
            Text(String),
        }
        match Form::deserialize(source)? {
            Form::Seconds(seconds) => Ok(Self::from_seconds(seconds)),
            Form::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        for text in ["0s", "5s", "1m", "2h30s", "31d", "1d12h30m5s"] {
            let offset: Offset = text.parse().unwrap();
            assert_eq!(offset.to_string(), text);
        }
        assert_eq!("1d 12h".parse::<Offset>(), "36h".parse());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", " ", "d", "3x", "3d3d", "3s1d", "-1", "1.5h", "99999999999d", "é"] {
            assert!(text.parse::<Offset>().is_err(), "{text}");
        }
    }
}
