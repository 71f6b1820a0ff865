//! Post-copy: the VM moves at once and its memory follows, on demand and by active push.
//!
//! ```text
//! downtime = c_p            total = s0 + V / (eta_p B) + faults x RTT
//! fault    = RTT + page / B + queue / B
//! faults   = share x pages touched before they arrive
//! ```
//!
//! `c_p`: state of CPU and devices, s; `eta_p`: goodput beside demand requests; `queue`: bytes of
//! background push in front of a demanded page: all that is in the socket on one connection, none
//! with a channel of its own (`preempt`). Every page moves once. Pre-paging around faults leaves at
//! most `share` of the working set to fault over the network. After the stop there is no way back:
//! if either host fails, the VM is lost.
//!
//! The guest-visible downtime is the stop and, while demands queue behind the push, what the guest
//! waits for its first pages: measured as 93 % of the whole transfer. Source: Hines, Deshpande and
//! Gopalan, ACM SIGOPS Oper. Syst. Rev. 43(3), 2009; measured on 16 runs.

use super::prediction::{Timeline, note};
use super::task::Task;
use super::{Answer, Constants, MigrationModel, PAGE, Prediction, StageKind};

/// Move first, copy after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PostCopy {
    /// Whether demanded pages have a channel of their own.
    pub preempt: bool,
    /// Round trip, s.
    pub round_trip_s: f64,
    /// Bytes of push that a demand waits behind.
    pub queue_bytes: f64,
}

impl Default for PostCopy {
    fn default() -> Self {
        Self { preempt: false, round_trip_s: 2e-4, queue_bytes: 2.6e6 }
    }
}

/// What the push of `bytes` costs the guest.
pub(super) struct Push {
    /// Duration, s.
    pub(super) seconds: f64,
    /// Guest work lost in it, s.
    pub(super) waited_s: f64,
}

impl PostCopy {
    /// The push of `bytes` at `rate` to a VM that goes on writing.
    pub(super) fn push(&self, task: &Task, constants: &Constants, bytes: f64, rate: f64) -> Push {
        let copy = bytes / (constants.post_copy_efficiency * rate);
        // Pages arrive evenly: of those touched by time t a fraction t / copy is there already, so
        // that half of them fault in the mean.
        let touched = task.memory.dirty.pages(copy).min(bytes / PAGE);
        let faults = 0.5 * constants.post_copy_fault_share * touched;
        let queue = if self.preempt { 0.0 } else { self.queue_bytes.min(bytes) / rate };
        let fault_s = self.round_trip_s + PAGE / rate + queue;
        let seconds = copy + faults * self.round_trip_s;
        Push { seconds, waited_s: (faults * fault_s).min(seconds) }
    }
}

impl MigrationModel for PostCopy {
    fn name(&self) -> &str {
        "post-copy"
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let effective = task.features.effective(&task.memory, constants);
        let rate = effective.pace(task.channel.paces(constants).0).rate;
        let bytes = effective.volume(constants);
        let push = self.push(task, constants, bytes, rate);
        let downtime = constants.post_copy_downtime_s;
        let scan = effective.zero * constants.zero_page_s;
        let before = constants.setup_s + effective.before_s;
        let speed = 1.0 - push.waited_s / push.seconds;
        note(&mut timeline, StageKind::SetUp, before, 0.0, 1.0);
        note(&mut timeline, StageKind::Stop, downtime, 0.0, 0.0);
        note(&mut timeline, StageKind::Push, push.seconds + scan, bytes, speed);
        let total = before + downtime + push.seconds + scan;
        let simple = Prediction::simple(constants, total, downtime, bytes);
        Ok(Prediction {
            downtime_reported_s: 0.002_f64.min(downtime),
            downtime_guest_s: downtime + constants.first_schedule_s + push.waited_s,
            cpu_source_s: simple.cpu_source_s + scan + effective.nonzero * effective.cpu_page_s,
            lost_s: downtime + push.waited_s,
            ..simple
        })
    }
}
