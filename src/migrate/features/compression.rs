//! Compression: fewer bytes per page, at the speed of the compressor.
//!
//! ```text
//! bytes per page = P / c + header;   B = min(B, pages/s x bytes per page)
//! ```
//!
//! `c`: ratio, by sampling; pages/s: what the compressing threads read. Source: Jin, Deng, Wu, Shi
//! and Pan, CLUSTER 2009 (compression in live migration); measured with zlib, where the compressor
//! was the bottleneck of every migration.

use serde::{Deserialize, Serialize};

use super::{Effective, Range};
use crate::migrate::PAGE;

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Compression {
    /// Bytes in / bytes out, at least 1.
    pub ratio: f64,
    /// Pages per second that all threads together compress.
    pub pages_per_s: f64,
}

impl Compression {
    pub(super) fn ranges(&self) -> [Range; 2] {
        [
            Range { low: 1.0, open: false, ..Range::positive("compression.ratio", self.ratio) },
            Range::positive("compression.pages-per-s", self.pages_per_s),
        ]
    }

    pub(super) fn apply(&self, effective: &mut Effective) {
        effective.page_bytes -= PAGE - PAGE / self.ratio;
        effective.most = effective.most.min(self.pages_per_s * effective.page_bytes);
        effective.cpu_page_s += 1.0 / self.pages_per_s;
    }
}
