//! Random small runs: whatever the fleet, the trace, the policies and the mixture of rules, a run
//! ends, loses no VM, is repeatable, and the check, which shares no code with the engine, finds
//! nothing.

mod runs;

use galerna::check::check;
use galerna::engine::Outcome;
use galerna::id::HostId;
use galerna::model::rules::{
    Average, BetweenSamples, Contention, EnergyIntegral, IdleVms, Shutdowns, Window,
};
use galerna::model::{ActionKind, Fleet};
use galerna::power::PowerTable;
use galerna::spec::RunSpec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError};
use runs::{Case, evidence, simulated};

/// Every option that may be turned on its own, each with all its values.
const OPTIONS: [(&str, &[&str]); 31] = [
    ("demand.between-samples", &["hold", "interpolate"]),
    ("demand.idle-vms", &["keep", "retire"]),
    ("demand.clock", &["exact", "accumulated"]),
    ("host.oversubscription", &["proportional", "floored"]),
    ("host.memory", &["enforced", "at-start-only"]),
    ("host.wake-s", &["0.0", "7.5", "120.0", "400.0"]),
    ("host.shutdown-s", &["0.0", "30.0", "350.0"]),
    ("migration.contention", &["max-min", "none"]),
    ("migration.nic-mbit-s", &["1000.0", "50.0"]),
    ("migration.overhead", &["0.1", "0.0", "0.5"]),
    ("migration.destination-load", &["0.0", "0.1", "1.0"]),
    ("accounting.window", &["whole", "decisions-only"]),
    ("accounting.energy", &["exact", "trapezoid"]),
    ("accounting.tolerance", &["1e-9", "0.0"]),
    ("accounting.violation", &["demand-above-capacity", "short"]),
    ("accounting.arriving-demand", &["as-served", "in-full"]),
    ("accounting.migration-loss", &["overhead", "shortage"]),
    ("accounting.ratios", &["mean", "global"]),
    ("accounting.average", &["time-weighted", "per-interval"]),
    ("accounting.shutdowns", &["observed", "unused-counted"]),
    ("consolidation.vacate-receivers", &["false", "true"]),
    ("consolidation.failed-hosts-refuse", &["false", "true"]),
    ("consolidation.idle-hosts-are-off", &["false", "true"]),
    ("consolidation.silent-when-unplaced", &["false", "true"]),
    ("policy.history", &["vms-on-host", "vms-on-host-trimmed", "host-ring"]),
    ("policy.initial", &["first-sample", "nominal"]),
    ("policy.place.wake-power", &["counted", "ignored"]),
    ("policy.place.base", &["draft", "last-update"]),
    ("policy.underload.below", &["1.0", "0.3"]),
    ("run.seed", &["0", "7"]),
    ("host.power", &["managed", "always-peak"]),
];

/// How migrations may be done; one value of each is in every run of models.
const MIGRATIONS: [(&str, &[&str]); 15] = [
    (
        "migration.model",
        &[
            "pre-copy",
            "post-copy",
            "hybrid",
            "stop-and-copy",
            "wan",
            "storage",
            "full-round",
            "mvm",
            "clark-capped",
            "ram-over-bandwidth",
        ],
    ),
    ("migration.sla", &["measured", "cloudsim"]),
    ("migration.escalation", &["cancel", "stop"]),
    ("migration.give-up-s", &["1e9", "40.0", "3.0"]),
    ("migration.limits", &["unlimited", "nova", "kubevirt", "vmotion-1g", "hyper-v"]),
    ("migration.energy-j", &["0.0", "20.165"]),
    ("migration.energy-j-per-mb", &["0.0", "0.512"]),
    ("migration.used", &["0.75", "0.0", "1.0"]),
    ("migration.downtime-limit-s", &["0.3", "0.03"]),
    ("migration.hybrid-rounds", &["1", "3"]),
    ("migration.nic-mbit-s", &["1000.0", "100.0"]),
    (
        "migration.features",
        &[
            "{}",
            "{ auto-converge = {} }",
            "{ xbzrle = { cache = 9000, encoded-bytes = 500 }, multifd = {} }",
            "{ compression = { ratio = 3, pages-per-s = 20000 }, encryption = {} }",
        ],
    ),
    (
        "migration.dirty",
        &[
            "{ kind = 'from-cpu', rate = 5000, working-set = 0.1 }",
            "{ kind = 'idle' }",
            "{ kind = 'constant', rate = 9000, working-set = 0.5 }",
            "{ kind = 'hot-cold', rate = 4000, working-set = 0.2, hot = 0.1, share = 0.9 }",
            "{ kind = 'mvm', hot = 0.02, hot-s = 2, cold-rate = 300 }",
            "{ kind = 'measured', points = [[1, 900], [2, 1500]] }",
        ],
    ),
    (
        "migration.topology",
        &[
            "",
            "{ kind = 'two-tier', racks = 3, hosts = 3, mbit_s = 1000, uplink_mbit_s = 300 }",
            "{ kind = 'fat-tree', k = 4, mbit_s = 1000 }",
        ],
    ),
    ("migration.constants.setup_s", &["0.03", "0.0", "1.0"]),
];

/// What fails; one value of each is in every run with failures.
const FAILURES: [(&str, &[&str]); 3] = [
    ("failures.per-hour", &["0.0", "60.0", "900.0"]),
    ("failures.restart-s", &["0.0", "60.0", "700.0"]),
    (
        "failures.list",
        &[
            "[]",
            "[{ migration = 0, part = 'source' }]",
            "[{ migration = 1, part = 'destination', stage = 'stop' }]",
            "[{ migration = 0, part = 'link', stage = 'round' }]",
            "[{ migration = 0, part = 'source', stage = 'resume' }]",
            "[{ migration = 0, part = 'destination', stage = 'push', after-s = 0.5 }]",
        ],
    ),
];

const DETECTORS: [&str; 6] = ["thr", "iqr", "mad", "lr", "lrr", "never"];
const SELECTORS: [&str; 4] = ["mmt", "mc", "mu", "rs"];

/// A few hosts of both machines.
fn hosts() -> impl Strategy<Value = String> {
    (1..5usize, 0..4usize, prop::sample::select(vec![4, 8, 32])).prop_map(|(g4, g5, gib)| {
        let block = |machine: &str, count: usize| {
            format!("{{ machine = '{machine}', count = {count}, ram-gib = {gib} }}")
        };
        let g5 = if g5 > 0 { format!(", {}", block("hp-ml110-g5", g5)) } else { String::new() };
        format!("fleet.hosts=[{}{g5}]", block("hp-ml110-g4", g4))
    })
}

/// VM-major load in which idle and full VMs are frequent.
fn load() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let sample = prop_oneof![2 => Just(0u8), 6 => 0..60u8, 2 => 60..=100u8, 1 => Just(100u8)];
    (1..12usize, 1..40usize).prop_flat_map(move |(vms, samples)| {
        prop::collection::vec(prop::collection::vec(sample.clone(), samples), vms)
    })
}

/// Some of the options, each with one of its values.
fn changes() -> impl Strategy<Value = Vec<String>> {
    let options = prop::sample::subsequence(OPTIONS.to_vec(), 0..8);
    (options, prop::collection::vec(any::<prop::sample::Index>(), 8)).prop_map(
        |(options, picks)| {
            let choose = |(&(key, values), pick): (&(&str, &[&str]), prop::sample::Index)| {
                format!("{key}={}", values[pick.index(values.len())])
            };
            options.iter().zip(picks).map(choose).collect()
        },
    )
}

/// One value of each of `options`.
fn one_of_each(
    options: &'static [(&'static str, &'static [&'static str])],
) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any::<prop::sample::Index>(), options.len()).prop_map(|picks| {
        let chosen = options.iter().zip(picks).map(|((key, values), pick)| (key, pick.get(values)));
        chosen.filter(|(_, value)| !value.is_empty()).map(|(k, v)| format!("{k}={v}")).collect()
    })
}

fn case() -> impl Strategy<Value = Case> {
    let base = prop::sample::select(vec!["lr-mmt", "cloudsim-3.0.3/lr-mmt"]);
    let detector = prop::sample::select(DETECTORS.to_vec());
    let selector = prop::sample::select(SELECTORS.to_vec());
    let step_s = prop::sample::select(vec![300.0, 20.0]);
    (base, hosts(), load(), changes(), detector, selector, step_s).prop_map(
        |(base, hosts, load, mut changes, detector, selector, step_s)| {
            changes.push(hosts);
            changes.push(format!("policy.overload={{ kind = '{detector}' }}"));
            changes.push(format!("policy.select={{ kind = '{selector}' }}"));
            Case { base, changes, load, step_s }
        },
    )
}

/// Whether some model says what the mixture means. Rules that neither the honest model nor CloudSim
/// combines are left out: intervals that all count alike and the trapezoid need evaluations
/// everywhere at once, the trapezoid knows no waking, unused hosts are counted at the first
/// decision, of which there must be one, and two copies of one VM (Q9) must end together.
fn is_defined(spec: &RunSpec, samples: usize) -> bool {
    let (demand, host, accounting) = (&spec.demand, &spec.host, &spec.accounting);
    let interpolated = demand.between_samples == BetweenSamples::Interpolate;
    let instant = host.wake_s == 0.0 && host.shutdown_s == 0.0;
    let alone = spec.migration.rules.contention == Contention::None;
    let decisions_only = accounting.window == Window::DecisionsOnly;
    (accounting.average == Average::TimeWeighted || interpolated)
        && (accounting.energy == EnergyIntegral::Exact || (instant && interpolated))
        && (accounting.shutdowns == Shutdowns::UnusedCounted) == decisions_only
        && (samples > 1 || !decisions_only)
        && (!spec.consolidation.vacate_receivers || (instant && alone))
}

/// As many VMs as started less those that were retired are there at the end.
fn assert_no_vm_is_lost(spec: &RunSpec, fleet: &Fleet, run: &Outcome) {
    let count = |kind| run.record.actions.iter().filter(|a| a.kind == kind).count();
    assert_eq!(count(ActionKind::VmStart), fleet.vms());
    let retired = count(ActionKind::VmStop);
    assert!(spec.demand.idle_vms == IdleVms::Retire || retired == 0, "{retired} VMs are gone");
    for sample in &run.record.samples {
        let before = |a: &&galerna::model::Action| {
            a.kind == ActionKind::VmStop && a.seconds <= sample.seconds
        };
        let gone = run.record.actions.iter().filter(before).count();
        assert_eq!(sample.vms as usize + gone, fleet.vms(), "VMs at sample {}", sample.sample);
    }
}

/// Runs `case` with migrations done in these `ways`, and has it checked.
fn migrates(mut case: Case, ways: Vec<String>) -> Result<(), TestCaseError> {
    case.changes.retain(|change| !change.starts_with("migration."));
    case.changes.extend(ways);
    case.changes.push("consolidation.vacate-receivers=false".into());
    let (spec, trace) = (case.spec(), case.trace());
    prop_assume!(is_defined(&spec, trace.samples()));
    let Some((fleet, run)) = simulated(&spec, &trace) else { return Ok(()) };
    let report = check(&evidence(&spec, &trace, &fleet, &run));
    prop_assert!(report.is_clean(), "{report}");
    assert_no_vm_is_lost(&spec, &fleet, &run);
    let (_, again) = simulated(&spec, &trace).expect("it ran before");
    prop_assert_eq!(again, run);
    Ok(())
}

/// 400, or as many as the environment asks for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_global_rejects: 100_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(2012),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_mixture_of_rules_gives_a_run_that_checks_clean(case in case()) {
        let (spec, trace) = (case.spec(), case.trace());
        prop_assume!(is_defined(&spec, trace.samples()));
        let Some((fleet, run)) = simulated(&spec, &trace) else { return Ok(()) };
        let report = check(&evidence(&spec, &trace, &fleet, &run));
        prop_assert!(report.is_clean(), "{report}");
        prop_assert!(run.summary.energy_kwh >= 0.0);
        assert_no_vm_is_lost(&spec, &fleet, &run);
        let (_, again) = simulated(&spec, &trace).expect("it ran before");
        prop_assert_eq!(again.record.event_log_blake3(), run.record.event_log_blake3());
        prop_assert_eq!(again, run);
    }

    /// Whatever the model, the network and the limits, every VM runs in one place, or is stopped,
    /// at every instant, and what the run says follows from its stages.
    #[test]
    fn any_way_to_migrate_gives_a_run_that_checks_clean(
        case in case(),
        ways in one_of_each(&MIGRATIONS),
    ) {
        migrates(case, ways)?;
    }

    /// The same with failures of source, destination and link at every stage: exactly one copy of
    /// each VM runs, or none while it starts again, and what is held on hosts is given back.
    #[test]
    fn failures_leave_one_copy_of_each_vm(
        case in case(),
        ways in one_of_each(&MIGRATIONS),
        failures in one_of_each(&FAILURES),
    ) {
        migrates(case, [ways, failures].concat())?;
    }

    /// With the honest rules a host draws at least its idle power while it is on, wakes or stops.
    #[test]
    fn an_honest_run_uses_at_least_the_idle_energy_of_its_hosts(case in case()) {
        let case = Case { base: "mad-mmt", ..case };
        let honest = case.changes.iter().filter(|c| c.starts_with("fleet") || c.starts_with("run"));
        let case = Case { changes: honest.cloned().collect(), ..case };
        let (spec, trace) = (case.spec(), case.trace());
        let Some((fleet, run)) = simulated(&spec, &trace) else { return Ok(()) };
        for (i, host) in run.record.hosts.iter().enumerate() {
            let table = PowerTable::of(fleet.machine_of(HostId(i as u32)));
            let busy_s = host.on_s + host.transition_s;
            let (least, most) = (table.idle().0 * busy_s, table.peak().0 * busy_s);
            prop_assert!(host.energy_j >= least * (1.0 - 1e-9), "h{i}: {host:?}");
            prop_assert!(host.energy_j <= most * (1.0 + 1e-9), "h{i}: {host:?}");
        }
    }
}
