//! Quantities with a dimension, and the only products and quotients of them that mean something.
//!
//! A public signature never takes a bare `f64` for MIPS, watts or bytes; a number without a
//! dimension (a utilisation, a ratio) stays an `f64`. Inside a numeric kernel one may unwrap once.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use serde::{Deserialize, Serialize};

use crate::time::Span;

macro_rules! quantity {
    ($(#[$story:meta])* $name:ident, $unit:literal) => {
        $(#[$story])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self { Self(self.0 + other.0) }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self { Self(self.0 - other.0) }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) { self.0 += other.0 }
        }
        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self { Self(self.0 * factor) }
        }
        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 { self.0 / other.0 }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self { Self(items.map(|i| i.0).sum()) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)?;
                f.write_str(concat!(" ", $unit))
            }
        }
    };
}

quantity!(/// CPU rate in million instructions per second, the unit of the traces' simulators.
    Mips, "MIPS");
quantity!(/// Electric power in watts.
    Watts, "W");
quantity!(/// Energy in joules (watt seconds).
    Joules, "J");
quantity!(/// A data rate in bytes per second.
    BytesPerSecond, "B/s");

/// An amount of data or memory; an integer, so that capacities add up exactly.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Megabytes of 10^6 bytes, the unit in which the literature's VM types give their memory.
    pub const fn from_mb(mb: u64) -> Self {
        Self(mb * 1_000_000)
    }
    /// Gibibytes of 2^30 bytes, the unit in which machines are sold.
    pub const fn from_gib(gib: u64) -> Self {
        Self(gib << 30)
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0
    }
}
impl Sub for Bytes {
    type Output = Self;
    /// Panics on a negative result: memory that was never taken cannot be given back.
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("bytes released exceed bytes taken"))
    }
}
impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        Self(items.map(|i| i.0).sum())
    }
}
impl Div<BytesPerSecond> for Bytes {
    type Output = Span;
    /// How long the transfer takes.
    fn div(self, rate: BytesPerSecond) -> Span {
        Span::from_seconds(self.0 as f64 / rate.0)
    }
}
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B", self.0)
    }
}

impl Mul<Span> for Watts {
    type Output = Joules;
    fn mul(self, span: Span) -> Joules {
        Joules(self.0 * span.seconds())
    }
}

impl Joules {
    /// Kilowatt hours, the unit of every published table.
    pub fn kwh(self) -> f64 {
        self.0 / 3.6e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 870 MB at half a gigabit per second: 870 / 62.5 = 13.92 s.
    #[test]
    fn a_transfer_takes_size_over_rate() {
        assert_eq!(Bytes::from_mb(870) / BytesPerSecond(62.5e6), Span::from_seconds(13.92));
    }

    /// 133.515 W for 300 s are 40 054.5 J; 3.6 MJ are one kWh.
    #[test]
    fn power_over_time_is_energy() {
        let energy = Watts(133.515) * Span::from_seconds(300.0);
        assert!((energy - Joules(40_054.5)).0.abs() < 1e-9);
        assert_eq!(Joules(3.6e6).kwh(), 1.0);
    }

    #[test]
    #[should_panic(expected = "bytes released exceed bytes taken")]
    fn memory_never_goes_negative() {
        let _ = Bytes(1) - Bytes(2);
    }
}
