//! Encryption: a few more bytes, at the speed of the cipher.
//!
//! ```text
//! bytes = bytes (1 + overhead);   B = min(B, speed)
//! ```
//!
//! A TLS record of 16 KiB carries about 30 bytes beside its contents (overhead 0.0018); one core
//! with AES instructions encrypts about 1 to 2 GB/s, without them about 0.1. Source: RFC 8446,
//! sect. 5 (sizes of records).

use serde::{Deserialize, Serialize};

use super::{Effective, Range};

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Encryption {
    /// Bytes per second.
    pub speed: f64,
    /// Bytes added per byte.
    pub overhead: f64,
}

impl Default for Encryption {
    fn default() -> Self {
        Self { speed: 1e9, overhead: 0.0018 }
    }
}

impl Encryption {
    pub(super) fn ranges(&self) -> [Range; 2] {
        let overhead = Range::positive("encryption.overhead", self.overhead);
        [Range::positive("encryption.speed", self.speed), Range { open: false, ..overhead }]
    }

    pub(super) fn apply(&self, effective: &mut Effective) {
        effective.page_bytes *= 1.0 + self.overhead;
        effective.most = effective.most.min(self.speed);
        effective.cpu_page_s += effective.page_bytes / self.speed;
    }
}
