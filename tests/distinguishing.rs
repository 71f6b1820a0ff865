//! One VM, ten placers, ten answers: a scenario in which each placer differs from all others.

use galerna::detect::Thr;
use galerna::id::{HostId, IdVec, VmId};
use galerna::model::{Fleet, Machine, Snapshot, VmHistories, VmType};
use galerna::place::{
    Ask, Draft, Held, HistoryKind, HostSet, Outcome, PlacerSpec, Placing, Resident,
};
use galerna::time::Instant;
use galerna::units::{Bytes, Mips, Watts};

/// A machine of 1000 MIPS and 1000 bytes that idles at 100 W and draws `slopes` more per tenth of
/// load: the first up to half load, the second beyond.
fn machine(slopes: [f64; 2]) -> Machine {
    let watts = |tenth: usize| {
        let tenth = tenth as f64;
        100.0 + slopes[0] * tenth.min(5.0) + slopes[1] * (tenth - 5.0).max(0.0)
    };
    Machine {
        name: "any".into(),
        cores: 1,
        core_mips: Mips(1000.0),
        ram: Bytes(1000),
        disk: None,
        net: None,
        power: std::array::from_fn(|tenth| Watts(watts(tenth))),
    }
}

/// Hosts with what each has left, and VMs that arrive.
struct Scenario {
    fleet: Fleet,
    demand: IdVec<VmId, f64>,
    /// VM `i` fills host `i`; the others arrive.
    filled: usize,
    utilisation: IdVec<HostId, f64>,
}

impl Scenario {
    /// `hosts`: slopes of power, free MIPS and bytes; all free means asleep. `vms`: MIPS and bytes.
    fn new(hosts: &[([f64; 2], f64, u64)], vms: &[(f64, u64)]) -> Self {
        let machines = hosts.iter().map(|&(slopes, ..)| machine(slopes)).collect();
        let mut fleet = Fleet::of_hosts(machines, 0..hosts.len() as u16);
        let taken = hosts.iter().map(|&(_, mips, bytes)| (1000.0 - mips, 1000 - bytes));
        let mut demand = IdVec::default();
        for (row, (mips, bytes)) in taken.chain(vms.iter().copied()).enumerate() {
            fleet.add_vm(VmType::new(Mips(1000.0), Bytes(bytes)), row);
            demand.push(mips);
        }
        let utilisation = (0..hosts.len()).map(|host| demand[VmId(host as u32)] / 1000.0).collect();
        Self { fleet, demand, filled: hosts.len(), utilisation }
    }

    /// What the placer does with the arriving VMs, in this order, which `thr` at 0.9 accompanies.
    fn placed_by(&self, placer: &str) -> Outcome {
        let spec: PlacerSpec = toml::from_str(placer).expect("a placer");
        let (demand, utilisation) = (&self.demand, &self.utilisation);
        let histories = &VmHistories::new(demand.len());
        let (now, fleet) = (Instant::START, &self.fleet);
        let state = Snapshot { now, fleet, demand, histories, utilisation };
        let mut thr = Thr { threshold: 0.9 };
        let mut draft = Draft::new(fleet, HistoryKind::VmsOnHost, 0.0, 0).judged_by(&thr);
        for host in (0..self.filled as u32).filter(|&host| demand[VmId(host)] > 0.0) {
            let resident = Resident { vm: VmId(host), allocated: demand[VmId(host)] };
            draft.settle(HostId(host), &[resident], Held::default(), &state);
        }
        let arriving: Vec<VmId> = (self.filled..demand.len()).map(|vm| VmId(vm as u32)).collect();
        let excluded = HostSet::none(self.filled);
        let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut thr };
        let outcome = spec.build(fleet).place(&arriving, &mut draft, &mut ask, Placing::Each);
        outcome.expect("nobody fails")
    }

    /// Hosts of the arriving VMs, in the order in which they arrive.
    fn hosts_by(&self, placer: &str) -> Vec<u32> {
        let mut placed = self.placed_by(placer).placed;
        placed.sort();
        placed.into_iter().map(|(_, host)| host.0).collect()
    }
}

/// The VM takes 100 MIPS and 200 bytes: v = (.1, .2). What hosts have left, r, in shares, and what
/// placers see in them; a host loaded above .8 would be overloaded.
///
/// | host | r | v r | cosine | (r-v)^2 | power | |
/// |---|---|---|---|---|---|---|
/// | 0 | .60 .50 | .160 | .916 | .340 | +10 | the first |
/// | 1 | .20 .95 | .210 | .967 | .573 | +10 | the fullest that would not be overloaded |
/// | 2 | .95 .21 | .137 | .630 | .723 | +10 | the emptiest |
/// | 3 | .80 .98 | .276 | .976 | 1.098 | +10 | the largest product |
/// | 4 | .45 .90 | .225 | 1 | .613 | +10 | left and taken in the same proportion |
/// | 5 | .25 .30 | .085 | .973 | .033 | +10 | the nearest |
/// | 6 | .70 .70 | .210 | .949 | .610 | +5 | least power of those not overloaded |
/// | 7 | .15 .90 | .195 | .956 | .493 | +2 | least power, but .85 + .1 > .9 |
/// | 8 | .30 .40 | .110 | .984 | .080 | +10 | fullest with .1 below .8 of its CPU |
#[test]
fn each_placer_chooses_another_host() {
    let flat = [10.0, 10.0];
    let hosts = [
        (flat, 600.0, 500),
        (flat, 200.0, 950),
        (flat, 950.0, 210),
        (flat, 800.0, 980),
        (flat, 450.0, 900),
        (flat, 250.0, 300),
        ([5.0, 5.0], 700.0, 700),
        ([2.0, 2.0], 150.0, 900),
        (flat, 300.0, 400),
    ];
    let scenario = Scenario::new(&hosts, &[(100.0, 200)]);
    for (placer, host) in [
        ("first-fit", 0),
        ("best-fit", 1),
        ("worst-fit", 2),
        ("dot-product", 3),
        ("cosine", 4),
        ("norm-diff", 5),
        ("pabfd", 6),
        ("pabfd-published", 7),
        ("neat-best-fit-decreasing", 8),
    ] {
        assert_eq!(scenario.hosts_by(&format!("kind = '{placer}'")), [host], "{placer}");
    }
}

/// Free MIPS 560, 700, 510, 650; a VM of 100 comes before one of 500.
///
/// * first fit: 100 on h0 (460 left), 500 on h1; decreasing: 500 on h0 (60 left), 100 on h1;
/// * best fit: 100 on h2, the fullest, 500 on h0; decreasing: 500 on h2 (10 left), 100 on h0;
/// * worst fit: 100 on h1 (600 left), 500 on h3; decreasing: 500 on h1 (200 left), 100 on h3;
/// * Neat, of whose hosts 200 less may be filled (360, 500, 310, 450): 500 on h1, 100 on h2.
#[test]
fn the_order_of_vms_tells_the_decreasing_variants_apart() {
    let hosts = [560.0, 700.0, 510.0, 650.0].map(|free| ([10.0, 10.0], free, 900));
    let scenario = Scenario::new(&hosts, &[(100.0, 1), (500.0, 1)]);
    for (placer, hosts) in [
        ("first-fit", [0, 1]),
        ("first-fit-decreasing", [1, 0]),
        ("best-fit", [2, 0]),
        ("best-fit-decreasing", [0, 2]),
        ("worst-fit", [1, 3]),
        ("worst-fit-decreasing", [3, 1]),
        ("neat-best-fit-decreasing", [2, 1]),
    ] {
        let text = format!("kind = '{placer}'");
        let text = if placer.starts_with("neat") { text } else { text + "\noverload = 'ignored'" };
        assert_eq!(scenario.hosts_by(&text), hosts, "{placer}");
    }
}

/// Two VMs of 100 MIPS; h0 draws 10 W more per tenth, h1 12 W, both at 40 %; h2, asleep, 4 W.
///
/// * as published: the first costs 10 W on h0; so does the second, with the first there;
/// * the code behind the published results compares the second with the state before the round:
///   20 W on h0, 12 W on h1; and if waking costs nothing, 4 W on h2 for the first, 8 W for the
///   second.
#[test]
fn pabfd_as_published_counts_who_came_in_the_same_round_and_what_waking_costs() {
    let [steep, steeper, gentle] = [10.0, 12.0, 4.0].map(|slope| [slope, slope]);
    let hosts = [(steep, 600.0, 900), (steeper, 600.0, 900), (gentle, 1000.0, 1000)];
    let scenario = Scenario::new(&hosts, &[(100.0, 1), (100.0, 1)]);
    assert_eq!(scenario.hosts_by("kind = 'pabfd-published'"), [0, 0]);
    let reference = "kind = 'pabfd'\nbase = 'last-update'";
    assert_eq!(scenario.hosts_by(reference), [0, 1]);
    let free = format!("{reference}\nwake-power = 'ignored'");
    assert_eq!(scenario.hosts_by(&free), [2, 2]);
}

/// h0 sleeps, h1 has 500 MIPS left. Where sleeping hosts are like any other, the first and the
/// emptiest is h0; as a last resort it is woken by the second VM only.
#[test]
fn a_last_resort_is_woken_only_for_what_fits_nowhere_else() {
    let hosts = [([10.0, 10.0], 1000.0, 1000), ([10.0, 10.0], 500.0, 900)];
    let scenario = Scenario::new(&hosts, &[(400.0, 1), (400.0, 1)]);
    for placer in ["first-fit", "worst-fit"] {
        let text = format!("kind = '{placer}'");
        assert_eq!(scenario.hosts_by(&text), [0, 0], "{placer}: 600 > 500 MIPS are left");
        let text = text + "\nwake = 'last-resort'";
        assert_eq!(scenario.hosts_by(&text), [1, 0], "{placer}");
    }
    assert_eq!(scenario.hosts_by("kind = 'best-fit'"), [1, 0]);
    assert_eq!(scenario.hosts_by("kind = 'dot-product'"), [1, 0]);
}

/// The second VM fits nowhere: 400 and 700 MIPS on hosts that have 600 and 500 left of 800.
#[test]
fn neat_places_all_or_nothing_unless_told_otherwise() {
    let hosts = [600.0, 500.0].map(|free| ([10.0, 10.0], free, 900));
    let scenario = Scenario::new(&hosts, &[(300.0, 1), (700.0, 1)]);
    let neat = "kind = 'neat-best-fit-decreasing'";
    let outcome = scenario.placed_by(neat);
    assert_eq!((outcome.placed, outcome.left), (Vec::new(), vec![VmId(2), VmId(3)]));
    let outcome = scenario.placed_by(&format!("{neat}\nall-or-nothing = false"));
    assert_eq!((outcome.placed, outcome.left), (vec![(VmId(2), HostId(1))], vec![VmId(3)]));
    let loose = format!("{neat}\nall-or-nothing = false\ncpu-limit = 1.0");
    assert_eq!(scenario.placed_by(&loose).left, [VmId(3)]);
}
