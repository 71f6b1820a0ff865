//! Where does it go? Placers work on a [`Draft`]: a tentative placement with an undo log, on which
//! they try, ask and roll back without touching the world.

mod alignment;
mod balance;
mod best_fit;
mod bonds;
mod cheapest_within_sla;
mod chooser;
mod copies;
mod cosine;
mod decreasing;
mod departures;
mod dot_product;
mod draft;
mod fence;
mod first_fit;
pub mod index;
mod measure;
mod neat;
mod norm_diff;
pub mod optimise;
mod pabfd;
mod pabfd_published;
mod plan;
mod power_cap;
mod question;
mod risk_after;
mod risk_fit;
mod room;
mod spec;
mod worst_fit;

use crate::id::{HostId, VmId};
use crate::policy::PolicyError;

pub use alignment::AlignmentSpec;
pub use balance::{Balance, BalanceSpec};
pub use best_fit::FitSpec;
pub use bonds::Bonds;
pub use cheapest_within_sla::{CheapestSpec, Contract};
pub use chooser::{Overload, Wake};
pub use copies::{Copies, Far};
pub use decreasing::{Decreasing, FirstFitDecreasingSpec};
pub use departures::Departures;
pub use draft::Draft;
pub use fence::Fence;
pub use first_fit::FirstFitSpec;
pub use measure::Measure;
pub use neat::{NeatBestFitDecreasing, NeatSpec};
pub use optimise::OptimiseSpec;
pub use pabfd::{Base, Pabfd, PabfdSpec, WakePower};
pub use plan::{Planner, Refusal, Roster, Weighed, enter};
pub use power_cap::{PowerCap, PowerCapSpec};
pub use question::{Arrival, Ask, HistoryKind};
pub use risk_after::{After, RiskAfter};
pub use risk_fit::RiskFitSpec;
pub use room::{Held, HostSet, Resident, Room};
pub use spec::PlacerSpec;

/// Whether a placer may leave VMs behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Each VM that fits is placed; the others are left.
    Each,
    /// All VMs or none: at the first that does not fit, everything placed here is undone.
    AllOrNone,
}

/// What a placer did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// VMs placed, in the order of placing, each with its host.
    pub placed: Vec<(VmId, HostId)>,
    /// VMs that fit nowhere.
    pub left: Vec<VmId>,
}

/// Chooses a host for each of some VMs.
pub trait Placer: Send {
    /// Name as in the run spec.
    fn name(&self) -> &str;

    /// How many samples of the pasts of VMs it looks at, at most; 0 when it needs none.
    fn window(&self) -> usize {
        0
    }

    /// Places `vms` on hosts of the draft that `ask` allows and records what it did in the draft.
    ///
    /// # Errors
    /// Whatever keeps the policy, or the detector it asks, from answering.
    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError>;
}

/// Places `vms` in this order, each where `choose` says, as `placing` demands.
fn place_in_order(
    vms: &[VmId],
    draft: &mut Draft,
    ask: &mut Ask<'_>,
    placing: Placing,
    mut choose: impl FnMut(VmId, &mut Draft, &mut Ask<'_>) -> Result<Option<HostId>, PolicyError>,
) -> Result<Outcome, PolicyError> {
    let mark = draft.mark();
    let mut outcome = Outcome::default();
    for &vm in vms {
        match choose(vm, draft, ask)? {
            Some(host) => {
                draft.append(vm, host, ask.state.demand[vm], &ask.state);
                outcome.placed.push((vm, host));
            }
            None if placing == Placing::Each => outcome.left.push(vm),
            None => {
                draft.undo(mark);
                return Ok(Outcome { placed: Vec::new(), left: vms.to_vec() });
            }
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests;
