//! What is left to plan when a plan is interrupted?
//!
//! At some time of a plan a move is aborted, or a host dies. What is over stays over. A move under
//! way that nothing has happened to goes on: it holds its links, and its VM counts on both hosts
//! until it is over. An aborted one has rolled back: its VM is at its source and has to move again.
//! A VM on a dead host is lost to the plan, and one that was to go there stays; both are told.

use super::{Instance, Move, Plan, Step};
use crate::id::{HostId, Id};
use crate::units::Bytes;

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interruption {
    /// Hosts that died.
    pub dead: Vec<HostId>,
    /// Numbers of the moves that were aborted.
    pub aborted: Vec<usize>,
}

/// What is left of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Remainder {
    /// To be planned from now on, at time 0.
    pub instance: Instance,
    /// Moves that can no longer be carried out.
    pub impossible: Vec<Move>,
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Over,
    UnderWay,
    Ahead,
    Impossible,
}

/// What is left of `plan`, which began with `hosts` and `links`, at `at_s`.
pub fn remainder(hosts: &Instance, plan: &Plan, at_s: f64, happened: &Interruption) -> Remainder {
    let mut instance = Instance { moves: Vec::new(), ..hosts.clone() };
    let progress: Vec<Progress> =
        plan.steps.iter().map(|step| progress(step, at_s, happened)).collect();
    // The new number of a move, by its old one.
    let last = plan.steps.iter().map(|step| step.number + 1).max().unwrap_or(0);
    let mut numbers: Vec<Option<usize>> = vec![None; last];
    let mut impossible = Vec::new();
    for (step, progress) in plan.steps.iter().zip(progress) {
        let (arrived, left) = match progress {
            Progress::Over => (true, true),
            Progress::UnderWay => (true, false),
            Progress::Ahead | Progress::Impossible => (false, false),
        };
        occupy(&mut instance, &step.what, arrived, left);
        match progress {
            Progress::Over => continue,
            Progress::Impossible => {
                impossible.push(step.what.clone());
                continue;
            }
            Progress::UnderWay | Progress::Ahead => {}
        }
        numbers[step.number] = Some(instance.moves.len());
        instance.moves.push(left_of(step, progress, at_s));
    }
    for one in &mut instance.moves {
        one.after = one.after.iter().filter_map(|&old| numbers[old]).collect();
    }
    Remainder { instance, impossible }
}

fn progress(step: &Step, at_s: f64, happened: &Interruption) -> Progress {
    let touches = [step.what.from, step.what.to].iter().any(|host| happened.dead.contains(host));
    if step.end_s <= at_s {
        Progress::Over
    } else if touches {
        Progress::Impossible
    } else if step.start_s < at_s && !happened.aborted.contains(&step.number) {
        Progress::UnderWay
    } else {
        Progress::Ahead
    }
}

fn occupy(instance: &mut Instance, one: &Move, arrived: bool, left: bool) {
    if arrived && one.arrives() {
        let host = &mut instance.hosts[one.to.index()];
        host.used_memory += one.memory;
        host.used_cpu += one.cpu;
    }
    if left && one.leaves() {
        let host = &mut instance.hosts[one.from.index()];
        host.used_memory = Bytes(host.used_memory.0.saturating_sub(one.memory.0));
        host.used_cpu = (host.used_cpu - one.cpu).max(0.0);
    }
}

/// The move as it is to be planned now.
fn left_of(step: &Step, progress: Progress, at_s: f64) -> Move {
    let mut one = step.what.clone();
    one.deadline_s = one.deadline_s.map(|deadline| deadline - at_s);
    if progress == Progress::UnderWay {
        (one.begun, one.seconds) = (true, step.end_s - at_s);
        one.after.clear();
    }
    one
}
