//! The recent past of every VM: a window of utilisations that can be lent as one slice.
//!
//! History belongs to VMs, so that a host's past can be rebuilt from the VMs now on it and moves
//! with them. A window is as long as the longest that a policy of the run asks for, and at least
//! [`WINDOW`]. Memory per VM is fixed; appending and reading cost no allocation.

use crate::id::{Id, VmId};

/// How many samples a window holds unless a policy asks for more, as in CloudSim.
pub const WINDOW: usize = 30;

/// One window per VM. Each sample is written twice, half a buffer apart, so that the latest samples
/// are always contiguous.
#[derive(Debug, Clone)]
pub struct VmHistories {
    window: usize,
    rings: Vec<f64>,
    /// Where the next sample goes in the first half of the ring, per VM.
    next: Vec<u32>,
    lengths: Vec<u32>,
    /// Samples from the oldest non-zero one of the window to now, per VM.
    since_nonzero: Vec<u32>,
}

impl VmHistories {
    /// Empty windows of [`WINDOW`] samples for `vms` VMs.
    pub fn new(vms: usize) -> Self {
        Self::with_window(vms, WINDOW)
    }

    /// Empty windows of `window` samples, at least [`WINDOW`], for `vms` VMs.
    pub fn with_window(vms: usize, window: usize) -> Self {
        let window = window.max(WINDOW);
        let (next, lengths, since_nonzero) = (vec![0; vms], vec![0; vms], vec![0; vms]);
        Self { window, rings: vec![0.0; vms * 2 * window], next, lengths, since_nonzero }
    }

    /// Appends the utilisation of `vm` at this sample.
    pub fn push(&mut self, vm: VmId, utilisation: f64) {
        let (row, window) = (vm.index(), self.window);
        let slot = self.next[row] as usize;
        let ring = row * 2 * window;
        self.rings[ring + slot] = utilisation;
        self.rings[ring + window + slot] = utilisation;
        self.next[row] = if slot + 1 == window { 0 } else { slot as u32 + 1 };
        let before = self.lengths[row];
        let length = (before + 1).min(window as u32);
        self.lengths[row] = length;
        let zeros = before - self.since_nonzero[row];
        // Those known to be zero have moved by one where the window is full.
        let known = (zeros + length - before).saturating_sub(1);
        let more = self.of(vm)[known as usize..].iter().take_while(|&&u| u == 0.0).count();
        self.since_nonzero[row] = length - known - more as u32;
    }

    /// The window of `vm`, oldest first; shorter while the VM is young.
    #[inline]
    pub fn of(&self, vm: VmId) -> &[f64] {
        let row = vm.index();
        let next = self.next[row] as usize;
        let end = self.window + if next == 0 { self.window } else { next };
        let ring = row * 2 * self.window;
        &self.rings[ring + end - self.lengths[row] as usize..ring + end]
    }

    /// The latest samples of `vm`, at most `count`, oldest first.
    #[inline]
    pub fn latest(&self, vm: VmId, count: usize) -> &[f64] {
        let all = self.of(vm);
        &all[all.len().saturating_sub(count)..]
    }

    /// How many samples the window of `vm` holds.
    pub fn len(&self, vm: VmId) -> usize {
        self.lengths[vm.index()] as usize
    }

    /// Whether `vm` has no past.
    pub fn is_empty(&self, vm: VmId) -> bool {
        self.lengths[vm.index()] == 0
    }

    /// Length of the window of `vm` without the zeros at its oldest end.
    pub fn trimmed_len(&self, vm: VmId) -> usize {
        self.since_nonzero[vm.index()] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_the_latest_samples_oldest_first() {
        for window in [0, WINDOW, WINDOW + 1, 70] {
            let mut histories = VmHistories::with_window(2, window);
            let mut all = Vec::new();
            for k in 0..200 {
                histories.push(VmId(1), f64::from(k));
                all.push(f64::from(k));
                let expected = &all[all.len().saturating_sub(window.max(WINDOW))..];
                assert_eq!(histories.of(VmId(1)), expected);
                assert_eq!(histories.latest(VmId(1), 3), &all[all.len().saturating_sub(3)..]);
            }
            assert!(histories.of(VmId(0)).is_empty());
        }
    }

    /// 400 samples, zero but for short bursts: the trimmed length is that of a fresh count.
    #[test]
    fn trimming_drops_only_the_zeros_at_the_oldest_end() {
        for window in [WINDOW, 41] {
            let mut histories = VmHistories::with_window(1, window);
            let mut all = Vec::new();
            for k in 0..400u32 {
                let u = if k * k % 37 == 3 || k == 2 { 0.5 } else { 0.0 };
                histories.push(VmId(0), u);
                all.push(u);
                let own = &all[all.len().saturating_sub(window)..];
                let expected = own.iter().skip_while(|&&u| u == 0.0).count();
                let found = (histories.len(VmId(0)), histories.trimmed_len(VmId(0)));
                assert_eq!(found, (own.len(), expected), "window {window}, sample {k}");
            }
        }
    }
}
