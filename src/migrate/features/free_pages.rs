//! Free pages: what the guest has freed is not sent.
//!
//! ```text
//! N0' = N0 - freed;   before the first byte: offered bytes / speed
//! ```
//!
//! The same for a balloon that is inflated before the move (dynamic self-ballooning) and for hints
//! of free pages. Sources: Hines and Gopalan, VEE 2009 (dynamic self-ballooning); measured: 65 to
//! 74 % fewer bytes after a guest had freed what it had dirtied.

use serde::{Deserialize, Serialize};

use super::{Effective, Range};
use crate::migrate::PAGE;

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FreePages {
    /// Pages that are not zero and that the guest gives back.
    pub freed: f64,
    /// Pages that it gives back, zero ones included.
    pub offered: f64,
    /// Bytes per second at which it gives them back.
    pub speed: f64,
}

impl FreePages {
    pub(super) fn ranges(&self) -> [Range; 3] {
        [
            Range { open: false, ..Range::positive("free-pages.freed", self.freed) },
            Range { open: false, ..Range::positive("free-pages.offered", self.offered) },
            Range::positive("free-pages.speed", self.speed),
        ]
    }

    pub(super) fn apply(&self, effective: &mut Effective) {
        let freed = self.freed.min(effective.nonzero);
        effective.nonzero -= freed;
        effective.before_s += self.offered * PAGE / self.speed;
    }
}
