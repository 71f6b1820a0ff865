//! The action table as events that can only be well formed, and whether the tables fit each other.

use crate::model::record::StageKind;
use crate::model::rules::MigrationSla;
use crate::model::{Action, ActionKind};
use crate::problem::Problem;
use crate::time::Instant;

use super::Evidence;

const REMEDY: &str = "Write the tables again with the version that made the run";

/// No run lasts longer, microseconds (some 3000 years), so that sums of times never overflow.
const LATEST_US: i64 = 100_000_000_000_000_000;

/// What one row of `actions` says; hosts and VMs are row numbers known to exist.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Deed {
    Wake {
        host: usize,
    },
    On {
        host: usize,
    },
    Sleep {
        host: usize,
    },
    Off {
        host: usize,
    },
    Start {
        vm: usize,
        to: usize,
    },
    Stop {
        vm: usize,
        from: usize,
    },
    Depart {
        vm: usize,
        from: usize,
        to: usize,
    },
    Arrive {
        vm: usize,
        from: usize,
        to: usize,
    },
    Stay {
        vm: usize,
        from: usize,
    },
    /// Post-copy: the VM runs on `to`, its pages are still on `from`.
    Switch {
        vm: usize,
        from: usize,
        to: usize,
    },
    /// A copy is given up.
    Abort {
        vm: usize,
        from: usize,
        to: usize,
    },
    /// A migration that cannot be undone failed.
    Crash {
        vm: usize,
        from: usize,
        to: usize,
    },
    /// A VM that crashed runs again.
    Restart {
        vm: usize,
        to: usize,
    },
    /// A host fails.
    Fail {
        host: usize,
    },
    /// A host is repaired.
    Repair {
        host: usize,
    },
    /// A VM is down, as its host failed.
    Fall {
        vm: usize,
        from: usize,
    },
    /// A VM that does not run yet begins to boot.
    Boot {
        vm: usize,
        to: usize,
    },
    /// It boots no longer.
    Booted {
        vm: usize,
        from: usize,
    },
    /// A stage of the VM's migration begins; where that matters to the VM, the fraction of its
    /// speed that it keeps, and whether it is stopped.
    Pace {
        vm: usize,
        pace: Option<(f64, bool)>,
    },
}

/// One row of `actions`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Event {
    /// Row in the table, from 0.
    pub row: usize,
    pub at: Instant,
    /// By the run's clock.
    pub seconds: f64,
    pub deed: Deed,
}

impl Event {
    /// The VM that it names.
    pub fn vm(&self) -> Option<usize> {
        match self.deed {
            Deed::Wake { .. } | Deed::On { .. } | Deed::Sleep { .. } | Deed::Off { .. } => None,
            Deed::Fail { .. } | Deed::Repair { .. } => None,
            // It does not run there, so nothing that it gets changes.
            Deed::Boot { .. } | Deed::Booted { .. } => None,
            Deed::Start { vm, .. }
            | Deed::Stop { vm, .. }
            | Deed::Depart { vm, .. }
            | Deed::Arrive { vm, .. }
            | Deed::Stay { vm, .. }
            | Deed::Switch { vm, .. }
            | Deed::Abort { vm, .. }
            | Deed::Crash { vm, .. }
            | Deed::Restart { vm, .. }
            | Deed::Fall { vm, .. }
            | Deed::Pace { vm, .. } => Some(vm),
        }
    }

    /// The hosts that it names.
    pub fn hosts(&self) -> impl Iterator<Item = usize> {
        let (one, other) = match self.deed {
            Deed::Wake { host } | Deed::On { host } | Deed::Sleep { host } | Deed::Off { host } => {
                (Some(host), None)
            }
            Deed::Fail { host } | Deed::Repair { host } => (Some(host), None),
            Deed::Start { to, .. } | Deed::Restart { to, .. } => (Some(to), None),
            Deed::Stop { from, .. } | Deed::Stay { from, .. } => (Some(from), None),
            Deed::Fall { from, .. } | Deed::Booted { from, .. } => (Some(from), None),
            Deed::Boot { to, .. } => (Some(to), None),
            Deed::Depart { from, to, .. }
            | Deed::Arrive { from, to, .. }
            | Deed::Switch { from, to, .. }
            | Deed::Abort { from, to, .. }
            | Deed::Crash { from, to, .. } => (Some(from), Some(to)),
            Deed::Pace { .. } => (None, None),
        };
        one.into_iter().chain(other)
    }

    /// Where a problem with this row is.
    pub fn place(&self) -> String {
        place(self.row, self.at)
    }
}

fn place(row: usize, at: Instant) -> String {
    format!("actions row {row} at {at}")
}

/// Reads all rows, or says why the tables of this run cannot belong together.
pub(super) fn parse(evidence: &Evidence) -> Result<Vec<Event>, Vec<Problem>> {
    let mut findings = Vec::new();
    let mut refuse = |place: String, what: String| {
        findings.push(Problem::new("GLN-601", place, what, REMEDY));
    };
    sizes(evidence, &mut refuse);
    numbers(evidence, &mut refuse);
    let mut events = Vec::with_capacity(evidence.record.actions.len());
    for (row, action) in evidence.record.actions.iter().enumerate() {
        if !(0..=LATEST_US).contains(&action.at.0) {
            refuse(place(row, action.at), format!("{} us is no time of a run", action.at.0));
        }
        match deed(action, evidence.fleet.hosts(), evidence.fleet.vms()) {
            Ok(deed) => events.push(Event { row, at: action.at, seconds: action.seconds, deed }),
            Err(what) => refuse(place(row, action.at), what),
        }
    }
    paces(evidence, &mut events, &mut refuse);
    if findings.is_empty() { Ok(events) } else { Err(findings) }
}

/// Puts the stages of migrations after the actions of their time.
fn paces(evidence: &Evidence, events: &mut Vec<Event>, refuse: &mut impl FnMut(String, String)) {
    let (moves, stages) = (&evidence.record.moves, &evidence.record.stages);
    let measured = evidence.rules.migration.sla == MigrationSla::Measured;
    let actions = events.len();
    for (row, stage) in stages.iter().enumerate() {
        let of = moves.get(stage.migration as usize).map(|of| (of.vm.0 as usize, of.start));
        let sound = (0.0..=1.0).contains(&stage.speed);
        let Some((vm, start)) = of.filter(|&(vm, _)| sound && vm < evidence.fleet.vms()) else {
            refuse(format!("stages row {row}"), "no such migration or speed".into());
            continue;
        };
        let stopped = matches!(stage.kind, StageKind::Stop | StageKind::Resume);
        let pace = measured.then_some((stage.speed, stopped));
        // What begins with its migration changes nothing that this does not.
        if measured || stage.start != start {
            let (at, seconds) = (stage.start, stage.seconds);
            events.push(Event { row, at, seconds, deed: Deed::Pace { vm, pace } });
        }
    }
    // Actions that are out of order stay so, and are found.
    if events[..actions].is_sorted_by_key(|event| event.at) {
        events.sort_by_key(|event| event.at);
    }
}

fn deed(action: &Action, hosts: usize, vms: usize) -> Result<Deed, String> {
    let name = action.kind.name();
    let known = |id: Option<u32>, rows: usize, what: &str| match id {
        None => Err(format!("`{name}` names no {what}")),
        Some(id) if (id as usize) < rows => Ok(id as usize),
        Some(id) => Err(format!("`{name}` names {what} {id}, but there are {rows}")),
    };
    let vm = || known(action.vm.map(|v| v.0), vms, "VM");
    let from = || known(action.from.map(|h| h.0), hosts, "host in `from`");
    let to = || known(action.to.map(|h| h.0), hosts, "host in `to`");
    Ok(match action.kind {
        ActionKind::HostWake => Deed::Wake { host: from()? },
        ActionKind::HostOn => Deed::On { host: from()? },
        ActionKind::HostSleep => Deed::Sleep { host: from()? },
        ActionKind::HostOff => Deed::Off { host: from()? },
        ActionKind::VmStart => Deed::Start { vm: vm()?, to: to()? },
        ActionKind::VmStop => Deed::Stop { vm: vm()?, from: from()? },
        ActionKind::MigrationStart => Deed::Depart { vm: vm()?, from: from()?, to: to()? },
        ActionKind::MigrationEnd => Deed::Arrive { vm: vm()?, from: from()?, to: to()? },
        ActionKind::Unplaced => Deed::Stay { vm: vm()?, from: from()? },
        ActionKind::MigrationSwitch => Deed::Switch { vm: vm()?, from: from()?, to: to()? },
        ActionKind::MigrationAbort => Deed::Abort { vm: vm()?, from: from()?, to: to()? },
        ActionKind::VmCrash => Deed::Crash { vm: vm()?, from: from()?, to: to()? },
        ActionKind::VmRestart => Deed::Restart { vm: vm()?, to: to()? },
        ActionKind::HostFail => Deed::Fail { host: from()? },
        ActionKind::HostRepair => Deed::Repair { host: from()? },
        ActionKind::VmFail => Deed::Fall { vm: vm()?, from: from()? },
        ActionKind::BootStart => Deed::Boot { vm: vm()?, to: to()? },
        ActionKind::BootEnd => Deed::Booted { vm: vm()?, from: from()? },
    })
}

/// One row per host and per VM, and one demand per VM and sample.
fn sizes(evidence: &Evidence, refuse: &mut impl FnMut(String, String)) {
    let (hosts, vms) = (evidence.fleet.hosts(), evidence.fleet.vms());
    let samples = evidence.demand.first().map_or(0, Vec::len);
    let rows = evidence.fleet.trace_row.as_slice();
    let replayed = match evidence.tenancy {
        // VMs share the rows of the trace, of which each must be there.
        Some(_) => rows.iter().max().map_or(0, |row| row + 1).max(evidence.demand.len()),
        None => vms,
    };
    let tables = [
        ("hosts", evidence.record.hosts.len(), hosts),
        ("vms", evidence.record.vms.len(), vms),
        ("demand", evidence.demand.len(), replayed),
    ];
    for (table, found, expected) in tables {
        if found != expected {
            let what = format!("found {found} rows, expected {expected} for this fleet");
            refuse(table.into(), what);
        }
    }
    for (vm, row) in evidence.demand.iter().enumerate() {
        if row.len() != samples || row.is_empty() {
            let what = format!("found {} samples, expected {samples}, at least 1", row.len());
            refuse(format!("demand of v{vm}"), what);
        }
    }
    for (host, row) in evidence.fleet.machine.iter() {
        if usize::from(*row) >= evidence.fleet.machines.len() {
            refuse(format!("host {host}"), format!("its machine {row} is not in the catalogue"));
        }
    }
}

/// Numbers outside what their meaning allows would make every later comparison void.
fn numbers(evidence: &Evidence, refuse: &mut impl FnMut(String, String)) {
    let (host, migration) = (&evidence.rules.host, &evidence.rules.migration);
    let up_to = |limit: f64| move |x: f64| (0.0..=limit).contains(&x);
    let rules = [
        ("step_s", evidence.step_s, evidence.step_s > 0.0 && evidence.step_s < 1e9),
        ("wake_s", host.wake_s, up_to(1e9)(host.wake_s)),
        ("shutdown_s", host.shutdown_s, up_to(1e9)(host.shutdown_s)),
        ("overhead", migration.overhead, up_to(1.0)(migration.overhead)),
        ("destination-load", migration.destination_load, up_to(1.0)(migration.destination_load)),
        ("nic x share", migration.bandwidth(), (1e-9..1e18).contains(&migration.bandwidth())),
    ];
    for (name, found, sound) in rules {
        if !sound {
            refuse(format!("rules: {name}"), format!("{found} is out of range"));
        }
    }
    for (host, capacity) in evidence.fleet.capacity.iter() {
        let (capacity, core) = (capacity.0, evidence.fleet.core[host].0);
        if !(1e-9..1e18).contains(&capacity) || !(1e-9..1e18).contains(&core) {
            refuse(format!("host {host}"), format!("{capacity} MIPS, {core} a core is no rate"));
        }
    }
    for (vm, mips) in evidence.fleet.vm_mips.iter().filter(|(_, m)| !up_to(1e18)(m.0)) {
        refuse(format!("VM {vm}"), format!("{mips} is no rate"));
    }
    for (vm, row) in evidence.demand.iter().enumerate() {
        if let Some(k) = row.iter().position(|d| !up_to(1e6)(*d)) {
            refuse(format!("demand of v{vm}"), format!("sample {k} is {}", row[k]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{HostId, VmId};
    use crate::model::record::Reason;

    fn start(vm: Option<u32>, to: Option<u32>) -> Action {
        let (at, seconds, kind) = (Instant::START, 0.0, ActionKind::VmStart);
        let (vm, to) = (vm.map(VmId), to.map(HostId));
        Action { at, seconds, kind, vm, from: None, to, reason: Reason::Initial }
    }

    #[test]
    fn a_row_that_names_nobody_or_a_stranger_is_refused() {
        assert_eq!(deed(&start(Some(1), Some(0)), 1, 2), Ok(Deed::Start { vm: 1, to: 0 }));
        assert_eq!(deed(&start(None, Some(0)), 1, 2), Err("`vm-start` names no VM".into()));
        let stranger = deed(&start(Some(1), Some(7)), 1, 2).unwrap_err();
        assert_eq!(stranger, "`vm-start` names host in `to` 7, but there are 1");
    }
}
