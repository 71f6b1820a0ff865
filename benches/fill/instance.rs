//! The instance "First Fit fill": how quickly is a data centre filled?
//!
//! Hosts of 144 CPUs and 204,800 MB; VMs requested all at once, CPU uniform in {1, 2, 4, 8}, memory
//! uniform in {512, 1024, 2048} MB, full load. One MIPS stands for one CPU; a VM runs on as many
//! CPUs as it asks for, so that the host is one fast core.
//!
//! Source: the sizes of hosts and VMs in the IaaS benchmark of DSLab.

use galerna::detect::Never;
use galerna::id::{HostId, IdVec, VmId};
use galerna::model::{Fleet, Machine, Snapshot, VmHistories, VmType};
use galerna::place::{Ask, Draft, HistoryKind, HostSet, Outcome, PlacerSpec, Placing};
use galerna::random::{below, stream};
use galerna::time::Instant;
use galerna::units::{Bytes, Mips, Watts};

/// Hosts, and VMs that wait for one.
pub struct Fill {
    pub fleet: Fleet,
    demand: IdVec<VmId, f64>,
    histories: VmHistories,
    utilisation: IdVec<HostId, f64>,
}

impl Fill {
    /// `hosts` hosts and `vms` VMs.
    pub fn new(hosts: usize, vms: usize) -> Self {
        let machine = Machine {
            name: "144-cpus".into(),
            cores: 1,
            core_mips: Mips(144.0),
            ram: Bytes::from_mb(204_800),
            disk: None,
            net: None,
            power: std::array::from_fn(|tenth| Watts(100.0 + 10.0 * tenth as f64)),
        };
        let mut fleet = Fleet::of_hosts(vec![machine], std::iter::repeat_n(0, hosts));
        let mut random = stream(0, "bench.fill");
        for _ in 0..vms {
            let cpus = 1u32 << below(4, &mut random);
            let ram = Bytes::from_mb(512 << below(3, &mut random));
            fleet.add_vm(VmType::new(Mips(cpus.into()), ram), 0);
        }
        let demand = fleet.vm_mips.as_slice().iter().map(|mips| mips.0).collect();
        let histories = VmHistories::new(vms);
        Self { fleet, demand, histories, utilisation: IdVec::filled(0.0, hosts) }
    }

    /// What a placer sees.
    pub fn state(&self) -> Snapshot<'_> {
        Snapshot {
            now: Instant::START,
            fleet: &self.fleet,
            demand: &self.demand,
            histories: &self.histories,
            utilisation: &self.utilisation,
        }
    }

    /// An empty draft.
    pub fn draft(&self) -> Draft {
        Draft::new(&self.fleet, HistoryKind::VmsOnHost, 0.0, 0)
    }

    /// Places all VMs by `placer`, index and draft built on the way.
    pub fn place(&self, placer: &PlacerSpec) -> Outcome {
        let vms: Vec<VmId> = self.demand.ids().collect();
        let excluded = HostSet::none(self.fleet.hosts());
        let mut draft = self.draft();
        let mut ask =
            Ask { state: self.state(), excluded: &excluded, wake: true, detector: &mut Never };
        let mut placer = placer.build(&self.fleet);
        placer.place(&vms, &mut draft, &mut ask, Placing::Each).expect("nobody fails")
    }
}

/// The built-in placer that this TOML describes: its kind and what is not the default.
pub fn placer(text: &str) -> PlacerSpec {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
