//! Series of many VMs side by side: what a global model learns from and what forecasts are tried
//! on.
//!
//! A panel ends where its part of the trace ends, so that nothing later can be read from it; it
//! begins early enough that forecasts have a past.

use super::error::Error;

/// Utilisations of several VMs, VM-major, and from which sample on forecasts are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    vms: usize,
    samples: usize,
    values: Vec<f32>,
    first_origin: usize,
}

impl Panel {
    /// A panel of `vms` series from VM-major `values`; a missing value is not a number.
    ///
    /// # Errors
    /// `GLN-164` where there is no VM, no sample, or not the same number for each.
    pub fn new(vms: usize, values: Vec<f32>) -> Result<Self, Error> {
        if vms == 0 || values.is_empty() || !values.len().is_multiple_of(vms) {
            let what = format!("{} values of {vms} VMs make no series", values.len());
            return Err(Error::one("GLN-164", "panel", what, "Give at least one whole series"));
        }
        Ok(Self { vms, samples: values.len() / vms, values, first_origin: 0 })
    }

    /// The same, with forecasts made at sample `first` and later only.
    pub fn with_first_origin(self, first: usize) -> Self {
        Self { first_origin: first, ..self }
    }

    /// How many VMs.
    pub fn vms(&self) -> usize {
        self.vms
    }
    /// Samples per VM.
    pub fn samples(&self) -> usize {
        self.samples
    }
    /// From which sample on forecasts are made.
    pub fn first_origin(&self) -> usize {
        self.first_origin
    }
    /// The series of VM `row`.
    pub fn series(&self, row: usize) -> &[f32] {
        &self.values[row * self.samples..][..self.samples]
    }
    /// Sample `at` of every VM, into `column`.
    pub fn column(&self, at: usize, column: &mut Vec<f32>) {
        column.clear();
        column.extend((0..self.vms).map(|row| self.values[row * self.samples + at]));
    }
    /// The panel of the first `samples` samples.
    pub fn until(&self, samples: usize) -> Self {
        let samples = samples.min(self.samples);
        let values = (0..self.vms).flat_map(|row| self.series(row)[..samples].to_vec()).collect();
        Self { samples, values, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_gives_series_and_columns() {
        let panel = Panel::new(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let mut column = Vec::new();
        panel.column(1, &mut column);
        assert_eq!((panel.series(1), column), (&[4.0, 5.0, 6.0][..], vec![2.0, 5.0]));
        assert_eq!(panel.until(2).series(1), [4.0, 5.0]);
        assert!(Panel::new(2, vec![1.0; 3]).is_err() && Panel::new(0, vec![]).is_err());
    }
}
