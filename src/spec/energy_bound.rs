//! How little energy could any placement have used, with perfect knowledge and moves for nothing?
//!
//! ```text
//! E = sum over steps of  step x least(D, M)        least: see `power::PooledPower`
//! ```
//!
//! `D`: mean of what all VMs ask for in the step, MIPS; `M`: memory of all VMs where hosts enforce
//! theirs, bytes. As `least` is convex in `D`, the mean over a step in which demand changes is no
//! more than the mean of the power. A run that does not give its VMs all that they ask for may use
//! less than this: it is the least for who does.

use super::{Error, Inputs, RunSpec};
use crate::model::rules::{BetweenSamples, IdleVms, Memory, Window};
use crate::power::PooledPower;
use crate::problem::Problem;
use crate::units::Joules;

impl Inputs {
    /// The energy below which no placement serves all that its VMs ask for, kWh.
    ///
    /// # Errors
    /// GLN-215 where the run does not have all VMs from its start to its end, or does not count
    /// all of it.
    pub fn energy_lower_bound_kwh(&self, spec: &RunSpec, name: &str) -> Result<f64, Error> {
        let wrong = [
            (spec.leases.is_some(), "[leases]", "VMs come and go with their leases"),
            (self.rules.outages.is_some(), "[outages]", "VMs are down while their hosts are"),
            (
                self.rules.demand.idle_vms == IdleVms::Retire,
                "[demand] idle-vms",
                "VMs are removed that idle",
            ),
            (
                self.rules.accounting.window != Window::Whole,
                "[accounting] window",
                "the run does not count whole",
            ),
        ];
        let problem = |&(_, at, why): &(bool, &str, &str)| {
            let what = format!("{why}, and the lower bound of energy is not for that");
            let remedy = "Leave --bound out, or the key";
            Problem::new("GLN-215", format!("{name}, {at}"), what, remedy)
        };
        let problems: Vec<Problem> = wrong.iter().filter(|w| w.0).map(problem).collect();
        if problems.is_empty() { Ok(self.least_kwh()) } else { Err(Error { problems }) }
    }

    fn least_kwh(&self) -> f64 {
        let Self { trace, fleet, rules } = self;
        let pooled = PooledPower::of(fleet);
        let bytes = match rules.host.memory {
            Memory::Enforced => fleet.vm_ram.as_slice().iter().map(|ram| ram.0 as f64).sum(),
            Memory::AtStartOnly => 0.0,
        };
        let demand = |sample: usize| -> f64 {
            let sample = sample.min(trace.samples() - 1);
            let of = |(vm, &row)| trace.fraction(row, sample) * fleet.vm_mips[vm].0;
            fleet.trace_row.iter().map(of).sum()
        };
        let mean = |sample: usize| match rules.demand.between_samples {
            BetweenSamples::Hold => demand(sample),
            BetweenSamples::Interpolate => 0.5 * (demand(sample) + demand(sample + 1)),
        };
        let watts = (0..trace.samples()).map(|sample| pooled.least(mean(sample), bytes));
        Joules(watts.sum::<f64>() * trace.step().seconds()).kwh()
    }
}
