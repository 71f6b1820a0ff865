//! Hybrid: some rounds of pre-copy, then post-copy of what is dirty.
//!
//! ```text
//! total = k rounds + c_p + pending (P + h) / (eta_p B)
//! ```
//!
//! Where the stop rule of pre-copy fires within the `k` rounds, the migration ends as pre-copy.
//! Source: Sahni and Varma, IEEE CCEM 2012 (hybrid of both); measured on 14 runs, of which 8 ended
//! as pre-copy.

use std::sync::Arc;

use super::post_copy::PostCopy;
use super::pre_copy::{Course, End};
use super::prediction::Timeline;
use super::task::Task;
use super::{Answer, Constants, Live, MigrationModel, Prediction, Program, StageKind};

/// Pre-copy for `Task::hybrid_rounds` rounds, then post-copy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hybrid {
    /// The post-copy that follows.
    pub post_copy: PostCopy,
}

impl MigrationModel for Hybrid {
    fn name(&self) -> &str {
        "hybrid"
    }
    fn live(&self, task: &Task, constants: &Arc<Constants>) -> Option<Box<dyn Program>> {
        Some(Box::new(Live::new(task, constants, Some(self.post_copy))))
    }
    fn predict(&self, task: &Task, constants: &Constants, timeline: Timeline<'_>) -> Answer {
        let end = Course::new(task, constants, timeline).run(task.hybrid_rounds.max(1));
        let (mut course, rounds, so_far) = match end {
            End::Done(prediction) => return Ok(prediction),
            End::Cut(course, rounds, so_far) => (course, rounds, so_far),
        };
        let rate = rounds.effective().pace(course.pace()).rate;
        let bytes = rounds.pending().1 * rounds.effective().page_bytes;
        let push = self.post_copy.push(task, constants, bytes, rate);
        let downtime = constants.post_copy_downtime_s;
        let speed = 1.0 - push.waited_s / push.seconds.max(f64::MIN_POSITIVE);
        course.spend(StageKind::Stop, downtime, 0.0, 0.0);
        course.spend(StageKind::Push, push.seconds, bytes, speed);
        let simple = Prediction::simple(constants, course.now, downtime, course.bytes);
        Ok(Prediction {
            downtime_guest_s: downtime + constants.first_schedule_s + push.waited_s,
            rounds: so_far.rounds,
            lost_s: so_far.lost_s + downtime + push.waited_s,
            ..simple
        })
    }
}
