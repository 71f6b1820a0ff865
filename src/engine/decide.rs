//! A decision: detect overloaded hosts, select VMs until they are not, place them, then empty
//! underloaded hosts.
//!
//! Everything happens in a draft; what comes out is the list of moves, those of overloaded hosts
//! first.

use serde::{Deserialize, Serialize};

use super::Policies;
use super::fences::{self, Wanted};
use super::plan::plan;
use super::returns::bring_back;
use super::share::Role;
use super::world::{Move, World};
use crate::detect::{Occupancy, Verdict};
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::model::record::Reason;
use crate::place::{Draft, Held, HostSet, Placing, Resident, Weighed};
use crate::policy::PolicyError;

/// Rules of a decision (`[consolidation]`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Consolidation {
    /// Q9: a host that receives a VM in this step may be emptied in the same step, so that one VM
    /// can be in two migrations at once.
    pub vacate_receivers: bool,
    /// Q10: a host that could not be emptied may not receive either.
    pub failed_hosts_refuse: bool,
    /// A host whose VMs all idle counts as off: it is neither emptied nor does it receive VMs from
    /// hosts being emptied; nor does a host that this step wakes.
    pub idle_hosts_are_off: bool,
    /// Q11: a VM of an overloaded host for which there is no room stays without a trace in the
    /// record.
    pub silent_when_unplaced: bool,
}

/// What was decided.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// Migrations to start, in order.
    pub moves: Vec<Move>,
    /// VMs that should have left an overloaded host but fit nowhere.
    pub unplaced: Vec<Move>,
    /// How many hosts were overloaded.
    pub overloaded: usize,
    /// What a plan was weighed by.
    pub weighed: Option<Weighed>,
}

/// One decision in progress.
pub struct Deciding<'d, 'w> {
    world: &'d World<'w>,
    state: Snapshot<'d>,
    draft: &'d mut Draft,
    policies: &'d mut Policies,
    /// Overloaded hosts.
    over: HostSet,
    decision: Decision,
}

/// Decides what to migrate now.
pub fn decide(
    world: &World<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
) -> Result<Decision, PolicyError> {
    let state = world.snapshot();
    settle(world, draft, &state);
    let mut leaving = evacuate(world, state, draft, policies)?;
    bring_back(world, draft, policies, &mut leaving)?;
    if let Some(mut planner) = policies.plan.take() {
        let planned = plan(&mut *planner, world, &leaving.moves, draft, policies);
        policies.plan = Some(planner);
        let Decision { moves, weighed, .. } = planned?;
        let moves = leaving.moves.into_iter().chain(moves).collect();
        return Ok(Decision { moves, weighed, ..leaving });
    }
    let over = HostSet::none(world.fleet.hosts());
    let decision = leaving;
    let mut deciding = Deciding { world, state, draft, policies, over, decision };
    deciding.relieve_overloaded()?;
    deciding.empty_underloaded()?;
    Ok(deciding.decision)
}

/// Sets the draft to where every VM is or is bound for.
pub(super) fn settle(world: &World<'_>, draft: &mut Draft, state: &Snapshot<'_>) {
    draft.clear(world.fleet);
    let waiting = world.pending.iter().filter(|(_, moves)| !moves.is_empty()).map(|(h, _)| h);
    let expected = world.coming.iter().filter(|(_, vms)| !vms.is_empty()).map(|(h, _)| h);
    let known = world.inhabited().iter().copied();
    let mut hosts: Vec<HostId> = known.chain(waiting).chain(expected).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut residents = Vec::new();
    for host in hosts {
        residents.clear();
        let most = |vm: VmId| world.fleet.most_served(vm, host);
        let limited = world.capping.as_ref().is_some_and(|capping| capping.is_limited(host));
        let mut leaving = Held::default();
        for entry in &world.lists[host] {
            let vm = entry.vm;
            leaving.cpu += world.slack(vm, state.demand[vm]);
            if matches!(entry.role, Role::Arriving | Role::Settling)
                || (limited && world.bound[vm] == 0)
            {
                residents.push(Resident { vm, allocated: state.demand[vm].min(most(vm)) });
            } else if world.bound[vm] == 0 {
                residents.push(Resident { vm, allocated: world.meter.vms[vm].allocated });
            } else {
                leaving += world.fleet.needs(vm, state.demand[vm].min(most(vm)));
            }
        }
        for waiting in &world.pending[host] {
            let allocated = state.demand[waiting.vm].min(most(waiting.vm));
            residents.push(Resident { vm: waiting.vm, allocated });
        }
        for &vm in &world.coming[host] {
            leaving.cpu += world.slack(vm, state.demand[vm]);
            residents.push(Resident { vm, allocated: state.demand[vm].min(most(vm)) });
        }
        draft.settle(host, &residents, leaving, state);
    }
    let closed = world.failed.iter().chain(&world.spares).chain(&world.closing).chain(&world.cut);
    closed.for_each(|&host| draft.close(host));
    draft.fence_mut().into_iter().for_each(|fence| fences::survey(world, fence));
}

/// Finds places for the VMs of hosts whose outage is known beforehand.
fn evacuate(
    world: &World<'_>,
    state: Snapshot<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
) -> Result<Decision, PolicyError> {
    let mut decision = Decision::default();
    if world.closing.is_empty() {
        return Ok(decision);
    }
    let mut closing = HostSet::none(world.fleet.hosts());
    world.closing.iter().for_each(|&host| closing.insert(host));
    let here = |&(vm, host): &(VmId, HostId)| {
        world.home[vm] == Some(host) && world.bound[vm] == 0 && !world.is_cut(host)
    };
    let mut hosts = world.closing.clone();
    hosts.dedup();
    let all = hosts.iter().flat_map(|&host| draft.vms_on(host).iter().map(move |&vm| (vm, host)));
    let vms: Vec<VmId> = all.filter(here).map(|(vm, _)| vm).collect();
    let (excluded, placing) = (&closing, Placing::Each);
    let outcome =
        Wanted { state, vms: &vms, excluded, wake: true, placing }.place(draft, policies)?;
    let reason = Reason::Maintenance;
    decision.moves.extend(outcome.placed.into_iter().map(|(vm, to)| Move { vm, to, reason }));
    let home = |vm| Some(Move { vm, to: world.home[vm]?, reason });
    decision.unplaced.extend(outcome.left.into_iter().filter_map(home));
    Ok(decision)
}

impl Deciding<'_, '_> {
    /// Moves VMs away from every overloaded host until it is not, and finds places for them.
    fn relieve_overloaded(&mut self) -> Result<(), PolicyError> {
        let mut hosts = self.draft.occupied().to_vec();
        hosts.retain(|host| !self.world.closing.contains(host) && !self.world.is_cut(*host));
        self.draft.assess(&hosts, &self.state, &mut *self.policies.overload)?;
        let verdicts = hosts.iter().zip(self.draft.verdicts());
        let over: Vec<HostId> = verdicts
            .filter(|&(_, &verdict)| verdict == Verdict::Overloaded)
            .map(|(&host, _)| host)
            .collect();
        self.decision.overloaded = over.len();
        over.iter().for_each(|&host| self.over.insert(host));
        self.look_ahead(&over)?;
        let mut leaving: Vec<(VmId, f64)> = Vec::new();
        for host in over {
            self.select_from(host, &mut leaving)?;
        }
        let vms: Vec<VmId> = leaving.iter().map(|&(vm, _)| vm).collect();
        let wanted = Wanted {
            state: self.state,
            vms: &vms,
            excluded: &self.over,
            wake: true,
            placing: Placing::Each,
        };
        let outcome = wanted.place(self.draft, self.policies)?;
        leaving.sort_unstable_by_key(|&(vm, _)| vm);
        let load = |vm| {
            let found = leaving.binary_search_by_key(&vm, |&(vm, _)| vm);
            found.map_or(0.0, |at| leaving[at].1)
        };
        for (vm, to) in outcome.placed {
            self.decision.moves.push(Move { vm, to, reason: Reason::Overload(load(vm)) });
        }
        for vm in outcome.left {
            let Some(to) = self.world.home[vm] else { continue };
            self.decision.unplaced.push(Move { vm, to, reason: Reason::Overload(load(vm)) });
        }
        Ok(())
    }

    /// Shows a selector that wants it the VMs of all overloaded hosts.
    fn look_ahead(&mut self, over: &[HostId]) -> Result<(), PolicyError> {
        if !self.policies.select.looks_ahead() || over.is_empty() {
            return Ok(());
        }
        let vms: Vec<(HostId, Vec<VmId>)> =
            over.iter().map(|&host| (host, self.candidates(host))).collect();
        self.policies.select.look_ahead(&vms, &self.state)
    }

    /// The VMs of `host` that may leave it.
    fn candidates(&self, host: HostId) -> Vec<VmId> {
        let bound = &self.world.bound;
        let returns = |vm| {
            let mut moves = self.decision.moves.iter();
            moves.any(|decided| decided.vm == vm && decided.reason == Reason::Return)
        };
        let may = |&vm: &VmId| bound[vm] == 0 && !returns(vm) && !self.world.is_stuck(vm);
        self.draft.vms_on(host).iter().copied().filter(may).collect()
    }

    /// Takes VMs off `host` in the draft until it is no longer overloaded.
    fn select_from(
        &mut self,
        host: HostId,
        leaving: &mut Vec<(VmId, f64)>,
    ) -> Result<(), PolicyError> {
        let load = self.draft.room(host).utilisation();
        let mut candidates = self.candidates(host);
        if let Some(set) = self.select_set(host, &candidates)? {
            for vm in set {
                self.draft.remove(vm, host, &self.state);
                leaving.push((vm, load));
            }
            return Ok(());
        }
        loop {
            let picked = self.policies.select.pick(host, &candidates, &self.state)?;
            let Some(vm) = picked else { return Ok(()) };
            candidates.retain(|&other| other != vm);
            self.draft.remove(vm, host, &self.state);
            leaving.push((vm, load));
            self.draft.assess(&[host], &self.state, &mut *self.policies.overload)?;
            if self.draft.verdicts() != [Verdict::Overloaded] {
                return Ok(());
            }
        }
    }

    /// The set of VMs that leave `host` together, where the selector chooses sets.
    fn select_set(
        &mut self,
        host: HostId,
        candidates: &[VmId],
    ) -> Result<Option<Vec<VmId>>, PolicyError> {
        let (state, draft) = (self.state, &mut *self.draft);
        let overload = &mut self.policies.overload;
        let mut clears = |leaving: &[VmId]| {
            let verdict = draft.assess_without(leaving, host, &state, &mut **overload)?;
            Ok(verdict != Verdict::Overloaded)
        };
        self.policies.select.pick_set(host, candidates, &state, &mut clears)
    }

    /// Tries to empty hosts in the order of the underload rule.
    fn empty_underloaded(&mut self) -> Result<(), PolicyError> {
        let (mut may_not_receive, mut may_not_be_emptied) = self.exclusions();
        let window = self.policies.underload.window();
        let active: Vec<Occupancy<'_>> = self
            .draft
            .occupied()
            .iter()
            .filter(|&&host| !may_not_be_emptied.contains(host))
            .map(|&host| Occupancy {
                host,
                utilisation: self.state.utilisation[host],
                history: self.draft.past(host, window),
            })
            .collect();
        for host in self.policies.underload.candidates(&active)? {
            if may_not_be_emptied.contains(host) {
                continue;
            }
            may_not_be_emptied.insert(host);
            let vms = self.draft.vms_on(host).to_vec();
            let refused_before = may_not_receive.contains(host);
            may_not_receive.insert(host);
            if vms.is_empty() {
                continue;
            }
            let wanted = Wanted {
                state: self.state,
                vms: &vms,
                excluded: &may_not_receive,
                wake: false,
                placing: Placing::AllOrNone,
            };
            let outcome = wanted.place(self.draft, self.policies)?;
            let emptied = outcome.left.is_empty();
            if !emptied && !refused_before && !self.policies.consolidation.failed_hosts_refuse {
                may_not_receive.remove(host);
            }
            let reason = Reason::Underload(self.state.utilisation[host]);
            for (vm, to) in outcome.placed {
                self.decision.moves.push(Move { vm, to, reason });
                may_not_be_emptied.insert(to);
            }
        }
        Ok(())
    }

    /// Hosts that may not receive from emptied hosts, and hosts that may not be emptied.
    fn exclusions(&self) -> (HostSet, HostSet) {
        let mut may_not_receive = self.over.clone();
        let away = self.world.closing.iter().chain(&self.world.cut);
        away.for_each(|&host| may_not_receive.insert(host));
        if self.policies.consolidation.idle_hosts_are_off {
            for (host, &utilisation) in self.state.utilisation.iter() {
                if utilisation == 0.0 {
                    may_not_receive.insert(host);
                }
            }
        }
        let mut may_not_be_emptied = may_not_receive.clone();
        if !self.policies.consolidation.vacate_receivers {
            self.decision.moves.iter().for_each(|m| may_not_be_emptied.insert(m.to));
        }
        for &host in self.draft.occupied() {
            let moves = self.draft.vms_on(host).iter().any(|&vm| self.world.bound[vm] > 0);
            // VMs leave public hosts when there is room for each, not to empty them.
            if moves || fences::is_public(self.draft, host) {
                may_not_be_emptied.insert(host);
            }
        }
        (may_not_receive, may_not_be_emptied)
    }
}
