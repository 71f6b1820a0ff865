//! A whole step at once: a planner says who moves where, in place of detecting, selecting and
//! placing.
//!
//! What it says is held against the draft before anything happens: a plan with a move that cannot
//! be made stops the run and names the VM.

use std::collections::BTreeSet;

use super::{Ask, Draft, Room};
use crate::id::{HostId, IdVec, VmId};
use crate::model::record::Weighing;
use crate::model::{Resource, Resources};
use crate::policy::PolicyError;

/// Where the VMs are when a step is planned.
#[derive(Clone, Copy)]
pub struct Roster<'a> {
    /// Host on which each VM runs; `None` for one that is not there.
    pub home: &'a IdVec<VmId, Option<HostId>>,
    /// Moves of each VM that are decided and not completed; above 0 it cannot be moved.
    pub bound: &'a IdVec<VmId, u8>,
    /// Seconds that each VM was down because its host failed, all together; empty without outages.
    pub down_s: &'a [f64],
}

impl Roster<'_> {
    /// Whether `vm` may be moved: it is there and not about to move already.
    pub fn is_movable(&self, vm: VmId) -> bool {
        self.home[vm].is_some() && self.bound[vm] == 0
    }
}

/// What a plan was weighed by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weighed {
    /// Cost if nothing moves, J.
    pub before_j: f64,
    /// Cost of the plan, J.
    pub cost_j: f64,
    /// No plan costs less, J.
    pub bound_j: f64,
    /// Possible moves priced.
    pub steps: u64,
    /// What each move gains and costs, in the order of the plan.
    pub why: Vec<Weighing>,
}

/// Plans all migrations of a step.
pub trait Planner: Send {
    /// Name as in the run spec.
    fn name(&self) -> &str;

    /// Samples of the VMs' pasts that it looks at, at most.
    fn window(&self) -> usize {
        0
    }

    /// What the latest plan was weighed by; `None` from a planner that does not say.
    fn weighed(&self) -> Option<&Weighed> {
        None
    }

    /// The migrations to begin, in order: each movable VM at most once, to a host that has room for
    /// it beside all that is there, leaves or arrives. The draft stands at where every VM is or is
    /// bound for; what is tried in it does not matter afterwards, moves are entered anew.
    ///
    /// # Errors
    /// Whatever keeps the policy, or the detector it asks, from answering.
    fn plan(
        &mut self,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        roster: Roster<'_>,
    ) -> Result<Vec<(VmId, HostId)>, PolicyError>;
}

/// Why a planned move cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such VM.
    #[error("there is no VM {0}. VMs are numbered from 0 to {1}")]
    UnknownVm(u32, usize),
    /// There is no such host.
    #[error("there is no host {0}. Hosts are numbered from 0 to {1}")]
    UnknownHost(u32, usize),
    /// The VM is not there.
    #[error("it is not there: it was retired. Leave it out")]
    Absent,
    /// The VM is on its way.
    #[error("it is being migrated already. Move only VMs that the snapshot calls movable")]
    Bound,
    /// The plan moves the VM twice.
    #[error("it is moved twice. Name each VM once")]
    Twice,
    /// The VM is on that host.
    #[error("it is on host {0} already. Leave it out")]
    AtHome(u32),
    /// A rule of `[sites]` forbids it, or no link leads there.
    #[error("the rules of [sites] keep it from host {0}. Choose one where it may be")]
    Forbidden(u32),
    /// The host has no room.
    #[error(
        "it does not fit on host {host}: it asks for {demand:.1} MIPS and has {ram_mb:.0} MB; a \
         core there has {core:.1} MIPS, and {free:.1} MIPS and {free_mb:.0} MB are free"
    )]
    NoRoom {
        /// The destination.
        host: u32,
        /// What the VM asks for, MIPS.
        demand: f64,
        /// Its memory, MB.
        ram_mb: f64,
        /// Rate of one core of the host, MIPS.
        core: f64,
        /// What nobody has asked for, MIPS.
        free: f64,
        /// Memory that nobody has, MB.
        free_mb: f64,
    },
    /// The host has too little disk or network.
    #[error(
        "it does not fit on host {host}: it takes {takes_mb:.0} MB (per second for net) of \
         {resource}, and {free_mb:.0} are free"
    )]
    Lacks {
        /// The destination.
        host: u32,
        /// What there is too little of.
        resource: &'static str,
        /// What the VM takes, MB or MB/s.
        takes_mb: f64,
        /// What nobody has taken, MB or MB/s.
        free_mb: f64,
    },
}

/// Enters `moves` in the draft one after the other.
///
/// # Errors
/// The first move that cannot be made, with its VM and why.
pub fn enter(
    moves: &[(VmId, HostId)],
    draft: &mut Draft,
    ask: &Ask<'_>,
    roster: Roster<'_>,
) -> Result<(), (VmId, Refusal)> {
    let mut moved = BTreeSet::new();
    for &(vm, to) in moves {
        let refused = |refusal| Err((vm, refusal));
        let (vms, hosts) = (ask.state.fleet.vms(), ask.state.fleet.hosts());
        if vm.0 as usize >= vms {
            return refused(Refusal::UnknownVm(vm.0, vms - 1));
        }
        if to.0 as usize >= hosts {
            return refused(Refusal::UnknownHost(to.0, hosts - 1));
        }
        if !moved.insert(vm) {
            return refused(Refusal::Twice);
        }
        match roster.home[vm] {
            None => return refused(Refusal::Absent),
            Some(_) if roster.bound[vm] > 0 => return refused(Refusal::Bound),
            Some(home) if home == to => return refused(Refusal::AtHome(to.0)),
            Some(_) => {}
        }
        let needs = ask.state.needs(vm);
        if let Some(refusal) = Refusal::of(vm, to, &needs, ask.state.per_core(vm), draft) {
            return refused(refusal);
        }
        draft.append(vm, to, needs.cpu, &ask.state);
    }
    Ok(())
}

impl Refusal {
    /// Why `vm`, which takes `needs`, `per_core` MIPS with each of its cores, cannot be put on
    /// `host` in `draft`; `None` if it can.
    pub fn of(
        vm: VmId,
        host: HostId,
        needs: &Resources,
        per_core: f64,
        draft: &Draft,
    ) -> Option<Self> {
        match draft.admits(vm, host) {
            true => Self::of_room(host, needs, per_core, draft.room(host)),
            false => Some(Self::Forbidden(host.0)),
        }
    }

    /// Which of its resources keep a VM that takes `needs`, `per_core` MIPS with each of its cores,
    /// from `host`, of which there is `room`; `None` if it fits.
    pub fn of_room(host: HostId, needs: &Resources, per_core: f64, room: &Room) -> Option<Self> {
        if room.fits(needs, per_core) {
            return None;
        }
        let (host, mb) = (host.0, 1e6);
        for resource in [Resource::Disk, Resource::Net] {
            if needs[resource] > room.free[resource] {
                let (takes_mb, free_mb) = (needs[resource] / mb, room.free[resource] / mb);
                return Some(Self::Lacks { host, resource: resource.name(), takes_mb, free_mb });
            }
        }
        let (ram_mb, free_mb) = (needs.ram / mb, room.free.ram / mb);
        let (demand, core, free) = (needs.cpu, room.core, room.free.cpu);
        Some(Self::NoRoom { host, demand, ram_mb, core, free, free_mb })
    }
}
