//! De-duplication: of pages that are alike, within a gang of VMs of one image, one is sent.
//!
//! ```text
//! N0' = (1 - s) N0, and s N0 references of a few bytes
//! ```
//!
//! `s`: share of pages that the destination has already, typically 0.1 to 0.3 within one operating
//! system. Source: Deshpande, Wang and Gopalan, HPDC 2011 (live gang migration).

use serde::{Deserialize, Serialize};

use super::{Effective, Range};

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Deduplication {
    /// `s`, share of the pages that need not be sent.
    pub alike: f64,
    /// Bytes of the reference to such a page.
    pub reference_bytes: f64,
}

impl Deduplication {
    pub(super) fn ranges(&self) -> [Range; 2] {
        let reference = Range::positive("deduplication.reference-bytes", self.reference_bytes);
        [Range::fraction("deduplication.alike", self.alike), Range { open: false, ..reference }]
    }

    pub(super) fn apply(&self, effective: &mut Effective) {
        let alike = self.alike * effective.nonzero;
        effective.nonzero -= alike;
        // References are as cheap as zero pages; they are counted in pages of that size.
        effective.nonzero += alike * self.reference_bytes / effective.page_bytes;
    }
}
