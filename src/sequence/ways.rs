//! Which ways to break circles send least, take least energy, stop VMs least?
//!
//! A search over all combinations of ways, the cheapest first: where moves wait for ever, there is
//! one branch for each way that may let one of them pass. As every way adds to what the goal
//! counts, the first plan that is found is the best one; of those that are equal by the goal the
//! shortest is taken. As few VMs as possible are left where they are. The search ends after a fixed
//! number of steps, so that the same instance gives the same answer; it is complete for some five
//! detours among a dozen moves.
//!
//! Source: Hart, Nilsson and Raphael, IEEE Trans. Syst. Sci. Cybern. 4, 1968 (best-first search).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::cycles::{Room, WayOut, ways_out};
use super::improve::attempt;
use super::{Instance, Move, MoveKind, Options, Plan};
use crate::id::HostId;

/// Steps of the search, and the same times the number of moves: large instances get fewer.
const STEPS: usize = 1000;
const STEPS_TIMES_MOVES: usize = 10_000;
/// Branches of one step at most, the cheapest.
const BRANCHES: usize = 256;
/// Orders that are tried to find out which moves wait.
const PROBES: usize = 60;

/// A way that may be taken next.
#[derive(Debug)]
struct Branch {
    from: Rc<Stand>,
    way: Option<WayOut>,
    /// VMs left out, and what the moves come to.
    value: (usize, f64),
}

/// What has been changed so far.
#[derive(Debug)]
struct Stand {
    instance: Instance,
    rejected: Vec<Move>,
}

impl Branch {
    fn stand(self) -> Rc<Stand> {
        let Some(way) = self.way else { return self.from };
        let (instance, left) = way.taken(&self.from.instance);
        let rejected = self.from.rejected.iter().cloned().chain(left).collect();
        Rc::new(Stand { instance, rejected })
    }
}

impl Stand {
    /// The moves that there are, in whichever order they came to be.
    fn moves(&self) -> BTreeSet<(&str, HostId, HostId, bool)> {
        let moves = self.instance.moves.iter();
        moves.map(|one| (&*one.name, one.from, one.to, one.kind == MoveKind::Live)).collect()
    }
}

/// The plan of least amount by the goal of `options`, where the search finds one; seconds of moves
/// count where that goal depends on the time.
pub(super) fn least(instance: &Instance, options: &Options) -> Option<Plan> {
    let count = |one: &Move| options.goal.amount(one).unwrap_or(one.seconds);
    let probe = Options { trials: options.trials.min(PROBES), ..*options };
    let moves = instance.moves.len();
    let value = (0, instance.moves.iter().map(count).sum());
    let from = Rc::new(Stand { instance: instance.clone(), rejected: Vec::new() });
    let mut open = vec![Branch { from, way: None, value }];
    let (mut seen, mut best) = (BTreeSet::new(), None::<((usize, f64), Plan)>);
    for _ in 0..STEPS.min(STEPS_TIMES_MOVES / moves.max(1)).max(1) {
        let Some(branch) = cheapest(&mut open) else { break };
        let (left, amount) = branch.value;
        if best.as_ref().is_some_and(|((l, a), _)| left > *l || amount > a * (1.0 + 1e-12)) {
            break;
        }
        let stand = branch.stand();
        if !seen.insert(format!("{:?}", stand.moves())) {
            continue;
        }
        let Stand { instance, rejected } = &*stand;
        match attempt(instance, &probe, rejected) {
            Ok(first) => {
                let plan = attempt(instance, options, rejected).unwrap_or(first);
                let key = |plan: &Plan| (plan.late, plan.makespan_s);
                if best.as_ref().is_none_or(|(_, known)| key(&plan) < key(known)) {
                    best = Some(((left, amount), plan));
                }
            }
            Err(waiting) if instance.moves.len() < 2 * moves => {
                let mut ways = ways_out(instance, &waiting, options, Room::Passing);
                ways.sort_by(|a, b| a.cost.total_cmp(&b.cost));
                open.extend(ways.into_iter().take(BRANCHES).map(|way| {
                    let value = if way.leaves_out() {
                        (left + 1, amount - count(&instance.moves[way.at]))
                    } else {
                        (left, amount + way.cost)
                    };
                    Branch { from: Rc::clone(&stand), way: Some(way), value }
                }));
            }
            Err(_) => {}
        }
    }
    best.map(|(_, plan)| plan)
}

/// Takes out the branch of least value, of equal ones the first.
fn cheapest(open: &mut Vec<Branch>) -> Option<Branch> {
    let least = open.iter().enumerate().min_by(|(_, a), (_, b)| {
        let ((l, a), (m, b)) = (a.value, b.value);
        l.cmp(&m).then(a.total_cmp(&b))
    });
    let at = least?.0;
    Some(open.remove(at))
}
