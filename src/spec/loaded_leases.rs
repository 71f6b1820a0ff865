//! Leases whose VMs carry load: one site for both, and a VM of the fleet for each core of theirs.
//!
//! ```text
//! site:  CPU = 100 x cores, memory = RAM / MB        of each host of [fleet], and disk and network
//! core:  MIPS = CPU / 100 x m                        m: MIPS of the slowest core of the fleet
//! ```
//!
//! A VM gets what it reserved wherever it runs, so a faster core has room to spare. MB are 10^6
//! bytes. VMs of the fleet have one core, so a VM of a lease that has more is as many of them,
//! always on one host. The `v`-th replays row `v` of the trace, modulo its rows, after a
//! permutation of the rows unless the seed is 0.

use std::cmp::Reverse;

use super::leases::LeaseLoad;
use super::provision;
use super::{Error, Inputs, LeaseInputs, LeaseSpec, RunSpec};
use crate::model::lease::{Amounts, CORE, CPU, DISK, LeaseRequest, MEMORY, NET_IN, NET_OUT, Site};
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
        let overbooking = leases.overbooking.as_ref();
        let workload = &leases.workload.0;
        let mut leases = LeaseInputs::read_on(leases, Some(site_of(spec)))?;
        leases.check_prices(spec.costs.as_ref())?;
        if let Some(provision) = &spec.rules().provision {
            let name = workload.display().to_string();
            provision::resolve(provision, &mut leases.workload, &leases.site, &name)?;
        }
        if !leases.consolidate.is_off() {
            one_core_each(&leases.workload.leases)?;
        }
        if let Some(overbooking) = overbooking {
            overbooking.promise(spec, &leases.site, &mut leases.workload.leases)?;
        }
        let fleet = fleet_of(spec, &leases.workload.leases, trace.vms());
        Ok(Self { leases, load: Inputs { trace, fleet, rules: spec.rules() } })
    }
}

/// The hosts of `spec` as leases count them. Those that are kept as headroom for outages are there
/// and have nothing for leases: the largest, of equal ones the last.
fn site_of(spec: &RunSpec) -> Site {
    let fleet = spec.fleet.hosts();
    let mut site = Site::uniform(0, 0, 0);
    site.hosts = fleet.machine.ids().map(|host| amounts(fleet.machine_of(host))).collect();
    let mut site = site.with_plenty();
    let mut largest: Vec<usize> = (0..site.hosts.len()).collect();
    largest.sort_by_key(|&host| Reverse((site.hosts[host][CPU], site.hosts[host][MEMORY], host)));
    let headroom = spec.outages.as_ref().map_or(0, |outages| outages.headroom);
    for host in largest.into_iter().take(headroom) {
        (site.hosts[host][CPU], site.hosts[host][MEMORY]) = (0, 0);
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

/// Refuses VMs of several cores, which policies could tear apart.
fn one_core_each(requests: &[LeaseRequest]) -> Result<(), Error> {
    let several = requests.iter().filter(|lease| lease.cores().count() > lease.vms());
    let problem = |lease: &LeaseRequest| {
        let what = format!("lease {} has VMs of several cores, consolidated is one", lease.number);
        let remedy = "Ask for at most 100 CPU per VM, or set leases.consolidate to off";
        Problem::new("GLN-206", "[leases] consolidate", what, remedy)
    };
    let problems: Vec<Problem> = several.map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
}

/// The hosts of `spec` with a VM for each core of the VMs of `requests`; they replay a trace of so
/// many `rows`.
pub fn fleet_of(spec: &RunSpec, requests: &[LeaseRequest], rows: usize) -> Fleet {
    let mut fleet = spec.fleet.hosts();
    let slowest = fleet.core.iter().map(|(_, core)| core.0).reduce(f64::min).unwrap_or(0.0);
    let rows: Vec<usize> = match spec.run.seed {
        0 => (0..rows).collect(),
        seed => permutation(rows, &mut stream(seed, "fleet.trace-rows")),
    };
    let cores = requests.iter().flat_map(LeaseRequest::cores);
    for ((_, [cpu, memory]), &row) in cores.zip(rows.iter().cycle()) {
        let mips = Mips(slowest * cpu as f64 / CORE as f64);
        fleet.add_vm(VmType::new(mips, Bytes::from_mb(memory as u64)), row);
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
