//! What failed, and what became of the VMs there.

use crate::id::{HostId, VmId};
use crate::time::Instant;

/// One row of `link_outages`: a link between sites that was out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkOutageRecord {
    /// The link, by its number in the links of `[sites]`.
    pub link: u32,
    /// When it failed.
    pub start: Instant,
    /// When it was repaired.
    pub end: Option<Instant>,
}

/// What of a topology fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkPart {
    /// A switch.
    Switch,
    /// A cable, both ways.
    Cable,
}

impl NetworkPart {
    /// Its word in tables and figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Cable => "cable",
        }
    }
}

/// One row of `network_outages`: a switch or a cable that was out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkOutageRecord {
    /// Which of both.
    pub part: NetworkPart,
    /// Its number in the topology.
    pub number: u32,
    /// When it failed.
    pub start: Instant,
    /// When it was repaired.
    pub end: Option<Instant>,
}

/// One row of `cut_offs`: a host that reached the others no longer, by the time when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOffRecord {
    /// The host.
    pub host: HostId,
    /// From when on.
    pub start: Instant,
    /// Until when; `None` where that is the end.
    pub end: Option<Instant>,
}

/// One row of `outages`: a host that failed, in the order in which they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutageRecord {
    /// The host.
    pub host: HostId,
    /// When it failed.
    pub start: Instant,
    /// When it was repaired; `None` where it was not before the end.
    pub end: Option<Instant>,
}

/// One row of `restarts`: a VM whose host failed, in the order in which they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartRecord {
    /// The VM.
    pub vm: VmId,
    /// Its priority; 0 is not protected.
    pub priority: u32,
    /// The host that failed.
    pub from: HostId,
    /// When it failed.
    pub failed: Instant,
    /// From when on a host was looked for: when the failure was noticed, or that of the host chosen
    /// first.
    pub ready: Instant,
    /// The host that was chosen last.
    pub to: Option<HostId>,
    /// When it was chosen.
    pub placed: Option<Instant>,
    /// When the VM ran again.
    pub up: Option<Instant>,
    /// When its lease ended, where that was first.
    pub gone: Option<Instant>,
}

impl RestartRecord {
    /// Until when the VM was down, in a run that ended at `end`.
    pub fn until(&self, end: Instant) -> Instant {
        self.up.or(self.gone).unwrap_or(end)
    }
}
