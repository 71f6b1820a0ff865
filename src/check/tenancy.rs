//! In a run of leases that carry load: do VMs come and go with their leases, and nobody else?
//!
//! What the VMs of a lease that begin on a host at an instant reserved together is what the lease
//! holds there for its run from then on, and the same at its end. Where policies say where VMs run,
//! each VM of a lease is one of the fleet:
//!
//! ```text
//! cores = CPU / 100, rounded up        MIPS = CPU / 100 x slowest core of the fleet
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::company::{self, Bonds};
use crate::model::Fleet;
use crate::model::lease::{Amounts, CPU, LeaseRequest, MEMORY, Software};
use crate::model::lease_record::{LeaseOutcome, Stretch, Use};
use crate::model::record::{Action, ActionKind};
use crate::problem::Problem;
use crate::time::Instant;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// An instant, a lease, a host, and whether VMs begin there.
type Turn = (Instant, u32, u32, bool);

/// What a lease holds while its VMs run or are shut down.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub lease: u32,
    pub start: Instant,
    pub end: Instant,
    /// CPU and memory by host.
    pub hosts: Vec<(usize, [i64; 2])>,
}

/// Which leases the VMs of a run belong to.
#[derive(Debug, Clone, Default)]
pub struct Tenancy {
    /// When the last thing happens to a lease: the end of the run.
    pub end: Instant,
    /// Lease of each VM of the fleet, and the CPU and memory that it reserved; what it asks for
    /// where policies say where VMs run.
    vms: Vec<(u32, [i64; 2])>,
    /// CPU and memory held for runs, from and until when.
    runs: BTreeMap<Turn, [i64; 2]>,
    /// Whether each VM of a lease is one of the fleet.
    is_whole: bool,
    /// Where VMs may begin late, or elsewhere: when each lease runs.
    free: Option<BTreeMap<u32, Vec<(Instant, Instant)>>>,
    /// Whether each lease is a reservation.
    reservations: Vec<bool>,
    /// Per VM of the fleet: the first core of the VM that it is one of, and its image with its MB.
    wants: Vec<(usize, Option<(u32, i64)>)>,
    /// For VMs of sets that begin after others: the VMs of these, from and until.
    before: BTreeMap<usize, Vec<(usize, usize)>>,
    /// Which VMs of the fleet are together or apart.
    bonds: Bonds,
    /// What leases hold for VMs, in no particular order.
    held: Vec<Held>,
    /// What each VM of the fleet reserves, where each VM of a lease is one.
    needs: Option<Vec<[i64; 2]>>,
    /// Figures of the lease summary as they are claimed.
    late: Vec<(String, f64)>,
}

impl Tenancy {
    /// From the tables of leases.
    pub fn of(requests: &[LeaseRequest], outcomes: &[LeaseOutcome], stretches: &[Stretch]) -> Self {
        let vms = requests.iter().zip(0..).flat_map(|(request, lease)| {
            cores(request).into_iter().map(move |needs| (lease, needs))
        });
        let states = outcomes.iter().filter_map(|outcome| outcome.history.last());
        let ends = stretches.iter().map(|stretch| stretch.end);
        let end = states.map(|&(at, _)| at).chain(ends).max().unwrap_or_default();
        let mut runs = BTreeMap::new();
        for stretch in stretches.iter().filter(|stretch| stretch.purpose == Use::Run) {
            for (host, amounts) in &stretch.hosts {
                let held = [amounts[CPU], amounts[MEMORY]];
                add(&mut runs, (stretch.start, stretch.lease.0, *host, true), held);
                add(&mut runs, (stretch.end, stretch.lease.0, *host, false), held);
            }
        }
        let reservations = requests.iter().map(LeaseRequest::is_reservation).collect();
        let (vms, wants, late) = (vms.collect(), wants(requests), Vec::new());
        let (before, bonds) = (before(requests, false), company::bonds(requests, false));
        let held = stretches.iter().filter_map(held).collect();
        let (is_whole, free, needs) = (false, None, None);
        Self {
            end,
            vms,
            runs,
            is_whole,
            free,
            reservations,
            wants,
            before,
            bonds,
            held,
            needs,
            late,
        }
    }

    /// VMs run wherever policies say, or begin when they are provisioned. `claims` are the figures
    /// of the lease summary.
    pub fn free(mut self, stretches: &[Stretch], claims: &[(String, f64)]) -> Self {
        let mut runs: BTreeMap<u32, Vec<(Instant, Instant)>> = BTreeMap::new();
        for run in stretches.iter().filter(|s| s.purpose == Use::Run && s.start < s.end) {
            runs.entry(run.lease.0).or_default().push((run.start, run.end));
        }
        runs.values_mut().for_each(|runs| runs.sort_unstable());
        self.free = Some(runs);
        self.late = claims.to_vec();
        self
    }

    /// The VMs of leases are consolidated: each is one of the fleet, whatever cores it has.
    pub fn consolidated(mut self, requests: &[LeaseRequest]) -> Self {
        let vms = requests.iter().zip(0..).flat_map(|(request, lease)| {
            request.asked().map(move |asked| (lease, [asked[CPU], asked[MEMORY]]))
        });
        self.vms = vms.collect();
        let images = requests.iter().flat_map(|request| request.asked().map(|_| image(request)));
        self.wants = images.enumerate().collect();
        self.before = before(requests, true);
        self.bonds = company::bonds(requests, true);
        let needs = requests.iter().flat_map(LeaseRequest::needs);
        self.needs = Some(needs.map(|need| [need[CPU], need[MEMORY]]).collect());
        self.is_whole = true;
        self
    }

    /// VMs of the fleet that are other than their lease asks for, where policies see whole VMs.
    pub(super) fn check_fleet(&self, fleet: &Fleet) -> Vec<Problem> {
        if !self.is_whole {
            return Vec::new();
        }
        let slowest = fleet.core.as_slice().iter().map(|core| core.0).fold(f64::MAX, f64::min);
        let wrong = |place: String, what: String| Problem::new("GLN-652", place, what, REMEDY);
        if fleet.vms() != self.vms.len() {
            let what = format!("{} VMs, the leases have {}", fleet.vms(), self.vms.len());
            return vec![wrong("vms".into(), what)];
        }
        let mut problems = Vec::new();
        for (vm, &(lease, [cpu, mb])) in self.vms.iter().enumerate() {
            let cores = ((cpu + 99) / 100).max(1) as f64;
            let mips = cpu as f64 / 100.0 * slowest;
            let found = (fleet.vm_mips.as_slice()[vm].0, fleet.vm_cores.as_slice()[vm]);
            let ram = fleet.vm_ram.as_slice()[vm].0 as f64;
            let is_right = (found.0 - mips).abs() <= 1e-9 * mips && ram == mb as f64 * 1e6;
            if found.1 != cores || !is_right {
                let what = format!(
                    "{} MIPS on {} cores and {ram} bytes, lease {lease} asks for {mips} on \
                     {cores} and {mb} MB",
                    found.0, found.1
                );
                problems.push(wrong(format!("VM v{vm}"), what));
            }
        }
        problems
    }

    /// As [`check`](Self::check) where policies say where VMs run: every VM runs once in each run
    /// of its lease, from some instant to its end, or never, and late starts are as claimed.
    fn check_free(
        &self,
        runs: &BTreeMap<u32, Vec<(Instant, Instant)>>,
        actions: &[Action],
    ) -> Vec<Problem> {
        let mut lives: BTreeMap<u32, Vec<(Instant, bool)>> = BTreeMap::new();
        for action in actions {
            let begins = match action.kind {
                ActionKind::VmStart => true,
                ActionKind::VmStop => false,
                _ => continue,
            };
            if let Some(vm) = action.vm {
                lives.entry(vm.0).or_default().push((action.at, begins));
            }
        }
        let (mut problems, none) = (Vec::new(), Vec::new());
        let (mut reserved, mut others, mut never, mut late_s) = (0.0, 0.0, 0.0, 0.0);
        for (vm, &(lease, _)) in (0..).zip(&self.vms) {
            let mut life = lives.remove(&vm).unwrap_or_default().into_iter().peekable();
            for &(start, end) in runs.get(&lease).unwrap_or(&none) {
                let begun = life.next_if(|&(at, begins)| begins && (start..=end).contains(&at));
                let Some((at, _)) = begun else {
                    never += 1.0;
                    continue;
                };
                if at > start {
                    late_s += (at - start).seconds();
                    let count = if self.is_reserved(lease) { &mut reserved } else { &mut others };
                    *count += 1.0;
                }
                if life.next_if_eq(&(end, false)).is_none() {
                    let what = format!("v{vm} does not cease to run when lease {lease} does");
                    problems.push(Problem::new(
                        "GLN-616",
                        format!("actions at {end}"),
                        what,
                        REMEDY,
                    ));
                }
            }
            if let Some((at, _)) = life.next() {
                let what = format!("v{vm} begins or ceases to run and lease {lease} does not");
                problems.push(Problem::new("GLN-616", format!("actions at {at}"), what, REMEDY));
            }
        }
        let expected = [
            ("late_reserved", reserved),
            ("late_others", others),
            ("never_begun", never),
            ("late_s", late_s),
        ];
        for (name, expected) in expected {
            let claimed = self.claimed(name);
            if claimed.is_none_or(|found| (found - expected).abs() > 1e-6) {
                let what = format!("{name} is {claimed:?}, expected {expected}");
                problems.push(Problem::new("GLN-648", "leases", what, REMEDY));
            }
        }
        problems
    }

    /// The first core of the VM that `vm` is one of, and the image that this needs, with its MB.
    pub(super) fn wants(&self, vm: usize) -> Option<(usize, Option<(u32, i64)>)> {
        self.wants.get(vm).copied()
    }

    /// The cores of the VM whose first is `first`.
    pub(super) fn cores_of(&self, first: usize) -> impl Iterator<Item = usize> {
        let alike = self.wants.iter().skip(first).take_while(move |of| of.0 == first);
        first..first + alike.count()
    }

    /// How many VMs of the fleet there are.
    pub(super) fn count(&self) -> usize {
        self.vms.len()
    }

    /// What leases hold for VMs, and what each VM of the fleet reserves where each VM of a lease is
    /// one.
    pub(super) fn holdings(&self) -> (&[Held], Option<&[[i64; 2]]>) {
        (&self.held, self.needs.as_deref())
    }

    /// The VMs of each lease.
    pub(super) fn vms_of_leases(&self) -> BTreeMap<u32, Range<usize>> {
        let mut all: BTreeMap<u32, Range<usize>> = BTreeMap::new();
        for (vm, &(lease, _)) in self.vms.iter().enumerate() {
            all.entry(lease).or_insert(vm..vm).end = vm + 1;
        }
        all
    }

    /// The VMs that are to run before `vm` begins.
    pub(super) fn before(&self, vm: usize) -> impl Iterator<Item = usize> {
        let spans = self.before.get(&vm).into_iter().flatten();
        spans.flat_map(|&(from, until)| from..until)
    }

    /// Which VMs are together or apart.
    pub(super) fn bonds(&self) -> &Bonds {
        &self.bonds
    }

    /// The figure of the lease summary called `name`, as it is claimed.
    pub(super) fn claimed(&self, name: &str) -> Option<f64> {
        self.late.iter().find(|(claimed, _)| claimed == name).map(|claim| claim.1)
    }

    /// Whether `lease` is a reservation.
    pub(super) fn is_reserved(&self, lease: u32) -> bool {
        self.reservations.get(lease as usize).copied().unwrap_or(false)
    }

    /// Whether `vm` belongs to a reservation.
    pub(super) fn is_reservation_of(&self, vm: usize) -> bool {
        self.is_reserved(self.lease_of(vm))
    }

    /// The lease of `vm`.
    pub(super) fn lease_of(&self, vm: usize) -> u32 {
        self.vms.get(vm).map_or(u32::MAX, |(lease, _)| *lease)
    }

    /// Where `actions` differ from what the leases held.
    pub(super) fn check(&self, actions: &[Action]) -> Vec<Problem> {
        if let Some(runs) = &self.free {
            return self.check_free(runs, actions);
        }
        let mut found = BTreeMap::new();
        for action in actions {
            let (host, begins) = match action.kind {
                ActionKind::VmStart => (action.to, true),
                ActionKind::VmStop => (action.from, false),
                _ => continue,
            };
            let vm = action.vm.and_then(|vm| self.vms.get(vm.0 as usize));
            let (Some(&(lease, needs)), Some(host)) = (vm, host) else { continue };
            add(&mut found, (action.at, lease, host.0, begins), needs);
        }
        // A run that ends as it begins holds nothing.
        let empty: Vec<Turn> = found
            .keys()
            .filter(|&&(at, lease, host, begins)| {
                begins
                    && !self.runs.contains_key(&(at, lease, host, true))
                    && found.get(&(at, lease, host, false)) == found.get(&(at, lease, host, true))
            })
            .copied()
            .collect();
        for (at, lease, host, _) in empty {
            found.remove(&(at, lease, host, true));
            found.remove(&(at, lease, host, false));
        }
        let turns: BTreeSet<&Turn> = self.runs.keys().chain(found.keys()).collect();
        let differs = |turn: &&Turn| self.runs.get(*turn) != found.get(*turn);
        turns.into_iter().filter(differs).map(|turn| self.problem(turn, found.get(turn))).collect()
    }

    fn problem(&self, turn: &Turn, found: Option<&[i64; 2]>) -> Problem {
        let &(at, lease, host, begins) = turn;
        let verb = if begins { "begin" } else { "cease" };
        let words = |held: Option<&[i64; 2]>| {
            held.map_or("none".to_owned(), |[cpu, mb]| format!("{cpu} CPU and {mb} MB"))
        };
        let (found, held) = (words(found), words(self.runs.get(turn)));
        let what = format!("VMs of lease {lease} {verb} on h{host}: {found}, the lease {held}");
        Problem::new("GLN-616", format!("actions at {at}"), what, REMEDY)
    }
}

/// What `stretch` holds, if it does so for VMs that run or are shut down.
fn held(stretch: &Stretch) -> Option<Held> {
    let Stretch { lease, purpose, start, end, ref hosts } = *stretch;
    let of = |&(host, amounts): &(u32, Amounts)| (host as usize, [amounts[CPU], amounts[MEMORY]]);
    let hosts = hosts.iter().map(of).collect();
    let counts = matches!(purpose, Use::Run | Use::Shutdown) && start < end;
    counts.then_some(Held { lease: lease.0, start, end, hosts })
}

/// What each VM of the fleet reserved: a VM of a lease is one for each core begun of what it asks
/// for, which share the CPU that it is promised evenly, and its memory is that of the first.
fn cores(request: &LeaseRequest) -> Vec<[i64; 2]> {
    let mut all = Vec::new();
    for (asked, need) in request.asked().zip(request.needs()) {
        let (mut cpu, mut left, mut memory) =
            (need[CPU], ((asked[CPU] + 99) / 100).max(1), need[MEMORY]);
        while left > 0 {
            let share = (cpu + left - 1) / left;
            all.push([share, memory]);
            (cpu, left, memory) = (cpu - share, left - 1, 0);
        }
    }
    all
}

/// The image of the VMs of `request`, with its MB.
fn image(request: &LeaseRequest) -> Option<(u32, i64)> {
    match request.software {
        Software::Image { image, size } if size > 0 => Some((image, size)),
        _ => None,
    }
}

/// For each core of all VMs: the first of its VM, and the image of that.
fn wants(requests: &[LeaseRequest]) -> Vec<(usize, Option<(u32, i64)>)> {
    let mut all = Vec::new();
    for request in requests {
        for asked in request.asked() {
            let first = all.len();
            let cores = ((asked[CPU] + 99) / 100).max(1);
            all.extend((0..cores).map(|_| (first, image(request))));
        }
    }
    all
}

/// For each VM of the fleet of sets that begin after others: the VMs of these, each a core or
/// `whole`.
fn before(requests: &[LeaseRequest], whole: bool) -> BTreeMap<usize, Vec<(usize, usize)>> {
    let (mut all, mut first) = (BTreeMap::new(), 0);
    for request in requests {
        let mut spans = Vec::new();
        for set in &request.nodes {
            let parts = if whole { 1 } else { ((set.need[CPU] + 99) / 100).max(1) as usize };
            let vms = parts * set.count as usize;
            spans.push((set.part.name.as_deref(), (first, first + vms)));
            first += vms;
        }
        for (set, &(_, (from, until))) in request.nodes.iter().zip(&spans) {
            let named = |name: &&String| spans.iter().find(|s| s.0 == Some(name.as_str()));
            let earlier: Vec<(usize, usize)> =
                set.part.after.iter().filter_map(|name| Some(named(&name)?.1)).collect();
            if !earlier.is_empty() {
                all.extend((from..until).map(|vm| (vm, earlier.clone())));
            }
        }
    }
    all
}

fn add(sums: &mut BTreeMap<Turn, [i64; 2]>, turn: Turn, amounts: [i64; 2]) {
    let sum = sums.entry(turn).or_default();
    *sum = [sum[0] + amounts[0], sum[1] + amounts[1]];
}
