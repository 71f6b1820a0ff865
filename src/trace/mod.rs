//! Which load did the VMs have? Readers of published traces into one columnar [`UtilisationTrace`].
//!
//! A trace is a dense matrix, one row per VM and one column per sample, kept as the source has it
//! (whole per cent for `PlanetLab`, `f32` fractions otherwise) and widened to `f64` where it is
//! computed with. It is read once and shared read-only by all runs.
//!
//! ```text
//! source      which form is it?         archive, directory, members, tables, parquet: its parts
//! table       text by columns           bitbrains, azure, alibaba, google, long_csv, wide: whose
//! series      samples at any time  ->   grid: steps  ->  repair: gaps, excess  ->  a trace
//! catalogue   which are published  ->   fetch: from the publisher
//! generate    by published statistics   twin: in the likeness of a trace; fitness: how close
//! ```

mod alibaba;
mod archive;
mod archive_writer;
mod azure;
mod bitbrains;
mod catalogue;
mod columns;
mod defect;
mod delimited;
mod directory;
mod error;
mod faults;
#[cfg(feature = "cli")]
mod fetch;
mod fitness;
mod generate;
mod google;
mod grid;
mod info;
mod layout;
#[cfg(any(feature = "frames", test))]
mod long;
mod long_csv;
mod members;
mod offset;
mod parquet;
mod planetlab;
mod repair;
mod resource;
mod sample;
mod selection;
mod series;
mod source;
mod table;
mod tables;
mod twin;
mod wide;
mod zip;

pub use archive_writer::write_archive;
pub use catalogue::{Entry, Parcel, catalogue, entry};
pub use columns::{ColumnName, Columns};
pub use defect::{Defect, Finding};
pub use error::Error;
#[cfg(feature = "cli")]
pub use fetch::{FetchOptions, FetchProgress, Fetched, cache_folder, fetch};
pub use fitness::{Comparison, Fitness, fitness};
pub use generate::{Parameters, generate};
pub use info::{ResourceInfo, SizeInfo, TraceInfo, info};
pub use offset::Offset;
#[cfg(feature = "frames")]
pub use parquet::write_parquet;
pub use resource::{AllWord, Metric, Readings, Resource, Resources, Unit, VmSize};
pub use sample::SAMPLE_SEED;
pub use selection::{Excess, Format, Gaps, Group, Order, Selection};
pub use source::{days, read};
pub use twin::twin;

pub(crate) use columns::problems as column_problems;

use std::sync::Arc;

use crate::time::Span;

/// The CPU utilisation of every VM at equally spaced samples, and what else the source told.
#[derive(Debug, Clone)]
pub struct UtilisationTrace {
    /// Name of each VM, in the order in which the trace lists them.
    names: Vec<String>,
    step: Span,
    samples: usize,
    values: Values,
    metrics: Arc<[Metric]>,
    sizes: Option<Arc<[VmSize]>>,
    defects: Arc<[Finding]>,
}

/// VM-major samples in the resolution of their source.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Whole per cent of the VM's capacity, `0..=100`.
    Percent(Vec<u8>),
    /// Fractions of the VM's capacity, `0.0..=1.0`.
    Fraction(Vec<f32>),
}

/// `i / 100` for every `u8`: a run asks for two of them per VM and sample.
const PERCENT: [f64; 256] = {
    let mut fractions = [0.0; 256];
    let mut i = 0;
    while i < 256 {
        fractions[i] = i as f64 / 100.0;
        i += 1;
    }
    fractions
};

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Percent(values) => values.len(),
            Self::Fraction(values) => values.len(),
        }
    }
}

impl UtilisationTrace {
    /// A trace of `names.len()` VMs from VM-major `values`.
    ///
    /// Panics when `values` does not hold the same whole number of samples for each VM: readers
    /// check their input before they call this.
    pub fn new(names: Vec<String>, step: Span, values: Values) -> Self {
        assert!(!names.is_empty(), "a trace has at least one VM");
        assert_eq!(values.len() % names.len(), 0, "every VM has the same number of samples");
        let samples = values.len() / names.len();
        let (metrics, defects) = (Arc::from([]), Arc::from([]));
        Self { names, step, samples, values, metrics, sizes: None, defects }
    }

    /// The same with quantities beside the CPU.
    ///
    /// Panics when one of them has not a value per VM and sample.
    pub fn with_metrics(self, metrics: Vec<Metric>) -> Self {
        let cells = self.values.len();
        let whole = metrics.iter().all(|metric| metric.values.len() == cells);
        assert!(whole, "every quantity has a value per VM and sample");
        Self { metrics: metrics.into(), ..self }
    }

    /// The same with the VMs' sizes; left out where none is known.
    ///
    /// Panics when there is not one per VM.
    pub fn with_sizes(self, sizes: Vec<VmSize>) -> Self {
        assert_eq!(sizes.len(), self.vms(), "every VM has a size");
        let known = sizes.iter().any(|size| !size.is_unknown());
        Self { sizes: known.then(|| sizes.into()), ..self }
    }

    /// The same with what was odd in its source.
    pub(crate) fn with_defects(self, defects: Vec<Finding>) -> Self {
        Self { defects: defects.into(), ..self }
    }

    /// Samples `first` to before `last` of every VM.
    ///
    /// Panics unless `first < last <= samples`.
    pub fn between(&self, first: usize, last: usize) -> Self {
        assert!(first < last && last <= self.samples, "a span lies within the trace");
        let width = self.samples;
        let values = match &self.values {
            Values::Percent(all) => Values::Percent(resource::window(all, width, first, last)),
            Values::Fraction(all) => Values::Fraction(resource::window(all, width, first, last)),
        };
        let cut = |metric: &Metric| Metric {
            values: metric.values.window(width, first, last),
            ..metric.clone()
        };
        Self {
            samples: last - first,
            values,
            metrics: self.metrics.iter().map(cut).collect(),
            ..self.clone()
        }
    }

    /// How many VMs.
    pub fn vms(&self) -> usize {
        self.names.len()
    }
    /// How many samples each VM has.
    pub fn samples(&self) -> usize {
        self.samples
    }
    /// Time between two samples.
    pub fn step(&self) -> Span {
        self.step
    }
    /// The name of VM `row`.
    pub fn name(&self, row: usize) -> &str {
        &self.names[row]
    }
    /// The stored values, VM-major.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The quantities beside the CPU that were read, by [`Resource`].
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }
    /// The quantity `resource`, if it was read.
    pub fn metric(&self, resource: Resource) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.resource == resource)
    }
    /// What each VM has, if the source tells.
    pub fn sizes(&self) -> Option<&[VmSize]> {
        self.sizes.as_deref()
    }
    /// What was odd in the source and what was done about it.
    pub fn defects(&self) -> &[Finding] {
        &self.defects
    }

    /// Utilisation of VM `row` at `sample` as a fraction of the VM's capacity.
    pub fn fraction(&self, row: usize, sample: usize) -> f64 {
        let at = row * self.samples + sample;
        match &self.values {
            Values::Percent(values) => PERCENT[usize::from(values[at])],
            Values::Fraction(values) => f64::from(values[at]),
        }
    }

    /// BLAKE3 of names, step and values: the identity of the input in a run's record. Quantities
    /// beside the CPU belong to it where they were read.
    pub fn blake3(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.step.0.to_le_bytes());
        for name in &self.names {
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        }
        match &self.values {
            Values::Percent(values) => hasher.update(b"u8").update(values),
            Values::Fraction(values) => {
                hasher.update(b"f32");
                values.iter().fold(&mut hasher, |h, v| h.update(&v.to_le_bytes()))
            }
        };
        for metric in self.metrics.iter() {
            hasher.update(metric.resource.name().as_bytes());
            hasher.update(metric.unit.symbol().as_bytes());
            metric.values.hash(&mut hasher);
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl PartialEq for UtilisationTrace {
    /// Whether both hold the same, bit by bit; what was odd in the sources does not matter.
    fn eq(&self, other: &Self) -> bool {
        let values = match (&self.values, &other.values) {
            (Values::Percent(mine), Values::Percent(theirs)) => mine == theirs,
            (Values::Fraction(mine), Values::Fraction(theirs)) => {
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                bits(mine) == bits(theirs)
            }
            _ => false,
        };
        let sized = self.sizes == other.sizes && self.metrics == other.metrics;
        values && sized && self.step == other.step && self.names == other.names
    }
}
