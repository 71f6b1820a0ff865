//! Is a run the same every time, on any number of threads, and does its seed matter?

use std::ops::ControlFlow;
use std::path::Path;

use galerna::engine;
use galerna::spec::{self, Inputs, Override, RunSpec};

fn spec_of(name: &str, seed: u64) -> RunSpec {
    let seed = Override::parse(&format!("run.seed={seed}")).expect("a change");
    spec::load(Path::new(name), vec![seed]).expect("a bundled policy")
}

/// The event log of one run on the bundled sample, read anew.
fn event_log(name: &str, seed: u64) -> String {
    let spec = spec_of(name, seed);
    let Inputs { trace, fleet, rules } = Inputs::read(&spec).expect("the bundled sample");
    let policies = spec::policies(&spec, &fleet).expect("built-in policies");
    let go_on = &mut |_| ControlFlow::Continue(());
    let outcome = engine::run(&fleet, &trace, &rules, policies, go_on).expect("the run ends");
    outcome.record.event_log_blake3()
}

#[test]
fn the_event_log_is_the_same_twice_and_on_1_2_and_8_threads() {
    for name in ["lr-mmt", "thr-rs", "cloudsim-3.0.3/mad-mmt"] {
        let expected = event_log(name, 3);
        assert_eq!(event_log(name, 3), expected, "{name} a second time");
        for threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool.expect("a pool of threads").install(|| event_log(name, 3));
            assert_eq!(found, expected, "{name} on {threads} threads");
        }
    }
}

#[test]
fn every_seed_has_a_run_of_its_own() {
    for name in ["lr-mmt", "cloudsim-3.0.3/thr-mmt"] {
        let logs = [0, 1, 2].map(|seed| event_log(name, seed));
        assert!(logs[0] != logs[1] && logs[1] != logs[2] && logs[0] != logs[2], "{name}");
    }
}

#[test]
fn seed_0_keeps_the_sorted_order_and_others_permute_it() {
    let rows = |seed| {
        let fleet = spec_of("lr-mmt", seed).fleet.build(1052, seed);
        fleet.trace_row.as_slice().to_vec()
    };
    let sorted: Vec<usize> = (0..1052).collect();
    assert_eq!(rows(0), sorted);
    let mut permuted = rows(1);
    assert_ne!(permuted, sorted);
    assert_eq!(rows(1), permuted);
    permuted.sort_unstable();
    assert_eq!(permuted, sorted);
}
