//! Do VMs of one lease begin in the order that it asks for?

use super::Tenancy;
use super::event::{Deed, Event};
use crate::problem::Problem;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// VMs that begin before one that is to run by then: GLN-696.
pub(super) fn check(tenancy: &Tenancy, events: &[Event]) -> Vec<Problem> {
    let mut begun = vec![false; tenancy.count()];
    let mut findings = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let now = rest.iter().take_while(|event| event.at == first.at).count();
        let (instant, later) = rest.split_at(now);
        for event in instant {
            match event.deed {
                Deed::Start { vm, .. } if vm < begun.len() => begun[vm] = true,
                Deed::Stop { vm, .. } if vm < begun.len() => begun[vm] = false,
                _ => {}
            }
        }
        for event in instant {
            let Deed::Start { vm, .. } = event.deed else { continue };
            let missing = tenancy.before(vm).find(|&other| begun[vm] && !begun[other]);
            if let Some(other) = missing {
                let what = format!("v{vm} begins, and v{other} of its lease is to run before");
                findings.push(Problem::new("GLN-696", event.place(), what, REMEDY));
            }
        }
        rest = later;
    }
    findings
}
