//! What must hold of every migration, whatever its constants.

use galerna::migrate::dirty::Dirty;
use galerna::migrate::features::{AutoConverge, Features};
use galerna::migrate::{
    Arrival, Channel, Constants, Convergence, Escalation, Memory, MigrationModel, PAGE, PreCopy,
    Prediction, Task, Traffic, spec,
};
use galerna::units::BytesPerSecond;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn dirty() -> impl Strategy<Value = Dirty> {
    let rate = || 0.0..40_000.0_f64;
    let set = || 100.0..40_000.0_f64;
    prop_oneof![
        Just(Dirty::Idle),
        (rate(), set()).prop_map(|(rate, working_set)| Dirty::Constant { rate, working_set }),
        (rate(), set()).prop_map(|(rate, working_set)| Dirty::Uniform { rate, working_set }),
        (rate(), set(), 0.01..0.5_f64, 0.0..1.0_f64).prop_map(
            |(rate, working_set, part, share)| {
                Dirty::HotCold { rate, working_set, hot: part * working_set, share }
            }
        ),
        (set(), 0.5..5.0_f64, 0.0..3000.0_f64).prop_map(|(hot, hot_s, cold_rate)| Dirty::Mvm {
            hot,
            hot_s,
            cold_rate
        }),
    ]
}

fn task() -> impl Strategy<Value = Task> {
    (2_000.0..1e6_f64, 0.01..1.0_f64, dirty(), 1e6..2e9_f64, 0.02..2.0_f64).prop_map(
        |(pages, part, dirty, rate, downtime_limit_s)| {
            let memory = Memory { pages, nonzero: part * pages, dirty };
            let task = Task::new(memory, Channel::link(BytesPerSecond(rate)));
            Task { downtime_limit_s, ..task }
        },
    )
}

fn predict(task: &Task, constants: &Constants) -> Prediction {
    PreCopy.predict(task, constants, None).expect("built-in models answer")
}

fn no_longer(better: &Prediction, worse: &Prediction) -> bool {
    match (better.convergence.converged(), worse.convergence.converged()) {
        (true, true) => better.total_s <= worse.total_s * (1.0 + 1e-9),
        (false, converged) => !converged,
        (true, false) => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(2015),
        ..ProptestConfig::default()
    })]

    #[test]
    fn more_bandwidth_never_costs_time(task in task(), factor in 1.0..3.0_f64) {
        let constants = Constants::default();
        let mut faster = task.clone();
        faster.channel.link = BytesPerSecond(factor * task.channel.link.0);
        let (before, after) = (predict(&task, &constants), predict(&faster, &constants));
        prop_assert!(no_longer(&after, &before), "{before:?} {after:?}");
    }

    #[test]
    fn fewer_pages_that_are_not_zero_never_cost_time(task in task(), part in 0.2..1.0_f64) {
        let constants = Constants::default();
        let mut smaller = task.clone();
        smaller.memory.nonzero *= part;
        let (before, after) = (predict(&task, &constants), predict(&smaller, &constants));
        prop_assert!(no_longer(&after, &before), "{before:?} {after:?}");
    }

    #[test]
    fn bytes_are_the_sum_over_stages_and_time_is_at_least_volume_over_bandwidth(task in task()) {
        let constants = Constants { backlog_bytes: 0.0, ..Constants::default() };
        let mut stages = Vec::new();
        let answer = PreCopy.predict(&task, &constants, Some(&mut stages)).expect("built-in");
        let bytes: f64 = stages.iter().map(|stage| stage.bytes).sum();
        prop_assert!((bytes - answer.bytes).abs() <= 1e-9 * bytes);
        let least = task.memory.nonzero * PAGE / task.channel.link.0;
        prop_assert!(!answer.convergence.converged() || answer.total_s >= least * (1.0 - 1e-9));
        let rounds = stages.iter().filter(|s| s.bytes > 0.0).count() as u32;
        let stops = u32::from(answer.convergence.converged());
        prop_assert!(rounds <= answer.rounds + stops);
    }

    #[test]
    fn an_idle_vm_needs_one_round(mut task in task()) {
        task.memory.dirty = Dirty::Idle;
        let constants =
            Constants { background_pages: 0.0, background_rate: 0.0, ..Constants::default() };
        let answer = predict(&task, &constants);
        prop_assert_eq!((answer.rounds, answer.convergence), (1, Convergence::Converged));
    }

    #[test]
    fn every_model_ends_and_gives_numbers(task in task(), slowed in any::<bool>()) {
        let auto_converge = slowed.then(AutoConverge::default);
        let features = Features { auto_converge, ..Features::default() };
        let task = Task { features, give_up_s: 800.0, ..task };
        for name in spec::ALL {
            let model = spec::named(name).expect("it is listed");
            let answer = model.predict(&task, &Constants::default(), None).expect("built-in");
            for number in [answer.total_s, answer.downtime_s, answer.bytes, answer.lost_s] {
                prop_assert!(number.is_finite() && number >= 0.0, "{name}: {answer:?}");
            }
            if let Convergence::Never { fixed_point_pages } = answer.convergence {
                prop_assert!(fixed_point_pages > 0.0);
            }
        }
    }

    /// A proof of non-convergence is one: the same task that may go on for 1,500 rounds more, by
    /// forbidding the proof, does not end either.
    #[test]
    fn what_is_proven_never_to_end_does_not_end(task in task()) {
        let constants = Constants::default();
        if let Convergence::Never { fixed_point_pages } = predict(&task, &constants).convergence {
            let threshold = task.channel.link.0 * constants.link_efficiency * task.downtime_limit_s;
            prop_assert!(fixed_point_pages > threshold / PAGE);
            // A guest that a proof allows to be slowed by nothing at all is simulated to the end.
            let rule = AutoConverge { trigger: 1e9, ..AutoConverge::default() };
            let mut unproven = task;
            unproven.features.auto_converge = Some(rule);
            let answer = predict(&unproven, &constants);
            prop_assert!(matches!(answer.convergence, Convergence::GivenUp { .. }), "{answer:?}");
        }
    }

    /// k equal migrations on one link are each the closed form at a k-th of the bandwidth.
    #[test]
    fn equal_migrations_share_a_link_evenly(task in task(), k in 1..5_usize) {
        let constants = Constants::default();
        let mut traffic = Traffic::new([task.channel.link.0], &constants);
        for _ in 0..k {
            let escalation = Escalation::Cancel;
            traffic.arrive(Arrival { at_s: 0.0, task: &task, path: &[0], escalation });
        }
        let mut slow = task.clone();
        slow.channel.link = BytesPerSecond(task.channel.link.0 / k as f64);
        let alone = predict(&slow, &constants);
        // Where one is given up the others get its share: they are no longer equal.
        prop_assume!(alone.convergence.converged());
        for _ in 0..k {
            let done = traffic.next_done().expect("as many as began").outcome;
            prop_assert!(done.convergence.converged());
            prop_assert!((done.total_s - alone.total_s).abs() <= 1e-6 * alone.total_s);
            prop_assert!((done.bytes - alone.bytes).abs() <= 1e-6 * alone.bytes);
        }
        prop_assert!(traffic.next_done().is_none());
    }
}
