//! Does an assignment keep the rules of the machine reassignment problem, and what does it cost?
//!
//! Reads the files of the ROADEF/EURO challenge 2012 itself and sums everything afresh, without any
//! of the code that searches.

use std::collections::{BTreeMap, BTreeSet};

/// The cost of an assignment by term, weights included, and every rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// Use above the safety capacity.
    pub load: i128,
    /// Proportions that are missed.
    pub balance: i128,
    /// Moved processes.
    pub process_moves: i128,
    /// The service most of whose processes are moved.
    pub service_moves: i128,
    /// Ways from machine to machine.
    pub machine_moves: i128,
    /// Breaches of rules, in words; none when the assignment is feasible.
    pub breaches: Vec<String>,
}

impl Judgement {
    /// The whole cost.
    pub fn cost(&self) -> i128 {
        let moves = self.process_moves + self.service_moves + self.machine_moves;
        self.load + self.balance + moves
    }
}

struct Machine {
    neighbourhood: usize,
    location: usize,
    capacity: Vec<i128>,
    safety: Vec<i128>,
    way: Vec<i128>,
}

struct Process {
    service: usize,
    need: Vec<i128>,
    move_cost: i128,
}

struct Model {
    resources: Vec<(bool, i128)>,
    machines: Vec<Machine>,
    services: Vec<(usize, Vec<usize>)>,
    processes: Vec<Process>,
    balances: Vec<[usize; 4]>,
    weights: [i128; 3],
}

/// The next numbers of a text.
struct Words<'a>(std::str::SplitAsciiWhitespace<'a>);

impl Words<'_> {
    fn take(&mut self) -> Option<usize> {
        self.0.next()?.parse().ok()
    }

    fn many(&mut self, count: usize) -> Option<Vec<i128>> {
        (0..count).map(|_| self.take().map(|n| n as i128)).collect()
    }

    /// A number and then so many things.
    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.take()?).map(|_| one(self)).collect()
    }
}

fn model(text: &str) -> Option<Model> {
    let mut words = Words(text.split_ascii_whitespace());
    let resources = words.list(|w| Some((w.take()? == 1, w.take()? as i128)))?;
    let width = resources.len();
    let count = words.take()?;
    let machine = |w: &mut Words<'_>| {
        Some(Machine {
            neighbourhood: w.take()?,
            location: w.take()?,
            capacity: w.many(width)?,
            safety: w.many(width)?,
            way: w.many(count)?,
        })
    };
    let machines = (0..count).map(|_| machine(&mut words)).collect::<Option<Vec<_>>>()?;
    let services = words.list(|w| Some((w.take()?, w.list(Words::take)?)))?;
    let process = |w: &mut Words<'_>| {
        Some(Process { service: w.take()?, need: w.many(width)?, move_cost: w.take()? as i128 })
    };
    let processes = words.list(process)?;
    let balances = words.list(|w| Some([w.take()?, w.take()?, w.take()?, w.take()?]))?;
    let weights = words.many(3)?.try_into().ok()?;
    words.0.next().is_none().then_some(())?;
    let model = Model { resources, machines, services, processes, balances, weights };
    names_only_what_is_there(&model).then_some(model)
}

fn names_only_what_is_there(model: &Model) -> bool {
    let service = |s: usize| s < model.services.len();
    let resource = |r: usize| r < model.resources.len();
    model.processes.iter().all(|process| service(process.service))
        && model.services.iter().all(|(_, needs)| needs.iter().all(|&s| service(s)))
        && model.balances.iter().all(|&[first, second, ..]| resource(first) && resource(second))
}

fn assignment(text: &str, model: &Model) -> Option<Vec<usize>> {
    let machines: Option<Vec<usize>> =
        text.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
    let fits = |machines: &Vec<usize>| {
        machines.len() == model.processes.len()
            && machines.iter().all(|&machine| machine < model.machines.len())
    };
    machines.filter(fits)
}

/// Judges the assignment `new` of the problem `model` whose processes are now where `start` says.
///
/// # Errors
///
/// The name of the text that is not what the format allows.
///
/// ```
/// use galerna::check::roadef::judge;
///
/// // A process that needs 3; machines with capacities 4 and 2 and safety capacities 2 and 2.
/// let model = "1  0 10  2  0 0 4 2 0 1  0 1 2 2 1 0  1  0 0  1  0 3 5  0  1 10 100";
/// let stays = judge(model, "0", "0")?;
/// assert_eq!((stays.cost(), stays.breaches.len()), (10, 0));
/// let moved = judge(model, "0", "1")?;
/// assert_eq!((moved.cost(), moved.breaches.len()), (10 + 5 + 10 + 100, 1));
/// # Ok::<(), String>(())
/// ```
pub fn judge(model_text: &str, start: &str, new: &str) -> Result<Judgement, String> {
    let model = model(model_text).ok_or("the model is not in the format of the challenge")?;
    let wrong = |what: &str| format!("the {what} assignment does not fit the model");
    let start = assignment(start, &model).ok_or_else(|| wrong("first"))?;
    let new = assignment(new, &model).ok_or_else(|| wrong("new"))?;
    let mut judgement = Judgement::default();
    price_use(&model, &new, &mut judgement);
    price_moves(&model, &start, &new, &mut judgement);
    judgement.breaches = room(&model, &start, &new);
    judgement.breaches.extend(togetherness(&model, &new));
    Ok(judgement)
}

/// Per machine and resource: the sum of what `of` counts there.
fn sums(model: &Model, of: &[Vec<usize>]) -> Vec<Vec<i128>> {
    let width = model.resources.len();
    let row = |processes: &Vec<usize>| -> Vec<i128> {
        let need = |r: usize| processes.iter().map(|&p| model.processes[p].need[r]).sum();
        (0..width).map(need).collect()
    };
    of.iter().map(row).collect()
}

fn residents(model: &Model, new: &[usize]) -> Vec<Vec<usize>> {
    let mut residents = vec![Vec::new(); model.machines.len()];
    new.iter().enumerate().for_each(|(process, &machine)| residents[machine].push(process));
    residents
}

fn price_use(model: &Model, new: &[usize], judgement: &mut Judgement) {
    let used = sums(model, &residents(model, new));
    for (machine, used) in model.machines.iter().zip(&used) {
        for (r, &(_, weight)) in model.resources.iter().enumerate() {
            judgement.load += weight * (used[r] - machine.safety[r]).max(0);
        }
        let left = |r: usize| machine.capacity[r] - used[r];
        for &[first, second, target, weight] in &model.balances {
            let missing = target as i128 * left(first) - left(second);
            judgement.balance += weight as i128 * missing.max(0);
        }
    }
}

fn price_moves(model: &Model, start: &[usize], new: &[usize], judgement: &mut Judgement) {
    let mut moved_of = BTreeMap::new();
    for (process, (&from, &to)) in start.iter().zip(new).enumerate() {
        if from != to {
            let process = &model.processes[process];
            judgement.process_moves += model.weights[0] * process.move_cost;
            judgement.machine_moves += model.weights[2] * model.machines[from].way[to];
            *moved_of.entry(process.service).or_insert(0) += 1;
        }
    }
    judgement.service_moves = model.weights[1] * moved_of.into_values().max().unwrap_or(0);
}

/// Machines that hold more than they have.
fn room(model: &Model, start: &[usize], new: &[usize]) -> Vec<String> {
    let residents = residents(model, new);
    let mut holders = residents.clone();
    for (process, (&from, &to)) in start.iter().zip(new).enumerate() {
        if from != to {
            holders[from].push(process);
        }
    }
    let (used, held) = (sums(model, &residents), sums(model, &holders));
    let mut found = Vec::new();
    for (m, machine) in model.machines.iter().enumerate() {
        for (r, &(transient, _)) in model.resources.iter().enumerate() {
            let sum = if transient { held[m][r] } else { used[m][r] };
            if sum > machine.capacity[r] {
                let kind = if transient { "transient use" } else { "capacity" };
                let has = machine.capacity[r];
                found.push(format!("{kind}: machine {m} holds {sum} of resource {r}, has {has}"));
            }
        }
    }
    found
}

/// Conflict, spread and dependency.
fn togetherness(model: &Model, new: &[usize]) -> Vec<String> {
    let mut found = Vec::new();
    let mut on = BTreeSet::new();
    let mut locations = vec![BTreeSet::new(); model.services.len()];
    let mut neighbourhoods = locations.clone();
    for (process, &machine) in model.processes.iter().zip(new) {
        let service = process.service;
        if !on.insert((service, machine)) {
            found.push(format!("conflict: service {service} is twice on machine {machine}"));
        }
        locations[service].insert(model.machines[machine].location);
        neighbourhoods[service].insert(model.machines[machine].neighbourhood);
    }
    for (s, (least, needs)) in model.services.iter().enumerate() {
        if locations[s].len() < *least {
            let there = locations[s].len();
            found.push(format!("spread: service {s} is in {there} locations, needs {least}"));
        }
        for &other in needs {
            for place in neighbourhoods[s].difference(&neighbourhoods[other]) {
                found.push(format!("dependency: service {s} lacks {other} in {place}"));
            }
        }
    }
    found
}
