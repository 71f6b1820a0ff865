//! MHOD: states, expected times, and a run on recorded loads.

use galerna::detect::mhod::policy::{Goal, Search};
use galerna::detect::mhod::sojourn::{expected_times, two_states};
use galerna::detect::{HostLoad, Mhod, MhodDetector, OverloadDetector, Verdict};
use galerna::id::HostId;
use galerna::time::Instant;
use serde_json::{Value, json};

use super::cases::{Case, items, number, numbers, of, same, whole, wholes};
use super::estimation::{compare_all, compare_selected};

fn cases(name: &str, expected: usize) -> Vec<Case> {
    of(&format!("locals.overload.mhod.core.{name}"), expected)
}

fn with_states(limits: &Value) -> Mhod {
    Mhod { states: numbers(limits), ..Mhod::default() }
}

/// A state as a vector with a single 1.
fn vector(state: usize, states: usize) -> Value {
    json!((0..states).map(|other| usize::from(other == state)).collect::<Vec<_>>())
}

#[test]
fn states_of_a_host() {
    for case in cases("utilization_to_state", 12) {
        let state = with_states(&case.args[0]).state(number(&case.args[1]));
        assert_eq!(state, whole(&case.result), "{}", case.args[1]);
    }
    for case in cases("utilization_to_states", 1) {
        let spec = with_states(&case.args[0]);
        let states = numbers(&case.args[1]).into_iter().map(|u| spec.state(u));
        assert_eq!(states.collect::<Vec<_>>(), wholes(&case.result));
    }
    for case in cases("build_state_vector", 5) {
        let spec = with_states(&case.args[0]);
        let now = *numbers(&case.args[1]).last().expect("a sample");
        assert_eq!(vector(spec.state(now), spec.states.len() + 1), case.result);
    }
    // Here a state is its number, there a vector: the number of that vector is the state again.
    for case in cases("get_current_state", 1) {
        let states = items(&case.args[0]).len();
        assert_eq!(vector(whole(&case.result), states), case.args[0]);
    }
}

/// The initial state of a vector with a single 1.
fn position(vector: &Value) -> usize {
    wholes(vector).iter().position(|&entry| entry == 1).expect("a state")
}

#[test]
fn expected_times_in_two_states() {
    for (index, name) in ["l0", "l1"].into_iter().enumerate() {
        for case in of(&format!("locals.overload.mhod.l_2_states.{name}"), 1) {
            let transitions: Vec<Vec<f64>> = items(&case.args[1]).iter().map(numbers).collect();
            let (now, migrate) = (position(&case.args[0]), numbers(&case.args[2]));
            let closed = two_states(now, &transitions, &migrate).expect("no division by 0");
            assert_eq!(closed[index], number(&case.result));
            let general = expected_times(now, &transitions, &migrate).expect("regular");
            assert!((general[index] - number(&case.result)).abs() < 1e-14);
        }
    }
}

#[test]
fn nothing_is_known_before_the_first_sample() {
    for case in cases("init_state", 2) {
        let (sizes, states) = (wholes(&case.args[1]), whole(&case.args[2]));
        let limits = (1..states).map(|limit| limit as f64 / states as f64).collect();
        let mut detector =
            MhodDetector::new(Mhod { states: limits, windows: sizes, ..Mhod::default() });
        compare_times(&detector, &case.result);
        let windows = detector.learn(&[]);
        compare_all(&case.result, windows, states);
    }
}

fn compare_times(detector: &MhodDetector, state: &Value) {
    let times = detector.times().of(HostId(0));
    assert_eq!(times.total as usize, whole(&state["time_in_states"]));
    assert_eq!(times.overloaded as usize, whole(&state["time_in_state_n"]));
}

/// The parameters of a call, and the copy time in samples.
fn spec_of(case: &Case, search: Search) -> (Mhod, f64) {
    let spec = Mhod {
        states: numbers(&case.args[0]),
        otf: number(&case.args[1]),
        windows: wholes(&case.args[2]),
        step: number(&case.args[3]),
        learning_steps: whole(&case.args[4]),
        search,
        ..Mhod::default()
    };
    (spec, number(&case.args[6]) / number(&case.args[5]))
}

/// The policy of `detector` after `past`, and what of it a state of Neat would hold: an empty one
/// is the command to migrate.
fn policy(detector: &mut MhodDetector, spec: &Mhod, past: &[f64], copy: f64) -> Vec<f64> {
    let times = detector.times().of(HostId(0));
    let (total, overloaded) = (times.total.into(), times.overloaded.into());
    let goal = Goal { otf: spec.otf, copy, total, overloaded };
    let transitions = detector.learn(past).transitions();
    let now = spec.state(*past.last().expect("a sample"));
    spec.policy(now, &transitions, &goal).unwrap_or_default()
}

/// 22 calls after 2, 4, .. 44 samples of one sequence. The first 43 keep the VMs; at the 43rd,
/// which only the state of the next call tells of, the best policy is to wait whatever comes; at
/// the 44th there is none. The exact search agrees.
#[test]
fn a_run_on_recorded_loads() {
    let recorded = cases("mhod", 22);
    let Some(longest) = recorded.last() else { return };
    let loads = numbers(&longest.args[7]);
    for search in [Search::Grid, Search::Exact] {
        let (spec, copy_intervals) = spec_of(longest, search);
        let mut detector = MhodDetector::new(spec.clone());
        let mut compared = 0;
        for seen in 1..=loads.len() {
            let (past, at) = (&loads[..seen], Instant(seen as i64));
            let load = HostLoad { at, copy_intervals, ..HostLoad::alone(loads[seen - 1], past) };
            let verdict = detector.assess(load).expect("a verdict");
            let Some(case) = recorded.iter().find(|case| numbers(&case.args[7]).len() == seen)
            else {
                continue;
            };
            assert_eq!(numbers(&case.args[7]), past);
            assert_eq!(spec_of(case, search).0, spec);
            let state = &case.result[1];
            assert_eq!(json!(verdict == Verdict::Overloaded), case.result[0], "after {seen}");
            compare_times(&detector, state);
            assert_eq!(spec.state(loads[seen - 1]), whole(&state["previous_state"]));
            let windows = detector.learn(past);
            windows.estimate_all();
            compare_all(state, windows, 2);
            compare_selected(windows, &state["selected_windows"]);
            for (row, expected) in windows.transitions().iter().zip(items(&state["p"])) {
                same(row, &numbers(expected), &format_args!("P after {seen}"));
            }
            compared += 1;
        }
        assert_eq!(compared, 22);
        let found = policy(&mut detector, &spec, &loads, copy_intervals);
        assert_eq!(found, numbers(&longest.result[1]["policy"]));
    }
}

#[test]
fn without_a_policy_a_vm_migrates() {
    for case in cases("issue_command_deterministic", 1) {
        assert_eq!(case.args[0], json!([]), "only the empty policy is recorded");
        // Copies take 100 samples and nothing may be overloaded: no policy can keep that.
        let spec = Mhod { otf: 0.0, learning_steps: 2, ..Mhod::default() };
        let loads = [1.0, 1.0];
        let mut detector = MhodDetector::new(spec.clone());
        let load = HostLoad { copy_intervals: 100.0, ..HostLoad::alone(1.0, &loads) };
        let verdict = detector.assess(load).expect("a verdict");
        assert_eq!(policy(&mut detector, &spec, &loads, 100.0), numbers(&case.args[0]));
        assert_eq!(json!(verdict == Verdict::Overloaded), case.result);
    }
}

/// At the 43rd sample Neat found the policy to wait in both states.
#[test]
fn the_policy_before_the_last() {
    let Some(longest) = cases("mhod", 22).pop() else { return };
    let loads = numbers(&longest.args[7]);
    let past = &loads[..43];
    let (spec, copy_intervals) = spec_of(&longest, Search::Grid);
    let mut detector = MhodDetector::new(spec.clone());
    for seen in 1..=past.len() {
        let at = Instant(seen as i64);
        let load =
            HostLoad { at, copy_intervals, ..HostLoad::alone(past[seen - 1], &past[..seen]) };
        assert_ne!(detector.assess(load).expect("a verdict"), Verdict::Overloaded);
    }
    let found = policy(&mut detector, &spec, past, copy_intervals);
    assert_eq!(found, numbers(&longest.args[8]["policy"]));
}
