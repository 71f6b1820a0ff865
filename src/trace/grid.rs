//! From samples at any time to steps at equal distances.
//!
//! ```text
//! nearest:  k = floor((t - t0) / s + 1/2)        within:  k = floor((t - t0) / s)
//! x_k = mean of the samples of step k; none: a gap
//! ```
//!
//! `t`: time stamp, `t0`: time stamp of step 0, `s`: length of a step. Every sample that had to be
//! sorted, merged or moved is counted.

use rayon::prelude::*;

use super::UtilisationTrace;
use super::defect::{Defect, Defects};
use super::error::Error;
use super::offset::Offset;
use super::repair;
use super::resource::VmSize;
use super::selection::{Order, Selection};
use super::series::{Clock, Observations, Sampling, Series};

/// More cells than a trace can have: 2^31 are 70 days of 100,000 VMs.
const MAX_CELLS: usize = 1 << 31;

/// One VM on the grid.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// Per quantity the value of each step, not a number where there is none.
    pub(super) cells: Vec<Vec<f64>>,
    pub(super) size: VmSize,
    pub(super) defects: Defects,
}

/// The steps that the trace has.
#[derive(Debug, Clone, Copy)]
struct Window {
    origin: i64,
    step: i64,
    sampling: Sampling,
    first: i64,
    steps: usize,
}

/// The trace of `observations`, by the rules of `selection`.
pub(super) fn trace(
    mut observations: Observations,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    observations.series.retain(|series| !series.times.is_empty());
    let window = window(&observations, selection)?;
    let rows: Vec<Option<Row>> = std::mem::take(&mut observations.series)
        .into_par_iter()
        .map(|series| row(series, &window))
        .collect();
    let empty = rows.iter().filter(|row| row.is_none()).count();
    observations
        .defects
        .count(Defect::EmptyVm, empty as u64, "left out", || "all of the span".into());
    let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
    if selection.order == Order::Name {
        rows.sort_by(|a, b| a.name.cmp(&b.name));
    }
    for row in &mut rows {
        observations.defects.merge(std::mem::take(&mut row.defects));
    }
    repair::finished(observations, rows, window.step, selection)
}

fn window(observations: &Observations, selection: &Selection) -> Result<Window, Error> {
    let place = &observations.place;
    let Clock { origin, step, sampling } = observations.clock;
    let times = || observations.series.iter().flat_map(|series| series.times.iter().copied());
    let (Some(earliest), Some(latest)) = (times().min(), times().max()) else {
        let what = "found no samples, expected at least one";
        let remedy = "Check that this is the trace, and that the span lies within it";
        return Err(Error::one("GLN-105", place, what, remedy));
    };
    let mut window =
        Window { origin: origin.unwrap_or(earliest), step, sampling, first: 0, steps: 0 };
    if sampling == Sampling::BySpacing {
        window.sampling = by_spacing(&observations.series, step);
    }
    if window.index(earliest) < 0 {
        let seconds = earliest as f64 / 1e6;
        let what = format!("found a sample at {seconds} s, before the trace's own start");
        return Err(Error::one("GLN-101", place, what, "Check the times, or the unit of time"));
    }
    let steps = |offset: Offset| offset.span().0 / step;
    window.first = selection.from.map_or(0, steps);
    let end = window.index(latest) + 1;
    let last = selection.to.map_or(end, |to| (to.span().0 + step - 1) / step).min(end);
    if last <= window.first {
        let covered = end * step / 1_000_000;
        let what =
            format!("the span holds no samples, the trace covers {covered} s from its start");
        return Err(Error::one("GLN-109", place, what, "Choose `from` and `to` within the trace"));
    }
    window.steps = usize::try_from(last - window.first).unwrap_or(usize::MAX);
    if window.steps.saturating_mul(observations.series.len()) > MAX_CELLS {
        let what = format!(
            "{} VMs x {} steps are more than a trace can have",
            observations.series.len(),
            window.steps
        );
        let remedy = "Check the times and their unit, or choose a span with `from` and `to`";
        return Err(Error::one("GLN-115", place, what, remedy));
    }
    Ok(window)
}

impl Window {
    /// The step that a sample at `time` belongs to.
    fn index(&self, time: i64) -> i64 {
        match self.sampling {
            Sampling::Nearest => (time - self.origin + self.step / 2).div_euclid(self.step),
            _ => (time - self.origin).div_euclid(self.step),
        }
    }

    /// The same counted from the window's begin; `None` outside of it.
    fn cell(&self, time: i64) -> Option<usize> {
        let cell = usize::try_from(self.index(time) - self.first).ok()?;
        (cell < self.steps).then_some(cell)
    }

    fn is_on_grid(&self, time: i64) -> bool {
        (time - self.origin) % self.step == 0
    }
}

/// How a source is sampled whose format does not say.
fn by_spacing(series: &[Series], step: i64) -> Sampling {
    let pairs = series.iter().flat_map(|series| series.times.windows(2));
    let mut spacings: Vec<i64> = pairs.map(|pair| pair[1] - pair[0]).filter(|&d| d > 0).collect();
    if spacings.is_empty() {
        return Sampling::Nearest;
    }
    let middle = spacings.len() / 2;
    let (_, &mut median, _) = spacings.select_nth_unstable(middle);
    if median * 4 >= step * 3 { Sampling::Nearest } else { Sampling::Within }
}

/// `series` on the grid; `None` where no sample of it lies in the window.
fn row(series: Series, window: &Window) -> Option<Row> {
    let Series { name, times, values, size } = series;
    let mut order: Vec<u32> =
        (0..times.len() as u32).filter(|&i| window.cell(times[i as usize]).is_some()).collect();
    if order.is_empty() {
        return None;
    }
    let mut defects = Defects::default();
    let time = |i: u32| times[i as usize];
    let place = |i: u32| {
        let seconds = time(i) as f64 / 1e6;
        format!("VM `{name}`, time {seconds} s")
    };
    let late: Vec<u32> =
        order.windows(2).filter(|p| time(p[1]) < time(p[0])).map(|p| p[1]).collect();
    defects.count(Defect::OutOfOrder, late.len() as u64, "sorted", || place(late[0]));
    if !late.is_empty() {
        order.sort_by_key(|&i| time(i));
    }
    count_neighbours(&order, &times, window, &mut defects, &place);
    let absent: Vec<u32> =
        order.iter().copied().filter(|&i| values[0][i as usize].is_nan()).collect();
    defects.count(Defect::NoValue, absent.len() as u64, "count as gaps", || place(absent[0]));
    let cells = values.iter().map(|column| means(column, &order, &times, window)).collect();
    Some(Row { cells, size, defects, name })
}

/// Counts samples that share a time or a step, or lie beside the grid; `order` is by time.
fn count_neighbours(
    order: &[u32],
    times: &[i64],
    window: &Window,
    defects: &mut Defects,
    place: &impl Fn(u32) -> String,
) {
    let time = |i: u32| times[i as usize];
    let pairs = || order.windows(2).map(|pair| (pair[0], pair[1]));
    let mut tell = |defect, found: Vec<u32>, handled| {
        defects.count(defect, found.len() as u64, handled, || place(found[0]));
    };
    let same = pairs().filter(|&(a, b)| time(a) == time(b)).map(|(_, b)| b).collect();
    tell(Defect::Duplicate, same, "averaged");
    if window.sampling != Sampling::Nearest {
        return;
    }
    let shares =
        |&(a, b): &(u32, u32)| time(a) != time(b) && window.index(time(a)) == window.index(time(b));
    tell(Defect::Merged, pairs().filter(shares).map(|(_, b)| b).collect(), "averaged");
    let beside = order.iter().copied().filter(|&i| !window.is_on_grid(time(i))).collect();
    tell(Defect::OffGrid, beside, "moved to the nearest step");
}

/// Per step the mean of the samples that have a value.
fn means(column: &[f64], order: &[u32], times: &[i64], window: &Window) -> Vec<f64> {
    let mut sums = vec![0.0; window.steps];
    let mut counts = vec![0u32; window.steps];
    for &i in order {
        let (value, cell) = (column[i as usize], window.cell(times[i as usize]));
        if let (false, Some(cell)) = (value.is_nan(), cell) {
            sums[cell] += value;
            counts[cell] += 1;
        }
    }
    for (sum, &count) in sums.iter_mut().zip(&counts) {
        *sum = if count == 0 { f64::NAN } else { *sum / f64::from(count) };
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::selection::{Excess, Gaps};
    use crate::trace::{Finding, Values};

    const S: i64 = 1_000_000;

    fn vm(name: &str, samples: &[(i64, f64)]) -> Series {
        let mut series = Series::new(name, 1);
        samples.iter().for_each(|&(t, v)| series.push(t * S, &[v]));
        series
    }

    fn observed(series: Vec<Series>, sampling: Sampling) -> Observations {
        Observations {
            place: "t".into(),
            others: Vec::new(),
            series,
            defects: Defects::default(),
            clock: Clock { origin: None, step: 300 * S, sampling },
        }
    }

    fn values(trace: &UtilisationTrace) -> Vec<f32> {
        match trace.values() {
            Values::Fraction(values) => values.clone(),
            Values::Percent(_) => panic!("the grid makes fractions"),
        }
    }

    fn told(trace: &UtilisationTrace) -> Vec<String> {
        trace.defects().iter().map(Finding::to_string).collect()
    }

    /// Steps at 0, 300, 600, 900, 1200. a: jitter of 1 s either way, a duplicate at 300 (0.2 and
    /// 0.4 make 0.3), a second sample in step 2 (599 and 700: 0.5 and 0.7 make 0.6), a gap at 900.
    /// b: out of order, begins at 300 and ends at 600.
    #[test]
    fn jitter_duplicates_gaps_and_disorder_are_handled_as_stated() {
        let a = [(0, 0.1), (300, 0.2), (300, 0.4), (599, 0.5), (700, 0.7), (1201, 0.9)];
        let b = [(600, 0.2), (300, 1.5)];
        let source = || observed(vec![vm("b", &b), vm("a", &a)], Sampling::Nearest);
        let trace = trace(source(), &Selection::default()).unwrap();
        assert_eq!((trace.name(0), trace.name(1)), ("a", "b"));
        assert_eq!(values(&trace), [0.1, 0.3, 0.6, 0.6, 0.9, 0.0, 1.0, 0.2, 0.0, 0.0]);
        assert_eq!(
            told(&trace),
            [
                "out of order: 1 samples, sorted (first: VM `b`, time 300 s)",
                "duplicate times: 1 samples, averaged (first: VM `a`, time 300 s)",
                "two samples in a step: 1 samples, averaged (first: VM `a`, time 700 s)",
                "off the grid: 3 samples, moved to the nearest step (first: VM `a`, time 599 s)",
                "CPU above 100 %: 1 samples, taken as 100 % (first: VM `b`, step 1)",
                "gaps: 1 samples, filled with the value before (first: VM `a`, step 3)",
                "before first or after last sample: 3 samples, taken as 0 (first: VM `b`, step 0)",
            ]
        );
        let raw = Selection { raw: true, ..Selection::default() };
        let raw = super::trace(source(), &raw).unwrap();
        assert!(values(&raw)[3].is_nan() && values(&raw)[5].is_nan());
        assert_eq!(values(&raw)[6], 1.5);
        assert_eq!(told(&raw).len(), 7, "a raw trace tells the same");
    }

    #[test]
    fn gaps_may_be_zero_left_out_or_refused_and_excess_kept_or_refused() {
        let source = || {
            let series = vec![
                vm("a", &[(0, 0.1), (600, 1.2)]),
                vm("b", &[(0, 0.3), (300, 0.4), (600, 0.5)]),
            ];
            observed(series, Sampling::Nearest)
        };
        let of =
            |gaps, excess| trace(source(), &Selection { gaps, excess, ..Selection::default() });
        let zero = of(Gaps::Zero, Excess::Keep).unwrap();
        assert_eq!(values(&zero), [0.1, 0.0, 1.2, 0.3, 0.4, 0.5]);
        let left = of(Gaps::LeaveOut, Excess::Clip).unwrap();
        assert_eq!((left.vms(), left.name(0)), (1, "b"));
        let refused = of(Gaps::Refuse, Excess::Refuse).unwrap_err().to_string();
        assert!(refused.contains("GLN-123 t: VM `a`, step 1: found no sample"), "{refused}");
        assert!(refused.contains("GLN-101 t: VM `a`, step 2: found 120 %"), "{refused}");
    }

    #[test]
    fn irregular_samples_are_averaged_within_each_step() {
        let a = [(0, 0.1), (100, 0.2), (299, 0.6), (301, 0.5), (900, 0.7)];
        for sampling in [Sampling::Within, Sampling::BySpacing] {
            let trace = trace(observed(vec![vm("a", &a)], sampling), &Selection::default());
            let trace = trace.unwrap();
            assert_eq!(values(&trace), [0.3, 0.5, 0.5, 0.7], "{sampling:?}");
            assert_eq!(told(&trace).len(), 1, "only a gap: {:?}", told(&trace));
        }
    }

    #[test]
    fn a_span_is_cut_out_and_must_lie_within_the_trace() {
        let a: Vec<(i64, f64)> = (0..10).map(|k| (k * 300, 0.1 * k as f64)).collect();
        let cut = |from: &str, to: &str| {
            let selection = Selection {
                from: Some(from.parse().unwrap()),
                to: Some(to.parse().unwrap()),
                ..Selection::default()
            };
            trace(observed(vec![vm("a", &a)], Sampling::Nearest), &selection)
        };
        assert_eq!(values(&cut("10m", "20m").unwrap()), [0.2, 0.3]);
        assert_eq!(cut("0", "3d").unwrap().samples(), 10);
        let outside = cut("1d", "2d").unwrap_err().to_string();
        assert!(outside.contains("GLN-109 t: the span holds no samples"), "{outside}");
        assert!(outside.contains("covers 3000 s"), "{outside}");
    }

    #[test]
    fn absurd_times_are_a_problem_and_not_an_allocation() {
        let series = vec![vm("a", &[(0, 0.1), (9_000_000_000, 0.1)]); 100];
        let error = trace(observed(series, Sampling::Nearest), &Selection::default()).unwrap_err();
        assert_eq!(error.problems[0].code, "GLN-115");
        let nothing = trace(observed(Vec::new(), Sampling::Nearest), &Selection::default());
        assert_eq!(nothing.unwrap_err().problems[0].code, "GLN-105");
    }
}
