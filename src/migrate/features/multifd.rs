//! Multifd: several connections, so that one of them is not the bottleneck.
//!
//! ```text
//! B = min(link, channels x speed of a channel)
//! ```
//!
//! Same pages, another header: packets of up to 128 pages with one header each, measured as 28
//! bytes a page since packets go out before they are full. Pages queued for a channel no longer
//! count as remaining, so that the stop comes earlier by what the queues hold: a packet and a
//! socket's buffer per channel. Source: QEMU 7.2, `multifd-channels`.

use serde::{Deserialize, Serialize};

use super::{Effective, Range};
use crate::migrate::PAGE;

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Multifd {
    /// Connections, at least 1.
    pub channels: f64,
    /// Bytes per second that one of them can carry.
    pub channel_rate: f64,
    /// Bytes sent beside a page.
    pub header_bytes: f64,
    /// Pages that one channel's queue holds.
    pub queue: f64,
}

impl Default for Multifd {
    fn default() -> Self {
        Self { channels: 2.0, channel_rate: 1e9, header_bytes: 28.0, queue: 420.0 }
    }
}

impl Multifd {
    pub(super) fn ranges(&self) -> [Range; 4] {
        [
            Range { low: 1.0, open: false, ..Range::positive("multifd.channels", self.channels) },
            Range::positive("multifd.channel-rate", self.channel_rate),
            Range { open: false, ..Range::positive("multifd.header-bytes", self.header_bytes) },
            Range { open: false, ..Range::positive("multifd.queue", self.queue) },
        ]
    }

    pub(super) fn apply(&self, effective: &mut Effective) {
        effective.page_bytes = PAGE + self.header_bytes;
        effective.in_flight = self.channels * self.queue;
        effective.most = effective.most.min(self.channels * self.channel_rate);
    }
}
