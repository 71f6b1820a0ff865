//! An amount: whole millionths of the currency, so that sums are exact.

use std::iter::Sum;
use std::ops::{Add, Neg};

/// Millionths per unit of the currency.
const MICRO: f64 = 1e6;

/// An amount in millionths of the currency.
///
/// ```
/// use galerna::account::Money;
///
/// assert_eq!(Money::of(2.5, 0.1), Money(250_000));
/// assert_eq!((Money::of(2.5, 0.1) + Money(1)).units(), 0.250001);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i64);

impl Money {
    /// `quantity` times `price`, rounded to the nearest millionth, halves away from zero.
    pub fn of(quantity: f64, price: f64) -> Self {
        Self((quantity * price * MICRO).round() as i64)
    }

    /// In units of the currency.
    pub fn units(self) -> f64 {
        self.0 as f64 / MICRO
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self(0), Add::add)
    }
}
