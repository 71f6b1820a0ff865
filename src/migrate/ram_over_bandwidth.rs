//! RAM over bandwidth: the memory of the VM is sent once.
//!
//! ```text
//! duration = RAM / (share x bandwidth)
//! ```
//!
//! No dirty pages, no downtime: the model of every published consolidation table. Source:
//! Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.5; CloudSim
//! gives a migration half of the bandwidth (`share` 0.5).

use std::sync::Arc;

use super::prediction::{Timeline, note};
use super::program::{Leg, Next, Program};
use super::task::Task;
use super::{Answer, Constants, MigrationModel, PAGE, Prediction, StageKind};
use crate::policy::PolicyError;

/// The memory, once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RamOverBandwidth {
    /// Share of the bandwidth that it gets, in (0, 1].
    pub share: f64,
}

impl Default for RamOverBandwidth {
    fn default() -> Self {
        Self { share: 1.0 }
    }
}

impl RamOverBandwidth {
    /// As in CloudSim: half of the bandwidth.
    pub fn halved() -> Self {
        Self { share: 0.5 }
    }
}

impl MigrationModel for RamOverBandwidth {
    fn name(&self) -> &str {
        if self.share == 1.0 { "ram-over-bandwidth" } else { "ram-over-half-bandwidth" }
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let bytes = task.memory.pages * PAGE;
        let seconds = bytes / (self.share * task.channel.nominal());
        note(&mut timeline, StageKind::Bulk, seconds, bytes, 1.0);
        Ok(Prediction::simple(constants, seconds, 0.0, bytes))
    }
    fn live(&self, task: &Task, _constants: &Arc<Constants>) -> Option<Box<dyn Program>> {
        let (bytes, most) = (task.memory.pages * PAGE, task.channel.nominal());
        Some(Box::new(Whole { bytes, most, share: self.share, sent: false }))
    }
}

/// All of the memory in one leg.
#[derive(Debug)]
struct Whole {
    bytes: f64,
    most: f64,
    share: f64,
    sent: bool,
}

impl Program for Whole {
    fn begin(&self) -> Leg {
        Leg::pause(StageKind::SetUp, 0.0, 1.0)
    }
    fn most(&self) -> f64 {
        self.most
    }
    fn next(&mut self, _seconds: f64, _rate: f64) -> Result<Next, PolicyError> {
        if std::mem::replace(&mut self.sent, true) {
            return Ok(Next::Over);
        }
        let (bytes, efficiency) = (self.bytes, self.share);
        Ok(Next::Leg(Leg { bytes, efficiency, ..Leg::pause(StageKind::Bulk, 0.0, 1.0) }))
    }
    fn stop_anyway(&mut self) -> Leg {
        self.sent = true;
        Leg { bytes: self.bytes, ..Leg::pause(StageKind::Stop, 0.0, 0.0) }
    }
    fn rounds(&self) -> u32 {
        u32::from(self.sent)
    }
    fn pending(&self, _seconds: f64) -> f64 {
        self.bytes / PAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::{Channel, Dirty, Memory};
    use crate::units::{Bytes, BytesPerSecond};

    /// 613 MB at 62.5 MB/s: 9.808 s.
    #[test]
    fn a_micro_vm_takes_9_808_seconds_at_half_a_gigabit() {
        let memory = Memory::of(Bytes::from_mb(613), Bytes::from_mb(613), Dirty::Idle);
        let task = Task::new(memory, Channel::link(BytesPerSecond(62.5e6)));
        let answer = RamOverBandwidth::default().predict(&task, &Constants::default(), None);
        assert!((answer.expect("built in").total_s - 9.808).abs() < 1e-12);
    }
}
