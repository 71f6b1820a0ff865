//! Switches and cables that fail: what is sent takes other ways, and hosts are cut off.

mod loaded;
mod runs;

use galerna::account::{Account, Ledger};
use galerna::check::{Evidence, check};
use galerna::engine::Outcome;
use galerna::model::record::MoveEnding;
use galerna::random::{below, stream};
use galerna::spec::parse;
use galerna::time::{Instant, Span};
use galerna::trace::{UtilisationTrace, Values};
use runs::{Case, bill, case, evidence, pick, simulated, sound};

/// A fat tree of k = 4: switches 0 to 3 are the core, then each pod has two of aggregation and two
/// of the edge, with two hosts each: pod 0 has switches 4 to 7 and hosts 0 to 3, pod 3 switches 16
/// to 19 and hosts 12 to 15. A link carries 62.5 MB/s of migrations, a VM of 5 GB takes 80 s, and
/// a host has room for one.
const TREE: [&str; 8] = [
    "fleet.hosts=[{ machine = \"hp-ml110-g5\", count = 16, ram-gib = 8 }]",
    "fleet.vms=[{ mips = 1000, ram-mb = 5000 }]",
    "migration.topology={ kind = 'fat-tree', k = 4, mbit_s = 1000 }",
    "policy.overload=never",
    "policy.underload=never",
    "policy.place=first-fit",
    "host.wake-s=0",
    "host.shutdown-s=0",
];

/// The run of `vms` VMs, one to a host from the first, for an hour. `leave` hosts have maintenance
/// at 3000 s that is known from 300 s on, so that their VMs go to the free hosts at the end of the
/// last pod; `out` fails.
fn tree(vms: usize, leave: usize, out: &str, more: &[&str]) -> (Case, Outcome) {
    let known =
        |host| format!("{{ start-s = 3000, end-s = 3600, host = {host}, notice-s = 2700 }}");
    let rows: Vec<String> = std::iter::once(out.to_owned())
        .filter(|out| !out.is_empty())
        .chain((0..leave).map(known))
        .collect();
    let list = format!("outages.list=[{}]", rows.join(", "));
    let changes = [&TREE[..], &[list.as_str()], more].concat();
    let case = case(&changes, vec![vec![30; 12]; vms]);
    let (_, _, run) = sound(&case);
    (case, run)
}

fn seconds(at: Option<Instant>) -> f64 {
    at.expect("it ends").seconds()
}

fn figure(run: &Outcome, name: &str) -> Option<f64> {
    let figures = run.summary.figures();
    figures.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

/// The only migration goes from pod 0 to pod 3 over one of four core switches. Whichever of them,
/// or whichever three, fail after 40 s, it arrives after 80 s.
#[test]
fn what_passed_a_core_switch_passes_another() {
    for core in 0..4 {
        let alone = format!("{{ start-s = 340, end-s = 900, switch = {core} }}");
        let others: Vec<String> = (0..4)
            .filter(|&other| other != core)
            .map(|other| format!("{{ start-s = 340, end-s = 900, switch = {other} }}"))
            .collect();
        for out in [alone, others.join(", ")] {
            let (_, run) = tree(15, 1, &out, &[]);
            let moved = &run.record.moves;
            assert_eq!(moved.len(), 1, "{out}");
            assert_eq!((moved[0].start.seconds(), seconds(moved[0].end)), (300.0, 380.0), "{out}");
            assert_eq!((moved[0].to.0, moved[0].ending), (15, MoveEnding::Moved));
            assert!(run.record.cut_offs.is_empty());
            assert_eq!(figure(&run, "network.unreachable_s"), Some(0.0));
            let name = format!("switch.core{core}.out_s");
            let expected =
                if out.contains(&format!("switch = {core} ")) { Some(560.0) } else { None };
            assert_eq!(figure(&run, &name), expected);
        }
    }
}

/// Two VMs leave hosts 0 and 1 for 14 and 15. With one core switch left from the start both pass
/// the same links and take 160 s; where the other three fail after 40 s at the full rate each has
/// 2.5 GB left at half of it, 80 s more.
#[test]
fn those_that_are_diverted_share_what_is_left() {
    let all = |from: usize, core: usize| {
        let others = (0..4).filter(|&other| other != core);
        let rows = others.map(|o| format!("{{ start-s = {from}, end-s = 3600, switch = {o} }}"));
        rows.collect::<Vec<_>>().join(", ")
    };
    let ends = |out: &str| {
        let (_, run) = tree(14, 2, out, &[]);
        let ends: Vec<f64> = run.record.moves.iter().map(|row| seconds(row.end)).collect();
        assert_eq!(ends.len(), 2, "{out}");
        ends
    };
    for core in 0..4 {
        assert_eq!(ends(&all(0, core)), [460.0, 460.0]);
    }
    let free = ends("");
    let later = if free == [380.0, 380.0] { 420.0 } else { 460.0 };
    for core in 0..4 {
        assert_eq!(ends(&all(340, core)), [later, later], "{free:?}");
    }
}

/// From host 0 to host 1 there are two ways: a quick one of 62.5 MB/s, and one of half of that with
/// more latency. Cable 1 is of the first: when it fails after 40 s, 2.5 GB are left for the other,
/// 80 s; and there they stay though it is repaired. Without cable 3 as well there is no way.
#[test]
fn what_is_left_goes_the_other_way_at_its_rate() {
    let cable = |a: &str, b: &str, mbit_s: u32, latency_us: u32| {
        format!(
            "[[cable]]\nbetween = [\"{a}\", \"{b}\"]\nmbit_s = {mbit_s}\n\
             latency_us = {latency_us}\n"
        )
    };
    let nodes = "[[switch]]\nname = \"quick\"\n[[switch]]\nname = \"slow\"\n\
                 [[host]]\nname = \"a\"\n[[host]]\nname = \"b\"\n";
    let cables = [
        cable("a", "quick", 1000, 10),
        cable("quick", "b", 1000, 10),
        cable("a", "slow", 500, 100),
        cable("slow", "b", 500, 100),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("net.toml");
    std::fs::write(&file, format!("{nodes}{}", cables.concat())).expect("it is written");
    let net = format!("migration.topology='{}'", file.display());
    let two = "fleet.hosts=[{ machine = \"hp-ml110-g5\", count = 2, ram-gib = 8 }]";
    let end = |out: &str| {
        let (_, run) = tree(1, 1, out, &[&net, two]);
        let moved = &run.record.moves[0];
        (seconds(moved.end), moved.ending)
    };
    assert_eq!(end(""), (380.0, MoveEnding::Moved));
    let first = "{ start-s = 340, end-s = 900, cable = 1 }";
    assert_eq!(end(first), (420.0, MoveEnding::Moved));
    assert_eq!(end("{ start-s = 340, end-s = 360, cable = 1 }"), (420.0, MoveEnding::Moved));
    let both = format!("{first}, {{ start-s = 341, end-s = 900, cable = 3 }}");
    assert_eq!(end(&both), (341.0, MoveEnding::RolledBack));
    assert_eq!(end("{ start-s = 340, end-s = 900, switch = 1 }"), (380.0, MoveEnding::Moved));
}

/// Without the core the pods are apart: that with host 0 is the rest, the hosts of the others are
/// cut off, and what was under way between them stays where it was. Then it goes.
#[test]
fn without_a_way_a_migration_ends_and_nobody_is_moved() {
    let rows = (0..4).map(|core| format!("{{ start-s = 340, end-s = 1000, switch = {core} }}"));
    let (_, run) = tree(15, 1, &rows.collect::<Vec<_>>().join(", "), &[]);
    let moved = &run.record.moves;
    assert_eq!((seconds(moved[0].end), moved[0].ending), (340.0, MoveEnding::RolledBack));
    assert_eq!((moved[1].start.seconds(), moved[1].ending), (1200.0, MoveEnding::Moved));
    assert_eq!(moved.len(), 2);
    let hosts: Vec<u32> = run.record.cut_offs.iter().map(|row| row.host.0).collect();
    assert_eq!(hosts, (4..16).collect::<Vec<u32>>());
    assert_eq!(figure(&run, "network.cut_off_s"), Some(12.0 * 660.0));
    assert_eq!(figure(&run, "network.unreachable_s"), Some(11.0 * 660.0));
}

/// The switch at the edge of hosts 0 and 1 is out from 340 to 940 s: the VM that leaves host 0
/// stays there, both VMs run on and are not reached for 600 s, which the contract counts as down,
/// and nobody restarts them. At 1200 s the first leaves.
#[test]
fn a_switch_of_the_edge_cuts_its_hosts_off() {
    let prices = [
        "costs.vm-hour-price=1",
        "costs.sla=[{ from = 99.9, credit = 0 }, { from = 0, credit = 50 }]",
    ];
    let out = "{ start-s = 340, end-s = 940, switch = 6 }";
    let (case, run) = tree(15, 1, out, &prices);
    let cut: Vec<_> = run.record.cut_offs.iter().map(|row| (row.host.0, row.end)).collect();
    let over = Some(Instant::from_seconds(940.0));
    assert_eq!(cut, [(0, over), (1, over)]);
    assert_eq!(run.record.moves[0].ending, MoveEnding::RolledBack);
    assert_eq!(run.record.moves[1].start.seconds(), 1200.0);
    let told = ["network.cut_offs", "network.cut_off_s", "network.unreachable_vms"];
    assert_eq!(told.map(|name| figure(&run, name)), [Some(2.0), Some(1200.0), Some(2.0)]);
    assert_eq!(figure(&run, "network.unreachable_s"), Some(1200.0));
    assert_eq!(figure(&run, "switch.pod0-rack0-switch.failures"), Some(1.0));
    assert_eq!(figure(&run, "switch.pod0-rack0-switch.out_s"), Some(600.0));
    assert!(run.record.restarts.is_empty(), "they run");
    let of = run.record.vms[1].clone();
    assert_eq!((of.allocated_mi, of.short_s), (of.demanded_mi, 0.0), "it runs on");
    let (spec, trace) = (case.spec(), case.trace());
    let ledger = Ledger::of_load(&spec.billing().expect("prices"), &run.record);
    let given = ledger.entries.iter().filter(|entry| entry.account == Account::Credits);
    assert_eq!(given.map(|entry| entry.subject.parts().1).collect::<Vec<_>>(), [0, 1]);
    let fleet = spec.fleet.build(trace.vms(), 0);
    let mut evidence = evidence(&spec, &trace, &fleet, &run);
    evidence.bill = Some(bill(&ledger));
    let report = check(&evidence);
    assert!(report.is_clean(), "{report}");
    let rows = &mut evidence.bill.as_mut().expect("it was set").rows;
    rows.retain(|row| row.account != "credits");
    assert!(check(&evidence).to_string().contains("GLN-618"));
}

/// The card link of host 15, the only free host, is out when the maintenance is known: nobody goes
/// there. It is the second of the last switch: 12 cables a pod, 4 of aggregation, then 2 up and 2
/// down for each switch of the edge.
#[test]
fn nothing_comes_to_a_host_that_is_cut_off() {
    let (_, run) = tree(15, 1, "{ start-s = 0, end-s = 4000, cable = 47 }", &[]);
    assert!(run.record.moves.is_empty());
    assert_eq!(run.record.cut_offs[0].host.0, 15);
    assert_eq!(run.record.cut_offs.len(), 1);
    assert_eq!(run.record.restarts[0].up, None, "nor is the VM restarted there at 3000 s");
    let name = "cable.pod3-rack1-host1.pod3-rack1-switch.out_s";
    assert_eq!(figure(&run, name), Some(3600.0));
    // A cable up from the edge cuts off nobody: there are two.
    let (_, run) = tree(15, 1, "{ start-s = 0, end-s = 4000, cable = 44 }", &[]);
    assert_eq!((run.record.moves.len(), run.record.cut_offs.len()), (1, 0));
}

/// A host that fails while it is cut off: its VM is down, no longer just out of reach, and is
/// restarted on the free host. Host 5 is cut off from 400 s on and fails at 1000 s.
#[test]
fn vms_of_a_host_that_fails_while_it_is_cut_off_are_restarted() {
    let out = "{ start-s = 400, end-s = 3600, cable = 19 }, \
               { start-s = 1000, end-s = 3600, host = 5 }";
    let (_, run) = tree(15, 0, out, &[]);
    let restart = run.record.restarts[0];
    assert_eq!((restart.vm.0, restart.to.map(|host| host.0)), (5, Some(15)));
    assert_eq!(figure(&run, "network.unreachable_s"), Some(600.0));
    assert_eq!(figure(&run, "network.cut_off_s"), Some(3200.0));
}

#[test]
fn what_does_not_follow_from_the_outages_is_found() {
    let (case, run) = tree(15, 1, "{ start-s = 340, end-s = 940, switch = 6 }", &[]);
    let (spec, trace) = (case.spec(), case.trace());
    let fleet = spec.fleet.build(trace.vms(), 0);
    let found = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = evidence(&spec, &trace, &fleet, &run);
        change(&mut evidence);
        check(&evidence).to_string()
    };
    assert!(found(&|e| e.record.cut_offs.clear()).contains("GLN-678 cut_offs"));
    assert!(found(&|e| e.record.cut_offs[1].end = None).contains("GLN-678 cut_offs"));
    assert!(found(&|e| e.record.network_outages.clear()).contains("GLN-678 [outages] list[0]"));
    let other = found(&|e| e.record.network_outages[0].number = 7);
    assert!(other.contains("GLN-678 network_outages row 0"), "{other}");
    let later = Instant::from_seconds(350.0);
    let sends = found(&|e| {
        e.record.stages[0].end = Some(later);
        e.record.moves[0].end = Some(later);
    });
    assert!(sends.contains("it sends while h0 is cut off"), "{sends}");
    let told = |name: &str| {
        found(&|e| {
            let row = e.summary.iter_mut().find(|(other, _)| other == name);
            row.expect("it is told").1 += 1.0;
        })
    };
    for name in ["network.cut_off_s", "network.unreachable_s", "switch.pod0-rack0-switch.out_s"] {
        assert!(told(name).contains(&format!("GLN-679 summary: {name}")), "{name}");
    }
    let listed = found(&|e| e.rules.outages.as_mut().expect("it has some").list[0].end_s = 2000.0);
    assert!(listed.contains("GLN-678"), "{listed}");
}

#[test]
fn what_is_not_there_is_refused() {
    let shown = |text: &str| {
        let error = parse(text, "x.toml", Vec::new()).expect_err("it is wrong");
        error.problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let random = "[outages]\nswitch = { mtbf-h = 9, mttr-h = 1 }\n\
                  cable = { mtbf-h = 9, mttr-h = 1 }\n";
    let none = shown(random);
    assert!(none[0].starts_with("GLN-676 x.toml, [outages] switch: there is no topology"));
    assert!(none[1].starts_with("GLN-676 x.toml, [outages] cable: "), "{none:?}");
    let net = "[fleet]\nhosts = [{ machine = \"hp-ml110-g5\", count = 3 }]\n\
               [migration]\ntopology = { kind = \"star\", hosts = 3, mbit_s = 100 }\n";
    let listed = shown(&format!(
        "{net}[outages]\nheadroom = 1\nlist = [{{ start-s = 1, end-s = 9, switch = 1 }}, \
         {{ start-s = 1, end-s = 9, cable = 3 }}, {{ start-s = 1, end-s = 9, cable = 1, \
         host = 1 }}, {{ start-s = 1, end-s = 9, cable = 2, notice-s = 1 }}]\n"
    ));
    let expected = [
        "GLN-211 x.toml, [outages] list[0]: there is no switch 1, there are 1",
        "GLN-211 x.toml, [outages] list[1]: there is no cable 3, there are 3",
        "GLN-211 x.toml, [outages] list[2]: names several",
        "GLN-211 x.toml, [outages] list[3]: a cable has no VMs",
        "GLN-677 x.toml, [outages] headroom: headroom does not see",
    ];
    assert_eq!(listed.len(), expected.len(), "{listed:#?}");
    for (found, expected) in listed.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
    let sound = parse(&format!("{net}{random}"), "x.toml", Vec::new()).expect("it is right");
    assert_eq!(parse(&sound.to_toml(), "again", Vec::new()).expect("so it is again"), sound);
}

/// Networks in which everything fails, and hosts too; some between two sites, under a power cap.
fn world(number: u64) -> Case {
    let draws = &mut stream(number, "networks");
    let vms = 8 + below(10, draws);
    let load = (0..vms).map(|_| (0..36).map(|_| below(101, draws) as u8).collect()).collect();
    let net = pick(
        &[
            "{ kind = 'fat-tree', k = 4, mbit_s = 100 }",
            "{ kind = 'two-tier', racks = 4, hosts = 4, mbit_s = 200, uplink_mbit_s = 100 }",
            "{ kind = 'star', hosts = 14, mbit_s = 50 }",
        ],
        draws,
    );
    let mut changes = vec![
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 9, ram-gib = 4 }, \
         { machine = 'hp-ml110-g4', count = 5, ram-gib = 4 }]"
            .into(),
        format!("run.seed={number}"),
        format!("migration.topology={net}"),
        format!("policy.place={{ kind = '{}' }}", pick(&["pabfd", "optimise", "balance"], draws)),
        format!("policy.overload={{ kind = '{}' }}", pick(&["thr", "mad", "lr"], draws)),
        format!(
            "migration.model={}",
            pick(&["ram-over-bandwidth", "pre-copy", "post-copy", "hybrid"], draws)
        ),
        format!("migration.contention={}", pick(&["max-min", "max-min", "none"], draws)),
        format!("migration.sla={}", pick(&["measured", "cloudsim"], draws)),
        format!("outages.switch={{ mtbf-h = {}, mttr-h = 0.2 }}", pick(&["6", "30"], draws)),
        format!("outages.cable={{ mtbf-h = {}, mttr-h = 0.1 }}", pick(&["5", "20"], draws)),
        format!("outages.host={{ mtbf-h = {}, mttr-h = 0.5 }}", pick(&["5", "50"], draws)),
        "costs.vm-hour-price=1".into(),
        "costs.sla=[{ from = 99.9, credit = 0 }, { from = 0, credit = 50 }]".into(),
        "failures.restart-s=700.0".into(),
    ];
    let sites = [
        "sites.list=[{ name = 'a', hosts = '0-6' }, { name = 'b', hosts = '7-13' }]",
        "sites.links=[{ between = ['a', 'b'], mbit-s = 200, rtt-ms = 9 }]",
        "outages.link={ mtbf-h = 2, mttr-h = 0.1 }",
        "host.cap-w=900",
    ];
    if below(3, draws) == 0 {
        changes.extend(sites.map(str::to_owned));
    }
    Case { base: "lr-mmt", changes, load, step_s: 300.0 }
}

/// Every run is sound and the same twice; migrations end by the network, of some nothing is left.
#[test]
fn random_networks_fail_soundly() {
    let (mut ran, mut cut, mut ended, mut lost, mut given) = (0, 0, 0, 0, 0);
    for number in 0..160 {
        let case = world(number);
        let (spec, trace) = (case.spec(), case.trace());
        let Some((fleet, run)) = simulated(&spec, &trace) else { continue };
        let ledger = Ledger::of_load(&spec.billing().expect("prices"), &run.record);
        let mut evidence = evidence(&spec, &trace, &fleet, &run);
        evidence.bill = Some(bill(&ledger));
        let report = check(&evidence);
        assert!(report.is_clean(), "world {number}: {case:?}\n{report}");
        ran += 1;
        cut += run.record.cut_offs.len();
        let fails = |at: Option<Instant>| {
            run.record.network_outages.iter().any(|outage| Some(outage.start) == at)
        };
        let ends = run.record.moves.iter().filter(|row| fails(row.end));
        ended += ends.clone().count();
        lost += ends.filter(|row| row.ending == MoveEnding::Lost).count();
        given += ledger.entries.iter().filter(|entry| entry.account == Account::Credits).count();
        if number % 10 == 0 {
            assert_eq!(simulated(&spec, &trace).expect("it ran before").1, run);
        }
    }
    let counts =
        format!("{ran} worlds, {cut} cut off, {ended} ended, {lost} lost, {given} credits");
    assert!(ran > 120 && cut > 200 && ended > 10 && lost > 0 && given > 100, "{counts}");
}

/// Leases that are consolidated over a network that fails.
#[test]
fn leases_live_with_a_network_that_fails() {
    let mut cut = 0;
    for number in 0..10 {
        let draws = &mut stream(number, "leased networks");
        let how = pick(&["blind", "foresighted"], draws);
        let consolidated = format!("[leases]\nconsolidate = \"{how}\"\n");
        let text = loaded::site(9).replace("[leases]\n", &consolidated);
        let text = format!(
            "{text}[migration]\ntopology = {{ kind = \"two-tier\", racks = 3, hosts = 3, mbit_s = \
             1000, uplink_mbit_s = 500 }}\n[outages]\nswitch = {{ mtbf-h = 6, mttr-h = 0.3 }}\n\
             cable = {{ mtbf-h = 9, mttr-h = 0.3 }}\nhost = {{ mtbf-h = 20, mttr-h = 0.3 }}\n"
        );
        let spec = loaded::spec_of(&text, &[&format!("run.seed={number}")]);
        let lease = |at: usize| {
            let (run_s, vms) = (600 + 300 * below(20, draws), 1 + below(3, draws));
            let start = if below(4, draws) == 0 { 900 + 400 * at as i64 } else { -1 };
            format!("{} {start} {run_s} {run_s} {vms} 1 1024 0 none 0\n", 400 * at)
        };
        let lwf: String = (0..30).map(lease).collect();
        let load = (0..40 * 24).map(|_| below(101, draws) as u8).collect();
        let names = (0..40).map(|row| format!("row {row}")).collect();
        let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(load));
        let inputs = loaded::inputs(&spec, &lwf, trace);
        let run = loaded::run(&spec, &inputs);
        let mut evidence = loaded::evidence(&inputs, &run);
        evidence.unknown_durations = spec.unknown_durations();
        evidence.network = spec.network();
        let report = check(&evidence);
        assert!(report.is_clean(), "world {number}: {text}\n{lwf}\n{report}");
        cut += run.1.record.cut_offs.len();
    }
    assert!(cut > 20, "{cut}");
}
