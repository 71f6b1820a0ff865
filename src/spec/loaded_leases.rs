//! Leases whose VMs carry load: one site for both, and VMs of the fleet for theirs.
//!
//! ```text
//! site:  CPU = 100 x cores, memory = RAM / MB        of each host of [fleet], and disk and network
//! VM:    MIPS = CPU / 100 x m                        m: MIPS of the slowest core of the fleet
//! cores: n = CPU / 100, rounded up
//! ```
//!
//! A VM gets what it reserved wherever it runs, so a faster core has room to spare. MB are 10^6
//! bytes. Where the calendar says where VMs run, each core of a VM is a VM of the fleet with a load
//! of its own, always on one host. Where policies do (`consolidate`), they see and move whole VMs:
//! a VM of `n` cores is one of the fleet that asks for up to `n` cores, as its row of the trace
//! says. The `v`-th VM of the fleet replays row `v` of the trace, modulo its rows, after a
//! permutation of the rows unless the seed is 0.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::leases::LeaseLoad;
use super::provision;
use super::{Error, Inputs, LeaseInputs, LeaseSpec, RunSpec};
use crate::id::{HostId, Id};
use crate::model::lease::{
    Amounts, CORE, CPU, DISK, Guest, Guests, LeaseRequest, MEMORY, NET_IN, NET_OUT, Site,
};
use crate::model::rules::{ClockKind, IdleVms, Oversubscription, Window};
use crate::model::{Fleet, Machine, VmType};
use crate::problem::Problem;
use crate::random::{permutation, stream};
use crate::trace;
use crate::units::{Bytes, BytesPerSecond, Mips};

const BYTES_PER_MB: u64 = 1_000_000;
const BYTES_PER_MBIT: f64 = 125_000.0;

/// What a run of leases that carry load needs beside its policies.
#[derive(Debug)]
pub struct LoadedLeases {
    /// Leases, and the site as they count it.
    pub leases: LeaseInputs,
    /// Trace, hosts and VMs, and the rules of load.
    pub load: Inputs,
}

impl LoadedLeases {
    /// Reads workload and trace and makes one fleet of them.
    ///
    /// # Errors
    /// Every problem of a file; those of [`LeaseInputs::read`].
    pub fn read(spec: &RunSpec, leases: &LeaseSpec) -> Result<Self, Error> {
        let trace = trace::read(&spec.trace.path, &spec.trace.selection())
            .map_err(|error| Error { problems: error.problems })?;
        let (leases, fleet) = Self::beside(spec, leases, trace.vms())?;
        Ok(Self { leases, load: Inputs { trace, fleet, rules: spec.rules() } })
    }

    /// Reads the workload beside a trace of so many `rows` that is at hand already, and makes the
    /// fleet that replays it.
    ///
    /// # Errors
    /// Those of [`LeaseInputs::read`].
    pub fn beside(
        spec: &RunSpec,
        leases: &LeaseSpec,
        rows: usize,
    ) -> Result<(LeaseInputs, Fleet), Error> {
        let overbooking = leases.overbooking.as_ref();
        let workload = &leases.workload.0;
        let mut leases = LeaseInputs::read_on(leases, Some(site_of(spec)))?;
        leases.check_prices(spec.costs.as_ref())?;
        if let Some(provision) = &spec.rules().provision {
            let name = workload.display().to_string();
            provision::resolve(provision, &mut leases.workload, &leases.site, &name)?;
        }
        if let Some(overbooking) = overbooking {
            overbooking.promise(spec, &leases.site, &mut leases.workload.leases)?;
        }
        let fleet = fleet_of(spec, &leases.workload.leases, rows);
        let mut problems = spec.site_conflicts(&fleet);
        if problems.is_empty() {
            problems = leases.site_conflicts(spec, &fleet);
        }
        if !problems.is_empty() {
            return Err(Error { problems });
        }
        Ok((leases, fleet))
    }
}

/// The hosts of `spec` as leases count them. Those that are kept as headroom for outages are there
/// and have nothing for leases: the largest, of equal ones the last; beside `[sites]` those of each
/// kind.
fn site_of(spec: &RunSpec) -> Site {
    let fleet = spec.fleet.hosts();
    let mut site = Site::uniform(0, 0, 0);
    site.hosts = fleet.machine.ids().map(|host| amounts(fleet.machine_of(host))).collect();
    let mut site = site.with_plenty();
    let mut largest: Vec<usize> = (0..site.hosts.len()).collect();
    largest.sort_by_key(|&host| Reverse((site.hosts[host][CPU], site.hosts[host][MEMORY], host)));
    let headroom = spec.outages.as_ref().map_or(0, |outages| outages.headroom);
    let kinds = spec.sites.as_ref().map(|sites| sites.kinds(site.hosts.len()));
    let mut kept: BTreeMap<u32, usize> = BTreeMap::new();
    for host in largest {
        let kind = kinds.as_ref().map_or(0, |kinds| kinds[HostId::from_index(host)]);
        let kept = kept.entry(kind).or_default();
        if *kept < headroom {
            *kept += 1;
            (site.hosts[host][CPU], site.hosts[host][MEMORY]) = (0, 0);
        }
    }
    site
}

fn amounts(machine: &Machine) -> Amounts {
    let mut has = Amounts::default();
    let mb = |bytes: Bytes| (bytes.0 / BYTES_PER_MB) as i64;
    has[CPU] = CORE * i64::from(machine.cores);
    has[MEMORY] = mb(machine.ram);
    has[DISK] = machine.disk.map_or(0, mb);
    let net = machine.net.map_or(0, |net: BytesPerSecond| (net.0 / BYTES_PER_MBIT) as i64);
    (has[NET_IN], has[NET_OUT]) = (net, net);
    has
}

/// The hosts of `spec` with VMs for those of `requests`; they replay a trace of so many `rows`.
pub fn fleet_of(spec: &RunSpec, requests: &[LeaseRequest], rows: usize) -> Fleet {
    let mut fleet = spec.fleet.hosts();
    let slowest = fleet.core.iter().map(|(_, core)| core.0).reduce(f64::min).unwrap_or(0.0);
    let rows: Vec<usize> = match spec.run.seed {
        0 => (0..rows).collect(),
        seed => permutation(rows, &mut stream(seed, "fleet.trace-rows")),
    };
    let guests = requests.iter().flat_map(|lease| lease.guests(spec.guests()));
    for (Guest { cpu, memory, cores, .. }, &row) in guests.zip(rows.iter().cycle()) {
        let mips = Mips(slowest * cpu as f64 / CORE as f64);
        let one = VmType::new(mips, Bytes::from_mb(memory as u64));
        fleet.add_vm(VmType { cores, ..one }, row);
    }
    fleet
}

impl RunSpec {
    /// The leases of the spec, if their VMs carry load.
    pub fn loaded_leases(&self) -> Option<&LeaseSpec> {
        self.leases.as_ref().filter(|leases| leases.load == LeaseLoad::Replayed)
    }

    /// The leases of the spec, if policies say where their VMs run.
    pub fn consolidated_leases(&self) -> Option<&LeaseSpec> {
        self.loaded_leases().filter(|leases| !leases.consolidate.is_off())
    }

    /// Whether its VMs carry load: always, but for leases without.
    pub fn carries_load(&self) -> bool {
        self.leases.is_none() || self.loaded_leases().is_some()
    }

    /// What the VMs of the fleet stand for, where leases carry load.
    pub fn guests(&self) -> Guests {
        self.leases.as_ref().map_or(Guests::Cores, |leases| leases.consolidate.guests())
    }

    /// What leases that carry load do not go with.
    pub(super) fn loaded_problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let stated = self.leases.iter();
        let hosts = self.fleet.count();
        let mut problems: Vec<Problem> =
            stated.flat_map(|leases| provision::problems(leases, hosts, place)).collect();
        let Some(leases) = self.loaded_leases() else { return problems };
        let demand = &self.demand;
        let wrong = [
            (!leases.hosts.is_empty(), "[leases] hosts", "the hosts are those of [fleet]"),
            (demand.clock != ClockKind::Exact, "[demand] clock", "leases keep exact time"),
            (demand.idle_vms != IdleVms::Keep, "[demand] idle-vms", "VMs go with their leases"),
            (
                self.host.oversubscription == Oversubscription::Floored,
                "[host] oversubscription",
                "hosts that run short serve reservations first",
            ),
            (
                self.accounting.window != Window::Whole,
                "[accounting] window",
                "the run counts whole",
            ),
        ];
        let wrong = wrong.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        let problem = |(_, at, why): (bool, &str, &str)| {
            let what = format!("where leases carry load, {why}");
            Problem::new(
                "GLN-206",
                place(at),
                what,
                "Leave the key out, or set leases.load to none",
            )
        };
        problems.extend(wrong.map(problem));
        problems
    }
}
