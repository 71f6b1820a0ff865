//! Does any host ever hold more than it has of memory, disk or network?
//!
//! A VM takes all three where it runs and, from the first byte of a copy, where it goes. Under
//! `memory = "at-start-only"` (Q6) only the VMs that start are held against the memory; the others
//! always count. CPU is no such capacity: VMs may ask for more than there is, and what they are
//! given then is judged with their shares. Amounts are added up anew, host by host, as integers.

use crate::id::{HostId, VmId};
use crate::model::Resource;
use crate::problem::Problem;

use super::Evidence;
use super::event::{Deed, Event};
use super::layout::{Guest, Layout};

/// Resources of which there must always be enough.
const RESERVED: [Resource; 3] = [Resource::Ram, Resource::Disk, Resource::Net];

/// Reports each action after which its destination holds too much.
pub(super) fn check(evidence: &Evidence, events: &[Event]) -> Vec<Problem> {
    let mut layout = Layout::empty(evidence);
    let mut findings = Vec::new();
    for event in events {
        let down = event.vm().is_some_and(|vm| layout.down[vm].is_some());
        // An impossible action changes nothing; `history` has reported it.
        let _ = layout.apply(event);
        let (host, starts) = match event.deed {
            Deed::Start { to, .. } => (to, true),
            Deed::Restart { to, .. } if down => (to, true),
            Deed::Depart { to, .. } => (to, false),
            _ => continue,
        };
        let counts = |resource| resource != Resource::Ram || starts || layout.memory_enforced();
        for resource in RESERVED.into_iter().filter(|&resource| counts(resource)) {
            findings.extend(excess(evidence, &layout.guests[host], host, resource, event));
        }
    }
    findings
}

/// That `guests` together take more of `resource` than `host` has.
fn excess(
    evidence: &Evidence,
    guests: &[Guest],
    host: usize,
    resource: Resource,
    event: &Event,
) -> Option<Problem> {
    let has = has(evidence, HostId(host as u32), resource)?;
    let held: u128 = guests.iter().map(|guest| takes(evidence, guest.vm, resource)).sum();
    let unit = if resource == Resource::Net { "B/s" } else { "B" };
    let word = resource.name();
    let what = format!("h{host} holds {held} {unit} of {word}, expected at most {has} {unit}");
    let remedy = format!("Give the host more {word}, or report the placer that chose it");
    (held > has).then(|| Problem::new("GLN-605", event.place(), what, remedy))
}

/// What `host` has of `resource`, if that is limited.
fn has(evidence: &Evidence, host: HostId, resource: Resource) -> Option<u128> {
    let fleet = &evidence.fleet;
    match resource {
        Resource::Ram => Some(fleet.host_ram[host].0.into()),
        Resource::Disk => fleet.host_disk[host].map(|disk| disk.0.into()),
        Resource::Net => fleet.host_net[host].map(|net| net.0 as u128),
        Resource::Cpu => None,
    }
}

fn takes(evidence: &Evidence, vm: usize, resource: Resource) -> u128 {
    let (fleet, vm) = (&evidence.fleet, VmId(vm as u32));
    match resource {
        Resource::Ram => fleet.vm_ram[vm].0.into(),
        Resource::Disk => fleet.vm_disk[vm].0.into(),
        Resource::Net => fleet.vm_net[vm].0 as u128,
        Resource::Cpu => 0,
    }
}
