//! Which part of a source is wanted, how the source is to be read, and what is to be done about
//! its defects.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::columns::{self, Columns};
use super::error::Error;
use super::offset::Offset;
use super::resource::Resources;
use crate::problem::Problem;

/// Which part of a source is read, how, and in which order its VMs come.
///
/// ```
/// use galerna::trace::{Gaps, Order, Selection};
/// let day = Selection { day: Some("20110303".into()), ..Selection::default() };
/// assert_eq!((day.order, day.gaps), (Order::Name, Gaps::Hold));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// The day folder, or the value of the day column; may be left out where there is only one.
    pub day: Option<String>,
    /// The order of the VMs in the trace.
    pub order: Order,
    /// The form of the source.
    pub format: Format,
    /// Which column means what, in a table.
    pub columns: Columns,
    /// Where the trace begins, counted from the source's first step.
    pub from: Option<Offset>,
    /// Where it ends; that step is not part of it.
    pub to: Option<Offset>,
    /// Seconds between two samples; 300 where neither this nor the source says otherwise.
    pub step_s: Option<u32>,
    /// What stands where there is no sample.
    pub gaps: Gaps,
    /// What becomes of values above 100 %.
    pub excess: Excess,
    /// What counts as a VM in traces of tasks.
    pub group: Group,
    /// Which quantities beside the CPU are read.
    pub resources: Resources,
    /// Leave the values as the source has them: gaps are not a number and nothing is clipped. For
    /// looking at a source and converting it; a run needs every value.
    pub raw: bool,
}

/// The order of the VMs in the trace, which decides what type of VM each row drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Byte order of the VM's name: the same on every machine.
    #[default]
    Name,
    /// The order in which the folder, archive or table lists them, as the reference simulators
    /// take it; for a folder this depends on the file system.
    Listed,
}

/// The form of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Found out from names, headers and columns.
    #[default]
    Auto,
    /// One file per VM, a whole per cent a line.
    Planetlab,
    /// One csv file per VM, as GWA-T-12 publishes them.
    Bitbrains,
    /// The readings of the Azure Public Dataset, csv.
    Azure,
    /// `machine_usage` of Alibaba's cluster-trace-v2018, csv.
    Alibaba,
    /// `task_usage` of Google's clusterdata-2011, csv.
    Google,
    /// A table with one row per VM and sample.
    Long,
    /// A table with one column per VM.
    Wide,
}

impl Format {
    /// Its name in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Planetlab => "planetlab",
            Self::Bitbrains => "bitbrains",
            Self::Azure => "azure",
            Self::Alibaba => "alibaba",
            Self::Google => "google",
            Self::Long => "long",
            Self::Wide => "wide",
        }
    }
}

/// What stands where a VM has no sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gaps {
    /// The value before the gap; 0 before the first and after the last sample of the VM.
    #[default]
    Hold,
    /// 0.
    Zero,
    /// VMs with a gap are left out.
    LeaveOut,
    /// A gap is an error.
    Refuse,
}

/// What becomes of ratios above 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Excess {
    /// They count as 100 %.
    #[default]
    Clip,
    /// They stay: a VM may ask for more than its nominal rate.
    Keep,
    /// They are an error.
    Refuse,
}

/// What counts as a VM in a trace of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// All tasks of a job together.
    #[default]
    Job,
    /// Each task.
    Task,
    /// All tasks on a machine together.
    Machine,
}

impl Selection {
    /// The same part of the source with all its quantities, as it is published.
    pub fn published(self) -> Self {
        Self { raw: true, resources: Resources::EVERY, ..self }
    }

    /// Refuses what makes no sense before anything is read.
    pub(super) fn checked(&self, path: &Path) -> Result<(), Error> {
        let place = path.display().to_string();
        let mut problems = columns::problems(&self.columns, &format!("{place}: columns"));
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            let what = format!("the span from {from} to {to} is empty");
            problems.push(Problem::new("GLN-109", &place, what, "Let `to` be after `from`"));
        }
        if self.step_s == Some(0) {
            let what = "the step is 0 s, expected at least 1 s";
            problems.push(Problem::new("GLN-109", &place, what, "Write a step such as 300"));
        }
        if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
    }
}
