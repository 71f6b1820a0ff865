//! When does a number agree with what it should be?
//!
//! What it should be is one number, or any between two where rounding leaves it open (`doubt`).

use std::fmt;

/// All numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
}

impl Range {
    /// Nothing but `value`.
    pub fn only(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// From the lesser of two numbers to the greater.
    pub fn between(a: f64, b: f64) -> Self {
        if a <= b { Self { low: a, high: b } } else { Self { low: b, high: a } }
    }

    /// All products of a number from here and one from `other`, both of numbers at least 0.
    pub fn times(self, other: Self) -> Self {
        Self { low: self.low * other.low, high: self.high * other.high }
    }

    /// Whether `found` lies in here to one part in 10^9, or within `floor`; NaN never does.
    pub fn agrees(self, found: f64, floor: f64) -> bool {
        let gap = (self.low - found).max(found - self.high);
        gap <= floor || gap <= 1e-9 * self.low.abs().max(self.high.abs())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.low == self.high {
            true => write!(f, "{}", self.low),
            false => write!(f, "{} to {}", self.low, self.high),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_relative_and_never_with_nan() {
        assert!(Range::only(1e9).agrees(1e9 + 0.5, 0.0));
        assert!(!Range::only(1.0).agrees(1.0 + 1e-6, 1e-9));
        assert!(!Range::only(1.0).agrees(f64::NAN, 1.0));
        assert!(!Range::only(f64::NAN).agrees(f64::NAN, 1.0));
    }

    #[test]
    fn a_range_agrees_with_all_within_and_nothing_beyond() {
        let range = Range::between(3.0, 2.0);
        assert!([2.0, 2.5, 3.0].iter().all(|&found| range.agrees(found, 0.0)));
        assert!([2.0 - 1e-6, 3.0 + 1e-6].iter().all(|&found| !range.agrees(found, 1e-9)));
        assert_eq!(range.times(range), Range { low: 4.0, high: 9.0 });
    }
}
