//! Policies that decide as those they wrap, and note what these see.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::planning::Planning;
use super::{Cause, Choice, Cost, Fate, Focus, Possibility};
use crate::detect::{HostLoad, HostLoads, OverloadDetector, Question, Verdict};
use crate::engine::Policies;
use crate::id::{HostId, VmId};
use crate::migrate::{Channel, Conduct};
use crate::model::{Fleet, Resource, Rules, Snapshot};
use crate::place::{Ask, Draft, Outcome, Placer, Placing, Planner};
use crate::policy::PolicyError;
use crate::power::PowerTable;
use crate::select::{Trial, VmSelector};
use crate::time::Instant;
use crate::units::BytesPerSecond;

/// What was noted, shared by the wrapped policies of one run.
#[derive(Clone)]
pub(super) struct Witness(Arc<Mutex<Notes>>);

struct Notes {
    focus: Focus,
    /// The VMs of the lease in focus.
    only: Option<Range<usize>>,
    tables: Vec<PowerTable>,
    /// What moving each VM costs.
    costs: Vec<Cost>,
    choices: Vec<Choice>,
    /// What the detector saw of each overloaded host first in this step.
    overloads: BTreeMap<HostId, (Instant, String)>,
    /// The host that each VM was taken from in this step, and the VMs it was chosen among.
    picked: BTreeMap<VmId, (Instant, HostId, Vec<VmId>)>,
    /// What the detector saw of the possible destinations asked about last.
    seen: Vec<String>,
}

impl Notes {
    fn covers(&self, choice: &Choice) -> bool {
        let ours = self.only.as_ref().is_none_or(|vms| vms.contains(&(choice.vm.0 as usize)));
        ours && self.focus.covers(choice)
    }
}

impl Witness {
    pub(super) fn new(focus: Focus, fleet: &Fleet, rules: &Rules, conduct: &Conduct) -> Self {
        let cost = |&ram| {
            let mut task = conduct.task(ram, 0.0);
            task.channel = Channel::link(BytesPerSecond(rules.migration.bandwidth()));
            let idle = conduct.model.predict(&task, &conduct.constants, None).ok();
            let (bytes, at_least_s) = idle.map_or((0.0, 0.0), |p| (p.bytes, p.total_s));
            Cost { bytes: bytes as u64, at_least_s, slowdown: rules.migration.overhead }
        };
        Self(Arc::new(Mutex::new(Notes {
            focus,
            only: None,
            tables: fleet.machines.iter().map(PowerTable::of).collect(),
            costs: fleet.vm_ram.as_slice().iter().map(cost).collect(),
            choices: Vec::new(),
            overloads: BTreeMap::new(),
            picked: BTreeMap::new(),
            seen: Vec::new(),
        })))
    }

    /// The same, for decisions about these VMs only, if any are given.
    pub(super) fn only(self, vms: Option<Range<usize>>) -> Self {
        self.notes().only = vms;
        self
    }

    /// `policies` with witnesses.
    pub(super) fn watch(&self, policies: Policies) -> Policies {
        let witness = || self.clone();
        Policies {
            overload: Box::new(Detector { inner: policies.overload, witness: witness() }),
            select: Box::new(Selector { inner: policies.select, witness: witness() }),
            place: Box::new(Watched { inner: policies.place, witness: witness() }),
            plan: policies.plan.map(|inner| -> Box<dyn Planner> {
                Box::new(Planning { inner, witness: witness() })
            }),
            ..policies
        }
    }

    /// The choices in focus.
    pub(super) fn testimony(&self) -> Vec<Choice> {
        std::mem::take(&mut self.notes().choices)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes `choice` if it is in focus; `cost` of it is filled in.
    pub(super) fn note(&self, mut choice: Choice) {
        let mut notes = self.notes();
        choice.cost = notes.costs[choice.vm.0 as usize];
        if notes.covers(&choice) {
            notes.choices.push(choice);
        }
    }

    /// Change of the power of a host of `machine` whose VMs get `before` and then `after` of its
    /// `capacity`, W.
    pub(super) fn change(&self, machine: usize, capacity: f64, before: f64, after: f64) -> f64 {
        let notes = self.notes();
        let power = |mips: f64| notes.tables[machine].power(mips / capacity).0;
        power(after) - power(before)
    }

    pub(super) fn is_interested(&self, at: Instant) -> bool {
        // The first placement is no decision.
        at > Instant::START && self.notes().focus.covers_time(at)
    }
}

/// A detector under observation.
struct Detector {
    inner: Box<dyn OverloadDetector>,
    witness: Witness,
}

impl Detector {
    fn note(&self, load: HostLoad<'_>, verdict: Verdict) {
        if !self.witness.is_interested(load.at) {
            return;
        }
        let words = || self.inner.words(load).unwrap_or_default();
        let mut notes = self.witness.notes();
        match load.question {
            Question::WithVm => notes.seen.push(words()),
            Question::Now if verdict == Verdict::Overloaded => {
                let first = notes.overloads.get(&load.host).is_none_or(|(at, _)| *at != load.at);
                if first {
                    notes.overloads.insert(load.host, (load.at, words()));
                }
            }
            Question::Now => {}
        }
    }
}

impl OverloadDetector for Detector {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn window(&self) -> usize {
        self.inner.window()
    }
    fn batch(&self) -> usize {
        self.inner.batch()
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        self.inner.words(load)
    }
    fn probability(&mut self, load: HostLoad<'_>) -> Result<Option<f64>, PolicyError> {
        self.inner.probability(load)
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        let verdict = self.inner.assess(load)?;
        self.note(load, verdict);
        Ok(verdict)
    }
    fn assess_all(
        &mut self,
        loads: &HostLoads,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), PolicyError> {
        self.inner.assess_all(loads, verdicts)?;
        for (row, &verdict) in verdicts.iter().enumerate() {
            self.note(loads.row(row), verdict);
        }
        Ok(())
    }
}

/// A selector under observation.
struct Selector {
    inner: Box<dyn VmSelector>,
    witness: Witness,
}

impl VmSelector for Selector {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn looks_ahead(&self) -> bool {
        self.inner.looks_ahead()
    }
    fn look_ahead(
        &mut self,
        hosts: &[(HostId, Vec<VmId>)],
        state: &Snapshot<'_>,
    ) -> Result<(), PolicyError> {
        self.inner.look_ahead(hosts, state)
    }
    fn pick_set(
        &mut self,
        host: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
        clears: &mut Trial<'_>,
    ) -> Result<Option<Vec<VmId>>, PolicyError> {
        let picked = self.inner.pick_set(host, candidates, state, clears)?;
        if self.witness.is_interested(state.now) {
            for &vm in picked.iter().flatten() {
                let among = (state.now, host, candidates.to_vec());
                self.witness.notes().picked.insert(vm, among);
            }
        }
        Ok(picked)
    }
    fn pick(
        &mut self,
        host: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        let picked = self.inner.pick(host, candidates, state)?;
        if let Some(vm) = picked.filter(|_| self.witness.is_interested(state.now)) {
            let among = (state.now, host, candidates.to_vec());
            self.witness.notes().picked.insert(vm, among);
        }
        Ok(picked)
    }
}

/// A placer under observation.
struct Watched {
    inner: Box<dyn Placer>,
    witness: Witness,
}

impl Placer for Watched {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        let mark = draft.mark();
        let outcome = self.inner.place(vms, draft, ask, placing)?;
        if self.witness.is_interested(ask.state.now) {
            // Step by step once more, to see the draft as it was before each VM was placed.
            draft.undo(mark);
            for &(vm, to) in &outcome.placed {
                self.note(vm, Some(to), draft, ask, placing)?;
                draft.append(vm, to, ask.state.demand[vm], &ask.state);
            }
            for &vm in &outcome.left {
                self.note(vm, None, draft, ask, placing)?;
            }
        }
        Ok(outcome)
    }
}

impl Watched {
    fn note(
        &self,
        vm: VmId,
        to: Option<HostId>,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<(), PolicyError> {
        let at = ask.state.now;
        let (from, cause) = self.cause(vm, to, draft, ask, placing);
        let change = from.map_or(0.0, |from| self.source_change(vm, from, draft, ask));
        let cost = match cause {
            Cause::Begins => Cost::NONE,
            _ => self.witness.notes().costs[vm.0 as usize],
        };
        let mut choice = Choice {
            at,
            vm,
            from,
            to,
            cause,
            possibilities: Vec::new(),
            asleep: ask.state.fleet.hosts() - draft.occupied().len(),
            source_change_w: change,
            cost,
        };
        if self.witness.notes().covers(&choice) {
            choice.possibilities = self.possibilities(vm, from, to, draft, ask)?;
            let choices = &mut self.witness.notes().choices;
            // Who finds no place among the hosts that are on is placed once more, among all.
            let again = |last: &mut Choice| last.at == at && last.vm == vm && last.begins();
            choices.pop_if(again);
            choices.push(choice);
        }
        Ok(())
    }

    /// The host that `vm` leaves, and why.
    fn cause(
        &self,
        vm: VmId,
        to: Option<HostId>,
        draft: &Draft,
        ask: &Ask<'_>,
        placing: Placing,
    ) -> (Option<HostId>, Cause) {
        if placing == Placing::AllOrNone {
            let holds = |&host: &HostId| draft.vms_on(host).contains(&vm);
            let from = draft.occupied().iter().copied().find(holds);
            let utilisation = from.map_or(0.0, |from| ask.state.utilisation[from]);
            return (from, Cause::Underload { utilisation, emptied: to.is_some() });
        }
        let notes = self.witness.notes();
        match notes.picked.get(&vm) {
            Some((at, from, among)) if *at == ask.state.now => {
                let overload = notes.overloads.get(from);
                let seen = overload.map_or_else(String::new, |(_, words)| words.clone());
                (Some(*from), Cause::Overload { seen, among: among.clone() })
            }
            _ => {
                let holds = |&host: &HostId| draft.vms_on(host).contains(&vm);
                let from = draft.occupied().iter().copied().find(holds);
                let rented = |host| draft.fence().is_some_and(|fence| fence.is_public(host));
                let cause = match from {
                    Some(host) if rented(host) => Cause::Return,
                    Some(_) => Cause::Maintenance,
                    None => Cause::Begins,
                };
                (from, cause)
            }
        }
    }

    /// How the power of `from` changes when `vm` leaves it, W.
    fn source_change(&self, vm: VmId, from: HostId, draft: &Draft, ask: &Ask<'_>) -> f64 {
        let (room, demand) = (draft.room(from), ask.state.demand[vm]);
        let notes = self.witness.notes();
        let power = |mips: f64| notes.tables[room.machine].power(mips / room.capacity).0;
        if draft.vms_on(from).contains(&vm) {
            return power((room.allocated - demand).max(0.0)) - power(room.allocated);
        }
        power(room.allocated) - power(room.allocated + demand)
    }

    /// What came of every host with VMs but `from`, and of `to`.
    fn possibilities(
        &self,
        vm: VmId,
        from: Option<HostId>,
        to: Option<HostId>,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Vec<Possibility>, PolicyError> {
        let (needs, per_core) = (ask.state.needs(vm), ask.state.per_core(vm));
        let mut hosts: Vec<HostId> = draft.occupied().to_vec();
        hosts.retain(|&host| Some(host) != from && draft.room(host).vms > 0);
        hosts.extend(to.filter(|to| !hosts.contains(to)));
        let may = |host| !ask.excluded.contains(host) && draft.admits(vm, host);
        let fits = |&&host: &&HostId| draft.room(host).fits(&needs, per_core) && may(host);
        let fitting: Vec<HostId> = hosts.iter().filter(fits).copied().collect();
        self.witness.notes().seen.clear();
        draft.assess_with(vm, needs.cpu, &fitting, ask)?;
        let seen = std::mem::take(&mut self.witness.notes().seen);
        let verdicts: BTreeMap<HostId, (Verdict, String)> =
            fitting.into_iter().zip(draft.verdicts().iter().copied().zip(seen)).collect();
        let notes = self.witness.notes();
        let fate = |host: HostId| {
            let room = draft.room(host);
            match verdicts.get(&host) {
                Some((Verdict::Overloaded, seen)) if room.allocated > 0.0 => {
                    Fate::Overloaded { seen: seen.clone() }
                }
                Some(_) => {
                    let power = |mips: f64| notes.tables[room.machine].power(mips / room.capacity);
                    let before = if room.vms == 0 { 0.0 } else { power(room.allocated).0 };
                    Fate::Open { increase_w: power(room.allocated + needs.cpu).0 - before }
                }
                None if ask.excluded.contains(host) => Fate::Excluded,
                None if !draft.admits(vm, host) => Fate::Forbidden,
                None => {
                    let lacks = |r: &Resource| needs[*r] > room.free[*r];
                    let short = Resource::ALL.into_iter().find(lacks).unwrap_or(Resource::Cpu);
                    let free = if short == Resource::Cpu {
                        room.free[short].min(room.core * ask.state.fleet.vm_cores[vm])
                    } else {
                        room.free[short]
                    };
                    Fate::NoRoom { resource: short.name(), takes: needs[short], free }
                }
            }
        };
        let mut all: Vec<Possibility> =
            hosts.into_iter().map(|host| Possibility { host, fate: fate(host) }).collect();
        all.sort_by(|a, b| {
            let ((a_class, a_power), (b_class, b_power)) = (a.fate.rank(), b.fate.rank());
            a_class.cmp(&b_class).then(a_power.total_cmp(&b_power)).then(a.host.cmp(&b.host))
        });
        Ok(all)
    }
}
