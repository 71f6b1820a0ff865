//! What was odd in a source, how often, and what was done about it.
//!
//! A published trace is rarely clean, and what a reader does about it changes results. So every
//! reader counts what it meets, does what the table of `docs/traces.md` says, and hands both on:
//! `traces info` prints them and a run's `run.json` keeps them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of oddity that a reader can deal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// The header labels timestamps with a wrong unit.
    MislabelledTime,
    /// Rows have one field more than the header names: an index column without a name.
    ShiftedHeader,
    /// The header stands again among the rows.
    RepeatedHeader,
    /// A file named `N (1).csv` beside `N.csv`.
    StrayCopy,
    /// A VM without CPU or memory capacity.
    NoCapacity,
    /// A VM whose cores, CPU rate or memory change within the trace.
    SizeChange,
    /// A sample whose time lies before that of the sample before it.
    OutOfOrder,
    /// A sample with the time of another one of the same VM.
    Duplicate,
    /// A sample that shares its step with another one of a different time.
    Merged,
    /// A sample whose time is not exactly that of its step.
    OffGrid,
    /// A sample without a CPU value: empty, null or not a number.
    NoValue,
    /// A value that the publisher uses to mark a failed measurement.
    Marker,
    /// A value at the greatest number that its column can hold.
    Saturated,
    /// A CPU value above 100 %.
    AboveHundred,
    /// A ratio beside the CPU's that is above 100 %.
    ResourceAboveHundred,
    /// A step without a sample between the first and the last one of its VM.
    Gap,
    /// A step before the first or after the last sample of its VM.
    OutsideLife,
    /// A step without a value of a quantity beside the CPU.
    ResourceGap,
    /// A VM without any sample in the span.
    EmptyVm,
    /// A VM left out because it has gaps.
    LeftOut,
}

impl Defect {
    /// How a report words one kind, and what is counted.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::MislabelledTime => ("time labelled ms, counted in s", "files"),
            Self::ShiftedHeader => ("header shifted by one column", "files"),
            Self::RepeatedHeader => ("header repeated among the rows", "lines"),
            Self::StrayCopy => ("second copy of a file", "files"),
            Self::NoCapacity => ("no CPU or memory capacity", "VMs"),
            Self::SizeChange => ("size changes within the trace", "VMs"),
            Self::OutOfOrder => ("out of order", "samples"),
            Self::Duplicate => ("duplicate times", "samples"),
            Self::Merged => ("two samples in a step", "samples"),
            Self::OffGrid => ("off the grid", "samples"),
            Self::NoValue => ("no CPU value", "samples"),
            Self::Marker => ("marked as failed", "values"),
            Self::Saturated => ("saturated", "values"),
            Self::AboveHundred => ("CPU above 100 %", "samples"),
            Self::ResourceAboveHundred => ("other ratio above 100 %", "values"),
            Self::Gap => ("gaps", "samples"),
            Self::OutsideLife => ("before first or after last sample", "samples"),
            Self::ResourceGap => ("gaps in other quantities", "values"),
            Self::EmptyVm => ("without a sample", "VMs"),
            Self::LeftOut => ("with gaps", "VMs"),
        }
    }
}

/// One kind of oddity of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which kind.
    pub defect: Defect,
    /// How many samples, VMs, files or lines.
    pub count: u64,
    /// What was done about it.
    pub handled: String,
    /// Where the first of them is.
    pub first: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, counted) = self.defect.words();
        write!(f, "{name}: {} {counted}, {} (first: {})", self.count, self.handled, self.first)
    }
}

/// The oddities met so far, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Defects(BTreeMap<Defect, Finding>);

impl Defects {
    /// Counts `count` of `defect`; `first` is asked where only if these are the first.
    pub(super) fn count(
        &mut self,
        defect: Defect,
        count: u64,
        handled: &str,
        first: impl FnOnce() -> String,
    ) {
        if count == 0 {
            return;
        }
        let finding = self.0.entry(defect).or_insert_with(|| Finding {
            defect,
            count: 0,
            handled: handled.to_owned(),
            first: first(),
        });
        finding.count += count;
    }

    /// Adds what another part of the source had.
    pub(super) fn merge(&mut self, other: Self) {
        for (defect, finding) in other.0 {
            let Finding { count, handled, first, .. } = finding;
            self.count(defect, count, &handled, || first);
        }
    }

    /// One finding per kind, in a fixed order.
    pub(super) fn findings(self) -> Vec<Finding> {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_the_first_place_is_kept() {
        let mut all = Defects::default();
        all.count(Defect::Gap, 0, "held", || unreachable!("nothing was found"));
        all.count(Defect::Gap, 2, "held", || "VM `a`, step 3".into());
        let mut more = Defects::default();
        more.count(Defect::Gap, 3, "held", || "VM `b`, step 1".into());
        more.count(Defect::Duplicate, 1, "averaged", || "VM `b`, step 9".into());
        all.merge(more);
        let told: Vec<String> = all.findings().iter().map(Finding::to_string).collect();
        assert_eq!(
            told,
            [
                "duplicate times: 1 samples, averaged (first: VM `b`, step 9)",
                "gaps: 5 samples, held (first: VM `a`, step 3)",
            ]
        );
    }
}
