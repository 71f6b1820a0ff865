//! Placement: `neat-best-fit-decreasing` against Neat's `best_fit_decreasing`. A call names what
//! hosts have left, so each becomes a host that has just that, and the limits are 1; an active host
//! gets a VM that takes nothing.

use std::collections::BTreeMap;

use galerna::detect::Never;
use galerna::id::{HostId, Id, IdVec, VmId};
use galerna::model::{Fleet, Machine, Snapshot, VmHistories, VmType};
use galerna::place::{
    Ask, Draft, Held, HistoryKind, HostSet, NeatBestFitDecreasing, NeatSpec, Placer, Placing,
    Resident,
};
use galerna::time::Instant;
use galerna::units::{Bytes, Mips, Watts};
use serde_json::Value;

use super::cases::of;

/// Rate of every VM: a power of two, so that utilisations lose no digit.
const VM_MIPS: f64 = 65_536.0;

fn numbers(value: &Value) -> BTreeMap<String, f64> {
    let entries = value.as_object().expect("a map").iter();
    entries.map(|(name, n)| (name.clone(), n.as_f64().expect("a number"))).collect()
}

fn machine(mips: f64, bytes: f64) -> Machine {
    Machine {
        name: "any".into(),
        cores: 1,
        core_mips: Mips(mips),
        ram: Bytes(bytes as u64),
        disk: None,
        net: None,
        power: [Watts(100.0); 11],
    }
}

/// Hosts and VMs of one call, both in the order of their names.
struct Call {
    hosts: Vec<String>,
    vms: Vec<String>,
    awake: Vec<bool>,
    last_n: usize,
    fleet: Fleet,
    histories: VmHistories,
    demand: IdVec<VmId, f64>,
}

impl Call {
    fn new(args: &[Value]) -> Self {
        let [last_n, cpu, ram, asleep_cpu, asleep_ram, vms_cpu, vms_ram] = args else {
            panic!("a call has 7 arguments: {args:?}")
        };
        let (mut cpu, mut ram) = (numbers(cpu), numbers(ram));
        let asleep = numbers(asleep_cpu);
        cpu.extend(asleep.clone());
        ram.extend(numbers(asleep_ram));
        let machines = cpu.iter().map(|(name, mips)| machine(*mips, ram[name])).collect();
        let mut fleet = Fleet::of_hosts(machines, 0..cpu.len() as u16);
        let vms = numbers(vms_ram);
        for (row, bytes) in vms.values().enumerate() {
            fleet.add_vm(VmType::new(Mips(VM_MIPS), Bytes(*bytes as u64)), row);
        }
        let mut demand: IdVec<VmId, f64> = IdVec::filled(0.0, vms.len());
        let mut histories = VmHistories::new(vms.len() + cpu.len());
        for (row, name) in vms.keys().enumerate() {
            let vm = VmId::from_index(row);
            for value in vms_cpu[name].as_array().expect("CPU values") {
                demand[vm] = value.as_f64().expect("a number");
                histories.push(vm, demand[vm] / VM_MIPS);
            }
        }
        let awake = cpu.keys().map(|name| !asleep.contains_key(name)).collect();
        for row in 0..cpu.len() {
            fleet.add_vm(VmType::new(Mips(VM_MIPS), Bytes(0)), row);
            demand.push(0.0);
        }
        let last_n = last_n.as_u64().expect("a number") as usize;
        let (hosts, vms) = (cpu.into_keys().collect(), vms.into_keys().collect());
        Self { hosts, vms, awake, last_n, fleet, histories, demand }
    }

    /// Where the placer puts the VMs, by name.
    fn place(&self) -> BTreeMap<String, String> {
        let utilisation = &IdVec::filled(0.0, self.hosts.len());
        let (fleet, demand, histories) = (&self.fleet, &self.demand, &self.histories);
        let state = Snapshot { now: Instant::START, fleet, demand, histories, utilisation };
        let mut draft = Draft::new(fleet, HistoryKind::VmsOnHost, 0.0, 0);
        for host in (0..self.hosts.len()).filter(|&host| self.awake[host]) {
            let vm = VmId::from_index(self.vms.len() + host);
            let resident = Resident { vm, allocated: 0.0 };
            draft.settle(HostId::from_index(host), &[resident], Held::default(), &state);
        }
        let spec =
            NeatSpec { cpu_limit: 1.0, ram_limit: 1.0, last_n: self.last_n, ..NeatSpec::default() };
        let vms: Vec<VmId> = (0..self.vms.len()).map(VmId::from_index).collect();
        let excluded = HostSet::none(self.hosts.len());
        let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut Never };
        let mut placer = NeatBestFitDecreasing::new(spec);
        let outcome = placer.place(&vms, &mut draft, &mut ask, Placing::Each).expect("an answer");
        let name = |(vm, host): (VmId, HostId)| {
            (self.vms[vm.index()].clone(), self.hosts[host.index()].clone())
        };
        outcome.placed.into_iter().map(name).collect()
    }
}

#[test]
fn every_recorded_call_of_best_fit_decreasing_has_its_result() {
    for case in of("globals.vm_placement.bin_packing.best_fit_decreasing", 4) {
        let expected = case.result.as_object().expect("a map").iter();
        let expected: BTreeMap<String, String> = expected
            .map(|(vm, host)| (vm.clone(), host.as_str().expect("a name").to_owned()))
            .collect();
        assert_eq!(Call::new(&case.args).place(), expected);
    }
}

/// `get_available_resources(0.8, used, total)`: what the placer takes as left, seen through which
/// demands fit. 0.8 x 1000 - 700 = 100 and 0.8 x 2000 - 200 = 1400.
#[test]
fn every_recorded_call_of_get_available_resources_has_its_result() {
    for case in of("globals.vm_placement.bin_packing.get_available_resources", 1) {
        let limit = case.args[0].as_f64().expect("a number");
        let (used, total) = (numbers(&case.args[1]), numbers(&case.args[2]));
        for (name, left) in numbers(&case.result) {
            let fits = |demand: f64| fits(limit, used[&name], total[&name], demand);
            assert!(fits(left) && !fits(left + 1.0), "{name} has {left} left");
        }
    }
}

/// Whether a VM of `demand` MIPS is placed on a host of `total`, of which `used` are taken.
fn fits(limit: f64, used: f64, total: f64, demand: f64) -> bool {
    let mut fleet = Fleet::of_hosts(vec![machine(total, 1e6)], [0]);
    for row in 0..2 {
        fleet.add_vm(VmType::new(Mips(VM_MIPS), Bytes(0)), row);
    }
    let (demand, utilisation) = (&vec![used, demand].into(), &IdVec::filled(0.0, 1));
    let histories = &VmHistories::new(2);
    let state = Snapshot { now: Instant::START, fleet: &fleet, demand, histories, utilisation };
    let mut draft = Draft::new(&fleet, HistoryKind::VmsOnHost, 0.0, 0);
    let resident = Resident { vm: VmId(0), allocated: used };
    draft.settle(HostId(0), &[resident], Held::default(), &state);
    let excluded = HostSet::none(1);
    let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut Never };
    let spec = NeatSpec { cpu_limit: limit, ..NeatSpec::default() };
    let mut placer = NeatBestFitDecreasing::new(spec);
    let outcome = placer.place(&[VmId(1)], &mut draft, &mut ask, Placing::Each);
    outcome.expect("an answer").left.is_empty()
}
