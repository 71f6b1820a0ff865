//! The hosts and VMs of a run as columns, and the machine and VM types they are made of.
//!
//! Machines come from the [catalogue](super::catalogue), or are described in a spec; the four
//! single-core VM types are those of Beloglazov and Buyya, Concurrency Computat.: Pract. Exper.
//! 24(13), 2012, sect. 7.

use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, HostModel};
use super::resources::Resources;
use crate::id::{HostId, Id, IdVec, VmId};
use crate::units::{Bytes, BytesPerSecond, Mips, Watts};

/// How many equal load steps a measured power table has.
pub const POWER_STEPS: usize = 10;

/// A kind of host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Catalogue name, e.g. `hp-ml110-g4`.
    pub name: String,
    /// CPU cores; each core of a VM is served by at most one of them at a time.
    pub cores: u32,
    /// Rate of one core.
    pub core_mips: Mips,
    /// Memory.
    pub ram: Bytes,
    /// Disk for its VMs, where it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Bytes>,
    /// Network for its VMs in each direction, where it is limited; migrations have theirs apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<BytesPerSecond>,
    /// Power at 0, 10, .., 100 % load.
    pub power: [Watts; POWER_STEPS + 1],
}

impl Machine {
    /// Rate of all cores together.
    pub fn capacity(&self) -> Mips {
        self.core_mips * f64::from(self.cores)
    }

    /// The machine called `name` in the bundled catalogue with `ram` of memory and no limits of
    /// disk and network, `None` if there is none.
    pub fn named(name: &str, ram: Bytes) -> Option<Self> {
        Catalogue::bundled().host(name).map(|host| Self::of(host, ram))
    }

    /// A `host` with `ram` of memory and no limits of disk and network.
    pub fn of(host: &HostModel, ram: Bytes) -> Self {
        let (core_mips, power) = (Mips(host.core_mips), host.watts.map(Watts));
        let (name, cores) = (host.name.clone(), host.cores);
        Self { name, cores, core_mips, ram, disk: None, net: None, power }
    }

    /// The two machines of the published experiment.
    pub const PUBLISHED: [&str; 2] = ["hp-ml110-g4", "hp-ml110-g5"];
}

/// A kind of VM.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VmType {
    /// Rate it may ask for at most, all cores together.
    pub mips: Mips,
    /// Cores, at least 1, which share what it asks for evenly.
    pub cores: u32,
    /// Memory.
    pub ram: Bytes,
    /// Disk.
    pub disk: Bytes,
    /// Network in each direction, whole bytes per second.
    pub net: BytesPerSecond,
}

impl VmType {
    /// A type of one core that takes CPU and memory and nothing else that could run out.
    pub const fn new(mips: Mips, ram: Bytes) -> Self {
        Self { mips, cores: 1, ram, disk: Bytes(0), net: BytesPerSecond(0.0) }
    }

    /// The four types of the published experiment: high-CPU medium, extra large, small, micro.
    pub const PUBLISHED: [Self; 4] = [
        Self::new(Mips(2500.0), Bytes::from_mb(870)),
        Self::new(Mips(2000.0), Bytes::from_mb(1740)),
        Self::new(Mips(1000.0), Bytes::from_mb(1740)),
        Self::new(Mips(500.0), Bytes::from_mb(613)),
    ];
}

/// All hosts and VMs of a run, one row each.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// The machine types in use.
    pub machines: Vec<Machine>,
    /// Index into `machines`, per host.
    pub machine: IdVec<HostId, u16>,
    /// CPU capacity, per host.
    pub capacity: IdVec<HostId, Mips>,
    /// Rate of one core, per host.
    pub core: IdVec<HostId, Mips>,
    /// Memory, per host.
    pub host_ram: IdVec<HostId, Bytes>,
    /// Disk for VMs, per host; `None` where it has no limit.
    pub host_disk: IdVec<HostId, Option<Bytes>>,
    /// Network for VMs, per host; `None` where it has no limit.
    pub host_net: IdVec<HostId, Option<BytesPerSecond>>,
    /// Nominal rate, per VM.
    pub vm_mips: IdVec<VmId, Mips>,
    /// Cores, a whole number, per VM.
    pub vm_cores: IdVec<VmId, f64>,
    /// Memory, per VM.
    pub vm_ram: IdVec<VmId, Bytes>,
    /// Disk, per VM.
    pub vm_disk: IdVec<VmId, Bytes>,
    /// Network, per VM.
    pub vm_net: IdVec<VmId, BytesPerSecond>,
    /// Row of the trace that drives it, per VM.
    pub trace_row: IdVec<VmId, usize>,
}

impl Fleet {
    /// A fleet whose host `i` is a `machines[pattern[i]]`, without VMs.
    pub fn of_hosts(machines: Vec<Machine>, pattern: impl IntoIterator<Item = u16>) -> Self {
        let mut fleet = Self { machines, ..Self::default() };
        for index in pattern {
            let machine = &fleet.machines[usize::from(index)];
            fleet.machine.push(index);
            fleet.capacity.push(machine.capacity());
            fleet.core.push(machine.core_mips);
            fleet.host_ram.push(machine.ram);
            fleet.host_disk.push(machine.disk);
            fleet.host_net.push(machine.net);
        }
        fleet
    }

    /// Adds one VM per entry of `rows`: VM `i` replays trace row `rows[i]` and, as in the published
    /// experiment, the types follow each other in equal blocks: type `i / ceil(n / types)`.
    pub fn add_vms_in_blocks(&mut self, types: &[VmType], rows: &[usize]) {
        let block = rows.len().div_ceil(types.len()).max(1);
        for (i, &row) in rows.iter().enumerate() {
            self.add_vm(types[i / block], row);
        }
    }

    /// Adds a VM of type `kind` that replays trace row `row`.
    pub fn add_vm(&mut self, kind: VmType, row: usize) -> VmId {
        self.vm_mips.push(kind.mips);
        self.vm_cores.push(f64::from(kind.cores.max(1)));
        self.vm_ram.push(kind.ram);
        self.vm_disk.push(kind.disk);
        self.vm_net.push(kind.net);
        self.trace_row.push(row);
        VmId::from_index(self.vms() - 1)
    }

    /// What `host` has of every resource.
    pub fn capacities(&self, host: HostId) -> Resources {
        Resources {
            cpu: self.capacity[host].0,
            ram: self.host_ram[host].0 as f64,
            disk: self.host_disk[host].map_or(f64::INFINITY, |disk| disk.0 as f64),
            net: self.host_net[host].map_or(f64::INFINITY, |net| net.0),
        }
    }

    /// The most of each resource that any host has; infinite where no host limits it.
    pub fn largest(&self) -> Resources {
        let most = |of: fn(&Resources) -> f64| {
            let all = self.capacity.ids().map(|host| of(&self.capacities(host)));
            all.filter(|amount| amount.is_finite()).reduce(f64::max).unwrap_or(f64::INFINITY)
        };
        Resources {
            cpu: most(|r| r.cpu),
            ram: most(|r| r.ram),
            disk: most(|r| r.disk),
            net: most(|r| r.net),
        }
    }

    /// What `vm` takes of its host while it asks for `demand` MIPS.
    #[inline]
    pub fn needs(&self, vm: VmId, demand: f64) -> Resources {
        Resources {
            cpu: demand,
            ram: self.vm_ram[vm].0 as f64,
            disk: self.vm_disk[vm].0 as f64,
            net: self.vm_net[vm].0,
        }
    }

    /// MIPS that `vm` asks of each of its cores while it asks for `demand` MIPS.
    #[inline]
    pub fn per_core(&self, vm: VmId, demand: f64) -> f64 {
        demand / self.vm_cores[vm]
    }

    /// The most that `host` can give `vm`, MIPS: one core for each of the VM's.
    #[inline]
    pub fn most_served(&self, vm: VmId, host: HostId) -> f64 {
        self.core[host].0 * self.vm_cores[vm]
    }

    /// The machine type of `host`.
    pub fn machine_of(&self, host: HostId) -> &Machine {
        &self.machines[usize::from(self.machine[host])]
    }
    /// How many hosts.
    pub fn hosts(&self) -> usize {
        self.machine.len()
    }
    /// How many VMs.
    pub fn vms(&self) -> usize {
        self.vm_mips.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10 VMs in 4 blocks of ceil(10 / 4) = 3: types 0 0 0 1 1 1 2 2 2 3.
    #[test]
    fn vm_types_follow_in_equal_blocks() {
        let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
        let mut fleet = Fleet::of_hosts(vec![g5], [0, 0]);
        fleet.add_vms_in_blocks(&VmType::PUBLISHED, &(0..10).collect::<Vec<_>>());
        let mips: Vec<f64> = fleet.vm_mips.as_slice().iter().map(|m| m.0).collect();
        assert_eq!(mips[..4], [2500.0, 2500.0, 2500.0, 2000.0]);
        assert_eq!(mips[6..], [1000.0, 1000.0, 1000.0, 500.0]);
        assert_eq!(fleet.capacity[HostId(1)], Mips(5320.0));
    }

    #[test]
    fn a_resource_of_which_the_machine_states_nothing_has_no_limit() {
        let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
        let small = Machine { disk: Some(Bytes(7)), net: Some(BytesPerSecond(9.0)), ..g5.clone() };
        let mut fleet = Fleet::of_hosts(vec![g5, small], [0, 1]);
        let [free, small] = [0, 1].map(|host| fleet.capacities(HostId(host)));
        assert_eq!((free.cpu, free.ram, free.disk), (5320.0, 32e0 * 2f64.powi(30), f64::INFINITY));
        assert_eq!((small.disk, small.net), (7.0, 9.0));
        assert_eq!((fleet.largest().cpu, fleet.largest().disk), (5320.0, 7.0));
        let kind = VmType { disk: Bytes(3), ..VmType::new(Mips(500.0), Bytes(2)) };
        let vm = fleet.add_vm(kind, 0);
        let expected = Resources { cpu: 50.0, ram: 2.0, disk: 3.0, net: 0.0 };
        assert_eq!(fleet.needs(vm, 50.0), expected);
    }
}
