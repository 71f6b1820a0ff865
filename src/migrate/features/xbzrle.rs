//! XBZRLE: a page that is sent again goes as the difference to what was sent before.
//!
//! ```text
//! hit = min(1, cache / W) x min(1, pages sent again so far / W)
//! bytes per page = hit (header + e) + (1 - hit) (P + header)
//! ```
//!
//! `W`: working set, pages; `cache`: pages that the source keeps; `e`: bytes changed per page. The
//! first pass fills nothing; a page has to be sent again once before its difference can go. Source:
//! Svärd, Hudzia, Tordsson and Elmroth, VEE 2011 (delta compression); QEMU 7.2 for what is cached.

use serde::{Deserialize, Serialize};

use super::Range;
use crate::migrate::PAGE;

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Xbzrle {
    /// Pages that fit in the cache.
    pub cache: f64,
    /// Bytes of an encoded page.
    pub encoded_bytes: f64,
}

impl Xbzrle {
    pub(super) fn ranges(&self) -> [Range; 2] {
        [
            Range::positive("xbzrle.cache", self.cache),
            Range { high: PAGE, ..Range::positive("xbzrle.encoded-bytes", self.encoded_bytes) },
        ]
    }

    /// Bytes of a page that is sent again after `again` pages were.
    pub fn page_bytes(&self, whole: f64, header: f64, working_set: f64, again: f64) -> f64 {
        if working_set <= 0.0 {
            return whole;
        }
        let hit = (self.cache / working_set).min(1.0) * (again / working_set).min(1.0);
        hit * (header + self.encoded_bytes).min(whole) + (1.0 - hit) * whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W = 100: nothing is cached at first; half a working set sent again and a cache of half
    /// give a quarter of hits: 0.25 (8 + 12) + 0.75 x 4104.
    #[test]
    fn pages_hit_once_they_were_sent_again() {
        let xbzrle = Xbzrle { cache: 50.0, encoded_bytes: 12.0 };
        assert_eq!(xbzrle.page_bytes(4104.0, 8.0, 100.0, 0.0), 4104.0);
        assert_eq!(xbzrle.page_bytes(4104.0, 8.0, 100.0, 50.0), 0.25 * 20.0 + 0.75 * 4104.0);
    }
}
