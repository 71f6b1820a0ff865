//! How many VMs may be promised a host together, so that they rarely ask for more than it has?
//!
//! ```text
//! p(n) = P(sum of the demands of n VMs > K)      n* = the most with p(n) + z s / sqrt(G) <= e
//! promised of each VM: K / n* of what it asks for, rounded up to whole per cent
//! ```
//!
//! `K`: VMs that the host could hold if each took all it asks for (any number from 1 on); demands
//! are fractions of that. `p` is estimated from `G` groups of random VMs of a trace, each over all
//! of its samples, so that what VMs have in common (the time of day) counts: the mean over groups
//! of the share of samples at which the group asks for more than `K`. `s` is its standard deviation
//! between groups and `z` = 1.645 makes it an upper limit with 95 % confidence. `e`: the risk that
//! is accepted, above 0 and at most 1. Groups grow VM by VM, so that `p` grows with `n`. Of several
//! periods the worst decides.
//!
//! With fewer than `n*` VMs, or some that are promised all they ask for, the host is less loaded
//! and the risk lower. All this is for VMs that are like those of the trace and come together at
//! random.
//!
//! Source: statistical multiplexing by measured sums; for effective bandwidths in closed form see
//! Kelly, *Notes on effective bandwidths*, in: Stochastic Networks, Oxford 1996. Known difference:
//! empirical quantiles of real sums instead of a bound for independent sources, as VMs are not
//! independent.

use super::panel::Panel;
use crate::random::{permutation, stream};
use crate::stats::{mean, standard_deviation};

/// Groups that are drawn.
const GROUPS: usize = 400;
/// Normal quantile of 95 %.
const CONFIDENCE: f64 = 1.645;
/// What sums may be off by.
const ROUNDING: f64 = 1e-6;

/// Groups of VMs that grow together.
struct Groups<'p> {
    panel: &'p Panel,
    /// Of each group, the rows in the order in which they join it.
    rows: Vec<Vec<usize>>,
    /// Of each group, the sum of its demands at each sample.
    sums: Vec<f64>,
}

impl<'p> Groups<'p> {
    fn new(panel: &'p Panel) -> Self {
        let mut draws = stream(0, "forecast.overbooking");
        let rows = (0..GROUPS).map(|_| permutation(panel.vms(), &mut draws)).collect();
        Self { panel, rows, sums: vec![0.0; GROUPS * panel.samples()] }
    }

    /// Lets VM number `n` join each group; the share of samples at which each then asks for more
    /// than `limit`.
    fn grow(&mut self, n: usize, limit: f64) -> Vec<f64> {
        let samples = self.panel.samples();
        let groups = self.sums.chunks_mut(samples).zip(&self.rows);
        groups
            .map(|(sums, rows)| {
                let joining = self.panel.series(rows[n]);
                let known = |demand: f32| if demand.is_nan() { 0.0 } else { f64::from(demand) };
                sums.iter_mut().zip(joining).for_each(|(sum, &demand)| *sum += known(demand));
                let above = sums.iter().filter(|&&sum| sum > limit).count();
                above as f64 / samples as f64
            })
            .collect()
    }
}

/// The most VMs of which groups ask for more than `capacity` with a probability of at most `risk`;
/// `capacity` is in VMs. At least `capacity` rounded down, and at most the VMs of the panel.
///
/// ```
/// use galerna::forecast::{Panel, most_vms};
///
/// // Ten VMs that ask for a quarter, always: a host for two of them holds eight.
/// let calm = Panel::new(10, vec![0.25; 10 * 50])?;
/// assert_eq!(most_vms(&calm, 2.0, 0.01), 8);
/// # Ok::<(), galerna::forecast::Error>(())
/// ```
pub fn most_vms(panel: &Panel, capacity: f64, risk: f64) -> usize {
    let certain = capacity.floor() as usize;
    let mut groups = Groups::new(panel);
    let fits = |n: &usize| {
        let shares = groups.grow(*n, capacity + ROUNDING);
        let (mean, sd) = (mean(&shares), standard_deviation(&shares));
        let limit = CONFIDENCE * sd.unwrap_or(0.0) / (GROUPS as f64).sqrt();
        *n < certain || mean.unwrap_or(0.0) + limit <= risk
    };
    (0..panel.vms()).take_while(fits).count().max(certain)
}

/// Hundredths of the CPU asked for that have to be promised a VM of which a host could hold
/// `capacity`: 1 to 100. The worst of `periods` decides.
pub fn promised_percent(periods: &[Panel], capacity: f64, risk: f64) -> i64 {
    let needed = |panel: &Panel| {
        let most = most_vms(panel, capacity, risk);
        (100.0 * capacity / most.max(1) as f64 - ROUNDING).ceil() as i64
    };
    periods.iter().map(needed).max().unwrap_or(100).clamp(1, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half of the VMs ask for all, half for nothing, at every sample: of `n` on a host for two, at
    /// least three of the first kind are too many.
    #[test]
    fn the_risk_of_a_group_is_that_of_drawing_it() {
        let values = (0..200).flat_map(|row| [f32::from(u8::from(row % 2 == 0)); 4]).collect();
        let panel = Panel::new(200, values).unwrap();
        // P(3 of 3) = 0.124 and P(at least 3 of 4) = 0.31 without replacement: by hand.
        assert_eq!(most_vms(&panel, 2.0, 0.1), 2, "0.124 is too much");
        assert_eq!(most_vms(&panel, 2.0, 0.25), 3, "0.31 is too much");
        assert_eq!(most_vms(&panel, 2.0, 0.40), 4);
        assert_eq!(promised_percent(std::slice::from_ref(&panel), 2.0, 0.25), 67);
    }

    #[test]
    fn what_vms_have_in_common_is_seen() {
        // All ask for all at one sample of ten, for nothing otherwise: together or not at all.
        let day: Vec<f32> = (0..10).map(|at| f32::from(u8::from(at == 7))).collect();
        let panel = Panel::new(50, day.repeat(50)).unwrap();
        assert_eq!(most_vms(&panel, 4.0, 0.05), 4);
        assert_eq!(most_vms(&panel, 4.0, 0.11), 50);
    }

    #[test]
    fn the_worst_period_decides() {
        let of = |demand: f32| Panel::new(40, vec![demand; 400]).unwrap();
        assert_eq!(promised_percent(&[of(0.1), of(0.5), of(0.2)], 2.0, 0.01), 50);
        assert_eq!(promised_percent(&[of(0.1)], 2.0, 0.01), 10);
        assert_eq!(promised_percent(&[of(1.0)], 2.0, 0.01), 100);
        assert_eq!(promised_percent(&[of(0.6)], 3.5, 0.01), 70, "five of 0.6 on 3.5");
    }
}
