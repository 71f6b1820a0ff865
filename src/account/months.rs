//! Time divided at the ends of the billing periods.

use crate::model::costs::MONTH;
use crate::time::Instant;

/// The parts of `[start, end)` month by month, each with the number of its month.
pub(super) fn months(
    start: Instant,
    end: Instant,
) -> impl Iterator<Item = (i64, (Instant, Instant))> {
    let first = start.0.div_euclid(MONTH.0);
    let last = (end.0 - 1).div_euclid(MONTH.0);
    (first..=last).filter(move |_| start < end).map(move |month| {
        let (from, to) = bounds(month);
        (month, (from.max(start), to.min(end)))
    })
}

/// When `month` begins and ends.
pub(super) fn bounds(month: i64) -> (Instant, Instant) {
    (Instant(month * MONTH.0), Instant((month + 1) * MONTH.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 45 days from day 20 on: 10, 30 and 5 days.
    #[test]
    fn a_span_is_divided_at_the_ends_of_months() {
        let day = |day: i64| Instant(day * 86_400_000_000);
        let parts: Vec<_> = months(day(20), day(65)).collect();
        let expected = [(0, (day(20), day(30))), (1, (day(30), day(60))), (2, (day(60), day(65)))];
        assert_eq!(parts, expected);
        assert_eq!(months(day(3), day(3)).count() + months(day(30), day(30)).count(), 0);
    }
}
