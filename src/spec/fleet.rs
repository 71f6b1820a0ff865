//! `[fleet]`: which hosts and VMs there are.

use serde::{Deserialize, Serialize};

use crate::model::{Fleet, Machine, VmType};
use crate::problem::{Problem, suggestion};
use crate::random::{permutation, stream};
use crate::units::{Bytes, Mips};

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
        let mb = |bytes: Bytes| bytes.0 / 1_000_000;
        let published = VmType::PUBLISHED.iter();
        let vms = published.map(|t| VmSpec { mips: t.mips.0, ram_mb: mb(t.ram) }).collect();
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
}

impl HostBlock {
    fn default_ram_gib() -> u64 {
        32
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
}

impl FleetSpec {
    /// The fleet whose VM `i` replays trace row `i`, permuted by `seed` unless that is 0.
    pub fn build(&self, vms: usize, seed: u64) -> Fleet {
        let mut fleet = self.hosts();
        let rows = match seed {
            0 => (0..vms).collect(),
            _ => permutation(vms, &mut stream(seed, "fleet.trace-rows")),
        };
        let types: Vec<VmType> = self
            .vms
            .iter()
            .map(|vm| VmType { mips: Mips(vm.mips), ram: Bytes::from_mb(vm.ram_mb) })
            .collect();
        fleet.add_vms_in_blocks(&types, &rows);
        fleet
    }

    fn hosts(&self) -> Fleet {
        if self.hosts.is_empty() {
            let machine = |name| Machine::named(name, self.preset.ram());
            let machines = Machine::CATALOGUE.into_iter().filter_map(machine).collect();
            return Fleet::of_hosts(machines, (0..800).map(|host| host % 2));
        }
        let machine = |block: &HostBlock| {
            Machine::named(&block.machine, Bytes::from_gib(block.ram_gib))
                .expect("limits are checked before building")
        };
        let machines = self.hosts.iter().map(machine).collect();
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
            if block.count == 0 || block.ram_gib == 0 {
                let at = place(&format!("[fleet] hosts[{i}]"));
                let what = "count and ram-gib must be at least 1";
                problems.push(Problem::new("GLN-203", at, what, "Write positive numbers"));
            }
        }
        if self.vms.is_empty() {
            let what = "there must be at least one VM type";
            let remedy = "Write e.g. vms = [{ mips = 1000, ram-mb = 1740 }] or leave the key out";
            problems.push(Problem::new("GLN-203", place("[fleet] vms"), what, remedy));
        }
        for (i, vm) in self.vms.iter().enumerate() {
            if !(vm.mips > 0.0 && vm.mips.is_finite()) || vm.ram_mb == 0 {
                let at = place(&format!("[fleet] vms[{i}]"));
                let what = "mips and ram-mb must be above 0";
                problems.push(Problem::new("GLN-203", at, what, "Write positive numbers"));
            }
        }
        problems
    }
}
