//! Which VM leaves an overloaded host next?

mod highest_demand;
mod knapsack;
mod max_correlation;
mod min_utilisation;
mod mmt;
mod mmt_max_cpu;
mod random;
mod spec;

use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;

pub use highest_demand::HighestDemand;
pub use knapsack::Knapsack;
pub use max_correlation::MaxCorrelation;
pub use min_utilisation::{Measure, MinUtilisation};
pub use mmt::Mmt;
pub use mmt_max_cpu::MmtMaxCpu;
pub use random::Random;
pub use spec::SelectorSpec;

/// Tells whether a host would no longer be overloaded without these VMs.
pub type Trial<'t> = dyn FnMut(&[VmId]) -> Result<bool, PolicyError> + 't;

/// Picks the VM that leaves `host` next; asked again until the host is no longer overloaded.
pub trait VmSelector: Send {
    /// Name as in the run spec.
    fn name(&self) -> &str;

    /// The VM to move, one of `candidates` (in the order in which they came to the host), or `None`
    /// to leave the rest.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the run stops and reports it.
    fn pick(
        &mut self,
        host: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError>;

    /// Whether it wants to see the VMs of all overloaded hosts before it picks the first.
    fn looks_ahead(&self) -> bool {
        false
    }

    /// The overloaded hosts of this step with their candidates, shown once to a selector that
    /// [looks ahead](VmSelector::looks_ahead).
    ///
    /// # Errors
    /// As [`VmSelector::pick`].
    fn look_ahead(
        &mut self,
        hosts: &[(HostId, Vec<VmId>)],
        state: &Snapshot<'_>,
    ) -> Result<(), PolicyError> {
        let _ = (hosts, state);
        Ok(())
    }

    /// All VMs that leave together, for selectors that weigh sets; asked first, and `None` (which
    /// is what most answer) to be asked VM by VM. `clears` says whether a set would be enough; the
    /// engine takes the set as it is.
    ///
    /// # Errors
    /// As [`VmSelector::pick`], and those of `clears`.
    fn pick_set(
        &mut self,
        _host: HostId,
        _candidates: &[VmId],
        _state: &Snapshot<'_>,
        _clears: &mut Trial<'_>,
    ) -> Result<Option<Vec<VmId>>, PolicyError> {
        Ok(None)
    }
}

/// The candidate with the smallest key, the first of equals.
fn first_least<K: PartialOrd>(candidates: &[VmId], key: impl Fn(VmId) -> K) -> Option<VmId> {
    let mut best: Option<(K, VmId)> = None;
    for &vm in candidates {
        let value = key(vm);
        if best.as_ref().is_none_or(|(least, _)| value < *least) {
            best = Some((value, vm));
        }
    }
    best.map(|(_, vm)| vm)
}
