//! Plans of moves that are handed out: made by one piece of code, verified by another.
//!
//! The planner and the verifier know nothing of each other; here a plan is put in the verifier's
//! own words. What it doubts is an error of the planner, and the plan is not handed out.

use crate::check::plan::{PlannedHost, PlannedStep, plan as verify};
use crate::id::Id;
use crate::problem::Problem;
use crate::sequence::{Host, Instance, MoveKind, Options, Plan, PlanError, Step, plan};

/// A plan of the moves of `instance` that holds at every instant.
///
/// # Errors
///
/// As [`plan`], and GLN-535 for a plan that does not hold.
pub fn verified_plan(instance: &Instance, options: &Options) -> Result<Plan, PlanError> {
    let made = plan(instance, options)?;
    let problems = doubts(instance, &made);
    if problems.is_empty() { Ok(made) } else { Err(PlanError { problems }) }
}

/// What does not hold in `plan`, GLN-535; nothing when it is right.
pub fn doubts(instance: &Instance, plan: &Plan) -> Vec<Problem> {
    let hosts: Vec<PlannedHost> = instance.hosts.iter().map(planned_host).collect();
    let steps: Vec<PlannedStep> = plan.steps.iter().map(planned_step).collect();
    verify(&hosts, &instance.links, &steps)
}

fn planned_host(host: &Host) -> PlannedHost {
    let (memory, used_memory) = (host.memory.0, host.used_memory.0);
    PlannedHost { memory, used_memory, cpu: host.cpu, used_cpu: host.used_cpu }
}

fn planned_step(step: &Step) -> PlannedStep {
    let one = &step.what;
    PlannedStep {
        vm: one.name.clone(),
        from: one.from.index(),
        to: one.to.index(),
        memory: one.memory.0,
        cpu: one.cpu,
        rate: one.rate,
        links: one.path.iter().map(|&link| link as usize).collect(),
        span_s: (step.start_s, step.end_s),
        takes_gives: (one.kind != MoveKind::Suspend && !one.begun, one.kind != MoveKind::Resume),
    }
}
