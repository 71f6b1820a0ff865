//! Random workloads of leases under random rules: the independent check finds nothing, and the
//! same input gives the same schedule.

use std::ops::ControlFlow;

use galerna::check::{LeaseEvidence, check_leases};
use galerna::engine::run_leases;
use galerna::lease::{
    Backfilling, ColdMigration, Exclusion, HostSelectionSpec, LeasePolicies, LeaseRules,
    LeaseSummary, Mapping, PreemptionSpec, Schedule, Suspension,
};
use galerna::model::lease::{
    CPU, LeaseKind, LeaseRequest, MEMORY, NodeSet, RESOURCES, Site, Software, Workload,
};
use galerna::model::lease_record::{LeaseState, Use};
use galerna::provision::{ImageTransfer, Preparation};
use galerna::random::{Stream, below, stream};
use galerna::time::{Instant, Span};

fn draw(random: &mut Stream, from: i64, to: i64) -> i64 {
    from + below((to - from) as usize, random) as i64
}

fn chance(random: &mut Stream, one_in: usize) -> bool {
    below(one_in, random) == 0
}

fn pick<T: Copy>(random: &mut Stream, choices: &[T]) -> T {
    choices[below(choices.len(), random)]
}

fn seconds(count: i64) -> Span {
    Span(count * 1_000_000)
}

fn need(random: &mut Stream) -> NodeSet {
    let mut need = [0; RESOURCES];
    need[CPU] = pick(random, &[50, 100, 100, 200]);
    need[MEMORY] = pick(random, &[256, 1024, 1024, 2048]);
    NodeSet::new(draw(random, 1, 5) as u32, need)
}

fn lease(number: u64, arrival: Instant, random: &mut Stream) -> LeaseRequest {
    let duration = seconds(draw(random, 30, 7200));
    let start = arrival + seconds(draw(random, 0, 10_000));
    let kind = match draw(random, 0, 10) {
        0 | 1 => LeaseKind::AdvanceReservation { start },
        2 => LeaseKind::Immediate,
        3 => LeaseKind::Deadline {
            start,
            deadline: start + duration + seconds(draw(random, 0, 20_000)),
        },
        _ => LeaseKind::BestEffort,
    };
    let image = draw(random, 0, 4) as u32;
    let sets = if chance(random, 4) { 2 } else { 1 };
    LeaseRequest {
        number,
        arrival,
        kind,
        nodes: (0..sets).map(|_| need(random)).collect(),
        duration,
        real_duration: chance(random, 2).then(|| seconds(draw(random, 1, 7200)).min(duration)),
        preemptible: !chance(random, 4),
        software: match image {
            0 => Software::None,
            _ => Software::Image { image, size: 300 * i64::from(image) },
        },
        user: None,
        promised_percent: LeaseRequest::WHOLE,
        extras: Vec::new(),
    }
}

fn workload(random: &mut Stream) -> Workload {
    let mut at = 0;
    let leases = (1..=draw(random, 20, 90)).map(|number| {
        at += draw(random, 0, 900);
        lease(number as u64, Instant(at * 1_000_000), random)
    });
    Workload { leases: leases.collect(), ..Workload::default() }
}

fn rules(random: &mut Stream, base: LeaseRules) -> LeaseRules {
    let images = ImageTransfer {
        multicast: !chance(random, 3),
        piggyback: !chance(random, 3),
        fixed_time: None,
        cache_mb: pick(random, &[None, Some(700), Some(-1)]),
    };
    let images = Preparation::ImageTransfer(images);
    let backfilling = [
        Backfilling::None,
        Backfilling::Easy,
        Backfilling::Intermediate(3),
        Backfilling::Conservative,
    ];
    let preemptions =
        [PreemptionSpec::None, PreemptionSpec::ArPreemptsBestEffort, PreemptionSpec::Deadline];
    let migrations = [ColdMigration::No, ColdMigration::Yes, ColdMigration::WithoutTransfer];
    LeaseRules {
        backfilling: pick(random, &backfilling),
        suspension: pick(random, &[Suspension::None, Suspension::SerialOnly, Suspension::All]),
        exclusion: pick(random, &[Exclusion::Local, Exclusion::Global]),
        migration: pick(random, &migrations),
        shutdown: seconds(pick(random, &[0, 0, 10])),
        enactment: seconds(pick(random, &[0, 0, 1])),
        preparation: if chance(random, 2) { images } else { Preparation::Unmanaged },
        preemption: pick(random, &preemptions),
        mapping: pick(random, &[Mapping::Greedy, Mapping::Deadline]),
        host_selection: pick(random, &[HostSelectionSpec::Any, HostSelectionSpec::Greedy]),
        ..base
    }
}

fn site(random: &mut Stream) -> Site {
    let mut site = Site::uniform(draw(random, 4, 13) as usize, 200, 4096);
    if chance(random, 2) {
        site.hosts[0][CPU] = 400;
    }
    site
}

fn run(site: &Site, leases: &[LeaseRequest], rules: &LeaseRules) -> Schedule {
    let go_on = &mut |_| ControlFlow::Continue(());
    run_leases(site, leases, rules, LeasePolicies::new(rules), go_on).expect("no policy fails")
}

/// Runs many random workloads and returns what happened in all of them together.
fn fuzz(seeds: std::ops::Range<u64>, base: &LeaseRules, odd: bool) -> Vec<LeaseSummary> {
    let mut summaries = Vec::new();
    for seed in seeds {
        let random = &mut stream(seed, "leases.fuzz");
        let (site, workload) = (site(random), workload(random));
        let mut rules = rules(random, base.clone());
        if rules.oddities.shutdown_inside_reservation {
            // Neither that nor a transfer planned in the past is agreed in the sense of the check.
            (rules.shutdown, rules.enactment) = (Span::ZERO, Span::ZERO);
            rules.oddities.transfer_may_be_late = false;
        }
        let schedule = run(&site, &workload.leases, &rules);
        let evidence = LeaseEvidence {
            site: &site,
            requests: &workload.leases,
            outcomes: &schedule.leases,
            stretches: &schedule.stretches,
            odd_overheads: odd,
            shutdown_inside: rules.oddities.shutdown_inside_reservation,
        };
        let mut findings = check_leases(evidence);
        // Haizea may delay a lease that it places again, and we a lease that waits for an image.
        let unmanaged = rules.preparation == Preparation::Unmanaged;
        findings.retain(|finding| finding.code != "GLN-646" || unmanaged && !odd);
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "seed {seed}, {rules:?}:\n{}", text.join("\n"));
        assert_eq!(run(&site, &workload.leases, &rules), schedule, "seed {seed}: same input");
        summaries.push(LeaseSummary::new(&workload.leases, &schedule, &rules));
    }
    summaries
}

#[test]
fn the_check_finds_nothing_under_plain_rules() {
    let summaries = fuzz(0..300, &LeaseRules::default(), false);
    let sum = |figure: fn(&LeaseSummary) -> u64| summaries.iter().map(figure).sum::<u64>();
    // The workloads reach everything that is claimed to hold.
    assert!(sum(|s| s.accepted_ar) > 500 && sum(|s| s.rejected_ar) > 500);
    assert!(sum(|s| s.suspensions) > 300 && sum(|s| s.migrations) > 50);
    assert!(sum(|s| s.image_transfers) > 1000 && sum(|s| s.premature_ends) > 1000);
}

#[test]
fn the_check_finds_nothing_under_the_rules_of_haizea() {
    fuzz(1000..1150, &LeaseRules::haizea_1_1(), true);
    fuzz(2000..2100, &LeaseRules::haizea_1_0(), true);
}

#[test]
fn a_lease_that_is_not_preemptible_is_spared() {
    for seed in 0..60 {
        let random = &mut stream(seed, "leases.spared");
        let (site, mut workload) = (site(random), workload(random));
        workload.leases.iter_mut().for_each(|lease| lease.preemptible = false);
        let rules = LeaseRules {
            preemption: PreemptionSpec::ArPreemptsBestEffort,
            ..LeaseRules::default()
        };
        let schedule = run(&site, &workload.leases, &rules);
        assert!(schedule.leases.iter().all(|life| life.preemptions == 0), "seed {seed}");
    }
}

#[test]
fn a_lease_larger_than_the_site_fails_and_the_others_run() {
    let random = &mut stream(1, "leases.large");
    let mut workload = workload(random);
    workload.leases.iter_mut().for_each(|lease| lease.kind = LeaseKind::BestEffort);
    workload.leases[3].nodes = vec![NodeSet { count: 1000, ..need(random) }];
    let site = Site::uniform(8, 200, 4096);
    let schedule = run(&site, &workload.leases, &LeaseRules::default());
    let ends = schedule.leases.iter().map(|life| life.state);
    let failed = ends.clone().filter(|&state| state == LeaseState::Failed).count();
    let done = ends.filter(|&state| state == LeaseState::Done).count();
    assert_eq!((failed, done), (1, workload.leases.len() - 1));
}

/// Two hosts. A runs on both for 100 s, B wants both for 100 s, C wants one for 50 s: C fits beside
/// nothing, D (one host, from 10 s on, 80 s) would delay B unless only one host were in use.
#[test]
fn a_short_lease_is_backfilled_only_where_it_delays_nobody() {
    let make = |number: u64, at: i64, count: u32, length: i64| {
        let mut lease = lease(number, Instant(at * 1_000_000), &mut stream(0, "x"));
        (lease.kind, lease.real_duration) = (LeaseKind::BestEffort, None);
        (lease.duration, lease.software) = (seconds(length), Software::None);
        let mut need = [0; RESOURCES];
        (need[CPU], need[MEMORY]) = (100, 1024);
        lease.nodes = vec![NodeSet::new(count, need)];
        lease
    };
    let leases = [make(1, 0, 1, 100), make(2, 1, 2, 100), make(3, 2, 1, 98), make(4, 3, 1, 98)];
    let site = Site::uniform(2, 100, 1024);
    let starts = |backfilling| {
        let suspension = Suspension::None;
        let rules = LeaseRules { backfilling, suspension, ..LeaseRules::default() };
        let schedule = run(&site, &leases, &rules);
        let first = schedule.leases.iter().map(|life| life.first_start);
        first.map(|start| start.map_or(-1.0, Instant::seconds)).collect::<Vec<_>>()
    };
    // In order: 2 waits for 1, 3 and 4 wait for 2.
    assert_eq!(starts(Backfilling::None), [0.0, 100.0, 200.0, 200.0]);
    // 3 ends with 1 at 100 s and goes ahead; 4 would hold a host until 101 s.
    assert_eq!(starts(Backfilling::Easy), [0.0, 100.0, 2.0, 200.0]);
}

#[test]
fn nothing_is_held_after_the_end() {
    let random = &mut stream(9, "leases.end");
    let (site, workload) = (site(random), workload(random));
    let schedule = run(&site, &workload.leases, &LeaseRules::default());
    let last = schedule.cpu.steps.last().expect("something ran");
    assert_eq!(last.1, 0);
    assert!(schedule.stretches.iter().all(|stretch| stretch.end <= schedule.end));
    assert!(schedule.stretches.iter().any(|stretch| stretch.purpose == Use::Run));
}
