//! Which parameters of policies make sense.

use super::PolicySpec;
use super::limits::{Bound, Number};
use crate::detect::mhod::multisize::MAX_STATES;
use crate::detect::mhod::policy::Search;
use crate::detect::{About, DetectorSpec, Mhod, UnderloadSpec};
use crate::model::history::WINDOW;
use crate::place::PlacerSpec;
use crate::problem::Problem;
use crate::select::SelectorSpec;

/// Samples that a policy may look back at most: more than a month of 5-minute samples.
const LONGEST: usize = 10_000;

/// Steps of a decision at most: about a minute.
const MOST_STEPS: usize = 1_000_000_000;

/// Policies on the grid of MHOD that may be tried at most for one verdict.
const LARGEST_GRID: f64 = 100_000.0;

/// Every number of the built-in policies of `policy` with its bound.
pub(super) fn numbers(policy: &PolicySpec) -> Vec<Number> {
    let mut numbers = Vec::new();
    for (key, choice) in [("overload", &policy.overload), ("fallback", &policy.fallback)] {
        numbers.extend(choice.built_in().into_iter().flat_map(|built_in| detector(key, built_in)));
    }
    numbers.extend(policy.underload.built_in().into_iter().flat_map(underload));
    numbers.extend(policy.select.built_in().and_then(selector));
    numbers.extend(policy.place.built_in().into_iter().flat_map(planner));
    numbers
}

fn detector(key: &str, detector: &DetectorSpec) -> Vec<Number> {
    let number = |name: &str, value: f64, bound: Bound, example: &'static str| {
        (format!("[policy] {key}.{name}"), value, bound, example)
    };
    let safety = |value| number("safety", value, Bound::AboveZero, "1.2");
    let threshold = |value, example| number("threshold", value, Bound::AboveZero, example);
    let min_history = |value: usize, most: usize| {
        number("min-history", value as f64, Bound::Between(0, most), "12")
    };
    let length = |value: usize| number("length", value as f64, Bound::Between(3, LONGEST), "10");
    let otf = |value| number("otf", value, Bound::ZeroToOne, "0.1");
    match detector {
        DetectorSpec::Thr(thr) => vec![threshold(thr.threshold, "0.8")],
        DetectorSpec::Iqr(iqr) => vec![
            number("safety", iqr.safety, Bound::AtLeastZero, "1.5"),
            min_history(iqr.min_history, WINDOW),
        ],
        DetectorSpec::Mad(mad) => vec![
            number("safety", mad.safety, Bound::AtLeastZero, "2.5"),
            min_history(mad.min_history, WINDOW),
        ],
        DetectorSpec::Lr(lr) => vec![safety(lr.safety)],
        DetectorSpec::Lrr(lrr) => vec![safety(lrr.safety)],
        DetectorSpec::Loess(loess) => {
            vec![threshold(loess.threshold, "1.0"), safety(loess.safety), length(loess.length)]
        }
        DetectorSpec::LoessRobust(loess) => {
            vec![threshold(loess.threshold, "1.0"), safety(loess.safety), length(loess.length)]
        }
        DetectorSpec::LastN(last_n) => vec![
            threshold(last_n.threshold, "0.8"),
            number("n", last_n.n as f64, Bound::Between(1, LONGEST), "2"),
        ],
        DetectorSpec::Otf(spec) => vec![
            otf(spec.otf),
            threshold(spec.threshold, "0.8"),
            min_history(spec.min_history, LONGEST),
        ],
        DetectorSpec::Mhod(mhod) => {
            let bound = Bound::Between(1, LONGEST);
            vec![
                otf(mhod.otf),
                number("history", mhod.history as f64, bound, "500"),
                number("learning-steps", mhod.learning_steps as f64, bound, "10"),
                number("step", mhod.step, Bound::AboveZeroToOne, "0.5"),
            ]
        }
        DetectorSpec::Risk(risk) => {
            let (name, value) = ("threshold", risk.threshold);
            let mut numbers = vec![
                number(name, value, Bound::AboveZeroToOne, "0.1"),
                number("accept", risk.accept, Bound::AboveZero, "1.0"),
            ];
            numbers.extend(about(key, &risk.about));
            numbers
        }
        DetectorSpec::RiskCost(risk) => {
            let mut numbers = vec![
                number("loss", risk.loss, Bound::AboveZero, "1.0"),
                number("degradation", risk.degradation, Bound::AboveZeroToOne, "0.1"),
                number("weight", risk.weight, Bound::AboveZero, "10.0"),
            ];
            numbers.extend(about(key, &risk.about));
            numbers
        }
        DetectorSpec::Never => Vec::new(),
    }
}

/// What a risk is about.
fn about(key: &str, about: &About) -> [Number; 3] {
    let name = |name: &str| format!("[policy] {key}.{name}");
    let longest = Bound::Between(1, LONGEST);
    [
        (name("limit"), about.limit, Bound::AboveZero, "1.0"),
        (name("horizon"), f64::from(about.horizon), longest, "1"),
        (name("min-history"), about.min_history as f64, Bound::Between(0, WINDOW), "12"),
    ]
}

fn underload(rule: &UnderloadSpec) -> Vec<Number> {
    let number = |name: &str, value: f64, bound: Bound, example: &'static str| {
        (format!("[policy] underload.{name}"), value, bound, example)
    };
    let threshold = |value| number("threshold", value, Bound::AtLeastZero, "0.5");
    match rule {
        UnderloadSpec::LeastUtilised(rule) => {
            vec![number("below", rule.below, Bound::AboveZero, "1.0")]
        }
        UnderloadSpec::Threshold(rule) => vec![threshold(rule.threshold)],
        UnderloadSpec::LastN(rule) => vec![
            threshold(rule.threshold),
            number("n", rule.n as f64, Bound::Between(1, LONGEST), "2"),
        ],
        UnderloadSpec::Always | UnderloadSpec::Never => Vec::new(),
    }
}

fn selector(selector: &SelectorSpec) -> Option<Number> {
    let number = |name: &str, value: usize, most: usize, example: &'static str| {
        (format!("[policy] select.{name}"), value as f64, Bound::Between(1, most), example)
    };
    match selector {
        SelectorSpec::MmtMaxCpu(spec) => Some(number("last-n", spec.last_n, WINDOW, "2")),
        SelectorSpec::Knapsack(spec) => {
            Some(number("most-sets", spec.most_sets, 1_000_000, "1000"))
        }
        _ => None,
    }
}

fn planner(placer: &PlacerSpec) -> Vec<Number> {
    let number = |name: &str, value: f64, bound: Bound, example: &'static str| {
        (format!("[policy] place.{name}"), value, bound, example)
    };
    let samples = Bound::Between(1, LONGEST);
    let spec = match placer {
        PlacerSpec::Optimise(spec) => spec,
        PlacerSpec::Balance(spec) => {
            return vec![
                number("start", spec.start, Bound::AtLeastZero, "0.1"),
                number("target", spec.target, Bound::AtLeastZero, "0.05"),
                number("gain", spec.gain, Bound::ZeroToBelowOne, "0.001"),
                number("stable-s", spec.stable_s, Bound::AtLeastZero, "3600"),
                number("deviations", spec.deviations, Bound::AtLeastZero, "2"),
                number("rest-s", spec.rest_s, Bound::AtLeastZero, "3600"),
                number("window", spec.window as f64, samples, "12"),
                number("moves", spec.moves as f64, Bound::Between(1, MOST_STEPS), "20"),
            ];
        }
        PlacerSpec::CheapestWithinSla(spec) => {
            return vec![
                number("stable-s", spec.stable_s, Bound::AboveZero, "3600"),
                number("usual-s", spec.usual_s, Bound::AboveZero, "86400"),
                number("period-s", spec.period_s, Bound::AboveZero, "2592000"),
                number("shortage-j-per-mi", spec.shortage_j_per_mi, Bound::AtLeastZero, "0.3"),
                number("move-j", spec.move_j, Bound::AtLeastZero, "2000"),
                number("hysteresis", spec.hysteresis, Bound::AtLeastZero, "0.5"),
            ];
        }
        PlacerSpec::PowerCap(spec) => {
            return vec![
                number("ahead-s", spec.ahead_s, Bound::AtLeastZero, "1800"),
                number("margin", spec.margin, Bound::ZeroToBelowOne, "0.05"),
                number("deviations", spec.deviations, Bound::AtLeastZero, "1"),
                number("window", spec.window as f64, samples, "12"),
            ];
        }
        _ => return Vec::new(),
    };
    vec![
        number("stable-s", spec.stable_s, Bound::AboveZero, "3600"),
        number("shortage-j-per-mi", spec.shortage_j_per_mi, Bound::AtLeastZero, "0.3"),
        number("move-j", spec.move_j, Bound::AtLeastZero, "2000"),
        number("hysteresis", spec.hysteresis, Bound::AtLeastZero, "0.5"),
        number("link-s", spec.link_s, Bound::AboveZero, "1200"),
        number("return-s", spec.return_s, Bound::AtLeastZero, "3600"),
        number("near", spec.near as f64, samples, "1"),
        number("far", spec.far as f64, samples, "24"),
        number("prior", spec.prior, Bound::AtLeastZero, "1"),
        number("factor", spec.factor, Bound::AtLeastZero, "0.8"),
        number("steps", spec.steps as f64, Bound::Between(1, MOST_STEPS), "500000"),
    ]
}

/// What is wrong with the parameters of `policy` that are not single numbers.
pub(super) fn problems(policy: &PolicySpec, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
    let mut problems = Vec::new();
    let kind = policy.place.built_in().filter(|placer| placer.plans()).map(|placer| match placer {
        PlacerSpec::Balance(_) => "balance",
        PlacerSpec::PowerCap(_) => "power-cap",
        PlacerSpec::CheapestWithinSla(_) => "cheapest-within-sla",
        _ => "optimise",
    });
    if let (Some(plan), Some(kind)) = (&policy.plan, kind) {
        let what = format!("`{}` and place = \"{kind}\" both plan whole steps", plan.entry);
        let remedy = "Leave one of them out";
        problems.push(Problem::new("GLN-203", place("[policy] plan"), what, remedy));
    }
    for (key, choice) in [("overload", &policy.overload), ("fallback", &policy.fallback)] {
        if let Some(DetectorSpec::Mhod(mhod)) = choice.built_in() {
            for (name, what, remedy) in mhod_faults(mhod) {
                let at = place(&format!("[policy] {key}.{name}"));
                problems.push(Problem::new("GLN-203", at, what, remedy));
            }
        }
    }
    problems
}

/// Parameter, what is wrong with it, and what to do.
fn mhod_faults(mhod: &Mhod) -> Vec<(&'static str, String, String)> {
    let mut faults = Vec::new();
    let limits = mhod.states.len();
    let ascending = mhod.states.windows(2).all(|pair| pair[0] < pair[1]);
    let positive = mhod.states.iter().all(|&limit| limit > 0.0 && limit.is_finite());
    if !(1..MAX_STATES).contains(&limits) || !ascending || !positive {
        let most = MAX_STATES - 1;
        let what = format!("must be 1 to {most} limits above 0 in ascending order");
        faults.push(("states", what, "Write e.g. states = [0.5, 0.8]".to_owned()));
    }
    let ascending = mhod.windows.windows(2).all(|pair| pair[0] < pair[1]);
    let sizes = mhod.windows.iter().all(|size| (2..=LONGEST).contains(size));
    if mhod.windows.is_empty() || !ascending || !sizes {
        let what = format!("must be window sizes from 2 to {LONGEST} in ascending order");
        faults.push(("windows", what, "Write e.g. windows = [30, 60, 90]".to_owned()));
    }
    let grid = (1.0 / mhod.step + 1.0).floor().powi(limits as i32 + 1);
    if mhod.search == Search::Grid && mhod.step > 0.0 && grid > LARGEST_GRID {
        let what = format!("makes a grid of {grid} policies, at most {LARGEST_GRID} are tried");
        let remedy = "Write a larger step, fewer states, or search = \"exact\"".to_owned();
        faults.push(("step", what, remedy));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::{Override, parse};

    fn faults(changes: &[&str]) -> Vec<String> {
        let changes = changes.iter().map(|c| Override::parse(c).expect("a change")).collect();
        match parse("", "x.toml", changes) {
            Ok(_) => Vec::new(),
            Err(error) => error.problems.iter().map(|problem| problem.to_string()).collect(),
        }
    }

    #[test]
    fn each_parameter_out_of_range_is_named_with_its_range() {
        for (changes, expected) in [
            (["policy.overload=thr", "policy.overload.threshold=0"], "overload.threshold: must be"),
            (["policy.overload=mad", "policy.overload.min-history=31"], "between 0 and 30"),
            (["policy.overload=loess", "policy.overload.length=2"], "between 3 and 10000"),
            (["policy.overload=otf", "policy.overload.otf=1.5"], "between 0 and 1"),
            (["policy.overload=last-n", "policy.overload.n=0"], "overload.n: must be between 1"),
            (["policy.underload=last-n", "policy.underload.n=0"], "underload.n: must be between 1"),
            (["policy.underload=threshold", "policy.underload.threshold=-1"], "at least 0"),
            (["policy.select=mmt-max-cpu", "policy.select.last-n=31"], "between 1 and 30"),
            (["policy.select=knapsack", "policy.select.most-sets=0"], "between 1 and 1000000"),
            (["policy.overload=mhod", "policy.overload.states=[0.8, 0.5]"], "ascending order"),
            (["policy.overload=mhod", "policy.overload.states=[]"], "1 to 9 limits above 0"),
            (["policy.overload=mhod", "policy.overload.windows=[1]"], "window sizes from 2"),
            (["policy.place=optimise", "policy.place.stable-s=0"], "place.stable-s: must be above"),
            (["policy.place=optimise", "policy.place.move-j=-1"], "place.move-j: must be at least"),
            (["policy.place=optimise", "policy.place.prior=nan"], "place.prior: must be at least"),
            (["policy.place=optimise", "policy.place.near=0"], "place.near: must be between 1"),
            (["policy.place=optimise", "policy.place.steps=0"], "place.steps: must be between 1"),
            (["policy.place=optimise", "policy.plan=\"python:m:F\""], "both plan whole steps"),
        ] {
            let found = faults(&changes);
            assert_eq!(found.len(), 1, "{changes:?}: {found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        }
    }

    /// (1 / .125 + 1)^5 = 59,049 is allowed, (1 / .1 + 1)^5 = 161,051 is not.
    #[test]
    fn the_grid_of_mhod_is_bounded() {
        let states = "policy.overload.states=[0.2, 0.4, 0.6, 0.8]";
        let grid = ["policy.overload=mhod", states, "policy.overload.search=grid"];
        let with = |step| faults(&[grid[0], grid[1], grid[2], step]);
        assert!(with("policy.overload.step=0.125").is_empty());
        assert!(with("policy.overload.step=0.1")[0].contains("a grid of 161051 policies"));
    }
}
