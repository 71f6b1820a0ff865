//! Curves below the hosts: CPU in use, and how many leases wait.

use std::fmt::Write;

use super::scale::Scale;
use crate::frames::FoundLeases;
use crate::model::lease::CPU;
use crate::model::lease_record::{LeaseState, Use};
use crate::time::Instant;

/// A step function: values from each instant on.
pub(super) type Steps = Vec<(Instant, f64)>;

/// Sums up changes.
fn steps(mut changes: Vec<(Instant, f64)>) -> Steps {
    changes.sort_by_key(|change| change.0);
    let mut steps: Steps = Vec::new();
    let mut now = 0.0;
    for (at, change) in changes {
        now += change;
        match steps.last_mut() {
            Some(last) if last.0 == at => last.1 = now,
            _ => steps.push((at, now)),
        }
    }
    steps
}

/// Share of the site's CPU on which VMs run.
pub(super) fn utilisation(found: &FoundLeases) -> Steps {
    let total: i64 = found.site.hosts.iter().map(|host| host[CPU]).sum();
    let runs = found.stretches.iter().filter(|stretch| stretch.purpose == Use::Run);
    let changes = runs.flat_map(|stretch| {
        let cpu: i64 = stretch.hosts.iter().map(|(_, amounts)| amounts[CPU]).sum();
        let share = cpu as f64 / total.max(1) as f64;
        [(stretch.start, share), (stretch.end, -share)]
    });
    steps(changes.collect())
}

/// How many leases wait in the queue.
pub(super) fn queue(found: &FoundLeases) -> Steps {
    let waits = |state| matches!(state, LeaseState::Queued | LeaseState::SuspendedQueued);
    let mut changes = Vec::new();
    for outcome in &found.outcomes {
        let mut before = false;
        for &(at, state) in &outcome.history {
            let now = waits(state);
            if now != before {
                changes.push((at, if now { 1.0 } else { -1.0 }));
            }
            before = now;
        }
    }
    steps(changes)
}

/// Draws `steps` as an area from `top` on, with its greatest value beside it.
pub(super) fn draw(
    (name, unit): (&str, impl Fn(f64) -> String),
    steps: &Steps,
    most: f64,
    (scale, top, height): (Scale, f64, f64),
    svg: &mut String,
) {
    let bottom = top + height;
    let mut path = format!("M{:.1} {bottom:.1}", scale.left);
    let mut last = bottom;
    for &(at, value) in steps {
        let (x, y) = (scale.x(at), bottom - height * (value / most.max(1e-9)).clamp(0.0, 1.0));
        write!(path, "V{last:.1}H{x:.1}V{y:.1}").expect("a string");
        last = y;
    }
    write!(path, "H{:.1}V{bottom:.1}Z", scale.left + scale.width).expect("a string");
    let label = scale.left - 6.0;
    write!(
        svg,
        "<path class='band' d='{path}'/><path class='axis' d='M{:.1} {top:.1}V{bottom:.1}h{:.1}'/>\
         <text x='{label:.1}' y='{:.1}' text-anchor='end'>{}</text>\
         <text x='{label:.1}' y='{:.1}' text-anchor='end'>{name}</text>",
        scale.left,
        scale.width,
        top + 9.0,
        unit(most),
        top + height / 2.0 + 6.0,
    )
    .expect("a string");
}
