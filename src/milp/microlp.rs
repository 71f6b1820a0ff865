//! microlp, in Rust alone: the solver of builds without C++. It says no bound until it has
//! finished.

use good_lp::{
    ResolutionError, Solution, SolutionStatus, SolverModel, WithInitialSolution, WithMipGap,
    WithTimeLimit,
};

use super::programme::Programme;
use super::translate;
use super::{Limits, Reply, Status};

/// Solves from `start`.
pub(super) fn ask(programme: &Programme, start: Option<&[f64]>, limits: Limits) -> Reply {
    let (mut model, columns) = translate::model(programme, good_lp::microlp);
    if let Some(start) = start {
        model = model.with_initial_solution(columns.iter().copied().zip(start.iter().copied()));
    }
    if let Some(time) = limits.time {
        model = model.with_time_limit(time.as_secs_f64());
    }
    let nothing = |status| Reply { values: None, bound: None, status };
    let Ok(model) = model.with_mip_gap(limits.gap as f32) else { return nothing(Status::Limit) };
    let solution = match model.solve() {
        Ok(solution) => solution,
        Err(ResolutionError::Infeasible) => return nothing(Status::Infeasible),
        Err(_) => return nothing(Status::Limit),
    };
    let values: Vec<f64> = columns.iter().map(|&column| solution.value(column)).collect();
    let cost = programme.cost(&values);
    let (status, bound) = match solution.status() {
        SolutionStatus::Optimal => (Status::Proved, Some(cost)),
        SolutionStatus::GapLimit => (Status::Proved, Some(cost - limits.gap * cost.abs())),
        SolutionStatus::TimeLimit => (Status::Limit, None),
    };
    Reply { values: Some(values), bound, status }
}
