//! From one placement to another: which moves does that take, and what does each cost?
//!
//! Every VM that stands elsewhere afterwards moves along the path of the topology, at the rate of
//! the narrowest link on it, for as long as the migration model says. All others only need room.
//! Whatever makes that impossible is told before anything is planned.

use std::collections::BTreeMap;

use super::{Host, Instance, Move};
use crate::id::{HostId, Id};
use crate::migrate::{Channel, Constants, Convergence, MigrationModel, Task};
use crate::policy::PolicyError;
use crate::problem::{Problem, listed};
use crate::topology::{LinkId, Routes, Topology};
use crate::units::{Bytes, BytesPerSecond};

/// A VM, and where it stands before and afterwards.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Name, for messages.
    pub name: String,
    /// Where it is.
    pub from: HostId,
    /// Where it is to be.
    pub to: HostId,
    /// Its CPU, in the unit of the hosts.
    pub cpu: f64,
    /// Its migration, but for the bandwidth of the link, which follows from the topology.
    pub task: Task,
    /// When it should have moved, s.
    pub deadline_s: Option<f64>,
    /// VMs of one group follow one another.
    pub group: Option<u32>,
    /// VMs by their place in the list; where they move, they do so before it.
    pub after: Vec<usize>,
}

/// Two placements of the same VMs.
#[derive(Debug, Clone)]
pub struct Transition<'a> {
    /// Hosts without any VM on them; what is used on them already counts beside the VMs.
    pub hosts: Vec<Host>,
    /// What connects the hosts.
    pub topology: &'a Topology,
    /// All VMs.
    pub vms: Vec<Standing>,
}

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
pub enum TransitionError {
    /// Something is wrong with what was asked: at least one problem.
    #[error("{}", listed(.0))]
    Input(Vec<Problem>),
    /// The migration model could not answer.
    #[error(transparent)]
    Model(#[from] PolicyError),
}

impl Transition<'_> {
    /// The moves that lead from the one placement to the other.
    ///
    /// # Errors
    ///
    /// GLN-306 where two hosts are not connected, GLN-536 for a VM whose migration would never
    /// end, what [`Task::problems`] and [`Instance::problems`] say, and what `model` answers.
    pub fn instance(
        self,
        model: &dyn MigrationModel,
        constants: &Constants,
    ) -> Result<Instance, TransitionError> {
        let links = self.topology.capacities();
        let mut problems = self.hosts_that_are_not_there();
        if !problems.is_empty() {
            return Err(TransitionError::Input(problems));
        }
        let mut routes = Routes::new(self.topology);
        let mut hosts = self.hosts;
        let (mut moves, mut place_of) = (Vec::new(), BTreeMap::new());
        for (number, vm) in self.vms.iter().enumerate() {
            let memory = Bytes((vm.task.memory.pages * crate::migrate::PAGE) as u64);
            let host = &mut hosts[vm.from.index()];
            host.used_memory += memory;
            host.used_cpu += vm.cpu;
            if vm.from == vm.to {
                continue;
            }
            let path = routes.path(vm.from, vm.to).map(<[LinkId]>::to_vec);
            match vm.moved(memory, path, &links, model, constants) {
                Ok(one) => {
                    place_of.insert(number, moves.len());
                    moves.push((number, one));
                }
                Err(TransitionError::Input(wrong)) => problems.extend(wrong),
                Err(failed) => return Err(failed),
            }
        }
        let moves: Vec<Move> = moves
            .into_iter()
            .map(|(number, mut one)| {
                let before = self.vms[number].after.iter();
                one.after = before.filter_map(|other| place_of.get(other).copied()).collect();
                one
            })
            .collect();
        let instance = Instance { hosts, links, moves };
        problems.extend(instance.problems());
        if problems.is_empty() { Ok(instance) } else { Err(TransitionError::Input(problems)) }
    }

    fn hosts_that_are_not_there(&self) -> Vec<Problem> {
        let count = self.hosts.len();
        let mut found = Vec::new();
        if self.topology.hosts() < count {
            let what = format!("it has {} hosts, {count} are needed", self.topology.hosts());
            let remedy = "Let the network have at least as many hosts";
            found.push(Problem::new("GLN-305", "network", what, remedy));
        }
        for vm in &self.vms {
            for (host, role) in [(vm.from, "source"), (vm.to, "destination")] {
                if host.index() >= count {
                    let what = format!("there is no {role} {host}");
                    let place = format!("vm `{}`", vm.name);
                    found.push(Problem::new("GLN-531", place, what, "Name a host that is there"));
                }
            }
        }
        found
    }
}

impl Standing {
    /// The move of a VM of `memory` over `path`.
    fn moved(
        &self,
        memory: Bytes,
        path: Option<Vec<LinkId>>,
        links: &[f64],
        model: &dyn MigrationModel,
        constants: &Constants,
    ) -> Result<Move, TransitionError> {
        let place = format!("vm `{}`", self.name);
        let Some(path) = path else {
            let what = format!("there is no path from {} to {}", self.from, self.to);
            let problem = Problem::new("GLN-306", place, what, "Connect the hosts with cables");
            return Err(TransitionError::Input(vec![problem]));
        };
        let width = path.iter().map(|&link| links[link as usize]).fold(f64::INFINITY, f64::min);
        let mut task = self.task.clone();
        task.channel = Channel { link: BytesPerSecond(width), ..task.channel };
        let problems = task.problems(&place);
        if !problems.is_empty() {
            return Err(TransitionError::Input(problems));
        }
        let prediction = model.predict(&task, constants, None)?;
        match prediction.convergence {
            Convergence::Converged => {}
            Convergence::Never { fixed_point_pages: pages }
            | Convergence::GivenUp { remaining_pages: pages } => {
                let what = format!("its migration would not end: {pages:.0} pages remain");
                let remedy = "Slow it down, raise its downtime limit, or stop it first";
                let problem = Problem::new("GLN-536", place, what, remedy);
                return Err(TransitionError::Input(vec![problem]));
            }
        }
        let one = Move::new(self.name.clone(), self.from, self.to, memory, 1.0);
        let (rate, cpu) = (task.channel.nominal(), self.cpu);
        let (deadline_s, group) = (self.deadline_s, self.group);
        Ok(Move { path, rate, cpu, deadline_s, group, ..one.costing(&prediction) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::{Dirty, Memory, RamOverBandwidth};
    use crate::topology::{Cable, Place, generate};

    fn vm(name: &str, from: u32, to: u32) -> Standing {
        let memory = Memory::of(Bytes(4096 * 1000), Bytes(4096 * 1000), Dirty::Idle);
        Standing {
            name: name.into(),
            from: HostId(from),
            to: HostId(to),
            cpu: 1.0,
            task: Task::new(memory, Channel::link(BytesPerSecond(1.0))),
            deadline_s: None,
            group: None,
            after: vec![],
        }
    }

    fn hosts(count: usize) -> Vec<Host> {
        vec![Host::with_memory("h", Bytes(4096 * 2500)); count]
    }

    /// 4,096,000 B over links of 409,600 B/s take 10 s; who stays only needs room, and what was to
    /// wait for it does not.
    #[test]
    fn who_stands_elsewhere_moves() {
        let star = generate::star(2, Cable::of(BytesPerSecond(409_600.0)));
        let vms = vec![vm("stays", 0, 0), Standing { after: vec![0], ..vm("moves", 0, 1) }];
        let transition = Transition { hosts: hosts(2), topology: &star, vms };
        let instance = transition
            .instance(&RamOverBandwidth::default(), &Constants::default())
            .expect("it is sound");
        assert_eq!(instance.moves.len(), 1);
        let one = &instance.moves[0];
        assert!((one.seconds - 10.0).abs() < 1e-9 && one.rate == 409_600.0, "{one:?}");
        assert_eq!((one.path.len(), one.after.len()), (2, 0));
        assert_eq!(instance.hosts[0].used_memory, Bytes(2 * 4_096_000));
        assert_eq!(instance.hosts[0].used_cpu, 2.0);
    }

    #[test]
    fn what_cannot_be_is_told_at_once() {
        let mut apart = crate::topology::Topology::default();
        apart.add_host("a", Place::default());
        apart.add_host("b", Place::default());
        let told = |vms, topology: &Topology| {
            let transition = Transition { hosts: hosts(2), topology, vms };
            let answer = transition.instance(&crate::migrate::PreCopy, &Constants::default());
            answer.unwrap_err().to_string()
        };
        assert!(told(vec![vm("v", 0, 1)], &apart).contains("GLN-306 vm `v`: there is no path"));
        let star = generate::star(2, Cable::of(BytesPerSecond(409_600.0)));
        let mut busy = vm("busy", 0, 1);
        busy.task.memory.dirty = Dirty::Constant { rate: 1e6, working_set: 900.0 };
        let text = told(vec![busy, vm("lost", 0, 7)], &star);
        assert!(text.contains("GLN-531 vm `lost`: there is no destination h7"), "{text}");
        let mut busy = vm("busy", 0, 1);
        busy.task.memory.dirty = Dirty::Constant { rate: 1e6, working_set: 900.0 };
        assert!(told(vec![busy], &star).contains("GLN-536 vm `busy`: its migration would not end"));
    }
}
