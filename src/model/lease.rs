//! Leases as they are asked for, and the site that they are asked of.
//!
//! A lease is the agreed use of VMs over time. Amounts of resources are whole numbers in the units
//! of the lease formats: CPU in hundredths of a core, memory and disk in MB, network in Mbit/s.
//!
//! Source: Sotomayor et al., HPDC 2008 and the manual of Haizea, whose terms these are.

use super::company::Company;
use crate::time::{Instant, Span};

/// How many resources a host can have: the five known ones and three of the site's own.
pub const RESOURCES: usize = 8;
/// Position of CPU, hundredths of a core.
pub const CPU: usize = 0;
/// Position of memory, MB.
pub const MEMORY: usize = 1;
/// Position of disk, MB.
pub const DISK: usize = 2;
/// Position of traffic into a host, Mbit/s.
pub const NET_IN: usize = 3;
/// Position of traffic out of a host, Mbit/s.
pub const NET_OUT: usize = 4;
/// Hundredths of a core that make a core.
pub const CORE: i64 = 100;
/// Names of the known resources, by position.
pub const KNOWN_RESOURCES: [&str; 5] = ["CPU", "Memory", "Disk", "Net-in", "Net-out"];

/// Amounts of all resources, by position.
pub type Amounts = [i64; RESOURCES];

/// `count` VMs that each need `need`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSet {
    /// How many VMs, at least 1.
    pub count: u32,
    /// What each of them needs.
    pub need: Amounts,
    /// What they are among the VMs of their lease.
    pub part: Part,
}

impl NodeSet {
    /// `count` VMs that each need `need`, alike to all others.
    pub fn new(count: u32, need: Amounts) -> Self {
        Self { count, need, part: Part::default() }
    }
}

/// The part that VMs have in their lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The instance type that they are of.
    pub instance: Option<String>,
    /// What other sets of the lease call them.
    pub name: Option<String>,
    /// The sets whose VMs run before these begin.
    pub after: Vec<String>,
    /// The sets whose VMs share one host with these.
    pub together: Vec<String>,
    /// The sets whose VMs never share a host with these.
    pub apart: Vec<String>,
}

/// When a lease is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseKind {
    /// Exactly from `start` on.
    AdvanceReservation {
        /// The agreed start.
        start: Instant,
    },
    /// As soon as there is room; waits in the queue.
    BestEffort,
    /// Now or never.
    Immediate,
    /// At any time from `start` on such that it ends by `deadline`.
    Deadline {
        /// The earliest start.
        start: Instant,
        /// The latest end.
        deadline: Instant,
    },
}

impl LeaseKind {
    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::AdvanceReservation { .. } => "advance-reservation",
            Self::BestEffort => "best-effort",
            Self::Immediate => "immediate",
            Self::Deadline { .. } => "deadline",
        }
    }
}

/// What must lie on the hosts before a lease can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Software {
    /// Nothing.
    None,
    /// A disk image.
    Image {
        /// Its row in [`Workload::images`].
        image: u32,
        /// Its size, MB.
        size: i64,
    },
}

/// A lease as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The number by which its users know it.
    pub number: u64,
    /// When it is asked for.
    pub arrival: Instant,
    /// When it is to run.
    pub kind: LeaseKind,
    /// Its VMs.
    pub nodes: Vec<NodeSet>,
    /// How long it is to run.
    pub duration: Span,
    /// How long it really runs, known to a simulation only; at most `duration`.
    pub real_duration: Option<Span>,
    /// Whether it agrees to be preempted.
    pub preemptible: bool,
    /// What its VMs boot from.
    pub software: Software,
    /// Who asks, if that is known.
    pub user: Option<u64>,
    /// Hundredths of the CPU it asks for that are promised it, 1 to 100: less than
    /// [`WHOLE`](Self::WHOLE) where hosts are overbooked.
    pub promised_percent: i64,
    /// Further attributes of the file, kept as they are.
    pub extras: Vec<(String, String)>,
}

impl LeaseRequest {
    /// All of the CPU that a lease asks for, in hundredths.
    pub const WHOLE: i64 = 100;

    /// How long it really is.
    pub fn length(&self) -> Span {
        self.real_duration.map_or(self.duration, |real| real.min(self.duration))
    }

    /// How many VMs it has.
    pub fn vms(&self) -> usize {
        self.nodes.iter().map(|set| set.count as usize).sum()
    }

    /// CPU and memory that are promised to all its VMs.
    pub fn total(&self) -> [i64; 2] {
        let sum = |k: usize| {
            let sets = self.nodes.iter();
            sets.map(|set| self.promised(set)[k] * i64::from(set.count)).sum()
        };
        [sum(CPU), sum(MEMORY)]
    }

    /// What is promised to each VM of `set`.
    pub fn promised(&self, set: &NodeSet) -> Amounts {
        let mut need = set.need;
        if self.promised_percent < Self::WHOLE {
            need[CPU] = (need[CPU] * self.promised_percent + Self::WHOLE - 1) / Self::WHOLE;
        }
        need
    }

    /// What is promised to each VM, in the order of the VMs.
    pub fn needs(&self) -> impl Iterator<Item = Amounts> + '_ {
        let sets = self.nodes.iter();
        sets.flat_map(|set| std::iter::repeat_n(self.promised(set), set.count as usize))
    }

    /// What each VM asks for, in the order of the VMs.
    pub fn asked(&self) -> impl Iterator<Item = Amounts> + '_ {
        self.nodes.iter().flat_map(|set| std::iter::repeat_n(set.need, set.count as usize))
    }

    /// The VMs of the fleet that stand for its VMs.
    ///
    /// A VM has a core for every 100 hundredths begun. Where each core is a VM of the fleet, they
    /// share its CPU as evenly as whole numbers can, and its memory goes with the first.
    pub fn guests(&self, each: Guests) -> impl Iterator<Item = Guest> + '_ {
        self.asked().enumerate().flat_map(move |(node, need)| {
            let cores = (need[CPU] + CORE - 1).div_euclid(CORE).max(1);
            let (parts, cores) = match each {
                Guests::Cores => (cores, 1),
                Guests::Vms => (1, cores),
            };
            (0..parts).map(move |part| Guest {
                node,
                cpu: need[CPU] / parts + i64::from(part < need[CPU] % parts),
                memory: if part == 0 { need[MEMORY] } else { 0 },
                cores: cores as u32,
            })
        })
    }

    /// The sets, by position, whose VMs run before those of `set` begin.
    pub fn before(&self, set: &NodeSet) -> Vec<usize> {
        let named = |name: &String| {
            self.nodes.iter().position(|other| other.part.name.as_ref() == Some(name))
        };
        set.part.after.iter().filter_map(named).collect()
    }

    /// Whether some of its VMs begin after others.
    pub fn is_ordered(&self) -> bool {
        self.nodes.iter().any(|set| !set.part.after.is_empty())
    }

    /// The rules between its VMs, if there are any.
    pub fn company(&self) -> Option<Company> {
        Company::of(&self.nodes)
    }

    /// Whether it starts exactly when it says.
    pub fn is_reservation(&self) -> bool {
        matches!(self.kind, LeaseKind::AdvanceReservation { .. })
    }

    /// Whether it waits in the queue.
    pub fn is_best_effort(&self) -> bool {
        self.kind == LeaseKind::BestEffort
    }
}

/// What the VMs of the fleet stand for where leases carry load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guests {
    /// The cores of the VMs of leases; those of one VM stay on one host.
    #[default]
    Cores,
    /// The VMs of leases, which policies may move.
    Vms,
}

/// A VM of the fleet that stands for a VM of a lease, or for a core of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest {
    /// Which VM of its lease.
    pub node: usize,
    /// CPU that it asks for, hundredths of a core.
    pub cpu: i64,
    /// Memory that it asks for, MB.
    pub memory: i64,
    /// How many cores it has.
    pub cores: u32,
}

/// The hosts that leases run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Names of the resources of the site, by position: the five known ones first.
    pub resources: Vec<String>,
    /// What each host has.
    pub hosts: Vec<Amounts>,
}

/// What a host has of disk and network where the site does not say.
const PLENTY: i64 = 1_000_000;

impl Site {
    /// `hosts` equal hosts with `cpu` hundredths of a core and `memory` MB each.
    pub fn uniform(hosts: usize, cpu: i64, memory: i64) -> Self {
        let mut amounts = [0; RESOURCES];
        (amounts[CPU], amounts[MEMORY]) = (cpu, memory);
        [amounts[DISK], amounts[NET_IN], amounts[NET_OUT]] = [PLENTY; 3];
        let resources = KNOWN_RESOURCES.map(str::to_owned).to_vec();
        Self { resources, hosts: vec![amounts; hosts] }
    }

    /// Fills in disk and network where nothing was said of them.
    pub fn with_plenty(mut self) -> Self {
        for host in &mut self.hosts {
            for resource in [DISK, NET_IN, NET_OUT] {
                if host[resource] == 0 {
                    host[resource] = PLENTY;
                }
            }
        }
        self
    }

    /// What all hosts have together.
    pub fn total(&self) -> Amounts {
        let sum = |k: usize| self.hosts.iter().map(|host| host[k]).sum();
        std::array::from_fn(sum)
    }
}

/// Leases to come, in the order of their arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// The name of the workload.
    pub name: String,
    /// What it is, in the words of its author.
    pub description: String,
    /// Further attributes of the file.
    pub attributes: Vec<(String, String)>,
    /// The site, if the file describes one.
    pub site: Option<Site>,
    /// The leases by arrival; those of one instant in the order of the file.
    pub leases: Vec<LeaseRequest>,
    /// Names of the disk images.
    pub images: Vec<String>,
}

impl Workload {
    /// The row of the image called `name`, which is added if it is new.
    pub fn image(&mut self, name: &str) -> u32 {
        let row = self.images.iter().position(|known| known == name).unwrap_or_else(|| {
            self.images.push(name.to_owned());
            self.images.len() - 1
        });
        row as u32
    }

    /// Numbers the images in the order in which leases name them, as who reads its file does.
    pub fn number_images(&mut self) {
        let (names, mut leases) =
            (std::mem::take(&mut self.images), std::mem::take(&mut self.leases));
        for lease in &mut leases {
            if let Software::Image { image, .. } = &mut lease.software {
                *image = self.image(&names[*image as usize]);
            }
        }
        self.leases = leases;
    }

    /// Merges `other` into this one by arrival; at one instant the leases of `self` come first.
    pub fn merge(&mut self, other: Self) {
        let images: Vec<u32> = other.images.iter().map(|name| self.image(name)).collect();
        for mut lease in other.leases {
            if let Software::Image { image, .. } = &mut lease.software {
                *image = images[*image as usize];
            }
            self.leases.push(lease);
        }
        self.leases.sort_by_key(|lease| lease.arrival);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cpu: i64, memory: i64) -> LeaseRequest {
        let mut need = Amounts::default();
        (need[CPU], need[MEMORY]) = (cpu, memory);
        LeaseRequest {
            number: 1,
            arrival: Instant::START,
            kind: LeaseKind::BestEffort,
            nodes: vec![NodeSet::new(2, need)],
            duration: Span::from_seconds(60.0),
            real_duration: None,
            preemptible: true,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        }
    }

    /// 250 hundredths are 3 cores of 84, 83 and 83.
    #[test]
    fn a_vm_of_several_cores_shares_its_cpu_among_them() {
        let request = request(250, 512);
        let cores: Vec<_> = request.guests(Guests::Cores).collect();
        let part = |node, cpu, memory| Guest { node, cpu, memory, cores: 1 };
        let of = |node| [part(node, 84, 512), part(node, 83, 0), part(node, 83, 0)];
        assert_eq!(cores, [of(0), of(1)].concat());
        let whole = |node| Guest { node, cpu: 250, memory: 512, cores: 3 };
        assert_eq!(request.guests(Guests::Vms).collect::<Vec<_>>(), [whole(0), whole(1)]);
    }

    /// Named are c, a and c again: c is the first, and b, which none names, is gone.
    #[test]
    fn images_are_numbered_as_they_are_named() {
        let named = |image| {
            let software = Software::Image { image, size: 600 };
            LeaseRequest { software, ..request(100, 512) }
        };
        let mut workload = Workload {
            images: ["a", "b", "c"].map(String::from).to_vec(),
            leases: vec![named(2), request(100, 512), named(0), named(2)],
            ..Workload::default()
        };
        workload.number_images();
        assert_eq!(workload.images, ["c", "a"]);
        let numbers = workload.leases.iter().map(|lease| match lease.software {
            Software::Image { image, .. } => Some(image),
            _ => None,
        });
        assert_eq!(numbers.collect::<Vec<_>>(), [Some(0), None, Some(1), Some(0)]);
    }
}
