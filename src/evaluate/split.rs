//! Which part of a trace trains, which calibrates, which tests.
//!
//! | written | meaning |
//! |---|---|
//! | `20110303,20110306` | days of a trace that has days |
//! | `vms:0..500` | VMs in the order of the trace, the last one not among them |
//! | `time:0..60%` | all VMs, from the begin to 60 % of the samples; also `time:0..4800` |
//!
//! All three parts are of one kind and may not overlap. By time a calibration or test part is
//! preceded by 600 samples from before it, in which no forecast is made: a bank must have a past.

use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use crate::forecast::{Error, Panel};
use crate::problem::Problem;
use crate::trace::{self, Selection, UtilisationTrace};

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

/// What the user chose; what was left out follows from the trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
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
    /// # Errors `GLN-165` where parts overlap, are empty, of different kinds, or not there; those
    /// of the trace.
    pub fn read(path: &Path, selection: &Selection, chosen: &Chosen) -> Result<Self, Error> {
        let given = [&chosen.train, &chosen.calibrate, &chosen.test];
        let specs = match given {
            [Some(train), Some(calibrate), Some(test)] => {
                [train.clone(), calibrate.clone(), test.clone()]
            }
            [None, None, None] => default_parts(path, selection)?,
            _ => {
                let what = "some of train, calibrate and test are given, others not";
                return Err(fault(what, "Give all three, or none"));
            }
        };
        match &specs {
            [PartSpec::Days(train), PartSpec::Days(calibrate), PartSpec::Days(test)] => {
                by_days(path, selection, [train, calibrate, test])
            }
            [PartSpec::Vms(..), PartSpec::Vms(..), PartSpec::Vms(..)] => {
                by_vms(&read(path, selection)?, &specs)
            }
            [PartSpec::Time(..), PartSpec::Time(..), PartSpec::Time(..)] => {
                by_time(&read(path, selection)?, &specs)
            }
            _ => Err(fault("the parts are of different kinds", "Use days, vms: or time: for all")),
        }
    }
}

fn read(path: &Path, selection: &Selection) -> Result<UtilisationTrace, Error> {
    trace::read(path, selection).map_err(|error| Error { problems: error.problems })
}

fn default_parts(path: &Path, selection: &Selection) -> Result<[PartSpec; 3], Error> {
    let days = match selection.day {
        Some(_) => Vec::new(),
        None => trace::days(path).map_err(|error| Error { problems: error.problems })?,
    };
    if days.len() < 3 {
        let time = |from, to| PartSpec::Time(End::Percent(from), End::Percent(to));
        return Ok([time(0.0, 60.0), time(60.0, 75.0), time(75.0, 100.0)]);
    }
    let (test, rest) = (days[days.len() - 1].clone(), &days[..days.len() - 1]);
    let calibrate = rest[rest.len() - 1].clone();
    let train = rest[..rest.len() - 1].to_vec();
    Ok([train, vec![calibrate], vec![test]].map(PartSpec::Days))
}

fn by_days(path: &Path, selection: &Selection, days: [&Vec<String>; 3]) -> Result<Parts, Error> {
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
            let part = Selection { day: Some(day.clone()), ..selection.clone() };
            let trace = read(path, &part)?;
            if samples != 0 && trace.samples() != samples {
                let what = format!("day {day} has {} samples, not {samples}", trace.samples());
                return Err(fault(what, "Choose days of one length"));
            }
            (vms, samples, step) = (vms + trace.vms(), trace.samples(), trace.step().seconds());
            values.extend(values_of(&trace, 0..trace.vms(), 0..samples));
            names.extend((0..trace.vms()).map(|vm| trace.name(vm).to_owned()));
        }
        panels.push(Panel::new(vms, values)?.with_first_origin(WARM));
    }
    let words = days.map(|days| format!("days {}", days.join(", ")));
    parts(panels, names, step, words)
}

fn by_vms(trace: &UtilisationTrace, specs: &[PartSpec; 3]) -> Result<Parts, Error> {
    let ranges = ranges(specs, trace.vms(), "VMs")?;
    let panels = ranges.iter().map(|range| {
        let values = values_of(trace, range.clone(), 0..trace.samples());
        Ok(Panel::new(range.len(), values)?.with_first_origin(WARM))
    });
    let panels = panels.collect::<Result<Vec<_>, Error>>()?;
    let names = ranges[2].clone().map(|vm| trace.name(vm).to_owned()).collect();
    let words = [0, 1, 2].map(|at| format!("VMs {} to {}", ranges[at].start, ranges[at].end));
    parts(panels, names, trace.step().seconds(), words)
}

fn by_time(trace: &UtilisationTrace, specs: &[PartSpec; 3]) -> Result<Parts, Error> {
    let ranges = ranges(specs, trace.samples(), "samples")?;
    let panels = ranges.iter().map(|range| {
        let begin = range.start.saturating_sub(PAST);
        let values = values_of(trace, 0..trace.vms(), begin..range.end);
        let first = (range.start - begin).max(WARM);
        Ok(Panel::new(trace.vms(), values)?.with_first_origin(first))
    });
    let panels = panels.collect::<Result<Vec<_>, Error>>()?;
    let names = (0..trace.vms()).map(|vm| trace.name(vm).to_owned()).collect();
    let words = [0, 1, 2].map(|at| format!("samples {} to {}", ranges[at].start, ranges[at].end));
    parts(panels, names, trace.step().seconds(), words)
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

fn values_of(trace: &UtilisationTrace, vms: Range<usize>, samples: Range<usize>) -> Vec<f32> {
    let cell = |vm: usize| samples.clone().map(move |at| trace.fraction(vm, at) as f32);
    vms.flat_map(cell).collect()
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
        let chosen = Chosen { train, calibrate, test: part("vms:700..1052") };
        let parts = Parts::read(path, &all, &chosen).unwrap();
        assert_eq!((parts.test.vms(), parts.names.len(), parts.season), (352, 352, 288));
        let half = Chosen { test: None, ..chosen };
        assert!(Parts::read(path, &all, &half).is_err());
    }
}
