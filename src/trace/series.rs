//! What a reader found before it lies on a grid: per VM the samples in the order of the source.

use super::defect::Defects;
use super::resource::{Resource, Unit, VmSize};

/// The samples of one VM.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    pub(super) name: String,
    /// Per sample its time, microseconds on the clock of the source.
    pub(super) times: Vec<i64>,
    /// Per quantity a value per sample, not a number where there is none; the first quantity is the
    /// CPU, the others are those of [`Observations::others`].
    pub(super) values: Vec<Vec<f64>>,
    pub(super) size: VmSize,
}

impl Series {
    /// A VM without samples, for `quantities` quantities.
    pub(super) fn new(name: impl Into<String>, quantities: usize) -> Self {
        let values = vec![Vec::new(); quantities];
        Self { name: name.into(), times: Vec::new(), values, size: VmSize::default() }
    }

    /// Adds a sample.
    pub(super) fn push(&mut self, time: i64, values: &[f64]) {
        self.times.push(time);
        for (column, &value) in self.values.iter_mut().zip(values) {
            column.push(value);
        }
    }
}

/// All samples of a source.
#[derive(Debug)]
pub(super) struct Observations {
    /// How messages call the source.
    pub(super) place: String,
    /// The quantities beside the CPU.
    pub(super) others: Vec<(Resource, Unit)>,
    /// The VMs in the order of the source.
    pub(super) series: Vec<Series>,
    /// What was odd so far.
    pub(super) defects: Defects,
    /// How the samples become steps.
    pub(super) clock: Clock,
}

/// How time stamps become steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// Time stamp of step 0, microseconds; that of the earliest sample where it is not fixed.
    pub(super) origin: Option<i64>,
    /// Length of a step, microseconds.
    pub(super) step: i64,
    /// Which samples a step has.
    pub(super) sampling: Sampling,
}

/// Which samples belong to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    /// Those nearest to its time stamp: for sources that sample once a step, with jitter.
    Nearest,
    /// Those from its begin to before its end, of which the mean is taken: for irregular sources,
    /// and for steps longer than the source's own.
    Within,
    /// The one or the other, by the median time between two samples of a VM: `Within` if that is
    /// below three quarters of a step.
    BySpacing,
}
