//! Steps 1 to 6 of the worked sample of `docs/architecture.md`: from one line of a trace to two
//! migrations, every number worked by hand.
//!
//! A G5 host, h7, with VMs 31, 64, 90 and 812 runs over its MAD threshold; h3 (G5) and h5 (G4) may
//! receive. Histories are the hosts' own (`host-ring`): they end before the sample that is judged.

use std::fs;

use galerna::detect::{DetectorSpec, Lr, Mad, OverloadDetector, Thr, Verdict, WithFallback};
use galerna::id::{HostId, IdVec, VmId};
use galerna::model::{Fleet, Machine, Resources, Snapshot, VmHistories, VmType};
use galerna::place::{Ask, Draft, Held, HistoryKind, HostSet, Pabfd, PabfdSpec, Placer};
use galerna::place::{Placing, Resident};
use galerna::power::PowerTable;
use galerna::select::{Mmt, VmSelector};
use galerna::time::{Instant, Span};
use galerna::trace::{Selection, read};
use galerna::units::{Bytes, Mips, Watts};

const H3: HostId = HostId(3);
const H5: HostId = HostId(5);
const H7: HostId = HostId(7);
const V31: VmId = VmId(31);
const V64: VmId = VmId(64);
const V90: VmId = VmId(90);
const V812: VmId = VmId(812);
/// Run on h3 and h5 from the start.
const V3: VmId = VmId(3);
const V5: VmId = VmId(5);

/// Past load of h7.
const PAST: [f64; 12] = [0.30, 0.35, 0.40, 0.40, 0.45, 0.50, 0.40, 0.35, 0.45, 0.40, 0.60, 0.40];

/// 62.5 MB/s in sampling intervals of 300 s.
const INTERVALS_PER_BYTE: f64 = 1.0 / 62.5e6 / 300.0;

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() < tolerance, "{found}, expected {expected}");
}

/// Hosts 0 to 7, h3 and h7 G5, the others G4, and 813 VMs that ask for nothing but those of the
/// sample.
struct World {
    fleet: Fleet,
    demand: IdVec<VmId, f64>,
    histories: VmHistories,
    utilisation: IdVec<HostId, f64>,
}

impl World {
    fn new() -> Self {
        let machine = |name| Machine::named(name, Bytes::from_gib(32)).expect("a known machine");
        let machines = Machine::PUBLISHED.map(machine).to_vec();
        let mut fleet = Fleet::of_hosts(machines, [0, 0, 0, 1, 0, 0, 0, 1]);
        let other = VmType::new(Mips(2500.0), Bytes::from_mb(1740));
        fleet.add_vms_in_blocks(&[other], &(0..813).collect::<Vec<_>>());
        for (vm, mips, mb) in
            [(V31, 2000.0, 1740), (V64, 2500.0, 870), (V90, 500.0, 613), (V812, 2500.0, 870)]
        {
            (fleet.vm_mips[vm], fleet.vm_ram[vm]) = (Mips(mips), Bytes::from_mb(mb));
        }
        let mut demand = IdVec::filled(0.0, 813);
        // 0.43 x 2500 = 1075; 0.40 x 3720 = 1488 on h5; 0.35 x 5320 = 1862 on h3.
        for (vm, mips) in
            [(V31, 1800.0), (V64, 1800.0), (V90, 250.0), (V812, 1075.0), (V5, 1488.0), (V3, 1862.0)]
        {
            demand[vm] = mips;
        }
        let histories = VmHistories::new(813);
        Self { fleet, demand, histories, utilisation: IdVec::filled(0.0, 8) }
    }

    fn state(&self) -> Snapshot<'_> {
        Snapshot {
            now: Instant::from_seconds(4800.0),
            fleet: &self.fleet,
            demand: &self.demand,
            histories: &self.histories,
            utilisation: &self.utilisation,
        }
    }

    /// The layout before the decision, with the hosts' own past.
    fn draft(&self) -> Draft {
        let window = Mad::default().window();
        let mut draft = Draft::new(&self.fleet, HistoryKind::HostRing, INTERVALS_PER_BYTE, window);
        for (i, &load) in PAST.iter().enumerate() {
            let mut past = IdVec::filled(0.0, 8);
            past[H7] = load;
            past[H3] = 0.35;
            // .48 and .32 in turn: median .40, every deviation .08, so T = 1 - 2.5 * .08 = .80.
            past[H5] = if i % 2 == 0 { 0.48 } else { 0.32 };
            draft.remember(&past);
        }
        for (host, vms) in [(H3, &[V3][..]), (H5, &[V5]), (H7, &[V31, V64, V90, V812])] {
            let resident = |&vm: &VmId| Resident { vm, allocated: self.demand[vm] };
            let residents: Vec<Resident> = vms.iter().map(resident).collect();
            draft.settle(host, &residents, Held::default(), &self.state());
        }
        draft
    }

    fn power(&self, host: HostId, mips: f64) -> f64 {
        let table = PowerTable::of(self.fleet.machine_of(host));
        table.power(mips / self.fleet.capacity[host].0).0
    }
}

/// Takes VMs off h7 until it is no longer overloaded.
fn relieve(world: &World, draft: &mut Draft) -> Vec<VmId> {
    let mut leaving = Vec::new();
    loop {
        draft.assess(&[H7], &world.state(), &mut Mad::default()).expect("a verdict");
        if draft.verdicts() != [Verdict::Overloaded] {
            return leaving;
        }
        let picked = Mmt.pick(H7, draft.vms_on(H7), &world.state());
        let vm = picked.expect("a pick").expect("a VM");
        draft.remove(vm, H7, &world.state());
        leaving.push(vm);
    }
}

/// The 17th line, `43`, of the file of VM 812 is row 812, column 16, at t = 16 x 300 s: 0.43.
#[test]
fn step_1_the_17th_line_of_a_file_is_the_sample_at_4800_s() {
    let folder = tempfile::tempdir().expect("a folder");
    for vm in 0..813 {
        let mut lines = vec!["7"; 288];
        if vm == 812 {
            lines[16] = "43";
        }
        let path = folder.path().join(format!("vm-{vm:03}"));
        fs::write(path, lines.join("\n") + "\n").expect("a file");
    }
    let trace = read(folder.path(), &Selection::default()).expect("a trace");
    assert_eq!((trace.name(812), trace.fraction(812, 16)), ("vm-812", 0.43));
    assert_eq!((trace.fraction(812, 15), trace.fraction(811, 16)), (0.07, 0.07));
    assert_eq!(Instant::START + Span(trace.step().0 * 16), Instant::from_seconds(4800.0));
}

/// 0.43 x 2500 = 1075 MIPS; with 1800 + 1800 + 250 that is 4925 of 5320 = .92575; 133 W at 90 %
/// plus .2575 of the 2 W to 100 % = 133.515 W, for 300 s 40 054.5 J.
#[test]
fn step_2_the_host_is_at_0_926_and_draws_133_5_watts() {
    let world = World::new();
    let room = *world.draft().room(H7);
    close(0.43 * world.fleet.vm_mips[V812].0, 1075.0, 1e-9);
    close(room.requested, 4925.0, 1e-9);
    close(room.utilisation(), 0.925_752, 1e-6);
    let watts = world.power(H7, room.requested);
    close(watts, 133.515, 1e-4);
    close((Watts(watts) * Span::from_seconds(300.0)).0, 40_054.5, 0.02);
}

/// Median .40, MAD .05, T = 1 - 2.5 x .05 = .875 < .92575. Were the current sample part of its own
/// history, there would be 13 samples; without the oldest there are 11, too few for a verdict.
#[test]
fn step_3_the_host_is_overloaded_by_its_own_past_before_this_sample() {
    let world = World::new();
    let mut draft = world.draft();
    close(Mad::default().threshold(&PAST).expect("12 samples"), 0.875, 1e-12);
    draft.assess(&[H7], &world.state(), &mut Mad::default()).expect("a verdict");
    assert_eq!(draft.verdicts(), [Verdict::Overloaded]);

    let mut strict = Mad { min_history: 13, ..Mad::default() };
    draft.assess(&[H7], &world.state(), &mut strict).expect("a verdict");
    assert_eq!(draft.verdicts(), [Verdict::Unknown], "12 samples of the past, not 13");
    let fallback = DetectorSpec::Thr(Thr { threshold: 0.95 }).build();
    let mut with_fallback = WithFallback::new(Box::new(strict), fallback);
    draft.assess(&[H7], &world.state(), &mut with_fallback).expect("a verdict");
    assert_eq!(draft.verdicts(), [Verdict::Normal], "the fallback answers: .926 < .95");
    draft.remember(&IdVec::filled(0.925_752, 8));
    let mut strict = Mad { min_history: 13, ..Mad::default() };
    draft.assess(&[H7], &world.state(), &mut strict).expect("a verdict");
    assert_ne!(draft.verdicts(), [Verdict::Unknown], "the sample is remembered afterwards");
}

/// A load that rises by .02 a sample up to .80 is at .82 one interval on: 1.2 x .82 = .984 < 1; up
/// to .84 it is at .86, and 1.2 x .86 = 1.032. The longest copy, 27.84 s, takes one interval.
#[test]
fn step_4_a_forecast_of_one_when_scaled_is_overload() {
    for (latest, expected) in [(0.80, Verdict::Normal), (0.84, Verdict::Overloaded)] {
        let world = World::new();
        let window = Lr::default().window();
        let mut draft = Draft::new(&world.fleet, HistoryKind::HostRing, INTERVALS_PER_BYTE, window);
        for back in (0..10).rev() {
            draft.remember(&IdVec::filled(latest - 0.02 * f64::from(back), 8));
        }
        let resident = Resident { vm: V31, allocated: 1800.0 };
        draft.settle(H7, &[resident], Held::default(), &world.state());
        draft.assess(&[H7], &world.state(), &mut Lr::default()).expect("a verdict");
        assert_eq!(draft.verdicts(), [expected], "latest {latest}");
    }
}

/// 613 MB is copied first: VM 90 leaves, 4675 / 5320 = .8788, still above .875. 64 and 812 tie at
/// 870 MB: the lower id leaves, 2875 / 5320 = .5404.
#[test]
fn step_5_vms_90_and_64_leave() {
    let world = World::new();
    let mut draft = world.draft();
    draft.remove(V90, H7, &world.state());
    close(draft.room(H7).utilisation(), 0.8788, 5e-5);
    let mut draft = world.draft();
    assert_eq!(relieve(&world, &mut draft), [V90, V64]);
    close(draft.room(H7).utilisation(), 0.5404, 5e-5);
}

/// For VM 64, h5 would rise from 99.5 to 113.677 W (+14.18) at 3288 / 3720 = .884, above its T of
/// .80; h3 rises from 107.5 to 124.534 W (+17.03) at 3662 / 5320 = .688. For VM 90, h5 rises by
/// 1.68 W (to 1738 / 3720 = .467), h3, with VM 64 on it, by 1.88 W (to 3912 / 5320 = .735).
#[test]
fn step_6_vm_64_goes_to_h3_and_vm_90_to_h5() {
    let world = World::new();
    let rise = |host, from: f64, by: f64| world.power(host, from + by) - world.power(host, from);
    close(rise(H5, 1488.0, 1800.0), 14.18, 5e-3);
    close(rise(H3, 1862.0, 1800.0), 17.03, 5e-3);
    close(rise(H5, 1488.0, 250.0), 1.68, 5e-3);
    close(rise(H3, 3662.0, 250.0), 1.88, 5e-3);

    let mut draft = world.draft();
    let leaving = relieve(&world, &mut draft);
    let mut excluded = HostSet::none(8);
    excluded.insert(H7);
    let detector: &mut dyn OverloadDetector = &mut Mad::default();
    let mut ask = Ask { state: world.state(), excluded: &excluded, wake: false, detector };
    let arrival = draft.arrival(V64, &ask.state);
    let refused =
        draft.assess_one(H5, Some(&arrival), &ask.state, ask.detector).expect("a verdict");
    assert_eq!(refused, Verdict::Overloaded, ".884 > .80");
    let mut pabfd = Pabfd::new(PabfdSpec::default(), &world.fleet);
    let outcome = pabfd.place(&leaving, &mut draft, &mut ask, Placing::Each).expect("a placement");
    assert_eq!(outcome.placed, [(V64, H3), (V90, H5)], "by falling demand");
    assert!(outcome.left.is_empty());

    close(draft.room(H3).utilisation(), 0.6883, 5e-5);
    close(draft.room(H5).utilisation(), 0.4672, 5e-5);
    for host in [H3, H5, H7] {
        let none = Resources::default();
        assert!(none.fit_in(&draft.room(host).free), "{host} has room");
    }
}
