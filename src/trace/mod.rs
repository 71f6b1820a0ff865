//! Which load did the VMs have? Readers of published traces into one columnar [`UtilisationTrace`].
//!
//! A trace is a dense matrix, one row per VM and one column per sample, kept as the source has it
//! (whole per cent for `PlanetLab`, `f32` fractions otherwise) and widened to `f64` where it is
//! computed with. It is read once and shared read-only by all runs.

mod archive;
mod directory;
mod error;
mod generate;
mod info;
mod layout;
#[cfg(any(feature = "frames", test))]
mod long;
mod parquet;
mod planetlab;
mod sample;
mod source;

pub use archive::write_archive;
pub use error::Error;
pub use generate::{Parameters, generate};
pub use info::{TraceInfo, info};
pub use sample::SAMPLE_SEED;
pub use source::{Order, Selection, days, read};

use crate::time::Span;

/// The CPU utilisation of every VM at equally spaced samples.
#[derive(Debug, Clone, PartialEq)]
pub struct UtilisationTrace {
    /// Name of each VM, in the order in which the trace lists them.
    names: Vec<String>,
    step: Span,
    samples: usize,
    values: Values,
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
        Self { names, step, samples, values }
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

    /// Utilisation of VM `row` at `sample` as a fraction of the VM's capacity.
    pub fn fraction(&self, row: usize, sample: usize) -> f64 {
        let at = row * self.samples + sample;
        match &self.values {
            Values::Percent(values) => PERCENT[usize::from(values[at])],
            Values::Fraction(values) => f64::from(values[at]),
        }
    }

    /// BLAKE3 of names, step and values: the identity of the input in a run's record.
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
        hasher.finalize().to_hex().to_string()
    }
}
