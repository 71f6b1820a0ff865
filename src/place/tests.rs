//! Drafts and placers against plain reckoning on random small fleets.

use super::*;
use crate::detect::Thr;
use crate::id::IdVec;
use crate::model::{Fleet, Machine, Snapshot, VmHistories, VmType};
use crate::power::PowerTable;
use crate::random::{Stream, below, stream};
use crate::time::Instant;
use crate::units::{Bytes, Mips};

const HOSTS: usize = 12;
const VMS: usize = 40;

/// 12 hosts of both machines and 40 VMs of one kind.
fn fleet() -> Fleet {
    let machine = |name| Machine::named(name, Bytes::from_gib(8)).unwrap();
    let machines = Machine::CATALOGUE.map(machine).to_vec();
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
        if !room.fits(&needs) || overloaded {
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
        let roster = Roster { home: &home, bound: &bound };
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
