//! mVM: a closed form from the size of the hot pages and the rate of the cold ones.
//!
//! ```text
//! T0 = memory / B
//! T0 <= hd:  T = T0 + T0 (hs / hd) / (B - hs / hd)
//! else:      T = T0 + hs / B + (hs / B) (hs / hd) / (B - hs / hd)
//!                   + cold (T0 - hd + hs / B) / (B - cold)
//! ```
//!
//! `hs`: hot bytes, written within `hd` seconds; `cold`: bytes per second beyond. Valid only while
//! both rates are below `B`; otherwise the migration never ends. Other dirty-page functions are
//! reduced to this shape by their value at 2 s and their slope from 2 to 10 s. Source: Kherbache,
//! Madelaine and Hermenier, UCC 2015 and IEEE Trans. Cloud Comput. 2017.

use super::dirty::Dirty;
use super::prediction::{Timeline, note};
use super::task::Task;
use super::{Answer, Constants, Convergence, MigrationModel, PAGE, Prediction, StageKind};

const HOT_S: f64 = 2.0;
const COLD_UNTIL_S: f64 = 10.0;

/// The planner's closed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mvm;

/// `(hot bytes, hot seconds, cold bytes per second)` of any dirty-page function.
fn reduced(dirty: &Dirty) -> (f64, f64, f64) {
    if let Dirty::Mvm { hot, hot_s, cold_rate } = dirty {
        return (hot * PAGE, *hot_s, cold_rate * PAGE);
    }
    let hot = dirty.pages(HOT_S);
    let cold = (dirty.pages(COLD_UNTIL_S) - hot) / (COLD_UNTIL_S - HOT_S);
    (hot * PAGE, HOT_S, cold * PAGE)
}

/// `(total seconds, seconds of the last transfer)` of `volume` bytes, or `None` where it never
/// ends.
pub fn duration(volume: f64, bandwidth: f64, dirty: &Dirty) -> Option<(f64, f64)> {
    let (hot, hot_s, cold) = reduced(dirty);
    let hot_rate = hot / hot_s;
    let first = volume / bandwidth;
    if hot_rate >= bandwidth || cold >= bandwidth {
        return None;
    }
    let shrink = hot_rate / (bandwidth - hot_rate);
    if first <= hot_s {
        return Some((first + first * shrink, 0.0));
    }
    let again = hot / bandwidth;
    let rest = cold * (first - hot_s + again) / (bandwidth - cold);
    Some((first + again + again * shrink + rest, again * shrink))
}

impl MigrationModel for Mvm {
    fn name(&self) -> &str {
        "mvm"
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let bandwidth = task.channel.nominal();
        let zero = (task.memory.pages - task.memory.nonzero) * constants.zero_page_bytes;
        let volume = task.memory.nonzero * PAGE + zero;
        let (total, last) =
            duration(volume, bandwidth, &task.memory.dirty).unwrap_or((f64::INFINITY, 0.0));
        let convergence = if total.is_finite() {
            Convergence::Converged
        } else {
            Convergence::Never { fixed_point_pages: task.memory.dirty.working_set() }
        };
        let total = total.min(task.give_up_s);
        let spent = if total.is_finite() { total } else { volume / bandwidth };
        note(&mut timeline, StageKind::Bulk, spent, spent * bandwidth, 1.0);
        let simple = Prediction::simple(constants, spent, last, spent * bandwidth);
        Ok(Prediction { convergence, ..simple })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A published duration: 2000 MB, 96 MB hot in 2 s, 2 MB/s cold, 500 Mbit/s taken as 500 / 9
    /// MB/s. T0 = 36; again 96 / 55.56 = 1.728 s; that times 48 / 7.56 = 10.97 s; cold
    /// 2 x 35.728 / 53.56 = 1.334 s: 50.04 s, published as 51 whole seconds. At 1000 Mbit/s:
    /// 18 + 0.864 + 0.657 + 0.309 = 19.83, published as 20.
    #[test]
    fn published_durations_are_met() {
        let dirty = Dirty::Mvm { hot: 96e6 / PAGE, hot_s: 2.0, cold_rate: 2e6 / PAGE };
        let whole =
            |mb: f64, mbit: f64| duration(mb * 1e6, mbit * 1e6 / 9.0, &dirty).expect("ends").0;
        assert!((whole(2000.0, 500.0) - 50.040).abs() < 1e-3, "{}", whole(2000.0, 500.0));
        assert!((whole(2000.0, 1000.0) - 19.830).abs() < 1e-3, "{}", whole(2000.0, 1000.0));
        assert!(duration(1e9, 40e6, &dirty).is_none(), "48 MB/s are dirtied");
    }
}
