//! `[costs]`: series are read from their files, and everything is checked before anything runs.

use std::path::Path;

use super::RunSpec;
use super::leases::LeaseLoad;
use super::limits::{Bound, out_of_bounds};
use crate::model::Costs;
use crate::model::costs::{HourPrice, MadeSeries, Rate, Series, Then, Tier};
use crate::problem::Problem;
use crate::time::Instant;

/// Steps of a series are at least so far apart, seconds.
const LEAST_STEP_S: f64 = 1.0;
/// No series lasts longer, seconds (some 300 years).
const LATEST_S: f64 = 1e10;
/// The highest price or intensity that is believed.
const MOST: f64 = 1e9;

type Place<'p> = &'p dyn Fn(&str) -> String;

/// The series of `costs` with the keys under which they stand.
fn series(costs: &Costs) -> [(&'static str, &Rate); 2] {
    [("energy-price", &costs.energy_price), ("carbon-intensity", &costs.carbon_intensity)]
}

/// Puts the steps of files in their place.
pub(super) fn read_files(costs: &mut Costs, place: Place<'_>, problems: &mut Vec<Problem>) {
    let rates = [
        ("energy-price", &mut costs.energy_price),
        ("carbon-intensity", &mut costs.carbon_intensity),
    ];
    for (key, rate) in rates {
        read_file(rate, key, &place(&format!("[costs] {key}")), problems);
    }
}

/// Puts the steps of the file of `rate`, or those that are made for `key`, in their place.
pub(super) fn read_file(rate: &mut Rate, key: &str, at: &str, problems: &mut Vec<Problem>) {
    let Rate::Series(series) = rate else { return };
    if let Some(made) = series.made.take() {
        let found = made_problems(&made, series, at);
        if found.is_empty() {
            series.steps = made.steps(key);
        }
        return problems.extend(found);
    }
    let Some(file) = series.file.take() else { return };
    if !series.steps.is_empty() {
        let what = "has both `file` and `steps`";
        return problems.push(Problem::new("GLN-208", at, what, "Leave one of them out"));
    }
    match std::fs::read_to_string(&file) {
        Ok(text) => series.steps = steps(&file, &text, problems),
        Err(cause) => {
            let what = format!("`{}` cannot be read ({cause})", file.display());
            let remedy = "Name a file with lines of seconds and value";
            problems.push(Problem::new("GLN-208", at, what, remedy));
        }
    }
}

/// What is wrong with how `series` is made.
fn made_problems(made: &MadeSeries, series: &mut Series, at: &str) -> Vec<Problem> {
    if series.file.take().is_some() || !series.steps.is_empty() {
        let what = "has `made` beside `file` or `steps`";
        return vec![Problem::new("GLN-208", at, what, "Leave all but one of them out")];
    }
    let ranges = [
        ("mean", made.mean, 0.0..=MOST),
        ("swing", made.swing, 0.0..=1.0),
        ("peak-h", made.peak_h, 0.0..=24.0),
        ("noise", made.noise, 0.0..=1.0),
        ("days", f64::from(made.days), 1.0..=3660.0),
    ];
    let wrong = ranges.into_iter().filter(|(_, value, range)| !range.contains(value));
    wrong
        .map(|(key, value, range)| {
            let what = format!("must be {} to {}, found {value}", range.start(), range.end());
            let remedy = "Leave it out for the default";
            Problem::new("GLN-208", format!("{at}.made.{key}"), what, remedy)
        })
        .collect()
}

/// The steps that `text` lists, one per line: seconds, comma, value; the first line may be a head.
fn steps(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Vec<(f64, f64)> {
    let (mut steps, mut lines) = (Vec::new(), Vec::new());
    let whole = text.strip_prefix('\u{feff}').unwrap_or(text);
    let filled = whole.lines().map(str::trim).zip(1_usize..);
    let filled = filled.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let found = problems.len();
    for (turn, (line, number)) in filled.enumerate() {
        let numbers: Vec<Option<f64>> =
            line.split(',').map(|field| field.trim().parse().ok()).collect();
        match numbers[..] {
            [Some(at), Some(value)] => {
                steps.push((at, value));
                lines.push(number);
            }
            [None, None] if turn == 0 => {}
            _ => {
                let at = format!("{}:{number}", file.display());
                let what = format!("found `{line}`, expected seconds and a value");
                problems.push(Problem::new("GLN-208", at, what, "Write e.g. 3600,0.25"));
            }
        }
    }
    let at = |step: usize| match lines.get(step) {
        Some(line) => format!("{}:{line}", file.display()),
        None => file.display().to_string(),
    };
    if problems.len() == found {
        problems.extend(step_problems(&steps, &at));
    }
    steps
}

/// What is wrong with the steps of a series; `at` words where each is.
pub(super) fn step_problems(steps: &[(f64, f64)], at: &dyn Fn(usize) -> String) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |step: usize, what: String, remedy: &str| {
        problems.push(Problem::new("GLN-208", at(step), what, remedy));
    };
    match steps.first() {
        None => wrong(0, "the series has no steps".into(), "Write e.g. steps = [[0, 0.25]]"),
        Some(&(first, _)) if first != 0.0 => {
            let what = format!("the series begins at {first} s, the run at 0 s");
            wrong(0, what, "Let the first step be at 0");
        }
        Some(_) => {}
    }
    for (step, &(time, value)) in steps.iter().enumerate() {
        if !(0.0..=MOST).contains(&value) {
            let what = format!("must be between 0 and {MOST:e}, found {value}");
            wrong(step, what, "Write a value from 0 on");
        }
        let before = step.checked_sub(1).map(|before| steps[before].0);
        let late = before.is_some_and(|before| time - before < LEAST_STEP_S);
        if late || !(0.0..=LATEST_S).contains(&time) {
            let after = before.map_or_else(String::new, |before| format!(" after {before} s"));
            let what = format!("found {time} s{after}, steps ascend by at least {LEAST_STEP_S} s");
            wrong(step, what, "Order the steps by time");
        }
    }
    problems
}

impl RunSpec {
    /// What is wrong with `[costs]`, as far as can be said without trace and workload.
    pub(super) fn costs_problems(&self, place: Place<'_>) -> Vec<Problem> {
        let Some(costs) = &self.costs else { return Vec::new() };
        let mut problems = numbers(costs, place);
        for (key, rate) in series(costs) {
            if let Rate::Series(series) = rate {
                problems.extend(self.series_problems(&place(&format!("[costs] {key}")), series));
            }
        }
        problems.extend(tier_problems(&costs.sla, place));
        problems.extend(self.hour_price_problem(costs, place));
        problems.extend(self.unloaded_problems(costs, place));
        problems
    }

    /// Prices of hours that do not go with who there is.
    fn hour_price_problem(&self, costs: &Costs, place: Place<'_>) -> Option<Problem> {
        let types = self.fleet.vms.len();
        let there: Option<usize> = self.fleet.vms.iter().map(|vm| vm.vms()).sum();
        let (code, what, remedy) = match (&costs.vm_hour_price, self.leases.is_some()) {
            (HourPrice::ByType(_) | HourPrice::ByCount(_), true) => (
                "GLN-206",
                "lists prices by type, and VMs of leases have no type of [fleet]".to_owned(),
                "Write one price for all, or \"catalogue\"",
            ),
            (HourPrice::ByType(_), false) if there.is_some() && types > 0 => (
                "GLN-203",
                "lists prices by type, and [fleet] vms says how many there are of each".to_owned(),
                "Write e.g. [{ count = 6, price = 0.12 }], or \"catalogue\"",
            ),
            (HourPrice::ByType(prices), false) if prices.len() != types => (
                "GLN-203",
                format!("has {} prices, [fleet] vms has {types} types", prices.len()),
                "Write one for each type",
            ),
            (HourPrice::ByCount(prices), false) => {
                let priced: usize = prices.iter().map(|of| of.count).sum();
                if Some(priced) == there {
                    return None;
                }
                let there = there.map_or("no counts".to_owned(), |vms| format!("{vms} VMs"));
                let what = format!("has prices for {priced} VMs, [fleet] vms has {there}");
                ("GLN-203", what, "Write counts that add up to those of [fleet] vms")
            }
            (HourPrice::ByInstance(_), false) => (
                "GLN-206",
                "has prices by instance type, which leases name".to_owned(),
                "Write \"catalogue\", or one price for all",
            ),
            _ => return None,
        };
        Some(Problem::new(code, place("[costs] vm-hour-price"), what, remedy))
    }

    /// Leases that carry no load use no energy and cannot be short of anything.
    fn unloaded_problems(&self, costs: &Costs, place: Place<'_>) -> Vec<Problem> {
        if !self.leases.as_ref().is_some_and(|leases| leases.load == LeaseLoad::None) {
            return Vec::new();
        }
        let without = Costs::default();
        let of_load = [
            ("energy-price", costs.energy_price != without.energy_price),
            ("pue", costs.pue != without.pue),
            ("carbon-intensity", costs.carbon_intensity != without.carbon_intensity),
            ("carbon-price", costs.carbon_price != without.carbon_price),
            ("sla", costs.sla != without.sla),
            ("penalty-per-s", costs.penalty_per_s != without.penalty_per_s),
        ];
        let stated = of_load.into_iter().filter(|(_, stated)| *stated);
        stated
            .map(|(key, _)| {
                let what = "is about load, and these leases carry none (leases.load)";
                let remedy = "Leave it out, or set leases.load to \"replayed\"";
                Problem::new("GLN-206", place(&format!("[costs] {key}")), what, remedy)
            })
            .collect()
    }

    /// What is wrong with the series that stands at `at`.
    pub(super) fn series_problems(&self, at: &str, series: &Series) -> Vec<Problem> {
        let mut problems = step_problems(&series.steps, &|step| format!("{at}.steps[{step}]"));
        let mut wrong = |field: &str, what: &str, remedy: &str| {
            problems.push(Problem::new("GLN-208", format!("{at}.{field}"), what, remedy));
        };
        let last = series.steps.last().map_or(0.0, |&(last, _)| last);
        if let Some(until_s) = series.until_s
            && !(until_s >= last + LEAST_STEP_S && until_s <= LATEST_S)
        {
            let what = format!("found {until_s}, the last step begins at {last} s");
            wrong("until-s", &what, "Write a later time");
        }
        match series.then {
            Then::Repeat if series.until_s.is_none() => {
                let what = "repeats, and does not say after how long";
                wrong("until-s", what, "Write e.g. until-s = 86400");
            }
            Then::End if self.leases.is_some() => {
                let what = "the series ends, and nobody knows when the last lease does";
                wrong("then", what, "Write then = \"repeat\" or then = \"hold\"");
            }
            _ => {}
        }
        problems
    }

    /// Series that are over before a run that ends at `end`.
    pub fn uncovered(&self, end: Instant) -> Vec<Problem> {
        let Some(costs) = &self.costs else { return Vec::new() };
        let own = series(costs).into_iter().map(|(key, rate)| (format!("[costs] {key}"), rate));
        let sites = self.sites.iter().flat_map(super::sites::rates);
        let over = |(key, rate): (String, &Rate)| {
            let Rate::Series(series) = rate else { return None };
            let over = series.end()?;
            (series.then == Then::End && over < end).then(|| {
                let what = format!("the series ends at {over}, the run at {end}");
                let remedy = "Add steps or until-s, or write then = \"repeat\" or \"hold\"";
                Problem::new("GLN-208", format!("run spec, {key}"), what, remedy)
            })
        };
        own.chain(sites).filter_map(over).collect()
    }
}

/// Numbers out of range.
fn numbers(costs: &Costs, place: Place<'_>) -> Vec<Problem> {
    let mut numbers = vec![
        ("[costs] pue".to_owned(), costs.pue, Bound::FromOneOn, "1.5"),
        ("[costs] carbon-price".to_owned(), costs.carbon_price, Bound::Amount, "80"),
        ("[costs] penalty-per-s".to_owned(), costs.penalty_per_s, Bound::Amount, "0.001"),
    ];
    for (key, rate) in series(costs) {
        if let Rate::Constant(value) = rate {
            numbers.push((format!("[costs] {key}"), *value, Bound::Amount, "0.25"));
        }
    }
    match &costs.vm_hour_price {
        HourPrice::All(price) => {
            numbers.push(("[costs] vm-hour-price".into(), *price, Bound::Amount, "0.05"));
        }
        HourPrice::ByType(prices) => {
            let at = |kind: usize| format!("[costs] vm-hour-price[{kind}]");
            let all = prices.iter().enumerate();
            numbers.extend(all.map(|(kind, &price)| (at(kind), price, Bound::Amount, "0.05")));
        }
        HourPrice::ByCount(prices) => {
            let at = |row: usize| format!("[costs] vm-hour-price[{row}].price");
            let all = prices.iter().enumerate();
            numbers.extend(all.map(|(row, of)| (at(row), of.price, Bound::Amount, "0.05")));
        }
        HourPrice::ByInstance(prices) => {
            let at = |name: &String| format!("[costs] vm-hour-price.{name}");
            numbers.extend(prices.iter().map(|(name, &p)| (at(name), p, Bound::Amount, "0.05")));
        }
        HourPrice::Catalogue(_) => {}
    }
    let mut problems = out_of_bounds(numbers, place);
    let name = costs.currency.trim();
    if name.is_empty() || name.chars().count() > 12 {
        let what = format!("must have 1 to 12 characters, found `{}`", costs.currency);
        problems.push(Problem::new("GLN-203", place("[costs] currency"), what, "Write e.g. EUR"));
    }
    problems
}

/// Tiers that leave a gap, overlap or are out of order.
fn tier_problems(tiers: &[Tier], place: Place<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |tier: usize, field: &str, what: String, remedy: &str| {
        let at = place(&format!("[costs] sla[{tier}]{field}"));
        problems.push(Problem::new("GLN-209", at, what, remedy));
    };
    let (mut top, mut given) = (100.0, 0.0);
    for (turn, tier) in tiers.iter().enumerate() {
        let Tier { from, to, credit } = *tier;
        if !((0.0..=100.0).contains(&from) && (0.0..=100.0).contains(&credit)) {
            let what = format!("found from {from} and credit {credit}, expected per cent");
            wrong(turn, "", what, "Write numbers from 0 to 100");
        } else if from > top || (turn > 0 && from == top) {
            let what = format!("found {from}, after a tier from {top} on");
            wrong(turn, ".from", what, "Order the tiers by falling availability");
        }
        if let Some(to) = to
            && to != top
        {
            let kind = if to < top { "gap" } else { "overlap" };
            let what =
                format!("found {to}, which leaves a {kind}: the tier before begins at {top}");
            wrong(turn, ".to", what, "Leave `to` out, or write that number");
        }
        if credit < given {
            let what = format!("found {credit}, less than {given} at higher availability");
            wrong(turn, ".credit", what, "Let credits grow as availability falls");
        }
        (top, given) = (from, credit);
    }
    if !tiers.is_empty() && top > 0.0 {
        let what = format!("leaves a gap: nothing is said of availability below {top}");
        wrong(tiers.len() - 1, ".from", what, "Add a tier with from = 0");
    }
    problems
}
