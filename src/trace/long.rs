//! From a long table, one row per VM and step in any order, to a dense trace.
//!
//! Each value is put where its VM and step say; every step of every VM must be there once.

use super::error::Error;
use super::selection::Order;
use super::{UtilisationTrace, Values};
use crate::problem::Problem;
use crate::time::Span;

/// A table in long form: entry `i` of each column is row `i`.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Per row the VM, an index into `names`.
    pub(super) vms: Vec<u32>,
    /// Names of the VMs in order of first appearance.
    pub(super) names: Vec<String>,
    /// Per row the step, from 0.
    pub(super) steps: Vec<i64>,
    /// Per row the utilisation.
    pub(super) values: Values,
}

/// The trace that `table` holds, whose steps are `step` apart; problems call it `place`.
pub(super) fn dense(
    place: &str,
    table: Table,
    order: Order,
    step: Span,
) -> Result<UtilisationTrace, Error> {
    if table.names.is_empty() {
        let what = "found no rows, expected one per VM and step";
        return Err(Error::one("GLN-105", place, what, "Check how the table was written"));
    }
    let problems = values_out_of_range(place, &table);
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    let values = match &table.values {
        Values::Percent(values) => placed(&table, order, values).map(Values::Percent),
        Values::Fraction(values) => placed(&table, order, values).map(Values::Fraction),
    };
    let Some(values) = values else {
        return Err(Error { problems: wrong_steps(place, &table) });
    };
    let mut names = table.names;
    if order == Order::Name {
        names.sort_unstable();
    }
    Ok(UtilisationTrace::new(names, step, values))
}

/// The VM-major matrix of `values`; `None` unless each place is taken once.
fn placed<T: Copy + Default>(table: &Table, order: Order, values: &[T]) -> Option<Vec<T>> {
    let samples = usize::try_from(*table.steps.iter().max()?).ok()?.checked_add(1)?;
    if table.names.len().checked_mul(samples)? != table.vms.len() {
        return None;
    }
    let rank = ranks(&table.names, order);
    let mut taken = vec![false; values.len()];
    let mut matrix = vec![T::default(); values.len()];
    for ((&vm, &step), &value) in table.vms.iter().zip(&table.steps).zip(values) {
        let at = rank[vm as usize] * samples + usize::try_from(step).ok()?;
        if std::mem::replace(&mut taken[at], true) {
            return None;
        }
        matrix[at] = value;
    }
    Some(matrix)
}

/// Per VM its row in the trace.
fn ranks(names: &[String], order: Order) -> Vec<usize> {
    let mut by_name: Vec<usize> = (0..names.len()).collect();
    if order == Order::Name {
        by_name.sort_unstable_by(|&a, &b| names[a].cmp(&names[b]));
    }
    let mut ranks = vec![0; names.len()];
    by_name.iter().enumerate().for_each(|(rank, &vm)| ranks[vm] = rank);
    ranks
}

fn values_out_of_range(place: &str, table: &Table) -> Vec<Problem> {
    match &table.values {
        Values::Percent(values) => wrong_values(place, table, values, |v| v <= 100, "0 to 100"),
        Values::Fraction(values) => {
            wrong_values(place, table, values, |v| (0.0..=1.0).contains(&v), "0.0 to 1.0")
        }
    }
}

fn wrong_values<T: Copy + std::fmt::Display>(
    place: &str,
    table: &Table,
    values: &[T],
    right: impl Fn(T) -> bool,
    expected: &str,
) -> Vec<Problem> {
    let wrong = values.iter().enumerate().filter(|&(_, &value)| !right(value));
    wrong
        .map(|(row, value)| {
            let vm = &table.names[table.vms[row] as usize];
            let place = format!("{place}: VM `{vm}`, step {}", table.steps[row]);
            let what = format!("found {value}, expected {expected}");
            Problem::new("GLN-101", place, what, "Correct the value or leave the VM out")
        })
        .collect()
}

/// Every step that a VM lacks (per VM only the first, with their count) or has more than once.
fn wrong_steps(place: &str, table: &Table) -> Vec<Problem> {
    let last = table.steps.iter().copied().max().unwrap_or(0);
    let mut steps: Vec<Vec<i64>> = vec![Vec::new(); table.names.len()];
    for (&vm, &step) in table.vms.iter().zip(&table.steps) {
        steps[vm as usize].push(step);
    }
    let mut problems = Vec::new();
    for (name, steps) in table.names.iter().zip(&mut steps) {
        steps.sort_unstable();
        problems.extend(wrong_steps_of(steps, last).map(|(step, what)| {
            let place = format!("{place}: VM `{name}`, step {step}");
            let remedy = "Give every VM each step once, or leave the VM out";
            Problem::new("GLN-123", place, what, remedy)
        }));
    }
    problems
}

/// The first wrong step of each kind among the ascending `steps` of a VM.
fn wrong_steps_of(steps: &[i64], last: i64) -> impl Iterator<Item = (i64, String)> {
    let expected = format!("expected each of 0 to {last} once");
    let negative = steps.first().copied().filter(|&step| step < 0);
    let twice = steps.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    let mut distinct: Vec<i64> = steps.iter().copied().filter(|&step| step >= 0).collect();
    distinct.dedup();
    // The first position whose step is not its own number is the first step that lacks.
    let gap = (0..).zip(&distinct).find(|&(at, &step)| at != step).map(|(at, _)| at);
    let lacking = last.saturating_add(1) - distinct.len() as i64;
    let first_lacking = (lacking > 0).then(|| gap.unwrap_or(distinct.len() as i64));
    [
        negative.map(|step| (step, format!("found a negative step, {expected}"))),
        twice.map(|step| (step, format!("the step is there more than once, {expected}"))),
        first_lacking
            .map(|step| (step, format!("the step is missing ({lacking} in all), {expected}"))),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::planetlab::STEP;

    fn table(rows: &[(u32, i64, u8)]) -> Table {
        Table {
            vms: rows.iter().map(|row| row.0).collect(),
            names: vec!["b".into(), "a".into()],
            steps: rows.iter().map(|row| row.1).collect(),
            values: Values::Percent(rows.iter().map(|row| row.2).collect()),
        }
    }

    fn told(rows: &[(u32, i64, u8)]) -> String {
        dense("t", table(rows), Order::Name, STEP).unwrap_err().to_string()
    }

    #[test]
    fn rows_in_any_order_make_the_same_trace() {
        let sorted = [(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)];
        let shuffled = [sorted[3], sorted[0], sorted[2], sorted[1]];
        let trace = dense("t", table(&sorted), Order::Name, STEP).unwrap();
        assert_eq!(trace.values(), &Values::Percent(vec![3, 4, 1, 2]));
        assert_eq!((trace.name(0), trace.name(1)), ("a", "b"));
        assert_eq!(dense("t", table(&shuffled), Order::Name, STEP).unwrap(), trace);
        let listed = dense("t", table(&sorted), Order::Listed, STEP).unwrap();
        assert_eq!(listed.values(), &Values::Percent(vec![1, 2, 3, 4]));
    }

    #[test]
    fn missing_duplicate_and_negative_steps_name_vm_and_step() {
        let remedy = "Give every VM each step once, or leave the VM out.";
        let expected = "expected each of 0 to 1 once";
        assert_eq!(
            told(&[(0, 0, 1), (0, 1, 1), (1, 1, 1)]),
            format!(
                "GLN-123 t: VM `a`, step 0: the step is missing (1 in all), {expected}. {remedy}"
            )
        );
        assert_eq!(
            told(&[(0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 1, 1), (1, 0, 1)]),
            format!(
                "GLN-123 t: VM `a`, step 1: the step is there more than once, {expected}. {remedy}"
            )
        );
        assert!(told(&[(0, -1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1)]).contains("negative step"));
    }

    #[test]
    fn a_huge_step_is_a_problem_and_not_a_huge_allocation() {
        let told = told(&[(0, 0, 1), (1, i64::MAX, 1)]);
        assert!(told.contains("VM `a`, step 0: the step is missing"), "{told}");
    }

    #[test]
    fn values_beyond_one_hundred_per_cent_are_told() {
        assert_eq!(
            told(&[(0, 0, 101), (1, 0, 0)]),
            "GLN-101 t: VM `b`, step 0: found 101, expected 0 to 100. \
             Correct the value or leave the VM out."
        );
    }

    #[test]
    fn an_empty_table_is_no_trace() {
        let empty =
            Table { vms: vec![], names: vec![], steps: vec![], values: Values::Fraction(vec![]) };
        assert_eq!(dense("t", empty, Order::Name, STEP).unwrap_err().problems[0].code, "GLN-105");
    }
}
