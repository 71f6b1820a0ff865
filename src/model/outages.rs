//! Which hosts fail, for how long, and what is done for their VMs (`[outages]`).
//!
//! ```text
//! P(up longer than t) = exp(-(t / s)^k)      mtbf = s Gamma(1 + 1 / k)
//! ```
//!
//! `k`: shape of Weibull's distribution, 1 for failures that do not depend on age; `s`: its scale.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::sites::Sites;
use crate::id::VmId;

/// Outages of hosts and racks, and restarts of their VMs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Outages {
    /// File of outages; its rows take the place of `list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Outages that happen for certain, in order of their start.
    pub list: Vec<Outage>,
    /// How each host fails by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Hazard>,
    /// How each rack fails, with all of its hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack: Option<Hazard>,
    /// How each site fails, with all of its hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<Hazard>,
    /// How each link between sites fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Hazard>,
    /// How each switch of the topology fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch: Option<Hazard>,
    /// How each cable of the topology fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cable: Option<Hazard>,
    /// Hosts of a rack: rack `r` is hosts `r n` to `r n + n - 1`; 0 where there are no racks.
    pub rack_hosts: usize,
    /// Seconds until a failure is noticed.
    pub detect_s: f64,
    /// Seconds that a VM takes to boot on a host that is on.
    pub boot_s: f64,
    /// Who is restarted first: the higher, the sooner; 0 is not protected.
    pub priority: Priority,
    /// Hosts that may fail at once so that all protected VMs can be restarted at once.
    pub headroom: usize,
}

impl Default for Outages {
    fn default() -> Self {
        Self {
            file: None,
            list: Vec::new(),
            host: None,
            rack: None,
            site: None,
            link: None,
            switch: None,
            cable: None,
            rack_hosts: 0,
            detect_s: 30.0,
            boot_s: 60.0,
            priority: Priority::default(),
            headroom: 0,
        }
    }
}

/// An outage that happens for certain, of a host, a rack, a site, a link between sites, a switch or
/// a cable.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Outage {
    /// When it begins, seconds from the start of the run.
    pub start_s: f64,
    /// When the hosts are repaired.
    pub end_s: f64,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u32>,
    /// The rack, in place of a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<u32>,
    /// The site, by its number in the list of `[sites]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<u32>,
    /// The link, by its number in the links of `[sites]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<u32>,
    /// The switch, by its number in the topology.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<u32>,
    /// The cable, by its number in the topology.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cable: Option<u32>,
    /// Seconds before its start from which on it is known: maintenance. The VMs leave, and none
    /// comes.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub notice_s: f64,
}

fn is_nothing(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// How something fails at random, and is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hazard {
    /// Mean hours from a repair to the next failure.
    pub mtbf_h: f64,
    /// Weibull's shape of that time.
    #[serde(default = "one")]
    pub shape: f64,
    /// Mean hours from a failure to its repair.
    pub mttr_h: f64,
    /// How that time is distributed.
    #[serde(default)]
    pub repair: Repair,
}

fn one() -> f64 {
    1.0
}

/// How the time of a repair is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// Exponentially.
    #[default]
    Exponential,
    /// Log-normally, with a standard deviation of 1 of its logarithm.
    Lognormal,
    /// It is always the mean.
    Fixed,
}

/// Who is restarted first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number, or a list with one for each VM type of [fleet]"
)]
pub enum Priority {
    /// All alike.
    All(u32),
    /// One for each type of `fleet.vms`.
    ByType(Vec<u32>),
}

impl Default for Priority {
    fn default() -> Self {
        Self::All(1)
    }
}

impl Outages {
    /// Priority of VM `vm` of `vms`, whose types follow each other in equal blocks.
    pub fn priority_of(&self, vm: VmId, vms: usize) -> u32 {
        match &self.priority {
            Priority::All(priority) => *priority,
            Priority::ByType(all) => {
                let block = vms.div_ceil(all.len().max(1)).max(1);
                all.get(vm.0 as usize / block).copied().unwrap_or(0)
            }
        }
    }

    /// Whether switches or cables fail.
    pub fn hits_network(&self) -> bool {
        let listed = self.list.iter().any(|outage| outage.switch.or(outage.cable).is_some());
        listed || self.switch.is_some() || self.cable.is_some()
    }

    /// Racks of `hosts` hosts; the last may be smaller.
    pub fn racks(&self, hosts: usize) -> usize {
        if self.rack_hosts == 0 { 0 } else { hosts.div_ceil(self.rack_hosts) }
    }

    /// The hosts of rack `rack`, of `hosts` in all.
    pub fn rack(&self, rack: usize, hosts: usize) -> std::ops::Range<usize> {
        let first = rack.saturating_mul(self.rack_hosts).min(hosts);
        first..first.saturating_add(self.rack_hosts).min(hosts)
    }
}

impl Outage {
    /// Whether it is known before it begins, which one from the start on cannot be.
    pub fn is_announced(&self) -> bool {
        self.notice_s > 0.0 && self.start_s > 0.0
    }

    /// The hosts that it hits, of `hosts` in all.
    pub fn hits(&self, outages: &Outages, sites: Option<&Sites>, hosts: usize) -> Vec<usize> {
        let site = self.site.zip(sites);
        let site = site.and_then(|(site, sites)| sites.list.get(site as usize));
        match (self.host, self.rack, site) {
            (Some(host), ..) => (host as usize..(host as usize + 1).min(hosts)).collect(),
            (None, Some(rack), _) => outages.rack(rack as usize, hosts).collect(),
            (None, None, Some(site)) => site.hosts.below(hosts).collect(),
            (None, None, None) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn racks_are_blocks_of_hosts_and_the_last_may_be_smaller() {
        let outages = Outages { rack_hosts: 4, ..Outages::default() };
        assert_eq!((outages.racks(10), outages.rack(2, 10)), (3, 8..10));
        let rack = Outage { end_s: 1.0, rack: Some(1), ..Outage::default() };
        assert_eq!(rack.hits(&outages, None, 10), [4, 5, 6, 7]);
        assert_eq!(Outages::default().racks(10), 0);
    }

    #[test]
    fn priorities_follow_the_types_in_equal_blocks() {
        let priority = Priority::ByType(vec![2, 0]);
        let outages = Outages { priority, ..Outages::default() };
        let all: Vec<u32> = (0..4).map(|vm| outages.priority_of(VmId(vm), 4)).collect();
        assert_eq!(all, [2, 2, 0, 0]);
    }
}
