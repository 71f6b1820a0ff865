//! Who is placed where in worlds of several data centres, with load and with leases: private hosts
//! come first, and rules are never broken.

mod loaded;
mod runs;

use galerna::account::{Account, Ledger, Money};
use galerna::check::check;
use galerna::engine::Outcome;
use galerna::id::HostId;
use galerna::model::{ActionKind, Fleet};
use galerna::random::{below, stream};
use galerna::spec::RunSpec;
use galerna::time::{Instant, Span};
use galerna::trace::{UtilisationTrace, Values};
use runs::{Case, bill, case, evidence, pick, simulated, sound};

/// The host of VM 1 fails. Another private one sleeps, and a public one runs for a VM that may be
/// there only: the private one is woken.
#[test]
fn a_private_host_is_woken_before_a_public_one_is_used() {
    let changes = [
        "policy.overload={ kind = 'never' }",
        "policy.underload={ kind = 'never' }",
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 3 }]",
        "fleet.vms=[{ mips = 1000.0, ram-mb = 1000 }]",
        "sites.list=[{ name = 'c', hosts = '0', kind = 'public' }, { name = 'a', hosts = '1-2' }]",
        "sites.rules=[{ vms = '0', sites = ['c'] }]",
        "outages.list=[{ start-s = 600, end-s = 9000, host = 1 }]",
    ];
    let (_, _, run) = sound(&case(&changes, vec![vec![30; 8]; 2]));
    let starts = run.record.actions.iter().filter(|action| action.kind == ActionKind::VmStart);
    assert_eq!(starts.map(|a| a.to.unwrap().0).collect::<Vec<_>>(), [0, 1]);
    let restart = run.record.restarts[0];
    assert_eq!((restart.vm.0, restart.to), (1, Some(HostId(2))));
}

/// Three sites, one of them public, with zones, rules and tenants, and any placer.
fn world(number: u64) -> Case {
    let draws = &mut stream(number, "sites");
    let vms = 8 + below(8, draws);
    let load = (0..vms).map(|_| (0..36).map(|_| below(101, draws) as u8).collect()).collect();
    let place = pick(
        &[
            "pabfd",
            "first-fit",
            "best-fit-decreasing",
            "worst-fit",
            "dot-product",
            "norm-diff",
            "risk-fit",
            "neat-best-fit-decreasing",
            "optimise",
            "balance",
            "cheapest-within-sla",
            "power-cap",
        ],
        draws,
    );
    // A cap that is passed again and again.
    let cap = if place == "power-cap" { ", cap-w = 500" } else { "" };
    let spread = ["host", "zone", "site"];
    let rules = format!(
        "sites.rules=[{{ vms = '0-1', private = true }}, {{ vms = '2', sites = ['b', 'c'] }}, \
         {{ vms = '3-5', at-most = {}, per = '{}' }}, {{ vms = '{}', stay = true }}]",
        1 + below(2, draws),
        pick(&spread, draws),
        6 + below(2, draws)
    );
    let changes = vec![
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 9, ram-gib = 4 }, \
         { machine = 'hp-ml110-g4', count = 3, ram-gib = 4 }]"
            .into(),
        format!("run.seed={number}"),
        "sites.list=[{ name = 'a', hosts = '0-3', zones = [{ name = 'a1', hosts = '0-1' }] }, \
         { name = 'b', hosts = '4-6, 9', trusted = false }, \
         { name = 'c', hosts = '7-8, 10-11', kind = 'public', instance-hour-price = 0.1 }]"
            .into(),
        format!(
            "sites.links=[{{ between = ['a', 'b'], mbit-s = {}, rtt-ms = 20 }}, \
             {{ between = ['b', 'c'], mbit-s = 300, rtt-ms = 40, loss = 0.0001 }}]",
            pick(&["200", "1000"], draws)
        ),
        rules,
        format!("sites.tenants={}", pick(&["[]", "['0-2', '7']"], draws)),
        format!("sites.disk-gib={}", pick(&["1", "4"], draws)),
        format!("sites.return-after-s={}", pick(&["0", "900"], draws)),
        "costs.energy-price=0.2".into(),
        format!("policy.place={{ kind = '{place}'{cap} }}"),
        format!("policy.overload={{ kind = '{}' }}", pick(&["thr", "mad", "lr"], draws)),
        format!(
            "migration.model={}",
            pick(&["ram-over-bandwidth", "pre-copy", "post-copy", "hybrid"], draws)
        ),
        format!("migration.sla={}", pick(&["measured", "cloudsim"], draws)),
        format!("outages.host={{ mtbf-h = {}, mttr-h = 0.5 }}", pick(&["5", "50"], draws)),
        format!("outages.site={{ mtbf-h = {}, mttr-h = 0.2 }}", pick(&["4", "40"], draws)),
        format!("outages.link={{ mtbf-h = {}, mttr-h = 0.3 }}", pick(&["1", "40"], draws)),
        "failures.restart-s=700.0".into(),
        format!("outages.headroom={}", below(3, draws)),
    ];
    Case { base: "lr-mmt", changes, load, step_s: 300.0 }
}

/// What the rules of [`world`] say of every instant, apart from the check: from the actions alone.
fn breaks_nothing(spec: &RunSpec, fleet: &Fleet, run: &Outcome) -> usize {
    let mut placements = 0;
    let public = |host: HostId| [7, 8, 10, 11].contains(&host.0);
    let untrusted = |host: HostId| [4, 5, 6, 9].contains(&host.0) || public(host);
    assert_eq!((fleet.hosts(), spec.sites.as_ref().map(|sites| sites.list.len())), (12, Some(3)));
    for action in &run.record.actions {
        let (Some(vm), Some(to)) = (action.vm, action.to) else { continue };
        placements += 1;
        assert!(vm.0 > 1 || !untrusted(to), "{action:?}");
        assert!(vm.0 != 2 || untrusted(to), "{action:?}");
    }
    placements
}

/// Worlds of all placers: every run is sound, breaks no rule and is the same twice.
#[test]
fn random_worlds_keep_their_rules() {
    let (mut placements, mut ran, mut rented, mut far, mut cut) = (0, 0, 0, 0, 0);
    for number in 0..160 {
        let case = world(number);
        let (spec, trace): (RunSpec, UtilisationTrace) = (case.spec(), case.trace());
        let Some((fleet, run)) = simulated(&spec, &trace) else { continue };
        let ledger = Ledger::of_load(&spec.billing().unwrap(), &run.record);
        let mut evidence = evidence(&spec, &trace, &fleet, &run);
        evidence.bill = Some(bill(&ledger));
        let report = check(&evidence);
        assert!(report.is_clean(), "world {number}: {case:?}\n{report}");
        ran += 1;
        placements += breaks_nothing(&spec, &fleet, &run);
        rented += usize::from(ledger.total(Account::Rent) < Money(0));
        let sites = run.summary.sites.as_ref().expect("it has [sites]");
        far += sites.pairs.iter().map(|pair| pair.moved).sum::<u64>();
        let fails = |at: Option<Instant>| {
            run.record.link_outages.iter().any(|outage| Some(outage.start) == at)
        };
        cut += run.record.moves.iter().filter(|row| fails(row.end)).count();
        if number % 10 == 0 {
            assert_eq!(simulated(&spec, &trace).expect("it ran before").1, run);
        }
    }
    let counts =
        format!("{ran} worlds, {placements} placements, {rented} rent, {far} far, {cut} cut");
    assert!(cut > 5, "{counts}");
    assert!(ran > 120 && placements > 4000 && rented > 20 && far > 50, "{counts}");
}

/// Leases that come and go on two private sites and a rented one, with rules and failures.
#[test]
fn vms_of_leases_keep_the_rules() {
    let (mut begun, mut rented) = (0, 0);
    for number in 0..12 {
        let draws = &mut stream(number, "leased sites");
        let how = pick(&["blind", "foresighted"], draws);
        let text =
            loaded::site(9).replace("[leases]\n", &format!("[leases]\nconsolidate = \"{how}\"\n"));
        let text = format!(
            "{text}[sites]\nlist = [{{ name = \"a\", hosts = \"0-3\" }}, {{ name = \"b\", hosts = \
             \"4-6\", trusted = false }}, {{ name = \"c\", hosts = \"7-8\", kind = \"public\" }}]\n\
             links = [{{ between = [\"a\", \"b\"], mbit-s = 1000, rtt-ms = 9 }}]\n\
             rules = [{{ vms = \"0-9\", private = true }}, {{ vms = \"10-19\", at-most = 2, per = \
             \"host\" }}]\ntenants = [\"20-24\"]\n\
             [outages]\nsite = {{ mtbf-h = 20, mttr-h = 0.3 }}\n\
             link = {{ mtbf-h = 2, mttr-h = 0.3 }}\nheadroom = {}\n",
            number % 3
        );
        let spec = loaded::spec_of(&text, &[&format!("run.seed={number}")]);
        let lease = |at: usize| {
            let (run_s, vms) = (600 + 300 * below(20, draws), 1 + below(3, draws));
            format!("0 {} {run_s} {run_s} {vms} 1 1024 0 none 0\n", 400 * at)
        };
        let lwf: String = (0..30).map(lease).collect();
        let load = (0..40 * 24).map(|_| below(101, draws) as u8).collect();
        let names = (0..40).map(|row| format!("row {row}")).collect();
        let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(load));
        let inputs = loaded::inputs(&spec, &lwf, trace);
        let run = loaded::run(&spec, &inputs);
        let mut evidence = loaded::evidence(&inputs, &run);
        evidence.unknown_durations = spec.unknown_durations();
        let report = check(&evidence);
        assert!(report.is_clean(), "world {number}: {text}\n{lwf}\n{report}");
        assert_eq!(loaded::run(&spec, &inputs), run);
        let places =
            run.1.record.actions.iter().filter_map(|action| Some((action.vm?.0, action.to?.0)));
        for (vm, host) in places {
            assert!(vm > 9 || host < 4, "v{vm} on h{host}");
            begun += 1;
            rented += usize::from(host > 6);
        }
    }
    assert!(begun > 500 && rented > 5, "{begun} {rented}");
}
