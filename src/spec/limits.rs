//! Which values make sense: checked once, all at a time, before anything is built.

use super::{RunSpec, placer_limits, policy_limits};
use crate::migrate::failure::Failures;
use crate::model::rules::MigrationSla;
use crate::problem::Problem;
use crate::trace::column_problems;

/// A number, where it stands, what it must be and an example.
pub(super) type Number = (String, f64, Bound, &'static str);

/// A bound on a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    AtLeastZero,
    AboveZero,
    AboveZeroToOne,
    ZeroToBelowOne,
    ZeroToOne,
    FromOneOn,
    /// Of money: so much is believed.
    Amount,
    /// Whole numbers.
    Between(usize, usize),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::AtLeastZero => value >= 0.0,
                Self::AboveZero => value > 0.0,
                Self::AboveZeroToOne => value > 0.0 && value <= 1.0,
                Self::ZeroToBelowOne => (0.0..1.0).contains(&value),
                Self::ZeroToOne => (0.0..=1.0).contains(&value),
                Self::FromOneOn => value >= 1.0,
                Self::Amount => (0.0..=1e9).contains(&value),
                Self::Between(least, most) => (least as f64..=most as f64).contains(&value),
            }
    }
    fn words(self) -> String {
        match self {
            Self::AtLeastZero => "at least 0".to_owned(),
            Self::AboveZero => "above 0".to_owned(),
            Self::AboveZeroToOne => "above 0 and at most 1".to_owned(),
            Self::ZeroToBelowOne => "at least 0 and below 1".to_owned(),
            Self::ZeroToOne => "between 0 and 1".to_owned(),
            Self::FromOneOn => "at least 1".to_owned(),
            Self::Amount => "between 0 and 1e9".to_owned(),
            Self::Between(least, most) => format!("between {least} and {most}"),
        }
    }
}

/// Every value of `spec` that is out of its range; `place` words the file and field.
pub(super) fn problems(spec: &RunSpec, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
    let mut of_leases = Vec::new();
    if let Some(leases) = &spec.leases {
        of_leases = out_of_bounds(leases.numbers(), place);
        of_leases.extend(leases.problems(place));
        if !spec.carries_load() {
            return of_leases;
        }
    }
    let (migration, practice) = (&spec.migration.rules, &spec.migration.practice);
    let give_up_s = practice.give_up_s.unwrap_or(f64::MAX);
    let numbers: Vec<(&str, f64, Bound, &str)> = vec![
        ("[host] wake-s", spec.host.wake_s, Bound::AtLeastZero, "120"),
        ("[host] shutdown-s", spec.host.shutdown_s, Bound::AtLeastZero, "30"),
        ("[migration] nic-mbit-s", migration.nic_mbit_s, Bound::AboveZero, "1000"),
        ("[migration] share", migration.share, Bound::AboveZeroToOne, "0.5"),
        ("[migration] overhead", migration.overhead, Bound::ZeroToBelowOne, "0.1"),
        ("[migration] destination-load", migration.destination_load, Bound::ZeroToOne, "0"),
        ("[migration] energy-j-per-mb", migration.energy_j_per_mb, Bound::AtLeastZero, "0.512"),
        ("[migration] energy-j", migration.energy_j, Bound::AtLeastZero, "20.165"),
        ("[migration] used", practice.used, Bound::ZeroToOne, "0.75"),
        ("[migration] downtime-limit-s", practice.downtime_limit_s, Bound::AboveZero, "0.3"),
        ("[migration] give-up-s", give_up_s, Bound::AboveZero, "800"),
        ("[accounting] tolerance", spec.accounting.tolerance, Bound::ZeroToBelowOne, "1e-9"),
    ];
    let owned =
        |(field, value, bound, example): (&str, _, _, _)| (field.to_owned(), value, bound, example);
    let numbers = numbers.into_iter().map(owned);
    let policies = policy_limits::numbers(&spec.policy);
    let mut problems = of_leases;
    problems.extend(out_of_bounds(numbers.chain(policies), place));
    problems.extend(policy_limits::problems(&spec.policy, place));
    problems.extend(spec.migration.conduct(spec.fleet.count(), place).err().into_iter().flatten());
    problems.extend(spec.failures.problems(&place("[failures]")));
    problems.extend(two_copies(spec, place));
    if let Some(placer) = spec.policy.place.built_in() {
        problems.extend(placer_limits::problems(placer, place));
    }
    problems.extend(spec.fleet.problems(place));
    problems.extend(trace_problems(spec, place));
    problems
}

/// The numbers that are not what they must be.
pub(super) fn out_of_bounds(
    numbers: impl IntoIterator<Item = Number>,
    place: &dyn Fn(&str) -> String,
) -> Vec<Problem> {
    let wrong = numbers.into_iter().filter(|(_, value, bound, _)| !bound.holds(*value));
    let worded = |(field, value, bound, example): Number| {
        let what = format!("must be {}, found {value}", bound.words());
        let remedy = format!("Write a value such as {example}");
        Problem::new("GLN-203", place(&field), what, remedy)
    };
    wrong.map(worded).collect()
}

/// Under Q9 a VM may be in two migrations at once, which only whole copies can be.
fn two_copies(spec: &RunSpec, place: &dyn Fn(&str) -> String) -> Option<Problem> {
    let rules = &spec.migration.rules;
    let sure = spec.failures == Failures::default() && spec.outages.is_none();
    let sure = sure && spec.sites.is_none();
    let whole = sure && rules.model == "ram-over-bandwidth" && rules.sla == MigrationSla::CloudSim;
    (spec.consolidation.vacate_receivers && !whole).then(|| {
        let what = "a VM could be in two migrations at once, as only sure whole copies can";
        let remedy =
            "Leave it false, or use `ram-over-bandwidth`, sla `cloudsim`, nothing that fails";
        Problem::new("GLN-203", place("[consolidation] vacate-receivers"), what, remedy)
    })
}

/// What is wrong with `[trace]`, as far as can be said without its source.
fn trace_problems(spec: &RunSpec, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
    let trace = &spec.trace;
    let mut problems = column_problems(&trace.columns, &place("[trace] columns"));
    if let (Some(from), Some(to)) = (trace.from, trace.to)
        && from >= to
    {
        let what = format!("must be after `from`, found {from} and {to}");
        problems.push(Problem::new("GLN-203", place("[trace] to"), what, "Write a later time"));
    }
    if trace.step_s == Some(0) {
        let what = "must be at least 1, found 0";
        let remedy = "Write a value such as 300";
        problems.push(Problem::new("GLN-203", place("[trace] step-s"), what, remedy));
    }
    problems
}
