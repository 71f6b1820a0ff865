//! Used memory over bandwidth: what is not zero is sent once, zero pages in a few bytes.
//!
//! ```text
//! duration = (N0 P + Z0 hz) / B
//! ```
//!
//! `N0`, `Z0`: pages that are not, or are, zero; `hz`: bytes of a zero page. The honest opponent of
//! the models with dirty pages. Source: DSLab IaaS divides memory in use by the throughput.

use super::prediction::Timeline;
use super::task::Task;
use super::{Answer, Constants, MigrationModel, PAGE, Prediction, StageKind, prediction::note};

/// Used memory, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsedOverBandwidth;

impl MigrationModel for UsedOverBandwidth {
    fn name(&self) -> &str {
        "used-over-bandwidth"
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let zero = (task.memory.pages - task.memory.nonzero) * constants.zero_page_bytes;
        let bytes = task.memory.nonzero * PAGE + zero;
        let seconds = bytes / task.channel.nominal();
        note(&mut timeline, StageKind::Bulk, seconds, bytes, 1.0);
        Ok(Prediction::simple(constants, seconds, 0.0, bytes))
    }
}
