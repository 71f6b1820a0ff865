//! Where does it go? Placers work on a [`Draft`]: a tentative placement with an undo log, on which
//! they try, ask and roll back without touching the world.

mod draft;
mod first_fit;
mod pabfd;
mod question;
mod room;
mod spec;

use crate::id::VmId;
use crate::policy::PolicyError;

pub use draft::Draft;
pub use first_fit::FirstFit;
pub use pabfd::{Base, Pabfd, PabfdSpec, WakePower};
pub use question::{Ask, HistoryKind};
pub use room::{Held, HostSet, Resident, Room, TENTHS};
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
    pub placed: Vec<(VmId, crate::id::HostId)>,
    /// VMs that fit nowhere.
    pub left: Vec<VmId>,
}

/// Chooses a host for each of some VMs.
pub trait Placer: Send {
    /// Name as in the run spec.
    fn name(&self) -> &str;

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
