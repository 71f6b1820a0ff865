//! The recent past of every VM: a window of utilisations that can be lent as one slice.
//!
//! History belongs to VMs, so that a host's past can be rebuilt from the VMs now on it and moves
//! with them. Memory per VM is fixed; appending and reading cost no allocation.

use crate::id::{Id, VmId};

/// How many samples a window holds, as in CloudSim.
pub const WINDOW: usize = 30;

/// One window per VM. Each sample is written twice, half a buffer apart, so that the latest
/// [`WINDOW`] samples are always contiguous.
#[derive(Debug, Clone)]
pub struct VmHistories {
    rings: Vec<f64>,
    appended: Vec<u32>,
    /// Samples from the oldest non-zero one of the window to now, per VM.
    since_nonzero: Vec<u8>,
}

impl VmHistories {
    /// Empty windows for `vms` VMs.
    pub fn new(vms: usize) -> Self {
        let rings = vec![0.0; vms * 2 * WINDOW];
        Self { rings, appended: vec![0; vms], since_nonzero: vec![0; vms] }
    }

    /// Appends the utilisation of `vm` at this sample.
    pub fn push(&mut self, vm: VmId, utilisation: f64) {
        let row = vm.index();
        let slot = self.appended[row] as usize % WINDOW;
        let ring = row * 2 * WINDOW;
        self.rings[ring + slot] = utilisation;
        self.rings[ring + WINDOW + slot] = utilisation;
        self.appended[row] += 1;
        let window = self.of(vm);
        let leading_zeros = window.iter().take_while(|&&u| u == 0.0).count();
        self.since_nonzero[row] = (window.len() - leading_zeros) as u8;
    }

    /// The window of `vm`, oldest first; shorter than [`WINDOW`] while the VM is young.
    pub fn of(&self, vm: VmId) -> &[f64] {
        let row = vm.index();
        let appended = self.appended[row] as usize;
        let len = appended.min(WINDOW);
        let end = if appended == 0 { 0 } else { WINDOW + (appended - 1) % WINDOW + 1 };
        let ring = row * 2 * WINDOW;
        &self.rings[ring + end - len..ring + end]
    }

    /// How many samples the window of `vm` holds.
    pub fn len(&self, vm: VmId) -> usize {
        (self.appended[vm.index()] as usize).min(WINDOW)
    }

    /// Whether `vm` has no past.
    pub fn is_empty(&self, vm: VmId) -> bool {
        self.appended[vm.index()] == 0
    }

    /// Length of the window of `vm` without the zeros at its oldest end.
    pub fn trimmed_len(&self, vm: VmId) -> usize {
        usize::from(self.since_nonzero[vm.index()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_the_latest_thirty_samples_oldest_first() {
        let mut histories = VmHistories::new(2);
        let mut all = Vec::new();
        for k in 0..200 {
            histories.push(VmId(1), f64::from(k));
            all.push(f64::from(k));
            let expected = &all[all.len().saturating_sub(WINDOW)..];
            assert_eq!(histories.of(VmId(1)), expected);
        }
        assert!(histories.of(VmId(0)).is_empty());
    }

    #[test]
    fn trimming_drops_only_the_zeros_at_the_oldest_end() {
        let mut histories = VmHistories::new(1);
        for u in [0.0, 0.0, 0.5, 0.0, 0.2, 0.0] {
            histories.push(VmId(0), u);
        }
        assert_eq!((histories.len(VmId(0)), histories.trimmed_len(VmId(0))), (6, 4));
    }
}
