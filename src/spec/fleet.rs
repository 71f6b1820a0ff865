//! `[fleet]`: which hosts and VMs there are.

use serde::{Deserialize, Serialize};

use crate::model::{Fleet, Machine, VmType};
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
    /// VM types; the VMs are divided into equal blocks, one per type.
    pub vms: Vec<VmSpec>,
}

impl Default for FleetSpec {
    fn default() -> Self {
        let vms = VmType::PUBLISHED.iter().map(VmSpec::of).collect();
        Self { preset: Preset::Ml11032g, hosts: Vec::new(), vms }
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
    /// Machine name, see `Machine::CATALOGUE`.
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
}

impl HostBlock {
    fn default_ram_gib() -> u64 {
        32
    }

    fn machine(&self) -> Machine {
        let machine = Machine::named(&self.machine, Bytes::from_gib(self.ram_gib))
            .expect("limits are checked before building");
        let (disk, net) = (self.disk_gib.map(Bytes::from_gib), self.net_mbit_s.map(rate));
        Machine { disk, net, ..machine }
    }
}

/// A VM type.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VmSpec {
    /// Nominal rate, MIPS.
    pub mips: f64,
    /// Memory, MB of 10^6 bytes.
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
        Self { mips: kind.mips.0, ram_mb: mb(kind.ram), disk_mb: mb(kind.disk), net_mbit_s }
    }
}

/// Bytes per second that one Mbit/s makes.
const BYTES_PER_MBIT: f64 = 125_000.0;

/// Most memory or disk of a host, GiB: 2^53 bytes, up to which whole numbers are exact as doubles.
const MOST_GIB: u64 = 1 << 23;

/// Most memory or disk of a VM, MB: as much.
const MOST_MB: u64 = (1 << 53) / 1_000_000;

/// Whole bytes per second, so that rates add up exactly.
fn rate(mbit_s: f64) -> BytesPerSecond {
    BytesPerSecond((mbit_s * BYTES_PER_MBIT).round())
}

/// Whether a key may be left out of the resolved spec.
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl FleetSpec {
    /// The fleet whose VM `i` replays trace row `i`, permuted by `seed` unless that is 0.
    pub fn build(&self, vms: usize, seed: u64) -> Fleet {
        let mut fleet = self.hosts();
        let rows = match seed {
            0 => (0..vms).collect(),
            _ => permutation(vms, &mut stream(seed, "fleet.trace-rows")),
        };
        let types: Vec<VmType> = self.vms.iter().map(VmSpec::kind).collect();
        fleet.add_vms_in_blocks(&types, &rows);
        fleet
    }

    /// How many hosts it has.
    pub fn count(&self) -> usize {
        if self.hosts.is_empty() { 800 } else { self.hosts.iter().map(|block| block.count).sum() }
    }

    /// Its hosts, without VMs.
    pub(super) fn hosts(&self) -> Fleet {
        if self.hosts.is_empty() {
            let machine = |name| Machine::named(name, self.preset.ram());
            let machines = Machine::CATALOGUE.into_iter().filter_map(machine).collect();
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
            if !Machine::CATALOGUE.contains(&block.machine.as_str()) {
                let hint = suggestion(&block.machine, Machine::CATALOGUE);
                let what = format!("unknown machine `{}`{hint}", block.machine);
                let remedy = format!("Use one of {}", Machine::CATALOGUE.join(", "));
                let at = place(&format!("[fleet] hosts[{i}].machine"));
                problems.push(Problem::new("GLN-204", at, what, remedy));
            }
            let net = block.net_mbit_s.unwrap_or(1.0);
            let sizes = [block.ram_gib, block.disk_gib.unwrap_or(1)];
            let sized = sizes.iter().all(|gib| (1..=MOST_GIB).contains(gib));
            if block.count == 0 || !sized || !(net > 0.0 && net.is_finite()) {
                let at = place(&format!("[fleet] hosts[{i}]"));
                let what = format!(
                    "count must be at least 1, ram-gib and disk-gib 1 to {MOST_GIB}, net-mbit-s \
                     above 0"
                );
                let remedy = "Write positive numbers; leave out what is not limited";
                problems.push(Problem::new("GLN-203", at, what, remedy));
            }
        }
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
        }
        problems
    }
}
