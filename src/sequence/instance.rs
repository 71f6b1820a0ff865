//! Hosts, links and the moves between them.

use crate::id::{HostId, Id};
use crate::migrate::Prediction;
use crate::problem::Problem;
use crate::topology::LinkId;
use crate::units::Bytes;

/// A host as far as moves concern it.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Name, for messages.
    pub name: String,
    /// Memory.
    pub memory: Bytes,
    /// CPU, in any unit that moves use as well.
    pub cpu: f64,
    /// Memory of all VMs on it at the start.
    pub used_memory: Bytes,
    /// CPU of all VMs on it at the start.
    pub used_cpu: f64,
    /// Moves that may leave it at once.
    pub outgoing: usize,
    /// Moves that may arrive at once.
    pub incoming: usize,
}

impl Host {
    /// An empty host bounded by its memory alone.
    pub fn with_memory(name: impl Into<String>, memory: Bytes) -> Self {
        Self {
            name: name.into(),
            memory,
            cpu: f64::INFINITY,
            used_memory: Bytes(0),
            used_cpu: 0.0,
            outgoing: usize::MAX,
            incoming: usize::MAX,
        }
    }
}

/// How a VM gets to its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// It is copied while it runs.
    Live,
    /// It is saved to disk, and leaves its host at the end of that.
    Suspend,
    /// It is read from disk.
    Resume,
}

/// One VM that moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// Name, for messages.
    pub name: String,
    /// Where it is.
    pub from: HostId,
    /// Where it goes.
    pub to: HostId,
    /// Its memory, which counts on both hosts while it moves.
    pub memory: Bytes,
    /// Its CPU, likewise.
    pub cpu: f64,
    /// How long it takes at `rate`.
    pub seconds: f64,
    /// Bytes per second that it takes of every link on its path.
    pub rate: f64,
    /// The links.
    pub path: Vec<LinkId>,
    /// Bytes that it sends.
    pub bytes: f64,
    /// How long the VM is stopped.
    pub downtime_s: f64,
    /// Energy that it takes, joules.
    pub energy_j: f64,
    /// When it should be over, s.
    pub deadline_s: Option<f64>,
    /// Moves of one group follow one another in the order of priority.
    pub group: Option<u32>,
    /// Moves, by their place in the instance, that must be over before it begins.
    pub after: Vec<usize>,
    /// How it goes.
    pub kind: MoveKind,
    /// Whether it has begun before the plan: its room at the destination is taken already, and it
    /// goes on from the start of the plan.
    pub begun: bool,
}

impl Move {
    /// A live move without links that takes `seconds`.
    pub fn new(name: String, from: HostId, to: HostId, memory: Bytes, seconds: f64) -> Self {
        Self {
            name,
            from,
            to,
            memory,
            cpu: 0.0,
            seconds,
            rate: 0.0,
            path: Vec::new(),
            bytes: memory.0 as f64,
            downtime_s: 0.0,
            energy_j: 0.0,
            deadline_s: None,
            group: None,
            after: Vec::new(),
            kind: MoveKind::Live,
            begun: false,
        }
    }

    /// Costs as predicted by a migration model.
    pub fn costing(self, prediction: &Prediction) -> Self {
        Self {
            seconds: prediction.total_s,
            bytes: prediction.bytes,
            downtime_s: prediction.downtime_s,
            energy_j: prediction.energy.0,
            ..self
        }
    }

    /// Whether it takes room at its destination.
    pub(super) fn arrives(&self) -> bool {
        self.kind != MoveKind::Suspend && !self.begun
    }

    /// Whether it gives room back at its source.
    pub(super) fn leaves(&self) -> bool {
        self.kind != MoveKind::Resume
    }
}

/// What is to be planned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Instance {
    /// Hosts, by [`HostId`].
    pub hosts: Vec<Host>,
    /// Capacity of every link in bytes per second, by [`LinkId`].
    pub links: Vec<f64>,
    /// What moves.
    pub moves: Vec<Move>,
}

impl Instance {
    pub(super) fn host(&self, id: HostId) -> &Host {
        &self.hosts[id.index()]
    }

    /// Everything that is wrong with it.
    ///
    /// GLN-531 for a host, link or number that cannot be, GLN-532 for moves that wait for each
    /// other by their own order, GLN-534 for a VM larger than its destination.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (number, host) in self.hosts.iter().enumerate() {
            if host.used_memory > host.memory || host.used_cpu > host.cpu {
                let what = "more is used than there is";
                let place = format!("host {number} `{}`", host.name);
                found.push(Problem::new(
                    "GLN-531",
                    place,
                    what,
                    "Start from a placement that fits",
                ));
            }
        }
        for (number, one) in self.moves.iter().enumerate() {
            self.problems_of(one, &format!("move {number} `{}`", one.name), &mut found);
        }
        if found.is_empty() && super::dependencies::order(self).is_none() {
            let what = "moves must each be over before the other begins";
            let remedy = "Remove one `after` of the circle";
            found.push(Problem::new("GLN-532", "moves", what, remedy));
        }
        found
    }

    fn problems_of(&self, one: &Move, place: &str, found: &mut Vec<Problem>) {
        let mut wrong = |what: String, remedy: &str| {
            found.push(Problem::new("GLN-531", place, what, remedy));
        };
        for (host, role) in [(one.from, "source"), (one.to, "destination")] {
            if host.index() >= self.hosts.len() {
                wrong(format!("there is no {role} {host}"), "Name a host of the instance");
            }
        }
        if one.from == one.to && one.kind == MoveKind::Live {
            wrong("source and destination are the same".into(), "Leave it out");
        }
        if !(one.seconds > 0.0 && one.seconds.is_finite()) {
            let what = format!("it takes {} s, expected a number above 0", one.seconds);
            wrong(what, "A move that never ends cannot be planned");
        }
        for &link in &one.path {
            let capacity = self.links.get(link as usize).copied();
            if capacity.is_none_or(|capacity| !(one.rate >= 0.0 && one.rate <= capacity)) {
                let has = capacity.map_or("does not exist".into(), |c| format!("carries {c} B/s"));
                wrong(format!("it needs {} B/s, link {link} {has}", one.rate), "Lower its rate");
            }
        }
        if one.after.iter().any(|&other| other >= self.moves.len()) {
            wrong("it waits for a move that does not exist".into(), "Name a move by its place");
        }
        if let Some(host) = self.hosts.get(one.to.index())
            && (one.memory > host.memory || one.cpu > host.cpu)
        {
            let what = format!("{} do not fit host `{}` of {}", one.memory, host.name, host.memory);
            found.push(Problem::new("GLN-534", place, what, "Choose another destination"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let hosts = vec![Host::with_memory("small", Bytes(10)); 2];
        let mut large = Move::new("large".into(), HostId(0), HostId(1), Bytes(11), 1.0);
        (large.path, large.rate) = (vec![0], 3.0);
        let lost = Move::new("lost".into(), HostId(0), HostId(7), Bytes(1), f64::INFINITY);
        let mut instance = Instance { hosts, links: vec![2.0], moves: vec![large, lost] };
        let told: Vec<String> = instance.problems().iter().map(Problem::to_string).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].contains("it needs 3 B/s, link 0 carries 2 B/s"));
        assert!(
            told[1].starts_with("GLN-534 move 0 `large`: 11 B do not fit host `small` of 10 B")
        );
        assert!(told[2].contains("there is no destination h7"));
        let small = |after| {
            let one = Move::new("s".into(), HostId(0), HostId(1), Bytes(1), 1.0);
            Move { after, ..one }
        };
        instance.moves = vec![small(vec![1]), small(vec![0])];
        instance.hosts[0].used_memory = Bytes(2);
        assert_eq!(instance.problems()[0].code, "GLN-532");
    }
}
