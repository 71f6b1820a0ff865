//! Which part of a trace trains, which calibrates, which tests.
//!
//! | written | meaning |
//! |---|---|
//! | `20110303,20110306` | days of a trace that has days |
//! | `vms:0..500` | VMs in the order of the trace, the last one not among them |
//! | `time:0..60%` | all VMs, from the begin to 60 % of the samples; also `time:0..4800` |
//!
//! All three are of the CPU, or of another [`Quantity`] that the trace has. They are of one kind
//! and may not overlap. By time a calibration or test part is preceded by 600 samples from before
//! it, in which no forecast is made: a bank must have a past.

use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use crate::forecast::{Error, Panel};
use crate::problem::Problem;
use crate::trace::{self, Resource, Resources, Selection, Unit, UtilisationTrace};

/// Samples before a part by time in which banks learn the series.
const PAST: usize = 600;
/// Samples at the begin of a series in which nothing is judged: there is too little past.
const WARM: usize = 100;

/// One end of a range: samples or a share of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// A number of VMs or samples.
    Count(usize),
    /// Per cent of them.
    Percent(f64),
}

impl End {
    fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(share) => (all as f64 * share / 100.0).round() as usize,
        }
    }
}

/// A part as the user writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum PartSpec {
    /// Days.
    Days(Vec<String>),
    /// Rows of VMs.
    Vms(End, End),
    /// Samples.
    Time(End, End),
}

impl FromStr for PartSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = |text: &str| {
            let (from, to) = text.split_once("..").ok_or("a range is written like 0..60%")?;
            Ok::<_, String>((end(from)?, end(to)?))
        };
        if let Some(rest) = text.strip_prefix("vms:") {
            let (from, to) = range(rest)?;
            return Ok(Self::Vms(from, to));
        }
        if let Some(rest) = text.strip_prefix("time:") {
            let (from, to) = range(rest)?;
            return Ok(Self::Time(from, to));
        }
        let days: Vec<String> = text.split(',').map(|day| day.trim().to_owned()).collect();
        if days.iter().any(|day| day.is_empty() || day.contains("..")) {
            return Err(
                "write days such as 20110303,20110306, or vms:0..500, or time:0..60%".into()
            );
        }
        Ok(Self::Days(days))
    }
}

fn end(text: &str) -> Result<End, String> {
    let share = text.strip_suffix('%').map(|number| number.parse::<f64>());
    match share {
        Some(Ok(share)) if (0.0..=100.0).contains(&share) => Ok(End::Percent(share)),
        Some(_) => Err(format!("`{text}` is not between 0% and 100%")),
        None => text.parse().map(End::Count).map_err(|_| format!("`{text}` is not a number")),
    }
}

/// Which quantity of a trace is forecast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quantity {
    /// CPU utilisation.
    #[default]
    Cpu,
    /// Another one, as a fraction of what the VM has of it.
    Other(Resource),
}

impl Quantity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Other(resource) => resource.name(),
        }
    }
}

impl FromStr for Quantity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = std::iter::once(Self::Cpu).chain(Resource::ALL.map(Self::Other));
        let names: Vec<&str> = all.clone().map(Self::name).collect();
        let mut all = all.filter(|quantity| quantity.name() == text);
        all.next().ok_or_else(|| format!("`{text}` is none of {}", names.join(", ")))
    }
}

/// What the user chose; what was left out follows from the trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// Which quantity.
    pub quantity: Quantity,
    /// Training part.
    pub train: Option<PartSpec>,
    /// Calibration part.
    pub calibrate: Option<PartSpec>,
    /// Test part.
    pub test: Option<PartSpec>,
}

/// The three panels and the names of the VMs of the test part.
#[derive(Debug, Clone)]
pub struct Parts {
    /// What models learn from.
    pub train: Panel,
    /// What their levels are corrected on.
    pub calibrate: Panel,
    /// What they are judged on.
    pub test: Panel,
    /// Names of the VMs of `test`.
    pub names: Vec<String>,
    /// Samples in a day.
    pub season: usize,
    /// What the parts are, in words.
    pub words: [String; 3],
}

fn fault(what: impl Into<String>, remedy: &str) -> Error {
    Error::one("GLN-165", "parts", what, remedy)
}

impl Parts {
    /// Reads the trace at `path` and cuts it as `chosen`; of a trace of three days and more the
    /// last tests and the one before calibrates, any other is cut by time at 60 % and 75 %.
    ///
    /// # Errors `GLN-165` where parts overlap, are empty, of different kinds, or not there, or the
    /// trace lacks the quantity; those of the trace.
    pub fn read(path: &Path, selection: &Selection, chosen: &Chosen) -> Result<Self, Error> {
        let quantity = chosen.quantity;
        let read = |selection: &Selection| Series::read(path, selection, quantity);
        let specs = match chosen.specs()? {
            Some(specs) => specs,
            None => default_parts(path, selection)?,
        };
        match &specs {
            [PartSpec::Days(train), PartSpec::Days(calibrate), PartSpec::Days(test)] => {
                by_days(selection, [train, calibrate, test], read)
            }
            _ => cut(&read(selection)?, &specs),
        }
    }

    /// Cuts series that are at hand as `chosen`, which may not name days or a quantity; by time at
    /// 60 % and 75 % where nothing is chosen. `step_s`: seconds between two samples.
    ///
    /// # Errors `GLN-165` as for a trace.
    pub fn of(
        panel: &Panel,
        names: Vec<String>,
        step_s: f64,
        chosen: &Chosen,
    ) -> Result<Self, Error> {
        let specs = chosen.specs()?.unwrap_or_else(thirds);
        if specs.iter().any(|spec| matches!(spec, PartSpec::Days(_))) {
            return Err(fault("series at hand have no days", "Use vms: or time: for all parts"));
        }
        let values = (0..panel.vms()).flat_map(|row| panel.series(row).to_vec()).collect();
        cut(&Series { samples: panel.samples(), step_s, names, values }, &specs)
    }
}

impl Chosen {
    /// All three parts, or none of them.
    fn specs(&self) -> Result<Option<[PartSpec; 3]>, Error> {
        match [&self.train, &self.calibrate, &self.test] {
            [Some(train), Some(calibrate), Some(test)] => {
                Ok(Some([train.clone(), calibrate.clone(), test.clone()]))
            }
            [None, None, None] => Ok(None),
            _ => {
                let what = "some of train, calibrate and test are given, others not";
                Err(fault(what, "Give all three, or none"))
            }
        }
    }
}

/// One quantity of all VMs, VM-major.
struct Series {
    samples: usize,
    step_s: f64,
    names: Vec<String>,
    values: Vec<f32>,
}

impl Series {
    fn read(path: &Path, selection: &Selection, quantity: Quantity) -> Result<Self, Error> {
        let selection = match quantity {
            Quantity::Cpu => selection.clone(),
            Quantity::Other(resource) => {
                Selection { resources: Resources::Only(vec![resource]), ..selection.clone() }
            }
        };
        let trace = trace::read(path, &selection);
        let trace = trace.map_err(|error| Error { problems: error.problems })?;
        let (vms, samples) = (trace.vms(), trace.samples());
        let values = match quantity {
            Quantity::Cpu => {
                let row = |vm| (0..samples).map(move |at| (vm, at));
                let cells = (0..vms).flat_map(row);
                cells.map(|(vm, at)| trace.fraction(vm, at) as f32).collect()
            }
            Quantity::Other(resource) => other(&trace, resource)?,
        };
        let names = (0..vms).map(|vm| trace.name(vm).to_owned()).collect();
        Ok(Self { samples, step_s: trace.step().seconds(), names, values })
    }

    fn values_of(&self, vms: Range<usize>, samples: Range<usize>) -> Vec<f32> {
        vms.flat_map(|vm| self.values[vm * self.samples..][samples.clone()].to_vec()).collect()
    }
}

/// The values of `resource` as fractions.
fn other(trace: &UtilisationTrace, resource: Resource) -> Result<Vec<f32>, Error> {
    let Some(metric) = trace.metric(resource) else {
        let what = format!("the trace does not tell {resource}");
        return Err(fault(what, "Choose cpu, or another trace"));
    };
    let size = |vm: usize| match (metric.unit, resource, trace.sizes()) {
        (Unit::Fraction, ..) => Some(1.0),
        (Unit::Kilobytes, Resource::Memory, Some(sizes)) => sizes[vm].memory_kb,
        _ => None,
    };
    let sizes: Vec<Option<f64>> = (0..trace.vms()).map(size).collect();
    if sizes.iter().all(Option::is_none) {
        let unit = metric.unit.symbol();
        let what = format!("{resource} is in {unit}, and the trace does not tell what VMs have");
        return Err(fault(what, "Choose a quantity that is told as a share"));
    }
    // A VM of which no size is known, or none at all, has no share: a gap.
    let samples = trace.samples();
    let share = |index: usize| {
        let size = sizes[index / samples].filter(|size| *size > 0.0).unwrap_or(f64::NAN);
        (metric.values.value(index) / size) as f32
    };
    Ok((0..metric.values.len()).map(share).collect())
}

/// By time at 60 % and 75 %.
fn thirds() -> [PartSpec; 3] {
    let time = |from, to| PartSpec::Time(End::Percent(from), End::Percent(to));
    [time(0.0, 60.0), time(60.0, 75.0), time(75.0, 100.0)]
}

fn default_parts(path: &Path, selection: &Selection) -> Result<[PartSpec; 3], Error> {
    let days = match selection.day {
        Some(_) => Vec::new(),
        None => trace::days(path).map_err(|error| Error { problems: error.problems })?,
    };
    if days.len() < 3 {
        return Ok(thirds());
    }
    let (test, rest) = (days[days.len() - 1].clone(), &days[..days.len() - 1]);
    let calibrate = rest[rest.len() - 1].clone();
    let train = rest[..rest.len() - 1].to_vec();
    Ok([train, vec![calibrate], vec![test]].map(PartSpec::Days))
}

fn by_days(
    selection: &Selection,
    days: [&Vec<String>; 3],
    read: impl Fn(&Selection) -> Result<Series, Error>,
) -> Result<Parts, Error> {
    let all: Vec<&String> = days.into_iter().flatten().collect();
    let twice = all.iter().enumerate().find(|(at, day)| all[..*at].contains(day));
    if let Some((_, day)) = twice {
        let what = format!("day {day} is in two parts, or twice in one");
        return Err(fault(what, "A day may train, calibrate or test, once"));
    }
    let mut names = Vec::new();
    let (mut panels, mut step) = (Vec::new(), 300.0);
    for days in days {
        let (mut values, mut vms, mut samples) = (Vec::new(), 0, 0);
        names.clear();
        for day in days {
            let series = read(&Selection { day: Some(day.clone()), ..selection.clone() })?;
            if samples != 0 && series.samples != samples {
                let what = format!("day {day} has {} samples, not {samples}", series.samples);
                return Err(fault(what, "Choose days of one length"));
            }
            (vms, samples, step) = (vms + series.names.len(), series.samples, series.step_s);
            values.extend(series.values);
            names.extend(series.names);
        }
        panels.push(Panel::new(vms, values)?.with_first_origin(WARM));
    }
    let words = days.map(|days| format!("days {}", days.join(", ")));
    parts(panels, names, step, words)
}

/// Cuts `series` by VMs or by time.
fn cut(series: &Series, specs: &[PartSpec; 3]) -> Result<Parts, Error> {
    match specs {
        [PartSpec::Vms(..), PartSpec::Vms(..), PartSpec::Vms(..)] => by_vms(series, specs),
        [PartSpec::Time(..), PartSpec::Time(..), PartSpec::Time(..)] => by_time(series, specs),
        _ => Err(fault("the parts are of different kinds", "Use days, vms: or time: for all")),
    }
}

fn by_vms(series: &Series, specs: &[PartSpec; 3]) -> Result<Parts, Error> {
    let ranges = ranges(specs, series.names.len(), "VMs")?;
    let panels = ranges.iter().map(|range| {
        let values = series.values_of(range.clone(), 0..series.samples);
        Ok(Panel::new(range.len(), values)?.with_first_origin(WARM))
    });
    let panels = panels.collect::<Result<Vec<_>, Error>>()?;
    let names = series.names[ranges[2].clone()].to_vec();
    let words = [0, 1, 2].map(|at| format!("VMs {} to {}", ranges[at].start, ranges[at].end));
    parts(panels, names, series.step_s, words)
}

fn by_time(series: &Series, specs: &[PartSpec; 3]) -> Result<Parts, Error> {
    let ranges = ranges(specs, series.samples, "samples")?;
    let vms = series.names.len();
    let panels = ranges.iter().map(|range| {
        let begin = range.start.saturating_sub(PAST);
        let values = series.values_of(0..vms, begin..range.end);
        let first = (range.start - begin).max(WARM);
        Ok(Panel::new(vms, values)?.with_first_origin(first))
    });
    let panels = panels.collect::<Result<Vec<_>, Error>>()?;
    let words = [0, 1, 2].map(|at| format!("samples {} to {}", ranges[at].start, ranges[at].end));
    parts(panels, series.names.clone(), series.step_s, words)
}

/// The ranges of `specs` in `0..all`, which lie apart.
fn ranges(specs: &[PartSpec; 3], all: usize, what: &str) -> Result<[Range<usize>; 3], Error> {
    let mut problems = Vec::new();
    let mut fault = |what: String, remedy: &str| {
        problems.push(Problem::new("GLN-165", "parts", what, remedy));
    };
    let ranges = specs.each_ref().map(|spec| match *spec {
        PartSpec::Vms(from, to) | PartSpec::Time(from, to) => from.of(all)..to.of(all),
        PartSpec::Days(_) => 0..0,
    });
    for range in &ranges {
        if range.is_empty() || range.end > all {
            let (from, to) = (range.start, range.end);
            let said = format!("{from}..{to} is not a part of {all} {what}");
            fault(said, "Write an ascending range within the trace");
        }
    }
    for (at, one) in ranges.iter().enumerate() {
        for other in &ranges[..at] {
            let (from, to) = (one.start.max(other.start), one.end.min(other.end));
            if from < to {
                let said = format!("{what} {from} to {to} are in two parts");
                fault(said, "A VM or sample may train, calibrate or test, not two of these");
            }
        }
    }
    if problems.is_empty() { Ok(ranges) } else { Err(Error { problems }) }
}

fn parts(
    panels: Vec<Panel>,
    names: Vec<String>,
    step_s: f64,
    words: [String; 3],
) -> Result<Parts, Error> {
    let Ok([train, calibrate, test]) = <[Panel; 3]>::try_from(panels) else {
        unreachable!("there are three parts")
    };
    // Models learn from young series too.
    let (train, calibrate) = (train.with_first_origin(0), calibrate);
    let season = ((86_400.0 / step_s).round() as usize).max(1);
    Ok(Parts { train, calibrate, test, names, season, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(texts: [&str; 3]) -> [PartSpec; 3] {
        texts.map(|text| text.parse().unwrap())
    }

    #[test]
    fn parts_are_read_and_may_not_overlap() {
        let found = ranges(&specs(["time:0..60%", "time:60%..75%", "time:75%..100%"]), 80, "x");
        assert_eq!(found.unwrap(), [0..48, 48..60, 60..80]);
        let wrong = ranges(&specs(["vms:0..50", "vms:40..60", "vms:70..101"]), 100, "VMs");
        let text = wrong.unwrap_err().to_string();
        assert!(text.contains("VMs 40 to 50 are in two parts"), "{text}");
        assert!(text.contains("70..101 is not a part of 100 VMs"), "{text}");
        assert_eq!("a,b".parse(), Ok(PartSpec::Days(vec!["a".into(), "b".into()])));
        for wrong in ["vms:5", "time:0..x", "time:0..120%", "a,,b", "0..5"] {
            assert!(wrong.parse::<PartSpec>().is_err(), "{wrong}");
        }
    }

    /// The embedded sample: 288 samples of 1052 VMs, one day.
    #[test]
    fn the_sample_is_cut_by_time_and_by_vms() {
        let (path, all) = (Path::new("sample"), Selection::default());
        let parts = Parts::read(path, &all, &Chosen::default()).unwrap();
        assert_eq!((parts.train.samples(), parts.train.vms()), (173, 1052));
        // 216 samples are past, then 72 of the test part.
        assert_eq!((parts.test.samples(), parts.test.first_origin()), (288, 216));
        let part = |text: &str| Some(text.parse().unwrap());
        let (train, calibrate) = (part("vms:0..500"), part("vms:500..700"));
        let test = part("vms:700..1052");
        let chosen = Chosen { train, calibrate, test, ..Chosen::default() };
        let parts = Parts::read(path, &all, &chosen).unwrap();
        assert_eq!((parts.test.vms(), parts.names.len(), parts.season), (352, 352, 288));
        let half = Chosen { test: None, ..chosen };
        assert!(Parts::read(path, &all, &half).is_err());
        let memory = Chosen { quantity: "memory".parse().unwrap(), ..Chosen::default() };
        let fault = Parts::read(path, &all, &memory).unwrap_err().to_string();
        assert!(fault.contains("GLN-165 parts: the trace does not tell memory"), "{fault}");
        assert!("ram".parse::<Quantity>().unwrap_err().contains("none of cpu, cpu-peak, memory"));
    }

    /// 3 series of 400 samples: 240 train, 60 calibrate, 100 test with all 300 before them as past.
    #[test]
    fn series_at_hand_are_cut_like_a_trace() {
        let panel = Panel::new(3, (0..1200).map(|k| k as f32 / 1200.0).collect()).unwrap();
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let parts = Parts::of(&panel, names.clone(), 300.0, &Chosen::default()).unwrap();
        assert_eq!((parts.train.samples(), parts.test.first_origin()), (240, 300));
        assert_eq!(parts.test.series(2), panel.series(2));
        let day = || Some("monday".parse().unwrap());
        let days = Chosen { train: day(), calibrate: day(), test: day(), ..Chosen::default() };
        assert!(Parts::of(&panel, names, 300.0, &days).is_err());
    }
}
