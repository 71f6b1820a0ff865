//! VMs of one lease on one host, or on different ones: read, refused where that cannot be, kept by
//! the calendar and by policies, and verified.

mod loaded;

use std::ops::ControlFlow;

use galerna::check::{Evidence, LeaseEvidence, check, check_leases};
use galerna::engine::run_leases;
use galerna::explain::{Focus, Repeatable, explain};
use galerna::lease::decision::{Decided, Hindrance};
use galerna::lease::{LeasePolicies, LeaseRules, PreemptionSpec, Schedule, format};
use galerna::model::lease::{LeaseRequest, Site, Workload};
use galerna::model::lease_record::LeaseState;
use galerna::model::{Action, ActionKind};
use galerna::random::{Stream, below, stream};
use galerna::spec::{LoadedLeases, RunSpec, fleet_of};
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};
use loaded::{evidence, inputs, run, spec_of};

/// A node-set: how many VMs of how much CPU and memory, and further attributes.
fn set(count: usize, cpu: usize, memory: usize, further: &str) -> String {
    format!(
        "<node-set numnodes=\"{count}\" {further}><res type=\"CPU\" amount=\"{cpu}\"/><res \
         type=\"Memory\" amount=\"{memory}\"/></node-set>"
    )
}

/// A lease of an hour that is asked for at `at` seconds, with its start, if it has one.
fn lease(id: usize, at: usize, start: Option<usize>, sets: &str) -> String {
    let clock = |at: usize| format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
    let start = start.map_or("<start/>".to_owned(), |start| {
        format!("<start><exact time=\"{}\"/></start>", clock(start))
    });
    format!(
        "<lease-request arrival=\"{}\"><lease id=\"{id}\" preemptible=\"true\"><nodes>{sets}\
         </nodes>{start}<duration time=\"01:00:00\"/><software><none/></software></lease>\
         </lease-request>\n",
        clock(at)
    )
}

fn lwf(leases: &str) -> String {
    format!("<lease-workload name=\"w\"><lease-requests>{leases}</lease-requests></lease-workload>")
}

fn read(leases: &str) -> Workload {
    format::read_lwf("f", lwf(leases).as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn scheduled(site: &Site, requests: &[LeaseRequest], rules: &LeaseRules) -> Schedule {
    let go_on = &mut |_| ControlFlow::Continue(());
    run_leases(site, requests, rules, LeasePolicies::new(rules), go_on).expect("it runs")
}

fn findings(site: &Site, requests: &[LeaseRequest], schedule: &Schedule) -> Vec<String> {
    let evidence = LeaseEvidence {
        site,
        requests,
        outcomes: &schedule.leases,
        stretches: &schedule.stretches,
        odd_overheads: false,
        shutdown_inside: false,
    };
    check_leases(evidence).into_iter().map(|problem| problem.to_string()).collect()
}

const WEB: &str = "name=\"web\" apart=\"web\"";
const DATABASE: &str = "name=\"db\" together=\"cache\"";
const CACHE: &str = "name=\"cache\"";

#[test]
fn rules_are_read_written_and_refused_where_they_contradict() {
    let sets = set(2, 50, 512, WEB) + &set(1, 50, 512, DATABASE) + &set(1, 50, 512, CACHE);
    let workload = read(&lease(1, 0, None, &sets));
    let company = workload.leases[0].company().expect("it has rules");
    assert!(company.are_apart(0, 1) && company.are_together(2, 3));
    let mut out = Vec::new();
    format::write_lwf(&workload, &mut out).expect("a vector takes everything");
    assert_eq!(format::read_lwf("g", &out[..]).expect("we wrote it"), workload);
    for (first, second, what) in [
        ("name=\"a\" apart=\"bb\"", "name=\"b\"", "no node-set is called `bb` (did you mean `b`"),
        ("name=\"a\" apart=\"b\"", "name=\"b\" together=\"a\"", "VMs of `a` and `b` are to be"),
        ("name=\"a\" apart=\"a\" together=\"a\"", "name=\"b\"", "VMs of `a` and `a` are to be"),
        ("name=\"a\" apart=\"a\"", "name=\"a\"", "two node-sets are called `a`"),
    ] {
        let sets = set(2, 50, 512, first) + &set(1, 50, 512, second);
        let text = lwf(&lease(1, 0, None, &sets));
        let error = format::read_lwf("f", text.as_bytes()).expect_err("it is wrong").to_string();
        assert!(error.contains("f:1: ") && error.contains(what), "{what}\n{error}");
        assert!(error.starts_with("GLN-698") || error.starts_with("GLN-688"), "{error}");
    }
}

/// Three web servers of 20 on hosts of 100, which would all fit on the first, are on one host each;
/// database and cache of 50 each fill a host, though each alone would fit beside a web server.
#[test]
fn the_mapper_keeps_the_rules() {
    let site = Site::uniform(4, 100, 4096);
    let sets = set(3, 20, 512, WEB) + &set(1, 50, 512, DATABASE) + &set(1, 50, 512, CACHE);
    let workload = read(&lease(1, 0, None, &sets));
    let schedule = scheduled(&site, &workload.leases, &LeaseRules::default());
    assert_eq!(schedule.leases[0].first_hosts, [0, 1, 2, 3, 3]);
    assert_eq!(findings(&site, &workload.leases, &schedule), Vec::<String>::new());
    let plain = sets.replace("apart", "instance-of").replace("together", "near");
    let plain = read(&lease(1, 0, None, &plain));
    let schedule = scheduled(&site, &plain.leases, &LeaseRules::default());
    assert_eq!(schedule.leases[0].first_hosts, [1, 1, 1, 0, 0], "who may share hosts does");
    // Told to be apart, that is found out; so is a host that only holds too much for the rules.
    let found = findings(&site, &workload.leases, &schedule);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("VMs 0 and 1 first ran on h1 and h1"), "{found:?}");
    assert!(found[1].contains("no way to deal its VMs out"), "{found:?}");
}

/// Two hosts, of which another lease holds one: two web servers that are apart wait for it, and
/// are told why.
#[test]
fn who_is_apart_waits_for_hosts_and_is_told() {
    let spec = spec_of("[leases]\nhosts = [{ count = 2, cpu = 100, memory-mb = 4096 }]\n", &[]);
    let workload = read(&format!(
        "{}{}",
        lease(1, 0, None, &set(1, 100, 512, "")),
        lease(2, 60, None, &set(2, 50, 512, WEB))
    ));
    let leases = spec.leases.as_ref().expect("a run of leases");
    let inputs = galerna::spec::LeaseInputs {
        workload,
        site: Site::uniform(2, 100, 4096),
        rules: leases.rules.clone(),
        left_out: 0,
        consolidate: leases.consolidate,
        spare_hosts: 0,
    };
    let focus = Focus { lease: Some(2), ..Focus::default() };
    let told = explain(&spec, &Repeatable::Calendar(inputs), None, focus).expect("it is explained");
    let plan = told.leases.iter().find_map(|decision| match &decision.what {
        Decided::Planned(plan) => Some(plan),
        _ => None,
    });
    let plan = plan.expect("it got a place");
    assert_eq!((plan.start_s, &plan.hosts[..]), (3600.0, &[0, 1][..]));
    let Some(Hindrance::NoRoom(why)) = &plan.not_sooner else { panic!("{plan:?}") };
    let lacks: Vec<_> = why.lacks.iter().map(|l| (l.host, l.takes, l.resource)).collect();
    assert_eq!((why.fit, lacks), (1, vec![(0, 0, Some("CPU")), (1, 1, None)]));
    assert!(why.to_string().contains("host-1  takes 1, then it is to be apart"), "{why}");
}

fn read_at(spec: &str, leases: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("w.lwf");
    std::fs::write(&file, lwf(leases)).expect("it is written");
    let mut spec = spec_of(spec, &[]).leases.expect("a run of leases");
    spec.workload.0 = file;
    galerna::spec::LeaseInputs::read(&spec).map(drop).map_err(|error| error.to_string())
}

#[test]
fn what_no_site_can_hold_is_refused() {
    let site = "[leases]\nhosts = [{ count = 2, cpu = 100, memory-mb = 4096 }]\n";
    let three = lease(1, 0, None, &set(3, 10, 512, WEB));
    let error = read_at(site, &three).expect_err("there are two hosts");
    assert!(error.contains("GLN-699") && error.contains("3 of its VMs are each to be apart"));
    let large = set(1, 60, 512, DATABASE) + &set(1, 60, 512, CACHE);
    let error = read_at(site, &lease(1, 0, None, &large)).expect_err("a host has 100");
    assert!(error.contains("2 VMs that are to be together need CPU 120 and 1024 MB"), "{error}");
    let kept = site.replace("[leases]\n", "[leases]\noversized = \"leave-out\"\n");
    assert_eq!(read_at(&kept, &three), Ok(()));
}

/// A random lease of up to three sets, with rules that do not contradict each other.
fn random_sets(random: &mut Stream) -> String {
    let (mut sets, mut spread) = (String::new(), false);
    for number in 0..1 + below(3, random) {
        let earlier = format!("s{}", number.max(1) - 1);
        let own = below(2, random) == 0;
        let rule = match below(3, random) {
            _ if own => format!("apart=\"s{number}\""),
            0 if number > 0 && !spread => format!("together=\"{earlier}\""),
            1 if number > 0 => format!("apart=\"{earlier}\""),
            _ => String::new(),
        };
        let vms = 1 + below(if own { 3 } else { 1 }, random);
        let further = format!("name=\"s{number}\" {rule}");
        sets += &set(vms, 25 * (1 + below(2, random)), 512, &further);
        spread = own;
    }
    sets
}

fn random_leases(seed: u64, count: usize, hours: usize) -> String {
    let random = &mut stream(seed, "test.company");
    let mut leases = String::new();
    for number in 0..count {
        let at = number * hours * 3600 / count + below(300, random);
        let start = (below(3, random) == 0).then(|| at + 1800 + below(3600, random));
        leases += &lease(number + 1, at, start, &random_sets(random));
    }
    leases
}

/// Calendars with preemption, suspension and resumption elsewhere keep all rules.
#[test]
fn random_calendars_keep_the_rules() {
    let (mut suspended, mut bound) = (0, 0);
    for seed in 0..60 {
        let workload = read(&random_leases(seed, 40, 12));
        let site = Site::uniform(4, 100, 4096);
        let preemption = PreemptionSpec::ArPreemptsBestEffort;
        let rules = LeaseRules { preemption, ..LeaseRules::default() };
        let schedule = scheduled(&site, &workload.leases, &rules);
        let found = findings(&site, &workload.leases, &schedule);
        assert!(found.is_empty(), "{seed}: {found:#?}");
        suspended += schedule.leases.iter().map(|lease| lease.suspensions).sum::<u32>();
        let done = workload.leases.iter().zip(&schedule.leases);
        let done = done.filter(|(_, outcome)| outcome.state == LeaseState::Done);
        bound += done.filter(|(request, _)| request.company().is_some()).count();
    }
    assert!(suspended > 50 && bound > 300, "{suspended} {bound}");
}

fn trace(random: &mut Stream) -> UtilisationTrace {
    let rows = 6;
    let names = (0..rows).map(|row| format!("row {row}")).collect();
    let values = (0..rows * 24).map(|_| below(100, random) as u8).collect();
    UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(values))
}

fn loaded_with(spec: &RunSpec, workload: Workload, trace: UtilisationTrace) -> LoadedLeases {
    let rows = trace.vms();
    let mut all = inputs(spec, "", trace);
    all.load.fleet = fleet_of(spec, &workload.leases, rows);
    all.leases.workload = workload;
    all
}

/// Two sites whose rules do not forbid what leases ask for.
const SITES: &str = "[sites]
list = [{ name = \"a\", hosts = \"0-3\" }, { name = \"b\", hosts = \"4-5\" }]
links = [{ between = [\"a\", \"b\"], mbit-s = 1000, rtt-ms = 1 }]
rules = [{ vms = \"0-9\", sites = [\"a\"] }, { vms = \"30-45\", sites = [\"b\"] },
         { vms = \"10-29\", at-most = 8, per = \"site\" }]
";

/// Policies that place and move VMs by their load, with hosts that fail, in half of the worlds at
/// two sites with rules of their own, keep all rules, and VMs that are not bound move.
#[test]
fn random_worlds_of_load_keep_the_rules() {
    let (mut moved, mut restarted, mut begun) = (0, 0, 0);
    let policies = [
        "overload = \"thr\"\n",
        "overload = \"thr\"\nplace = \"first-fit\"\n",
        "overload = \"lr\"\nplace = \"risk-fit\"\n",
        "place = \"optimise\"\n",
        "place = { kind = \"balance\" }\n",
    ];
    for seed in 0..30 {
        let Ok(workload) = format::read_lwf("f", lwf(&random_leases(seed, 30, 6)).as_bytes())
        else {
            continue;
        };
        let random = &mut stream(seed, "test.load");
        let how = ["off", "blind", "foresighted"][seed as usize % 3];
        let policy = match how {
            "off" => String::new(),
            _ => format!("[policy]\n{}", policies[below(policies.len(), random)]),
        };
        let outages = match how {
            "off" => "",
            _ => "[outages]\nhost = { mtbf-h = 6, mttr-h = 0.5 }\n",
        };
        let sites = if how != "off" && seed % 2 == 1 { SITES } else { "" };
        let text = format!("{}{policy}{outages}{sites}", loaded::site(6)).replace(
            "[leases]\n",
            &format!(
                "[leases]\nconsolidate = \"{how}\"\npreemption = \"ar-preempts-best-effort\"\n"
            ),
        );
        let spec = spec_of(&text, &[]);
        let all = loaded_with(&spec, workload, trace(random));
        let done = run(&spec, &all);
        let mut told = evidence(&all, &done);
        told.unknown_durations = spec.unknown_durations();
        let report = check(&told);
        assert!(report.is_clean(), "{how} {seed}\n{report}");
        let count = |kind| told.record.actions.iter().filter(|a| a.kind == kind).count();
        moved += count(ActionKind::MigrationStart);
        restarted += count(ActionKind::VmRestart);
        begun += count(ActionKind::VmStart);
    }
    assert!(moved > 20 && restarted > 20 && begun > 500, "{moved} {restarted} {begun}");
}

/// All must be at site b, hosts 2 and 3 of two cores: the two that are apart take a core of each,
/// and the two that are together wait for a host of their own, though two cores are free at once.
#[test]
fn the_calendar_keeps_these_and_the_rules_of_sites() {
    let sites = "[sites]\nlist = [{ name = \"a\", hosts = \"0-1\" }, { name = \"b\", hosts = \
                 \"2-3\" }]\nrules = [{ vms = \"0-3\", sites = [\"b\"] }]\n";
    let how = "[leases]\nconsolidate = \"foresighted\"\n";
    let spec = spec_of(&(loaded::site(4).replace("[leases]\n", how) + sites), &[]);
    let pair = set(1, 100, 512, DATABASE) + &set(1, 100, 512, CACHE);
    let workload = read(&(lease(1, 0, None, &set(2, 100, 512, WEB)) + &lease(2, 0, None, &pair)));
    let all = loaded_with(&spec, workload, trace(&mut stream(0, "test.both")));
    let done = run(&spec, &all);
    let begun = done
        .0
        .leases
        .iter()
        .map(|lease| (lease.first_start.map(|at| at.seconds()), lease.first_hosts.clone()));
    let expected = [(Some(0.0), vec![2, 3]), (Some(3600.0), vec![2, 2])];
    assert_eq!(begun.collect::<Vec<_>>(), expected);
}

/// Two VMs that are apart begin on two hosts, two that are together on one; where the record is
/// changed to say otherwise, that is found out.
#[test]
fn broken_rules_are_found_in_the_tables() {
    let text = loaded::site(3).replace("[leases]\n", "[leases]\nconsolidate = \"blind\"\n");
    let spec = spec_of(&text, &[]);
    let sets = set(2, 50, 512, WEB) + &set(1, 50, 512, DATABASE) + &set(1, 50, 512, CACHE);
    let flat = UtilisationTrace::new(
        vec!["row".into()],
        Span::from_seconds(300.0),
        Values::Percent(vec![10; 12]),
    );
    let all = loaded_with(&spec, read(&lease(1, 0, None, &sets)), flat);
    let done = run(&spec, &all);
    let told = evidence(&all, &done);
    assert!(check(&told).is_clean(), "{}", check(&told));
    let host = |vm: u32| {
        let mut starts = told.record.actions.iter().filter(|a| a.kind == ActionKind::VmStart);
        starts.find(|a| a.vm.map(|vm| vm.0) == Some(vm)).and_then(|a| a.to).expect("it begins")
    };
    assert!(host(0) != host(1) && host(2) == host(3));
    let moved = |vm: u32, to| -> Evidence {
        let mut told = told.clone();
        let of = |a: &&mut Action| a.vm.map(|vm| vm.0) == Some(vm);
        for action in told.record.actions.iter_mut().filter(of) {
            match action.kind {
                ActionKind::VmStart => action.to = Some(to),
                ActionKind::VmStop => action.from = Some(to),
                _ => {}
            }
        }
        told
    };
    let found = |told: &Evidence| check(told).findings.iter().any(|p| p.code == "GLN-216");
    assert!(!found(&told) && found(&moved(1, host(0))));
    let elsewhere = if host(2) == host(0) { host(1) } else { host(0) };
    assert!(found(&moved(3, elsewhere)));
}

/// Lease 1 leaves room for one of two VMs of 1000 MB on the first host of 8 GiB. First fit would
/// put one there, and none beside it: those that are together begin on the second host at once,
/// which is on.
#[test]
fn a_host_is_chosen_that_has_room_for_all() {
    let text = loaded::site(2)
        .replace("[leases]\n", "[leases]\nconsolidate = \"blind\"\nspare-hosts = 1\n");
    let spec = spec_of(&(text + "[policy]\nplace = \"first-fit\"\n"), &[]);
    for (together, expected) in [("together=\"b\"", [1, 1]), ("", [0, 1])] {
        let two = set(2, 50, 1000, &format!("name=\"b\" {together}"));
        let leases = lease(1, 0, None, &set(1, 50, 7000, "")) + &lease(2, 300, None, &two);
        let flat = UtilisationTrace::new(
            vec!["row".into()],
            Span::from_seconds(300.0),
            Values::Percent(vec![10; 12]),
        );
        let all = loaded_with(&spec, read(&leases), flat);
        let done = run(&spec, &all);
        let starts = done.1.record.actions.iter().filter(|a| a.kind == ActionKind::VmStart);
        let starts: Vec<_> = starts
            .map(|a| (a.at.seconds(), a.vm.map(|vm| vm.0), a.to.map(|host| host.0)))
            .collect();
        let on = |at, vm, host| (at, Some(vm), Some(host));
        for expected in [on(0.0, 0, 0), on(300.0, 1, expected[0]), on(300.0, 2, expected[1])] {
            assert!(starts.contains(&expected), "{together}: {starts:?}");
        }
        assert!(check(&evidence(&all, &done)).is_clean(), "{}", check(&evidence(&all, &done)));
    }
}
