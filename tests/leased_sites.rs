//! The calendar of leases at several data centres: it holds hosts only where rules let VMs be.

mod loaded;

use galerna::check::{LeaseClaims, LeaseEvidence, check, check_lease_run};
use galerna::engine::{ConsolidateLeases, Outcome};
use galerna::lease::{LeaseSummary, Schedule};
use galerna::model::lease::LeaseKind;
use galerna::model::lease_record::LeaseState;
use galerna::random::{Stream, below, stream};
use galerna::spec::{LoadedLeases, RunSpec};
use galerna::time::{Instant, Span};
use galerna::trace::{UtilisationTrace, Values};

/// `count` hosts of two cores, whose VMs are consolidated, at the sites and by the rules of `text`.
fn spec(count: usize, text: &str, changes: &[&str]) -> RunSpec {
    let how = "[leases]\nconsolidate = \"foresighted\"\n";
    let text = format!("{}[sites]\n{text}", loaded::site(count).replace("[leases]\n", how));
    loaded::spec_of(&text, changes)
}

fn trace(rows: usize) -> UtilisationTrace {
    let names = (0..rows).map(|row| format!("row {row}")).collect();
    UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(vec![50; rows * 12]))
}

/// The run of `inputs`, which the check finds sound.
fn sound(spec: &RunSpec, inputs: &LoadedLeases) -> (Schedule, Outcome) {
    let ended = loaded::run(spec, inputs);
    let mut evidence = loaded::evidence(inputs, &ended);
    evidence.unknown_durations = spec.unknown_durations();
    let report = check(&evidence);
    assert!(report.is_clean(), "{report}");
    let requests = &inputs.leases.workload.leases;
    let leases = LeaseEvidence {
        site: &inputs.leases.site,
        requests,
        outcomes: &ended.0.leases,
        stretches: &ended.0.stretches,
        odd_overheads: false,
        shutdown_inside: false,
    };
    let summary = LeaseSummary::new(requests, &ended.0, &inputs.leases.rules);
    let named = summary.named().into_iter().map(|(name, value)| (name.to_owned(), value));
    let claims = LeaseClaims { summary: named.collect(), ..LeaseClaims::default() };
    let report = check_lease_run(leases, &claims);
    assert!(report.is_clean(), "{report}");
    ended
}

/// When each lease of `lwf` began, and on which hosts the calendar held room for it.
fn begun(spec: &RunSpec, lwf: &str) -> Vec<(Option<f64>, Vec<u32>)> {
    let inputs = loaded::inputs(spec, lwf, trace(8));
    let (schedule, _) = sound(spec, &inputs);
    let row = |lease: &galerna::model::lease_record::LeaseOutcome| {
        (lease.first_start.map(|at| at.seconds()), lease.first_hosts.clone())
    };
    schedule.leases.iter().map(row).collect()
}

const HOME_AND_CLOUD: &str = "list = [{ name = \"home\", hosts = \"0\" }, \
                              { name = \"cloud\", hosts = \"1-2\", kind = \"public\" }]\n";

/// One private host, which the first lease takes for an hour. The second, which must stay private,
/// waits for its end; the third may be anywhere and begins on a rented host.
#[test]
fn a_lease_that_must_stay_private_waits_although_public_hosts_are_free() {
    let lwf = "0 -1 3600 3600 1 2 1024 0 none 0\n60 -1 600 600 1 2 1024 0 none 0\n\
               120 -1 600 600 1 2 1024 0 none 0\n";
    let rules = format!("{HOME_AND_CLOUD}rules = [{{ vms = \"0-1\", private = true }}]\n");
    let found = begun(&spec(3, &rules, &[]), lwf);
    let expected = [(Some(0.0), vec![0]), (Some(3600.0), vec![0]), (Some(120.0), vec![1])];
    assert_eq!(found, expected);
    let free = begun(&spec(3, HOME_AND_CLOUD, &[]), lwf);
    assert_eq!(free[1], (Some(60.0), vec![1]));
    // Private hosts come first whatever their numbers.
    let cloud_first = "list = [{ name = \"cloud\", hosts = \"0-1\", kind = \"public\" }, \
                       { name = \"home\", hosts = \"2\" }]\n";
    let hosts = begun(&spec(3, cloud_first, &[]), lwf).into_iter().map(|row| row.1);
    assert_eq!(hosts.collect::<Vec<_>>(), [[2], [0], [1]]);
}

/// The same as reservations: the second is refused, the third has a rented host, the fourth, which
/// is later, the private one again.
#[test]
fn a_reservation_is_refused_where_the_rules_leave_no_room() {
    let lwf = "0 1000 3600 3600 1 2 1024 0 none 0\n0 1000 600 600 1 2 1024 0 none 0\n\
               0 1000 600 600 1 2 1024 0 none 0\n0 4600 600 600 1 2 1024 0 none 0\n";
    let rules = format!("{HOME_AND_CLOUD}rules = [{{ vms = \"0-1\", private = true }}]\n");
    let found = begun(&spec(3, &rules, &[]), lwf);
    let expected = [
        (Some(1000.0), vec![0]),
        (None, Vec::new()),
        (Some(1000.0), vec![1]),
        (Some(4600.0), vec![0]),
    ];
    assert_eq!(found, expected);
}

/// Two zones of two hosts, one VM of 0 to 2 in each: the two of the first lease go to a host of
/// each, the next waits until both are over, and the lease without rules takes the empty host of
/// the first zone.
#[test]
fn a_group_is_spread_over_zones() {
    let sites = "list = [{ name = \"a\", hosts = \"0-3\", zones = [\
                 { name = \"a1\", hosts = \"0-1\" }, { name = \"a2\", hosts = \"2-3\" }] }]\n\
                 rules = [{ vms = \"0-2\", at-most = 1, per = \"zone\" }]\n";
    let lwf = "0 -1 3600 3600 2 1 1024 0 none 0\n60 -1 600 600 1 1 1024 0 none 0\n\
               90 -1 600 600 1 1 1024 0 none 0\n";
    let found = begun(&spec(4, sites, &[]), lwf);
    let expected = [(Some(0.0), vec![0, 2]), (Some(3600.0), vec![0]), (Some(90.0), vec![1])];
    assert_eq!(found, expected);
}

/// Two hosts. VMs 0 and 2 are of one tenant, 1 and 3 of another, 4 is nobody's: each tenant has a
/// host, and the last lease waits until the first is over.
#[test]
fn tenants_do_not_share_a_host_in_the_calendar() {
    let sites = "list = [{ name = \"a\", hosts = \"0-1\" }]\ntenants = [\"0, 2\", \"1, 3\"]\n";
    let lwf = "0 -1 1200 1200 1 1 1024 0 none 0\n0 -1 3600 3600 1 1 1024 0 none 0\n\
               60 -1 600 600 1 1 1024 0 none 0\n120 -1 600 600 1 1 1024 0 none 0\n\
               150 -1 600 600 1 1 1024 0 none 0\n";
    let found = begun(&spec(2, sites, &[]), lwf);
    let expected = [
        (Some(0.0), vec![0]),
        (Some(0.0), vec![1]),
        (Some(60.0), vec![0]),
        (Some(120.0), vec![1]),
        (Some(1200.0), vec![0]),
    ];
    assert_eq!(found, expected);
}

/// A VM of two cores that may be anywhere, then one of one core that must be at home: that is
/// mapped first, for it has less choice.
#[test]
fn who_has_least_choice_is_mapped_first() {
    let rules = format!("{HOME_AND_CLOUD}rules = [{{ vms = \"1\", private = true }}]\n");
    let spec = spec(3, &rules, &[]);
    let mut inputs = loaded::inputs(&spec, "0 -1 600 600 2 1 1024 0 none 0\n", trace(4));
    let found = |inputs: &LoadedLeases| sound(&spec, inputs).0.leases[0].first_hosts.clone();
    assert_eq!(found(&inputs), [0, 0]);
    let lease = &mut inputs.leases.workload.leases[0];
    let set = lease.nodes[0].clone();
    let mut large = set.clone();
    (large.count, large.need[0]) = (1, 200);
    lease.nodes = vec![large, galerna::model::lease::NodeSet { count: 1, ..set }];
    inputs.load.fleet = galerna::spec::fleet_of(&spec, &inputs.leases.workload.leases, 4);
    assert_eq!(found(&inputs), [1, 0]);
}

/// Two hosts of one site, where VMs 2 and 3 are never together. VM 2, which may end until 5000 s,
/// is planned at 1000 s on h0, for h1 is taken until 1500 s. VM 3 must run on h1 from 1500 s on:
/// for it VM 2 is planned anew, at 2500 s, though nobody comes to h0.
#[test]
fn who_stands_in_the_way_at_another_host_is_planned_anew() {
    let sites = "list = [{ name = \"a\", hosts = \"0-1\" }]\n\
                 rules = [{ vms = \"2-3\", at-most = 1, per = \"site\" }]\n";
    let spec = spec(2, sites, &[]);
    let lwf = "0 0 6000 6000 1 1 1024 0 none 0\n0 0 1500 1500 1 2 1024 0 none 0\n\
               100 1000 1000 1000 1 1 1024 0 none 0\n500 1500 1000 1000 1 2 1024 0 none 0\n";
    let mut inputs = loaded::inputs(&spec, lwf, trace(4));
    let s = Instant::from_seconds;
    for (row, start, deadline) in [(2, 1000.0, 5000.0), (3, 1500.0, 2600.0)] {
        let lease = &mut inputs.leases.workload.leases[row];
        lease.kind = LeaseKind::Deadline { start: s(start), deadline: s(deadline) };
    }
    let (schedule, _) = sound(&spec, &inputs);
    let starts = schedule.leases.iter().map(|lease| lease.first_start);
    let expected = [0.0, 0.0, 2500.0, 1500.0].map(|start| Some(s(start)));
    assert_eq!(starts.collect::<Vec<_>>(), expected);
}

/// Leases whose rules leave them no place even on empty hosts are all named before anything runs.
#[test]
fn a_lease_without_any_place_is_refused_before_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let workload = folder.path().join("two.lwf");
    let lwf = "0 -1 600 600 3 1 1024 0 none 0\n0 -1 600 600 2 1 1024 0 none 0\n\
               0 -1 600 600 3 1 1024 0 none 0\n";
    std::fs::write(&workload, lwf).expect("it is writable");
    let sites = "list = [{ name = \"a\", hosts = \"0-1\" }]\n\
                 rules = [{ vms = \"0-7\", at-most = 1, per = \"host\" }]\n";
    let spec = spec(2, sites, &[&format!("leases.workload='{}'", workload.display())]);
    let leases = spec.leases.clone().expect("it has leases");
    let error = LoadedLeases::beside(&spec, &leases, 4).expect_err("no place");
    let shown = error.to_string();
    assert!(shown.contains("GLN-654") && shown.contains(": 1, 3"), "{shown}");
}

fn pick<'t>(choices: &[&'t str], draws: &mut Stream) -> &'t str {
    choices[below(choices.len(), draws)]
}

/// Two private sites, one of them with zones, and a rented one, with rules for every lease.
fn world(number: u64) -> (RunSpec, LoadedLeases) {
    let draws = &mut stream(number, "leased sites");
    let rules = format!(
        "list = [{{ name = \"a\", hosts = \"0-3\", zones = [{{ name = \"a1\", hosts = \"0-1\" }}] \
         }}, {{ name = \"b\", hosts = \"4-6\", trusted = false }}, \
         {{ name = \"c\", hosts = \"7-8\", kind = \"public\" }}]\n\
         links = [{{ between = [\"a\", \"b\"], mbit-s = 1000, rtt-ms = 9 }}]\n\
         rules = [{{ vms = \"0-9\", private = true }}, {{ vms = \"6-25\", at-most = {}, per = \
         \"{}\" }}, {{ vms = \"20-29\", sites = [\"b\", \"c\"] }}, \
         {{ vms = \"26-40\", at-most = {}, per = \"host\" }}]\ntenants = {}\n",
        1 + below(2, draws),
        pick(&["host", "zone", "site"], draws),
        1 + below(2, draws),
        pick(&["[]", "[\"15-24\", \"30-44\"]"], draws),
    );
    let changes = [
        format!("run.seed={number}"),
        format!("leases.backfilling={}", pick(&["none", "easy", "conservative"], draws)),
        format!("leases.suspension={}", pick(&["none", "serial-only", "all"], draws)),
        format!("leases.migration={}", pick(&["no", "yes"], draws)),
        format!("leases.preemption={}", pick(&["none", "ar-preempts-best-effort"], draws)),
        format!("leases.mapping={}", pick(&["greedy", "deadline"], draws)),
        format!("leases.consolidate={}", pick(&["blind", "foresighted"], draws)),
    ];
    let changes: Vec<&str> = changes.iter().map(String::as_str).collect();
    let spec = spec(9, &rules, &changes);
    let lease = |at: usize| {
        let start = match below(3, draws) {
            0 => format!("{}", 500 * at + 600 + below(3000, draws)),
            _ => "-1".to_owned(),
        };
        let (asked_s, vms) = (600 + 300 * below(20, draws), 1 + below(3, draws));
        let real_s = asked_s - below(asked_s / 2, draws);
        let cores = 1 + below(2, draws);
        format!("{} {start} {asked_s} {real_s} {vms} {cores} 1024 0 none 0\n", 500 * at)
    };
    let lwf: String = (0..40).map(lease).collect();
    let load = (0..40 * 24).map(|_| below(101, draws) as u8).collect();
    let names = (0..40).map(|row| format!("row {row}")).collect();
    let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(load));
    let mut inputs = loaded::inputs(&spec, &lwf, trace);
    for request in &mut inputs.leases.workload.leases {
        if let LeaseKind::AdvanceReservation { start } = request.kind
            && below(2, draws) == 0
        {
            let slack = Span::from_seconds((600 + below(9000, draws)) as f64);
            let deadline = start + request.duration + slack;
            request.kind = LeaseKind::Deadline { start, deadline };
        }
    }
    (spec, inputs)
}

/// Leases of all kinds come, go, are suspended and displaced, and at every instant the calendar
/// keeps the rules and every promise.
#[test]
fn random_calendars_keep_the_rules_and_their_promises() {
    let (mut done, mut refused, mut suspended, mut rented) = (0, 0, 0, 0);
    let (mut promised, mut late) = (0, 0);
    for number in 0..60 {
        let (spec, inputs) = world(number);
        let (schedule, outcome) = sound(&spec, &inputs);
        for lease in &schedule.leases {
            done += usize::from(lease.state == LeaseState::Done);
            refused += usize::from(lease.state == LeaseState::Rejected);
            suspended += lease.suspensions;
        }
        let holds = schedule.stretches.iter().flat_map(|stretch| &stretch.hosts);
        rented += holds.filter(|(host, _)| *host > 6).count();
        let requests = &inputs.leases.workload.leases;
        if spec.leases.as_ref().is_some_and(|l| l.consolidate == ConsolidateLeases::Foresighted) {
            let kept = requests.iter().zip(&schedule.leases);
            let kept = kept.filter(|(request, lease)| {
                request.is_reservation() && lease.state == LeaseState::Done
            });
            promised += kept.map(|(request, _)| request.vms() as u64).sum::<u64>();
            late += schedule.late.expect("it is counted").reserved;
        }
        if number % 10 == 0 {
            assert_eq!(loaded::run(&spec, &inputs), (schedule, outcome));
        }
    }
    let counts = format!(
        "{done} done, {refused} refused, {suspended} suspended, {rented} rented; of {promised} \
         promised {late} late"
    );
    println!("{counts}");
    assert!(done > 1000 && refused > 100 && suspended > 20 && rented > 50, "{counts}");
    // Where VMs run is for the policies: they may stand where another would have to be.
    assert!(promised > 200 && late * 20 < promised, "{counts}");
}

/// What a lease holds is moved to where it must not be: who checks finds it.
#[test]
fn a_host_that_is_held_against_the_rules_is_found() {
    let broken = |sites: &str, lwf: &str, from: u32, to: u32| {
        let spec = spec(4, sites, &[]);
        let inputs = loaded::inputs(&spec, lwf, trace(4));
        let mut ended = sound(&spec, &inputs);
        for part in ended.0.stretches.iter_mut().flat_map(|stretch| &mut stretch.hosts) {
            if part.0 == from {
                part.0 = to;
            }
        }
        let report = check(&loaded::evidence(&inputs, &ended));
        let codes: Vec<&str> = report.findings.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["GLN-655"], "{report}");
    };
    let list = "list = [{ name = \"a\", hosts = \"0-2\" }, \
                { name = \"c\", hosts = \"3\", kind = \"public\" }]\n";
    let two = "0 -1 600 600 1 1 1024 0 none 0\n0 -1 900 900 1 1 1024 0 none 0\n";
    let private = format!("{list}rules = [{{ vms = \"0\", private = true }}]\n");
    broken(&private, "0 -1 600 600 1 1 1024 0 none 0\n", 0, 3);
    let spread = format!("{list}rules = [{{ vms = \"0-1\", at-most = 1, per = \"host\" }}]\n");
    broken(&spread, two, 1, 0);
    broken(&format!("{list}tenants = [\"1\"]\n"), two, 1, 0);
}
