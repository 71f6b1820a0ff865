//! To what are hosts limited by a power cap that is enforced?
//!
//! ```text
//! above idle:  A = W - idle power of all       D_h = R_h + E_h
//! sum D <= A   nobody is limited (but for 1e-9 W)
//! else         host h may draw above idle: first R_h, all by the same part min(1, A / sum R),
//!              then E_h, all by the same part of what is left
//! ```
//!
//! `W`: the cap; `R_h`: what VMs that boot or have a reservation make the host draw above its idle
//! power; `E_h`: what all others add to that. What a host may draw is turned into MIPS on its power
//! table.

use super::Evidence;
use crate::time::Instant;

/// How far a sum of power may be above the cap by rounding, a part of it.
const ROUNDING: f64 = 1e-9;

/// What a host draws where it is not limited, W.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Draw {
    pub idle: f64,
    /// `R_h`.
    pub reserved: f64,
    /// `E_h`.
    pub others: f64,
}

/// What limits come to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Capped {
    /// Whether even idle hosts draw more than the cap.
    pub above: bool,
    /// MIPS that hosts do not do for it, where any is limited.
    pub withheld: Option<f64>,
}

/// The most that each host may use, MIPS, where it is limited; and whether even idle hosts draw too
/// much.
pub(super) fn limits(
    evidence: &Evidence,
    draws: &[Draw],
    seconds: f64,
) -> (Vec<Option<f64>>, bool) {
    let nobody = vec![None; draws.len()];
    let Some(cap) = &evidence.rules.host.cap_w else { return (nobody, false) };
    let cap = cap.at(Instant::from_seconds(seconds));
    let total = |of: fn(&Draw) -> f64| draws.iter().map(of).sum::<f64>();
    let (idle, reserved, others) =
        (total(|draw| draw.idle), total(|draw| draw.reserved), total(|draw| draw.others));
    let (room, slack) = (cap - idle, cap * ROUNDING);
    let above = -room > slack;
    if reserved + others <= room + slack {
        return (nobody, above);
    }
    let keeps_reserved = room >= reserved * (1.0 - ROUNDING);
    let part_reserved = if keeps_reserved { 1.0 } else { room.max(0.0) / reserved };
    let part_others = if keeps_reserved { (room - reserved).max(0.0) / others } else { 0.0 };
    let limit = |(host, draw): (usize, &Draw)| {
        let is_cut = draw.others > 0.0 || (!keeps_reserved && draw.reserved > 0.0);
        is_cut.then(|| {
            let may = draw.idle + draw.reserved * part_reserved + draw.others * part_others;
            mips_for(evidence, host, may)
        })
    };
    (draws.iter().enumerate().map(limit).collect(), above)
}

/// The MIPS for which `host` draws `watts`.
fn mips_for(evidence: &Evidence, host: usize, watts: f64) -> f64 {
    let machine = usize::from(evidence.fleet.machine.as_slice()[host]);
    let table = &evidence.fleet.machines[machine].power;
    let steps = table.len() - 1;
    // The last point that it reaches, and how far it comes to the next.
    let reached = (0..=steps).rev().find(|&point| table[point].0 <= watts);
    let Some(point) = reached else { return 0.0 };
    let beyond = table
        .get(point + 1)
        .map_or(0.0, |next| (watts - table[point].0) / (next.0 - table[point].0));
    let capacity = evidence.fleet.capacity.as_slice()[host].0;
    capacity * (point as f64 + beyond) / steps as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::costs::Rate;
    use crate::model::{Fleet, Machine};
    use crate::units::Bytes;

    /// Two G4, 172 W idle; reservations draw 1 and 9 W more, others 9 and 1 W: 192 W.
    #[test]
    fn reservations_lose_last_and_all_lose_the_same_part() {
        let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(4)).unwrap();
        let fleet = Fleet::of_hosts(vec![g4], [0, 0]);
        let mut evidence = Evidence { fleet, ..Evidence::default() };
        let draw = |reserved, others| Draw { idle: 86.0, reserved, others };
        let draws = [draw(1.0, 9.0), draw(9.0, 1.0)];
        let mut at = |cap: f64| {
            evidence.rules.host.cap_w = Some(Rate::Constant(cap));
            limits(&evidence, &draws, 0.0)
        };
        assert_eq!(at(192.0), (vec![None, None], false));
        assert_eq!(at(171.0), (vec![Some(0.0), Some(0.0)], true));
        // 7 W above idle for 10 of reservations: 0.7 and 6.3 W, so 86.7 and 92.3 W; the table has
        // 89.4 at 10 % and 92.6 at 20 %.
        let (found, above) = at(179.0);
        let mips = [0.7 / 3.4 * 372.0, 372.0 + 2.9 / 3.2 * 372.0];
        for (found, expected) in found.iter().zip(mips) {
            assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?} {expected}");
        }
        assert!(!above);
        // 15 W: all of the reservations' and half of 10: 5.5 and 9.5 W.
        let (found, _) = at(187.0);
        let mips = [372.0 + 2.1 / 3.2 * 372.0, 2.0 * 372.0 + 2.9 / 3.4 * 372.0];
        for (found, expected) in found.iter().zip(mips) {
            assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?} {expected}");
        }
    }
}
