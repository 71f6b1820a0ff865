//! Thresholds, averages, MAD, IQR, LOESS, OTF and the underload rules.

use galerna::detect::{
    Always, HostLoad, LastN, Loess, LoessRobust, Never, Occupancy, Otf, OtfDetector, Outliers,
    OverloadDetector, Regression, Thr, Times, UnderloadDetector, UnderloadLastN,
    UnderloadThreshold, Verdict, Weigh, tricube_weights,
};
use galerna::id::HostId;
use galerna::stats::{interquartile_range, median_absolute_deviation};
use galerna::time::Instant;
use serde_json::{Value, json};

use super::cases::{Case, answer, number, numbers, of, whole};

const OVERLOAD: &str = "locals.overload.trivial";
const UNDERLOAD: &str = "locals.underload.trivial";
const STATISTICS: &str = "locals.overload.statistics";

/// Whether `detector` calls a host of this past overloaded. Where it cannot tell Neat says no.
fn overloaded(detector: &mut dyn OverloadDetector, history: &[f64], copy_intervals: f64) -> bool {
    let now = history.last().copied().unwrap_or(0.0);
    let load = HostLoad { copy_intervals, ..HostLoad::alone(now, history) };
    detector.assess(load).expect("a verdict") == Verdict::Overloaded
}

/// Whether `rule` calls a host of this past underloaded; one without any is not even asked about.
fn underloaded(rule: &mut dyn UnderloadDetector, history: &[f64]) -> bool {
    let host = |&utilisation: &f64| Occupancy { host: HostId(0), utilisation, history };
    let active: Vec<Occupancy<'_>> = history.last().iter().map(|&u| host(u)).collect();
    !rule.candidates(&active).expect("an answer").is_empty()
}

/// What a function was called with, whether directly or through its factory, by name; the past
/// comes last.
fn parameters(case: &Case, names: &[&str]) -> (Vec<f64>, Vec<f64>) {
    let past = numbers(case.args.last().expect("arguments"));
    match case.factory.as_slice() {
        [] => (case.args[..names.len()].iter().map(number).collect(), past),
        [.., given] => (names.iter().map(|&name| number(&given[name])).collect(), past),
    }
}

/// The migration time over the time step, as a factory works it out.
fn factory_copy(case: &Case) -> f64 {
    number(&case.factory[1]) / number(&case.factory[0])
}

#[test]
fn thresholds() {
    for case in both(OVERLOAD, "threshold", 3, 2) {
        let (given, past) = parameters(&case, &["threshold"]);
        let found = overloaded(&mut Thr { threshold: given[0] }, &past, 1.0);
        assert_eq!(json!(found), *answer(&case), "{past:?}");
    }
    for case in both(UNDERLOAD, "threshold", 3, 3) {
        let (given, past) = parameters(&case, &["threshold"]);
        let found = underloaded(&mut UnderloadThreshold { threshold: given[0] }, &past);
        assert_eq!(json!(found), *answer(&case), "{past:?}");
    }
}

fn both(module: &str, name: &str, plain: usize, made: usize) -> Vec<Case> {
    let mut cases = of(&format!("{module}.{name}"), plain);
    cases.extend(of(&format!("{module}.{name}_factory"), made));
    cases
}

#[test]
fn averages_of_the_latest_samples() {
    for case in both(OVERLOAD, "last_n_average_threshold", 6, 5) {
        let (given, past) = parameters(&case, &["threshold", "n"]);
        let mut detector = LastN { threshold: given[0], n: given[1] as usize };
        assert_eq!(json!(overloaded(&mut detector, &past, 1.0)), *answer(&case), "{past:?}");
    }
    for case in both(UNDERLOAD, "last_n_average_threshold", 6, 5) {
        let (given, past) = parameters(&case, &["threshold", "n"]);
        let mut rule = UnderloadLastN { threshold: given[0], n: given[1] as usize };
        assert_eq!(json!(underloaded(&mut rule, &past)), *answer(&case), "{past:?}");
    }
}

#[test]
fn never_and_always() {
    for case in of(&format!("{OVERLOAD}.never_overloaded_factory"), 5) {
        assert_eq!(json!(overloaded(&mut Never, &numbers(&case.args[0]), 1.0)), *answer(&case));
    }
    for case in of(&format!("{UNDERLOAD}.always_underloaded_factory"), 5) {
        assert_eq!(json!(underloaded(&mut Always, &numbers(&case.args[0]))), *answer(&case));
    }
}

#[test]
fn spreads() {
    for case in of(&format!("{STATISTICS}.iqr"), 1) {
        let spread = interquartile_range(&mut numbers(&case.args[0]));
        assert_eq!(spread, Some(number(&case.result)));
    }
    for case in of(&format!("{STATISTICS}.mad"), 1) {
        let spread = median_absolute_deviation(&mut numbers(&case.args[0]));
        assert_eq!(spread, Some(number(&case.result)));
    }
}

#[test]
fn tricube_weights_of_the_latest_points() {
    for case in of(&format!("{STATISTICS}.tricube_weights"), 1) {
        assert_eq!(tricube_weights(whole(&case.args[0])), numbers(&case.result));
    }
}

/// The parameters and the past of a call of `loess` or `loess_robust`, and its copy time.
fn loess(case: &Case) -> (Loess, Vec<f64>, f64) {
    let (given, past) = parameters(case, &["threshold", "param", "length"]);
    let copy = if case.factory.is_empty() { number(&case.args[3]) } else { factory_copy(case) };
    let (threshold, safety, length) = (given[0], given[1], given[2] as usize);
    (Loess { threshold, safety, length, weigh: Weigh::Residuals }, past, copy)
}

#[test]
fn local_regression() {
    for case in both(STATISTICS, "loess", 2, 1) {
        let (spec, past, copy) = loess(&case);
        let found = overloaded(&mut Regression::from(spec), &past, copy);
        assert_eq!(json!(found), *answer(&case), "{past:?}");
    }
    for case in both(STATISTICS, "loess_robust", 1, 2) {
        let (Loess { threshold, safety, length, weigh }, past, copy) = loess(&case);
        let outliers = Outliers::Uncut;
        let spec = LoessRobust { threshold, safety, length, weigh, outliers };
        let found = overloaded(&mut Regression::from(spec), &past, copy);
        assert_eq!(json!(found), *answer(&case), "{past:?}");
    }
}

/// Neat minimises numerically, so its last digits are those of the search.
#[test]
fn the_line_of_a_local_regression() {
    for case in of(&format!("{STATISTICS}.loess_parameter_estimates"), 1) {
        let past = numbers(&case.args[0]);
        let spec = Loess { length: past.len(), weigh: Weigh::Residuals, ..Loess::default() };
        let line = Regression::from(spec).line(&past).expect("enough points");
        let expected = numbers(&case.result);
        assert!((line.intercept - expected[0]).abs() < 1e-6, "{line:?}, expected {expected:?}");
        assert!((line.slope - expected[1]).abs() < 1e-6, "{line:?}, expected {expected:?}");
    }
}

/// The times of the state of a call.
fn times(state: &Value) -> Times {
    let count = |key: &str| whole(&state[key]) as u32;
    Times { total: count("total"), overloaded: count("overload") }
}

#[test]
fn overload_time_fraction() {
    for case in both("locals.overload.otf", "otf", 5, 4) {
        let (given, copy, rest) = match case.factory.as_slice() {
            [] => (case.args[..3].to_vec(), number(&case.args[3]), &case.args[4..]),
            [.., given] => {
                let given = ["otf", "threshold", "limit"].map(|name| given[name].clone());
                (given.to_vec(), factory_copy(&case), &case.args[..])
            }
        };
        let (past, before) = (numbers(&rest[0]), times(&rest[1]));
        let spec = Otf {
            otf: number(&given[0]),
            threshold: number(&given[1]),
            min_history: whole(&given[2]),
        };
        let mut detector = OtfDetector::new(spec);
        for decision in 0..before.total {
            let now = if decision < before.overloaded { 9.0 } else { 0.0 };
            let at = Instant(i64::from(decision));
            detector.assess(HostLoad { at, ..HostLoad::alone(now, &[]) }).expect("a verdict");
        }
        assert_eq!(detector.times().of(HostId(0)), before);
        let at = Instant(i64::from(before.total));
        let load = HostLoad::alone(*past.last().expect("a sample"), &past);
        let verdict = detector.assess(HostLoad { at, copy_intervals: copy, ..load });
        let found = verdict.expect("a verdict") == Verdict::Overloaded;
        assert_eq!(json!(found), case.result[0], "{past:?}");
        assert_eq!(detector.times().of(HostId(0)), times(&case.result[1]));
    }
}
