//! Small runs with migrations, each of which was once told wrongly by the engine or by the check.

mod runs;

use galerna::check::check;
use galerna::engine::Outcome;
use galerna::model::record::{MoveEnding, StageKind};
use runs::{Case, evidence, simulated};

/// The run of `case`, which checks clean.
fn clean(case: &Case) -> Outcome {
    let (spec, trace) = (case.spec(), case.trace());
    let (fleet, run) = simulated(&spec, &trace).expect("its VMs fit");
    let report = check(&evidence(&spec, &trace, &fleet, &run));
    assert!(report.is_clean(), "{report}");
    run
}

fn changes(all: &[&str]) -> Vec<String> {
    all.iter().map(|change| (*change).to_owned()).collect()
}

/// The second migration, decided at 600.1 s, fails in that instant: both VMs, 2500 and 2000 MIPS at
/// 1 %, get all of their 45 MIPS.
#[test]
fn a_row_of_samples_tells_the_end_of_its_instant() {
    let run = clean(&Case {
        base: "lr-mmt",
        changes: changes(&[
            "demand.clock=accumulated",
            "policy.history=host-ring",
            "fleet.hosts=[{ machine = 'hp-ml110-g4', count = 1, ram-gib = 4 }, \
             { machine = 'hp-ml110-g5', count = 1, ram-gib = 4 }]",
            "policy.overload={ kind = 'lrr' }",
            "policy.select={ kind = 'mc' }",
            "migration.model=stop-and-copy",
            "migration.limits=nova",
            "migration.used=0.0",
            "migration.topology={ kind = 'two-tier', racks = 3, hosts = 3, mbit_s = 1000, \
             uplink_mbit_s = 300 }",
            "migration.constants.setup_s=0.0",
            "failures.list=[{ migration = 1, part = 'destination', stage = 'stop' }]",
        ]),
        load: vec![vec![0, 100, 1], vec![0, 6, 1]],
        step_s: 300.0,
    });
    assert_eq!(run.record.moves[1].start, run.record.moves[1].end.expect("it failed"));
    assert_eq!(run.record.samples[1].allocated_mips, 45.0);
}

/// A migration is given up after 40 s, two samples: that is when the sample comes, and not the part
/// of a microsecond before or after it that the legs added up to.
#[test]
fn a_migration_that_is_given_up_with_a_sample_does_not_shift_the_clock() {
    let run = clean(&Case {
        base: "cloudsim-3.0.3/lr-mmt",
        changes: changes(&[
            "fleet.hosts=[{ machine = 'hp-ml110-g4', count = 1, ram-gib = 4 }, \
             { machine = 'hp-ml110-g5', count = 2, ram-gib = 4 }]",
            "policy.overload={ kind = 'iqr' }",
            "consolidation.vacate-receivers=false",
            "migration.model=pre-copy",
            "migration.sla=measured",
            "migration.escalation=cancel",
            "migration.give-up-s=40.0",
            "migration.nic-mbit-s=100.0",
            "migration.downtime-limit-s=0.03",
            "migration.features={ compression = { ratio = 3, pages-per-s = 20000 }, \
             encryption = {} }",
        ]),
        load: vec![vec![0, 0, 1, 45, 47, 46, 96, 0, 1, 0, 100, 92, 100, 0, 0]],
        step_s: 20.0,
    });
    let given_up = run.record.moves.iter().find(|of| of.ending == MoveEnding::RolledBack);
    let end = given_up.and_then(|of| of.end).expect("one is given up");
    // 40 s at half of 100 Mbit/s carry at most 250 MB.
    let wasted = run.summary.wasted_migration_bytes.expect("that was in vain");
    let vain = run.record.moves.iter().filter(|of| of.ending == MoveEnding::RolledBack);
    assert_eq!(wasted, vain.clone().map(|of| of.bytes).sum::<f64>());
    assert!(wasted > 0.0 && wasted <= 250e6 * vain.count() as f64);
    let mut clock = 0.1;
    for sample in &run.record.samples {
        clock += 20.0;
        assert!((sample.seconds - clock).abs() < 1e-9, "{} s, {clock} s", sample.seconds);
    }
    assert!(run.record.samples.iter().any(|s| (s.seconds - end.seconds()).abs() < 1e-9));
}

/// A guest that waits for its pages all the time of the push gets nothing in it, and its host
/// spends what it asks for: energy and lost work follow from the stages.
#[test]
fn a_guest_without_speed_is_told_alike() {
    let run = clean(&Case {
        base: "lr-mmt",
        changes: changes(&[
            "fleet.hosts=[{ machine = 'hp-ml110-g4', count = 2, ram-gib = 8 }]",
            "policy.overload={ kind = 'lr' }",
            "policy.select={ kind = 'rs' }",
            "migration.model=post-copy",
            "migration.sla=measured",
            "migration.nic-mbit-s=100.0",
            "migration.dirty={ kind = 'constant', rate = 9000, working-set = 0.5 }",
        ]),
        load: vec![vec![55, 86], vec![0, 35]],
        step_s: 300.0,
    });
    let mut pushes = run.record.stages.iter().filter(|of| of.kind == StageKind::Push);
    assert_eq!(pushes.next().expect("one VM moved").speed, 0.0);
}
