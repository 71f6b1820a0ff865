//! Does any host ever hold more memory than it has?
//!
//! A VM takes its memory where it runs and, from the first byte of a copy, where it goes. Under
//! `memory = "at-start-only"` (Q6) only the VMs that start are held against it.

use crate::id::HostId;
use crate::problem::Problem;

use super::Evidence;
use super::event::{Deed, Event};
use super::layout::Layout;

/// Reports each action after which its destination holds too much.
pub(super) fn check(evidence: &Evidence, events: &[Event]) -> Vec<Problem> {
    let mut layout = Layout::empty(evidence);
    let mut findings = Vec::new();
    for event in events {
        // An impossible action changes nothing; `history` has reported it.
        let _ = layout.apply(event);
        let host = match event.deed {
            Deed::Start { to, .. } => to,
            Deed::Depart { to, .. } if layout.memory_enforced() => to,
            _ => continue,
        };
        let held: u64 = layout.guests[host].iter().map(|g| ram(evidence, g.vm)).sum();
        let has = evidence.fleet.host_ram.as_slice()[host].0;
        if held > has {
            let what = format!("{} holds {held} B, expected at most {has} B", HostId(host as u32));
            let remedy = "Give the host more memory, or report the placer that chose it";
            findings.push(Problem::new("GLN-605", event.place(), what, remedy));
        }
    }
    findings
}

fn ram(evidence: &Evidence, vm: usize) -> u64 {
    evidence.fleet.vm_ram.as_slice()[vm].0
}
