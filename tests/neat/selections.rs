//! Which VM leaves: least memory, least memory and most CPU, least CPU.
//!
//! Neat knows VMs by name, their memory, and lists of MHz. Here each gets a nominal rate of 1 MIPS,
//! so that its utilisation is that number itself.

use galerna::id::{HostId, IdVec, VmId};
use galerna::model::{Fleet, Machine, Snapshot, VmHistories, VmType};
use galerna::select::{Measure, MinUtilisation, Mmt, MmtMaxCpu, VmSelector};
use galerna::time::Instant;
use galerna::units::{Bytes, Mips};
use serde_json::{Map, Value};

use super::cases::{Case, number, numbers, of, whole};

/// The VM that `selector` picks, by name; each VM has a memory or a past, or both.
fn picked(
    selector: &mut dyn VmSelector,
    ram: Option<&Map<String, Value>>,
    cpu: Option<&Map<String, Value>>,
) -> Option<String> {
    let names: Vec<&String> = ram.or(cpu).expect("VMs").keys().collect();
    let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).expect("a known machine");
    let mut fleet = Fleet::of_hosts(vec![g5], [0]);
    let rows: Vec<usize> = (0..names.len()).collect();
    fleet.add_vms_in_blocks(&[VmType::new(Mips(1.0), Bytes::from_mb(1))], &rows);
    let vms: Vec<VmId> = fleet.vm_ram.ids().collect();
    let mut histories = VmHistories::new(names.len());
    let mut demand: IdVec<VmId, f64> = IdVec::filled(0.0, names.len());
    for (&vm, &name) in vms.iter().zip(&names) {
        if let Some(ram) = ram {
            fleet.vm_ram[vm] = Bytes::from_mb(whole(&ram[name]) as u64);
        }
        for used in cpu.map_or_else(Vec::new, |cpu| numbers(&cpu[name])) {
            histories.push(vm, used);
            demand[vm] = used;
        }
    }
    let state = Snapshot {
        now: Instant::START,
        fleet: &fleet,
        demand: &demand,
        histories: &histories,
        utilisation: &IdVec::filled(0.0, 1),
    };
    let picked = selector.pick(HostId(0), &vms, &state).expect("a pick");
    picked.map(|vm| names[vm.0 as usize].clone())
}

/// Calls of the function and of what its factory made.
fn cases(name: &str, each: usize) -> Vec<Case> {
    let name = format!("locals.vm_selection.algorithms.{name}");
    let mut all = of(&name, each);
    all.extend(of(&format!("{name}_factory"), each));
    all
}

/// The VM of a call: its result, or the only one in the list that a factory's function gives.
fn expected(case: &Case) -> Option<String> {
    let vm = if case.factory.is_empty() { &case.result } else { &case.result[0][0] };
    vm.as_str().map(str::to_owned)
}

#[test]
fn least_memory() {
    for case in cases("minimum_migration_time", 5) {
        let ram = case.args.last().and_then(Value::as_object);
        assert_eq!(picked(&mut Mmt, ram, None), expected(&case));
    }
}

#[test]
fn least_cpu() {
    for case in cases("minimum_utilization", 5) {
        let cpu = case.args[0].as_object();
        let mut selector = MinUtilisation { measure: Measure::Demand };
        assert_eq!(picked(&mut selector, None, cpu), expected(&case));
    }
}

#[test]
fn least_memory_and_most_cpu() {
    for case in cases("minimum_migration_time_max_cpu", 10) {
        let (last_n, maps) = match case.factory.as_slice() {
            [] => (number(&case.args[0]) as usize, &case.args[1..]),
            [.., given] => (whole(&given["last_n"]), &case.args[..]),
        };
        let (cpu, ram) = (maps[0].as_object(), maps[1].as_object());
        let mut selector = MmtMaxCpu { last_n, skip_idle: true };
        assert_eq!(picked(&mut selector, ram, cpu), expected(&case));
    }
}
