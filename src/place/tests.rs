//! Drafts and placers against plain reckoning on random small fleets.

use super::*;
use crate::detect::{HostLoad, Lr, OverloadDetector, Thr, Verdict, Weights};
use crate::id::IdVec;
use crate::model::{Fleet, Machine, Snapshot, VmHistories, VmType};
use crate::policy::PolicyError;
use crate::power::PowerTable;
use crate::random::{Stream, below, stream};
use crate::time::Instant;
use crate::units::{Bytes, Mips};

const HOSTS: usize = 12;
const VMS: usize = 40;

/// 12 hosts of both machines and 40 VMs of one kind.
fn fleet() -> Fleet {
    let machine = |name| Machine::named(name, Bytes::from_gib(8)).unwrap();
    let machines = Machine::PUBLISHED.map(machine).to_vec();
    let mut fleet = Fleet::of_hosts(machines, (0..HOSTS).map(|host| (host % 2) as u16));
    let kind = VmType::new(Mips(2500.0), Bytes::from_mb(870));
    fleet.add_vms_in_blocks(&[kind], &(0..VMS).collect::<Vec<_>>());
    fleet
}

/// Lends `body` a draft with some VMs on the first hosts and the rest to be placed.
fn on_a_random_draft(seed: u64, body: impl FnOnce(&mut Draft, Snapshot<'_>, &[VmId], &mut Stream)) {
    let (fleet, mut stream) = (fleet(), stream(seed, "test"));
    let demand: IdVec<VmId, f64> =
        (0..VMS).map(|_| below(900, &mut stream) as f64 + 0.25).collect();
    let (histories, utilisation) = (VmHistories::new(VMS), IdVec::filled(0.0, HOSTS));
    let now = Instant::START;
    let (demand, histories, utilisation) = (&demand, &histories, &utilisation);
    let state = Snapshot { now, fleet: &fleet, demand, histories, utilisation };
    let mut draft = Draft::new(&fleet, HistoryKind::VmsOnHost, 1e-9, 0).judged_by(&Thr::default());
    for host in 0..7 {
        let on = |&vm: &usize| vm % 2 == 0 && vm % 7 == host;
        let residents: Vec<Resident> = (0..VMS)
            .filter(on)
            .map(|vm| VmId(vm as u32))
            .map(|vm| Resident { vm, allocated: demand[vm] })
            .collect();
        draft.settle(HostId(host as u32), &residents, Held::default(), &state);
    }
    let waiting: Vec<VmId> = (0..VMS as u32).filter(|vm| vm % 2 == 1).map(VmId).collect();
    body(&mut draft, state, &waiting, &mut stream);
}

/// Everything a draft says of every host.
fn said(draft: &Draft) -> String {
    let hosts = (0..HOSTS as u32).map(HostId);
    let rooms: Vec<_> = hosts.map(|h| (draft.vms_on(h).to_vec(), *draft.room(h))).collect();
    format!("{rooms:?} {:?}", draft.occupied())
}

#[test]
fn undoing_restores_the_draft_to_the_last_bit() {
    for seed in 0..50 {
        on_a_random_draft(seed, |draft, state, waiting, stream| {
            let (before, mark) = (said(draft), draft.mark());
            for &vm in waiting {
                let host = HostId(below(HOSTS, stream) as u32);
                draft.append(vm, host, state.demand[vm], &state);
            }
            assert_ne!(said(draft), before);
            draft.undo(mark);
            assert_eq!(said(draft), before);
        });
    }
}

/// The host that adds least power, by asking every host in id order as the paper writes it down.
fn plainly_best(vm: VmId, draft: &Draft, ask: &Ask<'_>) -> Option<HostId> {
    let (fleet, needs) = (ask.state.fleet, ask.state.needs(vm));
    let demand = needs.cpu;
    let mut best: Option<(f64, HostId)> = None;
    for host in (0..HOSTS as u32).map(HostId).filter(|&host| !ask.excluded.contains(host)) {
        let room = draft.room(host);
        let load = (room.requested + demand) / room.capacity;
        let overloaded = room.allocated != 0.0 && load > 0.8;
        if !room.fits(&needs, demand) || overloaded {
            continue;
        }
        let table = PowerTable::of(fleet.machine_of(host));
        let before = match room.vms {
            0 => 0.0,
            _ => table.power(room.allocated / room.capacity).0,
        };
        let increase = table.power((room.allocated + demand) / room.capacity).0 - before;
        if best.is_none_or(|(least, _)| increase < least) {
            best = Some((increase, host));
        }
    }
    best.map(|(_, host)| host)
}

#[test]
fn pabfd_decides_as_if_it_had_asked_every_host() {
    for seed in 0..200 {
        on_a_random_draft(seed, |draft, state, waiting, stream| {
            let mut excluded = HostSet::none(HOSTS);
            excluded.insert(HostId(below(HOSTS, stream) as u32));
            let (mut plain, mut thr) = (draft.clone(), Thr::default());
            let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut thr };
            let mut pabfd = Pabfd::new(PabfdSpec::default(), state.fleet);
            let outcome = pabfd.place(waiting, draft, &mut ask, Placing::Each).unwrap();
            for &(vm, host) in &outcome.placed {
                assert_eq!(plainly_best(vm, &plain, &ask), Some(host), "seed {seed}, {vm}");
                plain.append(vm, host, state.demand[vm], &state);
            }
            assert_eq!(outcome.placed.len() + outcome.left.len(), waiting.len());
        });
    }
}

/// Both sleeping G4 are empty, but VMs that leave the first still hold its memory: the next wakes.
#[test]
fn the_next_sleeping_host_wakes_where_the_first_has_no_room() {
    on_a_random_draft(0, |draft, state, waiting, _| {
        let held = Held { ram: Bytes::from_gib(8).0 as f64, ..Held::default() };
        draft.settle(HostId(8), &[], held, &state);
        let mut excluded = HostSet::none(HOSTS);
        (0..12u32).filter(|h| ![8, 10].contains(h)).for_each(|h| excluded.insert(HostId(h)));
        let mut thr = Thr::default();
        let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut thr };
        let mut pabfd = Pabfd::new(PabfdSpec::default(), state.fleet);
        let outcome = pabfd.place(&waiting[..1], draft, &mut ask, Placing::Each).unwrap();
        assert_eq!(outcome.placed, [(waiting[0], HostId(10))]);
    });
}

/// The first of `moves` that the draft of seed 0 refuses.
fn refused(moves: &[(u32, u32)]) -> Option<(VmId, Refusal)> {
    let mut found = None;
    on_a_random_draft(0, |draft, state, waiting, _| {
        let mut home: IdVec<VmId, Option<HostId>> = IdVec::filled(None, VMS);
        for host in (0..HOSTS as u32).map(HostId) {
            draft.vms_on(host).iter().for_each(|&vm| home[vm] = Some(host));
        }
        waiting[1..].iter().for_each(|&vm| home[vm] = Some(HostId(11)));
        let mut bound = IdVec::filled(0, VMS);
        bound[VmId(4)] = 1;
        let (excluded, mut thr) = (HostSet::none(HOSTS), Thr::default());
        let ask = Ask { state, excluded: &excluded, wake: true, detector: &mut thr };
        let roster = Roster { home: &home, bound: &bound, down_s: &[] };
        assert!(roster.is_movable(VmId(2)) && !roster.is_movable(VmId(4)));
        let moves: Vec<_> = moves.iter().map(|&(vm, to)| (VmId(vm), HostId(to))).collect();
        found = enter(&moves, draft, &ask, roster).err();
    });
    found
}

#[test]
fn a_planned_move_that_cannot_be_made_is_refused_and_says_why() {
    assert_eq!(refused(&[(0, 8), (2, 8), (7, 9)]), None);
    let cases = [
        ((40, 0), Refusal::UnknownVm(40, 39)),
        ((2, 12), Refusal::UnknownHost(12, 11)),
        ((0, 9), Refusal::Twice),
        ((1, 3), Refusal::Absent),
        ((4, 0), Refusal::Bound),
        ((2, 2), Refusal::AtHome(2)),
    ];
    for (wrong, refusal) in cases {
        assert_eq!(refused(&[(0, 8), wrong]), Some((VmId(wrong.0), refusal)));
    }
}

/// 8 GiB hold 9 VMs of 870 MB: the tenth is refused, whatever their demand.
#[test]
fn planned_moves_take_memory_one_after_the_other() {
    let moves: Vec<(u32, u32)> = (3..40).step_by(2).map(|vm| (vm, 8)).collect();
    let (vm, refusal) = refused(&moves).expect("one is too many");
    let Refusal::NoRoom { host: 8, demand, free, free_mb, .. } = refusal else {
        panic!("{refusal}");
    };
    let entered = moves.iter().position(|&(other, _)| VmId(other) == vm).unwrap();
    assert!(entered == 9 && free_mb < 870.0 || demand > free, "{entered} entered: {refusal}");
}

/// Notes what it is shown.
#[derive(Default)]
struct Spy(Vec<(f64, Vec<f64>, f64)>);

impl OverloadDetector for Spy {
    fn name(&self) -> &str {
        "spy"
    }
    fn window(&self) -> usize {
        40
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        self.0.push((load.now, load.history.to_vec(), load.copy_intervals));
        Ok(Verdict::Normal)
    }
}

/// One host with five VMs of different memory and past, the last two young.
fn with_pasts(window: usize, body: impl FnOnce(Draft, Snapshot<'_>, &[VmId])) {
    let (mut fleet, mut stream) = (fleet(), stream(1, "test"));
    let vms: Vec<VmId> = (0..5).map(VmId).collect();
    let mut histories = VmHistories::with_window(VMS, window);
    for &vm in &vms {
        fleet.vm_ram[vm] = Bytes::from_mb(500 + 100 * u64::from(vm.0 * vm.0 % 7));
        for _ in 0..if vm.0 < 3 { 60 } else { 25 } {
            histories.push(vm, below(1000, &mut stream) as f64 / 1000.0);
        }
    }
    let demand: IdVec<VmId, f64> = (0..VMS).map(|_| below(900, &mut stream) as f64).collect();
    let (demand, histories, utilisation) = (&demand, &histories, &IdVec::filled(0.0, HOSTS));
    let state = Snapshot { now: Instant::START, fleet: &fleet, demand, histories, utilisation };
    let mut draft = Draft::new(&fleet, HistoryKind::VmsOnHost, 1e-12, window);
    let resident = |&vm: &VmId| Resident { vm, allocated: demand[vm] };
    let residents: Vec<Resident> = vms.iter().map(resident).collect();
    draft.settle(HostId(0), &residents, Held::default(), &state);
    body(draft, state, &vms);
}

#[test]
fn without_some_vms_a_host_is_judged_as_after_taking_them_off() {
    for leaving in [&[][..], &[VmId(1)], &[VmId(0), VmId(1), VmId(2)], &[VmId(3), VmId(0)]] {
        with_pasts(40, |mut draft, state, _| {
            let (mut asked, mut taken) = (Spy::default(), Spy::default());
            draft.assess_without(leaving, HostId(0), &state, &mut asked).unwrap();
            leaving.iter().for_each(|&vm| draft.remove(vm, HostId(0), &state));
            draft.assess(&[HostId(0)], &state, &mut taken).unwrap();
            assert_eq!(asked.0, taken.0, "{leaving:?}");
            assert_eq!(asked.0[0].1.len(), if leaving.len() == 3 { 25 } else { 40 });
        });
    }
}

/// A plain line through a flat past of 1 / 1.2 predicts exactly the limit, so that sums cannot tell
/// and the detector is asked; each time it must be shown the same past.
#[test]
fn a_detector_that_sums_cannot_spare_is_shown_the_same_past_each_time() {
    let (fleet, host) = (fleet(), HostId(0));
    let mut histories = VmHistories::new(VMS);
    let level = fleet.capacity[host].0 / 1.2 / 5000.0 * (1.0 - 1e-13);
    let vms = [VmId(0), VmId(1)];
    vms.iter().for_each(|&vm| (0..12).for_each(|_| histories.push(vm, level)));
    let demand = IdVec::filled(level * 2500.0, VMS);
    let (demand, histories, utilisation) = (&demand, &histories, &IdVec::filled(0.0, HOSTS));
    let state = Snapshot { now: Instant::START, fleet: &fleet, demand, histories, utilisation };
    let mut lr = Lr { weights: Weights::None, ..Lr::default() };
    let mut draft = Draft::new(&fleet, HistoryKind::VmsOnHost, 1e-12, 10).judged_by(&lr);
    let residents = vms.map(|vm| Resident { vm, allocated: demand[vm] });
    draft.settle(host, &residents, Held::default(), &state);
    for _ in 0..3 {
        draft.assess(&[host], &state, &mut lr).unwrap();
        assert_eq!(draft.verdicts(), [Verdict::Normal]);
    }
}

#[test]
fn pasts_are_lent_whatever_the_detector() {
    with_pasts(30, |draft, _, _| {
        let past = draft.past(HostId(0), 5).to_vec();
        let linear = draft.judged_by(&Lr::default());
        assert!(!linear.keeps_pasts() && past.len() == 5);
        with_pasts(30, |draft, state, vms| {
            let mut lending = draft.judged_by(&Lr::default()).lending_pasts(true);
            vms.iter().for_each(|&vm| lending.remove(vm, HostId(0), &state));
            vms.iter().for_each(|&vm| lending.append(vm, HostId(0), state.demand[vm], &state));
            assert_eq!(lending.past(HostId(0), 5), past);
        });
    });
}

/// A host of 1000 MIPS with one VM that asks for .2 and .6 by turns: mean 400, variance 200^2. With
/// another such VM the sum is 800 and, at factor 1, its spread 200 sqrt 2: the limit is .7071 of it
/// away, of which the normal tail is .23975.
#[test]
fn the_risk_after_a_move_is_that_of_both_pasts_together() {
    let any = Machine::named(Machine::PUBLISHED[0], Bytes::from_gib(8)).unwrap();
    let machine = Machine { core_mips: Mips(1000.0), cores: 1, ..any };
    let mut fleet = Fleet::of_hosts(vec![machine], [0, 0]);
    let kind = VmType::new(Mips(1000.0), Bytes(1));
    fleet.add_vms_in_blocks(&[kind], &[0, 1, 2]);
    let mut histories = VmHistories::with_window(3, 48);
    for k in 0..48 {
        let utilisation = if k % 2 == 0 { 0.2 } else { 0.6 };
        for vm in [0, 1] {
            histories.push(VmId(vm), utilisation);
        }
    }
    let demand: IdVec<VmId, f64> = [400.0, 400.0, 900.0].into_iter().collect();
    let utilisation = IdVec::filled(0.0, 2);
    let (now, histories, demand) = (Instant::START, &histories, &demand);
    let state = Snapshot { now, fleet: &fleet, demand, histories, utilisation: &utilisation };
    let mut draft = Draft::new(&fleet, HistoryKind::VmsOnHost, 1e-9, 0);
    let resident = Resident { vm: VmId(0), allocated: 400.0 };
    draft.settle(HostId(0), &[resident], Held::default(), &state);
    let mut risk = RiskAfter::new(After { factor: 1.0, ..After::default() });
    let p = risk.with(VmId(1), HostId(0), &draft, &state);
    assert!((p - 0.239_75).abs() < 1e-4, "{p}");
    // Without a past it counts by what it asks for: 900 and 400 are above 1000 almost surely.
    assert!(risk.with(VmId(2), HostId(0), &draft, &state) > 0.9);
    let mut thr = Thr::default();
    let (excluded, wake) = (HostSet::none(2), true);
    for (threshold, host) in [(0.3, 0), (0.2, 1)] {
        let after = After { factor: 1.0, ..After::default() };
        let spec = RiskFitSpec { threshold, after, ..RiskFitSpec::default() };
        let (mut draft, mut placer) = (draft.clone(), risk_fit::risk_fit(&spec, &fleet));
        let mut ask = Ask { state, excluded: &excluded, wake, detector: &mut thr };
        let outcome = placer.place(&[VmId(1)], &mut draft, &mut ask, Placing::Each).unwrap();
        assert_eq!(outcome.placed, [(VmId(1), HostId(host))], "{threshold}");
    }
}
