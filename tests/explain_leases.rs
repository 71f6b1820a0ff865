//! What is told of leases is what stood in the way, by hand-computed small worlds, and what if not
//! is the run without.

mod loaded;

use std::ops::ControlFlow;

use galerna::engine::run_leases;
use galerna::explain::{Explanation, Focus, Repeatable, Step, explain, without};
use galerna::lease::decision::{Candidate, Decided, Hindrance, Lack, LeaseDecision, Obstacle, Way};
use galerna::lease::{LeaseSummary, Schedule, format};
use galerna::model::lease::{CPU, MEMORY, Site};
use galerna::model::lease_record::{LeaseState, Use};
use galerna::spec::{self, LeaseInputs, RunSpec};
use galerna::time::{Instant, Span};
use galerna::trace::{UtilisationTrace, Values};
use loaded::spec_of;

/// `hosts` hosts of a core and 1024 MB each, with the leases of `lwf` (ten columns).
fn world(hosts: usize, keys: &str, lwf: &str) -> (RunSpec, Repeatable) {
    let text =
        format!("[leases]\nhosts = [{{ count = {hosts}, cpu = 100, memory-mb = 1024 }}]\n{keys}\n");
    let spec = spec_of(&text, &[]);
    let workload = format::read_old_lwf("test.lwf", lwf.as_bytes()).expect("ten columns");
    let leases = spec.leases.as_ref().expect("a run of leases");
    let inputs = LeaseInputs {
        workload,
        site: Site::uniform(hosts, 100, 1024),
        rules: leases.rules.clone(),
        left_out: 0,
        consolidate: leases.consolidate,
        spare_hosts: 0,
    };
    (spec, Repeatable::Calendar(inputs))
}

fn about(world: &(RunSpec, Repeatable), lease: u64) -> Vec<(f64, Decided)> {
    let focus = Focus { lease: Some(lease), ..Focus::default() };
    let Explanation { leases, event_log_blake3, .. } =
        explain(&world.0, &world.1, None, focus).expect("it is explained");
    assert_eq!(event_log_blake3, plain(&world.1).1, "it was repeated faithfully");
    leases.into_iter().map(|LeaseDecision { at, what, .. }| (at.seconds(), what)).collect()
}

/// The run without notes, and its log.
fn plain(inputs: &Repeatable) -> (Schedule, String) {
    let inputs = inputs.leases().expect("leases");
    let (site, rules) = (&inputs.site, &inputs.rules);
    let policies = galerna::lease::LeasePolicies::new(rules);
    let go_on = &mut |_| ControlFlow::Continue(());
    let ended = run_leases(site, &inputs.workload.leases, rules, policies, go_on).expect("it runs");
    let log = galerna::model::lease_record::event_log_blake3(&ended.leases, &ended.stretches);
    (ended, log)
}

fn lack(host: u32, by: u64, again_s: f64) -> Lack {
    Lack {
        host,
        takes: 0,
        resource: Some("CPU"),
        needs: 100,
        free: 0,
        from_s: 0.0,
        again_s: Some(again_s),
        by: vec![by],
    }
}

fn no_room(why: &Hindrance) -> &Obstacle {
    match why {
        Hindrance::NoRoom(obstacle) => obstacle,
        other => panic!("{other:?}"),
    }
}

/// Lease 1 holds the only core from 0 to 3600 s; lease 2, asked for at 10 s, gets the time behind
/// it until 4200 s, and lease 3 may hold no place beside that one (EASY): it waits until lease 2
/// has begun.
#[test]
fn a_lease_waits_for_whoever_holds_the_core() {
    let keys = "backfilling = \"easy\"";
    let lwf = "0 -1 3600 3600 1 1 1024 0 none 0\n10 -1 600 600 1 1 1024 0 none 0\n\
               20 -1 900 900 1 1 1024 0 none 0\n30 -1 900 900 1 1 1024 0 none 0\n";
    let world = world(1, keys, lwf);
    let told = about(&world, 2);
    let names: Vec<f64> = told.iter().map(|told| told.0).collect();
    assert_eq!(names, [10.0, 10.0, 3600.0, 4200.0], "{told:#?}");
    assert!(matches!(told[0].1, Decided::Asked { kind: "best-effort", vms: 1, .. }));
    let Decided::Planned(plan) = &told[1].1 else { panic!("{told:#?}") };
    assert_eq!((plan.start_s, plan.end_s, &plan.hosts[..]), (3600.0, 4200.0, &[0][..]));
    let why = no_room(plan.not_sooner.as_ref().expect("it does not begin at once"));
    assert_eq!((why.start_s, why.vms, why.fit, why.bound), (10.0, 1, 0, false));
    assert_eq!(why.lacks, [Lack { from_s: 10.0, ..lack(0, 1, 3600.0) }]);
    assert_eq!(told[2].1, Decided::Begins { hosts: vec![0], waited_s: 3590.0 });
    assert_eq!(told[3].1, Decided::Ends { run_s: 600.0, early_s: 0.0 });

    let third = about(&world, 3);
    let Decided::Waits { why, future, tries, until_s } = &third[1].1 else { panic!("{third:#?}") };
    // Tried again when lease 4 comes, it finds the same.
    assert_eq!((&future[..], *tries, *until_s), (&[2][..], 2, 30.0), "{third:#?}");
    assert_eq!(no_room(why).lacks, [Lack { from_s: 20.0, ..lack(0, 1, 4200.0) }]);
    let Decided::Planned(plan) = &third[2].1 else { panic!("{third:#?}") };
    assert_eq!(
        (third[2].0, plan.start_s),
        (3600.0, 4200.0),
        "when lease 2 holds no place any more"
    );
    assert_eq!(third.len(), 5, "{third:#?}");
}

/// Lease 1 (asked for at 0) and lease 2 (at 50 s) run on a host each; reservation 3 begins at
/// 1000 s on one host. Both could make way, with scores (31 d - age) / 31 d, the younger first:
/// 1 - 950 / 2678400 for lease 2. It is saved in 1024 / 32 = 32 s, from 968 s on, and loaded as
/// long, from 1500 s on, so that it runs from 1532 s, with 3600 - 918 = 2682 s left.
#[test]
fn who_makes_way_is_told_with_the_others_and_the_cost() {
    let keys = "preemption = \"ar-preempts-best-effort\"";
    let lwf = "0 -1 3600 3600 1 1 1024 0 none 0\n50 -1 3600 3600 1 1 1024 0 none 0\n\
               60 1000 500 500 1 1 1024 0 none 0\n";
    let world = world(2, keys, lwf);
    let score = |age: f64| 1.0 - age / 2_678_400.0;
    let told = about(&world, 2);
    let displaced = told.iter().find_map(|(at, what)| match what {
        Decided::Displaced(displaced) => Some((*at, displaced.clone())),
        _ => None,
    });
    let (at, displaced) = displaced.expect("it is displaced");
    assert_eq!(
        (at, displaced.by, displaced.start_s, displaced.how),
        (60.0, 3, 1000.0, Way::Suspended)
    );
    assert!((displaced.score.expect("it has one") - score(950.0)).abs() < 1e-12);
    assert_eq!((displaced.suspend_s, displaced.resume_s, displaced.lost_s), (32.0, 32.0, 0.0));
    let [Candidate { lease: 1, score: other }] = displaced.others[..] else {
        panic!("{displaced:?}")
    };
    assert!((other - score(1000.0)).abs() < 1e-12);
    let after: Vec<(f64, &Decided)> =
        told.iter().filter(|told| told.0 >= 968.0).map(|(at, what)| (*at, what)).collect();
    assert_eq!(after[0], (968.0, &Decided::Suspends { until_s: 1000.0 }), "{told:#?}");
    let resumes = Decided::Resumes { until_s: 1532.0, hosts: vec![1] };
    assert!(after.contains(&(1500.0, &resumes)), "{told:#?}");
    let ends = Decided::Ends { run_s: 3600.0, early_s: 0.0 };
    assert!(after.contains(&(1532.0 + 2682.0, &ends)), "{told:#?}");

    let by = about(&world, 3);
    let plan = by.iter().find_map(|(_, what)| match what {
        Decided::Planned(plan) => Some(plan),
        _ => None,
    });
    let plan = plan.expect("it is reserved");
    assert_eq!((plan.displaces[0].lease, plan.spares[0].lease), (2, 1));

    // Spared, it lets the older one make way.
    let at = Some(Instant::from_seconds(60.0));
    let focus = Focus { at, lease: Some(2), ..Focus::default() };
    let other = without(&world.0, &world.1, None, focus, None).expect("it is spared");
    assert_eq!((other.changed, other.differs_from), (1, Some(Instant::from_seconds(968.0))));
    let leases = |figures: &galerna::explain::Figures| figures.leases.clone().expect("leases");
    let (was, would) = (leases(&other.as_it_was), leases(&other.without));
    assert_eq!((was.accepted_ar, would.accepted_ar, would.suspensions), (1, 1, 1));
    // As it was 4214 s and 3600 s are the ends; spared, lease 1 ends 564 s after 3600 s.
    assert_eq!((was.all_best_effort_s, would.all_best_effort_s), (4214.0, 4164.0));
}

/// Without the reservation nobody is saved; the run is that of the other leases alone.
#[test]
fn without_a_lease_the_run_is_that_of_the_others() {
    let keys = "preemption = \"ar-preempts-best-effort\"";
    let others = "0 -1 3600 3600 1 1 1024 0 none 0\n50 -1 3600 3600 1 1 1024 0 none 0\n";
    let with = world(2, keys, &format!("{others}60 1000 500 500 1 1 1024 0 none 0\n"));
    let alone = world(2, keys, others);
    let focus = Focus { lease: Some(3), ..Focus::default() };
    let found = without(&with.0, &with.1, None, focus, None).expect("it is left out");
    assert_eq!(found.differs_from, Some(Instant::from_seconds(60.0)));
    assert!(matches!(found.leases[..], [LeaseDecision { what: Decided::Asked { .. }, .. }]));
    let inputs = alone.1.leases().expect("leases");
    let summary = LeaseSummary::new(&inputs.workload.leases, &plain(&alone.1).0, &inputs.rules);
    let mut expected = summary.clone();
    expected.rejected_ar = 1;
    assert_eq!(found.without.leases, Some(expected));
    assert_ne!(found.as_it_was.leases, found.without.leases);
    assert_eq!((found.as_it_was.summary, found.without.summary), (None, None));
}

/// A reservation of two VMs finds room for one of them, and nobody may make way.
#[test]
fn a_refused_reservation_is_told_what_it_lacks() {
    let lwf = "0 100 3600 3600 1 1 1024 0 none 0\n0 200 600 600 2 1 512 0 none 0\n\
               0 50 10 10 1 1 512 0 none 0\n";
    let told = about(&world(2, "", lwf), 2);
    let Decided::Refused { why, deadline_s: None } = &told[1].1 else { panic!("{told:#?}") };
    let why = no_room(why);
    assert_eq!((why.start_s, why.until_s, why.vms, why.fit), (200.0, 800.0, 2, 1));
    let first = Lack { from_s: 200.0, ..lack(0, 1, 3700.0) };
    let own = Lack { host: 1, takes: 1, again_s: None, by: Vec::new(), ..first.clone() };
    assert_eq!(why.lacks, [first, own]);
    let words = why.to_string();
    let line = "host-0  needs 100 of CPU, 0 free, until 01:01:40 (lease 1)";
    assert!(words.starts_with("at 00:03:20 1 of its 2 VMs find room\n") && words.contains(line));
}

/// A reservation that is asked for when its start is over, and one that the policy does not want.
#[test]
fn other_reasons_of_refusal_are_told() {
    let past = world(1, "", "100 50 10 10 1 1 512 0 none 0\n");
    let refused = |told: Vec<(f64, Decided)>| match told.into_iter().nth(1) {
        Some((_, Decided::Refused { why, .. })) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(about(&past, 1)), Hindrance::Past { start_s: 50.0 });
    let unwanted = world(1, "admission = \"no-ar\"", "0 50 10 10 1 1 512 0 none 0\n");
    let focus = Focus { lease: Some(1), ..Focus::default() };
    let told = explain(&unwanted.0, &unwanted.1, None, focus).expect("it is explained").leases;
    assert!(matches!(told[1].what, Decided::Refused { why: Hindrance::NotAdmitted, .. }));
}

/// Of 8 h to 32 h the mean intensity over two hours is 400 at 8 h and 100 from 22 h on.
#[test]
fn what_is_held_back_is_told_with_what_that_is_worth() {
    let costs = "[costs]\ncarbon-intensity = { steps = [[0, 100], [21600, 400], [79200, 100]], \
                 until-s = 86400, then = \"repeat\" }\n";
    let keys = format!(
        "load = \"replayed\"\nshifting = {{}}\n[fleet]\nhosts = [{{ machine = \
                        \"hp-ml110-g5\", count = 2, ram-gib = 8 }}]\n{costs}"
    );
    let spec = spec_of(&format!("[leases]\n{keys}"), &[]);
    let trace = steady(50);
    let all = loaded::inputs(&spec, "28800 -1 7200 7200 1 1 1024 0 none 0\n", trace);
    let focus = Focus { lease: Some(1), ..Focus::default() };
    let told = explain(&spec, &Repeatable::Leases(all), None, focus).expect("it is explained");
    let held =
        Decided::HeldBack { from_s: 28_800.0, until_s: 79_200.0, rates: Some([400.0, 100.0]) };
    assert_eq!(told.leases[1].what, held, "{:#?}", told.leases);
    assert!(told.leases[1].to_string().contains("a mean rate of 100.000 instead of 400.000"));
}

fn steady(percent: u8) -> UtilisationTrace {
    let step = Span::from_seconds(300.0);
    UtilisationTrace::new(vec!["row".into()], step, Values::Percent(vec![percent; 12]))
}

/// The image comes in 10 s, alone as fast; the disk copies 5 s for each of three VMs, those of the
/// web servers first, so that the database waits 10 s for its copy: customised at 28 s, booted at
/// 48 s. The web servers, ready at 38 and 43 s, wait for it.
#[test]
fn a_vm_that_is_ready_waits_for_the_critical_path() {
    let spec = spec_of(
        "[leases]\nload = \"replayed\"\nprovision = { clone = \"full\", disk-mb-s = 125, \
         customise-s = 3, boot-s = 20 }\n[fleet]\nhosts = [{ machine = \"own\", count = 1, \
         ram-gib = 8, cores = 16, core-mips = 2660, watts = [100, 110, 120, 130, 140, 150, 160, \
         170, 180, 190, 200] }]\n",
        &[],
    );
    let lwf = r#"<lease-workload name="w"><lease-requests>
<lease-request arrival="00:00:00"><lease id="7"><nodes>
<node-set numnodes="2" name="web" after="db"><res type="CPU" amount="100"/>
<res type="Memory" amount="512"/></node-set><node-set numnodes="1" name="db"><res type="CPU"
amount="100"/><res type="Memory" amount="2048"/></node-set></nodes><start/>
<duration time="01:00:00"/><software><disk-image id="deb" size="625"/></software></lease>
</lease-request></lease-requests></lease-workload>"#;
    let mut all = loaded::inputs(&spec, "", steady(10));
    let workload = format::read_lwf("w", lwf.as_bytes()).expect("it is in order");
    all.load.fleet = spec::fleet_of(&spec, &workload.leases, 1);
    all.leases.workload = workload;
    let focus = Focus { lease: Some(7), ..Focus::default() };
    let told = explain(&spec, &Repeatable::Leases(all), None, focus).expect("it is explained");
    let readied = &told.readied;
    assert_eq!(readied.len(), 3);
    assert_eq!([0, 1, 2].map(|vm| readied[vm].ready_s), [Some(38.0), Some(43.0), Some(48.0)]);
    assert_eq!(readied[0].began_s, Some(48.0));
    let stages = |vm: usize| -> Vec<(f64, f64)> {
        readied[vm].stages.iter().map(|stage| (stage.taken_s, stage.alone_s)).collect()
    };
    assert_eq!(stages(2), [(10.0, 10.0), (15.0, 5.0), (3.0, 3.0), (20.0, 20.0)]);
    let critical: Vec<(u32, Step, f64, f64)> = readied[0]
        .critical
        .iter()
        .map(|leg| (leg.vm.0, leg.step, leg.from_s, leg.until_s))
        .collect();
    let path = [
        (2, Step::Boot, 28.0, 48.0),
        (2, Step::Customise, 25.0, 28.0),
        (2, Step::Clone, 10.0, 25.0),
        (2, Step::Image, 0.0, 10.0),
    ];
    assert_eq!(critical, path);
    let words = readied[2].to_string();
    assert!(words.contains("15.000 s, 5.000 s alone: the disk copied for others"), "{words}");
}

/// Every lease of the bundled workload: decisions agree with what became of it, and whoever is said
/// to hold what is missing does.
#[test]
fn what_is_told_agrees_with_the_schedule() {
    let changes = [
        "leases.preemption=ar-preempts-best-effort",
        "leases.reservations={ share = 0.7, nodes = [2, 5], duration-s = 7200, length-s = 259200, \
         notice-s = 3600 }",
    ];
    let changes = changes.map(|change| spec::Override::parse(change).expect("a change"));
    let spec = spec::load("leases/easy".as_ref(), changes.to_vec()).unwrap();
    let inputs = Repeatable::read(&spec).expect("the sample");
    let (schedule, log) = plain(&inputs);
    let leases = inputs.leases().expect("leases");
    let (mut displaced, mut held) = (0, 0);
    for (request, outcome) in leases.workload.leases.iter().zip(&schedule.leases) {
        let focus = Focus { lease: Some(request.number), ..Focus::default() };
        let told = explain(&spec, &inputs, None, focus).expect("it is explained");
        assert_eq!(told.event_log_blake3, log);
        let count = |of: &dyn Fn(&Decided) -> bool| {
            told.leases.iter().filter(|decision| of(&decision.what)).count()
        };
        let number = request.number;
        let ways = count(&|what| matches!(what, Decided::Displaced(_)));
        assert_eq!(ways, outcome.preemptions as usize, "lease {number}");
        displaced += ways;
        let refused = count(&|what| matches!(what, Decided::Refused { .. }));
        assert_eq!(refused == 1, outcome.state == LeaseState::Rejected, "lease {number}");
        let ends = count(&|what| matches!(what, Decided::Ends { .. }));
        assert_eq!(ends == 1, outcome.state == LeaseState::Done, "lease {number}");
        let begins = told.leases.iter().filter(|d| matches!(d.what, Decided::Begins { .. }));
        assert_eq!(begins.map(|d| d.at).next(), outcome.first_start, "lease {number}");
        let saved = count(&|what| matches!(what, Decided::Suspends { .. }));
        assert_eq!(saved, outcome.suspensions as usize, "lease {number}");
        for decision in &told.leases {
            let Decided::Waits { why: Hindrance::NoRoom(obstacle), .. } = &decision.what else {
                continue;
            };
            for lack in obstacle.lacks.iter().filter(|lack| lack.from_s == decision.at.seconds()) {
                held += check_lack(leases, &schedule, decision, lack);
            }
        }
    }
    assert!(displaced > 3 && held > 10, "{displaced} displaced, {held} lacks looked at");
}

/// What is free on a host is what it has less what others hold there then.
fn check_lack(
    leases: &LeaseInputs,
    schedule: &Schedule,
    decision: &LeaseDecision,
    lack: &Lack,
) -> usize {
    let k = match lack.resource {
        Some("CPU") => CPU,
        Some("Memory") => MEMORY,
        _ => return 0,
    };
    let now = decision.at;
    let there = schedule.stretches.iter().filter(|s| s.start <= now && s.end > now);
    let mine = there.flat_map(|stretch| {
        let held = stretch.hosts.iter().filter(|(host, _)| *host == lack.host);
        held.map(move |(_, amounts)| (stretch, amounts[k]))
    });
    let held: Vec<_> = mine.collect();
    // Saving holds other amounts, and who begins now may have been placed later at this instant.
    if held.iter().any(|(stretch, _)| stretch.purpose != Use::Run || stretch.start == now) {
        return 0;
    }
    let sum: i64 = held.iter().map(|(_, amount)| amount).sum();
    let own: i64 = match leases.workload.leases.iter().find(|l| l.number == decision.lease) {
        Some(request) => request.needs().take(lack.takes as usize).map(|need| need[k]).sum(),
        None => 0,
    };
    let has = leases.site.hosts[lack.host as usize][k];
    assert_eq!(lack.free, has - sum - own, "{decision:?}\n{held:?}");
    let numbers = |stretch: &galerna::model::lease_record::Stretch| {
        leases.workload.leases[stretch.lease.0 as usize].number
    };
    assert!(held.iter().all(|(stretch, _)| lack.by.contains(&numbers(stretch))), "{lack:?}");
    1
}

#[test]
fn questions_without_an_answer_are_refused() {
    let world = world(1, "", "0 -1 60 60 1 1 512 0 none 0\n");
    let ask =
        |focus: Focus| without(&world.0, &world.1, None, focus, None).unwrap_err().to_string();
    let unknown = ask(Focus { lease: Some(9), ..Focus::default() });
    assert!(unknown.starts_with("GLN-697 --lease: the run has no lease 9"), "{unknown}");
    let at = Some(Instant::from_seconds(30.0));
    let found = ask(Focus { lease: Some(1), at, ..Focus::default() });
    assert!(found.contains("lease 1 was neither asked for nor displaced then"), "{found}");
}
