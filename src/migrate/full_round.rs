//! Full rounds: everything is sent, then everything dirtied meanwhile, until a round is short.
//!
//! ```text
//! V_0 = N0 (P + h) + Z0 hz;  tau_i = V_i / B;  d = D(tau_i);  stop when d (P + h) / B <= limit
//! ```
//!
//! Source: the predictor proposed for QEMU by Gudkov in 2023 (piecewise-linear `D`, 8-byte
//! headers). Differs from what QEMU does: the rest of the first pass is never left over.

use super::prediction::{Timeline, note};
use super::task::Task;
use super::{Answer, Constants, Convergence, MigrationModel, PAGE, Prediction, StageKind};

const MOST_ROUNDS: u32 = 1500;

/// Rounds until the next one fits the downtime limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FullRound;

impl MigrationModel for FullRound {
    fn name(&self) -> &str {
        "full-round"
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let (pace, _) = task.channel.paces(constants);
        let page = PAGE + constants.header_bytes;
        let zero = (task.memory.pages - task.memory.nonzero) * constants.zero_page_bytes;
        let (mut pages, mut bytes, mut total, mut rounds) =
            (task.memory.nonzero, 0.0, zero / pace.rate, 0);
        let convergence = loop {
            let seconds = pages * page / pace.rate;
            let kind = if rounds == 0 { StageKind::Bulk } else { StageKind::Round };
            note(&mut timeline, kind, seconds, pages * page, 1.0);
            (bytes, total, rounds) = (bytes + pages * page, total + seconds, rounds + 1);
            let idle = constants.background_pages + constants.background_rate * seconds;
            let dirtied = (task.memory.dirty.pages(seconds) + idle).min(task.memory.nonzero);
            let fits = dirtied * page / pace.rate <= task.downtime_limit_s;
            let repeats = rounds > 1 && (dirtied - pages).abs() <= 1e-12 * pages;
            pages = dirtied;
            if fits {
                break Convergence::Converged;
            } else if repeats {
                break Convergence::Never { fixed_point_pages: dirtied };
            } else if rounds >= MOST_ROUNDS || total > task.give_up_s {
                break Convergence::GivenUp { remaining_pages: dirtied };
            }
        };
        let stop = pages * page / pace.rate;
        note(&mut timeline, StageKind::Stop, stop, pages * page, 0.0);
        let bytes = bytes + pages * page + zero;
        let simple = Prediction::simple(constants, total + stop, stop, bytes);
        Ok(Prediction { rounds, convergence, ..simple })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::dirty::Dirty;
    use crate::migrate::task::{Channel, Memory};
    use crate::units::BytesPerSecond;

    /// 1000 pages at 1000/s and 400 dirtied a second: after 1 s 400 pages are too many for 0.3 s,
    /// after 0.4 s more 160 are not: 1.56 s.
    #[test]
    fn the_first_round_that_fits_the_limit_is_the_last() {
        let dirty = Dirty::Constant { rate: 400.0, working_set: 1e6 };
        let memory = Memory { pages: 1000.0, nonzero: 1000.0, dirty };
        let task = Task::new(memory, Channel::link(BytesPerSecond(1000.0 * PAGE)));
        let prediction = FullRound.predict(&task, &Constants::ideal(), None).expect("yes");
        assert!((prediction.total_s - 1.56).abs() < 1e-12);
        assert!((prediction.downtime_s - 0.16).abs() < 1e-12);
        assert_eq!(prediction.rounds, 2);
    }
}
