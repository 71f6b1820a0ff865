//! Plans of moves from Python: two placements in, a timetable out, as JSON.

use std::path::{Path, PathBuf};

use galerna::engine::verified_plan;
use galerna::id::HostId;
use galerna::migrate::spec;
use galerna::problem::Problem;
use galerna::sequence::{
    Detour, Goal, Host, MoveKind, Options, Plan, Standing, Transition, TransitionError,
};
use galerna::topology::{self, Cable, Topology, generate};
use galerna::units::Bytes;
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::errors;
use crate::migrate::{Asked, Set, constants, text};

const MIB: f64 = 1_048_576.0;

/// A host: name, MiB of memory, CPU, moves that may leave it and arrive at once.
type Room = (String, f64, Option<f64>, Option<usize>, Option<usize>);

/// A VM and where it stands before and afterwards.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Vm {
    name: String,
    source: u32,
    destination: u32,
    cpu_needed: f64,
    deadline_s: Option<f64>,
    group: Option<u32>,
    after: Vec<usize>,
    task: Asked,
}

/// How to plan.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct How {
    goal: String,
    bypass: bool,
    suspend_mb_s: Option<f64>,
    reject_cost_s: Option<f64>,
    trials: usize,
    seed: u64,
}

impl How {
    fn options(&self) -> Options {
        let detour = Detour {
            bypass: self.bypass,
            suspend_rate: self.suspend_mb_s.map(|rate| rate * 1e6),
            reject_cost_s: self.reject_cost_s,
            ..Detour::default()
        };
        // Unknown names are refused before.
        let goal = Goal::named(&self.goal).unwrap_or_default();
        let (trials, seed) = (self.trials, self.seed);
        Options { goal, detour, trials, seed, ..Options::default() }
    }

    fn problems(&self) -> Vec<Problem> {
        let given = [("suspend_mb_s", self.suspend_mb_s), ("reject_cost_s", self.reject_cost_s)];
        let wrong = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        wrong
            .filter(|(name, value)| {
                let low = if *name == "suspend_mb_s" { *value > 0.0 } else { *value >= 0.0 };
                !(low && value.is_finite())
            })
            .map(|(name, value)| {
                let what = format!("found {value}, expected a finite number above 0");
                Problem::new("GLN-531", name, what, "Write such a number, or leave it out")
            })
            .collect()
    }
}

fn host(row: &Room, problems: &mut Vec<Problem>) -> Host {
    let (name, memory_mib, cpu, outgoing, incoming) = row;
    let mut sound = |what: &str, value: f64| {
        if !(value > 0.0 && value <= 1e15) {
            let what = format!("found {value}, expected {what} above 0");
            let place = format!("host `{name}`");
            problems.push(Problem::new("GLN-531", place, what, "Write such a number"));
        }
    };
    sound("MiB of memory", *memory_mib);
    cpu.iter().for_each(|&cpu| sound("CPU", cpu));
    let tokens = |limit: &Option<usize>| limit.unwrap_or(usize::MAX);
    if *outgoing == Some(0) || *incoming == Some(0) {
        sound("a number of moves", 0.0);
    }
    Host {
        cpu: cpu.unwrap_or(f64::INFINITY),
        outgoing: tokens(outgoing),
        incoming: tokens(incoming),
        ..Host::with_memory(name, Bytes((memory_mib * MIB) as u64))
    }
}

/// What connects `hosts`: a star of so many Mbit/s, the table of a generator, or a file.
fn network(
    hosts: usize,
    mbit: Option<f64>,
    table: Option<&str>,
    path: Option<&Path>,
) -> Result<Topology, Vec<Problem>> {
    let parsed = match (mbit, table, path) {
        (_, _, Some(path)) => topology::read(path),
        (_, Some(table), None) => {
            let table: toml::Value =
                crate::migrate::parsed(table, "network").map_err(|problem| vec![problem])?;
            let file = toml::Table::from_iter([("generate".to_owned(), table)]);
            topology::parse(&file.to_string(), "network")
        }
        (mbit, None, None) => {
            let mbit = mbit.unwrap_or(f64::NAN);
            if !(mbit > 0.0 && mbit.is_finite()) {
                let what = format!("found {mbit} Mbit/s, expected a number above 0");
                let remedy = "Write the bandwidth of a host's card";
                return Err(vec![Problem::new("GLN-303", "network", what, remedy)]);
            }
            Ok(generate::star(hosts, Cable::mbit(mbit, 0)))
        }
    };
    parsed.map_err(|error| error.problems)
}

fn told(plan: &Plan) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let kind = match step.what.kind {
            MoveKind::Live => "live",
            MoveKind::Suspend => "suspend",
            MoveKind::Resume => "resume",
        };
        json!({
            "vm": step.what.name, "source": step.what.from.0, "destination": step.what.to.0,
            "kind": kind, "start_s": step.start_s, "end_s": step.end_s,
            "bytes": step.what.bytes, "downtime_s": step.what.downtime_s,
        })
    });
    let steps: Vec<Value> = steps.collect();
    let rejected: Vec<&String> = plan.rejected.iter().map(|one| &one.name).collect();
    json!({
        "steps": steps, "rejected": rejected, "makespan_s": plan.makespan_s,
        "lower_bound_s": plan.lower_bound_s, "gap": plan.gap(), "optimal": plan.is_optimal(),
        "sum_of_ends_s": plan.sum_of_ends_s, "late": plan.late, "bytes": plan.bytes,
        "downtime_s": plan.downtime_s, "energy_j": plan.energy_j,
    })
}

/// Names of what a plan can be best at.
#[pyfunction]
pub fn sequence_goals() -> Vec<&'static str> {
    Goal::ALL.iter().map(|(name, _)| *name).collect()
}

/// When VMs move from where they are to where they are to be, as JSON; verified before it is told.
#[pyfunction]
pub fn sequence_moves(
    py: Python<'_>,
    hosts: Vec<Room>,
    vms: Vec<Vm>,
    network_given: (Option<f64>, Option<String>, Option<PathBuf>),
    how_modelled: (String, Option<PathBuf>, String),
    how: How,
) -> PyResult<String> {
    let refused = |problems| errors::migration(py, problems);
    let (model, params, given) = how_modelled;
    let named = spec::named(&model).map_err(|problem| refused(vec![problem]))?;
    let constants = constants(py, params.as_deref(), &given)?;
    let mut problems = how.problems();
    let rooms: Vec<Host> = hosts.iter().map(|row| host(row, &mut problems)).collect();
    let (mbit, table, path) = network_given;
    let topology = network(rooms.len(), mbit, table.as_deref(), path.as_deref());
    let topology = topology.map_err(refused)?;
    let (mut standing, mut sets) = (Vec::new(), Vec::new());
    for vm in vms {
        let (set, wrong) = vm.task.set(py, &vm.name)?;
        set.sound(py, &vm.name)?;
        problems.extend(wrong);
        standing.push(Standing {
            name: vm.name.clone(),
            from: HostId(vm.source),
            to: HostId(vm.destination),
            cpu: vm.cpu_needed,
            task: set.task.clone(),
            deadline_s: vm.deadline_s,
            group: vm.group,
            after: vm.after,
        });
        sets.push((vm.name, set));
    }
    if !problems.is_empty() {
        return Err(refused(problems));
    }
    let transition = Transition { hosts: rooms, topology: &topology, vms: standing };
    let instance = transition.instance(&*named, &constants);
    sets.iter().try_for_each(|(name, set): &(String, Set)| set.sound(py, name))?;
    let instance = instance.map_err(|error| match error {
        TransitionError::Input(problems) => refused(problems),
        TransitionError::Model(error) => errors::policy(py, error),
    })?;
    let options = how.options();
    let made = py.detach(|| verified_plan(&instance, &options));
    Ok(text(&told(&made.map_err(|error| refused(error.problems))?)))
}
