//! Which values make sense: checked once, all at a time, before anything is built.

use super::RunSpec;
use crate::detect::{DetectorSpec, UnderloadSpec};
use crate::migrate::MODELS;
use crate::problem::{Problem, suggestion};

/// A bound on a number.
enum Bound {
    AtLeastZero,
    AboveZero,
    AboveZeroToOne,
    ZeroToBelowOne,
    ZeroToOne,
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::AtLeastZero => value >= 0.0,
                Self::AboveZero => value > 0.0,
                Self::AboveZeroToOne => value > 0.0 && value <= 1.0,
                Self::ZeroToBelowOne => (0.0..1.0).contains(&value),
                Self::ZeroToOne => (0.0..=1.0).contains(&value),
            }
    }
    fn words(&self) -> &'static str {
        match self {
            Self::AtLeastZero => "at least 0",
            Self::AboveZero => "above 0",
            Self::AboveZeroToOne => "above 0 and at most 1",
            Self::ZeroToBelowOne => "at least 0 and below 1",
            Self::ZeroToOne => "between 0 and 1",
        }
    }
}

/// Every value of `spec` that is out of its range; `place` words the file and field.
pub(super) fn problems(spec: &RunSpec, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
    let mut numbers: Vec<(&str, f64, Bound, &str)> = vec![
        ("[host] wake-s", spec.host.wake_s, Bound::AtLeastZero, "120"),
        ("[host] shutdown-s", spec.host.shutdown_s, Bound::AtLeastZero, "30"),
        ("[migration] nic-mbit-s", spec.migration.nic_mbit_s, Bound::AboveZero, "1000"),
        ("[migration] share", spec.migration.share, Bound::AboveZeroToOne, "0.5"),
        ("[migration] overhead", spec.migration.overhead, Bound::ZeroToBelowOne, "0.1"),
        ("[migration] destination-load", spec.migration.destination_load, Bound::ZeroToOne, "0"),
        ("[accounting] tolerance", spec.accounting.tolerance, Bound::ZeroToBelowOne, "1e-9"),
    ];
    for (field, choice) in
        [("[policy] overload", &spec.policy.overload), ("[policy] fallback", &spec.policy.fallback)]
    {
        numbers.extend(choice.built_in().and_then(|built_in| detector_numbers(field, built_in)));
    }
    if let Some(UnderloadSpec::LeastUtilised(rule)) = spec.policy.underload.built_in() {
        numbers.push(("[policy] underload.below", rule.below, Bound::AboveZero, "1.0"));
    }
    let mut problems = Vec::new();
    for (field, value, bound, example) in numbers {
        if !bound.holds(value) {
            let what = format!("must be {}, found {value}", bound.words());
            let remedy = format!("Write a value such as {example}");
            problems.push(Problem::new("GLN-203", place(field), what, remedy));
        }
    }
    if !MODELS.contains(&spec.migration.model.as_str()) {
        let hint = suggestion(&spec.migration.model, MODELS);
        let what = format!("unknown migration model `{}`{hint}", spec.migration.model);
        let remedy = format!("Use one of {}", MODELS.join(", "));
        problems.push(Problem::new("GLN-204", place("[migration] model"), what, remedy));
    }
    problems.extend(spec.fleet.problems(place));
    problems
}

fn detector_numbers(
    field: &'static str,
    detector: &DetectorSpec,
) -> Option<(&'static str, f64, Bound, &'static str)> {
    match detector {
        DetectorSpec::Thr(thr) => Some((field, thr.threshold, Bound::AboveZero, "0.8")),
        DetectorSpec::Iqr(iqr) => Some((field, iqr.safety, Bound::AtLeastZero, "1.5")),
        DetectorSpec::Mad(mad) => Some((field, mad.safety, Bound::AtLeastZero, "2.5")),
        DetectorSpec::Lr(lr) => Some((field, lr.safety, Bound::AboveZero, "1.2")),
        DetectorSpec::Lrr(lrr) => Some((field, lrr.safety, Bound::AboveZero, "1.2")),
        DetectorSpec::Never => None,
    }
}
