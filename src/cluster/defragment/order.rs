//! Flows as single moves, in an order in which each has room when its turn comes.
//!
//! A move takes room where it goes and gives room where it leaves. What may come last is nobody's
//! room in the end, so a wrong choice is rare: of the moves that are possible now, one that leaves
//! a place for which others wait goes first. If all that are left wait for each other, the choices
//! are drawn anew, a few times.

use rand::RngExt;

use super::counts::{Counts, Step};
use super::model::Flow;
use crate::random;

/// Orders that are tried.
const TRIES: usize = 64;

/// Single moves that carry out `flows` from `start`, and whether all of them are there.
pub(super) fn ordered(start: &Counts, flows: &[Flow], seed: u64) -> (Vec<Step>, bool) {
    let mut dice = random::stream(seed, "defragment.order");
    let total: i64 = flows.iter().map(|flow| flow.entering.max(0)).sum();
    let mut longest = Vec::new();
    for attempt in 0..TRIES {
        let mut draw = |below: usize| if attempt == 0 { 0 } else { dice.random_range(0..below) };
        let steps = attempted(start, flows, &mut draw);
        if steps.len() as i64 == total {
            return (steps, true);
        }
        if steps.len() > longest.len() {
            longest = steps;
        }
    }
    (longest, false)
}

fn attempted(start: &Counts, flows: &[Flow], draw: &mut impl FnMut(usize) -> usize) -> Vec<Step> {
    let mut counts = start.clone();
    let mut pending = flows.to_vec();
    let mut steps = Vec::new();
    loop {
        let possible: Vec<usize> = (0..pending.len())
            .filter(|&at| pending[at].entering > 0)
            .filter(|&at| counts.fits(pending[at].flavour, pending[at].place))
            .collect();
        let Some(best) = unlocking(&counts, &pending, &possible, draw) else { return steps };
        let (enter, leave) = best;
        let step = Step {
            flavour: pending[enter].flavour,
            from: pending[leave].place,
            to: pending[enter].place,
        };
        counts.apply(step);
        steps.push(step);
        pending[enter].entering -= 1;
        pending[leave].entering += 1;
    }
}

/// The flows of the next move: one that enters and one that leaves, where most wait if possible.
fn unlocking(
    counts: &Counts,
    pending: &[Flow],
    possible: &[usize],
    draw: &mut impl FnMut(usize) -> usize,
) -> Option<(usize, usize)> {
    let nodes = |flow: &Flow| flow.place..flow.place + counts.flavours[flow.flavour].width;
    let waits = |flow: &Flow| flow.entering > 0 && !counts.fits(flow.flavour, flow.place);
    let waiting: Vec<usize> = pending.iter().filter(|flow| waits(flow)).flat_map(nodes).collect();
    let mut best: Vec<(usize, usize)> = Vec::new();
    let mut most = 0;
    for &enter in possible {
        let leavers = pending.iter().enumerate();
        for (leave, flow) in leavers.filter(|(_, flow)| flow.entering < 0) {
            if flow.flavour != pending[enter].flavour {
                continue;
            }
            let helps = nodes(flow).filter(|node| waiting.contains(node)).count();
            if helps > most || best.is_empty() {
                best.clear();
                most = helps;
            }
            if helps == most {
                best.push((enter, leave));
            }
        }
    }
    (!best.is_empty()).then(|| best[draw(best.len())])
}
