//! Stop and copy: the VM is stopped first, so nothing is dirtied and everything is sent once.
//!
//! ```text
//! downtime = s0 + V / B + c_d        V = N0 (P + h) + Z0 hz
//! ```
//!
//! `s0`: set-up, `c_d`: constant downtime, s. Also called cold or non-live migration. Source: Clark
//! et al., NSDI 2005, sect. 2 (pure stop-and-copy); measured on 8 runs (bytes to 0.0 %).

use super::prediction::{Timeline, note};
use super::task::Task;
use super::{Answer, Constants, MigrationModel, Prediction, StageKind};

/// Everything while stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StopAndCopy;

impl MigrationModel for StopAndCopy {
    fn name(&self) -> &str {
        "stop-and-copy"
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let effective = task.features.effective(&task.memory, constants);
        let rate = effective.pace(task.channel.paces(constants).0).rate;
        let bytes = effective.volume(constants);
        let scan = effective.zero * constants.zero_page_s;
        let copy = bytes / rate + scan;
        let total = constants.setup_s + effective.before_s + copy;
        let downtime = total - effective.before_s + constants.downtime_s;
        note(&mut timeline, StageKind::SetUp, effective.before_s, 0.0, 1.0);
        note(&mut timeline, StageKind::Stop, downtime, bytes, 0.0);
        let simple = Prediction::simple(constants, total, downtime, bytes);
        Ok(Prediction {
            downtime_reported_s: (copy - constants.backlog_bytes / rate).max(0.0),
            downtime_guest_s: downtime + constants.first_schedule_s,
            cpu_source_s: simple.cpu_source_s + scan + effective.nonzero * effective.cpu_page_s,
            ..simple
        })
    }
}
