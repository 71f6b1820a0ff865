//! What is in a trace? Size, faults, level, spread and how much of the past tells of the future.
//!
//! Per VM, with `x_t` its utilisation in per cent: sd (divisor n - 1), autocorrelation of `x_t` at
//! 1, 6 and 12 samples and of `x_{t+1} - x_t` at 1. White noise around a level has 0 and -0.5; a
//! VM whose load drifts has more of both. Constant VMs have no autocorrelation and are left out of
//! its median. A gap counts neither as a sample nor as a pair.

use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::defect::Finding;
use super::resource::{Metric, VmSize};
use super::{UtilisationTrace, Values};
use crate::stats::{autocorrelation, mean, median_in_place, standard_deviation};

/// Statistics of a [`UtilisationTrace`], as `traces info` prints them.
///
/// ```
/// use galerna::trace::{Selection, info, read};
/// let trace = read("sample".as_ref(), &Selection::default()).unwrap();
/// let info = info(&trace);
/// assert_eq!((info.vms, info.samples, info.gaps), (1052, 1052 * 288, 0));
/// assert!(info.to_string().lines().all(|line| line.chars().count() <= 80));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceInfo {
    /// How many VMs.
    pub vms: usize,
    /// Samples of all VMs together.
    pub samples: usize,
    /// Samples of each VM.
    pub samples_per_vm: usize,
    /// Time between two samples, in seconds.
    pub step_s: f64,
    /// Time that the trace covers, in seconds.
    pub span_s: f64,
    /// Samples without a value (not a number).
    pub gaps: usize,
    /// Samples below 0 or above 100 %.
    pub out_of_range: usize,
    /// VMs whose load never changes.
    pub constant_vms: usize,
    /// Samples that are exactly 0, as a share of all that have a value.
    pub zero_share: f64,
    /// VMs with two zero samples in a row somewhere.
    pub vms_with_zero_runs: usize,
    /// Median over these VMs of the step at which their first such pair is complete, from 0.
    pub median_first_zero_run: Option<f64>,
    /// Mean of all values, in per cent.
    pub mean_percent: Option<f64>,
    /// Mean over VMs of the standard deviation, in per cent points.
    pub mean_sd_percent: Option<f64>,
    /// Median over VMs of the standard deviation, in per cent points.
    pub median_sd_percent: Option<f64>,
    /// Mean over VMs of the mean absolute change from one sample to the next, in per cent points.
    pub mean_absolute_change_percent: Option<f64>,
    /// Median over VMs of the autocorrelation at 1 sample.
    pub autocorrelation_lag_1: Option<f64>,
    /// Median over VMs of the autocorrelation at 6 samples.
    pub autocorrelation_lag_6: Option<f64>,
    /// Median over VMs of the autocorrelation at 12 samples.
    pub autocorrelation_lag_12: Option<f64>,
    /// Median over VMs of the lag-1 autocorrelation of the differences.
    pub difference_autocorrelation_lag_1: Option<f64>,
    /// The quantities beside the CPU.
    pub resources: Vec<ResourceInfo>,
    /// What the VMs have, where the source tells.
    pub sizes: Option<SizeInfo>,
    /// What was odd in the source and what is done about it.
    pub defects: Vec<Finding>,
}

/// Statistics of a quantity beside the CPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResourceInfo {
    /// Its name.
    pub resource: String,
    /// Its unit.
    pub unit: String,
    /// Mean of all values.
    pub mean: Option<f64>,
    /// Greatest value.
    pub greatest: Option<f64>,
    /// Steps without a value.
    pub missing: usize,
}

impl ResourceInfo {
    fn of(metric: &Metric) -> Self {
        let all = (0..metric.values.len()).map(|index| metric.values.value(index));
        let (mut sum, mut count, mut greatest) = (0.0, 0usize, None);
        for value in all.filter(|value| !value.is_nan()) {
            sum += value;
            count += 1;
            greatest = Some(greatest.map_or(value, |known: f64| known.max(value)));
        }
        Self {
            resource: metric.resource.name().to_owned(),
            unit: metric.unit.symbol().to_owned(),
            mean: (count > 0).then(|| sum / count as f64),
            greatest,
            missing: metric.values.len() - count,
        }
    }
}

/// What the VMs of a trace have, each the sum over those of which it is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeInfo {
    /// VMs of which anything is known.
    pub vms: usize,
    /// Virtual cores.
    pub cores: f64,
    /// CPU rate, MHz.
    pub cpu_mhz: f64,
    /// Memory, kilobytes.
    pub memory_kb: f64,
}

impl SizeInfo {
    fn of(sizes: &[VmSize]) -> Self {
        let total = |of: fn(&VmSize) -> Option<f64>| sizes.iter().filter_map(of).sum();
        Self {
            vms: sizes.iter().filter(|size| !size.is_unknown()).count(),
            cores: total(|size| size.cores),
            cpu_mhz: total(|size| size.cpu_mhz),
            memory_kb: total(|size| size.memory_kb),
        }
    }
}

/// Computes the statistics of `trace`, in parallel over its VMs.
pub fn info(trace: &UtilisationTrace) -> TraceInfo {
    let vms: Vec<Character> =
        (0..trace.vms()).into_par_iter().map(|row| Character::of(&percents(trace, row))).collect();
    let total = |count: fn(&Character) -> usize| vms.iter().map(count).sum::<usize>();
    let kept = |value: fn(&Character) -> Option<f64>| vms.iter().filter_map(value).collect();
    let median = |value: fn(&Character) -> Option<f64>| {
        let mut values: Vec<f64> = kept(value);
        median_in_place(&mut values)
    };
    let average = |value: fn(&Character) -> Option<f64>| mean(&kept(value));
    let samples = trace.vms() * trace.samples();
    let valued = samples - total(|vm| vm.gaps);
    let share = |part: f64| (valued > 0).then(|| part / valued as f64);
    TraceInfo {
        vms: trace.vms(),
        samples,
        samples_per_vm: trace.samples(),
        step_s: trace.step().seconds(),
        span_s: trace.step().seconds() * trace.samples() as f64,
        gaps: total(|vm| vm.gaps),
        out_of_range: total(|vm| vm.out_of_range),
        constant_vms: total(|vm| usize::from(vm.constant)),
        zero_share: share(total(|vm| vm.zeros) as f64).unwrap_or(0.0),
        vms_with_zero_runs: total(|vm| usize::from(vm.first_zero_run.is_some())),
        median_first_zero_run: median(|vm| vm.first_zero_run),
        mean_percent: share(vms.iter().map(|vm| vm.sum).sum()),
        mean_sd_percent: average(|vm| vm.sd),
        median_sd_percent: median(|vm| vm.sd),
        mean_absolute_change_percent: average(|vm| vm.change),
        autocorrelation_lag_1: median(|vm| vm.level[0]),
        autocorrelation_lag_6: median(|vm| vm.level[1]),
        autocorrelation_lag_12: median(|vm| vm.level[2]),
        difference_autocorrelation_lag_1: median(|vm| vm.difference),
        resources: trace.metrics().iter().map(ResourceInfo::of).collect(),
        sizes: trace.sizes().map(SizeInfo::of),
        defects: trace.defects().to_vec(),
    }
}

/// The samples of VM `row` in per cent.
pub(super) fn percents(trace: &UtilisationTrace, row: usize) -> Vec<f64> {
    let range = row * trace.samples()..(row + 1) * trace.samples();
    match trace.values() {
        Values::Percent(values) => values[range].iter().map(|&v| f64::from(v)).collect(),
        Values::Fraction(values) => values[range].iter().map(|&v| f64::from(v) * 100.0).collect(),
    }
}

/// The statistics of one VM.
struct Character {
    gaps: usize,
    out_of_range: usize,
    zeros: usize,
    constant: bool,
    first_zero_run: Option<f64>,
    sum: f64,
    sd: Option<f64>,
    change: Option<f64>,
    level: [Option<f64>; 3],
    difference: Option<f64>,
}

impl Character {
    fn of(series: &[f64]) -> Self {
        let values: Vec<f64> = series.iter().copied().filter(|v| !v.is_nan()).collect();
        let changes: Vec<f64> = series.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let sizes: Vec<f64> = changes.iter().map(|c| c.abs()).filter(|c| !c.is_nan()).collect();
        let gaps = series.len() - values.len();
        let zero_run = series.windows(2).position(|pair| pair == [0.0, 0.0]);
        Self {
            gaps,
            out_of_range: values.iter().filter(|v| !(0.0..=100.0).contains(*v)).count(),
            zeros: values.iter().filter(|v| **v == 0.0).count(),
            constant: values.windows(2).all(|pair| pair[0] == pair[1]),
            first_zero_run: zero_run.map(|first| (first + 1) as f64),
            sum: values.iter().sum(),
            sd: standard_deviation(&values),
            change: mean(&sizes),
            level: [1, 6, 12].map(|lag| autocorrelation(series, lag)),
            difference: autocorrelation(&changes, 1),
        }
    }
}

impl fmt::Display for TraceInfo {
    /// A table of name, value and unit, at most 80 columns wide.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>, digits| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "-".to_owned(),
        };
        let share = format!("{:.2}", 100.0 * self.zero_share);
        let hours = format!("{:.2}", self.span_s / 3600.0);
        let pair = number(self.median_first_zero_run, 0);
        for (name, value, unit) in [
            ("VMs", self.vms.to_string(), ""),
            ("samples per VM", self.samples_per_vm.to_string(), ""),
            ("samples", self.samples.to_string(), ""),
            ("step", self.step_s.to_string(), "s"),
            ("span", hours, "h"),
            ("gaps", self.gaps.to_string(), "samples"),
            ("out of range", self.out_of_range.to_string(), "samples"),
            ("constant VMs", self.constant_vms.to_string(), "VMs"),
            ("zero samples", share, "%"),
            ("VMs with two zeros in a row", self.vms_with_zero_runs.to_string(), "VMs"),
            ("  first such pair, median", pair, "step"),
            ("mean", number(self.mean_percent, 2), "%"),
            ("sd within a VM, mean", number(self.mean_sd_percent, 2), "% points"),
            ("sd within a VM, median", number(self.median_sd_percent, 2), "% points"),
            ("absolute change, mean", number(self.mean_absolute_change_percent, 2), "% points"),
            ("autocorrelation, lag 1, median", number(self.autocorrelation_lag_1, 3), ""),
            ("autocorrelation, lag 6, median", number(self.autocorrelation_lag_6, 3), ""),
            ("autocorrelation, lag 12, median", number(self.autocorrelation_lag_12, 3), ""),
            ("  of the differences, lag 1", number(self.difference_autocorrelation_lag_1, 3), ""),
        ] {
            writeln!(f, "{}", format!("{name:<32} {value:>12} {unit}").trim_end())?;
        }
        self.print_resources(f)?;
        self.print_defects(f)
    }
}

impl TraceInfo {
    fn print_resources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(SizeInfo { vms, cores, cpu_mhz, memory_kb }) = &self.sizes {
            let (ghz, gb) = (cpu_mhz / 1e3, memory_kb / 1e6);
            writeln!(f, "\nsizes of {vms} VMs: {cores} cores, {ghz:.1} GHz, {gb:.1} million KB")?;
        }
        if self.resources.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:<12} {:<9} {:>14} {:>16} {:>10}",
            "also", "in", "mean", "greatest", "missing"
        )?;
        for resource in &self.resources {
            let number = |value: Option<f64>| match value {
                Some(value) if resource.unit == "fraction" => format!("{value:.4}"),
                Some(value) => format!("{value:.1}"),
                None => "-".to_owned(),
            };
            let ResourceInfo { resource: name, unit, mean, greatest, missing } = resource;
            let (mean, greatest) = (number(*mean), number(*greatest));
            writeln!(f, "{name:<12} {unit:<9} {mean:>14} {greatest:>16} {missing:>10}")?;
        }
        Ok(())
    }

    fn print_defects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.defects.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nodd in the source, and what a run does about it")?;
        for finding in &self.defects {
            let (name, counted) = finding.defect.words();
            writeln!(f, "{name:<34} {:>10} {counted}, {}", finding.count, finding.handled)?;
            writeln!(f, "{:<34} first: {}", "", finding.first)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn trace(values: Values, vms: usize) -> UtilisationTrace {
        let names = (0..vms).map(|vm| vm.to_string()).collect();
        UtilisationTrace::new(names, Span::from_seconds(300.0), values)
    }

    /// a = 10 20 30 40 50: mean 30, sd sqrt(1000 / 4) = 15.8114, lag 1 0.4 (see `stats`), changes
    /// all 10 (constant, so no autocorrelation). b = 0 0 5 5 5: mean 3, sd sqrt(30 / 4) = 2.7386,
    /// deviations -3 -3 2 2 2, lag 1 (9 - 6 + 4 + 4) / 30 = 11 / 30, changes 0 5 0 0.
    /// Differences of b: mean 1.25, deviations -1.25 3.75 -1.25 -1.25, power 18.75, lag 1
    /// (-4.6875 - 4.6875 + 1.5625) / 18.75 = -0.41667.
    #[test]
    fn two_vms_worked_by_hand() {
        let values = vec![10, 20, 30, 40, 50, 0, 0, 5, 5, 5];
        let info = info(&trace(Values::Percent(values), 2));
        assert_eq!((info.vms, info.samples, info.samples_per_vm), (2, 10, 5));
        assert_eq!((info.step_s, info.span_s), (300.0, 1500.0));
        assert_eq!((info.zero_share, info.vms_with_zero_runs), (0.2, 1));
        assert_eq!(info.median_first_zero_run, Some(1.0));
        let close = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-4, "{found:?} {expected}");
        };
        close(info.mean_percent, 16.5);
        close(info.mean_sd_percent, (15.8114 + 2.7386) / 2.0);
        close(info.mean_absolute_change_percent, (10.0 + 1.25) / 2.0);
        close(info.autocorrelation_lag_1, (0.4 + 11.0 / 30.0) / 2.0);
        close(info.difference_autocorrelation_lag_1, -0.41667);
        assert_eq!(info.autocorrelation_lag_6, None);
    }

    #[test]
    fn gaps_values_out_of_range_and_constant_vms_are_counted() {
        let values = vec![f32::NAN, 0.5, 1.5, -0.1, 0.25, 0.25, 0.25, 0.25];
        let info = info(&trace(Values::Fraction(values), 2));
        assert_eq!((info.gaps, info.out_of_range, info.constant_vms), (1, 2, 1));
    }

    #[test]
    fn the_table_is_tidy_and_shows_a_dash_where_there_is_nothing() {
        let table = info(&trace(Values::Percent(vec![7, 7]), 1)).to_string();
        assert!(table.lines().all(|line| line.len() <= 80 && !line.ends_with(' ')));
        assert!(table.starts_with("VMs                                         1\n"), "{table}");
        assert!(table.contains("autocorrelation, lag 1, median              -\n"), "{table}");
    }
}
