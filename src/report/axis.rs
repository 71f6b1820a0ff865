//! From values to places on the page, and round numbers to mark them with.

/// Values from `low` to `high` laid over `length` units from `start` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    start: f64,
    length: f64,
}

impl Axis {
    /// An axis; where the values leave no room it is as wide as 1.
    pub fn new((low, high): (f64, f64), start: f64, length: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, start, length }
    }

    /// The last value on it.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Where `value` is; values beyond the ends are at the ends.
    pub fn place(&self, value: f64) -> f64 {
        let part = (value.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        self.start + self.length * part
    }

    /// Between `few` and about twice as many round values.
    pub fn ticks(&self, few: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / few as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [5.0, 2.0, 1.0].into_iter().find(|m| m * power <= rough).unwrap_or(1.0) * power;
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step * (1.0 + 1e-12)).floor() as i64;
        (first..=last).map(|k| k as f64 * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 to 17 over 700 units from 100 on: 10 lies in the middle; marks at 4, 6, .., 16.
    #[test]
    fn marks_are_round_and_lie_within() {
        let axis = Axis::new((3.0, 17.0), 100.0, 700.0);
        assert_eq!((axis.place(10.0), axis.place(99.0)), (450.0, 800.0));
        assert_eq!(axis.ticks(5), [4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
        assert_eq!(Axis::new((2.0, 2.0), 0.0, 1.0).place(2.0), 0.0);
    }
}
