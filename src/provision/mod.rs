//! What must lie where before a lease can start: disk images, their transfers and their caches.
//!
//! One repository sends disk images to hosts, one transfer after the other ([`Repository`]). A
//! transfer by multicast serves any number of hosts at once, and leases that need the same image
//! may ride along. Hosts may keep images for later leases ([`Cache`]).
//!
//! Source: Sotomayor et al., "Combining Batch Execution and Leasing Using Virtual Machines", HPDC
//! 2008, section 4 (transfers by earliest deadline first, reuse, piggybacking).

mod cache;
mod repository;

pub use cache::{Cache, Holder};
pub use repository::{Repository, Rider, Transfer, TransferId};

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// How leases get their disk images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Preparation {
    /// They are there already: every lease can start at once.
    #[default]
    Unmanaged,
    /// They are sent from the repository.
    ImageTransfer(ImageTransfer),
}

/// How images are sent and kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageTransfer {
    /// Whether one transfer serves all hosts of a lease; otherwise it takes once as long per VM.
    pub multicast: bool,
    /// Whether best-effort leases ride on transfers of the same image that have not started.
    pub piggyback: bool,
    /// Every transfer takes this long, whatever its size.
    #[serde(
        rename = "fixed-time-s",
        with = "crate::time::maybe_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub fixed_time: Option<Span>,
    /// Whether hosts keep images, and if so how many MB of them; 0 or less is without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_mb: Option<i64>,
}

impl Default for ImageTransfer {
    fn default() -> Self {
        Self { multicast: true, piggyback: true, fixed_time: None, cache_mb: None }
    }
}

/// How long `megabytes` take at `bandwidth` Mbit/s, rounded up to a whole second.
pub fn transfer_time(megabytes: i64, bandwidth: f64) -> Span {
    seconds_up(megabytes as f64 * 8.0 / bandwidth)
}

/// `seconds`, rounded up to a whole second.
pub fn seconds_up(seconds: f64) -> Span {
    Span(seconds.ceil() as i64 * 1_000_000)
}
