//! Do the indexed placers choose what a plain scan of all hosts would choose?
//!
//! Random small fleets with few distinct amounts, so that ties abound, up to four scarce resources,
//! hosts asleep and awake, excluded hosts, and drafts that are filled, undone, emptied and settled
//! while the placer keeps its index. The scan below is written from the stories of the placers.

#[path = "../benches/fill/instance.rs"]
mod instance;

use galerna::detect::Thr;
use galerna::id::{HostId, Id, IdVec, VmId};
use galerna::model::{Fleet, Machine, Resources, Snapshot, VmHistories, VmType};
use galerna::place::{Ask, Draft, Held, HistoryKind, HostSet, Outcome, Placing, Resident, Room};
use galerna::random::{Stream, below, stream};
use galerna::time::Instant;
use galerna::units::{Bytes, BytesPerSecond, Mips, Watts};
use instance::{Fill, placer};

/// A placer told plainly.
struct Rule {
    /// What VMs are sorted by, the largest first, if they are.
    size: Option<Size>,
    /// What makes a host worse.
    cost: Cost,
    avoids_overload: bool,
    wakes_last: bool,
}

type Size = fn(&Resources, &Resources) -> f64;
type Cost = fn(&Room, &Resources, &Resources, &Resources) -> f64;

fn cpu_size(needs: &Resources, _largest: &Resources) -> f64 {
    needs.cpu
}

/// The sum over resources of what is taken of the largest host.
fn mean_size(needs: &Resources, largest: &Resources) -> f64 {
    let (needs, largest) = (needs.as_array(), largest.as_array());
    (0..4).map(|i| needs[i] / largest[i]).sum()
}

/// The largest share over resources of what is taken of the largest host.
fn tightest_size(needs: &Resources, largest: &Resources) -> f64 {
    let (needs, largest) = (needs.as_array(), largest.as_array());
    (0..4).map(|i| needs[i] / largest[i]).fold(0.0, f64::max)
}

fn cpu_share(room: &Room, has: &Resources) -> f64 {
    room.free.cpu / has.cpu
}

fn shares(room: &Room, has: &Resources) -> Vec<f64> {
    let (free, has) = (room.free.as_array(), has.as_array());
    (0..4).filter(|&i| has[i] < f64::INFINITY).map(|i| free[i] / has[i]).collect()
}

/// What is left and what is taken, as shares of the largest host.
fn points(room: &Room, needs: &Resources, largest: &Resources) -> Vec<(f64, f64)> {
    let (free, needs, largest) = (room.free.as_array(), needs.as_array(), largest.as_array());
    let limited = (0..4).filter(|&i| largest[i] < f64::INFINITY);
    limited.map(|i| ((free[i] / largest[i]).min(1.0), (needs[i] / largest[i]).min(1.0))).collect()
}

fn dot_product(room: &Room, _has: &Resources, needs: &Resources, largest: &Resources) -> f64 {
    -points(room, needs, largest).iter().map(|(r, v)| v * r).sum::<f64>()
}

fn cosine(room: &Room, _has: &Resources, needs: &Resources, largest: &Resources) -> f64 {
    let points = points(room, needs, largest);
    let product: f64 = points.iter().map(|(r, v)| v * r).sum();
    let length = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>().sqrt();
    -product / (length(|(_, v)| v * v) * length(|(r, _)| r * r))
}

fn norm_diff(room: &Room, _has: &Resources, needs: &Resources, largest: &Resources) -> f64 {
    points(room, needs, largest).iter().map(|(r, v)| (r - v) * (r - v)).sum()
}

/// Every placer under test: its spec and what it should do.
fn rules() -> Vec<(&'static str, Rule)> {
    let rule =
        |size, cost, avoids_overload, wakes_last| Rule { size, cost, avoids_overload, wakes_last };
    let fullest: Cost = |room, has, _, _| cpu_share(room, has);
    let emptiest: Cost = |room, has, _, _| -cpu_share(room, has);
    let first: Cost = |_, _, _, _| 0.0;
    let least_tight: Cost = |room, has, _, _| shares(room, has).into_iter().fold(1.0, f64::min);
    let least_mean: Cost = |room, has, _, _| {
        let shares = shares(room, has);
        shares.iter().sum::<f64>() / shares.len() as f64
    };
    let ram: Cost = |room, has, _, _| -room.free.ram / has.ram;
    let disk: Cost =
        |room, has, _, _| if has.disk.is_finite() { room.free.disk / has.disk } else { 1.0 };
    vec![
        ("kind = 'first-fit'", rule(None, first, true, false)),
        ("kind = 'first-fit'\noverload = 'ignored'", rule(None, first, false, false)),
        ("kind = 'first-fit'\nwake = 'last-resort'", rule(None, first, true, true)),
        ("kind = 'first-fit-decreasing'", rule(Some(cpu_size), first, true, false)),
        (
            "kind = 'first-fit-decreasing'\nby = 'tightest'",
            rule(Some(tightest_size), first, true, false),
        ),
        ("kind = 'best-fit'", rule(None, fullest, true, false)),
        ("kind = 'best-fit'\noverload = 'ignored'", rule(None, fullest, false, false)),
        ("kind = 'best-fit'\nby = 'disk'", rule(None, disk, true, false)),
        ("kind = 'best-fit'\nby = 'tightest'", rule(None, least_tight, true, false)),
        (
            "kind = 'best-fit-decreasing'\nby = 'mean'\nwake = 'last-resort'",
            rule(Some(mean_size), least_mean, true, true),
        ),
        ("kind = 'best-fit-decreasing'", rule(Some(cpu_size), fullest, true, false)),
        ("kind = 'worst-fit'", rule(None, emptiest, true, false)),
        ("kind = 'worst-fit'\nby = 'ram'\nwake = 'last-resort'", rule(None, ram, true, true)),
        ("kind = 'worst-fit-decreasing'", rule(Some(cpu_size), emptiest, true, false)),
        ("kind = 'dot-product'", rule(Some(mean_size), dot_product, true, true)),
        (
            "kind = 'dot-product'\noverload = 'ignored'\nwake = 'like-any'",
            rule(Some(mean_size), dot_product, false, false),
        ),
        ("kind = 'cosine'", rule(Some(mean_size), cosine, true, true)),
        ("kind = 'cosine'\nwake = 'like-any'", rule(Some(mean_size), cosine, true, false)),
        ("kind = 'norm-diff'", rule(Some(mean_size), norm_diff, true, true)),
        ("kind = 'norm-diff'\noverload = 'ignored'", rule(Some(mean_size), norm_diff, false, true)),
    ]
}

/// The threshold above which a host counts as overloaded.
const THRESHOLD: f64 = 0.75;

/// The host that the scan chooses among those that `may` receive.
fn scan(
    vm: VmId,
    rule: &Rule,
    draft: &Draft,
    state: &Snapshot<'_>,
    may: &dyn Fn(HostId) -> bool,
) -> Option<HostId> {
    let (fleet, needs) = (state.fleet, state.needs(vm));
    let mut best: Option<(f64, HostId)> = None;
    for host in fleet.capacity.ids().filter(|&host| may(host)) {
        let room = draft.room(host);
        let free = room.free.as_array();
        let enough = needs.as_array().iter().zip(free).all(|(needs, free)| *needs <= free);
        let load = (room.requested + needs.cpu) / room.capacity;
        let overloaded = room.allocated > 0.0 && load > THRESHOLD;
        if needs.cpu > room.core || !enough || (rule.avoids_overload && overloaded) {
            continue;
        }
        let cost = (rule.cost)(room, &fleet.capacities(host), &needs, &fleet.largest());
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, host));
        }
    }
    best.map(|(_, host)| host)
}

/// What `rule` does with `vms`.
fn plainly(
    vms: &[VmId],
    rule: &Rule,
    draft: &mut Draft,
    state: &Snapshot<'_>,
    (excluded, wake, placing): (&HostSet, bool, Placing),
) -> Outcome {
    let mut order = vms.to_vec();
    if let Some(size) = rule.size {
        let largest = state.fleet.largest();
        let size = |&vm: &VmId| size(&state.needs(vm), &largest);
        order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    }
    let (mark, mut outcome) = (draft.mark(), Outcome::default());
    for &vm in &order {
        let any = |host| !excluded.contains(host);
        let awake = |host| any(host) && draft.room(host).vms > 0;
        let asleep = |host| any(host) && draft.room(host).vms == 0;
        let host = match (wake, rule.wakes_last) {
            (false, _) => scan(vm, rule, draft, state, &awake),
            (true, false) => scan(vm, rule, draft, state, &any),
            (true, true) => scan(vm, rule, draft, state, &awake)
                .or_else(|| scan(vm, rule, draft, state, &asleep)),
        };
        match host {
            Some(host) => {
                draft.append(vm, host, state.demand[vm], state);
                outcome.placed.push((vm, host));
            }
            None => outcome.left.push(vm),
        }
    }
    if placing == Placing::AllOrNone && !outcome.left.is_empty() {
        draft.undo(mark);
        return Outcome { placed: Vec::new(), left: order };
    }
    outcome
}

/// A fleet of up to 40 hosts of up to three kinds and 60 VMs.
fn fleet(random: &mut Stream) -> Fleet {
    let mut machine = || {
        let cores = 1 + below(2, random) as u32;
        Machine {
            name: "any".into(),
            cores,
            core_mips: Mips(f64::from(8 / cores)),
            ram: Bytes(4 + below(4, random) as u64),
            disk: (below(2, random) == 1).then(|| Bytes(5 + below(3, random) as u64)),
            net: (below(3, random) == 1).then(|| BytesPerSecond(6.0 + below(2, random) as f64)),
            power: [Watts(100.0); 11],
        }
    };
    let machines = vec![machine(), machine(), machine()];
    let pattern: Vec<u16> = (0..1 + below(40, random)).map(|_| below(3, random) as u16).collect();
    let mut fleet = Fleet::of_hosts(machines, pattern);
    for row in 0..60 {
        let mut draw = |most| below(most, random) as u64;
        let (ram, disk, net) = (Bytes(1 + draw(3)), Bytes(draw(4)), BytesPerSecond(draw(3) as f64));
        fleet.add_vm(VmType { mips: Mips(8.0), cores: 1, ram, disk, net }, row);
    }
    fleet
}

/// Empties the draft and puts some of the VMs on random hosts, whether or not there is room; the
/// others wait.
fn settle(draft: &mut Draft, state: &Snapshot<'_>, random: &mut Stream) -> Vec<VmId> {
    draft.clear(state.fleet);
    let (hosts, settled) = (state.fleet.hosts(), below(30, random));
    let mut on = vec![Vec::new(); hosts];
    for vm in 0..settled as u32 {
        let allocated = state.demand[VmId(vm)];
        on[below(hosts, random)].push(Resident { vm: VmId(vm), allocated });
    }
    for (host, residents) in on.iter().enumerate() {
        let leaving = Held { ram: below(2, random) as f64, ..Held::default() };
        if !residents.is_empty() {
            draft.settle(HostId::from_index(host), residents, leaving, state);
        }
    }
    (settled as u32..60).map(VmId).collect()
}

/// 60 fleets for each of 20 placers, three decisions each with four batches.
#[test]
fn every_indexed_placer_chooses_what_a_scan_chooses() {
    let (mut placed, mut left) = (0, 0);
    for (text, rule) in rules() {
        let spec = placer(text);
        for seed in 0..60 {
            let random = &mut stream(seed, "test.placements");
            let fleet = fleet(random);
            let demand: IdVec<VmId, f64> = (0..60).map(|_| below(6, random) as f64).collect();
            let (histories, now) = (VmHistories::new(60), Instant::START);
            let utilisation = IdVec::filled(0.0, fleet.hosts());
            let (demand, histories, utilisation) = (&demand, &histories, &utilisation);
            let state = Snapshot { now, fleet: &fleet, demand, histories, utilisation };
            let mut draft = Draft::new(&fleet, HistoryKind::VmsOnHost, 0.0, 0);
            let mut thr = Thr { threshold: THRESHOLD };
            if seed % 2 == 0 {
                draft = draft.judged_by(&thr);
            }
            let mut indexed = spec.build(&fleet);
            for _ in 0..3 {
                let waiting = settle(&mut draft, &state, random);
                for batch in waiting.chunks(12) {
                    let mut excluded = HostSet::none(fleet.hosts());
                    excluded.insert(HostId::from_index(below(fleet.hosts(), random)));
                    let wake = below(2, random) == 1;
                    let placing = [Placing::Each, Placing::AllOrNone][below(2, random)];
                    let terms = (&excluded, wake, placing);
                    let expected = plainly(batch, &rule, &mut draft.clone(), &state, terms);
                    let mark = draft.mark();
                    let mut ask = Ask { state, excluded: &excluded, wake, detector: &mut thr };
                    let found = indexed.place(batch, &mut draft, &mut ask, placing);
                    assert_eq!(found.unwrap(), expected, "{text}, seed {seed}");
                    (placed, left) = (placed + expected.placed.len(), left + expected.left.len());
                    match below(3, random) {
                        0 => draft.undo(mark),
                        1 => expected.placed.iter().for_each(|&(vm, host)| {
                            if vm.0.is_multiple_of(2) {
                                draft.remove(vm, host, &state);
                            }
                        }),
                        _ => {}
                    }
                }
            }
        }
    }
    assert!(placed > 20_000 && left > 4_000, "{placed} placed, {left} left: too one-sided");
}

/// 2000 VMs are more than 50 hosts hold: the end of the fill is reached, where hosts have little
/// left.
#[test]
fn the_benchmark_instance_is_filled_as_by_a_scan() {
    let fill = Fill::new(50, 2000);
    for (kind, rule) in rules().into_iter().filter(|(kind, _)| !kind.contains('\n')) {
        let rule = Rule { avoids_overload: false, ..rule };
        let vms: Vec<VmId> = fill.fleet.vm_mips.ids().collect();
        let terms = (&HostSet::none(50), true, Placing::Each);
        let expected = plainly(&vms, &rule, &mut fill.draft(), &fill.state(), terms);
        assert_eq!(fill.place(&placer(kind)), expected, "{kind}");
        assert!(expected.left.len() > 20, "{kind}: {} left", expected.left.len());
    }
}
