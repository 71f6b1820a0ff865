//! Liu: of the pages dirtied in a round, those of the writable working set wait for the stop.
//!
//! ```text
//! T_i = V_i / R;   gamma = a T_i + b D + c;   W_(i+1) = gamma T_i D;   V_(i+1) = T_i D - W_(i+1)
//! when V_(i+1) <= V_thd or V_(i+1) > V_i: V_(i+1) = T_i D is sent while the VM is stopped
//! ```
//!
//! `R`: bandwidth, `D`: dirtying rate (both in MB/s inside `gamma`), `V_thd`: 50 pages. The
//! published `a`, `b`, `c` come from a regression on the authors' machines. Source: Liu, Xu, Jin,
//! Gong and Liao, HPDC 2011, sect. 4 (constants quoted from memory of it).

use super::prediction::{Timeline, note};
use super::task::Task;
use super::{Answer, Constants, MigrationModel, PAGE, Prediction, StageKind};

const THRESHOLD_PAGES: f64 = 50.0;
const MOST_ROUNDS: u32 = 29;

/// The model of HPDC 2011.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Liu {
    /// `a`, per second.
    pub a: f64,
    /// `b`, per MB/s.
    pub b: f64,
    /// `c`.
    pub c: f64,
}

impl Default for Liu {
    fn default() -> Self {
        Self { a: -0.0463, b: -0.0001, c: 0.3586 }
    }
}

impl MigrationModel for Liu {
    fn name(&self) -> &str {
        "liu"
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let bandwidth = task.channel.nominal();
        let rate = task.memory.dirty.rate();
        let zero = (task.memory.pages - task.memory.nonzero) * constants.zero_page_bytes;
        let (mut pages, mut sent, mut total, mut rounds) =
            (task.memory.nonzero, 0.0, zero / bandwidth, 0);
        let stopped = loop {
            let seconds = pages * PAGE / bandwidth;
            let kind = if rounds == 0 { StageKind::Bulk } else { StageKind::Round };
            note(&mut timeline, kind, seconds, pages * PAGE, 1.0);
            (sent, total, rounds) = (sent + pages, total + seconds, rounds + 1);
            let dirtied = rate * seconds;
            let skipped = (self.a * seconds + self.b * rate * PAGE / 1e6 + self.c).clamp(0.0, 1.0);
            let next = dirtied * (1.0 - skipped);
            if next <= THRESHOLD_PAGES || next > pages || rounds >= MOST_ROUNDS {
                break dirtied;
            }
            pages = next;
        };
        let stop = stopped * PAGE / bandwidth;
        note(&mut timeline, StageKind::Stop, stop, stopped * PAGE, 0.0);
        let bytes = (sent + stopped) * PAGE + zero;
        Ok(Prediction { rounds, ..Prediction::simple(constants, total + stop, stop, bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::dirty::Dirty;
    use crate::migrate::task::{Channel, Memory};
    use crate::units::BytesPerSecond;

    /// 1000 pages at 1000/s, 200 dirtied a second, gamma 0.5: 1 s, then 100 pages in 0.1 s, which
    /// dirty 20, 10 of them to be sent: at most 50, so 20 are sent stopped.
    #[test]
    fn the_working_set_waits_for_the_stop() {
        let dirty = Dirty::Constant { rate: 200.0, working_set: 150.0 };
        let memory = Memory { pages: 1000.0, nonzero: 1000.0, dirty };
        let task = Task::new(memory, Channel::link(BytesPerSecond(1000.0 * PAGE)));
        let model = Liu { a: 0.0, b: 0.0, c: 0.5 };
        let prediction = model.predict(&task, &Constants::ideal(), None).expect("yes");
        assert!((prediction.total_s - 1.12).abs() < 1e-12);
        assert!((prediction.downtime_s - 0.02).abs() < 1e-12);
    }
}
