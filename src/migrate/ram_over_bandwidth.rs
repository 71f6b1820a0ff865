//! RAM over bandwidth: the memory of the VM is sent once.
//!
//! ```text
//! duration = RAM / bandwidth
//! ```
//!
//! No dirty pages, no downtime: the model of every published consolidation table. Source:
//! Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.5.

use super::MigrationModel;
use crate::units::Bytes;

/// The memory, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RamOverBandwidth;

impl MigrationModel for RamOverBandwidth {
    fn name(&self) -> &str {
        "ram-over-bandwidth"
    }
    fn volume(&self, ram: Bytes) -> Bytes {
        ram
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use crate::units::BytesPerSecond;

    /// 613 MB at 62.5 MB/s: 9.808 s.
    #[test]
    fn a_micro_vm_takes_9_808_seconds_at_half_a_gigabit() {
        let volume = RamOverBandwidth.volume(Bytes::from_mb(613));
        assert_eq!(volume / BytesPerSecond(62.5e6), Span::from_seconds(9.808));
    }
}
