//! Hosts that never were: random VMs together, to learn and to judge overload by.
//!
//! ```text
//! u(t) = sum_i y_i(t) / (c n)      c n = mean of sum_i y_i over the first 96 samples / rho
//! ```
//!
//! `y_i`: demand of VM `i`, all of one size; `rho`: uniform in a range, the host's mean utilisation
//! at the beginning. Demand is not capped: `u` may be above 1.

use rand::Rng;

use super::error::Error;
use super::panel::Panel;
use crate::random::{below, stream};

/// How hosts are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Hosts.
    pub hosts: usize,
    /// VMs on each.
    pub vms: usize,
    /// Range of `rho`.
    pub utilisation: (f64, f64),
    /// Seed of the draw.
    pub seed: u64,
}

impl Default for Draw {
    fn default() -> Self {
        Self { hosts: 800, vms: 20, utilisation: (0.55, 0.85), seed: 0 }
    }
}

/// Samples that the capacity is reckoned from.
const SIZED_BY: usize = 96;

/// Drawn hosts.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// Utilisation of each host; its forecasts begin after the samples it was sized by.
    pub panel: Panel,
    /// Rows of the VMs of each host.
    pub members: Vec<Vec<usize>>,
    /// Capacity of each host, in that of a VM.
    pub capacities: Vec<f32>,
}

/// Draws hosts from the VMs of `panel`; missing values count as 0.
///
/// # Errors
/// `GLN-164` where the panel has fewer VMs than a host or fewer samples than size one.
pub fn draw(panel: &Panel, draw: Draw) -> Result<Hosts, Error> {
    let (vms, samples) = (panel.vms(), panel.samples());
    if vms < draw.vms || samples <= SIZED_BY + 1 || draw.hosts == 0 || draw.vms == 0 {
        let what = format!("{vms} VMs of {samples} samples make no hosts of {} VMs", draw.vms);
        let remedy = format!("Give at least {} VMs and {} samples", draw.vms, SIZED_BY + 2);
        return Err(Error::one("GLN-164", "hosts", what, remedy));
    }
    let mut draws = stream(draw.seed, "forecast.hosts");
    let (mut values, mut members, mut capacities) = (Vec::new(), Vec::new(), Vec::new());
    while members.len() < draw.hosts {
        let mut chosen: Vec<usize> = Vec::with_capacity(draw.vms);
        while chosen.len() < draw.vms {
            let vm = below(vms, &mut draws);
            if !chosen.contains(&vm) {
                chosen.push(vm);
            }
        }
        let fraction = (draws.next_u32() >> 8) as f64 / f64::from(1u32 << 24);
        let (low, high) = draw.utilisation;
        let rho = low + fraction * (high - low);
        let known = |vm: &usize, at: usize| {
            let value = f64::from(panel.series(*vm)[at]);
            if value.is_finite() { value } else { 0.0 }
        };
        let sums: Vec<f64> =
            (0..samples).map(|at| chosen.iter().map(|vm| known(vm, at)).sum()).collect();
        let mean = sums[..SIZED_BY].iter().sum::<f64>() / SIZED_BY as f64;
        // VMs that do nothing size no host; one of a thousandth of a VM stands for it.
        let capacity = (mean / rho).max(1e-3);
        values.extend(sums.iter().map(|sum| (sum / capacity) as f32));
        members.push(chosen);
        capacities.push(capacity as f32);
    }
    let first = panel.first_origin().max(SIZED_BY + 4);
    let panel = Panel::new(draw.hosts, values)?.with_first_origin(first);
    Ok(Hosts { panel, members, capacities })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_host_begins_at_its_utilisation_and_holds_different_vms() {
        let values = (0..30 * 200).map(|at| (at % 7) as f32 / 10.0).collect();
        let panel = Panel::new(30, values).unwrap();
        let wanted = Draw { hosts: 5, vms: 10, utilisation: (0.6, 0.7), seed: 3 };
        let hosts = draw(&panel, wanted).unwrap();
        for (row, members) in hosts.members.iter().enumerate() {
            let mut sorted = members.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 10);
            let mean = hosts.panel.series(row)[..96].iter().sum::<f32>() / 96.0;
            assert!((0.6..=0.7).contains(&mean), "{mean}");
        }
        assert!(draw(&panel, Draw { vms: 31, ..wanted }).is_err());
    }
}
