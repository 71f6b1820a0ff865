//! Average precision: how well a score ranks what came above what did not.
//!
//! ```text
//! AP = sum_k (R_k - R_{k-1}) P_k      over the distinct scores, highest first
//! ```
//!
//! `R_k`, `P_k`: recall and precision of an alarm at the `k`th score or above. A score that says
//! nothing has an AP of the base rate.

/// The average precision of `scored`: score and whether the event came. `None` without events.
///
/// ```
/// use galerna::evaluate::average_precision;
/// // Alarms in order: hit (P 1, R 1/2), miss, hit (P 2/3, R 1).
/// let scored = vec![(0.9, true), (0.8, false), (0.7, true), (0.1, false)];
/// let expected = 0.5 * 1.0 + 0.5 * 2.0 / 3.0;
/// assert!((average_precision(scored).unwrap() - expected).abs() < 1e-12);
/// ```
pub fn average_precision(mut scored: Vec<(f32, bool)>) -> Option<f64> {
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let events = scored.iter().filter(|(_, came)| *came).count();
    if events == 0 {
        return None;
    }
    let (mut alarms, mut hits, mut sum) = (0usize, 0usize, 0.0);
    for tied in scored.chunk_by(|a, b| a.0 == b.0) {
        let new = tied.iter().filter(|(_, came)| *came).count();
        (alarms, hits) = (alarms + tied.len(), hits + new);
        sum += new as f64 / events as f64 * (hits as f64 / alarms as f64);
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_score_has_the_base_rate_and_no_event_has_none() {
        let flat = (0..100).map(|k| (0.5, k % 4 == 0)).collect();
        assert!((average_precision(flat).unwrap() - 0.25).abs() < 1e-12);
        assert_eq!(average_precision(vec![(0.3, false)]), None);
    }
}
