//! Gaps are filled, excess is dealt with, and what remains is a trace.
//!
//! A VM lives from its first to its last CPU value. A step within its life that has no value is a
//! gap; a step outside of it is no gap: the VM is not there and asks for nothing.

use rayon::prelude::*;

use super::defect::{Defect, Defects};
use super::error::Error;
use super::grid::Row;
use super::resource::{Metric, Readings, Unit, VmSize};
use super::selection::{Excess, Gaps, Selection};
use super::series::Observations;
use super::{UtilisationTrace, Values};
use crate::problem::Problem;
use crate::time::Span;

/// The trace of `rows`, whose defects are handled as `selection` says.
pub(super) fn finished(
    observations: Observations,
    mut rows: Vec<Row>,
    step: i64,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let Observations { place, others, mut defects, .. } = observations;
    let found: Vec<Found> = rows.par_iter().map(|row| Found::of(row, &others, selection)).collect();
    let mut problems = Vec::new();
    for found in &found {
        problems.extend(found.problems.iter().map(|(code, at, what, remedy)| {
            Problem::new(code, format!("{place}: {at}"), what, *remedy)
        }));
    }
    if !problems.is_empty() && !selection.raw {
        return Err(Error { problems });
    }
    let holes: Vec<bool> = found.iter().map(|found| found.has_holes).collect();
    found.into_iter().for_each(|found| defects.merge(found.defects));
    if selection.gaps == Gaps::LeaveOut {
        leave_out(&mut rows, &holes, &mut defects, selection.raw);
        if rows.is_empty() {
            let what = "every VM has a gap, so none is left";
            let remedy = "Choose another rule for `gaps`, or a shorter span";
            return Err(Error::one("GLN-105", place, what, remedy));
        }
    }
    if !selection.raw {
        rows.par_iter_mut().for_each(|row| repair(row, &others, selection));
    }
    Ok(assembled(rows, &others, step, defects))
}

fn leave_out(rows: &mut Vec<Row>, holes: &[bool], defects: &mut Defects, raw: bool) {
    let count = holes.iter().filter(|hole| **hole).count() as u64;
    let first = holes.iter().position(|hole| *hole);
    let name = first.map(|row| rows[row].name.clone()).unwrap_or_default();
    defects.count(Defect::LeftOut, count, "left out", || format!("VM `{name}`"));
    if !raw {
        let mut keep = holes.iter().map(|hole| !hole);
        rows.retain(|_| keep.next().unwrap_or(true));
    }
}

/// A problem without the name of its source: code, place, what, remedy.
type Fault = (&'static str, String, String, &'static str);

/// What is odd about a row.
struct Found {
    defects: Defects,
    problems: Vec<Fault>,
    has_holes: bool,
}

impl Found {
    fn of(row: &Row, others: &[(super::Resource, Unit)], selection: &Selection) -> Self {
        let mut found =
            Self { defects: Defects::default(), problems: Vec::new(), has_holes: false };
        let cpu = &row.cells[0];
        let life = life(cpu);
        found.holes(row, cpu, &life, selection.gaps);
        found.excess(row, cpu, selection.excess);
        let at = |step: usize| format!("VM `{}`, step {step}", row.name);
        for ((resource, unit), cells) in others.iter().zip(&row.cells[1..]) {
            let gaps = life.clone().filter(|&step| cells[step].is_nan());
            let first = gaps.clone().next().unwrap_or_default();
            let place = || format!("{}, {resource}", at(first));
            found.defects.count(
                Defect::ResourceGap,
                gaps.count() as u64,
                filled(selection.gaps),
                place,
            );
            if *unit != Unit::Fraction {
                continue;
            }
            let above = || (0..cells.len()).filter(|&step| cells[step] > 1.0);
            let first = above().next().unwrap_or_default();
            let place = || format!("{}, {resource}", at(first));
            let handled = capped(selection.excess);
            found.defects.count(
                Defect::ResourceAboveHundred,
                above().count() as u64,
                handled,
                place,
            );
        }
        found
    }

    /// Steps of the CPU without a value.
    fn holes(&mut self, row: &Row, cpu: &[f64], life: &std::ops::Range<usize>, rule: Gaps) {
        let at = |step: usize| format!("VM `{}`, step {step}", row.name);
        let gaps = || life.clone().filter(|&step| cpu[step].is_nan());
        let (count, first) = (gaps().count(), gaps().next().unwrap_or_default());
        self.defects.count(Defect::Gap, count as u64, filled(rule), || at(first));
        let outside = cpu.len() - life.len();
        let first = if life.start > 0 { 0 } else { life.end };
        let handled = if rule == Gaps::Refuse { "refused" } else { "taken as 0" };
        self.defects.count(Defect::OutsideLife, outside as u64, handled, || at(first));
        self.has_holes = count + outside > 0;
        if rule == Gaps::Refuse && self.has_holes {
            let first = (0..cpu.len()).find(|&step| cpu[step].is_nan()).unwrap_or_default();
            let what =
                format!("found no sample ({} in all), expected one in every step", count + outside);
            let remedy = "Leave the VM out, or choose another rule for `gaps`";
            self.problems.push(("GLN-123", at(first), what, remedy));
        }
    }

    /// Steps of the CPU above 100 %.
    fn excess(&mut self, row: &Row, cpu: &[f64], rule: Excess) {
        let at = |step: usize| format!("VM `{}`, step {step}", row.name);
        let above = || (0..cpu.len()).filter(|&step| cpu[step] > 1.0);
        let (count, first) = (above().count(), above().next().unwrap_or_default());
        self.defects.count(Defect::AboveHundred, count as u64, capped(rule), || at(first));
        if rule == Excess::Refuse && count > 0 {
            let percent = 100.0 * cpu[first];
            let what = format!("found {percent:.4} %, expected at most 100 % ({count} such steps)");
            let what = what.replace(".0000", "");
            let remedy = "Leave the VM out, or choose another rule for `excess`";
            self.problems.push(("GLN-101", at(first), what, remedy));
        }
    }
}

fn filled(rule: Gaps) -> &'static str {
    match rule {
        Gaps::Hold => "filled with the value before",
        Gaps::Zero => "filled with 0",
        Gaps::LeaveOut => "the VM is left out",
        Gaps::Refuse => "refused",
    }
}

fn capped(rule: Excess) -> &'static str {
    match rule {
        Excess::Clip => "taken as 100 %",
        Excess::Keep => "kept",
        Excess::Refuse => "refused",
    }
}

/// From the first to after the last step with a value; empty where there is none.
fn life(cells: &[f64]) -> std::ops::Range<usize> {
    let first = cells.iter().position(|value| !value.is_nan());
    let last = cells.iter().rposition(|value| !value.is_nan());
    first.unwrap_or(0)..last.map_or(0, |last| last + 1)
}

/// Fills the gaps of `row` and deals with its excess.
fn repair(row: &mut Row, others: &[(super::Resource, Unit)], selection: &Selection) {
    let life = life(&row.cells[0]);
    let ratios =
        std::iter::once(true).chain(others.iter().map(|(_, unit)| *unit == Unit::Fraction));
    for (cells, is_ratio) in row.cells.iter_mut().zip(ratios) {
        let mut held = 0.0;
        for (step, cell) in cells.iter_mut().enumerate() {
            if !cell.is_nan() {
                held = *cell;
            } else if life.contains(&step) && selection.gaps == Gaps::Hold {
                *cell = held;
            } else {
                *cell = 0.0;
            }
            if is_ratio && selection.excess == Excess::Clip {
                *cell = cell.min(1.0);
            }
        }
    }
}

fn assembled(
    rows: Vec<Row>,
    others: &[(super::Resource, Unit)],
    step: i64,
    defects: Defects,
) -> UtilisationTrace {
    let cells = |quantity: usize| rows.iter().flat_map(move |row| row.cells[quantity].iter());
    let cpu = cells(0).map(|&value| value as f32).collect();
    let metrics = others.iter().enumerate().map(|(at, &(resource, unit))| {
        let values = Readings::of(cells(at + 1).copied().collect(), unit);
        Metric { resource, unit, values }
    });
    let metrics: Vec<Metric> = metrics.collect();
    let sizes: Vec<VmSize> = rows.iter().map(|row| row.size).collect();
    let names = rows.iter().map(|row| row.name.clone()).collect();
    let trace = UtilisationTrace::new(names, Span(step), Values::Fraction(cpu));
    trace.with_metrics(metrics).with_sizes(sizes).with_defects(defects.findings())
}
