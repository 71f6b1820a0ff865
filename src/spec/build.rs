//! From a spec to what the engine runs.

use std::collections::BTreeMap;

use super::migration;
use super::python::{self, Interpreter, Slot};
use super::{Choice, PolicySpec, PythonPolicy, RunSpec};
use crate::detect::{DetectorSpec, WithFallback};
use crate::engine::{LoadSide, Policies};
use crate::id::{IdVec, VmId};
use crate::migrate::{Channel, Conduct, Prediction, Way};
use crate::model::costs::Rate;
use crate::model::sites::Route;
use crate::model::{Costs, Fleet, MigrationRules, Provision, Rules, Sites};
use crate::place::optimise::{Copying, Optimiser};
use crate::place::{Balance, Contract, Copies, Far, PlacerSpec, Planner, PowerCap};
use crate::policy::PolicyError;
use crate::problem::Problem;
use crate::time::Instant;
use crate::trace::{self, UtilisationTrace};
use crate::units::BytesPerSecond;

/// Bytes per second of one Mbit/s.
const BYTES_PER_MBIT: f64 = 125_000.0;

/// What a run needs beside its policies; shared by all runs on the same trace and fleet.
#[derive(Debug)]
pub struct Inputs {
    /// The load.
    pub trace: UtilisationTrace,
    /// Hosts and VMs.
    pub fleet: Fleet,
    /// The rules.
    pub rules: Rules,
}

impl Inputs {
    /// Reads the trace that `spec` names and builds its fleet.
    ///
    /// # Errors
    /// Those of [`trace::read`]; what of the spec cannot be kept on the trace.
    pub fn read(spec: &RunSpec) -> Result<Self, trace::Error> {
        let inputs = Self::with(spec, spec.read_trace()?);
        let problems = spec.unkept_on(&inputs.trace, &inputs.fleet);
        if problems.is_empty() { Ok(inputs) } else { Err(trace::Error { problems }) }
    }

    /// The fleet of `spec` on a trace that is at hand already.
    pub fn with(spec: &RunSpec, trace: UtilisationTrace) -> Self {
        let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
        Self { trace, fleet, rules: spec.rules() }
    }

    /// What the engine runs, with `policies`.
    pub fn side(&self, policies: Policies) -> LoadSide<'_> {
        LoadSide { fleet: &self.fleet, trace: &self.trace, rules: &self.rules, policies }
    }
}

impl RunSpec {
    /// Reads the trace that it names.
    ///
    /// # Errors
    /// Those of [`trace::read`].
    pub fn read_trace(&self) -> Result<UtilisationTrace, trace::Error> {
        trace::read(&self.trace.path, &self.trace.selection())
    }

    /// What of it cannot be kept on `trace` by `fleet`: GLN-208 for a series of `[costs]` that ends
    /// before the trace, GLN-665 to 667 for rules of `[sites]`.
    pub(crate) fn unkept_on(&self, trace: &UtilisationTrace, fleet: &Fleet) -> Vec<Problem> {
        let mut problems = self.uncovered(Instant::START + trace.step() * trace.samples() as i64);
        problems.extend(self.site_conflicts(fleet));
        problems
    }

    /// The power that all hosts together should not pass, where it is enforced or its policy keeps
    /// one.
    pub fn power_cap(&self) -> Option<&Rate> {
        self.host.cap_w.as_ref().or_else(|| self.planned_cap())
    }

    /// The power cap of its policy, where that keeps one.
    pub(super) fn planned_cap(&self) -> Option<&Rate> {
        match self.policy.place.built_in()? {
            PlacerSpec::PowerCap(spec) => Some(&spec.cap_w),
            _ => None,
        }
    }

    /// What VMs of leases need before they run, where they carry load.
    fn provision(&self) -> Option<Provision> {
        let provision = self.loaded_leases()?.provision.clone()?;
        Some(Provision { topology: self.migration.topology.is_some(), ..provision })
    }

    /// The rules of the run that it describes.
    pub fn rules(&self) -> Rules {
        Rules {
            demand: self.demand.clone(),
            host: self.host.clone(),
            migration: self.migration.rules.clone(),
            accounting: self.accounting.clone(),
            costs: self.billing(),
            outages: self.outages.clone(),
            sites: self.sites.clone().map(|sites| Sites { types: self.fleet.vms.len(), ..sites }),
            power_cap: self.power_cap().cloned(),
            provision: self.provision(),
        }
    }

    /// What the ledger is kept by: `[costs]`, and what differs from site to site.
    pub fn billing(&self) -> Option<Costs> {
        let costs = self.costs.clone()?;
        let tariffs = |sites: &Sites| sites.tariffs(&costs, self.fleet.count());
        let tariffs = self.sites.as_ref().map(tariffs);
        Some(Costs { tariffs, ..costs })
    }
}

/// Fresh policies for one run of `spec` over `fleet`; those written in Python are built by the
/// interpreter of this process.
///
/// # Errors
/// GLN-402 when a policy is written in Python and there is no interpreter, else its own.
pub fn policies(spec: &RunSpec, fleet: &Fleet) -> Result<Policies, PolicyError> {
    policies_by(spec, fleet, python::installed())
}

/// Fresh policies for one run of `spec` over `fleet`; those written in Python are built by
/// `interpreter`.
///
/// # Errors
/// As [`policies`].
pub fn policies_by(
    spec: &RunSpec,
    fleet: &Fleet,
    interpreter: Option<&dyn Interpreter>,
) -> Result<Policies, PolicyError> {
    let PolicySpec { overload, fallback, underload, select, place, plan, history, initial } =
        &spec.policy;
    let seed = spec.run.seed;
    let python = |policy: &PythonPolicy| interpreter.ok_or_else(|| python::refusal(policy));
    let detector = |slot, choice: &Choice<DetectorSpec>| match choice {
        Choice::BuiltIn(detector) => Ok(detector.build()),
        Choice::Python(policy) => python(policy)?.overload(slot, policy, seed),
    };
    let conduct = migration::conduct(spec, fleet.hosts())?;
    let overload = detector(Slot::Overload, overload)?;
    let fallback = detector(Slot::Fallback, fallback)?;
    Ok(Policies {
        overload: Box::new(WithFallback::new(overload, fallback)),
        underload: match underload {
            Choice::BuiltIn(rule) => rule.build(),
            Choice::Python(policy) => python(policy)?.underload(policy, seed)?,
        },
        select: match select {
            Choice::BuiltIn(selector) => selector.build(seed),
            Choice::Python(policy) => python(policy)?.select(policy, seed)?,
        },
        place: match place {
            Choice::BuiltIn(placer) => placer.build(fleet),
            Choice::Python(policy) => python(policy)?.place(policy, seed)?,
        },
        plan: match (plan, place) {
            (Some(policy), _) => Some(python(policy)?.plan(policy, seed)?),
            (None, Choice::BuiltIn(placer)) => planner(spec, placer, fleet, &conduct)?,
            (None, _) => None,
        },
        history: *history,
        consolidation: spec.consolidation.clone(),
        initial: *initial,
        migration: conduct,
    })
}

/// The planner of a placer that plans whole steps.
fn planner(
    spec: &RunSpec,
    placer: &PlacerSpec,
    fleet: &Fleet,
    conduct: &Conduct,
) -> Result<Option<Box<dyn Planner>>, PolicyError> {
    Ok(match placer {
        PlacerSpec::Optimise(optimise) => {
            let switching_s = [spec.host.wake_s, spec.host.shutdown_s];
            let copies = copies(spec, fleet, conduct)?;
            Some(Box::new(Optimiser::new(optimise.clone(), fleet, copies, switching_s)))
        }
        PlacerSpec::Balance(balance) => {
            Some(Box::new(Balance::new(balance.clone(), copies(spec, fleet, conduct)?)))
        }
        PlacerSpec::CheapestWithinSla(cheapest) => {
            let switching_s = [spec.host.wake_s, spec.host.shutdown_s];
            let copies = copies(spec, fleet, conduct)?;
            let costs = spec.costs.clone().unwrap_or_default();
            let contract = Contract::new(cheapest.clone(), costs, copies.within());
            let steps = Optimiser::new(cheapest.steps(), fleet, copies, switching_s);
            Some(Box::new(steps.priced_by(Box::new(contract))))
        }
        PlacerSpec::PowerCap(cap) => Some(Box::new(PowerCap::new(cap.clone(), fleet))),
        _ => None,
    })
}

/// What it costs to move each VM: what the migration model says of one that runs at its nominal
/// rate, over free cards and links.
fn copies(spec: &RunSpec, fleet: &Fleet, conduct: &Conduct) -> Result<Copies, PolicyError> {
    let near = Copies::from(copying(&spec.migration.rules, fleet, conduct)?);
    match spec.rules().sites {
        Some(sites) if sites.list.len() > 1 => {
            let far = far_copies(&spec.migration.rules, &sites, fleet, conduct)?;
            Ok(near.between(far))
        }
        _ => Ok(near),
    }
}

/// What it costs to move VMs between sites, by the routes over all links.
fn far_copies(
    rules: &MigrationRules,
    sites: &Sites,
    fleet: &Fleet,
    conduct: &Conduct,
) -> Result<Far, PolicyError> {
    let routes = sites.routes(&vec![true; sites.links.len()]);
    let narrowest = |route: &Route| {
        let links = route.iter().map(|&(link, _)| sites.links[link].mbit_s * BYTES_PER_MBIT);
        links.fold(rules.bandwidth(), f64::min)
    };
    let mut kinds: BTreeMap<(u64, u64), u32> = BTreeMap::new();
    let (mut alike, mut tables) = (IdVec::default(), Vec::new());
    for vm in fleet.vm_ram.ids() {
        let (ram, disk) = (fleet.vm_ram[vm], sites.disk(fleet, vm));
        let next = tables.len() as u32;
        let kind = *kinds.entry((ram.0, disk.to_bits())).or_insert(next);
        alike.push(kind);
        if kind != next {
            continue;
        }
        let mut known: BTreeMap<[u64; 3], Option<Copying>> = BTreeMap::new();
        let mut table = vec![None; routes.len()];
        for (route, entry) in routes.iter().zip(&mut table) {
            let Some(route) = route.as_ref().filter(|route| !route.is_empty()) else { continue };
            let ((round_trip_s, loss), rate) = (sites.distance(route), narrowest(route));
            let key = [round_trip_s, loss, rate].map(f64::to_bits);
            if let Some(copying) = known.get(&key) {
                *entry = *copying;
                continue;
            }
            let mut task = conduct.task(ram, 1.0);
            task.channel = Channel::link(BytesPerSecond(rate));
            let predicted = Way::of(sites, disk, route).predict(conduct, &task)?;
            *entry = predicted.map(|of| copying_of(rules, &of));
            known.insert(key, *entry);
        }
        tables.push(table);
    }
    Ok(Far { site_of: sites.site_of(fleet.hosts()), sites: sites.list.len(), alike, tables })
}

fn copying_of(rules: &MigrationRules, of: &Prediction) -> Copying {
    Copying {
        bytes: of.bytes,
        seconds: of.total_s,
        energy_j: rules.energy(of.bytes),
        slowdown: rules.overhead,
        downtime_s: of.downtime_s,
    }
}

fn copying(
    rules: &MigrationRules,
    fleet: &Fleet,
    conduct: &Conduct,
) -> Result<IdVec<VmId, Copying>, PolicyError> {
    let mut known: BTreeMap<u64, Copying> = BTreeMap::new();
    let mut copying = IdVec::default();
    for ram in fleet.vm_ram.as_slice() {
        let found = match known.get(&ram.0) {
            Some(&found) => found,
            None => {
                let mut task = conduct.task(*ram, 1.0);
                task.channel = Channel::link(BytesPerSecond(rules.bandwidth()));
                copying_of(rules, &conduct.model.predict(&task, &conduct.constants, None)?)
            }
        };
        known.insert(ram.0, found);
        copying.push(found);
    }
    Ok(copying)
}
