//! `[fleet]`: which hosts and VMs there are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::fleet::POWER_STEPS;
use crate::model::{Catalogue, Fleet, HostModel, Machine, VmType};
use crate::problem::{Problem, suggestion};
use crate::random::{permutation, stream};
use crate::units::{Bytes, BytesPerSecond, Mips};

/// `[fleet]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FleetSpec {
    /// A ready-made set of hosts; not used when `hosts` is given.
    pub preset: Preset,
    /// Hosts in blocks, ids in the order given.
    pub hosts: Vec<HostBlock>,
    /// VM types; the VMs are divided into equal blocks, one per type, unless types say how many
    /// there are of each.
    pub vms: Vec<VmSpec>,
    /// A file of machines and instance types of one's own, looked up when the spec is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<PathBuf>,
}

impl Default for FleetSpec {
    fn default() -> Self {
        let vms = VmType::PUBLISHED.iter().map(VmSpec::of).collect();
        Self { preset: Preset::Ml11032g, hosts: Vec::new(), vms, catalogue: None }
    }
}

/// 400 HP ProLiant ML110 G4 and 400 G5, alternating, with different memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preset {
    /// 32 GiB: CPU is the scarce resource.
    #[serde(rename = "ml110-32g")]
    Ml11032g,
    /// 8 GiB: memory is scarce as well.
    #[serde(rename = "ml110-8g")]
    Ml1108g,
    /// 4096 MB: the published experiment, which enforces memory only at the start.
    #[serde(rename = "ml110-4g")]
    Ml1104g,
}

impl Preset {
    fn ram(self) -> Bytes {
        match self {
            Self::Ml11032g => Bytes::from_gib(32),
            Self::Ml1108g => Bytes::from_gib(8),
            Self::Ml1104g => Bytes::from_mb(4096),
        }
    }
}

/// Equal hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostBlock {
    /// Its name in the catalogue, or any if cores, rate and watts are given.
    pub machine: String,
    /// How many.
    pub count: usize,
    /// Memory of each, GiB.
    #[serde(default = "HostBlock::default_ram_gib")]
    pub ram_gib: u64,
    /// Disk for VMs of each, GiB; without it disk is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_gib: Option<u64>,
    /// Network for VMs of each in each direction, Mbit/s; without it network is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_mbit_s: Option<f64>,
    /// CPU cores of a machine that is in no catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Rate of a core of such a machine, MIPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_mips: Option<f64>,
    /// Its watts at 0, 10, .., 100 % load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<[f64; POWER_STEPS + 1]>,
}

impl HostBlock {
    fn default_ram_gib() -> u64 {
        32
    }

    fn machine(&self) -> Machine {
        let host = self.host().expect("limits are checked before building");
        let machine = Machine::of(&host, Bytes::from_gib(self.ram_gib));
        let (disk, net) = (self.disk_gib.map(Bytes::from_gib), self.net_mbit_s.map(rate));
        Machine { disk, net, ..machine }
    }

    /// What kind of host it is: as described, or else as the bundled catalogue says.
    fn host(&self) -> Option<HostModel> {
        if self.describes_nothing() {
            return Catalogue::bundled().host(&self.machine).cloned();
        }
        let (name, empty) = (self.machine.clone(), String::new());
        let (cores, core_mips, watts) = (self.cores?, self.core_mips?, self.watts?);
        Some(HostModel { name, title: empty.clone(), cores, core_mips, watts, source: empty })
    }

    /// Whether it leaves cores, rate and watts to the catalogue.
    pub(super) fn describes_nothing(&self) -> bool {
        self.cores.is_none() && self.core_mips.is_none() && self.watts.is_none()
    }

    /// Describes it as `host`.
    pub(super) fn describe(&mut self, host: &HostModel) {
        (self.cores, self.core_mips) = (Some(host.cores), Some(host.core_mips));
        self.watts = Some(host.watts);
    }

    /// What is wrong with how its machine is given.
    fn machine_problems(&self, at: &str) -> Vec<Problem> {
        if self.describes_nothing() {
            let known = || Catalogue::bundled().hosts.iter().map(|host| host.name.as_str());
            if known().any(|name| name == self.machine) {
                return Vec::new();
            }
            let hint = suggestion(&self.machine, known());
            let what = format!("unknown machine `{}`{hint}", self.machine);
            let names = known().collect::<Vec<_>>().join(", ");
            let remedy = format!("Use one of {names}, or name a catalogue of your own");
            return vec![Problem::new("GLN-204", format!("{at}.machine"), what, remedy)];
        }
        let Some(host) = self.host() else {
            let what = "a machine of one's own needs cores, core-mips and watts";
            return vec![Problem::new("GLN-203", at, what, "Write all three, or none of them")];
        };
        let mut described = Catalogue::default();
        described.hosts.push(host);
        let wrong =
            |(_, what): (String, &str)| Problem::new("GLN-203", at, what, "Write positive numbers");
        described.faults().into_iter().map(wrong).collect()
    }
}

/// A VM type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VmSpec {
    /// Its instance type, which says what is not given here: a VM is one vCPU of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// How many there are; instances, where each has several vCPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// VMs that each of them is: one per vCPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// Nominal rate, MIPS.
    #[serde(default)]
    pub mips: f64,
    /// Memory, MB of 10^6 bytes.
    #[serde(default)]
    pub ram_mb: u64,
    /// Disk, MB of 10^6 bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disk_mb: u64,
    /// Network in each direction, Mbit/s.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub net_mbit_s: f64,
}

impl VmSpec {
    fn kind(&self) -> VmType {
        VmType {
            mips: Mips(self.mips),
            cores: 1,
            ram: Bytes::from_mb(self.ram_mb),
            disk: Bytes::from_mb(self.disk_mb),
            net: rate(self.net_mbit_s),
        }
    }

    /// The spec of `kind`.
    fn of(kind: &VmType) -> Self {
        let mb = |bytes: Bytes| bytes.0 / 1_000_000;
        let net_mbit_s = kind.net.0 / BYTES_PER_MBIT;
        let (mips, ram_mb, disk_mb) = (kind.mips.0, mb(kind.ram), mb(kind.disk));
        Self { instance: None, count: None, vcpus: None, mips, ram_mb, disk_mb, net_mbit_s }
    }

    /// Whether it says all by itself.
    pub(super) fn is_whole(&self) -> bool {
        self.mips != 0.0 && self.ram_mb != 0 && self.count.is_some() == self.vcpus.is_some()
    }

    /// How many VMs of it there are, where that is said.
    pub(super) fn vms(&self) -> Option<usize> {
        self.count.map(|count| count * self.vcpus.unwrap_or(1) as usize)
    }
}

/// Bytes per second that one Mbit/s makes.
const BYTES_PER_MBIT: f64 = 125_000.0;

/// Most memory or disk of a host, GiB: 2^53 bytes, up to which whole numbers are exact as doubles.
const MOST_GIB: u64 = 1 << 23;

/// Most memory or disk of a VM, MB: as much.
const MOST_MB: u64 = (1 << 53) / 1_000_000;

/// Most VMs of a type.
const MOST_VMS: usize = 10_000_000;

/// Whole bytes per second, so that rates add up exactly.
fn rate(mbit_s: f64) -> BytesPerSecond {
    BytesPerSecond((mbit_s * BYTES_PER_MBIT).round())
}

/// Whether a key may be left out of the resolved spec.
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl FleetSpec {
    /// The fleet whose VM `i` replays trace row `i` of so many `rows`, permuted by `seed` unless
    /// that is 0. Without counts of types it has a VM for each row; with them rows are replayed
    /// again by VMs beyond the last.
    pub fn build(&self, rows: usize, seed: u64) -> Fleet {
        let mut fleet = self.hosts();
        let rows: Vec<usize> = match seed {
            0 => (0..rows).collect(),
            _ => permutation(rows, &mut stream(seed, "fleet.trace-rows")),
        };
        if self.counts_types() {
            let counted = |vm: &VmSpec| std::iter::repeat_n(vm.kind(), vm.vms().unwrap_or(0));
            let kinds = self.vms.iter().flat_map(counted);
            for (kind, &row) in kinds.zip(rows.iter().cycle()) {
                fleet.add_vm(kind, row);
            }
            return fleet;
        }
        let types: Vec<VmType> = self.vms.iter().map(VmSpec::kind).collect();
        fleet.add_vms_in_blocks(&types, &rows);
        fleet
    }

    /// How many hosts it has.
    pub fn count(&self) -> usize {
        if self.hosts.is_empty() { 800 } else { self.hosts.iter().map(|block| block.count).sum() }
    }

    /// Whether it says how many VMs of each type there are.
    pub(super) fn counts_types(&self) -> bool {
        self.vms.iter().any(|vm| vm.count.is_some())
    }

    /// Its hosts, without VMs.
    pub(super) fn hosts(&self) -> Fleet {
        if self.hosts.is_empty() {
            let machine = |name| Machine::named(name, self.preset.ram());
            let machines = Machine::PUBLISHED.into_iter().filter_map(machine).collect();
            return Fleet::of_hosts(machines, (0..800).map(|host| host % 2));
        }
        let machines = self.hosts.iter().map(HostBlock::machine).collect();
        let pattern = self.hosts.iter().enumerate();
        Fleet::of_hosts(machines, pattern.flat_map(|(i, b)| vec![i as u16; b.count]))
    }

    /// What is wrong with the values.
    pub(super) fn problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (i, block) in self.hosts.iter().enumerate() {
            let at = place(&format!("[fleet] hosts[{i}]"));
            problems.extend(block.machine_problems(&at));
            let net = block.net_mbit_s.unwrap_or(1.0);
            let sizes = [block.ram_gib, block.disk_gib.unwrap_or(1)];
            let sized = sizes.iter().all(|gib| (1..=MOST_GIB).contains(gib));
            if block.count == 0 || !sized || !(net > 0.0 && net.is_finite()) {
                let what = format!(
                    "count must be at least 1, ram-gib and disk-gib 1 to {MOST_GIB}, net-mbit-s \
                     above 0"
                );
                let remedy = "Write positive numbers; leave out what is not limited";
                problems.push(Problem::new("GLN-203", at, what, remedy));
            }
        }
        problems.extend(self.vm_problems(place));
        problems
    }

    /// What is wrong with the VM types.
    fn vm_problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.vms.is_empty() {
            let what = "there must be at least one VM type";
            let remedy = "Write e.g. vms = [{ mips = 1000, ram-mb = 1740 }] or leave the key out";
            problems.push(Problem::new("GLN-203", place("[fleet] vms"), what, remedy));
        }
        for (i, vm) in self.vms.iter().enumerate() {
            let net_is_real = vm.net_mbit_s >= 0.0 && vm.net_mbit_s.is_finite();
            let sized = (1..=MOST_MB).contains(&vm.ram_mb) && vm.disk_mb <= MOST_MB;
            if !(vm.mips > 0.0 && vm.mips.is_finite() && sized && net_is_real) {
                let at = place(&format!("[fleet] vms[{i}]"));
                let what = format!(
                    "mips must be above 0, ram-mb 1 to {MOST_MB}, disk-mb 0 to {MOST_MB}, \
                     net-mbit-s at least 0"
                );
                problems.push(Problem::new("GLN-203", at, what, "Write positive numbers"));
            }
            let at = || place(&format!("[fleet] vms[{i}].count"));
            if vm.count.is_some() != self.counts_types() {
                let what = "other VM types say how many there are of them";
                problems.push(Problem::new("GLN-203", at(), what, "Write count in all, or none"));
            }
            let vms = vm.vms().unwrap_or(1);
            if !(1..=MOST_VMS).contains(&vms) || (vm.vcpus.is_some() && vm.count.is_none()) {
                let what = format!("count x vcpus must be 1 to {MOST_VMS}");
                let remedy = "Write e.g. { instance = \"m1.large\", count = 3 }";
                problems.push(Problem::new("GLN-203", at(), what, remedy));
            }
        }
        problems
    }
}
