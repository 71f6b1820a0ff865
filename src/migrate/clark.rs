//! Clark: rounds that shrink by dirtying rate over bandwidth, until little is left.
//!
//! ```text
//! V_0 = memory;  T_i = V_i / B;  V_(i+1) = min(W, r T_i) P
//! stop and copy when V_(i+1) <= 50 pages, after 29 rounds, or when 3 x memory has been sent
//! ```
//!
//! `r`: pages per second, constant; `W`: working set, which the constant-rate form leaves out and
//! without which it explodes where `r P` exceeds `B`. A migration that is stopped by force, not by
//! the 50 pages, has a long downtime; it always ends. Source: Clark et al., NSDI 2005, sect. 3 and
//! 5 (writable working set), and the stop rules of Xen's migration of that paper.

use super::prediction::{Timeline, note};
use super::task::Task;
use super::{Answer, Constants, MigrationModel, PAGE, Prediction, StageKind};

const FEW_PAGES: f64 = 50.0;
const MOST_ROUNDS: u32 = 29;
const MOST_TIMES: f64 = 3.0;

/// Constant-rate pre-copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clark {
    name: &'static str,
    /// Whether zero pages are sent like others.
    whole_ram: bool,
    /// Whether a round dirties at most the working set.
    capped: bool,
}

impl Clark {
    /// Constant rate, used memory.
    pub fn used() -> Self {
        Self { name: "clark", whole_ram: false, capped: false }
    }
    /// Constant rate, all memory.
    pub fn ram() -> Self {
        Self { name: "clark-ram", whole_ram: true, capped: false }
    }
    /// Used memory, rounds capped by the working set.
    pub fn capped() -> Self {
        Self { name: "clark-capped", whole_ram: false, capped: true }
    }
}

impl MigrationModel for Clark {
    fn name(&self) -> &str {
        self.name
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let bandwidth = task.channel.nominal();
        let memory = if self.whole_ram { task.memory.pages } else { task.memory.nonzero };
        let zero = (task.memory.pages - memory) * constants.zero_page_bytes;
        let rate = task.memory.dirty.rate();
        let most = if self.capped { task.memory.dirty.working_set() } else { f64::INFINITY };
        let (mut pages, mut sent, mut total, mut rounds) = (memory, 0.0, zero / bandwidth, 0);
        loop {
            let seconds = pages * PAGE / bandwidth;
            let kind = if rounds == 0 { StageKind::Bulk } else { StageKind::Round };
            note(&mut timeline, kind, seconds, pages * PAGE, 1.0);
            (sent, total, rounds) = (sent + pages, total + seconds, rounds + 1);
            pages = (rate * seconds).min(most);
            if pages <= FEW_PAGES || rounds >= MOST_ROUNDS || sent > MOST_TIMES * memory {
                break;
            }
        }
        let stop = pages * PAGE / bandwidth;
        note(&mut timeline, StageKind::Stop, stop, pages * PAGE, 0.0);
        let bytes = (sent + pages) * PAGE + zero;
        Ok(Prediction { rounds, ..Prediction::simple(constants, total + stop, stop, bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::dirty::Dirty;
    use crate::migrate::task::{Channel, Memory};
    use crate::units::BytesPerSecond;

    /// 1000 pages at 1000/s, 200 dirtied a second: 1, 0.2 and then 0.04 s stopped with 40 pages.
    #[test]
    fn rounds_are_a_geometric_series() {
        let dirty = Dirty::Constant { rate: 200.0, working_set: 150.0 };
        let memory = Memory { pages: 1000.0, nonzero: 1000.0, dirty };
        let task = Task::new(memory, Channel::link(BytesPerSecond(1000.0 * PAGE)));
        let answer = |model: Clark| model.predict(&task, &Constants::ideal(), None).expect("yes");
        let prediction = answer(Clark::used());
        assert!((prediction.total_s - 1.24).abs() < 1e-12);
        assert!((prediction.downtime_s - 0.04).abs() < 1e-12);
        // Capped: 150 instead of 200 pages, then 30.
        assert!((answer(Clark::capped()).total_s - 1.18).abs() < 1e-12);
    }
}
